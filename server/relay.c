/*
 * Relay: see relay.h.
 *
 * The sender pushes its turn's items with one exchange, then posts if nobody has: is_posted says that the receiver will
 * look once more. The receiver takes the items, clears is_posted when it has none left, and looks again: so either it sees
 * what was pushed meanwhile, or the pusher saw the flag cleared. All of these are sequentially consistent.
 */
#include "relay.h"

#include <stddef.h>

/* As many as the loop dispatches jobs a turn, and for the same reason. */
#define ITEMS_A_TURN 256u

static void on_arrival(struct tt_post *post);

static void post_once(struct relay *relay) {
    if (!atomic_exchange(&relay->is_posted, true))
        tt_wake_post(loop_wake(relay->to), &relay->post);
}

void relay_flush(struct relay *relay) {
    if (relay->newest == NULL)
        return;
    struct relay_item *before = atomic_load_explicit(&relay->arrived, memory_order_relaxed);
    do
        relay->oldest->next = before;
    while (!atomic_compare_exchange_weak(&relay->arrived, &before, relay->newest));
    relay->newest = NULL;
    post_once(relay);
}

static void on_turn_end(struct loop_task *task) {
    tt_assume_loop();
    struct relay *relay = (struct relay *)((char *)task - offsetof(struct relay, task));
    relay->is_due = false;
    relay_flush(relay);
}

/** Takes what has arrived, oldest first, behind what is left from before. */
static void take(struct relay *relay) TT_ON_LOOP {
    struct relay_item *newest = atomic_exchange(&relay->arrived, NULL);
    if (newest == NULL)
        return;
    struct relay_item **end = relay->pending_end;
    relay->pending_end = &newest->next; /* it comes last */
    struct relay_item *oldest = NULL;
    while (newest != NULL) {
        struct relay_item *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    *end = oldest;
}

static void on_arrival(struct tt_post *post) {
    tt_assume_loop();
    struct relay *relay = (struct relay *)((char *)post - offsetof(struct relay, post));
    take(relay);
    for (unsigned i = 0; i < ITEMS_A_TURN && relay->pending != NULL && !relay->is_closed; i++) {
        struct relay_item *item = relay->pending;
        relay->pending = item->next;
        if (relay->pending == NULL)
            relay->pending_end = &relay->pending;
        item->fn(item);
    }
    if (relay->is_closed)
        return; /* is_posted stays: nobody posts any more */
    if (relay->pending != NULL) {
        tt_wake_post(loop_wake(relay->to), &relay->post);
        return;
    }
    atomic_store(&relay->is_posted, false);
    if (atomic_load(&relay->arrived) != NULL)
        post_once(relay);
}

void relay_init(struct relay *relay, struct loop *from, struct loop *to) {
    *relay = (struct relay){.from = from, .to = to, .task = {.fn = on_turn_end}, .post = {.fn = on_arrival}};
    relay->pending_end = &relay->pending;
}

void relay_send(struct relay *relay, struct relay_item *item, void (*fn)(struct relay_item *item)) {
    item->fn = fn;
    item->next = relay->newest;
    if (relay->newest == NULL)
        relay->oldest = item;
    relay->newest = item;
    if (!relay->is_due)
        loop_at_turn_end(relay->from, &relay->task);
    relay->is_due = true;
}

void relay_close(struct relay *relay) {
    relay->is_closed = true;
}

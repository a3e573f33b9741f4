/**
 * Relay: a way from one loop to another, for things that only the other one may touch.
 *
 * What is sent during a turn goes over together at the turn's end, with one wake at most; it arrives in the order in which
 * it was sent. Who receives looks at so many of them a turn, so that a flood from one loop doesn't keep another from its
 * own clients. Nothing is allocated: an item is embedded in what is sent.
 *
 * Normal use:
 * 1. relay_init(&relay, from, to), before either loop turns;
 * 2. relay_send(&relay, &object->item, fn) on the loop `from`;
 * 3. fn(&object->item) runs on the loop `to`; the item may be sent again from there, on another relay;
 * 4. relay_close(&relay) on `to` when nothing that arrives may be looked at any more; the loop `to` itself goes only when
 *    `from` sends no more: what has arrived may still be waking it.
 */
#ifndef SERVER_RELAY_H
#define SERVER_RELAY_H

#include "loop.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

/** Embedded in what is sent; the relay's from relay_send until fn is called. */
struct relay_item {
    struct relay_item *next;
    void (*fn)(struct relay_item *item); /* Thread: the loop that receives. */
};

struct relay {
    /* the sender's */
    struct loop *from;
    struct loop_task task;
    bool is_due;               /* the loop holds task */
    struct relay_item *newest; /* of this turn, each before the one that it follows */
    struct relay_item *oldest;

    /* between the two, on a cache line of their own */
    _Alignas(64) _Atomic(struct relay_item *) arrived; /* newest first; taken whole */
    _Atomic bool is_posted;                            /* post is on its way, or its function runs */
    struct tt_post post;

    /* the receiver's */
    _Alignas(64) struct loop *to;
    struct relay_item *pending; /* taken, oldest first */
    struct relay_item **pending_end;
    bool is_closed;
};

/** Thread: start-up. Owns: keeps both loops until neither turns any more. */
void relay_init(struct relay *relay, struct loop *from, struct loop *to);

/** Has fn called with the item on the other loop. Thread: the loop that sends. Owns: takes *item until then. */
void relay_send(struct relay *relay, struct relay_item *item, void (*fn)(struct relay_item *item)) TT_ON_LOOP;

/** Hands over at once what was sent: for a loop that turns no more. Thread: the loop that sends. */
void relay_flush(struct relay *relay) TT_ON_LOOP;

/** From here on no function is called. Thread: the loop that receives. */
void relay_close(struct relay *relay) TT_ON_LOOP;

#endif

/* Wait and each: see wait.h. An item's watch is stopped as soon as its job has ended, so the item outlives the job. */
#include "internal.h"

#include "group.h"
#include <assert.h>
#include <tothread/context.h>
#include <tothread/wait.h>

#define ITEM_OF(watch_)        ((struct tt_wait_item *)((char *)(watch_)-offsetof(struct tt_wait_item, watch)))
#define WAIT_OF(timer_)        ((struct tt_wait *)((char *)(timer_)-offsetof(struct tt_wait, timer)))
#define EACH_OF(timer_, name_) ((struct tt_each *)((char *)(timer_)-offsetof(struct tt_each, name_)))

/** Whether the set can be watched: an ended item, one that this set watches already, or a job inside a pool. */
static bool is_startable(const void *set, const struct tt_wait_item *items, size_t count) TT_ON_LOOP {
    for (const struct tt_wait_item *item = items; item < items + count; item++) {
        bool is_watched = item->watch.link != NULL;
        if (is_watched && item->set != set)
            return false;
        if (item->job != NULL && item->outcome == TT_NONE && !is_watched && !tti_group_is_inside(item->job))
            return false;
    }
    return true;
}

static void attach(struct tt_wait_item *item, void *set, tt_watch_fn on_done) TT_ON_LOOP {
    item->set = set;
    if (item->job == NULL) {
        tt_watch_stop(&item->watch); /* taken out of the set while it was pending */
        return;
    }
    if (item->outcome != TT_NONE || item->watch.link != NULL)
        return;
    item->watch = (struct tt_watch){.on_done = on_done};
    enum tt_status status = tt_watch_start(&item->watch, item->job);
    assert(status == TT_OK); /* is_startable has looked */
    item->outcome = item->watch.outcome;
    if (item->outcome != TT_NONE)
        tt_watch_stop(&item->watch); /* a zombie */
}

static void detach(struct tt_wait_item *items, size_t count) TT_ON_LOOP {
    for (struct tt_wait_item *item = items; item < items + count; item++)
        tt_watch_stop(&item->watch);
}

/* -- wait -- */

static void wait_count_ended(struct tt_wait *wait, enum tt_outcome outcome) {
    if (outcome == TT_NONE)
        return;
    wait->ended_count++;
    if (tti_group_is_failure(outcome))
        wait->failed_count++;
}

static void wait_count(struct tt_wait *wait) {
    wait->set_count = 0;
    wait->ended_count = 0;
    wait->failed_count = 0;
    for (const struct tt_wait_item *item = wait->items; item < wait->items + wait->count; item++) {
        if (item->job == NULL)
            continue;
        wait->set_count++;
        wait_count_ended(wait, item->outcome);
    }
}

static bool wait_is_decided(const struct tt_wait *wait) {
    if (wait->ended_count == wait->set_count)
        return true;
    if (wait->when == TT_WAIT_FIRST_DONE)
        return wait->ended_count != 0;
    return wait->when == TT_WAIT_FIRST_FAILED && wait->failed_count != 0;
}

/** Thread: loop, from a dispatch. Nothing may touch the wait afterwards. */
static void wait_finish(struct tt_wait *wait) TT_ON_LOOP {
    struct tt_context *context = wait->context;
    tt_timer_stop(wait->wake, &wait->timer);
    wait->context = NULL;
    wait->is_over = true;
    struct tt_context *before = tt_context_enter(context);
    if (wait->done != NULL)
        wait->done(wait);
    (void)tt_context_enter(before);
    tt_context_release(context);
}

static void on_wait_decided(struct tt_timer *timer) {
    tt_assume_loop();
    wait_finish(WAIT_OF(timer));
}

static void on_wait_timeout(struct tt_timer *timer) {
    tt_assume_loop();
    WAIT_OF(timer)->is_timed_out = true;
    wait_finish(WAIT_OF(timer));
}

static bool wait_has(const struct tt_wait *wait, const struct tt_wait_item *item) {
    return (uintptr_t)item >= (uintptr_t)wait->items && (uintptr_t)item < (uintptr_t)(wait->items + wait->count);
}

static void on_wait_item(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_wait_item *item = ITEM_OF(watch);
    struct tt_wait *wait = item->set;
    item->outcome = watch->outcome;
    tt_watch_stop(watch);
    if (wait->is_over || !wait_has(wait, item))
        return; /* between two waits, or left over from one: the item remembers */
    wait_count_ended(wait, item->outcome);
    if (wait_is_decided(wait))
        wait_finish(wait);
}

enum tt_status tt_wait_start(struct tt_wait *wait, struct tt_wake *wake, struct tt_wait_item *items, size_t count) {
    if (!tti_is_on_loop(wake, __func__) || (wait->wake != NULL && !wait->is_over) || !is_startable(wait, items, count))
        return TT_INVALID;
    bool is_empty = true;
    for (size_t i = 0; i < count; i++)
        is_empty &= items[i].job == NULL;
    if (is_empty)
        return TT_INVALID;
    wait->items = items;
    wait->count = count;
    wait->wake = wake;
    wait->is_over = false;
    wait->is_timed_out = false;
    wait->context = tt_context_hold(tt_context_current());
    wait->timer = (struct tt_timer){0};
    for (struct tt_wait_item *item = items; item < items + count; item++)
        attach(item, wait, on_wait_item);
    wait_count(wait);
    if (wait_is_decided(wait))
        tti_wake_soon(wake, &wait->timer, on_wait_decided);
    else if (wait->timeout_us != 0)
        tt_timer_start(wake, &wait->timer, wait->timeout_us, on_wait_timeout);
    return TT_OK;
}

void tt_wait_stop(struct tt_wait *wait) {
    if (wait->wake == NULL || !tti_is_on_loop(wait->wake, __func__))
        return;
    detach(wait->items, wait->count);
    tt_timer_stop(wait->wake, &wait->timer);
    tt_context_release(wait->context);
    wait->context = NULL;
    wait->wake = NULL;
}

/* -- each -- */

/** Thread: loop, from a dispatch. Nothing may touch the each afterwards. */
static void each_finish(struct tt_each *each) TT_ON_LOOP {
    struct tt_context *context = tt_context_hold(each->context);
    tt_each_stop(each);
    struct tt_context *before = tt_context_enter(context);
    if (each->on_end != NULL)
        each->on_end(each);
    (void)tt_context_enter(before);
    tt_context_release(context);
}

/** Returns: whether the each is still there. */
static bool each_tell(struct tt_each *each, struct tt_wait_item *item) TT_ON_LOOP {
    bool is_gone = false;
    struct tt_context *context = tt_context_hold(each->context);
    struct tt_context *before = tt_context_enter(context);
    each->told_count++;
    each->is_gone = &is_gone;
    if (each->on_item != NULL)
        each->on_item(each, item);
    if (!is_gone)
        each->is_gone = NULL;
    (void)tt_context_enter(before);
    tt_context_release(context);
    return !is_gone;
}

/** Tells of those that had ended before the start. Returns: whether the each is still there. */
static bool each_tell_early(struct tt_each *each) TT_ON_LOOP {
    for (struct tt_wait_item *item = each->items; each->early_count != 0; item++) {
        if (item->job == NULL || item->outcome == TT_NONE)
            continue;
        each->early_count--;
        if (!each_tell(each, item))
            return false;
    }
    return true;
}

static void on_each_item(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_wait_item *item = ITEM_OF(watch);
    struct tt_each *each = item->set;
    enum tt_outcome outcome = watch->outcome;
    tt_watch_stop(watch);
    if (!each_tell_early(each))
        return;
    item->outcome = outcome;
    if (each_tell(each, item) && each->told_count == each->set_count)
        each_finish(each);
}

static void on_each_timeout(struct tt_timer *timer) {
    tt_assume_loop();
    struct tt_each *each = EACH_OF(timer, timer);
    if (!each_tell_early(each))
        return;
    each->is_timed_out = each->told_count < each->set_count;
    each_finish(each);
}

static void on_each_early(struct tt_timer *timer) {
    tt_assume_loop();
    struct tt_each *each = EACH_OF(timer, early);
    if (!each_tell_early(each))
        return;
    if (each->told_count == each->set_count)
        each_finish(each);
}

enum tt_status tt_each_start(struct tt_each *each, struct tt_wake *wake, struct tt_wait_item *items, size_t count) {
    if (!tti_is_on_loop(wake, __func__) || each->wake != NULL || !is_startable(each, items, count))
        return TT_INVALID;
    each->items = items;
    each->count = count;
    each->wake = wake;
    each->is_timed_out = false;
    each->told_count = 0;
    each->set_count = 0;
    each->context = tt_context_hold(tt_context_current());
    each->timer = (struct tt_timer){0};
    each->is_gone = NULL;
    each->early = (struct tt_timer){0};
    each->early_count = 0;
    for (struct tt_wait_item *item = items; item < items + count; item++) {
        attach(item, each, on_each_item);
        if (item->job == NULL)
            continue;
        each->set_count++;
        each->early_count += item->outcome != TT_NONE;
    }
    if (each->early_count != 0 || each->set_count == 0)
        tti_wake_soon(wake, &each->early, on_each_early);
    if (each->timeout_us != 0)
        tt_timer_start(wake, &each->timer, each->timeout_us, on_each_timeout);
    return TT_OK;
}

void tt_each_stop(struct tt_each *each) {
    if (each->wake == NULL || !tti_is_on_loop(each->wake, __func__))
        return;
    detach(each->items, each->count);
    tt_timer_stop(each->wake, &each->timer);
    tt_timer_stop(each->wake, &each->early);
    tt_context_release(each->context);
    each->context = NULL;
    each->wake = NULL;
    if (each->is_gone != NULL)
        *each->is_gone = true;
}

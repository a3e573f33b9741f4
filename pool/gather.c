/* Gather: see gather.h. All decisions that the start makes, and all in which the gather itself would end inside a caller's
   function, are told from the next dispatch. done is the last thing that touches a gather in a call: it may detach it. */
#include "internal.h"

#include "group.h"
#include <string.h>
#include <tothread/context.h>
#include <tothread/gather.h>

enum state {
    IDLE = 0,
    OPEN,
    STOPPING, /* gather->outcome says why */
    DONE      /* done was called */
};

#define GATHER_OF(timer_) ((struct tt_gather *)((char *)(timer_)-offsetof(struct tt_gather, timer)))
#define ITEM_OF(watch_)   ((struct tt_gather_item *)((char *)(watch_)-offsetof(struct tt_gather_item, watch)))

static void release(struct tt_gather *gather) TT_ON_LOOP {
    struct tt_context *context = gather->context;
    struct tt_context *before = tt_context_enter(context);
    gather->context = NULL;
    gather->state = IDLE;
    if (gather->release != NULL)
        gather->release(gather); /* may free it, or start it again */
    (void)tt_context_enter(before);
    tt_context_release(context);
}

static void on_release_due(struct tt_timer *timer) {
    tt_assume_loop();
    release(GATHER_OF(timer));
}

static bool is_decided(const struct tt_gather *gather) {
    if (gather->left_count == 0)
        return true;
    return gather->state == OPEN && (gather->flags & TT_GATHER_ALL) == 0 && gather->failed_count != 0;
}

/** Thread: loop, from a dispatch. Nothing may touch the gather afterwards. */
static void finish(struct tt_gather *gather) TT_ON_LOOP {
    tt_timer_stop(gather->wake, &gather->timer);
    if (gather->state == OPEN)
        gather->outcome = gather->failed_count == 0 ? TT_DONE : TT_FAILED;
    gather->state = DONE;
    if (gather->held_count == 0)
        tti_wake_soon(gather->wake, &gather->timer, on_release_due); /* no child's release will bring it */
    struct tt_context *context = tt_context_hold(gather->context);
    struct tt_context *before = tt_context_enter(context);
    if (gather->done != NULL)
        gather->done(gather);
    (void)tt_context_enter(before);
    tt_context_release(context);
}

static void on_decided(struct tt_timer *timer) {
    tt_assume_loop();
    finish(GATHER_OF(timer));
}

static void note_failed(struct tt_gather_item *item) {
    struct tt_gather *gather = item->gather;
    if (gather->failed_count++ == 0)
        gather->first_failed = (size_t)(item - gather->items);
}

static void note_ended(struct tt_gather_item *item) {
    item->outcome = item->watch.outcome;
    item->gather->left_count--;
    if (item->outcome != TT_DONE)
        note_failed(item);
}

static void on_child_done(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_gather_item *item = ITEM_OF(watch);
    struct tt_gather *gather = item->gather;
    note_ended(item);
    if (gather->state != DONE && is_decided(gather))
        finish(gather);
}

static void on_child_release(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_gather *gather = ITEM_OF(watch)->gather;
    if (--gather->held_count == 0 && gather->state == DONE)
        release(gather);
}

/** Those that wait first: one that runs makes way for them when it is asked to end. Returns: whether there were any. */
static bool take_back_children(struct tt_gather *gather) TT_ON_LOOP {
    bool is_any = false;
    for (struct tt_gather_item *item = gather->items; item < gather->items + gather->count; item++)
        if (item->watch.job != NULL && item->outcome == TT_NONE && (item->flags & TT_ITEM_SHIELD) == 0)
            is_any |= tt_job_cancel(item->job) == TT_OK;
    return is_any;
}

/** Returns: whether somebody will end earlier for it. */
static bool stop_children(struct tt_gather *gather, enum tt_stop stop) TT_ON_LOOP {
    bool is_any = take_back_children(gather);
    for (struct tt_gather_item *item = gather->items; item < gather->items + gather->count; item++) {
        if (item->watch.job == NULL || item->outcome != TT_NONE)
            continue;
        if ((item->flags & TT_ITEM_SHIELD) == 0) {
            is_any |= tti_group_stop(item->job, stop);
            continue;
        }
        tt_watch_stop(&item->watch);
        item->was_cut = true;
        gather->left_count--;
        gather->held_count--;
        is_any = true;
    }
    return is_any;
}

static bool stop_all(struct tt_gather *gather, enum tt_stop stop, enum tt_outcome outcome) TT_ON_LOOP {
    bool is_first = gather->state == OPEN;
    if (!stop_children(gather, stop))
        return !is_first;
    gather->state = STOPPING;
    if (!is_first)
        return true;
    gather->outcome = outcome;
    tt_timer_stop(gather->wake, &gather->timer);
    for (struct tt_gather_item *item = gather->items; item < gather->items + gather->count; item++)
        item->was_cut |= item->watch.job != NULL && item->outcome == TT_NONE;
    if (gather->left_count == 0) /* shielded ones were all that was left */
        tti_wake_soon(gather->wake, &gather->timer, on_decided);
    return true;
}

/** False from stop_all: all have ended, and are only on their way. asyncio.wait_for passes their results on as well. */
static void on_timeout(struct tt_timer *timer) {
    tt_assume_loop();
    struct tt_gather *gather = GATHER_OF(timer);
    (void)stop_all(gather, gather->stop, TT_EXPIRED_RUN);
}

static void start_item(struct tt_gather *gather, struct tt_pool *pool, struct tt_gather_item *item) TT_ON_LOOP {
    item->gather = gather;
    item->status = TT_OK;
    item->outcome = TT_NONE;
    item->was_cut = false;
    item->watch = (struct tt_watch){.on_done = on_child_done, .on_release = on_child_release};
    if (!tti_group_is_inside(item->job))
        item->status = tt_pool_submit(pool, item->job);
    if (item->status == TT_OK)
        item->status = tt_watch_start(&item->watch, item->job);
    if (item->status != TT_OK) {
        note_failed(item);
        return;
    }
    gather->left_count++;
    gather->held_count++;
    if (item->watch.outcome != TT_NONE)
        note_ended(item); /* a zombie */
}

enum tt_status tt_gather_start(struct tt_gather *gather, struct tt_pool *pool, struct tt_gather_item *items,
                               size_t count) {
    if (!tti_is_on_loop(pool->wake, __func__) || gather->state != IDLE)
        return TT_INVALID;
    for (size_t i = 0; i < count; i++)
        if (items[i].job == NULL)
            return TT_INVALID;
    gather->outcome = TT_NONE;
    gather->first_failed = count;
    gather->failed_count = 0;
    gather->items = items;
    gather->count = count;
    gather->left_count = 0;
    gather->held_count = 0;
    gather->wake = pool->wake;
    gather->context = tt_context_hold(tt_context_current());
    gather->timer = (struct tt_timer){0};
    gather->state = OPEN;
    for (size_t i = 0; i < count; i++)
        start_item(gather, pool, &items[i]);
    if (is_decided(gather))
        tti_wake_soon(gather->wake, &gather->timer, on_decided);
    else if (gather->timeout_us != 0)
        tt_timer_start(gather->wake, &gather->timer, gather->timeout_us, on_timeout);
    return TT_OK;
}

enum tt_status tt_gather_cancel(struct tt_gather *gather, enum tt_stop stop) {
    if (gather->state == IDLE || !tti_is_on_loop(gather->wake, __func__))
        return TT_INVALID;
    if (gather->state == DONE || is_decided(gather))
        return TT_TOO_LATE;
    return stop_all(gather, stop, TT_CANCELLED) ? TT_OK : TT_TOO_LATE;
}

void tt_gather_detach(struct tt_gather *gather) {
    if (gather->state == IDLE || !tti_is_on_loop(gather->wake, __func__))
        return;
    for (size_t i = 0; i < gather->count; i++)
        tt_watch_stop(&gather->items[i].watch);
    tt_timer_stop(gather->wake, &gather->timer);
    tt_context_release(gather->context);
    gather->context = NULL;
    gather->state = IDLE;
}

/* Map: see map.h. A slot is watched from its submit to its release, and then takes the next chunk. The worker writes its
   counts into the slot; the loop reads them once the chunk has ended, unless it was given up. */
#include "internal.h"

#include "group.h"
#include <assert.h>
#include <tothread/context.h>
#include <tothread/map.h>

/* How soon a full queue is tried again while no chunk of ours is inside to wait for. */
#define RETRY_LEAST_US 1000u
#define RETRY_MOST_US  100000u

enum state { IDLE = 0, OPEN, DONE };

#define MAP_OF(timer_)        ((struct tt_map *)((char *)(timer_)-offsetof(struct tt_map, timer)))
#define SLOT_OF_WATCH(watch_) ((struct tt_map_slot *)((char *)(watch_)-offsetof(struct tt_map_slot, watch)))
#define SLOT_OF_JOB(job_)     ((struct tt_map_slot *)((char *)(job_)-offsetof(struct tt_map_slot, job)))

static void stop(struct tt_map *map) {
    /* Relaxed: nothing is handed over by it, it is only to be seen soon. */
    atomic_store_explicit(&map->is_stopping, 1, memory_order_relaxed);
}

int tt_map_is_stopping(const struct tt_map *map) {
    return atomic_load_explicit(&map->is_stopping, memory_order_relaxed) != 0;
}

/* -- on the worker -- */

static enum tt_outcome run_item(struct tt_map *map, size_t index) {
    void *item = map->base != NULL ? (char *)map->base + index * map->stride : NULL;
    enum tt_outcome outcome = map->fn(item, index, map->user);
    if (outcome != TT_DONE && outcome != TT_CRASHED)
        outcome = TT_FAILED;
    if (map->outcomes != NULL)
        map->outcomes[index] = outcome;
    return outcome;
}

static enum tt_outcome run_chunk(struct tt_job *job, void *worker_state) {
    struct tt_map_slot *slot = SLOT_OF_JOB(job);
    struct tt_map *map = slot->map;
    (void)worker_state;
    for (size_t index = slot->first; index < slot->first + slot->count; index++) {
        if (tt_job_is_cancelled(job))
            return TT_CANCELLED;
        if (tt_map_is_stopping(map))
            break;
        if (run_item(map, index) == TT_DONE) {
            slot->done_count++;
            continue;
        }
        if (slot->failed_count++ == 0)
            slot->first_failed = index;
        if ((map->flags & TT_MAP_STOP) != 0)
            stop(map);
    }
    return slot->failed_count == 0 ? TT_DONE : TT_FAILED;
}

static void ignore(struct tt_job *job) {
    (void)job; /* a job without a release function couldn't be abandoned */
}

/* -- on the loop -- */

static void release(struct tt_map *map) TT_ON_LOOP {
    struct tt_context *context = map->context;
    struct tt_context *before = tt_context_enter(context);
    map->context = NULL;
    map->state = IDLE;
    if (map->release != NULL)
        map->release(map); /* may free it, or start it again */
    (void)tt_context_enter(before);
    tt_context_release(context);
}

/** Whether a chunk may still be handed out. A pool that takes no more lets those end that it has taken. */
static bool has_more(const struct tt_map *map) {
    return map->next_index < map->count && map->status == TT_OK && !tt_map_is_stopping(map);
}

static bool is_decided(const struct tt_map *map) {
    return map->inside_count == 0 && !has_more(map);
}

/** Its timer runs: the pool knows it, and doesn't end before. */
static void enlist(struct tt_map *map) TT_ON_LOOP {
    if (map->due_link != NULL)
        return;
    map->next_due = map->pool->maps;
    map->due_link = &map->pool->maps;
    if (map->next_due != NULL)
        map->next_due->due_link = &map->next_due;
    map->pool->maps = map;
}

static void delist(struct tt_map *map) TT_ON_LOOP {
    if (map->due_link == NULL)
        return;
    *map->due_link = map->next_due;
    if (map->next_due != NULL)
        map->next_due->due_link = map->due_link;
    map->due_link = NULL;
}

/** Thread: loop, from a dispatch. */
static void finish(struct tt_map *map) TT_ON_LOOP {
    tt_timer_stop(map->wake, &map->timer);
    delist(map);
    stop(map); /* nor does a lost chunk begin another item */
    map->state = DONE;
    map->skipped_count += map->count - map->next_index;
    if (map->outcome == TT_NONE)
        map->outcome = map->done_count == map->count ? TT_DONE : TT_FAILED;
    struct tt_context *before = tt_context_enter(map->context);
    if (map->done != NULL)
        map->done(map);
    (void)tt_context_enter(before);
    if (map->held_count == 0)
        release(map);
}

static void note_failed(struct tt_map *map, size_t index) TT_ON_LOOP {
    if (index < map->first_failed)
        map->first_failed = index;
    if ((map->flags & TT_MAP_STOP) != 0)
        stop(map);
}

static void fill(struct tt_map *map) TT_ON_LOOP;

static void on_chunk_done(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_map_slot *slot = SLOT_OF_WATCH(watch);
    struct tt_map *map = slot->map;
    map->inside_count--;
    if (watch->outcome == TT_EXPIRED_RUN || watch->outcome == TT_ABANDONED) {
        map->lost_count += slot->count;
        note_failed(map, slot->first);
        fill(map); /* its release may never come: a slot that found no room before waits for nothing else */
    } else {
        map->done_count += slot->done_count;
        map->failed_count += slot->failed_count;
        map->skipped_count += slot->count - slot->done_count - slot->failed_count;
        if (slot->failed_count != 0)
            note_failed(map, slot->first_failed);
        if (watch->outcome == TT_EXPIRED_QUEUE && (map->flags & TT_MAP_STOP) != 0)
            stop(map);
    }
    if (is_decided(map))
        finish(map);
}

static void on_chunk_release(struct tt_watch *watch);

static enum tt_status submit_chunk(struct tt_map *map, struct tt_map_slot *slot) TT_ON_LOOP {
    size_t left_count = map->count - map->next_index;
    slot->first = map->next_index;
    slot->count = map->chunk_size < left_count ? map->chunk_size : left_count;
    slot->done_count = 0;
    slot->failed_count = 0;
    slot->job.run = run_chunk;
    slot->job.done = NULL;
    slot->job.release = ignore;
    enum tt_status status = tt_pool_submit(map->pool, &slot->job);
    if (status != TT_OK)
        return status;
    slot->watch = (struct tt_watch){.on_done = on_chunk_done, .on_release = on_chunk_release};
    status = tt_watch_start(&slot->watch, &slot->job);
    assert(status == TT_OK); /* it was submitted just now */
    map->next_index += slot->count;
    map->inside_count++;
    map->held_count++;
    return TT_OK;
}

static void on_retry(struct tt_timer *timer);

/** What was decided inside a function of the caller's is told from the next dispatch. */
static void retry_soon(struct tt_map *map) TT_ON_LOOP {
    enlist(map);
    tti_wake_soon(map->wake, &map->timer, on_retry);
}

void tti_map_end_waits(struct tt_pool *pool) {
    for (struct tt_map *map = pool->maps; map != NULL; map = map->next_due)
        retry_soon(map);
}

/** Hands out chunks while there are idle slots. A full queue is tried again with the next release. */
static void fill(struct tt_map *map) TT_ON_LOOP {
    enum tt_status status = TT_OK;
    struct tt_context *before = tt_context_enter(map->context); /* the jobs take it along */
    while (status == TT_OK && map->idle != NULL && has_more(map)) {
        struct tt_map_slot *slot = map->idle;
        status = submit_chunk(map, slot);
        if (status == TT_OK)
            map->idle = slot->next_idle;
    }
    (void)tt_context_enter(before);
    if (status == TT_FULL && map->inside_count == 0) {
        uint64_t wait_us = tt_pool_expected_wait_us(map->pool);
        wait_us = wait_us < RETRY_LEAST_US ? RETRY_LEAST_US : wait_us;
        enlist(map);
        tt_timer_start(map->wake, &map->timer, wait_us < RETRY_MOST_US ? wait_us : RETRY_MOST_US, on_retry);
    }
    if (status != TT_FULL && map->status == TT_OK)
        map->status = status;
}

static void push_idle(struct tt_map *map, struct tt_map_slot *slot) TT_ON_LOOP {
    slot->next_idle = map->idle;
    map->idle = slot;
}

static void on_chunk_release(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_map_slot *slot = SLOT_OF_WATCH(watch);
    struct tt_map *map = slot->map;
    map->held_count--;
    if (map->state == DONE) {
        if (map->held_count == 0)
            release(map);
        return;
    }
    push_idle(map, slot);
    fill(map);
    if (is_decided(map))
        finish(map);
}

/** From a timer: for a queue that was full, or for what the start or the cancel has decided. */
static void on_retry(struct tt_timer *timer) {
    tt_assume_loop();
    struct tt_map *map = MAP_OF(timer);
    delist(map);
    fill(map);
    if (is_decided(map))
        finish(map);
}

enum tt_status tt_map_start(struct tt_map *map, struct tt_pool *pool, struct tt_map_slot *slots, size_t slot_count) {
    if (!tti_is_on_loop(pool->wake, __func__) || map->state != IDLE || map->fn == NULL ||
        (slot_count == 0 && map->count != 0))
        return TT_INVALID;
    map->outcome = TT_NONE;
    map->status = TT_OK;
    map->done_count = 0;
    map->failed_count = 0;
    map->skipped_count = 0;
    map->lost_count = 0;
    map->first_failed = map->count;
    map->chunk_size = map->chunk_size != 0 ? map->chunk_size : 1;
    map->wake = pool->wake;
    map->pool = pool;
    map->due_link = NULL;
    map->slots = slots;
    map->slot_count = slot_count;
    map->idle = NULL;
    map->next_index = 0;
    map->inside_count = 0;
    map->held_count = 0;
    map->context = tt_context_hold(tt_context_current());
    map->timer = (struct tt_timer){0};
    map->state = OPEN;
    atomic_store_explicit(&map->is_stopping, 0, memory_order_relaxed);
    for (size_t i = 0; i < map->count && map->outcomes != NULL; i++)
        map->outcomes[i] = TT_NONE;
    for (size_t i = slot_count; i-- > 0;) {
        slots[i].map = map;
        push_idle(map, &slots[i]);
    }
    fill(map);
    if (is_decided(map))
        retry_soon(map);
    return TT_OK;
}

enum tt_status tt_map_cancel(struct tt_map *map, enum tt_stop how) {
    if (map->state == IDLE || !tti_is_on_loop(map->wake, __func__))
        return TT_INVALID;
    if (map->state == DONE || is_decided(map))
        return TT_TOO_LATE;
    map->outcome = TT_CANCELLED;
    stop(map);
    for (size_t i = 0; i < map->slot_count; i++)
        (void)tti_group_stop(&map->slots[i].job, how); /* false: idle, or its end is on its way */
    if (map->inside_count == 0)
        retry_soon(map);
    return TT_OK;
}

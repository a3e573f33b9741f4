/*
 * Queue: jobs on their way to the workers. Step 7 of 11.
 * Before: submit (pool/submit.c), a turn's jobs in one batch.
 * After:  worker (pool/worker.c), with the jobs in its hand.
 *
 * One lock, held for a few dozen nanoseconds: by the loop once a turn, by a worker once a deal (hand.h). A ring without a
 * lock would be faster still, but a job in the middle of it can't be taken back, nor overtaken by a more urgent one.
 */
#include "internal.h"

/* How many workers may be on their way at a time. Each of them wakes the next one if there is work left, so all come,
   but a burst of tiny jobs is done before the third has been woken: an idle core costs 45 us of CPU to wake. */
#define WAKING_MAX 2

/* A hand that was played out so fast that the next one may be larger; and one so slow that the next is one job again. */
#ifdef __SANITIZE_THREAD__
#define JOB_TINY_US 40u /* each is ten times slower there: hands would never be larger than one, nor be looked at */
#else
#define JOB_TINY_US 4u
#endif
#define HAND_SLOW_US 100u

/* To hand a job over takes a good part of a microsecond: where jobs take no longer a second worker only gets into the way of
   the first one. So that one is left alone after so many of them in a row, while it comes back for more within this time. */
#define TRIVIAL_COUNT 512u
#define ALONE_US      100u
/* Should it get stuck nevertheless the loop sends another one. */
#define RELIEF_US 1000u

#define POOL_OF_RELIEF(timer_) ((struct tt_pool *)((char *)(timer_)-offsetof(struct tt_pool, relief)))

uint32_t tti_queue_lower_most(const struct tt_pool *pool) {
    if (pool->options.reserved_count == 0)
        return UINT32_MAX;
    if (pool->options.reserved_count >= pool->target_count)
        return 1; /* the pool was made smaller: nobody waits for ever */
    return pool->target_count - pool->options.reserved_count;
}

/** How many jobs of the lower priorities may start now: the reserved workers are not for them. */
static uint32_t lower_room(const struct tt_pool *pool) TT_REQUIRES(pool->lock) {
    uint32_t most = tti_queue_lower_most(pool);
    return most > pool->lower_count ? most - pool->lower_count : 0;
}

/** Whether a worker that comes now could start more than count jobs: from the queue, or out of the hands of others. */
static bool has_ready(const struct tt_pool *pool, uint32_t count) TT_REQUIRES(pool->lock) {
    uint32_t high_count = pool->queue.lanes[TTI_LANE_HIGH].count;
    uint32_t lower_count = pool->queue.count - high_count;
    uint32_t room = lower_room(pool);
    uint32_t ready_count = high_count + (lower_count < room ? lower_count : room);
    for (const struct tti_worker *worker = pool->hands; worker != NULL && ready_count <= count;
         worker = worker->next_hand)
        ready_count += tti_hand_waiting_count(&worker->hand);
    return ready_count > count;
}

struct tti_worker *tti_queue_wake_one(struct tt_pool *pool) {
    struct tti_worker *worker = pool->idle;
    /* While jobs are tiny one at a time will do: the first one has mostly done all when the second one comes. */
    uint32_t most = pool->jobs_are_tiny ? 1 : WAKING_MAX;
    if (worker == NULL || pool->waking_count >= most || !has_ready(pool, pool->waking_count))
        return NULL;
    pool->idle = worker->next_idle;
    pool->idle_count--;
    worker->is_woken = true;
    pool->waking_count++;
    return worker;
}

/** Whether a worker is at it that is best left alone. */
static bool is_left_alone(const struct tt_pool *pool, uint64_t now_us) TT_REQUIRES(pool->lock) {
    return pool->trivial_count >= TRIVIAL_COUNT && pool->fresh != NULL &&
           now_us < pool->fresh->hand.dealt_us + ALONE_US && pool->loop_looks && !TTI_TEST_CLOCK_STANDS();
}

/** Jobs were left to one worker: if some still wait another one is woken, as long as it takes. */
static void on_relief(struct tt_timer *timer) {
    tt_assume_loop();
    struct tt_pool *pool = POOL_OF_RELIEF(timer);
    tti_lock_enter(&pool->lock);
    bool is_waiting = has_ready(pool, 0);
    struct tti_worker *sleeper = tti_queue_wake_one(pool);
    tti_lock_leave(&pool->lock);
    if (sleeper != NULL)
        tti_park_wake(&sleeper->park);
    if (is_waiting)
        tt_timer_start(pool->wake, timer, RELIEF_US, on_relief);
}

void tti_queue_flush(struct tt_pool *pool) {
    struct tti_worker *sleepers[WAKING_MAX];
    size_t count = 0;
    struct tt_job *job;
    tti_lock_enter(&pool->lock);
    tti_pool_hold(pool, -(int32_t)pool->batch.count);
    if (pool->batch_is_plain)
        tti_lane_add_plain(&pool->queue, &pool->batch);
    while ((job = tti_list_take(&pool->batch)) != NULL) {
        tti_lane_add(&pool->queue, job);
        if (job->nest == NULL)
            continue;
        tti_job_set_phase(job, TTI_QUEUED);
        tti_nest_look(job->nest); /* under the lock: once a worker has it the nest may be gone */
    }
    pool->loop_looks = pool->wake->uses_prepare;
    bool needs_relief = is_left_alone(pool, tti_wake_time_us(pool->wake));
    while (!needs_relief && count < WAKING_MAX && (sleepers[count] = tti_queue_wake_one(pool)) != NULL)
        count++;
    tti_lock_leave(&pool->lock);
    if (needs_relief && pool->relief.prev == NULL)
        tt_timer_start(pool->wake, &pool->relief, RELIEF_US, on_relief);
    pool->turn++;
    pool->batch_is_plain = true;
    for (size_t i = 0; i < count; i++)
        tti_park_wake(&sleepers[i]->park);
}

bool tti_queue_take_back(struct tt_pool *pool, struct tt_job *job) {
    bool is_ours = true;
    tti_lock_enter(&pool->lock);
    if (tti_job_phase(job, memory_order_relaxed) == TTI_QUEUED)
        tti_lane_remove(&pool->queue, job);
    else
        is_ours = tti_hand_take_back(&((struct tti_worker *)job->worker)->hand, job);
    if (is_ours)
        tti_job_set_phase(job, TTI_FINISHED); /* here: a parent looks for its queued children under the same lock */
    tti_lock_leave(&pool->lock);
    return is_ours;
}

void tti_queue_note_serving(struct tt_pool *pool) {
    uint32_t zombies = pool->zombie_count < pool->ready_count ? pool->zombie_count : pool->ready_count;
    atomic_store_explicit(&pool->serving_count, pool->ready_count - zombies, memory_order_relaxed);
}

void tti_queue_set_lower(struct tt_pool *pool, struct tti_worker *worker, bool is_lower) {
    pool->lower_count += (uint32_t)is_lower - (uint32_t)worker->is_lower;
    worker->is_lower = is_lower;
}

bool tti_queue_has_surplus(const struct tt_pool *pool) {
    return tti_pool_count_able(pool) > pool->target_count;
}

/** A worker that can serve isn't too many while others can't. */
static bool has_ready_surplus(const struct tt_pool *pool) TT_REQUIRES(pool->lock) {
    return pool->ready_count > pool->zombie_count && pool->ready_count - pool->zombie_count > pool->target_count;
}

/* -- hands of more than one job -- */

static void list_hand(struct tt_pool *pool, struct tti_worker *worker) TT_REQUIRES(pool->lock) {
    worker->has_more = true;
    worker->next_hand = NULL;
    worker->prev_hand = pool->last_hand;
    if (pool->last_hand != NULL)
        pool->last_hand->next_hand = worker;
    else
        pool->hands = worker;
    pool->last_hand = worker;
}

static void unlist_hand(struct tt_pool *pool, struct tti_worker *worker) TT_REQUIRES(pool->lock) {
    if (!worker->has_more)
        return;
    worker->has_more = false;
    if (worker->prev_hand != NULL)
        worker->prev_hand->next_hand = worker->next_hand;
    else
        pool->hands = worker->next_hand;
    if (worker->next_hand != NULL)
        worker->next_hand->prev_hand = worker->prev_hand;
    else
        pool->last_hand = worker->prev_hand;
}

/** A job out of the hand of a worker that may be stuck; a hand without one is off the list then. */
static struct tt_job *steal(struct tt_pool *pool) TT_REQUIRES(pool->lock) {
    struct tti_worker *victim;
    while ((victim = pool->hands) != NULL) {
        struct tt_job *job = tti_hand_steal(&victim->hand);
        if (job != NULL)
            return job;
        unlist_hand(pool, victim);
    }
    return NULL;
}

static struct tt_job *take_one(struct tt_pool *pool, uint64_t now_us) TT_REQUIRES(pool->lock) {
    struct tt_job *job = NULL;
    if (!TTI_TEST_MAY_TAKE(pool))
        return NULL;
    if (pool->hands != NULL && now_us > pool->hands->hand.dealt_us + TTI_HAND_STALE_US)
        job = steal(pool); /* they came before all that is in the queue */
    if (job == NULL)
        job = tti_lane_take(&pool->queue, lower_room(pool));
    return job != NULL ? job : steal(pool);
}

/** Counts jobs that took a microsecond at most, on the average. */
static void note_length(struct tt_pool *pool, uint32_t count, uint64_t spent_us) TT_REQUIRES(pool->lock) {
    pool->trivial_count += count;
    pool->trivial_us += spent_us;
    if (pool->trivial_us > pool->trivial_count + TRIVIAL_COUNT / 8) {
        pool->trivial_count = 0;
        pool->trivial_us = 0;
    } else if (pool->trivial_count >= 2 * TRIVIAL_COUNT) {
        pool->trivial_count /= 2;
        pool->trivial_us /= 2;
    }
}

/** What the last hand took tells how many jobs the next one may have. */
static void judge_hand(struct tt_pool *pool, struct tti_hand *hand, uint64_t now_us) TT_REQUIRES(pool->lock) {
    uint64_t spent_us = now_us - hand->dealt_us;
    if (hand->count == 0)
        return;
    if (spent_us > HAND_SLOW_US)
        hand->next_count = 1;
    else if (spent_us <= JOB_TINY_US * hand->count && hand->next_count < TTI_HAND_MAX)
        hand->next_count *= 2;
    pool->jobs_are_tiny = hand->next_count == TTI_HAND_MAX;
    note_length(pool, hand->count, spent_us);
}

static void deal_one(struct tt_pool *pool, struct tti_worker *worker, struct tt_job *job, uint64_t started_us)
    TT_REQUIRES(pool->lock) {
    (void)pool; /* named for its lock */
    job->worker = worker;
    atomic_store_explicit(&job->started_us, started_us, memory_order_relaxed);
    tti_job_set_phase(job, TTI_DEALT);
    tti_hand_add(&worker->hand, job);
}

void tti_queue_deal_alone(struct tt_pool *pool, struct tti_worker *worker, struct tt_job *job, uint64_t now_us) {
    tti_hand_clear(&worker->hand);
    deal_one(pool, worker, job, now_us);
    tti_hand_play(&worker->hand, now_us);
}

/** Gives the worker its next jobs; the first of them is running from here on. */
static struct tt_job *deal(struct tt_pool *pool, struct tti_worker *worker, uint64_t now_us) TT_REQUIRES(pool->lock) {
    struct tti_hand *hand = &worker->hand;
    unlist_hand(pool, worker);
    tti_queue_set_lower(pool, worker, false);
    judge_hand(pool, hand, now_us);
    struct tt_job *first = take_one(pool, now_us);
    tti_hand_clear(hand);
    if (first == NULL)
        return NULL;
    deal_one(pool, worker, first, now_us);
    tti_queue_set_lower(pool, worker, pool->options.reserved_count != 0 && first->priority != TT_PRIORITY_HIGH);
    /* The others get their share, but for tiny jobs, which are done before another one has come. Where workers are
       reserved a hand would have to be of one class: not worth it. */
    bool is_alone = pool->options.reserved_count != 0 || pool->options.worker_count == 0 || TTI_TEST_IS_PARKED(pool);
    uint32_t share = is_alone ? 0 : pool->queue.count / (pool->jobs_are_tiny ? 1 : 2 * pool->target_count);
    while (hand->count < hand->next_count && share-- > 0)
        deal_one(pool, worker, tti_lane_take(&pool->queue, UINT32_MAX), 0);
    tti_hand_play(hand, now_us);
    pool->fresh = worker;
    if (hand->count > 1)
        list_hand(pool, worker);
    return first;
}

static void forget_fresh(struct tt_pool *pool, const struct tti_worker *worker) TT_REQUIRES(pool->lock) {
    if (pool->fresh == worker)
        pool->fresh = NULL;
}

struct tt_job *tti_queue_take(struct tt_pool *pool, struct tti_worker *worker, uint64_t now_us) {
    struct tt_job *job = NULL;
    tti_lock_enter(&pool->lock);
    while (!pool->is_stopping && !has_ready_surplus(pool) && (job = deal(pool, worker, now_us)) == NULL) {
        worker->next_idle = pool->idle;
        pool->idle = worker;
        pool->idle_count++;
        forget_fresh(pool, worker);
        tti_lock_leave(&pool->lock);
        tti_park_wait(&worker->park, UINT64_MAX);
        now_us = tti_tick_now_us(&worker->tick);
        tti_lock_enter(&pool->lock);
        if (worker->is_woken) {
            worker->is_woken = false;
            pool->waking_count--;
        }
    }
    if (job == NULL) {
        /* The end is decided under the lock: a resize that comes later counts without this thread. */
        unlist_hand(pool, worker);
        forget_fresh(pool, worker);
        tti_queue_set_lower(pool, worker, false);
        pool->thread_count--;
        pool->ready_count--;
        worker->is_ready = false;
        tti_queue_note_serving(pool);
    }
    struct tti_worker *sleeper = is_left_alone(pool, now_us) ? NULL : tti_queue_wake_one(pool);
    tti_lock_leave(&pool->lock);
    if (sleeper != NULL)
        tti_park_wake(&sleeper->park);
    return job;
}

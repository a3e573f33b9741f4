/*
 * Testing: see testing.h. Built with TT_TESTING only, and empty without.
 *
 * The product's code knows of it in four places, all of them in fault.h and clock.h: the switches, the clock, the permits of a
 * parked pool, the list of all wakes.
 */
#include "fault.h"

#ifdef TT_TESTING

#include "internal.h"

#include <poll.h>
#include <tothread/testing.h>
#include <tothread/watch.h>

#define DISPATCH_COUNT 256u

/* -- the clock -- */

static _Atomic uint64_t frozen_us; /* 0: it runs */
static _Atomic int64_t jumped_us;

uint64_t tti_clock_bent_us(uint64_t real_us) {
    uint64_t us = atomic_load(&frozen_us);
    return us != 0 ? us : real_us + (uint64_t)atomic_load(&jumped_us);
}

/* All wakes: a lock of its own, so that the clock may be moved by any thread. */
static pthread_mutex_t wakes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tt_wake *wakes;

void tti_test_add_wake(struct tt_wake *wake) {
    (void)pthread_mutex_lock(&wakes_lock); /* can't fail, as everywhere */
    wake->next_wake = wakes;
    wakes = wake;
    (void)pthread_mutex_unlock(&wakes_lock);
}

void tti_test_remove_wake(struct tt_wake *wake) {
    (void)pthread_mutex_lock(&wakes_lock);
    struct tt_wake **link = &wakes;
    while (*link != wake)
        link = &(*link)->next_wake;
    *link = wake->next_wake;
    (void)pthread_mutex_unlock(&wakes_lock);
}

/** Loops that sleep have computed how long by the clock as it was. */
static void ring_all(void) {
    (void)pthread_mutex_lock(&wakes_lock);
    for (struct tt_wake *wake = wakes; wake != NULL; wake = wake->next_wake)
        tti_wake_ring(wake);
    (void)pthread_mutex_unlock(&wakes_lock);
}

void tt_test_clock_freeze(uint64_t start_us) {
    atomic_store(&frozen_us, start_us != 0 ? start_us : tti_clock_now_us());
    ring_all();
}

bool tti_test_clock_stands(void) {
    return atomic_load(&frozen_us) != 0;
}

void tt_test_clock_advance(uint64_t time_us) {
    uint64_t us = atomic_load(&frozen_us);
    while (us != 0 && !atomic_compare_exchange_weak(&frozen_us, &us, tti_clock_add_us(us, time_us)))
        ;
    ring_all();
}

void tt_test_clock_thaw(void) {
    atomic_store(&jumped_us, 0);
    atomic_store(&frozen_us, 0);
    ring_all();
}

void tt_test_clock_jump(int64_t time_us) {
    (void)atomic_fetch_add(&jumped_us, time_us);
    ring_all();
}

/* -- faults -- */

static void set_fault(_Atomic int *fault, unsigned count) {
    atomic_store(fault, count < INT32_MAX ? (int)count : INT32_MAX);
}

void tt_test_fail_thread_starts(unsigned count) {
    set_fault(&tti_faults.thread_starts_fail, count);
}

void tt_test_fill_pipe(unsigned count) {
    set_fault(&tti_faults.pipe_is_full, count);
}

void tt_test_fail_allocation(unsigned nth) {
    set_fault(&tti_faults.allocation_fails, nth);
}

void tt_test_reset(void) {
    tt_test_fail_thread_starts(0);
    tt_test_fill_pipe(0);
    tt_test_fail_allocation(0);
    tt_test_clock_thaw();
}

/* -- the order in which jobs start -- */

bool tti_test_may_take(struct tt_pool *pool) {
    if (!pool->is_parked || pool->queue.count == 0)
        return true;
    if (pool->step_count == 0)
        return false;
    pool->step_count--;
    return true;
}

static void set_parked(struct tt_pool *pool, bool is_parked, uint32_t more_steps) TT_ON_LOOP {
    tti_lock_enter(&pool->lock);
    pool->is_parked = is_parked;
    pool->step_count = is_parked ? pool->step_count + more_steps : 0;
    tti_lock_leave(&pool->lock);
    tti_queue_flush(pool); /* wakes sleepers for what is queued */
}

enum tt_status tt_test_park(struct tt_pool *pool) {
    if (!tti_is_on_loop(pool->wake, __func__) || pool->options.worker_count == 0)
        return TT_INVALID;
    set_parked(pool, true, 0);
    return TT_OK;
}

void tt_test_step(struct tt_pool *pool, uint32_t count) {
    if (tti_is_on_loop(pool->wake, __func__) && pool->is_parked)
        set_parked(pool, true, count);
}

void tt_test_unpark(struct tt_pool *pool) {
    if (tti_is_on_loop(pool->wake, __func__))
        set_parked(pool, false, 0);
}

/* -- waiting -- */

static uint64_t real_now_us(void) {
    return tti_clock_read_us(CLOCK_MONOTONIC);
}

/** Whether some job may end without the clock's help: it is inside its function, or a worker will take it. */
static bool is_at_work(struct tt_pool *pool) TT_ON_LOOP {
    tti_lock_enter(&pool->lock);
    uint32_t queued = pool->queue.count;
    bool is_takeable =
        queued != 0 && pool->thread_count > pool->zombie_count && !(pool->is_parked && pool->step_count == 0);
    tti_lock_leave(&pool->lock);
    /* What waits for a permit waits for a job that is counted somewhere else, or for a zombie, which holds no clock. */
    uint32_t held = atomic_load_explicit(&pool->shown_held, memory_order_relaxed);
    return is_takeable || pool->waiting_count != queued + held;
}

struct rest {
    bool is_at_work;
    bool has_zombies;
};

static struct rest look_at_pools(const struct tt_wake *wake) TT_ON_LOOP {
    struct rest rest = {0};
    for (struct tt_pool *pool = wake->pools; pool != NULL; pool = pool->next_pool) {
        rest.is_at_work |= is_at_work(pool);
        rest.has_zombies |= pool->inside_count != pool->waiting_count;
    }
    return rest;
}

/** With a frozen clock. sleep_us: as prepare said. Returns: how long to wait for an event, -1: until there is one. */
static int64_t move_clock(const struct tt_wake *wake, int64_t sleep_us, int64_t left_us) TT_ON_LOOP {
    struct rest rest = look_at_pools(wake);
    if (sleep_us == 0)
        return 0;
    if (rest.is_at_work || (sleep_us < 0 && rest.has_zombies))
        return -1;
    tt_test_clock_advance((uint64_t)(sleep_us < 0 || sleep_us > left_us ? left_us : sleep_us));
    return 0;
}

static int64_t left_us(uint64_t due_us, uint64_t now_us) {
    return due_us > now_us ? (int64_t)(due_us - now_us) : 0;
}

/** One turn of a private loop. real_us: how long it may really sleep; time_us: by the library's clock. */
static void turn(struct tt_wake *wake, int64_t time_us, int64_t real_us) TT_ON_LOOP {
    bool used_prepare = wake->uses_prepare;
    int64_t sleep_us = tt_wake_prepare(wake);
    if (atomic_load(&frozen_us) != 0)
        sleep_us = move_clock(wake, sleep_us, time_us);
    else if (sleep_us > time_us)
        sleep_us = time_us;
    if (sleep_us < 0 || sleep_us > real_us)
        sleep_us = real_us;
    struct pollfd watched = {.fd = wake->read_fd, .events = POLLIN};
    struct timespec limit = {sleep_us / 1000000, sleep_us % 1000000 * 1000};
    (void)ppoll(&watched, 1, &limit, NULL); /* interrupted or not: the dispatch looks at everything */
    (void)tt_wake_dispatch(wake, DISPATCH_COUNT);
    wake->uses_prepare = used_prepare;
    if (!used_prepare)
        (void)tt_wake_dispatch(wake, 0); /* arms the pipe again for a loop that never prepares */
}

bool tt_test_run_until(struct tt_wake *wake, tt_test_predicate_fn predicate, void *argument, uint64_t timeout_us) {
    uint64_t due_us = tti_clock_add_us(tti_clock_now_us(), timeout_us);
    uint64_t real_due_us = tti_clock_add_us(real_now_us(), timeout_us);
    if (!tti_is_on_loop(wake, __func__) || !tti_is_outside(wake, __func__))
        return false;
    while (!predicate(argument)) {
        int64_t time_us = left_us(due_us, tti_clock_now_us());
        int64_t real_us = left_us(real_due_us, real_now_us());
        turn(wake, time_us, real_us);
        if (time_us == 0 || real_us == 0)
            return predicate(argument);
    }
    return true;
}

static bool has_ended(void *argument) {
    const struct tt_watch *watch = argument;
    return watch->outcome != TT_NONE;
}

enum tt_outcome tt_test_await_job(struct tt_wake *wake, struct tt_job *job, uint64_t timeout_us) {
    struct tt_watch watch = {0};
    if (!tti_is_on_loop(wake, __func__))
        return TT_NONE;
    if (tt_watch_start(&watch, job) != TT_OK)
        return job->outcome;
    (void)tt_test_run_until(wake, has_ended, &watch, timeout_us); /* the watch knows */
    tt_watch_stop(&watch);
    return watch.outcome;
}

uint32_t tti_test_count_wakes(void) {
    uint32_t count = 0;
    (void)pthread_mutex_lock(&wakes_lock);
    for (const struct tt_wake *wake = wakes; wake != NULL; wake = wake->next_wake)
        count++;
    (void)pthread_mutex_unlock(&wakes_lock);
    return count;
}

const struct tt_wake *tti_test_wakes(void) {
    return wakes;
}

#endif

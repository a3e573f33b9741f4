/*
 * Wake: the pipe to the loop, its timers and posts. Step 10 of 11.
 * Before: complete (pool/complete.c), jobs on the completion list.
 * After:  reply (server/http/reply.c), by way of the job's done.
 *
 * No wake is lost: the loop stores is_asleep = 1, then looks at the lists; a worker pushes, then looks at is_asleep. All
 * four are sequentially consistent, so at least one of the two sees the other. Whoever swaps is_asleep to 0 owes
 * one byte, and the loop counts the bytes it is owed: it reads the pipe only when there is something to read, and a byte
 * that is still on its way can't leave the descriptor readable for ever. A loop may prepare or dispatch twice in a turn,
 * so it remembers whether it has armed: else it would forget a byte, or wait for one that nobody owes.
 */
#include "internal.h"

#include "fault.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <tothread/to_thread.h>
#include <unistd.h>

struct tt_wake *tt_wake_create(struct tt_error *reterr) {
    struct tt_wake *wake =
        TTI_FAULT_NTH(allocation_fails) ? NULL : aligned_alloc(_Alignof(struct tt_wake), sizeof *wake);
    if (wake == NULL) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory for a wake");
        return NULL;
    }
    *wake = (struct tt_wake){.now_is_stale = true, .is_armed = true, .is_asleep = 1};
    wake->given_up_end = &wake->given_up;
    wake->pending_end = &wake->pending;
    wake->owner = tti_thread_mark();
    wake->owner_id = gettid();
    if (tti_lock_init(&wake->beacon.lock) != 0) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory for a lock");
        free(wake);
        return NULL;
    }
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
        (void)tt_error_set(reterr, TT_SYSTEM, errno, "can't make a pipe for the loop");
        tti_lock_deinit(&wake->beacon.lock);
        free(wake);
        return NULL;
    }
    wake->read_fd = ends[0];
    wake->write_fd = ends[1];
    tti_wheel_init(&wake->wheel, tti_clock_now_us() / 1000);
    TTI_TEST_ADD_WAKE(wake);
    wake->soon.next = &wake->soon;
    wake->soon.prev = &wake->soon;
    return wake;
}

void tt_wake_destroy(struct tt_wake *wake) {
    if (wake == NULL || !tti_is_on_loop(wake, __func__) || !tti_is_outside(wake, __func__))
        return;
    tt_wake_set_default_pool(wake, NULL);
    if (!tti_misuse_is_wake_free(wake, __func__))
        return;
    tti_lock_deinit(&wake->beacon.lock);
    (void)close(wake->read_fd); /* nothing is buffered in a pipe's end: an error loses nothing */
    (void)close(wake->write_fd);
    TTI_TEST_REMOVE_WAKE(wake);
    free(wake);
}

int tt_wake_fd(const struct tt_wake *wake) {
    return wake->read_fd;
}

uint64_t tti_wake_time_us(struct tt_wake *wake) {
    if (wake->now_is_stale) {
        wake->now_us = tti_clock_now_us();
        wake->now_is_stale = false;
    }
    return wake->now_us;
}

uint64_t tt_wake_now_us(struct tt_wake *wake) {
    if (!tti_is_on_loop(wake, __func__))
        return tti_clock_now_us();
    return tti_wake_time_us(wake);
}

void tt_wake_refresh(struct tt_wake *wake) {
    if (!tti_is_on_loop(wake, __func__))
        return;
    wake->now_us = tti_clock_now_us();
    wake->now_is_stale = false;
}

uint64_t tt_wake_clock_us(void) {
    return tti_clock_now_us();
}

void tti_wake_ring(struct tt_wake *wake) {
    if (atomic_load_explicit(&wake->is_asleep, memory_order_seq_cst) == 0)
        return;
    if (atomic_exchange_explicit(&wake->is_asleep, 0, memory_order_seq_cst) == 0)
        return;
    int saved = errno; /* a post may come from a signal handler */
    while (TTI_FAULT(pipe_is_full) || write(wake->write_fd, "", 1) < 0)
        if (errno != EINTR)
            break; /* EAGAIN: the pipe is full, so the loop will wake anyway */
    errno = saved;
}

void tt_wake_post(struct tt_wake *wake, struct tt_post *post) {
    struct tt_post *newest = atomic_load_explicit(&wake->posts, memory_order_relaxed);
    do
        post->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&wake->posts, &newest, post, memory_order_seq_cst,
                                                  memory_order_relaxed));
    tti_wake_ring(wake);
}

static size_t dispatch_posts(struct tt_wake *wake) TT_ON_LOOP {
    if (atomic_load_explicit(&wake->posts, memory_order_relaxed) == NULL)
        return 0;
    struct tt_post *newest = atomic_exchange_explicit(&wake->posts, NULL, memory_order_acquire);
    struct tt_post *oldest = NULL;
    while (newest != NULL) {
        struct tt_post *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    size_t count = 0;
    while (oldest != NULL) {
        struct tt_post *next = oldest->next;
        tti_beacon_enter(&wake->beacon, TT_STALL_POST, oldest, (tti_any_fn)oldest->fn, NULL);
        oldest->fn(oldest);
        oldest = next;
        count++;
    }
    return count;
}

void tt_wake_flush(struct tt_wake *wake) {
    if (!tti_is_on_loop(wake, __func__))
        return;
    while (wake->dirty_pools != NULL) {
        struct tt_pool *pool = wake->dirty_pools;
        wake->dirty_pools = pool->next_dirty;
        pool->is_dirty = false;
        tti_queue_flush(pool);
    }
}

/** Whether an inline pool has jobs to run, which needs a dispatch and no waiting. */
static bool has_inline_work(const struct tt_wake *wake) TT_ON_LOOP {
    for (struct tt_pool *pool = wake->pools; pool != NULL; pool = pool->next_pool)
        if (pool->options.worker_count == 0 && pool->queue.count != 0)
            return true;
    return false;
}

static bool has_work(const struct tt_wake *wake) TT_ON_LOOP {
    return wake->given_up != NULL || wake->pending != NULL || wake->soon.next != &wake->soon ||
           atomic_load_explicit(&wake->finished, memory_order_seq_cst) != NULL ||
           atomic_load_explicit(&wake->posts, memory_order_seq_cst) != NULL || has_inline_work(wake);
}

/** Says that the loop sleeps from now on. Whoever answered when it said so before still owes a byte. */
static void arm(struct tt_wake *wake) TT_ON_LOOP {
    if (atomic_exchange_explicit(&wake->is_asleep, 1, memory_order_seq_cst) == 0 && wake->is_armed)
        wake->bytes_expected++;
    wake->is_armed = true;
}

int64_t tt_wake_prepare(struct tt_wake *wake) {
    if (!tti_is_on_loop(wake, __func__))
        return -1;
    wake->uses_prepare = true;
    tt_wake_flush(wake);
    arm(wake);
    if (has_work(wake)) {
        wake->now_is_stale = true;
        return 0;
    }
    uint64_t due_ms = tti_wheel_next_ms(&wake->wheel);
    uint64_t now_us = due_ms == UINT64_MAX ? 0 : tti_clock_now_us();
    wake->now_is_stale = true;
    if (due_ms == UINT64_MAX)
        return -1;
    uint64_t due_us = due_ms * 1000;
    return due_us > now_us ? (int64_t)(due_us - now_us) : 0;
}

/** Ends the sleep, and takes the bytes out of the pipe that were written for it. */
static void disarm(struct tt_wake *wake) TT_ON_LOOP {
    char bytes[64];
    if (wake->is_armed && atomic_exchange_explicit(&wake->is_asleep, 0, memory_order_seq_cst) == 0)
        wake->bytes_expected++;
    wake->is_armed = false;
    bool is_more = wake->bytes_expected > 0;
    while (is_more) {
        ssize_t size = read(wake->read_fd, bytes, sizeof bytes);
        if (size < 0) {
            if (errno == EINTR)
                continue;
            return; /* the writer has not written yet, or found no room: the next turn looks again */
        }
        wake->bytes_expected = (uint32_t)size < wake->bytes_expected ? wake->bytes_expected - (uint32_t)size : 0;
        is_more = size == (ssize_t)sizeof bytes || wake->bytes_expected > 0; /* a pipe that was full is read empty */
    }
}

static size_t dispatch_timers(struct tt_wake *wake) TT_ON_LOOP {
    size_t count = 0;
    struct tt_timer *timer;
    tti_wheel_advance(&wake->wheel, wake->now_us / 1000);
    while (wake->soon.next != &wake->soon) {
        timer = wake->soon.next;
        tti_wheel_remove(timer);
        tti_wheel_add(&wake->wheel, timer,
                      0); /* to those that are called now; what these start is for the next dispatch */
    }
    while ((timer = tti_wheel_take_expired(&wake->wheel)) != NULL) {
        tti_beacon_enter(&wake->beacon, TT_STALL_TIMER, timer, (tti_any_fn)timer->fn, NULL);
        timer->fn(timer);
        count++;
    }
    return count;
}

size_t tti_wake_dispatch(struct tt_wake *wake, size_t max_count) {
    bool was_dispatching = wake->is_dispatching;
    wake->is_dispatching = true;
    wake->now_us = tti_clock_now_us();
    wake->now_is_stale = false;
    tti_beacon_begin(&wake->beacon, wake->now_us);
    disarm(wake);
    if (atomic_load_explicit(&wake->beacon.is_parked, memory_order_seq_cst) != 0) /* see stall.c */
        tti_stall_unpark(wake);
    tt_wake_flush(wake);
    size_t count = dispatch_timers(wake);
    for (struct tt_pool *pool = wake->pools; pool != NULL; pool = pool->next_pool)
        if (pool->options.worker_count == 0)
            (void)tti_inline_run(pool, max_count);
    /* In this order: what the function of a job that is collected here has posted is then among the posts. */
    tti_complete_collect(wake);
    count += dispatch_posts(wake);
    count += tti_complete_dispatch(wake, max_count);
    tti_beacon_leave(&wake->beacon);
    tt_wake_flush(wake);
    if (!wake->uses_prepare) {
        arm(wake);
        if (has_work(wake))
            tti_wake_ring(wake);
        wake->now_is_stale = true;
    }
    wake->is_dispatching = was_dispatching;
    return count;
}

size_t tt_wake_dispatch(struct tt_wake *wake, size_t max_count) {
    if (!tti_is_on_loop(wake, __func__) || !tti_is_outside(wake, __func__))
        return 0;
    return tti_wake_dispatch(wake, max_count);
}

void tt_timer_start(struct tt_wake *wake, struct tt_timer *timer, uint64_t delay_us, tt_timer_fn fn) {
    if (!tti_is_on_loop(wake, __func__))
        return;
    tti_wheel_remove(timer);
    timer->fn = fn;
    /* The millisecond after, so that it is never early, nor called again by the dispatch that calls it now. */
    tti_wheel_add(&wake->wheel, timer, tti_clock_add_us(tti_wake_time_us(wake), delay_us) / 1000 + 1);
}

void tt_timer_stop(struct tt_wake *wake, struct tt_timer *timer) {
    if (tti_is_on_loop(wake, __func__))
        tti_wheel_remove(timer);
}

/** A post that can be taken back with tt_timer_stop, for decisions that were made while the caller's function ran. */
void tti_wake_soon(struct tt_wake *wake, struct tt_timer *timer, tt_timer_fn fn) {
    tti_wheel_remove(timer);
    timer->fn = fn;
    timer->due_ms = 0;
    timer->next = &wake->soon;
    timer->prev = wake->soon.prev;
    wake->soon.prev->next = timer;
    wake->soon.prev = timer;
    tti_wake_ring(wake);
}

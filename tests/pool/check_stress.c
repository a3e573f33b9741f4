/*
 * Stress: random submits, cancels, abandons, resizes, deadlines and drains from one loop over two pools.
 *
 * CK_STRESS_JOBS says how many jobs (200,000 without it). The seed is fixed: the loop does the same each time, only
 * the threads don't. Each job checks its own life; the books of the pools check all of them.
 */
#include "probe.h"

#include <tothread/key.h>

#define JOBS_DEFAULT 200000u
#define SLOT_COUNT   512u
#define POOL_COUNT   2u

enum slot_state { FREE = 0, INSIDE, TOLD };

struct slot {
    struct tt_job job;
    enum slot_state state;
    bool is_cancelled; /* cancel said TT_OK: it must never run */
    _Atomic uint32_t run_count;
    _Atomic uint32_t interrupt_count;
    uint32_t spin; /* what run does */
    uint64_t result;
};

#define SLOT_OF(job_) ((struct slot *)((char *)(job_)-offsetof(struct slot, job)))

static struct slot slots[SLOT_COUNT];
static struct tt_pool *pools[POOL_COUNT];
static struct tt_limiter limiters[2] = {{.permit_count = 2}, {.permit_count = 1}};
static _Atomic uint32_t inside_limiter[2];
static struct tt_key keys[POOL_COUNT][3] = {{{.weight = 2}, {0}, {.job_limit = 20}}, {{0}, {.weight = 5}, {0}}};
static uint64_t seed = 88172645463325252u;
static uint64_t accepted_count;
static uint64_t told_count;
static uint64_t released_count;

static uint64_t random_below(uint64_t limit) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % limit;
}

static enum tt_outcome slot_run(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    struct slot *slot = SLOT_OF(job);
    atomic_fetch_add(&slot->run_count, 1);
    size_t limiter = job->limiter != NULL ? (size_t)(job->limiter - limiters) : 0;
    if (job->limiter != NULL && atomic_fetch_add(&inside_limiter[limiter], 1) >= limiters[limiter].permit_count)
        abort(); /* one too many inside. Permits are not resized in this test */
    uint64_t sum = 0;
    for (uint32_t i = 0; i < slot->spin; i++)
        sum = sum * 31 + i;
    if (slot->spin % 16 == 1)
        (void)sched_yield();
    slot->result = sum; /* a worker writes, the loop reads after the end: tsan checks the hand-over */
    if (job->limiter != NULL)
        atomic_fetch_sub(&inside_limiter[limiter], 1);
    return slot->spin % 3 == 0 ? TT_FAILED : TT_DONE;
}

static void slot_interrupt(struct tt_job *job) {
    struct slot *slot = SLOT_OF(job);
    if (atomic_fetch_add(&slot->interrupt_count, 1) != 0 || slot->state != INSIDE)
        abort(); /* twice, or after the end */
}

static void slot_done(struct tt_job *job) {
    struct slot *slot = SLOT_OF(job);
    ck_assert_int_eq(slot->state, INSIDE);
    slot->state = TOLD;
    told_count++;
    switch (job->outcome) {
    case TT_DONE:
    case TT_FAILED:
        ck_assert(!slot->is_cancelled);
        ck_assert_uint_eq(slot->run_count, 1);
        ck_assert_uint_ne(slot->result, UINT64_MAX);
        ck_assert_int_eq(job->outcome, slot->spin % 3 == 0 ? TT_FAILED : TT_DONE);
        break;
    case TT_CANCELLED:
    case TT_EXPIRED_QUEUE:
        ck_assert_uint_eq(slot->run_count, 0);
        ck_assert_uint_eq(job->run_us, 0);
        break;
    case TT_EXPIRED_RUN:
    case TT_ABANDONED:
        ck_assert(!slot->is_cancelled);
        break;
    default:
        ck_abort_msg("outcome %d", (int)job->outcome);
    }
}

static void slot_release(struct tt_job *job) {
    struct slot *slot = SLOT_OF(job);
    ck_assert_int_eq(slot->state, TOLD);
    ck_assert_uint_le(slot->run_count, 1);
    released_count++;
    memset(slot, 0, sizeof *slot); /* a late touch by a worker is tsan's to find */
}

static void submit_one(void) {
    struct slot *slot = &slots[random_below(SLOT_COUNT)];
    if (slot->state != FREE)
        return;
    slot->job.run = slot_run;
    slot->job.done = slot_done;
    slot->job.release = slot_release;
    slot->job.name = "stress";
    slot->job.id = "id";
    slot->spin = (uint32_t)random_below(random_below(50) == 0 ? 20000 : 200);
    slot->result = UINT64_MAX;
    if (random_below(4) == 0)
        slot->job.priority = (enum tt_priority)random_below(TT_PRIORITY_COUNT);
    size_t pool = random_below(POOL_COUNT);
    if (random_below(3) == 0)
        slot->job.key = &keys[pool][random_below(3)];
    slot->job.cost = (uint32_t)random_below(4);
    if (random_below(2) == 0)
        slot->job.interrupt = slot_interrupt;
    if (random_below(4) == 0)
        slot->job.limiter = &limiters[random_below(2)];
    if (random_below(4) == 0)
        slot->job.queue_timeout_us = 1 + random_below(2000);
    if (random_below(4) == 0)
        slot->job.run_timeout_us = 1 + random_below(100);
    if (random_below(16) == 0)
        slot->job.deadline_us = tti_clock_now_us() + random_below(3000);
    enum tt_status status = tt_pool_submit(pools[pool], &slot->job);
    if (status == TT_OK) {
        slot->state = INSIDE;
        accepted_count++;
    } else {
        ck_assert_int_eq(status, TT_FULL);
        memset(slot, 0, sizeof *slot);
    }
}

static void take_back_one(void) {
    struct slot *slot = &slots[random_below(SLOT_COUNT)];
    if (slot->state != INSIDE)
        return;
    uint64_t how = random_below(6);
    if (how == 0) {
        ck_assert_int_ne(tt_job_interrupt(&slot->job), TT_INVALID); /* taken back, or asked; it may end as it likes */
        return;
    }
    enum tt_status status = how < 3 ? tt_job_abandon(&slot->job) : TT_TOO_LATE;
    if (status == TT_TOO_LATE) {
        status = tt_job_cancel(&slot->job);
        if (status == TT_OK)
            slot->is_cancelled = true;
    }
    ck_assert_int_ne(status, TT_INVALID);
}

static struct tt_pool *new_pool(struct tt_wake *wake, size_t i) {
    struct tt_pool_options options = {.name = i == 0 ? "left" : "right",
                                      .worker_count = 2 + (uint32_t)i,
                                      .queue_limit = 100,
                                      .spare_count = 3,
                                      .reserved_count = (uint32_t)i,
                                      .ageing_us = 2000,
                                      .queue_timeout_us = i == 0 ? 0 : 5000};
    return probe_pool_with(wake, &options);
}

/** The pool's end with whatever is inside, and a new one in its place. */
static void renew(struct tt_wake *wake, size_t i) {
    struct tt_job_snapshot left[4];
    size_t left_count = tt_pool_drain(pools[i], random_below(2000), left, COUNT_OF(left));
    if (left_count != 0)
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pools[i])); /* zombies here are short */
    PROBE_YIELD_UNTIL(probe_snapshot(pools[i]).zombie_count == 0);
    probe_check_books(pools[i]);
    tt_pool_destroy(pools[i]);
    pools[i] = new_pool(wake, i);
}

static void change_something(struct tt_wake *wake) {
    struct tt_pool *pool = pools[random_below(POOL_COUNT)];
    switch (random_below(16)) {
    case 0:
        renew(wake, random_below(POOL_COUNT));
        break;
    case 1:
    case 2:
    case 3:
        ck_assert_int_eq(tt_pool_set_limits(pool, 50 + (uint32_t)random_below(100), (uint32_t)random_below(5), 5000),
                         TT_OK);
        break;
    default:
        ck_assert_int_eq(tt_pool_resize(pool, 1 + (uint32_t)random_below(6)), TT_OK);
    }
}

static uint64_t jobs_wanted(void) {
    const char *text = getenv("CK_STRESS_JOBS"); /* NOLINT(concurrency-mt-unsafe): before any thread */
    if (text == NULL)
        return JOBS_DEFAULT;
    char *end = NULL;
    uint64_t count = strtoull(text, &end, 10);
    ck_assert_msg(count > 0 && *end == '\0', "CK_STRESS_JOBS=%s is no number", text);
    return count;
}

START_TEST(nothing_is_lost_or_told_twice) {
    uint64_t wanted = jobs_wanted();
    struct tt_wake *wake = probe_wake();
    for (size_t i = 0; i < POOL_COUNT; i++)
        pools[i] = new_pool(wake, i);
    while (accepted_count < wanted) {
        for (uint64_t n = random_below(64); n > 0; n--)
            submit_one();
        for (uint64_t n = random_below(16); n > 0; n--)
            take_back_one();
        if (random_below(500) == 0)
            change_something(wake);
        if (random_below(2) == 0)
            (void)tt_wake_dispatch(wake, 1 + random_below(100)); /* without prepare, too */
        else
            probe_turn(wake);
    }
    for (size_t i = 0; i < POOL_COUNT; i++) {
        ck_assert_uint_eq(tt_pool_drain(pools[i], PROBE_PATIENCE_US, NULL, 0), 0);
        PROBE_YIELD_UNTIL(probe_snapshot(pools[i]).zombie_count == 0);
        probe_check_books(pools[i]);
        tt_pool_destroy(pools[i]);
    }
    ck_assert_uint_eq(told_count, accepted_count);
    ck_assert_uint_eq(released_count, accepted_count);
    for (size_t i = 0; i < COUNT_OF(limiters); i++) {
        ck_assert_uint_eq(limiters[i].used_count, 0);
        ck_assert_uint_eq(limiters[i].waiting_count, 0);
    }
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    tt_wake_destroy(wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stress");
    TCase *tests = tcase_create("stress");
    tcase_set_timeout(tests, 3600); /* ctest has the shorter patience */
    tcase_add_test(tests, nothing_is_lost_or_told_twice);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}

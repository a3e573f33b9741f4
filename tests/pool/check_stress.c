/*
 * Stress: random submits, cancels, abandons, resizes, deadlines, drains, nests, gathers, calls and watches from one loop over
 * two pools.
 *
 * CK_STRESS_JOBS says how many jobs (200,000 without it). The seed is fixed, unless CK_STRESS_SEED names another: the loop
 * does the same each time, only the threads don't; what is drawn is drawn between two dispatches, never in a function that
 * is called back. Each job checks its own life; the books of the pools check all of them.
 *
 * Children that wait for a permit or for the other pool have a queue time-out: two parents, each in the pool that the other
 * one waits for, would wait for ever.
 */
#include "stress.h"

#define JOBS_DEFAULT 200000u
#define SEED_DEFAULT 88172645463325252u
#define DEPTH_MOST   2u

static void add_children(struct slot *slot, size_t pool, unsigned depth);

/** Draws what the job does and what bounds it. Not submitted yet. */
static void prepare(struct slot *slot, size_t pool, struct tt_context *inherited, unsigned depth) {
    slot->job.run = slot_run;
    slot->job.done = slot_done;
    slot->job.release = slot_release;
    slot->job.name = "stress";
    slot->job.id = "id";
    slot->spin = (uint32_t)random_below(random_below(50) == 0 ? 20000 : 200);
    slot->result = UINT64_MAX;
    slot->nest_status = TT_INVALID;
    slot->call_status = TT_INVALID;
    slot->context = inherited;
    if (random_below(4) == 0)
        slot->context = slot->job.context = stress.contexts[random_below(CONTEXT_COUNT)];
    if (depth > 0)
        slot->held = tt_context_hold(slot->context); /* the job itself holds it from its submit on */
    if (random_below(4) == 0)
        slot->job.priority = (enum tt_priority)random_below(TT_PRIORITY_COUNT);
    if (random_below(3) == 0)
        slot->job.key = &stress.keys[pool][random_below(KEY_COUNT)];
    slot->job.cost = (uint32_t)random_below(4);
    if (random_below(2) == 0)
        slot->job.interrupt = slot_interrupt;
    if (random_below(depth == 0 ? 4 : 8) == 0)
        slot->job.limiter = &stress.limiters[random_below(LIMITER_COUNT)];
    if (random_below(4) == 0 || (depth > 0 && slot->job.limiter != NULL))
        slot->job.queue_timeout_us = 1 + random_below(2000);
    if (random_below(4) == 0)
        slot->job.run_timeout_us = 1 + random_below(100);
    if (random_below(16) == 0)
        slot->job.deadline_us = tti_clock_now_us() + random_below(3000);
    uint64_t kind = random_below(16);
    if (kind < 3 && depth < DEPTH_MOST)
        add_children(slot, pool, depth);
    if (kind == 3 || kind == 4)
        slot->call_timeout_us = kind == 3 ? UINT64_MAX : 1 + random_below(200);
}

static struct slot *find_free(struct slot *slots, size_t count) {
    struct slot *slot = &slots[random_below(count)];
    return slot->state == FREE ? slot : NULL;
}

static void add_children(struct slot *slot, size_t pool, unsigned depth) {
    bool is_abroad = random_below(4) == 0;
    slot->children_pool = is_abroad ? 1 - pool : pool;
    slot->is_abroad = is_abroad;
    stress.abroad_count[slot->children_pool] += is_abroad;
    for (uint64_t n = 1 + random_below(CHILDREN_MAX); n > 0; n--) {
        struct slot *child = find_free(stress.children, CHILD_COUNT);
        if (child == NULL)
            continue;
        child->state = INSIDE; /* it is submitted out of our sight */
        child->parent = slot;
        prepare(child, slot->children_pool, slot->context, depth + 1);
        slot->items[slot->child_count++].job = &child->job;
    }
}

/** The pool's word for a job that was prepared. */
static void note_submitted(struct slot *slot, enum tt_status status) {
    if (status == TT_OK) {
        slot->state = INSIDE;
        stress.accepted_count++;
    } else {
        MUST(status == TT_FULL);
        slot_reset(slot);
    }
}

static void submit_one(void) {
    struct slot *slot = find_free(stress.slots, SLOT_COUNT);
    size_t pool = random_below(POOL_COUNT);
    struct tt_context *context = random_below(4) == 0 ? stress.contexts[random_below(CONTEXT_COUNT)] : NULL;
    if (slot == NULL)
        return;
    prepare(slot, pool, context, 0);
    struct tt_context *before = tt_context_enter(context);
    note_submitted(slot, tt_pool_submit(stress.pools[pool], &slot->job));
    (void)tt_context_enter(before);
}

/** Many that do nothing, so that workers take several at a time. */
static void submit_burst(void) {
    struct tt_pool *pool = stress.pools[random_below(POOL_COUNT)];
    uint64_t left = 64 + random_below(65);
    size_t at = random_below(SLOT_COUNT);
    for (size_t n = 0; n < SLOT_COUNT && left > 0; n++) {
        struct slot *slot = &stress.slots[(at + n) % SLOT_COUNT];
        if (slot->state != FREE)
            continue;
        slot->job = (struct tt_job){.run = slot_run, .done = slot_done, .release = slot_release};
        slot->result = UINT64_MAX;
        slot->spin = 1;
        note_submitted(slot, tt_pool_submit(pool, &slot->job));
        left--;
    }
}

static void take_back_one(void) {
    bool is_child = random_below(4) == 0;
    struct slot *slot =
        is_child ? &stress.children[random_below(CHILD_COUNT)] : &stress.slots[random_below(SLOT_COUNT)];
    uint64_t how = random_below(6);
    if (slot->state != INSIDE)
        return;
    if (how == 0) {
        enum tt_status asked = tt_job_interrupt(&slot->job); /* taken back, or asked; it may end as it likes */
        MUST(asked != TT_INVALID || is_child);               /* which may not have been submitted yet */
        return;
    }
    enum tt_status status = how < 3 ? tt_job_abandon(&slot->job) : TT_TOO_LATE;
    if (status == TT_TOO_LATE) {
        status = tt_job_cancel(&slot->job);
        if (status == TT_OK)
            slot->is_cancelled = true;
    }
    MUST(status != TT_INVALID || is_child);
}

/* -- watches and gathers -- */

static void meddle_with_watch(void) {
    struct spy *spy = &stress.spies[random_below(SPY_COUNT)];
    struct slot *slot = &stress.slots[random_below(SLOT_COUNT)];
    if (spy->watch.job != NULL) {
        if (random_below(4) == 0)
            tt_watch_stop(&spy->watch);
        return;
    }
    *spy = (struct spy){.watch = {.on_done = spy_done, .on_release = spy_release}, .slot = slot};
    enum tt_status status = tt_watch_start(&spy->watch, &slot->job);
    MUST(status == (slot->state == FREE ? TT_INVALID : TT_OK));
    MUST(status != TT_OK || (spy->watch.outcome != TT_NONE) == (slot->state == TOLD)); /* TOLD: a zombie */
    spy->is_told = slot->state == TOLD;
}

static void start_gather(struct party *party) {
    size_t pool = random_below(POOL_COUNT);
    struct slot *fresh[PARTY_MOST] = {NULL};
    size_t count = 0;
    memset(party, 0, sizeof *party);
    party->context = random_below(2) == 0 ? tt_context_hold(stress.contexts[random_below(CONTEXT_COUNT)]) : NULL;
    party->gather.done = party_done;
    party->gather.release = party_release;
    party->gather.flags = random_below(2) == 0 ? TT_GATHER_ALL : 0;
    party->gather.stop = random_below(2) == 0 ? TT_STOP_ASK : TT_STOP_ABANDON;
    party->gather.timeout_us = random_below(4) == 0 ? 1 + random_below(3000) : 0;
    for (uint64_t n = random_below(PARTY_MOST + 1); n > 0; n--) {
        struct slot *slot = &stress.slots[random_below(SLOT_COUNT)];
        if (slot->state == FREE) {
            prepare(slot, pool, party->context, 0);
            slot->state = TAKEN;
            fresh[count] = slot;
        } else if (slot->state != INSIDE) {
            continue; /* it is ours already, or told */
        }
        party->items[count].flags = random_below(8) == 0 ? TT_ITEM_SHIELD : 0;
        party->items[count++].job = &slot->job;
    }
    struct tt_context *before = tt_context_enter(party->context);
    MUST(tt_gather_start(&party->gather, stress.pools[pool], party->items, count) == TT_OK);
    (void)tt_context_enter(before);
    party->is_running = true;
    for (size_t i = 0; i < count; i++)
        if (fresh[i] != NULL)
            note_submitted(fresh[i], party->items[i].status);
}

static void meddle_with_gather(void) {
    struct party *party = &stress.parties[random_below(PARTY_COUNT)];
    uint64_t how = random_below(16);
    if (!party->is_running) {
        start_gather(party);
    } else if (how < 4) {
        enum tt_status status = tt_gather_cancel(&party->gather, how < 2 ? TT_STOP_ASK : TT_STOP_ABANDON);
        MUST(status == TT_TOO_LATE || (status == TT_OK && !party->is_done));
        party->is_cancelled |= status == TT_OK;
    } else if (how == 4) {
        tt_gather_detach(&party->gather);
        party_end(party);
    }
}

/* -- pools -- */

static struct tt_pool *new_pool(struct tt_wake *wake, size_t i) {
    struct tt_pool_options options = {.name = i == 0 ? "left" : "right",
                                      .worker_count = 2 + (uint32_t)i,
                                      .queue_limit = 200,
                                      .spare_count = 3,
                                      .reserved_count = i == 0 ? 0 : (uint32_t)random_below(3),
                                      .ageing_us = 2000,
                                      .queue_timeout_us = i == 0 ? 0 : 5000};
    return probe_pool_with(wake, &options);
}

static void end_pool(struct tt_pool *pool) {
    PROBE_YIELD_UNTIL(probe_snapshot(pool).zombie_count == 0);
    probe_check_books(pool);
    tt_pool_destroy(pool);
}

/** The pool's end with whatever is inside; both when jobs of the other one would still submit to it. */
static void renew(struct tt_wake *wake, size_t i) {
    struct tt_job_snapshot left[4];
    size_t end = stress.abroad_count[i] == 0 ? i + 1 : POOL_COUNT;
    i = stress.abroad_count[i] == 0 ? i : 0;
    for (size_t at = i; at < end; at++)
        (void)tt_pool_drain(stress.pools[at], random_below(2000), left, COUNT_OF(left));
    for (size_t at = i; at < end; at++)
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(stress.pools[at])); /* zombies here are short */
    for (size_t at = i; at < end; at++) {
        end_pool(stress.pools[at]);
        stress.pools[at] = new_pool(wake, at);
    }
}

/** Jobs hold the one before as long as they need it. */
static void renew_context(size_t i) {
    struct tt_context_values values = {.request_id = "stress"};
    if (i == 0)
        values.deadline_us = tti_clock_now_us() + 1000 + random_below(20000);
    tt_context_release(stress.contexts[i]);
    stress.contexts[i] = tt_context_create(&values, i == 1 ? stress.contexts[0] : NULL);
    MUST(stress.contexts[i] != NULL);
}

static void change_something(struct tt_wake *wake) {
    struct tt_pool *pool = stress.pools[random_below(POOL_COUNT)];
    switch (random_below(24)) {
    case 0:
        renew(wake, random_below(POOL_COUNT));
        break;
    case 1:
    case 2:
    case 3:
        MUST(tt_pool_set_limits(pool, 50 + (uint32_t)random_below(200), (uint32_t)random_below(5), 5000) == TT_OK);
        break;
    case 4:
    case 5:
    case 6:
    case 7:
        renew_context(random_below(CONTEXT_COUNT));
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        tt_limiter_pause(&stress.limiters[random_below(LIMITER_COUNT)]);
        break;
    default:
        MUST(tt_pool_resize(pool, 1 + (uint32_t)random_below(6)) == TT_OK);
    }
}

static void resume_all(void) {
    for (size_t i = 0; i < LIMITER_COUNT; i++)
        tt_limiter_resume(&stress.limiters[i]);
}

/** Whether something will wake the loop: not if all that is inside may wait for us to end a pause. */
static bool may_sleep(void) {
    bool is_idle = true;
    for (size_t i = 0; i < POOL_COUNT; i++)
        is_idle &= tt_pool_is_idle(stress.pools[i]);
    for (size_t i = 0; i < LIMITER_COUNT; i++)
        if (stress.limiters[i].is_paused)
            return false;
    return !is_idle;
}

static void turn(struct tt_wake *wake) {
    uint64_t began_us = tti_clock_now_us();
    if (random_below(2) == 0 || !may_sleep()) {
        (void)tt_wake_dispatch(wake, 1 + random_below(100)); /* without prepare, too */
        return;
    }
    probe_turn(wake);
    probe_give_up_after(began_us, "a wake that was lost");
}

static void turn_at_random(struct tt_wake *wake) {
    for (uint64_t n = random_below(64); n > 0; n--)
        submit_one();
    if (random_below(8) == 0)
        submit_burst();
    for (uint64_t n = random_below(4); n > 0; n--)
        meddle_with_gather();
    for (uint64_t n = random_below(8); n > 0; n--)
        meddle_with_watch();
    for (uint64_t n = random_below(16); n > 0; n--)
        take_back_one();
    if (random_below(20) == 0)
        resume_all();
    if (random_below(300) == 0)
        change_something(wake);
    turn(wake);
}

static bool are_gathers_over(void) {
    for (size_t i = 0; i < PARTY_COUNT; i++)
        if (stress.parties[i].is_running)
            return false;
    return true;
}

static void check_all_is_over(void) {
    ck_assert_uint_eq(stress.told_count, stress.accepted_count);
    ck_assert_uint_eq(stress.released_count, stress.accepted_count);
    for (size_t i = 0; i < LIMITER_COUNT; i++) {
        ck_assert_uint_eq(stress.limiters[i].used_count, 0);
        ck_assert_uint_eq(stress.limiters[i].waiting_count, 0);
    }
    for (size_t i = 0; i < SPY_COUNT; i++)
        ck_assert_ptr_null(stress.spies[i].watch.job);
    for (size_t i = 0; i < SLOT_COUNT; i++)
        ck_assert_int_eq(stress.slots[i].state, FREE);
    for (size_t i = 0; i < CHILD_COUNT; i++)
        ck_assert_int_eq(stress.children[i].state, FREE);
}

/** What has been stressed: a run that never came there would prove nothing. */
static void check_all_has_happened(void) {
    ck_assert_uint_gt(stress.seen.behind_another_in_hand, 0);
    ck_assert_uint_gt(stress.seen.children_done, 0);
    ck_assert_uint_gt(stress.seen.circles, 0);
    ck_assert_uint_gt(stress.seen.calls_run, 0);
    ck_assert_uint_gt(stress.seen.calls_not_run, 0);
    ck_assert_uint_gt(stress.seen.watched_releases, 0);
    for (size_t i = 0; i < COUNT_OF(stress.seen.gathers); i++)
        ck_assert_msg(stress.seen.gathers[i] > 0 || (i != TT_DONE && i != TT_FAILED && i != TT_CANCELLED),
                      "no gather has ended with outcome %zu", i);
}

static uint64_t number_of(const char *variable, uint64_t otherwise) {
    const char *text = getenv(variable); /* NOLINT(concurrency-mt-unsafe): before any thread */
    if (text == NULL)
        return otherwise;
    char *end = NULL;
    uint64_t number = strtoull(text, &end, 10);
    ck_assert_msg(number > 0 && *end == '\0', "%s=%s is no number above 0", variable, text);
    return number;
}

START_TEST(nothing_is_lost_or_told_twice) {
    uint64_t wanted = number_of("CK_STRESS_JOBS", JOBS_DEFAULT);
    stress.seed = number_of("CK_STRESS_SEED", SEED_DEFAULT);
    struct tt_wake *wake = probe_wake();
    for (size_t i = 0; i < CONTEXT_COUNT; i++)
        renew_context(i);
    for (size_t i = 0; i < POOL_COUNT; i++)
        stress.pools[i] = new_pool(wake, i);
    while (stress.accepted_count < wanted)
        turn_at_random(wake);
    for (uint64_t began_us = tti_clock_now_us(); stress.seen.behind_another_in_hand == 0;) {
        submit_burst(); /* on a busy machine no job may have been tiny yet */
        probe_turn(wake);
        probe_give_up_after(began_us, "a worker that takes several jobs");
    }
    resume_all();
    for (size_t i = 0; i < POOL_COUNT; i++)
        ck_assert_uint_eq(tt_pool_drain(stress.pools[i], PROBE_PATIENCE_US, NULL, 0), 0);
    PROBE_TURN_UNTIL(wake, are_gathers_over());
    for (size_t i = 0; i < POOL_COUNT; i++)
        end_pool(stress.pools[i]);
    check_all_is_over();
    if (wanted >= JOBS_DEFAULT)
        check_all_has_happened();
    for (size_t i = 0; i < CONTEXT_COUNT; i++)
        tt_context_release(stress.contexts[i]);
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

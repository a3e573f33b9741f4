/* Context: what a job is done for goes along with it, and nothing of it stays behind. */
#include "probe.h"

#include <semaphore.h>
#include <stdio.h>
#include <tothread/context.h>

/** A probe that notes which request its functions saw. */
struct carrier {
    struct probe probe;
    char in_run[32]; /* request_id, "" for none */
    char in_done[32];
    char in_release[32];
    struct tt_context *enters; /* what run makes current; may be NULL */
};

#define CARRIER_OF(job_) ((struct carrier *)((char *)(job_)-offsetof(struct carrier, probe.job)))

/** Copies the current request_id: it may be gone once the job is. */
static void note_request(char note[32]) {
    const char *request_id = tt_context_values(tt_context_current())->request_id;
    (void)snprintf(note, 32, "%s", request_id != NULL ? request_id : ""); /* ours are short */
}

static enum tt_outcome carrier_run(struct tt_job *job, void *worker_state) {
    struct carrier *carrier = CARRIER_OF(job);
    note_request(carrier->in_run);
    enum tt_outcome outcome = probe_run(job, worker_state);
    if (carrier->enters != NULL)
        (void)tt_context_enter(carrier->enters);
    return outcome;
}

static void carrier_done(struct tt_job *job) {
    note_request(CARRIER_OF(job)->in_done);
    probe_done(job);
}

static void carrier_release(struct tt_job *job) {
    note_request(CARRIER_OF(job)->in_release);
    probe_release(job);
}

static void carrier_init(struct carrier *carrier, struct gate *gate) {
    memset(carrier, 0, sizeof *carrier);
    probe_init(&carrier->probe, gate);
    carrier->probe.job.run = carrier_run;
    carrier->probe.job.done = carrier_done;
    carrier->probe.job.release = carrier_release;
}

static struct tt_context *context_of(const char *request_id) {
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.request_id = request_id}, NULL);
    ck_assert_ptr_nonnull(context);
    return context;
}

static void submit_in(struct tt_pool *pool, struct carrier *carrier, struct tt_context *context) {
    struct tt_context *before = tt_context_enter(context);
    probe_submit(pool, &carrier->probe);
    ck_assert_ptr_eq(tt_context_enter(before), context);
}

static void assert_saw(const struct carrier *carrier, const char *request_id) {
    ck_assert_str_eq(carrier->in_run, request_id);
    ck_assert_str_eq(carrier->in_done, request_id);
    ck_assert_str_eq(carrier->in_release, request_id);
}

START_TEST(context_of_submit_is_current_in_run_done_and_release) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    struct tt_context *contexts[2] = {context_of("first"), context_of("second")};
    struct carrier carriers[2];
    for (unsigned i = 0; i < 2; i++) {
        carrier_init(&carriers[i], NULL);
        submit_in(pool, &carriers[i], contexts[i]);
    }
    ck_assert_ptr_null(tt_context_current());
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_saw(&carriers[0], "first");
    assert_saw(&carriers[1], "second");
    ck_assert_ptr_null(tt_context_current());
    ck_assert_ptr_null(carriers[0].probe.job.context); /* the job named none, and names none now */
    tt_context_release(contexts[0]);
    tt_context_release(contexts[1]);
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_without_a_release_function_has_its_context_in_done) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *context = context_of("r");
    struct carrier carrier;
    carrier_init(&carrier, NULL);
    carrier.probe.job.release = NULL;
    submit_in(pool, &carrier, context);
    tt_context_release(context); /* the job holds it, to the end of its done */
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(carrier.probe.done_count, 1);
    ck_assert_str_eq(carrier.in_run, "r");
    ck_assert_str_eq(carrier.in_done, "r");
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_holds_its_context_when_nobody_else_does) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct carrier carrier;
    struct tt_context *context = context_of("held by the job alone");
    gate_init(&gate);
    carrier_init(&carrier, &gate);
    submit_in(pool, &carrier, context);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    tt_context_release(context);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_saw(&carrier, "held by the job alone");
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(context_that_the_job_names_wins) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *current = context_of("current");
    struct tt_context *named = context_of("named");
    struct carrier carrier;
    carrier_init(&carrier, NULL);
    carrier.probe.job.context = named;
    submit_in(pool, &carrier, current);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_saw(&carrier, "named");
    ck_assert_ptr_eq(carrier.probe.job.context, named); /* the caller's field stays as it was */
    tt_context_release(current);
    tt_context_release(named);
    probe_end(wake, pool);
}
END_TEST

START_TEST(job_without_context_sees_none_after_one_that_had) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *context = context_of("r");
    struct carrier with;
    struct carrier without;
    carrier_init(&with, NULL);
    carrier_init(&without, NULL);
    submit_in(pool, &with, context);
    tt_context_release(context);
    submit_in(pool, &without, NULL);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_saw(&without, "");
    probe_end(wake, pool);
}
END_TEST

START_TEST(what_a_function_makes_current_ends_with_it) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *contexts[2] = {context_of("submitted"), context_of("entered on the worker")};
    struct carrier carriers[2];
    for (unsigned i = 0; i < 2; i++) {
        carrier_init(&carriers[i], NULL);
        carriers[i].enters = contexts[1];
        submit_in(pool, &carriers[i], i == 0 ? contexts[0] : NULL);
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    assert_saw(&carriers[0], "submitted");
    assert_saw(&carriers[1], "");
    ck_assert_ptr_null(tt_context_current());
    tt_context_release(contexts[0]);
    tt_context_release(contexts[1]);
    probe_end(wake, pool);
}
END_TEST

static struct tt_pool *nested_pool;
static struct carrier nested;

static void submit_nested(struct tt_job *job) {
    carrier_done(job);
    probe_submit(nested_pool, &nested.probe); /* takes the context of this done along */
}

START_TEST(job_submitted_by_done_inherits_its_context) {
    struct tt_wake *wake = probe_wake();
    struct carrier outer;
    struct tt_context *context = context_of("inherited");
    nested_pool = probe_pool(wake, 1, 10, 0);
    carrier_init(&outer, NULL);
    carrier_init(&nested, NULL);
    outer.probe.job.done = submit_nested;
    submit_in(nested_pool, &outer, context);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(nested_pool));
    assert_saw(&nested, "inherited");
    tt_context_release(context);
    probe_end(wake, nested_pool);
}
END_TEST

struct poster {
    struct carrier carrier;
    struct tt_post post;
    struct tt_wake *wake;
    char in_post[32];
};

#define POSTER_OF(post_) ((struct poster *)((char *)(post_)-offsetof(struct poster, post)))

static void note_in_post(struct tt_post *post) {
    note_request(POSTER_OF(post)->in_post);
}

static enum tt_outcome run_and_post(struct tt_job *job, void *worker_state) {
    struct poster *poster = (struct poster *)CARRIER_OF(job);
    tt_wake_post(poster->wake, &poster->post);
    return carrier_run(job, worker_state);
}

START_TEST(post_runs_in_the_context_of_the_loop_and_not_of_its_sender) {
    struct poster poster = {.wake = probe_wake(), .post = {.fn = note_in_post}};
    struct tt_pool *pool = probe_pool(poster.wake, 1, 10, 0);
    struct tt_context *context = context_of("sender");
    struct tt_context *loops = context_of("loop");
    carrier_init(&poster.carrier, NULL);
    poster.carrier.probe.job.run = run_and_post;
    submit_in(pool, &poster.carrier, context);
    (void)tt_context_enter(loops);
    PROBE_TURN_UNTIL(poster.wake, tt_pool_is_idle(pool));
    (void)tt_context_enter(NULL);
    assert_saw(&poster.carrier, "sender");
    ck_assert_str_eq(poster.in_post, "loop");
    tt_context_release(loops);
    tt_context_release(context);
    probe_end(poster.wake, pool);
}
END_TEST

START_TEST(cancelled_and_expired_jobs_end_in_their_context) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe first;
    struct carrier carriers[2];
    struct tt_context *context = context_of("r");
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    for (unsigned i = 0; i < 2; i++) {
        carrier_init(&carriers[i], NULL);
        carriers[i].probe.job.queue_timeout_us = i == 0 ? 0 : 1;
        submit_in(pool, &carriers[i], context);
    }
    tt_context_release(context);
    ck_assert_int_eq(tt_job_cancel(&carriers[0].probe.job), TT_OK);
    PROBE_TURN_UNTIL(wake, carriers[1].probe.release_count == 1);
    for (unsigned i = 0; i < 2; i++) {
        probe_assert_ended(&carriers[i].probe, i == 0 ? TT_CANCELLED : TT_EXPIRED_QUEUE);
        ck_assert_str_eq(carriers[i].in_run, "");
        ck_assert_str_eq(carriers[i].in_done, "r");
        ck_assert_str_eq(carriers[i].in_release, "r");
    }
    ck_assert_ptr_null(tt_context_current());
    gate_open(&gate, 1);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

static char stop_saw[32] = "nothing yet";

static void stop_hook(void *context, void *state) {
    (void)context;
    (void)state;
    note_request(stop_saw);
}

static struct tt_pool *pool_with_stop_hook(struct tt_wake *wake, uint32_t worker_count) {
    struct tt_pool_options options = {
        .name = "stop", .worker_count = worker_count, .queue_limit = 10, .on_stop = stop_hook};
    return probe_pool_with(wake, &options);
}

START_TEST(stop_hook_sees_no_context_of_the_last_job) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = pool_with_stop_hook(wake, 1);
    struct tt_context *context = context_of("last");
    struct carrier carrier;
    carrier_init(&carrier, NULL);
    submit_in(pool, &carrier, context);
    tt_context_release(context);
    probe_end(wake, pool);
    ck_assert_str_eq(stop_saw, "");
}
END_TEST

START_TEST(inline_pool_leaves_the_loop_its_own_context) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = pool_with_stop_hook(wake, 0);
    struct tt_context *own = context_of("of the loop");
    struct tt_context *context = context_of("of the job");
    struct tt_context *entered = context_of("entered by the job");
    struct carrier carrier;
    carrier_init(&carrier, NULL);
    carrier.enters = entered;
    submit_in(pool, &carrier, context);
    tt_context_release(context);
    (void)tt_context_enter(own);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_ptr_eq(tt_context_current(), own);
    assert_saw(&carrier, "of the job");
    probe_end(wake, pool);
    ck_assert_str_eq(stop_saw, "of the loop");
    ck_assert_ptr_eq(tt_context_enter(NULL), own);
    tt_context_release(entered);
    tt_context_release(own);
}
END_TEST

static sem_t left_behind_released;

static void release_left_behind(struct tt_job *job) {
    carrier_release(job);
    (void)sem_post(&left_behind_released);
}

/** It used to keep its context for ever; under the address sanitizer that is a leak. */
START_TEST(job_that_outlives_its_pool_lets_its_context_go) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    unsigned thread_count = probe_thread_count() - 1; /* a sanitizer may have one of its own */
    struct gate gate;
    struct carrier carrier;
    struct tt_context *contexts[2] = {context_of("outlives"), context_of("entered")};
    gate_init(&gate);
    ck_assert_int_eq(sem_init(&left_behind_released, 0, 0), 0);
    carrier_init(&carrier, &gate);
    carrier.enters = contexts[1];
    carrier.probe.job.release = release_left_behind;
    submit_in(pool, &carrier, contexts[0]);
    tt_context_release(contexts[0]);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    gate_open(&gate, 1);
    gate_wait(&left_behind_released, "the release of a job that was left behind");
    PROBE_YIELD_UNTIL(probe_thread_count() <= thread_count);
    assert_saw(&carrier, "outlives");
    tt_context_release(contexts[1]);
    gate_deinit(&gate);
}
END_TEST

START_TEST(deadline_of_the_context_limits_the_wait) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe first;
    struct carrier late;
    uint64_t due_us = tti_clock_now_us() + 20000;
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.deadline_us = due_us}, NULL);
    gate_init(&gate);
    probe_start(pool, &first, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    carrier_init(&late, NULL);
    submit_in(pool, &late, context);
    ck_assert_uint_eq(late.probe.job.due_us, due_us);
    PROBE_TURN_UNTIL(wake, late.probe.done_count == 1);
    probe_assert_ended(&late.probe, TT_EXPIRED_QUEUE);
    ck_assert_uint_ge(late.probe.done_us, due_us);
    ck_assert_uint_eq(late.probe.run_count, 0);
    gate_open(&gate, 1);
    tt_context_release(context);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(deadline_of_the_context_limits_the_run) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct carrier carrier;
    uint64_t due_us = tti_clock_now_us() + 50000;
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.deadline_us = due_us}, NULL);
    struct tt_context *child = tt_context_create(&(struct tt_context_values){.request_id = "child"}, context);
    gate_init(&gate);
    carrier_init(&carrier, &gate);
    submit_in(pool, &carrier, child); /* the deadline comes from its parent */
    PROBE_TURN_UNTIL(wake, carrier.probe.done_count == 1);
    ck_assert_int_eq(carrier.probe.outcome, carrier.probe.run_count == 1 ? TT_EXPIRED_RUN : TT_EXPIRED_QUEUE);
    ck_assert_uint_ge(carrier.probe.done_us, due_us);
    gate_open(&gate, 1);
    tt_context_release(child);
    tt_context_release(context);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(nearer_deadline_counts_whether_the_jobs_or_its_contexts) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *past = tt_context_create(&(struct tt_context_values){.deadline_us = 1}, NULL);
    struct tt_context *far = tt_context_create(&(struct tt_context_values){.deadline_us = UINT64_MAX / 8}, NULL);
    struct carrier own;
    struct carrier taken;
    carrier_init(&own, NULL);
    own.probe.job.deadline_us = tti_clock_now_us() + 3600000000u;
    carrier_init(&taken, NULL);
    submit_in(pool, &own, far);
    ck_assert_uint_eq(own.probe.job.due_us, own.probe.job.deadline_us);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    probe_assert_ended(&own.probe, TT_DONE);
    taken.probe.job.deadline_us = tti_clock_now_us() + 3600000000u;
    uint64_t own_us = taken.probe.job.deadline_us;
    submit_in(pool, &taken, past);
    ck_assert_uint_eq(taken.probe.job.deadline_us, own_us); /* the caller's field is not written */
    ck_assert_uint_eq(taken.probe.job.due_us, 1);
    tt_context_release(past);
    tt_context_release(far);
    probe_end(wake, pool);
}
END_TEST

START_TEST(values_that_are_left_out_come_from_the_parent) {
    struct tt_context_pair old_pairs[] = {{"colour", "red"}, {"size", "small"}, {NULL, "no key"}};
    struct tt_context_pair new_pairs[] = {{"colour", "blue"}, {"shape", NULL}};
    struct tt_context *parent = tt_context_create(&(struct tt_context_values){.request_id = "p",
                                                                              .traceparent = "00-1-2-01",
                                                                              .tenant = "acme",
                                                                              .deadline_us = 7,
                                                                              .pairs = old_pairs,
                                                                              .pair_count = COUNT_OF(old_pairs)},
                                                  NULL);
    struct tt_context_values values = {.request_id = "c", .pairs = new_pairs, .pair_count = COUNT_OF(new_pairs)};
    struct tt_context *child = tt_context_create(&values, parent);
    struct tt_context *grandchild = tt_context_create(&(struct tt_context_values){.deadline_us = 9}, child);
    tt_context_release(parent); /* only borrowed: all texts were copied */
    tt_context_release(child);
    const struct tt_context_values *got = tt_context_values(grandchild);
    ck_assert_str_eq(got->request_id, "c");
    ck_assert_str_eq(got->traceparent, "00-1-2-01");
    ck_assert_str_eq(got->tenant, "acme");
    ck_assert_uint_eq(got->deadline_us, 7); /* the nearer one, not the newer */
    ck_assert_uint_eq(got->pair_count, 5);
    ck_assert_str_eq(tt_context_get(grandchild, "colour"), "blue"); /* the newest first */
    ck_assert_str_eq(tt_context_get(grandchild, "size"), "small");
    ck_assert_ptr_null(tt_context_get(grandchild, "shape"));
    ck_assert_ptr_null(tt_context_get(grandchild, "weight"));
    tt_context_release(grandchild);
}
END_TEST

START_TEST(no_context_has_no_values) {
    ck_assert_ptr_null(tt_context_hold(NULL));
    tt_context_release(NULL);
    ck_assert_ptr_null(tt_context_get(NULL, "colour"));
    ck_assert_ptr_null(tt_context_values(NULL)->request_id);
    ck_assert_uint_eq(tt_context_values(NULL)->deadline_us, 0);
}
END_TEST

static char *text_of(size_t size) {
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', size - 1);
    text[size - 1] = '\0';
    return text;
}

START_TEST(texts_beyond_64_KiB_are_refused) {
    char *whole = text_of(TT_CONTEXT_BYTES_MAX);
    char *half = text_of(TT_CONTEXT_BYTES_MAX / 2);
    struct tt_context *full = tt_context_create(&(struct tt_context_values){.tenant = whole}, NULL);
    ck_assert_ptr_nonnull(full);
    ck_assert_ptr_null(tt_context_create(&(struct tt_context_values){.request_id = ""}, full)); /* with the parent's */
    struct tt_context *same = tt_context_create(&(struct tt_context_values){.tenant = half}, full); /* in its place */
    ck_assert_ptr_nonnull(same);
    ck_assert_ptr_null(tt_context_create(&(struct tt_context_values){.tenant = whole, .request_id = ""}, NULL));
    struct tt_context_pair pairs[] = {{half, NULL}, {"", half}};
    ck_assert_ptr_null(tt_context_create(&(struct tt_context_values){.pairs = pairs, .pair_count = 2}, NULL));
    pairs[1].key = NULL;
    struct tt_context *paired = tt_context_create(&(struct tt_context_values){.pairs = pairs, .pair_count = 2}, NULL);
    ck_assert_ptr_nonnull(paired);
    tt_context_release(paired);
    tt_context_release(same);
    tt_context_release(full);
    free(whole);
    free(half);
}
END_TEST

/** Pairs without texts cost no bytes, but memory all the same. */
START_TEST(too_many_empty_pairs_are_refused) {
    struct tt_context_pair *pairs = calloc(TT_CONTEXT_BYTES_MAX + 1, sizeof *pairs);
    ck_assert_ptr_nonnull(pairs);
    struct tt_context_values values = {.pairs = pairs, .pair_count = TT_CONTEXT_BYTES_MAX + 1};
    ck_assert_ptr_null(tt_context_create(&values, NULL));
    values.pair_count--;
    struct tt_context *context = tt_context_create(&values, NULL);
    ck_assert_ptr_nonnull(context);
    tt_context_release(context);
    free(pairs);
}
END_TEST

/** Whoever lets it go last frees it, on whichever thread: the sanitizers see a second time, or none. */
START_TEST(context_is_shared_by_many_jobs_at_once) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 1000, 0);
    static struct carrier carriers[1000];
    for (unsigned round = 0; round < 5; round++) {
        struct tt_context *context = context_of("shared");
        for (unsigned i = 0; i < COUNT_OF(carriers); i++) {
            carrier_init(&carriers[i], NULL);
            submit_in(pool, &carriers[i], context);
        }
        tt_context_release(context);
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        for (unsigned i = 0; i < COUNT_OF(carriers); i++)
            assert_saw(&carriers[i], "shared");
    }
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("context");
    TCase *tests = tcase_create("context");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, context_of_submit_is_current_in_run_done_and_release);
    tcase_add_test(tests, job_without_a_release_function_has_its_context_in_done);
    tcase_add_test(tests, job_holds_its_context_when_nobody_else_does);
    tcase_add_test(tests, context_that_the_job_names_wins);
    tcase_add_test(tests, job_without_context_sees_none_after_one_that_had);
    tcase_add_test(tests, what_a_function_makes_current_ends_with_it);
    tcase_add_test(tests, job_submitted_by_done_inherits_its_context);
    tcase_add_test(tests, post_runs_in_the_context_of_the_loop_and_not_of_its_sender);
    tcase_add_test(tests, cancelled_and_expired_jobs_end_in_their_context);
    tcase_add_test(tests, stop_hook_sees_no_context_of_the_last_job);
    tcase_add_test(tests, inline_pool_leaves_the_loop_its_own_context);
    tcase_add_test(tests, job_that_outlives_its_pool_lets_its_context_go);
    tcase_add_test(tests, deadline_of_the_context_limits_the_wait);
    tcase_add_test(tests, deadline_of_the_context_limits_the_run);
    tcase_add_test(tests, nearer_deadline_counts_whether_the_jobs_or_its_contexts);
    tcase_add_test(tests, values_that_are_left_out_come_from_the_parent);
    tcase_add_test(tests, no_context_has_no_values);
    tcase_add_test(tests, texts_beyond_64_KiB_are_refused);
    tcase_add_test(tests, too_many_empty_pairs_are_refused);
    tcase_add_test(tests, context_is_shared_by_many_jobs_at_once);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}

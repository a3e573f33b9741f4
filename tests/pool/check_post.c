/* Posts: from any thread and from signal handlers, in order, none lost; and what a job posts comes before its done. */
#include "probe.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>

#define THREADS        3u
#define POSTS_A_THREAD 20000u
#define SIGNALS_MAX    20000u

struct numbered {
    struct tt_post post;
    uint32_t thread;
    uint32_t number;
};

static struct tt_wake *wake;
static struct numbered thread_posts[THREADS][POSTS_A_THREAD];
static struct numbered signal_posts[THREADS + 1][SIGNALS_MAX];
static uint32_t seen[THREADS];
static uint32_t signals_seen[THREADS + 1];
static _Atomic uint32_t signals_sent[THREADS + 1];
static _Thread_local volatile sig_atomic_t signal_slot;
static _Thread_local volatile sig_atomic_t signal_count; /* of this thread: its handler is the only writer */
static _Thread_local volatile sig_atomic_t is_inside;    /* the thread sanitizer runs a handler within itself */

static void on_thread_post(struct tt_post *post) {
    const struct numbered *numbered = (const struct numbered *)post;
    ck_assert_uint_eq(numbered->number, seen[numbered->thread]);
    seen[numbered->thread]++;
}

static void on_signal_post(struct tt_post *post) {
    const struct numbered *numbered = (const struct numbered *)post;
    ck_assert_uint_eq(numbered->number, signals_seen[numbered->thread]);
    signals_seen[numbered->thread]++;
}

/** On whichever thread the kernel picks: in the middle of a post of that thread, or of the loop's dispatch. */
static void on_alarm(int signal_number) {
    (void)signal_number;
    uint32_t slot = (uint32_t)signal_slot;
    uint32_t number = (uint32_t)signal_count;
    if (number == SIGNALS_MAX || is_inside)
        return;
    is_inside = 1;
    signal_count = (int)number + 1;
    struct numbered *numbered = &signal_posts[slot][number];
    numbered->post.fn = on_signal_post;
    numbered->thread = slot;
    numbered->number = number;
    atomic_store(&signals_sent[slot], number + 1);
    tt_wake_post(wake, &numbered->post);
    is_inside = 0;
}

static void *post_all(void *argument) {
    struct numbered *posts = argument;
    sigset_t alarms;
    (void)sigemptyset(&alarms); /* these can't fail with constant arguments */
    (void)sigaddset(&alarms, SIGALRM);
    signal_slot = (int)posts[0].thread; /* before that the handler would take another thread's posts */
    (void)pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    for (uint32_t i = 0; i < POSTS_A_THREAD; i++) {
        tt_wake_post(wake, &posts[i].post);
        if (i % 64 == 0)
            (void)pthread_kill(pthread_self(), SIGALRM); /* some at least, however coarse the timer is */
    }
    return NULL;
}

START_TEST(posts_of_threads_and_of_handlers_that_interrupt_them_keep_their_order) {
    pthread_t threads[THREADS];
    sigset_t alarms;
    sigset_t before;
    (void)sigemptyset(&alarms);
    (void)sigaddset(&alarms, SIGALRM);
    wake = probe_wake();
    signal_slot = THREADS;
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &alarms, &before), 0); /* the threads begin with it blocked */
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    struct itimerval often = {.it_interval = {.tv_usec = 200}, .it_value = {.tv_usec = 200}};
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    for (uint32_t t = 0; t < THREADS; t++) {
        for (uint32_t i = 0; i < POSTS_A_THREAD; i++)
            thread_posts[t][i] = (struct numbered){.post = {.fn = on_thread_post}, .thread = t, .number = i};
        ck_assert_int_eq(pthread_create(&threads[t], NULL, post_all, thread_posts[t]), 0);
    }
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    for (uint32_t t = 0; t < THREADS; t++)
        PROBE_TURN_UNTIL(wake, seen[t] == POSTS_A_THREAD);
    for (uint32_t t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
    uint32_t sum = 0;
    for (uint32_t t = 0; t <= THREADS; t++) {
        PROBE_TURN_UNTIL(wake, signals_seen[t] == atomic_load(&signals_sent[t]));
        sum += signals_seen[t];
    }
    ck_assert_uint_gt(sum, 0);
    ck_assert_int_eq(tt_wake_prepare(wake), -1); /* none twice, none left */
    tt_wake_destroy(wake);
}
END_TEST

struct posting;

struct owned_post {
    struct tt_post post;
    struct posting *posting;
    uint32_t number;
};

struct posting {
    struct probe probe;
    struct owned_post posts[3];
    uint32_t seen;
    uint32_t seen_in_done;
};

#define POSTING_OF(job_) ((struct posting *)((char *)(job_)-offsetof(struct posting, probe.job)))

static void on_owned_post(struct tt_post *post) {
    const struct owned_post *owned = (const struct owned_post *)post;
    ck_assert_uint_eq(owned->posting->seen, owned->number);
    owned->posting->seen++;
}

static enum tt_outcome posting_run(struct tt_job *job, void *worker_state) {
    struct posting *posting = POSTING_OF(job);
    for (unsigned i = 0; i < COUNT_OF(posting->posts); i++) {
        posting->posts[i] = (struct owned_post){.post = {.fn = on_owned_post}, .posting = posting, .number = i};
        tt_wake_post(wake, &posting->posts[i].post);
    }
    return probe_run(job, worker_state);
}

static void posting_done(struct tt_job *job) {
    struct posting *posting = POSTING_OF(job);
    posting->seen_in_done = posting->seen;
    probe_done(job);
}

/** A job whose posts came after its done could not use posts that live in it. */
static void check_posts_come_before_done(uint32_t worker_count) {
    static struct posting postings[2000];
    wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, worker_count, COUNT_OF(postings), 0);
    for (unsigned i = 0; i < COUNT_OF(postings); i++) {
        probe_init(&postings[i].probe, NULL);
        postings[i].probe.job.run = posting_run;
        postings[i].probe.job.done = posting_done;
        probe_submit(pool, &postings[i].probe);
        if (i % 16 == 0)
            (void)tt_wake_dispatch(wake, 8); /* capped: jobs wait on the loop's own list as well */
    }
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    for (unsigned i = 0; i < COUNT_OF(postings); i++) {
        probe_assert_ended(&postings[i].probe, TT_DONE);
        ck_assert_uint_eq(postings[i].seen_in_done, 3);
    }
    probe_end(wake, pool);
}

START_TEST(what_a_job_posts_comes_before_its_done) {
    check_posts_come_before_done(2);
}
END_TEST

START_TEST(what_an_inline_job_posts_comes_before_its_done) {
    check_posts_come_before_done(0);
}
END_TEST

/** The order must not depend on luck: the job ends while the loop is inside a dispatch, after its posts. */
static struct posting *slow_posting;
static struct gate slow_gate;

static void hold_loop(struct tt_timer *timer) {
    (void)timer;
    gate_open(&slow_gate, 1);
    PROBE_YIELD_UNTIL(probe_snapshot(slow_posting->probe.job.pool).busy_count == 0);
}

static enum tt_outcome slow_run(struct tt_job *job, void *worker_state) {
    gate_pass(&slow_gate);
    return posting_run(job, worker_state);
}

START_TEST(job_that_posts_and_ends_during_a_dispatch_keeps_the_order) {
    struct posting posting = {0};
    struct tt_timer timer = {0};
    wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    gate_init(&slow_gate);
    slow_posting = &posting;
    probe_init(&posting.probe, NULL);
    posting.probe.job.run = slow_run;
    posting.probe.job.done = posting_done;
    probe_submit(pool, &posting.probe);
    tt_wake_flush(wake);
    gate_await(&slow_gate, 1);
    tt_timer_start(wake, &timer, 0, hold_loop);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    ck_assert_uint_eq(posting.seen_in_done, 3);
    probe_end(wake, pool);
    gate_deinit(&slow_gate);
}
END_TEST

static void on_never(struct tt_post *post) {
    (void)post;
    ck_abort_msg("the wake has gone");
}

START_TEST(post_that_waits_when_the_wake_ends_is_dropped) {
    struct tt_post post = {.fn = on_never};
    wake = probe_wake();
    tt_wake_post(wake, &post);
    tt_wake_destroy(wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("post");
    TCase *tests = tcase_create("post");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, posts_of_threads_and_of_handlers_that_interrupt_them_keep_their_order);
    tcase_add_test(tests, what_a_job_posts_comes_before_its_done);
    tcase_add_test(tests, what_an_inline_job_posts_comes_before_its_done);
    tcase_add_test(tests, job_that_posts_and_ends_during_a_dispatch_keeps_the_order);
    tcase_add_test(tests, post_that_waits_when_the_wake_ends_is_dropped);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}

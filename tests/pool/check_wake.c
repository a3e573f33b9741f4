/* The wake: its contract with the loop, its pipe and its posts. */
#include "pool/fault.h"
#include "pool/internal.h"
#include "probe.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define POST_THREADS   4u
#define POSTS_A_THREAD 5000u

static bool is_readable(const struct tt_wake *wake) {
    struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
    return poll(&watched, 1, 0) == 1;
}

static void await_readable(const struct tt_wake *wake) {
    struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
    ck_assert_int_eq(poll(&watched, 1, GATE_PATIENCE_S * 1000), 1);
}

static int bytes_in_pipe(const struct tt_wake *wake) {
    int count = -1;
    ck_assert_int_eq(ioctl(tt_wake_fd(wake), FIONREAD, &count), 0);
    return count;
}

/** How many jobs stand on the completion list. The loop is not dispatching. */
static unsigned finished_count(struct tt_wake *wake) {
    unsigned count = 0;
    for (const struct tt_job *job = atomic_load(&wake->finished); job != NULL; job = job->next)
        count++;
    return count;
}

/** Puts count jobs at the gate; the loop is not asleep afterwards. */
static void park(struct tt_wake *wake, struct tt_pool *pool, struct gate *gate, struct probe *probes, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        probe_start(pool, &probes[i], gate);
    tt_wake_flush(wake);
    gate_await(gate, count);
}

START_TEST(prepare_without_anything_says_wait_for_the_descriptor) {
    struct tt_wake *wake = probe_wake();
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    ck_assert(!is_readable(wake));
    ck_assert_uint_eq(tt_wake_dispatch(wake, 100), 0);
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(descriptor_is_closed_on_exec_and_never_blocks) {
    struct tt_wake *wake = probe_wake();
    ck_assert_int_ne(fcntl(tt_wake_fd(wake), F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(wake->write_fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ne(fcntl(tt_wake_fd(wake), F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(wake->write_fd, F_GETFL) & O_NONBLOCK, 0);
    tt_wake_destroy(wake);
    tt_wake_destroy(NULL);
}
END_TEST

START_TEST(sleeping_loop_gets_one_byte_for_many_completions) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 100, 0);
    struct gate gate;
    struct probe probes[50];
    gate_init(&gate);
    for (unsigned i = 0; i < 50; i++)
        probe_start(pool, &probes[i], &gate);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    gate_open(&gate, 50);
    await_readable(wake);
    PROBE_YIELD_UNTIL(finished_count(wake) == 50);
    ck_assert_int_eq(bytes_in_pipe(wake), 1);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 100), 50);
    ck_assert(!is_readable(wake));
    for (unsigned i = 0; i < 50; i++)
        probe_assert_ended(&probes[i], TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(loop_that_is_awake_gets_no_byte) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 100, 0);
    struct gate gate;
    struct probe probes[4];
    gate_init(&gate);
    (void)tt_wake_prepare(wake);
    (void)tt_wake_dispatch(wake, 100);
    park(wake, pool, &gate, probes, 4);
    gate_open(&gate, 4);
    PROBE_YIELD_UNTIL(finished_count(wake) == 4);
    ck_assert_int_eq(bytes_in_pipe(wake), 0);
    ck_assert_int_eq(tt_wake_prepare(wake), 0); /* it must not sleep, though nobody wrote */
    ck_assert_uint_eq(tt_wake_dispatch(wake, 100), 4);
    ck_assert(!is_readable(wake));
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(dispatch_runs_no_more_than_the_cap) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 100, 0);
    struct gate gate;
    struct probe probes[10];
    uint32_t dones = 0;
    gate_init(&gate);
    for (unsigned i = 0; i < 10; i++) {
        probe_init(&probes[i], &gate);
        probes[i].dones = &dones;
        probe_submit(pool, &probes[i]);
    }
    tt_wake_flush(wake);
    gate_open(&gate, 10);
    PROBE_YIELD_UNTIL(finished_count(wake) == 10);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 3), 3);
    ck_assert_uint_eq(dones, 3);
    ck_assert_int_eq(tt_wake_prepare(wake), 0); /* there is more */
    ck_assert_uint_eq(tt_wake_dispatch(wake, 3), 3);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 3), 3);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 3), 1);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    (void)tt_wake_dispatch(wake, 3);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

START_TEST(cap_holds_for_cancelled_jobs_too) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 100, 0);
    struct probe probes[10];
    uint32_t dones = 0;
    for (unsigned i = 0; i < 10; i++) {
        probe_init(&probes[i], NULL);
        probes[i].dones = &dones;
        probe_submit(pool, &probes[i]);
        ck_assert_int_eq(tt_job_cancel(&probes[i].job), TT_OK);
    }
    ck_assert_uint_eq(tt_wake_dispatch(wake, 4), 4);
    ck_assert_uint_eq(dones, 4);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    ck_assert_uint_eq(tt_wake_dispatch(wake, 100), 6);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_uint_eq(probes[i].done_order, i + 1);
    probe_end(wake, pool);
}
END_TEST

/** The capped rest must not make a loop sleep that never prepares. */
START_TEST(loop_with_poll_alone_is_woken_for_the_capped_rest) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 4, 100, 0);
    struct probe probes[40];
    for (unsigned i = 0; i < 40; i++)
        probe_start(pool, &probes[i], NULL);
    tt_wake_flush(wake);
    size_t count = 0;
    while (count < 40) {
        await_readable(wake);
        size_t now_count = tt_wake_dispatch(wake, 3);
        ck_assert_uint_le(now_count, 3);
        count += now_count;
    }
    ck_assert(tt_pool_is_idle(pool));
    probe_end(wake, pool);
}
END_TEST

START_TEST(loop_with_poll_alone_finds_its_pipe_empty_at_rest) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 100, 0);
    for (unsigned round = 0; round < 200; round++) {
        struct probe probe;
        probe_start(pool, &probe, NULL);
        tt_wake_flush(wake);
        while (probe.done_count == 0) {
            await_readable(wake);
            (void)tt_wake_dispatch(wake, 100);
        }
        ck_assert(!is_readable(wake));
        ck_assert_uint_eq(wake->bytes_expected, 0);
    }
    probe_end(wake, pool);
}
END_TEST

static void post_nothing(struct tt_post *post) {
    (void)post;
}

/** Each extra dispatch used to wait for a byte that nobody owed. */
START_TEST(dispatch_twice_in_a_turn_expects_no_byte) {
    struct tt_wake *wake = probe_wake();
    for (unsigned i = 0; i < 10; i++) {
        (void)tt_wake_prepare(wake);
        (void)tt_wake_dispatch(wake, 100);
        (void)tt_wake_dispatch(wake, 100);
        ck_assert_uint_eq(wake->bytes_expected, 0);
    }
    tt_wake_destroy(wake);
}
END_TEST

START_TEST(cancel_wakes_a_loop_that_never_prepares) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe probes[2];
    struct pollfd watched = {.fd = tt_wake_fd(wake), .events = POLLIN};
    gate_init(&gate);
    probe_start(pool, &probes[0], &gate);
    probe_start(pool, &probes[1], NULL);
    (void)tt_wake_dispatch(wake, 10);
    gate_await(&gate, 1);
    ck_assert_int_eq(poll(&watched, 1, 0), 0);
    ck_assert_int_eq(tt_job_cancel(&probes[1].job), TT_OK);
    ck_assert_int_eq(poll(&watched, 1, 0), 1);
    (void)tt_wake_dispatch(wake, 10);
    probe_assert_ended(&probes[1], TT_CANCELLED);
    gate_open(&gate, 1);
    probe_end(wake, pool);
}
END_TEST

/** A byte written between two calls of prepare used to stay in the pipe, and the descriptor readable for ever. */
START_TEST(prepare_twice_in_a_turn_loses_no_byte) {
    struct tt_wake *wake = probe_wake();
    struct tt_post posts[2] = {{.fn = post_nothing}, {.fn = post_nothing}};
    (void)tt_wake_prepare(wake);
    tt_wake_post(wake, &posts[0]);
    ck_assert_int_eq(bytes_in_pipe(wake), 1);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    ck_assert_uint_eq(wake->bytes_expected, 1);
    tt_wake_post(wake, &posts[1]);
    ck_assert_int_eq(bytes_in_pipe(wake), 2);
    (void)tt_wake_dispatch(wake, 100);
    ck_assert_int_eq(bytes_in_pipe(wake), 0);
    ck_assert_uint_eq(wake->bytes_expected, 0);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    ck_assert(!is_readable(wake));
    tt_wake_destroy(wake);
}
END_TEST

static void fill_pipe(const struct tt_wake *wake) {
    char bytes[4096];
    memset(bytes, 0, sizeof bytes);
    while (write(wake->write_fd, bytes, sizeof bytes) > 0) {
    }
    while (write(wake->write_fd, bytes, 1) > 0) {
    }
    ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(full_pipe_is_as_good_as_a_byte) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    fill_pipe(wake);
    probe_start(pool, &probe, &gate);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&wake->is_asleep) == 0);
    await_readable(wake);
    (void)tt_wake_dispatch(wake, 100);
    probe_assert_ended(&probe, TT_DONE);
    ck_assert_int_eq(bytes_in_pipe(wake), 0); /* what was too much doesn't keep the loop awake */
    ck_assert_uint_eq(wake->bytes_expected, 0);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

/** The byte was not written: the job must still be found by the next dispatch, whatever woke the loop. */
START_TEST(completion_is_not_lost_when_the_write_fails) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct probe probe;
    gate_init(&gate);
    atomic_store(&tti_faults.pipe_is_full, 1);
    probe_start(pool, &probe, &gate);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&tti_faults.pipe_is_full) == 0);
    ck_assert_int_eq(bytes_in_pipe(wake), 0);
    ck_assert_int_eq(tt_wake_prepare(wake), 0);
    (void)tt_wake_dispatch(wake, 100);
    probe_assert_ended(&probe, TT_DONE);
    probe_end(wake, pool);
    gate_deinit(&gate);
}
END_TEST

struct numbered_post {
    struct tt_post post;
    unsigned thread;
    unsigned number;
};

struct poster {
    struct tt_wake *wake;
    struct numbered_post *posts;
};

static unsigned posts_seen[POST_THREADS];

static void on_numbered_post(struct tt_post *post) {
    const struct numbered_post *numbered = (const struct numbered_post *)post;
    ck_assert_uint_eq(numbered->number, posts_seen[numbered->thread]);
    posts_seen[numbered->thread]++;
}

static void *post_all(void *argument) {
    struct poster *poster = argument;
    for (unsigned i = 0; i < POSTS_A_THREAD; i++)
        tt_wake_post(poster->wake, &poster->posts[i].post);
    return NULL;
}

START_TEST(posts_of_a_thread_keep_their_order_and_none_is_lost) {
    struct tt_wake *wake = probe_wake();
    pthread_t threads[POST_THREADS];
    struct poster posters[POST_THREADS];
    for (unsigned t = 0; t < POST_THREADS; t++) {
        struct numbered_post *posts = calloc(POSTS_A_THREAD, sizeof *posts);
        ck_assert_ptr_nonnull(posts);
        for (unsigned i = 0; i < POSTS_A_THREAD; i++)
            posts[i] = (struct numbered_post){.post = {.fn = on_numbered_post}, .thread = t, .number = i};
        posters[t] = (struct poster){.wake = wake, .posts = posts};
        ck_assert_int_eq(pthread_create(&threads[t], NULL, post_all, &posters[t]), 0);
    }
    for (unsigned t = 0; t < POST_THREADS; t++)
        PROBE_TURN_UNTIL(wake, posts_seen[t] == POSTS_A_THREAD);
    for (unsigned t = 0; t < POST_THREADS; t++) {
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
        free(posters[t].posts);
    }
    ck_assert_int_eq(tt_wake_prepare(wake), -1);
    tt_wake_destroy(wake);
}
END_TEST

static struct tt_wake *signal_wake;
static struct tt_post signal_posts[3];
static unsigned signal_count;
static unsigned signal_posts_seen;

static void on_signal(int number) {
    (void)number;
    errno = EDOM; /* what a handler leaves behind must not come from the post */
    tt_wake_post(signal_wake, &signal_posts[signal_count++]);
    if (errno != EDOM)
        _exit(99);
}

static void on_signal_post(struct tt_post *post) {
    ck_assert_ptr_eq(post, &signal_posts[signal_posts_seen]);
    signal_posts_seen++;
}

START_TEST(post_from_a_signal_handler_wakes_the_loop) {
    signal_wake = probe_wake();
    for (unsigned i = 0; i < COUNT_OF(signal_posts); i++)
        signal_posts[i].fn = on_signal_post;
    struct sigaction action = {.sa_handler = on_signal};
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(raise(SIGUSR1), 0); /* before the loop has ever prepared */
    ck_assert_int_eq(tt_wake_prepare(signal_wake), 0);
    (void)tt_wake_dispatch(signal_wake, 100);
    ck_assert_int_eq(tt_wake_prepare(signal_wake), -1);
    ck_assert_int_eq(raise(SIGUSR1), 0); /* after prepare, before poll: the classical race */
    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert(is_readable(signal_wake));
    (void)tt_wake_dispatch(signal_wake, 100);
    ck_assert_uint_eq(signal_posts_seen, 3);
    ck_assert(!is_readable(signal_wake));
    tt_wake_destroy(signal_wake);
}
END_TEST

static struct tt_wake *repost_wake;
static unsigned repost_count;

static void on_repost(struct tt_post *post) {
    if (++repost_count < 5)
        tt_wake_post(repost_wake, post);
}

START_TEST(post_may_post_itself_again_and_waits_for_the_next_dispatch) {
    repost_wake = probe_wake();
    struct tt_post post = {.fn = on_repost};
    tt_wake_post(repost_wake, &post);
    for (unsigned turn = 1; turn <= 5; turn++) {
        ck_assert_int_eq(tt_wake_prepare(repost_wake), 0);
        (void)tt_wake_dispatch(repost_wake, 100);
        ck_assert_uint_eq(repost_count, turn);
    }
    ck_assert_int_eq(tt_wake_prepare(repost_wake), -1);
    tt_wake_destroy(repost_wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wake");
    TCase *tests = tcase_create("wake");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, full_pipe_is_as_good_as_a_byte);
    tcase_add_test(tests, completion_is_not_lost_when_the_write_fails);
    tcase_add_test(tests, dispatch_twice_in_a_turn_expects_no_byte);
    tcase_add_test(tests, cancel_wakes_a_loop_that_never_prepares);
    tcase_add_test(tests, prepare_twice_in_a_turn_loses_no_byte);
    tcase_add_test(tests, dispatch_runs_no_more_than_the_cap);
    tcase_add_test(tests, cap_holds_for_cancelled_jobs_too);
    tcase_add_test(tests, loop_with_poll_alone_is_woken_for_the_capped_rest);
    tcase_add_test(tests, loop_with_poll_alone_finds_its_pipe_empty_at_rest);
    tcase_add_test(tests, prepare_without_anything_says_wait_for_the_descriptor);
    tcase_add_test(tests, descriptor_is_closed_on_exec_and_never_blocks);
    tcase_add_test(tests, sleeping_loop_gets_one_byte_for_many_completions);
    tcase_add_test(tests, loop_that_is_awake_gets_no_byte);
    tcase_add_test(tests, posts_of_a_thread_keep_their_order_and_none_is_lost);
    tcase_add_test(tests, post_from_a_signal_handler_wakes_the_loop);
    tcase_add_test(tests, post_may_post_itself_again_and_waits_for_the_next_dispatch);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}

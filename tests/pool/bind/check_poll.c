/* <tothread/bind/poll.h> in a loop of poll(2). Mode 1: the loop watches a descriptor of its own as well. */
#include "tests/pool/bind/scenario.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <tothread/bind/poll.h>
#include <unistd.h>

static struct {
    struct tt_wake *wake;
    int ends[2];
    nfds_t count;
    void (*fn)(void);
    bool is_stopped;
} host;

static void host_open(struct tt_wake *wake, int mode) {
    host.wake = wake;
    host.count = (nfds_t)mode;
    ck_assert_int_eq(pipe2(host.ends, O_CLOEXEC), 0);
}

static void host_call(void (*fn)(void)) {
    host.fn = fn;
}

static void host_run(void) {
    struct pollfd fds[2] = {{.fd = host.ends[0], .events = POLLIN}};
    host.is_stopped = false;
    while (!host.is_stopped) {
        void (*fn)(void) = host.fn;
        host.fn = NULL;
        if (fn != NULL)
            fn();
        if (!host.is_stopped)
            ck_assert_int_eq(tt_bind_poll_turn(host.wake, host.count == 0 ? NULL : fds, host.count, -1), 0);
    }
}

static void host_stop(void) {
    host.is_stopped = true;
}

static void host_close(void) {
    ck_assert_int_eq(close(host.ends[0]), 0);
    ck_assert_int_eq(close(host.ends[1]), 0);
}

START_TEST(own_descriptors_are_told_from_the_wakes) {
    scene_open(1, 1);
    struct pollfd fds[2] = {{.fd = host.ends[0], .events = POLLIN}};
    ck_assert_int_eq(tt_bind_poll_turn(host.wake, fds, 1, 0), 0);
    ck_assert_int_eq(fds[0].revents, 0);
    start_poster();
    ck_assert_int_eq(pthread_join(poster, NULL), 0);
    ck_assert_int_eq(write(host.ends[1], "x", 1), 1);
    ck_assert_int_eq(tt_bind_poll_turn(host.wake, fds, 1, -1), 1); /* the post is no descriptor of ours */
    ck_assert_int_eq(fds[0].revents, POLLIN);
    ck_assert(host.is_stopped);
    scene_close();
}
END_TEST

START_TEST(caller_limits_the_sleep_and_so_does_what_is_due) {
    scene_open(1, 0);
    start_timer(); /* 30 ms */
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(tt_bind_poll_turn(host.wake, NULL, 0, 1), 0);
    while (!host.is_stopped)
        ck_assert_int_eq(tt_bind_poll_turn(host.wake, NULL, 0, 3600000), 0);
    ck_assert_uint_ge(scene.fired_us - scene.began_us, 30000);
    scene_close();
}
END_TEST

static void do_nothing(int number) {
    (void)number;
}

START_TEST(signal_ends_a_turn_which_was_made_all_the_same) {
    scene_open(1, 0);
    struct sigaction action = {.sa_handler = do_nothing};
    const struct itimerval again = {{0, 10000}, {0, 10000}}; /* again and again: the first may come before the sleep */
    const struct itimerval never = {0};
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &again, NULL), 0);
    scene.to_come = 1;
    scene_submit(&scene.probes[0], &scene.gate);
    errno = 0;
    ck_assert_int_eq(tt_bind_poll_turn(host.wake, NULL, 0, -1), -1);
    ck_assert_int_eq(errno, EINTR);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    gate_await(&scene.gate, 1); /* the job was handed over */
    gate_open(&scene.gate, 1);
    host_run();
    scene_close();
}
END_TEST

int main(void) {
    TCase *own = tcase_create("poll alone");
    tcase_set_timeout(own, 60);
    tcase_add_test(own, own_descriptors_are_told_from_the_wakes);
    tcase_add_test(own, caller_limits_the_sleep_and_so_does_what_is_due);
    tcase_add_test(own, signal_ends_a_turn_which_was_made_all_the_same);
    return scenario_main("bind_poll", 2, own);
}

/* <tothread/bind/libevent.h> in an event_base. Mode 0: tt_bind_libevent_run; mode 1: the program keeps its event_base_dispatch. */
#include "tests/pool/bind/scenario.h"

#include <tothread/bind/libevent.h>

static struct {
    struct event_base *base;
    struct tt_bind_libevent bind;
    int mode;
} host;

static void host_open(struct tt_wake *wake, int mode) {
    host.base = event_base_new();
    host.mode = mode;
    ck_assert_ptr_nonnull(host.base);
    ck_assert_int_eq(tt_bind_libevent_open(&host.bind, host.base, wake), TT_OK);
}

static void call(evutil_socket_t fd, short what, void *fn) {
    (void)fd;
    (void)what;
    ((void (*)(void))(uintptr_t)fn)();
    if (host.mode == 1)
        tt_bind_libevent_update(&host.bind);
}

static void host_call(void (*fn)(void)) {
    ck_assert_int_eq(event_base_once(host.base, -1, EV_TIMEOUT, call, (void *)(uintptr_t)fn, NULL), 0);
}

static void host_run(void) {
    ck_assert_int_eq(host.mode == 0 ? tt_bind_libevent_run(&host.bind) : event_base_dispatch(host.base), 0);
}

static void host_stop(void) {
    ck_assert_int_eq(event_base_loopbreak(host.base), 0);
}

static void host_close(void) {
    tt_bind_libevent_close(&host.bind);
    ck_assert_int_eq(event_base_dispatch(host.base), 1); /* no event is left */
    event_base_free(host.base);
}

static void close_and_go_on(struct tt_job *job) {
    probe_done(job);
    tt_bind_libevent_close(&host.bind);
}

START_TEST(close_in_a_done_function_lets_the_loop_end) {
    scene_open(1, _i);
    probe_init(&scene.probes[0], NULL);
    scene.probes[0].job.done = close_and_go_on;
    probe_submit(scene.pool, &scene.probes[0]);
    if (_i == 0) {
        ck_assert_int_eq(tt_bind_libevent_run(&host.bind), 1);
    } else {
        tt_bind_libevent_update(&host.bind);
        ck_assert_int_eq(event_base_dispatch(host.base), 1);
    }
    probe_assert_ended(&scene.probes[0], TT_DONE);
    scene_close();
}
END_TEST

START_TEST(loopexit_ends_a_run) {
    const struct timeval soon = {0, 20000};
    scene_open(1, 0);
    ck_assert_int_eq(event_base_loopexit(host.base, &soon), 0);
    ck_assert_int_eq(tt_bind_libevent_run(&host.bind), 0);
    ck_assert(event_base_got_exit(host.base));
    scene_close();
}
END_TEST

START_TEST(after_a_run_the_program_may_go_on_with_its_own_dispatch) {
    scene_open(1, 0);
    host_call(host_stop);
    host_run();
    host.mode = 1;
    scene.to_come = SCENE_JOBS;
    host_call(submit_all);
    host_run();
    scene_close();
}
END_TEST

int main(void) {
    TCase *own = tcase_create("libevent alone");
    tcase_set_timeout(own, 60);
    tcase_add_loop_test(own, close_in_a_done_function_lets_the_loop_end, 0, 2);
    tcase_add_test(own, loopexit_ends_a_run);
    tcase_add_test(own, after_a_run_the_program_may_go_on_with_its_own_dispatch);
    return scenario_main("bind_libevent", 2, own);
}

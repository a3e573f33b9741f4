/* <tothread/bind/libuv.h> in a uv_loop_t. */
#include "tests/pool/bind/scenario.h"

#include <tothread/bind/libuv.h>

static struct {
    uv_loop_t loop;
    uv_timer_t soon;
    struct tt_bind_libuv bind;
    unsigned closed_count;
} host;

static void host_open(struct tt_wake *wake, int mode) {
    (void)mode;
    ck_assert_int_eq(uv_loop_init(&host.loop), 0);
    ck_assert_int_eq(uv_timer_init(&host.loop, &host.soon), 0);
    ck_assert_int_eq(tt_bind_libuv_open(&host.bind, &host.loop, wake), TT_OK);
}

static void call(uv_timer_t *timer) {
    ((void (*)(void))(uintptr_t)timer->data)();
}

static void host_call(void (*fn)(void)) {
    host.soon.data = (void *)(uintptr_t)fn;
    ck_assert_int_eq(uv_timer_start(&host.soon, call, 0, 0), 0);
}

static void host_run(void) {
    (void)uv_run(&host.loop, UV_RUN_DEFAULT);
}

static void host_stop(void) {
    uv_stop(&host.loop);
}

static void closed(struct tt_bind_libuv *bind) {
    ck_assert_ptr_eq(bind, &host.bind);
    host.closed_count++;
}

static void host_close(void) {
    if (host.closed_count == 0)
        tt_bind_libuv_close(&host.bind, closed);
    uv_close((uv_handle_t *)&host.soon, NULL);
    ck_assert_int_eq(uv_run(&host.loop, UV_RUN_DEFAULT), 0);
    ck_assert_uint_eq(host.closed_count, 1);
    ck_assert_int_eq(uv_loop_close(&host.loop), 0); /* libuv holds no handle any more */
}

static void close_and_go_on(struct tt_job *job) {
    probe_done(job);
    tt_bind_libuv_close(&host.bind, closed);
}

START_TEST(close_in_a_done_function_lets_the_loop_end) {
    scene_open(1, 0);
    probe_init(&scene.probes[0], NULL);
    scene.probes[0].job.done = close_and_go_on;
    probe_submit(scene.pool, &scene.probes[0]);
    ck_assert_int_eq(uv_run(&host.loop, UV_RUN_DEFAULT), 0);
    probe_assert_ended(&scene.probes[0], TT_DONE);
    ck_assert_uint_eq(host.closed_count, 1);
    scene_close();
}
END_TEST

START_TEST(unreferenced_binding_keeps_no_loop_going) {
    scene_open(1, 0);
    tt_bind_libuv_unref(&host.bind);
    ck_assert_int_eq(uv_run(&host.loop, UV_RUN_DEFAULT), 0);
    tt_bind_libuv_ref(&host.bind);
    scene.to_come = SCENE_JOBS;
    submit_all();
    host_run();
    ck_assert_uint_eq(scene.to_come, 0);
    scene_close();
}
END_TEST

int main(void) {
    TCase *own = tcase_create("libuv alone");
    tcase_set_timeout(own, 60);
    tcase_add_test(own, close_in_a_done_function_lets_the_loop_end);
    tcase_add_test(own, unreferenced_binding_keeps_no_loop_going);
    return scenario_main("bind_libuv", 1, own);
}

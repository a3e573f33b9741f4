/* <tothread/bind/glib.h> in a main loop: mode 0 in the default context, mode 1 in one of its own. */
#include "tests/pool/bind/scenario.h"

#include <tothread/bind/glib.h>

static struct {
    GMainContext *context;
    GMainLoop *loop;
    struct tt_bind_glib bind;
} host;

static void host_open(struct tt_wake *wake, int mode) {
    host.context = mode == 0 ? NULL : g_main_context_new();
    host.loop = g_main_loop_new(host.context, FALSE);
    tt_bind_glib_open(&host.bind, host.context, wake);
}

static gboolean call(gpointer fn) {
    ((void (*)(void))(uintptr_t)fn)();
    return G_SOURCE_REMOVE;
}

static void host_call(void (*fn)(void)) {
    g_main_context_invoke_full(host.context, G_PRIORITY_DEFAULT, call, (gpointer)(uintptr_t)fn, NULL);
}

static void host_run(void) {
    g_main_loop_run(host.loop);
}

static void host_stop(void) {
    g_main_loop_quit(host.loop);
}

static void host_close(void) {
    if (host.bind.source != NULL)
        tt_bind_glib_close(&host.bind);
    g_main_loop_unref(host.loop);
    if (host.context != NULL)
        g_main_context_unref(host.context);
}

static void close_and_stop(struct tt_job *job) {
    probe_done(job);
    tt_bind_glib_close(&host.bind);
    host_stop();
}

START_TEST(close_in_a_done_function_takes_the_source_out) {
    scene_open(1, _i);
    probe_init(&scene.probes[0], NULL);
    scene.probes[0].job.done = close_and_stop;
    probe_submit(scene.pool, &scene.probes[0]);
    GSource *source = g_source_ref(host.bind.source);
    host_run();
    ck_assert(g_source_is_destroyed(source));
    g_source_unref(source);
    probe_assert_ended(&scene.probes[0], TT_DONE);
    scene_close();
}
END_TEST

int main(void) {
    TCase *own = tcase_create("glib alone");
    tcase_set_timeout(own, 60);
    tcase_add_loop_test(own, close_in_a_done_function_takes_the_source_out, 0, 2);
    return scenario_main("bind_glib", 2, own);
}

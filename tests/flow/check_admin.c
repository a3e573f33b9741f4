/* Admin: the plane beside a service that runs, and beside a loop that is blocked. */
#include "../support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_status_of_admin(const struct server *server, const char *path, int status, const char *text) {
    struct response response = admin_request(server, "GET", path);
    ck_assert_msg(response.status == status && strstr(response.body, text) != NULL, "%s: %s%s", path, response.head,
                  response.body);
    response_free(&response);
}

/** Waits until the loop has stood in a call for so long that it counts as stalled. */
static void await_stall(const struct server *server) {
    for (uint64_t begun_ms = clock_ms();;) {
        struct response response = admin_request(server, "GET", "/livez");
        bool is_stalled = response.status == 503;
        response_free(&response);
        if (is_stalled)
            return;
        patience(begun_ms, "the loop to be stalled");
    }
}

START_TEST(commands_reach_the_running_service) {
    char address[32];
    struct server server = server_start_demo(NULL);
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", server.admin_port); /* fits */
    struct output status = program_run((const char *const[]){"status", "--admin", address, NULL});
    ck_assert_int_eq(status.status, 0);
    ck_assert_msg(strstr(status.out, "demo") != NULL, "%s", status.out);
    output_free(&status);
    struct output reload = program_run((const char *const[]){"reload", "--admin", address, NULL});
    ck_assert_int_eq(reload.status, 0);
    output_free(&reload);
    server_await_log(&server, "event=reloaded");
    struct output drain = program_run((const char *const[]){"drain", "--admin", address, NULL});
    ck_assert_int_eq(drain.status, 0);
    output_free(&drain);
    server_ended(&server, 0);
}
END_TEST

/* -- a loop that is blocked -- */

START_TEST(admin_plane_answers_within_50_ms_while_the_loop_is_blocked_and_names_the_call) {
    enum { PAGES = 6, ROUNDS = 5 };
    static const char *const pages[PAGES] = {"/livez", "/readyz", "/metrics", "/stats.json", "/calls", "/"};
    unsigned quick_count = 0;
    const struct server_options options = {.config = SERVER_JAM_CONFIG};
    struct server server = server_start(&options);
    int jam = server_jam(&server); /* until the gate opens: no answer below can have waited for the loop */
    await_stall(&server);
    /* The machine may be taken away for a moment, but not each time: each page gets its quick answers. */
    for (uint64_t begun_ms = clock_ms(); quick_count < PAGES * ROUNDS;) {
        unsigned page = quick_count % PAGES;
        uint64_t asked_ms = clock_ms();
        struct response response = admin_request(&server, "GET", pages[page]);
        bool is_quick = clock_ms() - asked_ms <= 50 * PROGRAM_SLOWNESS;
        if (page == 0) {
            ck_assert_int_eq(response.status, 503);
            ck_assert_str_eq(response_member(&response, "status"), "stalled");
            ck_assert_str_eq(response_member(&response, "call"), "jam");
            ck_assert_int_ge(strtol(response_member(&response, "stalled_ms"), NULL, 10), 1);
        }
        if (page == 4)
            ck_assert_str_eq(response_member(&response, "calls.0.call"), "jam");
        response_free(&response);
        quick_count += is_quick;
        patience(begun_ms, pages[page]);
    }
    server_open_gate(&server);
    response_expect(jam, 200);
    ck_assert_int_eq(close(jam), 0);
    expect_status_of_admin(&server, "/livez", 200, "\"ok\"");
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        commands_reach_the_running_service,
        admin_plane_answers_within_50_ms_while_the_loop_is_blocked_and_names_the_call,
    };
    return suite_run("admin", tests, sizeof tests / sizeof *tests);
}

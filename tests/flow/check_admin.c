/* Admin: the plane beside a service that runs, and beside a loop that is blocked. */
#include "../support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Waits until the loop counts as stalled (503), or turns again (200): the answer of the call comes before that turn's end. */
static void await_livez(const struct server *server, int status, const char *what) {
    for (uint64_t begun_ms = clock_ms();;) {
        struct response response = admin_request(server, "GET", "/livez");
        bool is_reached = response.status == status;
        response_free(&response);
        if (is_reached)
            return;
        patience(begun_ms, what);
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

/** How long a page takes while the loop turns: on a machine that is busy enough no process does anything in 50 ms. */
static uint64_t usual_ms(const struct server *server, const char *path) {
    uint64_t slowest_ms = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t asked_ms = clock_ms();
        struct response response = admin_request(server, "GET", path);
        uint64_t took_ms = clock_ms() - asked_ms;
        slowest_ms = took_ms > slowest_ms ? took_ms : slowest_ms;
        response_free(&response);
    }
    return slowest_ms;
}

START_TEST(admin_plane_answers_within_50_ms_while_the_loop_is_blocked_and_names_the_call) {
    enum { PAGES = 6, ROUNDS = 5 };
    static const char *const pages[PAGES] = {"/livez", "/readyz", "/metrics", "/stats.json", "/calls", "/"};
    unsigned quick_count = 0;
    uint64_t limits_ms[PAGES];
    const struct server_options options = {.config = SERVER_JAM_CONFIG};
    struct server server = server_start(&options);
    for (unsigned i = 0; i < PAGES; i++)
        limits_ms[i] = 50 * PROGRAM_SLOWNESS + usual_ms(&server, pages[i]);
    int jam = server_jam(&server); /* until the gate opens: no answer below can have waited for the loop */
    await_livez(&server, 503, "the loop to be stalled");
    /* The machine may be taken away for a moment, but not each time: each page gets its quick answers. */
    for (uint64_t begun_ms = clock_ms(); quick_count < PAGES * ROUNDS;) {
        unsigned page = quick_count % PAGES;
        uint64_t asked_ms = clock_ms();
        struct response response = admin_request(&server, "GET", pages[page]);
        bool is_quick = clock_ms() - asked_ms <= limits_ms[page];
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
    await_livez(&server, 200, "the loop to turn again");
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

/*
 * Loops: what several event loops share, and what each has for itself. Other tests of the service run once more with three
 * loops (flow_loops_...); here is what only several can get wrong.
 */
#include "../support/server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOPS = 3 };

#define SERVER_LOOPS(...) SERVER_DEMO("--set", "server.loops=3", __VA_ARGS__)

/** As many clients as loops, one for each: they go to the front that has the fewest. */
static void connect_each(const struct server *server, int fds[static LOOPS]) {
    for (int i = 0; i < LOOPS; i++) {
        fds[i] = server_ask(server, "/inline");
        response_expect(fds[i], 200);
    }
}

static void ask(int fd, const char *path) {
    client_format(fd, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", path);
}

static void close_each(const int *fds, int count) {
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(close(fds[i]), 0);
}

static void expect_problem(int fd, int status, const char *kind) {
    struct response response = response_read(fd);
    response_check_problem(&response, status, kind);
    response_free(&response);
}

START_TEST(clients_are_shared_out_among_all_loops) {
    int fds[LOOPS * 3];
    struct server server = SERVER_LOOPS(NULL);
    for (int i = 0; i < LOOPS; i++)
        connect_each(&server, fds + (ptrdiff_t)i * LOOPS);
    for (int i = 0; i < LOOPS; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "loops.%d.connections", i); /* fits */
        ck_assert_double_eq(server_stat(&server, path), 3);
        (void)snprintf(path, sizeof path, "loops.%d.requests", i); /* fits */
        ck_assert_double_eq(server_stat(&server, path), 3);
    }
    ck_assert_double_eq(server_stat(&server, "front.connections"), LOOPS * 3);
    close_each(fds, LOOPS * 3);
    server_stop(&server);
}
END_TEST

START_TEST(numbers_of_all_loops_are_added_up) {
    int fds[LOOPS];
    struct server server = SERVER_LOOPS(NULL);
    connect_each(&server, fds);
    for (int i = 0; i < LOOPS; i++) {
        ask(fds[i], "/noop");
        response_expect(fds[i], 200);
    }
    server_await_stat(&server, "calls.inline.done", LOOPS); /* each loop's own */
    server_await_stat(&server, "calls.noop.done", LOOPS);   /* all home's */
    server_await_stat(&server, "front.answers_by_class.2xx", 2 * LOOPS);
    struct response metrics = admin_request(&server, "GET", "/metrics");
    ck_assert_ptr_nonnull(strstr(metrics.body, "tothread_calls_submitted_total{call=\"inline\",pool=\"none\"} 3\n"));
    ck_assert_ptr_nonnull(strstr(metrics.body, "tothread_requests_total 6\n"));
    ck_assert_ptr_nonnull(strstr(metrics.body, "tothread_loop_turns_total{loop=\"3\"} "));
    response_free(&metrics);
    close_each(fds, LOOPS);
    server_stop(&server);
}
END_TEST

START_TEST(queue_and_workers_are_one_for_all_loops) {
    enum { WORKERS = 2, QUEUE = 4, CLIENTS = 12 };
    int fds[CLIENTS];
    struct server server = SERVER_LOOPS("--set", "pool.demo.workers=2", "--set", "pool.demo.queue=4");
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = server_ask(&server, "/hold");
        server_await_stat(&server, "pools.demo.submitted", i + 1); /* so the order is known */
        if (i < WORKERS)
            server_await_stat(&server, "pools.demo.busy_count", i + 1);
    }
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_depth"), QUEUE);
    for (int i = WORKERS + QUEUE; i < CLIENTS; i++) {
        struct response response = response_read(fds[i]);
        response_check_problem(&response, 503, "queue-full");
        ck_assert_ptr_nonnull(response_header(&response, "Retry-After"));
        response_free(&response);
    }
    server_open_gate(&server);
    for (int i = 0; i < WORKERS + QUEUE; i++)
        response_expect(fds[i], 200);
    close_each(fds, CLIENTS);
    server_stop(&server);
}
END_TEST

START_TEST(client_that_left_any_loop_gives_its_place_back) {
    enum { CLIENTS = 6 };
    int fds[CLIENTS];
    struct server server = SERVER_LOOPS("--set", "pool.demo.workers=1");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = server_ask(&server, i % 2 == 0 ? "/noop" : "/gather");
    server_await_stat(&server, "pools.demo.queue_depth", CLIENTS / 2 * 3); /* a gather is two calls */
    close_each(fds, CLIENTS);
    server_await_stat(&server, "pools.demo.queue_depth", 0);
    server_await_stat(&server, "front.clients_left", CLIENTS);
    server_await_stat(&server, "front.connections", 1);
    ck_assert_double_eq(server_stat(&server, "calls.noop.cancelled"), CLIENTS / 2);
    server_open_gate(&server);
    response_expect(held, 200);
    ck_assert_int_eq(close(held), 0);
    ck_assert_double_eq(server_stat(&server, "calls.noop.done"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(both_clocks_run_for_calls_of_all_loops) {
    int fds[LOOPS];
    struct server server = SERVER_LOOPS("--set", "pool.demo.workers=3", "--set", "pool.demo.spare=0", "--set",
                                        "call.hold.timeout=50ms", "--set", "pool.demo.queue-timeout=50ms");
    connect_each(&server, fds);
    for (int i = 0; i < LOOPS; i++)
        ask(fds[i], "/hold");
    for (int i = 0; i < LOOPS; i++)
        expect_problem(fds[i], 504, "run-time");
    for (int i = 0; i < LOOPS; i++)
        ask(fds[i], "/noop"); /* all workers are zombies */
    for (int i = 0; i < LOOPS; i++)
        expect_problem(fds[i], 503, "queue-time");
    close_each(fds, LOOPS); /* the zombies' requests outlive their connections */
    server_await_stat(&server, "front.connections", 0);
    ck_assert_double_eq(server_stat(&server, "pools.demo.zombie_count"), LOOPS);
    server_stop(&server);
}
END_TEST

START_TEST(max_connections_is_for_all_loops_together) {
    enum { MOST = 4, CLIENTS = 7 };
    int fds[CLIENTS];
    struct server server = SERVER_LOOPS("--set", "server.max-connections=4");
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = server_ask(&server, "/noop");
        if (i < MOST)
            response_expect(fds[i], 200);
    }
    server_await_least(&server, "front.accept_pauses", 1);
    ck_assert_double_eq(server_stat(&server, "front.connections"), MOST);
    for (int i = MOST; i < CLIENTS; i++) {
        ck_assert_int_eq(close(fds[i - MOST]), 0); /* on whichever loop it is */
        response_expect(fds[i], 200);
    }
    ck_assert_double_eq(server_stat(&server, "front.connections_accepted"), CLIENTS);
    close_each(fds + CLIENTS - MOST, MOST);
    server_stop(&server);
}
END_TEST

START_TEST(connections_that_come_and_go_are_all_counted) {
    struct server server = SERVER_LOOPS("--set", "server.max-connections=8");
    for (int i = 0; i < 100; i++) {
        struct response response = server_get(&server, i % 2 == 0 ? "/noop" : "/inline");
        ck_assert_int_eq(response.status, 200);
        response_free(&response);
    }
    server_await_stat(&server, "front.connections", 0);
    ck_assert_double_eq(server_stat(&server, "front.connections_accepted"), 100);
    server_stop(&server);
}
END_TEST

START_TEST(blocked_loop_holds_up_its_own_clients_alone) {
    const char *const args[] = {"--set", "server.loops=3", NULL};
    const struct server_options options = {.config = SERVER_JAM_CONFIG, .args = args};
    struct server server = server_start(&options);
    int home = server_ask(&server, "/inline");
    response_expect(home, 200);
    int jam = server_jam(&server);
    int other = server_ask(&server, "/inline");
    response_expect(other, 200);
    ask(home, "/noop");
    ask(other, "/noop");
    response_expect(home, 200);
    response_expect(other, 200);
    for (uint64_t begun_ms = clock_ms();;) {
        struct response live = admin_request(&server, "GET", "/livez");
        bool is_stalled = live.status == 503 && strcmp(response_member(&live, "call"), "jam") == 0 &&
                          strcmp(response_member(&live, "loop"), "2") == 0;
        response_free(&live);
        if (is_stalled)
            break;
        patience(begun_ms, "/livez to tell of the blocked loop");
    }
    server_open_gate(&server);
    response_expect(jam, 200);
    close_each((const int[]){home, jam, other}, 3);
    server_stop(&server);
}
END_TEST

START_TEST(reload_reaches_all_loops) {
    int fds[LOOPS];
    const char *const args[] = {"--set", "server.loops=3", NULL};
    const struct server_options options = {.config = "[server]\nmax-body = 1KiB\n", .args = args};
    struct server server = server_start(&options);
    connect_each(&server, fds);
    server_configure(&server, "[server]\nmax-body = 4B\n");
    struct response reloaded = admin_request(&server, "POST", "/reload");
    ck_assert_str_eq(reloaded.body, "reloaded\n");
    response_free(&reloaded);
    for (int i = 0; i < LOOPS; i++) {
        int status = 200;
        for (uint64_t begun_ms = clock_ms(); status == 200;) { /* the verdict is home's, and comes a little before */
            client_put(fds[i], "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcde");
            struct response response = response_read(fds[i]);
            status = response.status;
            response_free(&response);
            patience(begun_ms, "the new limit on every loop");
        }
        ck_assert_int_eq(status, 413);
    }
    close_each(fds, LOOPS);
    server_stop(&server);
}
END_TEST

START_TEST(number_of_loops_needs_a_restart) {
    const struct server_options options = {.config = "[server]\nloops = 2\n"};
    struct server server = server_start(&options);
    server_configure(&server, "[server]\nloops = 3\n");
    struct response reloaded = admin_request(&server, "POST", "/reload");
    ck_assert_msg(strstr(reloaded.body, "need a restart") != NULL, "%s", reloaded.body);
    response_free(&reloaded);
    ck_assert(server_has_logged(&server, " loops=2 "));
    server_stop(&server);
}
END_TEST

START_TEST(drain_answers_what_every_loop_has_read) {
    enum { CLIENTS = 9 };
    int fds[CLIENTS];
    struct server server = SERVER_LOOPS("--set", "pool.demo.workers=2");
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = server_ask(&server, i < CLIENTS - LOOPS ? "/hold" : "/async?ms=300");
    server_await_stat(&server, "calls.hold.in_flight", CLIENTS - LOOPS);
    server_await_stat(&server, "front.requests", CLIENTS);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    server_open_gate(&server);
    for (int i = 0; i < CLIENTS; i++) {
        response_expect(fds[i], 200);
        client_expect_end(fds[i]);
    }
    server_ended(&server, 0);
}
END_TEST

START_TEST(hard_end_answers_503_on_every_loop) {
    enum { CLIENTS = 6 };
    int fds[CLIENTS];
    struct server server = SERVER_LOOPS("--set", "pool.demo.workers=3", "--set", "server.drain=50ms");
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = server_ask(&server, "/hold");
    server_await_stat(&server, "calls.hold.in_flight", CLIENTS);
    server_signal(&server, SIGTERM);
    for (int i = 0; i < CLIENTS; i++) {
        expect_problem(fds[i], 503, "draining");
        client_expect_end(fds[i]);
    }
    server_ended(&server, 1);
}
END_TEST

START_TEST(blocked_loop_does_not_hold_the_end_up) {
    const char *const args[] = {"--set", "server.loops=2", "--set", "server.drain=50ms", NULL};
    const struct server_options options = {.config = SERVER_JAM_CONFIG, .args = args};
    struct server server = server_start(&options);
    int home = server_ask(&server, "/inline");
    response_expect(home, 200);
    int jam = server_jam(&server);
    server_signal(&server, SIGTERM);
    client_expect_end(home);
    client_expect_end(jam); /* the process has ended under it */
    ck_assert(server_has_logged(&server, "event=loop_stuck loop=2 call=jam "));
    server_ended(&server, 1);
}
END_TEST

START_TEST(ids_of_all_loops_differ) {
    int fds[LOOPS];
    char ids[LOOPS][64];
    struct server server = SERVER_LOOPS(NULL);
    connect_each(&server, fds);
    for (int i = 0; i < LOOPS; i++) {
        ask(fds[i], "/who");
        struct response response = response_read(fds[i]);
        (void)snprintf(ids[i], sizeof ids[i], "%s", response_member(&response, "id")); /* fits */
        response_free(&response);
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(ids[i], ids[j]);
    }
    close_each(fds, LOOPS);
    server_stop(&server);
}
END_TEST

START_TEST(status_shows_each_loop) {
    char address[32];
    struct server server = SERVER_LOOPS(NULL);
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", server.admin_port); /* fits */
    struct output output = program_run((const char *const[]){"status", "--admin", address, NULL});
    ck_assert_int_eq(output.status, 0);
    ck_assert_msg(strstr(output.out, "\nloop 1       turn p99 ") != NULL, "%s", output.out);
    ck_assert_msg(strstr(output.out, "\nloop 3       turn p99 ") != NULL, "%s", output.out);
    output_free(&output);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        clients_are_shared_out_among_all_loops,
        numbers_of_all_loops_are_added_up,
        queue_and_workers_are_one_for_all_loops,
        client_that_left_any_loop_gives_its_place_back,
        both_clocks_run_for_calls_of_all_loops,
        max_connections_is_for_all_loops_together,
        connections_that_come_and_go_are_all_counted,
        blocked_loop_holds_up_its_own_clients_alone,
        reload_reaches_all_loops,
        number_of_loops_needs_a_restart,
        drain_answers_what_every_loop_has_read,
        hard_end_answers_503_on_every_loop,
        blocked_loop_does_not_hold_the_end_up,
        ids_of_all_loops_differ,
        status_shows_each_loop,
    };
    return suite_run("loops", tests, sizeof tests / sizeof *tests);
}

/*
 * Outcomes: the errors that tell what became of a call, provoked over raw sockets. Those of requests are in check_statuses.c.
 *
 * 502 is missing on purpose: only a call in a process of its own can crash alone, and this version has none.
 */
#include "../support/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(failed_call_is_500_or_what_it_says) {
    struct server server = SERVER_DEMO("--set", "server.max-answer=1MiB");
    struct response failed = server_get(&server, "/fail");
    response_check_problem(&failed, 500, "call-failed");
    ck_assert_str_eq(response_member(&failed, "call"), "fail");
    ck_assert_str_eq(response_member(&failed, "detail"), "it was told to fail");
    response_free(&failed);
    struct response gone = server_get(&server, "/fail?status=410");
    response_check_problem(&gone, 410, "call-failed");
    response_free(&gone);
    struct response large = server_get(&server, "/big?mib=2");
    response_check_problem(&large, 500, "call-failed");
    ck_assert_ptr_nonnull(response_header(&large, "Server-Timing"));
    response_free(&large);
    ck_assert_double_eq(server_stat(&server, "calls.fail.failed"), 2);
    server_stop(&server);
}
END_TEST

static void expect_retry_after(const struct response *response) {
    const char *text = response_header(response, "Retry-After");
    ck_assert_ptr_nonnull(text);
    char *end;
    long seconds = strtol(text, &end, 10);
    ck_assert_msg(*end == '\0' && seconds >= 1 && seconds < 1000, "Retry-After: %s", text);
}

START_TEST(full_queue_is_503_at_once_with_retry_after) {
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.queue=2");
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = server_ask(&server, "/hold");
        server_await_stat(&server, i == 0 ? "pools.demo.busy_count" : "pools.demo.queue_depth", i == 0 ? 1 : i);
    }
    struct response refused = server_get(&server, "/noop");
    response_check_problem(&refused, 503, "queue-full");
    expect_retry_after(&refused);
    ck_assert_str_eq(response_member(&refused, "call"), "noop");
    ck_assert_ptr_null(response_header(&refused, "Connection")); /* the connection is fine */
    response_free(&refused);
    server_open_gate(&server);
    for (int i = 0; i < 3; i++) {
        response_expect(fds[i], 200);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    ck_assert_double_eq(server_stat(&server, "calls.noop.refused_full"), 1);
    server_stop(&server);
}
END_TEST

START_TEST(queue_time_over_is_503_and_the_call_never_ran) {
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.queue-timeout=2s");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    uint64_t begun_ms = clock_ms();
    struct response late = server_get(&server, "/who");
    ck_assert_uint_ge(clock_ms() - begun_ms, 1999);
    response_check_problem(&late, 503, "queue-time");
    ck_assert_str_eq(response_member(&late, "clock"), "queue");
    ck_assert_str_eq(response_member(&late, "call"), "who");
    expect_retry_after(&late);
    response_free(&late);
    server_open_gate(&server);
    response_expect(held, 200);
    ck_assert_int_eq(close(held), 0);
    ck_assert_double_eq(server_stat(&server, "calls.who.expired_queue"), 1);
    ck_assert_double_eq(server_stat(&server, "calls.who.done"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(run_time_over_is_504) {
    struct server server = SERVER_DEMO("--set", "call.hold.timeout=2s"); /* enough for the quick one below */
    uint64_t begun_ms = clock_ms();
    struct response late = server_get(&server, "/hold"); /* it doesn't wait for the call, which would go on for ever */
    ck_assert_uint_ge(clock_ms() - begun_ms, 1999);
    response_check_problem(&late, 504, "run-time");
    ck_assert_str_eq(response_member(&late, "clock"), "run");
    ck_assert_str_eq(response_member(&late, "call"), "hold");
    response_free(&late);
    server_open_gate(&server);
    struct response quick = server_get(&server, "/hold");
    ck_assert_int_eq(quick.status, 200);
    response_free(&quick);
    server_stop(&server);
}
END_TEST

START_TEST(client_lowers_the_deadline_and_never_raises_it) {
    static const char *const prefers[] = {"wait=1", "respond-async, wait=1", "handling=lenient; WAIT=1", "wait=100"};
    enum { CLIENTS = sizeof prefers / sizeof *prefers };
    int fds[CLIENTS];
    struct server server = SERVER_DEMO("--set", "call.hold.timeout=3s");
    uint64_t begun_ms = clock_ms();
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(server.port);
        client_format(fds[i], "GET /hold HTTP/1.1\r\nHost: t\r\nPrefer: %s\r\n\r\n", prefers[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        double queue_ms, run_ms;
        struct response late = response_read(fds[i]);
        response_check_problem(&late, 504, "run-time");
        ck_assert_int_eq(
            sscanf(response_header(&late, "Server-Timing"), "queue;dur=%lf, run;dur=%lf", &queue_ms, &run_ms), 2);
        ck_assert_double_ge(queue_ms + run_ms, i < CLIENTS - 1 ? 990 : 2990);
        ck_assert_uint_ge(clock_ms() - begun_ms, i < CLIENTS - 1 ? 999 : 2999);
        if (i < CLIENTS - 1)
            ck_assert_double_lt(queue_ms + run_ms, 2990);
        response_free(&late);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    server_stop(&server);
}
END_TEST

START_TEST(client_that_waits_for_nothing_never_starts_a_call) {
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    int fd = client_connect(server.port);
    client_put(fd, "GET /who HTTP/1.1\r\nHost: t\r\nPrefer: return=minimal, wait=0\r\n\r\n");
    struct response late = response_read(fd);
    response_check_problem(&late, 503, "queue-time");
    ck_assert_str_eq(response_member(&late, "clock"), "queue");
    response_free(&late);
    ck_assert_int_eq(close(fd), 0);
    server_open_gate(&server);
    response_expect(held, 200);
    ck_assert_int_eq(close(held), 0);
    ck_assert_double_eq(server_stat(&server, "calls.who.done"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(hard_end_of_the_drain_is_503) {
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "server.drain=100ms");
    int running = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    int queued = server_ask(&server, "/noop");
    server_await_stat(&server, "pools.demo.queue_depth", 1);
    server_signal(&server, SIGTERM);
    int fds[2] = {running, queued};
    for (int i = 0; i < 2; i++) {
        struct response response = response_read(fds[i]);
        response_check_problem(&response, 503, "draining");
        expect_retry_after(&response);
        ck_assert_str_eq(response_header(&response, "Connection"), "close");
        response_free(&response);
        client_expect_end(fds[i]);
    }
    server_ended(&server, 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        failed_call_is_500_or_what_it_says,
        full_queue_is_503_at_once_with_retry_after,
        queue_time_over_is_503_and_the_call_never_ran,
        run_time_over_is_504,
        client_lowers_the_deadline_and_never_raises_it,
        client_that_waits_for_nothing_never_starts_a_call,
        hard_end_of_the_drain_is_503,
    };
    return suite_run("outcomes", tests, sizeof tests / sizeof *tests);
}

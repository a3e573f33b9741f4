/* Requests: what a client may send, and what comes back for it. */
#include "../support/server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1024 * 1024)
/* The demo's /big: the byte at offset i is i % BIG_PERIOD. */
#define BIG_PERIOD 251

/** One request as it stands, on a connection of its own. */
static struct response raw(const struct server *server, const char *text) {
    int fd = client_connect(server->port);
    client_put(fd, text);
    struct response response = response_read(fd);
    ck_assert_int_eq(close(fd), 0);
    return response;
}

static void expect_body(struct response *response, int status, const char *body) {
    ck_assert_msg(response->status == status, "%d was expected, not: %s%s", status, response->head, response->body);
    ck_assert_str_eq(response->body, body);
    response_free(response);
}

static void expect_pattern(const struct response *response, size_t size) {
    ck_assert_int_eq(response->status, 200);
    ck_assert_uint_eq(response->body_size, size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)response->body[i] != i % BIG_PERIOD)
            ck_abort_msg("byte %zu of the answer is wrong", i);
}

/* -- one connection, several requests -- */

START_TEST(refused_request_that_lingers_harms_nobody_else) {
    struct server server = server_start_demo(NULL);
    int refused = client_connect(server.port);
    client_put(refused, "POST /nothing HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n");
    response_expect(refused, 404);
    int other = server_ask(&server, "/hold");
    server_await_stat(&server, "calls.hold.in_flight", 1);
    ck_assert_int_eq(close(refused), 0);
    server_await_stat(&server, "front.connections", 1);
    server_open_gate(&server);
    response_expect(other, 200);
    ck_assert_int_eq(close(other), 0);
    server_stop(&server);
}
END_TEST

START_TEST(connection_serves_one_request_after_the_other) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (int i = 0; i < 100; i++) {
        client_put(fd,
                   i % 2 == 0 ? "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n" : "GET /inline HTTP/1.1\r\nHost: t\r\n\r\n");
        struct response response = response_read(fd);
        ck_assert_ptr_null(response_header(&response, "Connection"));
        expect_body(&response, 200, i % 2 == 0 ? "{\"ok\":true,\"ms\":0}\n" : "{\"ok\":true}\n");
    }
    ck_assert_double_eq(server_stat(&server, "front.connections_accepted"), 1);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order) {
    enum { REQUESTS = 300 };
    static char text[REQUESTS * 80];
    size_t size = 0;
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (int i = 0; i < REQUESTS; i++)
        size += (size_t)snprintf(text + size, sizeof text - size,
                                 "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n%03d", i);
    client_send(fd, text, size);
    for (int i = 0; i < REQUESTS; i++) {
        char expected[16];
        struct response response = response_read(fd);
        (void)snprintf(expected, sizeof expected, "%03d", i); /* fits */
        expect_body(&response, 200, expected);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(fast_calls_behind_a_slow_one_wait_for_their_turn) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, "GET /hold HTTP/1.1\r\nHost: t\r\n\r\nGET /inline HTTP/1.1\r\nHost: t\r\n\r\n"
                   "GET /noop HTTP/1.1\r\nHost: t\r\n\r\nGET /nothing HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_stat(&server, "calls.hold.in_flight", 1);
    ck_assert(!client_wait(fd, 0));
    server_open_gate(&server);
    struct response first = response_read(fd);
    expect_body(&first, 200, "{\"entered\":1,\"inside_max\":1}\n");
    struct response second = response_read(fd);
    expect_body(&second, 200, "{\"ok\":true}\n");
    struct response third = response_read(fd);
    expect_body(&third, 200, "{\"ok\":true,\"ms\":0}\n");
    response_expect(fd, 404);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(connection_close_ends_it_and_drops_what_follows) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, "GET /inline HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\nGET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    struct response response = response_read(fd);
    ck_assert_str_eq(response_header(&response, "Connection"), "close");
    expect_body(&response, 200, "{\"ok\":true}\n");
    client_expect_end(fd);
    ck_assert_double_eq(server_stat(&server, "calls.noop.submitted"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(http_10_closes_unless_it_asks_to_keep_alive) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (int i = 0; i < 3; i++) {
        client_put(fd, "GET /noop HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        struct response response = response_read(fd);
        ck_assert_str_eq(response_header(&response, "Connection"), "keep-alive");
        expect_body(&response, 200, "{\"ok\":true,\"ms\":0}\n");
    }
    client_put(fd, "GET /noop HTTP/1.0\r\n\r\n");
    struct response last = response_read(fd);
    ck_assert_str_eq(response_header(&last, "Connection"), "close");
    expect_body(&last, 200, "{\"ok\":true,\"ms\":0}\n");
    client_expect_end(fd);
    server_stop(&server);
}
END_TEST

/* -- methods and targets -- */

START_TEST(head_says_what_get_would_without_the_body) {
    static const char *const paths[] = {"/inline", "/noop", "/big?mib=2", "/nothing"};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char length[32];
        client_format(fd, "GET %s HTTP/1.1\r\nHost: t\r\nX-Request-Id: same\r\n\r\n", paths[i]);
        struct response get = response_read(fd);
        (void)snprintf(length, sizeof length, "%s", response_header(&get, "Content-Length")); /* fits */
        client_format(fd, "HEAD %s HTTP/1.1\r\nHost: t\r\nX-Request-Id: same\r\n\r\n", paths[i]);
        struct response head = response_read_head(fd);
        ck_assert_int_eq(head.status, get.status);
        ck_assert_str_eq(response_header(&head, "Content-Length"), length);
        response_free(&get);
        response_free(&head);
    }
    client_put(fd, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    response_expect(fd, 200); /* nothing was left in between */
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(options_names_the_methods) {
    struct server server = server_start_demo(NULL);
    struct response echo = raw(&server, "OPTIONS /echo HTTP/1.1\r\nHost: t\r\n\r\n");
    ck_assert_str_eq(response_header(&echo, "Allow"), "GET, HEAD, POST");
    ck_assert_ptr_null(response_header(&echo, "Content-Length"));
    expect_body(&echo, 204, "");
    struct response all = raw(&server, "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n");
    ck_assert_ptr_nonnull(response_header(&all, "Allow"));
    expect_body(&all, 204, "");
    struct response nothing = raw(&server, "OPTIONS /nothing HTTP/1.1\r\nHost: t\r\n\r\n");
    ck_assert_int_eq(nothing.status, 404);
    response_free(&nothing);
    server_stop(&server);
}
END_TEST

START_TEST(absolute_form_is_the_same_as_a_path) {
    static const char *const targets[] = {"http://example.org/to-thread?ms=3", "HTTP://t:80/to-thread?ms=3",
                                          "https://[::1]:8443/to-thread?ms=3", "/to-thread?ms=3",
                                          "/to-thread?m%73=%33&"};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        client_format(fd, "GET %s HTTP/1.1\r\nHost: t\r\n\r\n", targets[i]);
        struct response response = response_read(fd);
        expect_body(&response, 200, "{\"ok\":true,\"ms\":3}\n");
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(arguments_come_from_query_path_and_json) {
    struct server server = server_start_demo(NULL);
    struct response query = server_get(&server, "/to-thread?ms=4");
    expect_body(&query, 200, "{\"ok\":true,\"ms\":4}\n");
    struct response json = server_post(&server, "/call/to-thread", "{\"ms\":5}");
    expect_body(&json, 200, "{\"ok\":true,\"ms\":5}\n");
    struct response mixed = server_post(&server, "/call/to-thread?ms=6", "{}");
    expect_body(&mixed, 200, "{\"ok\":true,\"ms\":6}\n");
    struct response empty = server_post(&server, "/call/noop", "");
    expect_body(&empty, 200, "{\"ok\":true,\"ms\":0}\n");
    struct response path = server_get(&server, "/hosts/127.0.0.%31");
    ck_assert_int_eq(path.status, 200);
    ck_assert_str_eq(response_member(&path, "addresses.0.address"), "127.0.0.1");
    response_free(&path);
    struct response named = server_post(&server, "/call/host", "{\"name\":\"127.0.0.1\",\"family\":\"ipv4\"}");
    ck_assert_int_eq(named.status, 200);
    response_free(&named);
    struct response row = server_get(&server, "/sqlite?id=1");
    ck_assert_int_eq(row.status, 200);
    ck_assert_ptr_nonnull(response_member(&row, "v"));
    response_free(&row);
    server_stop(&server);
}
END_TEST

/* -- fields -- */

START_TEST(sane_request_id_is_kept_and_another_is_replaced) {
    static const char *const bad[] = {"a b",
                                      "\"quoted\"",
                                      "semi;colon",
                                      "caf\xc3\xa9",
                                      "0123456789012345678901234567890123456789012345678901234567890123",
                                      ""};
    struct server server = server_start_demo(NULL);
    struct response kept = raw(&server, "GET /who HTTP/1.1\r\nHost: t\r\nX-Request-ID: a-B.9_~:+/=@z\r\n\r\n");
    ck_assert_str_eq(response_header(&kept, "X-Request-Id"), "a-B.9_~:+/=@z");
    ck_assert_str_eq(response_member(&kept, "id"), "a-B.9_~:+/=@z");
    response_free(&kept);
    char last[64] = "";
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        client_format(fd, "GET /who HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s\r\n\r\n", bad[i]);
        struct response made = response_read(fd);
        const char *id = response_header(&made, "X-Request-Id");
        ck_assert_uint_eq(strlen(id), 25);
        ck_assert_str_ne(id, last);
        (void)snprintf(last, sizeof last, "%s", id); /* fits */
        ck_assert_str_eq(response_member(&made, "id"), last);
        response_free(&made);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(sane_traceparent_reaches_the_call_and_another_is_replaced) {
    static const char sane[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char *const bad[] = {"00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                      "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                      "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "nonsense"};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_format(fd, "GET /who HTTP/1.1\r\nHost: t\r\ntraceparent: %s\r\n\r\n", sane);
    struct response kept = response_read(fd);
    ck_assert_str_eq(response_member(&kept, "traceparent"), sane);
    response_free(&kept);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        client_format(fd, "GET /who HTTP/1.1\r\nHost: t\r\ntraceparent: %s\r\n\r\n", bad[i]);
        struct response made = response_read(fd);
        const char *text = response_member(&made, "traceparent");
        ck_assert_uint_eq(strlen(text), sizeof sane - 1);
        ck_assert_str_ne(text, bad[i]);
        ck_assert_int_eq(strncmp(text, "00-", 3), 0);
        response_free(&made);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

static void read_timing(const struct response *response, double *ret_queue_ms, double *ret_run_ms) {
    const char *text = response_header(response, "Server-Timing");
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(sscanf(text, "queue;dur=%lf, run;dur=%lf", ret_queue_ms, ret_run_ms) == 2, "%s", text);
}

START_TEST(server_timing_tells_waiting_from_running) {
    double queue_ms, run_ms;
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1");
    int first = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    int second = server_ask(&server, "/to-thread?ms=20");
    server_await_stat(&server, "pools.demo.queue_depth", 1);
    uint64_t queued_ms = clock_ms();
    while (clock_ms() - queued_ms < 60)
        patience(queued_ms, "some time to pass");
    server_open_gate(&server);
    struct response held = response_read(first);
    read_timing(&held, &queue_ms, &run_ms);
    ck_assert_double_ge(run_ms, 59);
    struct response waited = response_read(second);
    double all_ms = (double)(clock_ms() - queued_ms);
    read_timing(&waited, &queue_ms, &run_ms);
    ck_assert_double_ge(queue_ms, 59);
    ck_assert_double_ge(run_ms, 20);
    ck_assert_double_le(run_ms, all_ms);
    response_free(&held);
    response_free(&waited);
    ck_assert_int_eq(close(first), 0);
    ck_assert_int_eq(close(second), 0);
    server_stop(&server);
}
END_TEST

START_TEST(date_is_now_in_the_one_allowed_form) {
    struct server server = server_start_demo(NULL);
    struct response response = server_get(&server, "/inline");
    char text[64];
    struct tm parts = {0};
    time_t now = time(NULL);
    (void)snprintf(text, sizeof text, "%s", response_header(&response, "Date")); /* fits */
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ck_assert_msg(end != NULL && *end == '\0', "%s", text);
    ck_assert_uint_eq(strlen(text), 29);
    ck_assert_int_le(labs((long)(timegm(&parts) - now)), 10 * PROGRAM_SLOWNESS);
    response_free(&response);
    server_stop(&server);
}
END_TEST

/* -- listeners -- */

static bool has_ipv6(void) {
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        (void)close(fd); /* only a probe */
    return has;
}

START_TEST(ipv4_ipv6_and_unix_listeners_serve_together) {
    char path[] = "/tmp/tothread-unix-XXXXXX";
    char listen[64];
    ck_assert_ptr_nonnull(mkdtemp(path));
    (void)snprintf(listen, sizeof listen, "server.listen=unix:%s/s", path); /* fits */
    bool is_modern = has_ipv6();
    struct server server =
        SERVER_DEMO("--set", listen, "--set", is_modern ? "server.listen=[::1]:0" : "server.header-timeout=9s");
    int fds[3] = {client_connect(server.port), client_connect_unix(strchr(listen, ':') + 1), -1};
    if (is_modern)
        fds[2] = client_connect_6(server.port_6);
    for (int i = 0; i < (is_modern ? 3 : 2); i++) {
        client_put(fds[i], "GET /noop HTTP/1.1\r\nHost: t\r\n\r\nGET /big HTTP/1.1\r\nHost: t\r\n\r\n");
        response_expect(fds[i], 200);
        struct response big = response_read(fds[i]);
        expect_pattern(&big, MIB);
        response_free(&big);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    ck_assert_int_eq(access(strchr(listen, ':') + 1, F_OK), 0);
    server_stop(&server);
    ck_assert_int_ne(access(strchr(listen, ':') + 1, F_OK), 0); /* its own, so it goes with it */
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        refused_request_that_lingers_harms_nobody_else,
        connection_serves_one_request_after_the_other,
        pipelined_requests_are_answered_in_order,
        fast_calls_behind_a_slow_one_wait_for_their_turn,
        connection_close_ends_it_and_drops_what_follows,
        http_10_closes_unless_it_asks_to_keep_alive,
        head_says_what_get_would_without_the_body,
        options_names_the_methods,
        absolute_form_is_the_same_as_a_path,
        arguments_come_from_query_path_and_json,
        sane_request_id_is_kept_and_another_is_replaced,
        sane_traceparent_reaches_the_call_and_another_is_replaced,
        server_timing_tells_waiting_from_running,
        date_is_now_in_the_one_allowed_form,
        ipv4_ipv6_and_unix_listeners_serve_together,
    };
    return suite_run("requests", tests, sizeof tests / sizeof *tests);
}

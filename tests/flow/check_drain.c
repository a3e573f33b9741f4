/* Drain: what the service still does when it has been told to end, and when it stops doing it. */
#include "../support/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_status_of_admin(const struct server *server, const char *path, int status, const char *text) {
    struct response response = admin_request(server, "GET", path);
    ck_assert_msg(response.status == status && strstr(response.body, text) != NULL, "%s: %s%s", path, response.head,
                  response.body);
    response_free(&response);
}

static void expect_draining(int fd) {
    struct response response = response_read(fd);
    response_check_problem(&response, 503, "draining");
    response_free(&response);
    client_expect_end(fd);
}

START_TEST(sigterm_under_load_answers_every_request_that_was_read) {
    enum { CLIENTS = 30 };
    int fds[CLIENTS];
    struct server server = server_start_demo(NULL);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = server_ask(&server, "/hold");
    int idle = server_ask(&server, "/inline");
    response_expect(idle, 200);
    int half_head = client_connect(server.port);
    client_put(half_head, "GET /noop HTTP/1.1\r\nHo");
    int half_body = client_connect(server.port);
    client_put(half_body, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nab");
    server_await_stat(&server, "calls.hold.in_flight", CLIENTS);
    server_await_stat(&server, "front.requests", CLIENTS + 2);
    server_await_stat(&server, "front.connections", CLIENTS + 3);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    client_expect_end(idle);
    client_expect_end(half_head);
    ck_assert(program_is_running(server.pid));
    client_put(half_body, "cde"); /* it has begun: it is waited for */
    server_await_stat(&server, "calls.echo.in_flight", 1);
    server_open_gate(&server);
    for (int i = 0; i < CLIENTS; i++) {
        struct response response = response_read(fds[i]);
        ck_assert_msg(response.status == 200, "%s", response.head);
        ck_assert_str_eq(response_header(&response, "Connection"), "close");
        response_free(&response);
        client_expect_end(fds[i]);
    }
    struct response echo = response_read(half_body);
    ck_assert_str_eq(echo.body, "abcde");
    response_free(&echo);
    client_expect_end(half_body);
    server_ended(&server, 0);
}
END_TEST

/* While the loop is blocked clients connect and ask, and SIGTERM comes: all of it is found at once. */
START_TEST(requests_that_arrived_before_sigterm_are_answered_even_if_unread) {
    enum { CLIENTS = 20 };
    int fds[CLIENTS];
    const struct server_options options = {.config = SERVER_JAM_CONFIG};
    struct server server = server_start(&options);
    for (int i = 0; i < CLIENTS / 2; i++) {
        fds[i] = server_ask(&server, "/noop");
        response_expect(fds[i], 200);
    }
    int jam = server_jam(&server);
    for (int i = 0; i < CLIENTS; i++) {
        if (i < CLIENTS / 2)
            client_put(fds[i], "GET /to-thread?ms=5 HTTP/1.1\r\nHost: t\r\n\r\n");
        else
            fds[i] = server_ask(&server, "/to-thread?ms=5");
    }
    server_signal(&server, SIGTERM);
    server_open_gate(&server);
    response_expect(jam, 200);
    ck_assert_int_eq(close(jam), 0);
    for (int i = 0; i < CLIENTS; i++) {
        response_expect(fds[i], 200);
        client_expect_end(fds[i]);
    }
    server_ended(&server, 0);
}
END_TEST

START_TEST(big_answer_under_way_is_finished_before_the_end) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect_small(server.port);
    client_put(fd, "GET /big?mib=4 HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_least(&server, "front.buffered_bytes", 1024.0 * 1024);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_uint_eq(response.body_size, 4u * 1024 * 1024);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    server_ended(&server, 0);
}
END_TEST

static bool is_refused(int port) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ? errno : 0;
    ck_assert_int_eq(close(fd), 0);
    ck_assert_msg(failed == 0 || failed == ECONNREFUSED, "%s", strerrordesc_np(failed));
    return failed != 0;
}

START_TEST(new_clients_are_refused_during_the_drain) {
    struct server server = server_start_demo(NULL);
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    server_signal(&server, SIGINT);
    server_await_log(&server, "event=draining");
    for (uint64_t begun_ms = clock_ms(); !is_refused(server.port);) /* the log comes a little before it */
        patience(begun_ms, "the listener to be closed");
    ck_assert(is_refused(server.port));
    expect_status_of_admin(&server, "/readyz", 503, "draining");
    expect_status_of_admin(&server, "/livez", 200, "ok");
    server_open_gate(&server);
    response_expect(held, 200);
    client_expect_end(held);
    server_ended(&server, 0);
}
END_TEST

START_TEST(second_sigterm_ends_at_once) {
    struct server server = server_start_demo(NULL);
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    ck_assert(program_is_running(server.pid));
    uint64_t begun_ms = clock_ms();
    server_signal(&server, SIGTERM);
    expect_draining(held);
    server_ended(&server, 1);
    ck_assert_uint_le(clock_ms() - begun_ms, PROGRAM_SOON_MS); /* the call goes on for ever, the drain for 30 s */
}
END_TEST

START_TEST(second_sigterm_ends_with_a_call_that_would_finish_later) {
    struct server server = server_start_demo(NULL);
    int waiting = server_ask(&server, "/async?ms=60000");
    server_await_stat(&server, "calls.async.in_flight", 1);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    server_signal(&server, SIGTERM);
    client_expect_end(waiting);
    server_await_log(&server, "event=drain_ended connections=1");
    server_ended(&server, 1);
}
END_TEST

/** Opens the FIFO for writing once somebody has begun to read it, which reads for ever then. */
static int await_reader(const char *path) {
    for (uint64_t begun_ms = clock_ms();;) {
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
            return fd;
        patience(begun_ms, "the configuration to be read");
    }
}

START_TEST(second_sigterm_ends_while_a_reload_waits_for_its_files) {
    struct server server = server_start_demo(NULL);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/conf.d/stuck.conf", server.folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    server_signal(&server, SIGHUP);
    int fd = await_reader(path);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    server_signal(&server, SIGTERM);
    server_ended(&server, 0);
    (void)close(fd);
}
END_TEST

START_TEST(drain_that_takes_too_long_names_what_is_left) {
    struct server server = SERVER_DEMO("--set", "server.drain=200ms", "--set", "pool.demo.workers=1");
    int held = client_connect(server.port);
    client_put(held, "GET /hold HTTP/1.1\r\nHost: t\r\nX-Request-Id: the-hung-one\r\n\r\n");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    int queued = server_ask(&server, "/noop");
    server_await_stat(&server, "pools.demo.queue_depth", 1);
    uint64_t begun_ms = clock_ms();
    server_signal(&server, SIGTERM);
    expect_draining(held);
    expect_draining(queued);
    ck_assert_uint_ge(clock_ms() - begun_ms, 199);
    server_await_log(&server, "event=drain_left pool=demo call=hold id=the-hung-one");
    server_ended(&server, 1);
    ck_assert_uint_le(clock_ms() - begun_ms, PROGRAM_SOON_MS);
}
END_TEST

START_TEST(zombie_does_not_hold_up_the_end) {
    struct server server = SERVER_DEMO("--set", "call.hold.timeout=50ms");
    struct response late = server_get(&server, "/hold");
    ck_assert_int_eq(late.status, 504);
    response_free(&late);
    server_signal(&server, SIGTERM);
    server_ended(&server, 0);
}
END_TEST

START_TEST(admin_plane_drains_too) {
    struct server server = server_start_demo(NULL);
    struct response response = admin_request(&server, "GET", "/drain");
    ck_assert_int_eq(response.status, 405);
    response_free(&response);
    ck_assert(!server_has_logged(&server, "event=drain"));
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    struct response accepted = admin_request(&server, "POST", "/drain");
    ck_assert_int_eq(accepted.status, 202);
    response_free(&accepted);
    server_await_log(&server, "event=drain_requested by=admin");
    server_open_gate(&server);
    response_expect(held, 200);
    client_expect_end(held);
    server_ended(&server, 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        sigterm_under_load_answers_every_request_that_was_read,
        requests_that_arrived_before_sigterm_are_answered_even_if_unread,
        big_answer_under_way_is_finished_before_the_end,
        new_clients_are_refused_during_the_drain,
        second_sigterm_ends_at_once,
        second_sigterm_ends_with_a_call_that_would_finish_later,
        second_sigterm_ends_while_a_reload_waits_for_its_files,
        drain_that_takes_too_long_names_what_is_left,
        zombie_does_not_hold_up_the_end,
        admin_plane_drains_too,
    };
    return suite_run("drain", tests, sizeof tests / sizeof *tests);
}

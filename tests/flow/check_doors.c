/* Doors: who is let in by a listener, and as whom: the PROXY protocol, and the users of a unix socket. */
#include "../support/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_1  "PROXY TCP4 192.0.2.7 10.0.0.1 40312 80\r\n"
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4        "\xc0\0\x02\x08\x0a\0\0\x01\x9d\x78\0\x50"
#define WHO       "GET /who HTTP/1.1\r\nHost: t\r\n\r\n"

/* Its port is the one where a proxy is expected, on 127.0.0.1. */
static struct server start_proxied(const char *from, const char *more) {
    char proxy_from[96];
    (void)snprintf(proxy_from, sizeof proxy_from, "server.proxy-from=%s", from); /* fits */
    return SERVER_DEMO("--set", "server.listen=127.0.0.1:0 proxy", "--set", proxy_from, "--set",
                       "server.access-log=yes", "--set", more);
}

static void expect_client(int fd, const char *client) {
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_str_eq(response_member(&response, "client"), client);
    response_free(&response);
}

START_TEST(proxied_client_reaches_the_call_the_log_and_the_list_of_calls) {
    struct server server = start_proxied("127.0.0.0/8", "server.idle-timeout=60s");
    int fd = client_connect(server.port);
    client_put(fd, HEADER_1 WHO);
    expect_client(fd, "192.0.2.7:40312");
    client_put(fd, WHO); /* the header was for the connection */
    expect_client(fd, "192.0.2.7:40312");
    server_await_log(&server, "event=request call=who ");
    server_await_log(&server, " client=192.0.2.7:40312\n");
    client_put(fd, "GET /hold HTTP/1.1\r\nHost: t\r\nX-Request-Id: held\r\n\r\n");
    server_await_call(&server, "hold", "running", "held");
    struct response calls = admin_request(&server, "GET", "/calls");
    ck_assert_str_eq(response_member(&calls, "calls.0.client"), "192.0.2.7:40312");
    response_free(&calls);
    server_open_gate(&server);
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(header_may_come_byte_by_byte) {
    static const char header[] = SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\0";
    struct server server = start_proxied("127.0.0.1", "server.idle-timeout=60s");
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof header - 1; i++)
        client_send(fd, header + i, 1);
    client_put(fd, WHO);
    expect_client(fd, "192.0.2.8:40312");
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(proxy_that_speaks_for_itself_is_the_client) {
    struct server server = start_proxied("127.0.0.1", "server.idle-timeout=60s");
    static const char local[] = SIGNATURE "\x20\0\0\0" WHO;
    int fd = client_connect(server.port);
    client_send(fd, local, sizeof local - 1);
    struct response response = response_read(fd);
    ck_assert_int_eq(strncmp(response_member(&response, "client"), "127.0.0.1:", 10), 0);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    fd = client_connect(server.port);
    client_put(fd, "PROXY UNKNOWN\r\n" WHO);
    response = response_read(fd);
    ck_assert_int_eq(strncmp(response_member(&response, "client"), "127.0.0.1:", 10), 0);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(who_sends_no_right_header_is_not_listened_to) {
    static const char *const starts[] = {WHO, "PROXY TCP4 192.0.2.7 10.0.0.1 40312\r\n" WHO, "\r\n\r\n" WHO,
                                         "PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n"};
    const size_t count = sizeof starts / sizeof *starts;
    struct server server = start_proxied("127.0.0.1", "server.idle-timeout=60s");
    for (size_t i = 0; i < count; i++) {
        int fd = client_connect(server.port);
        client_put(fd, starts[i]);
        client_expect_end(fd);
    }
    server_await_stat(&server, "front.refused_headers", (double)count);
    server_await_log(&server, "event=connection_refused reason=proxy-header peer=127.0.0.1:");
    ck_assert_double_eq(server_stat(&server, "front.requests"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(header_that_ends_too_early_is_none) {
    struct server server = start_proxied("127.0.0.1", "server.idle-timeout=60s");
    int fd = client_connect(server.port);
    client_put(fd, "PROXY TCP4 192");
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    client_expect_end(fd);
    server_await_stat(&server, "front.refused_headers", 1);
    server_stop(&server);
}
END_TEST

START_TEST(header_has_the_time_of_a_head) {
    struct server server = start_proxied("127.0.0.1", "server.header-timeout=50ms");
    int silent = client_connect(server.port);
    int slow = client_connect(server.port);
    client_put(slow, "PROXY TCP4 ");
    client_expect_end(silent);
    client_expect_end(slow);
    server_await_stat(&server, "front.connections_dropped", 2);
    server_stop(&server);
}
END_TEST

START_TEST(who_is_not_listed_is_not_listened_to) {
    struct server server = start_proxied("10.0.0.0/8, ::1, unix", "server.idle-timeout=60s");
    int fd = client_connect(server.port);
    (void)client_try(fd, HEADER_1 WHO, sizeof HEADER_1 WHO - 1); /* it may be too late for it */
    size_t size;
    char *text = client_read_all(fd, &size); /* an end or a reset: the bytes were not read */
    ck_assert_uint_eq(size, 0);
    free(text);
    ck_assert_int_eq(close(fd), 0);
    server_await_stat(&server, "front.refused_peers", 1);
    server_await_log(&server, "event=connection_refused reason=proxy-from peer=127.0.0.1:");
    server_stop(&server);
}
END_TEST

START_TEST(reload_takes_the_list_over) {
    const struct server_options options = {
        .config = "[server]\nproxy-from = 127.0.0.1\n",
        .args = (const char *const[]){"--set", "server.listen=127.0.0.1:0 proxy", NULL},
    };
    struct server server = server_start(&options);
    int before = client_connect(server.port);
    client_put(before, HEADER_1 WHO);
    expect_client(before, "192.0.2.7:40312");
    server_configure(&server, "[server]\nproxy-from = 10.0.0.0/8\n");
    struct response response = admin_request(&server, "POST", "/reload");
    ck_assert_int_eq(response.status, 200);
    response_free(&response);
    client_put(before, WHO); /* it is inside */
    expect_client(before, "192.0.2.7:40312");
    ck_assert_int_eq(close(before), 0);
    int after = client_connect(server.port);
    client_expect_end(after);
    server_await_stat(&server, "front.refused_peers", 1);
    server_stop(&server);
}
END_TEST

START_TEST(end_waits_for_no_header) {
    struct server server = start_proxied("127.0.0.1", "server.header-timeout=1h");
    int fd = client_connect(server.port);
    client_put(fd, "PROXY TCP4 ");
    server_await_stat(&server, "front.connections", 1);
    server_signal(&server, SIGTERM);
    client_expect_end(fd);
    server_ended(&server, 0);
}
END_TEST

/* -- unix sockets -- */

struct place {
    char folder[64];
    char path[96];
};

static struct place place_make(void) {
    struct place place = {.folder = "/tmp/tothread-doors-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(place.folder));
    (void)snprintf(place.path, sizeof place.path, "%s/s", place.folder); /* fits */
    return place;
}

static struct server start_unix(const struct place *place, const char *words) {
    char setting[256];
    (void)snprintf(setting, sizeof setting, "server.listen=unix:%s %s", place->path, words); /* fits */
    return SERVER_DEMO("--set", setting, "--set", "server.access-log=yes", "--set", "server.proxy-from=unix");
}

START_TEST(client_of_a_unix_socket_is_known_by_user_group_and_process) {
    struct place place = place_make();
    char words[64];
    char client[128];
    (void)snprintf(words, sizeof words, "allow-uid=65533,%u", (unsigned)getuid()); /* fits */
    (void)snprintf(client, sizeof client, "unix:uid=%u,gid=%u,pid=%d", (unsigned)getuid(), (unsigned)getgid(),
                   (int)getpid()); /* fits */
    struct server server = start_unix(&place, words);
    int fd = client_connect_unix(place.path);
    client_put(fd, WHO);
    expect_client(fd, client);
    server_await_log(&server, client);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
    ck_assert_int_eq(rmdir(place.folder), 0);
}
END_TEST

START_TEST(user_that_is_not_allowed_is_not_listened_to) {
    struct place place = place_make();
    struct server server = start_unix(&place, "allow-uid=65533 allow-gid=65533,65532");
    int fd = client_connect_unix(place.path);
    client_expect_end(fd);
    server_await_stat(&server, "front.refused_users", 1);
    server_await_log(&server, "event=connection_refused reason=allow peer=unix:uid=");
    server_stop(&server);
    ck_assert_int_eq(rmdir(place.folder), 0);
}
END_TEST

START_TEST(group_that_is_allowed_is_enough) {
    struct place place = place_make();
    char words[64];
    (void)snprintf(words, sizeof words, "allow-uid=65533 allow-gid=%u", (unsigned)getgid()); /* fits */
    struct server server = start_unix(&place, words);
    int fd = client_connect_unix(place.path);
    client_put(fd, WHO);
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
    ck_assert_int_eq(rmdir(place.folder), 0);
}
END_TEST

START_TEST(proxy_may_come_over_a_unix_socket) {
    struct place place = place_make();
    struct server server = start_unix(&place, "proxy");
    int fd = client_connect_unix(place.path);
    client_put(fd, "PROXY TCP6 2001:db8::7 ::1 40312 80\r\n" WHO);
    expect_client(fd, "[2001:db8::7]:40312");
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
    ck_assert_int_eq(rmdir(place.folder), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        proxied_client_reaches_the_call_the_log_and_the_list_of_calls,
        header_may_come_byte_by_byte,
        proxy_that_speaks_for_itself_is_the_client,
        who_sends_no_right_header_is_not_listened_to,
        header_that_ends_too_early_is_none,
        header_has_the_time_of_a_head,
        who_is_not_listed_is_not_listened_to,
        reload_takes_the_list_over,
        end_waits_for_no_header,
        client_of_a_unix_socket_is_known_by_user_group_and_process,
        user_that_is_not_allowed_is_not_listened_to,
        group_that_is_allowed_is_enough,
        proxy_may_come_over_a_unix_socket,
    };
    return suite_run("doors", tests, sizeof tests / sizeof *tests);
}

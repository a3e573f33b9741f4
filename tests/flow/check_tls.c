/* TLS: requests mean the same there, and what is special about clients that speak it. */
#include "../support/rows.h"
#include "../support/server.h"
#include "../support/tls.h"

#include <openssl/tls1.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARGS_MAX 24

static char folder[TLS_FOLDER_BYTES];
static char authority[96]; /* the setting that names the clients' */

#define ARGS_COUNT 6
static char certificate_set[96];
static char key_set[96];

/** Makes the folder, and what the command line says of it. */
static void prepare(const char *ret_args[static ARGS_COUNT]) {
    const char *const args[] = {"--set", "server.listen=127.0.0.1:0 tls", "--set", certificate_set, "--set", key_set};
    tls_folder_make(folder);
    (void)snprintf(certificate_set, sizeof certificate_set, "server.tls-certificate=%s/server.pem", folder); /* fits */
    (void)snprintf(key_set, sizeof key_set, "server.tls-key=%s/server.key", folder);                         /* fits */
    (void)snprintf(authority, sizeof authority, "server.tls-client-ca=%s/ca.pem", folder);                   /* fits */
    memcpy(ret_args, args, sizeof args);
}

/** Its port is that of TLS; the plain one, which every server has, is told behind it. */
static struct server start(const char *const *more) {
    const char *args[ARGS_MAX] = {NULL};
    size_t count = ARGS_COUNT;
    prepare(args);
    for (; more != NULL && *more != NULL; more++) {
        ck_assert_uint_lt(count, ARGS_MAX - 1);
        args[count++] = *more;
    }
    return server_start_demo(args);
}

static void stop(struct server *server) {
    server_stop(server);
    tls_folder_remove(folder);
}

static struct tls_client *open_client(const struct server *server) {
    return tls_open(server->port, &(struct tls_wish){.folder = folder});
}

static void await_failure(const struct server *server, const char *reason) {
    char line[128];
    (void)snprintf(line, sizeof line, "\ntothread_tls_handshake_failures_total{reason=\"%s\"} 1\n", reason); /* fits */
    for (uint64_t begun_ms = clock_ms();;) {
        struct response metrics = admin_request(server, "GET", "/metrics");
        bool is_there = strstr(metrics.body, line) != NULL;
        response_free(&metrics);
        if (is_there)
            return;
        patience(begun_ms, line);
    }
}

#define NOOP "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n"
#define LAST "GET /noop HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"

/* -- requests -- */

static int connect_relay(const struct server *server) {
    return tls_relay(server->port, folder);
}

START_TEST(requests_mean_the_same) {
    const char *args[ARGS_COUNT + 1] = {NULL};
    const struct row_listener listener = {.args = args, .connect = connect_relay, .every = 5};
    prepare(args);
    for (size_t i = 0; cases_all[i] != NULL; i++)
        rows_try(cases_all[i], &listener);
    tls_folder_remove(folder);
}
END_TEST

START_TEST(connection_serves_one_request_after_the_other_and_says_goodbye) {
    struct server server = start(NULL);
    struct tls_client *client = open_client(&server);
    for (int i = 0; i < 5; i++) {
        tls_put(client, NOOP);
        tls_expect(client, 200);
    }
    tls_put(client, LAST);
    tls_expect(client, 200);
    tls_expect_end(client);
    tls_close(client);
    ck_assert_double_eq(server_stat(&server, "front.tls_handshakes"), 1);
    stop(&server);
}
END_TEST

START_TEST(requests_in_one_record_are_answered_in_order) {
    enum { COUNT = 300 };
    static char many[COUNT * sizeof NOOP];
    struct server server = start(NULL);
    struct tls_client *client = open_client(&server);
    for (int i = 0; i < COUNT; i++)
        memcpy(many + strlen(many), NOOP, sizeof NOOP);
    tls_put(client, many);
    for (int i = 0; i < COUNT; i++)
        tls_expect(client, 200);
    tls_close(client);
    stop(&server);
}
END_TEST

/** Records of all sizes around what is read at a time: nothing of one may stay behind inside of OpenSSL. */
START_TEST(body_in_records_of_any_size_arrives) {
    enum { SIZE = 300 * 1000 };
    static char body[SIZE + 1];
    static const size_t sizes[] = {1, 10000, 16384, 16384, 6000, 12000, 16383, 16384, 3};
    char head[128];
    char piece[16385];
    struct server server = start(NULL);
    struct tls_client *client = open_client(&server);
    memset(body, 'b', SIZE);
    (void)snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", SIZE); /* fits */
    tls_put(client, head);
    for (size_t at = 0, i = 0; at < SIZE; i++) {
        size_t size = sizes[i % (sizeof sizes / sizeof *sizes)];
        size = size < SIZE - at ? size : SIZE - at;
        memcpy(piece, body + at, size);
        piece[size] = '\0';
        tls_put(client, piece);
        at += size;
    }
    tls_expect(client, 200);
    tls_close(client);
    stop(&server);
}
END_TEST

START_TEST(slow_reader_holds_one_answer_and_little_more) {
    enum { MIB = 24 };
    struct server server = start(NULL);
    struct tls_client *client = open_client(&server);
    tls_put(client, "GET /big?mib=24 HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_stat(&server, "calls.big.done", 1);
    server_await_least(&server, "front.buffered_bytes", 1);
    double held = server_stat(&server, "front.buffered_bytes");
    ck_assert_double_le(held, MIB * 1048576.0 + 128 * 1024);
    tls_expect(client, 200);
    tls_put(client, NOOP);
    tls_expect(client, 200);
    tls_close(client);
    stop(&server);
}
END_TEST

START_TEST(who_takes_no_answer_is_dropped_in_time) {
    struct server server = start((const char *const[]){"--set", "server.answer-timeout=300ms", NULL});
    struct tls_client *client = open_client(&server);
    tls_put(client, "GET /big?mib=24 HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_stat(&server, "front.connections_dropped", 1);
    server_await_stat(&server, "front.buffered_bytes", 0);
    tls_close(client);
    stop(&server);
}
END_TEST

START_TEST(client_that_leaves_takes_its_waiting_call_along) {
    struct server server = start((const char *const[]){"--set", "pool.demo.workers=1", NULL});
    struct tls_client *first = open_client(&server);
    struct tls_client *second = open_client(&server);
    tls_put(first, "GET /hold HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_inside(&server, 1);
    tls_put(second, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_stat(&server, "pools.demo.queue_depth", 1);
    tls_close(second);
    server_await_stat(&server, "front.clients_left", 1);
    server_await_stat(&server, "pools.demo.queue_depth", 0);
    server_open_gate(&server);
    tls_expect(first, 200);
    tls_close(first);
    stop(&server);
}
END_TEST

START_TEST(client_may_end_its_side_before_the_answer) {
    struct server server = start(NULL);
    int fd = tls_relay(server.port, folder);
    client_put(fd, "GET /big?mib=8 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    server_await_stat(&server, "calls.big.done", 1);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    response_expect(fd, 200);
    client_expect_end(fd);
    stop(&server);
}
END_TEST

/* -- answers in pieces -- */

START_TEST(streamed_answer_is_whole_and_the_connection_stays) {
    enum { SIZE = 3000000 };
    struct server server = start(NULL);
    int fd = tls_relay(server.port, folder);
    client_format(fd, "GET /send?before=%d HTTP/1.1\r\nHost: t\r\n\r\n", SIZE);
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_uint_eq(response.body_size, SIZE);
    response_free(&response);
    client_put(fd, NOOP);
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    stop(&server);
}
END_TEST

START_TEST(broken_answer_that_only_the_end_delimits_has_no_goodbye) {
    char data[4096];
    struct server server = start(NULL);
    struct tls_client *client = open_client(&server);
    tls_put(client, "GET /send?before=10&fails=true HTTP/1.0\r\n\r\n");
    ck_assert_uint_lt(tls_read(client, data, sizeof data), sizeof data);
    ck_assert(tls_is_cut(client));
    tls_close(client);
    ck_assert_double_eq(server_stat(&server, "front.answers_broken"), 1);
    stop(&server);
}
END_TEST

/* -- handshakes -- */

START_TEST(handshake_has_the_time_of_a_head) {
    struct server server = start((const char *const[]){"--set", "server.header-timeout=200ms", NULL});
    struct tls_client *client = open_client(&server);
    int silent = client_connect(server.port);
    client_expect_end(silent);
    await_failure(&server, "timeout");
    /* Who has shaken hands before that is not late with anything. */
    tls_put(client, NOOP);
    tls_expect(client, 200);
    tls_close(client);
    stop(&server);
}
END_TEST

START_TEST(plain_bytes_to_a_tls_port_end_the_connection) {
    struct server server = start(NULL);
    int fd = client_connect(server.port);
    client_put(fd, NOOP);
    size_t size;
    char *came = client_read_all(fd, &size);
    ck_assert_msg(strstr(came, "HTTP/") == NULL, "%s", came);
    free(came);
    ck_assert_int_eq(close(fd), 0);
    await_failure(&server, "protocol");
    server_await_log(&server, "event=tls_failed reason=protocol client=127.0.0.1:");
    server_await_log(&server, " text=\"http request\"");
    ck_assert_double_eq(server_stat(&server, "front.requests"), 0);
    stop(&server);
}
END_TEST

START_TEST(who_leaves_in_the_middle_is_counted_as_that) {
    struct server server = start(NULL);
    int fd = client_connect(server.port);
    client_send(fd, "\x16\x03\x01\0\xa5\x01", 6);
    ck_assert_int_eq(close(fd), 0);
    await_failure(&server, "left");
    stop(&server);
}
END_TEST

START_TEST(old_versions_and_other_protocols_are_refused) {
    struct server server = start(NULL);
    ck_assert_ptr_null(tls_try(server.port, &(struct tls_wish){.folder = folder, .version = TLS1_1_VERSION}));
    await_failure(&server, "protocol");
    ck_assert_ptr_null(tls_try(server.port, &(struct tls_wish){.folder = folder, .protocol = "h2"}));
    const struct tls_wish wishes[] = {{.folder = folder, .version = TLS1_2_VERSION},
                                      {.folder = folder, .version = TLS1_3_VERSION, .protocol = "http/1.1"}};
    for (size_t i = 0; i < 2; i++) {
        struct tls_client *client = tls_open(server.port, &wishes[i]);
        tls_put(client, LAST);
        tls_expect(client, 200);
        tls_expect_end(client);
        tls_close(client);
    }
    stop(&server);
}
END_TEST

START_TEST(proxy_header_comes_before_tls) {
    struct server server =
        start((const char *const[]){"--set", "server.listen=127.0.0.1:0 proxy tls", "--set",
                                    "server.proxy-from=127.0.0.1", "--set", "server.access-log=yes", NULL});
    const struct tls_wish wish = {.folder = folder, .before = "PROXY TCP4 192.0.2.7 192.0.2.1 40312 443\r\n"};
    struct tls_client *client = tls_open(server.port, &wish);
    tls_put(client, LAST);
    tls_expect(client, 200);
    tls_expect_end(client);
    tls_close(client);
    server_await_log(&server, " client=192.0.2.7:40312");
    stop(&server);
}
END_TEST

/* -- clients' certificates -- */

/** With TLS 1.3 a client hears of a refusal behind its own handshake. */
static bool is_refused(const struct server *server, const char *certificate) {
    struct tls_client *client = tls_try(server->port, &(struct tls_wish){.folder = folder, .client = certificate});
    if (client == NULL)
        return true;
    bool is_cut = tls_is_cut(client);
    tls_close(client);
    return is_cut;
}

static void expect_noop(const struct server *server, const char *certificate) {
    struct tls_client *client = tls_open(server->port, &(struct tls_wish){.folder = folder, .client = certificate});
    tls_put(client, LAST);
    tls_expect(client, 200);
    tls_expect_end(client);
    tls_close(client);
}

START_TEST(required_certificate_must_be_there_and_good) {
    struct server server = start((const char *const[]){"--set", authority, "--set", "server.tls-client=required",
                                                       "--set", "server.access-log=yes", NULL});
    ck_assert(is_refused(&server, NULL));
    await_failure(&server, "certificate");
    ck_assert(is_refused(&server, "other"));
    expect_noop(&server, "client");
    server_await_log(&server, " subject=\"CN=client\"");
    ck_assert_double_eq(server_stat(&server, "front.requests"), 1);
    stop(&server);
}
END_TEST

START_TEST(optional_certificate_may_be_missing_but_not_bad) {
    struct server server =
        start((const char *const[]){"--set", authority, "--set", "server.tls-client=optional", NULL});
    expect_noop(&server, NULL);
    expect_noop(&server, "client");
    ck_assert(is_refused(&server, "other"));
    await_failure(&server, "certificate");
    stop(&server);
}
END_TEST

/* -- reload -- */

START_TEST(reload_takes_a_new_certificate_and_open_connections_keep_theirs) {
    struct server server = start(NULL);
    struct tls_client *old = open_client(&server);
    long serial = tls_serial(old);
    tls_make(folder, &(struct tls_form){.name = "server", .issuer = "ca"});
    struct response response = admin_request(&server, "POST", "/reload");
    ck_assert_msg(response.status == 200, "%s", response.body);
    response_free(&response);
    struct tls_client *fresh = open_client(&server);
    ck_assert_int_ne(tls_serial(fresh), serial);
    tls_put(old, NOOP);
    tls_expect(old, 200);
    tls_put(fresh, NOOP);
    tls_expect(fresh, 200);
    tls_close(fresh);
    tls_close(old);
    stop(&server);
}
END_TEST

START_TEST(reload_refuses_a_bad_certificate_and_keeps_the_old_one) {
    char path[96];
    struct server server = start(NULL);
    struct tls_client *client = open_client(&server);
    long serial = tls_serial(client);
    tls_close(client);
    (void)snprintf(path, sizeof path, "%s/server.key", folder); /* fits */
    char *key = file_read(path);
    tls_make(folder, &(struct tls_form){.name = "server", .issuer = "ca"});
    file_write(path, key); /* of the one before */
    free(key);
    struct response response = admin_request(&server, "POST", "/reload");
    ck_assert_int_eq(response.status, 422);
    ck_assert_msg(strstr(response.body, "doesn't fit the certificate") != NULL, "%s", response.body);
    response_free(&response);
    server_signal(&server, SIGHUP);
    server_await_log_count(&server, "event=reload_refused errors=1", 2);
    client = open_client(&server);
    ck_assert_int_eq(tls_serial(client), serial);
    tls_put(client, NOOP);
    tls_expect(client, 200);
    tls_close(client);
    stop(&server);
}
END_TEST

/* -- drain -- */

START_TEST(drain_lets_answers_out_and_says_goodbye_to_who_rests) {
    struct server server = start(NULL);
    struct tls_client *busy = open_client(&server);
    struct tls_client *idle = open_client(&server);
    int halfway = client_connect(server.port);
    tls_put(idle, NOOP);
    tls_expect(idle, 200);
    tls_put(busy, "GET /hold HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_inside(&server, 1);
    server_await_stat(&server, "front.connections", 3);
    server_signal(&server, SIGTERM);
    tls_expect_end(idle);
    client_expect_end(halfway);
    server_open_gate(&server);
    tls_expect(busy, 200);
    tls_expect_end(busy);
    tls_close(idle);
    tls_close(busy);
    server_ended(&server, 0);
    tls_folder_remove(folder);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        requests_mean_the_same,
        connection_serves_one_request_after_the_other_and_says_goodbye,
        requests_in_one_record_are_answered_in_order,
        body_in_records_of_any_size_arrives,
        slow_reader_holds_one_answer_and_little_more,
        who_takes_no_answer_is_dropped_in_time,
        client_that_leaves_takes_its_waiting_call_along,
        client_may_end_its_side_before_the_answer,
        streamed_answer_is_whole_and_the_connection_stays,
        broken_answer_that_only_the_end_delimits_has_no_goodbye,
        handshake_has_the_time_of_a_head,
        plain_bytes_to_a_tls_port_end_the_connection,
        who_leaves_in_the_middle_is_counted_as_that,
        old_versions_and_other_protocols_are_refused,
        proxy_header_comes_before_tls,
        required_certificate_must_be_there_and_good,
        optional_certificate_may_be_missing_but_not_bad,
        reload_takes_a_new_certificate_and_open_connections_keep_theirs,
        reload_refuses_a_bad_certificate_and_keeps_the_old_one,
        drain_lets_answers_out_and_says_goodbye_to_who_rests,
    };
    return suite_run("tls", tests, sizeof tests / sizeof *tests);
}

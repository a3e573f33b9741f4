/* Uploads: bodies that a call reads while they come. */
#include "../support/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIB                    ((size_t)1024)
#define MIB                    ((size_t)1024 * 1024)
#define PASSAGE_BYTES          (256 * KIB) /* on their way from a socket to a worker, at most */
#define READ_BYTES             (64 * KIB)  /* and one read of the socket */
#define CHUNKED                "Transfer-Encoding: chunked\r\n"
#define POST(target_, fields_) "POST " target_ " HTTP/1.1\r\nHost: t\r\n" fields_ "\r\n"

static char *make_text(size_t size) {
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 23);
    text[size] = '\0';
    return text;
}

/** What the demo's upload says of a body. */
static void expect_sum(int fd, const char *text, size_t size) {
    char expected[128];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    (void)snprintf(expected, sizeof expected, "{\"bytes\":%zu,\"fnv1a\":\"%016llx\"}\n", size,
                   (unsigned long long)hash);
    struct response response = response_read(fd);
    ck_assert_msg(response.status == 200, "%s%s", response.head, response.body);
    ck_assert_str_eq(response.body, expected);
    ck_assert_ptr_null(response_header(&response, "Connection"));
    response_free(&response);
}

static void expect_bytes(int fd, const char *bytes) {
    struct response response = response_read(fd);
    ck_assert_msg(response.status == 200, "%s%s", response.head, response.body);
    ck_assert_str_eq(response_member(&response, "bytes"), bytes);
    response_free(&response);
}

static void expect_problem(int fd, int status, const char *kind) {
    struct response response = response_read(fd);
    response_check_problem(&response, status, kind);
    ck_assert_str_eq(response_header(&response, "Connection"), "close");
    response_free(&response);
    client_expect_end(fd);
}

/** Sends what the sockets take, never more than size. Returns: how much that was. */
static size_t send_some(int fd, const char *data, size_t size) {
    size_t sent = 0;
    while (sent < size) {
        ssize_t here = send(fd, data + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (here < 0)
            break;
        sent += (size_t)here;
    }
    return sent;
}

/* -- whole ones -- */

START_TEST(body_of_every_size_is_read_to_its_end) {
    static const size_t sizes[] = {0, 1, 100, 16063, 16064, 16065, 65536, 200000, PASSAGE_BYTES, 5 * MIB};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = make_text(sizes[i]);
        client_format(fd, POST("/upload", "Content-Length: %zu\r\n"), sizes[i]);
        client_send(fd, text, sizes[i]);
        expect_sum(fd, text, sizes[i]);
        free(text);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(chunked_body_of_every_chunk_size_is_read_to_its_end) {
    static const size_t chunks[] = {1, 7, 255, 4096, 70000, 300000};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        size_t size = chunks[i] < 300 ? chunks[i] * 40 : 2 * MIB;
        char *text = make_text(size);
        client_put(fd, POST("/upload", CHUNKED));
        client_put_chunks(fd, text, size, chunks[i]);
        expect_sum(fd, text, size);
        free(text);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(requests_behind_a_body_are_answered_behind_it) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, POST("/upload", "Content-Length: 5\r\n") "hello" POST(
                       "/upload", CHUNKED) "3\r\nabc\r\n0\r\n\r\n"
                                           "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n" POST("/upload", "")
                                               POST("/echo", "Content-Length: 2\r\n") "ab");
    expect_sum(fd, "hello", 5);
    expect_sum(fd, "abc", 3);
    response_expect(fd, 200);
    expect_sum(fd, "", 0);
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(old_client_may_send_a_body_too) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, "POST /take HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
    expect_bytes(fd, "5");
    client_expect_end(fd);
    server_stop(&server);
}
END_TEST

START_TEST(body_comes_back_while_it_is_sent) {
    struct server server = server_start_demo(NULL);
    char *text = make_text(100000);
    int fd = client_connect(server.port);
    client_put(fd, POST("/mirror", CHUNKED) "3\r\nabc\r\n");
    char seen[4 * KIB];
    ssize_t got = 0;
    for (uint64_t begun_ms = clock_ms(); got < 8 || memcmp(seen + got - 8, "3\r\nabc\r\n", 8) != 0;
         patience(begun_ms, "the first bytes back"))
        got = recv(fd, seen, sizeof seen, MSG_PEEK);
    client_format(fd, "%x\r\n%s\r\n0\r\n\r\n", 100000, text);
    struct response response = response_read(fd);
    ck_assert_uint_eq(response.body_size, 100003);
    ck_assert_mem_eq(response.body, "abc", 3);
    ck_assert_mem_eq(response.body + 3, text, 100000);
    ck_assert_str_eq(response_header(&response, "Connection"), "close"); /* it began while the request was under way */
    response_free(&response);
    client_expect_end(fd);
    free(text);
    server_stop(&server);
}
END_TEST

/* -- back-pressure -- */

START_TEST(nothing_is_read_before_the_call_reads) {
    struct server server = server_start_demo(NULL);
    char *text = make_text(64 * MIB);
    int fd = client_connect(server.port);
    client_format(fd, POST("/take?gated=true", "Content-Length: %zu\r\n"), 64 * MIB);
    server_await_inside(&server, 1);
    size_t sent = send_some(fd, text, 64 * MIB);
    ck_assert_double_le(server_stat(&server, "front.bytes_in"), 16 * KIB); /* one read, of the head */
    server_open_gate(&server);
    client_send(fd, text + sent, 64 * MIB - sent);
    expect_bytes(fd, "67108864");
    ck_assert_int_eq(close(fd), 0);
    free(text);
    server_stop(&server);
}
END_TEST

START_TEST(call_that_reads_slowly_slows_its_client) {
    struct server server = server_start_demo(NULL);
    char *text = make_text(64 * MIB);
    int fd = client_connect(server.port);
    client_format(fd, POST("/take?limit=1&held=true", "Content-Length: %zu\r\n"), 64 * MIB);
    size_t sent = send_some(fd, text, 64 * MIB);
    server_await_least(&server, "front.bytes_in", PASSAGE_BYTES);
    sent += send_some(fd, text + sent, 64 * MIB - sent);
    struct response other = server_get(&server, "/noop");
    ck_assert_int_eq(other.status, 200);
    response_free(&other);
    ck_assert_double_le(server_stat(&server, "front.bytes_in"), PASSAGE_BYTES + 2 * READ_BYTES + KIB);
    ck_assert_uint_lt(sent, 64 * MIB);
    ck_assert_int_eq(close(fd), 0);
    server_open_gate(&server);
    free(text);
    server_stop(&server);
}
END_TEST

/* The call's own pauses don't count. */
START_TEST(body_time_is_the_clients_alone) {
    struct server server = SERVER_DEMO("--set", "server.body-timeout=200ms");
    int fd = client_connect(server.port);
    client_put(fd, POST("/take?gated=true", "Content-Length: 5\r\n"));
    server_await_inside(&server, 1);
    ck_assert(!client_wait(fd, 600));
    client_put(fd, "hello");
    server_open_gate(&server);
    expect_bytes(fd, "5");
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

/* -- Expect -- */

START_TEST(client_is_asked_for_its_body_when_the_call_reads) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, POST("/take?gated=true", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
    server_await_inside(&server, 1);
    ck_assert(!client_wait(fd, 0));
    server_open_gate(&server);
    struct response interim = response_read(fd);
    ck_assert_str_eq(interim.head, "HTTP/1.1 100 Continue\r\n\r\n");
    response_free(&interim);
    client_put(fd, "hello");
    expect_bytes(fd, "5");
    client_put(fd, POST("/take", "Content-Length: 5\r\nExpect: 100-continue\r\n") "hello"); /* it is there already */
    expect_bytes(fd, "5");
    client_put(fd, POST("/take?limit=0", "Content-Length: 5\r\nExpect: 100-continue\r\n")); /* it isn't wanted */
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_str_eq(response_header(&response, "Connection"), "close");
    response_free(&response);
    client_expect_end(fd);
    server_stop(&server);
}
END_TEST

/* -- early answers -- */

START_TEST(answer_before_the_body_is_read_closes_the_connection) {
    struct server server = server_start_demo(NULL);
    char *text = make_text(64 * MIB);
    int fd = client_connect(server.port);
    client_format(fd, POST("/take?limit=1", "Content-Length: %zu\r\n"), 64 * MIB);
    (void)client_try(fd, text, MIB / 2); /* so much is dropped after an answer, for the client to see it */
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_str_eq(response_header(&response, "Connection"), "close");
    response_free(&response);
    client_expect_end(fd);
    free(text);
    server_stop(&server);
}
END_TEST

START_TEST(body_of_a_refused_call_is_not_read) {
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.queue=1");
    int held = server_ask(&server, "/hold");
    server_await_inside(&server, 1);
    int queued = server_ask(&server, "/noop");
    server_await_stat(&server, "pools.demo.queue_depth", 1);
    int fd = client_connect(server.port);
    client_put(fd, POST("/take", "Content-Length: 5000000\r\nExpect: 100-continue\r\n"));
    expect_problem(fd, 503, "queue-full");
    server_open_gate(&server);
    response_expect(held, 200);
    response_expect(queued, 200);
    ck_assert_int_eq(close(held), 0);
    ck_assert_int_eq(close(queued), 0);
    server_stop(&server);
}
END_TEST

START_TEST(arguments_are_checked_before_the_body) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, POST("/take?limit=many", "Content-Length: 5000000\r\nExpect: 100-continue\r\n"));
    expect_problem(fd, 422, "arguments");
    server_stop(&server);
}
END_TEST

/* -- limits -- */

START_TEST(body_beyond_its_own_limit_is_413) {
    struct server server = SERVER_DEMO("--set", "server.max-body=10B", "--set", "call.take.max-body=100KiB");
    int fd = client_connect(server.port);
    client_put(fd, POST("/take", "Content-Length: 102401\r\nExpect: 100-continue\r\n"));
    expect_problem(fd, 413, "body-too-large");
    char *text = make_text(102401);
    fd = client_connect(server.port);
    client_put(fd, POST("/take", "Content-Length: 102400\r\n"));
    client_send(fd, text, 102400);
    expect_bytes(fd, "102400");
    client_put(fd, POST("/take", CHUNKED));
    client_format(fd, "18fff\r\n%.102399s\r\n", text);
    client_put(fd, "1\r\na\r\n0\r\n\r\n");
    expect_bytes(fd, "102400");
    client_put(fd, POST("/take", CHUNKED));
    client_format(fd, "18fff\r\n%.102399s\r\n2\r\n", text); /* it says so before it sends it */
    expect_problem(fd, 413, "body-too-large");
    server_await_log(&server, "said=closed");
    server_await_stat(&server, "calls.take.cancelled", 1);
    fd = client_connect(server.port); /* others keep the server's */
    client_put(fd, POST("/mirror", "Content-Length: 11\r\n"));
    expect_problem(fd, 413, "body-too-large");
    free(text);
    server_stop(&server);
}
END_TEST

/* It never is in memory. */
START_TEST(body_beyond_max_buffered_is_read) {
    struct server server = SERVER_DEMO("--set", "server.max-buffered=1MiB");
    char *text = make_text(5 * MIB);
    int fd = client_connect(server.port);
    client_format(fd, POST("/upload", "Content-Length: %zu\r\n"), 5 * MIB);
    client_send(fd, text, 5 * MIB);
    expect_sum(fd, text, 5 * MIB);
    ck_assert_int_eq(close(fd), 0);
    free(text);
    server_stop(&server);
}
END_TEST

START_TEST(malformed_chunks_are_400) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, POST("/take", CHUNKED) "5\r\nhello\r\n5\r\nhelloxx");
    expect_problem(fd, 400, "malformed");
    server_await_log(&server, "said=closed abandoned=1");
    server_await_stat(&server, "calls.take.cancelled", 1);
    fd = client_connect(server.port); /* an answer that has begun is cut */
    client_put(fd, POST("/mirror", CHUNKED) "5\r\nhello\r\n");
    server_await_least(&server, "front.bytes_out", 1);
    client_put(fd, "5\r\nhelloxx");
    struct response response = response_read_cut(fd);
    response_free(&response);
    client_expect_end(fd);
    server_await_stat(&server, "front.answers_broken", 1);
    server_stop(&server);
}
END_TEST

START_TEST(slow_body_is_408) {
    struct server server = SERVER_DEMO("--set", "server.body-timeout=200ms");
    int fd = client_connect(server.port);
    client_put(fd, POST("/take", "Content-Length: 50\r\n") "hello");
    expect_problem(fd, 408, "slow-request");
    server_await_log(&server, "said=closed abandoned=1");
    server_await_stat(&server, "calls.take.cancelled", 1);
    ck_assert_double_eq(server_stat(&server, "front.connections_dropped"), 1);
    fd = client_connect(server.port); /* an answer that has begun is cut */
    client_put(fd, POST("/mirror", "Content-Length: 50\r\n") "hello");
    struct response response = response_read_cut(fd);
    ck_assert_uint_eq(response.body_size, 5);
    response_free(&response);
    client_expect_end(fd);
    server_stop(&server);
}
END_TEST

START_TEST(call_hears_that_its_sender_has_left) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, POST("/take", "Content-Length: 50\r\n") "hello");
    server_await_inside(&server, 1);
    ck_assert_int_eq(close(fd), 0);
    server_await_log(&server, "said=closed abandoned=1");
    server_await_stat(&server, "calls.take.cancelled", 1);
    server_stop(&server);
}
END_TEST

START_TEST(call_that_waits_for_a_body_has_its_time) {
    struct server server = SERVER_DEMO("--set", "call.take.timeout=200ms");
    int fd = client_connect(server.port);
    client_put(fd, POST("/take", "Content-Length: 50\r\n") "hello");
    expect_problem(fd, 504, "run-time");
    server_await_log(&server, "said=closed abandoned=1");
    ck_assert_double_eq(server_stat(&server, "calls.take.expired_run"), 1);
    server_stop(&server);
}
END_TEST

START_TEST(drain_waits_for_a_body) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, POST("/take", "Content-Length: 10\r\n") "hello");
    server_await_inside(&server, 1);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    client_put(fd, "hello");
    expect_bytes(fd, "10");
    client_expect_end(fd);
    server_ended(&server, 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        body_of_every_size_is_read_to_its_end,
        chunked_body_of_every_chunk_size_is_read_to_its_end,
        requests_behind_a_body_are_answered_behind_it,
        old_client_may_send_a_body_too,
        body_comes_back_while_it_is_sent,
        nothing_is_read_before_the_call_reads,
        call_that_reads_slowly_slows_its_client,
        body_time_is_the_clients_alone,
        client_is_asked_for_its_body_when_the_call_reads,
        answer_before_the_body_is_read_closes_the_connection,
        body_of_a_refused_call_is_not_read,
        arguments_are_checked_before_the_body,
        body_beyond_its_own_limit_is_413,
        body_beyond_max_buffered_is_read,
        malformed_chunks_are_400,
        slow_body_is_408,
        call_hears_that_its_sender_has_left,
        call_that_waits_for_a_body_has_its_time,
        drain_waits_for_a_body,
    };
    return suite_run("uploads", tests, sizeof tests / sizeof *tests);
}

/* Streams: answers that come in pieces, and all ways in which they end. */
#include "../support/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIB           ((size_t)1024)
#define MIB           ((size_t)1024 * 1024)
#define PERIOD        251         /* the byte at offset i is i % PERIOD */
#define PASSAGE_BYTES (256 * KIB) /* on their way from a worker to a socket, at most */
#define GET(target_)  "GET " target_ " HTTP/1.1\r\nHost: t\r\n\r\n"

static void expect_pattern(const struct response *response, size_t size) {
    ck_assert_msg(response->status == 200, "%s", response->head);
    ck_assert_uint_eq(response->body_size, size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)response->body[i] != i % PERIOD)
            ck_abort_msg("byte %zu of the answer is wrong", i);
}

static void expect_next(int fd) {
    client_put(fd, GET("/noop"));
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
}

/* -- whole ones -- */

START_TEST(answer_without_a_size_comes_in_chunks_and_the_connection_stays) {
    static const size_t sizes[] = {0, 1, 8191, 8192, 8193, 100000, 3 * MIB};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        client_format(fd, "GET /send?before=%zu HTTP/1.1\r\nHost: t\r\n\r\n", sizes[i]);
        struct response response = response_read(fd);
        ck_assert_ptr_nonnull(response_header(&response, "Transfer-Encoding"));
        ck_assert_ptr_null(response_header(&response, "Connection"));
        expect_pattern(&response, sizes[i]);
        response_free(&response);
    }
    ck_assert_double_eq(server_stat(&server, "front.answers_broken"), 0);
    expect_next(fd);
    server_stop(&server);
}
END_TEST

START_TEST(answer_with_a_size_says_it_and_the_connection_stays) {
    static const size_t sizes[] = {0, 1, 100000, 3 * MIB};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        client_format(fd, "GET /send?before=%zu&size=%zu HTTP/1.1\r\nHost: t\r\n\r\n", sizes[i], sizes[i]);
        struct response response = response_read(fd);
        ck_assert_ptr_nonnull(response_header(&response, "Content-Length"));
        expect_pattern(&response, sizes[i]);
        response_free(&response);
    }
    expect_next(fd);
    server_stop(&server);
}
END_TEST

START_TEST(old_client_gets_the_bytes_up_to_the_end_of_the_connection) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, "GET /send?before=300000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    struct response response = response_read(fd);
    ck_assert_ptr_null(response_header(&response, "Content-Length"));
    ck_assert_str_eq(response_header(&response, "Connection"), "close");
    expect_pattern(&response, 300000);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    fd = client_connect(server.port); /* with a size it needs no end */
    client_put(fd, "GET /send?before=300000&size=300000 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    response = response_read(fd);
    expect_pattern(&response, 300000);
    response_free(&response);
    expect_next(fd);
    server_stop(&server);
}
END_TEST

START_TEST(head_gets_the_head_alone) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, "HEAD /send?before=300000&size=300000 HTTP/1.1\r\nHost: t\r\n\r\n");
    struct response response = response_read_head(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_str_eq(response_header(&response, "Content-Length"), "300000");
    response_free(&response);
    client_put(fd, "HEAD /send?before=300000 HTTP/1.1\r\nHost: t\r\n\r\n");
    response = response_read_head(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_ptr_null(response_header(&response, "Content-Length"));
    ck_assert_ptr_null(response_header(&response, "Transfer-Encoding"));
    response_free(&response);
    expect_next(fd);
    server_check_books(&server);
    ck_assert_double_eq(server_stat(&server, "calls.send.done"), 2); /* nothing has failed */
    server_stop(&server);
}
END_TEST

START_TEST(status_without_a_body_has_none) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd,
               GET("/send?before=10&status=204") GET("/send?before=10&status=304") GET("/send?before=10&status=206"));
    response_expect(fd, 204);
    response_expect(fd, 304);
    response_expect(fd, 206);
    expect_next(fd);
    server_stop(&server);
}
END_TEST

/** Waits until text, which may hold any bytes, stands at the end of what has come; takes nothing. */
static void await_bytes(int fd, const char *text, size_t size) {
    char seen[4 * KIB];
    for (uint64_t begun_ms = clock_ms();;) {
        ssize_t got = recv(fd, seen, sizeof seen, MSG_PEEK);
        if (got >= (ssize_t)size && memcmp(seen + got - size, text, size) == 0)
            return;
        patience(begun_ms, "the first bytes");
    }
}

START_TEST(first_bytes_come_while_the_call_runs) {
    static const char first[] = "\r\n\r\n5\r\n\0\1\2\3\4\r\n";
    struct server server = server_start_demo(NULL);
    int fd = server_ask(&server, "/send?before=5&after=20000&gated=true");
    await_bytes(fd, first, sizeof first - 1);
    ck_assert_double_eq(server_stat(&server, "calls.send.in_flight"), 1);
    server_open_gate(&server);
    struct response response = response_read(fd);
    ck_assert_uint_ge(response.chunk_count, 3);
    expect_pattern(&response, 20005);
    response_free(&response);
    expect_next(fd);
    server_stop(&server);
}
END_TEST

START_TEST(head_comes_before_the_first_byte_is_there) {
    struct server server = server_start_demo(NULL);
    int fd = server_ask(&server, "/send?after=10&gated=true");
    await_bytes(fd, "\r\n\r\n", 4);
    server_open_gate(&server);
    struct response response = response_read(fd);
    expect_pattern(&response, 10);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(request_behind_a_stream_waits_for_its_end) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, GET("/send?before=5&after=5&gated=true") GET("/noop") GET("/send?before=7"));
    server_await_inside(&server, 1);
    ck_assert_double_eq(server_stat(&server, "calls.noop.submitted"), 0);
    server_open_gate(&server);
    struct response response = response_read(fd);
    expect_pattern(&response, 10);
    response_free(&response);
    response_expect(fd, 200);
    response = response_read(fd);
    expect_pattern(&response, 7);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

/* -- back-pressure -- */

/** Asks for 16 MiB on a connection with a small buffer, and waits until they have begun. Sockets don't hold so much. */
static int ask_slowly(const struct server *server) {
    int fd = client_connect_small(server->port);
    client_put(fd, GET("/send?before=16777216"));
    ck_assert(client_wait(fd, PROGRAM_PATIENCE_MS));
    return fd;
}

START_TEST(slow_reader_makes_the_worker_wait_and_nobody_else) {
    struct server server = server_start_demo(NULL);
    int fd = ask_slowly(&server);
    for (int i = 0; i < 50; i++) {
        struct response other = server_get(&server, "/noop");
        ck_assert_int_eq(other.status, 200);
        response_free(&other);
    }
    ck_assert_double_lt(server_stat(&server, "front.bytes_out"), 8 * MIB);
    ck_assert_double_eq(server_stat(&server, "front.buffered_bytes"), PASSAGE_BYTES);
    ck_assert_double_eq(server_stat(&server, "calls.send.in_flight"), 1);
    struct response response = response_read(fd);
    expect_pattern(&response, 16 * MIB);
    response_free(&response);
    expect_next(fd);
    server_stop(&server);
}
END_TEST

START_TEST(reader_that_does_not_read_is_dropped_in_its_time) {
    struct server server = SERVER_DEMO("--set", "server.answer-timeout=300ms");
    int fd = ask_slowly(&server);
    server_await_log(&server, "said=closed abandoned=1");
    server_await_stat(&server, "calls.send.cancelled", 1);
    ck_assert_double_eq(server_stat(&server, "front.connections_dropped"), 1);
    ck_assert_double_eq(server_stat(&server, "front.answers_broken"), 1);
    struct response response = response_read_cut(fd);
    ck_assert_uint_lt(response.body_size, 16 * MIB);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

/* It takes longer than the time-out in all, but never to take one buffer. */
START_TEST(reader_that_goes_on_reading_is_not_dropped) {
    char last[5] = "";
    struct server server = SERVER_DEMO("--set", "server.answer-timeout=4s");
    int fd = client_connect(server.port);
    uint64_t begun_ms = clock_ms();
    char *data = malloc(PASSAGE_BYTES);
    ck_assert_ptr_nonnull(data);
    client_put(fd, GET("/send?before=67108864"));
    while (clock_ms() - begun_ms < 5000) {
        ck_assert_int_eq(recv(fd, data, PASSAGE_BYTES, MSG_WAITALL), (ssize_t)PASSAGE_BYTES);
        ck_assert(!client_wait(-1, 100)); /* a rest: 2.5 MiB a second at most */
    }
    ck_assert_double_eq(server_stat(&server, "calls.send.in_flight"), 1);
    while (memcmp(last, "0\r\n\r\n", sizeof last) != 0) {
        ssize_t got = recv(fd, data, PASSAGE_BYTES, 0);
        ck_assert_int_gt(got, 0);
        for (ssize_t at = got > 5 ? got - 5 : 0; at < got; at++) {
            memmove(last, last + 1, sizeof last - 1);
            last[sizeof last - 1] = data[at];
        }
    }
    free(data);
    expect_next(fd);
    server_stop(&server);
}
END_TEST

START_TEST(call_hears_that_its_reader_has_left) {
    struct server server = server_start_demo(NULL);
    int fd = ask_slowly(&server);
    ck_assert_int_eq(close(fd), 0);
    server_await_log(&server, "said=closed abandoned=1");
    server_await_stat(&server, "calls.send.cancelled", 1);
    ck_assert_double_eq(server_stat(&server, "front.answers_broken"), 1);
    ck_assert_double_eq(server_stat(&server, "calls.send.failed"), 0);
    server_stop(&server);
}
END_TEST

/* With a reset; the call stands elsewhere meanwhile. */
START_TEST(call_hears_of_a_reader_that_left_between_two_pieces) {
    static const struct linger reset = {.l_onoff = 1};
    struct server server = server_start_demo(NULL);
    int fd = server_ask(&server, "/send?before=5&after=10&gated=true");
    await_bytes(fd, "\4\r\n", 3);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    ck_assert_int_eq(close(fd), 0);
    server_await_stat(&server, "front.answers_broken", 1);
    server_open_gate(&server);
    server_await_log(&server, "bytes=5 said=closed abandoned=1");
    server_stop(&server);
}
END_TEST

/* -- broken ones -- */

static void expect_cut(const struct server *server, const char *path, size_t size, const char *log) {
    int fd = server_ask(server, path);
    struct response response = response_read_cut(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_uint_eq(response.body_size, size);
    response_free(&response);
    client_expect_end(fd);
    server_await_log(server, log);
}

START_TEST(call_that_fails_in_the_middle_closes_without_the_last_chunk) {
    struct server server = server_start_demo(NULL);
    expect_cut(&server, "/send?before=70000&fails=true", 70000, "event=answer_broken call=send outcome=failed id=");
    server_await_log(&server, "detail=\"it was told to \\\"fail\\\"\"");
    server_await_stat(&server, "calls.send.failed", 1);
    ck_assert_double_eq(server_stat(&server, "front.answers_broken"), 1);
    server_stop(&server);
}
END_TEST

START_TEST(answer_of_another_size_than_it_said_is_broken) {
    struct server server = server_start_demo(NULL);
    expect_cut(&server, "/send?before=500&size=501", 500, "the answer ended after 500 of 501 bytes");
    int fd = server_ask(
        &server, "/send?before=8192&after=1&size=8192"); /* the client has all it was promised, and no byte more */
    struct response response = response_read(fd);
    expect_pattern(&response, 8192);
    response_free(&response);
    client_expect_end(fd);
    server_await_stat(&server, "calls.send.failed", 2);
    server_await_log(&server, "bytes=8192 said=full");
    server_stop(&server);
}
END_TEST

START_TEST(old_client_can_tell_a_broken_answer_by_the_reset) {
    char data[4 * KIB];
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, "GET /send?before=10&fails=true HTTP/1.0\r\n\r\n");
    ssize_t got;
    do
        got = recv(fd, data, sizeof data, 0);
    while (got > 0);
    ck_assert_int_lt(got, 0);
    ck_assert_int_eq(errno, ECONNRESET);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(time_out_cuts_an_answer_in_the_middle) {
    struct server server = SERVER_DEMO("--set", "call.send.timeout=300ms");
    expect_cut(&server, "/send?before=20&after=10&gated=true", 20, "event=answer_broken call=send outcome=expired-run");
    ck_assert_double_eq(server_stat(&server, "calls.send.expired_run"), 1);
    ck_assert_double_eq(server_stat(&server, "pools.demo.zombie_count"), 1);
    server_open_gate(&server);
    server_await_log(&server, "bytes=20 said=closed abandoned=1");
    int fd = ask_slowly(&server); /* and one that waits for its reader */
    server_await_stat(&server, "calls.send.expired_run", 2);
    server_await_log_count(&server, "said=closed abandoned=1", 2);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(failure_before_the_first_piece_is_a_failure_as_any_other) {
    struct server server = server_start_demo(NULL);
    struct response response = server_get(&server, "/send?before=1&status=100");
    response_check_problem(&response, 500, "call-failed");
    response_free(&response);
    server_stop(&server);
}
END_TEST

START_TEST(passages_beyond_max_buffered_are_refused) {
    enum { CLIENTS = 4 };
    int fds[CLIENTS];
    struct server server = SERVER_DEMO("--set", "server.max-buffered=1MiB", "--set", "server.max-answer=1MiB");
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = ask_slowly(&server);
    server_await_stat(&server, "front.buffered_bytes", CLIENTS * PASSAGE_BYTES);
    struct response response = server_get(&server, "/send?before=1");
    response_check_problem(&response, 500, "call-failed");
    ck_assert_ptr_nonnull(strstr(response.body, "max-buffered"));
    response_free(&response);
    int fd = client_connect(server.port);
    client_put(fd, "POST /take HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    response = response_read(fd);
    response_check_problem(&response, 503, "no-room");
    response_free(&response);
    client_expect_end(fd);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(close(fds[i]), 0);
    server_await_stat(&server, "front.buffered_bytes", 0);
    response = server_get(&server, "/send?before=1");
    expect_pattern(&response, 1);
    response_free(&response);
    server_stop(&server);
}
END_TEST

/* -- the end of the service -- */

START_TEST(drain_waits_for_a_stream) {
    struct server server = server_start_demo(NULL);
    int fd = server_ask(&server, "/send?before=5&after=1000000&gated=true");
    await_bytes(fd, "\4\r\n", 3);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    server_open_gate(&server);
    struct response response = response_read(fd);
    expect_pattern(&response, 1000005);
    response_free(&response);
    client_expect_end(fd);
    server_ended(&server, 0);
}
END_TEST

START_TEST(end_of_the_drain_cuts_a_stream) {
    struct server server = SERVER_DEMO("--set", "server.drain=200ms");
    int fd = ask_slowly(&server);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=drain_left pool=demo call=send");
    struct response response = response_read_cut(fd);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    server_ended(&server, 1);
}
END_TEST

/* -- where nobody can take pieces -- */

START_TEST(gather_collects_pieces_within_its_limit) {
    struct server server = SERVER_DEMO("--set", "server.max-answer=64KiB");
    struct response response = server_post(
        &server, "/gather",
        "{\"calls\":[{\"call\":\"send\",\"args\":{\"before\":3}},{\"call\":\"send\",\"args\":{\"before\":99999}},"
        "{\"call\":\"send\",\"args\":{\"before\":3,\"size\":4}},{\"call\":\"take\",\"args\":{}}],"
        "\"return_exceptions\":true}");
    ck_assert_int_eq(response.status, 200);
    ck_assert_str_eq(response_member(&response, "results.0.status"), "200");
    ck_assert_str_eq(response_member(&response, "results.0.base64"), "AAEC");
    ck_assert_str_eq(response_member(&response, "results.1.status"), "500");
    ck_assert_str_eq(response_member(&response, "results.2.problem.detail"), "the answer ended after 3 of 4 bytes");
    ck_assert_str_eq(response_member(&response, "results.3.body.bytes"), "0");
    response_free(&response);
    server_stop(&server);
}
END_TEST

START_TEST(call_on_the_loop_is_collected) {
    struct server server = SERVER_DEMO("--set", "call.stream.pool=none", "--set", "call.upload.pool=none");
    struct response response = server_get(&server, "/stream?mib=2");
    ck_assert_str_eq(response_header(&response, "Content-Length"), "2097152");
    expect_pattern(&response, 2 * MIB);
    response_free(&response);
    int fd = client_connect(server.port);
    client_put(fd, "POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
    response = response_read(fd);
    ck_assert_str_eq(response.body, "{\"bytes\":5,\"fnv1a\":\"a430d84680aabd0b\"}\n");
    response_free(&response);
    client_put(fd, "HEAD /stream?mib=2&sized=true HTTP/1.1\r\nHost: t\r\n\r\n");
    response = response_read_head(fd);
    ck_assert_str_eq(response_header(&response, "Content-Length"), "2097152");
    response_free(&response);
    expect_next(fd);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        answer_without_a_size_comes_in_chunks_and_the_connection_stays,
        answer_with_a_size_says_it_and_the_connection_stays,
        old_client_gets_the_bytes_up_to_the_end_of_the_connection,
        head_gets_the_head_alone,
        status_without_a_body_has_none,
        first_bytes_come_while_the_call_runs,
        head_comes_before_the_first_byte_is_there,
        request_behind_a_stream_waits_for_its_end,
        slow_reader_makes_the_worker_wait_and_nobody_else,
        reader_that_does_not_read_is_dropped_in_its_time,
        reader_that_goes_on_reading_is_not_dropped,
        call_hears_that_its_reader_has_left,
        call_hears_of_a_reader_that_left_between_two_pieces,
        call_that_fails_in_the_middle_closes_without_the_last_chunk,
        answer_of_another_size_than_it_said_is_broken,
        old_client_can_tell_a_broken_answer_by_the_reset,
        time_out_cuts_an_answer_in_the_middle,
        failure_before_the_first_piece_is_a_failure_as_any_other,
        passages_beyond_max_buffered_are_refused,
        drain_waits_for_a_stream,
        end_of_the_drain_cuts_a_stream,
        gather_collects_pieces_within_its_limit,
        call_on_the_loop_is_collected,
    };
    return suite_run("streams", tests, sizeof tests / sizeof *tests);
}

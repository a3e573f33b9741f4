/* Bodies: what is sent along, and big answers. */
#include "../support/server.h"

#include <stdlib.h>
#include <unistd.h>

#define MIB ((size_t)1024 * 1024)
/* The demo's /big: the byte at offset i is i % BIG_PERIOD. */
#define BIG_PERIOD 251

static void expect_pattern(const struct response *response, size_t size) {
    ck_assert_int_eq(response->status, 200);
    ck_assert_uint_eq(response->body_size, size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)response->body[i] != i % BIG_PERIOD)
            ck_abort_msg("byte %zu of the answer is wrong", i);
}

static char *make_text(size_t size) {
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 23);
    text[size] = '\0';
    return text;
}

static void expect_echo(int fd, const char *text, size_t size) {
    struct response response = response_read(fd);
    ck_assert_msg(response.status == 200, "%s%s", response.head, response.body);
    ck_assert_uint_eq(response.body_size, size);
    ck_assert_mem_eq(response.body, text, size);
    response_free(&response);
}

START_TEST(body_of_every_size_comes_back_whole) {
    static const size_t sizes[] = {0, 1, 100, 4095, 4096, 4097, 16384, 65535, 65536, 200000, MIB - 1, MIB};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = make_text(sizes[i]);
        client_format(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
        client_send(fd, text, sizes[i]);
        expect_echo(fd, text, sizes[i]);
        free(text);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(chunked_body_of_every_chunk_size_comes_back_whole) {
    static const size_t chunks[] = {1, 7, 255, 4096, 70000, 300000};
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        size_t size = chunks[i] < 300 ? chunks[i] * 40 : 300000;
        char *text = make_text(size);
        client_put(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
        client_put_chunks(fd, text, size, chunks[i]);
        expect_echo(fd, text, size);
        free(text);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

/* The server has read all of one piece before the next is sent. */
START_TEST(request_split_at_every_byte_means_the_same) {
    static const char request[] = "POST /echo?a=%20 HTTP/1.1\r\nHost: t\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3;x=\"y\"\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n";
    struct server server = SERVER_DEMO("--set", "server.header-timeout=1h", "--set", "server.body-timeout=1h");
    int fd = client_connect(server.port);
    double sent = 0;
    for (size_t at = 1; at < sizeof request - 1; at++) {
        client_send(fd, request, at);
        sent += (double)at;
        server_await_stat(&server, "front.bytes_in", sent);
        client_send(fd, request + at, sizeof request - 1 - at);
        sent += (double)(sizeof request - 1 - at);
        expect_echo(fd, "abcde", 5);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(request_sent_byte_by_byte_is_answered_once) {
    static const char request[] = "\r\nPOST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nabcde";
    struct server server = SERVER_DEMO("--set", "server.header-timeout=1h", "--set", "server.body-timeout=1h");
    int fd = client_connect(server.port);
    for (size_t at = 0; at < sizeof request - 1; at++) {
        ck_assert(!client_wait(fd, 0));
        client_send(fd, request + at, 1);
        server_await_stat(&server, "front.bytes_in", (double)(at + 1));
    }
    expect_echo(fd, "abcde", 5);
    ck_assert(!client_wait(fd, 0));
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

/* -- Expect -- */

START_TEST(client_that_waits_for_100_gets_it_before_its_body) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    for (int i = 0; i < 3; i++) {
        client_put(fd, i < 2 ? "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
                             : "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n"
                               "Expect: 100-CONTINUE\r\n\r\n");
        struct response interim = response_read(fd);
        ck_assert_str_eq(interim.head, "HTTP/1.1 100 Continue\r\n\r\n");
        response_free(&interim);
        client_put(fd, i < 2 ? "abcde" : "5\r\nabcde\r\n0\r\n\r\n");
        expect_echo(fd, "abcde", 5);
    }
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(no_100_for_a_body_that_is_there_already_or_that_there_is_not) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect(server.port);
    client_put(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nabcde");
    expect_echo(fd, "abcde", 5);
    client_put(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n");
    expect_echo(fd, "", 0);
    client_put(fd, "GET /noop HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\n\r\n");
    response_expect(fd, 200);
    client_put(fd, "POST /echo HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    server_await_stat(&server, "front.requests", 4);
    ck_assert(!client_wait(fd, 0));
    client_put(fd, "abcde");
    expect_echo(fd, "abcde", 5);
    client_expect_end(fd);
    server_stop(&server);
}
END_TEST

START_TEST(body_that_is_refused_is_not_asked_for) {
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n",
        "POST /nothing HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        "POST /inline HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        "POST /call/noop HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Type: a\r\nExpect: 100-continue\r\n\r\n"};
    static const int statuses[] = {413, 404, 405, 415};
    struct server server = server_start_demo(NULL);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        int fd = client_connect(server.port);
        client_put(fd, requests[i]);
        struct response response = response_read(fd);
        ck_assert_msg(response.status == statuses[i], "%d: %s", statuses[i], response.head);
        ck_assert_str_eq(response_header(&response, "Connection"), "close");
        response_free(&response);
        client_expect_end(fd);
    }
    server_stop(&server);
}
END_TEST

/* -- big answers -- */

START_TEST(big_answer_arrives_whole_at_a_slow_reader_and_holds_nobody_up) {
    struct server server = server_start_demo(NULL);
    int slow = client_connect_small(server.port);
    client_put(slow, "GET /big?mib=8 HTTP/1.1\r\nHost: t\r\n\r\nGET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_least(&server, "front.buffered_bytes", (double)MIB); /* the sockets hold the rest */
    for (int i = 0; i < 20; i++) {
        struct response other = server_get(&server, "/noop");
        ck_assert_int_eq(other.status, 200);
        response_free(&other);
    }
    ck_assert_double_eq(server_stat(&server, "calls.noop.submitted"), 20); /* the pipelined one has to wait */
    struct response big = response_read(slow);
    expect_pattern(&big, 8 * MIB);
    response_free(&big);
    response_expect(slow, 200);
    ck_assert_int_eq(close(slow), 0);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        body_of_every_size_comes_back_whole,
        chunked_body_of_every_chunk_size_comes_back_whole,
        request_split_at_every_byte_means_the_same,
        request_sent_byte_by_byte_is_answered_once,
        client_that_waits_for_100_gets_it_before_its_body,
        no_100_for_a_body_that_is_there_already_or_that_there_is_not,
        body_that_is_refused_is_not_asked_for,
        big_answer_arrives_whole_at_a_slow_reader_and_holds_nobody_up,
    };
    return suite_run("bodies", tests, sizeof tests / sizeof *tests);
}

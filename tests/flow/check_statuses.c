/* Statuses: every error for which no call is to blame, provoked over raw sockets. Those of calls are in check_outcomes.c. */
#include "../support/server.h"

#include <string.h>
#include <unistd.h>

#define HOST "Host: t\r\n"

struct exchange {
    const char *request;
    int status;
    const char *kind; /* of the problem */
};

/** Each on a connection of its own. Those that end the connection must close it. */
static void check_exchanges(const struct server *server, const struct exchange *table, size_t count, bool closes) {
    for (size_t i = 0; i < count; i++) {
        int fd = client_connect(server->port);
        client_put(fd, table[i].request);
        struct response response = response_read(fd);
        ck_assert_msg(response.status == table[i].status, "row %zu: %s\ngave: %s", i, table[i].request, response.head);
        response_check_problem(&response, table[i].status, table[i].kind);
        const char *connection = response_header(&response, "Connection");
        ck_assert_msg((connection != NULL && strcmp(connection, "close") == 0) == closes, "row %zu: %s", i,
                      response.head);
        response_free(&response);
        if (!closes) {
            client_put(fd, "GET /noop HTTP/1.1\r\n" HOST "\r\n");
            response_expect(fd, 200);
            ck_assert_int_eq(close(fd), 0);
        } else {
            client_expect_end(fd);
        }
    }
}

#define CHECK_EXCHANGES(server_, table_, closes_) \
    check_exchanges(server_, table_, sizeof(table_) / sizeof *(table_), closes_)

/* -- what is wrong with the bytes -- */

START_TEST(malformed_requests_are_400_and_the_end) {
    static const struct exchange table[] = {
        {"\x16\x03\x01\x02", 400, "malformed"}, /* TLS */
        {"GET\r\n\r\n", 400, "malformed"},
        {"GET /noop\r\n\r\n", 400, "malformed"},
        {"GET  /noop HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET /noop  HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1 \r\n" HOST "\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\n" HOST "\r\n", 400, "malformed"},
        {"G\x01T /noop HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET noop HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET /no op HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET /noop#part HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET ftp://t/noop HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"CONNECT t:80 HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET * HTTP/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET /noop HTTX/1.1\r\n" HOST "\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n" HOST HOST "\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n" HOST "Name : v\r\n\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n" HOST ": v\r\n\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n" HOST "A: b\r\n folded\r\n\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n" HOST "A: b\nB: c\r\n\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\nabc", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400, "malformed"},
        {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400, "malformed"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400, "malformed"},
        {"GET /noop HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n", 417, "expectation"},
    };
    struct server server = server_start_demo(NULL);
    CHECK_EXCHANGES(&server, table, true);
    ck_assert_double_eq(server_stat(&server, "pools.demo.submitted"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(body_that_is_no_json_is_400_and_the_connection_goes_on) {
    static const struct exchange table[] = {
        {"POST /call/noop HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{\"", 400, "bad-json"},
        {"POST /call/noop HTTP/1.1\r\n" HOST "Content-Length: 7\r\n\r\n{} more", 400, "bad-json"},
        {"POST /call/noop HTTP/1.1\r\n" HOST "Content-Length: 15\r\n\r\n{\"a\":1,\"a\":2}  ", 400, "bad-json"},
        {"POST /call/noop HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n\xff\xfe{}", 400, "bad-json"},
        {"POST /gather HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n[", 400, "bad-json"},
        {"POST /gather HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 400, "bad-json"},
    };
    struct server server = server_start_demo(NULL);
    CHECK_EXCHANGES(&server, table, false);
    struct response response = server_post(&server, "/call/noop", "{\n  \"a\": tru\n}");
    ck_assert_ptr_nonnull(strstr(response_member(&response, "detail"), "line 2, column"));
    response_free(&response);
    server_stop(&server);
}
END_TEST

START_TEST(overlong_heads_are_414_and_431) {
    static char line[9000];
    static char value[17000];
    static char many[102 * 6 + 1];
    struct server server = server_start_demo(NULL);
    memset(line, 'a', sizeof line - 1);
    memset(value, 'a', sizeof value - 1);
    for (size_t i = 0; i < 102; i++)
        memcpy(many + i * 6, "A: b\r\n", 7);
    for (int i = 0; i < 4; i++) {
        int fd = client_connect(server.port);
        if (i == 0)
            client_format(fd, "GET /%s HTTP/1.1\r\n" HOST "\r\n", line);
        else if (i == 1)
            client_format(fd, "GET /noop?%s HTTP/1.1\r\n" HOST "\r\n", line);
        else if (i == 2)
            client_format(fd, "GET /noop HTTP/1.1\r\n" HOST "A: %s\r\n\r\n", value);
        else
            client_format(fd, "GET /noop HTTP/1.1\r\n" HOST "%s\r\n", many);
        struct response response = response_read(fd);
        response_check_problem(&response, i < 2 ? 414 : 431, i < 2 ? "line-too-long" : "head-too-large");
        response_free(&response);
        client_expect_end(fd);
    }
    int fd = client_connect(server.port);
    client_format(fd, "GET /noop HTTP/1.1\r\n" HOST "A: %.15000s\r\n\r\n", value);
    response_expect(fd, 200); /* below both limits */
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(unknown_transfer_coding_is_501) {
    static const struct exchange table[] = {
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "transfer-coding"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 501, "transfer-coding"},
    };
    struct server server = server_start_demo(NULL);
    CHECK_EXCHANGES(&server, table, true);
    server_stop(&server);
}
END_TEST

START_TEST(other_versions_are_505) {
    static const struct exchange table[] = {
        {"GET /noop HTTP/2.0\r\n" HOST "\r\n", 505, "version"},
        {"GET /noop HTTP/1.2\r\n" HOST "\r\n", 505, "version"},
        {"GET /noop HTTP/0.9\r\n" HOST "\r\n", 505, "version"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version"},
    };
    struct server server = server_start_demo(NULL);
    CHECK_EXCHANGES(&server, table, true);
    server_stop(&server);
}
END_TEST

/* -- what is wrong with the target or the body -- */

START_TEST(unknown_path_is_404_and_unknown_method_405_with_allow) {
    static const struct exchange nothing[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", 404, "not-found"},
        {"GET /noop/ HTTP/1.1\r\n" HOST "\r\n", 404, "not-found"},
        {"GET /NOOP HTTP/1.1\r\n" HOST "\r\n", 404, "not-found"},
        {"GET //noop HTTP/1.1\r\n" HOST "\r\n", 404, "not-found"},
        {"GET /./noop HTTP/1.1\r\n" HOST "\r\n", 404, "not-found"},
        {"POST /call/nothing HTTP/1.1\r\n" HOST "\r\n", 404, "not-found"},
    };
    static const struct exchange method[] = {
        {"POST /noop HTTP/1.1\r\n" HOST "\r\n", 405, "method"},
        {"DELETE /noop HTTP/1.1\r\n" HOST "\r\n", 405, "method"},
        {"get /noop HTTP/1.1\r\n" HOST "\r\n", 405, "method"},
        {"BREW /noop HTTP/1.1\r\n" HOST "\r\n", 405, "method"},
        {"TRACE /noop HTTP/1.1\r\n" HOST "\r\n", 405, "method"},
    };
    struct server server = server_start_demo(NULL);
    CHECK_EXCHANGES(&server, nothing, false);
    CHECK_EXCHANGES(&server, method, false);
    int fd = client_connect(server.port);
    client_put(fd, "PUT /echo HTTP/1.1\r\n" HOST "\r\nGET /call/noop HTTP/1.1\r\n" HOST "\r\n");
    struct response echo = response_read(fd);
    ck_assert_str_eq(response_header(&echo, "Allow"), "GET, HEAD, POST");
    struct response call = response_read(fd);
    response_check_problem(&call, 405, "method");
    ck_assert_str_eq(response_header(&call, "Allow"), "POST");
    response_free(&echo);
    response_free(&call);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(body_beyond_the_limit_is_413_by_length_and_by_chunks) {
    static const struct exchange table[] = {
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1025\r\n\r\n", 413, "body-too-large"},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775807\r\n\r\n", 413, "body-too-large"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n401\r\n", 413, "body-too-large"},
        {"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 413,
         "body-too-large"},
    };
    struct server server = SERVER_DEMO("--set", "server.max-body=1KiB");
    CHECK_EXCHANGES(&server, table, true);
    for (int i = 0; i < 2; i++) {
        int fd = client_connect(server.port);
        client_put(fd, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
        client_format(fd, "400\r\n%01024d\r\n", 0);
        client_put(fd, i == 0 ? "1\r\nx" : "0\r\n\r\n");
        struct response response = response_read(fd);
        if (i == 0) {
            response_check_problem(&response, 413, "body-too-large");
            client_expect_end(fd);
        } else {
            ck_assert_int_eq(response.status, 200); /* just as much as is allowed */
            ck_assert_int_eq(close(fd), 0);
        }
        response_free(&response);
    }
    server_stop(&server);
}
END_TEST

START_TEST(other_media_types_are_415) {
    static const struct exchange table[] = {
        {"POST /call/noop HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}", 415,
         "media-type"},
        {"POST /call/noop HTTP/1.1\r\n" HOST "Content-Type: application/x-www-form-urlencoded\r\n"
         "Content-Length: 4\r\n\r\nms=1",
         415, "media-type"},
        {"POST /gather HTTP/1.1\r\n" HOST "Content-Type: application/jsonish\r\nContent-Length: 2\r\n\r\n{}", 415,
         "media-type"},
    };
    struct server server = server_start_demo(NULL);
    CHECK_EXCHANGES(&server, table, true);
    int fd = client_connect(server.port);
    client_put(fd, "POST /call/noop HTTP/1.1\r\n" HOST "Content-Type: Application/JSON; charset=utf-8\r\n"
                   "Content-Length: 2\r\n\r\n{}");
    response_expect(fd, 200);
    client_put(fd, "POST /call/noop HTTP/1.1\r\n" HOST "Content-Type: application/vnd.x+json\r\n"
                   "Content-Length: 2\r\n\r\n{}");
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

struct mistake {
    const char *path;
    const char *json; /* NULL: GET */
    const char *pointer;
    const char *detail; /* a part of it */
};

START_TEST(wrong_arguments_are_422_with_a_pointer_to_each) {
    static const struct mistake table[] = {
        {"/to-thread?ms=12x", NULL, "/ms", "must be"},
        {"/to-thread?ms=-1", NULL, "/ms", "must be from 0 to 60000"},
        {"/to-thread?ms=60001", NULL, "/ms", "must be from 0 to 60000"},
        {"/to-thread?ms=1.0", NULL, "/ms", "must be"},
        {"/to-thread?ms=", NULL, "/ms", "must be"},
        {"/to-thread?ms=99999999999999999999", NULL, "/ms", "must be"},
        {"/to-thread?ms=1&ms=2", NULL, "/ms", "given twice in the query"},
        {"/to-thread?sm=1", NULL, "/sm", "did you mean \"ms\""},
        {"/to-thread?a%2Fb~c=1", NULL, "/a~1b~0c", "no such parameter"},
        {"/noop?x=1", NULL, "/x", "no such parameter"},
        {"/hosts/127.0.0.1?name=x", NULL, "/name", "given twice: in the path and in the query"},
        {"/hosts/%00", NULL, "/name", "must be"},
        {"/hosts/%ff", NULL, "/name", "must be"},
        {"/call/to-thread", "{\"ms\":\"1\"}", "/ms", "must be"},
        {"/call/to-thread", "{\"ms\":1.5}", "/ms", "must be"},
        {"/call/to-thread", "{\"ms\":true}", "/ms", "must be"},
        {"/call/to-thread", "{\"ms\":[1]}", "/ms", "not"},
        {"/call/to-thread", "{\"other\":1}", "/other", "no such parameter"},
        {"/call/to-thread", "[1]", "", "must be a JSON object"},
        {"/call/to-thread", "null", "", "must be a JSON object"},
        {"/call/host", "{}", "/name", "is required"},
        {"/call/host", "{\"name\":null}", "/name", "must not be null"},
    };
    struct server server = server_start_demo(NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct response response = table[i].json != NULL ? server_post(&server, table[i].path, table[i].json)
                                                         : server_get(&server, table[i].path);
        response_check_problem(&response, 422, "arguments");
        ck_assert_str_eq(response_member(&response, "errors.0.pointer"), table[i].pointer);
        const char *detail = response_member(&response, "errors.0.detail");
        ck_assert_msg(strstr(detail, table[i].detail) != NULL, "row %zu: %s", i, detail);
        ck_assert_ptr_null(response_member(&response, "errors.1"));
        response_free(&response);
    }
    struct response all = server_post(&server, "/call/host?family=1&family=2", "{\"nam\":1,\"x\":2}");
    response_check_problem(&all, 422, "arguments");
    ck_assert_str_eq(response_member(&all, "errors.0.pointer"), "/family");
    ck_assert_str_eq(response_member(&all, "errors.1.pointer"), "/nam");
    ck_assert_str_eq(response_member(&all, "errors.2.pointer"), "/x");
    ck_assert_str_eq(response_member(&all, "errors.3.pointer"), "/name");
    response_free(&all);
    ck_assert_double_eq(server_stat(&server, "calls.host.submitted"), 0);
    server_stop(&server);
}
END_TEST

/* -- slow clients -- */

/** Dribbles first, and then rest over and over, byte by byte, until an answer comes. Returns: how many ms that took. */
static uint64_t dribble(int fd, const char *first, const char *rest) {
    uint64_t begun_ms = clock_ms();
    for (const char *at = first; !client_wait(fd, 20) && client_try(fd, at, 1);) {
        at++;
        at = *at != '\0' ? at : rest;
        if (clock_ms() - begun_ms > PROGRAM_SOON_MS)
            break; /* each byte would have restarted the clock */
    }
    return clock_ms() - begun_ms;
}

static void expect_slow(int fd) {
    struct response response = response_read(fd);
    response_check_problem(&response, 408, "slow-request");
    ck_assert_str_eq(response_header(&response, "Connection"), "close");
    response_free(&response);
    client_expect_end(fd);
}

START_TEST(slow_head_is_408_however_steadily_it_drips) {
    struct server server = SERVER_DEMO("--set", "server.header-timeout=300ms");
    int still = client_connect(server.port);
    client_put(still, "GET /noop HTTP/1.1\r\nHost: t\r\n");
    int drip = client_connect(server.port);
    uint64_t took_ms = dribble(drip, "GET /noop HTTP/1.1\r\nHost: t\r\nA: ", "b");
    ck_assert_uint_ge(took_ms, 299);
    ck_assert_uint_lt(took_ms, PROGRAM_SOON_MS);
    expect_slow(drip);
    expect_slow(still);
    int head = client_connect(server.port);
    client_put(head, "HEAD /noop HTTP/1.1\r\nHost: t\r\n");
    struct response response = response_read_head(head);
    ck_assert_int_eq(response.status, 408);
    response_free(&response);
    client_expect_end(head); /* no body */
    /* the second request's clock begins with its own first byte */
    int second = client_connect(server.port);
    client_put(second, "GET /to-thread?ms=400 HTTP/1.1\r\nHost: t\r\n\r\nGET /no");
    response_expect(second, 200);
    expect_slow(second);
    ck_assert_double_eq(server_stat(&server, "front.connections_dropped"), 4);
    server_stop(&server);
}
END_TEST

START_TEST(slow_body_is_408_however_steadily_it_drips) {
    struct server server = SERVER_DEMO("--set", "server.body-timeout=300ms");
    int length = client_connect(server.port);
    client_put(length, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n");
    int chunked = client_connect(server.port);
    client_put(chunked, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n");
    uint64_t took_ms = dribble(chunked, "1\r\na\r\n", "1\r\nb\r\n");
    ck_assert_uint_ge(took_ms, 299);
    ck_assert_uint_lt(took_ms, PROGRAM_SOON_MS);
    expect_slow(chunked);
    expect_slow(length);
    int waits = client_connect(server.port);
    client_put(waits, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    response_expect(waits, 100);
    expect_slow(waits);
    ck_assert_double_eq(server_stat(&server, "calls.echo.submitted"), 0);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        malformed_requests_are_400_and_the_end,
        body_that_is_no_json_is_400_and_the_connection_goes_on,
        overlong_heads_are_414_and_431,
        unknown_transfer_coding_is_501,
        other_versions_are_505,
        unknown_path_is_404_and_unknown_method_405_with_allow,
        body_beyond_the_limit_is_413_by_length_and_by_chunks,
        other_media_types_are_415,
        wrong_arguments_are_422_with_a_pointer_to_each,
        slow_head_is_408_however_steadily_it_drips,
        slow_body_is_408_however_steadily_it_drips,
    };
    return suite_run("statuses", tests, sizeof tests / sizeof *tests);
}

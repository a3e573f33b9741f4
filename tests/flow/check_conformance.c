/*
 * Conformance: requests as raw bytes, right ones and wrong ones, and all that may come back for them.
 *
 * From RFC 9110, 9112 and 3986. Where they leave a choice, a request that two programs could read differently is refused and
 * the connection closed. What a wrong reader would take for a second request asks for the call `who`, which nobody else
 * asks for: it must never run.
 */
#include "../support/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENCE_MS (3000 * PROGRAM_SLOWNESS) /* only what is wrong waits so long */
#define SENT_MAX   32768
#define WRONG_MAX  5 /* rows; then the rest is not tried */

/* In what is sent it stands for many. */
#define MANY "\x1a"

struct row {
    const char *name;
    const char *bytes;
    size_t size;
    /*
     * What must come, in order: a number is an answer's status ("200h": to HEAD, so without a body);
     * W waits: the server has read all there is, and says nothing;  > now what is in then is sent;  H the client ends its side;
     * C the server closes, without another byte;  O it stays open and silent: the next thing is the answer to one request more.
     */
    const char *expected;
    const char *body; /* of the first 200; NULL: any */
    const char *then;
    const char *many; /* what MANY stands for, so many times */
    size_t times;
};

#define BYTES(text_) .bytes = (text_), .size = sizeof(text_) - 1

#define WHO "GET /who HTTP/1.1\r\nHost: t\r\n\r\n" /* 30 bytes: 1e */

#define GET(target_)   "GET " target_ " HTTP/1.1\r\nHost: t\r\n\r\n"
#define FIELDS(lines_) "GET /echo HTTP/1.1\r\nHost: t\r\n" lines_ "\r\n"
#define POST(lines_)   "POST /echo HTTP/1.1\r\nHost: t\r\n" lines_ "\r\n"
#define LENGTH_5       "Content-Length: 5\r\n"
#define CODING         "Transfer-Encoding: chunked\r\n"
#define CHUNKS(body_)  POST(CODING) body_

/* -- what came -- */

struct seen {
    int fd;
    bool has_body; /* the first 200 was looked at */
    char text[512];
};

static void note(struct seen *seen, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void note(struct seen *seen, const char *format, ...) {
    size_t size = strlen(seen->text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(seen->text + size, sizeof seen->text - size, format, args); /* a cut text differs, too */
    va_end(args);
}

static const char *field(const struct response *response, const char *name) {
    const char *value = response_header(response, name);
    return value != NULL ? value : "";
}

/** What each answer must have, whatever it answers. */
static void look_at_answer(struct seen *seen, const struct row *row, const struct response *response, bool is_last) {
    bool is_refusal = response->status >= 400;
    bool closes = strcmp(field(response, "Connection"), "close") == 0;
    if (response->status < 200)
        return;
    if (response_header(response, "Date") == NULL || response_header(response, "X-Request-Id") == NULL)
        note(seen, "(no Date or X-Request-Id)");
    if (response_header(response, "Transfer-Encoding") != NULL)
        note(seen, "(Transfer-Encoding)");
    if ((response_header(response, "Content-Length") == NULL) != (response->status == 204))
        note(seen, "(Content-Length)");
    if (is_refusal && strcmp(field(response, "Content-Type"), "application/problem+json") != 0)
        note(seen, "(no problem)");
    if (closes != (is_last && strchr(row->expected, 'C') != NULL))
        note(seen, closes ? "(close)" : "(no close)");
    if (response->status != 200 || seen->has_body || row->body == NULL)
        return;
    seen->has_body = true;
    if (strcmp(response->body, row->body) != 0)
        note(seen, "(body: %.40s)", response->body);
}

static void see_answer(struct seen *seen, const struct row *row, const char *token) {
    if (!client_wait(seen->fd, SILENCE_MS)) {
        note(seen, "silence");
        return;
    }
    const char *token_end = token + strcspn(token, " ");
    bool is_head = token_end[-1] == 'h';
    struct response response = is_head ? response_read_head(seen->fd) : response_read(seen->fd);
    if (response.status == 0) {
        note(seen, "C");
    } else {
        note(seen, "%d%s", response.status, is_head ? "h" : "");
        look_at_answer(seen, row, &response, strpbrk(token_end, "123456789") == NULL);
    }
    response_free(&response);
}

static void see_end(struct seen *seen) {
    char byte;
    if (!client_wait(seen->fd, SILENCE_MS))
        note(seen, "O");
    else if (recv(seen->fd, &byte, 1, 0) <= 0) /* a reset is an end */
        note(seen, "C");
    else
        note(seen, "more");
}

/** The answer to another request is the next thing that comes. */
static void see_silence(struct seen *seen) {
    static const char more[] = "GET /noop HTTP/1.1\r\nHost: t\r\nX-Request-Id: one-more\r\n\r\n";
    if (!client_try(seen->fd, more, sizeof more - 1) || !client_wait(seen->fd, SILENCE_MS)) {
        note(seen, "closed or silent");
        return;
    }
    struct response response = response_read(seen->fd);
    if (response.status == 200 && strcmp(field(&response, "X-Request-Id"), "one-more") == 0 &&
        !client_wait(seen->fd, 0))
        note(seen, "O");
    else
        note(seen, "%d instead of one more", response.status);
    response_free(&response);
}

/* -- sending -- */

static size_t row_bytes(const struct row *row, char *out) {
    size_t size = 0;
    for (size_t i = 0; i < row->size; i++) {
        const char *piece = row->bytes[i] == MANY[0] ? row->many : row->bytes + i;
        size_t piece_size = row->bytes[i] == MANY[0] ? strlen(row->many) : 1;
        for (size_t n = row->bytes[i] == MANY[0] ? row->times : 1; n > 0; n--, size += piece_size) {
            ck_assert_uint_le(size + piece_size, SENT_MAX);
            memcpy(out + size, piece, piece_size);
        }
    }
    return size;
}

/** How many answers the row expects, 1xx left out. */
static int row_answers(const struct row *row) {
    int count = 0;
    for (const char *at = row->expected; at != NULL; at = strchr(at, ' ')) {
        at += *at == ' ';
        count += *at >= '2' && *at <= '9';
    }
    return count;
}

/** Until the server has read so many bytes more, or has given all answers and reads no more. */
static void await_read(const struct server *server, double bytes_in, double answers) {
    for (uint64_t begun_ms = clock_ms();; patience(begun_ms, "the server to read")) {
        struct response stats = admin_request(server, "GET", "/stats.json");
        bool is_read = strtod(response_member(&stats, "front.bytes_in"), NULL) >= bytes_in ||
                       strtod(response_member(&stats, "front.answers"), NULL) >= answers;
        response_free(&stats);
        if (is_read)
            return;
    }
}

static void send_byte_by_byte(const struct server *server, int fd, const char *bytes, size_t size, double answers) {
    double bytes_in = server_stat(server, "front.bytes_in");
    answers += server_stat(server, "front.answers");
    for (size_t i = 0; i < size; i++) {
        if (!client_try(fd, bytes + i, 1))
            return; /* closed already: what was said is still there */
        await_read(server, bytes_in + (double)i + 1, answers);
    }
}

static void see_token(struct seen *seen, const struct server *server, const struct row *row, const char *token,
                      double bytes_in) {
    switch (*token) {
    case 'W':
        await_read(server, bytes_in, 1e18);
        note(seen, client_wait(seen->fd, 0) ? "not waiting" : "W");
        break;
    case '>':
        client_put(seen->fd, row->then);
        note(seen, ">");
        break;
    case 'H':
        ck_assert_int_eq(shutdown(seen->fd, SHUT_WR), 0);
        note(seen, "H");
        break;
    case 'C':
        see_end(seen);
        break;
    case 'O':
        see_silence(seen);
        break;
    default:
        see_answer(seen, row, token);
        break;
    }
}

/** Returns: whether what came is what is expected; else it says what came. */
static bool row_try(const struct server *server, const struct row *row, bool byte_by_byte, char *report, size_t room) {
    static char bytes[SENT_MAX];
    size_t size = row_bytes(row, bytes);
    struct seen seen = {.fd = client_connect(server->port)};
    bool has_wait = strchr(row->expected, 'W') != NULL;
    double bytes_in = has_wait ? server_stat(server, "front.bytes_in") + (double)size : 0;
    if (byte_by_byte)
        send_byte_by_byte(server, seen.fd, bytes, size, row_answers(row));
    else
        client_send(seen.fd, bytes, size);
    bool is_right = true;
    for (const char *token = row->expected; is_right && token != NULL;) {
        see_token(&seen, server, row, token, bytes_in);
        size_t seen_size = strlen(seen.text);
        token += strcspn(token, " ");
        is_right = seen_size == (size_t)(token - row->expected) && memcmp(seen.text, row->expected, seen_size) == 0;
        token = *token == ' ' ? token + 1 : NULL;
        if (is_right && token != NULL)
            note(&seen, " ");
    }
    ck_assert_int_eq(close(seen.fd), 0);
    if (!is_right)
        (void)snprintf(report, room, "\n  %s%s: expected %s, came %s", row->name, byte_by_byte ? ", byte by byte" : "",
                       row->expected, seen.text); /* a cut text will do */
    return is_right;
}

/** All rows, every sixth one byte by byte too; then nothing may have run that no request asked for. */
static void rows_try(const struct row *rows, size_t count) {
    char report[4096] = "";
    size_t used = 0;
    size_t wrong = 0;
    struct server server = server_start_demo(NULL);
    for (size_t i = 0; i < count * 2 && wrong < WRONG_MAX; i++) {
        const struct row *row = &rows[i / 2];
        bool byte_by_byte = i % 2 != 0;
        if (byte_by_byte && (i / 2 % 6 != 0 || row->times > 0))
            continue;
        if (row_try(&server, row, byte_by_byte, report + used, sizeof report - used))
            continue;
        wrong++;
        used = strlen(report);
    }
    ck_assert_msg(wrong == 0, "not as expected:%s", report);
    ck_assert_double_eq(server_stat(&server, "calls.who.submitted"), 0);
    server_stop(&server);
}

#define TRY(rows_) rows_try(rows_, sizeof(rows_) / sizeof *(rows_))

/* -- the request line -- */

static const struct row lines[] = {
    {"method in small letters", BYTES("get /echo HTTP/1.1\r\nHost: t\r\n\r\n"), "405 O"},
    {"method that is longer than GET", BYTES("GETX /echo HTTP/1.1\r\nHost: t\r\n\r\n"), "405 O"},
    {"method of another service", BYTES("PROPFIND /echo HTTP/1.1\r\nHost: t\r\n\r\n"), "405 O"},
    {"TRACE", BYTES("TRACE /echo HTTP/1.1\r\nHost: t\r\n\r\n"), "405 O"},
    {"CONNECT", BYTES("CONNECT t:80 HTTP/1.1\r\nHost: t:80\r\n\r\n" WHO), "400 C"},
    {"at sign in the method", BYTES("G@T /echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"NUL behind the method", BYTES("GET\0 /echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"tab behind the method", BYTES("GET\t/echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"endless method", BYTES(MANY), "400 C", .many = "M", .times = 33},
    {"two spaces behind the method", BYTES("GET  /echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"two spaces before the version", BYTES("GET /echo  HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"space before the method", BYTES(" GET /echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"space behind the version", BYTES("GET /echo HTTP/1.1 \r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"form feed as a space", BYTES("GET\f/echo HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"CR as a space", BYTES("GET /echo\rHTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"line ended by LF alone", BYTES("GET /echo HTTP/1.1\nHost: t\r\n\r\n" WHO), "400 C"},
    {"line ended by CR alone", BYTES("GET /echo HTTP/1.1\rHost: t\r\n\r\n" WHO), "400 C"},
    {"no version", BYTES("GET /echo\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version in small letters", BYTES("GET /echo http/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version without a minor number", BYTES("GET /echo HTTP/1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version of two digits", BYTES("GET /echo HTTP/1.10\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version with a comma", BYTES("GET /echo HTTP/1,1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version that wraps to 1", BYTES("GET /echo HTTP/4294967297.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"version 0.9", BYTES("GET /echo HTTP/0.9\r\n\r\n" WHO), "505 C"},
    {"version 1.2", BYTES("GET /echo HTTP/1.2\r\nHost: t\r\n\r\n" WHO), "505 C"},
    {"version 2.0", BYTES("GET /echo HTTP/2.0\r\nHost: t\r\n\r\n" WHO), "505 C"},
    {"preface of HTTP/2", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"), "505 C"},
    {"hello of TLS", BYTES("\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03"), "400 C"},
    {"empty lines before it", BYTES("\r\n\r\n" GET("/echo")), "200 O"},
    {"empty line with LF alone before it", BYTES("\n" GET("/who")), "400 C"},
    {"many empty lines before it", BYTES("\r\n\r\n\r\n\r\n\r\n" GET("/who")), "400 C"},
    {"half a line", BYTES("GET /ec"), "W > 200 O", .then = "ho HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"half a line, then the end", BYTES("GET /who HTTP/1.1\r\nHost: t\r\n"), "W H C"},
};

START_TEST(request_line_has_one_form) {
    TRY(lines);
}
END_TEST

/* -- the target -- */

static const struct row targets[] = {
    {"path", BYTES(GET("/echo")), "200 O"},
    {"query with all that it may hold", BYTES(GET("/echo?a=-._~!$&'()*+,;=:@/?%20")), "200 O"},
    {"escaped letter in the path", BYTES(GET("/ech%6f")), "404 O"},
    {"two slashes", BYTES(GET("//echo")), "404 O"},
    {"segment of two dots", BYTES(GET("/x/../who")), "404 O"},
    {"escaped NUL", BYTES(GET("/docs-files/%00")), "422 O"},
    {"other path in other letters", BYTES(GET("/ECHO")), "404 O"},
    {"absolute form", BYTES(GET("http://example.org/echo")), "200 O"},
    {"absolute form, other letters and a port", BYTES(GET("HTTP://Example.org:8080/echo?x")), "200 O"},
    {"absolute form of an IPv6 address", BYTES(GET("http://[::1]:80/echo")), "200 O"},
    {"absolute form without a path", BYTES(GET("http://example.org")), "404 O"},
    {"absolute form without a host", BYTES(GET("http:///who") WHO), "400 C"},
    {"absolute form with a user", BYTES(GET("http://me@example.org/who") WHO), "400 C"},
    {"absolute form with a port beyond 65535", BYTES(GET("http://t:65536/who") WHO), "400 C"},
    {"absolute form of another scheme", BYTES(GET("ftp://t/who") WHO), "400 C"},
    {"absolute form without Host", BYTES("GET http://t/who HTTP/1.1\r\n\r\n" WHO), "400 C"},
    {"asterisk", BYTES("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"), "204 O"},
    {"asterisk with GET", BYTES(GET("*") WHO), "400 C"},
    {"asterisk with more", BYTES("OPTIONS *x HTTP/1.1\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"authority alone", BYTES(GET("t:80") WHO), "400 C"},
    {"path without a slash", BYTES(GET("who") WHO), "400 C"},
    {"fragment", BYTES(GET("/who#x") WHO), "400 C"},
    {"percent sign alone", BYTES(GET("/who?%") WHO), "400 C"},
    {"percent sign with half a number", BYTES(GET("/who?%2") WHO), "400 C"},
    {"percent sign with no number", BYTES(GET("/who?%zz") WHO), "400 C"},
    {"byte beyond ASCII", BYTES(GET("/who?\xc3\xa9") WHO), "400 C"},
    {"NUL", BYTES(GET("/echo\0") WHO), "400 C"},
    {"quote in the path", BYTES(GET("/\"who\"") WHO), "400 C"},
    {"backslash", BYTES(GET("\\who") WHO), "400 C"},
    {"longest line", BYTES(GET("/echo?" MANY)), "200 O", .many = "a", .times = 8192 - 21},
    {"line too long by one", BYTES(GET("/who?" MANY) WHO), "414 C", .many = "a", .times = 8192 - 20 + 1},
};

START_TEST(target_is_a_path_or_an_http_uri) {
    TRY(targets);
}
END_TEST

/* -- Host -- */

static const struct row hosts[] = {
    {"no Host", BYTES("GET /who HTTP/1.1\r\n\r\n" WHO), "400 C"},
    {"no Host, but 1.0", BYTES("GET /echo HTTP/1.0\r\n\r\n"), "200 C"},
    {"empty", BYTES("GET /echo HTTP/1.1\r\nHost:\r\n\r\n"), "200 O"},
    {"twice the same", BYTES("GET /who HTTP/1.1\r\nHost: t\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"twice, other letters", BYTES("GET /who HTTP/1.1\r\nHost: t\r\nX-A: b\r\nhOST: u\r\n\r\n" WHO), "400 C"},
    {"twice, the first one empty", BYTES("GET /who HTTP/1.1\r\nHost:\r\nHost: t\r\n\r\n" WHO), "400 C"},
    {"list", BYTES("GET /who HTTP/1.1\r\nHost: t, u:80/x\r\n\r\n" WHO), "400 C"},
    {"path", BYTES("GET /who HTTP/1.1\r\nHost: t/who\r\n\r\n" WHO), "400 C"},
    {"user", BYTES("GET /who HTTP/1.1\r\nHost: me@t\r\n\r\n" WHO), "400 C"},
    {"space inside", BYTES("GET /who HTTP/1.1\r\nHost: t u\r\n\r\n" WHO), "400 C"},
    {"control byte", BYTES("GET /who HTTP/1.1\r\nHost: t\1\r\n\r\n" WHO), "400 C"},
    {"port that is no number", BYTES("GET /who HTTP/1.1\r\nHost: t:http\r\n\r\n" WHO), "400 C"},
    {"port alone", BYTES("GET /who HTTP/1.1\r\nHost: :80\r\n\r\n" WHO), "400 C"},
    {"IPv6 address", BYTES("GET /echo HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n"), "200 O"},
    {"IPv6 address without its end", BYTES("GET /who HTTP/1.1\r\nHost: [::1\r\n\r\n" WHO), "400 C"},
    {"other than the target's", BYTES("GET http://a/echo HTTP/1.1\r\nHost: b\r\n\r\n"), "200 O"},
};

START_TEST(host_is_there_once_and_is_a_host) {
    TRY(hosts);
}
END_TEST

/* -- fields -- */

static const struct row fields[] = {
    {"all bytes of a name", BYTES(FIELDS("!#$%&'*+-.^_`|~09azAZ: v\r\n")), "200 O"},
    {"white space around a value", BYTES(FIELDS("X-A: \t v \t \r\nX-B:\r\nX-C:v\r\n")), "200 O"},
    {"high bytes and quotes in a value", BYTES(FIELDS("X-A: \"\xc3\xa9\\\" \xff\r\n")), "200 O"},
    {"space before the colon", BYTES(FIELDS("X-A : v\r\n") WHO), "400 C"},
    {"tab before the colon", BYTES(FIELDS("X-A\t: v\r\n") WHO), "400 C"},
    {"Host with a space before the colon", BYTES("GET /who HTTP/1.1\r\nHost : t\r\n\r\n" WHO), "400 C"},
    {"no colon", BYTES(FIELDS("X-A\r\n") WHO), "400 C"},
    {"no name", BYTES(FIELDS(": v\r\n") WHO), "400 C"},
    {"colon alone", BYTES(FIELDS(":\r\n") WHO), "400 C"},
    {"quoted name", BYTES(FIELDS("\"X-A\": v\r\n") WHO), "400 C"},
    {"brackets in a name", BYTES(FIELDS("X[a]: v\r\n") WHO), "400 C"},
    {"control byte in a name", BYTES(FIELDS("X\1A: v\r\n") WHO), "400 C"},
    {"high byte in a name", BYTES(FIELDS("X\xe9: v\r\n") WHO), "400 C"},
    {"folded line", BYTES(FIELDS("X-A: v\r\n w\r\n") WHO), "400 C"},
    {"line folded by a tab", BYTES(FIELDS("X-A: v\r\n\tw\r\n") WHO), "400 C"},
    {"first line folded", BYTES("GET /who HTTP/1.1\r\n Host: t\r\n\r\n" WHO), "400 C"},
    {"line of white space", BYTES(FIELDS("X-A: v\r\n \r\n") WHO), "400 C"},
    {"NUL in a value", BYTES(FIELDS("X-A: v\0w\r\n") WHO), "400 C"},
    {"NUL before a name", BYTES(FIELDS("\0X-A: v\r\n") WHO), "400 C"},
    {"bell in a value", BYTES(FIELDS("X-A: \a\r\n") WHO), "400 C"},
    {"DEL in a value", BYTES(FIELDS("X-A: v\x7f\r\n") WHO), "400 C"},
    {"CR alone in a value", BYTES(FIELDS("X-A: v\rContent-Length: 30\r\n") WHO), "400 C"},
    {"LF alone in a value", BYTES(FIELDS("X-A: v\nContent-Length: 30\r\n") WHO), "400 C"},
    {"line ended by LF", BYTES("GET /who HTTP/1.1\r\nHost: t\n\r\n" WHO), "400 C"},
    {"line ended by two CR", BYTES("GET /who HTTP/1.1\r\nHost: t\r\r\n\r\n" WHO), "400 C"},
    {"head ended by LF", BYTES("GET /who HTTP/1.1\r\nHost: t\r\n\n" WHO), "400 C"},
    {"head ended by CR", BYTES("GET /who HTTP/1.1\r\nHost: t\r\n\r" WHO), "400 C"},
    {"two media types", BYTES(FIELDS("Content-Type: a/b\r\nContent-Type: a/c\r\n") WHO), "400 C"},
    {"as many fields as there may be", BYTES(FIELDS(MANY)), "200 O", .many = "X-A: v\r\n", .times = 99},
    {"one field more", BYTES(FIELDS(MANY) WHO), "431 C", .many = "X-A: v\r\n", .times = 100},
    {"longest head", BYTES(FIELDS("X-A: " MANY "\r\n")), "200 O", .many = "v", .times = 16384 - 38},
    {"head too long by one", BYTES(FIELDS("X-A: " MANY "\r\n") WHO), "431 C", .many = "v", .times = 16384 - 38 + 1},
};

START_TEST(field_has_one_form) {
    TRY(fields);
}
END_TEST

/* -- how long a body is -- */

static const struct row lengths[] = {
    {"length", BYTES(POST(LENGTH_5) "hello" GET("/noop")), "200 200 O", .body = "hello"},
    {"length 0", BYTES(POST("Content-Length: 0\r\n") GET("/noop")), "200 200 O", .body = ""},
    {"no length", BYTES(POST("") GET("/noop")), "200 200 O", .body = ""},
    {"zeros before it", BYTES(POST("Content-Length: 00005\r\n") "hello"), "200 O", .body = "hello"},
    {"ten, not eight", BYTES(POST("Content-Length: 010\r\n") "0123456789"), "200 O", .body = "0123456789"},
    {"white space around it", BYTES(POST("Content-Length: \t5 \r\n") "hello"), "200 O", .body = "hello"},
    {"body in two parts", BYTES(POST(LENGTH_5) "he"), "W > 200 O", .body = "hello", .then = "llo"},
    {"body that ends too early", BYTES(POST(LENGTH_5) "he"), "W H C"},
    {"two, not the same", BYTES(POST(LENGTH_5 "Content-Length: 35\r\n") "hello" WHO), "400 C"},
    {"two, the same", BYTES(POST(LENGTH_5 LENGTH_5) "hello" WHO), "400 C"},
    {"two, the first one 0", BYTES(POST("Content-Length: 0\r\nContent-length: 30\r\n") WHO), "400 C"},
    {"list of the same", BYTES(POST("Content-Length: 5, 5\r\n") "hello" WHO), "400 C"},
    {"list", BYTES(POST("Content-Length: 5,35\r\n") "hello" WHO), "400 C"},
    {"empty", BYTES(POST("Content-Length:\r\n") WHO), "400 C"},
    {"plus sign", BYTES(POST("Content-Length: +5\r\n") "hello" WHO), "400 C"},
    {"minus sign", BYTES(POST("Content-Length: -1\r\n") "hello" WHO), "400 C"},
    {"hexadecimal", BYTES(POST("Content-Length: 0x5\r\n") "hello" WHO), "400 C"},
    {"fraction", BYTES(POST("Content-Length: 5.0\r\n") "hello" WHO), "400 C"},
    {"space inside", BYTES(POST("Content-Length: 3 0\r\n") WHO), "400 C"},
    {"quoted", BYTES(POST("Content-Length: \"30\"\r\n") WHO), "400 C"},
    {"parameter", BYTES(POST("Content-Length: 30;a=b\r\n") WHO), "400 C"},
    {"digits beyond ASCII", BYTES(POST("Content-Length: \xd9\xa5\r\n") "hello" WHO), "400 C"},
    {"2^64 + 5", BYTES(POST("Content-Length: 18446744073709551621\r\n") "hello" WHO), "400 C"},
    {"2^63", BYTES(POST("Content-Length: 9223372036854775808\r\n") WHO), "400 C"},
    {"2^63 - 1", BYTES(POST("Content-Length: 9223372036854775807\r\n") WHO), "413 C"},
    {"more than is taken, by one", BYTES(POST("Content-Length: 1048577\r\n") WHO), "413 C"},
    {"space before the colon", BYTES(POST("Content-Length : 30\r\n") WHO), "400 C"},
    {"folded", BYTES(POST("Content-Length:\r\n 30\r\n") WHO), "400 C"},
    {"underscore", BYTES(POST("Content_Length: 30\r\n") GET("/noop")), "200 200 O", .body = ""},
};

START_TEST(length_is_one_decimal_number) {
    TRY(lengths);
}
END_TEST

#define CODED(value_) POST("Transfer-Encoding: " value_ "\r\n") "5\r\nhello\r\n0\r\n\r\n" WHO
#define CODED_10      "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n" CODING

static const struct row codings[] = {
    {"chunked", BYTES(CHUNKS("5\r\nhello\r\n0\r\n\r\n") GET("/noop")), "200 200 O", .body = "hello"},
    {"other letters", BYTES(POST("tRANSFER-eNCODING:\tCHUNKED \r\n") "1\r\nx\r\n0\r\n\r\n"), "200 O", .body = "x"},
    {"with a length", BYTES(POST("Content-Length: 4\r\n" CODING) "1e\r\n" WHO "\r\n0\r\n\r\n"), "400 C"},
    {"with a length behind it", BYTES(POST(CODING "Content-Length: 35\r\n") "0\r\n\r\n" WHO), "400 C"},
    {"with the length 0", BYTES(POST("Content-Length: 0\r\n" CODING) "0\r\n\r\n" WHO), "400 C"},
    {"twice", BYTES(POST(CODING CODING) "0\r\n\r\n" WHO), "400 C"},
    {"twice, then identity", BYTES(POST(CODING "Transfer-Encoding: identity\r\n") "0\r\n\r\n" WHO), "400 C"},
    {"list of chunked", BYTES(CODED("chunked, chunked")), "400 C"},
    {"chunked before the end", BYTES(CODED("chunked, gzip")), "400 C"},
    {"gzip, chunked", BYTES(CODED("gzip, chunked")), "501 C"},
    {"gzip", BYTES(CODED("gzip")), "501 C"},
    {"identity", BYTES(CODED("identity")), "501 C"},
    {"longer than chunked", BYTES(CODED("chunkedx")), "501 C"},
    {"shorter than chunked", BYTES(CODED("chunke")), "501 C"},
    {"quoted", BYTES(CODED("\"chunked\"")), "400 C"},
    {"parameter", BYTES(CODED("chunked;q=1")), "400 C"},
    {"second word", BYTES(CODED("chunked x")), "400 C"},
    {"comma before", BYTES(CODED(",chunked")), "400 C"},
    {"comma behind", BYTES(CODED("chunked,")), "400 C"},
    {"empty", BYTES(CODED("")), "400 C"},
    {"vertical tab before", BYTES(CODED("\vchunked")), "400 C"},
    {"NUL behind", BYTES(CODED("chunked\0")), "400 C"},
    {"NEL around",
     BYTES(CODED("\x85"
                 "chunked\x85")),
     "400 C"},
    {"folded", BYTES(CODED("\r\n chunked")), "400 C"},
    {"space before the colon", BYTES(POST("Transfer-Encoding : chunked\r\nContent-Length: 30\r\n") WHO), "400 C"},
    {"hidden behind a CR", BYTES(POST("X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 30\r\n") WHO), "400 C"},
    {"in 1.0", BYTES(CODED_10 "\r\n0\r\n\r\n" WHO), "400 C"},
    {"in 1.0 with a length", BYTES(CODED_10 "Content-Length: 35\r\n\r\n0\r\n\r\n" WHO), "400 C"},
};

START_TEST(only_coding_is_chunked_and_it_stands_alone) {
    TRY(codings);
}
END_TEST

/* -- chunks -- */

static const struct row chunks[] = {
    {"several", BYTES(CHUNKS("2\r\nhe\r\n03\r\nllo\r\n000\r\n\r\n")), "200 O", .body = "hello"},
    {"letters of both kinds", BYTES(CHUNKS("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n")), "200 O",
     .body = "01234567890123456789"},
    {"CRLF as data", BYTES(CHUNKS("2\r\n\r\n\r\n0\r\n\r\n")), "200 O", .body = "\r\n"},
    {"request as data", BYTES(CHUNKS("1e\r\n" WHO "\r\n0\r\n\r\n")), "200 O", .body = WHO},
    {"extensions", BYTES(CHUNKS("5;a;b=c ; d = \"e;\\\"\r\"\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"right extensions", BYTES(CHUNKS("5;a;b=c ; d = \"e;\\\"\"\r\nhello\r\n0;z\r\n\r\n")), "200 O", .body = "hello"},
    {"trailer", BYTES(CHUNKS("1\r\nx\r\n0\r\nX-A: b\r\nContent-Length: 30\r\n\r\n") GET("/noop")), "200 200 O",
     .body = "x"},
    {"parts", BYTES(CHUNKS("5\r\nhel")), "W > 200 O", .body = "hello", .then = "lo\r\n0\r\n\r\n"},
    {"last one missing", BYTES(CHUNKS("5\r\nhello\r\n")), "W > 200 O", .body = "hello", .then = "0\r\n\r\n"},
    {"last one missing for ever", BYTES(CHUNKS("5\r\nhello\r\n")), "W H C"},
    {"last line missing", BYTES(CHUNKS("0\r\n")), "W > 200 O", .body = "", .then = "\r\n"},
    {"empty size", BYTES(CHUNKS("\r\n5\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"0x", BYTES(CHUNKS("0x5\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"sign", BYTES(CHUNKS("-1\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"underscore", BYTES(CHUNKS("0_5\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"space before the size", BYTES(CHUNKS(" 5\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"space behind the size", BYTES(CHUNKS("5 \r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"semicolon alone", BYTES(CHUNKS("5;\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"size that wraps to 5", BYTES(CHUNKS("10000000000000005\r\nhello\r\n0\r\n\r\n") WHO), "413 C"},
    {"size of 2^63 - 1", BYTES(CHUNKS("7fffffffffffffff\r\nhello\r\n0\r\n\r\n") WHO), "413 C"},
    {"size beyond what is taken", BYTES(CHUNKS("100001\r\nhello\r\n0\r\n\r\n") WHO), "413 C"},
    {"size of many zeros", BYTES(CHUNKS(MANY "\r\n\r\n") WHO), "400 C", .many = "0", .times = 300},
    {"size line ended by LF", BYTES(CHUNKS("5\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"size line ended by CR", BYTES(CHUNKS("5\r\rhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"data too long", BYTES(CHUNKS("4\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"data too short", BYTES(CHUNKS("6\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"data ended by LF", BYTES(CHUNKS("5\r\nhello\n0\r\n\r\n") WHO), "400 C"},
    {"no last chunk", BYTES(CHUNKS("5\r\nhello\r\n\r\n") WHO), "400 C"},
    {"last line ended by LF", BYTES(CHUNKS("0\r\n\n") WHO), "400 C"},
    {"CR alone in an extension", BYTES(CHUNKS("5;a\rb\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"LF alone in an extension", BYTES(CHUNKS("5;a\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"NUL in an extension", BYTES(CHUNKS("5;a=\0\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"endless extension", BYTES(CHUNKS("1;" MANY)), "400 C", .many = "a", .times = 256},
    {"endless extensions", BYTES(CHUNKS(MANY "0\r\n\r\n") WHO), "400 C",
     .many = "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n", .times = 160},
    {"trailer with a space before the colon", BYTES(CHUNKS("0\r\nX-A : b\r\n\r\n") WHO), "400 C"},
    {"trailer without a colon", BYTES(CHUNKS("0\r\nX-A\r\n\r\n") WHO), "400 C"},
    {"folded trailer", BYTES(CHUNKS("0\r\nX-A: b\r\n c\r\n\r\n") WHO), "400 C"},
    {"LF alone in a trailer", BYTES(CHUNKS("0\r\nX-A: b\nX-C: d\r\n\r\n") WHO), "400 C"},
    {"endless trailer", BYTES(CHUNKS("0\r\n" MANY "\r\n") WHO), "400 C", .many = "X-A: b\r\n", .times = 1025},
};

START_TEST(chunks_are_taken_as_the_grammar_has_them) {
    TRY(chunks);
}
END_TEST

/* -- what is no request -- */

#define HIDDEN   "Content-Length: 30\r\n\r\n" WHO
#define EXPECT_5 LENGTH_5 "Expect: 100-continue\r\n"

static const struct row bodies[] = {
    {"GET", BYTES("GET /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "200 O", .body = WHO},
    {"GET in chunks", BYTES("GET /echo HTTP/1.1\r\nHost: t\r\n" CODING "\r\n1e\r\n" WHO "\r\n0\r\n\r\n"), "200 O",
     .body = WHO},
    {"HEAD", BYTES("HEAD /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "200h O"},
    {"HEAD of what isn't there", BYTES("HEAD /nothing HTTP/1.1\r\nHost: t\r\n\r\n"), "404h O"},
    {"HEAD of what isn't there, with a body", BYTES("HEAD /nothing HTTP/1.1\r\nHost: t\r\n" HIDDEN), "404h C"},
    {"PUT", BYTES("PUT /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "405 C"},
    {"OPTIONS", BYTES("OPTIONS /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "204 C"},
    {"method that nobody knows", BYTES("FOO /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "405 C"},
    {"path that isn't there", BYTES("POST /nothing HTTP/1.1\r\nHost: t\r\n" HIDDEN), "404 C"},
    {"body too large", BYTES(POST("Content-Length: 1099511627776\r\n") WHO), "413 C"},
    {"refused by its call", BYTES("POST /call/to-thread HTTP/1.1\r\nHost: t\r\n" HIDDEN), "400 O"},
    {"media type of no call", BYTES("POST /call/noop HTTP/1.1\r\nHost: t\r\nContent-Type: a/b\r\n" HIDDEN), "415 C"},
    {"close", BYTES(FIELDS("Connection: close\r\n") WHO), "200 C"},
    {"close in a list", BYTES(FIELDS("Connection: x-a ,, CLOSE\r\n") WHO), "200 C"},
    {"close in a second field", BYTES(FIELDS("Connection: keep-alive\r\nConnection: close\r\n") WHO), "200 C"},
    {"close with a body", BYTES(POST("Connection: close\r\n" LENGTH_5) "hello" WHO), "200 C", .body = "hello"},
    {"malformed Connection", BYTES(FIELDS("Connection: close;x\r\n") WHO), "400 C"},
    {"1.0", BYTES("GET /echo HTTP/1.0\r\nHost: t\r\n\r\n" WHO), "200 C"},
    {"1.0 that is kept", BYTES("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "200 O"},
    {"1.0 with a body", BYTES("POST /echo HTTP/1.0\r\n" LENGTH_5 "\r\nhello" WHO), "200 C", .body = "hello"},
    {"upgrade to h2c", BYTES(FIELDS("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n")),
     "200 O"},
    {"three in a row", BYTES(GET("/echo") CHUNKS("1\r\nx\r\n0\r\n\r\n") GET("/noop")), "200 200 200 O"},
    {"empty lines between", BYTES(POST(LENGTH_5) "hello\r\n\r\n" GET("/noop")), "200 200 O", .body = "hello"},
    {"garbage behind", BYTES(GET("/echo") "\0\1\2\3\r\n\r\n" WHO), "200 400 C"},
    {"body longer than it says", BYTES(POST("Content-Length: 4\r\n") "hel\1o\r\n\r\n" WHO), "200 400 C",
     .body = "hel\1"},
    {"refused, then more", BYTES(GET("/echo") GET("/nothing") FIELDS("X : y\r\n") WHO), "200 404 400 C"},
};

START_TEST(nothing_runs_that_no_request_asked_for) {
    TRY(bodies);
}
END_TEST

static const struct row expectations[] = {
    {"body withheld", BYTES(POST(EXPECT_5)), "100 > 200 O", .body = "hello", .then = "hello"},
    {"chunks withheld", BYTES(POST("Expect: 100-Continue\r\n" CODING)), "100 > 200 O", .body = "x",
     .then = "1\r\nx\r\n0\r\n\r\n"},
    {"no body", BYTES(FIELDS("Expect: 100-continue\r\n")), "200 O"},
    {"in 1.0", BYTES("POST /echo HTTP/1.0\r\n" EXPECT_5 "\r\n"), "W > 200 C", .body = "hello", .then = "hello"},
    {"behind another request", BYTES(GET("/noop") POST(EXPECT_5)), "200 100 > 200 O", .then = "hello"},
    {"refused", BYTES("POST /nothing HTTP/1.1\r\nHost: t\r\n" EXPECT_5 "\r\n"), "404 C"},
    {"refused, and a request comes instead", BYTES("POST /nothing HTTP/1.1\r\nHost: t\r\n" EXPECT_5 "\r\n" WHO),
     "404 C"},
    {"too large", BYTES(POST("Content-Length: 1048577\r\nExpect: 100-continue\r\n")), "413 C"},
    {"malformed", BYTES(POST(LENGTH_5 EXPECT_5)), "400 C"},
    {"unknown", BYTES(POST("Expect: 200-ok\r\nContent-Length: 30\r\n") WHO), "417 C"},
    {"more words", BYTES(POST("Expect: y 100-continue\r\nContent-Length: 30\r\n") WHO), "417 C"},
    {"twice", BYTES(POST("Expect: 100-continue\r\nContent-Length: 30\r\nExpect: x\r\n") WHO), "417 C"},
};

START_TEST(expectation_is_answered_before_the_body_and_never_after_a_refusal) {
    TRY(expectations);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        request_line_has_one_form,
        target_is_a_path_or_an_http_uri,
        host_is_there_once_and_is_a_host,
        field_has_one_form,
        length_is_one_decimal_number,
        only_coding_is_chunked_and_it_stands_alone,
        chunks_are_taken_as_the_grammar_has_them,
        nothing_runs_that_no_request_asked_for,
        expectation_is_answered_before_the_body_and_never_after_a_refusal,
    };
    return suite_run("conformance", tests, sizeof tests / sizeof *tests);
}

/* Rows: see rows.h. */
#include "rows.h"

#include "server.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENCE_MS    (10000 * PROGRAM_SLOWNESS) /* only what is wrong waits so long */
#define ARGS_MAX      32
#define BYTEWISE_ROWS 9 /* one in so many is sent byte by byte too */
#define WRONG_MAX     5 /* rows; then the rest is not tried */

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
static bool row_try(const struct server *server, int fd, const struct row *row, size_t index, bool byte_by_byte,
                    char *report, size_t room) {
    static char bytes[CASE_BYTES_MAX];
    size_t size = case_bytes(row, index, bytes);
    struct seen seen = {.fd = fd};
    bool has_wait = strchr(row->expected, 'W') != NULL;
    double bytes_in = has_wait ? server_stat(server, "front.bytes_in") + (double)size : 0;
    if (byte_by_byte)
        send_byte_by_byte(server, seen.fd, bytes, size, row_answers(row));
    else
        (void)client_try(seen.fd, bytes, size); /* a refusal may come before the last byte */
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
        (void)snprintf(report, room, "\n  %s, case %zu%s: expected %s, came %s", row->name, index,
                       byte_by_byte ? ", byte by byte" : "", row->expected, seen.text); /* a cut text will do */
    return is_right;
}

static struct server start_server(const struct row_listener *listener) {
    /* Byte by byte takes its time: no row is about that. */
    const char *args[ARGS_MAX] = {"--set", "server.header-timeout=1h", "--set", "server.body-timeout=1h",
                                  "--set", "server.idle-timeout=1h"};
    size_t count = 6;
    for (size_t i = 0; listener->args != NULL && listener->args[i] != NULL; i++) {
        ck_assert_uint_lt(count, ARGS_MAX - 1);
        args[count++] = listener->args[i];
    }
    return server_start_demo(args);
}

static int connect_tcp(const struct server *server) {
    return client_connect(server->port);
}

const struct row_listener rows_tcp = {.connect = connect_tcp};

void rows_try(const struct cases *cases, const struct row_listener *listener) {
    char report[4096] = "";
    size_t wrong = 0;
    size_t number = 0;
    struct server server = start_server(listener);
    for (size_t i = 0; i < cases->count; i++) {
        const struct row *row = &cases->rows[i];
        for (size_t index = 0; index < case_count(row) && wrong < WRONG_MAX; index++) {
            if (listener->every > 1 && number++ % listener->every != 0)
                continue;
            for (int ways = 0; ways < 2; ways++) {
                size_t used = strlen(report);
                bool byte_by_byte = ways == 1;
                if (byte_by_byte && (i % BYTEWISE_ROWS != 0 || index > 0 || row->times > 0))
                    continue;
                wrong += !row_try(&server, listener->connect(&server), row, index, byte_by_byte, report + used,
                                  sizeof report - used);
            }
        }
    }
    ck_assert_msg(wrong == 0, "%s, not as expected:%s", cases->name, report);
    ck_assert_double_eq(server_stat(&server, "calls.who.submitted"), 0);
    server_stop(&server);
}

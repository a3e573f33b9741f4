/*
 * Fuzz connection: the input as all that a client sends over one connection, whole and in pieces, to a front with one call.
 *
 * Whatever the input and however it is split, the answers are the same; the connection ends when the client has ended its
 * side; and nothing of it is left: no request, no buffered byte.
 */
#include "server/calls/module.h"
#include "server/http/connection.h"
#include "server/http/front.h"
#include "server/http/peer.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOUR_US     UINT64_C(3600000000)
#define ANSWERS_MAX ((size_t)1024 * 1024)
#define TURNS_MAX   20000

struct answers {
    size_t size;
    char data[ANSWERS_MAX];
};

static struct loop *loop;
static struct front *front;
static struct answers whole, pieces;

static void require(bool is_right, const char *what) {
    if (is_right)
        return;
    (void)fprintf(stderr, "fuzz_connection: %s\n", what);
    abort();
}

/* -- a service of one call, GET and POST /echo, that runs on the loop -- */

static enum tt_outcome echo(struct tt_run *run) {
    run->host->write(run, run->body, run->body_size);
    return TT_DONE;
}

static void start_once(void) {
    static const struct tt_function function = {
        .size = sizeof function, .name = "echo", .never_blocks = true, .takes_body = true, .run = echo};
    static struct module module = {.name = "fuzz"};
    static const struct call_grant everybody;
    static struct call call = {.name = "echo", .module = &module, .function = &function, .grant = &everybody};
    static struct route_target target = {.kind = ROUTE_CALL, .call = &call};
    static struct routes routes = {.targets = &target, .target_count = 1};
    /* Small, so that the fuzzer meets them. */
    static const struct config_server limits = {.max_body_bytes = 300,
                                                .max_header_bytes = 1024,
                                                .max_answer_bytes = 4096,
                                                .max_buffered_bytes = 1024 * 1024,
                                                .max_connections = 10,
                                                .header_timeout_us = HOUR_US,
                                                .body_timeout_us = HOUR_US,
                                                .answer_timeout_us = HOUR_US,
                                                .idle_timeout_us = HOUR_US};
    struct tt_error error;
    if (front != NULL)
        return;
    loop = loop_create(&error);
    routes.table = route_table_create();
    require(loop != NULL && routes.table != NULL, "no loop");
    require(route_add(routes.table, "GET|POST /echo", &target, NULL, &error) == TT_OK, "no route");
    front = front_create(loop, NULL, &routes, &error);
    require(front != NULL, "no front");
    front_set_limits(front, &limits);
}

/* -- the client -- */

static void on_turn_over(struct tt_post *post) {
    tt_assume_loop();
    (void)post;
    loop_stop(loop);
}

/* A post, not a timer, which is a millisecond fine. */
static void turn(void) {
    static struct tt_post post = {.fn = on_turn_over};
    tt_wake_post(loop_wake(loop), &post);
    loop_run(loop);
}

/* Returns: whether the server has ended its side. */
static bool take_answers(int fd, struct answers *answers) {
    for (;;) {
        require(answers->size < ANSWERS_MAX, "too many answers");
        ssize_t got = recv(fd, answers->data + answers->size, ANSWERS_MAX - answers->size, MSG_DONTWAIT);
        if (got > 0)
            answers->size += (size_t)got;
        else
            return got == 0 || errno == ECONNRESET;
    }
}

static void talk(const char *data, size_t size, size_t piece, struct answers *answers) {
    static const struct peer peer = {.family = AF_UNSPEC};
    int fds[2];
    bool is_over = false;
    answers->size = 0;
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0, "no sockets");
    connection_open(front, fds[1], &peer, false, false);
    for (size_t at = 0; at < size && !is_over;) {
        size_t part = size - at < piece ? size - at : piece;
        ssize_t sent = send(fds[0], data + at, part, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            break; /* it closed */
        at += sent > 0 ? (size_t)sent : 0;
        turn();
        is_over = take_answers(fds[0], answers);
    }
    (void)shutdown(fds[0], SHUT_WR); /* it may have closed */
    for (int turns = 0; !is_over; turns++) {
        require(turns < TURNS_MAX, "the connection doesn't end");
        turn();
        is_over = take_answers(fds[0], answers);
    }
    require(close(fds[0]) == 0, "no close");
    for (int turns = 0; front->connection_count > 0 || front->closed != NULL; turns++) {
        require(turns < TURNS_MAX, "the connection is not freed");
        turn();
    }
    require(front->request_count == 0, "a request is left");
    require(stat_get(&front->stats.buffered_bytes) == 0, "a byte is left");
}

/* -- what is the same in all ways -- */

/* Takes out of every answer what differs from one to the next: line by line in heads, the id in problems. */
static void normalize(struct answers *answers) {
    static const char *const lines[] = {"Date: ", "X-Request-Id: ", "Server-Timing: ", "HTTP/1.1 100 Continue\r\n\r\n"};
    char *out = answers->data;
    const char *end = answers->data + answers->size;
    for (const char *at = answers->data; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *next = line_end != NULL ? line_end + 1 : end;
        bool is_dropped = false;
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
            size_t size = strlen(lines[i]);
            if ((size_t)(end - at) >= size && memcmp(at, lines[i], size) == 0) {
                is_dropped = true;
                next = i == 3 ? at + size : next; /* with its empty line */
            }
        }
        if (!is_dropped) {
            size_t size = (size_t)(next - at);
            memmove(out, at, size);
            char *id = memmem(out, size, ",\"id\":\"", 7);
            if (id != NULL && size > 40 && *out == '{')
                memset(id + 7, 'x', 25);
            out += size;
        }
        at = next;
    }
    answers->size = (size_t)(out - answers->data);
}

static void check_answers(const struct answers *answers) {
    require(answers->size == 0 || (answers->size > 12 && memcmp(answers->data, "HTTP/1.1 ", 9) == 0), "no answer");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    size_t step = size > 0 ? 1 + data[size / 2] % 97 : 1;
    start_once();
    talk(bytes, size, size, &whole);
    check_answers(&whole);
    normalize(&whole);
    talk(bytes, size, step, &pieces);
    normalize(&pieces);
    if (whole.size == pieces.size && memcmp(whole.data, pieces.data, whole.size) == 0)
        return 0;
    (void)fprintf(stderr, "-- whole\n%.*s\n-- in steps of %zu\n%.*s\n", (int)whole.size, whole.data, step,
                  (int)pieces.size, pieces.data);
    require(false, "the answers depend on how the bytes were split");
    return 0;
}

/**
 * Plane: an admin plane under test, over real pools, with the test as its loop.
 *
 * Two pools: "db" with the workers asked for, and "idle" that no call uses. Two calls: "query" in db, "rude" on the
 * loop. What the service would tell (drain, reload) is counted. plane_park puts jobs into db that stand at the gate.
 */
#ifndef TESTS_SERVER_ADMIN_PLANE_H
#define TESTS_SERVER_ADMIN_PLANE_H

#include "../../../server/admin/admin.h"
#include "../../../server/admin/page.h"
#include "../../support/gate.h"
#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <tothread/pool.h>
#include <tothread/stats.h>
#include <tothread/wake.h>
#include <unistd.h>

#define PLANE_JOBS_MAX 16
#define PLANE_FAST_US  UINT64_C(50000)
/* Until a test gives up. */
#define PLANE_PATIENCE_US UINT64_C(30000000)

struct plane_job {
    struct tt_job job;
    struct gate *gate;
    unsigned *done_count;
    unsigned *release_count;
};

struct plane {
    struct tt_wake *wake;
    struct call_pool pools[2];
    struct call calls[2];
    struct registry registry;
    struct front_stats front;
    struct loop_beacon beacon;
    struct admin_view view;
    struct admin *admin;
    struct gate gate;
    struct plane_job jobs[PLANE_JOBS_MAX];
    unsigned done_count;
    unsigned release_count;
    _Atomic unsigned drain_count;
    _Atomic unsigned reload_count;
    int reload_status;
    const char *reload_text; /* NULL: none */
};

static inline void plane_drain(void *context) {
    struct plane *plane = context;

    plane->drain_count++;
}

static inline int plane_reload(void *context, char **ret_text) {
    struct plane *plane = context;

    plane->reload_count++;
    if (plane->reload_text)
        *ret_text = strdup(plane->reload_text);
    return plane->reload_status;
}

static inline struct tt_pool *plane_pool(struct plane *plane, const struct tt_pool_options *options) {
    struct tt_error error;
    struct tt_pool *pool = tt_pool_create(plane->wake, options, &error);

    if (!pool)
        ck_abort_msg("%s", error.text);
    return pool;
}

/** A view over real pools, without a server. */
static inline void plane_init(struct plane *plane, const struct tt_pool_options *db) {
    struct tt_pool_options idle = {.name = "idle", .worker_count = 1, .queue_limit = 1};
    struct tt_error error;

    *plane = (struct plane){.reload_status = 200};
    gate_init(&plane->gate);
    plane->wake = tt_wake_create(&error);
    ck_assert_ptr_nonnull(plane->wake);
    plane->pools[0] = (struct call_pool){.name = db->name, .pool = plane_pool(plane, db)};
    plane->pools[1] = (struct call_pool){.name = "idle", .pool = plane_pool(plane, &idle)};
    plane->calls[0] = (struct call){.name = "query", .pool = &plane->pools[0]};
    plane->calls[1] = (struct call){.name = "rude"};
    plane->registry = (struct registry){.pools = plane->pools, .pool_count = 2, .calls = plane->calls, .call_count = 2};
    plane->view = (struct admin_view){.registry = &plane->registry,
                                      .front = &plane->front,
                                      .beacon = &plane->beacon,
                                      .phase = ADMIN_READY,
                                      .started_us = page_now_us(),
                                      .version = "1.2.3-test",
                                      .drain = plane_drain,
                                      .reload = plane_reload,
                                      .context = plane};
}

/** One turn of the loop: sleeps until something is to do, and does it. */
static inline void plane_turn(struct plane *plane) {
    int64_t sleep_us = tt_wake_prepare(plane->wake);
    struct pollfd poll_fd = {.fd = tt_wake_fd(plane->wake), .events = POLLIN};

    (void)poll(&poll_fd, 1, sleep_us < 0 || sleep_us > 100000 ? 100 : (int)(sleep_us / 1000));
    (void)tt_wake_dispatch(plane->wake, 100);
}

static inline enum tt_outcome plane_run(struct tt_job *job, void *state) {
    (void)state;
    gate_pass(((struct plane_job *)(void *)job)->gate);
    return TT_DONE;
}

static inline void plane_done(struct tt_job *job) {
    ++*((struct plane_job *)(void *)job)->done_count;
}

static inline void plane_release(struct tt_job *job) {
    ++*((struct plane_job *)(void *)job)->release_count;
}

/** Submits the nth job to db. It stands at the gate as soon as a worker takes it. */
static inline void plane_submit(struct plane *plane, size_t n, const char *name, const char *id, uint64_t timeout_us) {
    struct plane_job *job = &plane->jobs[n];

    *job = (struct plane_job){.job = {.run = plane_run,
                                      .done = plane_done,
                                      .release = plane_release,
                                      .name = name,
                                      .id = id,
                                      .run_timeout_us = timeout_us},
                              .gate = &plane->gate,
                              .done_count = &plane->done_count,
                              .release_count = &plane->release_count};
    ck_assert_int_eq(tt_pool_submit(plane->pools[0].pool, &job->job), TT_OK);
    tt_wake_flush(plane->wake);
}

/** Turns the loop until that many done functions have been called. */
static inline void plane_await_done(struct plane *plane, unsigned count) {
    uint64_t end_us = page_now_us() + PLANE_PATIENCE_US;

    while (plane->done_count < count) {
        ck_assert_uint_lt(page_now_us(), end_us);
        plane_turn(plane);
    }
}

/** As plane_await_done, for release functions. */
static inline void plane_await_release(struct plane *plane, unsigned count) {
    uint64_t end_us = page_now_us() + PLANE_PATIENCE_US;

    while (plane->release_count < count) {
        ck_assert_uint_lt(page_now_us(), end_us);
        plane_turn(plane);
    }
}

/** Opens the gate for all and ends everything. */
static inline void plane_deinit(struct plane *plane) {
    gate_open(&plane->gate, PLANE_JOBS_MAX);
    (void)tt_pool_drain(plane->pools[0].pool, 5000000, NULL, 0);
    tt_pool_destroy(plane->pools[0].pool);
    tt_pool_destroy(plane->pools[1].pool);
    tt_wake_destroy(plane->wake);
    gate_deinit(&plane->gate);
}

/** Waits until all workers of a pool are ready. */
static inline void plane_await_workers(struct tt_pool *pool) {
    uint64_t end_us = page_now_us() + PLANE_PATIENCE_US;
    struct tt_pool_snapshot snapshot;

    for (;;) {
        tt_pool_snapshot(pool, &snapshot);
        if (snapshot.starting_count == 0)
            return;
        ck_assert_uint_lt(page_now_us(), end_us);
        (void)sched_yield();
    }
}

/** With workers that are ready, and a server on a port of the kernel's choice. */
static inline void plane_start(struct plane *plane) {
    struct tt_pool_options db = {.name = "db", .worker_count = 2, .queue_limit = 10, .spare_count = 1};
    struct tt_error error;

    plane_init(plane, &db);
    plane_await_workers(plane->pools[0].pool);
    plane_await_workers(plane->pools[1].pool);
    plane->admin = admin_start("127.0.0.1:0", &plane->view, &error);
    if (!plane->admin)
        ck_abort_msg("%s", error.text);
}

static inline void plane_stop(struct plane *plane) {
    admin_stop(plane->admin);
    plane_deinit(plane);
}

/* -- a client that sends what it is told -- */

static inline int plane_connect(const struct plane *plane) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)admin_port(plane->admin)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 12};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline void plane_send(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

        ck_assert_int_gt(sent, 0);
        data += sent;
        size -= (size_t)sent;
    }
}

struct plane_answer {
    int status; /* 0: closed without an answer */
    char *text; /* head and body, NUL-terminated */
    const char *body;
};

static inline void plane_free(struct plane_answer *answer) {
    free(answer->text);
}

/** Reads until the other side closes, and closes. */
static inline struct plane_answer plane_receive(int fd) {
    struct text bytes = {0};
    struct plane_answer answer = {0};
    char piece[16384];
    ssize_t size;

    while ((size = recv(fd, piece, sizeof piece, 0)) > 0)
        text_add(&bytes, piece, (size_t)size);
    ck_assert_msg(size == 0 || errno != EAGAIN, "the connection was left open");
    ck_assert(!bytes.has_no_memory);
    close(fd);
    answer.text = bytes.data ? bytes.data : strdup("");
    if (strncmp(answer.text, "HTTP/1.1 ", 9) == 0)
        answer.status = (int)strtol(answer.text + 9, NULL, 10);
    answer.body = strstr(answer.text, "\r\n\r\n");
    answer.body = answer.body ? answer.body + 4 : "";
    return answer;
}

static inline struct plane_answer plane_ask_raw(const struct plane *plane, const char *data, size_t size) {
    int fd = plane_connect(plane);

    plane_send(fd, data, size);
    return plane_receive(fd);
}

/** A request with a good Host; fields are lines that end in CRLF. */
static inline struct plane_answer plane_ask(const struct plane *plane, const char *method, const char *target,
                                            const char *fields, const char *body) {
    struct text request = {0};
    struct plane_answer answer;

    text_format(&request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n%s", method, target, admin_port(plane->admin),
                fields, body);
    answer = plane_ask_raw(plane, request.data, request.size);
    text_deinit(&request);
    return answer;
}

/** The status alone. */
static inline int plane_status(const struct plane *plane, const char *method, const char *target, const char *fields,
                               const char *body) {
    struct plane_answer answer = plane_ask(plane, method, target, fields, body);

    plane_free(&answer);
    return answer.status;
}

/** Whether the head has the line. */
static inline bool plane_has_line(const struct plane_answer *answer, const char *line) {
    const char *found = strcasestr(answer->text, line);

    return found && found < answer->body && found[-1] == '\n' && found[strlen(line)] == '\r';
}

#endif

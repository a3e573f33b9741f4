/* Overload: more than can be done, clients that leave, clients that don't read, descriptors that run out. */
#include "../support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB ((double)(1024 * 1024))

static void ask_all(const struct server *server, const char *path, int *fds, int count) {
    for (int i = 0; i < count; i++)
        fds[i] = server_ask(server, path);
}

static void close_all(const int *fds, int count) {
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(close(fds[i]), 0);
}

/** The kernel resets the connection instead of ending it. */
static void reset(int fd) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    ck_assert_int_eq(close(fd), 0);
}

/** Time is the point here: what must not happen is given this long to happen. */
static void let_pass(uint64_t ms) {
    for (uint64_t begun_ms = clock_ms(); clock_ms() - begun_ms < ms;)
        patience(begun_ms, "some time to pass");
}

/* -- more requests than room -- */

START_TEST(what_finds_no_room_is_refused_while_the_rest_still_waits) {
    enum { CLIENTS = 100, ROOM = 5 };
    int fds[CLIENTS];
    int refused_count = 0;
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.queue=4");
    fds[0] = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    ask_all(&server, "/noop", fds + 1, ROOM - 1);
    server_await_stat(&server, "pools.demo.queue_depth",
                      ROOM - 1); /* before the others, which the loop may read first */
    ask_all(&server, "/noop", fds + ROOM, CLIENTS - ROOM);
    for (int i = ROOM; i < CLIENTS; i++) {
        struct response response = response_read(fds[i]);
        response_check_problem(&response, 503, "queue-full");
        response_free(&response);
        refused_count++;
    }
    ck_assert_double_eq(server_stat(&server, "pools.demo.refused_full"), refused_count);
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_depth"), ROOM - 1);
    ck_assert_double_eq(server_stat(&server, "pools.demo.done"), 0);
    server_open_gate(&server);
    for (int i = 0; i < ROOM; i++)
        response_expect(fds[i], 200);
    close_all(fds, CLIENTS);
    server_stop(&server);
}
END_TEST

START_TEST(flood_is_answered_or_refused_and_every_answer_is_counted) {
    enum { CLIENTS = 100, ROUNDS = 5 };
    int fds[CLIENTS];
    int counts[2] = {0, 0};
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=2", "--set", "pool.demo.queue=8");
    ask_all(&server, "/to-thread?ms=5", fds, CLIENTS);
    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            struct response response = response_read(fds[i]);
            ck_assert_msg(response.status == 200 || response.status == 503, "%s", response.head);
            counts[response.status == 503]++;
            response_free(&response);
            if (round < ROUNDS)
                client_put(fds[i], "GET /to-thread?ms=5 HTTP/1.1\r\nHost: t\r\n\r\n");
        }
    }
    ck_assert_int_ge(counts[0], ROUNDS * 2);
    ck_assert_double_eq(server_stat(&server, "calls.to-thread.done"), counts[0]);
    ck_assert_double_eq(server_stat(&server, "calls.to-thread.refused_full"), counts[1]);
    server_await_stat(&server, "front.answers", CLIENTS * ROUNDS); /* counted when they are out */
    close_all(fds, CLIENTS);
    server_stop(&server);
}
END_TEST

START_TEST(loop_answers_quickly_while_the_pool_is_flooded) {
    enum { CLIENTS = 200 };
    int fds[CLIENTS];
    struct server server = server_start_demo(NULL);
    ask_all(&server, "/hold", fds, CLIENTS);
    server_await_stat(&server, "calls.hold.in_flight", CLIENTS);
    uint64_t begun_ms = clock_ms();
    for (int i = 0; i < 20; i++) {
        struct response response = server_get(&server, "/inline");
        ck_assert_int_eq(response.status, 200);
        response_free(&response);
    }
    ck_assert_uint_le(clock_ms() - begun_ms, PROGRAM_SOON_MS); /* behind the flood they would wait for ever */
    server_open_gate(&server);
    for (int i = 0; i < CLIENTS; i++)
        response_expect(fds[i], 200);
    close_all(fds, CLIENTS);
    server_stop(&server);
}
END_TEST

/* -- clients that leave -- */

START_TEST(job_of_a_client_that_left_never_runs_and_gives_its_place_back) {
    enum { CLIENTS = 4 };
    int fds[CLIENTS];
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.queue=4");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    for (int round = 0; round < 2; round++) {
        ask_all(&server, "/who", fds, CLIENTS);
        server_await_stat(&server, "pools.demo.queue_depth", CLIENTS);
        for (int i = 0; i < CLIENTS; i++) {
            if (round == 0)
                ck_assert_int_eq(close(fds[i]), 0);
            else
                reset(fds[i]);
        }
        server_await_stat(&server, "calls.who.cancelled", CLIENTS * (round + 1));
        server_await_stat(&server, "pools.demo.queue_depth", 0);
    }
    ck_assert_double_eq(server_stat(&server, "front.clients_left"), 2 * CLIENTS);
    server_await_stat(&server, "front.connections", 1);
    server_open_gate(&server);
    response_expect(held, 200);
    ck_assert_int_eq(close(held), 0);
    ck_assert_double_eq(server_stat(&server, "calls.who.done"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(call_of_a_client_that_left_while_it_ran_ends_as_ever) {
    enum { CLIENTS = 8 };
    int fds[CLIENTS];
    struct server server = server_start_demo(NULL);
    ask_all(&server, "/hold", fds, 1);
    server_await_stat(&server, "pools.demo.busy_count", 1);
    ck_assert_int_eq(close(fds[0]), 0);
    ask_all(&server, "/big?mib=4", fds, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        reset(fds[i]);
    server_open_gate(&server);
    server_check_books(&server);
    ck_assert_double_eq(server_stat(&server, "calls.hold.done"), 1);
    server_stop(&server);
}
END_TEST

START_TEST(client_that_left_inside_its_request_leaves_nothing_behind) {
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nabcdefghijklmnop";
    struct server server = SERVER_DEMO("--set", "server.body-timeout=1h", "--set", "server.header-timeout=1h");
    for (size_t size = 1; size < sizeof request; size += 3) {
        int fd = client_connect(server.port);
        client_send(fd, request, size);
        if (size % 2 == 0)
            reset(fd);
        else
            ck_assert_int_eq(close(fd), 0);
    }
    server_await_least(&server, "front.connections_accepted", (sizeof request - 1 + 2) / 3);
    server_await_stat(&server, "front.connections", 0);
    ck_assert_double_eq(server_stat(&server, "calls.echo.submitted"), 0);
    server_stop(&server);
}
END_TEST

/** A call on a worker, and the client's side is shut at once. Returns: whether it was answered, and not given up. */
static bool half_closed_gets_answer(const struct server *server) {
    int fd = server_ask(server, "/noop");
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    struct response response = response_read(fd);
    int status = response.status;
    ck_assert_msg(status == 200 || status == 0, "%s", response.head);
    response_free(&response);
    client_expect_end(fd);
    return status == 200;
}

START_TEST(client_that_shuts_its_side_behind_its_requests_still_gets_the_answers) {
    struct server server = server_start_demo(NULL);
    int quick = server_ask(&server, "/inline");
    ck_assert_int_eq(shutdown(quick, SHUT_WR), 0);
    response_expect(quick, 200);
    client_expect_end(quick);
    /* A call that doesn't start within 10 ms is given up: on a busy machine now and then. */
    for (uint64_t begun_ms = clock_ms(); !half_closed_gets_answer(&server);)
        patience(begun_ms, "an answer");
    int slow = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    client_put(slow, "GET /to-thread?ms=30 HTTP/1.1\r\nHost: t\r\n\r\n"
                     "GET /async?ms=30 HTTP/1.1\r\nHost: t\r\n\r\n");
    ck_assert_int_eq(shutdown(slow, SHUT_WR), 0);
    struct response other =
        server_get(&server, "/inline"); /* the loop, which takes things in turn, has seen that end */
    response_free(&other);
    let_pass(50); /* longer than the time after which a queued job would be given up */
    server_open_gate(&server);
    for (int i = 0; i < 3; i++)
        response_expect(slow, 200);
    client_expect_end(slow);
    server_stop(&server);
}
END_TEST

/* -- connections -- */

START_TEST(clients_beyond_max_connections_wait_and_are_served_later) {
    enum { ROOM = 4, CLIENTS = 12 };
    int fds[CLIENTS];
    struct server server = SERVER_DEMO("--set", "server.max-connections=4");
    for (int i = 0; i < ROOM; i++) {
        fds[i] = server_ask(&server, "/noop");
        response_expect(fds[i], 200);
    }
    ask_all(&server, "/noop", fds + ROOM, CLIENTS - ROOM);
    server_await_log(&server, "event=accept_paused reason=max-connections");
    let_pass(250); /* more than two tries */
    ck_assert_double_eq(server_stat(&server, "front.connections_accepted"), ROOM);
    for (int i = 0; i < CLIENTS - ROOM; i++) {
        ck_assert(!client_wait(fds[ROOM + i], 0));
        ck_assert_int_eq(close(fds[i]), 0);
        response_expect(fds[ROOM + i], 200);
    }
    ck_assert_double_eq(server_stat(&server, "front.connections"), ROOM);
    close_all(fds + CLIENTS - ROOM, ROOM);
    server_stop(&server);
}
END_TEST

START_TEST(clients_leave_descriptors_to_the_admin_plane) {
    enum { CLIENTS = 100 };
    int fds[CLIENTS];
    const struct server_options options = {.child.descriptor_limit = 100};
    struct server server = server_start(&options);
    ck_assert(server_has_logged(&server, "event=descriptor_limit limit=100 "));
    ask_all(&server, "/noop", fds, CLIENTS);
    server_await_log(&server, "event=accept_paused");
    uint64_t cpu_ms = server_cpu_ms(&server);
    uint64_t measured_ms = clock_ms();
    for (uint64_t begun_ms = clock_ms(); clock_ms() - begun_ms < 500;) {
        struct response live = admin_request(&server, "GET", "/livez");
        ck_assert_int_eq(live.status, 200);
        response_free(&live);
        patience(begun_ms, "some time to pass");
    }
    let_pass(500);
    ck_assert_uint_le(server_cpu_ms(&server) - cpu_ms, (clock_ms() - measured_ms) / 2 * PROGRAM_SLOWNESS);
    for (int i = 0; i < CLIENTS; i++) {
        response_expect(fds[i], 200);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    server_stop(&server);
}
END_TEST

START_TEST(running_out_of_descriptors_neither_spins_nor_floods_the_log) {
    enum { CLIENTS = 20, LEFT = 4 };
    int fds[CLIENTS];
    struct rlimit before;
    struct server server = server_start_demo(NULL);
    const struct rlimit none = {server.fd_count + LEFT, server.fd_count + 1000};
    ck_assert_int_eq(prlimit(server.pid, RLIMIT_NOFILE, &none, &before), 0);
    uint64_t begun_ms = clock_ms();
    ask_all(&server, "/noop", fds, CLIENTS);
    server_await_log(&server, "event=accept_paused reason=EMFILE");
    uint64_t cpu_ms = server_cpu_ms(&server);
    let_pass(1000);
    uint64_t took_ms = clock_ms() - begun_ms;
    ck_assert_uint_le(server_cpu_ms(&server) - cpu_ms, 200 * PROGRAM_SLOWNESS);
    ck_assert_uint_le(server_count_log(&server, "event=accept_paused"), took_ms / 1000 + 2); /* one a second */
    const struct rlimit more = {server.fd_count + 1000, server.fd_count + 1000};
    ck_assert_int_eq(prlimit(server.pid, RLIMIT_NOFILE, &more, NULL), 0);
    for (int i = 0; i < CLIENTS; i++) {
        response_expect(fds[i], 200);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    server_stop(&server);
}
END_TEST

START_TEST(idle_connection_is_closed_after_its_time) {
    struct server server = SERVER_DEMO("--set", "server.idle-timeout=1s");
    uint64_t begun_ms = clock_ms();
    int silent = client_connect(server.port);
    int used = server_ask(&server, "/noop");
    response_expect(used, 200);
    client_expect_end(silent);
    client_expect_end(used);
    ck_assert_uint_ge(clock_ms() - begun_ms, 990);
    /* a call that takes longer is no idling */
    int busy = server_ask(&server, "/to-thread?ms=1500");
    response_expect(busy, 200);
    client_expect_end(busy);
    ck_assert_double_eq(server_stat(&server, "front.connections_dropped"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(two_thousand_idle_connections_cost_little) {
    enum { CLIENTS = 2000 };
    static int fds[CLIENTS];
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    struct server server = server_start_demo(NULL);
    size_t before = server_resident_bytes(&server);
    ask_all(&server, "/inline", fds, CLIENTS / 2);
    for (int i = CLIENTS / 2; i < CLIENTS; i++)
        fds[i] = client_connect(server.port);
    for (int i = 0; i < CLIENTS / 2; i++)
        response_expect(fds[i], 200);
    server_await_stat(&server, "front.connections", CLIENTS);
    size_t after = server_resident_bytes(&server);
    if (PROGRAM_SLOWNESS == 1) /* sanitizers keep what was freed */
        ck_assert_uint_le((after > before ? after - before : 0) / CLIENTS, 3072);
    server_await_stat(&server, "front.buffered_bytes", 0);
    for (int i = 0; i < CLIENTS; i += 100) {
        client_put(fds[i], "GET /inline HTTP/1.1\r\nHost: t\r\n\r\n");
        response_expect(fds[i], 200);
    }
    close_all(fds, CLIENTS);
    server_stop(&server);
}
END_TEST

/* -- clients that don't read -- */

START_TEST(client_that_never_reads_is_dropped_and_holds_one_answer_at_most) {
    enum { REQUESTS = 200 };
    struct server server = SERVER_DEMO("--set", "server.answer-timeout=5s");
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = client_connect_small(server.port);
        for (int j = 0; j < REQUESTS; j++)
            client_put(fds[i], "GET /big?mib=8 HTTP/1.1\r\nHost: t\r\n\r\n");
    }
    server_await_stat(&server, "calls.big.done", 3);
    server_await_least(&server, "front.buffered_bytes", 3 * MIB);
    ck_assert_double_le(server_stat(&server, "front.buffered_bytes"), 3 * (8 * MIB + 65536));
    ck_assert_double_eq(server_stat(&server, "calls.big.submitted"), 3);
    server_await_stat(&server, "front.connections_dropped", 3);
    server_await_stat(&server, "front.connections", 0);
    server_await_stat(&server, "front.buffered_bytes", 0);
    ck_assert_double_eq(server_stat(&server, "calls.big.submitted"), 3);
    close_all(fds, 3);
    server_stop(&server);
}
END_TEST

START_TEST(client_that_pipelines_without_reading_is_slowed_down) {
    enum { REQUESTS = 20000 };
    static const char request[] = "GET /inline HTTP/1.1\r\nHost: t\r\n\r\n";
    struct server server = SERVER_DEMO("--set", "server.answer-timeout=1s");
    int fd = client_connect_small(server.port);
    for (int i = 0; i < REQUESTS; i++) {
        size_t sent = (size_t)send(fd, request, sizeof request - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent != sizeof request - 1)
            break; /* the buffers on the way are full */
    }
    server_await_stat(&server, "front.connections_dropped", 1);
    server_await_stat(&server, "front.buffered_bytes", 0);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

/* -- memory for all together -- */

/* The longest body and the longest answer are less, so that max-buffered is what counts. */
#define SERVER_OF_1MIB()                                                                                          \
    SERVER_DEMO("--set", "server.max-buffered=1MiB", "--set", "server.max-body=256KiB", "--set",                  \
                "server.max-answer=1MiB", "--set", "server.header-timeout=1h", "--set", "server.body-timeout=1h", \
                "--set", "server.answer-timeout=1h")

static void expect_no_room(int fd) {
    struct response response = response_read(fd);
    response_check_problem(&response, 503, "no-room");
    ck_assert_str_eq(response_header(&response, "Retry-After"), "1");
    ck_assert_str_eq(response_header(&response, "Connection"), "close");
    response_free(&response);
    client_expect_end(fd);
}

/** A body of 256 KiB that lacks its last byte. */
static int hold_body(const struct server *server) {
    static char most[256 * 1024 - 1];
    int fd = client_connect(server->port);
    client_put(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 262144\r\n\r\n");
    client_send(fd, most, sizeof most);
    return fd;
}

START_TEST(bodies_beyond_max_buffered_are_503_and_everything_else_goes_on) {
    int held[4];
    struct server server = SERVER_OF_1MIB();
    for (int i = 0; i < 4; i++)
        held[i] = hold_body(&server);
    server_await_stat(&server, "front.buffered_bytes", MIB);
    uint64_t begun_ms = clock_ms();
    int length = client_connect(server.port);
    client_put(length, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    expect_no_room(length);
    int chunked = client_connect(server.port);
    client_put(chunked, "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    expect_no_room(chunked);
    int half = client_connect(server.port);
    client_put(half, "GET /noop HTTP/1.1\r\nHost: t\r\n");
    expect_no_room(half);
    struct response other = server_get(&server, "/noop"); /* needs no room */
    ck_assert_int_eq(other.status, 200);
    response_free(&other);
    server_await_stat(&server, "front.buffered_bytes", MIB);
    ck_assert_double_eq(server_stat(&server, "front.buffered_limit_bytes"), MIB);
    ck_assert_double_eq(server_stat(&server, "front.no_room"), 3);
    server_await_log(&server, "event=no_room reason=max-buffered");
    size_t told_count = server_count_log(&server, "event=no_room reason=max-buffered");
    ck_assert_uint_le(told_count, (clock_ms() - begun_ms) / 1000 + 2); /* once a second at most */
    for (int i = 0; i < 4; i++) {
        client_put(held[i], "x");
        response_expect(held[i], 200);
        ck_assert_int_eq(close(held[i]), 0);
    }
    struct response again = server_post(&server, "/echo", "{}");
    ck_assert_int_eq(again.status, 200);
    response_free(&again);
    server_stop(&server);
}
END_TEST

START_TEST(answer_beyond_max_buffered_is_500_before_its_first_byte) {
    struct server server = SERVER_OF_1MIB();
    int held = hold_body(&server);
    server_await_stat(&server, "front.buffered_bytes", MIB / 4);
    int fd = server_ask(&server, "/big?mib=1");
    struct response response = response_read(fd);
    response_check_problem(&response, 500, "internal");
    ck_assert_ptr_nonnull(strstr(response_member(&response, "detail"), "max-buffered"));
    response_free(&response);
    ck_assert_int_eq(close(held), 0);
    server_await_stat(&server, "front.buffered_bytes", 0);
    client_put(fd, "GET /big?mib=1 HTTP/1.1\r\nHost: t\r\n\r\n"); /* the longest finds room when nothing else is held */
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

/* What goes out in one piece has nothing to tell beforehand: who takes no answers is closed. */
START_TEST(small_answers_that_nobody_takes_are_held_up_to_max_buffered) {
    enum { CLIENTS = 40, BODY_BYTES = 56 * 1024 };
    static char request[BODY_BYTES + 128];
    size_t sent[CLIENTS] = {0};
    int fds[CLIENTS];
    struct server server = SERVER_OF_1MIB();
    int head =
        snprintf(request, sizeof request, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n", BODY_BYTES);
    size_t size = (size_t)head + BODY_BYTES;
    memset(request + head, 'a', BODY_BYTES);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client_connect_small(server.port);
    /* Request after request on each, as far as the server reads them. */
    for (uint64_t begun_ms = clock_ms(); server_stat(&server, "front.no_room") == 0;
         patience(begun_ms, "a full memory"))
        for (int i = 0; i < CLIENTS; i++) {
            ssize_t once = send(fds[i], request + sent[i], size - sent[i], MSG_NOSIGNAL | MSG_DONTWAIT);
            sent[i] = (sent[i] + (size_t)(once > 0 ? once : 0)) % size;
        }
    ck_assert_double_le(server_stat(&server, "front.buffered_bytes"), MIB);
    struct response other = server_get(&server, "/noop");
    ck_assert_int_eq(other.status, 200);
    response_free(&other);
    close_all(fds, CLIENTS);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        what_finds_no_room_is_refused_while_the_rest_still_waits,
        flood_is_answered_or_refused_and_every_answer_is_counted,
        loop_answers_quickly_while_the_pool_is_flooded,
        job_of_a_client_that_left_never_runs_and_gives_its_place_back,
        call_of_a_client_that_left_while_it_ran_ends_as_ever,
        client_that_left_inside_its_request_leaves_nothing_behind,
        client_that_shuts_its_side_behind_its_requests_still_gets_the_answers,
        clients_beyond_max_connections_wait_and_are_served_later,
        clients_leave_descriptors_to_the_admin_plane,
        running_out_of_descriptors_neither_spins_nor_floods_the_log,
        idle_connection_is_closed_after_its_time,
        two_thousand_idle_connections_cost_little,
        client_that_never_reads_is_dropped_and_holds_one_answer_at_most,
        client_that_pipelines_without_reading_is_slowed_down,
        bodies_beyond_max_buffered_are_503_and_everything_else_goes_on,
        answer_beyond_max_buffered_is_500_before_its_first_byte,
        small_answers_that_nobody_takes_are_held_up_to_max_buffered,
    };
    return suite_run("overload", tests, sizeof tests / sizeof *tests);
}

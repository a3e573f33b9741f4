/* Reload: what changes while requests run, and what a file with a mistake changes (nothing). */
#include "../support/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct server start(const char *config) {
    const struct server_options options = {.config = config};
    return server_start(&options);
}

/** POST /reload with a new file. Returns: the answer, to be freed. */
static struct response reload(const struct server *server, const char *config) {
    server_configure(server, config);
    return admin_request(server, "POST", "/reload");
}

static void expect_reloaded(const struct server *server, const char *config) {
    struct response response = reload(server, config);
    ck_assert_msg(response.status == 200 && strcmp(response.body, "reloaded\n") == 0, "%s%s", response.head,
                  response.body);
    response_free(&response);
}

static void expect_status(const struct server *server, const char *path, int status) {
    struct response response = server_get(server, path);
    ck_assert_msg(response.status == status, "%s: %s%s", path, response.head, response.body);
    response_free(&response);
}

/** Asks over and over on many connections while fn changes the configuration: nothing may be lost. */
static void under_load(struct server *server, void (*change)(struct server *server, int round), int rounds) {
    enum { CLIENTS = 24 };
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = server_ask(server, "/to-thread?ms=4");
    for (int round = 0; round < rounds; round++) {
        change(server, round);
        for (int i = 0; i < CLIENTS; i++) {
            response_expect(fds[i], 200);
            client_put(fds[i], "GET /to-thread?ms=4 HTTP/1.1\r\nHost: t\r\n\r\n");
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        response_expect(fds[i], 200);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    ck_assert_double_eq(server_stat(server, "calls.to-thread.done"), CLIENTS * (rounds + 1));
}

static void resize_by_signal(struct server *server, int round) {
    static const int workers[] = {1, 8, 2, 20, 3};
    char text[160];
    int wanted = workers[round % 5];
    (void)snprintf(text, sizeof text, "[pool demo]\nworkers = %d\nqueue = %d\nspare = %d\n", wanted, 100 + round,
                   round); /* fits */
    server_configure(server, text);
    server_signal(server, SIGHUP);
    server_await_stat(server, "pools.demo.worker_target", wanted);
    ck_assert_double_eq(server_stat(server, "pools.demo.queue_limit"), 100 + round);
}

START_TEST(workers_grow_and_shrink_under_load_and_no_request_is_lost) {
    struct server server = start("[pool demo]\nworkers = 4\n");
    under_load(&server, resize_by_signal, 10);
    server_await_stat(&server, "pools.demo.thread_count", 3);
    ck_assert_uint_eq(server_count_log(&server, "event=reloaded needs_restart=0"), 10);
    server.thread_count -= 1; /* 3 instead of 4 */
    server_stop(&server);
}
END_TEST

START_TEST(timeouts_and_limits_change_for_the_next_calls) {
    struct server server = start("[call hold]\nlimit = 1\n[pool demo]\nworkers = 4\n");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    int waits = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.queue_depth", 1);
    expect_reloaded(&server,
                    "[call hold]\nlimit = 2\ntimeout = 100ms\n[pool demo]\nworkers = 4\nqueue-timeout = 200ms\n");
    server_await_stat(&server, "pools.demo.busy_count", 2); /* the permit that came let it in */
    int third = server_ask(&server, "/hold");
    struct response late = response_read(third);
    response_check_problem(&late, 503, "queue-time");
    response_free(&late);
    expect_reloaded(&server, "[call hold]\nlimit = 3\ntimeout = 100ms\n[pool demo]\nworkers = 4\n");
    struct response over = server_get(&server, "/hold");
    response_check_problem(&over, 504, "run-time");
    response_free(&over);
    ck_assert(!client_wait(held, 0)); /* begun under the old time-out */
    server_open_gate(&server);
    response_expect(held, 200);
    response_expect(waits, 200);
    int fds[3] = {held, waits, third};
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(close(fds[i]), 0);
    server_stop(&server);
}
END_TEST

START_TEST(limits_of_the_front_change_for_open_connections_too) {
    struct server server = start("");
    int fd = client_connect(server.port);
    client_put(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n01234567890123456789");
    response_expect(fd, 200);
    expect_reloaded(&server, "[server]\nmax-body = 10B\nidle-timeout = 200ms\nmax-header = 1KiB\naccess-log = yes\n");
    int strict = client_connect(server.port);
    client_format(strict, "GET /noop HTTP/1.1\r\nHost: t\r\nA: %01200d\r\n\r\n", 0);
    response_expect(strict, 431);
    client_expect_end(strict);
    client_put(fd, "GET /noop HTTP/1.1\r\nHost: t\r\nX-Request-Id: now-in-the-log\r\n\r\n");
    response_expect(fd, 200);
    server_await_log(&server, "event=request call=noop status=200");
    server_await_log(&server, "id=now-in-the-log");
    client_put(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n01234567890123456789");
    response_expect(fd, 413);
    client_expect_end(fd);
    int idle = client_connect(server.port);
    client_expect_end(idle);
    server_stop(&server);
}
END_TEST

START_TEST(dropped_key_falls_back_to_its_default) {
    struct server server = start("[pool demo]\nqueue = 7\n");
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 7);
    expect_reloaded(&server, "");
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 256); /* the demo's */
    server_stop(&server);
}
END_TEST

/* -- files with mistakes -- */

START_TEST(file_with_mistakes_changes_nothing_and_shows_each) {
    char place[160];
    struct server server = start("[pool demo]\nworkers = 2\nqueue = 9\n");
    struct response response =
        reload(&server, "[pool demo]\nworkers = 3\nqueue = 0\nqueu = 5\n[call noop]\ntimeout = 5\n");
    ck_assert_int_eq(response.status, 422);
    static const char *const places[] = {":3:9: queue: 0 is out of range", ":4:1: [pool] has no key \"queu\"",
                                         ":6:11: timeout: time \"5\" has no unit"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        (void)snprintf(place, sizeof place, "%s%s", server.config, places[i]); /* fits */
        ck_assert_msg(strstr(response.body, place) != NULL, "no \"%s\" in: %s", place, response.body);
    }
    ck_assert_ptr_nonnull(strstr(response.body, "^"));
    ck_assert_ptr_nonnull(strstr(response.body, "the old configuration stays in force"));
    response_free(&response);
    server_await_log(&server, "event=reload_refused errors=3");
    ck_assert_double_eq(server_stat(&server, "pools.demo.worker_target"), 2);
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 9);
    server_signal(&server, SIGHUP);
    for (uint64_t begun_ms = clock_ms(); server_count_log(&server, "event=reload_refused errors=3") < 2;)
        patience(begun_ms, "the second reload");
    ck_assert_double_eq(server_stat(&server, "pools.demo.worker_target"), 2);
    expect_status(&server, "/noop", 200);
    expect_reloaded(&server, "[pool demo]\nworkers = 2\nqueue = 10\n"); /* and it is not stuck */
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 10);
    server_stop(&server);
}
END_TEST

START_TEST(file_that_is_gone_changes_nothing) {
    struct server server = start("[pool demo]\nqueue = 9\n");
    ck_assert_int_eq(unlink(server.config), 0);
    struct response response = admin_request(&server, "POST", "/reload");
    ck_assert_int_eq(response.status, 422);
    ck_assert_ptr_nonnull(strstr(response.body, server.config));
    response_free(&response);
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 9);
    server_stop(&server);
}
END_TEST

static void break_and_mend(struct server *server, int round) {
    struct response response =
        reload(server, round % 2 == 0 ? "[pool demo]\nworkers = 0\n" : "[pool demo]\nworkers = 6\n");
    ck_assert_int_eq(response.status, round % 2 == 0 ? 422 : 200);
    response_free(&response);
}

START_TEST(mistakes_under_load_lose_no_request) {
    struct server server = start("[pool demo]\nworkers = 6\n");
    under_load(&server, break_and_mend, 6);
    server_stop(&server);
}
END_TEST

/* -- what a reload can't do -- */

START_TEST(changes_that_need_a_restart_are_named_and_the_rest_is_taken_over) {
    struct server server = start("[server]\nmalloc-arenas = 3\n[pool demo]\nqueue = 9\n");
    struct response response =
        reload(&server, "[server]\nmalloc-arenas = 4\n[pool demo]\nqueue = 11\nstack-size = 1MiB\n"
                        "[pool new]\nworkers = 1\n[call new]\nmodule = demo\nfunction = noop\n"
                        "pool = new\n[call noop]\nroute = GET /other\n");
    ck_assert_msg(response.status == 200, "%s", response.body);
    ck_assert_ptr_nonnull(strstr(response.body, "need a restart"));
    static const char *const named[] = {"malloc-arenas", "stack-size", "new", "route"};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        ck_assert_msg(strstr(response.body, named[i]) != NULL, "no %s in: %s", named[i], response.body);
    response_free(&response);
    ck_assert(!server_has_logged(&server, "event=reloaded needs_restart=0"));
    server_await_log(&server, "event=reloaded needs_restart=");
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 11);
    expect_status(&server, "/noop", 200);
    expect_status(&server, "/other", 404);
    server_stop(&server);
}
END_TEST

START_TEST(reloads_that_come_together_are_all_answered) {
    enum { ASKERS = 4 };
    int fds[ASKERS];
    int done_count = 0;
    struct server server = start("");
    for (int i = 0; i < ASKERS; i++) {
        fds[i] = client_connect(server.admin_port);
        client_put(fds[i], "POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    }
    for (int i = 0; i < ASKERS; i++) {
        struct response response = response_read(fds[i]);
        ck_assert_msg(response.status == 200 || response.status == 503, "%s", response.head);
        done_count += response.status == 200;
        response_free(&response);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    ck_assert_int_ge(done_count, 1);
    expect_reloaded(&server, "[pool demo]\nqueue = 12\n");
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 12);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        workers_grow_and_shrink_under_load_and_no_request_is_lost,
        timeouts_and_limits_change_for_the_next_calls,
        limits_of_the_front_change_for_open_connections_too,
        dropped_key_falls_back_to_its_default,
        file_with_mistakes_changes_nothing_and_shows_each,
        file_that_is_gone_changes_nothing,
        mistakes_under_load_lose_no_request,
        changes_that_need_a_restart_are_named_and_the_rest_is_taken_over,
        reloads_that_come_together_are_all_answered,
    };
    return suite_run("reload", tests, sizeof tests / sizeof *tests);
}

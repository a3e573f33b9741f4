/* Reload: what changes while requests run, and what a file with a mistake changes (nothing). */
#include "../support/server.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
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
    server_await_log_count(&server, "event=reloaded needs_restart=0", 10);
    server.thread_count -= 1; /* 3 instead of 4 */
    server_stop(&server);
}
END_TEST

/* -- clients that never stop -- */

struct change {
    const char *config;
    int status; /* of the reload */
};

static int ask_for_reload(const struct server *server) {
    int fd = client_connect(server->admin_port);
    client_put(fd, "POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    return fd;
}

static void again(int fd) {
    client_put(fd, "GET /to-thread?ms=2 HTTP/1.1\r\nHost: t\r\n\r\n");
}

/** One reload after the other, while each client asks again as soon as it is answered. Returns: how many answers came. */
static int change_under_clients(const struct server *server, const struct change *changes, int change_count) {
    enum { CLIENTS = 16 };
    struct pollfd fds[CLIENTS + 1];
    int answer_count = 0;
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = (struct pollfd){.fd = server_ask(server, "/to-thread?ms=2"), .events = POLLIN};
    for (int round = 0; round < change_count;) {
        bool is_answered = false;
        server_configure(server, changes[round].config);
        fds[CLIENTS] = (struct pollfd){.fd = ask_for_reload(server), .events = POLLIN};
        while (!is_answered) {
            ck_assert_int_gt(poll(fds, CLIENTS + 1, PROGRAM_PATIENCE_MS), 0);
            for (int i = 0; i < CLIENTS; i++)
                if (fds[i].revents != 0) {
                    response_expect(fds[i].fd, 200);
                    answer_count++;
                    again(fds[i].fd);
                }
            is_answered = fds[CLIENTS].revents != 0;
        }
        response_expect(fds[CLIENTS].fd, changes[round++].status);
        ck_assert_int_eq(close(fds[CLIENTS].fd), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        response_expect(fds[i].fd, 200);
        ck_assert_int_eq(close(fds[i].fd), 0);
    }
    return answer_count + CLIENTS;
}

START_TEST(everything_changes_under_clients_that_never_stop_and_none_is_refused) {
    static const struct change changes[] = {
        {"[pool demo]\nworkers = 1\nqueue = 40\nqueue-timeout = 20s\n", 200},
        {"[pool demo]\nworkers = 12\nspare = 9\n[call to-thread]\nlimit = 1\ntimeout = 20s\n", 200},
        {"[pool demo]\nworkers = 0\n[call to-thread]\nlimit = 1\n", 422},
        {"[call to-thread]\nlimit = 3\n[server]\nmax-body = 10B\nidle-timeout = 20s\nheader-timeout = 20s\n", 200},
        {"[server]\nmax-connections = 40\naccess-log = yes\nmax-header = 1KiB\n", 200},
        {"[pool demo]\nworkers = 3\nqueue = 50\n[call to-thread]\nlimit = 2\n", 200},
    };
    enum { CHANGES = sizeof changes / sizeof *changes, REPEATS = 4 };
    int answer_count = 0;
    struct server server = start("");
    for (int i = 0; i < REPEATS; i++)
        answer_count += change_under_clients(&server, changes, CHANGES);
    ck_assert_double_eq(server_stat(&server, "pools.demo.worker_target"), 3);
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 50);
    ck_assert_double_eq(server_stat(&server, "calls.to-thread.submitted"), answer_count);
    ck_assert_double_eq(server_stat(&server, "calls.to-thread.done"), answer_count);
    server_await_log_count(&server, "event=reloaded ", REPEATS * (CHANGES - 1));
    server_await_log_count(&server, "event=reload_refused ", REPEATS);
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
    expect_reloaded(&server, "[server]\nmax-body = 10B\nmax-header = 1KiB\naccess-log = yes\n");
    int strict = client_connect(server.port);
    client_format(strict, "GET /noop HTTP/1.1\r\nHost: t\r\nA: %01200d\r\n\r\n", 0);
    response_expect(strict, 431);
    client_expect_end(strict);
    client_put(fd, "GET /noop HTTP/1.1\r\nHost: t\r\nX-Request-Id: now-in-the-log\r\n\r\n");
    response_expect(fd, 200);
    client_put(fd, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 20\r\n\r\n01234567890123456789");
    response_expect(fd, 413);
    client_expect_end(fd);
    server_await_log(&server, "event=request call=noop status=200");
    server_await_log(&server, "id=now-in-the-log");
    int idle = client_connect(server.port);
    expect_reloaded(&server, "[server]\nidle-timeout = 1500ms\n"); /* only now: all of the above may take its time */
    client_put(idle, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    response_expect(idle, 200);
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
    server_await_log_count(&server, "event=reload_refused errors=3", 2);
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

/* -- by command -- */

/** Aborts the test unless a mistake is shown with its line, and a caret below the word itself. */
static void expect_caret(const char *text, const char *line, const char *word) {
    const char *shown = strstr(text, line);
    ck_assert_msg(shown != NULL, "no \"%s\" in: %s", line, text);
    const char *begin = shown;
    while (begin > text && begin[-1] != '\n')
        begin--;
    const char *below = strchr(shown, '\n');
    ck_assert_ptr_nonnull(below);
    below++;
    const char *caret = strchr(below, '^');
    ck_assert_msg(caret != NULL && memchr(below, '\n', (size_t)(caret - below)) == NULL, "no caret in: %s", text);
    ck_assert_msg(caret - below == strstr(shown, word) - begin, "the caret isn't below %s: %s", word, text);
}

START_TEST(command_shows_the_verdict_and_its_status_tells) {
    char address[32];
    char place[160];
    struct server server = start("");
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", server.admin_port); /* fits */
    (void)snprintf(place, sizeof place, "%s:2:9: ", server.config);             /* fits */
    const char *const args[] = {"reload", "--admin", address, NULL};
    server_configure(&server, "[pool demo]\nqueue = 0\n");
    struct output refused = program_run(args);
    ck_assert_int_eq(refused.status, 1);
    ck_assert_msg(strstr(refused.err, place) != NULL, "no %s in: %s", place, refused.err);
    ck_assert_str_eq(refused.out, "");
    expect_caret(refused.err, "queue = 0", "0");
    output_free(&refused);
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 256);
    server_configure(&server, "[pool demo]\nqueue = 16\n");
    struct output done = program_run(args);
    ck_assert_int_eq(done.status, 0);
    ck_assert_str_eq(done.out, "reloaded\n");
    output_free(&done);
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 16);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        workers_grow_and_shrink_under_load_and_no_request_is_lost,
        everything_changes_under_clients_that_never_stop_and_none_is_refused,
        timeouts_and_limits_change_for_the_next_calls,
        limits_of_the_front_change_for_open_connections_too,
        dropped_key_falls_back_to_its_default,
        file_with_mistakes_changes_nothing_and_shows_each,
        file_that_is_gone_changes_nothing,
        mistakes_under_load_lose_no_request,
        changes_that_need_a_restart_are_named_and_the_rest_is_taken_over,
        reloads_that_come_together_are_all_answered,
        command_shows_the_verdict_and_its_status_tells,
    };
    return suite_run("reload", tests, sizeof tests / sizeof *tests);
}

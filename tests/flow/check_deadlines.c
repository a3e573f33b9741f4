/* Deadlines: two clocks, honest slots, and calls that can't be ended. */
#include "../support/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A process may be off the processor for half a second, and a thread of it for longer than another one: what must start in time,
 * or end in time because its gate is open, gets so much of it.
 */
#define HOLD_TIMEOUT  "2s"
#define QUEUE_TIMEOUT "3s"

static void expect_problem(int fd, int status, const char *kind, const char *clock) {
    struct response response = response_read(fd);
    response_check_problem(&response, status, kind);
    ck_assert_str_eq(response_member(&response, "clock"), clock);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
}

static void expect_status(const struct server *server, const char *path, int status) {
    struct response response = server_get(server, path);
    ck_assert_msg(response.status == status, "%s: %s%s", path, response.head, response.body);
    response_free(&response);
}

START_TEST(call_beyond_its_time_is_a_zombie_until_it_returns) {
    struct server server = SERVER_DEMO("--set", "call.hold.timeout=" HOLD_TIMEOUT);
    int fd = client_connect(server.port);
    client_put(fd, "GET /hold HTTP/1.1\r\nHost: t\r\nX-Request-Id: the-zombie\r\n\r\n");
    expect_problem(fd, 504, "run-time", "run");
    ck_assert_double_eq(server_stat(&server, "pools.demo.zombie_count"), 1);
    ck_assert_double_eq(server_stat(&server, "pools.demo.busy_count"), 0);
    server_await_call(&server, "hold", "zombie", "the-zombie");
    server_open_gate(&server);
    server_await_stat(&server, "pools.demo.zombie_count", 0);
    server_await_stat(&server, "pools.demo.zombies_ended", 1); /* counted on the loop, a little later */
    ck_assert_double_eq(server_stat(&server, "calls.hold.expired_run"), 1);
    ck_assert_double_eq(server_stat(&server, "calls.hold.done"), 0); /* its late result counts for nothing */
    struct response again = server_get(&server, "/hold");
    ck_assert_str_eq(again.body, "{\"entered\":2,\"inside_max\":1}\n");
    response_free(&again);
    server_stop(&server);
}
END_TEST

START_TEST(call_of_limit_one_is_never_entered_twice_even_after_its_time) {
    enum { CLIENTS = 4 };
    int fds[CLIENTS];
    struct server server = SERVER_DEMO("--set", "call.hold.limit=1", "--set", "call.hold.timeout=" HOLD_TIMEOUT,
                                       "--set", "pool.demo.queue-timeout=" QUEUE_TIMEOUT);
    fds[0] = server_ask(&server, "/hold");
    server_await_inside(&server, 1);
    for (int i = 1; i < CLIENTS; i++)
        fds[i] = server_ask(&server, "/hold");
    expect_problem(fds[0], 504, "run-time", "run");
    for (int i = 1; i < CLIENTS; i++) /* workers are free, the permit isn't */
        expect_problem(fds[i], 503, "queue-time", "queue");
    expect_status(&server, "/noop", 200); /* who needs no permit is not held up */
    server_open_gate(&server);
    server_await_stat(&server, "pools.demo.zombie_count", 0);
    struct response again = server_get(&server, "/hold");
    ck_assert_str_eq(again.body, "{\"entered\":2,\"inside_max\":1}\n");
    response_free(&again);
    server_stop(&server);
}
END_TEST

START_TEST(limit_holds_under_a_flood) {
    enum { CLIENTS = 30 };
    int fds[CLIENTS];
    struct server server = SERVER_DEMO("--set", "call.hold.limit=2", "--set", "pool.demo.workers=6");
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = server_ask(&server, "/hold");
    server_await_stat(&server, "calls.hold.in_flight", CLIENTS);
    server_await_stat(&server, "pools.demo.busy_count", 2);
    expect_status(&server, "/noop", 200);
    server_open_gate(&server);
    for (int i = 0; i < CLIENTS; i++) {
        struct response response = response_read(fds[i]);
        ck_assert_int_eq(response.status, 200);
        ck_assert_int_le((int)strtol(response_member(&response, "inside_max"), NULL, 10), 2);
        response_free(&response);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    server_stop(&server);
}
END_TEST

START_TEST(spares_stand_in_for_zombies_until_they_are_used_up) {
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.spare=2", "--set",
                                       "call.hold.timeout=50ms", "--set", "pool.demo.queue-timeout=" QUEUE_TIMEOUT);
    for (int i = 1; i <= 2; i++) {
        expect_status(&server, "/hold", 504);
        ck_assert_double_eq(server_stat(&server, "pools.demo.zombie_count"), i);
        expect_status(&server, "/noop", 200);
    }
    struct response ready = admin_request(&server, "GET", "/readyz");
    ck_assert_int_eq(ready.status, 200);
    response_free(&ready);
    expect_status(&server, "/hold", 504);
    int late = server_ask(&server, "/noop");
    expect_problem(late, 503, "queue-time", "queue");
    struct response stuck = admin_request(&server, "GET", "/readyz");
    ck_assert_int_eq(stuck.status, 503);
    ck_assert_ptr_nonnull(strstr(stuck.body, "zombies"));
    response_free(&stuck);
    int waiting = server_ask(&server, "/noop");
    server_open_gate(&server);
    response_expect(waiting, 200); /* capacity is back */
    ck_assert_int_eq(close(waiting), 0);
    server_await_stat(&server, "pools.demo.zombie_count", 0);
    server_await_stat(&server, "pools.demo.thread_count", 1);
    server_await_stat(&server, "pools.demo.zombies_ended", 3);
    server_stop(&server);
}
END_TEST

START_TEST(pool_that_loses_its_last_worker_is_logged_once_and_so_is_its_recovery) {
    enum { CLIENTS = 5 };
    int fds[CLIENTS];
    struct server server =
        SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.spare=1", "--set", "call.hold.timeout=50ms");
    expect_status(&server, "/hold", 504);
    expect_status(&server, "/noop", 200); /* by the spare */
    expect_status(&server, "/hold", 504);
    server_await_log(&server, "event=pool_stuck pool=demo zombies=2 spare=1 ");
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = server_ask(&server, "/noop");
    server_await_stat(&server, "pools.demo.queue_depth", CLIENTS);
    server_open_gate(&server);
    for (int i = 0; i < CLIENTS; i++) {
        response_expect(fds[i], 200);
        ck_assert_int_eq(close(fds[i]), 0);
    }
    server_await_log(&server, "event=pool_recovered pool=demo ");
    ck_assert_uint_eq(server_count_log(&server, "event=pool_stuck"), 1);
    ck_assert_uint_eq(server_count_log(&server, "event=pool_recovered"), 1);
    server_stop(&server);
}
END_TEST

START_TEST(spares_by_a_reload_are_a_recovery_too) {
    const struct server_options options = {.config =
                                               "[pool demo]\nworkers = 1\nspare = 0\n[call hold]\ntimeout = 50ms\n"};
    struct server server = server_start(&options);
    expect_status(&server, "/hold", 504);
    server_await_log(&server, "event=pool_stuck pool=demo zombies=1 spare=0 ");
    server_configure(&server, "[pool demo]\nworkers = 1\nspare = 1\n[call hold]\ntimeout = 50ms\n");
    struct response response = admin_request(&server, "POST", "/reload");
    ck_assert_int_eq(response.status, 200);
    response_free(&response);
    expect_status(&server, "/noop", 200);
    server_await_log(&server, "event=pool_recovered pool=demo zombies=1 ");
    server_stop(&server);
}
END_TEST

START_TEST(time_in_the_queue_is_not_taken_from_the_time_to_run) {
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "call.to-thread.timeout=1s");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    int fd = server_ask(&server, "/to-thread?ms=10");
    server_await_least(&server, "pools.demo.queue_oldest_us", 1100000);
    server_open_gate(&server);
    response_expect(held, 200);
    response_expect(fd, 200);
    ck_assert_int_eq(close(held), 0);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(job_is_either_started_or_expired_never_both) {
    enum { CLIENTS = 60, ROUNDS = 3 };
    int fds[CLIENTS];
    int done_count = 0;
    int expired_count = 0;
    /* one at a time every 5 ms or so, for 25 ms: the deadline falls where jobs are just being started */
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=2", "--set", "pool.demo.queue-timeout=25ms");
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client_connect(server.port);
    /* On a busy machine a whole round may come too late. */
    uint64_t begun_ms = clock_ms();
    for (int round = 0; round < ROUNDS || done_count == 0 || expired_count == 0; round++) {
        patience(begun_ms, "jobs that start and jobs that expire");
        for (int i = 0; i < CLIENTS; i++)
            client_put(fds[i], "GET /to-thread?ms=5 HTTP/1.1\r\nHost: t\r\n\r\n");
        for (int i = 0; i < CLIENTS; i++) {
            struct response response = response_read(fds[i]);
            if (response.status == 200) {
                done_count++;
            } else {
                response_check_problem(&response, 503, "queue-time");
                expired_count++;
            }
            response_free(&response);
        }
    }
    ck_assert_double_eq(server_stat(&server, "calls.to-thread.done"), done_count);
    ck_assert_double_eq(server_stat(&server, "calls.to-thread.expired_queue"), expired_count);
    ck_assert_double_eq(server_stat(&server, "calls.to-thread.run.count"), done_count);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(close(fds[i]), 0);
    server_stop(&server);
}
END_TEST

START_TEST(answer_and_deadline_in_a_race_give_one_answer) {
    enum { CLIENTS = 5, ROUNDS = 20 };
    int fds[CLIENTS];
    struct server server = SERVER_DEMO("--set", "call.to-thread.timeout=10ms", "--set", "pool.demo.spare=20");
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client_connect(server.port);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++)
            client_format(fds[i], "GET /to-thread?ms=%d HTTP/1.1\r\nHost: t\r\n\r\n", 8 + i);
        for (int i = 0; i < CLIENTS; i++) {
            struct response response = response_read(fds[i]);
            ck_assert_msg(response.status == 200 || response.status == 504, "%s", response.head);
            response_free(&response);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert(!client_wait(fds[i], 0));
        ck_assert_int_eq(close(fds[i]), 0);
    }
    server_stop(&server);
}
END_TEST

START_TEST(client_that_left_does_not_free_the_worker_of_its_call) {
    struct server server =
        SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.spare=0", "--set",
                    "call.hold.timeout=" HOLD_TIMEOUT, "--set", "pool.demo.queue-timeout=" QUEUE_TIMEOUT);
    int fd = server_ask(&server, "/hold");
    server_await_inside(&server, 1);
    ck_assert_int_eq(close(fd), 0);
    server_await_stat(&server, "calls.hold.expired_run", 1);
    int late = server_ask(&server, "/noop");
    expect_problem(late, 503, "queue-time", "queue");
    ck_assert_double_eq(server_stat(&server, "pools.demo.zombie_count"), 1);
    server_open_gate(&server);
    expect_status(&server, "/noop", 200);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        call_beyond_its_time_is_a_zombie_until_it_returns,
        call_of_limit_one_is_never_entered_twice_even_after_its_time,
        limit_holds_under_a_flood,
        spares_stand_in_for_zombies_until_they_are_used_up,
        pool_that_loses_its_last_worker_is_logged_once_and_so_is_its_recovery,
        spares_by_a_reload_are_a_recovery_too,
        time_in_the_queue_is_not_taken_from_the_time_to_run,
        job_is_either_started_or_expired_never_both,
        answer_and_deadline_in_a_race_give_one_answer,
        client_that_left_does_not_free_the_worker_of_its_call,
    };
    return suite_run("deadlines", tests, sizeof tests / sizeof *tests);
}

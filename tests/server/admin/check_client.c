/*
 * The command line's client: against a real admin plane, and against what may listen there instead.
 */
#include "plane.h"
#include "../../../server/admin/client.h"
#include "../../../server/json.h"
#include <pthread.h>

static struct plane plane;

/* What a run of the client has printed. */
static struct {
    int status;
    char *out;
    char *err;
} run;

static void free_run(void) {
    free(run.out);
    free(run.err);
    run.out = run.err = NULL;
}

static void run_at(const char *command, const char *address, bool is_json) {
    size_t out_size, err_size;
    FILE *out, *err;

    free_run();
    out = open_memstream(&run.out, &out_size);
    err = open_memstream(&run.err, &err_size);
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(err);
    run.status = client_run(command, address, is_json, out, err);
    fclose(out);
    fclose(err);
}

static void run_client(const char *command, bool is_json) {
    char address[32];

    snprintf(address, sizeof address, "127.0.0.1:%d", admin_port(plane.admin));
    run_at(command, address, is_json);
}

static void setup(void) {
    plane_start(&plane);
}

static void teardown(void) {
    free_run();
    plane_stop(&plane);
}

/* -- something else on the port -- */

struct impostor {
    pthread_t thread;
    int fd;
    const char *answer;
    size_t size;
};

static void *answer_once(void *context) {
    struct impostor *impostor = context;
    int fd = accept(impostor->fd, NULL, NULL);
    char request[4096];

    if (fd < 0)
        return NULL;
    if (recv(fd, request, sizeof request, 0) > 0)
        (void)!send(fd, impostor->answer, impostor->size, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void run_against(const char *command, const char *answer, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof address;
    struct impostor impostor = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .answer = answer, .size = size};
    char text[32];

    ck_assert_int_ge(impostor.fd, 0);
    ck_assert_int_eq(bind(impostor.fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(impostor.fd, 1), 0);
    ck_assert_int_eq(getsockname(impostor.fd, (struct sockaddr *)&address, &address_size), 0);
    ck_assert_int_eq(pthread_create(&impostor.thread, NULL, answer_once, &impostor), 0);
    snprintf(text, sizeof text, "localhost:%d", ntohs(address.sin_port));
    run_at(command, text, false);
    ck_assert_int_eq(pthread_join(impostor.thread, NULL), 0);
    close(impostor.fd);
}

START_TEST(nobody_there_is_an_error_with_the_reason) {
    struct sockaddr_in bound = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof bound;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* doesn't listen, and keeps the port from others */
    char address[32];

    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&bound, sizeof bound), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&bound, &size), 0);
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(bound.sin_port));
    run_at("status", address, false);
    close(fd);
    ck_assert_int_eq(run.status, 1);
    ck_assert_str_eq(run.out, "");
    ck_assert_msg(strstr(run.err, "Connection refused") && strstr(run.err, address), "%s", run.err);
}
END_TEST

START_TEST(addresses_and_commands_that_are_none_are_errors) {
    static const char *const addresses[] = {"", "127.0.0.1", "[::1]:9090", "unix:/x", "example.org:80", "127.0.0.1:x"};

    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        run_at("status", addresses[i], false);
        ck_assert_int_eq(run.status, 1);
        ck_assert_str_ne(run.err, "");
    }
    run_client("explode", false);
    ck_assert_int_eq(run.status, 1);
    ck_assert_ptr_nonnull(strstr(run.err, "explode"));
}
END_TEST

START_TEST(answers_of_something_else_are_errors) {
    static const char *const answers[] = {
        "",
        "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\n\r\n{}",
        "HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 2\r\n\r\n{}",
    };

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        run_against("status", answers[i], strlen(answers[i]));
        ck_assert_msg(run.status == 1 && run.err[0] && !run.out[0], "%s: %d %s %s", answers[i], run.status, run.out,
                      run.err);
        if (strstr(answers[i], "302") || strstr(answers[i], "404"))
            continue;
        run_against("reload", answers[i], strlen(answers[i]));
        ck_assert_msg(run.status == (strstr(answers[i], "nope") ? 0 : 1), "%s", answers[i]);
    }
}
END_TEST

/* A whole answer with that body. */
static void run_against_body(const char *command, int status, const char *body) {
    struct text answer = {0};

    text_format(&answer, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    run_against(command, answer.data, answer.size);
    text_deinit(&answer);
}

START_TEST(members_that_are_missing_or_of_another_kind_show_as_nothing) {
    static const char *const bodies[] = {
        "null", "5", "[]", "{}", "[[[]]]", "{\"pools\":[1],\"loop\":1,\"calls\":{}}", "{\"calls\":[1,null,{}]}"};

    run_against_body("status", 200,
                     "{\"pools\":{\"db\":{\"done\":\"x\",\"failed\":-5,\"queue_depth\":[]}},\"loop\":1234}");
    ck_assert_msg(run.status == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "\ndb "));
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        run_against_body("status", 200, bodies[i]);
        ck_assert_msg(run.status == 0, "%s: %s", bodies[i], run.err);
        run_against_body("calls", 200, bodies[i]);
        ck_assert_msg(run.status == 0, "%s: %s", bodies[i], run.err);
    }
}
END_TEST

START_TEST(bytes_that_a_terminal_obeys_are_not_printed) {
    run_against_body("calls", 200,
                     "{\"calls\":[{\"call\":\"\\u001b[31mred\",\"id\":\"\\u001b]0;title\\u0007\",\"pool\":\"\"}]}");
    ck_assert_msg(run.status == 0, "%s", run.err);
    ck_assert(!strchr(run.out, '\x1b') && !strchr(run.out, '\a'));
    ck_assert_ptr_nonnull(strstr(run.out, "?[31mred"));
    run_against_body("reload", 422, "a\x1b[2Jb\x7f\r\n");
    ck_assert_int_eq(run.status, 1);
    ck_assert_str_eq(run.err, "a?[2Jb??\n");
}
END_TEST

/* -- a real plane -- */

START_TEST(status_shows_pools_loop_and_connections) {
    plane_submit(&plane, 0, "query", "id-0", 0);
    gate_await(&plane.gate, 1);
    stat_set(&plane.front.connections, 77);
    run_client("status", false);
    ck_assert_msg(run.status == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "tothread 1.2.3-test, ready"));
    ck_assert_ptr_nonnull(strstr(run.out, "77 open"));
    ck_assert_msg(strstr(run.out, "\ndb                    2      1      1        0         0/10"), "%s", run.out);
    ck_assert_ptr_nonnull(strstr(run.out, "\nidle "));
    ck_assert_ptr_null(strstr(run.out, "STALLED"));

    atomic_store(&plane.beacon.doing, "rude");
    stat_set(&plane.beacon.busy_since_us, page_now_us() - 30000000);
    run_client("status", false);
    ck_assert_msg(strstr(run.out, "STALLED for 3") && strstr(run.out, "by rude"), "%s", run.out);
}
END_TEST

START_TEST(json_prints_the_answer_as_it_came) {
    struct json_error error;
    struct json *json;

    for (int i = 0; i < 2; i++) {
        run_client(i == 0 ? "status" : "calls", true);
        ck_assert_int_eq(run.status, 0);
        json = json_parse(run.out, strlen(run.out), &error);
        ck_assert_msg(json, "%s", error.text);
        ck_assert_ptr_nonnull(json_member(json, "calls"));
        json_free(json);
    }
}
END_TEST

START_TEST(calls_lists_what_is_in_flight) {
    run_client("calls", false);
    ck_assert_int_eq(run.status, 0);
    ck_assert_str_eq(run.out, "nothing is in flight\n");
    plane_submit(&plane, 0, "query", "id-0", 0);
    gate_await(&plane.gate, 1);
    run_client("calls", false);
    ck_assert_int_eq(run.status, 0);
    ck_assert_msg(strstr(run.out, "\nquery ") && strstr(run.out, "running") && strstr(run.out, "id-0"), "%s", run.out);
}
END_TEST

START_TEST(drain_and_reload_reach_the_service) {
    run_client("drain", false);
    ck_assert_msg(run.status == 0, "%s", run.err);
    ck_assert_uint_eq(plane.drain_count, 1);
    ck_assert_ptr_nonnull(strstr(run.out, "draining"));

    plane.reload_text = "pool db: workers 2 -> 4\n";
    run_client("reload", false);
    ck_assert_int_eq(run.status, 0);
    ck_assert_str_eq(run.out, "pool db: workers 2 -> 4\n");

    plane.reload_text = "t.conf:1:1: error: \"x\"\n";
    plane.reload_status = 422;
    run_client("reload", false);
    ck_assert_int_eq(run.status, 1);
    ck_assert_str_eq(run.out, "");
    ck_assert_str_eq(run.err, "t.conf:1:1: error: \"x\"\n");
    run_client("reload", true);
    ck_assert_int_eq(run.status, 1);
    ck_assert_str_eq(run.out, "{\"status\":422,\"text\":\"t.conf:1:1: error: \\\"x\\\"\\n\"}\n");
    ck_assert_uint_eq(plane.reload_count, 3);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("client");
    TCase *cases = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 90);
    tcase_add_test(cases, nobody_there_is_an_error_with_the_reason);
    tcase_add_test(cases, addresses_and_commands_that_are_none_are_errors);
    tcase_add_test(cases, answers_of_something_else_are_errors);
    tcase_add_test(cases, members_that_are_missing_or_of_another_kind_show_as_nothing);
    tcase_add_test(cases, bytes_that_a_terminal_obeys_are_not_printed);
    tcase_add_test(cases, status_shows_pools_loop_and_connections);
    tcase_add_test(cases, json_prints_the_answer_as_it_came);
    tcase_add_test(cases, calls_lists_what_is_in_flight);
    tcase_add_test(cases, drain_and_reload_reach_the_service);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

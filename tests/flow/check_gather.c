/* Gather: several calls at once, one answer. */
#include "../support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_member(const struct response *response, const char *path, const char *value) {
    const char *found = response_member(response, path);
    ck_assert_msg(found != NULL && strcmp(found, value) == 0, "%s is %s, not %s, in: %s", path,
                  found != NULL ? found : "absent", value, response->body);
}

/* -- what is refused -- */

struct mistake {
    const char *body;
    const char *pointer;
    const char *detail; /* a part of it */
};

START_TEST(mistakes_are_422_with_a_pointer_into_the_body) {
    static const struct mistake table[] = {
        {"[]", "", "the body is"},
        {"{}", "", "the body is"},
        {"{\"calls\":{}}", "", "the body is"},
        {"{\"calls\":[],\"return_exceptions\":1}", "", "return_exceptions"},
        {"{\"calls\":[],\"more\":1}", "", "nothing else"},
        {"{\"calls\":[1]}", "/calls/0", "an item is"},
        {"{\"calls\":[{\"call\":\"noop\"},{\"args\":{}}]}", "/calls/1", "an item is"},
        {"{\"calls\":[{\"call\":7}]}", "/calls/0", "an item is"},
        {"{\"calls\":[{\"call\":\"noop\",\"arg\":{}}]}", "/calls/0", "no others"},
        {"{\"calls\":[{\"call\":\"noop\",\"args\":[]}]}", "/calls/0", "args is an object"},
        {"{\"calls\":[{\"call\":\"noop\"},{\"call\":\"nothing\"}]}", "/calls/1", "no call of this name"},
        {"{\"calls\":[{\"call\":\"echo\"}]}", "/calls/0", "raw body"},
        {"{\"calls\":[{\"call\":\"noop\"},{\"call\":\"to-thread\",\"args\":{\"ms\":\"1\"}}]}", "/calls/1/args/ms",
         "must be"},
        {"{\"calls\":[{\"call\":\"to-thread\",\"args\":{\"a/b\":1}}]}", "/calls/0/args/a~1b", "no such parameter"},
    };
    struct server server = server_start_demo(NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct response response = server_post(&server, "/gather", table[i].body);
        response_check_problem(&response, 422, "arguments");
        expect_member(&response, "errors.0.pointer", table[i].pointer);
        const char *detail = response_member(&response, "errors.0.detail");
        ck_assert_msg(strstr(detail, table[i].detail) != NULL, "row %zu: %s", i, detail);
        response_free(&response);
    }
    struct response query = server_post(&server, "/gather?x=1", "{\"calls\":[]}");
    response_check_problem(&query, 422, "arguments");
    response_free(&query);
    ck_assert_double_eq(server_stat(&server, "pools.demo.submitted"), 0); /* all of it is right, or nothing runs */
    server_stop(&server);
}
END_TEST

static void format_noops(char *text, size_t capacity, int count) {
    size_t size = (size_t)snprintf(text, capacity, "{\"calls\":[");
    for (int i = 0; i < count; i++)
        size += (size_t)snprintf(text + size, capacity - size, "%s{\"call\":\"noop\"}", i > 0 ? "," : "");
    (void)snprintf(text + size, capacity - size, "]}");
}

START_TEST(sixty_four_calls_are_the_most_and_none_is_fine) {
    static char text[4096];
    struct server server = server_start_demo(NULL);
    format_noops(text, sizeof text, 65);
    struct response many = server_post(&server, "/gather", text);
    response_check_problem(&many, 422, "arguments");
    expect_member(&many, "errors.0.pointer", "/calls");
    response_free(&many);
    format_noops(text, sizeof text, 64);
    struct response most = server_post(&server, "/gather", text);
    ck_assert_int_eq(most.status, 200);
    expect_member(&most, "results.63.status", "200");
    ck_assert_ptr_null(response_member(&most, "results.64"));
    response_free(&most);
    struct response none = server_post(&server, "/gather", "{\"calls\":[]}");
    ck_assert_int_eq(none.status, 200);
    ck_assert_str_eq(none.body, "{\"results\":[]}\n");
    response_free(&none);
    server_stop(&server);
}
END_TEST

/* -- what is answered -- */

START_TEST(results_stand_in_the_order_of_the_arguments) {
    struct server server = server_start_demo(NULL);
    struct response response = server_post(&server, "/gather",
                                           "{\"calls\":[{\"call\":\"to-thread\",\"args\":{\"ms\":60}},"
                                           "{\"call\":\"inline\"},{\"call\":\"async\",\"args\":{\"ms\":30}},"
                                           "{\"call\":\"to-thread\",\"args\":{\"ms\":5}},{\"call\":\"file\"}]}");
    ck_assert_msg(response.status == 200, "%s", response.body);
    ck_assert_str_eq(response_header(&response, "Content-Type"), "application/json");
    expect_member(&response, "results.0.body.ms", "60");
    expect_member(&response, "results.1.body.ok", "true");
    expect_member(&response, "results.2.body.ms", "30");
    expect_member(&response, "results.3.body.ms", "5");
    expect_member(&response, "results.4.type", "application/octet-stream");
    ck_assert_ptr_null(response_member(&response, "results.5"));
    response_free(&response);
    server_stop(&server);
}
END_TEST

static const char mixed[] = "{\"calls\":[{\"call\":\"noop\"},{\"call\":\"fail\",\"args\":{\"status\":409}},"
                            "{\"call\":\"fail\"},{\"call\":\"inline\"}],\"return_exceptions\":%s}";

START_TEST(exceptions_are_results_where_that_is_asked_for) {
    char text[256];
    struct server server = server_start_demo(NULL);
    (void)snprintf(text, sizeof text, mixed, "true"); /* fits */
    struct response response = server_post(&server, "/gather", text);
    ck_assert_int_eq(response.status, 200);
    expect_member(&response, "results.0.status", "200");
    expect_member(&response, "results.1.status", "409");
    expect_member(&response, "results.1.problem.type", "urn:tothread:problem:call-failed");
    expect_member(&response, "results.1.problem.call", "fail");
    expect_member(&response, "results.1.problem.id", response_header(&response, "X-Request-Id"));
    expect_member(&response, "results.2.status", "500");
    expect_member(&response, "results.3.body.ok", "true");
    response_free(&response);
    server_stop(&server);
}
END_TEST

START_TEST(first_exception_is_the_answer_otherwise) {
    char text[256];
    struct server server = server_start_demo(NULL);
    (void)snprintf(text, sizeof text, mixed, "false"); /* fits */
    struct response response = server_post(&server, "/gather", text);
    response_check_problem(&response, 409, "call-failed");
    response_free(&response);
    struct response unsaid = server_post(&server, "/gather", "{\"calls\":[{\"call\":\"noop\"},{\"call\":\"fail\"}]}");
    response_check_problem(&unsaid, 500, "call-failed");
    response_free(&unsaid);
    server_stop(&server);
}
END_TEST

START_TEST(configured_gather_takes_as_long_as_its_slowest_call) {
    struct server server = server_start_demo(NULL);
    uint64_t took_ms = UINT64_MAX;
    /* One after the other would take 900 ms each time; a busy machine only now and then. */
    for (uint64_t first_ms = clock_ms(); took_ms >= 850;) {
        patience(first_ms, "a gather that takes less than the sum");
        uint64_t begun_ms = clock_ms();
        struct response response = server_get(&server, "/gather");
        took_ms = clock_ms() - begun_ms;
        ck_assert_int_eq(response.status, 200);
        expect_member(&response, "results.0.body.ms", "400");
        expect_member(&response, "results.1.body.ms", "500");
        ck_assert_uint_ge(took_ms, 499);
        double queue_ms, run_ms;
        ck_assert_int_eq(
            sscanf(response_header(&response, "Server-Timing"), "queue;dur=%lf, run;dur=%lf", &queue_ms, &run_ms), 2);
        ck_assert_double_ge(run_ms, 500);
        response_free(&response);
    }
    int fd = client_connect(server.port);
    client_put(fd, "HEAD /gather HTTP/1.1\r\nHost: t\r\n\r\n");
    struct response head = response_read_head(fd);
    ck_assert_int_eq(head.status, 200);
    response_free(&head);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

/* -- limits and deadlines, item by item -- */

START_TEST(items_that_find_no_room_are_refused_alone) {
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1", "--set", "pool.demo.queue=1");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    static const char body[] = "{\"calls\":[{\"call\":\"noop\"},{\"call\":\"noop\"},{\"call\":\"inline\"}],"
                               "\"return_exceptions\":true}";
    int fd = client_connect(server.port);
    client_format(fd, "POST /gather HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
    server_await_stat(&server, "pools.demo.refused_full", 1);
    ck_assert(!client_wait(fd, 0));
    server_open_gate(&server);
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    expect_member(&response, "results.0.status", "200");
    expect_member(&response, "results.1.status", "503");
    expect_member(&response, "results.1.problem.type", "urn:tothread:problem:queue-full");
    expect_member(&response, "results.2.status", "200");
    response_free(&response);
    response_expect(held, 200);
    ck_assert_int_eq(close(held), 0);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(deadline_of_the_client_ends_what_still_runs_and_keeps_the_rest) {
    static const char body[] = "{\"calls\":[{\"call\":\"hold\"},{\"call\":\"noop\"}],\"return_exceptions\":true}";
    struct server server = SERVER_DEMO("--set", "call.hold.timeout=none");
    int fd = client_connect(server.port);
    client_format(fd, "POST /gather HTTP/1.1\r\nHost: t\r\nPrefer: wait=2\r\nContent-Length: %zu\r\n\r\n%s",
                  sizeof body - 1, body);
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    expect_member(&response, "results.0.status", "504");
    expect_member(&response, "results.0.problem.clock", "run");
    expect_member(&response, "results.1.status", "200");
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(timeout_of_a_configured_gather_counts_for_all_of_it) {
    const struct server_options options = {.config = "[gather gather]\ncalls = noop, hold\ntimeout = 2s\n"};
    struct server server = server_start(&options);
    uint64_t begun_ms = clock_ms();
    struct response response = server_get(&server, "/gather");
    ck_assert_uint_ge(clock_ms() - begun_ms, 1999);
    response_check_problem(&response, 504, "run-time");
    expect_member(&response, "call", "hold");
    response_free(&response);
    server_stop(&server);
}
END_TEST

START_TEST(gather_of_a_client_that_left_is_taken_back) {
    static const char body[] = "{\"calls\":[{\"call\":\"who\"},{\"call\":\"who\"},{\"call\":\"who\"}]}";
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    int fd = client_connect(server.port);
    client_format(fd, "POST /gather HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
    server_await_stat(&server, "pools.demo.queue_depth", 3);
    ck_assert_int_eq(close(fd), 0);
    server_await_stat(&server, "calls.who.cancelled", 3);
    server_open_gate(&server);
    response_expect(held, 200);
    ck_assert_int_eq(close(held), 0);
    ck_assert_double_eq(server_stat(&server, "calls.who.done"), 0);
    server_stop(&server);
}
END_TEST

START_TEST(gather_of_a_client_that_left_while_a_part_ran_ends_tidily) {
    static const char body[] = "{\"calls\":[{\"call\":\"hold\"},{\"call\":\"who\"},{\"call\":\"big\"}]}";
    struct server server = SERVER_DEMO("--set", "pool.demo.workers=1");
    int fd = client_connect(server.port);
    client_format(fd, "POST /gather HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
    server_await_stat(&server, "pools.demo.busy_count", 1);
    ck_assert_int_eq(close(fd), 0);
    server_await_stat(&server, "calls.who.cancelled", 1);
    server_await_stat(&server, "calls.big.cancelled", 1);
    server_stop(&server);
}
END_TEST

/** Waits until the service holds no more than that. */
static void await_resident(const struct server *server, size_t most) {
    for (uint64_t begun_ms = clock_ms(); server_resident_bytes(server) > most;)
        patience(begun_ms, "memory to be given back");
}

/* All of it used to be held until the last call had ended, and then refused: here that one ends when the gate opens. */
START_TEST(answers_that_are_too_large_together_are_not_collected) {
    enum { BIG_ITEMS = 63, MIB = 1024 * 1024 };
    static char body[4096];
    struct server server = SERVER_DEMO("--set", "server.max-answer=8MiB");
    size_t size = (size_t)snprintf(body, sizeof body, "{\"return_exceptions\":true,\"calls\":[{\"call\":\"hold\"}");
    for (int i = 0; i < BIG_ITEMS; i++)
        size += (size_t)snprintf(body + size, sizeof body - size, ",{\"call\":\"big\",\"args\":{\"mib\":7}}");
    size += (size_t)snprintf(body + size, sizeof body - size, "]}"); /* fits */
    size_t before = server_resident_bytes(&server);
    int fd = client_connect(server.port);
    client_format(fd, "POST /gather HTTP/1.1\r\nHost: t\r\nContent-Length: %zu\r\n\r\n%s", size, body);
    server_await_stat(&server, "calls.big.done", BIG_ITEMS);
    if (PROGRAM_SLOWNESS == 1)                         /* sanitizers keep what was freed */
        await_resident(&server, before + 200ul * MIB); /* of 441 */
    server_open_gate(&server);
    struct response response = response_read(fd);
    response_check_problem(&response, 500, "internal");
    ck_assert_ptr_nonnull(strstr(response_member(&response, "detail"), "max-answer"));
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    struct response other = server_post(&server, "/gather", "{\"calls\":[{\"call\":\"big\",\"args\":{\"mib\":2}}]}");
    ck_assert_int_eq(other.status, 200);
    response_free(&other);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        mistakes_are_422_with_a_pointer_into_the_body,
        sixty_four_calls_are_the_most_and_none_is_fine,
        results_stand_in_the_order_of_the_arguments,
        exceptions_are_results_where_that_is_asked_for,
        first_exception_is_the_answer_otherwise,
        configured_gather_takes_as_long_as_its_slowest_call,
        items_that_find_no_room_are_refused_alone,
        deadline_of_the_client_ends_what_still_runs_and_keeps_the_rest,
        timeout_of_a_configured_gather_counts_for_all_of_it,
        gather_of_a_client_that_left_is_taken_back,
        gather_of_a_client_that_left_while_a_part_ran_ends_tidily,
        answers_that_are_too_large_together_are_not_collected,
    };
    return suite_run("gather", tests, sizeof tests / sizeof *tests);
}

/* Command: the program without a server, beside one, and wrongly used. */
#include "../support/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void expect_text(const char *text, const char *wanted) {
    ck_assert_msg(strstr(text, wanted) != NULL, "no \"%s\" in: %s", wanted, text);
}

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL})

/** Binds a port and doesn't listen. Returns: the socket. */
static int take_port(int *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

START_TEST(call_runs_once_without_a_server) {
    struct output output = RUN("call", "noop", "{}", "--demo", "-c", "/dev/null");
    ck_assert_int_eq(output.status, 0);
    ck_assert_str_eq(output.out, "{\"ok\":true,\"ms\":0}\n");
    output_free(&output);
    output = RUN("call", "to-thread", "{\"ms\":3}", "--demo", "-c", "/dev/null");
    ck_assert_int_eq(output.status, 0);
    ck_assert_str_eq(output.out, "{\"ok\":true,\"ms\":3}\n");
    output_free(&output);
    output = RUN("call", "to-thread", "{\"ms\":\"3\"}", "--demo", "-c", "/dev/null");
    ck_assert_int_eq(output.status, 64);
    ck_assert_str_eq(output.out, "");
    expect_text(output.err, "/ms: must be");
    output_free(&output);
    output = RUN("call", "upload", "hello", "--demo", "-c", "/dev/null"); /* its body; else it reads the input */
    ck_assert_str_eq(output.out, "{\"bytes\":5,\"fnv1a\":\"a430d84680aabd0b\"}\n");
    output_free(&output);
    output = RUN("call", "stream", "{\"mib\":0}", "--demo", "-c", "/dev/null");
    ck_assert_int_eq(output.status, 0);
    ck_assert_str_eq(output.out, "");
    output_free(&output);
    output = RUN("call", "nothing", "--demo", "-c", "/dev/null");
    ck_assert_int_eq(output.status, 1);
    expect_text(output.err, "there is no call \"nothing\"");
    output_free(&output);
    output = RUN("call", "host", "{\"name\":\"not a name\"}", "--demo", "-c", "/dev/null");
    ck_assert_int_eq(output.status, 1);
    expect_text(output.err, "call host failed (422)");
    output_free(&output);
}
END_TEST

START_TEST(arguments_that_dont_fit_exit_64_and_say_where) {
    static const char *const rows[][3] = {
        {"noop", "{", "no valid JSON: line 1"},
        {"noop", "[]", "must be a JSON object"},
        {"noop", "{\"x\":1}", "/x: no such parameter"},
        {"to-thread", "{\"ms\":-1}", "/ms: must be from 0"},
        {"host", "{}", "/name: "},
        {"host", "{\"name\":\"a\",\"name\":\"b\"}", "no valid JSON"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct output output = RUN("call", rows[i][0], rows[i][1], "--demo", "-c", "/dev/null");
        ck_assert_msg(output.status == 64, "row %zu: %d %s", i, output.status, output.err);
        ck_assert_str_eq(output.out, "");
        expect_text(output.err, rows[i][2]);
        output_free(&output);
    }
}
END_TEST

START_TEST(wrong_usage_exits_64_and_says_in_a_line_what_would_be_right) {
    static const char *const rows[][4] = {
        {"see: tothread help", "--nothing"},
        {"see: tothread help", "-x"},
        {"see: tothread help", "top"},
        {"try: tothread serve --demo"},
        {"did you mean \"serve\"?", "serv"},
        {"did you mean \"status\"?", "stats"},
        {"did you mean --demo?", "serve", "--dem"},
        {"see: tothread help serve", "serve", "--nothing"},
        {"--set SECTION.KEY=VALUE", "serve", "--set"},
        {"usage: tothread serve", "serve", "more"},
        {"usage: tothread call NAME", "call"},
        {"see: tothread help check", "check", "--json"},
        {"see: tothread help status", "status", "--demo"},
        {"127.0.0.1:9090", "status", "--admin", "nowhere"},
        {"see: tothread help", "help", "nothing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *args[4] = {rows[i][1], rows[i][2], rows[i][3], NULL};
        struct output output = program_run(args);
        ck_assert_msg(output.status == 64, "row %zu: %d %s", i, output.status, output.err);
        ck_assert_str_eq(output.out, "");
        ck_assert_int_eq(strncmp(output.err, "tothread: ", 10), 0);
        ck_assert_uint_eq(strcspn(output.err, "\n"), strlen(output.err) - 1); /* one line */
        expect_text(output.err, rows[i][0]);
        output_free(&output);
    }
}
END_TEST

START_TEST(help_and_version_are_printed_and_nothing_else_is_done) {
    static const char *const commands[] = {"serve", "check", "config", "call",    "status",
                                           "calls", "drain", "reload", "version", "help"};
    struct output all = RUN("--help");
    ck_assert_int_eq(all.status, 0);
    ck_assert_str_eq(all.err, "");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char usage[64];
        (void)snprintf(usage, sizeof usage, "Usage: tothread %s", commands[i]); /* fits */
        expect_text(all.out, commands[i]);
        struct output by_name = RUN("help", commands[i]);
        struct output by_option = RUN(commands[i], "--help");
        ck_assert_int_eq(by_name.status + by_option.status, 0);
        if (strcmp(commands[i], "help") != 0) {
            ck_assert_str_eq(by_name.out, by_option.out);
            expect_text(by_name.out, usage);
        }
        output_free(&by_name);
        output_free(&by_option);
    }
    output_free(&all);
    struct output version = RUN("--version");
    struct output word = RUN("version");
    ck_assert_int_eq(version.status + word.status, 0);
    ck_assert_int_eq(strncmp(version.out, "tothread ", 9), 0);
    ck_assert_str_eq(version.out, word.out);
    output_free(&version);
    output_free(&word);
}
END_TEST

/* -- a service that runs, and none -- */

START_TEST(demo_says_what_to_try_with_the_ports_that_it_has) {
    char path[] = "/tmp/tothread-out-XXXXXX";
    char line[96];
    int fd = mkostemp(path, O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    const struct server_options options = {.child.out_path = path};
    struct server server = server_start(&options);
    char *text = file_read(path);
    (void)snprintf(line, sizeof line, "curl 'http://127.0.0.1:%d/to-thread?ms=500' ", server.port); /* fits */
    expect_text(text, line);
    (void)snprintf(line, sizeof line, "curl 'http://127.0.0.1:%d/metrics' ", server.admin_port); /* fits */
    expect_text(text, line);
    free(text);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(unlink(path), 0);
    server_stop(&server);
}
END_TEST

START_TEST(nobody_to_ask_exits_1) {
    static const char *const commands[] = {"status", "calls", "drain", "reload"};
    char nobody[32];
    int port;
    int taken = take_port(&port); /* bound, and nobody listens: no other process can have it meanwhile */
    (void)snprintf(nobody, sizeof nobody, "127.0.0.1:%d", port); /* fits */
    for (size_t i = 0; i < sizeof commands / sizeof *commands * 2; i++) {
        const char *args[] = {commands[i / 2], "--admin", nobody, i % 2 != 0 ? "--json" : NULL, NULL};
        struct output output = program_run(args);
        ck_assert_int_eq(output.status, 1);
        ck_assert_str_eq(output.out, "");
        expect_text(output.err, "tothread: can't ask the service at 127.0.0.1:");
        output_free(&output);
    }
    ck_assert_int_eq(close(taken), 0);
}
END_TEST

START_TEST(running_service_tells_how_it_is_and_takes_orders) {
    char admin[32];
    struct server server = server_start_demo(NULL);
    (void)snprintf(admin, sizeof admin, "127.0.0.1:%d", server.admin_port); /* fits */
    struct output output = RUN("calls", "--admin", admin);
    ck_assert_int_eq(output.status, 0);
    ck_assert_str_eq(output.out, "nothing is in flight\n");
    output_free(&output);
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "calls.hold.in_flight", 1);
    output = RUN("calls", "--admin", admin);
    ck_assert_int_eq(output.status, 0);
    expect_text(output.out, "\nhold ");
    output_free(&output);
    output = RUN("calls", "--json", "--admin", admin);
    ck_assert_int_eq(output.status, 0);
    ck_assert_int_eq(output.out[0], '{');
    expect_text(output.out, "\"hold\"");
    output_free(&output);
    output = RUN("status", "--admin", admin);
    ck_assert_int_eq(output.status, 0);
    expect_text(output.out, ", ready, up ");
    expect_text(output.out, "\ndemo ");
    output_free(&output);
    output = RUN("reload", "--admin", admin);
    ck_assert_msg(output.status == 0, "%s%s", output.out, output.err);
    output_free(&output);
    server_configure(&server, "[server]\ndrain = soon\n");
    output = RUN("reload", "--admin", admin);
    ck_assert_int_eq(output.status, 1);
    ck_assert_str_eq(output.out, "");
    expect_text(output.err, "tothread.conf:2:9: drain: ");
    output_free(&output);
    server_configure(&server, "");
    output = RUN("drain", "--admin", admin);
    ck_assert_int_eq(output.status, 0);
    expect_text(output.out, "draining");
    output_free(&output);
    ck_assert(program_is_running(server.pid)); /* a call is inside */
    server_open_gate(&server);
    response_expect(held, 200);
    ck_assert_int_eq(close(held), 0);
    server_ended(&server, 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        call_runs_once_without_a_server,
        arguments_that_dont_fit_exit_64_and_say_where,
        wrong_usage_exits_64_and_says_in_a_line_what_would_be_right,
        help_and_version_are_printed_and_nothing_else_is_done,
        demo_says_what_to_try_with_the_ports_that_it_has,
        nobody_to_ask_exits_1,
        running_service_tells_how_it_is_and_takes_orders,
    };
    return suite_run("command", tests, sizeof tests / sizeof *tests);
}

/* Configuration from the command line: what is wrong is shown, all of it, and nothing is served with it. */
#include "../support/server.h"

#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char config[96];

static void setup_folder(void) {
    static const char pattern[] = "/tmp/tothread-cli-XXXXXX";
    memcpy(folder, pattern, sizeof pattern);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(config, sizeof config, "%s/tothread.conf", folder); /* fits */
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_folder(void) {
    ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void write_drop_in(const char *name, const char *text) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/conf.d/%s", folder, name); /* fits */
    file_write(path, text);
}

static void expect_text(const char *text, const char *wanted) {
    ck_assert_msg(strstr(text, wanted) != NULL, "no \"%s\" in: %s", wanted, text);
}

#define RUN(...) program_run((const char *const[]){__VA_ARGS__, NULL})

struct mistake {
    const char *place; /* ":line:column: " and the message's beginning */
    const char *shown; /* the line as it is shown, and the caret below */
};

/* One mistake of each kind. */
static const char ten_lines[] = "[server]\n"
                                "listn = 127.0.0.1:0\n"
                                "listen = 127.0.0.1:99999\n"
                                "drain = 10\n"
                                "[pool demo]\n"
                                "workers = -1\n"
                                "queue = 0\n"
                                "isolation = process\n"
                                "[pol x]\n"
                                "[module demo]\n"
                                "path = demo\n"
                                "[call a]\n"
                                "module = dem\n"
                                "limit = many\n"
                                "[call a]\n"
                                "module\n";

static const struct mistake ten_mistakes[] = {
    {":2:1: [server] has no key \"listn\"", "    2 | listn = 127.0.0.1:0\n      | ^~~~~\n"},
    {":3:10: listen: ", "    3 | listen = 127.0.0.1:99999\n      |          ^~~~~~~~~~~~~~~\n"},
    {":4:9: drain: time \"10\" has no unit", "    4 | drain = 10\n      |         ^~\n"},
    {":6:11: workers: -1 is out of range", "    6 | workers = -1\n      |           ^~\n"},
    {":7:9: queue: 0 is out of range", "    7 | queue = 0\n      |         ^\n"},
    {":8:13: isolation = process is not available", "    8 | isolation = process\n      |             ^~~~~~~\n"},
    {":9:2: there is no section [pol]", "    9 | [pol x]\n      |  ^~~\n"},
    {":13:10: there is no [module dem]", "   13 | module = dem\n      |          ^~~\n"},
    {":14:9: limit: \"many\" is not a whole number", "   14 | limit = many\n      |         ^~~~\n"},
    {":15:7: the section [call a] stands twice", "   15 | [call a]\n      |       ^\n"},
    {":16:", "   16 | module\n      | "},
};

static void expect_mistakes(const char *err, const struct mistake *mistakes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char place[160];
        (void)snprintf(place, sizeof place, "%s%s", config, mistakes[i].place); /* fits */
        expect_text(err, place);
        expect_text(err, mistakes[i].shown);
    }
}

START_TEST(ten_mistakes_give_ten_messages_with_their_places) {
    setup_folder();
    file_write(config, ten_lines);
    struct output output = RUN("check", "-c", config);
    ck_assert_int_eq(output.status, 78);
    ck_assert_str_eq(output.out, "");
    expect_mistakes(output.err, ten_mistakes, sizeof ten_mistakes / sizeof *ten_mistakes);
    expect_text(output.err, "hint: did you mean \"listen\"?");
    expect_text(output.err, "hint: did you mean \"demo\"?");
    output_free(&output);
    remove_folder();
}
END_TEST

START_TEST(nothing_is_served_with_a_mistake) {
    setup_folder();
    file_write(config, ten_lines);
    struct output output = RUN("serve", "-c", config);
    ck_assert_int_eq(output.status, 78);
    expect_mistakes(output.err, ten_mistakes, sizeof ten_mistakes / sizeof *ten_mistakes);
    ck_assert_ptr_null(strstr(output.err, "event=ready"));
    output_free(&output);
    output = RUN("config", "-c", config);
    ck_assert_int_eq(output.status, 78);
    ck_assert_str_eq(output.out, "");
    output_free(&output);
    output = RUN("call", "a", "-c", config);
    ck_assert_int_eq(output.status, 78);
    ck_assert_str_eq(output.out, "");
    output_free(&output);
    remove_folder();
}
END_TEST

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

/* The port is taken: to try it would be another mistake. */
START_TEST(no_port_is_touched_with_a_mistake) {
    char text[160];
    int port;
    int taken = take_port(&port);
    setup_folder();
    (void)snprintf(text, sizeof text, "[server]\nlisten = 127.0.0.1:%d\nadmin = 127.0.0.1:%d\n", port, port); /* fits */
    file_write(config, text);
    struct output output = RUN("serve", "-c", config);
    ck_assert_int_eq(output.status, 1);
    expect_text(output.err, "in use");
    output_free(&output);
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "drain = 1 day\n"); /* fits */
    file_write(config, text);
    output = RUN("serve", "-c", config);
    ck_assert_int_eq(output.status, 78);
    ck_assert_ptr_null(strstr(output.err, "in use"));
    ck_assert_ptr_null(strstr(output.err, "event="));
    output_free(&output);
    remove_folder();
    ck_assert_int_eq(close(taken), 0);
}
END_TEST

START_TEST(warning_alone_refuses_nothing) {
    static const char text[] = "[module demo]\npath = demo\n"
                               "[call blocks]\nmodule = demo\nfunction = rude\npool = none\nroute = GET /blocks\n";
    const struct server_options options = {.config = text};
    setup_folder();
    file_write(config, text);
    struct output output = RUN("check", "-c", config);
    ck_assert_int_eq(output.status, 0);
    expect_text(output.err, ":6:8: warning: pool: ");
    expect_text(output.err, "    6 | pool = none\n      |        ^~~~\n");
    expect_text(output.out, "the configuration is right");
    output_free(&output);
    struct server server = server_start(&options);
    ck_assert(server_has_logged(&server, ":6:8: warning: pool: "));
    struct response response = server_get(&server, "/blocks?ms=0");
    ck_assert_int_eq(response.status, 200);
    response_free(&response);
    server_stop(&server);
    remove_folder();
}
END_TEST

/** One message for each mistake, and no other. */
static void check_mistakes(const char *text, const struct mistake *mistakes, size_t count, size_t more) {
    setup_folder();
    file_write(config, text);
    struct output output = RUN("check", "-c", config);
    ck_assert_int_eq(output.status, 78);
    ck_assert_str_eq(output.out, "");
    expect_mistakes(output.err, mistakes, count);
    size_t places = 0;
    for (const char *at = output.err; (at = strstr(at, config)) != NULL; at++)
        places++;
    ck_assert_msg(places == count + more, "%s", output.err);
    output_free(&output);
    remove_folder();
}

START_TEST(mistakes_that_only_modules_see_are_shown_together) {
    static const char text[] = "[module demo]\npath = demo\n"
                               "[module gone]\npath = ./gone.so\n"
                               "[call c]\nmodule = demo\nfunction = nope\n"
                               "[call d]\nmodule = demo\nfunction = noop\nextra = 1\n"
                               "[call e]\nmodule = demo\nfunction = pause\nms = abc\n"
                               "[call f]\nmodule = demo\nfunction = pause\n";
    static const struct mistake mistakes[] = {
        {":4:8: path: ", "    4 | path = ./gone.so\n      |        ^~~~~~~~~\n"},
        {":7:12: function: module \"demo\" has no function", "    7 | function = nope\n      |            ^~~~\n"},
        {":11:1: extra: unknown key", "   11 | extra = 1\n      | ^~~~~\n"},
        {":15:6: ms: \"abc\" is not", "   15 | ms = abc\n      |      ^~~\n"},
        {":16:7: ms: a required key is missing", "   16 | [call f]\n      |       ^\n"},
    };
    check_mistakes(text, mistakes, sizeof mistakes / sizeof *mistakes, 0);
}
END_TEST

START_TEST(mistakes_of_routes_are_shown_together) {
    static const char text[] = "[module demo]\npath = demo\n"
                               "[call a]\nmodule = demo\nfunction = noop\nroute = GET /x\n"
                               "[call b]\nmodule = demo\nfunction = inline\nroute = GET /x\n"
                               "[call c]\nmodule = demo\nfunction = to-thread\nroute = GET /y/{z}\n"
                               "[call d]\nmodule = demo\nfunction = noop\nroute = GET y\n"
                               "[call e]\nmodule = demo\nfunction = to-thread\nroute = GET /z/:ms/z\n";
    static const struct mistake mistakes[] = {
        {":10:9: route: \"GET /x\" is the same as [call a]'s", "   10 | route = GET /x\n      |         ^~~~~~\n"},
        {":14:9: route: {z} is no parameter", "   14 | route = GET /y/{z}\n      |         ^"},
        {":18:9: route: ", "   18 | route = GET y\n      |         ^~~~~\n"},
        {":22:16: route: :ms is no parameter", "   22 | route = GET /z/:ms/z\n      |                ^~~\n"
                                               "      hint: write it in braces: /{ms}\n"},
    };
    check_mistakes(text, mistakes, sizeof mistakes / sizeof *mistakes, 1); /* one names [call a]'s place too */
}
END_TEST

START_TEST(route_is_looked_at_without_a_module_too) {
    static const char text[] = "[call a]\nmodule = nope\nroute = GET /a/:b\n"
                               "[call b]\nroute = GETT /\n"
                               "[call c]\nmodule = nope\nroute = GET /c\n"
                               "[call d]\nmodule = nope\nroute = GET /c\n"
                               "[gather g]\ncalls = a, b\nroute = GET /c\n";
    static const struct mistake mistakes[] = {
        {":2:10: there is no [module nope]", "    2 | module = nope\n      |          ^~~~\n"},
        {":3:16: route: :b is no parameter", "    3 | route = GET /a/:b\n      |                ^~\n"},
        {":4:7: [call b] has no module", "    4 | [call b]\n      |       ^\n"},
        {":5:9: route: unknown method GETT", "    5 | route = GETT /\n      |         ^~~~~~\n"},
        {":7:10: there is no [module nope]", "    7 | module = nope\n      |          ^~~~\n"},
        {":10:10: there is no [module nope]", "   10 | module = nope\n      |          ^~~~\n"},
        {":11:9: route: \"GET /c\" is the same as [call c]'s", "   11 | route = GET /c\n      |         ^~~~~~\n"},
        {":14:9: route: \"GET /c\" is the same as [call c]'s", "   14 | route = GET /c\n      |         ^~~~~~\n"},
    };
    check_mistakes(text, mistakes, sizeof mistakes / sizeof *mistakes, 2); /* two name [call c]'s place too */
}
END_TEST

START_TEST(config_shows_where_each_value_comes_from) {
    char origin[160];
    setup_folder();
    file_write(config, "# the first line\n[pool demo]\nworkers = 7\n");
    struct output output = RUN("config", "--demo", "-c", config, "--set", "server.drain=2s");
    ck_assert_int_eq(output.status, 0);
    (void)snprintf(origin, sizeof origin, "# %s:3\n", config); /* fits */
    const char *workers = strstr(output.out, "workers = 7 ");
    ck_assert_ptr_nonnull(workers);
    expect_text(workers, origin);
    ck_assert_int_lt(strstr(workers, origin) - workers, strchr(workers, '\n') - workers);
    const char *drain = strstr(output.out, "drain = 2s ");
    ck_assert_ptr_nonnull(drain);
    ck_assert_int_lt(strstr(drain, "# --set") - drain, strchr(drain, '\n') - drain);
    expect_text(output.out, "built-in demo:");
    expect_text(output.out, "# default\n");
    output_free(&output);
    remove_folder();
}
END_TEST

/** The values alone: each line up to its origin, and without white space at its end. */
static char *strip_origins(char *text) {
    char *to = text;
    for (const char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        const char *origin = strstr(line, " # ");
        size_t kept = origin != NULL && origin < line + size ? (size_t)(origin - line) : size;
        while (kept > 0 && line[kept - 1] == ' ')
            kept--;
        memmove(to, line, kept);
        to += kept;
        *to++ = '\n';
        line += size + (line[size] == '\n');
    }
    *to = '\0';
    return text;
}

START_TEST(config_prints_what_it_accepts) {
    setup_folder();
    struct output first = RUN("config", "--demo", "-c", "/dev/null", "--set", "server.listen=127.0.0.1:0", "--set",
                              "server.max-body=3MiB", "--set", "pool.demo.queue-timeout=1500ms");
    ck_assert_int_eq(first.status, 0);
    ck_assert_str_eq(first.err, "");
    file_write(config, first.out);
    struct output second = RUN("config", "-c", config);
    ck_assert_int_eq(second.status, 0);
    ck_assert_str_eq(second.err, "");
    ck_assert_str_eq(strip_origins(second.out), strip_origins(first.out));
    output_free(&first);
    output_free(&second);
    remove_folder();
}
END_TEST

static void expect_value(const char *text, const char *value, const char *origin) {
    const char *line = strstr(text, value);
    ck_assert_msg(line != NULL, "no %s in: %s", value, text);
    const char *end = line + strcspn(line, "\n");
    size_t size = strlen(origin);
    ck_assert_msg((size_t)(end - line) > size && strncmp(end - size, origin, size) == 0, "not from %s: %.*s", origin,
                  (int)(end - line), line);
}

START_TEST(drop_ins_override_in_the_order_of_their_names) {
    char path[128];
    setup_folder();
    (void)snprintf(path, sizeof path, "%s/conf.d", folder); /* fits */
    ck_assert_int_eq(mkdir(path, 0700), 0);
    file_write(config, "[server]\ndrain = 1s\nidle-timeout = 1s\nheader-timeout = 1s\nbody-timeout = 1s\n");
    write_drop_in("20-last.conf", "[server]\ndrain = 20s\n");
    write_drop_in("10-first.conf", "[server]\ndrain = 10s\nidle-timeout = 10s\nheader-timeout = 10s\n");
    write_drop_in("30-not.conf.off", "[server]\ndrain = 30s\n");
    struct output output = RUN("config", "-c", config, "--set", "server.header-timeout=40s");
    ck_assert_int_eq(output.status, 0);
    expect_value(output.out, "drain = 20s ", "conf.d/20-last.conf:2");
    expect_value(output.out, "idle-timeout = 10s ", "conf.d/10-first.conf:3");
    expect_value(output.out, "header-timeout = 40s ", "# --set");
    expect_value(output.out, "body-timeout = 1s ", "tothread.conf:5");
    expect_value(output.out, "max-body = 1MiB ", "# default");
    output_free(&output);
    write_drop_in("15-wrong.conf", "[server]\nidle-timeout = soon\n");
    output = RUN("check", "-c", config);
    ck_assert_int_eq(output.status, 78);
    expect_text(output.err, "conf.d/15-wrong.conf:2:16: idle-timeout: ");
    output_free(&output);
    remove_folder();
}
END_TEST

START_TEST(mistake_on_the_command_line_is_a_mistake_of_the_configuration) {
    static const char *const sets[] = {"pool.demo.workers=-1", "pool.demo.worker=1", "server.drain=1", "nonsense"};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct output output = RUN("check", "--demo", "--set", sets[i], "-c", "/dev/null");
        ck_assert_msg(output.status == 78, "%s: %d %s", sets[i], output.status, output.err);
        expect_text(output.err, "--set");
        output_free(&output);
    }
}
END_TEST

START_TEST(section_that_only_the_command_line_names_is_a_typo) {
    static const char *const rows[][3] = {
        {"pool.dmeo.workers=3", "--set:1:6: there is no [pool dmeo]\n", "hint: did you mean \"demo\"?"},
        {"pool.nothing.workers=3", "--set:1:6: there is no [pool nothing]\n", "    1 | pool.nothing.workers=3\n"},
        {"call.nop.timeout=1s", "--set:1:6: [call nop] has no module\n", "hint: did you mean \"noop\"?"},
        {"gather.gater.timeout=1s", "--set:1:8: [gather gater] has no calls\n", "hint: did you mean \"gather\"?"},
        {"module.dem.threads=1", "--set:1:8: [module dem] has no path\n", "hint: did you mean \"demo\"?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct output output = RUN("serve", "--demo", "-c", "/dev/null", "--set", rows[i][0]);
        ck_assert_msg(output.status == 78, "%s: %d %s", rows[i][0], output.status, output.err);
        expect_text(output.err, rows[i][1]);
        expect_text(output.err, rows[i][2]);
        output_free(&output);
    }
    struct output output = RUN("check", "--demo", "-c", "/dev/null", "--set", "pool.more.workers=3", "--set",
                               "call.noop.pool=more"); /* it is used: no typo */
    ck_assert_msg(output.status == 0, "%s", output.err);
    output_free(&output);
}
END_TEST

START_TEST(right_configuration_is_called_right) {
    struct output output = RUN("check", "--demo", "-c", "/dev/null");
    ck_assert_int_eq(output.status, 0);
    expect_text(output.out, "the configuration is right");
    output_free(&output);
    output = RUN("check", "-c", "/nonexistent/tothread.conf");
    ck_assert_int_eq(output.status, 78);
    expect_text(output.err, "/nonexistent/tothread.conf: ");
    output_free(&output);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        ten_mistakes_give_ten_messages_with_their_places,
        nothing_is_served_with_a_mistake,
        no_port_is_touched_with_a_mistake,
        warning_alone_refuses_nothing,
        mistakes_that_only_modules_see_are_shown_together,
        mistakes_of_routes_are_shown_together,
        route_is_looked_at_without_a_module_too,
        config_shows_where_each_value_comes_from,
        config_prints_what_it_accepts,
        drop_ins_override_in_the_order_of_their_names,
        mistake_on_the_command_line_is_a_mistake_of_the_configuration,
        section_that_only_the_command_line_names_is_a_typo,
        right_configuration_is_called_right,
    };
    return suite_run("config_cli", tests, sizeof tests / sizeof *tests);
}

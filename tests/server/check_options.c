/* Tests of server/options.h. */
#include "../../server/options.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 16

static struct options options;
static char error[OPTIONS_ERROR_MAX];

/* A command line as one text with single blanks between the words. */
static enum tt_status parse(const char *line) {
    static char copy[512];
    static char *args[ARGS_MAX];
    int count = 0;
    (void)snprintf(copy, sizeof copy, "%s", line);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        ck_assert_int_lt(count, ARGS_MAX - 1);
        args[count++] = word;
    }
    args[count] = NULL;
    error[0] = '\0';
    return options_parse(count, args, &options, error, sizeof error);
}

static void refused(const char *line, const char *part) {
    ck_assert_msg(parse(line) == TT_INVALID, "%s was taken", line);
    ck_assert_msg(strstr(error, part) != NULL, "%s: \"%s\" has no \"%s\"", line, error, part);
    ck_assert_ptr_null(strchr(error, '\n'));
}

static void taken(const char *line, enum options_command command) {
    enum tt_status status = parse(line);
    ck_assert_msg(status == TT_OK, "%s: %s", line, error);
    ck_assert_int_eq(options.command, command);
}

START_TEST(a_line_without_a_known_command_is_refused_with_a_hint) {
    refused("tothread", "there is no command; try: tothread serve --demo");
    refused("tothread serv", "there is no command \"serv\"; did you mean \"serve\"?");
    refused("tothread xyzzy", "there is no command \"xyzzy\"; see: tothread help");
    refused("tothread a\nb", "\"a?b\"");
    refused("tothread help serv", "did you mean \"serve\"?");
    ck_assert_int_eq(options_parse(0, NULL, &options, error, sizeof error), TT_INVALID);
}
END_TEST

START_TEST(what_this_version_lacks_is_refused_by_name) {
    refused("tothread inspect libz.so", "\"inspect\" is not available in this version");
    refused("tothread top", "\"top\" is not available in this version");
}
END_TEST

START_TEST(unknown_options_are_refused_with_a_hint) {
    refused("tothread serve --dem", "there is no option --dem; did you mean --demo?");
    refused("tothread serve --xyzzy", "there is no option --xyzzy; see: tothread help serve");
    refused("tothread serve -x", "there is no option -x");
}
END_TEST

START_TEST(options_of_other_commands_are_refused) {
    refused("tothread serve --json", "serve takes no --json");
    refused("tothread serve --admin 127.0.0.1:1", "serve takes no --admin");
    refused("tothread status --demo", "status takes no --demo");
    refused("tothread status -c x", "status takes no --config");
    refused("tothread --demo serve", "--demo comes after the command");
    refused("tothread serve --version", "serve takes no --version");
}
END_TEST

START_TEST(values_that_are_missing_or_too_much_are_refused) {
    refused("tothread serve -c", "--config needs a value: --config FILE");
    refused("tothread serve --set", "--set needs a value: --set SECTION.KEY=VALUE");
    refused("tothread serve --demo=yes", "--demo takes no value");
    refused("tothread serve -c a -c b", "-c is given twice");
    refused("tothread serve --config=", "-c needs the name of a file");
    refused("tothread status --admin 127.0.0.1:1 --admin 127.0.0.1:2", "--admin is given twice");
    refused("tothread status --admin localhost:9090", "\"localhost:9090\" is no address");
    refused("tothread status --admin none", "is no address");
    refused("tothread status --admin=", "is no address");
}
END_TEST

START_TEST(words_that_are_missing_or_too_many_are_refused) {
    refused("tothread serve now", "serve: \"now\" is too much; usage: tothread serve");
    refused("tothread call", "call needs the name of a call; usage: tothread call NAME");
    refused("tothread call a {} b", "\"b\" is too much");
    refused("tothread status -- --json", "\"--json\" is too much");
}
END_TEST

START_TEST(a_long_error_is_cut_and_ends) {
    char line[500];
    (void)snprintf(line, sizeof line, "tothread %0400d", 1);
    char small[24];
    char *args[] = {line, line + 9, NULL};
    line[8] = '\0';
    ck_assert_int_eq(options_parse(2, args, &options, small, sizeof small), TT_INVALID);
    ck_assert_uint_eq(strlen(small), sizeof small - 1);
    ck_assert_int_eq(options_parse(2, args, &options, error, sizeof error), TT_INVALID);
    ck_assert_ptr_nonnull(strstr(error, "see: tothread help"));
}
END_TEST

START_TEST(serve_has_its_defaults) {
    taken("tothread serve", OPTIONS_SERVE);
    ck_assert_str_eq(options.config_path, "/etc/tothread/tothread.conf");
    ck_assert(!options.config_is_optional);
    ck_assert(!options.is_demo);
    ck_assert_uint_eq(options.set_count, 0);
    options_deinit(&options);
}
END_TEST

START_TEST(with_the_demo_only_the_default_file_is_optional) {
    taken("tothread serve --demo", OPTIONS_SERVE);
    ck_assert(options.is_demo);
    ck_assert(options.config_is_optional);
    options_deinit(&options);
    taken("tothread serve --demo -c x.conf", OPTIONS_SERVE);
    ck_assert(!options.config_is_optional);
    ck_assert_str_eq(options.config_path, "x.conf");
    options_deinit(&options);
}
END_TEST

START_TEST(all_ways_to_write_a_value_are_taken) {
    static const char *const lines[] = {"tothread check -c x.conf", "tothread check -cx.conf",
                                        "tothread check --config x.conf", "tothread check --config=x.conf"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        taken(lines[i], OPTIONS_CHECK);
        ck_assert_str_eq(options.config_path, "x.conf");
        options_deinit(&options);
    }
}
END_TEST

START_TEST(sets_are_kept_in_order) {
    taken("tothread config --set a.b=1 --demo --set=c.d=x=y --set e.f=", OPTIONS_CONFIG);
    ck_assert_uint_eq(options.set_count, 3);
    ck_assert_str_eq(options.sets[0], "a.b=1");
    ck_assert_str_eq(options.sets[1], "c.d=x=y");
    ck_assert_str_eq(options.sets[2], "e.f=");
    options_deinit(&options);
}
END_TEST

START_TEST(call_takes_a_name_and_perhaps_arguments) {
    taken("tothread call --demo noop", OPTIONS_CALL);
    ck_assert_str_eq(options.call_name, "noop");
    ck_assert_ptr_null(options.call_arguments);
    options_deinit(&options);
    taken("tothread call -- noop -5", OPTIONS_CALL);
    ck_assert_str_eq(options.call_arguments, "-5");
    options_deinit(&options);
}
END_TEST

START_TEST(commands_to_a_running_service_know_where_it_is) {
    taken("tothread status", OPTIONS_STATUS);
    ck_assert_str_eq(options.admin, "127.0.0.1:9090");
    ck_assert(!options.is_json);
    options_deinit(&options);
    taken("tothread calls --json --admin 127.0.0.1:7", OPTIONS_CALLS);
    ck_assert_str_eq(options.admin, "127.0.0.1:7");
    ck_assert(options.is_json);
    options_deinit(&options);
    taken("tothread drain", OPTIONS_DRAIN);
    options_deinit(&options);
    taken("tothread reload", OPTIONS_RELOAD);
    options_deinit(&options);
}
END_TEST

START_TEST(help_and_version_are_found_everywhere) {
    static const struct {
        const char *line;
        enum options_command command;
        enum options_command topic;
    } rows[] = {
        {"tothread --help", OPTIONS_HELP, OPTIONS_HELP},       {"tothread -h", OPTIONS_HELP, OPTIONS_HELP},
        {"tothread help", OPTIONS_HELP, OPTIONS_HELP},         {"tothread help serve", OPTIONS_HELP, OPTIONS_SERVE},
        {"tothread call --help", OPTIONS_HELP, OPTIONS_CALL},  {"tothread --help drain", OPTIONS_HELP, OPTIONS_DRAIN},
        {"tothread --version", OPTIONS_VERSION, OPTIONS_HELP}, {"tothread -V", OPTIONS_VERSION, OPTIONS_HELP},
        {"tothread version", OPTIONS_VERSION, OPTIONS_HELP},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        taken(rows[i].line, rows[i].command);
        ck_assert_msg(options.topic == rows[i].topic, "%s", rows[i].line);
        options_deinit(&options);
    }
}
END_TEST

static char *help(enum options_command topic) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    options_print_help(topic, out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

START_TEST(help_tells_what_there_is_and_nothing_else) {
    char *text = help(OPTIONS_HELP);
    static const char *const words[] = {"serve", "check", "config", "call", "status", "calls", "drain", "reload"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        ck_assert_ptr_nonnull(strstr(text, words[i]));
    ck_assert_ptr_null(strstr(text, "inspect"));
    ck_assert_ptr_null(strstr(text, " top"));
    free(text);
    text = help(OPTIONS_STATUS);
    ck_assert_ptr_nonnull(strstr(text, "--admin ADDR"));
    ck_assert_ptr_null(strstr(text, "--demo"));
    free(text);
    text = help(OPTIONS_SERVE);
    ck_assert_ptr_nonnull(strstr(text, "-c, --config FILE"));
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("options");
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, a_line_without_a_known_command_is_refused_with_a_hint);
    tcase_add_test(refusals, what_this_version_lacks_is_refused_by_name);
    tcase_add_test(refusals, unknown_options_are_refused_with_a_hint);
    tcase_add_test(refusals, options_of_other_commands_are_refused);
    tcase_add_test(refusals, values_that_are_missing_or_too_much_are_refused);
    tcase_add_test(refusals, words_that_are_missing_or_too_many_are_refused);
    tcase_add_test(refusals, a_long_error_is_cut_and_ends);
    suite_add_tcase(suite, refusals);
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, serve_has_its_defaults);
    tcase_add_test(normal, with_the_demo_only_the_default_file_is_optional);
    tcase_add_test(normal, all_ways_to_write_a_value_are_taken);
    tcase_add_test(normal, sets_are_kept_in_order);
    tcase_add_test(normal, call_takes_a_name_and_perhaps_arguments);
    tcase_add_test(normal, commands_to_a_running_service_know_where_it_is);
    tcase_add_test(normal, help_and_version_are_found_everywhere);
    tcase_add_test(normal, help_tells_what_there_is_and_nothing_else);
    suite_add_tcase(suite, normal);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

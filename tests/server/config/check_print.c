/* Tests of what config.h prints and compares, and of the files in configs/. */
#include "loading.h"

static char *print(const struct config *config) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    config_print(config, out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static const char full[] = "[server]\nlisten = 127.0.0.1:1\nlisten = unix:/x\ndrain = 90s\naccess-log = on\n"
                           "[pool p]\nworkers = auto\nqueue-timeout = none\n" CALL
                           "pool = p\nlimit = 1\nsql = \"SELECT ' # ', \\\"x\\\\\" \n[gather g]\ncalls = c, c\n";

START_TEST(what_is_printed_can_be_read_again_and_means_the_same) {
    struct config *config = loaded_text(full);
    char *text = print(config);
    struct diagnostics first = diagnostics;
    free(messages);
    struct config *again = load_text(text);
    ck_assert_msg(again != NULL, "%s\n%s", messages, text);
    ck_assert_uint_eq(config_compare(config, again, &diagnostics), 0);
    ck_assert_uint_eq(config->server.drain_us, again->server.drain_us);
    ck_assert_uint_eq(config->server.access_log, again->server.access_log);
    ck_assert_uint_eq(config->pools[0].worker_count, again->pools[0].worker_count);
    ck_assert_uint_eq(again->pools[0].queue_timeout_us, 0);
    ck_assert_str_eq(config_find(&again->calls[0].section, "sql")->value, "SELECT ' # ', \"x\\");
    char *second = print(again);
    unload(again);
    free(second);
    free(text);
    config_destroy(config);
    diagnostics_deinit(&first);
}
END_TEST

START_TEST(every_printed_value_says_where_it_comes_from) {
    const char *set = "pool.p.queue=7";
    struct config *config =
        load_source(&(struct config_source){.text = full, .text_name = "text", .sets = &set, .set_count = 1});
    ck_assert_msg(config != NULL, "%s", messages);
    char *text = print(config);
    static const struct {
        const char *key;
        const char *origin;
    } rows[] = {
        {"\n[pool p] ", "# text:6\n"},
        {"\nlisten = unix:/x ", "# text:3\n"},
        {"\ndrain = 90s ", "# text:4\n"},
        {"\naccess-log = yes ", "# text:5\n"},
        {"\nidle-timeout = 75s ", "# default\n"},
        {"\nqueue = 7 ", "# --set\n"},
        {"\nworkers = ", "# text:7, from auto\n"},
        {"\ncalls = c, c ", "# text:17\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *line = strstr(text, rows[i].key);
        ck_assert_msg(line != NULL, "no \"%s\" in\n%s", rows[i].key, text);
        const char *origin = strstr(line, "# ");
        ck_assert_msg(strncmp(origin, rows[i].origin, strlen(rows[i].origin)) == 0, "%s: %.40s", rows[i].key, origin);
    }
    free(text);
    unload(config);
}
END_TEST

static size_t compared(const char *now_text, const char *next_text, const char *expected) {
    struct config *now = loaded_text(now_text);
    struct diagnostics first = diagnostics;
    free(messages);
    struct config *next = load_text(next_text);
    ck_assert_msg(next != NULL, "%s", messages);
    free(messages);
    diagnostics_deinit(&diagnostics);
    diagnostics_init(&diagnostics);
    size_t count = config_compare(now, next, &diagnostics);
    ck_assert_uint_eq(count, diagnostics.warning_count);
    ck_assert_uint_eq(diagnostics.error_count, 0);
    size_t size = 0;
    FILE *out = open_memstream(&messages, &size);
    ck_assert_ptr_nonnull(out);
    diagnostics_print(&diagnostics, out);
    ck_assert_int_eq(fclose(out), 0);
    if (expected)
        expect_message(expected);
    unload(next);
    config_destroy(now);
    diagnostics_deinit(&first);
    return count;
}

START_TEST(comparing_tells_what_a_reload_leaves_as_it_was) {
    ck_assert_uint_eq(compared(full, full, NULL), 0);
    ck_assert_uint_eq(compared("[server]\ndrain = 60s\n", "[server]\ndrain = 1min\nidle-timeout = 1s\n", NULL), 0);
    ck_assert_uint_eq(compared(CALL, CALL "limit = 4\ntimeout = 1s\n[pool default]\nworkers = 3\nqueue = 2\n", NULL),
                      0);
    ck_assert_uint_eq(compared("", "[server]\nlisten = 127.0.0.1:1\n", "text:2:10: warning: listen has changed"), 1);
    ck_assert_uint_eq(compared("[server]\nadmin = none\n", "", "text:2:9: warning: admin has changed"), 1);
    ck_assert_uint_eq(compared(CALL, CALL "[call d]\nmodule = m\n", "text:5:7: warning: [call d] is new"), 1);
    ck_assert_uint_eq(compared(CALL "[call d]\nmodule = m\n", CALL, "text:5:7: warning: [call d] is gone"), 1);
    ck_assert_uint_eq(compared(CALL "a = 1\nb = 2\n", CALL "a = 2\nc = 3\n", "text:5:5: warning: a has changed"), 3);
    ck_assert_uint_eq(compared(CALL "route = GET /a\n", CALL "route = GET /b\n", "route has changed"), 1);
    ck_assert_uint_eq(compared(CALL, CALL "[pool default]\nstack-size = 1MiB\n", "stack-size has changed"), 1);
    ck_assert_uint_eq(compared(CALL "[gather g]\ncalls = c\n", CALL "[gather g]\ncalls = c, c\n", "calls has changed"),
                      1);
}
END_TEST

static char *sample(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    config_print_sample(out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* configs/ stands at the top of the tree that this file is in. */
static char *configs_file(const char *name) {
    char path[1024];
    const char *end = strstr(__FILE__, "tests/server/config/");
    ck_assert_ptr_nonnull(end);
    (void)snprintf(path, sizeof path, "%.*sconfigs/%s", (int)(end - __FILE__), __FILE__, name);
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s can't be opened", path);
    char *text = calloc(1, 65536);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_gt(fread(text, 1, 65535, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

START_TEST(the_sample_file_is_what_the_table_says) {
    char *text = sample();
    char *file = configs_file("tothread.conf");
    ck_assert_msg(strcmp(text, file) == 0, "configs/tothread.conf is old: write it anew with config_print_sample");
    free(file);
    free(text);
}
END_TEST

START_TEST(the_sample_changes_nothing_and_uncommented_it_is_right) {
    char *text = sample();
    ck_assert_uint_eq(compared("", text, NULL), 0);
    for (char *line = text; line; line = strchr(line + 1, '\n')) {
        char *hash = line[0] == '\n' ? line + 1 : line;
        if (hash[0] == '#' && hash[1] != ' ' && hash[1] != '\n')
            hash[0] = ' ';
    }
    struct config *config = loaded_text(text);
    ck_assert_uint_eq(diagnostics.warning_count, 0);
    ck_assert_uint_eq(config->call_count, 1);
    ck_assert_uint_eq(config->gather_count, 1);
    unload(config);
    free(text);
}
END_TEST

START_TEST(the_minimal_file_is_right) {
    char *text = configs_file("minimal.conf");
    struct config *config = loaded_text(text);
    ck_assert_uint_eq(diagnostics.warning_count, 0);
    ck_assert_uint_eq(config->call_count, 1);
    unload(config);
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("print");
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, what_is_printed_can_be_read_again_and_means_the_same);
    tcase_add_test(normal, every_printed_value_says_where_it_comes_from);
    tcase_add_test(normal, comparing_tells_what_a_reload_leaves_as_it_was);
    tcase_add_test(normal, the_sample_file_is_what_the_table_says);
    tcase_add_test(normal, the_sample_changes_nothing_and_uncommented_it_is_right);
    tcase_add_test(normal, the_minimal_file_is_right);
    suite_add_tcase(suite, normal);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Tests of server/config/reader.h and overrides.h: files, drop-ins, --set, and who overrides whom. */
#include "loading.h"

static void set_refused(const char *set, const char *expected) {
    struct config *config = load_source(&(struct config_source){.sets = &set, .set_count = 1});
    ck_assert_ptr_null(config);
    expect_message(expected);
    unload(config);
}

START_TEST(a_value_that_is_overridden_is_checked_all_the_same) {
    const char *set = "pool.p.workers=5";
    struct config *config =
        load_source(&(struct config_source){.text = "[pool p]\nworkers = x\n", .sets = &set, .set_count = 1});
    ck_assert_ptr_null(config);
    ck_assert_uint_eq(diagnostics.error_count, 1);
    expect_message("built-in:2:11: workers: \"x\"");
    unload(config);
}
END_TEST

START_TEST(sets_that_mean_nothing_are_mistakes_with_a_caret) {
    set_refused("server.drain", "--set:1:1: --set: there is no \"=\"\n    1 | server.drain\n      | ^~~~~~~~~~~~\n");
    set_refused("drain=5s", "--set:1:1: --set: there is no \".\" between");
    set_refused("server.=5s", "no key behind");
    set_refused("pool.workers=5", "the name of the section is missing");
    set_refused("server.x.drain=5s", "--set:1:8: [server] has no name");
    set_refused("sever.drain=5s", "did you mean \"server\"?");
    set_refused("server.dran=5s", "--set:1:8: [server] has no key \"dran\"");
    set_refused("server.drain=5", "--set:1:14: drain: time \"5\" has no unit");
    set_refused("pool.a.b.workers=0", "    1 | pool.a.b.workers=0\n      |                  ^\n");
    set_refused("server.drain=\x01", "a control character");
    set_refused("library.z.path=x", "not available in this version");
    set_refused("", "there is no \"=\"");
    set_refused("=", "there is no \".\"");
    set_refused(".=", "--set");
}
END_TEST

START_TEST(files_that_cannot_be_read_are_mistakes) {
    folder_make();
    char path[128];
    (void)snprintf(path, sizeof path, "%s/absent.conf", folder);
    struct config *config = load_source(&(struct config_source){.path = path});
    ck_assert_ptr_null(config);
    expect_message("absent.conf: can't read the file: No such file");
    unload(config);
    config = load_source(&(struct config_source){.path = path, .path_is_optional = true});
    ck_assert_ptr_nonnull(config);
    unload(config);
    /* A folder can be opened and not read. */
    config = load_source(&(struct config_source){.path = folder, .path_is_optional = true});
    ck_assert_ptr_null(config);
    expect_message(": can't read the file: Is a directory");
    unload(config);
    folder_remove();
}
END_TEST

START_TEST(a_drop_in_folder_that_cannot_be_read_is_a_warning) {
    folder_make();
    const char *path = file_make("t.conf", "[server]\n");
    file_make("conf.d", "this is no folder\n");
    struct config *config = load_source(&(struct config_source){.path = path});
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(diagnostics.warning_count, 1);
    expect_message("conf.d: warning: can't read the folder, its files are left out: Not a directory");
    unload(config);
    folder_remove();
}
END_TEST

START_TEST(the_demo_takes_overrides) {
    static const char demo[] = "[pool demo]\nworkers = 5\nqueue = 128\n"
                               "[module demo]\npath = demo\npool = demo\n"
                               "[call noop]\nmodule = demo\nroute = GET /noop\n"
                               "[call rude]\nmodule = demo\npool = none\nroute = GET /rude\n"
                               "[call sleep400]\nmodule = demo\n[call sleep500]\nmodule = demo\n"
                               "[gather gather]\ncalls = sleep400, sleep500\nroute = GET /gather\n";
    static const char *const sets[] = {"pool.demo.workers=32", "server.listen=127.0.0.1:0",
                                       "server.max-connections=18000", "pool.demo.queue-timeout=60s"};
    struct config *config = load_source(&(struct config_source){.text = demo,
                                                                .text_name = "built-in demo",
                                                                .text_folder = "/opt/demo",
                                                                .path = "/nonexistent/tothread.conf",
                                                                .path_is_optional = true,
                                                                .sets = sets,
                                                                .set_count = 4});
    ck_assert_msg(config != NULL, "%s", messages);
    ck_assert_uint_eq(diagnostics.warning_count, 0);
    ck_assert_uint_eq(config->pool_count, 1);
    ck_assert_uint_eq(config->pools[0].worker_count, 32);
    ck_assert_uint_eq(config->pools[0].queue_limit, 128);
    ck_assert_uint_eq(config->pools[0].queue_timeout_us, 60000000);
    ck_assert_uint_eq(config->server.max_connections, 18000);
    ck_assert_uint_eq(config->server.listen_count, 1);
    ck_assert_str_eq(config->server.listens[0].value, "127.0.0.1:0");
    ck_assert_str_eq(config->calls[1].pool, "none");
    const struct config_setting *path = config_find(&config->modules[0].section, "path");
    ck_assert_str_eq(config_path(&config->arena, path, "x.db"), "/opt/demo/x.db");
    unload(config);
}
END_TEST

START_TEST(drop_ins_override_in_the_order_of_their_names) {
    folder_make();
    const char *path = file_make("t.conf", "[server]\ndrain = 1s\nidle-timeout = 1s\nbody-timeout = 1s\n"
                                           "listen = 127.0.0.1:1\n");
    drop_in_folder_make();
    file_make("conf.d/20-b.conf", "[server]\ndrain = 3s\nlisten = 127.0.0.1:3\n");
    file_make("conf.d/10-a.conf", "[server]\ndrain = 2s\nidle-timeout = 2s\nlisten = 127.0.0.1:2\n" CALL);
    file_make("conf.d/30-c.conf.bak", "[server]\ndrain = 4s\n");
    file_make("conf.d/.31.conf", "[server]\ndrain = 5s\n");
    struct config *config = load_source(&(struct config_source){.path = path});
    ck_assert_msg(config != NULL, "%s", messages);
    ck_assert_uint_eq(config->server.drain_us, 3000000);
    ck_assert_uint_eq(config->server.idle_timeout_us, 2000000);
    ck_assert_uint_eq(config->server.body_timeout_us, 1000000);
    ck_assert_uint_eq(config->server.listen_count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(config->server.listens[i].value[10], '1' + (int)i);
    ck_assert_uint_eq(config->call_count, 1);
    const struct origin *at = config_origin(&config->server.section, "drain");
    ck_assert_ptr_nonnull(strstr(at->file, "/conf.d/20-b.conf"));
    ck_assert_uint_eq(at->line, 2);
    ck_assert_uint_eq(at->column, 9);
    at = config_origin(&config->server.section, "access-log");
    ck_assert_ptr_nonnull(strstr(at->file, "/t.conf"));
    ck_assert_uint_eq(at->line, 1);
    unload(config);
    folder_remove();
}
END_TEST

START_TEST(listens_add_up_until_an_empty_one_or_a_set) {
    struct config *config =
        loaded_text("[server]\nlisten = 127.0.0.1:1\nlisten =\nlisten = [::1]:2\nlisten = unix:/x\n");
    ck_assert_uint_eq(config->server.listen_count, 2);
    ck_assert_str_eq(config->server.listens[0].value, "[::1]:2");
    unload(config);
    static const char *const sets[] = {"server.listen=127.0.0.1:0", "server.listen=127.0.0.1:0"};
    config = load_source(&(struct config_source){
        .text = "[server]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\n", .sets = sets, .set_count = 2});
    ck_assert_msg(config != NULL, "%s", messages);
    ck_assert_uint_eq(config->server.listen_count, 2);
    ck_assert_str_eq(config->server.listens[0].value, "127.0.0.1:0");
    ck_assert_str_eq(config->server.listens[1].value_at.file, "--set");
    unload(config);
}
END_TEST

START_TEST(relative_paths_count_from_the_file_that_has_them) {
    folder_make();
    const char *path = file_make("t.conf", "[module m]\npath = ./m.so\n");
    drop_in_folder_make();
    file_make("conf.d/a.conf", "[module m]\ndatabase = d.db\n");
    const char *set = "module.m.other=o.db";
    struct config *config = load_source(&(struct config_source){.path = path, .sets = &set, .set_count = 1});
    ck_assert_msg(config != NULL, "%s", messages);
    const struct config_section *section = &config->modules[0].section;
    char expected[128];
    (void)snprintf(expected, sizeof expected, "%s/./m.so", folder);
    ck_assert_str_eq(config_path(&config->arena, config_find(section, "path"), "./m.so"), expected);
    (void)snprintf(expected, sizeof expected, "%s/conf.d/d.db", folder);
    ck_assert_str_eq(config_path(&config->arena, config_find(section, "database"), "d.db"), expected);
    ck_assert_str_eq(config_path(&config->arena, config_find(section, "database"), "/var/d.db"), "/var/d.db");
    ck_assert_str_eq(config_path(&config->arena, config_find(section, "other"), "o.db"), "./o.db");
    unload(config);
    folder_remove();
}
END_TEST

START_TEST(names_in_a_set_may_have_dots_and_values_anything) {
    static const char *const sets[] = {"call.a.b.description= x = \"y\" # z ", "call.a.b.module=m"};
    struct config *config =
        load_source(&(struct config_source){.text = "[module m]\npath = x\n", .sets = sets, .set_count = 2});
    ck_assert_msg(config != NULL, "%s", messages);
    ck_assert_str_eq(config->calls[0].section.name, "a.b");
    ck_assert_str_eq(config->calls[0].description, "x = \"y\" # z");
    unload(config);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("reader");
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, a_value_that_is_overridden_is_checked_all_the_same);
    tcase_add_test(refusals, sets_that_mean_nothing_are_mistakes_with_a_caret);
    tcase_add_test(refusals, files_that_cannot_be_read_are_mistakes);
    tcase_add_test(refusals, a_drop_in_folder_that_cannot_be_read_is_a_warning);
    suite_add_tcase(suite, refusals);
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, the_demo_takes_overrides);
    tcase_add_test(normal, drop_ins_override_in_the_order_of_their_names);
    tcase_add_test(normal, listens_add_up_until_an_empty_one_or_a_set);
    tcase_add_test(normal, relative_paths_count_from_the_file_that_has_them);
    tcase_add_test(normal, names_in_a_set_may_have_dots_and_values_anything);
    suite_add_tcase(suite, normal);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Tests of server/config/config.h: what stands in one file, its mistakes and defaults. */
#include "loading.h"

START_TEST(eleven_mistakes_in_a_file_are_eleven_messages_with_place_and_caret) {
    folder_make();
    const char *path = file_make("many.conf", "[server]\n"
                                              "listen = localhost:8080\n"
                                              "max-bodi = 1MiB\n"
                                              "drain = 30\n"
                                              "\n"
                                              "[pool db]\n"
                                              "workers\t= -1\n"
                                              "what is this\n"
                                              "\n"
                                              "[modul sqlite]\n"
                                              "path = sqlite\n"
                                              "[module data]\n"
                                              "pool = dbb\n"
                                              "\n"
                                              "[call one]\n"
                                              "module = data\n"
                                              "timeout = 1s\n"
                                              "timeout = 2s\n"
                                              "description = \"not closed\n"
                                              "[gather all]\n"
                                              "calls = one, tow\n");
    struct config *config = load_source(&(struct config_source){.path = path});
    ck_assert_ptr_null(config);
    ck_assert_msg(diagnostics.error_count == 11, "%u:\n%s", diagnostics.error_count, messages);
    static const char *const expected[] = {
        "many.conf:2:10: listen: this is no address\n"
        "    2 | listen = localhost:8080\n"
        "      |          ^~~~~~~~~~~~~~\n",
        "many.conf:3:1: [server] has no key \"max-bodi\"\n"
        "    3 | max-bodi = 1MiB\n"
        "      | ^~~~~~~~\n"
        "      hint: did you mean \"max-body\"?\n",
        "many.conf:4:9: drain: time \"30\" has no unit (0s to 24h)\n"
        "    4 | drain = 30\n"
        "      |         ^~\n"
        "      hint: did you mean 30s?",
        "many.conf:7:11: workers: -1 is out of range (1 to 4096, or auto)\n"
        "    7 | workers\t= -1\n"
        "      |        \t  ^~\n",
        "many.conf:8:1: this is neither a [section] nor key = value\n"
        "    8 | what is this\n"
        "      | ^~~~~~~~~~~~\n",
        "many.conf:10:2: there is no section [modul]\n"
        "   10 | [modul sqlite]\n"
        "      |  ^~~~~\n"
        "      hint: did you mean \"module\"?\n",
        "many.conf:12:9: [module data] has no path\n"
        "   12 | [module data]\n"
        "      |         ^~~~\n",
        "many.conf:13:8: there is no [pool dbb]\n"
        "   13 | pool = dbb\n"
        "      |        ^~~\n"
        "      hint: did you mean \"db\"?\n",
        "many.conf:18:1: timeout is given twice\n"
        "   18 | timeout = 2s\n"
        "      | ^~~~~~~\n"
        "      hint: the first one is in line 17\n",
        "many.conf:19:15: this quote is not closed\n"
        "   19 | description = \"not closed\n"
        "      |               ^\n",
        "many.conf:21:14: there is no [call tow]\n"
        "   21 | calls = one, tow\n"
        "      |              ^~~\n",
    };
    const char *before = messages;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        expect_message(expected[i]);
        const char *here = strstr(messages, expected[i]);
        ck_assert_msg(here >= before, "out of order: %s", expected[i]);
        before = here;
    }
    unload(config);
    folder_remove();
}
END_TEST

START_TEST(what_this_version_lacks_is_refused_and_not_ignored) {
    refused("[pool p]\nisolation = process\n", 1, "text:2:13: isolation = process is not available in this version");
    refused("[pool p]\nmax-calls = 5\n", 1, "text:2:1: max-calls is not available in this version");
    refused("[library z]\npath = libz.so.1\n", 1, "text:1:2: [library] sections are not available in this version");
    refused(CALL "library = z\n", 1, "library is not available in this version");
    refused(CALL "fails-when = -1\n", 1, "fails-when is not available in this version");
    refused(CALL "error-text = x\n", 1, "error-text is not available in this version");
    refused(CALL "status = 404\n", 1, "status is not available in this version");
    refused(CALL "free-with = free\n", 1, "free-with is not available in this version");
}
END_TEST

START_TEST(names_of_sections_are_checked) {
    refused("[pool]\nworkers = 0\n", 2, "text:1:2: [pool] needs a name: [pool NAME]");
    refused("[server x]\n", 1, "text:1:9: [server] has no name");
    refused("[call a/b]\nmodule = m\n[module m]\npath = x\n", 1, "text:1:8: [call a/b]: a character that names can't");
    refused("[pool none]\n", 1, "can't be called none");
    refused("[pool p2345678901234567890123456789012]\n", 1, "longer than 31 characters");
    struct config *config =
        loaded_text("[pool p234567890123456789012345678901]\n" CALL "pool = p234567890123456789012345678901\n");
    unload(config);
}
END_TEST

START_TEST(a_section_or_key_twice_in_a_file_is_a_mistake) {
    refused("[pool a]\n[pool b]\n[pool a]\nworkers = 1\n", 1, "text:3:7: the section [pool a] stands twice");
    refused("[server]\n[server]\n", 1, "text:2:2: the section [server] stands twice");
    refused("[server]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:1\n", 1, "listen: 127.0.0.1:1 is given twice");
    refused(CALL "a = 1\na = 2\n", 1, "text:6:1: a is given twice");
}
END_TEST

START_TEST(keys_in_the_wrong_place_are_mistakes) {
    refused("workers = 4\n", 1, "text:1:1: workers stands before the first section");
    refused("[server]\nworkers = 4\n", 1, "hint: it is a key of [pool]");
    refused("[pool p]\nqueue timeout = 4s\n", 1, "hint: did you mean \"queue-timeout\"?");
    refused(CALL "a b = 4\n", 1, "text:5:1: \"a b\" is no key");
    /* Nobody knows what the keys of such a section mean: one mistake, not three. */
    refused("[pol p]\nworkers = 4\nx = 1\n", 1, "there is no section [pol]");
    refused("[pool p\nworkers = 4\nx = 1\n", 1, "has no ]");
}
END_TEST

START_TEST(names_that_point_nowhere_are_mistakes) {
    refused("[module m]\npath = x\n[call c]\nmodule = n\n", 1, "text:4:10: there is no [module n]");
    refused(CALL "pool = p\n", 1, "text:5:8: there is no [pool p]");
    refused("[module m]\npath = x\npool = p\n", 1, "text:3:8: there is no [pool p]");
    refused("[module m]\npath = x\npool = none\n", 1, "a module can't have pool = none");
    refused(CALL "[gather g]\nroute = GET /g\n", 1, "text:5:9: [gather g] has no calls");
    refused(CALL "[gather g]\ncalls =\n", 1, "calls: there is no value");
    refused(CALL "[gather g]\ncalls = g\n", 1, "text:6:9: there is no [call g]");
    refused("[call c]\n", 1, "text:1:7: [call c] has no module");
    refused("[module m]\n", 1, "text:1:9: [module m] has no path");
}
END_TEST

START_TEST(a_pool_that_no_call_uses_is_a_warning) {
    struct config *config = loaded_text("[pool idle]\n[pool default]\n[pool used]\n" CALL "pool = used\n");
    ck_assert_uint_eq(diagnostics.warning_count, 2);
    expect_message("text:1:7: warning: no call uses [pool idle]");
    expect_message("text:2:7: warning: no call uses [pool default]");
    unload(config);
}
END_TEST

START_TEST(nothing_at_all_has_the_defaults) {
    struct config *config = loaded_text("");
    const struct config_server *server = &config->server;
    ck_assert_uint_eq(server->listen_count, 1);
    ck_assert_str_eq(server->listens[0].value, "127.0.0.1:8080");
    ck_assert_ptr_null(server->listens[0].value_at.file);
    ck_assert_str_eq(server->admin, "127.0.0.1:9090");
    ck_assert_uint_eq(server->max_body_bytes, 1 << 20);
    ck_assert_uint_eq(server->max_header_bytes, 16384);
    ck_assert_uint_eq(server->max_answer_bytes, 64 << 20);
    ck_assert_uint_eq(server->max_connections, 16384);
    ck_assert_uint_eq(server->header_timeout_us, 10000000);
    ck_assert_uint_eq(server->body_timeout_us, 30000000);
    ck_assert_uint_eq(server->answer_timeout_us, 30000000);
    ck_assert_uint_eq(server->idle_timeout_us, 75000000);
    ck_assert_uint_eq(server->drain_us, 30000000);
    ck_assert_uint_eq(server->malloc_arenas, 2);
    ck_assert_int_eq(server->log_format, CONFIG_LOG_TEXT);
    ck_assert(!server->access_log);
    ck_assert_uint_eq(config->pool_count + config->module_count + config->call_count + config->gather_count, 0);
    unload(config);
}
END_TEST

START_TEST(the_default_pool_is_there_when_it_is_meant) {
    struct config *config = loaded_text(CALL "mine = 5\n[gather g]\ncalls = c, c\n");
    ck_assert_uint_eq(config->pool_count, 1);
    const struct config_pool *pool = &config->pools[0];
    ck_assert_str_eq(pool->section.name, "default");
    ck_assert_uint_ge(pool->worker_count, 5);
    ck_assert_uint_le(pool->worker_count, 32);
    ck_assert_uint_eq(pool->queue_limit, 128);
    ck_assert_uint_eq(pool->queue_timeout_us, 5000000);
    ck_assert_int_eq(pool->isolation, CONFIG_THREAD);
    ck_assert_uint_eq(pool->spare_count, 2);
    ck_assert_uint_eq(pool->stack_bytes, 262144);
    ck_assert_str_eq(config->modules[0].pool, "default");
    const struct config_call *call = &config->calls[0];
    ck_assert_str_eq(call->module, "m");
    ck_assert_ptr_null(call->pool);
    ck_assert_ptr_null(call->route);
    ck_assert_ptr_null(call->function);
    ck_assert_uint_eq(call->timeout_us, 30000000);
    ck_assert_uint_eq(call->limit, 0);
    ck_assert_str_eq(config_find(&call->section, "mine")->value, "5");
    ck_assert(!config_find(&call->section, "mine")->is_used);
    ck_assert(config_find(&call->section, "module")->is_used);
    ck_assert_uint_eq(config->gathers[0].call_count, 2);
    ck_assert_str_eq(config->gathers[0].calls[1], "c");
    ck_assert_uint_eq(config->gathers[0].timeout_us, 0);
    unload(config);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("config");
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, eleven_mistakes_in_a_file_are_eleven_messages_with_place_and_caret);
    tcase_add_test(refusals, what_this_version_lacks_is_refused_and_not_ignored);
    tcase_add_test(refusals, names_of_sections_are_checked);
    tcase_add_test(refusals, a_section_or_key_twice_in_a_file_is_a_mistake);
    tcase_add_test(refusals, keys_in_the_wrong_place_are_mistakes);
    tcase_add_test(refusals, names_that_point_nowhere_are_mistakes);
    tcase_add_test(refusals, a_pool_that_no_call_uses_is_a_warning);
    suite_add_tcase(suite, refusals);
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, nothing_at_all_has_the_defaults);
    tcase_add_test(normal, the_default_pool_is_there_when_it_is_meant);
    suite_add_tcase(suite, normal);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

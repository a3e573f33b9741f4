/**
 * Module: all that can be wrong with a shared object and its section is told with its place; then its life.
 */
#include "server/calls/module.h"
#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct diagnostics diagnostics;
static struct config *config;
static struct arena arena;

static void setup(void) {
    diagnostics_init(&diagnostics);
    arena_init(&arena, NULL, 0);
}

static void teardown(void) {
    config_destroy(config);
    config = NULL;
    arena_reset(&arena);
    diagnostics_deinit(&diagnostics);
}

/** Opens the first module of a configuration whose first line is "[module m]". */
static struct module *open_text(const char *text) {
    teardown();
    setup();
    struct config_source source = {.text = text, .text_name = "test.conf", .text_folder = "/etc/test"};
    config = config_load(&source, &diagnostics);
    if (config == NULL)
        diagnostics_print(&diagnostics, stderr);
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(config->module_count, 1);
    return module_open(&config->modules[0], &arena, &diagnostics);
}

#define SECTION(name) "[module m]\npath = " TEST_MODULE_DIR "/" name ".so\n"

static const struct diagnostic *find(const char *words) {
    for (const struct diagnostic *one = diagnostics.first; one != NULL; one = one->next) {
        if (strstr(one->message, words) != NULL)
            return one;
    }
    diagnostics_print(&diagnostics, stderr);
    ck_abort_msg("no diagnostic says \"%s\"", words);
    return NULL;
}

static void says(const char *words, unsigned line, unsigned column) {
    const struct diagnostic *one = find(words);
    ck_assert_uint_eq(one->at.line, line);
    ck_assert_uint_eq(one->at.column, column);
}

static void refuses(const char *text, const char *words) {
    ck_assert_ptr_null(open_text(text));
    ck_assert_uint_eq(diagnostics.error_count, 1);
    says(words, 2, 8); /* the path */
}

static char *life_of(void) {
    void *handle = dlopen(TEST_MODULE_DIR "/good.so", RTLD_NOW | RTLD_LOCAL); /* stays: it must outlive module_close */
    ck_assert_ptr_nonnull(handle);
    char *life = dlsym(handle, "good_life");
    ck_assert_ptr_nonnull(life);
    return life;
}

/* -- refusals -- */

START_TEST(a_file_that_isnt_there_is_named) {
    refuses("[module m]\npath = ./nothing.so\n", "/etc/test/");
    ck_assert_ptr_nonnull(strstr(diagnostics.first->message, "nothing.so: no such file"));
    refuses("[module m]\npath = /nowhere/nothing.so\n", "/nowhere/nothing.so: no such file");
}
END_TEST

START_TEST(a_bare_name_that_isnt_there_names_all_places) {
    refuses("[module m]\npath = nothing\n", "/modules/nothing.so nor " TOTHREAD_MODULE_DIR "/nothing.so");
}
END_TEST

/** `path = sleep.so` used to load the module that came with the service, and not the file beside the configuration. */
START_TEST(a_file_name_without_a_folder_is_not_taken_for_an_installed_module) {
    refuses("[module m]\npath = sleep.so\n", "\"sleep.so\" is a file's name without its folder");
}
END_TEST

START_TEST(a_file_that_is_no_library_is_refused) {
    refuses("[module m]\npath = /etc/passwd\n", "can't load the module: ");
    refuses("[module m]\npath = /etc/passwd/x.so\n", "can't load the module: ");
}
END_TEST

START_TEST(a_library_without_the_symbol_is_refused) {
    refuses(SECTION("no_symbol"), "no symbol \"tt_module\"");
}
END_TEST

START_TEST(another_abi_is_refused) {
    refuses(SECTION("other_abi"), "built for module ABI 2, this program has 1");
    ck_assert_ptr_nonnull(strstr(diagnostics.first->hint, "headers"));
}
END_TEST

START_TEST(a_struct_that_is_too_small_is_refused) {
    char words[80];
    (void)snprintf(words, sizeof words, "has %zu bytes, this program needs %zu", sizeof(struct tt_module) - 8,
                   sizeof(struct tt_module));
    refuses(SECTION("too_small"), words);
    (void)snprintf(words, sizeof words, "%zu bytes, this program's has %zu", sizeof(struct tt_function) - 8,
                   sizeof(struct tt_function));
    refuses(SECTION("small_function"), words);
}
END_TEST

START_TEST(a_function_without_run_is_refused) {
    refuses(SECTION("no_run"), "function \"empty\" has no run");
}
END_TEST

START_TEST(two_functions_of_one_name_are_refused) {
    refuses(SECTION("twice"), "two functions are called \"only\"");
}
END_TEST

START_TEST(a_setting_with_the_name_of_a_core_key_is_refused) {
    refuses(SECTION("core_key"), "its setting \"pool\" is a key of the service itself");
}
END_TEST

START_TEST(an_unknown_key_is_refused_at_its_place_with_a_hint) {
    ck_assert_ptr_null(open_text(SECTION("good") "greetin = hi\nzebra = 1\n"));
    ck_assert_uint_eq(diagnostics.error_count, 2);
    says("greetin: unknown key", 3, 1);
    ck_assert_str_eq(find("greetin")->hint, "did you mean \"greeting\"?");
    says("zebra: unknown key", 4, 1);
    ck_assert_ptr_null(find("zebra")->hint);
    ck_assert_str_eq(life_of(), ""); /* loaded anew, never opened */
}
END_TEST

START_TEST(a_required_key_that_is_missing_is_told_with_its_help) {
    ck_assert_ptr_null(open_text(SECTION("mistakes")));
    says("how: a required key is missing", 1, 9);
    ck_assert_str_eq(find("how")->hint, "How it fails.");
}
END_TEST

START_TEST(what_a_module_reports_is_shown_at_the_key_or_the_section) {
    ck_assert_ptr_null(open_text(SECTION("mistakes") "how = badly\n"));
    ck_assert_uint_eq(diagnostics.error_count, 2);
    says("how: \"badly\" is not how", 3, 7);
    says("and besides", 1, 9);
}
END_TEST

START_TEST(an_open_that_fails_silently_is_told) {
    ck_assert_ptr_null(open_text(SECTION("mistakes") "how = silently\n"));
    ck_assert_uint_eq(diagnostics.error_count, 1);
    says("open failed (system) and didn't say why", 1, 9);
}
END_TEST

START_TEST(an_open_that_reports_a_mistake_has_failed_whatever_it_returns) {
    void *handle = dlopen(TEST_MODULE_DIR "/mistakes.so", RTLD_NOW | RTLD_LOCAL);
    ck_assert_ptr_nonnull(handle);
    int *closed = dlsym(handle, "mistakes_closed");
    ck_assert_ptr_nonnull(closed);
    ck_assert_ptr_null(open_text(SECTION("mistakes") "how = badly\n"));
    ck_assert_int_eq(*closed, 0); /* what wasn't opened isn't closed */
    ck_assert_ptr_null(open_text(SECTION("mistakes") "how = oddly\n"));
    ck_assert_uint_eq(diagnostics.error_count, 1);
    ck_assert_int_eq(*closed, 1);
}
END_TEST

/* -- calls -- */

static struct tt_param *params;
static size_t param_count;
static void *state;

static enum tt_status prepare(struct module *module) {
    const struct config_call *call = &config->calls[0];
    const struct tt_function *function = module_function(module, call->function);
    ck_assert_ptr_nonnull(function);
    return module_prepare(module, function, call, &arena, &diagnostics, &params, &param_count, &state);
}

static void refuses_call(const char *text, const char *words, unsigned line, unsigned column) {
    struct module *module = open_text(text);
    ck_assert_ptr_nonnull(module);
    ck_assert_int_eq(prepare(module), TT_INVALID);
    ck_assert_uint_eq(diagnostics.error_count, 1);
    says(words, line, column);
    module_close(module);
}

#define CALL(function) "[call c]\nmodule = m\nfunction = " function "\n"

START_TEST(a_default_that_no_request_may_give_is_refused) {
    refuses_call(SECTION("bad_default") CALL("word"), "default \"ten\" must be a whole number", 3, 7);
    refuses_call(SECTION("bad_default") CALL("range"), "default \"10\" is out of its own range", 3, 7);
}
END_TEST

START_TEST(two_parameters_of_one_name_are_refused) {
    refuses_call(SECTION("bad_default") CALL("same"), "parameter \"count\" is declared twice", 3, 7);
    refuses_call(SECTION("good") CALL("greet") "extra = name\n", "parameter \"name\" is declared twice", 3, 7);
}
END_TEST

START_TEST(a_key_that_the_function_doesnt_know_is_refused) {
    refuses_call(SECTION("good") CALL("greet") "extr = name\n", "extr: unknown key", 6, 1);
    refuses_call(SECTION("good") CALL("folder") "extra = name\n", "extra: unknown key", 6, 1);
}
END_TEST

START_TEST(parameters_are_those_of_the_table_then_those_that_were_added) {
    char *life = life_of();
    struct module *module = open_text(SECTION("good") CALL("greet") "extra = factor\n");
    ck_assert_ptr_nonnull(module);
    ck_assert_int_eq(prepare(module), TT_OK);
    ck_assert_uint_eq(param_count, 2);
    ck_assert_str_eq(params[0].name, "name");
    ck_assert(params[0].is_required);
    ck_assert_str_eq(params[1].name, "factor");
    ck_assert_int_eq(params[1].type, TT_TYPE_REAL);
    ck_assert_str_eq(params[1].default_text, "0.5");
    ck_assert_ptr_nonnull(state);
    module_function(module, "greet")->finish(module->state, state);
    module_close(module);
    ck_assert_str_eq(life, "opfc");
}
END_TEST

/* -- normal -- */

START_TEST(a_good_module_is_opened_and_closed) {
    char *life = life_of();
    struct module *module = open_text(SECTION("good"));
    ck_assert_ptr_nonnull(module);
    ck_assert_uint_eq(diagnostics.error_count, 0);
    ck_assert_str_eq(module->name, "m");
    ck_assert_str_eq(module->file, TEST_MODULE_DIR "/good.so");
    ck_assert_str_eq(module->descriptor->name, "good");
    ck_assert_ptr_nonnull(module->state);
    ck_assert_ptr_null(module_function(module, "nothing"));
    ck_assert_str_eq(module_function_at(module, 1)->name, "folder");
    ck_assert_str_eq(life, "o");
    module_close(module);
    ck_assert_str_eq(life, "oc");
    module_close(NULL);
}
END_TEST

START_TEST(settings_have_their_value_or_their_default) {
    struct fake {
        const char *greeting;
        const char *folder;
    };
    struct module *module = open_text(SECTION("good") "greeting = good morning\nfolder = files\n");
    ck_assert_ptr_nonnull(module);
    ck_assert_str_eq(((struct fake *)module->state)->greeting, "good morning");
    ck_assert_str_eq(((struct fake *)module->state)->folder, "/etc/test/files");
    module_close(module);
    module = open_text(SECTION("good") "folder = /srv/files\n");
    ck_assert_ptr_nonnull(module);
    ck_assert_str_eq(((struct fake *)module->state)->greeting, "hello");
    ck_assert_str_eq(((struct fake *)module->state)->folder, "/srv/files");
    module_close(module);
    module = open_text(SECTION("good"));
    ck_assert_ptr_nonnull(module);
    ck_assert_str_eq(((struct fake *)module->state)->folder, "/etc/test/data");
    module_close(module);
}
END_TEST

START_TEST(a_relative_path_counts_from_the_configuration_file) {
    struct config_source source = {
        .text = "[module m]\npath = ./good.so\n", .text_name = "test.conf", .text_folder = TEST_MODULE_DIR};
    config = config_load(&source, &diagnostics);
    ck_assert_ptr_nonnull(config);
    struct module *module = module_open(&config->modules[0], &arena, &diagnostics);
    ck_assert_ptr_nonnull(module);
    module_close(module);
}
END_TEST

START_TEST(a_bare_name_is_found_beside_the_program) {
    char folder[4096];
    ssize_t size = readlink("/proc/self/exe", folder, sizeof folder - 64);
    ck_assert_int_gt(size, 0);
    folder[size] = '\0';
    char *end = strrchr(folder, '/') + 1;
    size_t room = sizeof folder - (size_t)(end - folder);
    (void)snprintf(end, room, "modules");
    bool is_mine = mkdir(folder, 0777) == 0;
    (void)snprintf(end, room, "modules/check-module-%d.so", (int)getpid());
    ck_assert_int_eq(symlink(TEST_MODULE_DIR "/good.so", folder), 0);
    char text[100];
    (void)snprintf(text, sizeof text, "[module m]\npath = check-module-%d\n", (int)getpid());
    struct module *module = open_text(text);
    ck_assert_int_eq(unlink(folder), 0);
    if (is_mine) {
        *strrchr(folder, '/') = '\0';
        (void)rmdir(folder); /* unless somebody else has put something into it */
    }
    ck_assert_ptr_nonnull(module);
    module_close(module);
}
END_TEST

static TCase *cases_of(Suite *suite, const char *name) {
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, setup, teardown);
    suite_add_tcase(suite, cases);
    return cases;
}

int main(void) {
    Suite *suite = suite_create("module");
    TCase *refusals = cases_of(suite, "refusals");
    tcase_add_test(refusals, a_file_that_isnt_there_is_named);
    tcase_add_test(refusals, a_bare_name_that_isnt_there_names_all_places);
    tcase_add_test(refusals, a_file_name_without_a_folder_is_not_taken_for_an_installed_module);
    tcase_add_test(refusals, a_file_that_is_no_library_is_refused);
    tcase_add_test(refusals, a_library_without_the_symbol_is_refused);
    tcase_add_test(refusals, another_abi_is_refused);
    tcase_add_test(refusals, a_struct_that_is_too_small_is_refused);
    tcase_add_test(refusals, a_function_without_run_is_refused);
    tcase_add_test(refusals, two_functions_of_one_name_are_refused);
    tcase_add_test(refusals, a_setting_with_the_name_of_a_core_key_is_refused);
    tcase_add_test(refusals, an_unknown_key_is_refused_at_its_place_with_a_hint);
    tcase_add_test(refusals, a_required_key_that_is_missing_is_told_with_its_help);
    tcase_add_test(refusals, what_a_module_reports_is_shown_at_the_key_or_the_section);
    tcase_add_test(refusals, an_open_that_fails_silently_is_told);
    tcase_add_test(refusals, an_open_that_reports_a_mistake_has_failed_whatever_it_returns);
    TCase *calls = cases_of(suite, "calls");
    tcase_add_test(calls, a_default_that_no_request_may_give_is_refused);
    tcase_add_test(calls, two_parameters_of_one_name_are_refused);
    tcase_add_test(calls, a_key_that_the_function_doesnt_know_is_refused);
    tcase_add_test(calls, parameters_are_those_of_the_table_then_those_that_were_added);
    TCase *normal = cases_of(suite, "normal");
    tcase_add_test(normal, a_good_module_is_opened_and_closed);
    tcase_add_test(normal, settings_have_their_value_or_their_default);
    tcase_add_test(normal, a_relative_path_counts_from_the_configuration_file);
    tcase_add_test(normal, a_bare_name_is_found_beside_the_program);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

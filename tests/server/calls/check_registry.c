/**
 * Registry: sections that don't fit together, then calls that run, fail, and end in ways that they may not.
 */
#include "server/calls/registry.h"
#include "server/calls/module.h"
#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct diagnostics diagnostics;
static struct config *config;
static struct registry *registry;

static void setup(void) {
    diagnostics_init(&diagnostics);
}

static void teardown(void) {
    registry_destroy(registry);
    registry = NULL;
    config_destroy(config);
    config = NULL;
    diagnostics_deinit(&diagnostics);
}

static struct registry *build(const char *text) {
    teardown();
    setup();
    struct config_source source = {.text = text, .text_name = "test.conf", .text_folder = "/etc/test"};
    config = config_load(&source, &diagnostics);
    if (config == NULL)
        diagnostics_print(&diagnostics, stderr);
    ck_assert_ptr_nonnull(config);
    registry = registry_build(config, &diagnostics);
    return registry;
}

static void built(const char *text) {
    if (build(text) == NULL)
        diagnostics_print(&diagnostics, stderr);
    ck_assert_ptr_nonnull(registry);
}

static void says(enum diagnostic_kind kind, const char *words, unsigned line, unsigned column) {
    for (const struct diagnostic *one = diagnostics.first; one != NULL; one = one->next) {
        if (one->kind != kind || strstr(one->message, words) == NULL)
            continue;
        ck_assert_uint_eq(one->at.line, line);
        ck_assert_uint_eq(one->at.column, column);
        return;
    }
    diagnostics_print(&diagnostics, stderr);
    ck_abort_msg("no diagnostic says \"%s\"", words);
}

static void refuses(const char *text, const char *words, unsigned line, unsigned column) {
    ck_assert_ptr_null(build(text));
    ck_assert_uint_eq(diagnostics.error_count, 1);
    says(DIAGNOSTIC_ERROR, words, line, column);
}

static struct call *call(const char *name) {
    struct call *found = registry_find(registry, name, strlen(name));
    ck_assert_ptr_nonnull(found);
    return found;
}

static char *life_of(void) {
    void *handle = dlopen(TEST_MODULE_DIR "/good.so", RTLD_NOW | RTLD_LOCAL); /* stays: it must outlive the registry */
    ck_assert_ptr_nonnull(handle);
    char *life = dlsym(handle, "good_life");
    ck_assert_ptr_nonnull(life);
    return life;
}

#define MODULE(section, file) "[module " section "]\npath = " TEST_MODULE_DIR "/" file ".so\n"
#define GOOD                  MODULE("good", "good")

/* -- refusals -- */

START_TEST(a_function_that_the_module_hasnt_is_refused) {
    refuses(GOOD "[call c]\nmodule = good\nfunction = great\n", "has no function \"great\"", 5, 12);
    ck_assert_str_eq(diagnostics.first->hint, "good has: greet, folder, fill, end, fail, fail_but_done, later");
}
END_TEST

START_TEST(a_call_that_could_be_any_function_is_refused) {
    refuses(GOOD "[call c]\nmodule = good\n", "say which function of module \"good\" it is: there are 7", 3, 7);
}
END_TEST

START_TEST(mistakes_of_all_sections_are_told_at_once) {
    ck_assert_ptr_null(build(MODULE("a", "no_symbol") MODULE("b", "other_abi") GOOD
                             "[call c]\nmodule = good\nfunction = no\n[call d]\nmodule = a\nfunction = x\n"
                             "[call greet]\nmodule = good\nextra = name\n[gather g]\ncalls = greet, d\n"));
    ck_assert_uint_eq(diagnostics.error_count, 4); /* nothing about d: its module has told why */
    says(DIAGNOSTIC_ERROR, "no symbol", 2, 8);
    says(DIAGNOSTIC_ERROR, "module ABI", 4, 8);
    says(DIAGNOSTIC_ERROR, "no function \"no\"", 9, 12);
    says(DIAGNOSTIC_ERROR, "declared twice", 13, 7);
}
END_TEST

START_TEST(what_was_opened_is_closed_when_something_else_is_wrong) {
    char *life = life_of();
    ck_assert_ptr_null(build(GOOD "[call greet]\nmodule = good\n[call c]\nmodule = good\nfunction = no\n"));
    ck_assert_str_eq(life, "opfc");
}
END_TEST

START_TEST(a_function_that_may_block_gets_a_warning_on_the_loop) {
    built(GOOD "[call folder]\nmodule = good\npool = none\n[call later]\nmodule = good\npool = none\n");
    ck_assert_uint_eq(diagnostics.error_count, 0);
    ck_assert_uint_eq(diagnostics.warning_count, 1);
    says(DIAGNOSTIC_WARNING, "\"folder\" may block", 5, 8);
    ck_assert_ptr_null(call("folder")->pool);
}
END_TEST

START_TEST(a_worker_whose_module_fails_stops_those_before_it) {
    char *life = life_of();
    built(GOOD MODULE("bad", "worker_fails") "[call folder]\nmodule = good\n[call b]\nmodule = bad\n");
    struct tt_error error = {0};
    void *state = NULL;
    ck_assert_int_eq(registry_worker_start(call("b")->pool, &state, &error), TT_SYSTEM);
    ck_assert_int_eq(error.status, TT_SYSTEM);
    ck_assert_int_eq(error.sys_errno, 111);
    ck_assert_str_eq(error.text, "module bad: no connection to anywhere");
    ck_assert_str_eq(life, "ose");
}
END_TEST

/* -- normal -- */

START_TEST(a_call_finds_its_function_and_its_pool) {
    built(GOOD MODULE("single", "single") "pool = slow\n"
                                          "[pool slow]\nworkers = 1\n[pool fast]\nworkers = 1\n"
                                          "[call greet]\nmodule = good\n"
                                          "[call any]\nmodule = single\nlimit = 3\ntimeout = 2s\n"
                                          "[call later]\nmodule = good\npool = none\n"
                                          "[call f]\nmodule = good\nfunction = folder\npool = slow\n"
                                          "[call fast]\nmodule = single\npool = fast\n");
    ck_assert_uint_eq(registry->call_count, 5);
    ck_assert_str_eq(call("greet")->function->name, "greet");
    ck_assert_str_eq(call("greet")->description, "Greets.");
    ck_assert_str_eq(call("greet")->pool->name, "default");
    ck_assert_str_eq(call("any")->function->name, "only");
    ck_assert_str_eq(call("any")->pool->name, "slow");
    ck_assert_uint_eq(call("any")->limiter.permit_count, 3);
    ck_assert_uint_eq(call("any")->timeout_us, 2000000);
    ck_assert_ptr_null(call("later")->pool);
    ck_assert_str_eq(call("f")->function->name, "folder");
    ck_assert_ptr_eq(call("f")->pool, call("any")->pool);
    ck_assert_str_eq(call("fast")->pool->name, "fast");
    /* slots count within each pool */
    ck_assert_uint_eq(call("any")->pool->module_count, 2);
    ck_assert_uint_eq(call("fast")->pool->module_count, 1);
    for (size_t i = 0; i < registry->call_count; i++) {
        const struct call *one = &registry->calls[i];
        if (one->pool != NULL)
            ck_assert_ptr_eq(one->pool->modules[one->module_slot], one->module);
    }
}
END_TEST

START_TEST(calls_are_found_by_their_whole_name_only) {
    char text[20000];
    int size = snprintf(text, sizeof text, "%s", MODULE("s", "single"));
    for (int i = 0; i < 300; i++)
        size += snprintf(text + size, sizeof text - (size_t)size, "[call call-%d]\nmodule = s\n", i);
    ck_assert_int_lt(size, (int)sizeof text);
    built(text);
    ck_assert_uint_eq(registry->call_count, 300);
    for (int i = 0; i < 300; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "call-%d", i);
        ck_assert_str_eq(call(name)->name, name);
    }
    ck_assert_ptr_null(registry_find(registry, "call-300", 8));
    ck_assert_ptr_null(registry_find(registry, "call-", 5));
    ck_assert_ptr_null(registry_find(registry, "", 0));
    ck_assert_ptr_null(registry_find(registry, "call-1\0", 7));
    ck_assert_str_eq(registry_find(registry, "call-123", 7)->name, "call-12");
}
END_TEST

START_TEST(an_empty_configuration_is_an_empty_registry) {
    built("");
    ck_assert_uint_eq(registry->call_count, 0);
    ck_assert_ptr_null(registry_find(registry, "x", 1));
}
END_TEST

START_TEST(a_gather_has_its_calls_in_order) {
    built(GOOD "[call folder]\nmodule = good\n[call later]\nmodule = good\npool = none\n"
               "[gather g]\ncalls = later, folder, later\nroute = GET /g\ntimeout = 1s\n");
    ck_assert_uint_eq(registry->gather_count, 1);
    const struct gather *gather = &registry->gathers[0];
    ck_assert_uint_eq(gather->call_count, 3);
    ck_assert_ptr_eq(gather->calls[0], call("later"));
    ck_assert_ptr_eq(gather->calls[1], call("folder"));
    ck_assert_ptr_eq(gather->calls[2], call("later"));
    ck_assert_uint_eq(gather->timeout_us, 1000000);
}
END_TEST

/* -- runs -- */

static struct call_run run;

/** Runs a call without a worker's state; the answer is to be deinit'ed. */
static enum tt_outcome run_call(const char *name, int64_t count, size_t limit) {
    static struct tt_value value;
    value = (struct tt_value){.type = TT_TYPE_INTEGER, .as.integer = count};
    memset(&run, 0xA5, sizeof run);
    call_run_init(&run, call(name), NULL, limit);
    run.run.args = &value;
    run.run.arg_count = 1;
    run.run.body = NULL;
    run.run.body_size = 0;
    run.run.body_type = NULL;
    run.run.id = "test";
    return call_run_execute(&run, NULL);
}

static void answers_detail(int status, const char *words) {
    ck_assert_int_eq(run.answer.status, status);
    ck_assert_uint_eq(run.answer.size, 0);
    ck_assert_ptr_nonnull(run.answer.detail);
    ck_assert_msg(strstr(run.answer.detail, words) != NULL, "\"%s\" lacks \"%s\"", run.answer.detail, words);
    call_run_deinit(&run);
}

#define RUNNABLE                                                                               \
    GOOD "[call fill]\nmodule = good\n[call end]\nmodule = good\n[call fail]\nmodule = good\n" \
         "[call fail_but_done]\nmodule = good\n[call later]\nmodule = good\npool = none\n"     \
         "[call late]\nmodule = good\nfunction = later\n[call greet]\nmodule = good\n[call folder]\nmodule = good\n"

START_TEST(an_answer_that_doesnt_fit_is_a_failure) {
    built(RUNNABLE);
    ck_assert_int_eq(run_call("fill", 11, 109), TT_FAILED);
    answers_detail(500, "limit of 109 bytes");
    ck_assert_int_eq(run_call("fill", 11, 110), TT_DONE);
    ck_assert_uint_eq(run.answer.size, 110);
    call_run_deinit(&run);
}
END_TEST

START_TEST(a_failure_without_a_reason_is_500) {
    built(RUNNABLE);
    ck_assert_int_eq(run_call("end", TT_FAILED, 1000), TT_FAILED);
    answers_detail(500, "didn't say why");
}
END_TEST

START_TEST(an_outcome_that_a_function_may_not_return_is_500) {
    static const int outcomes[] = {TT_NONE, TT_CRASHED, TT_CANCELLED, TT_EXPIRED_RUN, TT_ABANDONED, 77, -1};
    built(RUNNABLE);
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        ck_assert_int_eq(run_call("end", outcomes[i], 1000), TT_FAILED);
        answers_detail(500, "in a way that it may not");
    }
}
END_TEST

START_TEST(done_after_fail_is_a_failure) {
    built(RUNNABLE);
    ck_assert_int_eq(run_call("fail_but_done", 0, 1000), TT_FAILED);
    answers_detail(409, "taken");
}
END_TEST

START_TEST(a_failure_has_its_status_and_its_detail) {
    built(RUNNABLE);
    ck_assert_int_eq(run_call("fail", 404, 1000), TT_FAILED);
    answers_detail(404, "no luck here");
    ck_assert_int_eq(run_call("fail", 200, 1000), TT_FAILED);
    answers_detail(500, "no luck here");
}
END_TEST

START_TEST(only_a_call_on_the_loop_may_answer_later) {
    built(RUNNABLE);
    ck_assert_int_eq(run_call("late", 0, 1000), TT_FAILED);
    ck_assert(!run.finishes_later);
    answers_detail(500, "only in pool = none, and late is in pool = default");
    ck_assert_int_eq(run_call("later", 0, 1000), TT_DONE);
    ck_assert(run.finishes_later);
    ck_assert_uint_eq(run.later_us, 1500);
    call_run_deinit(&run);
}
END_TEST

START_TEST(a_call_has_the_states_of_its_module_its_worker_and_itself) {
    char *life = life_of();
    built(MODULE("single", "single") "[call first]\nmodule = single\n" RUNNABLE);
    struct call *greet = call("greet");
    ck_assert_uint_eq(greet->pool->module_count, 2);
    void *state = NULL;
    struct tt_error error = {0};
    ck_assert_int_eq(registry_worker_start(greet->pool, &state, &error), TT_OK);
    struct tt_value name = {.type = TT_TYPE_TEXT, .as.text = {.data = "Ann \"A\"", .size = 7}};
    call_run_init(&run, greet, NULL, 1000);
    run.run.args = &name;
    run.run.arg_count = 1;
    ck_assert_int_eq(call_run_execute(&run, state), TT_DONE);
    ck_assert_int_eq(run.answer.status, 200);
    ck_assert_mem_eq(run.answer.data, "[\"hello\",\"Ann \\\"A\\\"\",1,1]", run.answer.size);
    call_run_deinit(&run);
    registry_worker_stop(greet->pool, state);
    registry_destroy(registry);
    registry = NULL;
    ck_assert_str_eq(life, "opsrefc");
}
END_TEST

START_TEST(the_media_type_is_the_functions) {
    built(RUNNABLE);
    ck_assert_int_eq(run_call("folder", 0, 1000), TT_DONE);
    ck_assert_str_eq(run.answer.type, "text/plain");
    ck_assert_mem_eq(run.answer.data, "/etc/test/data", run.answer.size);
    call_run_deinit(&run);
}
END_TEST

static TCase *cases_of(Suite *suite, const char *name) {
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, setup, teardown);
    suite_add_tcase(suite, cases);
    return cases;
}

int main(void) {
    Suite *suite = suite_create("registry");
    TCase *refusals = cases_of(suite, "refusals");
    tcase_add_test(refusals, a_function_that_the_module_hasnt_is_refused);
    tcase_add_test(refusals, a_call_that_could_be_any_function_is_refused);
    tcase_add_test(refusals, mistakes_of_all_sections_are_told_at_once);
    tcase_add_test(refusals, what_was_opened_is_closed_when_something_else_is_wrong);
    tcase_add_test(refusals, a_function_that_may_block_gets_a_warning_on_the_loop);
    tcase_add_test(refusals, a_worker_whose_module_fails_stops_those_before_it);
    TCase *normal = cases_of(suite, "normal");
    tcase_add_test(normal, a_call_finds_its_function_and_its_pool);
    tcase_add_test(normal, calls_are_found_by_their_whole_name_only);
    tcase_add_test(normal, an_empty_configuration_is_an_empty_registry);
    tcase_add_test(normal, a_gather_has_its_calls_in_order);
    TCase *runs = cases_of(suite, "runs");
    tcase_add_test(runs, an_answer_that_doesnt_fit_is_a_failure);
    tcase_add_test(runs, a_failure_without_a_reason_is_500);
    tcase_add_test(runs, an_outcome_that_a_function_may_not_return_is_500);
    tcase_add_test(runs, done_after_fail_is_a_failure);
    tcase_add_test(runs, a_failure_has_its_status_and_its_detail);
    tcase_add_test(runs, only_a_call_on_the_loop_may_answer_later);
    tcase_add_test(runs, a_call_has_the_states_of_its_module_its_worker_and_itself);
    tcase_add_test(runs, the_media_type_is_the_functions);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

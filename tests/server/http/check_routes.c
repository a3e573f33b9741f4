/**
 * Routes: what the configuration may not ask for, then who answers what.
 */
#include "server/http/routes.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

static struct diagnostics diagnostics;
static struct config *config;
static struct registry *registry;
static struct routes *routes;

static void setup(void) {
    diagnostics_init(&diagnostics);
}

static void teardown(void) {
    routes_destroy(routes);
    routes = NULL;
    registry_destroy(registry);
    registry = NULL;
    config_destroy(config);
    config = NULL;
    diagnostics_deinit(&diagnostics);
}

/* greet has the parameter "name", fill and end have "count" */
#define GOOD "[module good]\npath = " TEST_MODULE_DIR "/good.so\n"

static struct routes *build(const char *text) {
    teardown();
    setup();
    struct config_source source = {.text = text, .text_name = "test.conf", .text_folder = "/etc/test"};
    config = config_load(&source, &diagnostics);
    if (config != NULL)
        registry = registry_build(config, &diagnostics);
    if (registry == NULL)
        diagnostics_print(&diagnostics, stderr);
    ck_assert_ptr_nonnull(registry);
    routes = routes_build(registry, &diagnostics);
    return routes;
}

static void says(const char *words, unsigned line, unsigned column) {
    for (const struct diagnostic *one = diagnostics.first; one != NULL; one = one->next) {
        if (strstr(one->message, words) == NULL)
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
    says(words, line, column);
}

static const struct route_target *find(enum http_method method, const char *path) {
    struct route_match match;
    route_find(routes->table, method, path, strlen(path), &match);
    return match.target;
}

/* -- refusals -- */

START_TEST(a_malformed_route_is_refused) {
    ck_assert_ptr_null(build(GOOD "[call greet]\nmodule = good\nroute = /greet\n"));
    ck_assert_uint_eq(diagnostics.error_count, 1);
    ck_assert_uint_eq(diagnostics.first->at.line, 5);
    ck_assert_uint_eq(diagnostics.first->at.column, 9);
    ck_assert_ptr_null(build(GOOD "[call greet]\nmodule = good\nroute = GET /{name\n"));
    ck_assert_uint_eq(diagnostics.error_count, 1);
}
END_TEST

START_TEST(braces_that_no_parameter_has_are_refused) {
    refuses(GOOD "[call greet]\nmodule = good\nroute = GET /greet/{nam}\n", "{nam} is no parameter of call \"greet\"",
            5, 9);
    ck_assert_ptr_null(build(GOOD "[call greet]\nmodule = good\nroute = GET /{name}/{a}/{b...}\n"));
    ck_assert_uint_eq(diagnostics.error_count, 2);
}
END_TEST

START_TEST(braces_of_a_gather_must_be_parameters_of_all_its_calls) {
    refuses(GOOD "[call fill]\nmodule = good\n[call greet]\nmodule = good\n"
                 "[gather g]\ncalls = fill, greet\nroute = GET /g/{count}\n",
            "{count} is no parameter of call \"greet\"", 9, 9);
}
END_TEST

START_TEST(a_route_that_is_taken_is_refused_with_the_place_of_the_other) {
    refuses(GOOD "[call greet]\nmodule = good\nroute = GET /x/{name}\n"
                 "[call fill]\nmodule = good\nroute = POST|GET /x/{count}\n",
            "is the same as [call greet]'s at test.conf:5", 8, 9);
    refuses(GOOD "[call greet]\nmodule = good\nroute = GET /x\n[gather g]\ncalls = greet\nroute = GET /x\n",
            "is the same as [call greet]'s at test.conf:5", 8, 9);
    refuses(GOOD "[call greet]\nmodule = good\n[gather f]\ncalls = greet\nroute = GET /x\n"
                 "[gather g]\ncalls = greet\nroute = GET /x\n",
            "is the same as [gather f]'s at test.conf:7", 10, 9);
}
END_TEST

START_TEST(the_services_own_routes_cant_be_taken) {
    refuses(GOOD "[call greet]\nmodule = good\nroute = POST /gather\n", "the service itself answers", 5, 9);
    refuses(GOOD "[call greet]\nmodule = good\nroute = GET|POST /call/fill\n[call fill]\nmodule = good\n",
            "what [call fill] answers without being told", 5, 9);
    refuses(GOOD "[call greet]\nmodule = good\nroute = POST /call/greet\n", "what [call greet] answers", 5, 9);
}
END_TEST

/* -- normal -- */

START_TEST(everything_is_answered_by_its_target) {
    ck_assert_ptr_nonnull(build(GOOD
                                "[call greet]\nmodule = good\nroute = GET /greet/{name}\n[call fill]\nmodule = good\n"
                                "[gather g]\ncalls = fill, fill\nroute = GET /both\n[gather h]\ncalls = fill\n"));
    struct call *greet = registry_find(registry, "greet", 5);
    const struct route_target *target = find(HTTP_GET, "/greet/Ann");
    ck_assert_ptr_nonnull(target);
    ck_assert_int_eq(target->kind, ROUTE_CALL);
    ck_assert(!target->is_own);
    ck_assert_ptr_eq(target->call, greet);
    target = find(HTTP_POST, "/call/greet");
    ck_assert_ptr_nonnull(target);
    ck_assert(target->is_own);
    ck_assert_ptr_eq(target->call, greet);
    ck_assert_ptr_eq(find(HTTP_POST, "/call/fill")->call, registry_find(registry, "fill", 4));
    ck_assert_ptr_null(find(HTTP_POST, "/call/h"));
    ck_assert_ptr_null(find(HTTP_GET, "/call/greet"));
    target = find(HTTP_GET, "/both");
    ck_assert_ptr_nonnull(target);
    ck_assert_int_eq(target->kind, ROUTE_GATHER);
    ck_assert_ptr_eq(target->gather, &registry->gathers[0]);
    target = find(HTTP_POST, "/gather");
    ck_assert_ptr_nonnull(target);
    ck_assert_int_eq(target->kind, ROUTE_GATHER_ANY);
    ck_assert_ptr_null(find(HTTP_GET, "/nothing"));
}
END_TEST

START_TEST(a_call_may_have_its_own_path_with_another_method) {
    ck_assert_ptr_nonnull(build(GOOD "[call greet]\nmodule = good\nroute = GET /call/greet\n"));
    ck_assert(!find(HTTP_GET, "/call/greet")->is_own);
    ck_assert(find(HTTP_POST, "/call/greet")->is_own);
}
END_TEST

static TCase *cases_of(Suite *suite, const char *name) {
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, setup, teardown);
    suite_add_tcase(suite, cases);
    return cases;
}

int main(void) {
    Suite *suite = suite_create("routes");
    TCase *refusals = cases_of(suite, "refusals");
    tcase_add_test(refusals, a_malformed_route_is_refused);
    tcase_add_test(refusals, braces_that_no_parameter_has_are_refused);
    tcase_add_test(refusals, braces_of_a_gather_must_be_parameters_of_all_its_calls);
    tcase_add_test(refusals, a_route_that_is_taken_is_refused_with_the_place_of_the_other);
    tcase_add_test(refusals, the_services_own_routes_cant_be_taken);
    TCase *normal = cases_of(suite, "normal");
    tcase_add_test(normal, everything_is_answered_by_its_target);
    tcase_add_test(normal, a_call_may_have_its_own_path_with_another_method);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

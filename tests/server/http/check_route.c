/* Route: malformed patterns, precedence, what braces take and don't, 405, one cost for ten routes and a thousand. */
#include "server/http/route.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const malformed[] = {
    "",
    "GET",
    "GET ",
    "/x",
    " /x",
    "GET x",
    "get /x",
    "CONNECT /x",
    "FOO /x",
    "GETX /x",
    "GE /x",
    "GET| /x",
    "|GET /x",
    "GET||POST /x",
    "GET|GET /x",
    "GET | POST /x",
    "GET /a b",
    "GET /a?b",
    "GET /a#b",
    "GET /\xc3\xa9",
    "GET /a\\b",
    "GET /a[b]",
    "GET /%zz",
    "GET /%4",
    "GET /.",
    "GET /..",
    "GET /a/../b",
    "GET /a/%2e%2E/b",
    "GET /a/.%2e",
    "GET /a/..%2fb",
    "GET /x{name}",
    "GET /{name}x",
    "GET /{a}{b}",
    "GET /{name",
    "GET /name}",
    "GET /{}",
    "GET /{...}",
    "GET /{1a}",
    "GET /{-a}",
    "GET /{a b}",
    "GET /{a.b}",
    "GET /{a..}",
    "GET /{a....}",
    "GET /{a...}/b",
    "GET /{a...}/",
    "GET /{a}/{a}",
    "GET /{a}/{a...}",
    "GET /{a123456789012345678901234567890123456789012345678901234567890123456}",
    "GET /{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
    "GET /1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z",
};

START_TEST(a_malformed_pattern_is_refused_with_a_reason) {
    struct tt_error error = {.status = TT_OK};
    struct route_table *table = route_table_create();
    int target;
    ck_assert_ptr_nonnull(table);
    ck_assert_msg(route_check(malformed[_i], NULL, NULL, &error) == TT_INVALID, "not refused: %s", malformed[_i]);
    ck_assert_int_eq(error.status, TT_INVALID);
    ck_assert_uint_gt(strlen(error.text), 10);
    ck_assert_int_eq(route_add(table, malformed[_i], &target, NULL, NULL), TT_INVALID);
    route_table_destroy(table);
}
END_TEST

/* A table for all tests below; a route's target is its own pattern. */
static const char *const routes[] = {
    "GET /",
    "GET /a",
    "POST /a",
    "GET /a/",
    "GET /a/b/c",
    "GET|POST /m/{id}",
    "DELETE /m/{other}",
    "GET /m/literal",
    "GET /{x}/b/d",
    "GET /a/{y}/e",
    "GET /files/{path...}",
    "GET /files/{one}",
    "GET /files/{one}/two",
    "GET /files/literal",
    "PUT /files/literal/x",
    "HEAD /head/{x}",
    "GET /head/{x}",
    "GET /e%20f/{x}",
    "OPTIONS|PATCH|TRACE /all",
    "GET /8/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h...}",
};
static struct route_table *table;

static void table_make(void) {
    table = route_table_create();
    ck_assert_ptr_nonnull(table);
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct tt_error error;
        enum tt_status status = route_add(table, routes[i], (void *)(uintptr_t)routes[i], NULL, &error);
        ck_assert_msg(status == TT_OK, "%s: %s", routes[i], error.text);
    }
}

static void table_end(void) {
    route_table_destroy(table);
}

struct lookup {
    enum http_method method;
    const char *path;
    const char *found; /* pattern and captures "name=data,"; "405 Allow"; or "404" */
};

static const struct lookup lookups[] = {
    /* nothing is normalised */
    {HTTP_GET, "/", "GET /"},
    {HTTP_GET, "", "GET /"},
    {HTTP_GET, "//", "404"},
    {HTTP_GET, "/a", "GET /a"},
    {HTTP_GET, "/A", "404"},
    {HTTP_GET, "/%61", "404"},
    {HTTP_GET, "/a/", "GET /a/"},
    {HTTP_GET, "/a//", "404"},
    {HTTP_GET, "//a", "404"},
    {HTTP_GET, "a", "404"},
    {HTTP_GET, "*", "404"},
    {HTTP_GET, "/a/b/c", "GET /a/b/c"},
    {HTTP_GET, "/a/b/c/", "404"},
    {HTTP_GET, "/a/b", "404"},
    {HTTP_GET, "/all/of/this/is/longer/than/any/pattern", "404"},
    {HTTP_GET, "/e%20f/%41", "GET /e%20f/{x} x=%41,"},
    {HTTP_GET, "/e f/1", "404"},
    /* dots never match */
    {HTTP_GET, "/.", "404"},
    {HTTP_GET, "/m/.", "404"},
    {HTTP_GET, "/m/..", "404"},
    {HTTP_GET, "/m/%2e", "404"},
    {HTTP_GET, "/m/%2E.", "404"},
    {HTTP_GET, "/m/.%2e", "404"},
    {HTTP_GET, "/m/%2e%2E", "404"},
    {HTTP_GET, "/m/..%2fx", "404"},
    {HTTP_GET, "/m/x%2F..", "404"},
    {HTTP_GET, "/m/x%2f%2e%2E%2fy", "404"},
    {HTTP_GET, "/files/..", "404"},
    {HTTP_GET, "/files/../x", "404"},
    {HTTP_GET, "/files/x/../y", "404"},
    {HTTP_GET, "/files/x/..", "404"},
    {HTTP_GET, "/files/x/./y", "404"},
    {HTTP_GET, "/files/x/%2e%2e/y", "404"},
    {HTTP_GET, "/files/x/%2e%2e%2fy", "404"},
    {HTTP_GET, "/../b/d", "404"},
    {HTTP_GET, "/m/...", "GET|POST /m/{id} id=...,"},
    {HTTP_GET, "/m/.x", "GET|POST /m/{id} id=.x,"},
    {HTTP_GET, "/m/x..", "GET|POST /m/{id} id=x..,"},
    {HTTP_GET, "/m/%2e%2e%2e", "GET|POST /m/{id} id=%2e%2e%2e,"},
    {HTTP_GET, "/m/..%2", "GET|POST /m/{id} id=..%2,"},
    /* braces take one segment, not an empty one */
    {HTTP_GET, "/m/1", "GET|POST /m/{id} id=1,"},
    {HTTP_POST, "/m/a%2fb", "GET|POST /m/{id} id=a%2fb,"},
    {HTTP_DELETE, "/m/1", "DELETE /m/{other} other=1,"},
    {HTTP_GET, "/m", "404"},
    {HTTP_GET, "/m/", "404"},
    {HTTP_GET, "/m/1/", "404"},
    {HTTP_GET, "/m/1/2", "404"},
    /* precedence: literal, braces, rest; a literal that leads nowhere is no obstacle */
    {HTTP_GET, "/m/literal", "GET /m/literal"},
    {HTTP_POST, "/m/literal", "GET|POST /m/{id} id=literal,"},
    {HTTP_GET, "/a/b/d", "GET /{x}/b/d x=a,"},
    {HTTP_GET, "/a/b/e", "GET /a/{y}/e y=b,"},
    {HTTP_GET, "/z/b/d", "GET /{x}/b/d x=z,"},
    {HTTP_GET, "/files/literal", "GET /files/literal"},
    {HTTP_GET, "/files/1", "GET /files/{one} one=1,"},
    {HTTP_GET, "/files/1/two", "GET /files/{one}/two one=1,"},
    {HTTP_GET, "/files/1/three", "GET /files/{path...} path=1/three,"},
    {HTTP_GET, "/files/literal/x", "GET /files/{path...} path=literal/x,"},
    {HTTP_PUT, "/files/literal/x", "PUT /files/literal/x"},
    {HTTP_GET, "/files//x//", "GET /files/{path...} path=/x//,"},
    {HTTP_GET, "/files/", "404"},
    {HTTP_GET, "/files", "404"},
    {HTTP_GET, "/8/1/2/3/4/5/6/7/8/9", "GET /8/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h...} a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8/9,"},
    /* methods */
    {HTTP_HEAD, "/a", "GET /a"},
    {HTTP_HEAD, "/m/1", "GET|POST /m/{id} id=1,"},
    {HTTP_HEAD, "/head/1", "HEAD /head/{x} x=1,"},
    {HTTP_GET, "/head/1", "GET /head/{x} x=1,"},
    {HTTP_HEAD, "/all", "405 PATCH, OPTIONS, TRACE"},
    {HTTP_PUT, "/a", "405 GET, HEAD, POST"},
    {HTTP_OTHER, "/a", "405 GET, HEAD, POST"},
    {HTTP_CONNECT, "/a", "405 GET, HEAD, POST"},
    {HTTP_OPTIONS, "/m/1", "405 GET, HEAD, POST, DELETE"},
    {HTTP_POST, "/files/literal/x", "405 GET, HEAD, PUT"},
    {HTTP_PUT, "/m/literal", "405 GET, HEAD, POST, DELETE"},
    {HTTP_OPTIONS, "/all", "OPTIONS|PATCH|TRACE /all"},
    {HTTP_TRACE, "/all", "OPTIONS|PATCH|TRACE /all"},
    {HTTP_POST, "/nowhere/1", "404"},
};

static void describe(const struct route_match *match, char *text, size_t capacity) {
    if (match->target == NULL) {
        ck_assert(match->path_exists == (match->allow[0] != '\0'));
        (void)snprintf(text, capacity, match->path_exists ? "405 %s" : "404", match->allow);
        return;
    }
    ck_assert(match->path_exists);
    int size = snprintf(text, capacity, "%s%s", (const char *)match->target, match->capture_count > 0 ? " " : "");
    for (size_t i = 0; i < match->capture_count; i++) {
        const struct route_capture *capture = &match->captures[i];
        size += snprintf(text + size, capacity - (size_t)size, "%s=%.*s,", capture->name, (int)capture->size,
                         capture->data);
    }
}

START_TEST(a_path_finds_the_most_literal_route_that_has_its_method) {
    const struct lookup *one = &lookups[_i];
    struct route_match match;
    char found[200];
    size_t size = strlen(one->path);
    char *path = malloc(size + 1); /* of its exact size, for the sanitizer */
    ck_assert_ptr_nonnull(path);
    path = realloc(path, size > 0 ? size : 1);
    memcpy(path, one->path, size);
    route_find(table, one->method, path, size, &match);
    describe(&match, found, sizeof found);
    ck_assert_msg(strcmp(found, one->found) == 0, "%s: found %s and not %s", one->path, found, one->found);
    free(path);
}
END_TEST

START_TEST(a_route_that_exists_already_is_refused_and_nothing_is_added) {
    struct tt_error error;
    struct route_match match;
    void *taken = NULL;
    int target;
    ck_assert_int_eq(route_add(table, "PUT|POST /m/{name}", &target, &taken, &error), TT_FULL);
    ck_assert_str_eq(taken, "GET|POST /m/{id}");
    ck_assert_str_eq(error.text, "the route POST /m/{name} exists already");
    route_find(table, HTTP_PUT, "/m/1", 4, &match);
    ck_assert_ptr_null(match.target);
    ck_assert_int_eq(route_add(table, "GET /a", &target, NULL, NULL), TT_FULL);
    ck_assert_int_eq(route_add(table, "GET /files/{other...}", &target, NULL, NULL), TT_FULL);
    ck_assert_int_eq(route_add(table, "PUT /m/{name}", &target, &taken, &error), TT_OK);
    route_find(table, HTTP_PUT, "/m/1", 4, &match);
    ck_assert_ptr_eq(match.target, &target);
    ck_assert_str_eq(match.captures[0].name, "name");
}
END_TEST

START_TEST(an_explicit_head_may_come_before_or_after_get) {
    struct route_match match;
    int head;
    ck_assert_int_eq(route_add(table, "HEAD /a", &head, NULL, NULL), TT_OK);
    route_find(table, HTTP_HEAD, "/a", 2, &match);
    ck_assert_ptr_eq(match.target, &head);
    route_find(table, HTTP_GET, "/a", 2, &match);
    ck_assert_str_eq(match.target, "GET /a");
}
END_TEST

START_TEST(a_method_from_a_route_that_was_refused_is_not_allowed) {
    struct route_match match;
    int target;
    ck_assert_int_eq(route_add(table, "PUT|GET /a", &target, NULL, NULL), TT_FULL);
    route_find(table, HTTP_PUT, "/a", 2, &match);
    ck_assert_str_eq(match.allow, "GET, HEAD, POST");
}
END_TEST

struct names {
    char text[64];
};

static void name_add(void *context, const char *name, size_t size) {
    struct names *names = context;
    size_t used = strlen(names->text);
    (void)snprintf(names->text + used, sizeof names->text - used, "%.*s,", (int)size, name);
}

START_TEST(check_tells_the_names_in_braces_in_order) {
    struct names names = {""};
    ck_assert_int_eq(route_check("GET /{b}/x/{a_1-c}/{rest...}", name_add, &names, NULL), TT_OK);
    ck_assert_str_eq(names.text, "b,a_1-c,rest,");
}
END_TEST

START_TEST(destroy_takes_null) {
    route_table_destroy(NULL);
}
END_TEST

START_TEST(a_thousand_routes_are_all_found) {
    static char patterns[1000][40];
    struct route_match match;
    for (size_t i = 0; i < 1000; i++) {
        (void)snprintf(patterns[i], sizeof patterns[i], i % 2 == 0 ? "GET /lot/of/%zu" : "GET /lot/%zu/{x}/end", i);
        ck_assert_int_eq(route_add(table, patterns[i], patterns[i], NULL, NULL), TT_OK);
    }
    for (size_t i = 0; i < 1000; i++) {
        char path[40];
        (void)snprintf(path, sizeof path, i % 2 == 0 ? "/lot/of/%zu" : "/lot/%zu/abc/end", i);
        route_find(table, HTTP_GET, path, strlen(path), &match);
        ck_assert_ptr_eq(match.target, patterns[i]);
        ck_assert_uint_eq(match.capture_count, i % 2);
    }
    route_find(table, HTTP_GET, "/lot/of/1000", 12, &match);
    ck_assert(!match.path_exists);
}
END_TEST

static Suite *route_suite(void) {
    Suite *suite = suite_create("route");
    TCase *refusals = tcase_create("refusals");
    tcase_add_checked_fixture(refusals, table_make, table_end);
    tcase_add_loop_test(refusals, a_malformed_pattern_is_refused_with_a_reason, 0,
                        (int)(sizeof malformed / sizeof malformed[0]));
    tcase_add_test(refusals, a_route_that_exists_already_is_refused_and_nothing_is_added);
    tcase_add_test(refusals, a_method_from_a_route_that_was_refused_is_not_allowed);
    tcase_add_test(refusals, destroy_takes_null);
    suite_add_tcase(suite, refusals);
    TCase *normal = tcase_create("normal");
    tcase_add_checked_fixture(normal, table_make, table_end);
    tcase_add_loop_test(normal, a_path_finds_the_most_literal_route_that_has_its_method, 0,
                        (int)(sizeof lookups / sizeof lookups[0]));
    tcase_add_test(normal, an_explicit_head_may_come_before_or_after_get);
    tcase_add_test(normal, check_tells_the_names_in_braces_in_order);
    tcase_add_test(normal, a_thousand_routes_are_all_found);
    suite_add_tcase(suite, normal);
    return suite;
}

int main(void) {
    SRunner *runner = srunner_create(route_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

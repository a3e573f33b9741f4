/**
 * Args: mistakes first, each with its pointer; then what may be written, exact to the last bit.
 */
#include "server/http/args.h"
#include "server/json.h"
#include <check.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct args args;

static const struct tt_param params[] = {
    {.name = "id", .type = TT_TYPE_INTEGER},
    {.name = "x", .type = TT_TYPE_REAL},
    {.name = "on", .type = TT_TYPE_BOOLEAN},
    {.name = "name", .type = TT_TYPE_TEXT},
    {.name = "any", .type = TT_TYPE_ANY},
    {.name = "limit", .type = TT_TYPE_INTEGER, .minimum = 1, .maximum = 100, .default_text = "10"},
};
enum { ID, X, ON, NAME, ANY, LIMIT, COUNT };

static void setup(void) {
    arena_init(&arena, NULL, 0);
}

static void teardown(void) {
    arena_reset(&arena);
}

static enum tt_status decode_input(const struct args_input *input) {
    arena_reset(&arena);
    memset(&args, 0xA5, sizeof args);
    return args_decode(params, COUNT, input, &arena, &args);
}

/** Both in memory of their exact size: a sanitizer watches the ends. */
static enum tt_status decode(const char *query, const char *body) {
    size_t query_size = query != NULL ? strlen(query) : 0;
    size_t body_size = body != NULL ? strlen(body) : 0;
    char *query_copy = malloc(query_size + 1);
    char *body_copy = malloc(body_size + 1);
    ck_assert(query_copy != NULL && body_copy != NULL);
    char *exact_query = realloc(query_copy, query_size > 0 ? query_size : 1);
    char *exact_body = realloc(body_copy, body_size > 0 ? body_size : 1);
    ck_assert(exact_query != NULL && exact_body != NULL);
    memcpy(exact_query, query != NULL ? query : "", query_size);
    memcpy(exact_body, body != NULL ? body : "", body_size);
    struct args_input input = {
        .query = exact_query, .query_size = query_size, .body = exact_body, .body_size = body_size};
    enum tt_status status = decode_input(&input);
    free(exact_query); /* what is kept was copied */
    free(exact_body);
    return status;
}

static void is_mistake(const char *pointer, const char *detail) {
    ck_assert_uint_ge(args.mistake_count, 1);
    ck_assert_str_eq(args.mistakes[0].pointer, pointer);
    ck_assert_msg(strstr(args.mistakes[0].detail, detail) != NULL, "\"%s\" lacks \"%s\"", args.mistakes[0].detail,
                  detail);
}

static void refuse_query(const char *query, const char *pointer, const char *detail) {
    ck_assert_msg(decode(query, NULL) == TT_INVALID, "%s was taken", query);
    ck_assert_uint_eq(args.mistake_count, 1);
    is_mistake(pointer, detail);
}

static void refuse_body(const char *body, const char *pointer, const char *detail) {
    ck_assert_msg(decode(NULL, body) == TT_INVALID, "%s was taken", body);
    ck_assert_uint_eq(args.mistake_count, 1);
    ck_assert(!args.body_is_malformed);
    is_mistake(pointer, detail);
}

/* -- refusals -- */

START_TEST(what_is_no_integer_is_refused) {
    static const char *const queries[] = {"id=",   "id=-",      "id=12x",   "id=1.0",  "id=0x10", "id=1e3",
                                          "id=+1", "id=%2B1",   "id=%201",  "id=1%20", "id=--1",  "id=1%00",
                                          "id",    "id=%D9%A1", "id=1_000", "id=1,0"};
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        refuse_query(queries[i], "/id", "whole number");
}
END_TEST

START_TEST(an_integer_beyond_64_bits_is_refused) {
    refuse_query("id=9223372036854775808", "/id", "64 bits");
    refuse_query("id=-9223372036854775809", "/id", "64 bits");
    refuse_query("id=99999999999999999999999999999999", "/id", "64 bits");
    ck_assert_int_eq(decode(NULL, "{\"id\":9223372036854775808}"), TT_INVALID);
    ck_assert_ptr_nonnull(strstr(args.mistakes[0].detail, "range of 64 bits"));
}
END_TEST

START_TEST(what_is_no_decimal_is_refused) {
    static const char *const queries[] = {"x=",     "x=nan", "x=inf", "x=-Infinity", "x=0x1p3", "x=1e999",
                                          "x=.5",   "x=5.",  "x=1e",  "x=1e%2B",     "x=1,5",   "x=1.5.5",
                                          "x=%201", "x=1f",  "x=-",   "x=e5",        "x=+1.5"};
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        refuse_query(queries[i], "/x", "decimal number");
}
END_TEST

START_TEST(what_is_no_boolean_is_refused) {
    static const char *const queries[] = {"on=", "on", "on=yes", "on=TRUE", "on=2", "on=true%20", "on=tru", "on=00"};
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        refuse_query(queries[i], "/on", "true or false");
}
END_TEST

START_TEST(text_with_nul_or_broken_utf8_is_refused) {
    refuse_query("name=a%00b", "/name", "UTF-8 without NUL");
    refuse_query("name=%FF", "/name", "UTF-8");
    refuse_query("name=%C0%AF", "/name", "UTF-8");
    refuse_query("any=%ED%A0%80", "/any", "UTF-8");
}
END_TEST

START_TEST(a_malformed_escape_is_refused) {
    refuse_query("name=%", "/name", "percent");
    refuse_query("name=a%4", "/name", "percent");
    refuse_query("name=%zz", "/name", "percent");
    refuse_query("name=%4g", "/name", "percent");
    refuse_query("na%me=a", "", "percent");
}
END_TEST

START_TEST(a_json_value_of_another_type_is_refused) {
    refuse_body("{\"id\":1.0}", "/id", "whole number of 64 bits, not a number");
    refuse_body("{\"id\":\"1\"}", "/id", "not a string");
    refuse_body("{\"id\":true}", "/id", "not a boolean");
    refuse_body("{\"x\":\"1.5\"}", "/x", "not a string");
    refuse_body("{\"on\":1}", "/on", "not an integer");
    refuse_body("{\"on\":\"true\"}", "/on", "not a string");
    refuse_body("{\"name\":5}", "/name", "not an integer");
    refuse_body("{\"name\":[\"a\"]}", "/name", "not an array");
    refuse_body("{\"any\":{}}", "/any", "not an object");
    refuse_body("{\"any\":[1]}", "/any", "not an array");
}
END_TEST

START_TEST(a_body_must_be_an_object) {
    refuse_body("[1]", "", "object, not an array");
    refuse_body("null", "", "object, not null");
    refuse_body("5", "", "object, not an integer");
}
END_TEST

START_TEST(a_malformed_body_is_told_apart_and_placed) {
    ck_assert_int_eq(decode("id=x&nope=1", "{\"id\":\n 1,}"), TT_INVALID);
    ck_assert(args.body_is_malformed);
    ck_assert_uint_eq(args.mistake_count, 1);
    is_mistake("", "line 2");
    ck_assert_int_eq(decode(NULL, " "), TT_INVALID);
    ck_assert(args.body_is_malformed);
}
END_TEST

START_TEST(a_name_given_twice_in_the_body_is_malformed) {
    ck_assert_int_eq(decode(NULL, "{\"id\":1,\"id\":1}"), TT_INVALID);
    ck_assert(args.body_is_malformed);
}
END_TEST

START_TEST(an_argument_given_twice_is_refused) {
    refuse_query("id=1&id=1", "/id", "twice in the query");
    ck_assert_int_eq(decode("id=1", "{\"id\":1}"), TT_INVALID);
    is_mistake("/id", "twice: in the query and in the body");
    ck_assert_int_eq(decode("id=1", "{\"id\":null}"), TT_INVALID);
    struct route_capture capture = {.name = "id", .data = "7", .size = 1};
    struct args_input input = {.captures = &capture, .capture_count = 1, .query = "i%64=7", .query_size = 6};
    ck_assert_int_eq(decode_input(&input), TT_INVALID);
    is_mistake("/id", "twice: in the path and in the query");
}
END_TEST

START_TEST(an_unknown_name_is_refused_with_a_hint) {
    refuse_query("limt=5", "/limt", "did you mean \"limit\"?");
    refuse_query("zebra=5", "/zebra", "no such parameter");
    ck_assert_ptr_null(strstr(args.mistakes[0].detail, "did you mean"));
    refuse_body("{\"nam\":\"a\"}", "/nam", "did you mean \"name\"?");
    refuse_query("=5", "/", "no such parameter");
    refuse_query("nam=5", "/nam", "no such parameter");
    refuse_query("names=5", "/names", "no such parameter");
    refuse_query("id%00xyzzy=5", "", "without NUL");
    refuse_query("%FF=5", "", "UTF-8");
}
END_TEST

START_TEST(names_in_pointers_are_escaped) {
    refuse_body("{\"a/b~c\":1}", "/a~1b~0c", "no such parameter");
    refuse_query("~%2F=1", "/~0~1", "no such parameter");
}
END_TEST

START_TEST(an_endless_name_is_refused_without_repeating_it) {
    char query[1000];
    memset(query, 'a', sizeof query - 1);
    query[sizeof query - 1] = '\0';
    refuse_query(query, "", "longer");
}
END_TEST

START_TEST(what_is_out_of_range_is_refused) {
    refuse_query("limit=0", "/limit", "from 1 to 100");
    refuse_query("limit=101", "/limit", "from 1 to 100");
    refuse_query("limit=-9223372036854775808", "/limit", "from 1 to 100");
    refuse_body("{\"limit\":101}", "/limit", "from 1 to 100");
    static const struct tt_param ranged[] = {
        {.name = "x", .type = TT_TYPE_REAL, .minimum = -1, .maximum = 1},
        {.name = "s", .type = TT_TYPE_TEXT, .minimum = 2, .maximum = 3},
    };
    static const char *const bad[] = {"x=1.0000001", "x=-1.5", "s=a", "s=abcd", "s=%C3%A9%C3%A9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct args_input input = {.query = bad[i], .query_size = strlen(bad[i])};
        ck_assert_int_eq(args_decode(ranged, 2, &input, &arena, &args), TT_INVALID);
        ck_assert_uint_eq(args.mistake_count, 1);
    }
    is_mistake("/s", "2 to 3 bytes");
    struct args_input input = {.query = "x=-1&s=abc", .query_size = 10};
    ck_assert_int_eq(args_decode(ranged, 2, &input, &arena, &args), TT_OK);
}
END_TEST

START_TEST(what_is_required_must_be_there) {
    static const struct tt_param required[] = {{.name = "a", .type = TT_TYPE_TEXT, .is_required = true},
                                               {.name = "b", .type = TT_TYPE_TEXT}};
    struct args_input input = {.query = NULL};
    ck_assert_int_eq(args_decode(required, 2, &input, &arena, &args), TT_INVALID);
    ck_assert_uint_eq(args.mistake_count, 1);
    is_mistake("/a", "is required");
    input.body = "{\"a\":null}";
    input.body_size = 10;
    ck_assert_int_eq(args_decode(required, 2, &input, &arena, &args), TT_INVALID);
    is_mistake("/a", "must not be null");
    input.body = "{\"a\":5}"; /* there, but wrong: one mistake, not two */
    input.body_size = 7;
    ck_assert_int_eq(args_decode(required, 2, &input, &arena, &args), TT_INVALID);
    ck_assert_uint_eq(args.mistake_count, 1);
    is_mistake("/a", "must be a text");
    input = (struct args_input){.query = "a", .query_size = 1};
    ck_assert_int_eq(args_decode(required, 2, &input, &arena, &args), TT_OK);
    ck_assert_int_eq(args.values[0].type, TT_TYPE_TEXT);
    ck_assert_uint_eq(args.values[0].as.text.size, 0);
    ck_assert_int_eq(args.values[1].type, TT_TYPE_NONE);
}
END_TEST

START_TEST(all_mistakes_come_at_once_but_no_more_than_sixteen) {
    ck_assert_int_eq(decode("id=x&x=y&limit=1000", "{\"on\":3,\"nope\":1}"), TT_INVALID);
    ck_assert_uint_eq(args.mistake_count, 5);
    char query[400] = "";
    for (int i = 0; i < 40; i++) {
        char piece[10] = {'&', (char)('a' + i % 26), (char)('a' + i / 26), 'q', '=', '\0'};
        memcpy(query + 5 * i, piece, 6);
    }
    ck_assert_int_eq(decode(query, "{\"zz\":1,\"zzz\":2}"), TT_INVALID);
    ck_assert_uint_eq(args.mistake_count, ARGS_MISTAKES_MAX);
}
END_TEST

/* -- what may be written -- */

START_TEST(nothing_to_decode_takes_no_memory) {
    struct args_input input = {.query = NULL};
    ck_assert_int_eq(args_decode(NULL, 0, &input, &arena, &args), TT_OK);
    ck_assert_uint_eq(args.count, 0);
    ck_assert_uint_eq(args.mistake_count, 0);
    ck_assert_ptr_null(arena.blocks);
}
END_TEST

START_TEST(what_is_absent_is_none_or_its_default) {
    ck_assert_int_eq(decode(NULL, NULL), TT_OK);
    ck_assert_uint_eq(args.count, COUNT);
    for (size_t i = 0; i < LIMIT; i++)
        ck_assert_int_eq(args.values[i].type, TT_TYPE_NONE);
    ck_assert_int_eq(args.values[LIMIT].as.integer, 10);
    ck_assert_int_eq(decode(NULL, "{\"limit\":null,\"id\":null}"), TT_OK);
    ck_assert_int_eq(args.values[LIMIT].as.integer, 10);
    ck_assert_int_eq(args.values[ID].type, TT_TYPE_NONE);
}
END_TEST

START_TEST(integers_are_exact) {
    static const struct {
        const char *query;
        int64_t integer;
    } cases[] = {{"id=0", 0},
                 {"id=-0", 0},
                 {"id=007", 7},
                 {"id=9007199254740993", 9007199254740993},
                 {"id=9223372036854775807", INT64_MAX},
                 {"id=-9223372036854775808", INT64_MIN},
                 {"id=%31%32", 12}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(decode(cases[i].query, NULL), TT_OK);
        ck_assert_int_eq(args.values[ID].type, TT_TYPE_INTEGER);
        ck_assert_int_eq(args.values[ID].as.integer, cases[i].integer);
    }
    ck_assert_int_eq(decode(NULL, "{\"id\":-9223372036854775808}"), TT_OK);
    ck_assert_int_eq(args.values[ID].as.integer, INT64_MIN);
}
END_TEST

static void is_real(const char *query, const char *body, double expected) {
    ck_assert_int_eq(decode(query, body), TT_OK);
    ck_assert_int_eq(args.values[X].type, TT_TYPE_REAL);
    ck_assert_mem_eq(&args.values[X].as.real, &expected, sizeof expected);
}

START_TEST(decimals_are_read_to_the_last_bit_in_any_locale) {
    (void)setlocale(LC_ALL, "de_DE.UTF-8"); /* where it is installed a comma is the point */
    is_real("x=0.1", NULL, 0.1);
    is_real("x=-12.5e-3", NULL, -0.0125);
    is_real("x=1E%2B2", NULL, 100);
    is_real("x=3", NULL, 3);
    is_real("x=1e-999", NULL, 0);
    is_real(NULL, "{\"x\":0.1}", 0.1);
    is_real(NULL, "{\"x\":3}", 3);
}
END_TEST

START_TEST(booleans_are_words_or_digits_in_a_query) {
    static const char *const yes[] = {"on=true", "on=1"};
    static const char *const no[] = {"on=false", "on=0"};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(decode(yes[i], NULL), TT_OK);
        ck_assert(args.values[ON].as.boolean);
        ck_assert_int_eq(decode(no[i], NULL), TT_OK);
        ck_assert_int_eq(args.values[ON].type, TT_TYPE_BOOLEAN);
        ck_assert(!args.values[ON].as.boolean);
    }
    ck_assert_int_eq(decode(NULL, "{\"on\":true}"), TT_OK);
    ck_assert(args.values[ON].as.boolean);
}
END_TEST

static void is_text(size_t index, const char *expected) {
    ck_assert_int_eq(args.values[index].type, TT_TYPE_TEXT);
    ck_assert_uint_eq(args.values[index].as.text.size, strlen(expected));
    ck_assert_str_eq(args.values[index].as.text.data, expected);
}

START_TEST(a_query_is_decoded_as_a_form) {
    ck_assert_int_eq(decode("&&name=a+b%20c%2B%26%3D=d&&id=1&", NULL), TT_OK);
    is_text(NAME, "a b c+&==d");
    ck_assert_int_eq(args.values[ID].as.integer, 1);
    ck_assert_int_eq(decode("n%61me=%c3%A9", NULL), TT_OK);
    is_text(NAME, "\xC3\xA9");
    ck_assert_int_eq(decode("name", NULL), TT_OK);
    is_text(NAME, "");
}
END_TEST

START_TEST(a_path_keeps_its_plus) {
    struct route_capture captures[] = {{.name = "name", .data = "a+b%2Fc/d", .size = 9},
                                       {.name = "id", .data = "42tail", .size = 2}};
    struct args_input input = {.captures = captures, .capture_count = 2, .query = "on=1", .query_size = 4};
    ck_assert_int_eq(decode_input(&input), TT_OK);
    is_text(NAME, "a+b/c/d");
    ck_assert_int_eq(args.values[ID].as.integer, 42);
    ck_assert(args.values[ON].as.boolean);
}
END_TEST

START_TEST(any_is_text_from_a_query_and_its_own_type_from_json) {
    ck_assert_int_eq(decode("any=5", NULL), TT_OK);
    is_text(ANY, "5");
    ck_assert_int_eq(decode(NULL, "{\"any\":5}"), TT_OK);
    ck_assert_int_eq(args.values[ANY].type, TT_TYPE_INTEGER);
    ck_assert_int_eq(decode(NULL, "{\"any\":5.5}"), TT_OK);
    ck_assert_int_eq(args.values[ANY].type, TT_TYPE_REAL);
    ck_assert_int_eq(decode(NULL, "{\"any\":false}"), TT_OK);
    ck_assert_int_eq(args.values[ANY].type, TT_TYPE_BOOLEAN);
    ck_assert_int_eq(decode(NULL, "{\"any\":\"five\"}"), TT_OK);
    is_text(ANY, "five");
}
END_TEST

START_TEST(an_object_that_was_parsed_already_goes_before_the_body) {
    static const char text[] = "{\"id\":3,\"name\":\"n\"}";
    struct json *json = json_parse(text, sizeof text - 1, NULL);
    ck_assert_ptr_nonnull(json);
    struct args_input input = {.object = json, .body = "{", .body_size = 1};
    ck_assert_int_eq(decode_input(&input), TT_OK);
    json_free(json);
    ck_assert_int_eq(args.values[ID].as.integer, 3);
    is_text(NAME, "n");
}
END_TEST

START_TEST(percent_decoding_tells_a_malformed_escape_from_no_memory) {
    size_t size = 99;
    ck_assert_ptr_null(args_percent_decode(&arena, "%4", 2, false, &size));
    ck_assert_uint_eq(size, 1);
    char *text = args_percent_decode(&arena, "a%00+", 5, true, &size);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(size, 3);
    ck_assert_mem_eq(text, "a\0 ", 4);
    text = args_percent_decode(&arena, "", 0, true, &size);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_eq(size, 0);
}
END_TEST

static TCase *cases_of(Suite *suite, const char *name) {
    TCase *cases = tcase_create(name);
    tcase_add_checked_fixture(cases, setup, teardown);
    suite_add_tcase(suite, cases);
    return cases;
}

int main(void) {
    Suite *suite = suite_create("args");
    TCase *refusals = cases_of(suite, "refusals");
    tcase_add_test(refusals, what_is_no_integer_is_refused);
    tcase_add_test(refusals, an_integer_beyond_64_bits_is_refused);
    tcase_add_test(refusals, what_is_no_decimal_is_refused);
    tcase_add_test(refusals, what_is_no_boolean_is_refused);
    tcase_add_test(refusals, text_with_nul_or_broken_utf8_is_refused);
    tcase_add_test(refusals, a_malformed_escape_is_refused);
    tcase_add_test(refusals, a_json_value_of_another_type_is_refused);
    tcase_add_test(refusals, a_body_must_be_an_object);
    tcase_add_test(refusals, a_malformed_body_is_told_apart_and_placed);
    tcase_add_test(refusals, a_name_given_twice_in_the_body_is_malformed);
    tcase_add_test(refusals, an_argument_given_twice_is_refused);
    tcase_add_test(refusals, an_unknown_name_is_refused_with_a_hint);
    tcase_add_test(refusals, names_in_pointers_are_escaped);
    tcase_add_test(refusals, an_endless_name_is_refused_without_repeating_it);
    tcase_add_test(refusals, what_is_out_of_range_is_refused);
    tcase_add_test(refusals, what_is_required_must_be_there);
    tcase_add_test(refusals, all_mistakes_come_at_once_but_no_more_than_sixteen);
    TCase *normal = cases_of(suite, "normal");
    tcase_add_test(normal, nothing_to_decode_takes_no_memory);
    tcase_add_test(normal, what_is_absent_is_none_or_its_default);
    tcase_add_test(normal, integers_are_exact);
    tcase_add_test(normal, decimals_are_read_to_the_last_bit_in_any_locale);
    tcase_add_test(normal, booleans_are_words_or_digits_in_a_query);
    tcase_add_test(normal, a_query_is_decoded_as_a_form);
    tcase_add_test(normal, a_path_keeps_its_plus);
    tcase_add_test(normal, any_is_text_from_a_query_and_its_own_type_from_json);
    tcase_add_test(normal, an_object_that_was_parsed_already_goes_before_the_body);
    tcase_add_test(normal, percent_decoding_tells_a_malformed_escape_from_no_memory);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

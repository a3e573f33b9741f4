/**
 * Json: what must be refused, exact numbers, and text that is quoted right at every length and alignment.
 */
#include "server/json.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct json_error error;

static struct json *parse(const char *text) {
    memset(&error, 0, sizeof error);
    return json_parse(text, strlen(text), &error);
}

static void refuse(const char *text) {
    struct json *json = parse(text);
    ck_assert_msg(json == NULL, "%s was taken", text);
    ck_assert_msg(error.text[0] != '\0', "no reason for %s", text);
    ck_assert(!error.has_no_memory);
}

static char *nested(size_t depth) {
    char *text = malloc(2 * depth + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

/* -- refusals -- */

START_TEST(what_is_no_json_is_refused) {
    refuse("");
    refuse(" ");
    refuse("{");
    refuse("{\"a\":1,}");
    refuse("[1,]");
    refuse("{a:1}");
    refuse("{'a':1}");
    refuse("nul");
    refuse("01");
    refuse("+1");
    refuse(".5");
    refuse("1.");
    refuse("NaN");
    refuse("Infinity");
    refuse("1 2");
    refuse("{} {}");
    refuse("\"\t\"");
    refuse("\"\\x\"");
    refuse("// 1\n1");
}
END_TEST

START_TEST(an_error_names_line_and_column) {
    refuse("{\n  \"a\": 1,\n  \"b\": oops\n}");
    ck_assert_uint_eq(error.line, 3);
    ck_assert_uint_ge(error.column, 8);
    ck_assert_uint_le(error.column, 12);
}
END_TEST

/* jansson shows some bytes before the mistake, and counts bytes. */
START_TEST(an_error_ends_in_no_half_character) {
    static const char text[] = "{\"\xd8\xb7\\\\Vnte";
    for (size_t size = 1; size < sizeof text; size++) {
        ck_assert_ptr_null(json_parse(text, size, &error));
        ck_assert_msg(json_is_text(error.text, strlen(error.text)), "%zu: %s", size, error.text);
    }
}
END_TEST

START_TEST(one_level_too_deep_is_refused_where_it_begins) {
    char *text = nested(65);
    refuse(text);
    ck_assert_ptr_nonnull(strstr(error.text, "64"));
    ck_assert_uint_eq(error.line, 1);
    ck_assert_uint_eq(error.column, 65);
    free(text);
}
END_TEST

START_TEST(a_million_brackets_are_refused_without_recursion) {
    char *text = nested(1000000);
    refuse(text);
    free(text);
}
END_TEST

START_TEST(sixty_four_levels_are_fine) {
    char *text = nested(64);
    struct json *json = parse(text);
    ck_assert_ptr_nonnull(json);
    json_free(json);
    free(text);
}
END_TEST

START_TEST(brackets_inside_of_strings_dont_count) {
    char text[300] = "[\"\\\"";
    memset(text + 4, '[', 200);
    memcpy(text + 204, "\"]", 3);
    struct json *json = parse(text);
    ck_assert_ptr_nonnull(json);
    json_free(json);
}
END_TEST

START_TEST(an_integer_out_of_range_is_refused_and_says_so) {
    refuse("9223372036854775808");
    ck_assert_ptr_nonnull(strstr(error.text, "range of 64 bits"));
    refuse("{\"a\": -9223372036854775809}");
    ck_assert_ptr_nonnull(strstr(error.text, "range of 64 bits"));
}
END_TEST

START_TEST(a_real_out_of_range_is_refused) {
    refuse("1e999");
    ck_assert_ptr_nonnull(strstr(error.text, "too big"));
    refuse("-1e999");
}
END_TEST

START_TEST(a_name_given_twice_is_refused) {
    refuse("{\"a\":1,\"a\":1}");
    refuse("[{\"a\":1,\"\\u0061\":2}]");
}
END_TEST

START_TEST(nul_is_refused_raw_and_escaped) {
    refuse("\"a\\u0000b\"");
    refuse("{\"a\\u0000b\":1}");
    ck_assert_ptr_null(json_parse("\"a\0b\"", 5, &error));
    ck_assert_ptr_null(json_parse("1\0", 2, &error));
    ck_assert_ptr_null(json_parse("[1\0,\0true\0]", 10, &error));
    ck_assert_uint_eq(error.column, 3);
}
END_TEST

START_TEST(what_is_no_utf8_is_refused) {
    refuse("\"\xFF\"");
    refuse("\"\xC0\xAF\"");
    refuse("\"\xED\xA0\x80\"");
    refuse("\"\\ud800\"");
    refuse("\"\\udc00\\ud800\"");
}
END_TEST

/* -- values -- */

START_TEST(integers_are_exact_to_the_last_of_64_bits) {
    static const struct {
        const char *text;
        int64_t integer;
    } cases[] = {{"0", 0},
                 {"-1", -1},
                 {"9007199254740993", 9007199254740993},
                 {"9223372036854775807", INT64_MAX},
                 {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *json = parse(cases[i].text);
        ck_assert_ptr_nonnull(json);
        ck_assert_int_eq(json_kind(json), JSON_INTEGER);
        struct tt_value value = json_value(json);
        ck_assert_int_eq(value.type, TT_TYPE_INTEGER);
        ck_assert_int_eq(value.as.integer, cases[i].integer);
        json_free(json);
    }
}
END_TEST

START_TEST(each_scalar_is_its_type) {
    struct json *json = parse("[1.5, true, false, null, \"\\u00e9\\n\", {}, [], 1e2]");
    ck_assert_ptr_nonnull(json);
    ck_assert_uint_eq(json_count(json), 8);
    ck_assert(fabs(json_value(json_item(json, 0)).as.real - 1.5) < 1e-12);
    ck_assert(json_value(json_item(json, 1)).as.boolean);
    struct tt_value no = json_value(json_item(json, 2));
    ck_assert_int_eq(no.type, TT_TYPE_BOOLEAN);
    ck_assert(!no.as.boolean);
    ck_assert_int_eq(json_value(json_item(json, 3)).type, TT_TYPE_NONE);
    ck_assert_int_eq(json_kind(json_item(json, 3)), JSON_NULL);
    struct tt_value text = json_value(json_item(json, 4));
    ck_assert_uint_eq(text.as.text.size, 3);
    ck_assert_str_eq(text.as.text.data, "\xC3\xA9\n");
    ck_assert_int_eq(json_value(json_item(json, 5)).type, TT_TYPE_NONE);
    ck_assert_int_eq(json_kind(json_item(json, 6)), JSON_ARRAY);
    ck_assert_int_eq(json_kind(json_item(json, 7)), JSON_REAL);
    ck_assert_ptr_null(json_item(json, 8));
    ck_assert_ptr_null(json_item(json_item(json, 0), 0));
    ck_assert_ptr_null(json_member(json, "a"));
    json_free(json);
}
END_TEST

static void name_append(void *context, const char *name, const struct json *member) {
    char *names = context;
    size_t size = strlen(names);
    ck_assert_int_eq(json_value(member).as.integer, (int64_t)size);
    ck_assert_uint_lt(size, 8);
    names[size] = name[0];
    names[size + 1] = '\0';
}

START_TEST(members_come_in_the_order_of_the_text) {
    struct json *json = parse("{\"z\":0,\"a\":1,\"m\":2,\"b\":3}");
    ck_assert_ptr_nonnull(json);
    ck_assert_uint_eq(json_count(json), 4);
    ck_assert_int_eq(json_value(json_member(json, "m")).as.integer, 2);
    ck_assert_ptr_null(json_member(json, "y"));
    char names[10] = "";
    json_each(json, name_append, names);
    ck_assert_str_eq(names, "zamb");
    json_free(json);
}
END_TEST

START_TEST(bytes_need_no_nul_behind_them) {
    struct json *json = json_parse("12345", 3, &error);
    ck_assert_ptr_nonnull(json);
    ck_assert_int_eq(json_value(json).as.integer, 123);
    json_free(json);
}
END_TEST

/* -- quoting -- */

static void quotes_to(const char *text, size_t size, const char *expected) {
    char out[200];
    memset(out, '#', sizeof out);
    size_t measured = json_quote(NULL, 0, text, size);
    ck_assert_uint_eq(measured, strlen(expected));
    ck_assert_uint_eq(json_quote(out, sizeof out, text, size), measured);
    ck_assert_mem_eq(out, expected, measured);
    ck_assert_int_eq(out[measured], '#');
}

START_TEST(text_is_quoted_and_escaped) {
    quotes_to("", 0, "\"\"");
    quotes_to("plain", 5, "\"plain\"");
    quotes_to("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
    quotes_to("\b\f\n\r\t\x01\x1f\x7f", 8, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
    quotes_to("a\0b", 3, "\"a\\u0000b\"");
    quotes_to("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    quotes_to("\xF4\x8F\xBF\xBF\xEF\xBF\xBF", 7, "\"\xF4\x8F\xBF\xBF\xEF\xBF\xBF\"");
}
END_TEST

#define FFFD "\xEF\xBF\xBD"

START_TEST(each_broken_character_becomes_one_replacement) {
    quotes_to("\xFF", 1, "\"" FFFD "\"");
    quotes_to("a\x80z", 3, "\"a" FFFD "z\"");
    quotes_to("\xC3", 1, "\"" FFFD "\"");
    quotes_to("\xC3z", 2, "\"" FFFD "z\"");
    quotes_to("\xE2\x82", 2, "\"" FFFD "\"");
    quotes_to("\xE2\x82z", 3, "\"" FFFD "z\"");
    quotes_to("\xF0\x9F\x98", 3, "\"" FFFD "\"");
    quotes_to("\xC0\xAF", 2, "\"" FFFD FFFD "\"");
    quotes_to("\xE0\x80\x80", 3, "\"" FFFD FFFD FFFD "\"");
    quotes_to("\xED\xA0\x80", 3, "\"" FFFD FFFD FFFD "\"");
    quotes_to("\xF4\x90\x80\x80", 4, "\"" FFFD FFFD FFFD FFFD "\"");
    quotes_to("\xF5z", 2, "\"" FFFD "z\"");
}
END_TEST

START_TEST(nothing_is_written_beyond_the_capacity) {
    static const char text[] = "ab\"\n\x01\xE2\x82\xAC\xFFz";
    char whole[64];
    size_t size = json_quote(whole, sizeof whole, text, sizeof text - 1);
    for (size_t capacity = 0; capacity < size; capacity++) {
        char *out = malloc(capacity + 1); /* a sanitizer watches its end */
        ck_assert_ptr_nonnull(out);
        out[capacity] = '#';
        ck_assert_uint_eq(json_quote(out, capacity, text, sizeof text - 1), size);
        ck_assert_mem_eq(out, whole, capacity);
        ck_assert_int_eq(out[capacity], '#');
        free(out);
    }
}
END_TEST

/** Every special byte at every place of lengths around the eight bytes that are looked at together. */
START_TEST(a_special_byte_is_found_wherever_it_stands) {
    static const char specials[] = {'"', '\\', '\n', 0x1f, '\0', (char)0xFF};
    static const size_t sizes[] = {2, 2, 2, 6, 6, 3};
    for (size_t length = 1; length <= 26; length++) {
        for (size_t at = 0; at < length; at++) {
            for (size_t i = 0; i < sizeof specials; i++) {
                char text[26];
                memset(text, at % 2 == 0 ? 0x7f : ' ', sizeof text);
                text[at] = specials[i];
                ck_assert_uint_eq(json_quote(NULL, 0, text, length), length + 2 - 1 + sizes[i]);
                ck_assert(json_is_text(text, length) == (specials[i] != '\0' && (unsigned char)specials[i] != 0xFF));
            }
        }
    }
}
END_TEST

START_TEST(whatever_was_quoted_is_read_back) {
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        seed = seed * 1664525u + 1013904223u;
        size_t size = (seed >> 16) % sizeof text;
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525u + 1013904223u;
            static const char often[] = "\"\\\n\xE2\x82\xAC\xF0\x9F\x98\x80";
            unsigned pick = seed >> 24;
            text[i] = pick < 128 ? often[pick % (sizeof often - 1)] : (char)(seed >> 16);
        }
        char quoted[2 + 6 * sizeof text];
        size_t quoted_size = json_quote(quoted, sizeof quoted, text, size);
        ck_assert(json_is_text(quoted, quoted_size));
        if (memchr(text, '\0', size) != NULL)
            continue;
        struct json *json = json_parse(quoted, quoted_size, &error);
        ck_assert_ptr_nonnull(json);
        struct tt_value value = json_value(json);
        if (json_is_text(text, size)) {
            ck_assert_uint_eq(value.as.text.size, size);
            ck_assert_int_eq(memcmp(value.as.text.data, text, size), 0);
        } else {
            ck_assert_ptr_nonnull(strstr(value.as.text.data, FFFD));
        }
        json_free(json);
    }
}
END_TEST

START_TEST(text_is_utf8_without_nul) {
    ck_assert(json_is_text("", 0));
    ck_assert(json_is_text("a\"b\\c\n\x01", 7));
    ck_assert(json_is_text("12345678\xC3\xA9", 10));
    ck_assert(!json_is_text("a\0b", 3));
    ck_assert(!json_is_text("12345678\0", 9));
    ck_assert(!json_is_text("\xC3", 1));
    ck_assert(!json_is_text("\xED\xA0\x80", 3));
    ck_assert(!json_is_text("\xC1\x81", 2));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json");
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, what_is_no_json_is_refused);
    tcase_add_test(refusals, an_error_names_line_and_column);
    tcase_add_test(refusals, an_error_ends_in_no_half_character);
    tcase_add_test(refusals, one_level_too_deep_is_refused_where_it_begins);
    tcase_add_test(refusals, a_million_brackets_are_refused_without_recursion);
    tcase_add_test(refusals, an_integer_out_of_range_is_refused_and_says_so);
    tcase_add_test(refusals, a_real_out_of_range_is_refused);
    tcase_add_test(refusals, a_name_given_twice_is_refused);
    tcase_add_test(refusals, nul_is_refused_raw_and_escaped);
    tcase_add_test(refusals, what_is_no_utf8_is_refused);
    suite_add_tcase(suite, refusals);
    TCase *values = tcase_create("values");
    tcase_add_test(values, sixty_four_levels_are_fine);
    tcase_add_test(values, brackets_inside_of_strings_dont_count);
    tcase_add_test(values, integers_are_exact_to_the_last_of_64_bits);
    tcase_add_test(values, each_scalar_is_its_type);
    tcase_add_test(values, members_come_in_the_order_of_the_text);
    tcase_add_test(values, bytes_need_no_nul_behind_them);
    suite_add_tcase(suite, values);
    TCase *quoting = tcase_create("quoting");
    tcase_add_test(quoting, text_is_quoted_and_escaped);
    tcase_add_test(quoting, each_broken_character_becomes_one_replacement);
    tcase_add_test(quoting, nothing_is_written_beyond_the_capacity);
    tcase_add_test(quoting, a_special_byte_is_found_wherever_it_stands);
    tcase_add_test(quoting, whatever_was_quoted_is_read_back);
    tcase_add_test(quoting, text_is_utf8_without_nul);
    suite_add_tcase(suite, quoting);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

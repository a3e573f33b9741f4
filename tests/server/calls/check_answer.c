/**
 * Answer: limits first, then growing, quoting and failing.
 */
#include "server/calls/answer.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Sanitizers end the program where memory is refused, unless they are told not to. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}

static struct answer answer;

static enum tt_outcome fail_with(int status, const char *format, ...) TT_PRINTF(2, 3);
static enum tt_outcome fail_with(int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    enum tt_outcome outcome = answer_fail(&answer, status, format, args);
    va_end(args);
    return outcome;
}

static void holds(const char *expected) {
    ck_assert_uint_eq(answer.size, strlen(expected));
    ck_assert_mem_eq(answer.data, expected, answer.size);
}

/* -- limits -- */

START_TEST(what_is_beyond_the_limit_is_refused_and_stays_so) {
    answer_init(&answer, 10);
    ck_assert_int_eq(answer_write(&answer, "0123456", 7), TT_OK);
    ck_assert_int_eq(answer_write(&answer, "789a", 4), TT_FULL);
    ck_assert(answer.is_full);
    ck_assert_int_eq(answer_write(&answer, "7", 1), TT_FULL);
    ck_assert_ptr_null(answer_reserve(&answer, 1));
    ck_assert_int_eq(answer_write_json(&answer, "", 0), TT_FULL);
    holds("0123456");
    answer_deinit(&answer);
}
END_TEST

START_TEST(the_limit_itself_is_reached_to_the_byte) {
    static const size_t limits[] = {0, 1, 191, 192, 193, 1000, 4097};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        answer_init(&answer, limits[i]);
        for (size_t size = 0; size < limits[i]; size++)
            ck_assert_int_eq(answer_write(&answer, "x", 1), TT_OK);
        ck_assert_uint_eq(answer.size, limits[i]);
        ck_assert_uint_le(answer.capacity, limits[i] > ANSWER_INLINE_BYTES ? limits[i] : ANSWER_INLINE_BYTES);
        ck_assert(!answer.is_full);
        ck_assert_int_eq(answer_write(&answer, "x", 1), TT_FULL);
        answer_deinit(&answer);
    }
}
END_TEST

START_TEST(sizes_that_would_wrap_are_refused) {
    answer_init(&answer, 1000);
    ck_assert_int_eq(answer_write(&answer, "ab", 2), TT_OK);
    ck_assert_ptr_null(answer_reserve(&answer, SIZE_MAX));
    ck_assert(answer.is_full);
    answer_deinit(&answer);
    answer_init(&answer, SIZE_MAX);
    ck_assert_int_eq(answer_write(&answer, "ab", 2), TT_OK);
    ck_assert_ptr_null(answer_reserve(&answer, SIZE_MAX - 1));
    ck_assert(answer.is_full);
    answer_deinit(&answer);
}
END_TEST

START_TEST(memory_that_isnt_there_is_told) {
    answer_init(&answer, SIZE_MAX);
    ck_assert_ptr_null(answer_reserve(&answer, SIZE_MAX / 2 + 10));
    ck_assert(answer.has_no_memory);
    ck_assert_int_eq(answer_write(&answer, "x", 1), TT_NOMEM);
    answer_deinit(&answer);
}
END_TEST

START_TEST(a_quoted_text_counts_with_its_escapes) {
    answer_init(&answer, 10);
    ck_assert_int_eq(answer_write_json(&answer, "\n\n\n\n", 4), TT_OK);
    holds("\"\\n\\n\\n\\n\"");
    answer_deinit(&answer);
    answer_init(&answer, 10);
    ck_assert_int_eq(answer_write_json(&answer, "\n\n\n\n\n", 5), TT_FULL);
    ck_assert_uint_eq(answer.size, 0);
    answer_deinit(&answer);
}
END_TEST

/* -- normal -- */

START_TEST(a_new_answer_is_an_empty_success) {
    answer_init(&answer, 100);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.type, "application/json");
    ck_assert_uint_eq(answer.size, 0);
    ck_assert(!answer.has_failed);
    ck_assert_int_eq(answer_write(&answer, NULL, 0), TT_OK);
    answer_deinit(&answer);
}
END_TEST

START_TEST(a_small_answer_takes_no_memory) {
    answer_init(&answer, 1000000);
    char *space = answer_reserve(&answer, ANSWER_INLINE_BYTES);
    ck_assert_ptr_nonnull(space);
    memset(space, 'a', ANSWER_INLINE_BYTES);
    ck_assert_ptr_eq(answer.data, answer.inline_data);
    answer_deinit(&answer);
}
END_TEST

START_TEST(a_growing_answer_keeps_what_it_has) {
    answer_init(&answer, 1000000);
    for (int i = 0; i < 20000; i++) {
        char digits[4] = {(char)('0' + i % 10), (char)('0' + i / 10 % 10), (char)('0' + i / 100 % 10), ','};
        ck_assert_int_eq(answer_write(&answer, digits, sizeof digits), TT_OK);
    }
    ck_assert_uint_eq(answer.size, 80000);
    ck_assert_uint_lt(answer.capacity, 200000);
    ck_assert_mem_eq(answer.data, "000,100,200,", 12);
    ck_assert_mem_eq(answer.data + 79996, "999,", 4);
    answer_deinit(&answer);
}
END_TEST

START_TEST(quoted_texts_are_whole_wherever_the_room_ends) {
    for (size_t before = ANSWER_INLINE_BYTES - 12; before <= ANSWER_INLINE_BYTES; before++) {
        answer_init(&answer, 1000);
        char *space = answer_reserve(&answer, before);
        ck_assert_ptr_nonnull(space);
        memset(space, '.', before);
        ck_assert_int_eq(answer_write_json(&answer, "a\"b\n\xFF", 5), TT_OK);
        ck_assert_uint_eq(answer.size, before + 11);
        ck_assert_mem_eq(answer.data + before, "\"a\\\"b\\n\xEF\xBF\xBD\"", 11);
        ck_assert_int_eq(answer.data[before - 1], '.');
        answer_deinit(&answer);
    }
}
END_TEST

/* -- failing -- */

START_TEST(a_failure_drops_the_body_and_keeps_its_detail) {
    answer_init(&answer, 1000);
    ck_assert_ptr_nonnull(answer_reserve(&answer, 500));
    ck_assert_int_eq(fail_with(404, "no package %s", "zlib"), TT_FAILED);
    ck_assert_int_eq(answer.status, 404);
    ck_assert_str_eq(answer.detail, "no package zlib");
    ck_assert_uint_eq(answer.size, 0);
    ck_assert(answer.has_failed);
    ck_assert_int_eq(fail_with(409, "another"), TT_FAILED);
    ck_assert_str_eq(answer.detail, "another");
    answer_deinit(&answer);
}
END_TEST

START_TEST(a_status_that_is_no_error_becomes_500) {
    static const int statuses[] = {0, -1, 200, 399, 600, 1000};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        answer_init(&answer, 1000);
        ck_assert_int_eq(fail_with(statuses[i], "x"), TT_FAILED);
        ck_assert_int_eq(answer.status, 500);
        answer_deinit(&answer);
    }
}
END_TEST

START_TEST(a_long_detail_is_cut) {
    char text[2000];
    memset(text, 'd', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    answer_init(&answer, 1000);
    ck_assert_int_eq(fail_with(500, "%s", text), TT_FAILED);
    ck_assert_uint_eq(strlen(answer.detail), ANSWER_DETAIL_MAX - 1);
    answer_deinit(&answer);
}
END_TEST

/* -- fields, and what has begun -- */

START_TEST(a_field_is_checked_and_the_last_value_counts) {
    char long_value[ANSWER_VALUE_MAX + 2];
    char lines[ANSWER_FIELDS_MAX + 1];
    static const char *const bad[] = {"", " a", "a ", "a\r\nX: b", "a\n", "\t", "caf\xc3\xa9", "a\x7f"};
    memset(long_value, 'v', sizeof long_value);
    long_value[ANSWER_VALUE_MAX + 1] = '\0';
    answer_init(&answer, 10);
    ck_assert_str_eq(answer_lines(&answer, lines), "");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_ETAG, bad[i]), TT_INVALID);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_ETAG, NULL), TT_INVALID);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_ETAG, long_value), TT_INVALID);
    ck_assert_int_eq(answer_set_field(&answer, (enum tt_answer_field)TT_ANSWER_FIELD_COUNT, "a"), TT_INVALID);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_VARY, "accept"), TT_OK);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_ETAG, "\"1\""), TT_OK);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_ETAG, "\"2\""), TT_OK);
    ck_assert_str_eq(answer_lines(&answer, lines), "ETag: \"2\"\r\nVary: accept\r\n");
    answer_deinit(&answer);
}
END_TEST

START_TEST(fields_together_have_a_limit) {
    char value[ANSWER_VALUE_MAX + 1];
    char lines[ANSWER_FIELDS_MAX + 1];
    memset(value, 'v', sizeof value - 1);
    value[ANSWER_VALUE_MAX] = '\0';
    answer_init(&answer, 10);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_ETAG, value), TT_OK);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_VARY, value), TT_INVALID); /* 1040 bytes */
    value[ANSWER_FIELDS_MAX - ANSWER_VALUE_MAX - strlen("ETag: \r\nVary: \r\n")] = '\0';
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_VARY, value), TT_OK);
    ck_assert_uint_eq(strlen(answer_lines(&answer, lines)), ANSWER_FIELDS_MAX);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_LOCATION, "a"), TT_INVALID);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_ETAG, "a"), TT_OK); /* it makes room */
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_LOCATION, "a"), TT_OK);
    answer_deinit(&answer);
}
END_TEST

START_TEST(what_has_begun_is_fixed) {
    answer_init(&answer, 10);
    ck_assert_int_eq(answer_set_status(&answer, 199), TT_INVALID);
    ck_assert_int_eq(answer_set_status(&answer, 600), TT_INVALID);
    ck_assert_int_eq(answer_set_status(&answer, 206), TT_OK);
    ck_assert_int_eq(answer_begin(&answer, 5), TT_OK);
    ck_assert_int_eq(answer_begin(&answer, 5), TT_TOO_LATE);
    ck_assert_int_eq(answer_set_status(&answer, 200), TT_TOO_LATE);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_ETAG, "a"), TT_TOO_LATE);
    ck_assert_ptr_null(answer_reserve(&answer, 1));
    ck_assert_int_eq(answer.status, 206);
    ck_assert_int_eq(answer_count(&answer, 4), TT_OK);
    ck_assert_int_eq(answer_count(&answer, 2), TT_FULL);
    ck_assert_int_eq(answer_count(&answer, 1), TT_FULL); /* a hole is no answer */
    answer_deinit(&answer);
    answer_init(&answer, 10);
    ck_assert_int_eq(answer_write(&answer, "a", 1), TT_OK);
    ck_assert_int_eq(answer_begin(&answer, TT_SIZE_UNKNOWN), TT_TOO_LATE);
    answer_deinit(&answer);
}
END_TEST

START_TEST(a_failure_keeps_the_fields_and_has_the_last_word) {
    char lines[ANSWER_FIELDS_MAX + 1];
    answer_init(&answer, 10);
    ck_assert_int_eq(answer_set_field(&answer, TT_ANSWER_CONTENT_RANGE, "bytes */5"), TT_OK);
    ck_assert_int_eq(fail_with(416, "x"), TT_FAILED);
    ck_assert_int_eq(answer_set_status(&answer, 200), TT_TOO_LATE);
    ck_assert_int_eq(answer.status, 416);
    ck_assert_str_eq(answer_lines(&answer, lines), "Content-Range: bytes */5\r\n");
    answer_deinit(&answer);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("answer");
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, what_is_beyond_the_limit_is_refused_and_stays_so);
    tcase_add_test(limits, the_limit_itself_is_reached_to_the_byte);
    tcase_add_test(limits, sizes_that_would_wrap_are_refused);
    tcase_add_test(limits, memory_that_isnt_there_is_told);
    tcase_add_test(limits, a_quoted_text_counts_with_its_escapes);
    suite_add_tcase(suite, limits);
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, a_new_answer_is_an_empty_success);
    tcase_add_test(normal, a_small_answer_takes_no_memory);
    tcase_add_test(normal, a_growing_answer_keeps_what_it_has);
    tcase_add_test(normal, quoted_texts_are_whole_wherever_the_room_ends);
    suite_add_tcase(suite, normal);
    TCase *failing = tcase_create("failing");
    tcase_add_test(failing, a_failure_drops_the_body_and_keeps_its_detail);
    tcase_add_test(failing, a_status_that_is_no_error_becomes_500);
    tcase_add_test(failing, a_long_detail_is_cut);
    tcase_add_test(failing, a_failure_keeps_the_fields_and_has_the_last_word);
    suite_add_tcase(suite, failing);
    TCase *begun = tcase_create("begun");
    tcase_add_test(begun, a_field_is_checked_and_the_last_value_counts);
    tcase_add_test(begun, fields_together_have_a_limit);
    tcase_add_test(begun, what_has_begun_is_fixed);
    suite_add_tcase(suite, begun);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

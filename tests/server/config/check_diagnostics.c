/* Tests of server/config/diagnostics.h. */
#include "../../../server/config/diagnostics.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* What diagnostics_print writes; malloc'ed. */
static char *printed(const struct diagnostics *list) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    diagnostics_print(list, out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static void add(struct diagnostics *list, const char *file, uint32_t line, uint32_t column, uint32_t width,
                const char *text, const char *message) {
    struct origin at = {.file = file, .text = text, .line = line, .column = column, .width = width};
    diagnostics_add(list, DIAGNOSTIC_ERROR, &at, NULL, "%s", message);
}

static void expect(struct diagnostics *list, const char *expected) {
    char *text = printed(list);
    ck_assert_str_eq(text, expected);
    free(text);
    diagnostics_deinit(list);
}

START_TEST(bytes_that_a_terminal_obeys_are_not_printed) {
    struct diagnostics list;
    diagnostics_init(&list);
    add(&list, "a\nb", 1, 5, 3, "k = \x1B[2J\xFFx\xC2\x9Bz", "bad \x07 value");
    expect(&list, "a?b:1:5: bad ? value\n"
                  "    1 | k = ?[2J?x?z\n"
                  "      |     ^~~\n");
}
END_TEST

START_TEST(a_column_beyond_the_line_stands_at_its_end) {
    struct diagnostics list;
    diagnostics_init(&list);
    add(&list, "f", 7, 900, 50, "short", "m");
    expect(&list, "f:7:900: m\n    7 | short\n      |      ^\n");
}
END_TEST

START_TEST(the_caret_stands_under_its_bytes_whatever_is_before) {
    struct diagnostics list;
    diagnostics_init(&list);
    add(&list, "f", 12, 10, 5, "\t\xC3\xA4\xE2\x82\xAC = w\xC3\xB6rt", "m");
    expect(&list, "f:12:10: m\n"
                  "   12 | \t\xC3\xA4\xE2\x82\xAC = w\xC3\xB6rt\n"
                  "      | \t     ^~~~\n");
}
END_TEST

START_TEST(of_a_long_line_the_part_around_the_caret_is_shown) {
    enum { SIZE = 10000 };
    char *line = malloc(SIZE + 1);
    ck_assert_ptr_nonnull(line);
    memset(line, 'x', SIZE);
    line[SIZE] = '\0';
    memcpy(line + 5000, "HERE", 4);
    struct diagnostics list;
    diagnostics_init(&list);
    add(&list, "f", 1, 5001, 4, line, "m");
    char *text = printed(&list);
    ck_assert_uint_lt(strlen(text), 500);
    const char *shown = strstr(text, "    1 | ") + 8;
    const char *carets = strstr(text, "      | ") + 8;
    ck_assert_int_eq(strstr(shown, "HERE") - shown, strchr(carets, '^') - carets);
    ck_assert_ptr_nonnull(strstr(carets, "^~~~\n"));
    ck_assert_int_eq(strncmp(shown, "...", 3), 0);
    free(text);
    free(line);
    diagnostics_deinit(&list);
}
END_TEST

START_TEST(no_flood_of_mistakes_takes_the_memory_but_all_are_counted) {
    struct diagnostics list;
    diagnostics_init(&list);
    for (int i = 0; i < DIAGNOSTICS_SHOWN_MAX + 5; i++)
        add(&list, "f", 1, 1, 1, "x", "m");
    ck_assert_uint_eq(list.error_count, DIAGNOSTICS_SHOWN_MAX + 5);
    char *text = printed(&list);
    ck_assert_ptr_nonnull(strstr(text, "... and 5 more\n"));
    free(text);
    diagnostics_deinit(&list);
}
END_TEST

START_TEST(a_place_may_be_a_file_or_nothing) {
    struct diagnostics list;
    diagnostics_init(&list);
    diagnostics_add(&list, DIAGNOSTIC_ERROR, NULL, "a hint", "no %s", "memory");
    diagnostics_add(&list, DIAGNOSTIC_WARNING, &(struct origin){.file = "dir"}, NULL, "can't read");
    ck_assert_uint_eq(list.error_count, 1);
    ck_assert_uint_eq(list.warning_count, 1);
    expect(&list, "no memory\n      hint: a hint\ndir: warning: can't read\n");
}
END_TEST

START_TEST(mistakes_are_printed_by_file_and_line) {
    struct diagnostics list;
    diagnostics_init(&list);
    add(&list, "b", 9, 1, 1, NULL, "first");
    add(&list, "a", 5, 7, 1, NULL, "third");
    add(&list, "a", 5, 2, 1, NULL, "second");
    add(&list, "b", 3, 1, 1, NULL, "zeroth");
    expect(&list, "b:3:1: zeroth\nb:9:1: first\na:5:2: second\na:5:7: third\n");
}
END_TEST

START_TEST(everything_is_copied) {
    struct diagnostics list;
    diagnostics_init(&list);
    char file[] = "f";
    char text[] = "k = v";
    char hint[] = "h";
    struct origin at = {.file = file, .text = text, .line = 1, .column = 5, .width = 1};
    diagnostics_add(&list, DIAGNOSTIC_ERROR, &at, hint, "%s", text);
    file[0] = text[0] = hint[0] = 'Z';
    expect(&list, "f:1:5: k = v\n    1 | k = v\n      |     ^\n      hint: h\n");
}
END_TEST

START_TEST(near_words_are_found_and_far_ones_are_not) {
    static const char *const names[] = {"workers", "queue", "queue-timeout", "spare", "isolation", NULL};
    ck_assert_ptr_null(diagnostics_nearest("threads", names));
    ck_assert_ptr_null(diagnostics_nearest("", names));
    ck_assert_ptr_null(diagnostics_nearest("x", names));
    char longest[200];
    memset(longest, 'w', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ck_assert_ptr_null(diagnostics_nearest(longest, names));
    ck_assert_str_eq(diagnostics_nearest("worker", names), "workers");
    ck_assert_str_eq(diagnostics_nearest("Wrokers", names), "workers");
    ck_assert_str_eq(diagnostics_nearest("queu", names), "queue");
    ck_assert_str_eq(diagnostics_nearest("queue timeout", names), "queue-timeout");
    ck_assert_str_eq(diagnostics_nearest("ISOLATION", names), "isolation");
}
END_TEST

START_TEST(a_part_of_a_value_has_its_own_place) {
    struct origin at = {.file = "f", .text = "calls = a, bee", .line = 1, .column = 9, .width = 6};
    struct origin inside = origin_inside(&at, "a, bee", 3, 3);
    ck_assert_uint_eq(inside.column, 12);
    ck_assert_uint_eq(inside.width, 3);
    struct origin quoted = {.file = "f", .text = "calls = \"a, bee\"", .line = 1, .column = 9, .width = 8};
    ck_assert_uint_eq(origin_inside(&quoted, "a, bee", 3, 3).column, 13);
    ck_assert_uint_eq(origin_inside(&at, "a, bee and the next line", 3, 3).column, 9);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("diagnostics");
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, bytes_that_a_terminal_obeys_are_not_printed);
    tcase_add_test(refusals, a_column_beyond_the_line_stands_at_its_end);
    suite_add_tcase(suite, refusals);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, of_a_long_line_the_part_around_the_caret_is_shown);
    tcase_add_test(limits, no_flood_of_mistakes_takes_the_memory_but_all_are_counted);
    suite_add_tcase(suite, limits);
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, the_caret_stands_under_its_bytes_whatever_is_before);
    tcase_add_test(normal, a_place_may_be_a_file_or_nothing);
    tcase_add_test(normal, mistakes_are_printed_by_file_and_line);
    tcase_add_test(normal, everything_is_copied);
    tcase_add_test(normal, near_words_are_found_and_far_ones_are_not);
    tcase_add_test(normal, a_part_of_a_value_has_its_own_place);
    suite_add_tcase(suite, normal);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

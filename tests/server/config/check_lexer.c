/* Tests of server/config/lexer.h. */
#include "../../../server/config/lexer.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct lexer lexer;
static struct lexer_item item;

static void begin_bytes(const char *data, size_t size) {
    lexer_init(&lexer, "x.conf", "/etc", data, size, &arena);
}

static void begin(const char *text) {
    begin_bytes(text, strlen(text));
}

static void expect_end(void) {
    ck_assert_int_eq(lexer_next(&lexer, &item), LEXER_END);
    arena_reset(&arena);
}

static void expect_section(const char *word, const char *name) {
    ck_assert_int_eq(lexer_next(&lexer, &item), LEXER_SECTION);
    ck_assert_str_eq(item.first.text, word);
    ck_assert_str_eq(item.second.text, name);
}

static void expect_setting(const char *key, const char *value) {
    ck_assert_int_eq(lexer_next(&lexer, &item), LEXER_SETTING);
    ck_assert_str_eq(item.first.text, key);
    ck_assert_str_eq(item.second.text, value);
}

static void expect_mistake(unsigned line, unsigned column, unsigned width, const char *part) {
    ck_assert_int_eq(lexer_next(&lexer, &item), LEXER_MISTAKE);
    ck_assert_msg(strstr(item.message, part) != NULL, "\"%s\" has no \"%s\"", item.message, part);
    ck_assert_uint_eq(item.at.line, line);
    ck_assert_uint_eq(item.at.column, column);
    ck_assert_uint_eq(item.at.width, width);
    ck_assert_str_eq(item.at.file, "x.conf");
    ck_assert_str_eq(item.at.folder, "/etc");
}

START_TEST(lines_that_mean_nothing_are_mistakes_and_reading_goes_on) {
    begin("[a]\n  junk here  # why\n = 5\nk = v\n");
    expect_section("a", "");
    expect_mistake(2, 3, 9, "neither");
    expect_mistake(3, 2, 1, "no key");
    expect_setting("k", "v");
    expect_end();
}
END_TEST

START_TEST(broken_headers_are_mistakes_and_say_that_they_are_headers) {
    begin("[pool a\n[]\n[  ]\n[pool a] x\n[pool # a]\nk [x] = 5\n");
    expect_mistake(1, 1, 7, "no ]");
    ck_assert(item.is_header);
    expect_mistake(2, 1, 2, "empty");
    expect_mistake(3, 1, 4, "empty");
    expect_mistake(4, 10, 1, "behind the section");
    expect_mistake(5, 1, 5, "no ]");
    ck_assert(item.is_header);
    expect_setting("k [x]", "5");
    ck_assert(!item.is_header);
    expect_end();
}
END_TEST

START_TEST(an_open_quote_is_shown_at_its_begin) {
    begin("k = \"abc # d\nm = \"\\\"\nn = 1\n");
    expect_mistake(1, 5, 1, "not closed");
    expect_mistake(2, 5, 1, "not closed");
    expect_setting("n", "1");
    expect_end();
}
END_TEST

START_TEST(text_behind_a_closing_quote_is_a_mistake) {
    begin("k = \"a\" || \"b\"  # c\nm = \"a\"# c\n");
    expect_mistake(1, 9, 6, "behind the closing quote");
    expect_mistake(2, 8, 3, "behind the closing quote");
    expect_end();
}
END_TEST

START_TEST(nul_bytes_are_mistakes_with_a_column) {
    static const char text[] = "k = a\0b\nm = 1\n# \0\n";
    begin_bytes(text, sizeof text - 1);
    expect_mistake(1, 6, 1, "NUL");
    ck_assert_str_eq(item.at.text, "k = a?b");
    expect_setting("m", "1");
    expect_mistake(3, 3, 1, "NUL");
    expect_end();
}
END_TEST

START_TEST(bad_utf8_is_a_mistake_with_a_column) {
    static const char *const bad[] = {"\xFF",
                                      "\xC0\x80",
                                      "\xC3",
                                      "\xE0\x80\x80",
                                      "\xED\xA0\x80",
                                      "\xF0\x80\x80\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\x80",
                                      "\xE2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "k = \xC3\xA4%s\nm = 1", bad[i]);
        begin(text);
        expect_mistake(1, 7, 1, "UTF-8");
        expect_setting("m", "1");
        expect_end();
    }
}
END_TEST

START_TEST(control_characters_are_mistakes_but_the_tab_is_white_space) {
    begin("k\t=\ta\tb\t\nm = \x1B[2J\nn = a\rb\r\no = \x7F\n[p\x01]\n");
    expect_setting("k", "a\tb");
    expect_mistake(2, 5, 1, "control character");
    expect_mistake(3, 6, 1, "carriage return");
    expect_mistake(4, 5, 1, "control character");
    expect_mistake(5, 3, 1, "control character");
    ck_assert(item.is_header);
    expect_end();
}
END_TEST

START_TEST(a_mistake_in_a_long_value_is_told_once) {
    begin("k = a \\\n b \xFF \\\n c \\\n d\nm = 1\n");
    expect_mistake(2, 4, 1, "UTF-8");
    expect_setting("m", "1");
    expect_end();
    begin("junk \\\n more \\\n and more\nm = 1\n");
    expect_mistake(1, 1, 6, "neither");
    expect_setting("m", "1");
    expect_end();
}
END_TEST

START_TEST(a_comment_behind_the_backslash_is_a_mistake) {
    begin("k = a \\ # not at the end\nm = 1\n");
    expect_mistake(1, 7, 1, "comment");
    expect_setting("m", "1");
    expect_end();
}
END_TEST

START_TEST(a_backslash_at_the_files_end_is_a_mistake) {
    begin("k = a \\\n");
    expect_mistake(1, 7, 1, "file ends");
    expect_end();
    begin("k = \"a \\");
    expect_mistake(1, 8, 1, "file ends");
    expect_end();
}
END_TEST

START_TEST(sections_and_settings_have_their_places) {
    begin("\n  [ pool \t a.b-c ]  # x\n\tkey  =  some value  # y\n");
    expect_section("pool", "a.b-c");
    ck_assert_uint_eq(item.first.at.line, 2);
    ck_assert_uint_eq(item.first.at.column, 5);
    ck_assert_uint_eq(item.second.at.column, 12);
    ck_assert_uint_eq(item.second.at.width, 5);
    expect_setting("key", "some value");
    ck_assert_uint_eq(item.first.at.column, 2);
    ck_assert_uint_eq(item.first.at.width, 3);
    ck_assert_uint_eq(item.second.at.column, 10);
    ck_assert_uint_eq(item.second.at.width, 10);
    ck_assert_str_eq(item.second.at.text, "\tkey  =  some value  # y");
    expect_end();
}
END_TEST

START_TEST(a_hash_begins_a_comment_only_after_white_space) {
    begin("# a = b\n  # c\na = x#y # z\nb =#5\nc = # nothing\nd = a=b\n");
    expect_setting("a", "x#y");
    expect_setting("b", "#5");
    expect_setting("c", "");
    ck_assert_uint_eq(item.second.at.line, 5);
    expect_setting("d", "a=b");
    expect_end();
}
END_TEST

START_TEST(quotes_keep_everything) {
    begin("a = \"  x # y \"  # c\nb = \"\\\"\\\\ \\d\"\nc = \"\"\nd = say \"hi\"\n");
    expect_setting("a", "  x # y ");
    ck_assert_uint_eq(item.second.at.column, 5);
    ck_assert_uint_eq(item.second.at.width, 10);
    expect_setting("b", "\"\\ \\d");
    expect_setting("c", "");
    expect_setting("d", "say \"hi\"");
    expect_end();
}
END_TEST

START_TEST(a_backslash_at_the_end_continues_the_value) {
    begin("sql = SELECT a, \\  \n"
          "      b   \\\n"
          "    # a comment between\n"
          "  FROM t # end\n"
          "k = \\\n"
          "   v\n"
          "q = \"a \\\n"
          "     # b\\\n"
          "  c\"\n"
          "e = a \\\n"
          "\n"
          "z = C:\\dir\n");
    expect_setting("sql", "SELECT a, b FROM t");
    ck_assert_uint_eq(item.second.at.line, 1);
    ck_assert_uint_eq(item.second.at.column, 7);
    ck_assert_uint_eq(item.second.at.width, 9);
    expect_setting("k", "v");
    ck_assert_uint_eq(item.second.at.line, 6);
    ck_assert_uint_eq(item.second.at.column, 4);
    expect_setting("q", "a # b c");
    expect_setting("e", "a");
    expect_setting("z", "C:\\dir");
    expect_end();
}
END_TEST

START_TEST(line_ends_may_be_crlf_and_a_byte_order_mark_is_no_text) {
    begin("\xEF\xBB\xBF[a]\r\nk = v\r\nq = \"v\"\r\nl = a \\\r\n b\r\n\r\nlast = 1");
    expect_section("a", "");
    expect_setting("k", "v");
    expect_setting("q", "v");
    expect_setting("l", "a b");
    expect_setting("last", "1");
    expect_end();
}
END_TEST

START_TEST(long_lines_are_read_whole) {
    enum { SIZE = 300000 };
    char *text = malloc(SIZE + 5);
    ck_assert_ptr_nonnull(text);
    memcpy(text, "k = ", 4);
    memset(text + 4, 'x', SIZE);
    text[SIZE + 4] = '\0';
    begin(text);
    ck_assert_int_eq(lexer_next(&lexer, &item), LEXER_SETTING);
    ck_assert_uint_eq(strlen(item.second.text), SIZE);
    expect_end();
    free(text);
}
END_TEST

START_TEST(every_cut_of_a_text_ends_without_a_crash) {
    static const char text[] = "[pool a]\nk = \"x \\\n y\\\"\" # c\nm = a \\\n # c\n b\n\xC3\xA4 = \xE2\x82\xAC\r\n";
    for (size_t size = 0; size < sizeof text; size++) {
        char *copy = malloc(size > 0 ? size : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, size);
        begin_bytes(copy, size);
        size_t items = 0;
        while (lexer_next(&lexer, &item) != LEXER_END) {
            ck_assert_int_ne(item.kind, LEXER_NOMEM);
            ck_assert_uint_lt(++items, 20);
        }
        arena_reset(&arena);
        free(copy);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lexer");
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, lines_that_mean_nothing_are_mistakes_and_reading_goes_on);
    tcase_add_test(refusals, broken_headers_are_mistakes_and_say_that_they_are_headers);
    tcase_add_test(refusals, an_open_quote_is_shown_at_its_begin);
    tcase_add_test(refusals, text_behind_a_closing_quote_is_a_mistake);
    tcase_add_test(refusals, nul_bytes_are_mistakes_with_a_column);
    tcase_add_test(refusals, bad_utf8_is_a_mistake_with_a_column);
    tcase_add_test(refusals, control_characters_are_mistakes_but_the_tab_is_white_space);
    tcase_add_test(refusals, a_mistake_in_a_long_value_is_told_once);
    tcase_add_test(refusals, a_comment_behind_the_backslash_is_a_mistake);
    tcase_add_test(refusals, a_backslash_at_the_files_end_is_a_mistake);
    suite_add_tcase(suite, refusals);
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, sections_and_settings_have_their_places);
    tcase_add_test(normal, a_hash_begins_a_comment_only_after_white_space);
    tcase_add_test(normal, quotes_keep_everything);
    tcase_add_test(normal, a_backslash_at_the_end_continues_the_value);
    tcase_add_test(normal, line_ends_may_be_crlf_and_a_byte_order_mark_is_no_text);
    suite_add_tcase(suite, normal);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, long_lines_are_read_whole);
    tcase_add_test(limits, every_cut_of_a_text_ends_without_a_crash);
    suite_add_tcase(suite, limits);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Tests of the manual: the keys in tothread.conf(5) are those of the table, word by word. */
#include "loading.h"

#include "../../../server/config/key.h"

#define KEYS_BEGIN "\n; The keys, as config_print_manual prints them.\n"
#define KEYS_END   "\n; The end of the keys.\n"

static char *manual(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    config_print_manual(out);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

/* server/man/ stands at the top of the tree that this file is in. */
static char *page(void) {
    char path[1024];
    const char *end = strstr(__FILE__, "tests/server/config/");
    ck_assert_ptr_nonnull(end);
    (void)snprintf(path, sizeof path, "%.*sserver/man/tothread.conf.5.scd", (int)(end - __FILE__), __FILE__);
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s can't be opened", path);
    char *text = calloc(1, 131072);
    ck_assert_ptr_nonnull(text);
    ck_assert_uint_gt(fread(text, 1, 131071, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

START_TEST(the_manuals_keys_are_what_the_table_says) {
    char *expected = manual();
    char *text = page();
    char *keys = strstr(text, KEYS_BEGIN);
    ck_assert_msg(keys != NULL, "no line that begins the keys");
    keys += strlen(KEYS_BEGIN);
    char *end = strstr(keys, KEYS_END);
    ck_assert_msg(end != NULL, "no line that ends the keys");
    *end = '\0';
    if (strcmp(keys, expected) != 0) {
        /* In the folder in which the test runs: to be put into the page. */
        FILE *out = fopen("tothread.conf.5.keys", "we");
        ck_assert_ptr_nonnull(out);
        ck_assert_int_ge(fputs(expected, out), 0);
        ck_assert_int_eq(fclose(out), 0);
        ck_abort_msg("server/man/tothread.conf.5.scd is old: its keys are now those in tothread.conf.5.keys, in the "
                     "build folder");
    }
    free(text);
    free(expected);
}
END_TEST

START_TEST(every_key_that_can_be_set_has_an_entry_and_no_other) {
    char *text = manual();
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &key_table[i];
        char entry[128];
        (void)snprintf(entry, sizeof entry, "\n*%s*\n", key->name);
        bool is_offered = false;
        for (size_t j = 0; j < key_count; j++)
            is_offered |= strcmp(key_table[j].name, key->name) == 0 && !key_table[j].is_unavailable &&
                          !key_section(key_table[j].kind)->is_unavailable;
        ck_assert_msg((strstr(text, entry) != NULL) == is_offered, "%s", key->name);
    }
    free(text);
}
END_TEST

START_TEST(nothing_in_the_help_is_taken_for_markup) {
    char *text = manual();
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        size_t size = strcspn(line, "\n");
        if (size == 0 || line[0] == '*' || strncmp(line, "## ", 3) == 0)
            continue;
        const char *word = line + (line[0] == '\t');
        ck_assert_msg(strchr("#[|]-;.", word[0]) == NULL, "%.*s", (int)size, line);
        for (size_t i = 0; i < size; i++)
            ck_assert_msg(strchr("*_`", line[i]) == NULL || line[i - 1] == '\\', "%.*s", (int)size, line);
    }
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("manual");
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, the_manuals_keys_are_what_the_table_says);
    tcase_add_test(normal, every_key_that_can_be_set_has_an_entry_and_no_other);
    tcase_add_test(normal, nothing_in_the_help_is_taken_for_markup);
    suite_add_tcase(suite, normal);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

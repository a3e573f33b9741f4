/* Tests of tokens.c and grants.c: the file of tokens, and what the calls say about them. */
#include "loading.h"

#include "../../../server/config/grants.h"
#include "../../../server/config/tokens.h"

#define T1    "abcdefghijklmnop"
#define T2    "QRSTUVWXYZ0123456789-._~+/=="
#define T3    "0123456789abcdef0"
#define LONG  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define FILLS LONG LONG LONG LONG /* 256 bytes */

static struct arena arena;

static struct tokens *parse(const char *data, size_t size) {
    diagnostics_init(&diagnostics);
    struct tokens *tokens = tokens_parse("tokens", data, size, &arena, &diagnostics);
    ck_assert_int_eq(tokens != NULL, diagnostics.error_count == 0);
    size_t written = 0;
    FILE *out = open_memstream(&messages, &written);
    ck_assert_ptr_nonnull(out);
    diagnostics_print(&diagnostics, out);
    ck_assert_int_eq(fclose(out), 0);
    return tokens;
}

static void done(void) {
    unload(NULL);
    arena_reset(&arena);
}

static void wrong(const char *data, uint32_t count, const char *expected) {
    ck_assert_ptr_null(parse(data, strlen(data)));
    ck_assert_msg(diagnostics.error_count == count, "%u errors, not %u:\n%s", diagnostics.error_count, count, messages);
    expect_message(expected);
    ck_assert_msg(strstr(messages, "ghijkl") == NULL, "a token is shown:\n%s", messages);
    done();
}

static const char *find(const struct tokens *tokens, const char *text) {
    return tokens_find(tokens, text, strlen(text));
}

START_TEST(every_mistake_of_a_file_is_told_with_its_place) {
    wrong("billing\n", 1, "tokens:1:8: the token is missing");
    wrong("# one\n\n  billing abc\n", 1, "tokens:3:11: the token is shorter than 16 bytes");
    wrong("billing " FILLS "x\n", 1, "tokens:1:9: the token is longer than 256 bytes");
    wrong("billing abcdefghijklmn,p\n", 1, "tokens:1:9: the token has a character");
    wrong("billing abcdefghijkl=mnop\n", 1, "tokens:1:9: the token has a character");
    wrong("billing ================\n", 1, "tokens:1:9: the token has a character");
    wrong("billing:x " T1 "\n", 1, "tokens:1:8: a character that names can't have");
    wrong(LONG " " T1 "\n", 1, "tokens:1:1: the name is longer than 63 characters");
    wrong("billing " T1 " " T2 "\n", 1, "tokens:1:26: something stands behind the token");
    wrong("a " T1 "\nb " T1 "\n", 1, "tokens:2:3: the token stands twice");
    wrong("", 1, "there is no token in the file");
    wrong("# nothing\n", 1, "there is no token in the file");
    wrong("a b\nc d\n\xff " T1 " e\n", 4, "tokens:2:3: the token is shorter");
}
END_TEST

START_TEST(bytes_that_are_no_text_are_refused) {
    static const char data[] = "a\0b " T1 "\nc abcdefgh\0ijklmnop\n";
    ck_assert_ptr_null(parse(data, sizeof data - 1));
    expect_message("tokens:1:1: a name with a NUL in it");
    expect_message("tokens:2:3: the token has a character");
    done();
}
END_TEST

START_TEST(there_are_at_most_256) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    for (int i = 0; i < 257; i++)
        (void)fprintf(out, "n%d tokentokentoken%04d\n", i, i);
    ck_assert_int_eq(fclose(out), 0);
    wrong(text, 1, "tokens:257:1: there are at most 256 tokens");
    char *last = strstr(text, "n256 ");
    ck_assert_ptr_nonnull(last);
    struct tokens *tokens = parse(text, (size_t)(last - text));
    ck_assert_uint_eq(tokens->count, 256);
    ck_assert_str_eq(find(tokens, "tokentokentoken0000"), "n0");
    ck_assert_str_eq(find(tokens, "tokentokentoken0255"), "n255");
    done();
    free(text);
}
END_TEST

START_TEST(tokens_are_found_whole_or_not_at_all) {
    static const char data[] = "# who    what\r\nbilling\t" T1 "\r\n  reports   " T2 "  \n\nbilling " T3 "\nbig " FILLS;
    struct tokens *tokens = parse(data, sizeof data - 1);
    ck_assert_msg(tokens != NULL, "%s", messages);
    ck_assert_uint_eq(tokens->count, 4);
    ck_assert_str_eq(find(tokens, T1), "billing");
    ck_assert_str_eq(find(tokens, T2), "reports");
    ck_assert_str_eq(find(tokens, T3), "billing");
    ck_assert_str_eq(find(tokens, FILLS), "big");
    ck_assert_ptr_null(find(tokens, ""));
    ck_assert_ptr_null(find(tokens, "abcdefghijklmno"));
    ck_assert_ptr_null(find(tokens, T1 "q"));
    ck_assert_ptr_null(find(tokens, "Abcdefghijklmnop"));
    ck_assert_ptr_null(find(tokens, FILLS "x"));
    ck_assert_ptr_null(tokens_find(tokens, T1 "\0", 18)); /* the NUL that fills up is no part of it */
    tokens_wipe(tokens);
    ck_assert_uint_eq(tokens->list[0].words[0], 0);
    done();
}
END_TEST

/* -- with a configuration -- */

/* Loads both, as the service does; the errors of both together. The @ in the pattern is the path. */
static void grants(const char *pattern, const char *path, bool is_dry, uint32_t errors, const char *expected) {
    char text[1024];
    const char *at = strchr(pattern, '@');
    ck_assert_ptr_nonnull(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - pattern), pattern, path, at + 1); /* fits */
    const struct config_source source = {.text = text, .text_name = "text", .is_dry = is_dry};
    diagnostics_init(&diagnostics);
    struct config *config = config_try(&source, &diagnostics);
    ck_assert_ptr_nonnull(config);
    grants_load(config, &source, &diagnostics);
    size_t size = 0;
    FILE *out = open_memstream(&messages, &size);
    ck_assert_ptr_nonnull(out);
    diagnostics_print(&diagnostics, out);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_msg(diagnostics.error_count == errors, "%u errors, not %u:\n%s", diagnostics.error_count, errors,
                  messages);
    if (expected)
        expect_message(expected);
    unload(config);
}

START_TEST(calls_ask_for_tokens_that_are_there) {
    folder_make();
    const char *path = file_make("tokens", "billing " T1 "\nreports " T2 "\n");
    ck_assert_int_eq(chmod(path, 0640), 0);
    grants("[server]\ntokens = @\nauth = token\n" CALL, path, false, 0, NULL);
    ck_assert_uint_eq(diagnostics.warning_count, 0);
    grants("[server]\ntokens = @\n" CALL "auth = token\ntokens = billing, reports\n", path, false, 0, NULL);
    grants("[server]\ntokens = @\n" CALL "auth = token\ntokens = billing,  report\n", path, false, 1,
           "text:8:20: tokens: there is no token of this name");
    grants("[server]\ntokens = @\n" CALL "tokens = billing\n", path, false, 1, "tokens: the call asks for no token");
    grants("[server]\ntokens = @\nauth = token\n" CALL "tokens = billing\nauth = none\n", path, false, 1,
           "asks for no token");
    grants("[server]\ntokens = @\n" CALL, path, false, 0, "tokens: no call asks for a token");
    folder_remove();
}
END_TEST

START_TEST(file_of_tokens_must_be_there) {
    grants("[server]\nauth = token\n#@\n", "", false, 1, "text:2:8: auth = token needs tokens");
    grants(CALL "auth = token\n#@", "", false, 1, "text:5:8: auth = token needs tokens");
    grants("[server]\nauth = token\ntokens = @\n", "/no/such/file", false, 1,
           "text:3:10: tokens: can't read /no/such/file: No such file");
    grants("[server]\nauth = token\ntokens = @\n", "credential:tokens", false, 1, "no $CREDENTIALS_DIRECTORY");
    grants("[server]\nauth = token\ntokens = @\n", "credential:tokens", true, 0, "the credential can't be checked");
    grants("[server]\nauth = token\ntokens = @\n", "credential:../x", false, 1, "the name of LoadCredential=");
    grants("[server]\nauth = token\ntokens = @\n", "credential:..", false, 1, "the name of LoadCredential=");
}
END_TEST

START_TEST(file_that_others_may_read_is_warned_about) {
    static const struct {
        mode_t mode;
        const char *message;
    } rows[] = {{0644, "everybody may read the tokens"}, {0660, "others than the owner may write the tokens"}};
    folder_make();
    const char *path = file_make("tokens", "billing " T1 "\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_int_eq(chmod(path, rows[i].mode), 0);
        grants("[server]\ntokens = @\nauth = token\n", path, false, 0, rows[i].message);
    }
    folder_remove();
}
END_TEST

START_TEST(proxies_that_no_listener_takes_are_warned_about) {
    grants("[server]\nproxy-from = ::1\n#@", "", false, 0, "text:2:14: warning: proxy-from: no listen says proxy");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokens");
    TCase *tests = tcase_create("tests");
    tcase_add_test(tests, every_mistake_of_a_file_is_told_with_its_place);
    tcase_add_test(tests, bytes_that_are_no_text_are_refused);
    tcase_add_test(tests, there_are_at_most_256);
    tcase_add_test(tests, tokens_are_found_whole_or_not_at_all);
    tcase_add_test(tests, calls_ask_for_tokens_that_are_there);
    tcase_add_test(tests, file_of_tokens_must_be_there);
    tcase_add_test(tests, file_that_others_may_read_is_warned_about);
    tcase_add_test(tests, proxies_that_no_listener_takes_are_warned_about);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

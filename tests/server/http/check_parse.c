/* Parse: what is refused with which status, what is accepted as what; each case whole, split at each byte, by bytes. */
#include "server/http/parse.h"
#include "parse_cases.h"
#include "splits.h"
#include <check.h>

#define MAX_HEAD 8192
#define MAX_LINE 4096

static void summary_add(char *text, size_t capacity, const char *label, const char *head, struct span span) {
    size_t size = strlen(text);
    if (span.size > 0)
        (void)snprintf(text + size, capacity - size, "%s%.*s", label, (int)span.size, head + span.at);
}

static void summarize(const struct parse *p, const char *head, char *text, size_t capacity) {
    static const char *const methods[] = {"GET",   "HEAD",    "POST",  "PUT",     "DELETE",
                                          "PATCH", "OPTIONS", "TRACE", "CONNECT", "other"};
    char length[32] = "";
    *text = '\0';
    if (p->method != HTTP_OTHER) {
        ck_assert_uint_eq(p->method_text.size, strlen(methods[p->method]));
        ck_assert_mem_eq(head + p->method_text.at, methods[p->method], p->method_text.size);
    }
    summary_add(text, capacity, "", methods[p->method], (struct span){0, (uint32_t)strlen(methods[p->method])});
    summary_add(text, capacity, "", " ", (struct span){0, 1});
    summary_add(text, capacity, "", head, p->path);
    summary_add(text, capacity, "?", head, p->query);
    if (p->has_length)
        (void)snprintf(length, sizeof length, " length=%llu", (unsigned long long)p->content_length);
    size_t size = strlen(text);
    (void)snprintf(text + size, capacity - size, " 1.%u%s%s%s%s%s%s", p->minor, p->path_is_root ? " root" : "",
                   p->is_asterisk ? " asterisk" : "", p->keep_alive ? " keep" : "", p->expect_continue ? " expect" : "",
                   p->is_chunked ? " chunked" : "", length);
    summary_add(text, capacity, " host=", head, p->host);
    summary_add(text, capacity, " type=", head, p->content_type);
    summary_add(text, capacity, " prefer=", head, p->prefer);
    summary_add(text, capacity, " id=", head, p->request_id);
    summary_add(text, capacity, " trace=", head, p->traceparent);
    summary_add(text, capacity, " accept=", head, p->accept);
    summary_add(text, capacity, " auth=", head, p->authorization);
    summary_add(text, capacity, " none=", head, p->if_none_match);
    summary_add(text, capacity, " since=", head, p->if_modified_since);
    summary_add(text, capacity, " range=", head, p->range);
    summary_add(text, capacity, " if-range=", head, p->if_range);
}

/* The result of all ways to split, which must agree. */
static enum parse_result parse_all_ways(const char *head, size_t size, uint32_t max_head, uint32_t max_line,
                                        struct parse *ret_parse) {
    enum parse_result result;
    for (size_t cut = 0; cut <= size; cut++) {
        const char *difference = splits_parse(head, size, max_head, max_line, cut, 0, ret_parse, &result);
        ck_assert_msg(difference == NULL, "cut at %zu: %s differs in: %s", cut, difference, head);
    }
    const char *difference = splits_parse(head, size, max_head, max_line, 1, 1, ret_parse, &result);
    ck_assert_msg(difference == NULL, "by bytes: %s differs in: %s", difference, head);
    return result;
}

static enum parse_result parse_text(const char *head, struct parse *ret_parse) {
    return parse_all_ways(head, strlen(head), MAX_HEAD, MAX_LINE, ret_parse);
}

START_TEST(what_is_wrong_is_refused_with_its_status) {
    const struct refused *one = &refused[_i];
    struct parse parse;
    enum parse_result result = parse_all_ways(one->head, one->size, MAX_HEAD, MAX_LINE, &parse);
    ck_assert_msg(result == PARSE_REFUSED, "not refused: %s", one->head);
    ck_assert_msg(parse.status == one->status, "%u and not %u: %s", parse.status, one->status, one->head);
    ck_assert_ptr_nonnull(parse.reason);
}
END_TEST

START_TEST(what_is_right_is_read_as_it_was_meant) {
    const struct accepted *one = &accepted[_i];
    struct parse parse;
    char summary[512];
    enum parse_result result = parse_text(one->head, &parse);
    ck_assert_msg(result == PARSE_DONE, "not done (%s): %s", parse.reason, one->head);
    summarize(&parse, one->head, summary, sizeof summary);
    ck_assert_str_eq(summary, one->summary);
    ck_assert_ptr_null(parse.reason);
    ck_assert_mem_eq(one->head + parse.head_size - 4, "\r\n\r\n", 4);
}
END_TEST

START_TEST(a_head_without_its_end_waits_for_more) {
    const char head[] = "\r\nPOST http://a/b%41?c%42 HTTP/1.1\r\nHost: a\r\nContent-Length:\t5 \r\nX: y\r\n\r\n";
    for (size_t size = 0; size < sizeof head - 1; size++) {
        struct parse parse;
        ck_assert_int_eq(parse_all_ways(head, size, MAX_HEAD, MAX_LINE, &parse), PARSE_MORE);
        ck_assert_uint_eq(parse.status, 0);
    }
}
END_TEST

/* Each of the 256 bytes at one place of a head, against the RFC's own list of what may stand there. */
struct place {
    const char *before;
    const char *after;
    const char *extra; /* allowed beside letters and digits */
    bool with_high_bytes;
};

static const struct place places[] = {
    {"A", "A / HTTP/1.1\r\n" H END, "!#$%&'*+-.^_`|~", false},
    {GET "X", "X: v\r\n\r\n", "!#$%&'*+-.^_`|~:", false},
    {GET "X: v", "v\r\n\r\n", "\t !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true},
    {GET "X: 12345678", "123456789abcdef\r\n\r\n", "\t !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true},
    {"GET /a", "b HTTP/1.1\r\n" H END, "/-._~!$&'()*+,;=:@?", false},
    {"GET /?a", "b HTTP/1.1\r\n" H END, "/-._~!$&'()*+,;=:@?[]|", false},
    {"GET / HTTP/1.1\r\nHost: a", "b\r\n\r\n", "-._~!$&'()*+;=", false},
    {"GET http://a", "b/ HTTP/1.1\r\n" H END, "-._~!$&'()*+;=/?", false},
    {POST "Content-Length: 1", "1\r\n\r\n", NULL, false},
};

START_TEST(a_byte_is_taken_where_the_grammar_has_it_and_nowhere_else) {
    const struct place *place = &places[_i];
    for (unsigned byte = 0; byte < 256; byte++) {
        char head[160];
        struct parse parse;
        size_t before = strlen(place->before);
        size_t after = strlen(place->after);
        memcpy(head, place->before, before);
        head[before] = (char)byte;
        memcpy(head + before + 1, place->after, after);
        bool is_digit = byte >= '0' && byte <= '9';
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool is_right = is_digit || (place->extra != NULL && is_letter) || (place->with_high_bytes && byte >= 0x80) ||
                        (place->extra != NULL && byte != 0 && byte < 0x80 && strchr(place->extra, (int)byte) != NULL);
        enum parse_result result = parse_all_ways(head, before + 1 + after, MAX_HEAD, MAX_LINE, &parse);
        ck_assert_msg(result == (is_right ? PARSE_DONE : PARSE_REFUSED), "byte 0x%02x after %s", byte, place->before);
    }
}
END_TEST

START_TEST(a_request_line_may_be_as_long_as_its_limit_and_no_longer) {
    const char *head = "\r\nGET /1234567890 HTTP/1.1\r\nHost: a\r\n\r\n";
    uint32_t line_size = sizeof "GET /1234567890 HTTP/1.1\r\n" - 1;
    struct parse parse;
    ck_assert_int_eq(parse_all_ways(head, strlen(head), MAX_HEAD, line_size, &parse), PARSE_DONE);
    for (uint32_t limit = 0; limit < line_size; limit++) {
        ck_assert_int_eq(parse_all_ways(head, strlen(head), MAX_HEAD, limit, &parse), PARSE_REFUSED);
        ck_assert_uint_eq(parse.status, 414);
    }
    parse_init(&parse, MAX_HEAD, 20);
    ck_assert_int_eq(parse_head(&parse, head, 21), PARSE_MORE);
    ck_assert_int_eq(parse_head(&parse, head, 22), PARSE_REFUSED);
}
END_TEST

START_TEST(a_head_may_be_as_long_as_its_limit_and_no_longer) {
    const char *head = "\r\nGET / HTTP/1.1\r\nHost: a\r\nX: 12345678901234567890\r\n\r\nbody";
    uint32_t head_size = (uint32_t)strlen(head) - 4;
    uint32_t line_end = sizeof "\r\nGET / HTTP/1.1\r\n" - 1;
    struct parse parse;
    ck_assert_int_eq(parse_all_ways(head, strlen(head), head_size, MAX_LINE, &parse), PARSE_DONE);
    ck_assert_uint_eq(parse.head_size, head_size);
    for (uint32_t limit = 0; limit < head_size; limit++) {
        ck_assert_int_eq(parse_all_ways(head, strlen(head), limit, MAX_LINE, &parse), PARSE_REFUSED);
        ck_assert_uint_eq(parse.status, limit < line_end ? 414 : 431);
    }
    ck_assert_int_eq(parse_all_ways(head, strlen(head), UINT32_MAX, UINT32_MAX, &parse), PARSE_DONE);
}
END_TEST

START_TEST(one_field_too_many_is_refused_at_its_first_byte) {
    char head[1024] = GET;
    size_t size = strlen(head);
    struct parse parse;
    for (int i = 1; i < PARSE_FIELDS_MAX; i++, size += 4)
        memcpy(head + size, "X:\r\n", 4);
    memcpy(head + size, "\r\n", 2);
    ck_assert_int_eq(parse_all_ways(head, size + 2, MAX_HEAD, MAX_LINE, &parse), PARSE_DONE);
    ck_assert_uint_eq(parse.field_count, PARSE_FIELDS_MAX);
    ck_assert_int_eq(parse_all_ways(head, size, MAX_HEAD, MAX_LINE, &parse), PARSE_MORE);
    head[size] = 'X';
    ck_assert_int_eq(parse_all_ways(head, size + 1, MAX_HEAD, MAX_LINE, &parse), PARSE_REFUSED);
    ck_assert_uint_eq(parse.status, 431);
}
END_TEST

static Suite *parse_suite(void) {
    Suite *suite = suite_create("parse");
    TCase *refusals = tcase_create("refusals");
    tcase_add_loop_test(refusals, what_is_wrong_is_refused_with_its_status, 0,
                        (int)(sizeof refused / sizeof refused[0]));
    suite_add_tcase(suite, refusals);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, a_request_line_may_be_as_long_as_its_limit_and_no_longer);
    tcase_add_test(limits, a_head_may_be_as_long_as_its_limit_and_no_longer);
    tcase_add_test(limits, one_field_too_many_is_refused_at_its_first_byte);
    suite_add_tcase(suite, limits);
    TCase *normal = tcase_create("normal");
    tcase_add_loop_test(normal, what_is_right_is_read_as_it_was_meant, 0, (int)(sizeof accepted / sizeof accepted[0]));
    tcase_add_test(normal, a_head_without_its_end_waits_for_more);
    tcase_add_loop_test(normal, a_byte_is_taken_where_the_grammar_has_it_and_nowhere_else, 0,
                        (int)(sizeof places / sizeof places[0]));
    suite_add_tcase(suite, normal);
    return suite;
}

int main(void) {
    SRunner *runner = srunner_create(parse_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/* Chunk: what is refused, what is decoded to what; each case whole, split at each byte, by bytes. */
#include "server/http/chunk.h"
#include "splits.h"
#include <check.h>
#include <string.h>

struct text {
    const char *data;
    size_t size;
};

#define TEXT(text) \
    { text, sizeof(text) - 1 }

static const struct text refused[] = {
    /* size */
    TEXT("\r\n5\r\nhello\r\n0\r\n\r\n"),
    TEXT("\n"),
    TEXT(" 5\r\nhello\r\n"),
    TEXT("5 \r\nhello\r\n"),
    TEXT("5\t\r\nhello\r\n"),
    TEXT("+5\r\nhello\r\n"),
    TEXT("-5\r\nhello\r\n"),
    TEXT("-0\r\n\r\n"),
    TEXT("0x5\r\nhello\r\n"),
    TEXT("0_5\r\nhello\r\n"),
    TEXT("5,5\r\nhello\r\n"),
    TEXT("5.0\r\nhello\r\n"),
    TEXT("g\r\n"),
    TEXT("5g\r\nhello\r\n"),
    TEXT("\"5\"\r\nhello\r\n"),
    TEXT(";a=b\r\n"),
    TEXT("5:\r\nhello\r\n"),
    TEXT("5\0\r\nhello\r\n"),
    TEXT("5\x85\r\nhello\r\n"),
    TEXT("5\nhello\r\n"),
    TEXT("5\r5\nhello\r\n"),
    TEXT("5\rXhello\r\n"),
    TEXT("5\r\r\nhello\r\n"),
    TEXT("10000000000000005\r\nhello\r\n"),
    TEXT("8000000000000000\r\n"),
    TEXT("7fffffffffffffff\r\nhello\r\n"),
    TEXT("7ffffffffffffffe\r\nhello\r\n"),
    TEXT("ffffffffffffffff\r\n"),
    TEXT("fffffffffffffffb\r\nhello\r\n"),
    /* data */
    TEXT("5\r\nhello0\r\n\r\n"),
    TEXT("5\r\nhello\n0\r\n\r\n"),
    TEXT("5\r\nhello\r0\r\n\r\n"),
    TEXT("5\r\nhelloXX0\r\n\r\n"),
    TEXT("5\r\nhell\r\n0\r\n\r\n"),
    TEXT("5\r\nhello!\r\n0\r\n\r\n"),
    TEXT("3\r\nfoo\r\n\r\n"),
    /* extensions */
    TEXT("5;\r\nhello\r\n"),
    TEXT("5;;a\r\nhello\r\n"),
    TEXT("5;a=\r\nhello\r\n"),
    TEXT("5;=b\r\nhello\r\n"),
    TEXT("5;a=b=c\r\nhello\r\n"),
    TEXT("5;a \r\nhello\r\n"),
    TEXT("5;a=b \r\nhello\r\n"),
    TEXT("5;a b\r\nhello\r\n"),
    TEXT("5;a=\"b\r\nhello\r\n"),
    TEXT("5;a=\"b\"c\r\nhello\r\n"),
    TEXT("5;a=b\"c\"\r\nhello\r\n"),
    TEXT("5;a=\"b\\\r\n\"\r\nhello\r\n"),
    TEXT("5;a=\"b\nc\"\r\nhello\r\n"),
    TEXT("5;a=\"\0\"\r\nhello\r\n"),
    TEXT("5;a=\"\x7f\"\r\nhello\r\n"),
    TEXT("5;a=\0\r\nhello\r\n"),
    TEXT("5;a\n\r\nhello\r\n"),
    TEXT("5;a\rX\r\nhello\r\n"),
    TEXT("5\r\r;ABCD\r\nhello\r\n"),
    TEXT("5;a=(b)\r\nhello\r\n"),
    TEXT("5;a/b\r\nhello\r\n"),
    TEXT("5;\xc3\xa9\r\nhello\r\n"),
    /* last chunk, trailer */
    TEXT("0\n\n"),
    TEXT("0\r\n\n"),
    TEXT("0\r\n\rX"),
    TEXT("0\r\nXX\r\n\r\n"),
    TEXT("0\r\nX : y\r\n\r\n"),
    TEXT("0\r\n X: y\r\n\r\n"),
    TEXT("0\r\nX: y\r\n z\r\n\r\n"),
    TEXT("0\r\n: y\r\n\r\n"),
    TEXT("0\r\nX: y\n\r\n"),
    TEXT("0\r\nX: y\rz\r\n\r\n"),
    TEXT("0\r\nX: \0\r\n\r\n"),
    TEXT("0\r\nX: \x01\r\n\r\n"),
    TEXT("0\r\nX: \x7f\r\n\r\n"),
    TEXT("0\r\nX[]: y\r\n\r\n"),
    TEXT("0\r\n\xc3\xa9: y\r\n\r\n"),
    TEXT("0\r\nGET / HTTP/1.1\r\n\r\n"),
};

struct decoded {
    struct text chunks;
    const char *body;
    size_t rest; /* bytes behind the end, which are not the decoder's */
};

#define LAST "0\r\n\r\n"

static const struct decoded decoded[] = {
    {TEXT(LAST), "", 0},
    {TEXT("5\r\nhello\r\n" LAST), "hello", 0},
    {TEXT("5\r\nhello\r\n" LAST "GET / HTTP/1.1\r\n"), "hello", 16},
    {TEXT("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n" LAST LAST), "abcdef", 5},
    {TEXT("A\r\n0123456789\r\n" LAST), "0123456789", 0},
    {TEXT("a\r\n0123456789\r\n" LAST), "0123456789", 0},
    {TEXT("0005\r\nhello\r\n000\r\n\r\n"), "hello", 0},
    {TEXT("0000000000000000000000000005\r\nhello\r\n" LAST), "hello", 0},
    {TEXT("5\r\n\r\n0\r\n\r\n" LAST), "\r\n0\r\n", 0},
    {TEXT("5;a=b;c\r\nhello\r\n0;x\r\n\r\n"), "hello", 0},
    {TEXT("5;a=\"b;\\\"c\\\\\"\r\nhello\r\n" LAST), "hello", 0},
    {TEXT("5;a=\"\"\r\nhello\r\n" LAST), "hello", 0},
    {TEXT("5;a=\"\t \xc3\xa9=:,{}\\\t\"\r\nhello\r\n" LAST), "hello", 0},
    {TEXT("5 \t; \ta\t = \tb ; c ;d=\"e\" ;f\r\nhello\r\n" LAST), "hello", 0},
    {TEXT("5;!#$%&'*+-.^_`|~09azAZ=!#$%&'*+-.^_`|~09azAZ\r\nhello\r\n" LAST), "hello", 0},
    {TEXT("5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-B:\r\nabc:\t\xc3\xa9 \"\\;=:\r\n\r\n"), "hello", 0},
    {TEXT("0\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\nhello"), "", 5},
};

/* The result of all ways to split, which must agree. Owns: the data is yours. */
static struct splits_body decode_all_ways(const char *data, size_t size) {
    struct splits_body body = {.data = NULL};
    for (size_t cut = 0; cut <= size + 1; cut++) {
        bool is_last = cut > size;
        free(body.data);
        const char *difference = splits_chunk(data, size, is_last ? 1 : cut, is_last ? 1 : 0, &body);
        ck_assert_msg(difference == NULL, "cut at %zu: %s differs in: %s", cut, difference, data);
    }
    return body;
}

static enum chunk_result result_of(const char *data, size_t size) {
    struct splits_body body = splits_decode(data, size, size, size);
    free(body.data);
    return body.result;
}

START_TEST(what_is_malformed_is_refused) {
    struct splits_body body = decode_all_ways(refused[_i].data, refused[_i].size);
    ck_assert_msg(body.result == CHUNK_REFUSED, "not refused: %s", refused[_i].data);
    free(body.data);
}
END_TEST

START_TEST(a_body_is_decoded_and_what_follows_is_left) {
    const struct decoded *one = &decoded[_i];
    struct splits_body body = decode_all_ways(one->chunks.data, one->chunks.size);
    ck_assert_msg(body.result == CHUNK_DONE, "not done: %s", one->chunks.data);
    ck_assert_uint_eq(body.size, strlen(one->body));
    ck_assert_mem_eq(body.data, one->body, body.size);
    ck_assert_uint_eq(body.used, one->chunks.size - one->rest);
    free(body.data);
}
END_TEST

START_TEST(a_body_without_its_end_waits_for_more) {
    const char data[] = "5;a=\"b\\\"\" ; c = d\r\nhello\r\n0;x\r\nX: y\r\n\r\n";
    for (size_t size = 0; size < sizeof data - 1; size++)
        ck_assert_int_eq(result_of(data, size), CHUNK_MORE);
    ck_assert_int_eq(result_of(data, sizeof data - 1), CHUNK_DONE);
}
END_TEST

START_TEST(a_size_is_known_before_its_data_have_come) {
    const char *data = "7ffffffffffffffd\r\nab";
    struct chunk chunk;
    size_t used;
    const char *bytes;
    size_t size;
    chunk_init(&chunk);
    ck_assert_int_eq(chunk_decode(&chunk, data, 18, &used, &bytes, &size), CHUNK_MORE);
    ck_assert_uint_eq(used, 18);
    ck_assert(chunk.left == (uint64_t)INT64_MAX - 2);
    ck_assert_int_eq(chunk_decode(&chunk, data + 18, 2, &used, &bytes, &size), CHUNK_DATA);
    ck_assert(chunk.left == (uint64_t)INT64_MAX - 4);
    ck_assert_uint_eq(size, 2);
}
END_TEST

START_TEST(done_and_refused_take_nothing_any_more) {
    struct chunk chunk;
    size_t used;
    const char *bytes;
    size_t size;
    chunk_init(&chunk);
    ck_assert_int_eq(chunk_decode(&chunk, LAST, 5, &used, &bytes, &size), CHUNK_DONE);
    ck_assert_int_eq(chunk_decode(&chunk, LAST, 5, &used, &bytes, &size), CHUNK_DONE);
    ck_assert_uint_eq(used, 0);
    chunk_init(&chunk);
    ck_assert_int_eq(chunk_decode(&chunk, "x" LAST, 6, &used, &bytes, &size), CHUNK_REFUSED);
    ck_assert_uint_eq(used, 1);
    ck_assert_int_eq(chunk_decode(&chunk, LAST, 5, &used, &bytes, &size), CHUNK_REFUSED);
    ck_assert_uint_eq(used, 0);
}
END_TEST

START_TEST(a_size_line_may_be_as_long_as_its_limit_and_no_longer) {
    char line[CHUNK_LINE_MAX + 8];
    memset(line, 'a', sizeof line);
    memcpy(line, "0;", 2);
    memcpy(line + CHUNK_LINE_MAX - 2, "\r\n\r\n", 4);
    ck_assert_int_eq(result_of(line, CHUNK_LINE_MAX + 2), CHUNK_DONE);
    memset(line, 'a', sizeof line);
    memcpy(line, "0;", 2);
    ck_assert_int_eq(result_of(line, CHUNK_LINE_MAX), CHUNK_MORE);
    ck_assert_int_eq(result_of(line, CHUNK_LINE_MAX + 1), CHUNK_REFUSED);
    memcpy(line + CHUNK_LINE_MAX - 1, "\r\n\r\n", 4);
    ck_assert_int_eq(result_of(line, CHUNK_LINE_MAX + 3), CHUNK_REFUSED);
}
END_TEST

/* Feeds one chunk of a byte after the other. Returns after how many the decoder refused; 0: it took all. */
static size_t chunks_until_refused(const char *one, size_t count) {
    struct chunk chunk;
    chunk_init(&chunk);
    for (size_t i = 1; i <= count; i++) {
        const char *at = one;
        const char *end = one + strlen(one);
        enum chunk_result result;
        do {
            size_t used;
            const char *bytes;
            size_t size;
            result = chunk_decode(&chunk, at, (size_t)(end - at), &used, &bytes, &size);
            at += used;
        } while (result == CHUNK_DATA);
        if (result == CHUNK_REFUSED)
            return i;
    }
    return 0;
}

START_TEST(an_endless_dribble_of_extensions_is_refused) {
    ck_assert_uint_eq(chunks_until_refused("1;abcdefg\r\nx\r\n", 100000), CHUNK_EXTENSIONS_MAX / 8 + 1);
    ck_assert_uint_eq(chunks_until_refused("000000000000000000000001\r\nx\r\n", 100000), CHUNK_EXTENSIONS_MAX / 8 + 1);
    ck_assert_uint_eq(chunks_until_refused("0000000000000001\r\nx\r\n", 100000), 0);
}
END_TEST

START_TEST(a_trailer_may_be_as_long_as_its_limit_and_no_longer) {
    char data[CHUNK_TRAILER_MAX + 16];
    memset(data, 'a', sizeof data);
    memcpy(data, "0\r\nX:", 5);
    memcpy(data + 3 + CHUNK_TRAILER_MAX - 4, "\r\n\r\n", 4);
    ck_assert_int_eq(result_of(data, 3 + CHUNK_TRAILER_MAX), CHUNK_DONE);
    memcpy(data + 3 + CHUNK_TRAILER_MAX - 4, "a\r\n\r\n", 5);
    ck_assert_int_eq(result_of(data, 3 + CHUNK_TRAILER_MAX), CHUNK_MORE);
    ck_assert_int_eq(result_of(data, 3 + CHUNK_TRAILER_MAX + 1), CHUNK_REFUSED);
}
END_TEST

/* A receiver with room for `room` bytes a time decodes the same, wherever the pieces are cut. */
START_TEST(bytes_that_are_given_back_come_again) {
    static const char body[] = "5\r\nhello\r\n1;a=b\r\n,\r\n7\r\n worlds\r\n0\r\n\r\nGET";
    for (size_t room = 1; room <= 8; room++) {
        char text[32];
        size_t text_size = 0;
        size_t at = 0;
        enum chunk_result result;
        struct chunk chunk;
        chunk_init(&chunk);
        do {
            size_t used;
            const char *bytes;
            size_t size;
            result = chunk_decode(&chunk, body + at, sizeof body - 1 - at, &used, &bytes, &size);
            at += used;
            if (result != CHUNK_DATA)
                continue;
            size_t taken = size < room ? size : room;
            memcpy(text + text_size, bytes, taken);
            text_size += taken;
            chunk_give_back(&chunk, size - taken);
            at -= size - taken;
        } while (result == CHUNK_DATA);
        ck_assert_int_eq(result, CHUNK_DONE);
        ck_assert_uint_eq(text_size, 13);
        ck_assert_mem_eq(text, "hello, worlds", 13);
        ck_assert_str_eq(body + at, "GET");
    }
}
END_TEST

static Suite *chunk_suite(void) {
    Suite *suite = suite_create("chunk");
    TCase *refusals = tcase_create("refusals");
    tcase_add_loop_test(refusals, what_is_malformed_is_refused, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(refusals, done_and_refused_take_nothing_any_more);
    suite_add_tcase(suite, refusals);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, a_size_line_may_be_as_long_as_its_limit_and_no_longer);
    tcase_add_test(limits, an_endless_dribble_of_extensions_is_refused);
    tcase_add_test(limits, a_trailer_may_be_as_long_as_its_limit_and_no_longer);
    tcase_add_test(limits, a_size_is_known_before_its_data_have_come);
    suite_add_tcase(suite, limits);
    TCase *normal = tcase_create("normal");
    tcase_add_loop_test(normal, a_body_is_decoded_and_what_follows_is_left, 0,
                        (int)(sizeof decoded / sizeof decoded[0]));
    tcase_add_test(normal, a_body_without_its_end_waits_for_more);
    tcase_add_test(normal, bytes_that_are_given_back_come_again);
    suite_add_tcase(suite, normal);
    return suite;
}

int main(void) {
    SRunner *runner = srunner_create(chunk_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

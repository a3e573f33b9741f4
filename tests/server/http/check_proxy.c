/* Tests of proxy.c: headers of both versions, whole and in pieces, and all that is none. */
#include "../../../server/http/proxy.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* Of a constant with NULs in it. */
#define BYTES(text) text, sizeof(text) - 1

struct row {
    const char *data;
    size_t size;
    const char *expected; /* the client as text, "-" for one that isn't told; of a refusal a part of the reason */
};

#define V4        "\x7f\0\0\x01\x0a\0\0\x09\x9d\x38\x1f\x90"
#define V6_16     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
#define V6        V6_16 V6_16 "\xff\xff\0\x50"
#define MAPPED    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01"
#define ZEROS_27  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ZEROS_108 ZEROS_27 ZEROS_27 ZEROS_27 ZEROS_27

static const struct row taken[] = {
    {BYTES("PROXY TCP4 192.0.2.7 10.0.0.1 40312 80\r\n"), "192.0.2.7:40312"},
    {BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255:65535"},
    {BYTES("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0:0"},
    {BYTES("PROXY TCP6 2001:db8::7 ::1 40312 80\r\n"), "[2001:db8::7]:40312"},
    {BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"), "192.0.2.1:1"},
    {BYTES(
         "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {BYTES("PROXY UNKNOWN\r\n"), "-"},
    {BYTES("PROXY UNKNOWN whatever this is  12\r\n"), "-"},
    {BYTES(SIGNATURE "\x21\x11\0\x0c" V4), "127.0.0.1:40248"},
    {BYTES(SIGNATURE "\x21\x21\0\x24" V6), "[2001:db8::7]:65535"},
    {BYTES(SIGNATURE "\x21\x21\0\x24" MAPPED MAPPED "\0\x01\0\x02"), "192.0.2.1:1"},
    {BYTES(SIGNATURE "\x21\x31\0\xd8" ZEROS_108 ZEROS_108), "unix"},
    {BYTES(SIGNATURE "\x21\0\0\0"), "-"},
    {BYTES(SIGNATURE "\x21\0\0\x03xyz"), "-"},
    {BYTES(SIGNATURE "\x20\0\0\0"), "-"},
    {BYTES(SIGNATURE "\x20\x11\0\x0c" V4), "-"},
    {BYTES(SIGNATURE "\x20\xff\0\x02hi"), "-"},
    {BYTES(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\0"), "127.0.0.1:40248"},
    {BYTES(SIGNATURE "\x21\x11\0\x17" V4 "\x01\0\x02h2\x05\0\x03"
                     "abc"),
     "127.0.0.1:40248"},
};

static const struct row refused[] = {
    {BYTES("GET / HTTP/1.1\r\n\r\n"), "no PROXY header"},
    {BYTES("POST / HTTP/1.1\r\n\r\n"), "no PROXY header"},
    {BYTES("PROXX"), "no PROXY header"},
    {BYTES("PROXY\tTCP4 1.2.3.4 1.2.3.4 1 1\r\n"), "no PROXY header"},
    {BYTES("proxy TCP4 1.2.3.4 1.2.3.4 1 1\r\n"), "no PROXY header"},
    {BYTES("\x16\x03\x01"), "no PROXY header"},
    {BYTES("\r\nPROXY TCP4"), "no PROXY header"},
    {BYTES("\0"), "no PROXY header"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n"), "a byte that no header has"},
    {BYTES("PROXY TCP4\t1.2.3.4 1.2.3.4 1 1\r\n"), "a byte that no header has"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\0\r\n"), "a byte that no header has"},
    {BYTES("PROXY UNKNOWN \x80\r\n"), "a byte that no header has"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rX"), "without its CRLF"},
    {BYTES("PROXY \r\n"), "neither TCP4"},
    {BYTES("PROXY UNKNOWNX\r\n"), "neither TCP4"},
    {BYTES("PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n"), "neither TCP4"},
    {BYTES("PROXY  TCP4 1.2.3.4 1.2.3.4 1 1\r\n"), "neither TCP4"},
    {BYTES("PROXY TCP4\r\n"), "not two addresses"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), "not two addresses"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n"), "not two addresses"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n"), "not two addresses"},
    {BYTES("PROXY TCP4 1.2.3.4  1.2.3.4 1\r\n"), "an address that is none"},
    {BYTES("PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n"), "an address that is none"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.04 1 1\r\n"), "an address that is none"},
    {BYTES("PROXY TCP4 ::1 ::1 1 1\r\n"), "an address that is none"},
    {BYTES("PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n"), "an address that is none"},
    {BYTES("PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n"), "an address that is none"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n"), "a port that is none"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 01\r\n"), "a port that is none"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n"), "a port that is none"},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.4  1\r\n"), "a port that is none"},
    {BYTES(SIGNATURE "\x11\x11\0\x0c" V4), "of version 2"},
    {BYTES(SIGNATURE "\x22\x11\0\x0c" V4), "of version 2"},
    {BYTES(SIGNATURE "\x21\x12\0\x0c" V4), "not for TCP"},
    {BYTES(SIGNATURE "\x21\x10\0\x0c" V4), "not for TCP"},
    {BYTES(SIGNATURE "\x21\x01\0\0"), "not for TCP"},
    {BYTES(SIGNATURE "\x21\x41\0\0"), "not for TCP"},
    {BYTES(SIGNATURE "\x21\x11\x0f\xf1"), "longer than 4 KiB"},
    {BYTES(SIGNATURE "\x20\0\xff\xff"), "longer than 4 KiB"},
    {BYTES(SIGNATURE "\x21\x11\0\x0b\x7f\0\0\x01\x0a\0\0\x09\x9d\x38\x1f"), "shorter than its addresses"},
    {BYTES(SIGNATURE "\x21\x11\0\0"), "shorter than its addresses"},
    {BYTES(SIGNATURE "\x21\x31\0\x6c" ZEROS_108), "shorter than its addresses"},
    {BYTES(SIGNATURE "\x21\x11\0\x0d" V4 "\x04"), "malformed list"},
    {BYTES(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\x01"), "malformed list"},
    {BYTES(SIGNATURE "\x21\x11\0\x11" V4 "\x04\0\x01xy"), "malformed list"},
};

static void expect(const struct row *row, enum proxy_result result, const struct proxy *proxy) {
    char text[PEER_TEXT_MAX];
    if (result == PROXY_REFUSED) {
        ck_assert_msg(strstr(proxy->reason, row->expected) != NULL, "%s, not %s", proxy->reason, row->expected);
        return;
    }
    ck_assert_int_eq(result, PROXY_DONE);
    peer_write(&proxy->client, text);
    ck_assert_str_eq(proxy->client.family == AF_UNSPEC ? "-" : text, row->expected);
}

/* A copy of exactly that size, so that a sanitizer sees each byte too many. */
static enum proxy_result parse_copy(const char *data, size_t size, struct proxy *ret_proxy) {
    char *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, size);
    enum proxy_result result = proxy_parse(copy, size, ret_proxy);
    free(copy);
    return result;
}

START_TEST(headers_are_taken_at_their_last_byte_and_not_before) {
    const struct row *row = &taken[_i];
    struct proxy proxy;
    for (size_t size = 0; size < row->size; size++)
        ck_assert_msg(parse_copy(row->data, size, &proxy) == PROXY_MORE, "row %d decides at byte %zu", _i, size);
    expect(row, parse_copy(row->data, row->size, &proxy), &proxy);
    ck_assert_uint_eq(proxy.size, row->size);
}
END_TEST

START_TEST(what_follows_a_header_is_left_alone) {
    const struct row *row = &taken[_i];
    struct proxy proxy;
    char *data = malloc(row->size + 20);
    ck_assert_ptr_nonnull(data);
    memcpy(data, row->data, row->size);
    for (size_t more = 1; more <= 20; more++) {
        memset(data + row->size, "\rP\0\n"[more % 4], more);
        expect(row, parse_copy(data, row->size + more, &proxy), &proxy);
        ck_assert_uint_eq(proxy.size, row->size);
    }
    free(data);
}
END_TEST

START_TEST(what_is_no_header_is_refused_at_one_byte_and_ever_after) {
    const struct row *row = &refused[_i];
    struct proxy proxy;
    bool is_refused = false;
    for (size_t size = 0; size <= row->size; size++) {
        enum proxy_result result = parse_copy(row->data, size, &proxy);
        ck_assert_msg(result == PROXY_REFUSED || (result == PROXY_MORE && !is_refused), "row %d, byte %zu", _i, size);
        is_refused = result == PROXY_REFUSED;
        if (is_refused)
            expect(row, result, &proxy);
    }
    ck_assert_msg(is_refused, "row %d is waited for", _i);
}
END_TEST

START_TEST(line_has_at_most_107_bytes) {
    char line[120] = "PROXY UNKNOWN ";
    struct proxy proxy;
    memset(line + 14, 'x', sizeof line - 14);
    memcpy(line + 105, "\r\n", 2);
    ck_assert_int_eq(parse_copy(line, 107, &proxy), PROXY_DONE);
    memcpy(line + 105, "x\r\n", 3);
    ck_assert_int_eq(parse_copy(line, 105, &proxy), PROXY_MORE);
    ck_assert_int_eq(parse_copy(line, 106, &proxy), PROXY_REFUSED);
    ck_assert_int_eq(parse_copy(line, 108, &proxy), PROXY_REFUSED);
}
END_TEST

START_TEST(list_behind_the_addresses_may_fill_4_kib) {
    static char data[PROXY_HEADER_MAX + 1];
    struct proxy proxy;
    const size_t value = PROXY_HEADER_MAX - 16 - 12 - 3;
    memcpy(data, SIGNATURE "\x21\x11\x0f\xf0" V4, 28);
    data[28] = 5;
    data[29] = (char)(value >> 8);
    data[30] = (char)value;
    ck_assert_int_eq(parse_copy(data, PROXY_HEADER_MAX - 1, &proxy), PROXY_MORE);
    ck_assert_int_eq(parse_copy(data, PROXY_HEADER_MAX, &proxy), PROXY_DONE);
    ck_assert_uint_eq(proxy.size, PROXY_HEADER_MAX);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("proxy");
    TCase *tests = tcase_create("tests");
    const int taken_count = (int)(sizeof taken / sizeof taken[0]);
    tcase_add_loop_test(tests, what_is_no_header_is_refused_at_one_byte_and_ever_after, 0,
                        (int)(sizeof refused / sizeof refused[0]));
    tcase_add_loop_test(tests, headers_are_taken_at_their_last_byte_and_not_before, 0, taken_count);
    tcase_add_loop_test(tests, what_follows_a_header_is_left_alone, 0, taken_count);
    tcase_add_test(tests, line_has_at_most_107_bytes);
    tcase_add_test(tests, list_behind_the_addresses_may_fill_4_kib);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

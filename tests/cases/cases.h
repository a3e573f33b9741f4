/**
 * Cases: requests as raw bytes, right ones and wrong ones, and all that may come back for them, as tables.
 *
 * From RFC 9110, 9112 and 3986. Where they leave a choice, a request that two programs could read differently is refused and
 * the connection closed. What a wrong reader would take for a second request asks for the call `who`, which nobody else
 * asks for: it must never run.
 *
 * The same tables are thrown at the parser alone, split at every byte (tests/server/http/check_cases.c), and at a served
 * listener of any kind (tests/support/rows.h).
 */
#ifndef TESTS_CASES_CASES_H
#define TESTS_CASES_CASES_H

#include <stddef.h>

/* In what is sent: stands for many; stands for one byte of each, in turn. */
#define MANY "\x1a"
#define EACH "\x1c"

struct row {
    const char *name;
    const char *bytes;
    size_t size;
    /*
     * What must come, in order: a number is an answer's status ("200h": to HEAD, so without a body);
     * W waits: the server has read all there is, and says nothing;  > now what is in then is sent;  H the client ends its side;
     * C the server closes, without another byte;  O it stays open and silent: the next thing is the answer to one request more.
     */
    const char *expected;
    const char *body; /* of the first 200; NULL: any */
    const char *then;
    const char *many; /* what MANY stands for, so many times */
    size_t times;
    const char *each; /* the bytes that EACH stands for: as many cases */
    size_t each_count;
};

#define BYTES(text_)   .bytes = (text_), .size = sizeof(text_) - 1
#define EACH_OF(text_) .each = (text_), .each_count = sizeof(text_) - 1

/* Control bytes: all of them; all but the tab, which white space and quoted text may hold. */
#define CONTROLS_BUT_TAB \
    "\0\1\2\3\4\5\6\a\b\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"
#define CONTROLS "\t" CONTROLS_BUT_TAB

#define WHO "GET /who HTTP/1.1\r\nHost: t\r\n\r\n" /* 30 bytes: 1e */

#define GET(target_)   "GET " target_ " HTTP/1.1\r\nHost: t\r\n\r\n"
#define FIELDS(lines_) "GET /echo HTTP/1.1\r\nHost: t\r\n" lines_ "\r\n"
#define POST(lines_)   "POST /echo HTTP/1.1\r\nHost: t\r\n" lines_ "\r\n"
#define LENGTH_5       "Content-Length: 5\r\n"
#define CODING         "Transfer-Encoding: chunked\r\n"
#define CHUNKS(body_)  POST(CODING) body_

struct cases {
    const char *name;
    const struct row *rows;
    size_t count;
};

#define CASES(name_, rows_) const struct cases cases_##name_ = {#name_, rows_, sizeof(rows_) / sizeof *(rows_)}

extern const struct cases cases_line, cases_target, cases_host, cases_field, cases_length, cases_coding, cases_chunk,
    cases_trailer, cases_body, cases_connection, cases_expect;

/* All of them, NULL at the end. */
extern const struct cases *const cases_all[];

/* Bytes that a case has at most, with what is sent later. */
#define CASE_BYTES_MAX 32768

/** Cases in a row: 1, or as many as there are bytes for EACH. */
size_t case_count(const struct row *row);

/** Writes the bytes of a row's case number index. Returns: how many; aborts beyond CASE_BYTES_MAX. */
size_t case_bytes(const struct row *row, size_t index, char ret_bytes[static CASE_BYTES_MAX]);

#endif

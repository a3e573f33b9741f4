/**
 * Rows: requests as raw bytes, right ones and wrong ones, and all that may come back for them, as tables.
 *
 * From RFC 9110, 9112 and 3986. Where they leave a choice, a request that two programs could read differently is refused and
 * the connection closed. What a wrong reader would take for a second request asks for the call `who`, which nobody else
 * asks for: it must never run.
 */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H

#include <stddef.h>

/* In what is sent it stands for many. */
#define MANY "\x1a"

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
};

#define BYTES(text_) .bytes = (text_), .size = sizeof(text_) - 1

#define WHO "GET /who HTTP/1.1\r\nHost: t\r\n\r\n" /* 30 bytes: 1e */

#define GET(target_)   "GET " target_ " HTTP/1.1\r\nHost: t\r\n\r\n"
#define FIELDS(lines_) "GET /echo HTTP/1.1\r\nHost: t\r\n" lines_ "\r\n"
#define POST(lines_)   "POST /echo HTTP/1.1\r\nHost: t\r\n" lines_ "\r\n"
#define LENGTH_5       "Content-Length: 5\r\n"
#define CODING         "Transfer-Encoding: chunked\r\n"
#define CHUNKS(body_)  POST(CODING) body_

/** All rows, every sixth one byte by byte too; then nothing may have run that no request asked for. */
void rows_try(const struct row *rows, size_t count);
#define TRY(rows_) rows_try(rows_, sizeof(rows_) / sizeof *(rows_))

#endif

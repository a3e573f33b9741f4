/* Framing: where a body ends and the next request begins, and requests in which two readers would not agree. */
#include "../support/program.h"
#include "../support/rows.h"

/* -- how long a body is -- */

static const struct row lengths[] = {
    {"length", BYTES(POST(LENGTH_5) "hello" GET("/noop")), "200 200 O", .body = "hello"},
    {"length 0", BYTES(POST("Content-Length: 0\r\n") GET("/noop")), "200 200 O", .body = ""},
    {"no length", BYTES(POST("") GET("/noop")), "200 200 O", .body = ""},
    {"zeros before it", BYTES(POST("Content-Length: 00005\r\n") "hello"), "200 O", .body = "hello"},
    {"ten, not eight", BYTES(POST("Content-Length: 010\r\n") "0123456789"), "200 O", .body = "0123456789"},
    {"white space around it", BYTES(POST("Content-Length: \t5 \r\n") "hello"), "200 O", .body = "hello"},
    {"body in two parts", BYTES(POST(LENGTH_5) "he"), "W > 200 O", .body = "hello", .then = "llo"},
    {"body that ends too early", BYTES(POST(LENGTH_5) "he"), "W H C"},
    {"two, not the same", BYTES(POST(LENGTH_5 "Content-Length: 35\r\n") "hello" WHO), "400 C"},
    {"two, the same", BYTES(POST(LENGTH_5 LENGTH_5) "hello" WHO), "400 C"},
    {"two, the first one 0", BYTES(POST("Content-Length: 0\r\nContent-length: 30\r\n") WHO), "400 C"},
    {"list of the same", BYTES(POST("Content-Length: 5, 5\r\n") "hello" WHO), "400 C"},
    {"list", BYTES(POST("Content-Length: 5,35\r\n") "hello" WHO), "400 C"},
    {"empty", BYTES(POST("Content-Length:\r\n") WHO), "400 C"},
    {"plus sign", BYTES(POST("Content-Length: +5\r\n") "hello" WHO), "400 C"},
    {"minus sign", BYTES(POST("Content-Length: -1\r\n") "hello" WHO), "400 C"},
    {"hexadecimal", BYTES(POST("Content-Length: 0x5\r\n") "hello" WHO), "400 C"},
    {"fraction", BYTES(POST("Content-Length: 5.0\r\n") "hello" WHO), "400 C"},
    {"space inside", BYTES(POST("Content-Length: 3 0\r\n") WHO), "400 C"},
    {"quoted", BYTES(POST("Content-Length: \"30\"\r\n") WHO), "400 C"},
    {"parameter", BYTES(POST("Content-Length: 30;a=b\r\n") WHO), "400 C"},
    {"digits beyond ASCII", BYTES(POST("Content-Length: \xd9\xa5\r\n") "hello" WHO), "400 C"},
    {"2^64 + 5", BYTES(POST("Content-Length: 18446744073709551621\r\n") "hello" WHO), "400 C"},
    {"2^63", BYTES(POST("Content-Length: 9223372036854775808\r\n") WHO), "400 C"},
    {"2^63 - 1", BYTES(POST("Content-Length: 9223372036854775807\r\n") WHO), "413 C"},
    {"more than is taken, by one", BYTES(POST("Content-Length: 1048577\r\n") WHO), "413 C"},
    {"space before the colon", BYTES(POST("Content-Length : 30\r\n") WHO), "400 C"},
    {"folded", BYTES(POST("Content-Length:\r\n 30\r\n") WHO), "400 C"},
    {"underscore", BYTES(POST("Content_Length: 30\r\n") GET("/noop")), "200 200 O", .body = ""},
};

START_TEST(length_is_one_decimal_number) {
    TRY(lengths);
}
END_TEST

#define CODED(value_) POST("Transfer-Encoding: " value_ "\r\n") "5\r\nhello\r\n0\r\n\r\n" WHO
#define CODED_10      "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n" CODING

static const struct row codings[] = {
    {"chunked", BYTES(CHUNKS("5\r\nhello\r\n0\r\n\r\n") GET("/noop")), "200 200 O", .body = "hello"},
    {"other letters", BYTES(POST("tRANSFER-eNCODING:\tCHUNKED \r\n") "1\r\nx\r\n0\r\n\r\n"), "200 O", .body = "x"},
    {"with a length", BYTES(POST("Content-Length: 4\r\n" CODING) "1e\r\n" WHO "\r\n0\r\n\r\n"), "400 C"},
    {"with a length behind it", BYTES(POST(CODING "Content-Length: 35\r\n") "0\r\n\r\n" WHO), "400 C"},
    {"with the length 0", BYTES(POST("Content-Length: 0\r\n" CODING) "0\r\n\r\n" WHO), "400 C"},
    {"twice", BYTES(POST(CODING CODING) "0\r\n\r\n" WHO), "400 C"},
    {"twice, then identity", BYTES(POST(CODING "Transfer-Encoding: identity\r\n") "0\r\n\r\n" WHO), "400 C"},
    {"list of chunked", BYTES(CODED("chunked, chunked")), "400 C"},
    {"chunked before the end", BYTES(CODED("chunked, gzip")), "400 C"},
    {"gzip, chunked", BYTES(CODED("gzip, chunked")), "501 C"},
    {"gzip", BYTES(CODED("gzip")), "501 C"},
    {"identity", BYTES(CODED("identity")), "501 C"},
    {"longer than chunked", BYTES(CODED("chunkedx")), "501 C"},
    {"shorter than chunked", BYTES(CODED("chunke")), "501 C"},
    {"quoted", BYTES(CODED("\"chunked\"")), "400 C"},
    {"parameter", BYTES(CODED("chunked;q=1")), "400 C"},
    {"second word", BYTES(CODED("chunked x")), "400 C"},
    {"comma before", BYTES(CODED(",chunked")), "400 C"},
    {"comma behind", BYTES(CODED("chunked,")), "400 C"},
    {"empty", BYTES(CODED("")), "400 C"},
    {"vertical tab before", BYTES(CODED("\vchunked")), "400 C"},
    {"NUL behind", BYTES(CODED("chunked\0")), "400 C"},
    {"NEL around",
     BYTES(CODED("\x85"
                 "chunked\x85")),
     "400 C"},
    {"folded", BYTES(CODED("\r\n chunked")), "400 C"},
    {"space before the colon", BYTES(POST("Transfer-Encoding : chunked\r\nContent-Length: 30\r\n") WHO), "400 C"},
    {"hidden behind a CR", BYTES(POST("X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 30\r\n") WHO), "400 C"},
    {"in 1.0", BYTES(CODED_10 "\r\n0\r\n\r\n" WHO), "400 C"},
    {"in 1.0 with a length", BYTES(CODED_10 "Content-Length: 35\r\n\r\n0\r\n\r\n" WHO), "400 C"},
};

START_TEST(only_coding_is_chunked_and_it_stands_alone) {
    TRY(codings);
}
END_TEST

/* -- chunks -- */

static const struct row chunks[] = {
    {"several", BYTES(CHUNKS("2\r\nhe\r\n03\r\nllo\r\n000\r\n\r\n")), "200 O", .body = "hello"},
    {"letters of both kinds", BYTES(CHUNKS("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n")), "200 O",
     .body = "01234567890123456789"},
    {"CRLF as data", BYTES(CHUNKS("2\r\n\r\n\r\n0\r\n\r\n")), "200 O", .body = "\r\n"},
    {"request as data", BYTES(CHUNKS("1e\r\n" WHO "\r\n0\r\n\r\n")), "200 O", .body = WHO},
    {"extensions", BYTES(CHUNKS("5;a;b=c ; d = \"e;\\\"\r\"\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"right extensions", BYTES(CHUNKS("5;a;b=c ; d = \"e;\\\"\"\r\nhello\r\n0;z\r\n\r\n")), "200 O", .body = "hello"},
    {"trailer", BYTES(CHUNKS("1\r\nx\r\n0\r\nX-A: b\r\nContent-Length: 30\r\n\r\n") GET("/noop")), "200 200 O",
     .body = "x"},
    {"parts", BYTES(CHUNKS("5\r\nhel")), "W > 200 O", .body = "hello", .then = "lo\r\n0\r\n\r\n"},
    {"last one missing", BYTES(CHUNKS("5\r\nhello\r\n")), "W > 200 O", .body = "hello", .then = "0\r\n\r\n"},
    {"last one missing for ever", BYTES(CHUNKS("5\r\nhello\r\n")), "W H C"},
    {"last line missing", BYTES(CHUNKS("0\r\n")), "W > 200 O", .body = "", .then = "\r\n"},
    {"empty size", BYTES(CHUNKS("\r\n5\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"0x", BYTES(CHUNKS("0x5\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"sign", BYTES(CHUNKS("-1\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"underscore", BYTES(CHUNKS("0_5\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"space before the size", BYTES(CHUNKS(" 5\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"space behind the size", BYTES(CHUNKS("5 \r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"semicolon alone", BYTES(CHUNKS("5;\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"size that wraps to 5", BYTES(CHUNKS("10000000000000005\r\nhello\r\n0\r\n\r\n") WHO), "413 C"},
    {"size of 2^63 - 1", BYTES(CHUNKS("7fffffffffffffff\r\nhello\r\n0\r\n\r\n") WHO), "413 C"},
    {"size beyond what is taken", BYTES(CHUNKS("100001\r\nhello\r\n0\r\n\r\n") WHO), "413 C"},
    {"size of many zeros", BYTES(CHUNKS(MANY "\r\n\r\n") WHO), "400 C", .many = "0", .times = 300},
    {"size line ended by LF", BYTES(CHUNKS("5\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"size line ended by CR", BYTES(CHUNKS("5\r\rhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"data too long", BYTES(CHUNKS("4\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"data too short", BYTES(CHUNKS("6\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"data ended by LF", BYTES(CHUNKS("5\r\nhello\n0\r\n\r\n") WHO), "400 C"},
    {"no last chunk", BYTES(CHUNKS("5\r\nhello\r\n\r\n") WHO), "400 C"},
    {"last line ended by LF", BYTES(CHUNKS("0\r\n\n") WHO), "400 C"},
    {"CR alone in an extension", BYTES(CHUNKS("5;a\rb\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"LF alone in an extension", BYTES(CHUNKS("5;a\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"NUL in an extension", BYTES(CHUNKS("5;a=\0\r\nhello\r\n0\r\n\r\n") WHO), "400 C"},
    {"endless extension", BYTES(CHUNKS("1;" MANY)), "400 C", .many = "a", .times = 256},
    {"endless extensions", BYTES(CHUNKS(MANY "0\r\n\r\n") WHO), "400 C",
     .many = "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n", .times = 160},
    {"trailer with a space before the colon", BYTES(CHUNKS("0\r\nX-A : b\r\n\r\n") WHO), "400 C"},
    {"trailer without a colon", BYTES(CHUNKS("0\r\nX-A\r\n\r\n") WHO), "400 C"},
    {"folded trailer", BYTES(CHUNKS("0\r\nX-A: b\r\n c\r\n\r\n") WHO), "400 C"},
    {"LF alone in a trailer", BYTES(CHUNKS("0\r\nX-A: b\nX-C: d\r\n\r\n") WHO), "400 C"},
    {"endless trailer", BYTES(CHUNKS("0\r\n" MANY "\r\n") WHO), "400 C", .many = "X-A: b\r\n", .times = 1025},
};

START_TEST(chunks_are_taken_as_the_grammar_has_them) {
    TRY(chunks);
}
END_TEST

/* -- what is no request -- */

#define HIDDEN   "Content-Length: 30\r\n\r\n" WHO
#define EXPECT_5 LENGTH_5 "Expect: 100-continue\r\n"

static const struct row bodies[] = {
    {"GET", BYTES("GET /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "200 O", .body = WHO},
    {"GET in chunks", BYTES("GET /echo HTTP/1.1\r\nHost: t\r\n" CODING "\r\n1e\r\n" WHO "\r\n0\r\n\r\n"), "200 O",
     .body = WHO},
    {"HEAD", BYTES("HEAD /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "200h O"},
    {"HEAD of what isn't there", BYTES("HEAD /nothing HTTP/1.1\r\nHost: t\r\n\r\n"), "404h O"},
    {"HEAD of what isn't there, with a body", BYTES("HEAD /nothing HTTP/1.1\r\nHost: t\r\n" HIDDEN), "404h C"},
    {"PUT", BYTES("PUT /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "405 C"},
    {"OPTIONS", BYTES("OPTIONS /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "204 C"},
    {"method that nobody knows", BYTES("FOO /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "405 C"},
    {"path that isn't there", BYTES("POST /nothing HTTP/1.1\r\nHost: t\r\n" HIDDEN), "404 C"},
    {"body too large", BYTES(POST("Content-Length: 1099511627776\r\n") WHO), "413 C"},
    {"refused by its call", BYTES("POST /call/to-thread HTTP/1.1\r\nHost: t\r\n" HIDDEN), "400 O"},
    {"media type of no call", BYTES("POST /call/noop HTTP/1.1\r\nHost: t\r\nContent-Type: a/b\r\n" HIDDEN), "415 C"},
    {"close", BYTES(FIELDS("Connection: close\r\n") WHO), "200 C"},
    {"close in a list", BYTES(FIELDS("Connection: x-a ,, CLOSE\r\n") WHO), "200 C"},
    {"close in a second field", BYTES(FIELDS("Connection: keep-alive\r\nConnection: close\r\n") WHO), "200 C"},
    {"close with a body", BYTES(POST("Connection: close\r\n" LENGTH_5) "hello" WHO), "200 C", .body = "hello"},
    {"malformed Connection", BYTES(FIELDS("Connection: close;x\r\n") WHO), "400 C"},
    {"1.0", BYTES("GET /echo HTTP/1.0\r\nHost: t\r\n\r\n" WHO), "200 C"},
    {"1.0 that is kept", BYTES("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "200 O"},
    {"1.0 with a body", BYTES("POST /echo HTTP/1.0\r\n" LENGTH_5 "\r\nhello" WHO), "200 C", .body = "hello"},
    {"upgrade to h2c", BYTES(FIELDS("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n")),
     "200 O"},
    {"three in a row", BYTES(GET("/echo") CHUNKS("1\r\nx\r\n0\r\n\r\n") GET("/noop")), "200 200 200 O"},
    {"empty lines between", BYTES(POST(LENGTH_5) "hello\r\n\r\n" GET("/noop")), "200 200 O", .body = "hello"},
    {"garbage behind", BYTES(GET("/echo") "\0\1\2\3\r\n\r\n" WHO), "200 400 C"},
    {"body longer than it says", BYTES(POST("Content-Length: 4\r\n") "hel\1o\r\n\r\n" WHO), "200 400 C",
     .body = "hel\1"},
    {"refused, then more", BYTES(GET("/echo") GET("/nothing") FIELDS("X : y\r\n") WHO), "200 404 400 C"},
};

START_TEST(nothing_runs_that_no_request_asked_for) {
    TRY(bodies);
}
END_TEST

static const struct row expectations[] = {
    {"body withheld", BYTES(POST(EXPECT_5)), "100 > 200 O", .body = "hello", .then = "hello"},
    {"chunks withheld", BYTES(POST("Expect: 100-Continue\r\n" CODING)), "100 > 200 O", .body = "x",
     .then = "1\r\nx\r\n0\r\n\r\n"},
    {"no body", BYTES(FIELDS("Expect: 100-continue\r\n")), "200 O"},
    {"in 1.0", BYTES("POST /echo HTTP/1.0\r\n" EXPECT_5 "\r\n"), "W > 200 C", .body = "hello", .then = "hello"},
    {"behind another request", BYTES(GET("/noop") POST(EXPECT_5)), "200 100 > 200 O", .then = "hello"},
    {"refused", BYTES("POST /nothing HTTP/1.1\r\nHost: t\r\n" EXPECT_5 "\r\n"), "404 C"},
    {"refused, and a request comes instead", BYTES("POST /nothing HTTP/1.1\r\nHost: t\r\n" EXPECT_5 "\r\n" WHO),
     "404 C"},
    {"too large", BYTES(POST("Content-Length: 1048577\r\nExpect: 100-continue\r\n")), "413 C"},
    {"malformed", BYTES(POST(LENGTH_5 EXPECT_5)), "400 C"},
    {"unknown", BYTES(POST("Expect: 200-ok\r\nContent-Length: 30\r\n") WHO), "417 C"},
    {"more words", BYTES(POST("Expect: y 100-continue\r\nContent-Length: 30\r\n") WHO), "417 C"},
    {"twice", BYTES(POST("Expect: 100-continue\r\nContent-Length: 30\r\nExpect: x\r\n") WHO), "417 C"},
};

START_TEST(expectation_is_answered_before_the_body_and_never_after_a_refusal) {
    TRY(expectations);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        length_is_one_decimal_number,
        only_coding_is_chunked_and_it_stands_alone,
        chunks_are_taken_as_the_grammar_has_them,
        nothing_runs_that_no_request_asked_for,
        expectation_is_answered_before_the_body_and_never_after_a_refusal,
    };
    return suite_run("framing", tests, sizeof tests / sizeof *tests);
}

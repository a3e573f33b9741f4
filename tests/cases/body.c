/* Cases: who may send a body, and what it never is. */
#include "cases.h"

#define HIDDEN "Content-Length: 30\r\n\r\n" WHO

static const struct row rows[] = {
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
    {"DELETE", BYTES("DELETE /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "405 C"},
    {"PATCH", BYTES("PATCH /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "405 C"},
    {"TRACE", BYTES("TRACE /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "405 C"},
    {"get in small letters", BYTES("get /echo HTTP/1.1\r\nHost: t\r\n" HIDDEN), "405 C"},
    {"DELETE in chunks", BYTES("DELETE /echo HTTP/1.1\r\nHost: t\r\n" CODING "\r\n1e\r\n" WHO "\r\n0\r\n\r\n"),
     "405 C"},
    {"OPTIONS of the service", BYTES("OPTIONS * HTTP/1.1\r\nHost: t\r\n" HIDDEN), "204 C"},
    {"HEAD in chunks", BYTES("HEAD /echo HTTP/1.1\r\nHost: t\r\n" CODING "\r\n1e\r\n" WHO "\r\n0\r\n\r\n"), "200h O"},
    {"HEAD, then GET", BYTES("HEAD /echo HTTP/1.1\r\nHost: t\r\n\r\n" GET("/noop")), "200h 200 O"},
    {"HEAD of what may not be asked so", BYTES("HEAD /call/noop HTTP/1.1\r\nHost: t\r\n\r\n" GET("/noop")),
     "405h 200 O"},
    {"OPTIONS, then GET", BYTES("OPTIONS /echo HTTP/1.1\r\nHost: t\r\n\r\n" GET("/noop")), "204 200 O"},
    {"DELETE without a body", BYTES("DELETE /echo HTTP/1.1\r\nHost: t\r\n\r\n" GET("/noop")), "405 200 O"},
    {"DELETE with length 0", BYTES("DELETE /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n" GET("/noop")),
     "405 200 O"},
    {"TRACE without a body", BYTES("TRACE /echo HTTP/1.1\r\nHost: t\r\nCookie: a\r\n\r\n" GET("/noop")), "405 200 O"},
    {"body in one piece with its head, and half a request", BYTES(POST(LENGTH_5) "helloGET /no"), "200 W > 200 O",
     .body = "hello", .then = "op HTTP/1.1\r\nHost: t\r\n\r\n"},
    {"body of a path that isn't there, withheld", BYTES("POST /nothing HTTP/1.1\r\nHost: t\r\n" LENGTH_5 "\r\n"),
     "404 C"},
    {"end of the client before the body", BYTES(POST(LENGTH_5)), "W H C"},
    {"end of the client inside a chunk", BYTES(CHUNKS("5\r\nhel")), "W H C"},
    {"end of the client inside a size", BYTES(CHUNKS("5")), "W H C"},
};

CASES(body, rows);

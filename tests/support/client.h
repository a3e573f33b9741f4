/**
 * Client: raw sockets against a server under test, and what comes back over them.
 *
 * Every wait ends with a failed test after program.h's patience.
 */
#ifndef TESTS_SUPPORT_CLIENT_H
#define TESTS_SUPPORT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Connect; abort the test on failure. */
int client_connect(int port);
int client_connect_6(int port);
int client_connect_unix(const char *path);
/** With a receive buffer so small that a big answer doesn't fit. */
int client_connect_small(int port);

/** Sends all bytes; false when the server has closed. */
bool client_try(int fd, const char *data, size_t size);
void client_send(int fd, const char *data, size_t size);
void client_put(int fd, const char *text);
void client_format(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** A chunked body, with an extension to each chunk, and a trailer behind it. */
void client_put_chunks(int fd, const char *body, size_t size, size_t chunk_size);

/** Waits until there is something to read (bytes or the end). Returns: false after ms. */
bool client_wait(int fd, int ms);

/** Reads whatever comes until the server closes or resets. Returns: malloc'ed, NUL-terminated. */
char *client_read_all(int fd, size_t *ret_size);

/** Aborts the test unless the server closes now without another byte. Closes the socket. */
void client_expect_end(int fd);

#define RESPONSE_HEAD_MAX 8192

struct response {
    int status;                   /* 0: the connection was closed before a status line */
    char head[RESPONSE_HEAD_MAX]; /* NUL-terminated */
    char *body;                   /* malloc'ed, NUL-terminated; of chunks what is inside them */
    size_t body_size;
    size_t chunk_count; /* 0: not chunked */
    bool is_cut;        /* the connection ended before the body did */
};

/** Reads one answer, and not a byte more; of what has neither Content-Length nor chunks (and is no 204, 304 or 1xx) all
    up to the end. Aborts the test when it is cut. */
struct response response_read(int fd);
/** One whose connection ends before the body does; aborts the test when it is whole. */
struct response response_read_cut(int fd);
/** The answer to HEAD. */
struct response response_read_head(int fd);
void response_free(struct response *response);
/** Value of a header field, in a static buffer; NULL where absent. */
const char *response_header(const struct response *response, const char *name);
/** Reads an answer, checks its status, and drops it. */
void response_expect(int fd, int status);

/** A member of a JSON body by its path: "errors.0.pointer". Text or literal, in a static buffer; NULL where absent. */
const char *response_member(const struct response *response, const char *path);

/** Aborts the test unless it is a problem of that status and kind ("queue-full") with all that each one carries. */
void response_check_problem(const struct response *response, int status, const char *kind);

#endif

/**
 * Link: one connection of a load generator to 127.0.0.1, non-blocking: a request goes out, its answer is read away.
 *
 * Just enough HTTP for the service under test: answers carry a Content-Length or no body.
 *
 * Normal use:
 * 1. link_open, then watch link->fd for writing: it is connected, or link_error tells why not;
 * 2. link_send;
 * 3. on each readable event link_read, until LINK_ANSWERED: link->status tells, and link_send may follow unless
 *    link->must_close;
 * 4. link_close.
 */
#ifndef TESTS_BENCH_LINK_H
#define TESTS_BENCH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_HEAD_MAX 1023

struct link {
    int fd; /* -1: closed */
    int status;
    bool must_close; /* the server closes after this answer */
    bool in_body;
    size_t head_size;
    uint64_t body_left;
    char head[LINK_HEAD_MAX + 1];
};

enum link_result {
    LINK_MORE,     /* nothing more to read now */
    LINK_ANSWERED, /* an answer is whole */
    LINK_GONE      /* closed by the server, an error, or no HTTP */
};

/** Begins to connect. Returns: 0, or an errno. */
int link_open(struct link *link, uint16_t port);

/** The outcome of connecting, once the socket is writable. Returns: 0, or an errno. */
int link_error(const struct link *link);

/** Sends a whole request, which must be small. Returns: whether the socket took it. */
bool link_send(struct link *link, const char *request, size_t size);

enum link_result link_read(struct link *link);

void link_close(struct link *link);

/** Microseconds of the monotonic clock. */
uint64_t link_clock_us(void);

/** Raises the soft limit of descriptors to the hard one. Returns: the limit. */
uint64_t link_raise_limit(void);

#endif

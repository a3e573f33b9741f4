/**
 * Proxy: the header of the PROXY protocol, versions 1 and 2, by which a proxy tells whom it speaks for; strict, pure.
 *
 * It stands before everything else on a connection. The parser keeps nothing between calls: it is called with all bytes
 * since the first, again when more have come, and looks at a header of version 1 once more each time (107 bytes at most),
 * at one of version 2 not before it is whole. Any split of the same bytes gives the same result. Nothing is guessed: bytes
 * that don't begin a header are refused at the first one that shows it.
 *
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 */
#ifndef SERVER_HTTP_PROXY_H
#define SERVER_HTTP_PROXY_H

#include "peer.h"
#include <stddef.h>

/* Of version 2, all of it: more than any proxy sends, TLS certificates' names included. */
#define PROXY_HEADER_MAX 4096u

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_REFUSED };

struct proxy {
    size_t size;        /* PROXY_DONE: of the header */
    struct peer client; /* PROXY_DONE: AF_UNSPEC where the proxy speaks for itself (a health check), or doesn't know */
    const char *reason; /* PROXY_REFUSED: a constant */
};

/** Reads a header. Thread: any. Owns: borrows data. Returns: what *ret_proxy says is in its comments. */
enum proxy_result proxy_parse(const char *data, size_t size, struct proxy *ret_proxy);

#endif

/**
 * Rows: throws the tables of tests/cases at a served listener, and tells what came back otherwise.
 *
 * Any kind of listener will do, if a client of it is a descriptor to which plain bytes are sent and from which they come: a
 * test of TLS hands out one end of a socket pair and relays. The end of either side must go through as an end.
 */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H

#include "../cases/cases.h"
#include "server.h"
#include <stddef.h>

struct row_listener {
    const char *const *args; /* further arguments of the server, which open it; NULL-terminated, NULL: none */
    /** Connects a client; aborts the test on failure. The descriptor has client_connect's time-outs. */
    int (*connect)(const struct server *server);
    unsigned every; /* only one case in so many; 0: all */
};

/** The server's first IPv4 address. */
extern const struct row_listener rows_tcp;

/**
 * All cases of a table, every ninth row byte by byte too; then nothing may have run that no request asked for.
 *
 * The server is started with --demo and listener->args, and has time enough for each head and body.
 */
void rows_try(const struct cases *cases, const struct row_listener *listener);

#endif

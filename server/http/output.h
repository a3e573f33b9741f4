/**
 * Output: what the socket has no room for yet.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_OUTPUT_H
#define SERVER_HTTP_OUTPUT_H

#include "connection_state.h"

/** The socket has room again. */
void output_send_rest(struct connection *connection) TT_ON_LOOP;

/** Frees what is unsent. */
void output_drop(struct connection *connection) TT_ON_LOOP;

#endif

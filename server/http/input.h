/**
 * Input: bytes from the socket to requests.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_INPUT_H
#define SERVER_HTTP_INPUT_H

#include "connection_state.h"
#include "parse.h"

/** Reads the PROXY header of a connection that arrives, and not a byte more: what follows may be TLS. */
void input_arrive(struct connection *connection) TT_ON_LOOP;

/** One read, and all that can be done with it. */
void input_read(struct connection *connection) TT_ON_LOOP;

/** Looks at what an earlier read has left, without another one. */
void input_process_kept(struct connection *connection) TT_ON_LOOP;

/** Reads and drops, after the last answer. */
void input_discard(struct connection *connection) TT_ON_LOOP;

/** The method of a head that has come in part; HTTP_GET where it isn't known yet. */
enum http_method input_method(const struct connection *connection) TT_ON_LOOP;

/** Frees what is kept. */
void input_drop(struct connection *connection) TT_ON_LOOP;

#endif

/**
 * Handshake: a TLS connection before its first request. header-timeout bounds it; what fails is counted by reason.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_HANDSHAKE_H
#define SERVER_HTTP_HANDSHAKE_H

#include "connection_state.h"

/** What comes next on the connection is TLS. Closes it when there is no memory. */
void handshake_begin(struct connection *connection) TT_ON_LOOP;

/** Something has happened. Returns: whether hands are shaken; if not it goes on, or has failed and the connection is closed. */
bool handshake_go_on(struct connection *connection) TT_ON_LOOP;

/** Its time is over: closes the connection. */
void handshake_time_out(struct connection *connection) TT_ON_LOOP;

#endif

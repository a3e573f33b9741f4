/**
 * Handler: from a request's head to an answer on the wire.
 *
 * Thread: one of CivetWeb's; several at once.
 * Blocks: 1 s for a body, 5 s for a client that doesn't take its answer, 10 s for a reload.
 */
#ifndef SERVER_ADMIN_HANDLER_H
#define SERVER_ADMIN_HANDLER_H

#include "admin.h"

struct mg_connection;

/** Answers the request on the connection, whatever it is. Returns: the status that was sent, never 0. */
int handler_answer(const struct admin_view *view, struct mg_connection *connection) TT_ON_ADMIN;

/** Answers a head that CivetWeb couldn't read; status is its word for it. Its own pages would tell what it is. */
void handler_refuse(struct mg_connection *connection, int status) TT_ON_ADMIN;

#endif

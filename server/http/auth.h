/**
 * Auth: whether a request may have what it asks for: bearer tokens by RFC 6750.
 *
 * The header is looked at once, with the head, so before a body is read or asked for. Who is refused gets a problem and a
 * challenge, and is counted by reason.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_AUTH_H
#define SERVER_HTTP_AUTH_H

#include "request.h"

/** Takes the token of a new request over, if there is one. Owns: borrows text. */
void auth_read(struct request *request, const char *text, size_t size) TT_ON_LOOP;

/** Whether the request may have its target; else it has been refused, and may be gone. must_close: its body was not read. */
bool auth_check(struct request *request, bool must_close) TT_ON_LOOP;

/** The same for one call, of a gather of the client's choice. */
bool auth_check_call(struct request *request, const struct call *call, bool must_close) TT_ON_LOOP;

#endif

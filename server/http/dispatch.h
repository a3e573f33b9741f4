/**
 * Dispatch: a complete request becomes calls, and their outcomes an answer.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_DISPATCH_H
#define SERVER_HTTP_DISPATCH_H

#include "request.h"

/** Refuses what can be refused without the body: no such path, method, length, media type. The connection closes then. */
void dispatch_check(struct request *request) TT_ON_LOOP;

/** Runs it. The answer comes later, or at once for what is refused and for calls on the loop itself. */
void dispatch_run(struct request *request) TT_ON_LOOP;

#endif

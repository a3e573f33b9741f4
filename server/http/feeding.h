/**
 * Feeding: a request's body to the call that reads it, while it comes.
 *
 * The call runs as soon as the head is there. Nothing is read from the socket before the function reads, nor while its
 * buffer is full: TCP slows the client. The client must send PASSAGE_BYTES, or the rest, in each body-timeout; the time in
 * which the call has no room doesn't count. A body that goes wrong (too long, malformed, too slow) is answered at once,
 * where the call's answer has not begun, and the function's read says TT_CLOSED.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_FEEDING_H
#define SERVER_HTTP_FEEDING_H

#include "request.h"
#include <stddef.h>

/** The function reads, and there is room: reads what has come, or asks the client for it. */
void feeding_start(struct request *request) TT_ON_LOOP;

/** Takes bytes of the body. Returns: how many were taken; fewer than all when it is whole, and when there is no room. */
size_t feeding_take(struct request *request, const char *data, size_t size) TT_ON_LOOP;

#endif

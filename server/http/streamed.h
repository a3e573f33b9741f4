/**
 * Streamed: an answer whose bytes come while it is being sent.
 *
 * Bytes are lent, not copied: they stay with the call's passage until the socket has taken them, so a client that reads
 * slowly makes the call wait, and costs one passage's buffer. Such a client must take PASSAGE_BYTES, or all there is, in
 * each answer-timeout; else the connection is closed.
 *
 * Normal use:
 * 1. streamed_begin with the head;
 * 2. streamed_put for bytes in their order; request_sent tells how many of them went out;
 * 3. streamed_end: the answer is whole, and the connection goes on when all of it is out;
 *    or connection_close in the middle: the client can tell, by the missing last chunk, the size or a reset.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_STREAMED_H
#define SERVER_HTTP_STREAMED_H

#include "connection_state.h"
#include <stdbool.h>
#include <stddef.h>

enum streamed_framing {
    STREAMED_SIZED,   /* Content-Length tells the end, or there is no body */
    STREAMED_CHUNKED, /* HTTP/1.1 without a size */
    STREAMED_TO_END   /* HTTP/1.0 without a size: the connection's end is the body's */
};

/** Sends the head of the answer to the connection's request. Closes the connection without memory. */
void streamed_begin(struct connection *connection, const char *head, size_t head_size, enum streamed_framing framing,
                    bool keep_alive) TT_ON_LOOP;

/** Owns: borrows data until request_sent has told of it, or the connection is closed. */
void streamed_put(struct connection *connection, const void *data, size_t size) TT_ON_LOOP;

/** No more comes. The request gets its request_answered when all is out. */
void streamed_end(struct connection *connection) TT_ON_LOOP;

/** The socket has room again. */
void streamed_send_rest(struct connection *connection) TT_ON_LOOP;

/** When the client must have taken more; CONNECTION_NO_DEADLINE where nothing waits for it. */
uint64_t streamed_due_us(const struct connection *connection) TT_ON_LOOP;

/** Bytes of the body that were sent. */
uint64_t streamed_sent_bytes(const struct connection *connection) TT_ON_LOOP;

/** The connection is about to be closed in the middle of the answer: counts that, and frees what is kept. */
void streamed_break(struct connection *connection) TT_ON_LOOP;

#endif

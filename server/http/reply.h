/**
 * Reply: an answer becomes bytes. Step 11.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_REPLY_H
#define SERVER_HTTP_REPLY_H

#include "request.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply {
    int status;
    const char *type;  /* media type; NULL: no body */
    const char *extra; /* further header lines, each with its CRLF; NULL: none */
    char *body;
    uint64_t body_size;
    bool body_is_owned; /* malloc'ed: taken */
    bool is_streamed;   /* reply_begin's: the body comes later, body_size may be TT_SIZE_UNKNOWN */
    bool has_timing;
    bool must_close; /* the request was not read to its end, or can't be trusted */
    uint64_t queue_us;
    uint64_t run_us;
};

/** The status's standard words, "OK". "Unknown" for others. */
const char *reply_reason(int status);

/**
 * Sends it, and ends the connection's part in the request. Does nothing but tidy up when the client has left, or was answered.
 *
 * Owns:    takes reply->body when body_is_owned.
 */
void reply_send(struct request *request, const struct reply *reply) TT_ON_LOOP;

/** Sends the head of an answer in pieces. Returns: false when the client has left, or was answered. */
bool reply_begin(struct request *request, const struct reply *reply) TT_ON_LOOP;

/** Ends it: whole, or by closing the connection in its middle. Does nothing but tidy up when the client has left. */
void reply_end(struct request *request, bool is_whole, uint64_t queue_us, uint64_t run_us) TT_ON_LOOP;

#endif

/**
 * Request: one request from its head to its answer.
 *
 * It outlives its connection when the client leaves, and its answer when a run deadline has passed: the memory that a worker
 * may still write is freed only when every call has been released. So it is counted: one hold for the answer, one for
 * each call.
 *
 * Thread: the loop's, all of it.
 */
#ifndef SERVER_HTTP_REQUEST_H
#define SERVER_HTTP_REQUEST_H

#include "../arena.h"
#include "../passage.h"
#include "../offload.h"
#include "args.h"
#include "chunk.h"
#include "connection.h"
#include "front.h"
#include "parse.h"
#include "peer.h"
#include "route.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_ID_MAX    63
#define REQUEST_TOKEN_MAX 63

struct gather_run;

/** What its Authorization field holds. */
enum request_auth {
    REQUEST_AUTH_NONE,
    REQUEST_AUTH_MALFORMED,
    REQUEST_AUTH_UNKNOWN, /* a token that is none of ours */
    REQUEST_AUTH_KNOWN    /* the name says whose */
};

struct request {
    struct front *front;
    struct connection *connection; /* NULL: the client has left */
    struct request *next_spare;
    uint32_t holds;
    bool is_running; /* its call was asked for: an answer will come */
    bool is_answered;

    enum http_method method;
    bool is_http10;
    bool keep_alive;
    bool has_body;
    bool is_chunked;
    bool is_continue_due; /* the client waits for 100 Continue */
    const struct route_target *target;
    struct route_match match; /* captures point into the head, or into the arena once the head is gone */
    const char *query;
    size_t query_size;
    uint64_t content_length;
    struct chunk chunk;
    char *body; /* malloc'ed */
    size_t body_size;
    size_t body_capacity;
    const char *body_type; /* media type, in the arena; NULL where none */
    uint64_t body_limit;
    bool is_live;          /* its call reads the body while it comes (feeding.h); body_size counts, body stays NULL */
    bool is_feeding;       /* the call has room for more of it */
    uint64_t body_due_us;  /* when the client must have sent more; CONNECTION_NO_DEADLINE */
    uint64_t window_bytes; /* of the body, since body_due_us was set */
    const char **fields;   /* TT_REQUEST_FIELD_COUNT, in the arena; NULL where none was sent */
    int status;            /* of an answer that is sent in pieces */

    char id[REQUEST_ID_MAX + 1];
    char traceparent[56];
    char client[PEER_TEXT_MAX]; /* who asks, as in peer.h */
    enum request_auth auth;
    char token[REQUEST_TOKEN_MAX + 1]; /* its name; "" where none */
    uint64_t begun_us;
    uint64_t deadline_us; /* the client's, absolute; 0: none */

    struct arena arena;
    _Alignas(16) char arena_memory[512];
    struct offload offload;    /* of a single call */
    struct passage passage;    /* its bytes, while it runs */
    uint32_t passage_bytes;    /* what is counted for it */
    struct gather_run *gather; /* of several */
};

/** Begins a request from a whole head. Returns: NULL without memory. */
struct request *request_begin(struct connection *connection, struct front *front, const struct parse *parse,
                              const char *head) TT_ON_LOOP;

/** Refuses what can be refused before the body is read. The request, which must be its connection's, may be gone then. */
void request_check(struct request *request) TT_ON_LOOP;

/** Answers a head that can't be taken, and closes. method: as far as it is known; to HEAD goes no body. */
void request_refuse(struct connection *connection, struct front *front, enum http_method method, int status,
                    const char *detail) TT_ON_LOOP;

/** The same for a head that there is no room to keep (max-buffered): 503. */
void request_refuse_for_room(struct connection *connection, struct front *front, enum http_method method) TT_ON_LOOP;

/** The connection's time ran out while this request was being read: 408, and close. NULL: its head; then see method. */
void request_time_out(struct connection *connection, struct front *front, struct request *request,
                      enum http_method method) TT_ON_LOOP;

/**
 * Feeds bytes of the body. Returns: how many were taken. The request may have been answered meanwhile (a body too
 * large or malformed); request_is_complete tells when it is whole.
 */
size_t request_feed(struct request *request, const char *data, size_t size) TT_ON_LOOP;
bool request_is_complete(const struct request *request) TT_ON_LOOP;

/** Runs a request that is complete, or whose call reads the body itself (dispatch.h). */
void request_run(struct request *request) TT_ON_LOOP;

/** The client has left. if_queued: only what has not started is taken back; true when that was all of it. */
bool request_client_left(struct request *request) TT_ON_LOOP;

/** Counts one buffer of the passage, until the request's end. Returns: false when max-buffered leaves no room for it. */
bool request_hold_passage(struct request *request) TT_ON_LOOP;

/** size more bytes of an answer in pieces went out. */
void request_sent(struct request *request, size_t size) TT_ON_LOOP;

/** In the end of its call: that was taken back because the client had left, so the connection is closed and nothing is answered. */
void request_taken_back(struct request *request) TT_ON_LOOP;

/** The connection is gone. */
void request_detach(struct request *request) TT_ON_LOOP;

/** The answer is out (reply.h calls it): the connection's hold ends. */
void request_answered(struct request *request) TT_ON_LOOP;

/** Nobody will look at the body any more: it makes room for the answer. Without one nothing happens. */
void request_free_body(struct request *request) TT_ON_LOOP;

void request_hold(struct request *request) TT_ON_LOOP;
void request_drop(struct request *request) TT_ON_LOOP;

void request_free_spares(struct front *front) TT_ON_LOOP;

#endif

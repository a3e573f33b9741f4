/**
 * Front: what all HTTP connections share: limits, routes, numbers, and the memory that is used again.
 *
 * Everything that a client can make grow has its limit here, taken from [server] of the configuration.
 *
 * With several loops each has a front of its own, and shares nothing with the others but the handout of new connections;
 * the front of the first loop, home, has the listeners.
 *
 * Normal use:
 * 1. front = front_create(loop, &error); front_set_limits; front->routes = ...;
 * 2. listen_open (listen.h) for each address;
 * 3. front_drain, then wait until front_is_idle;
 * 4. front_destroy.
 *
 * Thread: the loop's, all of it; front->stats is read by others.
 */
#ifndef SERVER_HTTP_FRONT_H
#define SERVER_HTTP_FRONT_H

#include "../config/config.h"
#include "../loop.h"
#include "../stats.h"
#include "routes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/status.h>

struct connection;
struct handout;
struct listener;
struct request;
struct ssl_ctx_st;

/* One read while a head is expected, and the most that is kept of requests that wait behind the current one. */
#define FRONT_HEAD_READ_BYTES 16384u
/* One read of a body; also where head and small body of an answer are put together. */
#define FRONT_SCRATCH_BYTES 65536u
/* The longest request line; beyond it 414. The head's own limit is in the configuration. */
#define FRONT_LINE_BYTES 8192u
/* Calls in one POST /gather. */
#define FRONT_GATHER_CALLS 64u

struct front_limits {
    uint32_t head_bytes;
    uint64_t body_bytes;
    uint64_t answer_bytes;
    uint64_t buffered_bytes; /* of all connections together */
    uint64_t connection_count;
    uint64_t header_timeout_us;
    uint64_t body_timeout_us;
    uint64_t answer_timeout_us;
    uint64_t idle_timeout_us;
    bool access_log;
    const struct network *proxy_networks; /* the configuration's: who may send a PROXY header */
    size_t proxy_network_count;
    const struct tokens *tokens; /* the configuration's; NULL: none */
    bool needs_token;            /* where no call says otherwise */
};

struct front {
    struct loop *loop;
    struct tt_wake *wake;
    const struct registry *registry;
    const struct routes *routes;
    struct front_limits limits;
    struct front_stats stats;
    struct ssl_ctx_st *tls;  /* of new connections; NULL: there is none */
    struct handout *handout; /* NULL: it is the only front */
    struct listener *listeners;
    struct connection *connections; /* all that are open */
    struct connection *closed;      /* to be freed when nobody works on them any more */
    struct tt_timer burial;
    uint64_t connection_count;
    uint64_t connection_room; /* as many as there are descriptors for; 0: not known yet */
    uint64_t request_count;   /* objects in use: they may outlive their connections */
    struct request *spare_requests;
    uint32_t spare_count;
    bool is_draining;

    uint64_t id_prefix; /* random; with id_count it makes request ids */
    uint64_t id_count;
    uint64_t date_second;
    char date[40]; /* "Date: ...\r\n" of date_second */
    size_t date_size;

    /* Used within one callback only: no connection keeps anything here. One byte more for the parsers' comfort. */
    char input[FRONT_SCRATCH_BYTES + FRONT_HEAD_READ_BYTES + 1];
    char output[FRONT_SCRATCH_BYTES];
};

struct front *front_create(struct loop *loop, const struct registry *registry, const struct routes *routes,
                           struct tt_error *reterr) TT_ON_LOOP;

/** Takes the limits of a configuration over, at the start and at a reload. No more connections than connection_room. */
void front_set_limits(struct front *front, const struct config_server *config) TT_ON_LOOP;

/** New TLS connections use tls from now on, those that are open keep what they have. Owns: takes tls (not NULL). */
void front_set_tls(struct front *front, struct ssl_ctx_st *tls) TT_ON_LOOP;

/** Stops listening, closes connections that rest, and has every further answer close its connection. */
void front_drain(struct front *front) TT_ON_LOOP;

/** Has the memory of a closed connection freed in the next dispatch. */
void front_bury(struct front *front, struct connection *connection) TT_ON_LOOP;

/** Whether so many bytes more may be held for clients. If not, it is counted, and logged once a second at most. */
bool front_has_room(struct front *front, uint64_t bytes) TT_ON_LOOP;

/** Whether every answer is out: no connection has a request or an unsent answer. */
bool front_is_idle(const struct front *front) TT_ON_LOOP;

/**
 * Closes what is left. Requests whose call has not ended keep their memory, and so does the front. NULL is fine.
 * Returns: whether everything could be freed.
 */
bool front_destroy(struct front *front) TT_ON_LOOP;

/** "Date: ...\r\n", made once a second. */
const char *front_date(struct front *front, size_t *ret_size) TT_ON_LOOP;

/** Writes a new request id (25 characters and a NUL). */
void front_make_id(struct front *front, char ret_id[static 32]) TT_ON_LOOP;

/** Writes a new traceparent (55 characters and a NUL). */
void front_make_traceparent(struct front *front, char ret_traceparent[static 56]) TT_ON_LOOP;

#endif

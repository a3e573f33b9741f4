/**
 * Connection state: the object itself, shared by connection.c, input.c and output.c, and by nobody else.
 *
 * A connection that is closed in the middle of something keeps its memory until the next dispatch: whoever works on it
 * asks connection_is_open.
 *
 * Thread: the loop's, all of it.
 */
#ifndef SERVER_HTTP_CONNECTION_STATE_H
#define SERVER_HTTP_CONNECTION_STATE_H

#include "connection.h"
#include "peer.h"
#include "transport.h"
#include <stdbool.h>
#include <stdint.h>
#include <tothread/wake.h>

#define CONNECTION_NO_DEADLINE UINT64_MAX

struct partial;  /* input.c */
struct streamed; /* streamed.c */
struct unsent;   /* output.c */

enum connection_state {
    CONNECTION_ARRIVING,
    CONNECTION_READING,
    CONNECTION_BUSY,
    CONNECTION_STREAMING,
    CONNECTION_WRITING,
    CONNECTION_LINGERING
};

struct connection {
    struct transport transport;
    struct tt_timer timer;
    struct tt_timer turn; /* runs while it waits for its next turn to read */
    uint64_t deadline_us; /* the timer may be due earlier, and then looks here */
    struct front *front;
    struct connection *next;
    struct connection *previous;
    struct request *request; /* being read, or in flight */
    struct partial *partial;
    struct unsent *unsent;
    struct streamed *streamed;
    uint32_t lingered_bytes;
    uint8_t state;
    bool is_advancing;
    bool is_readable; /* the socket may have bytes: no new edge will tell */
    bool is_unread;   /* partial holds bytes that were not looked at */
    bool peer_closed;
    bool is_tls;
    bool is_handshaking; /* TLS: no request yet, for handshake.c */
    bool head_has_begun; /* the header deadline runs */
    char client[PEER_TEXT_MAX];
};

static inline bool connection_is_open(const struct connection *connection) {
    return transport_is_open(&connection->transport);
}

/** Sets the deadline of the state it is in; CONNECTION_NO_DEADLINE: none. */
void connection_set_deadline(struct connection *connection, uint64_t delay_us) TT_ON_LOOP;

/** Sets the deadline to the nearer one of the answer and the body that are on their way. */
void connection_await_stream(struct connection *connection) TT_ON_LOOP;

/** Whether bytes of the socket are wanted: of a next request, or of the body that a call reads. */
bool connection_is_reading(const struct connection *connection) TT_ON_LOOP;

/** Counts bytes that are held for this client (a negative number as its complement). */
void connection_hold_bytes(struct connection *connection, size_t bytes) TT_ON_LOOP;

/** Goes on as far as it can without waiting; does nothing when that is under way further up. */
void connection_advance(struct connection *connection) TT_ON_LOOP;

/** The answer is out: on to the next request, or to the end. */
void connection_after_answer(struct connection *connection, bool keep_alive) TT_ON_LOOP;

#endif

/**
 * Channel: TLS over the socket of one connection, by a bufferevent of libevent's. For transport.h alone.
 *
 * The bufferevent shakes hands, decrypts and encrypts when the socket allows; what goes through waits in its two
 * buffers, each of them bounded:
 *
 *     in      up to 16 KiB and the record that goes beyond it; then the socket is left alone until they were received
 *     out     up to 64 KiB; then send says EAGAIN until half of them are gone
 *
 * So a client that sends ahead, or doesn't read, is slowed down by TCP as any other is. One that has sent that far ahead of a
 * pending call is not seen leaving before the answer.
 *
 * A client may end its side by a close_notify or by closing its socket: requests say how long they are, so nothing
 * is won by cutting one short.
 *
 * Thread: the loop's, all of it.
 */
#ifndef SERVER_HTTP_CHANNEL_H
#define SERVER_HTTP_CHANNEL_H

#include "../stats.h"
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <tothread/thread.h>

struct channel;
struct ssl_ctx_st;

/** How far the handshake has come. */
enum channel_state {
    CHANNEL_HANDSHAKING,
    CHANNEL_READY,
    CHANNEL_LEFT,        /* the client left in the middle of it */
    CHANNEL_UNTRUSTED,   /* the client's certificate is missing or wrong */
    CHANNEL_INCOMPATIBLE /* anything else: no TLS at all, too old a version, nothing in common, an alert */
};

/**
 * Begins to shake hands as the server. on_event is told as transport.h says, and of the handshake's end by EV_WRITE, or
 * EV_CLOSED when it failed.
 *
 * Owns:    takes fd when it succeeds; holds tls; keeps context and held_bytes (where what is buffered is counted).
 * Returns: NULL without memory.
 */
struct channel *channel_open(struct event_base *base, int fd, struct ssl_ctx_st *tls, event_callback_fn on_event,
                             void *context, stat_counter *held_bytes) TT_ON_LOOP;

/** Says close_notify if it can be said at once, and closes. libevent closes the socket a moment later. */
void channel_close(struct channel *channel) TT_ON_LOOP;

/** Makes the close that follows one without a close_notify: what came before was not all. */
void channel_break(struct channel *channel) TT_ON_LOOP;

enum channel_state channel_state(const struct channel *channel) TT_ON_LOOP;

/** Why the handshake failed, in OpenSSL's words; "" where it said nothing. */
const char *channel_reason(const struct channel *channel) TT_ON_LOOP;

/** The subject of the client's certificate, in one line without control bytes or bare quotes; NULL: it has shown none. */
const char *channel_subject(const struct channel *channel) TT_ON_LOOP;

/* The rest as in transport.h. */
ssize_t channel_receive(struct channel *channel, void *data, size_t size) TT_ON_LOOP;
ssize_t channel_send(struct channel *channel, const struct iovec *pieces, size_t count) TT_ON_LOOP;
bool channel_is_flushed(const struct channel *channel) TT_ON_LOOP;
bool channel_shut(struct channel *channel) TT_ON_LOOP;
bool channel_has_failed(const struct channel *channel) TT_ON_LOOP;

#endif

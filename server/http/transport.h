/**
 * Transport: the bytes of one connection, in and out, whatever carries them.
 *
 * A connection knows its client through this alone: it receives, sends, ends its own side, closes, and is told in libevent's
 * words what has become possible. Mostly the socket itself is the transport: each function is the system call that it
 * names, in line, so that the way of a request costs nothing more. With TLS (channel.h) stands between.
 *
 *     EV_READ     receive may give more; nobody will tell again until it has said EAGAIN
 *     EV_WRITE    send may take more, or all that was taken is out by now
 *     EV_CLOSED   the client has ended its side; receive gives what is left, then 0
 *
 * Normal use:
 * 1. transport_open, with the function that is told; for TLS transport_secure, then wait until transport_is_ready;
 * 2. transport_receive and transport_send until EAGAIN;
 * 3. transport_shut when the last byte is out (transport_is_flushed);
 * 4. transport_close.
 *
 * Thread: the loop's, all of it.
 */
#ifndef SERVER_HTTP_TRANSPORT_H
#define SERVER_HTTP_TRANSPORT_H

#include "channel.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <tothread/status.h>
#include <tothread/thread.h>

struct transport {
    struct event event;      /* watches once, edge-triggered, for everything: no epoll_ctl is made per request */
    int fd;                  /* -1: closed */
    struct channel *channel; /* TLS; it has events of its own, and event is idle. NULL: the socket itself */
};

/**
 * Takes a connected, non-blocking socket, and begins to watch it.
 *
 * Owns:    takes fd when it succeeds; keeps context for on_event until transport_close.
 * Returns: TT_OK; TT_NOMEM.
 */
enum tt_status transport_open(struct transport *transport, struct event_base *base, int fd, event_callback_fn on_event,
                              void *context) TT_ON_LOOP TT_MUST_CHECK;

/**
 * What comes next is TLS: shakes hands, as the server. Until transport_is_ready nothing is received or sent; on_event is told of
 * the handshake's end, good or bad. Once, and before the first receive or send.
 *
 * Owns:    borrows tls, which lives on for as long as it is in use; keeps held_bytes, where what is buffered is counted.
 * Returns: TT_OK; TT_NOMEM: nothing but transport_close is left.
 */
enum tt_status transport_secure(struct transport *transport, struct event_base *base, struct ssl_ctx_st *tls,
                                stat_counter *held_bytes) TT_ON_LOOP TT_MUST_CHECK;

/** Closes at once: what was not sent is lost with the client. Nothing is told any more. Not twice. */
void transport_close(struct transport *transport) TT_ON_LOOP;

/** Whether the socket has failed (a reset). Of that libevent says only that there is something to read. */
bool transport_has_failed(const struct transport *transport) TT_ON_LOOP;

static inline bool transport_is_open(const struct transport *transport) {
    return transport->fd >= 0;
}

/** Whether requests may come: always without TLS, else once the hands are shaken. */
static inline bool transport_is_ready(const struct transport *transport) TT_ON_LOOP {
    return transport->channel == NULL || channel_state(transport->channel) == CHANNEL_READY;
}

/** Returns: as recv: bytes; 0 at the client's end; -1 with errno: EAGAIN, EINTR, or another, which ends the connection. */
static inline ssize_t transport_receive(struct transport *transport, void *data, size_t size) TT_ON_LOOP {
    if (transport->channel != NULL)
        return channel_receive(transport->channel, data, size);
    return recv(transport->fd, data, size, 0);
}

/**
 * Looks at the first bytes of all, in the plain socket and without taking them: what stands before whatever the transport
 * makes of the rest. transport_skip takes them. Only before the first receive or send. Returns: as receive.
 */
static inline ssize_t transport_peek(const struct transport *transport, void *data, size_t size) {
    return recv(transport->fd, data, size, MSG_PEEK);
}

/** Takes size bytes that peek has seen, into data. Returns: false if they weren't there, which can't be. */
static inline bool transport_skip(struct transport *transport, void *data, size_t size) {
    return recv(transport->fd, data, size, 0) == (ssize_t)size;
}

/**
 * Sends as much of the pieces as is taken now. Pieces of no bytes are fine, but not all of them.
 *
 * Returns: as sendmsg: bytes; -1 with errno: EAGAIN, EINTR, or another, which ends the connection.
 */
static inline ssize_t transport_send(struct transport *transport, struct iovec *pieces, size_t count) TT_ON_LOOP {
    if (transport->channel != NULL)
        return channel_send(transport->channel, pieces, count);
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    return count == 1 ? send(transport->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL)
                      : sendmsg(transport->fd, &message, MSG_NOSIGNAL);
}

/** Whether all that send has taken is with the kernel. If not EV_WRITE tells when it is; an answer isn't out before. */
static inline bool transport_is_flushed(const struct transport *transport) TT_ON_LOOP {
    /* The socket itself keeps nothing back. */
    return transport->channel == NULL || channel_is_flushed(transport->channel);
}

/** Makes the close that follows a reset, for a client that would take the connection's end for the end of an answer. */
static inline void transport_set_reset(struct transport *transport) TT_ON_LOOP {
    if (transport->channel != NULL)
        channel_break(transport->channel);
    const struct linger reset = {.l_onoff = 1};
    (void)setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset); /* else it is a plain close */
}

/** Tells the client that nothing more comes; it may still send. Returns: false on an error. */
static inline bool transport_shut(struct transport *transport) TT_ON_LOOP {
    if (transport->channel != NULL)
        return channel_shut(transport->channel);
    return shutdown(transport->fd, SHUT_WR) == 0;
}

#endif

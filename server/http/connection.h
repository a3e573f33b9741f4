/**
 * Connection: one client's socket, and the bytes on their way in and out.
 *
 *     state        reads?  deadline            leaves by
 *     ARRIVING     yes     header              a whole PROXY header; the client's end; time-out
 *     READING      yes     idle, header, body  a whole request; the client's end; time-out
 *     BUSY         a body  body                the request's answer; the client's end
 *     STREAMING    a body  answer, body        the answer's end; the client's end; time-out
 *     WRITING      no      answer              all sent; time-out
 *     LINGERING    drops   2 s                 the client's end; time-out
 *
 * One request is in flight at a time; those that wait behind it stay in the socket, but for what one read brought along
 * (16 KiB at most), so a client that pipelines is slowed down by TCP. Deadlines are absolute: a client that sends a
 * byte now and then gains nothing. Only where a call reads its body or writes its answer in pieces are they set again, for
 * each PASSAGE_BYTES that the client has sent or taken: such a body has no size that a time could be set for. "a body" in
 * the table is one that its call reads, and has room for (feeding.h).
 *
 * The socket is watched once, edge-triggered, for everything: no epoll_ctl is made per request. A connection that rests
 * has no buffer at all.
 *
 * Thread: the loop's, all of it.
 */
#ifndef SERVER_HTTP_CONNECTION_H
#define SERVER_HTTP_CONNECTION_H

#include "front.h"
#include <stdbool.h>
#include <stddef.h>

struct connection;
struct peer;
struct request;

/**
 * Takes a connected, non-blocking socket; with TLS where is_tls. With takes_proxy a PROXY header must come first, even
 * before TLS, and may say who the client is.
 *
 * Owns:    takes fd, closes it when there is no memory; borrows peer.
 */
void connection_open(struct front *front, int fd, const struct peer *peer, bool takes_proxy, bool is_tls) TT_ON_LOOP;

/** Who is at the other end, as in peer.h. Owns: lends, until it is closed. */
const char *connection_client(const struct connection *connection) TT_ON_LOOP;

/** Closes at once. A request in flight goes on without it. */
void connection_close(struct connection *connection) TT_ON_LOOP;

/** The next in the front's list of open, or of closed connections. */
struct connection *connection_next(const struct connection *connection) TT_ON_LOOP;
void connection_set_next(struct connection *connection, struct connection *next) TT_ON_LOOP;

/** Frees a closed connection. For front_bury alone. */
void connection_free(struct connection *connection) TT_ON_LOOP;

/** Whether a request has been read in full, or an answer is on its way. */
bool connection_is_busy(const struct connection *connection) TT_ON_LOOP;

/** Closes it if it rests; else its next answer will. Bytes that have arrived already are looked at first. */
void connection_drain(struct connection *connection) TT_ON_LOOP;

/** The subject of the client's certificate, or NULL. Owns: lent until the connection is closed. */
const char *connection_subject(const struct connection *connection) TT_ON_LOOP;

/** The request has been read in full and runs: no reading until its answer. */
void connection_set_busy(struct connection *connection) TT_ON_LOOP;

/** Sends an interim answer (100 Continue); if the socket has no room the connection is closed. */
void connection_send_interim(struct connection *connection, const char *data, size_t size) TT_ON_LOOP;

/**
 * Sends the answer to the request that was being read or is in flight. keep_alive false: the connection ends after it, with
 * our side shut first and the client's bytes dropped for a while, so that the answer isn't lost to a reset.
 *
 * Owns:    borrows head; takes body when is_owned (malloc'ed), else borrows it.
 */
void connection_answer(struct connection *connection, const char *head, size_t head_size, char *body, size_t body_size,
                       bool is_owned, bool keep_alive) TT_ON_LOOP;

#endif

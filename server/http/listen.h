/**
 * Listen: sockets that accept, and how they rest when there is no room. Step 1.
 *
 * At the limit of connections, and when the system has no descriptor left, accepting pauses: new clients wait in the
 * kernel's backlog. It resumes when a connection closes, or after 100 ms.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_LISTEN_H
#define SERVER_HTTP_LISTEN_H

#include "../config/endpoint.h"
#include "front.h"
#include <tothread/status.h>

/**
 * Listens on an address as in the configuration: 127.0.0.1:8080, [::1]:8080, unix:/path, systemd:NAME (each inherited
 * socket of that name). Port 0 takes a free one. A unix socket's file has its mode and owner before anybody can connect.
 *
 * Owns:    keeps endpoint.
 * Returns: TT_OK; TT_INVALID, TT_SYSTEM, TT_NOMEM, TT_NOT_FOUND (no inherited socket of that name) with *reterr.
 */
enum tt_status listen_open(struct front *front, const struct endpoint *endpoint,
                           struct tt_error *reterr) TT_ON_LOOP TT_MUST_CHECK;

/** Begins to accept on all sockets. Before it the kernel collects clients in the backlog. */
void listen_start(struct front *front) TT_ON_LOOP;

/** Accepts what waits in the backlogs, then closes all sockets. */
void listen_close_all(struct front *front) TT_ON_LOOP;

/** Accepts again, if it was paused and there is room. */
void listen_resume(struct front *front) TT_ON_LOOP;

/** Calls each with the address of every socket as text ("127.0.0.1:8080"). */
void listen_each(const struct front *front, void (*each)(void *context, const char *address), void *context) TT_ON_LOOP;

#endif

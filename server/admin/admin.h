/**
 * Admin: the plane for people and monitoring, on threads of its own.
 *
 * It is the only user of CivetWeb. It sees what struct admin_view shows: snapshots, counters and the loop's beacon, never an
 * object of the loop, so it answers while the loop is stuck and every worker hangs.
 *
 * Pages: / /livez /readyz /metrics /stats.json /calls, POST /drain, POST /reload. One catch-all handler; no document
 * root, no directory listing, no CGI, no CORS.
 */
#ifndef SERVER_ADMIN_ADMIN_H
#define SERVER_ADMIN_ADMIN_H

#include "../calls/registry.h"
#include "../stats.h"
#include <stdbool.h>
#include <tothread/status.h>

enum admin_phase { ADMIN_STARTING, ADMIN_READY, ADMIN_DRAINING };

/** One loop beside the first. */
struct admin_loop {
    const struct front_stats *front;
    const struct loop_beacon *beacon;
};

struct admin_view {
    const struct registry *registry;
    const struct front_stats *front; /* of the first loop, as is the beacon */
    const struct loop_beacon *beacon;
    const struct admin_loop *sides; /* the others */
    size_t side_count;
    _Atomic int phase; /* enum admin_phase, written by the loop */
    uint64_t started_us;
    const char *version;

    /** Begins the drain, as SIGTERM does. Thread: admin. */
    void (*drain)(void *context);
    /**
     * Reloads the configuration and waits for the verdict, at most 10 s. Thread: admin. Owns: *ret_text is malloc'ed, the
     * caller's: what changed, or the mistakes as `tothread check` prints them. Returns: 200, 422 (mistakes), 503 (the loop
     * doesn't answer, or a reload is under way).
     */
    int (*reload)(void *context, char **ret_text);
    void *context;
};

struct admin;

/**
 * Starts the plane on address ("127.0.0.1:9090"; port 0 takes a free one).
 *
 * Thread:  main, before the loop runs
 * Owns:    keeps view until admin_stop.
 * Returns: NULL with *reterr filled.
 */
struct admin *admin_start(const char *address, struct admin_view *view, struct tt_error *reterr);

/** The port it listens on. */
int admin_port(const struct admin *admin);

/** Ends its threads. NULL is fine. Blocks: for requests that are being answered. */
void admin_stop(struct admin *admin);

#endif

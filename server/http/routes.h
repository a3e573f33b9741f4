/**
 * Routes: the table of all that the service answers, made from the registry.
 *
 * Each call answers `POST /call/NAME` and its own route, each gather its route, and `POST /gather` runs any calls at once.
 *
 * Thread: built at start-up, then read by the loop only.
 */
#ifndef SERVER_HTTP_ROUTES_H
#define SERVER_HTTP_ROUTES_H

#include "../calls/registry.h"
#include "../config/diagnostics.h"
#include "route.h"

enum route_kind {
    ROUTE_CALL,      /* call is set */
    ROUTE_GATHER,    /* gather is set: the calls that the configuration names */
    ROUTE_GATHER_ANY /* POST /gather: the body names the calls */
};

/** What route_match.target points to. fixed. */
struct route_target {
    enum route_kind kind;
    struct call *call;
    struct gather *gather;
    bool is_own; /* `POST /call/NAME` or `POST /gather`, not a route of the configuration */
};

struct routes {
    struct route_table *table; /* for route_find */
    struct route_target *targets;
    size_t target_count;
};

/**
 * Makes the table. Every mistake goes to diagnostics with a caret at the route: a malformed pattern, a route that
 * something else answers already, braces that no parameter has (of a gather: that not each of its calls has).
 *
 * Thread:  start-up
 * Owns:    keeps registry (it must outlive the routes); the routes are yours until routes_destroy.
 * Returns: NULL when anything was wrong.
 */
struct routes *routes_build(const struct registry *registry, struct diagnostics *diagnostics);

/** NULL is fine. */
void routes_destroy(struct routes *routes);

#endif

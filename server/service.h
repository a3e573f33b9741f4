/**
 * Service: the parts of a running server, put together and taken apart in the right order.
 *
 *     configuration → registry (modules, calls) → routes → loop → pools → front → listeners → further loops → admin
 *
 * Thread: the (first) loop's, but for service_prepare and service_free, which run before and after it.
 */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "admin/admin.h"
#include "calls/registry.h"
#include "config/config.h"
#include "http/front.h"
#include "http/routes.h"
#include "loop.h"
#include "sides.h"
#include <stdbool.h>
#include <tothread/pool.h>

struct reload;

struct service {
    const struct config_source *source;
    struct config *config;  /* as of the start: the registry points into it */
    struct config *current; /* as of the last reload; config itself until then */
    struct registry *registry;
    struct routes *routes;
    struct loop *loop;
    struct front *front;
    struct ssl_ctx_st *tls;   /* until the front has it; NULL: none */
    struct sides *sides;      /* the other loops; NULL with one */
    struct tt_pool *own_pool; /* one worker for what blocks in the service itself */
    struct reload *reload;
    struct admin *admin;
    struct admin_view view;
    struct tt_timer drain_tick;
    uint64_t drain_due_us; /* 0: not draining */
    struct tt_timer status_tick;
    struct tt_post drain_post;
    _Atomic bool drain_is_posted;
    bool is_over; /* onloop: the loop has turned for the last time, and parts are being freed */
    int exit_status;
};

/** Loads the configuration, the modules and the routes; prints every mistake. Returns: false when there are errors. */
bool service_prepare(struct service *service, const struct config_source *source);

/** Makes loop, pools, listeners and the admin plane. Returns: TT_OK, or another with *reterr. */
enum tt_status service_start(struct service *service, struct tt_error *reterr) TT_MUST_CHECK;

/** Begins to accept, says READY, and turns until the drain is over. */
void service_run(struct service *service) TT_ON_LOOP;

/** Stops taking requests and ends when all are answered, or at the hard end. A second call ends at once. */
void service_drain(struct service *service) TT_ON_LOOP;

/**
 * Frees everything. When a call is still inside its library, nothing that it may use is freed.
 * Returns: whether everything could be freed; if not the process must end by _exit.
 */
bool service_free(struct service *service);

#endif

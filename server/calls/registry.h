/**
 * Registry: the calls that the configuration names, ready to run.
 *
 * registry_build loads the modules, opens them with their sections and prepares each call. It needs no loop and no
 * pool, so `tothread check` does all of it. The service then gives each struct call_pool its pool. After start-up nothing
 * is added or removed; a reload changes only the fields marked `onloop`.
 */
#ifndef SERVER_CALLS_REGISTRY_H
#define SERVER_CALLS_REGISTRY_H

#include "../arena.h"
#include "../config/config.h"
#include "../stats.h"
#include "../watch.h"
#include "answer.h"
#include <tothread/module.h>
#include <tothread/pool.h>

struct loop;   /* loop.h */
struct module; /* calls/module.h */

/** One [pool NAME] and the modules whose calls run in it. */
struct call_pool {
    const char *name;
    struct tt_pool *pool; /* set by the service; NULL before */
    struct loop *loop;    /* that owns it, set with it */
    struct watch watch;   /* onloop, set with pool */
    struct module **modules;
    size_t module_count;
    const struct config_pool *config; /* as of the start */
};

/** Who may have a call; lives as long as the configuration that it comes from. */
struct call_grant {
    bool needs_token;
    bool is_limited;          /* to tokens of these names */
    const char *const *names; /* the configuration's */
    size_t name_count;
};

/** One [call NAME]. fixed after registry_build but for the fields marked onloop. */
struct call {
    const char *name;
    const char *description;
    const char *route; /* or NULL */
    struct module *module;
    size_t module_slot; /* index of module in pool->modules */
    const struct tt_function *function;
    void *state; /* of prepare */
    bool is_prepared;
    struct tt_param *params;
    size_t param_count;
    struct call_pool *pool;                   /* NULL: runs on the loop */
    _Atomic(const struct call_grant *) grant; /* home sets it at a reload, every loop reads it */
    struct call_stats *side_stats;            /* without a pool: one for each loop beside home; NULL: none */
    const struct config_call *config;         /* as of the start */
    uint64_t timeout_us;                      /* onloop: 0 none */
    _Atomic uint64_t body_bytes;              /* of a body that it reads in pieces; 0: the server's limit. As grant */
    struct tt_limiter limiter;                /* onloop */
    struct call_stats stats;                  /* home's; of a call in a pool the only ones */
};

struct gather {
    const char *name;
    const char *route; /* or NULL */
    struct call **calls;
    size_t call_count;
    _Atomic uint64_t timeout_us; /* home writes it at a reload, every loop reads it */
    const struct config_gather *config;
};

struct registry {
    struct arena arena;
    struct module **modules;
    size_t module_count;
    struct call_pool *pools;
    size_t pool_count;
    struct call *calls;
    size_t call_count;
    struct gather *gathers;
    size_t gather_count;
    struct call **slots; /* by the hash of the name, a power of two of them, at least half of them NULL */
    size_t slot_count;
    size_t side_count; /* loops beside home */
};

/**
 * Builds the registry; every mistake goes to diagnostics with its place: a missing .so or symbol, a wrong ABI, an unknown
 * function, settings that the module doesn't know or refuses, a call that may block in `pool = none` (a warning). Routes
 * are checked in http/routes.h.
 *
 * Thread:  start-up; it reads files and runs the modules' open and prepare.
 * Owns:    keeps config (it must outlive the registry); the registry is yours until registry_destroy.
 * Returns: NULL when anything was wrong.
 */
struct registry *registry_build(const struct config *config, struct diagnostics *diagnostics);

/**
 * As registry_build, but where something was wrong it gives what is left: good for routes_build to find more mistakes, not for
 * running. A call that can't run has no function. Returns: NULL without memory.
 */
struct registry *registry_try(const struct config *config, struct diagnostics *diagnostics);

/** Runs finish and close of everything. No job may be inside any pool. NULL is fine. */
void registry_destroy(struct registry *registry);

/**
 * Takes over who may have the call: from the next request on, on every loop. config NULL: the call is gone from the
 * configuration, and whoever was named for it is nobody any more. Without memory nobody may have it.
 *
 * Owns: the grant is arena's, which must live until every loop has seen the next one; keeps the names as long.
 */
void call_set_grant(struct call *call, struct arena *arena, const struct config_server *server,
                    const struct config_call *config);

/** By name, or NULL. O(1). Thread: any. */
struct call *registry_find(const struct registry *registry, const char *name, size_t size);

/** Makes side_stats for that many loops beside home. Thread: start-up. Returns: TT_OK, TT_NOMEM. */
enum tt_status registry_set_sides(struct registry *registry, size_t side_count) TT_MUST_CHECK;

/** Start and stop hooks for struct tt_pool_options; context is the struct call_pool. The worker's state is an array of the
    modules' worker states, in the order of call_pool.modules. */
enum tt_status registry_worker_start(void *call_pool, void **ret_state, struct tt_error *reterr);
void registry_worker_stop(void *call_pool, void *state);

struct call_run;

/**
 * How the bytes of a run pass while it runs: whoever starts it may bring one (passage.h, call.c). Without one an answer is
 * collected, and a body read from memory. The functions are those of struct tt_host, after all checks.
 *
 * Thread: the run's.
 */
struct call_passage {
    enum tt_status (*begin)(struct call_run *run);
    enum tt_status (*write)(struct call_run *run, const void *data, size_t size);
    enum tt_status (*read)(struct call_run *run, void *buffer, size_t capacity, size_t *ret_size);
};

/** One run of a call: the host's object around struct tt_run. Embedded in the request (offload.h). */
struct call_run {
    struct tt_run run;
    struct call *call;
    struct tt_job *job; /* NULL on the loop */
    struct answer answer;
    bool finishes_later; /* finish_later was called */
    uint64_t later_us;
    const struct call_passage *passage; /* NULL: all in memory. Set by the caller, as the next three */
    void *passage_state;                /* the caller's, for the passage's functions */
    bool reads_passage;                 /* the body comes by the passage */
    const char *const *fields;          /* TT_REQUEST_FIELD_COUNT of the request's; NULL: none */
    size_t read_bytes;                  /* of the body in memory, what read has given */
    bool is_sending;                    /* the answer goes out by the passage */
    bool is_cut;                        /* the passage said that nobody is there any more */
};

/** Fills all of *run but args, body and id, which the caller sets before call_run_execute; and, where there is one, the
    passage and what goes with it. Thread: loop. */
void call_run_init(struct call_run *run, struct call *call, struct tt_job *job, size_t answer_limit_bytes);
void call_run_deinit(struct call_run *run);

/**
 * Runs the call's function, with the worker's state (NULL on the loop).
 * Thread: a worker, or the loop for a call without a pool.
 * Returns: what the function returned; an answer that didn't fit or found no memory makes it TT_FAILED with status 500 and
 *          a detail, as does one that has other than the announced size; TT_CANCELLED when the passage was cut.
 */
enum tt_outcome call_run_execute(struct call_run *run, void *worker_state);

#endif

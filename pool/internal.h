/**
 * Internal: the objects of the library, and which thread owns what.
 *
 *     onloop   the loop's alone
 *     locked   under pool->lock
 *     fixed    written before a second thread sees it
 *     atomic   as its comment says
 *
 * A job's phase says where it is; the loop writes it, but for DEALT, which a worker writes under pool->lock, and the
 * FINISHED of a job that ends by itself, which its worker writes. Two transitions are races, and each is one atomic decision:
 *   start or expire      out of the queue by a worker or by the loop: under pool->lock; out of a worker's hand: hand.h
 *   finish or abandon    the worker goes on to its next job, or the loop gives the job up: hand.h
 */
#ifndef POOL_INTERNAL_H
#define POOL_INTERNAL_H

#include "beacon.h"
#include "clock.h"
#include "hand.h"
#include "fault.h"
#include "lock.h"
#include "tick.h"
#include "wheel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/key.h>
#include <tothread/map.h>
#include <tothread/nest.h>
#include <tothread/pool.h>
#include <tothread/wake.h>

enum tti_phase {
    TTI_IDLE = 0,
    TTI_LIMITED,  /* onloop: in its limiter's list */
    TTI_BATCHED,  /* onloop: in its pool's batch of this turn; only for children in a nest */
    TTI_QUEUED,   /* locked: in its pool's queue; or onloop: in its pool's batch, if it is of this turn */
    TTI_DEALT,    /* locked: in a worker's hand, waiting or running */
    TTI_FINISHED, /* it has ended: its worker is done with it, or the loop took it back. done is due */
    TTI_ZOMBIE    /* with its worker; the loop has given it up */
};

/* job->flags, onloop */
#define TTI_HAS_PERMIT   1u
#define TTI_DONE_CALLED  2u
#define TTI_TOOK_CONTEXT 4u /* from the current one: the job names none itself */

/** A FIFO of jobs, linked both ways. */
struct tti_list {
    struct tt_job *first;
    struct tt_job *last;
    uint32_t count;
};

/* Priorities in the order in which they go. */
enum { TTI_LANE_HIGH, TTI_LANE_NORMAL, TTI_LANE_LOW, TTI_LANE_COUNT };

struct tti_lane {
    struct tt_key *turn; /* of a ring of keys that have jobs in this lane; NULL: none has */
    uint32_t count;
};

/** What waits for a worker, in the order of lane.c. */
struct tti_queue {
    struct tti_lane lanes[TTI_LANE_COUNT];
    uint32_t count;
    uint64_t ageing_us;
    struct tt_key own_key; /* of all jobs without one */
};

struct tti_worker {
    struct tt_pool *pool; /* fixed */
    pthread_t thread;     /* fixed */
    uint32_t number;      /* fixed, from 1 */
    char name[16];        /* fixed */
    struct tti_park park;
    struct tti_park pause; /* where its job's function waits for the loop: request.h */
    struct tti_lock guard; /* held while an interrupt hook is called: the function can't come back meanwhile */
    void *state;           /* the worker's own, of on_start */
    struct tt_post gone;

    struct tti_worker *next;      /* locked: pool->workers */
    struct tti_worker *prev;      /* locked */
    struct tti_worker *next_idle; /* locked: pool->idle */
    bool is_woken;                /* locked: taken off the idle stack, not yet back at the queue */
    bool is_ready;                /* locked: its start hook has succeeded */
    bool is_lodger;               /* fixed: no thread of its own, see nest.c */
    struct tti_worker *host;      /* fixed: whose thread it is on; its own but for a lodger */
    bool is_stuck;                /* onloop: its thread will never wake. Only while circle.c looks */
    struct tti_worker *lodger;    /* the worker's own: made once, and freed with it. The loop may still look at it */
    bool is_lower;                /* locked: its hand is of a priority that counts against the reserved workers */
    bool has_more;                /* locked: in pool->hands: more than one job was dealt to it */
    struct tt_job *zombie;        /* locked: that job, until it has come back */
    int thread_id;                /* locked: the kernel's */
    struct tti_worker *next_hand; /* locked: pool->hands */
    struct tti_worker *prev_hand; /* locked */

    struct tti_hand hand;
    _Atomic uint64_t run_started_us; /* when its running job began; 0 while it runs none */
    struct tti_tick tick;            /* the worker's own */

    uint64_t cpu_mark_us;    /* the worker's own: its CPU clock as last read */
    uint64_t cpu_read_us;    /* when that was */
    uint64_t cpu_charged_us; /* to jobs, since it began to lodge: its host's next job doesn't pay for that again */
};

/** A running job that waits for its children: on its thread's stack, until the loop has said that all have ended. */
struct tti_nest {
    struct tt_post post;
    struct tt_job *parent;      /* fixed */
    struct tti_worker *host;    /* fixed: whose thread that is */
    struct tt_pool *pool;       /* fixed: of the children */
    struct tt_nest_item *items; /* fixed */
    size_t count;               /* fixed */
    size_t first;               /* the worker's: all before it have begun */
    enum tt_status status;      /* the loop's, until all have ended */
    size_t pending_count;       /* onloop */
    struct tti_nest *next;      /* onloop: wake->nests */
    struct tti_nest *prev;      /* onloop */
    bool is_asleep;             /* onloop: its thread sleeps in it, and circle.c knows */
    struct tti_flags flags;
};

/** One writer, the loop; read by snapshots. */
typedef _Atomic uint64_t tti_counter;

struct tt_pool {
    struct tt_wake *wake;           /* fixed; not touched once is_orphaned */
    struct tt_pool_options options; /* fixed */
    char name[TT_POOL_NAME_MAX];    /* fixed */
    _Atomic uint32_t references;    /* the loop's, and one a thread */

    /* onloop */
    struct tti_list batch; /* submitted in this turn */
    uint64_t turn;         /* counts batches: a queued job of this turn is in the batch still */
    bool batch_is_plain;   /* all of it of normal priority and without a key */
    bool is_dirty;         /* in wake->dirty_pools */
    struct tt_pool *next_dirty;
    struct tt_pool *next_pool; /* of the wake */
    bool is_closed;
    uint32_t waiting_count; /* done not called yet: limited, batched, queued, running */
    uint32_t inside_count;  /* release not called yet */
    uint32_t queue_limit;
    uint64_t queue_timeout_us;
    uint64_t shortest_run_us; /* the shortest run time-out since the pool was last empty; 0: none */
    struct tt_timer scan;     /* looks for run deadlines that have passed */
    struct tt_timer relief;   /* looks after jobs for which nobody was woken: queue.c */
    struct tt_map *maps;      /* that wait for room, or for the next dispatch */
    uint64_t rate_idle_us;    /* account.c: since when nobody waits, while nobody does */
    uint64_t rate_since_us;   /* the window in which ends are counted */
    uint32_t rate_count;
    uint32_t rate_last_count;
    uint64_t rate_last_us;
    uint32_t
        stuck_count; /* threads that will never wake, and those with a job that counts against the reserved ones: */
    uint32_t stuck_lower_count; /* only while circle.c looks */

    /* locked */
    struct tti_lock lock;
    struct tti_queue queue;
    struct tti_worker *hands; /* of more than one job, oldest deal first */
    struct tti_worker *last_hand;
    bool jobs_are_tiny;         /* the last hand was played out at once */
    uint32_t trivial_count;     /* jobs in a row that took a microsecond at most, */
    uint64_t trivial_us;        /* and how long all of them took */
    struct tti_worker *fresh;   /* the worker that was dealt to last; NULL: it has found nothing since */
    bool loop_looks;            /* as of the last flush: the loop prepares its sleep, so its timers are heard */
    uint32_t lower_count;       /* workers with jobs that count against the reserved ones */
    struct tti_worker *workers; /* all threads, newest first */
    struct tti_worker *idle;    /* parked, last-parked first */
    uint32_t idle_count;
    uint32_t waking_count; /* woken, on their way to the queue */
    uint32_t target_count; /* workers wanted */
    uint32_t thread_count; /* threads that have not decided to end */
    uint32_t ready_count;
    uint32_t zombie_count;
    uint32_t spare_count;
    uint32_t next_number;
    bool is_stopping;
    bool is_orphaned; /* the loop has gone: nobody to report to */
    uint64_t start_failures;
    char start_error[256];
    struct tt_post *requests;      /* of running jobs, oldest first: request.c */
    struct tt_post **requests_end; /* only while there is one */
    uint32_t request_count;
    bool has_requests_posted; /* requests_post is with the wake */
    struct tt_post requests_post;

    _Atomic uint32_t serving_count; /* ready and no zombie: written under the lock, read by submit */
    _Atomic uint32_t shown_limit;   /* copies for snapshots of what is onloop */
    _Atomic uint32_t shown_held;    /* limited and batched jobs */
    _Atomic uint32_t shown_closed;

    tti_counter submitted;
    tti_counter refused_full;
    tti_counter refused_closed;
    tti_counter outcomes[TT_OUTCOME_COUNT];
    tti_counter zombies_ended;
    TTI_TEST_POOL_FIELDS
};

struct tt_wake {
    int read_fd;  /* fixed */
    int write_fd; /* fixed */
    struct tti_beacon beacon;

    _Alignas(64) _Atomic(struct tt_job *) finished; /* newest first; pushed by workers, taken whole by the loop */
    _Atomic(struct tt_post *) posts;                /* the same for posts */
    _Alignas(64) _Atomic uint32_t is_asleep;        /* 1: the next to finish writes the pipe. See wake.c */
    _Atomic bool has_circle_post;                   /* circle_post is on its way: circle.c */

    /* onloop */
    _Alignas(64) struct tt_job *pending; /* finished jobs that this turn has no room for, oldest first */
    struct tt_job **pending_end;
    struct tt_job *given_up; /* cancelled, expired, abandoned: done is due. Linked by prev */
    struct tt_job **given_up_end;
    struct tt_limiter *limiters; /* that have waiting jobs */
    struct tti_nest *nests;      /* newest first */
    struct tt_post circle_post;
    struct tt_pool *pools;
    struct tt_pool *dirty_pools;
    struct tt_pool *default_pool; /* of tt_to_thread; may be NULL */
    bool owns_default_pool;
    uint32_t bytes_expected; /* written to the pipe, or about to be, and not read yet */
    bool uses_prepare;
    bool is_armed; /* is_asleep was stored 1 since the last dispatch */
    bool is_dispatching;
    bool now_is_stale;
    uint64_t now_us;
    const void *owner; /* fixed: tti_thread_mark of the loop. Here, where each submit looks anyway */
    int owner_id;      /* fixed: the kernel's */
    struct tti_wheel wheel;
    TTI_TEST_WAKE_FIELDS
    struct tt_timer soon; /* head of a ring: due in the next dispatch, whatever the time. See tti_wake_soon */
};

/** Threads that aren't inside a job that was given up. A worker may have two of those for a moment, so it is no plain difference. */
static inline uint32_t tti_pool_count_able(const struct tt_pool *pool) TT_REQUIRES(pool->lock) {
    return pool->thread_count > pool->zombie_count ? pool->thread_count - pool->zombie_count : 0;
}

static inline void tti_count(tti_counter *counter) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/** A job is four cache lines, and jobs come in lists: the next one is fetched while this one is being worked on. */
static inline void tti_job_prefetch(const struct tt_job *job) {
    for (size_t at = 0; at < sizeof *job; at += 64)
        __builtin_prefetch((const char *)job + at, 1);
}

static inline void tti_pool_hold(struct tt_pool *pool, int32_t change) {
    uint32_t count = atomic_load_explicit(&pool->shown_held, memory_order_relaxed);
    atomic_store_explicit(&pool->shown_held, count + (uint32_t)change, memory_order_relaxed);
}

static inline enum tti_phase tti_job_phase(const struct tt_job *job, memory_order order) {
    return (enum tti_phase)atomic_load_explicit(&job->phase, order);
}

static inline void tti_job_set_phase(struct tt_job *job, enum tti_phase phase) {
    atomic_store_explicit(&job->phase, (uint32_t)phase, memory_order_relaxed);
}

/* list.c */
void tti_list_append(struct tti_list *list, struct tt_job *job);
void tti_list_remove(struct tti_list *list, struct tt_job *job);
struct tt_job *tti_list_take(struct tti_list *list);

/* lane.c: the order in which jobs wait. All under pool->lock */
void tti_lane_add(struct tti_queue *queue, struct tt_job *job);
void tti_lane_add_plain(struct tti_queue *queue, struct tti_list *jobs); /* all of them, emptying the list */
void tti_lane_remove(struct tti_queue *queue, struct tt_job *job);
struct tt_job *tti_lane_take(struct tti_queue *queue, uint32_t lower_room);             /* NULL: none that may start */
struct tt_job *tti_lane_after(const struct tti_queue *queue, const struct tt_job *job); /* to walk; NULL: the first */

/* queue.c: the bounded queue, and who is woken for it */
void tti_queue_flush(struct tt_pool *pool) TT_ON_LOOP;
bool tti_queue_take_back(struct tt_pool *pool, struct tt_job *job) TT_ON_LOOP;
struct tt_job *tti_queue_take(struct tt_pool *pool, struct tti_worker *worker, uint64_t now_us);
struct tti_worker *tti_queue_wake_one(struct tt_pool *pool) TT_REQUIRES(pool->lock);
void tti_queue_deal_alone(struct tt_pool *pool, struct tti_worker *worker, struct tt_job *job, uint64_t now_us)
    TT_REQUIRES(pool->lock);
void tti_queue_set_lower(struct tt_pool *pool, struct tti_worker *worker, bool is_lower) TT_REQUIRES(pool->lock);
void tti_queue_note_serving(struct tt_pool *pool) TT_REQUIRES(pool->lock);
uint32_t tti_queue_lower_most(const struct tt_pool *pool) TT_REQUIRES(pool->lock); /* such jobs at a time */
bool tti_queue_has_surplus(const struct tt_pool *pool) TT_REQUIRES(pool->lock);    /* a worker is one too many */

/* submit.c */
void tti_submit_batch(struct tt_pool *pool, struct tt_job *job) TT_ON_LOOP;

/* worker.c */
extern _Thread_local struct tti_worker *tti_worker_current
    __attribute__((tls_model("initial-exec"), visibility("hidden"))); /* NULL: this thread is no worker */
struct tti_worker *tti_worker_new(struct tt_pool *pool);              /* NULL without memory */
void tti_worker_free(struct tti_worker *worker);
enum tt_status tti_worker_create(struct tt_pool *pool) TT_ON_LOOP;
struct tt_job *tti_worker_run(struct tti_worker *worker, struct tt_job *job); /* the next one of its hand, or NULL */
enum tt_status tti_worker_fill(struct tt_pool *pool) TT_ON_LOOP;
struct tti_worker *tti_worker_lodge(struct tti_worker *host); /* a record for a job inside a job; NULL without memory */
void tti_worker_leave(struct tti_worker *host);

/* nest.c */
void tti_nest_look(struct tti_nest *nest) TT_ON_LOOP; /* another child can be taken: it has got its permit */

/* circle.c: both have the next dispatch look for jobs that wait for each other */
void tti_circle_sleeps(struct tt_pool *pool);                /* a thread of the pool is about to sleep in a nest */
void tti_circle_look_again(struct tt_wake *wake) TT_ON_LOOP; /* what sleepers wait for may have gone */

/* complete.c: from the worker to the loop, and the end of a job there */
void tti_complete_push(struct tt_wake *wake, struct tt_job *job);
void tti_complete_give_up(struct tt_job *job, enum tt_outcome outcome) TT_ON_LOOP;
void tti_complete_collect(struct tt_wake *wake) TT_ON_LOOP;
size_t tti_complete_dispatch(struct tt_wake *wake, size_t max_count) TT_ON_LOOP;

/* wake.c */
void tti_wake_ring(struct tt_wake *wake);
size_t tti_wake_dispatch(struct tt_wake *wake, size_t max_count) TT_ON_LOOP; /* also from inside a dispatch */
uint64_t tti_wake_time_us(struct tt_wake *wake) TT_ON_LOOP;
void tti_wake_soon(struct tt_wake *wake, struct tt_timer *timer, tt_timer_fn fn) TT_ON_LOOP; /* in the next dispatch */

/* deadline.c */
void tti_deadline_begin(struct tt_pool *pool, struct tt_job *job, uint64_t now_us) TT_ON_LOOP;

/* cancel.c */
bool tti_cancel_waiting(struct tt_job *job, enum tt_outcome outcome) TT_ON_LOOP; /* false: it has started */
bool tti_cancel_running(struct tt_job *job, enum tt_outcome outcome, uint64_t now_us) TT_ON_LOOP;
void tti_cancel_ask(struct tt_job *job) TT_ON_LOOP;

/* limiter.c */
bool tti_limiter_take(struct tt_limiter *limiter, struct tt_job *job) TT_ON_LOOP;
void tti_limiter_give(struct tt_limiter *limiter) TT_ON_LOOP;
void tti_limiter_remove(struct tt_limiter *limiter, struct tt_job *job) TT_ON_LOOP;

/* account.c */
uint64_t tti_account_cpu_us(struct tti_worker *worker, uint64_t end_us);
void tti_account_start(struct tti_worker *worker);
void tti_account_begin(struct tt_pool *pool, uint64_t now_us) TT_ON_LOOP;
void tti_account_end(struct tt_job *job, uint64_t now_us) TT_ON_LOOP;

/** Of two deadlines the nearer one; 0 is none. What is asked for from outside may only be shortened inside. */
static inline uint64_t tti_context_nearest_us(uint64_t one_us, uint64_t other_us) {
    if (one_us == 0 || other_us == 0)
        return one_us + other_us;
    return one_us < other_us ? one_us : other_us;
}

/* context.c: this thread's current context. In each thread's fixed block: one instruction, where the general model calls. */
extern _Thread_local struct tt_context *tti_context_current
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* watch.c */
void tti_watch_tell_done(struct tt_wake *wake, struct tt_watch **list, enum tt_outcome outcome) TT_ON_LOOP;
void tti_watch_tell_released(struct tt_wake *wake, struct tt_watch **list) TT_ON_LOOP;
void tti_watch_forget(struct tt_watch **list) TT_ON_LOOP;
void tti_watch_move(struct tt_watch **to, struct tt_watch **from) TT_ON_LOOP;

/* map.c: all that wait for room in a pool that was closed hear of it in the next dispatch */
void tti_map_end_waits(struct tt_pool *pool) TT_ON_LOOP;

/* stats.c */
void tti_stats_copy_queued(const struct tt_job *job, uint64_t now_us, struct tt_job_snapshot *ret);

/* inline.c */
enum tt_status tti_inline_start(struct tt_pool *pool, struct tt_error *reterr) TT_ON_LOOP;
void tti_inline_stop(struct tt_pool *pool) TT_ON_LOOP;
size_t tti_inline_run(struct tt_pool *pool, size_t max_count) TT_ON_LOOP;

/* cpus.c: reads a cpu.max; "max 100000" is no quota. Returns: true with the quota in CPUs, rounded up */
bool tti_cpus_parse_quota(const char *text, uint32_t *ret_count);

/* pool.c */
void tti_pool_release(struct tt_pool *pool);
void tti_pool_end(struct tt_pool *pool) TT_ON_LOOP; /* also from inside a dispatch, without jobs: a create that fails */

/* stall.c */
void tti_stall_unpark(struct tt_wake *wake) TT_ON_LOOP;

/* misuse.c: all report, and return false */
bool tti_misuse_thread(const struct tt_wake *wake, const char *function) __attribute__((cold));
bool tti_misuse_inside(const struct tt_wake *wake, const char *function) TT_ON_LOOP __attribute__((cold));
bool tti_misuse_is_wake_free(struct tt_wake *wake, const char *function) TT_ON_LOOP; /* true: it may be destroyed */

/** An address that no other living thread has: one instruction, where pthread_self is a call. */
static inline const void *tti_thread_mark(void) {
    return &tti_context_current;
}

/** At the head of each function that is the loop's. Returns: false once the misuse was reported: then do nothing. */
static inline bool tti_is_on_loop(const struct tt_wake *wake, const char *function) {
    return __builtin_expect(wake->owner == tti_thread_mark(), 1) || tti_misuse_thread(wake, function);
}

/** The same for what must not be called by a function that a dispatch calls. */
static inline bool tti_is_outside(const struct tt_wake *wake, const char *function) TT_ON_LOOP {
    return __builtin_expect(!wake->is_dispatching, 1) || tti_misuse_inside(wake, function);
}

#endif

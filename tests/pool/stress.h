/**
 * Stress: the jobs, watches and gathers of check_stress.c, and what each of them checks about itself.
 *
 * A slot is a job's memory, the loop's but for the fields that run writes. A slot of `children` belongs to a parent, which
 * submits it with tt_nest_run. It is free again when it was released itself and its parent was, too: a child that was given
 * up may come back after its parent.
 */
#ifndef TESTS_POOL_STRESS_H
#define TESTS_POOL_STRESS_H

#include "probe.h"

#include <tothread/call.h>
#include <tothread/context.h>
#include <tothread/gather.h>
#include <tothread/key.h>
#include <tothread/nest.h>
#include <tothread/watch.h>

#define SLOT_COUNT    512u
#define CHILD_COUNT   256u
#define CHILDREN_MAX  3u
#define POOL_COUNT    2u
#define CONTEXT_COUNT 3u
#define KEY_COUNT     3u
#define LIMITER_COUNT 2u
#define SPY_COUNT     32u
#define PARTY_COUNT   8u
#define PARTY_MOST    4u

/** Asserts without the pipe that check's own macros write to each time. Thread: loop. */
#define MUST(condition_) must((condition_), #condition_, __LINE__)

static inline void must(bool is_true, const char *condition, int line) {
    if (!is_true)
        ck_abort_msg("line %d: %s", line, condition);
}

/** The same on a worker, where a failed assertion would not end the test. */
static inline void worker_must(bool is_true) {
    if (!is_true)
        abort();
}

enum slot_state { FREE = 0, TAKEN, INSIDE, TOLD };

struct slot {
    struct tt_job job;
    enum slot_state state;
    bool is_cancelled; /* cancel said TT_OK: it must never run */
    _Atomic uint32_t run_count;
    _Atomic uint32_t interrupt_count;
    uint32_t spin; /* what run does */
    uint64_t result;
    struct tt_context *context; /* that must be current */
    struct tt_context *held;    /* a child's, before its submit */

    uint64_t call_timeout_us; /* 0: it makes no call */
    enum tt_status call_status;
    uint32_t call_count; /* the loop's */

    struct tt_nest_item items[CHILDREN_MAX];
    size_t child_count;
    size_t children_pool;
    bool is_abroad; /* its children are the other pool's */
    enum tt_status nest_status;
    struct slot *parent; /* NULL: it has none, or that was released */
    bool is_released;    /* and waits for its parent */
};

#define SLOT_OF(job_) ((struct slot *)((char *)(job_)-offsetof(struct slot, job)))

/** A watch at random. */
struct spy {
    struct tt_watch watch;
    const struct slot *slot;
    bool is_told;
};

#define SPY_OF(watch_) ((struct spy *)((char *)(watch_)-offsetof(struct spy, watch)))

/** A gather at random. */
struct party {
    struct tt_gather gather;
    struct tt_gather_item items[PARTY_MOST];
    struct tt_context *context;
    bool is_running;
    bool is_done;
    bool is_cancelled;
};

#define PARTY_OF(gather_) ((struct party *)((char *)(gather_)-offsetof(struct party, gather)))

static struct {
    struct slot slots[SLOT_COUNT];
    struct slot children[CHILD_COUNT];
    struct spy spies[SPY_COUNT];
    struct party parties[PARTY_COUNT];
    struct tt_pool *pools[POOL_COUNT];
    struct tt_context *contexts[CONTEXT_COUNT]; /* the first one has a deadline, which the second one takes over */
    struct tt_key keys[POOL_COUNT][KEY_COUNT];
    struct tt_limiter limiters[LIMITER_COUNT]; /* never resized here */
    _Atomic uint32_t inside_limiter[LIMITER_COUNT];
    uint32_t abroad_count[POOL_COUNT]; /* jobs that may still submit to it from the other one */
    uint64_t seed;
    uint64_t accepted_count;
    uint64_t told_count;
    uint64_t released_count;
    struct {
        uint64_t behind_another_in_hand;
        uint64_t children_done;
        uint64_t circles;
        uint64_t calls_run;
        uint64_t calls_not_run;
        uint64_t watched_releases;
        uint64_t gathers[TT_OUTCOME_COUNT];
    } seen;
} stress = {
    .keys = {{{.weight = 2}, {0}, {.job_limit = 20}}, {{0}, {.weight = 5}, {0}}},
    .limiters = {{.permit_count = 2}, {.permit_count = 1}},
};

static inline uint64_t random_below(uint64_t limit) {
    stress.seed ^= stress.seed << 13;
    stress.seed ^= stress.seed >> 7;
    stress.seed ^= stress.seed << 17;
    return stress.seed % limit;
}

/* -- on the worker -- */

static inline void called(void *argument) {
    struct slot *slot = argument;
    MUST(slot->state == INSIDE); /* a job that was given up makes no calls */
    MUST(tt_context_current() == slot->context);
    slot->call_count++;
    if (slot->spin % 8 == 0)
        MUST(tt_job_interrupt(&slot->job) == TT_OK); /* it runs: its worker waits for us */
}

static inline void run_call(struct slot *slot) {
    slot->call_status = tt_job_call(&slot->job, called, slot, slot->call_timeout_us);
    worker_must(slot->call_status == TT_OK || slot->call_status == TT_TIMED_OUT || slot->call_status == TT_CLOSED);
    worker_must(slot->call_status != TT_CLOSED || tt_job_is_cancelled(&slot->job));
}

static inline void run_children(struct slot *slot) {
    slot->nest_status = tt_nest_run(&slot->job, stress.pools[slot->children_pool], slot->items, slot->child_count);
    worker_must(slot->nest_status == TT_OK || slot->nest_status == TT_DEADLOCK || slot->nest_status == TT_CLOSED);
    worker_must(slot->nest_status != TT_CLOSED || tt_job_is_cancelled(&slot->job));
    for (size_t i = 0; i < slot->child_count && slot->nest_status != TT_CLOSED; i++) {
        const struct tt_nest_item *item = &slot->items[i];
        const struct slot *child = SLOT_OF(item->job);
        worker_must((item->status == TT_OK) == (item->outcome != TT_NONE));
        if (item->outcome == TT_DONE || item->outcome == TT_FAILED)
            worker_must(child->result != UINT64_MAX); /* whichever worker has written it */
    }
}

static inline enum tt_outcome slot_run(struct tt_job *job, void *worker_state) {
    (void)worker_state;
    struct slot *slot = SLOT_OF(job);
    atomic_fetch_add(&slot->run_count, 1);
    worker_must(tt_context_current() == slot->context);
    size_t limiter = job->limiter != NULL ? (size_t)(job->limiter - stress.limiters) : 0;
    if (job->limiter != NULL)
        worker_must(atomic_fetch_add(&stress.inside_limiter[limiter], 1) < job->limiter->permit_count);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < slot->spin; i++)
        sum = sum * 31 + i;
    if (slot->spin % 16 == 1 && job->name != NULL) /* not those of a burst */
        (void)sched_yield();
    if (slot->call_timeout_us != 0)
        run_call(slot);
    if (slot->child_count != 0)
        run_children(slot);
    slot->result = sum; /* a worker writes, the loop reads after the end: tsan checks the hand-over */
    worker_must(tt_context_current() == slot->context);
    if (job->limiter != NULL)
        atomic_fetch_sub(&stress.inside_limiter[limiter], 1);
    return slot->spin % 3 == 0 ? TT_FAILED : TT_DONE;
}

/* -- on the loop -- */

static inline void slot_interrupt(struct tt_job *job) {
    struct slot *slot = SLOT_OF(job);
    MUST(atomic_fetch_add(&slot->interrupt_count, 1) == 0 && slot->state == INSIDE); /* once, and before the end */
}

static inline void slot_done(struct tt_job *job) {
    struct slot *slot = SLOT_OF(job);
    MUST(slot->state == INSIDE);
    MUST(tt_context_current() == slot->context);
    slot->state = TOLD;
    stress.told_count++;
    switch (job->outcome) {
    case TT_DONE:
    case TT_FAILED:
        MUST(!slot->is_cancelled);
        MUST(slot->run_count == 1);
        MUST(slot->result != UINT64_MAX);
        MUST(job->outcome == (slot->spin % 3 == 0 ? TT_FAILED : TT_DONE));
        stress.seen.behind_another_in_hand += job->slot != 0;
        stress.seen.children_done += slot->parent != NULL;
        break;
    case TT_CANCELLED:
    case TT_EXPIRED_QUEUE:
        MUST(slot->run_count == 0);
        MUST(job->run_us == 0);
        break;
    case TT_EXPIRED_RUN:
    case TT_ABANDONED:
        MUST(!slot->is_cancelled);
        break;
    default:
        ck_abort_msg("outcome %d", (int)job->outcome);
    }
}

static void slot_settle(struct slot *slot);

/** The memory of a job that isn't inside. A late touch by a worker is tsan's to find. */
static inline void slot_reset(struct slot *slot) {
    slot_settle(slot);
    tt_context_release(slot->held);
    memset(slot, 0, sizeof *slot);
}

/** Lets the children go: those that were submitted have their own end, perhaps later. */
static inline void slot_settle(struct slot *slot) {
    for (size_t i = 0; i < slot->child_count; i++) {
        struct slot *child = SLOT_OF(slot->items[i].job);
        bool was_submitted =
            (slot->nest_status == TT_OK || slot->nest_status == TT_DEADLOCK) && slot->items[i].status == TT_OK;
        stress.accepted_count += was_submitted;
        MUST(was_submitted || (child->run_count == 0 && child->state == INSIDE));
        if (!was_submitted || child->is_released)
            slot_reset(child);
        else
            child->parent = NULL;
    }
    slot->child_count = 0;
    stress.abroad_count[slot->children_pool] -= slot->is_abroad;
    slot->is_abroad = false;
}

static inline void slot_release(struct tt_job *job) {
    struct slot *slot = SLOT_OF(job);
    MUST(slot->state == TOLD);
    MUST(slot->run_count <= 1);
    MUST(tt_context_current() == slot->context);
    MUST(slot->call_count == (slot->call_timeout_us != 0 && slot->call_status == TT_OK));
    stress.seen.calls_run += slot->call_count;
    stress.seen.calls_not_run += slot->run_count != 0 && slot->call_timeout_us != 0 && slot->call_count == 0;
    stress.seen.circles += slot->child_count != 0 && slot->nest_status == TT_DEADLOCK;
    stress.released_count++;
    if (slot->parent == NULL) {
        slot_reset(slot);
    } else {
        slot_settle(slot);
        slot->is_released = true; /* TOLD still: nobody takes it */
    }
}

static inline void spy_done(struct tt_watch *watch) {
    struct spy *spy = SPY_OF(watch);
    MUST(!spy->is_told);
    MUST(spy->slot->state == TOLD); /* job->done came first */
    MUST(watch->outcome == spy->slot->job.outcome);
    spy->is_told = true;
}

static inline void spy_release(struct tt_watch *watch) {
    MUST(SPY_OF(watch)->is_told);
    MUST(watch->job == NULL);
    stress.seen.watched_releases++;
}

static inline void party_done(struct tt_gather *gather) {
    struct party *party = PARTY_OF(gather);
    MUST(party->is_running && !party->is_done);
    MUST(tt_context_current() == party->context);
    party->is_done = true;
    stress.seen.gathers[gather->outcome]++;
    for (size_t i = 0; i < gather->count; i++)
        MUST(gather->outcome != TT_DONE || gather->items[i].outcome == TT_DONE);
    MUST((gather->outcome == TT_CANCELLED) == party->is_cancelled || gather->outcome == TT_EXPIRED_RUN);
}

/** Ours again. */
static inline void party_end(struct party *party) {
    tt_context_release(party->context);
    party->is_running = false;
}

static inline void party_release(struct tt_gather *gather) {
    struct party *party = PARTY_OF(gather);
    MUST(party->is_done);
    party_end(party);
}

#endif

/**
 * Gather: several calls at once; the slowest decides how long it takes.
 *
 * Each item is an offload of its own, with its own clocks and its own outcome. done is called once, when all items have
 * ended, in whatever way; release when no worker touches any of them any more.
 *
 * Normal use:
 * 1. gather = gather_create(loop, count, done, release, owner);
 * 2. for each item: gather_set(gather, i, call, ...), set its arguments;
 * 3. gather_start(gather, deadline_us);
 * 4. in done: read the items; in release: gather_destroy.
 *
 * Thread: the loop's, all of it.
 */
#ifndef SERVER_GATHER_H
#define SERVER_GATHER_H

#include "offload.h"
#include <stddef.h>

struct gather_run;

typedef void (*gather_fn)(struct gather_run *gather);

struct gather_item {
    struct offload offload;
    enum tt_status status; /* not TT_OK: the item was refused, and has ended with it */
    bool is_done;          /* until then the job's outcome is its worker's to write */
    bool was_pending;      /* at a gather_cancel */
    struct gather_run *gather;
};

struct gather_run {
    size_t item_count;
    size_t pending_count; /* done not called yet */
    size_t held_count;    /* release not called yet */
    bool is_starting;
    size_t answer_bytes;       /* of what has ended: kept until all has */
    size_t answer_limit_bytes; /* of each, and of all together */
    bool is_too_large;         /* they went beyond it, and were dropped: no item has an answer any more */
    gather_fn done;
    gather_fn release;
    void *owner; /* the caller's */
    struct gather_item items[];
};

/** Owns: yours until gather_destroy. Returns: NULL without memory. */
struct gather_run *gather_create(size_t item_count, gather_fn done, gather_fn release, void *owner) TT_ON_LOOP;

/** Readies one item; answer_limit_bytes is the same for all. Its arguments are set in items[index].offload.run.run. */
void gather_set(struct gather_run *gather, size_t index, struct loop *loop, struct call *call,
                size_t answer_limit_bytes) TT_ON_LOOP;

/** Starts all items in their order. done may be called inside, when none of them has to wait. */
void gather_start(struct gather_run *gather, uint64_t deadline_us) TT_ON_LOOP;

/** Takes back the items that have not started. Returns: whether that was all that was pending. */
bool gather_cancel(struct gather_run *gather) TT_ON_LOOP;

/** In done: whether gather_cancel has taken back all that was pending, which it did not know when it returned. */
bool gather_is_taken_back(const struct gather_run *gather) TT_ON_LOOP;

/** Takes *gather; only before gather_start or from release on. */
void gather_destroy(struct gather_run *gather) TT_ON_LOOP;

#endif

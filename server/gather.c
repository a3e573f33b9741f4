/* Gather: see gather.h. */
#include "gather.h"

#include <stdlib.h>

#define ITEM_OF(offload_) ((struct gather_item *)((char *)(offload_)-offsetof(struct gather_item, offload)))

struct gather_run *gather_create(size_t item_count, gather_fn done, gather_fn release, void *owner) {
    struct gather_run *gather = calloc(1, sizeof *gather + item_count * sizeof *gather->items);
    if (gather == NULL)
        return NULL;
    gather->item_count = item_count;
    gather->done = done;
    gather->release = release;
    gather->owner = owner;
    return gather;
}

static void check_end(struct gather_run *gather, bool was_pending) TT_ON_LOOP {
    if (gather->is_starting)
        return;
    if (was_pending && gather->pending_count == 0)
        gather->done(gather);
    if (gather->held_count == 0)
        gather->release(gather);
}

/** Whether the answer is the loop's by now. A zombie's is not. */
static bool has_answer(const struct gather_item *item) {
    return item->is_done && (item->offload.job.outcome == TT_DONE || item->offload.job.outcome == TT_FAILED);
}

/** Answers wait for the slowest call: without a common limit one request of 1 KiB held 3.2 GiB. */
static void keep_answer(struct gather_run *gather, struct gather_item *item) TT_ON_LOOP {
    if (!has_answer(item))
        return;
    gather->answer_bytes += item->offload.run.answer.size;
    gather->is_too_large = gather->is_too_large || gather->answer_bytes > gather->answer_limit_bytes;
    for (size_t i = 0; gather->is_too_large && i < gather->item_count; i++)
        if (has_answer(&gather->items[i]))
            answer_deinit(&gather->items[i].offload.run.answer);
}

static void on_done(struct offload *offload) {
    tt_assume_loop();
    struct gather_run *gather = ITEM_OF(offload)->gather;
    ITEM_OF(offload)->is_done = true;
    ITEM_OF(offload)->status = offload->status;
    keep_answer(gather, ITEM_OF(offload));
    gather->pending_count--;
    if (gather->pending_count == 0 && !gather->is_starting)
        gather->done(gather);
}

static void on_release(struct offload *offload) {
    tt_assume_loop();
    struct gather_run *gather = ITEM_OF(offload)->gather;
    gather->held_count--;
    check_end(gather, false);
}

void gather_set(struct gather_run *gather, size_t index, struct loop *loop, struct call *call,
                size_t answer_limit_bytes) {
    struct gather_item *item = &gather->items[index];
    offload_init(&item->offload, loop, call, answer_limit_bytes);
    item->offload.done = on_done;
    item->offload.release = on_release;
    item->gather = gather;
    gather->answer_limit_bytes = answer_limit_bytes;
}

void gather_start(struct gather_run *gather, uint64_t deadline_us) {
    gather->is_starting = true;
    gather->pending_count = gather->item_count;
    gather->held_count = gather->item_count;
    for (size_t i = 0; i < gather->item_count; i++) {
        struct gather_item *item = &gather->items[i];
        item->status = offload_start(&item->offload, deadline_us);
        if (item->status != TT_OK) {
            gather->pending_count--;
            gather->held_count--;
        }
    }
    gather->is_starting = false;
    check_end(gather, true);
}

bool gather_cancel(struct gather_run *gather) {
    bool was_all = true;
    for (size_t i = 0; i < gather->item_count; i++) {
        struct gather_item *item = &gather->items[i];
        if (item->status != TT_OK || item->is_done)
            continue;
        item->was_pending = true;
        if (offload_cancel(&item->offload) != TT_OK)
            was_all = false;
    }
    return was_all;
}

bool gather_is_taken_back(const struct gather_run *gather) {
    bool was_asked = false;
    for (size_t i = 0; i < gather->item_count; i++) {
        const struct gather_item *item = &gather->items[i];
        if (item->was_pending && item->offload.job.outcome != TT_CANCELLED)
            return false;
        was_asked = was_asked || item->was_pending;
    }
    return was_asked;
}

void gather_destroy(struct gather_run *gather) {
    if (gather == NULL)
        return;
    for (size_t i = 0; i < gather->item_count; i++)
        if (gather->items[i].gather != NULL)
            offload_deinit(&gather->items[i].offload);
    free(gather);
}

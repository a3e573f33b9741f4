/* Watch: see watch.h. The list hangs on the job, newest last, and is the loop's alone. */
#include "internal.h"

#include <tothread/watch.h>

static void enlist(struct tt_watch *watch, struct tt_watch **list) TT_ON_LOOP {
    while (*list != NULL)
        list = &(*list)->next;
    watch->next = NULL;
    watch->link = list;
    *list = watch;
}

static void delist(struct tt_watch *watch) TT_ON_LOOP {
    *watch->link = watch->next;
    if (watch->next != NULL)
        watch->next->link = watch->link;
    watch->next = NULL;
    watch->link = NULL;
}

static struct tt_watch *take_first(struct tt_watch **list) TT_ON_LOOP {
    struct tt_watch *watch = *list;
    if (watch == NULL)
        return NULL;
    *list = watch->next;
    if (watch->next != NULL)
        watch->next->link = list;
    watch->next = NULL;
    watch->link = NULL;
    return watch;
}

enum tt_status tt_watch_start(struct tt_watch *watch, struct tt_job *job) {
    if (job->pool == NULL || tti_job_phase(job, memory_order_relaxed) == TTI_IDLE)
        return TT_INVALID; /* its pool may have ended */
    if (!tti_is_on_loop(job->pool->wake, __func__) || watch->link != NULL)
        return TT_INVALID;
    watch->job = job;
    watch->outcome = (job->flags & TTI_DONE_CALLED) != 0 ? job->outcome : TT_NONE;
    enlist(watch, &job->watches);
    return TT_OK;
}

void tt_watch_stop(struct tt_watch *watch) {
    if (watch->job != NULL && watch->link != NULL && !tti_is_on_loop(watch->job->pool->wake, __func__))
        return;
    if (watch->link != NULL)
        delist(watch);
    watch->job = NULL;
}

void tti_watch_move(struct tt_watch **to, struct tt_watch **from) {
    *to = *from;
    *from = NULL;
    if (*to != NULL)
        (*to)->link = to;
}

void tti_watch_forget(struct tt_watch **list) {
    struct tt_watch *watch;
    while ((watch = take_first(list)) != NULL)
        watch->job = NULL;
}

void tti_watch_tell_done(struct tt_wake *wake, struct tt_watch **list, enum tt_outcome outcome) {
    /* One at a time from the front into a list of those that were told: each may stop any of them. */
    struct tt_watch *told = NULL;
    struct tt_watch *watch;
    while ((watch = take_first(list)) != NULL) {
        enlist(watch, &told);
        if (watch->outcome != TT_NONE)
            continue; /* started by one that was told just now */
        watch->outcome = outcome;
        tti_beacon_enter_next(&wake->beacon, TT_STALL_WATCH, watch, (tti_any_fn)watch->on_done);
        if (watch->on_done != NULL)
            watch->on_done(watch);
    }
    tti_watch_move(list, &told);
}

void tti_watch_tell_released(struct tt_wake *wake, struct tt_watch **list) {
    struct tt_watch *watch;
    for (watch = *list; watch != NULL; watch = watch->next)
        watch->job = NULL; /* all of them: it may be gone, and one may stop another */
    while ((watch = take_first(list)) != NULL) {
        tti_beacon_enter_next(&wake->beacon, TT_STALL_WATCH, watch, (tti_any_fn)watch->on_release);
        if (watch->on_release != NULL)
            watch->on_release(watch);
    }
}

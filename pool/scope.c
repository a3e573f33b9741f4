/* Scope: see scope.h. A child is watched from its submit to its release; the scope ends with the last of these, or from the
   next dispatch when it was closed without children. */
#include "internal.h"

#include "group.h"
#include <assert.h>
#include <tothread/context.h>
#include <tothread/scope.h>

enum state { CLOSED = 0, OPEN, CLOSING };

#define SCOPE_OF(timer_, name_) ((struct tt_scope *)((char *)(timer_)-offsetof(struct tt_scope, name_)))
#define CHILD_OF(watch_)        ((struct tt_scope_child *)((char *)(watch_)-offsetof(struct tt_scope_child, watch)))

static void link_child(struct tt_scope *scope, struct tt_scope_child *child) TT_ON_LOOP {
    child->scope = scope;
    child->next = scope->children;
    child->link = &scope->children;
    if (child->next != NULL)
        child->next->link = &child->next;
    scope->children = child;
}

static void unlink_child(struct tt_scope_child *child) TT_ON_LOOP {
    *child->link = child->next;
    if (child->next != NULL)
        child->next->link = child->link;
    child->next = NULL;
    child->link = NULL;
    child->scope = NULL;
}

/** TT_SCOPE_LEAVE: they return when they return, and find no scope. */
static void leave_children(struct tt_scope *scope) TT_ON_LOOP {
    struct tt_scope_child *child;
    while ((child = scope->children) != NULL) {
        scope->children = child->next;
        child->next = NULL;
        child->link = NULL;
        child->scope = NULL;
    }
}

static bool is_complete(const struct tt_scope *scope) {
    return scope->state == CLOSING &&
           ((scope->flags & TT_SCOPE_LEAVE) != 0 ? scope->left_count : scope->held_count) == 0;
}

/** Thread: loop, from a dispatch. Nothing may touch the scope afterwards. */
static void finish(struct tt_scope *scope) TT_ON_LOOP {
    struct tt_context *context = scope->context;
    tt_timer_stop(scope->wake, &scope->timer);
    tt_timer_stop(scope->wake, &scope->soon);
    leave_children(scope);
    scope->context = NULL;
    scope->state = CLOSED;
    if (scope->outcome == TT_NONE)
        scope->outcome = TT_DONE;
    struct tt_context *before = tt_context_enter(context);
    if (scope->done != NULL)
        scope->done(scope);
    (void)tt_context_enter(before);
    tt_context_release(context);
}

static void on_soon(struct tt_timer *timer) {
    tt_assume_loop();
    struct tt_scope *scope = SCOPE_OF(timer, soon);
    if (is_complete(scope)) /* not if a zombie's release has brought a new child */
        finish(scope);
}

static void stop_children(struct tt_scope *scope, enum tt_stop stop) TT_ON_LOOP {
    /* Those that wait first: one that runs makes way for them when it is asked to end. */
    for (struct tt_scope_child *child = scope->children; child != NULL; child = child->next)
        if (child->outcome == TT_NONE && tt_job_cancel(child->job) == TT_OK)
            continue; /* its end is on its way */
    for (struct tt_scope_child *child = scope->children; child != NULL; child = child->next)
        if (child->outcome == TT_NONE)
            (void)tti_group_stop(child->job, stop); /* false: its end is on its way */
}

static void on_grace(struct tt_timer *timer) {
    tt_assume_loop();
    stop_children(SCOPE_OF(timer, timer), TT_STOP_ABANDON);
}

static void end_early(struct tt_scope *scope, enum tt_outcome outcome, enum tt_stop stop) TT_ON_LOOP {
    tt_timer_stop(scope->wake, &scope->timer);
    scope->outcome = outcome;
    stop_children(scope, stop);
    if (scope->grace_us != 0)
        tt_timer_start(scope->wake, &scope->timer, scope->grace_us, on_grace);
}

static void on_timeout(struct tt_timer *timer) {
    tt_assume_loop();
    end_early(SCOPE_OF(timer, timer), TT_EXPIRED_RUN, TT_STOP_ASK);
}

static void note_failure(struct tt_scope *scope, struct tt_scope_child *child, const char *name) TT_ON_LOOP {
    if (scope->failed_count++ != 0)
        return;
    scope->first_failed = child;
    scope->first_outcome = child->outcome;
    scope->first_name = name;
    if (scope->outcome == TT_NONE)
        end_early(scope, TT_FAILED, TT_STOP_ASK);
    if (scope->on_failure != NULL)
        scope->on_failure(scope, child);
}

static void on_child_done(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_scope_child *child = CHILD_OF(watch);
    struct tt_scope *scope = child->scope;
    child->outcome = watch->outcome;
    scope->left_count--;
    if (tti_group_is_failure(child->outcome))
        note_failure(scope, child, child->job->name);
    else if (child->outcome != TT_DONE)
        scope->cancelled_count++;
    bool is_zombie = child->outcome == TT_EXPIRED_RUN || child->outcome == TT_ABANDONED;
    if (is_zombie && is_complete(scope)) /* the release of any other comes right after this */
        finish(scope);
}

static void on_child_release(struct tt_watch *watch) {
    tt_assume_loop();
    struct tt_scope_child *child = CHILD_OF(watch);
    struct tt_scope *scope = child->scope;
    if (scope != NULL)
        unlink_child(child);
    if (child->release != NULL)
        child->release(child); /* may free it, or submit it again: the scope still counts it as held */
    if (scope == NULL)
        return;
    scope->held_count--;
    if (is_complete(scope))
        finish(scope);
}

void tt_scope_open(struct tt_scope *scope, struct tt_wake *wake) {
    if (!tti_is_on_loop(wake, __func__))
        return;
    scope->outcome = TT_NONE;
    scope->first_failed = NULL;
    scope->first_outcome = TT_NONE;
    scope->first_name = NULL;
    scope->submitted_count = 0;
    scope->left_count = 0;
    scope->held_count = 0;
    scope->failed_count = 0;
    scope->cancelled_count = 0;
    scope->done = NULL;
    scope->wake = wake;
    scope->context = NULL;
    scope->children = NULL;
    scope->timer = (struct tt_timer){0};
    scope->soon = (struct tt_timer){0};
    scope->state = OPEN;
    if (scope->timeout_us != 0)
        tt_timer_start(wake, &scope->timer, scope->timeout_us, on_timeout);
}

enum tt_status tt_scope_submit(struct tt_scope *scope, struct tt_pool *pool, struct tt_scope_child *child) {
    if (child->job == NULL || child->watch.link != NULL || scope->state == CLOSED ||
        !tti_is_on_loop(scope->wake, __func__))
        return TT_INVALID;
    if (scope->outcome != TT_NONE)
        return TT_TOO_LATE;
    if (scope->state == CLOSING && scope->held_count == 0)
        return TT_CLOSED;
    enum tt_status status = tt_pool_submit(pool, child->job);
    if (status != TT_OK)
        return status;
    child->outcome = TT_NONE;
    child->watch = (struct tt_watch){.on_done = on_child_done, .on_release = on_child_release};
    status = tt_watch_start(&child->watch, child->job);
    assert(status == TT_OK); /* it was submitted just now */
    link_child(scope, child);
    scope->submitted_count++;
    scope->left_count++;
    scope->held_count++;
    return TT_OK;
}

enum tt_status tt_scope_cancel(struct tt_scope *scope, enum tt_stop stop) {
    if (scope->state == CLOSED || !tti_is_on_loop(scope->wake, __func__))
        return TT_INVALID;
    if (scope->state == CLOSING && scope->held_count == 0)
        return TT_TOO_LATE;
    if (scope->outcome == TT_NONE)
        end_early(scope, TT_CANCELLED, stop);
    else
        stop_children(scope, stop);
    return TT_OK;
}

enum tt_status tt_scope_close(struct tt_scope *scope, tt_scope_fn done) {
    if (scope->state != OPEN || !tti_is_on_loop(scope->wake, __func__))
        return TT_INVALID;
    scope->state = CLOSING;
    scope->done = done;
    scope->context = tt_context_hold(tt_context_current());
    if (is_complete(scope))
        tti_wake_soon(scope->wake, &scope->soon, on_soon);
    return TT_OK;
}

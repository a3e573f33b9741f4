/* Limiter: permits that are given back when the work has really ended. */
#include "internal.h"

/** The wake knows the limiters in which jobs wait, so that the end of a pool finds them. */
static void enlist(struct tt_wake *wake, struct tt_limiter *limiter) TT_ON_LOOP {
    limiter->next = wake->limiters;
    limiter->link = &wake->limiters;
    if (limiter->next != NULL)
        limiter->next->link = &limiter->next;
    wake->limiters = limiter;
}

static void delist(struct tt_limiter *limiter) TT_ON_LOOP {
    *limiter->link = limiter->next;
    if (limiter->next != NULL)
        limiter->next->link = limiter->link;
    limiter->next = NULL;
    limiter->link = NULL;
}

static bool has_permit(const struct tt_limiter *limiter) TT_ON_LOOP {
    return !limiter->is_paused && (limiter->permit_count == 0 || limiter->used_count < limiter->permit_count);
}

static void give_permit(struct tt_limiter *limiter, struct tt_job *job) TT_ON_LOOP {
    job->flags |= TTI_HAS_PERMIT;
    limiter->taken_total++;
    if (++limiter->used_count > limiter->used_most)
        limiter->used_most = limiter->used_count;
}

bool tti_limiter_take(struct tt_limiter *limiter, struct tt_job *job) {
    /* Those that wait already go first, or a steady stream would starve them. */
    if (has_permit(limiter) && limiter->first == NULL) {
        give_permit(limiter, job);
        return true;
    }
    limiter->waited_total++;
    job->prev = limiter->last;
    job->next = NULL;
    if (limiter->last != NULL)
        limiter->last->next = job;
    else
        limiter->first = job;
    limiter->last = job;
    if (limiter->waiting_count++ == 0)
        enlist(job->pool->wake, limiter);
    tti_job_set_phase(job, TTI_LIMITED);
    return false;
}

void tti_limiter_remove(struct tt_limiter *limiter, struct tt_job *job) {
    if (job->prev != NULL)
        job->prev->next = job->next;
    else
        limiter->first = job->next;
    if (job->next != NULL)
        job->next->prev = job->prev;
    else
        limiter->last = job->prev;
    job->next = NULL;
    job->prev = NULL;
    if (--limiter->waiting_count == 0)
        delist(limiter);
}

static void limiter_admit(struct tt_limiter *limiter) TT_ON_LOOP {
    while (limiter->first != NULL && has_permit(limiter)) {
        struct tt_job *job = limiter->first;
        tti_limiter_remove(limiter, job);
        give_permit(limiter, job);
        tti_submit_batch(job->pool, job);
    }
}

void tti_limiter_give(struct tt_limiter *limiter) {
    limiter->used_count--;
    limiter_admit(limiter);
}

/** A limiter in which nobody waits knows no loop. */
static bool is_on_loop(const struct tt_limiter *limiter, const char *function) TT_ON_LOOP {
    return limiter->first == NULL || tti_is_on_loop(limiter->first->pool->wake, function);
}

/** The permits for which somebody still waits may be out for ever. */
static void look_for_circles(const struct tt_limiter *limiter) TT_ON_LOOP {
    if (limiter->first != NULL)
        tti_circle_look_again(limiter->first->pool->wake);
}

void tt_limiter_resize(struct tt_limiter *limiter, uint32_t permit_count) {
    if (!is_on_loop(limiter, __func__))
        return;
    limiter->permit_count = permit_count;
    limiter_admit(limiter);
    look_for_circles(limiter);
}

void tt_limiter_pause(struct tt_limiter *limiter) {
    if (!is_on_loop(limiter, __func__))
        return;
    limiter->is_paused = true;
}

void tt_limiter_resume(struct tt_limiter *limiter) {
    if (!is_on_loop(limiter, __func__))
        return;
    limiter->is_paused = false;
    limiter_admit(limiter);
    look_for_circles(limiter);
}

void tt_limiter_get_stats(const struct tt_limiter *limiter, struct tt_limiter_stats *ret_stats) {
    if (!is_on_loop(limiter, __func__))
        return;
    const struct tt_job *oldest = limiter->first;
    *ret_stats = (struct tt_limiter_stats){
        .permit_count = limiter->permit_count,
        .used_count = limiter->used_count,
        .used_most = limiter->used_most,
        .waiting_count = limiter->waiting_count,
        .oldest_wait_us = oldest != NULL ? tti_wake_time_us(oldest->pool->wake) - oldest->submitted_us : 0,
        .taken_total = limiter->taken_total,
        .waited_total = limiter->waited_total,
        .is_paused = limiter->is_paused,
    };
}

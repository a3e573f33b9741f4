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

bool tti_limiter_take(struct tt_limiter *limiter, struct tt_job *job) {
    /* Those that wait already go first, or a steady stream would starve them. */
    if (limiter->permit_count == 0 || (limiter->used_count < limiter->permit_count && limiter->first == NULL)) {
        limiter->used_count++;
        job->flags |= TTI_HAS_PERMIT;
        return true;
    }
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
    while (limiter->first != NULL && (limiter->permit_count == 0 || limiter->used_count < limiter->permit_count)) {
        struct tt_job *job = limiter->first;
        tti_limiter_remove(limiter, job);
        limiter->used_count++;
        job->flags |= TTI_HAS_PERMIT;
        tti_submit_batch(job->pool, job);
    }
}

void tti_limiter_give(struct tt_limiter *limiter) {
    limiter->used_count--;
    limiter_admit(limiter);
}

void tt_limiter_resize(struct tt_limiter *limiter, uint32_t permit_count) {
    limiter->permit_count = permit_count;
    limiter_admit(limiter);
}

/* Request: see request.h. The list hangs on the pool, oldest first; one post of the pool's own stands for all of it. */
#include "request.h"

#define POOL_OF_REQUESTS(post_) ((struct tt_pool *)((char *)(post_)-offsetof(struct tt_pool, requests_post)))

struct tti_worker *tti_request_worker(const struct tt_job *job) {
    struct tti_worker *worker = tti_worker_current;
    return worker != NULL && job->worker == worker && tti_hand_is_running(&worker->hand, job) ? worker : NULL;
}

static void append(struct tt_pool *pool, struct tt_post *post) TT_REQUIRES(pool->lock) {
    if (pool->requests == NULL)
        pool->requests_end = &pool->requests;
    post->next = NULL;
    *pool->requests_end = post;
    pool->requests_end = &post->next;
    pool->request_count++;
}

static struct tt_post *take(struct tt_pool *pool) TT_REQUIRES(pool->lock) {
    struct tt_post *post = pool->requests;
    if (post != NULL) {
        pool->requests = post->next;
        pool->request_count--;
    }
    return post;
}

/** Serves those that stand there now. One that comes meanwhile waits for the next dispatch: the loop has other work. */
static void on_requests(struct tt_post *requests_post) {
    tt_assume_loop();
    struct tt_pool *pool = POOL_OF_REQUESTS(requests_post);
    struct tt_post *post;
    tti_lock_enter(&pool->lock);
    uint32_t left = pool->request_count;
    while (left-- > 0 && (post = take(pool)) != NULL) { /* fewer than counted when some were withdrawn */
        tti_lock_leave(&pool->lock);
        post->fn(post);
        tti_lock_enter(&pool->lock);
    }
    pool->has_requests_posted = pool->requests != NULL;
    if (pool->has_requests_posted)
        tt_wake_post(pool->wake, requests_post);
    tti_lock_leave(&pool->lock);
}

bool tti_request_start(struct tt_job *job, struct tt_post *post) {
    struct tt_pool *pool = job->pool;
    tti_lock_enter(&pool->lock);
    bool is_accepted = !tt_job_is_cancelled(job);
    if (is_accepted)
        append(pool, post);
    if (is_accepted && !pool->has_requests_posted) {
        pool->has_requests_posted = true;
        pool->requests_post.fn = on_requests;
        tt_wake_post(pool->wake, &pool->requests_post);
    }
    tti_lock_leave(&pool->lock);
    return is_accepted;
}

bool tti_request_withdraw(struct tt_pool *pool, struct tt_post *post) {
    tti_lock_enter(&pool->lock);
    struct tt_post **link = &pool->requests;
    while (*link != NULL && *link != post)
        link = &(*link)->next;
    bool is_found = *link != NULL;
    if (is_found) {
        *link = post->next;
        if (post->next == NULL)
            pool->requests_end = link;
        pool->request_count--;
    }
    tti_lock_leave(&pool->lock);
    return is_found;
}

/* Feed: see feed.h. The loop puts, the worker takes. */
#include "request.h"
#include "ring.h"

#include <tothread/feed.h>

#define FEED_OF(post_) ((struct tt_feed *)((char *)(post_)-offsetof(struct tt_feed, post)))

static void on_feed(struct tt_post *post) {
    tt_assume_loop();
    struct tt_feed *feed = FEED_OF(post);
    tti_lock_enter(&feed->ring->lock);
    feed->ring->is_noticed = false;
    bool is_wanted = !feed->ring->is_closed && !feed->ring->is_ended;
    tti_lock_leave(&feed->ring->lock);
    if (!is_wanted || feed->on_room == NULL || (feed->job->flags & TTI_DONE_CALLED) != 0)
        return;
    struct tt_context *before = tti_request_enter(feed->job);
    feed->on_room(feed);
    tti_context_current = before;
}

enum tt_status tt_feed_init(struct tt_feed *feed, struct tt_job *job) {
    if (feed->ring != NULL || feed->limit_bytes > TT_FEED_LIMIT_MAX)
        return TT_INVALID;
    feed->ring = tti_ring_create(feed->limit_bytes != 0 ? feed->limit_bytes : TT_FEED_LIMIT_DEFAULT);
    if (feed->ring == NULL)
        return TT_NOMEM;
    feed->job = job;
    feed->post.fn = on_feed;
    return TT_OK;
}

void tt_feed_deinit(struct tt_feed *feed) {
    tti_ring_destroy(feed->ring);
    feed->ring = NULL;
}

/** Whether anybody may still read. What the loop alone writes it may read without the lock. */
static bool is_open(const struct tt_feed *feed) TT_ON_LOOP {
    return !feed->ring->is_ended && !feed->ring->is_closed && (feed->job->flags & TTI_DONE_CALLED) == 0;
}

enum tt_status tt_feed_push(struct tt_feed *feed, const void *data, size_t size, size_t *ret_taken) {
    struct tti_ring *ring = feed->ring;
    const unsigned char *rest = data;
    *ret_taken = 0;
    if (!tti_request_is_on_loop(feed->job, __func__))
        return TT_INVALID;
    if (!is_open(feed))
        return TT_CLOSED;
    tti_lock_enter(&ring->lock);
    /* Once more as long as the reader has made room meanwhile: it must be full when the sender is told so, or on_room,
       which comes when the reader passes the half, would never come. */
    while (size > 0 && tti_ring_room(ring) > 0) {
        size_t count = size < tti_ring_room(ring) ? size : tti_ring_room(ring);
        uint64_t put = ring->put;
        tti_lock_leave(&ring->lock);
        tti_ring_copy_in(ring, put, rest, count);
        rest += count;
        size -= count;
        *ret_taken += count;
        tti_lock_enter(&ring->lock);
        ring->put += count;
    }
    ring->wants_room = size > 0;
    struct tti_worker *worker = tti_ring_take_waiting(ring);
    tti_lock_leave(&ring->lock);
    tti_ring_wake(worker);
    return size > 0 ? TT_FULL : TT_OK;
}

void tt_feed_end(struct tt_feed *feed) {
    if (!tti_request_is_on_loop(feed->job, __func__))
        return;
    tti_lock_enter(&feed->ring->lock);
    feed->ring->is_ended = true;
    struct tti_worker *worker = tti_ring_take_waiting(feed->ring);
    tti_lock_leave(&feed->ring->lock);
    tti_ring_wake(worker);
}

void tt_feed_close(struct tt_feed *feed) {
    if (tti_request_is_on_loop(feed->job, __func__))
        tti_ring_close(feed->ring);
}

/** Waits for bytes, or for the end: *ret_filled is 0 then. */
static enum tt_status await_bytes(struct tt_feed *feed, struct tti_worker *worker, uint64_t *ret_taken,
                                  size_t *ret_filled) {
    struct tti_ring *ring = feed->ring;
    enum tt_status status = TT_OK;
    tti_lock_enter(&ring->lock);
    for (;;) {
        *ret_taken = ring->taken;
        *ret_filled = tti_ring_filled(ring);
        if (ring->is_closed || tt_job_is_cancelled(feed->job))
            status = TT_CLOSED;
        else if (*ret_filled == 0 && !ring->is_ended && worker == NULL)
            status = TT_WRONG_THREAD;
        if (status != TT_OK || *ret_filled != 0 || ring->is_ended)
            break;
        tti_ring_wait(ring, worker);
    }
    tti_lock_leave(&ring->lock);
    return status;
}

/** Counts the bytes that were copied out. Returns: whether the loop must be told of the room. */
static bool give_room(struct tti_ring *ring, size_t size) {
    tti_lock_enter(&ring->lock);
    ring->taken += size;
    bool must_tell = ring->wants_room && tti_ring_room(ring) >= ring->capacity / 2;
    if (must_tell) {
        ring->wants_room = false;
        must_tell = !ring->is_noticed; /* else the one that is under way tells it */
        ring->is_noticed = true;
    }
    tti_lock_leave(&ring->lock);
    return must_tell;
}

enum tt_status tt_feed_read(struct tt_feed *feed, void *buffer, size_t capacity, size_t *ret_size) {
    if (capacity == 0)
        return TT_INVALID;
    struct tti_worker *worker = tti_request_worker(feed->job);
    if (worker == NULL && !tti_request_is_inline(feed->job))
        return TT_WRONG_THREAD;
    uint64_t taken = 0;
    size_t filled = 0;
    enum tt_status status = await_bytes(feed, worker, &taken, &filled);
    if (status != TT_OK)
        return status;
    size_t size = filled < capacity ? filled : capacity;
    tti_ring_copy_out(feed->ring, taken, buffer, size);
    *ret_size = size;
    if (!give_room(feed->ring, size))
        return TT_OK;
    if (worker == NULL)
        on_feed(&feed->post); /* inline: this is the loop */
    else
        (void)tti_request_start(feed->job, &feed->post); /* false: the job was asked to end, as the next read says */
    return TT_OK;
}

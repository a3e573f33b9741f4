/* Stream: see stream.h. The worker puts, the loop takes. */
#include "request.h"
#include "ring.h"

#include <tothread/stream.h>

#define STREAM_OF(post_) ((struct tt_stream *)((char *)(post_)-offsetof(struct tt_stream, post)))

/** Hands over what has come since, in one piece or two. */
static void deliver(struct tt_stream *stream, uint64_t put) TT_ON_LOOP {
    const struct tti_ring *ring = stream->ring;
    while (stream->delivered < put && !ring->is_closed) { /* the loop alone closes it */
        size_t place = (size_t)(stream->delivered % ring->capacity);
        size_t size = (size_t)(put - stream->delivered);
        if (size > ring->capacity - place)
            size = ring->capacity - place;
        stream->delivered += size;
        stream->on_data(stream, ring->bytes + place, size);
    }
}

static void on_stream(struct tt_post *post) {
    tt_assume_loop();
    struct tt_stream *stream = STREAM_OF(post);
    struct tti_ring *ring = stream->ring;
    tti_lock_enter(&ring->lock);
    ring->is_noticed = false;
    uint64_t put = ring->put;
    tti_lock_leave(&ring->lock);
    if ((stream->job->flags & TTI_DONE_CALLED) != 0)
        return; /* it was given up, and the receiver told so */
    struct tt_context *before = tti_request_enter(stream->job);
    deliver(stream, put);
    tti_context_current = before;
}

enum tt_status tt_stream_init(struct tt_stream *stream, struct tt_job *job) {
    if (stream->on_data == NULL || stream->ring != NULL || stream->limit_bytes > TT_STREAM_LIMIT_MAX)
        return TT_INVALID;
    stream->ring = tti_ring_create(stream->limit_bytes != 0 ? stream->limit_bytes : TT_STREAM_LIMIT_DEFAULT);
    if (stream->ring == NULL)
        return TT_NOMEM;
    stream->job = job;
    stream->post.fn = on_stream;
    stream->delivered = 0;
    return TT_OK;
}

void tt_stream_deinit(struct tt_stream *stream) {
    tti_ring_destroy(stream->ring);
    stream->ring = NULL;
}

/** Waits until there is room for some of size bytes; *ret_room is what may be put, at place *ret_put. */
static enum tt_status await_room(struct tt_stream *stream, struct tti_worker *worker, uint64_t *ret_put,
                                 size_t *ret_room) {
    struct tti_ring *ring = stream->ring;
    enum tt_status status = TT_OK;
    tti_lock_enter(&ring->lock);
    for (;;) {
        *ret_put = ring->put;
        *ret_room = tti_ring_room(ring);
        if (ring->is_closed || tt_job_is_cancelled(stream->job))
            status = TT_CLOSED;
        else if (*ret_room == 0 && worker == NULL)
            status = TT_WRONG_THREAD;
        if (status != TT_OK || *ret_room != 0)
            break;
        tti_ring_wait(ring, worker);
    }
    tti_lock_leave(&ring->lock);
    return status;
}

/** Counts the bytes that were copied. Returns: whether the loop must be asked to look. */
static bool publish(struct tti_ring *ring, size_t size) {
    tti_lock_enter(&ring->lock);
    ring->put += size;
    bool must_ask = !ring->is_noticed;
    ring->is_noticed = true;
    tti_lock_leave(&ring->lock);
    return must_ask;
}

enum tt_status tt_stream_write(struct tt_stream *stream, const void *data, size_t size) {
    struct tti_worker *worker = tti_request_worker(stream->job);
    if (worker == NULL && !tti_request_is_inline(stream->job))
        return TT_WRONG_THREAD;
    const unsigned char *rest = data;
    do {
        uint64_t put = 0;
        size_t room = 0;
        enum tt_status status = await_room(stream, worker, &put, &room);
        if (status != TT_OK || size == 0)
            return status;
        size_t count = size < room ? size : room;
        tti_ring_copy_in(stream->ring, put, rest, count);
        rest += count;
        size -= count;
        if (!publish(stream->ring, count))
            continue;
        if (worker == NULL)
            on_stream(&stream->post);
        else if (!tti_request_start(stream->job, &stream->post))
            return TT_CLOSED;
    } while (size > 0);
    return TT_OK;
}

enum tt_status tt_stream_consume(struct tt_stream *stream, size_t size) {
    if (!tti_request_is_on_loop(stream->job, __func__))
        return TT_INVALID;
    struct tti_ring *ring = stream->ring;
    tti_lock_enter(&ring->lock);
    bool is_valid = size <= stream->delivered - ring->taken;
    struct tti_worker *worker = NULL;
    if (is_valid && size > 0) {
        ring->taken += size;
        worker = tti_ring_take_waiting(ring);
    }
    tti_lock_leave(&ring->lock);
    tti_ring_wake(worker);
    return is_valid ? TT_OK : TT_INVALID;
}

void tt_stream_close(struct tt_stream *stream) {
    if (tti_request_is_on_loop(stream->job, __func__))
        tti_ring_close(stream->ring);
}

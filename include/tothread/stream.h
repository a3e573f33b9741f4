/**
 * Stream: a running job sends bytes to the loop, in order, and waits when the receiver is slow.
 *
 * The bytes stand in a buffer of a fixed size, the mark: that is all the memory a stream takes, however much goes
 * through it. tt_stream_write fills it and blocks when it is full; on_data gets what has come, small writes put
 * together, big ones in pieces; tt_stream_consume gives their room back. Data that on_data was given stay where they
 * are until they are consumed, so the receiver can send them on without a copy.
 *
 * A job that ends by itself is done after the last on_data: done is the end of the stream. No on_data comes after done,
 * so a job that was given up (time-out, abandon, the pool's end) may be done before all that it wrote was handed over.
 * The loop is woken once for a burst of writes.
 *
 * Normal use:
 * 1. stream inside your object, beside the job: zero it, set on_data (and limit_bytes); tt_stream_init(&stream, &job);
 * 2. submit the job; in run, on the worker: tt_stream_write(&stream, data, size), and return when that isn't TT_OK;
 * 3. in on_data, on the loop: use the bytes, at once or later, then tt_stream_consume(&stream, size);
 * 4. tt_stream_close(&stream) when the receiver has left;
 * 5. in the job's release (or its done, without one, but not for TT_ABANDONED): tt_stream_deinit(&stream).
 *
 * The loop's functions may be called until the job is released; not after its pool was destroyed, where that may happen
 * at any time.
 *
 * In a pool with 0 workers the function runs on the loop: tt_stream_write calls on_data itself, before it returns. What
 * isn't consumed there and then fills the buffer, and nobody can wait: TT_WRONG_THREAD.
 */
#ifndef TOTHREAD_STREAM_H
#define TOTHREAD_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_STREAM_LIMIT_DEFAULT 262144u
#define TT_STREAM_LIMIT_MAX     1073741824u

struct tt_stream;

/**
 * Bytes have come. They stay valid and unchanged until they are consumed, the oldest first, or the stream ends.
 *
 * Thread: loop, inside a dispatch, no lock held; the context of the job is current. May consume, close, submit, cancel;
 *         must not end the stream, nor destroy the pool.
 */
typedef void (*tt_stream_data_fn)(struct tt_stream *stream, const void *data, size_t size);

/** Embedded in the caller's object. */
struct tt_stream {
    /* the caller's, set before tt_stream_init */
    tt_stream_data_fn on_data;
    size_t limit_bytes; /* the mark; 0: TT_STREAM_LIMIT_DEFAULT */

    /* the library's own */
    struct tt_job *job;
    struct tti_ring *ring; /* NULL: not initialised */
    struct tt_post post;
    uint64_t delivered; /* how many bytes on_data has been given */
};

/**
 * Makes the stream's buffer and ties it to the job that will write.
 *
 * Thread:  loop, before the job is submitted, or while its run waits for the loop in tt_job_call (call.h): so only a job
 *          that turns out to need it pays for it
 * Owns:    keeps *stream and job until tt_stream_deinit.
 * Returns: TT_OK; TT_INVALID without on_data, for a stream that is initialised already, for a mark beyond
 *          TT_STREAM_LIMIT_MAX; TT_NOMEM.
 */
TT_EXPORT enum tt_status tt_stream_init(struct tt_stream *stream, struct tt_job *job) TT_MUST_CHECK;

/**
 * Frees the buffer. Fine for a stream that isn't initialised; a job may have a new stream in the same place afterwards.
 *
 * Thread:  where the job is released
 */
TT_EXPORT void tt_stream_deinit(struct tt_stream *stream);

/**
 * Sends size bytes. They have been copied when this returns, and are handed over in the next dispatch. A write of 0
 * bytes asks whether anybody listens.
 *
 * Thread:  worker, from inside run of the stream's job; of several threads at a time, one only
 * Owns:    borrows data
 * Blocks:  at the mark, until the receiver has consumed; never longer than until the stream is closed, or the job asked
 *          to end or given up, which its deadline and the end of the pool do as well.
 * Returns: TT_OK; TT_CLOSED when nobody wants more; TT_WRONG_THREAD: see above. After both a part may have been sent.
 */
TT_EXPORT enum tt_status tt_stream_write(struct tt_stream *stream, const void *data, size_t size) TT_MUST_CHECK;

/**
 * Gives the room of the oldest bytes back: they are not valid any more. Wakes a writer that waits for room.
 *
 * Thread:  loop, also from inside on_data
 * Returns: TT_OK; TT_INVALID for more than on_data was given and has not been consumed: nothing is consumed then.
 */
TT_EXPORT enum tt_status tt_stream_consume(struct tt_stream *stream, size_t size) TT_ON_LOOP;

/**
 * The receiver has left: on_data isn't called any more, writes return TT_CLOSED, also the one that waits. The job goes
 * on; tt_job_interrupt asks it to end. Bytes that were handed over stay valid until tt_stream_deinit.
 *
 * Thread:  loop, also from inside on_data
 */
TT_EXPORT void tt_stream_close(struct tt_stream *stream) TT_ON_LOOP;

#ifdef __cplusplus
}
#endif
#endif

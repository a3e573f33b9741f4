/**
 * Feed: the loop sends bytes to a running job, in order, and hears when there is room for more. The twin of stream.h.
 *
 * The bytes stand in a buffer of a fixed size, the mark. tt_feed_push never waits: it takes what there is room for and
 * says TT_FULL when that was not all; on_room tells once when half of the buffer is free again. tt_feed_read, on the
 * worker, waits for bytes. When the function has stopped reading, the full buffer stays full: what is pushed gets
 * TT_FULL until its job is done, and TT_CLOSED from then on.
 *
 * Normal use:
 * 1. feed inside your object, beside the job: zero it, set on_room (and limit_bytes); tt_feed_init(&feed, &job);
 * 2. submit the job; in run, on the worker: tt_feed_read(&feed, buffer, sizeof buffer, &size) until size is 0;
 * 3. on the loop: tt_feed_push(&feed, data, size, &taken); after TT_FULL stop reading from the client until on_room;
 * 4. tt_feed_end(&feed) behind the last byte; tt_feed_close(&feed) instead when the rest will never come;
 * 5. in the job's release (or its done, without one, but not for TT_ABANDONED): tt_feed_deinit(&feed).
 *
 * The loop's functions may be called until the job is released; not after its pool was destroyed, where that may happen
 * at any time.
 *
 * In a pool with 0 workers the function runs on the loop: it reads what was pushed before, and where it would have to
 * wait it gets TT_WRONG_THREAD.
 */
#ifndef TOTHREAD_FEED_H
#define TOTHREAD_FEED_H

#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/status.h>
#include <tothread/thread.h>
#include <tothread/wake.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_FEED_LIMIT_DEFAULT 262144u
#define TT_FEED_LIMIT_MAX     1073741824u

struct tt_feed;

/**
 * There is room again after TT_FULL: at least half of the buffer, unless more was pushed meanwhile. Not called after
 * the job's done.
 *
 * Thread: loop, inside a dispatch, no lock held; the context of the job is current. May push, end, close, submit,
 *         cancel; must not deinit the feed, nor destroy the pool.
 */
typedef void (*tt_feed_room_fn)(struct tt_feed *feed);

/** Embedded in the caller's object. */
struct tt_feed {
    /* the caller's, set before tt_feed_init */
    tt_feed_room_fn on_room; /* may be NULL */
    size_t limit_bytes;      /* the mark; 0: TT_FEED_LIMIT_DEFAULT */

    /* the library's own */
    struct tt_job *job;
    struct tti_ring *ring; /* NULL: not initialised */
    struct tt_post post;
};

/**
 * Makes the feed's buffer and ties it to the job that will read.
 *
 * Thread:  loop, before the job is submitted, or while its run waits for the loop in tt_job_call (call.h): so only a job
 *          that turns out to need it pays for it
 * Owns:    keeps *feed and job until tt_feed_deinit.
 * Returns: TT_OK; TT_INVALID for a feed that is initialised already, for a mark beyond TT_FEED_LIMIT_MAX; TT_NOMEM.
 */
TT_EXPORT enum tt_status tt_feed_init(struct tt_feed *feed, struct tt_job *job) TT_MUST_CHECK;

/** Frees the buffer. Fine for a feed that isn't initialised. Thread: where the job is released. */
TT_EXPORT void tt_feed_deinit(struct tt_feed *feed);

/**
 * Sends bytes, as many as there is room for. They may be sent before the job is submitted, and before it runs.
 *
 * Thread:  loop
 * Owns:    borrows data: what was taken has been copied.
 * Returns: TT_OK: all were taken; TT_FULL: *ret_taken of them, from the front, and on_room follows; TT_CLOSED after
 *          end, close, or the job's done: none. *ret_taken is set always.
 */
TT_EXPORT enum tt_status tt_feed_push(struct tt_feed *feed, const void *data, size_t size,
                                      size_t *ret_taken) TT_ON_LOOP TT_MUST_CHECK;

/** No more bytes will come: the reader gets what is there, then the end. Thread: loop. */
TT_EXPORT void tt_feed_end(struct tt_feed *feed) TT_ON_LOOP;

/** The sender has left in the middle: the reader gets TT_CLOSED at once, what is there is lost. Thread: loop. */
TT_EXPORT void tt_feed_close(struct tt_feed *feed) TT_ON_LOOP;

/**
 * Takes bytes, at least one, as many as are there and fit.
 *
 * Thread:  worker, from inside run of the feed's job; of several threads at a time, one only
 * Owns:    fills buffer, whose capacity is not 0.
 * Blocks:  while there are none; never longer than until end or close, or until the job is asked to end or given up,
 *          which its deadline and the end of the pool do as well.
 * Returns: TT_OK: *ret_size bytes, 0 at the end; TT_CLOSED when the rest never comes, or the job was asked to end;
 *          TT_WRONG_THREAD: see above; TT_INVALID for a capacity of 0. *ret_size is set for TT_OK only.
 */
TT_EXPORT enum tt_status tt_feed_read(struct tt_feed *feed, void *buffer, size_t capacity,
                                      size_t *ret_size) TT_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif

/**
 * Passage: the bytes of a run on their way while it runs, between its worker and the loop.
 *
 * A stream (tothread/stream.h) takes the answer to the loop, a feed (tothread/feed.h) the request's body to the worker.
 * Each is made when the function first asks for it, with PASSAGE_BYTES of buffer, so a call that doesn't ask for it pays
 * nothing. The worker waits where the client is slow, the loop never does.
 *
 * Normal use:
 * 1. passage inside the object of the offload; passage_reset for each run;
 * 2. passage_attach(&passage, &offload, &events, has_body) before offload_start;
 * 3. events.begin: send the head; events.data: send, then passage_consume; events.room: passage_push the body, then
 *    passage_end;
 * 4. passage_cut when the client has left, or its time is over;
 * 5. in the offload's done: passage_over; when nothing of it is on its way any more, and the offload was released:
 *    passage_deinit.
 *
 * Thread: the loop's, all of it, but for what the run's functions do inside.
 */
#ifndef SERVER_PASSAGE_H
#define SERVER_PASSAGE_H

#include "offload.h"
#include <stdbool.h>
#include <stddef.h>
#include <tothread/feed.h>
#include <tothread/stream.h>

/* Of each direction: the most that is on its way, and what a client has to take or send in each of its time-outs. */
#define PASSAGE_BYTES 262144u

struct passage_events {
    /** Whether a buffer for the answer may be made. For the body's the owner has seen to it. */
    bool (*has_room)(struct offload *offload);
    /** The answer begins: its status, type, fields and size stand in offload->run.answer; the worker waits for the return.
        Returns: false when nobody wants it any more. */
    bool (*begin)(struct offload *offload);
    /** Bytes of the answer; they stay until passage_consume, in their order. */
    void (*data)(struct offload *offload, const void *data, size_t size);
    /** The function reads: the body may come. Once at first, then after each TT_FULL. */
    void (*room)(struct offload *offload);
};

struct passage {
    struct offload *offload;
    const struct passage_events *events;
    bool is_attached;
    bool has_begun; /* the stream is there */
    bool is_read;   /* the feed is there */
    bool is_cut;
    bool is_over;
    struct tt_stream stream;
    struct tt_feed feed;
};

static inline void passage_reset(struct passage *passage) {
    passage->is_attached = false;
    passage->has_begun = false;
    passage->is_read = false;
}

/** Gives the offload's run a passage. has_body: its body comes that way as well. Owns: keeps offload and events. */
void passage_attach(struct passage *passage, struct offload *offload, const struct passage_events *events,
                    bool has_body) TT_ON_LOOP;

/** The oldest bytes of data have been sent. */
void passage_consume(struct passage *passage, size_t size) TT_ON_LOOP;

/** Returns: as tt_feed_push; TT_CLOSED as well before the function reads. *ret_taken is set always. */
enum tt_status passage_push(struct passage *passage, const void *data, size_t size, size_t *ret_taken) TT_ON_LOOP;

/** The body is whole. */
void passage_end(struct passage *passage) TT_ON_LOOP;

/** Nobody is there any more: the function is asked to end, if it has begun to answer or to read. */
void passage_cut(struct passage *passage) TT_ON_LOOP;

/** The offload is done: no event comes any more. The bytes that data was given stay until passage_deinit. */
void passage_over(struct passage *passage) TT_ON_LOOP;

void passage_deinit(struct passage *passage) TT_ON_LOOP;

#endif

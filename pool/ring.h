/**
 * Ring: bytes between one thread that puts and one that takes, at most so many. What stream.h and feed.h are made of.
 *
 * Who puts owns the free part, who takes owns the filled part, so bytes are copied without the lock; the lock is for the
 * counts. Both only grow: `put - taken` is what is inside, and a count modulo capacity is its place.
 */
#ifndef POOL_RING_H
#define POOL_RING_H

#include "internal.h"

struct tti_ring {
    size_t capacity; /* fixed */
    struct tti_lock lock;
    uint64_t put;               /* locked */
    uint64_t taken;             /* locked */
    struct tti_worker *waiting; /* locked: a worker that waits for room, or for bytes */
    bool is_ended;              /* locked: nothing will be put any more */
    bool is_closed;             /* locked: nobody wants what is inside */
    bool wants_room;            /* locked: who puts was told that it is full */
    bool is_noticed;            /* locked: the loop has been asked to look, and has not looked yet */
    unsigned char bytes[];
};

/** Owns: the ring is yours until tti_ring_destroy. Returns: NULL without memory. */
struct tti_ring *tti_ring_create(size_t capacity);
void tti_ring_destroy(struct tti_ring *ring); /* NULL is fine */

/** Copies to the place of the count put, around the end. Thread: who puts, size bytes are free. */
void tti_ring_copy_in(struct tti_ring *ring, uint64_t put, const void *data, size_t size);

/** Copies from the place of the count taken, around the end. Thread: who takes, size bytes are filled. */
void tti_ring_copy_out(const struct tti_ring *ring, uint64_t taken, void *buffer, size_t size);

static inline size_t tti_ring_filled(const struct tti_ring *ring) TT_REQUIRES(ring->lock) {
    return (size_t)(ring->put - ring->taken);
}

static inline size_t tti_ring_room(const struct tti_ring *ring) TT_REQUIRES(ring->lock) {
    return ring->capacity - tti_ring_filled(ring);
}

/** Whoever waits, taken off: it is to be woken without the lock. */
static inline struct tti_worker *tti_ring_take_waiting(struct tti_ring *ring) TT_REQUIRES(ring->lock) {
    struct tti_worker *worker = ring->waiting;
    ring->waiting = NULL;
    return worker;
}

/** Wakes what tti_ring_take_waiting gave. Thread: loop, which alone frees workers. */
static inline void tti_ring_wake(struct tti_worker *worker) TT_ON_LOOP {
    if (worker != NULL)
        tti_park_wake(&worker->pause);
}

/** Waits until the loop has done something. Called and left with the lock held. Thread: that worker. */
void tti_ring_wait(struct tti_ring *ring, struct tti_worker *worker) TT_REQUIRES(ring->lock);

/** Closes it, and wakes whoever waits. */
void tti_ring_close(struct tti_ring *ring) TT_ON_LOOP;

#endif

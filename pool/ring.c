/* Ring: see ring.h. */
#include "ring.h"

#include "fault.h"
#include <stdlib.h>
#include <string.h>

struct tti_ring *tti_ring_create(size_t capacity) {
    /* The bytes aren't touched before they are used. */
    struct tti_ring *ring = TTI_FAULT_NTH(allocation_fails) ? NULL : malloc(sizeof *ring + capacity);
    if (ring == NULL)
        return NULL;
    *ring = (struct tti_ring){.capacity = capacity};
    if (tti_lock_init(&ring->lock) != 0) {
        free(ring);
        return NULL;
    }
    return ring;
}

void tti_ring_destroy(struct tti_ring *ring) {
    if (ring == NULL)
        return;
    tti_lock_deinit(&ring->lock);
    free(ring);
}

/** How many bytes from this place on stand together. */
static size_t straight(const struct tti_ring *ring, size_t place, size_t size) {
    return size < ring->capacity - place ? size : ring->capacity - place;
}

void tti_ring_copy_in(struct tti_ring *ring, uint64_t put, const void *data, size_t size) {
    size_t place = (size_t)(put % ring->capacity);
    size_t first = straight(ring, place, size);
    memcpy(ring->bytes + place, data, first);
    memcpy(ring->bytes, (const unsigned char *)data + first, size - first);
}

void tti_ring_copy_out(const struct tti_ring *ring, uint64_t taken, void *buffer, size_t size) {
    size_t place = (size_t)(taken % ring->capacity);
    size_t first = straight(ring, place, size);
    memcpy(buffer, ring->bytes + place, first);
    memcpy((unsigned char *)buffer + first, ring->bytes, size - first);
}

void tti_ring_wait(struct tti_ring *ring, struct tti_worker *worker) {
    ring->waiting = worker;
    tti_lock_leave(&ring->lock);
    tti_park_wait(&worker->pause, UINT64_MAX);
    tti_lock_enter(&ring->lock);
    ring->waiting = NULL;
}

void tti_ring_close(struct tti_ring *ring) {
    tti_lock_enter(&ring->lock);
    ring->is_closed = true;
    struct tti_worker *worker = tti_ring_take_waiting(ring);
    tti_lock_leave(&ring->lock);
    tti_ring_wake(worker);
}

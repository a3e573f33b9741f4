/* Handout: see handout.h. */
#include "handout.h"

#include "connection.h"
#include "front.h"
#include "listen.h"
#include "peer.h"
#include <stdlib.h>

/** A client on its way to a front of another loop. */
struct parcel {
    struct relay_item item;
    struct front *front;
    struct peer peer;
    int fd;
    bool takes_proxy;
    bool is_tls;
};

static void on_parcel(struct relay_item *item) {
    tt_assume_loop();
    struct parcel *parcel = (struct parcel *)item;
    connection_open(parcel->front, parcel->fd, &parcel->peer, parcel->takes_proxy, parcel->is_tls);
    free(parcel);
}

static void on_room(struct tt_post *post) {
    tt_assume_loop();
    struct handout *handout = (struct handout *)((char *)post - offsetof(struct handout, post));
    atomic_store(&handout->is_posted, false);
    atomic_store(&handout->is_awaited, false);
    if (handout->home != NULL)
        listen_resume(handout->home);
}

struct handout *handout_create(struct front *home, size_t side_count) {
    struct handout *handout = calloc(1, sizeof *handout + (1 + side_count) * sizeof *handout->seats);
    if (handout == NULL)
        return NULL;
    handout->wake = home->wake;
    handout->home = home;
    handout->post.fn = on_room;
    handout->seats[0].front = home;
    handout->seat_count = 1;
    return handout;
}

void handout_close(struct handout *handout) {
    handout->home = NULL;
}

void handout_destroy(struct handout *handout) {
    free(handout);
}

void handout_add(struct handout *handout, struct front *front, struct relay *relay) {
    handout->seats[handout->seat_count++] = (struct handout_seat){.front = front, .relay = relay};
}

static struct handout_seat *choose(struct handout *handout) TT_ON_LOOP {
    struct handout_seat *best = NULL;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < handout->seat_count; i++) {
        struct handout_seat *seat = &handout->seats[(handout->turn + i) % handout->seat_count];
        uint64_t load = seat->given_count - stat_get(&seat->ended_count); /* so what is on its way counts */
        if (load < least) {
            best = seat;
            least = load;
        }
    }
    handout->turn = (size_t)(best - handout->seats) + 1;
    return best;
}

void handout_give(struct handout *handout, int fd, const struct peer *peer, bool takes_proxy, bool is_tls) {
    struct handout_seat *seat = choose(handout);
    struct parcel *parcel = seat->relay != NULL ? malloc(sizeof *parcel) : NULL;
    atomic_fetch_add(&handout->open_count, 1);
    if (parcel == NULL) {
        handout->seats[0].given_count++;
        connection_open(handout->home, fd, peer, takes_proxy, is_tls); /* its own; without memory any */
        return;
    }
    seat->given_count++;
    parcel->front = seat->front;
    parcel->peer = *peer;
    parcel->fd = fd;
    parcel->takes_proxy = takes_proxy;
    parcel->is_tls = is_tls;
    relay_send(seat->relay, &parcel->item, on_parcel);
}

/* Home says that it waits, then looks at the count once more by its timer; who leaves lowers the count, then looks whether
   home waits. */
void handout_await(struct handout *handout) {
    atomic_store(&handout->is_awaited, true);
}

uint64_t handout_buffered_bytes(const struct handout *handout) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < handout->seat_count; i++)
        bytes += stat_get(&handout->seats[i].front->stats.buffered_bytes);
    return bytes;
}

void handout_leave(struct handout *handout, const struct front *front) {
    stat_add(&handout->seats[loop_get_place(front->loop)->number].ended_count, 1);
    atomic_fetch_sub(&handout->open_count, 1);
    if (atomic_load(&handout->is_awaited) && !atomic_exchange(&handout->is_posted, true))
        tt_wake_post(handout->wake, &handout->post);
}

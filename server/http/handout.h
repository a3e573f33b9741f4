/**
 * Handout: with several loops, new clients are accepted at home and shared out among all fronts.
 *
 * One loop accepts, whatever kind of socket it is (SO_REUSEPORT is for those that we make ourselves, and would let a second
 * service take the same port unseen); it is also the one that pauses at max-connections, which is the number of all fronts'
 * connections together; max-buffered is for all of them, too. A new connection goes to the front that has the fewest, and
 * stays there.
 *
 * Thread: home's, but for the last two functions, which are any front's.
 */
#ifndef SERVER_HTTP_HANDOUT_H
#define SERVER_HTTP_HANDOUT_H

#include "../relay.h"
#include "../stats.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/wake.h>

struct front;
struct peer;

struct handout_seat {
    struct front *front;
    struct relay *relay;      /* to its loop; NULL: home's */
    uint64_t given_count;     /* connections handed to it so far */
    stat_counter ended_count; /* of these; written by its loop */
};

struct handout {
    _Atomic uint64_t
        open_count;          /* all fronts' and those on their way to one: home adds, whoever closes one subtracts */
    _Atomic bool is_awaited; /* home accepts no more until a connection ends */
    _Atomic bool is_posted;
    struct tt_post post;
    struct tt_wake *wake; /* home's */
    struct front *home;   /* NULL: it is gone */
    size_t turn;          /* where to begin to look: a tie goes to each in turn */
    size_t seat_count;
    struct handout_seat seats[]; /* by the loop's number */
};

/** Owns: keeps home until handout_close. Returns: NULL without memory. */
struct handout *handout_create(struct front *home, size_t side_count) TT_ON_LOOP;

/** Home's front is about to go. */
void handout_close(struct handout *handout) TT_ON_LOOP;
void handout_destroy(struct handout *handout) TT_ON_LOOP;

/** Adds a front beside home's, in the order of the loops' numbers. Owns: keeps both. */
void handout_add(struct handout *handout, struct front *front, struct relay *relay) TT_ON_LOOP;

/** Takes a new connection to one of the fronts, which opens it. Owns: takes fd; borrows peer. */
void handout_give(struct handout *handout, int fd, const struct peer *peer, bool takes_proxy, bool is_tls) TT_ON_LOOP;

/** Has accepting resumed when a connection ends. */
void handout_await(struct handout *handout) TT_ON_LOOP;

/** Held for the clients of all fronts. Thread: any front's loop; what others hold is as of a moment ago. */
uint64_t handout_buffered_bytes(const struct handout *handout) TT_ON_LOOP;

/** A connection has ended, or could not be opened. Thread: its front's loop. */
void handout_leave(struct handout *handout, const struct front *front) TT_ON_LOOP;

#endif

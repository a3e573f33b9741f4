/**
 * Stats: numbers that one thread counts and any thread reads.
 *
 * Each counter has one writer, the loop. It adds with a relaxed load and a relaxed store (no locked instruction); readers see
 * a value that was true a moment ago. Nothing else is shared with the admin plane, so it answers while the loop is stuck.
 */
#ifndef SERVER_STATS_H
#define SERVER_STATS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint64_t stat_counter;

/** Adds to a counter that only the calling thread writes. */
static inline void stat_add(stat_counter *counter, uint64_t n) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}
static inline void stat_set(stat_counter *counter, uint64_t n) {
    atomic_store_explicit(counter, n, memory_order_relaxed);
}
static inline uint64_t stat_get(const stat_counter *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* -- histogram of times: fixed bounds, 50 us to 60 s and more -- */

#define HISTOGRAM_BUCKETS 20 /* the last one has no upper bound */
/** Upper bounds in microseconds of all buckets but the last. */
extern const uint64_t histogram_bounds_us[HISTOGRAM_BUCKETS - 1];

struct histogram {
    stat_counter buckets[HISTOGRAM_BUCKETS]; /* not cumulative */
    stat_counter sum_us;
};

/** Thread: the one writer. */
void histogram_add(struct histogram *histogram, uint64_t value_us);

/* -- what a call has seen -- */

/** At rest submitted = done + failed + crashed + cancelled + expired_queue + expired_run + refused_*. */
struct call_stats {
    stat_counter submitted; /* requests that reached the call with valid arguments */
    stat_counter done;
    stat_counter failed;
    stat_counter crashed;
    stat_counter cancelled;
    stat_counter expired_queue;
    stat_counter expired_run;
    stat_counter refused_full;
    stat_counter refused_closed;
    stat_counter in_flight;
    stat_counter cpu_us;
    struct histogram queue;
    struct histogram run;
};

/* -- what the front has seen -- */

/** Why a TLS handshake failed. */
enum front_tls_failure {
    FRONT_TLS_TIMEOUT,
    FRONT_TLS_LEFT,        /* the client left in the middle */
    FRONT_TLS_CERTIFICATE, /* the client's is missing or not trusted */
    FRONT_TLS_PROTOCOL,    /* no TLS, nothing in common, an alert of the client's */
    FRONT_TLS_FAILURES
};

struct front_stats {
    stat_counter connections;          /* open now */
    stat_counter connections_accepted; /* since the start */
    stat_counter connections_dropped;  /* by a time-out */
    stat_counter refused_peers;        /* closed at the door: not in proxy-from */
    stat_counter refused_headers;      /* no PROXY header, or a malformed one */
    stat_counter refused_users;        /* neither in allow-uid nor in allow-gid */
    stat_counter accept_pauses;        /* at the limit, or out of descriptors */
    stat_counter requests;             /* heads read in full */
    stat_counter answers;              /* answers handed to the socket in full */
    stat_counter answers_by_class[6];  /* [2]: 2xx, ... */
    stat_counter answers_broken;       /* closed in their middle: the call failed, the client left or didn't read */
    stat_counter malformed;            /* refused by the parser */
    stat_counter auth_missing;         /* refused: no token */
    stat_counter auth_malformed;       /* refused: nothing that could be one */
    stat_counter auth_unknown;         /* refused: none of ours */
    stat_counter auth_not_allowed;     /* refused: not for this call */
    stat_counter clients_left;         /* hung up while their call was pending */
    stat_counter tls_handshakes;       /* that succeeded */
    stat_counter tls_failures[FRONT_TLS_FAILURES];
    stat_counter tls_expires_s; /* when the certificate in force expires, Unix time; 0: there is none */
    stat_counter bytes_in;
    stat_counter bytes_out;
    stat_counter buffered_bytes; /* held for clients now: partial heads, bodies, answers not yet taken */
    stat_counter buffered_limit_bytes;
    stat_counter no_room; /* what was refused for it */
};

/* -- the loop's beacon: what it is doing, and since when -- */

/** Written by the loop around each callback, read by the admin plane and the watchdog. */
struct loop_beacon {
    stat_counter busy_since_us;  /* monotonic; 0 while the loop sleeps */
    _Atomic(const char *) doing; /* name of the call that runs on the loop, or NULL; the registry's */
    stat_counter turns;
    stat_counter lag_us;     /* duration of the last turn */
    stat_counter lag_max_us; /* of the last 10 s or more */
    struct histogram lag;    /* durations of turns */
};

#endif

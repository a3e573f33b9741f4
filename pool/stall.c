/*
 * Stall: looks at the beacon, and the thread that does so all the time.
 *
 * The watch's thread looks every half threshold while the loop is awake. Once the loop has slept for as long it parks,
 * without a time-out: an idle process stays idle. The next dispatch wakes it. No dispatch is missed: the watch stores
 * is_parked = 1, then parks only if it sees is_asleep = 1; a loop that has said so ends its sleep with an exchange of
 * is_asleep, then looks at is_parked. All four are sequentially consistent. So whoever is seen asleep sees is_parked
 * when it comes back, and nothing of this is paid for by a dispatch but one load.
 */
#include "internal.h"

#include "fault.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/stall.h>

#define STACK_BYTES (256u * 1024u)
#define LOOKS_MAX   4 /* at a beacon that moves meanwhile */

struct tt_stall_watch {
    struct tt_wake *wake; /* fixed, like all but park and is_stopping */
    uint64_t threshold_us;
    tt_stall_fn fn;
    void *context;
    pthread_t thread;
    struct tti_park park;
    _Atomic uint32_t is_stopping; /* set before the park is woken, which makes it visible */
};

/** What the thread knows from one look to the next. */
struct watched {
    struct tti_call call; /* of the last look */
    uint64_t looked_us;   /* when that was */
    bool is_reported;     /* last has been told and has not ended */
    struct tt_stall last; /* as the last look saw it */
};

static uint64_t since(uint64_t now_us, uint64_t then_us) {
    return now_us > then_us ? now_us - then_us : 0;
}

static void copy_name(char to[static TT_STALL_NAME_MAX], const char *name) {
    size_t size = name != NULL ? strnlen(name, TT_STALL_NAME_MAX - 1) : 0;
    if (size > 0)
        memcpy(to, name, size);
    to[size] = '\0';
}

static bool is_same(const struct tti_call *left, const struct tti_call *right) {
    return left->turn == right->turn && left->note == right->note && left->fn == right->fn;
}

/** Reads the beacon, of one piece if it stands still for as long as that takes. */
static struct tti_call read_beacon(struct tti_beacon *beacon, uint64_t *ret_turn_us,
                                   char ret_name[static TT_STALL_NAME_MAX]) {
    struct tti_call call = {0};
    for (int i = 0; i < LOOKS_MAX; i++) {
        /* Acquire, each: none of these loads moves before the one above it. */
        call.turn = atomic_load_explicit(&beacon->turn, memory_order_acquire);
        call.note = atomic_load_explicit(&beacon->note, memory_order_acquire);
        call.fn = atomic_load_explicit(&beacon->fn, memory_order_acquire);
        *ret_turn_us = atomic_load_explicit(&beacon->turn_us, memory_order_acquire);
        copy_name(ret_name, atomic_load_explicit(&beacon->job_name, memory_order_acquire));
        if (atomic_load_explicit(&beacon->note, memory_order_acquire) == call.note &&
            atomic_load_explicit(&beacon->turn, memory_order_relaxed) == call.turn)
            break;
    }
    return call;
}

/** One look. Returns: what it saw, described in *ret. */
static struct tti_call look(struct tti_beacon *beacon, struct tt_stall *ret) {
    uint64_t turn_us = 0;
    memset(ret, 0, sizeof *ret);
    tti_lock_enter(&beacon->lock);
    uint64_t before_us = tti_clock_now_us();
    struct tti_call call = read_beacon(beacon, &turn_us, ret->job_name);
    uint64_t after_us = tti_clock_now_us();
    if (!is_same(&call, &beacon->seen)) {
        beacon->seen = call;
        beacon->seen_us = after_us; /* and the age ends before a look: nothing is said to be older than it is */
    }
    ret->kind = (enum tt_stall_kind)(call.note & TTI_BEACON_KIND_MASK);
    ret->fn = call.fn;
    ret->at_least_us = since(before_us, beacon->seen_us);
    ret->at_most_us = since(after_us, turn_us);
    tti_lock_leave(&beacon->lock);
    if (ret->kind == TT_STALL_NONE)
        memset(ret, 0, sizeof *ret);
    return call;
}

bool tt_wake_stall(struct tt_wake *wake, struct tt_stall *ret_stall) {
    (void)look(&wake->beacon, ret_stall);
    return ret_stall->kind != TT_STALL_NONE;
}

const char *tt_stall_kind_name(enum tt_stall_kind kind) {
    static const char *const names[] = {"none", "done", "release", "watch", "post", "timer", "run"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

static void tell_end(const struct tt_stall_watch *watch, struct watched *watched) {
    watched->is_reported = false;
    watched->last.is_over = true;
    /* It ended somewhere between the last look, which has counted until then, and now. */
    watched->last.at_most_us += since(tti_clock_now_us(), watched->looked_us);
    watch->fn(&watched->last, watch->context);
}

/** Looks once and tells what there is to tell. Returns: whether nothing has happened since the look before. */
static bool look_on(const struct tt_stall_watch *watch, struct watched *watched) {
    struct tt_stall stall;
    struct tti_call call = look(&watch->wake->beacon, &stall);
    bool is_still = is_same(&call, &watched->call);
    if (!is_still && watched->is_reported)
        tell_end(watch, watched);
    watched->call = call;
    watched->looked_us = tti_clock_now_us();
    watched->last = stall;
    if (stall.kind == TT_STALL_NONE)
        return is_still;
    if (!watched->is_reported && stall.at_least_us >= watch->threshold_us) {
        watched->is_reported = true;
        watch->fn(&stall, watch->context);
    }
    return false;
}

/** Sleeps until the next dispatch, if the loop is asleep. Returns: whether it was. */
static bool park(struct tt_stall_watch *watch) {
    struct tt_wake *wake = watch->wake;
    atomic_store_explicit(&wake->beacon.is_parked, 1, memory_order_seq_cst);
    bool is_asleep = atomic_load_explicit(&wake->is_asleep, memory_order_seq_cst) != 0;
    if (is_asleep)
        tti_park_wait(&watch->park, UINT64_MAX);
    atomic_store_explicit(&wake->beacon.is_parked, 0, memory_order_relaxed);
    return is_asleep;
}

static void *watch_main(void *argument) {
    struct tt_stall_watch *watch = argument;
    struct watched watched = {.call.turn = UINT64_MAX};
    (void)pthread_setname_np(pthread_self(), "tt-stall"); /* only a name */
    while (atomic_load_explicit(&watch->is_stopping, memory_order_acquire) == 0) {
        bool is_quiet = look_on(watch, &watched);
        if (!is_quiet || !park(watch))
            tti_park_wait(&watch->park, watch->threshold_us / 2);
    }
    if (watched.is_reported)
        tell_end(watch, &watched);
    return NULL;
}

void tti_stall_unpark(struct tt_wake *wake) {
    if (atomic_exchange_explicit(&wake->beacon.is_parked, 0, memory_order_relaxed) != 0)
        tti_park_wake(&wake->beacon.watch->park);
}

/** All signals are the program's: none is taken here. Returns: 0 or an errno. */
static int start_thread(struct tt_stall_watch *watch) {
    if (TTI_FAULT(thread_starts_fail))
        return EAGAIN;
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed != 0)
        return failed;
    sigset_t blocked;
    sigset_t before;
    (void)sigfillset(&blocked);                                /* these can't fail with constant arguments */
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES); /* more than the least */
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    failed = pthread_create(&watch->thread, &attributes, watch_main, watch);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes); /* can't fail on Linux */
    return failed;
}

struct tt_stall_watch *tt_stall_watch_start(struct tt_wake *wake, uint64_t threshold_us, tt_stall_fn fn, void *context,
                                            struct tt_error *reterr) {
    if (!tti_is_on_loop(wake, __func__)) {
        (void)tt_error_set(reterr, TT_INVALID, 0, "not on the loop's thread");
        return NULL;
    }
    if (fn == NULL || threshold_us < TT_STALL_THRESHOLD_MIN_US || wake->beacon.watch != NULL) {
        (void)tt_error_set(reterr, TT_INVALID, 0, "%s",
                           fn == NULL                   ? "a stall watch needs a function"
                           : wake->beacon.watch != NULL ? "this loop is watched already"
                                                        : "a stall lasts 1 ms at least");
        return NULL;
    }
    struct tt_stall_watch *watch = TTI_FAULT_NTH(allocation_fails) ? NULL : calloc(1, sizeof *watch);
    if (watch == NULL) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory for a stall watch");
        return NULL;
    }
    watch->wake = wake;
    watch->threshold_us = threshold_us;
    watch->fn = fn;
    watch->context = context;
    wake->beacon.watch = watch;
    int failed = start_thread(watch);
    if (failed == 0)
        return watch;
    wake->beacon.watch = NULL;
    free(watch);
    (void)tt_error_set(reterr, TT_SYSTEM, failed, "can't start a thread that watches the loop: %s",
                       strerrordesc_np(failed));
    return NULL;
}

void tt_stall_watch_stop(struct tt_stall_watch *watch) {
    if (watch == NULL || !tti_is_on_loop(watch->wake, __func__))
        return;
    atomic_store_explicit(&watch->is_stopping, 1, memory_order_release);
    tti_park_wake(&watch->park);
    (void)pthread_join(watch->thread, NULL); /* it ends at the next look */
    watch->wake->beacon.watch = NULL;
    free(watch);
}

/* Sides: see sides.h. */
#include "sides.h"

#include "calls/registry.h"
#include "http/handout.h"
#include "http/tls.h"
#include "log.h"
#include "relay.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DRAIN_TICK_US 5000u
#define STOP_WAIT_S   2

enum side_state { SIDE_STARTING, SIDE_TURNING, SIDE_STOPPED, SIDE_ENDED, SIDE_FAILED };

struct side {
    struct sides *sides;
    struct relay to_home;
    struct relay from_home;
    unsigned number; /* from 1 on: 0 is home */
    pthread_t thread;
    bool has_thread;
    const struct config_server *config; /* until it turns */
    struct loop *loop;
    struct front *front;

    /* under the mutex of sides */
    enum side_state state;
    struct tt_error error; /* SIDE_FAILED */
    uint64_t left_count;   /* SIDE_STOPPED */
    bool is_clean;         /* SIDE_ENDED */

    struct relay_item drain; /* to it */
    struct relay_item stop;
    struct relay_item idle; /* from it */
    struct tt_timer drain_tick;
    bool is_idle; /* home's: it has reported */
};

struct sides {
    struct loop *home;
    struct front *front;
    struct handout *handout;
    struct admin_loop *shown;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool may_end;               /* under the mutex: none turns any more, which might look at another's numbers */
    struct takeover *takeovers; /* under way */
    bool is_stopped;
    size_t count;
    struct side items[];
};

/* -- on a side's own thread -- */

static void set_state(struct side *side, enum side_state state) {
    (void)pthread_mutex_lock(&side->sides->mutex);
    side->state = state;
    (void)pthread_cond_broadcast(&side->sides->changed);
    (void)pthread_mutex_unlock(&side->sides->mutex);
}

static enum tt_status make(struct side *side) TT_ON_LOOP {
    struct sides *sides = side->sides;
    side->loop = loop_create(&side->error);
    if (side->loop == NULL)
        return TT_SYSTEM;
    relay_init(&side->to_home, side->loop, sides->home);
    relay_init(&side->from_home, sides->home, side->loop);
    const struct loop_place place = {side->number, &side->to_home, &side->from_home};
    loop_set_place(side->loop, &place);
    side->front = front_create(side->loop, sides->front->registry, sides->front->routes, &side->error);
    if (side->front == NULL)
        return TT_NOMEM;
    front_set_limits(side->front, side->config);
    if (sides->front->tls != NULL)
        front_set_tls(side->front, tls_hold(sides->front->tls));
    side->front->handout = sides->handout;
    return TT_OK;
}

/** Only what nobody uses any more goes: a call that has not ended points to its request, and that to the front. */
static bool unmake(struct side *side) TT_ON_LOOP {
    bool is_clean = front_destroy(side->front);
    if (is_clean && side->loop != NULL) {
        tt_timer_stop(loop_wake(side->loop), &side->drain_tick);
        loop_destroy(side->loop);
    }
    return is_clean;
}

/** Tells how it has left its clients, then waits: fronts look at each other's numbers (handout.h). */
static void stop_turning(struct side *side) TT_ON_LOOP {
    struct sides *sides = side->sides;
    uint64_t left_count = front_is_idle(side->front) ? 0 : side->front->connection_count;
    (void)pthread_mutex_lock(&sides->mutex);
    side->left_count = left_count;
    side->state = SIDE_STOPPED;
    (void)pthread_cond_broadcast(&sides->changed);
    while (!sides->may_end)
        (void)pthread_cond_wait(&sides->changed, &sides->mutex);
    (void)pthread_mutex_unlock(&sides->mutex);
}

static void *side_main(void *context) {
    struct side *side = context;
    tt_assume_loop();
    if (make(side) != TT_OK) {
        (void)unmake(side); /* nobody has seen it */
        set_state(side, SIDE_FAILED);
        return NULL;
    }
    set_state(side, SIDE_TURNING);
    loop_run(side->loop);
    stop_turning(side);
    side->is_clean = unmake(side);
    set_state(side, SIDE_ENDED);
    return NULL;
}

static void on_idle(struct relay_item *item) {
    tt_assume_loop();
    struct side *side = (struct side *)((char *)item - offsetof(struct side, idle));
    side->is_idle = true;
}

static void on_drain_tick(struct tt_timer *timer) {
    tt_assume_loop();
    struct side *side = (struct side *)((char *)timer - offsetof(struct side, drain_tick));
    if (front_is_idle(side->front))
        relay_send(&side->to_home, &side->idle, on_idle);
    else
        tt_timer_start(loop_wake(side->loop), timer, DRAIN_TICK_US, on_drain_tick);
}

static void on_drain(struct relay_item *item) {
    tt_assume_loop();
    struct side *side = (struct side *)((char *)item - offsetof(struct side, drain));
    front_drain(side->front);
    on_drain_tick(&side->drain_tick);
}

static void on_stop(struct relay_item *item) {
    tt_assume_loop();
    struct side *side = (struct side *)((char *)item - offsetof(struct side, stop));
    loop_stop(side->loop);
}

/** A new configuration on its way to all sides and back; then nobody looks at the old one any more. */
struct takeover {
    struct takeover *next;
    const struct config_server *config;
    struct config *old;
    size_t out_count; /* items not back yet */
    struct takeover_item {
        struct relay_item item;
        struct takeover *takeover;
        struct side *side;
        struct ssl_ctx_st *tls; /* held for the side; NULL: taken, or none */
    } items[];
};

static void on_taken_over(struct relay_item *item);

static void on_take_over(struct relay_item *item) {
    tt_assume_loop();
    struct takeover_item *part = (struct takeover_item *)item;
    front_set_limits(part->side->front, part->takeover->config);
    if (part->tls != NULL)
        front_set_tls(part->side->front, part->tls);
    part->tls = NULL;
    relay_send(&part->side->to_home, item, on_taken_over);
}

/* -- start, on home -- */

static bool init_locks(struct sides *sides) {
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&sides->mutex, NULL) != 0)
        return false;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* Linux has it */
    int failed = pthread_cond_init(&sides->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes); /* can't fail */
    return failed == 0;
}

/** Signals are home's. */
static int start_thread(struct side *side) {
    sigset_t all;
    sigset_t before;
    char name[16];
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&side->thread, NULL, side_main, side);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return failed;
    side->has_thread = true;
    (void)snprintf(name, sizeof name, "loop-%u", side->number + 1); /* fits */
    (void)pthread_setname_np(side->thread, name);                   /* a name is a help, not a need */
    return 0;
}

static enum tt_status start_side(struct side *side, struct tt_error *reterr) TT_ON_LOOP {
    struct sides *sides = side->sides;
    int failed = start_thread(side);
    if (failed != 0)
        return tt_error_set(reterr, TT_SYSTEM, failed, "can't start the thread of loop %u: %s", side->number + 1,
                            strerrordesc_np(failed));
    (void)pthread_mutex_lock(&sides->mutex);
    while (side->state == SIDE_STARTING)
        (void)pthread_cond_wait(&sides->changed, &sides->mutex);
    bool has_failed = side->state == SIDE_FAILED;
    (void)pthread_mutex_unlock(&sides->mutex);
    if (has_failed) {
        *reterr = side->error;
        return side->error.status;
    }
    handout_add(sides->handout, side->front, &side->from_home);
    sides->shown[side->number - 1] = (struct admin_loop){&side->front->stats, loop_get_beacon(side->loop)};
    return TT_OK;
}

static struct sides *create(struct front *front, size_t side_count) TT_ON_LOOP {
    /* Relays have places on cache lines of their own. */
    size_t size = sizeof(struct sides) + side_count * sizeof(struct side);
    size_t align = _Alignof(struct sides);
    struct sides *sides = aligned_alloc(align, (size + align - 1) / align * align);
    if (sides == NULL)
        return NULL;
    *sides = (struct sides){.home = front->loop, .front = front, .is_stopped = false};
    if (!init_locks(sides)) {
        free(sides);
        return NULL;
    }
    sides->handout = handout_create(front, side_count);
    sides->shown = calloc(side_count, sizeof *sides->shown);
    if (sides->handout == NULL || sides->shown == NULL) {
        sides_destroy(sides);
        return NULL;
    }
    return sides;
}

struct sides *sides_start(struct front *front, size_t side_count, const struct config_server *config,
                          struct tt_error *reterr) {
    struct sides *sides = create(front, side_count);
    if (sides == NULL) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory for the event loops");
        return NULL;
    }
    for (size_t i = 0; i < side_count; i++) {
        struct side *side = &sides->items[i];
        *side = (struct side){.sides = sides, .number = (unsigned)i + 1, .config = config};
        sides->count++;
        if (start_side(side, reterr) != TT_OK) {
            (void)sides_stop(sides); /* nobody is connected yet */
            sides_destroy(sides);
            return NULL;
        }
    }
    front->handout = sides->handout;
    return sides;
}

/* -- while they turn -- */

static void free_takeover(struct takeover *takeover, size_t count) {
    for (size_t i = 0; i < count; i++)
        tls_drop(takeover->items[i].tls);
    config_destroy(takeover->old);
    free(takeover);
}

static void on_taken_over(struct relay_item *item) {
    tt_assume_loop();
    const struct takeover_item *part = (struct takeover_item *)item;
    struct takeover *takeover = part->takeover;
    struct sides *sides = part->side->sides;
    struct takeover **link = &sides->takeovers;
    if (--takeover->out_count > 0)
        return;
    while (*link != takeover)
        link = &(*link)->next;
    *link = takeover->next;
    free_takeover(takeover, sides->count);
}

void sides_take_over(struct sides *sides, const struct config *next, struct ssl_ctx_st *tls, struct config *old) {
    if (sides == NULL) {
        config_destroy(old);
        return;
    }
    struct takeover *takeover = calloc(1, sizeof *takeover + sides->count * sizeof *takeover->items);
    if (takeover == NULL) {
        log_event(TT_LOG_ERROR, "limits_failed", "reason=nomem"); /* they keep the old ones, so these must stay */
        return;
    }
    *takeover = (struct takeover){.next = sides->takeovers, .config = &next->server, .old = old};
    takeover->out_count = sides->count;
    sides->takeovers = takeover;
    for (size_t i = 0; i < sides->count; i++) {
        struct takeover_item *part = &takeover->items[i];
        part->takeover = takeover;
        part->side = &sides->items[i];
        part->tls = tls != NULL ? tls_hold(tls) : NULL;
        relay_send(&part->side->from_home, &part->item, on_take_over);
    }
}

void sides_drain(struct sides *sides) {
    for (size_t i = 0; sides != NULL && i < sides->count; i++)
        relay_send(&sides->items[i].from_home, &sides->items[i].drain, on_drain);
}

bool sides_are_idle(const struct sides *sides) {
    for (size_t i = 0; sides != NULL && i < sides->count; i++)
        if (!sides->items[i].is_idle)
            return false;
    return true;
}

bool sides_are_turning(const struct sides *sides, uint64_t limit_us) {
    uint64_t now_us = tt_wake_clock_us();
    for (size_t i = 0; sides != NULL && i < sides->count; i++) {
        uint64_t since_us = stat_get(&sides->shown[i].beacon->busy_since_us);
        if (since_us != 0 && since_us + limit_us < now_us)
            return false;
    }
    return true;
}

uint64_t sides_count_connections(const struct sides *sides) {
    uint64_t count = 0;
    for (size_t i = 0; sides != NULL && i < sides->count; i++)
        count += stat_get(&sides->shown[i].front->connections);
    return count;
}

const struct admin_loop *sides_show(const struct sides *sides, size_t *ret_count) {
    *ret_count = sides != NULL ? sides->count : 0;
    return sides != NULL ? sides->shown : NULL;
}

/* -- the end -- */

/** Returns: whether it has stopped. */
static bool await_stop(struct side *side, const struct timespec *due) TT_ON_LOOP {
    struct sides *sides = side->sides;
    int failed = 0;
    (void)pthread_mutex_lock(&sides->mutex);
    while (side->state == SIDE_TURNING && failed != ETIMEDOUT)
        failed = pthread_cond_timedwait(&sides->changed, &sides->mutex, due);
    bool has_stopped = side->state != SIDE_TURNING;
    (void)pthread_mutex_unlock(&sides->mutex);
    return has_stopped;
}

static uint64_t stop_side(struct side *side, const struct timespec *due, bool *ret_has_stopped) TT_ON_LOOP {
    *ret_has_stopped = await_stop(side, due);
    if (*ret_has_stopped)
        return side->left_count;
    uint64_t open_count = stat_get(&side->front->stats.connections);
    const char *doing = atomic_load(&loop_get_beacon(side->loop)->doing);
    log_event(TT_LOG_WARNING, "loop_stuck", "loop=%u call=%s connections=%llu", side->number + 1,
              doing != NULL ? doing : "unknown", (unsigned long long)open_count);
    return open_count;
}

/** Only when all have stopped: else the process is about to end under those that have. */
static void end_threads(struct sides *sides) TT_ON_LOOP {
    (void)pthread_mutex_lock(&sides->mutex);
    sides->may_end = true;
    (void)pthread_cond_broadcast(&sides->changed);
    (void)pthread_mutex_unlock(&sides->mutex);
    for (size_t i = 0; i < sides->count; i++) {
        if (sides->items[i].has_thread)
            (void)pthread_join(sides->items[i].thread, NULL);
        sides->items[i].has_thread = false;
    }
}

static void send_stops(struct sides *sides) TT_ON_LOOP {
    for (size_t i = 0; i < sides->count; i++) {
        struct side *side = &sides->items[i];
        if (side->state != SIDE_TURNING)
            continue; /* its start has failed */
        relay_send(&side->from_home, &side->stop, on_stop);
        relay_flush(&side->from_home); /* home turns no more */
    }
}

uint64_t sides_stop(struct sides *sides) {
    uint64_t left_count = 0;
    bool have_all_stopped = true;
    struct timespec due;
    if (sides == NULL || sides->is_stopped)
        return 0;
    sides->is_stopped = true;
    (void)clock_gettime(CLOCK_MONOTONIC, &due); /* can't fail */
    due.tv_sec += STOP_WAIT_S;
    send_stops(sides);
    for (size_t i = 0; i < sides->count; i++) {
        struct side *side = &sides->items[i];
        bool has_stopped = true;
        if (side->has_thread)
            left_count += stop_side(side, &due, &has_stopped);
        have_all_stopped = have_all_stopped && has_stopped;
        if (side->loop != NULL)
            relay_close(&side->to_home);
    }
    if (have_all_stopped)
        end_threads(sides);
    handout_close(sides->handout);
    return left_count;
}

bool sides_are_clean(const struct sides *sides) {
    for (size_t i = 0; sides != NULL && i < sides->count; i++)
        if (sides->items[i].has_thread || !sides->items[i].is_clean)
            return false;
    return true;
}

void sides_destroy(struct sides *sides) {
    if (sides == NULL)
        return;
    while (sides->takeovers != NULL) { /* the end came before they were back */
        struct takeover *takeover = sides->takeovers;
        sides->takeovers = takeover->next;
        free_takeover(takeover, sides->count);
    }
    handout_destroy(sides->handout);
    free(sides->shown);
    (void)pthread_cond_destroy(&sides->changed); /* their threads have ended */
    (void)pthread_mutex_destroy(&sides->mutex);
    free(sides);
}

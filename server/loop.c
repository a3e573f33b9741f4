/* Loop: see loop.h. */
#include "loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Finished jobs a turn: enough to spread the turn's fixed cost, few enough that new requests are read in between. */
#define DISPATCH_COUNT 256u
#define SIGNALS_MAX    8u
#define LAG_WINDOW_US  10000000u

struct loop_signal {
    struct event event;
    struct loop *loop;
    loop_signal_fn fn;
    void *context;
};

struct loop {
    struct event_base *base;
    struct tt_wake *wake;
    struct event pipe;
    struct event alarm;
    int alarm_fd;      /* a timerfd; -1: none yet */
    uint64_t alarm_us; /* when the alarm is due; UINT64_MAX: not set */
    bool is_stopping;
    struct loop_task *tasks; /* of this turn's end */
    struct loop_place place; /* fixed */
    struct loop_signal signals[SIGNALS_MAX];
    size_t signal_count;
    uint64_t lag_window_us;
    uint64_t lag_window_max_us;
    struct loop_beacon beacon;
};

void loop_entered(struct loop *loop) {
    if (stat_get(&loop->beacon.busy_since_us) == 0)
        stat_set(&loop->beacon.busy_since_us, tt_wake_now_us(loop->wake));
}

void loop_doing(struct loop *loop, const char *name) {
    atomic_store_explicit(&loop->beacon.doing, name, memory_order_relaxed);
}

static void on_pipe(evutil_socket_t fd, short what, void *context) {
    tt_assume_loop();
    (void)fd;
    (void)what;
    loop_entered(context); /* loop_run dispatches after every turn: the event only ends the sleep */
}

static void on_alarm(evutil_socket_t fd, short what, void *context) {
    tt_assume_loop();
    (void)what;
    struct loop *loop = context;
    uint64_t count;
    (void)!read((int)fd, &count,
                sizeof count); /* only to make it unreadable; an alarm that was moved has nothing to read */
    loop->alarm_us = UINT64_MAX;
    loop_entered(loop);
}

static void on_signal(evutil_socket_t number, short what, void *context) {
    tt_assume_loop();
    (void)what;
    struct loop_signal *entry = context;
    loop_entered(entry->loop);
    entry->fn(entry->context, (int)number);
}

static struct event_base *create_base(void) {
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    /* One thread uses the base. Not EPOLL_USE_CHANGELIST: it puts off the removal of a closed connection's descriptor until that
       number may be somebody else's, and with one registration a connection there is nothing to save. */
    int failed = event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
    failed |= event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
    struct event_base *base = failed == 0 ? event_base_new_with_config(config) : NULL;
    event_config_free(config);
    return base;
}

struct loop *loop_create(struct tt_error *reterr) {
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory for the event loop");
        return NULL;
    }
    tt_assume_loop(); /* whoever creates it is its thread */
    loop->alarm_us = UINT64_MAX;
    loop->alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (loop->alarm_fd < 0) {
        (void)tt_error_set(reterr, TT_SYSTEM, errno, "can't make a timer: %s", strerrordesc_np(errno));
        goto fail;
    }
    loop->wake = tt_wake_create(reterr);
    if (loop->wake == NULL)
        goto fail;
    loop->base = create_base();
    if (loop->base == NULL) {
        (void)tt_error_set(reterr, TT_SYSTEM, 0, "libevent has no event loop with edge triggers on this system");
        goto fail;
    }
    if (event_assign(&loop->pipe, loop->base, tt_wake_fd(loop->wake), EV_READ | EV_PERSIST, on_pipe, loop) != 0 ||
        event_assign(&loop->alarm, loop->base, loop->alarm_fd, EV_READ | EV_PERSIST, on_alarm, loop) != 0 ||
        event_add(&loop->pipe, NULL) != 0 || event_add(&loop->alarm, NULL) != 0) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "libevent can't watch the pipe");
        goto fail;
    }
    return loop;
fail:
    loop_destroy(loop);
    return NULL;
}

void loop_destroy(struct loop *loop) {
    if (loop == NULL)
        return;
    for (size_t i = 0; i < loop->signal_count; i++)
        (void)event_del(&loop->signals[i].event); /* can't fail for an event that was added */
    if (loop->base != NULL) {
        if (event_initialized(&loop->pipe))
            (void)event_del(&loop->pipe);
        if (event_initialized(&loop->alarm))
            (void)event_del(&loop->alarm);
        event_base_free(loop->base);
    }
    if (loop->alarm_fd >= 0)
        (void)close(loop->alarm_fd); /* a timer holds no data */
    tt_wake_destroy(loop->wake);
    free(loop);
}

/**
 * Sets the only timer, unless it is due early enough already: being woken early costs nothing but a turn. libevent's own timers
 * go by a clock that moves every 4 ms.
 */
static void set_alarm(struct loop *loop, uint64_t sleep_us) TT_ON_LOOP {
    uint64_t due_us = tt_wake_clock_us() + sleep_us;
    if (due_us >= loop->alarm_us)
        return;
    const struct itimerspec due = {.it_value = {(time_t)(due_us / 1000000u), (long)(due_us % 1000000u) * 1000}};
    if (timerfd_settime(loop->alarm_fd, TFD_TIMER_ABSTIME, &due, NULL) == 0)
        loop->alarm_us = due_us;
}

static void note_turn(struct loop *loop) TT_ON_LOOP {
    struct loop_beacon *beacon = &loop->beacon;
    uint64_t since_us = stat_get(&beacon->busy_since_us);
    if (since_us == 0)
        return; /* it did nothing */
    uint64_t now_us = tt_wake_clock_us();
    uint64_t took_us = now_us > since_us ? now_us - since_us : 0;
    stat_add(&beacon->turns, 1);
    stat_set(&beacon->lag_us, took_us);
    histogram_add(&beacon->lag, took_us);
    if (took_us > loop->lag_window_max_us)
        loop->lag_window_max_us = took_us;
    if (took_us > stat_get(&beacon->lag_max_us))
        stat_set(&beacon->lag_max_us, took_us);
    if (now_us - loop->lag_window_us > LAG_WINDOW_US) {
        stat_set(&beacon->lag_max_us, loop->lag_window_max_us);
        loop->lag_window_us = now_us;
        loop->lag_window_max_us = 0;
    }
    stat_set(&beacon->busy_since_us, 0);
}

void loop_at_turn_end(struct loop *loop, struct loop_task *task) {
    task->next = loop->tasks;
    loop->tasks = task;
}

static void run_tasks(struct loop *loop) TT_ON_LOOP {
    while (loop->tasks != NULL) {
        struct loop_task *task = loop->tasks;
        loop->tasks = task->next;
        task->fn(task);
    }
}

void loop_run(struct loop *loop) {
    while (!loop->is_stopping) {
        run_tasks(loop);
        int64_t sleep_us = tt_wake_prepare(loop->wake);
        if (sleep_us > 0)
            set_alarm(loop, (uint64_t)sleep_us);
        /* libevent waits here, and runs what is due; the wake was armed just before, so no worker writes in vain. */
        (void)event_base_loop(loop->base, EVLOOP_ONCE | (sleep_us == 0 ? EVLOOP_NONBLOCK : 0));
        loop_entered(loop);
        (void)tt_wake_dispatch(loop->wake, DISPATCH_COUNT);
        note_turn(loop);
    }
    run_tasks(loop);
    loop->is_stopping = false;
}

void loop_stop(struct loop *loop) {
    loop->is_stopping = true;
}

void loop_set_place(struct loop *loop, const struct loop_place *place) {
    loop->place = *place;
}

const struct loop_place *loop_get_place(const struct loop *loop) {
    return &loop->place;
}

struct event_base *loop_base(struct loop *loop) {
    return loop->base;
}

struct tt_wake *loop_wake(struct loop *loop) {
    return loop->wake;
}

struct loop_beacon *loop_get_beacon(struct loop *loop) {
    return &loop->beacon;
}

enum tt_status loop_on_signal(struct loop *loop, int signal_number, loop_signal_fn fn, void *context) {
    if (loop->signal_count == SIGNALS_MAX)
        return TT_FULL;
    struct loop_signal *entry = &loop->signals[loop->signal_count];
    entry->loop = loop;
    entry->fn = fn;
    entry->context = context;
    if (evsignal_assign(&entry->event, loop->base, signal_number, on_signal, entry) != 0 ||
        evsignal_add(&entry->event, NULL) != 0)
        return TT_SYSTEM;
    loop->signal_count++;
    return TT_OK;
}

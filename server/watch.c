/* Watch: see watch.h. */
#include "watch.h"

#include "log.h"
#include <stddef.h>

#define PAUSE_US 1000000u

static void on_look(struct tt_timer *timer) {
    tt_assume_loop();
    struct watch *watch = (struct watch *)((char *)timer - offsetof(struct watch, timer));
    struct tt_pool_snapshot now;
    tt_pool_snapshot(watch->pool, &now);
    /* Not idle or busy ones: a spare that has just been started is neither yet. */
    bool is_stuck = now.zombie_count > 0 && now.thread_count <= now.zombie_count;
    if (is_stuck == watch->is_stuck)
        return;
    watch->is_stuck = is_stuck;
    watch->told_us = tt_wake_clock_us();
    if (is_stuck)
        log_event(TT_LOG_WARNING, "pool_stuck", "pool=%s zombies=%u spare=%u queue=%u", watch->name, now.zombie_count,
                  now.spare_limit, now.queue_depth);
    else
        log_event(TT_LOG_NOTICE, "pool_recovered", "pool=%s zombies=%u queue=%u", watch->name, now.zombie_count,
                  now.queue_depth);
}

void watch_init(struct watch *watch, struct tt_wake *wake, struct tt_pool *pool, const char *name) {
    *watch = (struct watch){.wake = wake, .pool = pool, .name = name};
}

void watch_look(struct watch *watch) {
    if (watch->wake == NULL)
        return;
    uint64_t now_us = tt_wake_clock_us();
    uint64_t quiet_until_us = watch->told_us != 0 ? watch->told_us + PAUSE_US : 0;
    if (watch->timer.prev == NULL)
        tt_timer_start(watch->wake, &watch->timer, quiet_until_us > now_us ? quiet_until_us - now_us : 0, on_look);
}

void watch_stop(struct watch *watch) {
    if (watch->wake != NULL)
        tt_timer_stop(watch->wake, &watch->timer);
    watch->wake = NULL;
}

/*
 * Health: is the process alive, may it get traffic; /livez and /readyz.
 */
#include "health.h"
#include "page.h"
#include "sum.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tothread/stats.h>

static bool pool_is_used(const struct registry *registry, const struct call_pool *pool) {
    for (size_t i = 0; i < registry->call_count; i++)
        if (registry->calls[i].pool == pool)
            return true;
    return false;
}

/* Adds the reason why a pool can't run a job, if there is one. */
static void explain_pool(struct text *text, const struct call_pool *pool) {
    struct tt_pool_snapshot snapshot;
    char reason[512];

    if (!pool->pool) {
        (void)snprintf(reason, sizeof reason, "pool %s has not been started", pool->name);
        text_string(text, NULL, reason);
        return;
    }
    tt_pool_snapshot(pool->pool, &snapshot);
    if (snapshot.worker_target == 0 || snapshot.idle_count + snapshot.busy_count > 0)
        return;
    if (snapshot.zombie_count > 0 && snapshot.starting_count == 0)
        (void)snprintf(reason, sizeof reason,
                       "pool %s: all %" PRIu32 " workers are zombies and the budget of %" PRIu32 " spares is used up",
                       pool->name, snapshot.zombie_count, snapshot.spare_limit);
    else
        (void)snprintf(reason, sizeof reason, "pool %s has no worker that is ready%s%s", pool->name,
                       snapshot.start_error[0] ? ": " : "", snapshot.start_error);
    text_string(text, NULL, reason);
}

struct health_loop health_loop(const struct loop_beacon *beacon, uint64_t now_us) {
    struct health_loop loop = {0};
    uint64_t since_us = stat_get(&beacon->busy_since_us);

    /* The two fields are written one after the other: a name is only believed when the turn is still the same. A loop
       that moves on so often isn't stalled, so a few tries do. */
    for (int i = 0; i < 4; i++) {
        const char *doing = atomic_load_explicit(&beacon->doing, memory_order_acquire);
        uint64_t again_us = stat_get(&beacon->busy_since_us);

        loop.doing = doing;
        if (again_us == since_us)
            break;
        since_us = again_us;
        loop.doing = NULL;
    }
    if (since_us == 0)
        return (struct health_loop){0};
    loop.busy_us = now_us > since_us ? now_us - since_us : 1; /* it began after the caller looked at the clock */
    return loop;
}

const char *health_phase_name(int phase) {
    switch (phase) {
    case ADMIN_STARTING:
        return "starting";
    case ADMIN_READY:
        return "ready";
    default:
        return "draining";
    }
}

void page_livez(const struct admin_view *view, struct page *page) {
    size_t number;
    struct health_loop loop = sum_busiest(view, page_now_us(), &number);
    struct text *text = &page->body;
    bool is_stalled = loop.busy_us > HEALTH_STALL_US;

    page->status = is_stalled ? 503 : 200;
    page->type = "application/json";
    text_open(text, NULL, '{');
    text_string(text, "status", is_stalled ? "stalled" : "ok");
    text_string(text, "phase", health_phase_name(atomic_load(&view->phase)));
    if (is_stalled) {
        char detail[256];

        text_number(text, "stalled_ms", loop.busy_us / 1000);
        text_string(text, "call", loop.doing ? loop.doing : "unknown");
        text_number(text, "loop", number);
        (void)snprintf(detail, sizeof detail, "%s has been stalled for %" PRIu64 " ms by %s",
                       view->side_count > 0 ? "one of the loops" : "the loop", loop.busy_us / 1000,
                       loop.doing ? loop.doing : "an unknown call");
        text_string(text, "detail", detail);
    } else {
        text_number(text, "busy_ms", loop.busy_us / 1000);
    }
    text_close(text, '}');
    text_puts(text, "\n");
}

void page_readyz(const struct admin_view *view, struct page *page) {
    struct text reasons = {0};
    int phase = atomic_load(&view->phase);

    text_open(&reasons, "reasons", '[');
    if (phase != ADMIN_READY)
        text_string(&reasons, NULL, health_phase_name(phase));
    for (size_t i = 0; i < view->registry->pool_count; i++)
        if (pool_is_used(view->registry, &view->registry->pools[i]))
            explain_pool(&reasons, &view->registry->pools[i]);
    text_close(&reasons, ']');

    page->status = reasons.size > strlen("\"reasons\":[]") || reasons.has_no_memory ? 503 : 200;
    page->type = "application/json";
    text_open(&page->body, NULL, '{');
    text_string(&page->body, "status", page->status == 200 ? "ready" : "not ready");
    text_string(&page->body, "phase", health_phase_name(phase));
    text_puts(&page->body, ",");
    text_puts(&page->body, reasons.data ? reasons.data : "\"reasons\":[]");
    text_close(&page->body, '}');
    text_puts(&page->body, "\n");
    page->body.has_no_memory |= reasons.has_no_memory;
    text_deinit(&reasons);
}

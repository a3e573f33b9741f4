/* Sum: see sum.h. */
#include "sum.h"

/* Both kinds of numbers consist of counters and nothing else. */
_Static_assert(sizeof(struct front_stats) % sizeof(stat_counter) == 0, "front_stats is an array of counters");
_Static_assert(sizeof(struct call_stats) % sizeof(stat_counter) == 0, "call_stats is an array of counters");

static void add(void *to, const void *from, size_t size) {
    stat_counter *sums = to;
    const stat_counter *numbers = from;

    for (size_t i = 0; i < size / sizeof *sums; i++)
        stat_add(&sums[i], stat_get(&numbers[i]));
}

size_t sum_loop_count(const struct admin_view *view) {
    return 1 + view->side_count;
}

struct admin_loop sum_loop(const struct admin_view *view, size_t n) {
    return n == 0 ? (struct admin_loop){view->front, view->beacon} : view->sides[n - 1];
}

void sum_fronts(const struct admin_view *view, struct front_stats *ret_stats) {
    *ret_stats = (struct front_stats){0};
    for (size_t i = 0; i < sum_loop_count(view); i++)
        add(ret_stats, sum_loop(view, i).front, sizeof *ret_stats);
    stat_set(&ret_stats->buffered_limit_bytes, stat_get(&view->front->buffered_limit_bytes)); /* one for all */
    stat_set(&ret_stats->tls_expires_s, stat_get(&view->front->tls_expires_s));
}

void sum_call(const struct registry *registry, const struct call *call, struct call_stats *ret_stats) {
    *ret_stats = (struct call_stats){0};
    add(ret_stats, &call->stats, sizeof *ret_stats);
    for (size_t i = 0; call->side_stats && i < registry->side_count; i++)
        add(ret_stats, &call->side_stats[i], sizeof *ret_stats);
}

struct health_loop sum_busiest(const struct admin_view *view, uint64_t now_us, size_t *ret_number) {
    struct health_loop busiest = {0};

    *ret_number = 1;
    for (size_t i = 0; i < sum_loop_count(view); i++) {
        struct health_loop loop = health_loop(sum_loop(view, i).beacon, now_us);

        if (loop.busy_us <= busiest.busy_us)
            continue;
        busiest = loop;
        *ret_number = i + 1;
    }
    return busiest;
}

uint64_t sum_lag_max_us(const struct admin_view *view) {
    uint64_t most_us = 0;

    for (size_t i = 0; i < sum_loop_count(view); i++) {
        uint64_t lag_us = stat_get(&sum_loop(view, i).beacon->lag_max_us);

        most_us = lag_us > most_us ? lag_us : most_us;
    }
    return most_us;
}

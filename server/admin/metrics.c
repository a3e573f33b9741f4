/*
 * Metrics: all numbers as Prometheus text, version 0.0.4.
 *
 * A family's samples must stand together under one HELP and TYPE, so everything is copied first and then written family by
 * family. Counters and buckets are read once each: a histogram's _count is the sum of the buckets that were read.
 */
#include "../log.h"
#include "health.h"
#include "metric_keys.h"
#include "page.h"
#include "self.h"
#include "sum.h"
#include <inttypes.h>
#include <stdlib.h>
#include <tothread/stats.h>

#define METRIC_ENTRY(id, name, type, unit, help) {name, METRIC_##type, unit, help},
const struct metric_key metric_keys[METRIC_COUNT] = {METRIC_KEYS(METRIC_ENTRY)};
#undef METRIC_ENTRY

/* One series of a family: a counter inside struct call_stats or struct front_stats. */
struct counter_row {
    enum metric metric;
    const char *label; /* NULL: none of its own */
    const char *value;
    size_t offset;
};

/* One series of a family: a number inside struct tt_pool_snapshot. */
struct pool_row {
    enum metric metric;
    const char *label;
    const char *value;
    size_t offset;
    bool is_wide; /* uint64_t, else uint32_t */
};

#define CALL_FIELD(field)  offsetof(struct call_stats, field)
#define FRONT_FIELD(field) offsetof(struct front_stats, field)
#define POOL_FIELD(field)  offsetof(struct tt_pool_snapshot, field)
#define FRONT_CLASS(n)     (FRONT_FIELD(answers_by_class) + (n) * sizeof(stat_counter))

/* Rows of one metric stand together. */
static const struct counter_row call_rows[] = {
    {METRIC_CALLS_SUBMITTED, NULL, NULL, CALL_FIELD(submitted)},
    {METRIC_CALLS, "outcome", "done", CALL_FIELD(done)},
    {METRIC_CALLS, "outcome", "failed", CALL_FIELD(failed)},
    {METRIC_CALLS, "outcome", "crashed", CALL_FIELD(crashed)},
    {METRIC_CALLS, "outcome", "cancelled", CALL_FIELD(cancelled)},
    {METRIC_CALLS, "outcome", "expired_queue", CALL_FIELD(expired_queue)},
    {METRIC_CALLS, "outcome", "expired_run", CALL_FIELD(expired_run)},
    {METRIC_CALLS, "outcome", "refused_full", CALL_FIELD(refused_full)},
    {METRIC_CALLS, "outcome", "refused_closed", CALL_FIELD(refused_closed)},
    {METRIC_CALLS_IN_FLIGHT, NULL, NULL, CALL_FIELD(in_flight)},
};

static const struct pool_row pool_rows[] = {
    {METRIC_QUEUE_DEPTH, NULL, NULL, POOL_FIELD(queue_depth), false},
    {METRIC_QUEUE_CAPACITY, NULL, NULL, POOL_FIELD(queue_limit), false},
    {METRIC_WORKERS, "state", "idle", POOL_FIELD(idle_count), false},
    {METRIC_WORKERS, "state", "busy", POOL_FIELD(busy_count), false},
    {METRIC_WORKERS, "state", "zombie", POOL_FIELD(zombie_count), false},
    {METRIC_WORKERS, "state", "starting", POOL_FIELD(starting_count), false},
    {METRIC_WORKERS_CONFIGURED, NULL, NULL, POOL_FIELD(worker_target), false},
    {METRIC_SPARES, NULL, NULL, POOL_FIELD(spare_limit), false},
    {METRIC_JOBS_SUBMITTED, NULL, NULL, POOL_FIELD(submitted), true},
    {METRIC_JOBS, "outcome", "done", POOL_FIELD(done), true},
    {METRIC_JOBS, "outcome", "failed", POOL_FIELD(failed), true},
    {METRIC_JOBS, "outcome", "crashed", POOL_FIELD(crashed), true},
    {METRIC_JOBS, "outcome", "cancelled", POOL_FIELD(cancelled), true},
    {METRIC_JOBS, "outcome", "expired_queue", POOL_FIELD(expired_queue), true},
    {METRIC_JOBS, "outcome", "expired_run", POOL_FIELD(expired_run), true},
    {METRIC_JOBS, "outcome", "abandoned", POOL_FIELD(abandoned), true},
    {METRIC_REFUSED, "reason", "full", POOL_FIELD(refused_full), true},
    {METRIC_REFUSED, "reason", "closed", POOL_FIELD(refused_closed), true},
    {METRIC_ZOMBIES_ENDED, NULL, NULL, POOL_FIELD(zombies_ended), true},
    {METRIC_START_FAILURES, NULL, NULL, POOL_FIELD(start_failures), true},
};

static const struct counter_row front_rows[] = {
    {METRIC_CONNECTIONS, NULL, NULL, FRONT_FIELD(connections)},
    {METRIC_ACCEPTED, NULL, NULL, FRONT_FIELD(connections_accepted)},
    {METRIC_DROPPED, NULL, NULL, FRONT_FIELD(connections_dropped)},
    {METRIC_TURNED_AWAY, "reason", "proxy-from", FRONT_FIELD(refused_peers)},
    {METRIC_TURNED_AWAY, "reason", "proxy-header", FRONT_FIELD(refused_headers)},
    {METRIC_TURNED_AWAY, "reason", "allow", FRONT_FIELD(refused_users)},
    {METRIC_ACCEPT_PAUSES, NULL, NULL, FRONT_FIELD(accept_pauses)},
    {METRIC_REQUESTS, NULL, NULL, FRONT_FIELD(requests)},
    {METRIC_ANSWERS, "class", "1xx", FRONT_CLASS(1)},
    {METRIC_ANSWERS, "class", "2xx", FRONT_CLASS(2)},
    {METRIC_ANSWERS, "class", "3xx", FRONT_CLASS(3)},
    {METRIC_ANSWERS, "class", "4xx", FRONT_CLASS(4)},
    {METRIC_ANSWERS, "class", "5xx", FRONT_CLASS(5)},
    {METRIC_ANSWERS_SENT, NULL, NULL, FRONT_FIELD(answers)},
    {METRIC_ANSWERS_BROKEN, NULL, NULL, FRONT_FIELD(answers_broken)},
    {METRIC_MALFORMED, NULL, NULL, FRONT_FIELD(malformed)},
    {METRIC_UNAUTHORIZED, "reason", "missing", FRONT_FIELD(auth_missing)},
    {METRIC_UNAUTHORIZED, "reason", "malformed", FRONT_FIELD(auth_malformed)},
    {METRIC_UNAUTHORIZED, "reason", "unknown", FRONT_FIELD(auth_unknown)},
    {METRIC_UNAUTHORIZED, "reason", "not-allowed", FRONT_FIELD(auth_not_allowed)},
    {METRIC_CLIENTS_LEFT, NULL, NULL, FRONT_FIELD(clients_left)},
    {METRIC_TLS_HANDSHAKES, NULL, NULL, FRONT_FIELD(tls_handshakes)},
    {METRIC_TLS_FAILURES, "reason", "timeout", FRONT_FIELD(tls_failures[FRONT_TLS_TIMEOUT])},
    {METRIC_TLS_FAILURES, "reason", "left", FRONT_FIELD(tls_failures[FRONT_TLS_LEFT])},
    {METRIC_TLS_FAILURES, "reason", "certificate", FRONT_FIELD(tls_failures[FRONT_TLS_CERTIFICATE])},
    {METRIC_TLS_FAILURES, "reason", "protocol", FRONT_FIELD(tls_failures[FRONT_TLS_PROTOCOL])},
    {METRIC_TLS_EXPIRES, NULL, NULL, FRONT_FIELD(tls_expires_s)},
    {METRIC_BYTES_IN, NULL, NULL, FRONT_FIELD(bytes_in)},
    {METRIC_BYTES_OUT, NULL, NULL, FRONT_FIELD(bytes_out)},
    {METRIC_BUFFERED, NULL, NULL, FRONT_FIELD(buffered_bytes)},
    {METRIC_BUFFERED_LIMIT, NULL, NULL, FRONT_FIELD(buffered_limit_bytes)},
    {METRIC_NO_ROOM, NULL, NULL, FRONT_FIELD(no_room)},
};

#define ROW_COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* -- the format -- */

static void write_header(struct text *text, enum metric metric) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const struct metric_key *key = &metric_keys[metric];

    text_format(text, "# HELP %s %s\n# TYPE %s %s\n", key->name, key->help, key->name, types[key->type]);
}

/* One label of a set that begins with '{' or ','. */
static void write_label(struct text *text, char before, const char *label, const char *value) {
    text_format(text, "%c%s=\"", before, label);
    text_label(text, value);
    text_puts(text, "\"");
}

static void write_call_labels(struct text *text, const struct call *call) {
    write_label(text, '{', "call", call->name);
    write_label(text, ',', "pool", call->pool ? call->pool->name : "none");
}

/* From 1 on. */
static void write_loop_label(struct text *text, size_t number) {
    text_format(text, "{loop=\"%zu\"", number);
}

/* Seconds without a rounding error. */
static void write_seconds(struct text *text, uint64_t value_us) {
    text_format(text, "%" PRIu64 ".%06" PRIu64, value_us / 1000000, value_us % 1000000);
}

/* A bucket's bound as everybody writes it, without zeros at the end: 0.00005, 0.25, 60. */
static void write_bound(struct text *text, uint64_t bound_us) {
    unsigned fraction = (unsigned)(bound_us % 1000000);
    int digits = 6;

    text_format(text, "%" PRIu64, bound_us / 1000000);
    if (fraction == 0)
        return;
    for (; fraction % 10 == 0; fraction /= 10)
        digits--;
    text_format(text, ".%0*u", digits, fraction);
}

/* Without the brace at the end. call is NULL for a loop's. */
static void write_histogram_labels(struct text *text, const struct call *call, size_t loop_number) {
    if (call)
        write_call_labels(text, call);
    else
        write_loop_label(text, loop_number);
}

/* _bucket, _sum and _count of one series. */
static void write_histogram(struct text *text, const char *name, const struct histogram *histogram,
                            const struct call *call, size_t loop_number) {
    uint64_t sum_us = stat_get(&histogram->sum_us);
    uint64_t count = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += stat_get(&histogram->buckets[i]);
        text_format(text, "%s_bucket", name);
        write_histogram_labels(text, call, loop_number);
        text_puts(text, ",le=\"");
        if (i < HISTOGRAM_BUCKETS - 1)
            write_bound(text, histogram_bounds_us[i]);
        else
            text_puts(text, "+Inf");
        text_format(text, "\"} %" PRIu64 "\n", count);
    }
    text_format(text, "%s_sum", name);
    write_histogram_labels(text, call, loop_number);
    text_puts(text, "} ");
    write_seconds(text, sum_us);
    text_format(text, "\n%s_count", name);
    write_histogram_labels(text, call, loop_number);
    text_format(text, "} %" PRIu64 "\n", count);
}

static void write_number(struct text *text, enum metric metric, uint64_t value) {
    write_header(text, metric);
    text_format(text, "%s %" PRIu64 "\n", metric_keys[metric].name, value);
}

static void write_real(struct text *text, enum metric metric, double value) {
    write_header(text, metric);
    text_format(text, "%s %.2f\n", metric_keys[metric].name, value);
}

/* -- the groups -- */

/* stats: of each call of the registry, summed. */
static void write_calls(struct text *text, const struct registry *registry, const struct call_stats *stats) {
    static const struct {
        enum metric metric;
        size_t offset;
    } histograms[] = {{METRIC_QUEUE_WAIT, CALL_FIELD(queue)}, {METRIC_CALL_TIME, CALL_FIELD(run)}};

    for (size_t row = 0; row < ROW_COUNT(call_rows); row++) {
        if (row == 0 || call_rows[row].metric != call_rows[row - 1].metric)
            write_header(text, call_rows[row].metric);
        for (size_t i = 0; i < registry->call_count; i++) {
            const struct call *call = &registry->calls[i];
            const void *counter = (const char *)&stats[i] + call_rows[row].offset;

            text_puts(text, metric_keys[call_rows[row].metric].name);
            write_call_labels(text, call);
            if (call_rows[row].label)
                write_label(text, ',', call_rows[row].label, call_rows[row].value);
            text_format(text, "} %" PRIu64 "\n", stat_get(counter));
        }
    }
    for (size_t row = 0; row < ROW_COUNT(histograms); row++) {
        write_header(text, histograms[row].metric);
        for (size_t i = 0; i < registry->call_count; i++) {
            const void *histogram = (const char *)&stats[i] + histograms[row].offset;

            write_histogram(text, metric_keys[histograms[row].metric].name, histogram, &registry->calls[i], 0);
        }
    }
    write_header(text, METRIC_CALL_CPU);
    for (size_t i = 0; i < registry->call_count; i++) {
        text_puts(text, metric_keys[METRIC_CALL_CPU].name);
        write_call_labels(text, &registry->calls[i]);
        text_puts(text, "} ");
        write_seconds(text, stat_get(&stats[i].cpu_us));
        text_puts(text, "\n");
    }
}

static void write_pools(struct text *text, const struct tt_pool_snapshot *pools, size_t pool_count) {
    for (size_t row = 0; row < ROW_COUNT(pool_rows); row++) {
        if (row == 0 || pool_rows[row].metric != pool_rows[row - 1].metric)
            write_header(text, pool_rows[row].metric);
        for (size_t i = 0; i < pool_count; i++) {
            const void *field = (const char *)&pools[i] + pool_rows[row].offset;
            uint64_t value = pool_rows[row].is_wide ? *(const uint64_t *)field : *(const uint32_t *)field;

            text_puts(text, metric_keys[pool_rows[row].metric].name);
            write_label(text, '{', "pool", pools[i].name);
            if (pool_rows[row].label)
                write_label(text, ',', pool_rows[row].label, pool_rows[row].value);
            text_format(text, "} %" PRIu64 "\n", value);
        }
    }
    write_header(text, METRIC_QUEUE_OLDEST);
    for (size_t i = 0; i < pool_count; i++) {
        text_puts(text, metric_keys[METRIC_QUEUE_OLDEST].name);
        write_label(text, '{', "pool", pools[i].name);
        text_puts(text, "} ");
        write_seconds(text, pools[i].queue_oldest_us);
        text_puts(text, "\n");
    }
}

static void write_loop_time(struct text *text, enum metric metric, size_t number, uint64_t value_us) {
    text_puts(text, metric_keys[metric].name);
    write_loop_label(text, number);
    text_puts(text, "} ");
    write_seconds(text, value_us);
    text_puts(text, "\n");
}

static void write_loops(struct text *text, const struct admin_view *view) {
    size_t count = sum_loop_count(view);

    write_header(text, METRIC_LOOP_LAG);
    for (size_t i = 0; i < count; i++)
        write_histogram(text, metric_keys[METRIC_LOOP_LAG].name, &sum_loop(view, i).beacon->lag, NULL, i + 1);
    write_header(text, METRIC_LOOP_STALLED);
    for (size_t i = 0; i < count; i++)
        write_loop_time(text, METRIC_LOOP_STALLED, i + 1, health_loop(sum_loop(view, i).beacon, page_now_us()).busy_us);
    write_header(text, METRIC_LOOP_LAG_MAX);
    for (size_t i = 0; i < count; i++)
        write_loop_time(text, METRIC_LOOP_LAG_MAX, i + 1, stat_get(&sum_loop(view, i).beacon->lag_max_us));
    write_header(text, METRIC_LOOP_TURNS);
    for (size_t i = 0; i < count; i++) {
        text_puts(text, metric_keys[METRIC_LOOP_TURNS].name);
        write_loop_label(text, i + 1);
        text_format(text, "} %" PRIu64 "\n", stat_get(&sum_loop(view, i).beacon->turns));
    }
}

static void write_front(struct text *text, const struct front_stats *front) {
    for (size_t row = 0; row < ROW_COUNT(front_rows); row++) {
        const void *counter = (const char *)front + front_rows[row].offset;

        if (row == 0 || front_rows[row].metric != front_rows[row - 1].metric)
            write_header(text, front_rows[row].metric);
        text_puts(text, metric_keys[front_rows[row].metric].name);
        if (front_rows[row].label) {
            write_label(text, '{', front_rows[row].label, front_rows[row].value);
            text_puts(text, "}");
        }
        text_format(text, " %" PRIu64 "\n", stat_get(counter));
    }
}

static void write_service(struct text *text, const struct admin_view *view) {
    struct self self = self_read();

    write_number(text, METRIC_LOG_DROPPED, log_dropped_count());
    write_number(text, METRIC_READY, atomic_load(&view->phase) == ADMIN_READY);
    write_header(text, METRIC_BUILD_INFO);
    text_puts(text, metric_keys[METRIC_BUILD_INFO].name);
    write_label(text, '{', "version", view->version);
    text_puts(text, "} 1\n");
    write_real(text, METRIC_PROCESS_CPU, self.cpu_seconds);
    write_number(text, METRIC_PROCESS_RESIDENT, self.resident_bytes);
    write_number(text, METRIC_PROCESS_VIRTUAL, self.virtual_bytes);
    write_number(text, METRIC_PROCESS_FDS, self.open_fd_count);
    write_number(text, METRIC_PROCESS_MAX_FDS, self.max_fd_count);
    write_number(text, METRIC_PROCESS_THREADS, self.thread_count);
    write_real(text, METRIC_PROCESS_START, self.start_seconds);
}

void page_metrics(const struct admin_view *view, struct page *page) {
    const struct registry *registry = view->registry;
    struct tt_pool_snapshot *pools = calloc(registry->pool_count + 1, sizeof *pools);
    struct call_stats *calls = calloc(registry->call_count + 1, sizeof *calls);
    struct front_stats front;
    size_t pool_count = 0;

    if (!pools || !calls) {
        free(pools);
        free(calls);
        page->body.has_no_memory = true;
        return;
    }
    for (size_t i = 0; i < registry->pool_count; i++)
        if (registry->pools[i].pool)
            tt_pool_snapshot(registry->pools[i].pool, &pools[pool_count++]);
    for (size_t i = 0; i < registry->call_count; i++)
        sum_call(registry, &registry->calls[i], &calls[i]);
    sum_fronts(view, &front);

    page->type = "text/plain; version=0.0.4; charset=utf-8";
    write_calls(&page->body, registry, calls);
    write_pools(&page->body, pools, pool_count);
    write_loops(&page->body, view);
    write_front(&page->body, &front);
    write_service(&page->body, view);
    free(calls);
    free(pools);
}

/*
 * Live: all numbers as one JSON object, and the list of what is in flight; /stats.json and /calls.
 */
#include "../log.h"
#include "health.h"
#include "page.h"
#include "self.h"
#include "sum.h"
#include <stdlib.h>
#include <string.h>
#include <tothread/stats.h>

/* A loop that is busy for less is doing its work; longer, and somebody who looks at /calls wants to know with what. */
#define INLINE_SHOWN_US UINT64_C(10000)

/* Of each pool. What waits beyond it is left out, and the answer says so. */
#define JOBS_SHOWN_MAX ((size_t)10000)

struct field {
    const char *name;
    size_t offset;
    bool is_wide; /* uint64_t or a counter, else uint32_t */
};

#define POOL_FIELD(name, is_wide) \
    { #name, offsetof(struct tt_pool_snapshot, name), is_wide }
#define CALL_FIELD(name) \
    { #name, offsetof(struct call_stats, name), true }
#define FRONT_FIELD(name) \
    { #name, offsetof(struct front_stats, name), true }

static const struct field pool_fields[] = {
    POOL_FIELD(worker_target, false),  POOL_FIELD(thread_count, false), POOL_FIELD(idle_count, false),
    POOL_FIELD(busy_count, false),     POOL_FIELD(zombie_count, false), POOL_FIELD(starting_count, false),
    POOL_FIELD(spare_limit, false),    POOL_FIELD(queue_depth, false),  POOL_FIELD(queue_limit, false),
    POOL_FIELD(queue_oldest_us, true), POOL_FIELD(submitted, true),     POOL_FIELD(refused_full, true),
    POOL_FIELD(refused_closed, true),  POOL_FIELD(done, true),          POOL_FIELD(failed, true),
    POOL_FIELD(crashed, true),         POOL_FIELD(cancelled, true),     POOL_FIELD(expired_queue, true),
    POOL_FIELD(expired_run, true),     POOL_FIELD(abandoned, true),     POOL_FIELD(zombies_ended, true),
    POOL_FIELD(start_failures, true),
};

static const struct field call_fields[] = {
    CALL_FIELD(submitted),      CALL_FIELD(done),          CALL_FIELD(failed),      CALL_FIELD(crashed),
    CALL_FIELD(cancelled),      CALL_FIELD(expired_queue), CALL_FIELD(expired_run), CALL_FIELD(refused_full),
    CALL_FIELD(refused_closed), CALL_FIELD(in_flight),     CALL_FIELD(cpu_us),
};

static const struct field front_fields[] = {
    FRONT_FIELD(connections),
    FRONT_FIELD(connections_accepted),
    FRONT_FIELD(connections_dropped),
    FRONT_FIELD(refused_peers),
    FRONT_FIELD(refused_headers),
    FRONT_FIELD(refused_users),
    FRONT_FIELD(accept_pauses),
    FRONT_FIELD(requests),
    FRONT_FIELD(answers),
    FRONT_FIELD(answers_broken),
    FRONT_FIELD(malformed),
    FRONT_FIELD(auth_missing),
    FRONT_FIELD(auth_malformed),
    FRONT_FIELD(auth_unknown),
    FRONT_FIELD(auth_not_allowed),
    FRONT_FIELD(clients_left),
    FRONT_FIELD(tls_handshakes),
    FRONT_FIELD(bytes_in),
    FRONT_FIELD(bytes_out),
    FRONT_FIELD(buffered_bytes),
    FRONT_FIELD(buffered_limit_bytes),
    FRONT_FIELD(no_room),
};

#define FIELD_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* -- histograms -- */

/* The value below which that part (0 to 1) of the count lies, as if each bucket were filled evenly. In the last bucket,
   which has no end, its beginning. */
static uint64_t percentile_us(const uint64_t buckets[HISTOGRAM_BUCKETS], uint64_t count, double part) {
    double wanted = (double)count * part;
    double seen = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        uint64_t low_us = i > 0 ? histogram_bounds_us[i - 1] : 0;
        double in_bucket = (double)buckets[i];

        if (in_bucket > 0 && seen + in_bucket >= wanted)
            return low_us + (uint64_t)((double)(histogram_bounds_us[i] - low_us) * (wanted - seen) / in_bucket);
        seen += in_bucket;
    }
    return histogram_bounds_us[HISTOGRAM_BUCKETS - 2];
}

static void write_histogram(struct text *text, const char *key, const struct histogram *histogram) {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t sum_us = stat_get(&histogram->sum_us);
    uint64_t count = 0;

    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        buckets[i] = stat_get(&histogram->buckets[i]);
        count += buckets[i];
    }
    text_open(text, key, '{');
    text_number(text, "count", count);
    text_ms(text, "mean_ms", count > 0 ? sum_us / count : 0);
    text_ms(text, "p50_ms", count > 0 ? percentile_us(buckets, count, 0.50) : 0);
    text_ms(text, "p99_ms", count > 0 ? percentile_us(buckets, count, 0.99) : 0);
    text_close(text, '}');
}

/* -- the parts of /stats.json -- */

/* Counters are read as any thread may: see stats.h. */
static void write_counters(struct text *text, const struct field *fields, size_t count, const void *object) {
    for (size_t i = 0; i < count; i++) {
        const void *field = (const char *)object + fields[i].offset;

        text_number(text, fields[i].name, stat_get(field));
    }
}

static void write_turns(struct text *text, const struct loop_beacon *beacon, uint64_t now_us) {
    struct health_loop loop = health_loop(beacon, now_us);

    text_ms(text, "busy_ms", loop.busy_us);
    text_string(text, "doing", loop.doing ? loop.doing : "");
    text_boolean(text, "is_stalled", loop.busy_us > HEALTH_STALL_US);
    text_number(text, "turns", stat_get(&beacon->turns));
    text_ms(text, "lag_ms", stat_get(&beacon->lag_us));
    text_ms(text, "lag_max_ms", stat_get(&beacon->lag_max_us));
    write_histogram(text, "lag", &beacon->lag);
}

/* The first loop by itself, and all of them with what each of them serves. */
static void write_loops(struct text *text, const struct admin_view *view, uint64_t now_us) {
    text_open(text, "loop", '{');
    write_turns(text, view->beacon, now_us);
    text_close(text, '}');
    text_open(text, "loops", '[');
    for (size_t i = 0; i < sum_loop_count(view); i++) {
        struct admin_loop loop = sum_loop(view, i);

        text_open(text, NULL, '{');
        text_number(text, "loop", i + 1);
        write_turns(text, loop.beacon, now_us);
        text_number(text, "connections", stat_get(&loop.front->connections));
        text_number(text, "requests", stat_get(&loop.front->requests));
        text_close(text, '}');
    }
    text_close(text, ']');
}

static void write_front(struct text *text, const struct front_stats *front) {
    static const char *const classes[] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};

    text_open(text, "front", '{');
    write_counters(text, front_fields, FIELD_COUNT(front_fields), front);
    text_open(text, "answers_by_class", '{');
    for (size_t i = 1; i < FIELD_COUNT(classes); i++)
        text_number(text, classes[i], stat_get(&front->answers_by_class[i]));
    text_close(text, '}');
    text_close(text, '}');
}

static void write_pool(struct text *text, const struct call_pool *pool) {
    struct tt_pool_snapshot snapshot;

    if (!pool->pool)
        return;
    tt_pool_snapshot(pool->pool, &snapshot);
    text_open(text, pool->name, '{');
    for (size_t i = 0; i < FIELD_COUNT(pool_fields); i++) {
        const void *field = (const char *)&snapshot + pool_fields[i].offset;

        text_number(text, pool_fields[i].name,
                    pool_fields[i].is_wide ? *(const uint64_t *)field : *(const uint32_t *)field);
    }
    text_boolean(text, "is_closed", snapshot.is_closed);
    text_string(text, "start_error", snapshot.start_error);
    text_close(text, '}');
}

static void write_call(struct text *text, const struct registry *registry, const struct call *call) {
    struct call_stats stats;

    sum_call(registry, call, &stats);
    text_open(text, call->name, '{');
    text_string(text, "pool", call->pool ? call->pool->name : "none");
    write_counters(text, call_fields, FIELD_COUNT(call_fields), &stats);
    write_histogram(text, "queue", &stats.queue);
    write_histogram(text, "run", &stats.run);
    text_close(text, '}');
}

static void write_process(struct text *text) {
    struct self self = self_read();

    text_open(text, "process", '{');
    text_number(text, "cpu_ms", (uint64_t)(self.cpu_seconds * 1000));
    text_number(text, "resident_bytes", self.resident_bytes);
    text_number(text, "virtual_bytes", self.virtual_bytes);
    text_number(text, "threads", self.thread_count);
    text_number(text, "open_fds", self.open_fd_count);
    if (self.max_fd_count <= INT64_MAX)
        text_number(text, "max_fds", self.max_fd_count);
    text_close(text, '}');
}

/* -- the parts of /calls -- */

static void write_job(struct text *text, const char *pool, const struct tt_job_snapshot *job) {
    text_open(text, NULL, '{');
    text_string(text, "call", job->name);
    text_string(text, "pool", pool);
    text_string(text, "phase", tt_job_phase_name(job->phase));
    text_ms(text, "age_ms", job->queue_us + job->run_us);
    text_ms(text, "queue_ms", job->queue_us);
    text_ms(text, "run_ms", job->run_us);
    text_string(text, "worker", job->worker);
    text_number(text, "thread_id", job->thread_id > 0 ? (uint64_t)job->thread_id : 0);
    text_string(text, "id", job->id);
    text_string(text, "client", job->client);
    text_close(text, '}');
}

/* The call that the loop itself is in. It has no job, no worker of a pool and no id that this thread could see. */
static void write_inline(struct text *text, const struct health_loop *loop) {
    text_open(text, NULL, '{');
    text_string(text, "call", loop->doing ? loop->doing : "");
    text_string(text, "pool", "none");
    text_string(text, "phase", "inline");
    text_ms(text, "age_ms", loop->busy_us);
    text_ms(text, "queue_ms", 0);
    text_ms(text, "run_ms", loop->busy_us);
    text_string(text, "worker", "loop");
    text_number(text, "thread_id", 0);
    text_string(text, "id", "");
    text_string(text, "client", "");
    text_close(text, '}');
}

/* Returns whether something was left out. */
static bool write_jobs(struct text *text, const struct call_pool *pool) {
    struct tt_pool_snapshot snapshot;
    struct tt_job_snapshot *jobs;
    size_t capacity, count;

    tt_pool_snapshot(pool->pool, &snapshot);
    /* Some more, for what comes in between; one that would have been the last but isn't shows that there are more. */
    capacity = (size_t)snapshot.busy_count + snapshot.zombie_count + snapshot.queue_depth + 16;
    if (capacity > JOBS_SHOWN_MAX)
        capacity = JOBS_SHOWN_MAX;
    jobs = calloc(capacity, sizeof *jobs);
    if (!jobs) {
        text->has_no_memory = true;
        return true;
    }
    count = tt_pool_jobs(pool->pool, jobs, capacity);
    for (size_t i = 0; i < count; i++)
        write_job(text, pool->name, &jobs[i]);
    free(jobs);
    return count == capacity;
}

/* -- the pages -- */

void page_stats(const struct admin_view *view, struct page *page) {
    const struct registry *registry = view->registry;
    struct text *text = &page->body;
    uint64_t now_us = page_now_us();
    struct front_stats front;

    sum_fronts(view, &front);
    page->type = "application/json";
    text_open(text, NULL, '{');
    text_string(text, "version", view->version);
    text_number(text, "uptime_s", now_us > view->started_us ? (now_us - view->started_us) / 1000000 : 0);
    text_string(text, "phase", health_phase_name(atomic_load(&view->phase)));
    write_loops(text, view, now_us);
    write_front(text, &front);
    text_open(text, "pools", '{');
    for (size_t i = 0; i < registry->pool_count; i++)
        write_pool(text, &registry->pools[i]);
    text_close(text, '}');
    text_open(text, "calls", '{');
    for (size_t i = 0; i < registry->call_count; i++)
        write_call(text, registry, &registry->calls[i]);
    text_close(text, '}');
    text_open(text, "log", '{');
    text_number(text, "dropped", log_dropped_count());
    text_close(text, '}');
    write_process(text);
    text_close(text, '}');
    text_puts(text, "\n");
}

void page_calls(const struct admin_view *view, struct page *page) {
    struct text *text = &page->body;
    bool is_cut = false;

    page->type = "application/json";
    text_open(text, NULL, '{');
    text_open(text, "calls", '[');
    for (size_t i = 0; i < sum_loop_count(view); i++) {
        struct health_loop loop = health_loop(sum_loop(view, i).beacon, page_now_us());

        if (loop.busy_us > INLINE_SHOWN_US)
            write_inline(text, &loop);
    }
    for (size_t i = 0; i < view->registry->pool_count; i++)
        if (view->registry->pools[i].pool)
            is_cut |= write_jobs(text, &view->registry->pools[i]);
    text_close(text, ']');
    text_boolean(text, "is_cut", is_cut);
    text_close(text, '}');
    text_puts(text, "\n");
}

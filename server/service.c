/* Service: see service.h. */
#include "service.h"

#include "config/grants.h"
#include "http/listen.h"
#include "http/tls.h"
#include "log.h"
#include "reload.h"
#include "systemd.h"
#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define DRAIN_TICK_US  5000u
#define STATUS_TICK_US 10000000u
#define LEFT_SHOWN     64u
/* Beside one for each worker: the admin plane's connections, a reload's files, libraries. */
#define DESCRIPTORS_KEPT 32u

bool service_prepare(struct service *service, const struct config_source *source) {
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    service->source = source;
    /* What is wrong in one stage keeps the next from running, not from looking: all mistakes are shown at once. */
    service->config = config_try(source, &diagnostics);
    service->current = service->config;
    diagnostics_begin_stage(&diagnostics);
    if (service->config != NULL)
        grants_load(service->config, source, &diagnostics);
    diagnostics_begin_stage(&diagnostics);
    if (service->config != NULL)
        service->registry = registry_try(service->config, &diagnostics);
    diagnostics_begin_stage(&diagnostics);
    if (service->registry != NULL)
        service->routes = routes_build(service->registry, &diagnostics);
    diagnostics_begin_stage(&diagnostics);
    if (service->config != NULL)
        service->tls = tls_load(service->config, source, &diagnostics);
    if (source->text != NULL)
        diagnostics_forgive(&diagnostics, source->text_name); /* the demo blocks the loop on purpose */
    diagnostics_print(&diagnostics, stderr);
    bool is_right = service->routes != NULL && diagnostics.error_count == 0;
    diagnostics_deinit(&diagnostics);
    return is_right;
}

/* -- start -- */

/** As many descriptors as allowed: a connection is one. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* what there is must do then; limit_connections looks */
}

static uint64_t count_descriptors(void) {
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return 0;
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder); /* it was only read */
    return count;
}

/**
 * Clients must not take the last descriptors: calls could open nothing, and the admin plane could not be reached; worse,
 * CivetWeb's accepting thread spins when it gets none (measured: 98 % of a core).
 */
static void limit_connections(struct service *service) TT_ON_LOOP {
    uint64_t taken = count_descriptors() + DESCRIPTORS_KEPT;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    for (size_t i = 0; i < service->registry->pool_count; i++) {
        const struct config_pool *pool = service->registry->pools[i].config;
        taken += pool->worker_count + pool->spare_count;
    }
    service->front->connection_room = limit.rlim_cur > taken ? limit.rlim_cur - taken : 1;
    if (service->front->connection_room < service->config->server.max_connections)
        log_event(TT_LOG_WARNING, "descriptor_limit", "limit=%llu connections=%llu max-connections=%llu",
                  (unsigned long long)limit.rlim_cur, (unsigned long long)service->front->connection_room,
                  (unsigned long long)service->config->server.max_connections);
    front_set_limits(service->front, &service->config->server);
}

static enum tt_status start_pool(struct service *service, struct call_pool *pool, struct tt_error *reterr) TT_ON_LOOP {
    const struct config_pool *config = pool->config;
    struct tt_pool_options options = {
        .name = pool->name,
        .worker_count = (uint32_t)config->worker_count,
        .queue_limit = (uint32_t)config->queue_limit,
        .spare_count = (uint32_t)config->spare_count,
        .stack_bytes = config->stack_bytes,
        .queue_timeout_us = config->queue_timeout_us,
        .on_start = registry_worker_start,
        .on_stop = registry_worker_stop,
        .context = pool,
    };
    pool->pool = tt_pool_create(loop_wake(service->loop), &options, reterr);
    if (pool->pool == NULL)
        return TT_SYSTEM;
    pool->loop = service->loop;
    watch_init(&pool->watch, loop_wake(service->loop), pool->pool, pool->name);
    return TT_OK;
}

static enum tt_status start_pools(struct service *service, struct tt_error *reterr) TT_ON_LOOP {
    const struct tt_pool_options own = {.name = "tt-own", .worker_count = 1, .queue_limit = 8};
    service->own_pool = tt_pool_create(loop_wake(service->loop), &own, reterr);
    if (service->own_pool == NULL)
        return TT_SYSTEM;
    for (size_t i = 0; i < service->registry->pool_count; i++)
        if (start_pool(service, &service->registry->pools[i], reterr) != TT_OK)
            return TT_SYSTEM;
    return TT_OK;
}

static enum tt_status start_front(struct service *service, struct tt_error *reterr) TT_ON_LOOP {
    const struct config_server *server = &service->config->server;
    service->front = front_create(service->loop, service->registry, service->routes, reterr);
    if (service->front == NULL)
        return TT_NOMEM;
    front_set_limits(service->front, server);
    if (service->tls != NULL)
        front_set_tls(service->front, service->tls);
    service->tls = NULL;
    for (size_t i = 0; i < server->listen_count; i++) {
        enum tt_status status = listen_open(service->front, server->endpoints[i], reterr);
        if (status != TT_OK)
            return status;
    }
    return TT_OK;
}

static enum tt_status start_sides(struct service *service, struct tt_error *reterr) TT_ON_LOOP {
    const struct config_server *server = &service->config->server;
    size_t side_count = (size_t)server->loop_count - 1;
    if (side_count == 0)
        return TT_OK;
    if (registry_set_sides(service->registry, side_count) != TT_OK)
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory for the event loops");
    service->sides = sides_start(service->front, side_count, server, reterr);
    return service->sides != NULL ? TT_OK : TT_SYSTEM;
}

static uint64_t count_connections(const struct service *service) TT_ON_LOOP {
    return service->front->connection_count + sides_count_connections(service->sides);
}

/* -- signals and admin -- */

static void on_end_signal(void *context, int signal_number) {
    tt_assume_loop();
    log_event(TT_LOG_NOTICE, "signal", "name=SIG%s", sigabbrev_np(signal_number));
    service_drain(context);
}

static void on_reload_signal(void *context, int signal_number) {
    tt_assume_loop();
    (void)signal_number;
    struct service *service = context;
    reload_begin(service->reload);
}

static void on_drain_post(struct tt_post *post) {
    tt_assume_loop();
    struct service *service = (struct service *)((char *)post - offsetof(struct service, drain_post));
    if (service->is_over)
        return;
    atomic_store(&service->drain_is_posted, false);
    log_event(TT_LOG_NOTICE, "drain_requested", "by=admin");
    service_drain(service);
}

/** For the admin plane, on one of its threads. */
static void request_drain(void *context) {
    struct service *service = context;
    if (atomic_exchange(&service->drain_is_posted, true))
        return; /* one is on its way */
    service->drain_post.fn = on_drain_post;
    tt_wake_post(loop_wake(service->loop), &service->drain_post);
}

static int request_reload(void *context, char **ret_text) {
    struct service *service = context;
    return reload_and_wait(service->reload, ret_text);
}

static enum tt_status start_admin(struct service *service, struct tt_error *reterr) TT_ON_LOOP {
    const char *address = service->config->server.admin;
    service->view.registry = service->registry;
    service->view.front = &service->front->stats;
    service->view.beacon = loop_get_beacon(service->loop);
    service->view.sides = sides_show(service->sides, &service->view.side_count);
    service->view.started_us = tt_wake_clock_us();
    service->view.version = TOTHREAD_VERSION;
    service->view.drain = request_drain;
    service->view.reload = request_reload;
    service->view.context = service;
    if (strcmp(address, "none") == 0)
        return TT_OK;
    service->admin = admin_start(address, &service->view, reterr);
    return service->admin != NULL ? TT_OK : TT_SYSTEM;
}

enum tt_status service_start(struct service *service, struct tt_error *reterr) {
    raise_descriptor_limit();
    service->loop = loop_create(reterr);
    if (service->loop == NULL)
        return TT_SYSTEM;
    tt_assume_loop();
    service->reload = reload_create(service);
    if (service->reload == NULL)
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory for the service");
    enum tt_status status = start_pools(service, reterr);
    if (status == TT_OK)
        status = start_front(service, reterr);
    if (status == TT_OK)
        status = start_sides(service, reterr);
    if (status == TT_OK)
        status = start_admin(service, reterr);
    if (status != TT_OK)
        return status;
    limit_connections(service);
    if (loop_on_signal(service->loop, SIGTERM, on_end_signal, service) != TT_OK ||
        loop_on_signal(service->loop, SIGINT, on_end_signal, service) != TT_OK ||
        loop_on_signal(service->loop, SIGHUP, on_reload_signal, service) != TT_OK)
        return tt_error_set(reterr, TT_SYSTEM, 0, "can't watch signals");
    return TT_OK;
}

/* -- the end -- */

/** Whether nobody waits for anything any more. Zombies have been answered: they hold nothing up. */
static bool is_quiet(struct service *service) TT_ON_LOOP {
    if (!front_is_idle(service->front) || !sides_are_idle(service->sides) || reload_is_busy(service->reload))
        return false;
    for (size_t i = 0; i < service->registry->pool_count; i++) {
        struct tt_pool_snapshot now;
        tt_pool_snapshot(service->registry->pools[i].pool, &now);
        if (now.busy_count + now.queue_depth > 0)
            return false;
    }
    return true;
}

/** The hard end: what is queued is cancelled, what runs is given up, and both are answered 503. */
static void end_now(struct service *service) TT_ON_LOOP {
    struct tt_job_snapshot left[LEFT_SHOWN];
    for (size_t i = 0; i < service->registry->pool_count; i++) {
        size_t count = tt_pool_drain(service->registry->pools[i].pool, 0, left, LEFT_SHOWN);
        if (count == 0)
            continue;
        for (size_t j = 0; j < count && j < LEFT_SHOWN; j++)
            log_event(TT_LOG_WARNING, "drain_left", "pool=%s call=%s id=%s phase=%s thread=%d run_ms=%llu",
                      service->registry->pools[i].name, left[j].name, left[j].id, tt_job_phase_name(left[j].phase),
                      left[j].thread_id, (unsigned long long)(left[j].run_us / 1000));
        log_event(TT_LOG_WARNING, "drain_ended", "pool=%s left=%zu", service->registry->pools[i].name, count);
        service->exit_status = 1;
    }
}

static void stop_admin(struct service *service) TT_ON_LOOP {
    reload_close(service->reload); /* or it would wait for a verdict that never comes */
    admin_stop(service->admin);
    service->admin = NULL;
}

/** The last words of all fronts. Returns: how many clients had an answer to come still. */
static uint64_t end_fronts(struct service *service) TT_ON_LOOP {
    uint64_t left_count = front_is_idle(service->front) ? 0 : service->front->connection_count;
    if (service->sides == NULL)
        return left_count;
    stop_admin(service); /* it looks at what goes now */
    return left_count + sides_stop(service->sides);
}

static void end(struct service *service) TT_ON_LOOP {
    bool was_quiet = is_quiet(service);
    if (!was_quiet)
        end_now(service);
    uint64_t left_count = end_fronts(service);
    if (left_count > 0) { /* a call that finishes later, a client that doesn't take its answer */
        log_event(TT_LOG_WARNING, "drain_ended", "connections=%llu", (unsigned long long)left_count);
        service->exit_status = 1;
    } else if (was_quiet) {
        log_event(TT_LOG_NOTICE, "drained", "left=0");
    }
}

/* -- running -- */

struct status_line {
    char text[512];
    size_t size;
};

static void add_status(struct status_line *line, const char *format, ...) TT_PRINTF(2, 3);
static void add_status(struct status_line *line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line->text + line->size, sizeof line->text - line->size, format, args);
    va_end(args);
    if (size > 0)
        line->size = line->size + (size_t)size < sizeof line->text ? line->size + (size_t)size : sizeof line->text - 1;
}

static void tell_status(struct service *service) TT_ON_LOOP {
    struct status_line line = {.size = 0};
    add_status(&line, "STATUS=%s, %llu connections", service->drain_due_us != 0 ? "draining" : "serving",
               (unsigned long long)count_connections(service));
    for (size_t i = 0; i < service->registry->pool_count; i++) {
        struct tt_pool_snapshot now;
        tt_pool_snapshot(service->registry->pools[i].pool, &now);
        add_status(&line, ", %s %u/%u busy", now.name, now.busy_count, now.worker_target);
        if (now.queue_depth > 0)
            add_status(&line, " %u queued", now.queue_depth);
        if (now.zombie_count > 0)
            add_status(&line, " %u zombies", now.zombie_count);
    }
    (void)systemd_notify(line.text); /* a status that doesn't get through is replaced by the next */
}

static void on_status_tick(struct tt_timer *timer) {
    tt_assume_loop();
    struct service *service = (struct service *)((char *)timer - offsetof(struct service, status_tick));
    uint64_t delay_us = STATUS_TICK_US;
    if (systemd_watchdog_us() > 0) {
        if (sides_are_turning(service->sides, systemd_watchdog_us() / 2))
            (void)systemd_notify("WATCHDOG=1"); /* the next one comes at half of the limit */
        delay_us = systemd_watchdog_us() / 2 < delay_us ? systemd_watchdog_us() / 2 : delay_us;
    }
    tell_status(service);
    tt_timer_start(loop_wake(service->loop), timer, delay_us, on_status_tick);
}

struct address_list {
    char text[512];
};

static void add_address(void *context, const char *address) {
    struct address_list *list = context;
    size_t size = strlen(list->text);
    (void)snprintf(list->text + size, sizeof list->text - size, "%s%s", size > 0 ? "," : "", address); /* cut is fine */
}

void service_run(struct service *service) {
    struct address_list list = {{0}};
    unsigned long long loop_count = service->config->server.loop_count;
    listen_start(service->front);
    atomic_store(&service->view.phase, ADMIN_READY);
    listen_each(service->front, add_address, &list);
    if (service->admin != NULL)
        log_event(TT_LOG_NOTICE, "ready", "listen=%s admin=127.0.0.1:%d loops=%llu calls=%zu pools=%zu", list.text,
                  admin_port(service->admin), loop_count, service->registry->call_count, service->registry->pool_count);
    else
        log_event(TT_LOG_NOTICE, "ready", "listen=%s admin=none loops=%llu calls=%zu pools=%zu", list.text, loop_count,
                  service->registry->call_count, service->registry->pool_count);
    if (systemd_notify("READY=1") != TT_OK)
        log_event(TT_LOG_WARNING, "notify_failed", "state=READY");
    if (systemd_is_manager())
        on_status_tick(&service->status_tick);
    loop_run(service->loop);
    end(service);
}

/* -- the drain -- */

static void on_drain_tick(struct tt_timer *timer) {
    tt_assume_loop();
    struct service *service = (struct service *)((char *)timer - offsetof(struct service, drain_tick));
    if (is_quiet(service) || tt_wake_now_us(loop_wake(service->loop)) >= service->drain_due_us)
        loop_stop(service->loop); /* service_run does the rest: not from inside a dispatch */
    else
        tt_timer_start(loop_wake(service->loop), timer, DRAIN_TICK_US, on_drain_tick);
}

void service_drain(struct service *service) {
    uint64_t now_us = tt_wake_now_us(loop_wake(service->loop));
    if (service->drain_due_us != 0) {
        service->drain_due_us = 1; /* the second time: at once */
        tt_timer_start(loop_wake(service->loop), &service->drain_tick, 0, on_drain_tick);
        return;
    }
    service->drain_due_us = now_us + service->current->server.drain_us;
    atomic_store(&service->view.phase, ADMIN_DRAINING);
    (void)systemd_notify("STOPPING=1"); /* the manager has asked for it: it waits in any case */
    log_event(TT_LOG_NOTICE, "draining", "connections=%llu", (unsigned long long)count_connections(service));
    front_drain(service->front);
    sides_drain(service->sides);
    tt_timer_start(loop_wake(service->loop), &service->drain_tick, 0, on_drain_tick);
}

/** Whether a thread may still be inside a library or a start hook: then nothing that it uses may go. */
static bool is_stuck(struct tt_pool *pool) {
    struct tt_pool_snapshot now;
    tt_pool_snapshot(pool, &now);
    return now.zombie_count + now.busy_count + now.starting_count > 0;
}

bool service_free(struct service *service) {
    bool is_clean = true;
    tt_assume_loop();
    stop_admin(service);
    if (service->loop != NULL) {
        /* The pools dispatch until they have ended: what comes meanwhile would look at parts that are gone. */
        service->is_over = true;
        tt_timer_stop(loop_wake(service->loop), &service->status_tick);
        tt_timer_stop(loop_wake(service->loop), &service->drain_tick);
        for (size_t i = 0; i < service->registry->pool_count; i++)
            watch_stop(&service->registry->pools[i].watch);
        (void)sides_stop(service->sides); /* after a start that failed; else they have stopped */
        is_clean = front_destroy(service->front) && sides_are_clean(service->sides);
        if (service->own_pool != NULL && is_stuck(service->own_pool))
            is_clean = false; /* a reload whose files don't come */
        else
            tt_pool_destroy(service->own_pool);
        for (size_t i = 0; i < service->registry->pool_count; i++) {
            struct call_pool *pool = &service->registry->pools[i];
            if (pool->pool != NULL && is_stuck(pool->pool))
                is_clean = false;
            else
                tt_pool_destroy(pool->pool);
        }
    }
    if (!is_clean)
        return false;
    reload_destroy(service->reload); /* after the pools' end, which still dispatches its job and its post */
    sides_destroy(service->sides);
    loop_destroy(service->loop);
    routes_destroy(service->routes);
    registry_destroy(service->registry);
    tls_drop(service->tls);
    if (service->current != service->config)
        config_destroy(service->current);
    config_destroy(service->config);
    return true;
}

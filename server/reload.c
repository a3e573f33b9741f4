/* Reload: see reload.h. */
#include "reload.h"

#include "config/grants.h"
#include "http/tls.h"
#include "log.h"
#include "service.h"
#include "systemd.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_S 10

struct reload {
    struct service *service;
    struct tt_job job;
    bool is_busy;      /* onloop */
    bool is_due_again; /* onloop: a signal came while it was busy, and its files may have been read before */

    /* the worker's, then the loop's */
    struct config *loaded;
    struct ssl_ctx_st *tls;
    struct diagnostics diagnostics;

    /* between the loop and the one admin thread that waits; under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct tt_post post;
    bool is_asked; /* the post is on its way */
    bool has_verdict;
    bool is_waited_for;
    bool is_closed;
    int verdict;
    char *text;
};

struct reload *reload_create(struct service *service) {
    struct reload *reload = calloc(1, sizeof *reload);
    if (reload == NULL)
        return NULL;
    pthread_condattr_t attributes;
    reload->service = service;
    if (pthread_mutex_init(&reload->mutex, NULL) != 0)
        goto fail;
    if (pthread_condattr_init(&attributes) != 0)
        goto fail;
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* Linux has it */
    int failed = pthread_cond_init(&reload->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes); /* can't fail */
    if (failed == 0)
        return reload;
fail:
    free(reload);
    return NULL;
}

void reload_destroy(struct reload *reload) {
    if (reload == NULL)
        return;
    (void)pthread_cond_destroy(&reload->changed); /* nobody waits any more: the admin plane has ended */
    (void)pthread_mutex_destroy(&reload->mutex);
    free(reload->text);
    free(reload);
}

void reload_close(struct reload *reload) {
    if (reload == NULL)
        return;
    (void)pthread_mutex_lock(&reload->mutex);
    reload->is_closed = true;
    (void)pthread_cond_broadcast(&reload->changed);
    (void)pthread_mutex_unlock(&reload->mutex);
}

bool reload_is_busy(const struct reload *reload) {
    return reload->is_busy;
}

/* -- taking over -- */

static const struct config_pool *find_pool(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->pool_count; i++)
        if (strcmp(config->pools[i].section.name, name) == 0)
            return &config->pools[i];
    return NULL;
}

static const struct config_call *find_call(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->call_count; i++)
        if (strcmp(config->calls[i].section.name, name) == 0)
            return &config->calls[i];
    return NULL;
}

static const struct config_gather *find_gather(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->gather_count; i++)
        if (strcmp(config->gathers[i].section.name, name) == 0)
            return &config->gathers[i];
    return NULL;
}

static void apply_pool(struct call_pool *pool, const struct config_pool *next) TT_ON_LOOP {
    if (tt_pool_set_limits(pool->pool, (uint32_t)next->queue_limit, (uint32_t)next->spare_count,
                           next->queue_timeout_us) != TT_OK ||
        tt_pool_resize(pool->pool, (uint32_t)next->worker_count) != TT_OK)
        log_event(TT_LOG_ERROR, "resize_failed", "pool=%s workers=%llu", pool->name,
                  (unsigned long long)next->worker_count);
    watch_look(&pool->watch);
}

static void apply(struct service *service, struct config *next) TT_ON_LOOP {
    struct registry *registry = service->registry;
    for (size_t i = 0; i < registry->pool_count; i++) {
        const struct config_pool *pool = find_pool(next, registry->pools[i].name);
        if (pool != NULL)
            apply_pool(&registry->pools[i], pool);
    }
    for (size_t i = 0; i < registry->call_count; i++) {
        const struct config_call *call = find_call(next, registry->calls[i].name);
        call_set_grant(&registry->calls[i], &next->arena, &next->server, call);
        if (call == NULL)
            continue;
        registry->calls[i].timeout_us = call->timeout_us;
        tt_limiter_resize(&registry->calls[i].limiter, (uint32_t)call->limit);
        registry->calls[i].body_bytes = call->max_body_bytes;
    }
    for (size_t i = 0; i < registry->gather_count; i++) {
        const struct config_gather *gather = find_gather(next, registry->gathers[i].name);
        if (gather != NULL)
            registry->gathers[i].timeout_us = gather->timeout_us;
    }
    front_set_limits(service->front, &next->server);
}

/* -- the verdict -- */

static char *diagnostics_text(const struct diagnostics *diagnostics, const char *headline) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        return NULL;
    (void)fprintf(out, "%s\n", headline); /* memory: a failure shows in fclose */
    diagnostics_print(diagnostics, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/** Whoever's post is still on its way waits for a later verdict than this one; and the first one stands. */
static void give_verdict(struct reload *reload, int verdict, char *text) {
    (void)pthread_mutex_lock(&reload->mutex);
    if (reload->is_waited_for && !reload->is_asked && !reload->has_verdict) {
        free(reload->text);
        reload->text = text;
        reload->verdict = verdict;
        reload->has_verdict = true;
        (void)pthread_cond_broadcast(&reload->changed);
        text = NULL;
    }
    (void)pthread_mutex_unlock(&reload->mutex);
    free(text);
}

/* -- on a worker -- */

/** All that `tothread check` would find: modules, settings, routes, tokens and certificates are tried out, beside those that serve. */
static bool is_usable(struct config *config, const struct config_source *source, struct diagnostics *diagnostics,
                      struct ssl_ctx_st **ret_tls) {
    diagnostics_begin_stage(diagnostics);
    grants_load(config, source, diagnostics);
    diagnostics_begin_stage(diagnostics);
    struct registry *registry = registry_try(config, diagnostics);
    diagnostics_begin_stage(diagnostics);
    struct routes *routes = registry != NULL ? routes_build(registry, diagnostics) : NULL;
    diagnostics_begin_stage(diagnostics);
    struct ssl_ctx_st *tls = tls_load(config, source, diagnostics);
    bool has_all = routes != NULL && diagnostics->error_count == 0;
    routes_destroy(routes);
    registry_destroy(registry);
    if (has_all)
        *ret_tls = tls;
    else
        tls_drop(tls);
    return has_all;
}

static enum tt_outcome load(struct tt_job *job, void *worker_state) {
    tt_assume_worker();
    (void)worker_state;
    struct reload *reload = (struct reload *)((char *)job - offsetof(struct reload, job));
    reload->loaded = config_try(reload->service->source, &reload->diagnostics);
    if (reload->loaded != NULL &&
        !is_usable(reload->loaded, reload->service->source, &reload->diagnostics, &reload->tls)) {
        config_destroy(reload->loaded);
        reload->loaded = NULL;
    }
    if (reload->service->source->text != NULL)
        diagnostics_forgive(&reload->diagnostics, reload->service->source->text_name);
    if (reload->loaded == NULL)
        diagnostics_print(&reload->diagnostics, stderr); /* here, where a slow reader of stderr holds nobody up */
    return reload->loaded != NULL ? TT_DONE : TT_FAILED;
}

/* -- on the loop -- */

static void take_over(struct reload *reload) TT_ON_LOOP {
    struct service *service = reload->service;
    size_t left_count = config_compare(service->config, reload->loaded, &reload->diagnostics);
    apply(service, reload->loaded);
    if (reload->tls != NULL)
        front_set_tls(service->front, reload->tls);
    sides_take_over(service->sides, reload->loaded, reload->tls,
                    service->current != service->config ? service->current : NULL);
    reload->tls = NULL;
    service->current = reload->loaded;
    log_event(TT_LOG_NOTICE, "reloaded", "needs_restart=%zu", left_count);
    for (const struct diagnostic *item = reload->diagnostics.first; item != NULL; item = item->next)
        log_event(TT_LOG_WARNING, "reload_warning", "at=%s:%u:%u text=\"%s\"",
                  item->at.file != NULL ? item->at.file : "-", item->at.line, item->at.column, item->message);
    give_verdict(reload, 200,
                 diagnostics_text(&reload->diagnostics,
                                  left_count == 0 ? "reloaded" : "reloaded; some changes need a restart:"));
}

static void on_loaded(struct tt_job *job) {
    tt_assume_loop();
    struct reload *reload = (struct reload *)((char *)job - offsetof(struct reload, job));
    reload->is_busy = false;
    if (reload->service->drain_due_us != 0) { /* nothing to take over for any more, and parts of it may be gone */
        config_destroy(reload->loaded);
        tls_drop(reload->tls);
        give_verdict(reload, 503, strdup("the drain has begun\n"));
    } else if (job->outcome == TT_DONE) {
        take_over(reload);
    } else {
        log_event(TT_LOG_ERROR, "reload_refused", "errors=%u; the old configuration stays in force",
                  reload->diagnostics.error_count);
        give_verdict(reload, 422,
                     diagnostics_text(&reload->diagnostics, "refused; the old configuration stays in force:"));
    }
    diagnostics_deinit(&reload->diagnostics);
    (void)systemd_notify("READY=1"); /* the manager shows "reloading" until then */
    if (reload->is_due_again) {
        reload->is_due_again = false;
        reload_begin(reload);
    }
}

/** Returns: NULL, or why none begins. */
static const char *begin(struct reload *reload) TT_ON_LOOP {
    char state[64];
    struct service *service = reload->service;
    if (service->drain_due_us != 0)
        return "the drain has begun";
    if (reload->is_busy)
        return "a reload is under way";
    (void)snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)tt_wake_clock_us());
    (void)systemd_notify(state); /* only for show */
    diagnostics_init(&reload->diagnostics);
    reload->loaded = NULL;
    reload->tls = NULL;
    reload->job = (struct tt_job){.run = load, .done = on_loaded, .name = "reload"};
    if (tt_pool_submit(service->own_pool, &reload->job) != TT_OK) {
        diagnostics_deinit(&reload->diagnostics);
        return "the service can't load a configuration now";
    }
    reload->is_busy = true;
    return NULL;
}

static void log_failure(const char *reason) {
    log_event(TT_LOG_ERROR, "reload_failed", "reason=\"%s\"", reason);
}

void reload_begin(struct reload *reload) {
    if (reload->is_busy && reload->service->drain_due_us == 0) {
        reload->is_due_again = true; /* however many come */
        log_event(TT_LOG_NOTICE, "reload_put_off", "reason=\"a reload is under way\"");
        return;
    }
    const char *reason = begin(reload);
    if (reason != NULL)
        log_failure(reason); /* and no verdict: whoever waits, waits for another reload's */
}

static void on_asked(struct tt_post *post) {
    tt_assume_loop();
    struct reload *reload = (struct reload *)((char *)post - offsetof(struct reload, post));
    (void)pthread_mutex_lock(&reload->mutex);
    reload->is_asked = false;
    (void)pthread_mutex_unlock(&reload->mutex);
    const char *reason = begin(reload);
    if (reason == NULL)
        return;
    char *text = NULL;
    log_failure(reason);
    if (asprintf(&text, "%s\n", reason) < 0)
        text = NULL; /* no memory: the verdict alone */
    give_verdict(reload, 503, text);
}

/* -- from the admin plane -- */

int reload_and_wait(struct reload *reload, char **ret_text) {
    struct timespec due;
    int verdict = 503;
    *ret_text = NULL;
    (void)clock_gettime(CLOCK_MONOTONIC, &due); /* can't fail */
    due.tv_sec += WAIT_S;
    (void)pthread_mutex_lock(&reload->mutex);
    if (!reload->is_asked && !reload->is_waited_for && !reload->is_closed) {
        reload->is_asked = true;
        reload->is_waited_for = true;
        reload->has_verdict = false;
        reload->post.fn = on_asked;
        tt_wake_post(loop_wake(reload->service->loop), &reload->post);
        int failed = 0;
        while (!reload->has_verdict && !reload->is_closed && failed != ETIMEDOUT)
            failed = pthread_cond_timedwait(&reload->changed, &reload->mutex, &due);
        if (reload->has_verdict) {
            verdict = reload->verdict;
            *ret_text = reload->text;
            reload->text = NULL;
        }
        reload->is_waited_for = false;
    }
    (void)pthread_mutex_unlock(&reload->mutex);
    if (*ret_text == NULL)
        *ret_text = strdup("the loop doesn't answer, or a reload is under way\n"); /* NULL without memory: no text */
    return verdict;
}

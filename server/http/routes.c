/**
 * Routes: the service's own ones first, so that it is the configuration's that is told to give way.
 */
#include "routes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct builder {
    struct routes *routes;
    struct diagnostics *diagnostics;
};

/** One capture to be looked up in the parameters of all calls behind a route. */
struct captures {
    struct diagnostics *diagnostics;
    const struct origin *at;
    struct call *const *calls;
    size_t call_count;
};

/* -- messages -- */

static void report(const struct builder *builder, const struct origin *at, const char *text) {
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, at, NULL, "route: %s", text);
}

static const struct config_section *target_section(const struct route_target *target) {
    return target->kind == ROUTE_CALL ? &target->call->config->section : &target->gather->config->section;
}

static void report_taken(const struct builder *builder, const struct origin *at, const char *pattern,
                         const struct route_target *taken) {
    if (taken->kind == ROUTE_GATHER_ANY) {
        diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, at, NULL,
                        "route: \"%s\" is what the service itself answers: any calls at once", pattern);
        return;
    }
    const char *kind = taken->kind == ROUTE_CALL ? "call" : "gather";
    const struct config_section *section = target_section(taken);
    if (taken->is_own) {
        diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, at, NULL,
                        "route: \"%s\" is what [%s %s] answers without being told to", pattern, kind, section->name);
        return;
    }
    const struct origin *other = config_origin(section, "route");
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, at, NULL, "route: \"%s\" is the same as [%s %s]'s at %s:%u",
                    pattern, kind, section->name, other->file != NULL ? other->file : "?", other->line);
}

/* -- captures -- */

static bool call_has_param(const struct call *call, const char *name, size_t size) {
    for (size_t i = 0; i < call->param_count; i++) {
        const char *known = call->params[i].name;
        if (strlen(known) == size && memcmp(known, name, size) == 0)
            return true;
    }
    return false;
}

static void capture_check(void *context, const char *name, size_t size) {
    const struct captures *captures = context;
    for (size_t i = 0; i < captures->call_count; i++) {
        const struct call *call = captures->calls[i];
        if (call->function == NULL || call_has_param(call, name, size))
            continue; /* without a function another mistake has been told */
        diagnostics_add(captures->diagnostics, DIAGNOSTIC_ERROR, captures->at, NULL,
                        "route: {%.*s} is no parameter of call \"%s\" (function \"%s\" of module \"%s\")", (int)size,
                        name, call->name, call->function->name, call->config->module);
        return; /* for one of a gather's calls is enough */
    }
}

/* -- adding -- */

static struct route_target *target_add(struct builder *builder, struct route_target target) {
    struct route_target *place = &builder->routes->targets[builder->routes->target_count++];
    *place = target;
    return place;
}

/** at is the place in the configuration that is to blame. */
static void route_put(struct builder *builder, const struct origin *at, const char *pattern,
                      struct route_target target) {
    struct tt_error error = {0};
    void *taken = NULL;
    enum tt_status status = route_add(builder->routes->table, pattern, target_add(builder, target), &taken, &error);
    if (status == TT_FULL && taken != NULL)
        report_taken(builder, at, pattern, taken);
    else if (status != TT_OK)
        report(builder, at, error.text);
}

/** "/items/:id" would be a path of its own, and ask for the parameter id in the query: nobody means that. */
static bool has_colon(const struct builder *builder, const struct config_section *section, const char *pattern) {
    const char *colon = strstr(pattern, "/:");
    if (colon == NULL)
        return false;
    char hint[160];
    const char *name = colon + 2;
    size_t size = strcspn(name, "/");
    const struct origin at =
        origin_inside(config_origin(section, "route"), pattern, (size_t)(colon + 1 - pattern), size + 1);
    (void)snprintf(hint, sizeof hint, "write it in braces: /{%.*s}", size < 100 ? (int)size : 100, name); /* fits */
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &at, hint, "route: :%.*s is no parameter",
                    size < 100 ? (int)size : 100, name);
    return true;
}

static void configured_put(struct builder *builder, const struct config_section *section, const char *pattern,
                           struct call *const *calls, size_t call_count, struct route_target target) {
    const struct origin *at = config_origin(section, "route");
    struct captures captures = {
        .diagnostics = builder->diagnostics, .at = at, .calls = calls, .call_count = call_count};
    struct tt_error error = {0};
    if (has_colon(builder, section, pattern))
        return;
    if (route_check(pattern, capture_check, &captures, &error) == TT_OK)
        route_put(builder, at, pattern, target);
    else
        report(builder, at, error.text);
}

static void own_put(struct builder *builder, const struct registry *registry) {
    static const struct origin nowhere = {.file = NULL};
    route_put(builder, &nowhere, "POST /gather", (struct route_target){.kind = ROUTE_GATHER_ANY, .is_own = true});
    for (size_t i = 0; i < registry->call_count; i++) {
        struct call *call = &registry->calls[i];
        char pattern[512];
        int size = snprintf(pattern, sizeof pattern, "POST /call/%s", call->name);
        if (size < 0 || (size_t)size >= sizeof pattern)
            report(builder, &call->config->section.at, "the call's name is too long for a path");
        else
            route_put(builder, &call->config->section.at, pattern,
                      (struct route_target){.kind = ROUTE_CALL, .call = call, .is_own = true});
    }
}

static void all_put(struct builder *builder, const struct registry *registry) {
    own_put(builder, registry);
    for (size_t i = 0; i < registry->call_count; i++) {
        struct call *call = &registry->calls[i];
        if (call->route != NULL)
            configured_put(builder, &call->config->section, call->route, &call, 1,
                           (struct route_target){.kind = ROUTE_CALL, .call = call});
    }
    for (size_t i = 0; i < registry->gather_count; i++) {
        struct gather *gather = &registry->gathers[i];
        if (gather->route != NULL)
            configured_put(builder, &gather->config->section, gather->route, gather->calls, gather->call_count,
                           (struct route_target){.kind = ROUTE_GATHER, .gather = gather});
    }
}

struct routes *routes_build(const struct registry *registry, struct diagnostics *diagnostics) {
    static const struct origin nowhere = {.file = NULL};
    struct builder builder = {.routes = calloc(1, sizeof(struct routes)), .diagnostics = diagnostics};
    uint32_t errors_before = diagnostics->error_count;
    if (builder.routes != NULL) {
        builder.routes->table = route_table_create();
        builder.routes->targets =
            calloc(1 + 2 * registry->call_count + registry->gather_count, sizeof(struct route_target));
    }
    if (builder.routes == NULL || builder.routes->table == NULL || builder.routes->targets == NULL)
        report(&builder, &nowhere, "no memory");
    else
        all_put(&builder, registry);
    if (diagnostics->error_count == errors_before)
        return builder.routes;
    routes_destroy(builder.routes);
    return NULL;
}

void routes_destroy(struct routes *routes) {
    if (routes == NULL)
        return;
    route_table_destroy(routes->table);
    free(routes->targets);
    free(routes);
}

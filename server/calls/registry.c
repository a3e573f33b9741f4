/**
 * Registry: sections of the configuration to calls that can run.
 */
#include "registry.h"
#include "module.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL_NONE    "none"
#define POOL_DEFAULT "default"

struct builder {
    struct registry *registry;
    const struct config *config;
    struct diagnostics *diagnostics;
};

static void no_memory(const struct builder *builder) {
    diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &builder->config->server.section.at, NULL, "no memory");
}

/* -- places for everything -- */

static bool tables_take(struct builder *builder) {
    struct registry *registry = builder->registry;
    const struct config *config = builder->config;
    size_t slot_count = 8;
    while (slot_count < 2 * config->call_count)
        slot_count *= 2;
    registry->slot_count = slot_count;
    registry->modules = arena_take_zeroed(&registry->arena, config->module_count * sizeof(struct module *));
    registry->pools = arena_take_zeroed(&registry->arena, config->pool_count * sizeof(struct call_pool));
    registry->calls = arena_take_zeroed(&registry->arena, config->call_count * sizeof(struct call));
    registry->gathers = arena_take_zeroed(&registry->arena, config->gather_count * sizeof(struct gather));
    registry->slots = arena_take_zeroed(&registry->arena, slot_count * sizeof(struct call *));
    return registry->modules != NULL && registry->pools != NULL && registry->calls != NULL &&
           registry->gathers != NULL && registry->slots != NULL;
}

/* -- modules and pools -- */

static void modules_open(struct builder *builder) {
    struct registry *registry = builder->registry;
    for (size_t i = 0; i < builder->config->module_count; i++) {
        struct module *module = module_open(&builder->config->modules[i], &registry->arena, builder->diagnostics);
        if (module != NULL)
            registry->modules[registry->module_count++] = module;
    }
}

static struct module *module_find(const struct registry *registry, const char *name) {
    for (size_t i = 0; i < registry->module_count; i++) {
        if (strcmp(registry->modules[i]->name, name) == 0)
            return registry->modules[i];
    }
    return NULL;
}

/** Each pool gets room for all modules: there are few. */
static bool pools_make(struct builder *builder) {
    struct registry *registry = builder->registry;
    for (size_t i = 0; i < builder->config->pool_count; i++) {
        struct call_pool *pool = &registry->pools[registry->pool_count++];
        pool->config = &builder->config->pools[i];
        pool->name = pool->config->section.name;
        pool->modules = arena_take_zeroed(&registry->arena, builder->config->module_count * sizeof(struct module *));
        if (pool->modules == NULL)
            return false;
    }
    return true;
}

static struct call_pool *pool_find(const struct registry *registry, const char *name) {
    for (size_t i = 0; i < registry->pool_count; i++) {
        if (strcmp(registry->pools[i].name, name) == 0)
            return &registry->pools[i];
    }
    return NULL;
}

static size_t pool_slot(struct call_pool *pool, struct module *module) {
    size_t slot = 0;
    while (slot < pool->module_count && pool->modules[slot] != module)
        slot++;
    if (slot == pool->module_count)
        pool->modules[pool->module_count++] = module;
    return slot;
}

/* -- calls -- */

/** "alpha", "beta" and so on, as a hint. */
static const char *functions_list(const struct builder *builder, const struct module *module) {
    char text[512];
    size_t size = (size_t)snprintf(text, sizeof text, "%s has:", module->name);
    for (size_t i = 0; i < module->descriptor->function_count && size < sizeof text; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s %s", i > 0 ? "," : "",
                                 module_function_at(module, i)->name); /* cut where too long */
    return arena_format(&builder->registry->arena, "%s", text);
}

static const struct tt_function *function_choose(const struct builder *builder, const struct config_call *config,
                                                 const struct module *module) {
    const struct tt_function *function;
    if (config->function != NULL) {
        function = module_function(module, config->function);
        if (function == NULL)
            diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, config_origin(&config->section, "function"),
                            functions_list(builder, module), "function: module \"%s\" has no function \"%s\"",
                            module->name, config->function);
        return function;
    }
    if (module->descriptor->function_count == 1)
        return module_function_at(module, 0);
    function = module_function(module, config->section.name);
    if (function == NULL)
        diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &config->section.at, functions_list(builder, module),
                        "say which function of module \"%s\" it is: there are %zu, and none is called \"%s\"",
                        module->name, module->descriptor->function_count, config->section.name);
    return function;
}

/** Sets call->pool, NULL for the loop. */
static bool pool_choose(const struct builder *builder, struct call *call) {
    const struct config_call *config = call->config;
    const struct config_module *module = call->module->config;
    const char *name = config->pool != NULL ? config->pool : module->pool;
    const struct config_section *section = config->pool != NULL ? &config->section : &module->section;
    if (name == NULL) {
        name = POOL_DEFAULT;
        section = &config->section;
    }
    if (strcmp(name, POOL_NONE) == 0) {
        if (!call->function->never_blocks)
            diagnostics_add(
                builder->diagnostics, DIAGNOSTIC_WARNING, config_origin(section, "pool"), "put it into a pool",
                "pool: function \"%s\" may block, and on the loop everybody waits for it", call->function->name);
        return true;
    }
    call->pool = pool_find(builder->registry, name);
    if (call->pool == NULL)
        diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, config_origin(section, "pool"), NULL,
                        "pool: there is no [pool %s]", name);
    return call->pool != NULL;
}

static bool call_make(const struct builder *builder, const struct config_call *config, struct call *call) {
    struct registry *registry = builder->registry;
    call->config = config;
    call->name = config->section.name;
    call->route = config->route;
    call->timeout_us = config->timeout_us;
    call_set_grant(call, &registry->arena, &builder->config->server, config);
    call->limiter.permit_count = config->limit < UINT32_MAX ? (uint32_t)config->limit : UINT32_MAX;
    call->body_bytes = config->max_body_bytes;
    call->module = config->module != NULL ? module_find(registry, config->module) : NULL;
    if (call->module == NULL)
        return false; /* it has been told why the module didn't open */
    call->function = function_choose(builder, config, call->module);
    if (call->function == NULL)
        return false;
    if (config->max_body_bytes != 0 && !call->function->streams_body)
        diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, config_origin(&config->section, "max-body"),
                        "a body that isn't read in pieces is held in memory: [server] max-body limits it",
                        "max-body: function \"%s\" doesn't read its body in pieces", call->function->name);
    call->description = config->description != NULL ? config->description : call->function->help;
    bool has_pool = pool_choose(builder, call);
    if (module_prepare(call->module, call->function, config, &registry->arena, builder->diagnostics, &call->params,
                       &call->param_count, &call->state) != TT_OK) {
        call->function = NULL; /* nobody knows its parameters */
        return false;
    }
    call->is_prepared = true;
    if (call->pool != NULL)
        call->module_slot = pool_slot(call->pool, call->module);
    return has_pool;
}

static bool module_is_configured(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->module_count; i++) {
        if (strcmp(config->modules[i].section.name, name) == 0)
            return true;
    }
    return false;
}

/** FNV-1a: names are few, short and not the client's. */
static size_t name_hash(const char *name, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ (hash >> 32));
}

static void call_remember(struct registry *registry, struct call *call) {
    size_t slot = name_hash(call->name, strlen(call->name));
    while (registry->slots[slot & (registry->slot_count - 1)] != NULL)
        slot++;
    registry->slots[slot & (registry->slot_count - 1)] = call;
}

static void calls_make(struct builder *builder) {
    struct registry *registry = builder->registry;
    for (size_t i = 0; i < builder->config->call_count; i++) {
        const struct config_call *config = &builder->config->calls[i];
        const struct config_section *section = &config->section;
        /* It is taken up all the same: its route, and who else means it, can be looked at. */
        if (config->module == NULL || !module_is_configured(builder->config, config->module))
            diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, config_origin(section, "module"), NULL,
                            "module: there is no [module %s]", config->module != NULL ? config->module : "");
        if (registry_find(registry, section->name, strlen(section->name)) != NULL) {
            diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, &section->at, NULL, "there is another [call %s]",
                            section->name);
            continue;
        }
        struct call *call = &registry->calls[registry->call_count++];
        (void)call_make(builder, config, call); /* what is wrong has been told; registry_build looks at the count */
        call_remember(registry, call);
    }
}

/* -- gathers -- */

static bool gather_make(const struct builder *builder, const struct config_gather *config, struct gather *gather) {
    struct registry *registry = builder->registry;
    gather->config = config;
    gather->name = config->section.name;
    gather->route = config->route;
    gather->timeout_us = config->timeout_us;
    gather->calls = arena_take_zeroed(&registry->arena, config->call_count * sizeof(struct call *));
    if (gather->calls == NULL)
        return false;
    for (size_t i = 0; i < config->call_count; i++) {
        struct call *call = registry_find(registry, config->calls[i], strlen(config->calls[i]));
        if (call == NULL)
            diagnostics_add(builder->diagnostics, DIAGNOSTIC_ERROR, config_origin(&config->section, "calls"), NULL,
                            "calls: there is no [call %s]", config->calls[i]);
        else
            gather->calls[gather->call_count++] = call;
    }
    return true;
}

static bool gathers_make(struct builder *builder) {
    struct registry *registry = builder->registry;
    for (size_t i = 0; i < builder->config->gather_count; i++) {
        if (!gather_make(builder, &builder->config->gathers[i], &registry->gathers[registry->gather_count]))
            return false;
        registry->gather_count++;
    }
    return true;
}

/* -- workers -- */

static void states_stop(const struct call_pool *pool, void **states, size_t count) {
    while (count > 0) {
        count--;
        const struct module *module = pool->modules[count];
        if (module->descriptor->worker_stop != NULL)
            module->descriptor->worker_stop(module->state, states[count]);
    }
}

struct registry *registry_try(const struct config *config, struct diagnostics *diagnostics) {
    struct registry *registry = calloc(1, sizeof *registry);
    struct builder builder = {.registry = registry, .config = config, .diagnostics = diagnostics};
    if (registry == NULL) {
        no_memory(&builder);
        return NULL;
    }
    arena_init(&registry->arena, NULL, 0);
    if (tables_take(&builder) && pools_make(&builder)) {
        modules_open(&builder);
        calls_make(&builder);
        if (gathers_make(&builder))
            return registry;
    }
    no_memory(&builder);
    registry_destroy(registry);
    return NULL;
}

struct registry *registry_build(const struct config *config, struct diagnostics *diagnostics) {
    uint32_t errors_before = diagnostics->error_count;
    struct registry *registry = registry_try(config, diagnostics);
    if (diagnostics->error_count == errors_before)
        return registry;
    registry_destroy(registry);
    return NULL;
}

void registry_destroy(struct registry *registry) {
    if (registry == NULL)
        return;
    for (size_t i = registry->call_count; i > 0; i--) {
        struct call *call = &registry->calls[i - 1];
        if (call->is_prepared && call->function->finish != NULL)
            call->function->finish(call->module->state, call->state);
    }
    for (size_t i = registry->module_count; i > 0; i--)
        module_close(registry->modules[i - 1]);
    arena_reset(&registry->arena);
    free(registry);
}

void call_set_grant(struct call *call, struct arena *arena, const struct config_server *server,
                    const struct config_call *config) {
    static const struct call_grant nobody = {.needs_token = true, .is_limited = true};
    const struct call_grant *before = call->grant;
    struct call_grant *grant = arena_take(arena, sizeof *grant);
    if (grant == NULL) {
        call->grant = &nobody;
        return;
    }
    if (config != NULL)
        *grant = (struct call_grant){.needs_token = config_needs_token(server, config),
                                     .is_limited = config->tokens != NULL,
                                     .names = config->tokens,
                                     .name_count = config->token_count};
    else
        *grant = (struct call_grant){.needs_token = before->needs_token || server->auth == CONFIG_AUTH_TOKEN,
                                     .is_limited = before->is_limited};
    call->grant = grant;
}

struct call *registry_find(const struct registry *registry, const char *name, size_t size) {
    for (size_t slot = name_hash(name, size);; slot++) {
        struct call *call = registry->slots[slot & (registry->slot_count - 1)];
        if (call == NULL || (strlen(call->name) == size && memcmp(call->name, name, size) == 0))
            return call;
    }
}

enum tt_status registry_set_sides(struct registry *registry, size_t side_count) {
    registry->side_count = side_count;
    for (size_t i = 0; side_count > 0 && i < registry->call_count; i++) {
        struct call *call = &registry->calls[i];
        if (call->pool == NULL)
            call->side_stats = arena_take_zeroed(&registry->arena, side_count * sizeof *call->side_stats);
        if (call->pool == NULL && call->side_stats == NULL)
            return TT_NOMEM;
    }
    return TT_OK;
}

enum tt_status registry_worker_start(void *call_pool, void **ret_state, struct tt_error *reterr) {
    const struct call_pool *pool = call_pool;
    void **states = calloc(pool->module_count > 0 ? pool->module_count : 1, sizeof *states);
    if (states == NULL)
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory for a worker of pool %s", pool->name);
    for (size_t i = 0; i < pool->module_count; i++) {
        const struct module *module = pool->modules[i];
        struct tt_error error = {0};
        enum tt_status status = TT_OK;
        if (module->descriptor->worker_start != NULL)
            status = module->descriptor->worker_start(module->state, &states[i], &error);
        if (status == TT_OK)
            continue;
        states_stop(pool, states, i);
        free(states);
        return tt_error_set(reterr, status, error.sys_errno, "module %s: %s", module->name,
                            error.text[0] != '\0' ? error.text : tt_status_name(status));
    }
    *ret_state = states;
    return TT_OK;
}

void registry_worker_stop(void *call_pool, void *state) {
    const struct call_pool *pool = call_pool;
    states_stop(pool, state, pool->module_count);
    free(state);
}

/* References: checks that need more than one section. */
#include "references.h"

#include "endpoint.h"

#include <string.h>

/* The names of all sections of a kind, ended by NULL, for looking up and for "did you mean". */
struct names {
    const char **list;
    size_t count;
    bool *is_used; /* one for each */
};

struct checking {
    struct config *config;
    struct diagnostics *diagnostics;
    struct names pools;
    struct names modules;
    struct names calls;
};

static bool names_make(struct arena *arena, const void *objects, size_t count, size_t size, struct names *ret_names) {
    ret_names->list = arena_take(arena, (count + 1) * sizeof *ret_names->list);
    ret_names->is_used = arena_take_zeroed(arena, (count + 1) * sizeof *ret_names->is_used);
    if (!ret_names->list || !ret_names->is_used)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct config_section *section = (const void *)((const char *)objects + i * size);
        ret_names->list[i] = section->name;
    }
    ret_names->list[count] = NULL;
    ret_names->count = count;
    return true;
}

/* Those that stand in a file (all but the ones that only a --set has made), ended by NULL. Returns: NULL without memory. */
static const char **names_in_files(struct arena *arena, const struct config *config) {
    const char **list = arena_take(arena, (config->pool_count + 1) * sizeof *list);
    size_t count = 0;
    for (size_t i = 0; list && i < config->pool_count; i++)
        if (!origin_is_set(&config->pools[i].section.at))
            list[count++] = config->pools[i].section.name;
    if (list)
        list[count] = NULL;
    return list;
}

/* Its index, or count. */
static size_t names_find(const struct names *names, const char *name) {
    size_t i = 0;
    while (i < names->count && strcmp(names->list[i], name) != 0)
        i++;
    return i;
}

static void unknown(const struct checking *checking, const struct origin *at, const char *kind, const char *name,
                    const struct names *names) {
    const char *nearest = diagnostics_nearest(name, names->list);
    const char *hint = NULL;
    if (nearest)
        hint = arena_format(&checking->config->arena, "did you mean \"%s\"?", nearest);
    diagnostics_add(checking->diagnostics, DIAGNOSTIC_ERROR, at, hint, "there is no [%s %s]", kind, name);
}

static void module_check(struct checking *checking, const struct config_module *module) {
    const struct origin *at = config_origin(&module->section, "pool");
    if (strcmp(module->pool, "none") == 0) {
        diagnostics_add(checking->diagnostics, DIAGNOSTIC_ERROR, at, "say it in each [call] that never blocks",
                        "a module can't have pool = none");
        return;
    }
    if (names_find(&checking->pools, module->pool) == checking->pools.count)
        unknown(checking, at, "pool", module->pool, &checking->pools);
}

static void call_check(struct checking *checking, const struct config_call *call) {
    const struct config *config = checking->config;
    const char *pool = call->pool;
    if (call->module) {
        size_t module = names_find(&checking->modules, call->module);
        if (module == checking->modules.count)
            unknown(checking, config_origin(&call->section, "module"), "module", call->module, &checking->modules);
        else if (!pool)
            pool = config->modules[module].pool;
    }
    if (!pool || strcmp(pool, "none") == 0)
        return;
    size_t index = names_find(&checking->pools, pool);
    if (index < checking->pools.count)
        checking->pools.is_used[index] = true;
    else if (call->pool)
        unknown(checking, config_origin(&call->section, "pool"), "pool", pool, &checking->pools);
}

static bool is_separator(char byte) {
    return byte == ',' || byte == ' ' || byte == '\t';
}

/* The place of the nth name of `calls = a, b`. */
static struct origin name_origin(const struct config_setting *setting, size_t index, size_t size) {
    const char *value = setting->value;
    size_t at = strspn(value, " \t");
    for (; index > 0; index--) {
        at += strcspn(value + at, ",");
        while (is_separator(value[at]))
            at++;
    }
    return origin_inside(&setting->value_at, value, at, size);
}

static void gather_check(struct checking *checking, const struct config_gather *gather) {
    const struct config_setting *setting = config_find(&gather->section, "calls");
    for (size_t i = 0; setting && i < gather->call_count; i++) {
        const char *name = gather->calls[i];
        if (names_find(&checking->calls, name) < checking->calls.count)
            continue;
        struct origin at = name_origin(setting, i, strlen(name));
        unknown(checking, &at, "call", name, &checking->calls);
    }
}

/* In a file it may wait for its calls; a --set is there to change something. */
static void pool_of_set(struct checking *checking, const struct config_section *section) {
    const char **names = names_in_files(&checking->config->arena, checking->config);
    const char *nearest = names ? diagnostics_nearest(section->name, names) : NULL;
    const char *hint = NULL;
    if (nearest)
        hint = arena_format(&checking->config->arena, "did you mean \"%s\"?", nearest);
    diagnostics_add(checking->diagnostics, DIAGNOSTIC_ERROR, &section->at, hint, "there is no [pool %s]",
                    section->name);
}

static void pools_check(struct checking *checking) {
    for (size_t i = 0; i < checking->pools.count; i++) {
        const struct config_section *section = &checking->config->pools[i].section;
        if (checking->pools.is_used[i])
            continue;
        if (origin_is_set(&section->at))
            pool_of_set(checking, section);
        else if (section->at.file)
            diagnostics_add(checking->diagnostics, DIAGNOSTIC_WARNING, &section->at, NULL, "no call uses [pool %s]",
                            section->name);
    }
}

static void listens_check(struct checking *checking) {
    const struct config_server *server = &checking->config->server;
    for (size_t i = 1; i < server->listen_count; i++) {
        if (!server->endpoints[i])
            continue;
        const struct config_setting *listen = &server->listens[i];
        const char *address = server->endpoints[i]->address;
        size_t size = strlen(address);
        bool is_any_port = size > 2 && strcmp(address + size - 2, ":0") == 0;
        for (size_t j = 0; j < i && !is_any_port; j++) {
            if (!server->endpoints[j] || strcmp(address, server->endpoints[j]->address) != 0)
                continue;
            const struct origin *first = &server->listens[j].value_at;
            const char *hint = NULL;
            if (first->file)
                hint = arena_format(&checking->config->arena, "the first one is %s:%u", first->file, first->line);
            diagnostics_add(checking->diagnostics, DIAGNOSTIC_ERROR, &listen->value_at, hint,
                            "listen: %s is given twice", address);
            break;
        }
    }
}

/* Nobody is trusted without being named. */
static void proxies_check(struct checking *checking) {
    const struct config_server *server = &checking->config->server;
    for (size_t i = 0; i < server->listen_count; i++)
        if (server->endpoints[i] && server->endpoints[i]->takes_proxy && !config_find(&server->section, "proxy-from"))
            diagnostics_add(checking->diagnostics, DIAGNOSTIC_ERROR, &server->listens[i].value_at,
                            "proxy-from = 10.0.0.0/8, unix says which proxies are trusted",
                            "listen: proxy needs proxy-from");
}

bool references_check(struct config *config, struct diagnostics *diagnostics) {
    struct checking checking = {.config = config, .diagnostics = diagnostics};
    if (!names_make(&config->arena, config->pools, config->pool_count, sizeof *config->pools, &checking.pools) ||
        !names_make(&config->arena, config->modules, config->module_count, sizeof *config->modules,
                    &checking.modules) ||
        !names_make(&config->arena, config->calls, config->call_count, sizeof *config->calls, &checking.calls))
        return false;
    listens_check(&checking);
    proxies_check(&checking);
    for (size_t i = 0; i < config->module_count; i++)
        module_check(&checking, &config->modules[i]);
    for (size_t i = 0; i < config->call_count; i++)
        call_check(&checking, &config->calls[i]);
    for (size_t i = 0; i < config->gather_count; i++)
        gather_check(&checking, &config->gathers[i]);
    pools_check(&checking);
    return true;
}

/* Build: sections become structs by the table of keys. */
#include "build.h"

#include "endpoint.h"
#include "network.h"

#include <string.h>

static size_t sections_count(const struct draft *draft, enum config_kind kind) {
    size_t count = 0;
    for (const struct draft_section *each = draft->sections; each; each = each->next)
        count += each->form->kind == kind;
    return count;
}

static bool settings_copy(struct draft *draft, const struct draft_section *from, struct config_section *to) {
    struct config_setting *settings = arena_take(draft->arena, from->setting_count * sizeof *settings);
    if (!settings)
        return false;
    size_t count = 0;
    for (const struct draft_setting *each = from->settings; each; each = each->next)
        settings[count++] = each->setting;
    *to = (struct config_section){
        .kind = from->form->kind, .name = from->name, .at = from->at, .settings = settings, .setting_count = count};
    return true;
}

/* A setting for a default: it stands nowhere. */
static struct config_setting default_setting(const struct key *key) {
    return (struct config_setting){.key = key->name, .value = key->default_text, .is_used = true};
}

static bool field_fill(struct draft *draft, const struct draft_section *from, const struct key *key, void *object) {
    const struct draft_setting *given = draft_setting(from, key->name);
    if (given && given->is_valid) {
        value_store(key, &given->value, object);
        return true;
    }
    if (!given && key->is_required) {
        const char *hint = origin_is_set(&from->at) ? draft_meant(draft, from) : NULL;
        if (!hint)
            hint = arena_format(draft->arena, "for example: %s = %s", key->name, key->example);
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &from->at, hint, "[%s %s] has no %s", from->form->word,
                        from->name, key->name);
    }
    if (!key->default_text)
        return true;
    struct config_setting setting = default_setting(key);
    struct value value;
    if (!value_read(key, &setting, draft->arena, draft->diagnostics, &value))
        return false;
    value_store(key, &value, object);
    return true;
}

/* Fills one struct; its section is its first member. */
static bool object_fill(struct draft *draft, const struct draft_section *from, void *object) {
    if (!settings_copy(draft, from, object))
        return false;
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &key_table[i];
        if (key->kind == from->form->kind && key->type != KEY_LISTENS && !key->is_unavailable &&
            !field_fill(draft, from, key, object))
            return false;
    }
    return true;
}

/* All sections of a kind as an array of structs of that size. */
static void *objects_make(struct draft *draft, enum config_kind kind, size_t size, size_t *ret_count) {
    size_t count = sections_count(draft, kind);
    char *objects = arena_take_zeroed(draft->arena, count * size);
    if (!objects)
        return NULL;
    size_t made = 0;
    for (const struct draft_section *each = draft->sections; each; each = each->next)
        if (each->form->kind == kind && !object_fill(draft, each, objects + made++ * size))
            return NULL;
    *ret_count = count;
    return objects;
}

static bool listens_make(struct draft *draft, const struct draft_section *from, struct config_server *server) {
    const struct key *key = key_find(CONFIG_SERVER, "listen");
    server->listens = arena_take(draft->arena, (from->setting_count + 1) * sizeof *server->listens);
    server->endpoints = arena_take(draft->arena, (from->setting_count + 1) * sizeof(const struct endpoint *));
    if (!server->listens || !server->endpoints)
        return false;
    for (const struct draft_setting *each = from->settings; each; each = each->next) {
        if (each->key != key)
            continue;
        server->endpoints[server->listen_count] = each->is_valid ? each->value.endpoint : NULL;
        server->listens[server->listen_count++] = each->setting;
    }
    if (server->listen_count > 0)
        return true;
    server->listens[0] = default_setting(key);
    server->endpoints[0] = endpoint_read(&server->listens[0], draft->arena, draft->diagnostics);
    server->listen_count = 1;
    return server->endpoints[0] != NULL;
}

/* As read, they can be parsed. */
static bool networks_make(struct draft *draft, struct config_server *server) {
    struct network *networks = arena_take(draft->arena, (server->proxy_from_count + 1) * sizeof *networks);
    const char *message;
    if (!networks)
        return false;
    for (size_t i = 0; i < server->proxy_from_count; i++)
        if (!network_parse(server->proxy_from[i], &networks[i], &message))
            return false;
    server->proxy_networks = networks;
    return true;
}

static bool server_make(struct draft *draft, struct config_server *server) {
    const struct origin nowhere = {0};
    const struct draft_section *section = draft_find(draft, CONFIG_SERVER, "");
    if (!section)
        section = draft_add(draft, CONFIG_SERVER, "", &nowhere);
    return section && object_fill(draft, section, server) && listens_make(draft, section, server) &&
           networks_make(draft, server);
}

static bool means_default_pool(const struct draft_section *section) {
    const struct draft_setting *pool = draft_setting(section, "pool");
    if (section->form->kind == CONFIG_MODULE)
        return !pool || strcmp(pool->setting.value, "default") == 0;
    return section->form->kind == CONFIG_CALL && pool && strcmp(pool->setting.value, "default") == 0;
}

/* The pool `default` needs no section; one that nobody means would only start threads. */
static bool default_pool_make(struct draft *draft) {
    if (draft_find(draft, CONFIG_POOL, "default"))
        return true;
    for (const struct draft_section *each = draft->sections; each; each = each->next)
        if (means_default_pool(each)) {
            const struct origin nowhere = {0};
            return draft_add(draft, CONFIG_POOL, "default", &nowhere) != NULL;
        }
    return true;
}

bool build_config(struct config *config, struct draft *draft) {
    if (!default_pool_make(draft) || !server_make(draft, &config->server))
        return false;
    config->pools = objects_make(draft, CONFIG_POOL, sizeof *config->pools, &config->pool_count);
    config->modules = objects_make(draft, CONFIG_MODULE, sizeof *config->modules, &config->module_count);
    config->calls = objects_make(draft, CONFIG_CALL, sizeof *config->calls, &config->call_count);
    config->gathers = objects_make(draft, CONFIG_GATHER, sizeof *config->gathers, &config->gather_count);
    return config->pools && config->modules && config->calls && config->gathers;
}

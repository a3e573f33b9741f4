/* Grants: see grants.h. */
#include "grants.h"

#include "endpoint.h"
#include "tokens.h"

#include <string.h>

struct checking {
    struct config *config;
    struct diagnostics *diagnostics;
    const char *names[TOKENS_MAX + 1]; /* of the tokens, ended by NULL; none where the file is wrong */
    bool is_used;                      /* somebody asks for a token */
};

static bool is_name(const struct checking *checking, const char *name) {
    for (size_t i = 0; checking->names[i]; i++)
        if (strcmp(checking->names[i], name) == 0)
            return true;
    return false;
}

/* The place of the nth name of `tokens = a, b`. */
static struct origin name_origin(const struct config_setting *setting, size_t index, const char *name) {
    const char *at = setting->value;
    for (; index > 0 && strchr(at, ','); index--)
        at = strchr(at, ',') + 1;
    at += strspn(at, " \t");
    return origin_inside(&setting->value_at, setting->value, (size_t)(at - setting->value), strlen(name));
}

static void names_check(const struct checking *checking, const struct config_call *call,
                        const struct config_setting *setting) {
    for (size_t i = 0; i < call->token_count && checking->names[0]; i++) {
        if (is_name(checking, call->tokens[i]))
            continue;
        const char *nearest = diagnostics_nearest(call->tokens[i], checking->names);
        const char *hint = NULL;
        if (nearest)
            hint = arena_format(&checking->config->arena, "did you mean \"%s\"?", nearest);
        struct origin at = name_origin(setting, i, call->tokens[i]);
        diagnostics_add(checking->diagnostics, DIAGNOSTIC_ERROR, &at, hint, "tokens: there is no token of this name");
    }
}

/* Says once where the first one stands that needs what isn't there. */
static void ask(struct checking *checking, const struct config_section *section) {
    if (!checking->is_used && !config_find(&checking->config->server.section, "tokens"))
        diagnostics_add(checking->diagnostics, DIAGNOSTIC_ERROR, config_origin(section, "auth"),
                        "for example, in [server]: tokens = /etc/tothread/tokens", "auth = token needs tokens");
    checking->is_used = true;
}

static void call_check(struct checking *checking, const struct config_call *call) {
    const struct config_server *server = &checking->config->server;
    const struct config_setting *setting = config_find(&call->section, "tokens");
    if (call->auth == CONFIG_AUTH_TOKEN)
        ask(checking, &call->section);
    if (!setting)
        return;
    if (config_needs_token(server, call))
        names_check(checking, call, setting);
    else
        diagnostics_add(checking->diagnostics, DIAGNOSTIC_ERROR, &setting->value_at,
                        "auth = token, here or in [server], asks for one", "tokens: the call asks for no token");
}

/* The other way round is an error, and told by references.c. */
static void proxies_check(const struct config_server *server, struct diagnostics *diagnostics) {
    if (!config_find(&server->section, "proxy-from"))
        return;
    for (size_t i = 0; i < server->listen_count; i++)
        if (!server->endpoints[i] || server->endpoints[i]->takes_proxy)
            return;
    diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, config_origin(&server->section, "proxy-from"),
                    "it goes behind an address: listen = 127.0.0.1:8080 proxy", "proxy-from: no listen says proxy");
}

void grants_load(struct config *config, const struct config_source *source, struct diagnostics *diagnostics) {
    if (!tokens_load(config, source, diagnostics))
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, NULL, "no memory");
    struct checking checking = {.config = config, .diagnostics = diagnostics};
    const struct config_server *server = &config->server;
    for (size_t i = 0; server->tokens && i < server->tokens->count; i++)
        checking.names[i] = server->tokens->list[i].name;
    if (server->auth == CONFIG_AUTH_TOKEN)
        ask(&checking, &server->section);
    for (size_t i = 0; i < config->call_count; i++)
        call_check(&checking, &config->calls[i]);
    proxies_check(server, diagnostics);
    if (!checking.is_used && config_find(&server->section, "tokens"))
        diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, config_origin(&server->section, "tokens"),
                        "auth = token, here or in a [call], asks for one", "tokens: no call asks for a token");
}

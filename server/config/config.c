/* Config: reading in steps: files to a draft (reader, draft), draft to structs (build), checks between sections
   (references). */
#include "config.h"

#include "build.h"
#include "reader.h"
#include "references.h"
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

struct config *config_try(const struct config_source *source, struct diagnostics *diagnostics) {
    struct config *config = calloc(1, sizeof *config);
    if (!config) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, NULL, "no memory");
        return NULL;
    }
    arena_init(&config->arena, NULL, 0);
    struct draft draft;
    draft_init(&draft, &config->arena, diagnostics);
    reader_read(&draft, source);
    if (!draft.is_out_of_memory && build_config(config, &draft) && references_check(config, diagnostics))
        return config;
    diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, NULL, "no memory");
    config_destroy(config);
    return NULL;
}

struct config *config_load(const struct config_source *source, struct diagnostics *diagnostics) {
    struct config *config = config_try(source, diagnostics);
    if (diagnostics->error_count == 0)
        return config;
    config_destroy(config);
    return NULL;
}

void config_destroy(struct config *config) {
    if (!config)
        return;
    tokens_wipe(config->server.tokens);
    arena_reset(&config->arena);
    free(config);
}

const struct origin *config_origin(const struct config_section *section, const char *key) {
    const struct config_setting *setting = key ? config_find(section, key) : NULL;
    return setting ? &setting->value_at : &section->at;
}

bool config_needs_token(const struct config_server *server, const struct config_call *call) {
    return (call->auth == CONFIG_AUTH_SERVER ? server->auth : call->auth) == CONFIG_AUTH_TOKEN;
}

bool config_is_core_key(enum config_kind kind, const char *key) {
    return key_find(kind, key) != NULL;
}

struct config_setting *config_find(const struct config_section *section, const char *key) {
    for (size_t i = 0; i < section->setting_count; i++)
        if (strcmp(section->settings[i].key, key) == 0)
            return &section->settings[i];
    return NULL;
}

const char *config_path(struct arena *arena, const struct config_setting *setting, const char *path) {
    if (path[0] == '/')
        return arena_copy(arena, path, strlen(path));
    const char *folder = setting->value_at.folder ? setting->value_at.folder : ".";
    return arena_format(arena, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path);
}

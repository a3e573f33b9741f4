/* Compare: what a reload can't take over. */
#include "key.h"
#include "objects.h"
#include "values.h"

#include <string.h>

#define RESTART "it takes effect with a restart"

static void tell(struct diagnostics *diagnostics, const struct origin *at, const char *name, const char *what) {
    diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, at, NULL, "%s %s: " RESTART, name, what);
}

/* Where a change is to be shown: in the new files if they have it. */
static const struct origin *change_origin(const struct config_section *now, const struct config_section *next,
                                          const char *key) {
    if (config_find(next, key) || !config_find(now, key))
        return config_origin(next, key);
    return config_origin(now, key);
}

static size_t keys_compare(const void *now, const void *next, enum config_kind kind, struct diagnostics *diagnostics) {
    size_t count = 0;
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &key_table[i];
        if (key->kind != kind || key->is_unavailable || key->is_reloadable || value_is_same(key, now, next))
            continue;
        tell(diagnostics, change_origin(now, next, key->name), key->name, "has changed");
        count++;
    }
    return count;
}

/* The settings that belong to modules. */
static size_t settings_compare(const struct config_section *now, const struct config_section *next,
                               struct diagnostics *diagnostics) {
    size_t count = 0;
    for (size_t i = 0; i < next->setting_count; i++) {
        const struct config_setting *setting = &next->settings[i];
        if (config_is_core_key(next->kind, setting->key))
            continue;
        const struct config_setting *before = config_find(now, setting->key);
        if (before && strcmp(before->value, setting->value) == 0)
            continue;
        tell(diagnostics, &setting->value_at, setting->key, before ? "has changed" : "is new");
        count++;
    }
    for (size_t i = 0; i < now->setting_count; i++) {
        const struct config_setting *setting = &now->settings[i];
        if (config_is_core_key(now->kind, setting->key) || config_find(next, setting->key))
            continue;
        tell(diagnostics, &setting->value_at, setting->key, "is gone");
        count++;
    }
    return count;
}

static void tell_section(struct diagnostics *diagnostics, const struct config_section *section, const char *what) {
    diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, &section->at, NULL, "[%s %s] %s: " RESTART,
                    key_section(section->kind)->word, section->name, what);
}

static size_t kind_compare(const struct config *now, const struct config *next, enum config_kind kind,
                           struct diagnostics *diagnostics) {
    struct objects before = objects_of(now, kind);
    struct objects after = objects_of(next, kind);
    size_t count = 0;
    for (size_t i = 0; i < after.count; i++) {
        const struct config_section *section = objects_at(&after, i);
        const struct config_section *old = objects_find(&before, section->name);
        if (old) {
            count += keys_compare(old, section, kind, diagnostics);
            count += settings_compare(old, section, diagnostics);
        } else {
            tell_section(diagnostics, section, "is new");
            count++;
        }
    }
    for (size_t i = 0; i < before.count; i++) {
        const struct config_section *section = objects_at(&before, i);
        if (objects_find(&after, section->name))
            continue;
        tell_section(diagnostics, section, "is gone");
        count++;
    }
    return count;
}

size_t config_compare(const struct config *now, const struct config *next, struct diagnostics *diagnostics) {
    size_t count = 0;
    for (size_t i = 0; i < OBJECTS_KINDS_COUNT; i++)
        count += kind_compare(now, next, objects_kinds[i], diagnostics);
    return count;
}

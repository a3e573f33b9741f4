/**
 * Setup: what a module may ask for and say while it opens a section.
 */
#include "setup.h"
#include "../config/key.h"
#include "value.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Parameters that one function may have: more is taken for a module's mistake. */
#define PARAMS_MAX 256

static const struct tt_setting *setting_known(const struct tt_setup *setup, const char *key) {
    for (size_t i = 0; i < setup->setting_count; i++) {
        if (strcmp(setup->settings[i].key, key) == 0)
            return &setup->settings[i];
    }
    return NULL;
}

static void no_memory(struct tt_setup *setup) {
    setup->mistake_count++;
    diagnostics_add(setup->diagnostics, DIAGNOSTIC_ERROR, &setup->section->at, NULL, "no memory");
}

static void unknown_report(struct tt_setup *setup, const struct config_setting *given) {
    const char **names = arena_take(setup->arena, (setup->setting_count + 1) * sizeof *names);
    if (names == NULL) {
        no_memory(setup);
        return;
    }
    for (size_t i = 0; i < setup->setting_count; i++)
        names[i] = setup->settings[i].key;
    names[setup->setting_count] = NULL;
    const char *near = diagnostics_nearest(given->key, names);
    if (near == NULL)
        near = key_nearest(setup->section->kind, given->key);
    const char *hint = near == NULL ? NULL : arena_format(setup->arena, "did you mean \"%s\"?", near);
    setup->mistake_count++;
    diagnostics_add(setup->diagnostics, DIAGNOSTIC_ERROR, &given->key_at, hint,
                    "%s: unknown key; %s doesn't know it either", given->key, setup->file);
}

/** Reports what is wrong with a parameter before any request can meet it. */
static bool param_is_sound(struct tt_setup *setup, const struct tt_param *param) {
    if (param->name == NULL || param->name[0] == '\0') {
        (void)setup_mistake(setup, NULL, "%s declares a parameter without a name", setup->file);
        return false;
    }
    for (size_t i = 0; i < setup->param_count; i++) {
        if (strcmp(setup->params[i].name, param->name) == 0) {
            (void)setup_mistake(setup, NULL, "parameter \"%s\" is declared twice", param->name);
            return false;
        }
    }
    if (param->type <= TT_TYPE_NONE || param->type > TT_TYPE_ANY) {
        (void)setup_mistake(setup, NULL, "parameter \"%s\" is of no known type (%d)", param->name, (int)param->type);
        return false;
    }
    if (param->default_text == NULL)
        return true;
    struct tt_value value;
    if (value_from_text(param->type, param->default_text, strlen(param->default_text), &value) != TT_OK) {
        (void)setup_mistake(setup, NULL, "parameter \"%s\": its default \"%s\" must be %s", param->name,
                            param->default_text, value_expected(param->type));
        return false;
    }
    if (!value_is_in_range(param, &value)) {
        (void)setup_mistake(setup, NULL, "parameter \"%s\": its default \"%s\" is out of its own range", param->name,
                            param->default_text);
        return false;
    }
    return true;
}

static bool params_grow(struct tt_setup *setup) {
    if (setup->param_count < setup->param_capacity)
        return true;
    size_t capacity = setup->param_capacity > 0 ? 2 * setup->param_capacity : 8;
    struct tt_param *params = arena_take(setup->arena, capacity * sizeof *params);
    if (params == NULL)
        return false;
    if (setup->param_count > 0)
        memcpy(params, setup->params, setup->param_count * sizeof *params);
    setup->params = params;
    setup->param_capacity = capacity;
    return true;
}

/** Copies text, NULL included. */
static bool text_keep(struct arena *arena, const char **text) {
    if (*text == NULL)
        return true;
    *text = arena_copy(arena, *text, strlen(*text));
    return *text != NULL;
}

void setup_init(struct tt_setup *setup, const struct config_section *section, const struct tt_setting *settings,
                size_t setting_count, const char *file, struct arena *arena, struct diagnostics *diagnostics) {
    *setup = (struct tt_setup){
        .section = section,
        .settings = settings,
        .setting_count = settings != NULL ? setting_count : 0,
        .file = file,
        .arena = arena,
        .diagnostics = diagnostics,
    };
}

enum tt_status setup_check(struct tt_setup *setup) {
    for (size_t i = 0; i < setup->section->setting_count; i++) {
        struct config_setting *given = &setup->section->settings[i];
        if (config_is_core_key(setup->section->kind, given->key))
            continue;
        if (setting_known(setup, given->key) != NULL)
            given->is_used = true;
        else
            unknown_report(setup, given);
    }
    for (size_t i = 0; i < setup->setting_count; i++) {
        const struct tt_setting *known = &setup->settings[i];
        if (!known->is_required || config_find(setup->section, known->key) != NULL)
            continue;
        setup->mistake_count++;
        diagnostics_add(setup->diagnostics, DIAGNOSTIC_ERROR, &setup->section->at, known->help,
                        "%s: a required key is missing", known->key);
    }
    return setup->mistake_count == 0 ? TT_OK : TT_INVALID;
}

enum tt_status setup_finish(struct tt_setup *setup, const char *what, enum tt_status status) {
    if (setup->mistake_count > 0)
        return TT_INVALID;
    if (status == TT_OK)
        return TT_OK;
    diagnostics_add(setup->diagnostics, DIAGNOSTIC_ERROR, &setup->section->at, NULL,
                    "%s: %s failed (%s) and didn't say why", setup->file, what, tt_status_name(status));
    return TT_INVALID;
}

const char *setup_setting(struct tt_setup *setup, const char *key) {
    const struct config_setting *given = config_find(setup->section, key);
    if (given != NULL)
        return given->value;
    const struct tt_setting *known = setting_known(setup, key);
    return known != NULL ? known->default_text : NULL;
}

const char *setup_setting_path(struct tt_setup *setup, const char *key) {
    const char *value = setup_setting(setup, key);
    if (value == NULL)
        return NULL;
    const struct config_setting *given = config_find(setup->section, key);
    /* a default counts from the file that has the section */
    struct config_setting from_section = {
        .key = key, .value = value, .key_at = setup->section->at, .value_at = setup->section->at};
    const char *path = config_path(setup->arena, given != NULL ? given : &from_section, value);
    if (path == NULL)
        no_memory(setup);
    return path;
}

enum tt_status setup_add_param(struct tt_setup *setup, const struct tt_param *param) {
    if (setup->param_count == PARAMS_MAX)
        return setup_mistake(setup, NULL, "more than %d parameters", PARAMS_MAX);
    if (!param_is_sound(setup, param))
        return TT_INVALID;
    struct tt_param copy = *param;
    if (!params_grow(setup) || !text_keep(setup->arena, &copy.name) || !text_keep(setup->arena, &copy.default_text) ||
        !text_keep(setup->arena, &copy.help)) {
        no_memory(setup);
        return TT_NOMEM;
    }
    setup->params[setup->param_count++] = copy;
    return TT_OK;
}

enum tt_status setup_mistake(struct tt_setup *setup, const char *key, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    setup->mistake_count++;
    const struct origin *at = key != NULL ? config_origin(setup->section, key) : &setup->section->at;
    diagnostics_add(setup->diagnostics, DIAGNOSTIC_ERROR, at, NULL, "%s%s%s", key != NULL ? key : "",
                    key != NULL ? ": " : "", text);
    return TT_INVALID;
}

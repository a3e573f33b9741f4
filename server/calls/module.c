/**
 * Module: finds, loads and checks a shared object before a function of it is called.
 */
#include "module.h"
#include "setup.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SYMBOL     "tt_module"
#define PLACES_MAX 2

struct places {
    const char *files[PLACES_MAX];
    size_t count;
};

/** What module_open needs all the way down. */
struct opening {
    const struct config_module *config;
    struct arena *arena;
    struct diagnostics *diagnostics;
};

/** Reports a mistake in the section's path, at its header where the path is the section's name. */
static void report(const struct opening *opening, const char *hint, const char *format, ...) TT_PRINTF(3, 4);
static void report(const struct opening *opening, const char *hint, const char *format, ...) {
    char text[2 * PATH_MAX + 256]; /* two places that were tried, and what happened there */
    va_list args;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    const struct origin *at = config_origin(&opening->config->section, "path");
    diagnostics_add(opening->diagnostics, DIAGNOSTIC_ERROR, at, hint, "path: %s", text);
}

/* -- finding -- */

static const char *program_folder(struct arena *arena) {
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path);
    if (size <= 0 || size == (ssize_t)sizeof path)
        return NULL;
    while (size > 1 && path[size - 1] != '/')
        size--;
    return arena_copy(arena, path, (size_t)size);
}

static void place_add(struct places *places, const char *file) {
    if (file != NULL)
        places->files[places->count++] = file;
}

static void places_find(const struct opening *opening, const char *path, struct places *ret_places) {
    ret_places->count = 0;
    struct arena *arena = opening->arena;
    if (strchr(path, '/') != NULL) {
        const struct config_section *section = &opening->config->section;
        const struct config_setting *given = config_find(section, "path");
        struct config_setting from_section = {
            .key = "path", .value = path, .key_at = section->at, .value_at = section->at};
        place_add(ret_places, config_path(arena, given != NULL ? given : &from_section, path));
        return;
    }
    const char *folder = program_folder(arena);
    if (folder != NULL)
        place_add(ret_places, arena_format(arena, "%smodules/%s.so", folder, path));
    place_add(ret_places, arena_format(arena, "%s/%s.so", TOTHREAD_MODULE_DIR, path));
}

static const char *file_find(const struct opening *opening, const char *path) {
    struct places places;
    size_t size = strlen(path);
    if (strchr(path, '/') == NULL && size > 3 && strcmp(path + size - 3, ".so") == 0) {
        /* A file of one's own, or a module that came with the service? Both were meant by somebody. */
        report(opening,
               arena_format(opening->arena, "write ./%s for a file beside this one, or %.*s for an installed module",
                            path, (int)size - 3, path),
               "\"%s\" is a file's name without its folder", path);
        return NULL;
    }
    places_find(opening, path, &places);
    for (size_t i = 0; i < places.count; i++) {
        if (access(places.files[i], F_OK) == 0 || errno != ENOENT)
            return places.files[i]; /* of what is there but can't be read, dlopen tells more */
    }
    if (places.count == 0)
        report(opening, NULL, "no memory");
    else if (places.count == 1)
        report(opening, NULL, "%s: no such file", places.files[0]);
    else
        report(opening, "a path with a slash names a file; without one, a module that was installed",
               "module \"%s\" was not found: there is neither %s nor %s", path, places.files[0], places.files[1]);
    return NULL;
}

/* -- loading -- */

/** dlerror's text; glibc keeps it for each thread. */
static const char *loader_error(void) {
    const char *text = dlerror();
    return text != NULL ? text : "unknown reason";
}

static const struct tt_module *file_load(const struct opening *opening, const char *file, void **ret_handle) {
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        report(opening, NULL, "can't load the module: %s", loader_error());
        return NULL;
    }
    const struct tt_module *descriptor = dlsym(handle, SYMBOL);
    if (descriptor == NULL) {
        report(opening, "a module exports `const struct tt_module tt_module`; a plain library is none",
               "%s is no module: it has no symbol \"%s\"", file, SYMBOL);
        (void)dlclose(handle);
        return NULL;
    }
    *ret_handle = handle;
    return descriptor;
}

/* -- checking -- */

static bool has_table(const void *table, size_t count) {
    return table != NULL || count == 0;
}

static bool settings_are_sound(const struct opening *opening, const char *file, enum config_kind kind,
                               const struct tt_setting *settings, size_t count) {
    if (!has_table(settings, count)) {
        report(opening, NULL, "%s: %zu settings, but no table of them", file, count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (settings[i].key == NULL || settings[i].key[0] == '\0') {
            report(opening, NULL, "%s: setting %zu has no key", file, i + 1);
            return false;
        }
        if (config_is_core_key(kind, settings[i].key)) {
            report(opening, NULL, "%s: its setting \"%s\" is a key of the service itself", file, settings[i].key);
            return false;
        }
    }
    return true;
}

static const struct tt_function *function_at(const struct tt_module *descriptor, size_t index) {
    const char *first = (const char *)descriptor->functions;
    return (const struct tt_function *)(const void *)(first + index * descriptor->functions[0].size);
}

static bool function_is_sound(const struct opening *opening, const char *file, const struct tt_module *descriptor,
                              size_t index) {
    const struct tt_function *function = function_at(descriptor, index);
    uint32_t size = descriptor->functions[0].size;
    if (function->size != size || size < sizeof *function || size % alignof(struct tt_function) != 0) {
        report(opening, NULL, "%s: function %zu says that its struct has %u bytes, this program's has %zu", file,
               index + 1, function->size, sizeof *function);
        return false;
    }
    if (function->name == NULL || function->name[0] == '\0') {
        report(opening, NULL, "%s: function %zu has no name", file, index + 1);
        return false;
    }
    if (function->run == NULL) {
        report(opening, NULL, "%s: function \"%s\" has no run", file, function->name);
        return false;
    }
    if (!has_table(function->params, function->param_count)) {
        report(opening, NULL, "%s: function \"%s\" has %zu parameters, but no table of them", file, function->name,
               function->param_count);
        return false;
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(function_at(descriptor, i)->name, function->name) == 0) {
            report(opening, NULL, "%s: two functions are called \"%s\"", file, function->name);
            return false;
        }
    }
    return settings_are_sound(opening, file, CONFIG_CALL, function->settings, function->setting_count);
}

static bool descriptor_is_sound(const struct opening *opening, const char *file, const struct tt_module *descriptor) {
    if (descriptor->abi != TT_MODULE_ABI) {
        report(opening, "build the module with this program's headers",
               "%s is built for module ABI %u, this program has %u", file, descriptor->abi, TT_MODULE_ABI);
        return false;
    }
    if (descriptor->size < sizeof *descriptor) {
        report(opening, "build the module with this program's headers; size must be sizeof(struct tt_module)",
               "%s: its struct tt_module has %u bytes, this program needs %zu", file, descriptor->size,
               sizeof *descriptor);
        return false;
    }
    if (descriptor->functions == NULL || descriptor->function_count == 0) {
        report(opening, NULL, "%s has no functions", file);
        return false;
    }
    for (size_t i = 0; i < descriptor->function_count; i++) {
        if (!function_is_sound(opening, file, descriptor, i))
            return false;
    }
    return settings_are_sound(opening, file, CONFIG_MODULE, descriptor->settings, descriptor->setting_count);
}

/* -- opening -- */

static enum tt_status state_open(const struct opening *opening, struct module *module) {
    const struct tt_module *descriptor = module->descriptor;
    struct tt_setup setup;
    setup_init(&setup, &opening->config->section, descriptor->settings, descriptor->setting_count, module->file,
               opening->arena, opening->diagnostics);
    enum tt_status status = setup_check(&setup);
    if (status != TT_OK)
        return status;
    if (descriptor->open != NULL)
        status = descriptor->open(&module_host, &setup, &module->state);
    module->is_open = status == TT_OK;
    return setup_finish(&setup, "open", status);
}

struct module *module_open(const struct config_module *config, struct arena *arena, struct diagnostics *diagnostics) {
    struct opening opening = {.config = config, .arena = arena, .diagnostics = diagnostics};
    const char *file = file_find(&opening, config->path != NULL ? config->path : config->section.name);
    if (file == NULL)
        return NULL;
    void *handle;
    const struct tt_module *descriptor = file_load(&opening, file, &handle);
    if (descriptor == NULL)
        return NULL;
    struct module *module = arena_take(arena, sizeof *module);
    if (module == NULL || !descriptor_is_sound(&opening, file, descriptor)) {
        if (module == NULL)
            report(&opening, NULL, "no memory");
        (void)dlclose(handle);
        return NULL;
    }
    *module = (struct module){
        .name = config->section.name, .file = file, .config = config, .descriptor = descriptor, .handle = handle};
    if (state_open(&opening, module) != TT_OK) {
        module_close(module);
        return NULL;
    }
    return module;
}

void module_close(struct module *module) {
    if (module == NULL)
        return;
    if (module->is_open && module->descriptor->close != NULL)
        module->descriptor->close(module->state);
    module->is_open = false;
    (void)dlclose(module->handle); /* nothing is left to be done about a failure */
    module->handle = NULL;
}

const struct tt_function *module_function(const struct module *module, const char *name) {
    for (size_t i = 0; i < module->descriptor->function_count; i++) {
        const struct tt_function *function = module_function_at(module, i);
        if (strcmp(function->name, name) == 0)
            return function;
    }
    return NULL;
}

const struct tt_function *module_function_at(const struct module *module, size_t index) {
    return function_at(module->descriptor, index);
}

enum tt_status module_prepare(struct module *module, const struct tt_function *function,
                              const struct config_call *config, struct arena *arena, struct diagnostics *diagnostics,
                              struct tt_param **ret_params, size_t *ret_param_count, void **ret_state) {
    struct tt_setup setup;
    setup_init(&setup, &config->section, function->settings, function->setting_count, module->file, arena, diagnostics);
    enum tt_status status = setup_check(&setup);
    for (size_t i = 0; i < function->param_count && status == TT_OK; i++)
        status = setup_add_param(&setup, &function->params[i]);
    if (status != TT_OK)
        return status;
    void *state = NULL;
    if (function->prepare != NULL)
        status = function->prepare(&module_host, &setup, module->state, &state);
    bool is_prepared = status == TT_OK;
    status = setup_finish(&setup, "prepare", status);
    if (status != TT_OK) {
        if (is_prepared && function->finish != NULL) /* it succeeded in spite of the mistakes that it reported */
            function->finish(module->state, state);
        return status;
    }
    *ret_params = setup.params;
    *ret_param_count = setup.param_count;
    *ret_state = state;
    return TT_OK;
}

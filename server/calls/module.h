/**
 * Module: one [module NAME] section, loaded and opened.
 *
 * path is taken as it is if it has a slash (relative: from the configuration file's folder); a bare name is looked for as
 * NAME.so in the folder `modules` beside the program, then in the installed module folder (TOTHREAD_MODULE_DIR).
 */
#ifndef SERVER_CALLS_MODULE_H
#define SERVER_CALLS_MODULE_H

#include "../arena.h"
#include "../config/config.h"
#include <tothread/module.h>

struct module {
    const char *name;
    const char *file; /* the .so that was loaded */
    const struct config_module *config;
    const struct tt_module *descriptor;
    void *handle; /* dlopen's */
    void *state;  /* of open */
    bool is_open;
};

/** The host's functions, one constant for all modules. */
extern const struct tt_host module_host;

/**
 * Loads and opens. Mistakes go to diagnostics with their place.
 * Owns:    *ret_module lives in arena, and is ended by module_close.
 * Returns: NULL when anything was wrong (all that can be told has been told).
 */
struct module *module_open(const struct config_module *config, struct arena *arena, struct diagnostics *diagnostics);

/** Closes and unloads. NULL is fine. No function of the module may run. */
void module_close(struct module *module);

/** The function by name, or NULL. */
const struct tt_function *module_function(const struct module *module, const char *name);

/** The nth function; structs may be bigger than ours knows. */
const struct tt_function *module_function_at(const struct module *module, size_t index);

/**
 * Runs the function's prepare for a [call] section: its parameters (fixed ones, then those it adds) and its state.
 * Returns: TT_OK; TT_INVALID with diagnostics.
 */
enum tt_status module_prepare(struct module *module, const struct tt_function *function,
                              const struct config_call *config, struct arena *arena, struct diagnostics *diagnostics,
                              struct tt_param **ret_params, size_t *ret_param_count, void **ret_state);

#endif

/**
 * Setup: one section of the configuration while a module opens it; the host's side of struct tt_setup.
 *
 * Normal use:
 * 1. setup_init(&setup, ...) with the section and the table of settings that the module knows;
 * 2. setup_check(&setup): unknown and missing keys;
 * 3. the module's open or prepare, with the setup_ functions behind struct tt_host;
 * 4. setup_finish(&setup, ...) judges what it returned.
 *
 * Thread: start-up.
 */
#ifndef SERVER_CALLS_SETUP_H
#define SERVER_CALLS_SETUP_H

#include "../arena.h"
#include "../config/config.h"
#include <tothread/module.h>

struct tt_setup {
    const struct config_section *section;
    const struct tt_setting *settings;
    size_t setting_count;
    const char *file; /* the module's, for messages */
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct tt_param *params; /* in arena; grows by doubling */
    size_t param_count;
    size_t param_capacity;
    uint32_t mistake_count;
};

void setup_init(struct tt_setup *setup, const struct config_section *section, const struct tt_setting *settings,
                size_t setting_count, const char *file, struct arena *arena, struct diagnostics *diagnostics);

/** Reports keys that neither the core nor the module knows, and required ones that are missing. Returns TT_OK or TT_INVALID. */
enum tt_status setup_check(struct tt_setup *setup) TT_MUST_CHECK;

/**
 * Makes one verdict of what open or prepare (what, for the message) returned and of the mistakes that were reported
 * meanwhile. Returns: TT_OK or TT_INVALID, never without a diagnostic.
 */
enum tt_status setup_finish(struct tt_setup *setup, const char *what, enum tt_status status) TT_MUST_CHECK;

/* The host's functions of these names (tothread/module.h); add_param checks the parameter, its default included. */
const char *setup_setting(struct tt_setup *setup, const char *key);
const char *setup_setting_path(struct tt_setup *setup, const char *key);
enum tt_status setup_add_param(struct tt_setup *setup, const struct tt_param *param);
enum tt_status setup_mistake(struct tt_setup *setup, const char *key, const char *format, ...) TT_PRINTF(3, 4);

#endif

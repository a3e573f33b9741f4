/**
 * References: whether the names in a configuration point to something.
 *
 * Thread: any.
 */
#ifndef SERVER_CONFIG_REFERENCES_H
#define SERVER_CONFIG_REFERENCES_H

#include "config.h"

/**
 * Checks pools, modules and calls that are referred to, pools that nobody uses (a warning), and addresses given twice.
 * Returns: false without memory.
 */
bool references_check(struct config *config, struct diagnostics *diagnostics);

#endif

/**
 * Build: a draft to a struct config.
 *
 * Thread: any but the loop (workers = auto reads files).
 */
#ifndef SERVER_CONFIG_BUILD_H
#define SERVER_CONFIG_BUILD_H

#include "draft.h"

/**
 * Fills *config from the draft and the defaults; missing keys go to the draft's diagnostics. Settings that had a mistake
 * leave their fields at the default, so that checks can go on.
 *
 * Owns:    everything is in the draft's arena, which must be config's.
 * Returns: false without memory.
 */
bool build_config(struct config *config, struct draft *draft);

#endif

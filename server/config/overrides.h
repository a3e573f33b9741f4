/**
 * Overrides: what stands behind --set on the command line.
 *
 * SECTION.KEY=VALUE, or SECTION.NAME.KEY=VALUE: the first dot ends the section, the last one before the = begins the key.
 * The value is taken as it is, without quotes and comments: the shell has had its turn.
 *
 * Thread: any.
 */
#ifndef SERVER_CONFIG_OVERRIDES_H
#define SERVER_CONFIG_OVERRIDES_H

#include "draft.h"

/** Reads the number-th --set, counted from 1. Mistakes go to the draft's diagnostics. */
void overrides_read(struct draft *draft, const char *text, uint32_t number);

#endif

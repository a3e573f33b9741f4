/**
 * Grants: which tokens which call asks for, checked between the sections and the file of tokens.
 *
 * Thread: any but the loop.
 */
#ifndef SERVER_CONFIG_GRANTS_H
#define SERVER_CONFIG_GRANTS_H

#include "config.h"

/** Loads the tokens into config, and checks what is said about them. Mistakes go to diagnostics. */
void grants_load(struct config *config, const struct config_source *source, struct diagnostics *diagnostics);

#endif

/**
 * Source: which configuration the command line means.
 *
 * --demo comes first, as text that is built in; its second part, about the machine's own packages, only where their database
 * was made (demo/packages.db beside the program). Then the file, then its drop-ins, then each --set.
 */
#ifndef SERVER_SOURCE_H
#define SERVER_SOURCE_H

#include "config/config.h"
#include "options.h"

struct source {
    struct config_source config;
    char *text;   /* malloc'ed */
    char *folder; /* malloc'ed */
};

/**
 * Owns:    keeps options; *ret_source is to be given to source_deinit when TT_OK.
 * Returns: TT_OK; TT_NOMEM, TT_SYSTEM with *reterr.
 */
enum tt_status source_init(struct source *ret_source, const struct options *options,
                           struct tt_error *reterr) TT_MUST_CHECK;

void source_deinit(struct source *source);

#endif

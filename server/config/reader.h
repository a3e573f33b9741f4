/**
 * Reader: files, drop-ins, built-in text and --set's into a draft.
 *
 * Thread: any but the loop (it reads files).
 */
#ifndef SERVER_CONFIG_READER_H
#define SERVER_CONFIG_READER_H

#include "draft.h"

/** A file longer than this is refused. */
#define READER_FILE_MAX ((size_t)16 << 20)

/** Reads everything that source names, in order. Mistakes go to the draft's diagnostics. */
void reader_read(struct draft *draft, const struct config_source *source);

#endif

/**
 * Pieces: what a run says and hears while it runs, by its passage or, without one, in memory.
 *
 * These are the host's functions of the same names (tothread/module.h), over struct call_run.
 *
 * Thread: the run's.
 */
#ifndef SERVER_CALLS_PIECES_H
#define SERVER_CALLS_PIECES_H

#include "registry.h"

/** Whether nobody will see what is written: HEAD, or a status without a body. Of an answer that has begun. */
bool pieces_are_unseen(const struct call_run *run);

enum tt_status pieces_begin(struct call_run *run, uint64_t size);

/** For an answer that has begun. */
enum tt_status pieces_write(struct call_run *run, const void *data, size_t size);
enum tt_status pieces_write_json(struct call_run *run, const char *text, size_t size);

enum tt_status pieces_read(struct call_run *run, void *buffer, size_t capacity, size_t *ret_size);

#endif

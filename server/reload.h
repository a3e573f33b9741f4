/**
 * Reload: a new configuration while the old one serves.
 *
 * The files are read by a worker, never by the loop. A configuration with a mistake changes nothing. What can be taken
 * over without a restart is, in one turn of the loop: workers, queue, spare, queue-timeout, time-outs, limits, access
 * log; for the rest the answer says that it needs a restart. No request is lost: a pool that shrinks lets its workers
 * finish.
 */
#ifndef SERVER_RELOAD_H
#define SERVER_RELOAD_H

#include <stdbool.h>
#include <tothread/thread.h>

struct reload;
struct service;

/** Thread: loop. Returns: NULL without memory. */
struct reload *reload_create(struct service *service) TT_ON_LOOP;

/** Thread: loop, when none is under way. NULL is fine. */
void reload_destroy(struct reload *reload) TT_ON_LOOP;

/** The service ends: who waits for a verdict is told so, and nobody begins to wait any more. Thread: loop. NULL is fine. */
void reload_close(struct reload *reload) TT_ON_LOOP;

/**
 * Begins one. While one is under way it begins when that ends, for the files may have changed since; however often it was asked
 * for, it is one more. Verdicts are logged.
 *
 * Thread: loop.
 */
void reload_begin(struct reload *reload) TT_ON_LOOP;

/** Thread: loop. */
bool reload_is_busy(const struct reload *reload) TT_ON_LOOP;

/**
 * Has the loop begin one and waits for the verdict: see struct admin_view.
 *
 * Thread: any but the loop. Blocks: up to 10 s.
 */
int reload_and_wait(struct reload *reload, char **ret_text);

#endif

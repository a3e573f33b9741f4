/**
 * Health: is the process alive, may it get traffic; /livez and /readyz.
 *
 * /livez is about the loop alone: 200 when it turned recently, 503 with for how long it has been in one turn, and in which
 * call. Full queues and hanging workers are no reason to restart the process, so they don't show there.
 * /readyz is about traffic: 200 when the service is past its start, not draining, and every pool that some call uses
 * has a worker that has started.
 */
#ifndef SERVER_ADMIN_HEALTH_H
#define SERVER_ADMIN_HEALTH_H

#include "../stats.h"

/** A loop that has been in one turn for longer is stalled. A call may block the loop for hundreds of milliseconds by
    intention (`pool = none`); whoever watches /livez would restart the process for it if this were shorter. */
#define HEALTH_STALL_US UINT64_C(1000000)

/** What the loop is doing at this moment. */
struct health_loop {
    uint64_t busy_us;  /* age of the turn; 0 while the loop sleeps */
    const char *doing; /* name of the inline call, "dispatch", "events"; NULL while the loop sleeps, or where unknown */
};

/** Thread: any. Returns: busy_us 0 while the loop sleeps, at least 1 otherwise. */
struct health_loop health_loop(const struct loop_beacon *beacon, uint64_t now_us);

/** enum admin_phase as a word: "starting", "ready", "draining". Thread: any. */
const char *health_phase_name(int phase);

#endif

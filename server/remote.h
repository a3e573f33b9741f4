/**
 * Remote: an offload whose pool is another loop's. It goes home, is submitted there like any other, and its end comes back.
 *
 *     on its own loop            on the way           at home
 *     remote_start               end                  offload_submit: refused, or a job as any other
 *     done, release              end                  job's done and release, one after the other
 *     done                       end                  done alone: its function still runs (a zombie)
 *     release                    late                 and has returned
 *     remote_cancel              cancel, and back     tt_job_cancel, if it is still inside
 *
 * The job is home's from remote_start until end comes back with the release, or late does; what its worker has written may be
 * read after that, and after done for an outcome of TT_DONE or TT_FAILED. The offload is not released while a cancel is out.
 *
 * The limits are home's: what is on its way is bounded by the clients, who have one request each.
 */
#ifndef SERVER_REMOTE_H
#define SERVER_REMOTE_H

#include "relay.h"
#include <stdbool.h>
#include <stdint.h>
#include <tothread/thread.h>

struct offload;

/** Embedded in the offload; means something from remote_start on. */
struct remote {
    struct relay_item end;
    struct relay_item late;
    struct relay_item cancel;
    struct relay *back; /* fixed by remote_start, as are the next three */
    void (*done)(struct offload *offload);
    void (*release)(struct offload *offload);
    uint64_t deadline_us;
    unsigned retry_after_s; /* home's until done */
    bool is_told;           /* home's: done went back without release */
    bool is_asked;          /* its own loop's, as are the next two: to be taken back */
    bool is_cancel_out;
    bool is_released;
};

/** Sends it home. done and release follow. Thread: the offload's loop. */
void remote_start(struct offload *offload, uint64_t deadline_us) TT_ON_LOOP;

/** Asks home to take it back, once however often it is called. Thread: the offload's loop, before its done. */
void remote_cancel(struct offload *offload) TT_ON_LOOP;

#endif

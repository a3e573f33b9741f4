/* Remote: see remote.h. */
#include "remote.h"

#include "offload.h"
#include <stddef.h>

#define OFFLOAD_OF(item_, member_) \
    ((struct offload *)((char *)(item_)-offsetof(struct offload, remote) - offsetof(struct remote, member_)))

/* -- back on its own loop -- */

/** Its memory may be gone afterwards. */
static void release(struct offload *offload) TT_ON_LOOP {
    offload->remote.is_released = true;
    if (!offload->remote.is_cancel_out)
        offload->remote.release(offload);
}

static void on_done_alone(struct relay_item *item) {
    tt_assume_loop();
    struct offload *offload = OFFLOAD_OF(item, end);
    offload->remote.done(offload);
}

static void on_late(struct relay_item *item) {
    tt_assume_loop();
    release(OFFLOAD_OF(item, late));
}

static void on_end(struct relay_item *item) {
    tt_assume_loop();
    struct offload *offload = OFFLOAD_OF(item, end);
    offload->remote.done(offload);
    release(offload);
}

static void on_cancel_back(struct relay_item *item) {
    tt_assume_loop();
    struct offload *offload = OFFLOAD_OF(item, cancel);
    offload->remote.is_cancel_out = false;
    if (offload->remote.is_released)
        release(offload);
}

/* -- at home -- */

/** A job that still runs is released later; of any other release follows at once, and both go back as one. */
static void on_job_done(struct offload *offload) {
    tt_assume_loop();
    enum tt_outcome outcome = offload->job.outcome;
    if (outcome == TT_EXPIRED_QUEUE)
        offload->remote.retry_after_s = offload_wait_s(offload->run.call);
    if (outcome != TT_EXPIRED_RUN && outcome != TT_ABANDONED)
        return;
    offload->remote.is_told = true;
    relay_send(offload->remote.back, &offload->remote.end, on_done_alone);
}

static void on_job_release(struct offload *offload) {
    tt_assume_loop();
    if (offload->remote.is_told)
        relay_send(offload->remote.back, &offload->remote.late, on_late);
    else
        relay_send(offload->remote.back, &offload->remote.end, on_end);
}

static void on_start(struct relay_item *item) {
    tt_assume_loop();
    struct offload *offload = OFFLOAD_OF(item, end);
    offload->status = offload_submit(offload, offload->remote.deadline_us);
    if (offload->status == TT_OK)
        return;
    offload->remote.retry_after_s = offload_wait_s(offload->run.call);
    relay_send(offload->remote.back, item, on_end);
}

static void on_cancel(struct relay_item *item) {
    tt_assume_loop();
    struct offload *offload = OFFLOAD_OF(item, cancel);
    (void)!tt_job_cancel(&offload->job); /* too late, or not inside any more: its end is on its way */
    relay_send(offload->remote.back, item, on_cancel_back);
}

/* -- public -- */

void remote_start(struct offload *offload, uint64_t deadline_us) {
    const struct loop_place *place = loop_get_place(offload->loop);
    struct remote *remote = &offload->remote;
    remote->back = place->from_home;
    remote->done = offload->done;
    remote->release = offload->release;
    remote->deadline_us = deadline_us;
    remote->retry_after_s = 1;
    remote->is_told = false;
    remote->is_asked = false;
    remote->is_cancel_out = false;
    remote->is_released = false;
    offload->done = on_job_done;
    offload->release = on_job_release;
    relay_send(place->to_home, &remote->end, on_start);
}

void remote_cancel(struct offload *offload) {
    struct remote *remote = &offload->remote;
    if (remote->is_asked)
        return;
    remote->is_asked = true;
    remote->is_cancel_out = true;
    relay_send(loop_get_place(offload->loop)->to_home, &remote->cancel, on_cancel);
}

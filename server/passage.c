/* Passage: see passage.h. */
#include "passage.h"

#include <tothread/call.h>

#define PASSAGE_OF(part_, member_) ((struct passage *)((char *)(part_)-offsetof(struct passage, member_)))

/* -- on the worker -- */

/** What the worker wants of the loop, and what came of it. */
struct wish {
    struct passage *passage;
    enum tt_status status;
};

static void on_begin(void *argument);
static void on_first_read(void *argument);

/** The run's passage: the offload's owner knows it, and it is beside the offload. */
static struct passage *passage_of(const struct call_run *run) {
    return run->passage_state;
}

static enum tt_status ask_loop(struct call_run *run, tt_call_fn fn) {
    struct wish wish = {.passage = passage_of(run)};
    enum tt_status status = tt_job_call(run->job, fn, &wish, UINT64_MAX);
    return status == TT_OK ? wish.status : TT_CLOSED;
}

static enum tt_status run_begin(struct call_run *run) {
    return ask_loop(run, on_begin);
}

static enum tt_status run_write(struct call_run *run, const void *data, size_t size) {
    return tt_stream_write(&passage_of(run)->stream, data, size) == TT_OK ? TT_OK : TT_CLOSED;
}

static enum tt_status run_read(struct call_run *run, void *buffer, size_t capacity, size_t *ret_size) {
    struct passage *passage = passage_of(run);
    if (!passage->is_read) { /* the worker sees what it had the loop do before */
        enum tt_status status = ask_loop(run, on_first_read);
        if (status != TT_OK)
            return status;
    }
    return tt_feed_read(&passage->feed, buffer, capacity, ret_size) == TT_OK ? TT_OK : TT_CLOSED;
}

static const struct call_passage functions = {.begin = run_begin, .write = run_write, .read = run_read};

/* -- on the loop -- */

static void on_data(struct tt_stream *stream, const void *data, size_t size) {
    tt_assume_loop();
    struct passage *passage = PASSAGE_OF(stream, stream);
    passage->events->data(passage->offload, data, size);
}

static void on_room(struct tt_feed *feed) {
    tt_assume_loop();
    struct passage *passage = PASSAGE_OF(feed, feed);
    passage->events->room(passage->offload);
}

static void on_begin(void *argument) {
    tt_assume_loop();
    struct wish *wish = argument;
    struct passage *passage = wish->passage;
    if (passage->is_cut) {
        wish->status = TT_CLOSED;
        return;
    }
    if (!passage->events->has_room(passage->offload)) {
        wish->status = TT_NOMEM;
        return;
    }
    passage->stream = (struct tt_stream){.on_data = on_data, .limit_bytes = PASSAGE_BYTES};
    wish->status = tt_stream_init(&passage->stream, &passage->offload->job);
    if (wish->status != TT_OK)
        return;
    passage->has_begun = true;
    if (!passage->events->begin(passage->offload))
        wish->status = TT_CLOSED;
}

static void on_first_read(void *argument) {
    tt_assume_loop();
    struct wish *wish = argument;
    struct passage *passage = wish->passage;
    if (passage->is_cut) {
        wish->status = TT_CLOSED;
        return;
    }
    passage->feed = (struct tt_feed){.on_room = on_room, .limit_bytes = PASSAGE_BYTES};
    wish->status = tt_feed_init(&passage->feed, &passage->offload->job);
    if (wish->status != TT_OK)
        return;
    passage->is_read = true;
    passage->events->room(passage->offload);
}

/* -- public -- */

void passage_attach(struct passage *passage, struct offload *offload, const struct passage_events *events,
                    bool has_body) {
    passage->offload = offload;
    passage->events = events;
    passage->is_attached = true;
    passage->is_cut = false;
    passage->is_over = false;
    offload->run.passage = &functions;
    offload->run.passage_state = passage;
    offload->run.reads_passage = has_body;
}

void passage_consume(struct passage *passage, size_t size) {
    if (!passage->is_over)
        (void)tt_stream_consume(&passage->stream, size); /* no more than came: streamed.c counts */
}

enum tt_status passage_push(struct passage *passage, const void *data, size_t size, size_t *ret_taken) {
    *ret_taken = 0;
    if (!passage->is_read || passage->is_over)
        return TT_CLOSED;
    return tt_feed_push(&passage->feed, data, size, ret_taken);
}

void passage_end(struct passage *passage) {
    if (passage->is_read && !passage->is_over)
        tt_feed_end(&passage->feed);
}

void passage_cut(struct passage *passage) {
    if (!passage->is_attached || passage->is_over || passage->is_cut)
        return;
    passage->is_cut = true;
    if (!passage->has_begun && !passage->is_read)
        return; /* it will hear of it if it ever begins */
    if (tt_job_interrupt(&passage->offload->job) != TT_OK)
        return; /* it has ended by itself, or was given up: nobody writes or reads any more */
    /* Only now, or it would come back as one that ended early without having been asked to. */
    if (passage->has_begun)
        tt_stream_close(&passage->stream);
    if (passage->is_read)
        tt_feed_close(&passage->feed);
}

void passage_over(struct passage *passage) {
    passage->is_over = true;
}

void passage_deinit(struct passage *passage) {
    if (passage->has_begun)
        tt_stream_deinit(&passage->stream);
    if (passage->is_read)
        tt_feed_deinit(&passage->feed);
    passage_reset(passage);
}

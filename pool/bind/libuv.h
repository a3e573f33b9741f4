/**
 * Bind, libuv: a wake watched by a uv_loop_t.
 *
 * Normal use, on the thread that runs the loop and created the wake:
 * 1. tt_bind_libuv_open(&bind, loop, wake);
 * 2. uv_run(loop, UV_RUN_DEFAULT), as ever;
 * 3. tt_bind_libuv_close(&bind, NULL); tt_wake_destroy(wake) may follow at once, *bind must live until the loop has run
 *    its close callbacks.
 *
 * The wake is prepared by a uv_prepare_t, just before libuv computes how long it may sleep; a uv_timer_t carries the wake's next
 * due time. So submit from any callback but a prepare callback of your own: libuv may run that one after ours.
 *
 * The header needs libuv >= 1.0. Until it is closed the binding keeps uv_run going, whether jobs are under way or not;
 * tt_bind_libuv_unref ends that.
 */
#ifndef TOTHREAD_BIND_LIBUV_H
#define TOTHREAD_BIND_LIBUV_H

#include <tothread/wake.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Finished jobs a turn; the rest follows in the next one. Define another before the include. */
#ifndef TT_BIND_MAX_COUNT
#define TT_BIND_MAX_COUNT 64
#endif

struct tt_bind_libuv;

/** The binding's memory comes back. Thread: loop, in uv_run. */
typedef void (*tt_bind_libuv_closed_fn)(struct tt_bind_libuv *bind);

/** Embedded in the caller's object; all fields are the binding's. */
struct tt_bind_libuv {
    struct tt_wake *wake;
    uv_prepare_t prepare;
    uv_poll_t pipe;
    uv_timer_t timer;
    unsigned open_count; /* handles that libuv holds */
    tt_bind_libuv_closed_fn closed;
};

/**
 * Adds the wake to the loop.
 *
 * Thread:  loop
 * Owns:    keeps loop and wake until close, *bind until closed.
 * Returns: TT_OK; TT_SYSTEM when libuv can't watch the descriptor: then *bind is yours again.
 */
static inline enum tt_status tt_bind_libuv_open(struct tt_bind_libuv *bind, uv_loop_t *loop,
                                                struct tt_wake *wake) TT_ON_LOOP TT_MUST_CHECK;

/**
 * Takes it out again. What is inside the pools then waits for a dispatch. closed (may be NULL) is called when libuv has
 * given *bind back.
 *
 * Thread:  loop, also from inside a done function
 */
static inline void tt_bind_libuv_close(struct tt_bind_libuv *bind, tt_bind_libuv_closed_fn closed) TT_ON_LOOP;

/**
 * Lets uv_run end while the binding is open, and the other way round: as uv_unref and uv_ref. A program might keep it
 * referenced while it has jobs under way.
 *
 * Thread:  loop
 */
static inline void tt_bind_libuv_unref(struct tt_bind_libuv *bind) TT_ON_LOOP;
static inline void tt_bind_libuv_ref(struct tt_bind_libuv *bind) TT_ON_LOOP;

static inline void tt_bind_libuv_on_pipe(uv_poll_t *pipe, int status, int events) {
    tt_assume_loop();
    (void)status;
    (void)events;
    (void)tt_wake_dispatch(((struct tt_bind_libuv *)pipe->data)->wake, TT_BIND_MAX_COUNT);
}

static inline void tt_bind_libuv_on_timer(uv_timer_t *timer) {
    tt_assume_loop();
    (void)tt_wake_dispatch(((struct tt_bind_libuv *)timer->data)->wake, TT_BIND_MAX_COUNT);
}

static inline void tt_bind_libuv_on_prepare(uv_prepare_t *prepare) {
    struct tt_bind_libuv *bind = (struct tt_bind_libuv *)prepare->data;
    tt_assume_loop();
    int64_t sleep_us = tt_wake_prepare(bind->wake);
    /* Neither fails: the timer isn't closing, and has a callback. */
    if (sleep_us < 0)
        (void)uv_timer_stop(&bind->timer);
    else
        (void)uv_timer_start(&bind->timer, tt_bind_libuv_on_timer, (uint64_t)(sleep_us + 999) / 1000, 0);
}

static inline void tt_bind_libuv_on_close(uv_handle_t *handle) {
    struct tt_bind_libuv *bind = (struct tt_bind_libuv *)handle->data;
    if (--bind->open_count == 0 && bind->closed != NULL)
        bind->closed(bind);
}

static inline enum tt_status tt_bind_libuv_open(struct tt_bind_libuv *bind, uv_loop_t *loop, struct tt_wake *wake) {
    bind->wake = wake;
    bind->closed = NULL;
    bind->open_count = 3;
    if (uv_poll_init(loop, &bind->pipe, tt_wake_fd(wake)) != 0)
        return TT_SYSTEM;
    (void)uv_prepare_init(loop, &bind->prepare); /* these can't fail from here on */
    (void)uv_timer_init(loop, &bind->timer);
    bind->pipe.data = bind->prepare.data = bind->timer.data = bind;
    (void)uv_prepare_start(&bind->prepare, tt_bind_libuv_on_prepare);
    (void)uv_poll_start(&bind->pipe, UV_READABLE, tt_bind_libuv_on_pipe);
    uv_unref((uv_handle_t *)&bind->prepare); /* the pipe alone says whether the binding keeps the loop going */
    uv_unref((uv_handle_t *)&bind->timer);
    return TT_OK;
}

static inline void tt_bind_libuv_close(struct tt_bind_libuv *bind, tt_bind_libuv_closed_fn closed) {
    bind->closed = closed;
    uv_close((uv_handle_t *)&bind->prepare, tt_bind_libuv_on_close);
    uv_close((uv_handle_t *)&bind->pipe, tt_bind_libuv_on_close);
    uv_close((uv_handle_t *)&bind->timer, tt_bind_libuv_on_close);
}

static inline void tt_bind_libuv_unref(struct tt_bind_libuv *bind) {
    uv_unref((uv_handle_t *)&bind->pipe);
}

static inline void tt_bind_libuv_ref(struct tt_bind_libuv *bind) {
    uv_ref((uv_handle_t *)&bind->pipe);
}

#ifdef __cplusplus
}
#endif
#endif

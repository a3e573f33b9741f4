/**
 * Bind, GLib: a wake as a source of a GMainContext; GTK's loop is one.
 *
 * Normal use, on the thread that iterates the context and created the wake:
 * 1. tt_bind_glib_open(&bind, NULL, wake), or another context for NULL, the default one;
 * 2. g_main_loop_run(loop), as ever;
 * 3. tt_bind_glib_close(&bind), then tt_wake_destroy(wake).
 *
 * The source prepares the wake when GLib asks its sources how long it may sleep. GLib asks those of lower priority only when none of
 * higher priority is ready: what a busy source of high priority submits is handed over when it pauses, unless the
 * binding's priority (g_source_set_priority(bind.source, ...)) is as high.
 *
 * The header needs GLib >= 2.36. The functions can't fail: GLib ends a program that has no memory.
 */
#ifndef TOTHREAD_BIND_GLIB_H
#define TOTHREAD_BIND_GLIB_H

#include <glib.h>
#include <tothread/wake.h>

/** Finished jobs a turn; the rest follows in the next one. Define another before the include. */
#ifndef TT_BIND_MAX_COUNT
#define TT_BIND_MAX_COUNT 64
#endif

/** Embedded in the caller's object. */
struct tt_bind_glib {
    GSource *source; /* lent: for its priority and its name */
};

/**
 * Adds the wake to the context.
 *
 * Thread:  loop
 * Owns:    keeps context and wake until close.
 */
static inline void tt_bind_glib_open(struct tt_bind_glib *bind, GMainContext *context, struct tt_wake *wake) TT_ON_LOOP;

/**
 * Takes it out again. What is inside the pools then waits for a dispatch.
 *
 * Thread:  loop, also from inside a done function
 */
static inline void tt_bind_glib_close(struct tt_bind_glib *bind) TT_ON_LOOP;

/** GLib's object; the binding's own. */
struct tt_bind_glib_source {
    GSource source;
    struct tt_wake *wake;
    gpointer pipe;
};

static inline gboolean tt_bind_glib_prepare(GSource *base, gint *ret_timeout_ms) {
    struct tt_bind_glib_source *source = (struct tt_bind_glib_source *)base;
    tt_assume_loop();
    int64_t sleep_us = tt_wake_prepare(source->wake);
    *ret_timeout_ms = sleep_us < 0 ? -1 : (gint)MIN((sleep_us + 999) / 1000, G_MAXINT);
    return sleep_us == 0;
}

/** A time that has come shows in the next prepare, which finds that there is nothing to wait for. */
static inline gboolean tt_bind_glib_check(GSource *base) {
    return g_source_query_unix_fd(base, ((struct tt_bind_glib_source *)base)->pipe) != 0;
}

static inline gboolean tt_bind_glib_dispatch(GSource *base, GSourceFunc callback, gpointer context) {
    tt_assume_loop();
    (void)callback;
    (void)context;
    (void)tt_wake_dispatch(((struct tt_bind_glib_source *)base)->wake, TT_BIND_MAX_COUNT);
    return G_SOURCE_CONTINUE;
}

static inline void tt_bind_glib_open(struct tt_bind_glib *bind, GMainContext *context, struct tt_wake *wake) {
    static GSourceFuncs functions = {tt_bind_glib_prepare, tt_bind_glib_check, tt_bind_glib_dispatch, NULL, NULL, NULL};
    bind->source = g_source_new(&functions, sizeof(struct tt_bind_glib_source));
    struct tt_bind_glib_source *source = (struct tt_bind_glib_source *)bind->source;
    source->wake = wake;
    source->pipe = g_source_add_unix_fd(bind->source, tt_wake_fd(wake), G_IO_IN);
    g_source_set_name(bind->source, "tothread");
    (void)g_source_attach(bind->source, context);
}

static inline void tt_bind_glib_close(struct tt_bind_glib *bind) {
    g_source_destroy(bind->source);
    g_source_unref(bind->source);
    bind->source = NULL;
}

#endif

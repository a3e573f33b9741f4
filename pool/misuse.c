/* Misuse: see misuse.h. Whatever happens here happens once, just before a crash: nothing is fast, nothing is allocated. */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/misuse.h>
#include <unistd.h>

static _Atomic(tt_misuse_fn) handler;

tt_misuse_fn tt_misuse_set(tt_misuse_fn fn) {
    return atomic_exchange_explicit(&handler, fn, memory_order_acq_rel);
}

/** Prints the line with one write, so that it stays one line among those of other threads. */
static void print_and_abort(const struct tt_misuse *misuse) {
    char line[320];
    int size = snprintf(line, sizeof line, "tothread: %s\n", misuse->text); /* fits: report's text has 256 */
    ssize_t written = write(STDERR_FILENO, line, (size_t)size);
    (void)written; /* nobody is left to tell */
    abort();
}

static void report(struct tt_misuse *misuse, const char *text) {
    tt_misuse_fn fn = atomic_load_explicit(&handler, memory_order_acquire);
    misuse->text = text;
    misuse->thread_id = gettid();
    if (fn != NULL)
        fn(misuse);
    else
        print_and_abort(misuse);
}

/** A thread's name, "?" if there is no such thread any more. */
static void read_thread_name(int thread_id, char name[static 16]) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread_id); /* fits */
    memcpy(name, "?", 2);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t size = read(file, name, 15);
    name[size > 0 ? size : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
    (void)close(file); /* only read from */
}

bool tti_misuse_thread(const struct tt_wake *wake, const char *function) {
    char text[256];
    char caller[16];
    char loop[16];
    struct tt_misuse misuse = {.kind = TT_MISUSE_THREAD, .function = function, .loop_id = wake->owner_id};
    read_thread_name(gettid(), caller);
    read_thread_name(wake->owner_id, loop);
    (void)snprintf(text, sizeof text, "%s was called on thread %d (%s), but belongs to its loop, thread %d (%s)",
                   function, gettid(), caller, wake->owner_id, loop); /* cut is fine */
    report(&misuse, text);
    return false;
}

bool tti_misuse_inside(const struct tt_wake *wake, const char *function) {
    char text[256];
    struct tt_misuse misuse = {.kind = TT_MISUSE_INSIDE, .function = function, .loop_id = wake->owner_id};
    (void)snprintf(text, sizeof text, "%s was called from inside a function that a dispatch calls", function);
    report(&misuse, text);
    return false;
}

bool tti_misuse_is_wake_free(struct tt_wake *wake, const char *function) {
    char text[256];
    struct tt_misuse misuse = {.function = function, .loop_id = wake->owner_id};
    if (wake->pools != NULL) {
        misuse.kind = TT_MISUSE_POOLS;
        (void)snprintf(text, sizeof text, "%s was called while pool \"%s\" exists", function, wake->pools->name);
    } else if (wake->beacon.watch != NULL) {
        misuse.kind = TT_MISUSE_STALL_WATCH;
        (void)snprintf(text, sizeof text, "%s was called while a stall watch runs", function);
    } else if (tti_wheel_next_ms(&wake->wheel) != UINT64_MAX || wake->soon.next != &wake->soon) {
        misuse.kind = TT_MISUSE_TIMERS;
        (void)snprintf(text, sizeof text, "%s was called while a timer runs", function);
    } else {
        return true;
    }
    report(&misuse, text);
    return false;
}

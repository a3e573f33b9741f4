/*
 * Log: a ring of bytes that any thread fills with whole lines, and one writer that empties it into stderr.
 *
 * A caller holds the lock for one copy of its line. The writer copies out under the lock and writes without it. It
 * asks poll(2) first and writes at most PIPE_BUF bytes at a time: such a write doesn't wait on a pipe that poll
 * called ready and isn't mixed with others' lines, so a reader who stops reading can't hang log_stop. O_NONBLOCK
 * would be simpler, but it belongs to the open file, which stderr shares with other programs.
 */
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RING_BYTES     ((size_t)256 * 1024)
#define LINE_BYTES_MAX 2048 /* with prefix and newline; what is longer is cut and ends in "..." */
#define LAST_WAIT_MS   1000 /* for a reader who doesn't read, when the program ends */

_Static_assert(LINE_BYTES_MAX <= PIPE_BUF, "a line is one write");
_Static_assert((RING_BYTES & (RING_BYTES - 1)) == 0, "positions wrap by a mask");

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_t writer;
    /* locked */
    char ring[RING_BYTES];
    size_t head;         /* bytes ever written into the ring */
    size_t tail;         /* bytes ever taken out */
    uint64_t told_count; /* of dropped_count: lines whose loss has been logged */
    bool is_running;
    bool is_stopping;
    bool is_waiting; /* the writer sleeps */
    /* any thread */
    _Atomic uint64_t dropped_count;
    _Atomic int level;
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER, .level = TT_LOG_NOTICE};

static pthread_once_t prefix_once = PTHREAD_ONCE_INIT;
static bool has_prefix; /* fixed, by prefix_once */

/* The journal says in JOURNAL_STREAM which file it is. stderr may have been sent elsewhere since. */
static void prefix_decide(void) {
    const char *stream = secure_getenv("JOURNAL_STREAM");
    struct stat status;
    char ours[64];

    if (stream == NULL || fstat(STDERR_FILENO, &status) < 0)
        return;
    (void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino); /* fits */
    has_prefix = strcmp(ours, stream) == 0;
}

/* -- lines -- */

struct line {
    size_t size;
    char data[LINE_BYTES_MAX];
};

static void line_append_list(struct line *line, const char *format, va_list args) TT_PRINTF(2, 0);
static void line_append_list(struct line *line, const char *format, va_list args) {
    size_t space = sizeof(line->data) - line->size;
    int written = vsnprintf(line->data + line->size, space, format, args);

    if (written > 0)
        line->size += (size_t)written < space ? (size_t)written : space - 1;
}

static void line_append(struct line *line, const char *format, ...) TT_PRINTF(2, 3);
static void line_append(struct line *line, const char *format, ...) {
    va_list args;

    va_start(args, format);
    line_append_list(line, format, args);
    va_end(args);
}

static void line_begin(struct line *line, enum tt_log_level level, const char *event) {
    (void)pthread_once(&prefix_once, prefix_decide); /* can't fail with a valid control */
    line->size = 0;
    if (has_prefix)
        line_append(line, "<%d>", (int)level);
    line_append(line, "event=%s", event);
}

/* One event is one line: a newline from a value must not make another. */
static void line_end(struct line *line) {
    static const char cut[] = "...";

    if (line->size == sizeof(line->data) - 1)
        memcpy(line->data + line->size - (sizeof(cut) - 1), cut, sizeof(cut) - 1);
    for (size_t i = 0; i < line->size; i++) {
        unsigned char byte = (unsigned char)line->data[i];

        if (byte < 0x20 || byte == 0x7f)
            line->data[i] = '?';
    }
    line->data[line->size++] = '\n';
}

/* -- writing -- */

static size_t lines_count(const char *data, size_t size) {
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += data[i] == '\n';
    return count;
}

/* Returns false when stderr takes nothing (any more). */
static bool stderr_write(const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, data, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN) { /* somebody else has made it non-blocking */
            struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

            if (poll(&ready, 1, LAST_WAIT_MS) > 0)
                continue;
        }
        if (written <= 0)
            return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static bool is_stopping(void) {
    bool yes;

    (void)pthread_mutex_lock(&log_state.lock);
    yes = log_state.is_stopping;
    (void)pthread_mutex_unlock(&log_state.lock);
    return yes;
}

/* Waits until stderr takes a line; after log_stop was called, no longer than LAST_WAIT_MS. */
static bool stderr_wait(void) {
    for (;;) {
        struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
        bool is_last = is_stopping();
        int count = poll(&ready, 1, LAST_WAIT_MS);

        if (count > 0)
            return true; /* an error as well: the write will tell */
        if (count < 0 && errno != EINTR)
            return true;
        if (count == 0 && is_last)
            return false; /* for good: the rest is only counted */
    }
}

/* Whole lines, at most PIPE_BUF bytes; sleeps while there are none. Returns their size; 0 when the ring is empty and the program ends. */
static size_t ring_take(char *data, uint64_t *ret_lost_count) {
    size_t size;

    (void)pthread_mutex_lock(&log_state.lock);
    while (log_state.head == log_state.tail && !log_state.is_stopping) {
        log_state.is_waiting = true;
        (void)pthread_cond_wait(&log_state.filled, &log_state.lock);
    }
    log_state.is_waiting = false;
    size = log_state.head - log_state.tail;
    if (size > PIPE_BUF)
        size = PIPE_BUF;
    for (size_t i = 0; i < size;) {
        size_t at = (log_state.tail + i) & (RING_BYTES - 1);
        size_t part = size - i < RING_BYTES - at ? size - i : RING_BYTES - at;

        memcpy(data + i, log_state.ring + at, part);
        i += part;
    }
    while (size > 0 && data[size - 1] != '\n')
        size--;
    log_state.tail += size;
    *ret_lost_count = log_state.dropped_count - log_state.told_count;
    log_state.told_count = log_state.dropped_count;
    (void)pthread_mutex_unlock(&log_state.lock);
    return size;
}

/* A line about lost lines that is lost itself: there is no more to say. */
static void lost_tell(uint64_t count) {
    struct line line;

    line_begin(&line, TT_LOG_WARNING, "log_dropped");
    line_append(&line, " count=%ju", (uintmax_t)count);
    line_end(&line);
    (void)stderr_write(line.data, line.size);
}

static void *writer_main(void *unused) {
    char data[PIPE_BUF];
    bool is_stuck = false;
    uint64_t lost_count;
    size_t size;

    (void)unused;
    do {
        size = ring_take(data, &lost_count);
        is_stuck = is_stuck || ((size > 0 || lost_count > 0) && !stderr_wait());
        if (is_stuck || !stderr_write(data, size))
            log_state.dropped_count += lines_count(data, size);
        if (lost_count > 0 && !is_stuck && stderr_wait())
            lost_tell(lost_count);
    } while (size > 0);
    return NULL;
}

/* A line fits whole, or it is dropped. Returns false when there is no writer. */
static bool ring_put(const struct line *line) {
    bool is_running;

    (void)pthread_mutex_lock(&log_state.lock);
    is_running = log_state.is_running;
    if (is_running && RING_BYTES - (log_state.head - log_state.tail) < line->size) {
        log_state.dropped_count++;
    } else if (is_running) {
        size_t at = log_state.head & (RING_BYTES - 1);
        size_t part = line->size < RING_BYTES - at ? line->size : RING_BYTES - at;

        memcpy(log_state.ring + at, line->data, part);
        memcpy(log_state.ring, line->data + part, line->size - part);
        log_state.head += line->size;
        if (log_state.is_waiting)
            (void)pthread_cond_signal(&log_state.filled);
    }
    (void)pthread_mutex_unlock(&log_state.lock);
    return is_running;
}

static void line_send(struct line *line) {
    line_end(line);
    if (!ring_put(line) && !stderr_write(line->data, line->size))
        log_state.dropped_count++;
}

/* -- public -- */

void log_start(void) {
    sigset_t all;
    sigset_t before;
    int failure;

    (void)pthread_mutex_lock(&log_state.lock);
    if (log_state.is_running) {
        (void)pthread_mutex_unlock(&log_state.lock);
        return;
    }
    /* Signals are the main thread's, and a SIGPIPE of a vanished stderr is nobody's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    log_state.is_stopping = false;
    failure = pthread_create(&log_state.writer, NULL, writer_main, NULL);
    log_state.is_running = failure == 0;
    if (failure == 0)
        (void)pthread_setname_np(log_state.writer, "tt-log"); /* a name is a help, not a need */
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_mutex_unlock(&log_state.lock);
    if (failure != 0)
        log_event(TT_LOG_WARNING, "log_thread_failed", "error=%s written=directly", strerrorname_np(failure));
}

void log_stop(void) {
    bool is_running;

    (void)pthread_mutex_lock(&log_state.lock);
    is_running = log_state.is_running;
    log_state.is_running = false; /* from here on lines are written directly, behind what is left */
    log_state.is_stopping = true;
    (void)pthread_cond_signal(&log_state.filled);
    (void)pthread_mutex_unlock(&log_state.lock);
    if (is_running)
        (void)pthread_join(log_state.writer, NULL);
}

void log_set_level(enum tt_log_level level) {
    log_state.level = (int)level;
}

void log_event(enum tt_log_level level, const char *event, const char *format, ...) {
    struct line line;
    va_list args;

    if ((int)level > log_state.level)
        return;
    line_begin(&line, level, event);
    if (*format != '\0')
        line_append(&line, " ");
    va_start(args, format);
    line_append_list(&line, format, args);
    va_end(args);
    line_send(&line);
}

void log_event_limited(struct log_limit *limit, enum tt_log_level level, const char *event, const char *format, ...) {
    struct line line;
    struct timespec now;
    uint64_t second;
    uint64_t last = limit->second;
    uint32_t left_out;
    va_list args;

    if ((int)level > log_state.level)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail with this clock */
    second = (uint64_t)now.tv_sec + 1;          /* 0 stands for never */
    if (last == second || !atomic_compare_exchange_strong(&limit->second, &last, second)) {
        limit->left_out++;
        return;
    }
    left_out = atomic_exchange(&limit->left_out, 0);
    line_begin(&line, level, event);
    if (*format != '\0')
        line_append(&line, " ");
    va_start(args, format);
    line_append_list(&line, format, args);
    va_end(args);
    if (left_out > 0)
        line_append(&line, " repeated=%u", left_out);
    line_send(&line);
}

uint64_t log_dropped_count(void) {
    return log_state.dropped_count;
}

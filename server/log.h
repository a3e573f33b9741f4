/**
 * Log: one line per event on stderr, written by a thread of its own.
 *
 * A caller never waits for whoever reads stderr: lines go into a bounded ring (256 KiB); what finds no room is
 * dropped and counted, and the count is logged as soon as there is room. Each line starts with the syslog level as
 * <N> when stderr is the journal, and reads `event=NAME key=value ...` with values quoted where needed.
 *
 * Never log bodies, arguments or tokens.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdint.h>
#include <tothread/module.h> /* enum tt_log_level */

/** Starts the writer. Before this (and after log_stop) lines are written directly. Thread: main, once. */
void log_start(void);

/** Writes what is left and ends the writer. Thread: main. */
void log_stop(void);

/** Lines above this level are not made; TT_LOG_NOTICE to begin with. Thread: any. */
void log_set_level(enum tt_log_level level);

/** One line: `event=EVENT` and the formatted rest. Thread: any, but not from a signal handler. */
void log_event(enum tt_log_level level, const char *event, const char *format, ...) TT_PRINTF(3, 4);

/**
 * As log_event for things that a client can cause at will: at most one line a second for each limit, with the
 * number of those left out as `repeated=N`. Thread: any.
 */
struct log_limit {
    _Atomic uint64_t second;
    _Atomic uint32_t left_out;
};
void log_event_limited(struct log_limit *limit, enum tt_log_level level, const char *event, const char *format, ...)
    TT_PRINTF(4, 5);

/** How many lines were dropped since the start. Thread: any. */
uint64_t log_dropped_count(void);

#endif

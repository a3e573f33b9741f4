/**
 * Meter: what the processors did over a span: for the service under test, for this process, for others.
 *
 * Normal use: meter_read at both ends of the span, then meter_span.
 */
#ifndef TESTS_BENCH_METER_H
#define TESTS_BENCH_METER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct meter {
    double at_s;
    double server_s; /* user and system, all threads, of a process that has no children */
    double own_s;
    double busy_s;   /* all processors together, in ticks of 10 ms */
    double stolen_s; /* what the host took away from them */
};

/** Returns: false where the server has gone or /proc says nothing. */
bool meter_read(struct meter *ret_meter, pid_t server);

/** What was used in between; at_s is how long that was, busy_s what neither the server nor this process used. */
struct meter meter_span(const struct meter *before, const struct meter *after);

#endif

/* Meter: see meter.h. */
#include "meter.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double clock_s(clockid_t clock) {
    struct timespec now;
    return clock_gettime(clock, &now) == 0 ? (double)now.tv_sec + (double)now.tv_nsec / 1e9 : -1;
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal, since the start of the machine. */
static bool read_machine(struct meter *meter) {
    unsigned long long ticks[8] = {0};
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return false;
    int count = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1], &ticks[2], &ticks[3],
                       &ticks[4], &ticks[5], &ticks[6], &ticks[7]);
    (void)fclose(file); /* it was only read */
    double tick_s = 1.0 / (double)sysconf(_SC_CLK_TCK);
    meter->busy_s = (double)(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) * tick_s;
    meter->stolen_s = (double)ticks[7] * tick_s;
    return count == 8;
}

bool meter_read(struct meter *ret_meter, pid_t server) {
    clockid_t clock;
    if (clock_getcpuclockid(server, &clock) != 0)
        return false;
    ret_meter->at_s = clock_s(CLOCK_MONOTONIC);
    ret_meter->own_s = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    ret_meter->server_s = clock_s(clock);
    return ret_meter->server_s >= 0 && read_machine(ret_meter);
}

struct meter meter_span(const struct meter *before, const struct meter *after) {
    struct meter span = {.at_s = after->at_s - before->at_s,
                         .server_s = after->server_s - before->server_s,
                         .own_s = after->own_s - before->own_s,
                         .stolen_s = after->stolen_s - before->stolen_s};
    span.busy_s = after->busy_s - before->busy_s - span.server_s - span.own_s;
    return span;
}

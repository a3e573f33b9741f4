/**
 * Samples: answers of a load generator, with their times; and the figures that are made of them.
 */
#ifndef TESTS_BENCH_SAMPLES_H
#define TESTS_BENCH_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sample {
    uint64_t end_us; /* when the answer was whole */
    uint32_t took_us;
    uint32_t status;
};

struct samples {
    struct sample *items; /* in the order of end_us */
    size_t count;
    size_t capacity;
};

/** Ends the program when there is no memory. */
void samples_add(struct samples *samples, uint64_t end_us, uint64_t took_us, int status);

/** Those of a status that ended from begin_us on and before end_us. */
size_t samples_count(const struct samples *samples, int status, uint64_t begin_us, uint64_t end_us);

/** The time that a share (0.99) of them didn't exceed, in ms; -1 where there are none. */
double samples_quantile_ms(const struct samples *samples, int status, uint64_t begin_us, uint64_t end_us, double share);

/** The middle of the longest pause between two answers within a span; its beginning where there are none. */
uint64_t samples_pause_us(const struct samples *samples, uint64_t begin_us, uint64_t end_us);

void samples_deinit(struct samples *samples);

#endif

/*
 * Stats: the histogram. Its bounds are the same for all, so that a dashboard can add histograms up.
 */
#include "stats.h"

const uint64_t histogram_bounds_us[HISTOGRAM_BUCKETS - 1] = {
    50,       100,      250,      500, /* tens of microseconds: the hand-off, an indexed SELECT */
    1000,     2500,     5000,          /* milliseconds: a disk, a near database */
    10000,    25000,    50000,         /* a slow query */
    100000,   250000,   500000,        /* a far one */
    1000000,  2500000,  5000000,       /* seconds: what people notice */
    10000000, 30000000, 60000000,      /* a reason for a run time-out */
};

/*
 * The first bucket whose bound is not below the value. A search by halves without a branch that depends on the
 * value: 19 bounds take five compares, which a processor does as conditional moves. Times of a busy service are all
 * over the place, and a mispredicted branch costs more than the whole search.
 */
static size_t bucket_of(uint64_t value_us) {
    size_t first = 0;
    size_t count = HISTOGRAM_BUCKETS - 1;

    while (count > 0) {
        size_t half = count / 2;
        size_t is_above = value_us > histogram_bounds_us[first + half];

        first += is_above * (half + 1);
        count = is_above ? count - half - 1 : half;
    }
    return first;
}

void histogram_add(struct histogram *histogram, uint64_t value_us) {
    stat_add(&histogram->buckets[bucket_of(value_us)], 1);
    stat_add(&histogram->sum_us, value_us);
}

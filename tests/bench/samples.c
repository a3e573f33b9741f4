/* Samples: see samples.h. */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>

static void give_up(void) {
    fputs("no memory for the samples\n", stderr);
    exit(1);
}

void samples_add(struct samples *samples, uint64_t end_us, uint64_t took_us, int status) {
    if (samples->count == samples->capacity) {
        size_t capacity = samples->capacity > 0 ? samples->capacity * 2 : 65536;
        struct sample *items = realloc(samples->items, capacity * sizeof *items);
        if (items == NULL)
            give_up();
        samples->items = items;
        samples->capacity = capacity;
    }
    samples->items[samples->count++] = (struct sample){
        .end_us = end_us, .took_us = took_us < UINT32_MAX ? (uint32_t)took_us : UINT32_MAX, .status = (uint32_t)status};
}

static bool is_inside(const struct sample *sample, int status, uint64_t begin_us, uint64_t end_us) {
    return sample->status == (uint32_t)status && sample->end_us >= begin_us && sample->end_us < end_us;
}

size_t samples_count(const struct samples *samples, int status, uint64_t begin_us, uint64_t end_us) {
    size_t count = 0;
    for (size_t i = 0; i < samples->count; i++)
        count += is_inside(&samples->items[i], status, begin_us, end_us);
    return count;
}

static int compare(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

double samples_quantile_ms(const struct samples *samples, int status, uint64_t begin_us, uint64_t end_us,
                           double share) {
    size_t count = 0;
    uint32_t *times_us = calloc(samples->count + 1, sizeof *times_us);
    if (times_us == NULL)
        give_up();
    for (size_t i = 0; i < samples->count; i++)
        if (is_inside(&samples->items[i], status, begin_us, end_us))
            times_us[count++] = samples->items[i].took_us;
    qsort(times_us, count, sizeof *times_us, compare);
    size_t rank = (size_t)((double)count * share);
    double found_ms = count > 0 ? times_us[rank < count ? rank : count - 1] / 1e3 : -1;
    free(times_us);
    return found_ms;
}

uint64_t samples_pause_us(const struct samples *samples, uint64_t begin_us, uint64_t end_us) {
    uint64_t longest_us = 0;
    uint64_t middle_us = begin_us;
    for (size_t i = 1; i < samples->count; i++) {
        uint64_t before_us = samples->items[i - 1].end_us;
        uint64_t pause_us = samples->items[i].end_us - before_us;
        if (before_us >= begin_us && before_us < end_us && pause_us > longest_us) {
            longest_us = pause_us;
            middle_us = before_us + pause_us / 2;
        }
    }
    return middle_us;
}

void samples_deinit(struct samples *samples) {
    free(samples->items);
    *samples = (struct samples){0};
}

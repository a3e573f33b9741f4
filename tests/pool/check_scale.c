/* Bars of size and rest: a million jobs, and ten seconds in which nothing happens. Takes its time, so it is labelled slow. */
#include "probe.h"

#include <stdio.h>
#include <time.h>

#define MILLION   1000000u
#define REST_S    10
#define SECOND_US 1000000u

static uint32_t dones;

static void count_done(struct tt_job *job) {
    dones += job->outcome == TT_CANCELLED;
}

START_TEST(million_jobs_are_accepted_and_cancelled_within_a_second) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, MILLION, 0);
    struct gate gate;
    struct probe stuck;
    struct probe *probes = calloc(MILLION, sizeof *probes); /* all the memory there is: what the caller embeds */
    ck_assert_ptr_nonnull(probes);
    gate_init(&gate);
    for (size_t i = 0; i < MILLION; i++) {
        probe_init(&probes[i], NULL);
        probes[i].job.done = count_done;
        probes[i].job.release = NULL;
    }
    probe_start(pool, &stuck, &gate);
    tt_wake_flush(wake);
    gate_await(&gate, 1);
    uint64_t began_us = tti_clock_now_us();
    uint32_t refused = 0; /* an assertion each would take longer than the job */
    for (size_t i = 0; i < MILLION; i++)
        refused += tt_pool_submit(pool, &probes[i].job) != TT_OK;
    (void)tt_wake_dispatch(wake, SIZE_MAX);
    uint64_t queued_us = tti_clock_now_us();
    ck_assert_uint_eq(probe_snapshot(pool).queue_depth, MILLION);
    for (size_t i = MILLION; i-- > 0;) /* newest first: each from the far end of the queue */
        refused += tt_job_cancel(&probes[i].job) != TT_OK;
    (void)tt_wake_dispatch(wake, SIZE_MAX);
    uint64_t ended_us = tti_clock_now_us();
    ck_assert_uint_eq(refused, 0);
    ck_assert_uint_eq(dones, MILLION);
    printf("1,000,000 jobs: accepted in %.3f s, cancelled in %.3f s\n", (double)(queued_us - began_us) / 1e6,
           (double)(ended_us - queued_us) / 1e6);
    ck_assert_uint_lt(ended_us - began_us, SECOND_US);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    free(probes);
}
END_TEST

/** How often all threads of this process together have left the processor by themselves, and been taken from it. */
static uint64_t count_switches(void) {
    uint64_t sum = 0;
    DIR *folder = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[300];
        char line[256];
        unsigned long count;
        (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name); /* fits */
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
        if (file == NULL)
            continue;
        while (fgets(line, sizeof line, file) != NULL)
            if (sscanf(line, "voluntary_ctxt_switches: %lu", &count) == 1)
                sum += count;
        (void)fclose(file); /* it was only read */
    }
    (void)closedir(folder); /* it was only read */
    return sum;
}

START_TEST(idle_pool_wakes_nobody_in_ten_seconds) {
    const struct timespec rest = {.tv_sec = REST_S};
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 16, 100, 2);
    struct probe probe;
    probe_start(pool, &probe, NULL);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    PROBE_YIELD_UNTIL(probe_snapshot(pool).idle_count == 16);
    ck_assert_int_eq(tt_wake_prepare(wake), -1);                     /* nothing is due, ever */
    (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* the workers come to rest */
    uint64_t before = count_switches();
    ck_assert_int_eq(nanosleep(&rest, NULL), 0); /* the time is what is measured */
    uint64_t after = count_switches();
    printf("%d s at rest: %lu switches, one of them this test's own\n", REST_S, (unsigned long)(after - before));
    ck_assert_uint_le(after - before, 1);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        million_jobs_are_accepted_and_cancelled_within_a_second,
        idle_pool_wakes_nobody_in_ten_seconds,
    };
    return probe_run_all("scale", tests, COUNT_OF(tests));
}

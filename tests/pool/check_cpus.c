/* How many CPUs there are, and what follows. */
#include "pool/internal.h"
#include "probe.h"

#include <sched.h>
#include <tothread/cpus.h>

START_TEST(quotas_round_up_and_max_is_none) {
    uint32_t count = 99;
    ck_assert(!tti_cpus_parse_quota("max 100000\n", &count));
    ck_assert(!tti_cpus_parse_quota("", &count));
    ck_assert(!tti_cpus_parse_quota("100000", &count));
    ck_assert(!tti_cpus_parse_quota("100000 0\n", &count));
    ck_assert(!tti_cpus_parse_quota("0 100000\n", &count));
    ck_assert(!tti_cpus_parse_quota("100000 -5\n", &count));
    ck_assert_uint_eq(count, 99);
    ck_assert(tti_cpus_parse_quota("150000 100000\n", &count));
    ck_assert_uint_eq(count, 2);
    ck_assert(tti_cpus_parse_quota("50000 100000\n", &count));
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(affinity_is_respected) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    ck_assert_uint_ge(tt_cpus_count(), 1);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(tt_cpus_count(), 1);
    ck_assert_uint_eq(tt_cpus_suggest_workers(), 5);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {quotas_round_up_and_max_is_none, affinity_is_respected};
    return probe_run_all("cpus", tests, COUNT_OF(tests));
}

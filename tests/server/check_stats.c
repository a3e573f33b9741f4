/*
 * Stats: counters and the histogram's buckets.
 */
#include "server/stats.h"

#include <check.h>
#include <stdlib.h>

#define BOUND_COUNT (HISTOGRAM_BUCKETS - 1)

/* The obvious way, to compare the fast one with. */
static size_t bucket_by_walking(uint64_t value_us) {
    size_t i = 0;

    while (i < BOUND_COUNT && value_us > histogram_bounds_us[i])
        i++;
    return i;
}

static void check_value(uint64_t value_us) {
    struct histogram histogram = {0};
    size_t expected = bucket_by_walking(value_us);

    histogram_add(&histogram, value_us);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        ck_assert_uint_eq(stat_get(&histogram.buckets[i]), i == expected ? 1 : 0);
    ck_assert_uint_eq(stat_get(&histogram.sum_us), value_us);
}

START_TEST(bounds_rise_from_50_us_to_60_s) {
    ck_assert_uint_eq(histogram_bounds_us[0], 50);
    ck_assert_uint_eq(histogram_bounds_us[BOUND_COUNT - 1], 60000000);
    for (size_t i = 1; i < BOUND_COUNT; i++)
        ck_assert_uint_lt(histogram_bounds_us[i - 1], histogram_bounds_us[i]);
}
END_TEST

START_TEST(value_beyond_all_bounds_goes_into_the_last_bucket) {
    struct histogram histogram = {0};

    histogram_add(&histogram, 60000001);
    histogram_add(&histogram, UINT64_MAX - 60000001);
    ck_assert_uint_eq(stat_get(&histogram.buckets[HISTOGRAM_BUCKETS - 1]), 2);
    ck_assert_uint_eq(stat_get(&histogram.sum_us), UINT64_MAX);
}
END_TEST

START_TEST(value_on_a_bound_belongs_below_it) {
    for (size_t i = 0; i < BOUND_COUNT; i++) {
        struct histogram histogram = {0};

        histogram_add(&histogram, histogram_bounds_us[i]);
        ck_assert_uint_eq(stat_get(&histogram.buckets[i]), 1);
    }
}
END_TEST

START_TEST(every_neighbour_of_a_bound_finds_its_bucket) {
    check_value(0);
    check_value(UINT64_MAX);
    for (size_t i = 0; i < BOUND_COUNT; i++) {
        check_value(histogram_bounds_us[i] - 1);
        check_value(histogram_bounds_us[i]);
        check_value(histogram_bounds_us[i] + 1);
    }
}
END_TEST

START_TEST(counters_add_and_set) {
    stat_counter counter = 0;

    stat_add(&counter, 3);
    stat_add(&counter, 4);
    ck_assert_uint_eq(stat_get(&counter), 7);
    stat_set(&counter, 1);
    ck_assert_uint_eq(stat_get(&counter), 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("stats");
    TCase *limits = tcase_create("limits");
    TCase *normal = tcase_create("normal");
    SRunner *runner;
    int failed;

    tcase_add_test(limits, bounds_rise_from_50_us_to_60_s);
    tcase_add_test(limits, value_beyond_all_bounds_goes_into_the_last_bucket);
    tcase_add_test(limits, value_on_a_bound_belongs_below_it);
    tcase_add_test(limits, every_neighbour_of_a_bound_finds_its_bucket);
    tcase_add_test(normal, counters_add_and_set);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, normal);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

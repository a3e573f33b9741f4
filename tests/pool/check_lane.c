/* The order of waiting jobs: priorities, ageing, keys. The queue alone, without threads. */
#include "pool/internal.h"
#include "probe.h"

#define AGEING_US 1000u
#define NO_LIMIT  UINT32_MAX

static struct tti_queue queue = {.ageing_us = AGEING_US};

static void add(struct tt_job *job, uint64_t submitted_us, enum tt_priority priority, struct tt_key *key) {
    job->submitted_us = submitted_us;
    job->priority = priority;
    job->key = key;
    tti_lane_add(&queue, job);
}

static void expect(const struct tt_job *job) {
    ck_assert_ptr_eq(tti_lane_take(&queue, NO_LIMIT), job);
}

START_TEST(jobs_of_one_class_keep_their_order) {
    struct tt_job jobs[3] = {0};
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        add(&jobs[i], 10, TT_PRIORITY_NORMAL, NULL);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        expect(&jobs[i]);
    expect(NULL);
    ck_assert_uint_eq(queue.count, 0);
}
END_TEST

START_TEST(higher_class_goes_first_although_it_came_later) {
    struct tt_job jobs[3] = {0};
    add(&jobs[0], 10, TT_PRIORITY_LOW, NULL);
    add(&jobs[1], 20, TT_PRIORITY_NORMAL, NULL);
    add(&jobs[2], 30, TT_PRIORITY_HIGH, NULL);
    expect(&jobs[2]);
    expect(&jobs[1]);
    expect(&jobs[0]);
}
END_TEST

START_TEST(job_that_has_aged_goes_before_a_fresh_one_of_a_higher_class) {
    struct tt_job jobs[4] = {0};
    add(&jobs[0], 0, TT_PRIORITY_LOW, NULL);
    add(&jobs[1], 2 * AGEING_US, TT_PRIORITY_HIGH, NULL); /* as old as the first one, two classes lower */
    add(&jobs[2], 2 * AGEING_US + 1, TT_PRIORITY_HIGH, NULL);
    add(&jobs[3], AGEING_US + 1, TT_PRIORITY_NORMAL, NULL);
    expect(&jobs[1]); /* at the same age the higher class */
    expect(&jobs[0]);
    expect(&jobs[2]);
    expect(&jobs[3]);
}
END_TEST

START_TEST(endless_stream_of_high_jobs_does_not_starve_a_low_one) {
    struct tt_job low = {0};
    struct tt_job high[2] = {0};
    uint64_t now_us = 5;
    add(&low, now_us, TT_PRIORITY_LOW, NULL);
    for (size_t i = 0;; i++) {
        add(&high[i % 2], now_us, TT_PRIORITY_HIGH, NULL);
        const struct tt_job *taken = tti_lane_take(&queue, NO_LIMIT);
        if (taken == &low)
            break;
        ck_assert_uint_le(now_us, 5 + 2 * AGEING_US + 1);
        now_us++;
    }
    ck_assert_uint_gt(now_us, 2 * AGEING_US); /* nor did it overtake */
}
END_TEST

START_TEST(lower_classes_wait_while_only_reserved_workers_are_free) {
    struct tt_job jobs[2] = {0};
    add(&jobs[0], 10, TT_PRIORITY_NORMAL, NULL);
    ck_assert_ptr_null(tti_lane_take(&queue, 0));
    add(&jobs[1], 20, TT_PRIORITY_HIGH, NULL);
    ck_assert_ptr_eq(tti_lane_take(&queue, 0), &jobs[1]);
    ck_assert_ptr_null(tti_lane_take(&queue, 0));
    expect(&jobs[0]);
}
END_TEST

/** Takes count jobs, and counts how many belong to each key. */
static void take_many(size_t count, const struct tt_key *keys, size_t key_count, uint64_t *counts) {
    memset(counts, 0, key_count * sizeof *counts);
    for (size_t i = 0; i < count; i++) {
        const struct tt_job *job = tti_lane_take(&queue, NO_LIMIT);
        ck_assert_ptr_nonnull(job);
        for (size_t k = 0; k < key_count; k++)
            counts[k] += job->key == &keys[k] ? 1 : 0;
    }
}

START_TEST(keys_are_served_in_turn_however_many_jobs_one_has) {
    struct tt_key keys[3] = {0};
    struct tt_job jobs[60] = {0};
    uint64_t counts[3];
    for (size_t i = 0; i < 50; i++)
        add(&jobs[i], i, TT_PRIORITY_NORMAL, &keys[0]);
    for (size_t i = 50; i < 60; i++)
        add(&jobs[i], i, TT_PRIORITY_NORMAL, &keys[1 + i % 2]);
    take_many(15, keys, 3, counts);
    ck_assert_uint_eq(counts[0], 5);
    ck_assert_uint_eq(counts[1], 5);
    ck_assert_uint_eq(counts[2], 5);
    take_many(45, keys, 3, counts);
    ck_assert_uint_eq(counts[0], 45);
}
END_TEST

START_TEST(weight_is_the_share_of_the_turns) {
    struct tt_key keys[2] = {{.weight = 3}, {.weight = 1}};
    struct tt_job jobs[80] = {0};
    uint64_t counts[2];
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        add(&jobs[i], i, TT_PRIORITY_NORMAL, &keys[i % 2]);
    take_many(40, keys, 2, counts);
    ck_assert_uint_eq(counts[0], 30);
    ck_assert_uint_eq(counts[1], 10);
}
END_TEST

START_TEST(cost_is_paid_from_the_turns_of_the_key) {
    struct tt_key keys[2] = {0};
    struct tt_job jobs[80] = {0};
    uint64_t counts[2];
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        jobs[i].cost = i % 2 == 0 ? 4 : 1;
        add(&jobs[i], i, TT_PRIORITY_NORMAL, &keys[i % 2]);
    }
    take_many(40, keys, 2, counts);
    ck_assert_uint_eq(counts[0], 8);
    ck_assert_uint_eq(counts[1], 32);
}
END_TEST

START_TEST(huge_cost_does_not_take_as_many_rounds) {
    struct tt_key keys[2] = {0};
    struct tt_job jobs[4] = {0};
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        jobs[i].cost = UINT32_MAX - (uint32_t)(i % 2);
        add(&jobs[i], i, TT_PRIORITY_NORMAL, &keys[i % 2]);
    }
    for (size_t i = 0; i < COUNT_OF(jobs); i++) /* four thousand million rounds each would outlast the test */
        ck_assert_ptr_nonnull(tti_lane_take(&queue, NO_LIMIT));
}
END_TEST

START_TEST(jobs_without_a_key_share_one_of_the_pools) {
    struct tt_key key = {0};
    struct tt_job jobs[10] = {0};
    uint64_t counts[1];
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        add(&jobs[i], i, TT_PRIORITY_NORMAL, i < 8 ? NULL : &key);
    take_many(4, &key, 1, counts);
    ck_assert_uint_eq(counts[0], 2);
}
END_TEST

START_TEST(key_that_leaves_the_ring_takes_no_credit_along) {
    struct tt_key keys[2] = {{.weight = 100}, {0}};
    struct tt_job jobs[6] = {0};
    add(&jobs[0], 0, TT_PRIORITY_NORMAL, &keys[0]);
    add(&jobs[1], 0, TT_PRIORITY_NORMAL, &keys[1]);
    add(&jobs[2], 0, TT_PRIORITY_NORMAL, &keys[1]);
    expect(&jobs[0]);
    ck_assert_ptr_null(keys[0].lanes[TTI_LANE_NORMAL].next);
    add(&jobs[3], 0, TT_PRIORITY_NORMAL, &keys[0]);
    ck_assert_uint_eq(keys[0].lanes[TTI_LANE_NORMAL].deficit, 0);
    expect(&jobs[1]);
    expect(&jobs[3]);
    expect(&jobs[2]);
}
END_TEST

START_TEST(any_job_can_be_taken_out_of_the_middle) {
    struct tt_key keys[3] = {0};
    struct tt_job jobs[30] = {0};
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        add(&jobs[i], i, (enum tt_priority)(i % 3), i % 5 == 0 ? NULL : &keys[i % 3]);
    for (size_t i = 0; i < COUNT_OF(jobs); i += 2)
        tti_lane_remove(&queue, &jobs[i]);
    ck_assert_uint_eq(queue.count, 15);
    size_t walked = 0;
    for (const struct tt_job *job = tti_lane_after(&queue, NULL); job != NULL; job = tti_lane_after(&queue, job)) {
        ck_assert_uint_eq((size_t)(job - jobs) % 2, 1);
        walked++;
    }
    ck_assert_uint_eq(walked, 15);
    for (size_t i = 0; i < 15; i++)
        ck_assert_uint_eq((size_t)(tti_lane_take(&queue, NO_LIMIT) - jobs) % 2, 1);
    expect(NULL);
    for (unsigned at = 0; at < TTI_LANE_COUNT; at++)
        ck_assert_ptr_null(queue.lanes[at].turn);
}
END_TEST

START_TEST(batch_of_plain_jobs_joins_the_end) {
    struct tt_job jobs[5] = {0};
    struct tti_list batch = {0};
    tti_lane_add_plain(&queue, &batch);
    ck_assert_uint_eq(queue.count, 0);
    add(&jobs[0], 0, TT_PRIORITY_NORMAL, NULL);
    for (size_t i = 1; i < COUNT_OF(jobs); i++)
        tti_list_append(&batch, &jobs[i]);
    tti_lane_add_plain(&queue, &batch);
    ck_assert_ptr_null(batch.first);
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        expect(&jobs[i]);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        jobs_of_one_class_keep_their_order,
        higher_class_goes_first_although_it_came_later,
        job_that_has_aged_goes_before_a_fresh_one_of_a_higher_class,
        endless_stream_of_high_jobs_does_not_starve_a_low_one,
        lower_classes_wait_while_only_reserved_workers_are_free,
        keys_are_served_in_turn_however_many_jobs_one_has,
        weight_is_the_share_of_the_turns,
        cost_is_paid_from_the_turns_of_the_key,
        huge_cost_does_not_take_as_many_rounds,
        jobs_without_a_key_share_one_of_the_pools,
        key_that_leaves_the_ring_takes_no_credit_along,
        any_job_can_be_taken_out_of_the_middle,
        batch_of_plain_jobs_joins_the_end,
    };
    return probe_run_all("lane", tests, COUNT_OF(tests));
}

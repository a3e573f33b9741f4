/*
 * /livez and /readyz: when they say no, and that they name the reason.
 */
#include "plane.h"
#include "../../../server/admin/health.h"

static struct plane plane;
static const struct tt_pool_options two_workers = {.name = "db", .worker_count = 2, .queue_limit = 10};

static void teardown(void) {
    plane_deinit(&plane);
}

/* The page must have that status and, somewhere, that text. */
static void expect(page_fn write, int status, const char *text) {
    struct page page = {.status = 200};

    write(&plane.view, &page);
    ck_assert(!page.body.has_no_memory);
    ck_assert_msg(page.status == status, "%d: %s", page.status, page.body.data);
    ck_assert_msg(strstr(page.body.data, text), "%s", page.body.data);
    ck_assert_str_eq(page.type, "application/json");
    text_deinit(&page.body);
}

/* Turns the loop until /readyz has that status. */
static void await_ready(int status) {
    uint64_t end_us = page_now_us() + PLANE_PATIENCE_US;
    struct page page;

    for (;;) {
        page = (struct page){.status = 200};
        page_readyz(&plane.view, &page);
        if (page.status == status)
            break;
        ck_assert_msg(page_now_us() < end_us, "%s", page.body.data);
        text_deinit(&page.body);
        plane_turn(&plane);
    }
    text_deinit(&page.body);
}

START_TEST(loop_that_is_stalled_is_not_alive_and_the_call_is_named) {
    plane_init(&plane, &two_workers);
    stat_set(&plane.beacon.busy_since_us, page_now_us() - 10 * HEALTH_STALL_US);
    atomic_store(&plane.beacon.doing, "rude");
    expect(page_livez, 503, "\"status\":\"stalled\"");
    expect(page_livez, 503, "\"stalled_ms\":1");
    expect(page_livez, 503, "\"call\":\"rude\"");
    expect(page_livez, 503, "by rude\"");
    atomic_store(&plane.beacon.doing, "we\"ird\n");
    expect(page_livez, 503, "\"call\":\"we\\\"ird\\n\"");
    atomic_store(&plane.beacon.doing, (const char *)NULL);
    expect(page_livez, 503, "\"call\":\"unknown\"");
}
END_TEST

/* Looked at again where the machine was away for so long that it is a stall by then. */
static void expect_alive_while_busy(void) {
    uint64_t end_us = page_now_us() + PLANE_PATIENCE_US;

    for (;;) {
        struct page page = {.status = 200};
        uint64_t since_us = page_now_us() - HEALTH_STALL_US / 10;
        bool is_in_time;

        stat_set(&plane.beacon.busy_since_us, since_us);
        page_livez(&plane.view, &page);
        is_in_time = page_now_us() - since_us <= HEALTH_STALL_US;
        ck_assert_msg(!is_in_time || (page.status == 200 && strstr(page.body.data, "\"status\":\"ok\"")), "%s",
                      page.body.data);
        text_deinit(&page.body);
        if (is_in_time)
            return;
        ck_assert_uint_lt(page_now_us(), end_us);
    }
}

START_TEST(loop_that_is_busy_for_less_or_sleeps_is_alive) {
    plane_init(&plane, &two_workers);
    expect(page_livez, 200, "\"busy_ms\":0");
    atomic_store(&plane.beacon.doing, "rude");
    expect_alive_while_busy();
    stat_set(&plane.beacon.busy_since_us, page_now_us() + 60000000); /* began after the reader's look at the clock */
    expect(page_livez, 200, "\"busy_ms\":0");
    plane.view.phase = ADMIN_DRAINING;
    expect(page_livez, 200, "\"phase\":\"draining\"");
}
END_TEST

START_TEST(service_that_starts_or_drains_is_not_ready) {
    plane_init(&plane, &two_workers);
    await_ready(200);
    expect(page_readyz, 200, "\"reasons\":[]");
    plane.view.phase = ADMIN_STARTING;
    expect(page_readyz, 503, "\"reasons\":[\"starting\"]");
    plane.view.phase = ADMIN_DRAINING;
    expect(page_readyz, 503, "\"reasons\":[\"draining\"]");
    plane.view.phase = ADMIN_READY;
    expect(page_readyz, 200, "\"status\":\"ready\"");
}
END_TEST

static enum tt_status fail_to_start(void *context, void **ret_state, struct tt_error *reterr) {
    (void)context;
    (void)ret_state;
    return tt_error_set(reterr, TT_SYSTEM, 0, "no database at \"db1\"");
}

START_TEST(pool_whose_workers_do_not_start_is_not_ready_and_says_why) {
    struct tt_pool_options options = two_workers;
    uint64_t end_us = page_now_us() + PLANE_PATIENCE_US;
    struct tt_pool_snapshot snapshot = {0};

    options.on_start = fail_to_start;
    plane_init(&plane, &options);
    while (snapshot.start_failures == 0) {
        ck_assert_uint_lt(page_now_us(), end_us);
        plane_turn(&plane);
        tt_pool_snapshot(plane.pools[0].pool, &snapshot);
    }
    expect(page_readyz, 503, "pool db has no worker that is ready: no database at \\\"db1\\\"");
}
END_TEST

START_TEST(pool_that_no_call_uses_does_not_matter) {
    struct tt_pool_options options = two_workers;
    struct tt_pool *idle;

    options.on_start = fail_to_start;
    plane_init(&plane, &options);
    plane.calls[0].pool = &plane.pools[1];
    await_ready(200);
    idle = plane.pools[1].pool;
    plane.pools[1].pool = NULL;
    expect(page_readyz, 503, "[\"pool idle has not been started\"]");
    plane.pools[1].pool = idle;
    expect(page_readyz, 200, "\"reasons\":[]");
}
END_TEST

START_TEST(pool_of_zombies_without_spares_is_not_ready_until_one_returns) {
    struct tt_pool_options options = two_workers;

    options.worker_count = 1;
    plane_init(&plane, &options);
    await_ready(200);
    plane_submit(&plane, 0, "query", "id-0", 20000);
    gate_await(&plane.gate, 1);
    expect(page_readyz, 200, "\"status\":\"ready\""); /* busy is ready */
    plane_await_done(&plane, 1);
    expect(page_readyz, 503, "pool db: all 1 workers are zombies and the budget of 0 spares is used up");
    gate_open(&plane.gate, 1);
    plane_await_release(&plane, 1);
    await_ready(200);
}
END_TEST

START_TEST(spare_keeps_a_pool_of_zombies_ready) {
    struct tt_pool_options options = two_workers;

    options.worker_count = 1;
    options.spare_count = 1;
    plane_init(&plane, &options);
    plane_submit(&plane, 0, "query", "id-0", 20000);
    gate_await(&plane.gate, 1);
    plane_await_done(&plane, 1);
    await_ready(200);
    plane_submit(&plane, 1, "query", "id-1", 20000);
    gate_await(&plane.gate, 1);
    plane_await_done(&plane, 2);
    expect(page_readyz, 503, "pool db: all 2 workers are zombies and the budget of 1 spares is used up");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("health");
    TCase *cases = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, NULL, teardown);
    tcase_set_timeout(cases, 90);
    tcase_add_test(cases, loop_that_is_stalled_is_not_alive_and_the_call_is_named);
    tcase_add_test(cases, loop_that_is_busy_for_less_or_sleeps_is_alive);
    tcase_add_test(cases, service_that_starts_or_drains_is_not_ready);
    tcase_add_test(cases, pool_whose_workers_do_not_start_is_not_ready_and_says_why);
    tcase_add_test(cases, pool_that_no_call_uses_does_not_matter);
    tcase_add_test(cases, pool_of_zombies_without_spares_is_not_ready_until_one_returns);
    tcase_add_test(cases, spare_keeps_a_pool_of_zombies_ready);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

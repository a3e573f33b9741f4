/*
 * /stats.json and /calls: whole, valid JSON with the right numbers, whatever is in the names.
 */
#include "plane.h"
#include "../../../server/json.h"

static struct plane plane;
static struct page page;
static struct json *json;
static const struct tt_pool_options two_workers = {
    .name = "db", .worker_count = 2, .queue_limit = 10, .spare_count = 1};

static void setup(void) {
    plane_init(&plane, &two_workers);
}

static void teardown(void) {
    json_free(json);
    text_deinit(&page.body);
    plane_deinit(&plane);
}

/* Writes the page and reads it again. */
static void load(page_fn write) {
    struct json_error error;

    json_free(json);
    text_deinit(&page.body);
    page = (struct page){.status = 200};
    write(&plane.view, &page);
    ck_assert(!page.body.has_no_memory);
    ck_assert_int_eq(page.status, 200);
    ck_assert_str_eq(page.type, "application/json");
    json = json_parse(page.body.data, page.body.size, &error);
    ck_assert_msg(json, "%u:%u: %s\n%s", error.line, error.column, error.text, page.body.data);
}

/* The member by a path of names with dots between. */
static const struct json *find(const char *path) {
    const struct json *at = json;
    char name[64];

    for (const char *part = path; at;) {
        size_t size = strcspn(part, ".");

        ck_assert_uint_lt(size, sizeof name);
        memcpy(name, part, size);
        name[size] = '\0';
        at = json_member(at, name);
        if (part[size] == '\0')
            break;
        part += size + 1;
    }
    ck_assert_msg(at, "no %s in %s", path, page.body.data);
    return at;
}

static double number(const char *path) {
    struct tt_value value = json_value(find(path));

    ck_assert_msg(value.type == TT_TYPE_INTEGER || value.type == TT_TYPE_REAL, "%s is no number", path);
    return value.type == TT_TYPE_INTEGER ? (double)value.as.integer : value.as.real;
}

static const char *string(const struct json *object, const char *name) {
    const struct json *member = json_member(object, name);

    ck_assert_msg(member && json_kind(member) == JSON_TEXT, "%s is no string", name);
    return json_value(member).as.text.data;
}

START_TEST(names_with_quotes_and_bytes_that_are_no_utf8_stay_valid_json) {
    plane.calls[0].name = "a\"b\\c\n\xff";
    plane.view.version = "\x01\"";
    atomic_store(&plane.beacon.doing, "\"\x80");
    stat_set(&plane.beacon.busy_since_us, page_now_us() - 50000);
    load(page_stats);
    ck_assert_uint_eq(json_count(find("calls")), 2);
    load(page_calls);
    ck_assert_uint_eq(json_count(find("calls")), 1);
}
END_TEST

START_TEST(pools_that_are_not_started_yet_are_left_out) {
    struct tt_pool *db = plane.pools[0].pool;

    plane.pools[0].pool = NULL;
    plane.view.phase = ADMIN_STARTING;
    load(page_stats);
    ck_assert_uint_eq(json_count(find("pools")), 1);
    ck_assert_str_eq(string(json, "phase"), "starting");
    load(page_calls);
    ck_assert_uint_eq(json_count(find("calls")), 0);
    plane.pools[0].pool = db;
}
END_TEST

START_TEST(no_calls_and_no_pools_is_valid_too) {
    plane.registry = (struct registry){0};
    load(page_stats);
    ck_assert_uint_eq(json_count(find("pools")), 0);
    ck_assert_uint_eq(json_count(find("calls")), 0);
    load(page_calls);
    ck_assert_uint_eq(json_count(find("calls")), 0);
}
END_TEST

START_TEST(every_counter_shows_under_its_name) {
    struct call_stats *stats = &plane.calls[0].stats;

    stat_set(&stats->submitted, UINT64_C(9007199254740993)); /* not a double */
    stat_set(&stats->done, 2);
    stat_set(&stats->failed, 3);
    stat_set(&stats->crashed, 4);
    stat_set(&stats->cancelled, 5);
    stat_set(&stats->expired_queue, 6);
    stat_set(&stats->expired_run, 7);
    stat_set(&stats->refused_full, 8);
    stat_set(&stats->refused_closed, 9);
    stat_set(&stats->in_flight, 10);
    stat_set(&stats->cpu_us, 11);
    stat_set(&plane.front.connections, 12);
    stat_set(&plane.front.buffered_bytes, 13);
    stat_set(&plane.front.answers_by_class[5], 14);
    stat_set(&plane.beacon.turns, 15);
    stat_set(&plane.beacon.lag_max_us, 16005);
    load(page_stats);
    ck_assert_int_eq(json_value(find("calls.query.submitted")).as.integer, INT64_C(9007199254740993));
    ck_assert_double_eq(number("calls.query.done"), 2);
    ck_assert_double_eq(number("calls.query.failed"), 3);
    ck_assert_double_eq(number("calls.query.crashed"), 4);
    ck_assert_double_eq(number("calls.query.cancelled"), 5);
    ck_assert_double_eq(number("calls.query.expired_queue"), 6);
    ck_assert_double_eq(number("calls.query.expired_run"), 7);
    ck_assert_double_eq(number("calls.query.refused_full"), 8);
    ck_assert_double_eq(number("calls.query.refused_closed"), 9);
    ck_assert_double_eq(number("calls.query.in_flight"), 10);
    ck_assert_double_eq(number("calls.query.cpu_us"), 11);
    ck_assert_double_eq(number("front.connections"), 12);
    ck_assert_double_eq(number("front.buffered_bytes"), 13);
    ck_assert_double_eq(number("front.answers_by_class.5xx"), 14);
    ck_assert_double_eq(number("loop.turns"), 15);
    ck_assert_double_eq_tol(number("loop.lag_max_ms"), 16.005, 1e-9);
    ck_assert_str_eq(string(find("calls.query"), "pool"), "db");
    ck_assert_str_eq(string(find("calls.rude"), "pool"), "none");
    ck_assert_str_eq(string(json, "version"), "1.2.3-test");
    ck_assert_double_gt(number("process.resident_bytes"), 1e5);
    ck_assert_double_ge(number("process.threads"), 3);
    ck_assert_double_ge(number("process.open_fds"), 3);
    ck_assert_double_eq(number("log.dropped"), 0);
}
END_TEST

START_TEST(pool_counts_balance_at_rest) {
    for (size_t i = 0; i < 5; i++)
        plane_submit(&plane, i, "query", "id", 0);
    gate_open(&plane.gate, 5);
    plane_await_release(&plane, 5);
    load(page_stats);
    ck_assert_double_eq(number("pools.db.submitted"), 5);
    ck_assert_double_eq(number("pools.db.done"), 5);
    ck_assert_double_eq(number("pools.db.submitted"),
                        number("pools.db.done") + number("pools.db.failed") + number("pools.db.crashed") +
                            number("pools.db.cancelled") + number("pools.db.expired_queue") +
                            number("pools.db.expired_run") + number("pools.db.abandoned") +
                            number("pools.db.refused_full") + number("pools.db.refused_closed"));
    ck_assert_double_eq(number("pools.db.worker_target"), 2);
    ck_assert_double_eq(number("pools.db.queue_limit"), 10);
    ck_assert_double_eq(number("pools.db.spare_limit"), 1);
    ck_assert_double_eq(number("pools.idle.submitted"), 0);
}
END_TEST

START_TEST(percentiles_lie_inside_their_bucket) {
    struct histogram *run = &plane.calls[0].stats.run;

    for (int i = 0; i < 90; i++)
        histogram_add(run, 1500); /* bucket 1 ms to 2.5 ms */
    for (int i = 0; i < 10; i++)
        histogram_add(run, 700000); /* bucket 500 ms to 1 s */
    load(page_stats);
    ck_assert_double_eq(number("calls.query.run.count"), 100);
    ck_assert_double_eq_tol(number("calls.query.run.mean_ms"), (90 * 1.5 + 10 * 700) / 100, 0.001);
    ck_assert_double_eq_tol(number("calls.query.run.p50_ms"), 1 + 1.5 * 50 / 90, 0.002);
    ck_assert_double_eq_tol(number("calls.query.run.p99_ms"), 500 + 500 * 0.9, 0.002);
    ck_assert_double_eq(number("calls.query.queue.count"), 0);
    ck_assert_double_eq(number("calls.query.queue.p99_ms"), 0);
    ck_assert_double_eq(number("calls.query.queue.mean_ms"), 0);

    for (int i = 0; i < 1000; i++)
        histogram_add(run, UINT64_C(3600000000)); /* the bucket without an end */
    load(page_stats);
    ck_assert_double_eq(number("calls.query.run.p99_ms"), 60000);
}
END_TEST

/* The nth entry of /calls. */
static const struct json *call(size_t n) {
    const struct json *item = json_item(find("calls"), n);

    ck_assert_msg(item, "%s", page.body.data);
    return item;
}

static double call_number(size_t n, const char *name) {
    struct tt_value value = json_value(json_member(call(n), name));

    return value.type == TT_TYPE_INTEGER ? (double)value.as.integer : value.as.real;
}

START_TEST(calls_show_phase_age_worker_and_id) {
    unsigned queued = 0;

    plane_submit(&plane, 0, "query", "id-zombie", 20000);
    gate_await(&plane.gate, 1);
    plane_await_done(&plane, 1);
    plane_submit(&plane, 1, "query", "id-\"1\"", 0);
    plane_submit(&plane, 2, "query", "id-2", 0);
    gate_await(&plane.gate, 2);
    plane_submit(&plane, 3, "query", "id-3", 0);
    load(page_calls);
    ck_assert_uint_eq(json_count(find("calls")), 4);
    ck_assert(!json_value(find("is_cut")).as.boolean);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_str_eq(string(call(i), "call"), "query");
        ck_assert_str_eq(string(call(i), "pool"), "db");
        if (strcmp(string(call(i), "phase"), "queued") == 0) {
            queued++;
            ck_assert_str_eq(string(call(i), "id"), "id-3");
            ck_assert_str_eq(string(call(i), "worker"), "");
            ck_assert_double_eq(call_number(i, "thread_id"), 0);
            continue;
        }
        if (strcmp(string(call(i), "id"), "id-zombie") == 0) {
            ck_assert_str_eq(string(call(i), "phase"), "zombie");
            ck_assert_double_ge(call_number(i, "run_ms"), 20);
        } else {
            ck_assert_str_eq(string(call(i), "phase"), "running");
        }
        ck_assert_ptr_nonnull(strstr(string(call(i), "worker"), "db-"));
        ck_assert_double_gt(call_number(i, "thread_id"), 1);
        ck_assert_double_eq_tol(call_number(i, "age_ms"), call_number(i, "queue_ms") + call_number(i, "run_ms"), 0.002);
    }
    ck_assert_uint_eq(queued, 1);
}
END_TEST

START_TEST(call_on_the_loop_shows_once_it_takes_10_ms) {
    atomic_store(&plane.beacon.doing, "rude");
    stat_set(&plane.beacon.busy_since_us, page_now_us() + 60000000); /* has just begun, however slow this machine is */
    load(page_calls);
    ck_assert_uint_eq(json_count(find("calls")), 0);
    stat_set(&plane.beacon.busy_since_us, page_now_us() - 300000);
    load(page_calls);
    ck_assert_uint_eq(json_count(find("calls")), 1);
    ck_assert_str_eq(string(call(0), "call"), "rude");
    ck_assert_str_eq(string(call(0), "phase"), "inline");
    ck_assert_str_eq(string(call(0), "pool"), "none");
    ck_assert_double_ge(call_number(0, "age_ms"), 300);
    load(page_stats);
    ck_assert_double_ge(number("loop.busy_ms"), 300);
    ck_assert_str_eq(string(find("loop"), "doing"), "rude");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("live");
    TCase *cases = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 90);
    tcase_add_test(cases, names_with_quotes_and_bytes_that_are_no_utf8_stay_valid_json);
    tcase_add_test(cases, pools_that_are_not_started_yet_are_left_out);
    tcase_add_test(cases, no_calls_and_no_pools_is_valid_too);
    tcase_add_test(cases, every_counter_shows_under_its_name);
    tcase_add_test(cases, pool_counts_balance_at_rest);
    tcase_add_test(cases, percentiles_lie_inside_their_bucket);
    tcase_add_test(cases, calls_show_phase_age_worker_and_id);
    tcase_add_test(cases, call_on_the_loop_shows_once_it_takes_10_ms);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

/*
 * /metrics, by a strict reader of the text format 0.0.4: every line, every family whole and once, every histogram sound.
 */
#include "plane.h"
#include "../../../server/admin/metric_keys.h"
#include <ctype.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#define SERIES_MAX 1000

static struct plane plane;
static struct page page;
static const struct tt_pool_options two_workers = {
    .name = "db", .worker_count = 2, .queue_limit = 10, .spare_count = 1};

static void setup(void) {
    plane_init(&plane, &two_workers);
}

static void teardown(void) {
    text_deinit(&page.body);
    plane_deinit(&plane);
}

/* -- the reader -- */

struct sample {
    char series[400]; /* name and labels, as written */
    char name[100];
    double value;
};

struct reader {
    const char *mistake; /* NULL: none */
    char line[1000];     /* the last that was read */
    char family[100];
    char type[16];
    bool has_type;
    char families[100][100]; /* seen */
    size_t family_count;
    struct sample samples[SERIES_MAX];
    size_t sample_count;
};

static bool is_name(const char *name, size_t size) {
    if (size == 0 || !(isalpha((unsigned char)name[0]) || name[0] == '_' || name[0] == ':'))
        return false;
    for (size_t i = 1; i < size; i++)
        if (!(isalnum((unsigned char)name[i]) || name[i] == '_' || name[i] == ':'))
            return false;
    return true;
}

/* Behind the labels, or NULL for labels that are wrong. */
static const char *skip_labels(const char *at) {
    for (at++; *at != '}';) {
        size_t size = strcspn(at, "=");

        if (!is_name(at, size) || at[size] != '=' || at[size + 1] != '"')
            return NULL;
        for (at += size + 2; *at != '"'; at++) {
            if (*at == '\0')
                return NULL;
            if (*at == '\\' && !strchr("\\\"n", *++at))
                return NULL;
        }
        at++;
        if (*at == ',')
            at++;
        else if (*at != '}')
            return NULL;
    }
    return at + 1;
}

static const char *read_comment(struct reader *reader, const char *line) {
    char word[8], name[100], rest[16];

    if (sscanf(line, "# %7s %99s %15s", word, name, rest) != 3)
        return "a comment that is neither HELP nor TYPE with a text";
    if (!is_name(name, strlen(name)))
        return "a name with a wrong character";
    if (strcmp(word, "HELP") == 0) {
        for (size_t i = 0; i < reader->family_count; i++)
            if (strcmp(reader->families[i], name) == 0)
                return "a family that comes twice";
        memcpy(reader->families[reader->family_count++], name, sizeof name);
        memcpy(reader->family, name, sizeof name);
        reader->has_type = false;
        return NULL;
    }
    if (strcmp(word, "TYPE") != 0 || strcmp(reader->family, name) != 0 || reader->has_type)
        return "a TYPE that doesn't follow its HELP";
    if (strcmp(rest, "counter") != 0 && strcmp(rest, "gauge") != 0 && strcmp(rest, "histogram") != 0)
        return "a type that is none";
    memcpy(reader->type, rest, sizeof rest);
    reader->has_type = true;
    if ((strcmp(rest, "counter") == 0) != (strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0))
        return "a counter without _total, or another with it";
    return NULL;
}

static const char *read_sample(struct reader *reader, const char *line) {
    struct sample *sample = &reader->samples[reader->sample_count];
    size_t name_size = strcspn(line, "{ ");
    const char *behind = line + name_size;
    const char *suffix;
    char *end;

    if (!is_name(line, name_size) || name_size >= sizeof sample->name)
        return "a name with a wrong character";
    if (*behind == '{')
        behind = skip_labels(behind);
    if (!behind || *behind != ' ' || (size_t)(behind - line) >= sizeof sample->series)
        return "labels that are wrong";
    memcpy(sample->name, line, name_size);
    sample->name[name_size] = '\0';
    memcpy(sample->series, line, (size_t)(behind - line));
    sample->series[behind - line] = '\0';
    sample->value = strtod(behind + 1, &end);
    if (end == behind + 1 || *end != '\0' || isspace((unsigned char)behind[1]))
        return "a value that is no number";
    if (!reader->has_type || strncmp(sample->name, reader->family, strlen(reader->family)) != 0)
        return "a sample outside its family";
    suffix = sample->name + strlen(reader->family);
    if (strcmp(reader->type, "histogram") == 0
            ? strcmp(suffix, "_bucket") != 0 && strcmp(suffix, "_sum") != 0 && strcmp(suffix, "_count") != 0
            : *suffix != '\0')
        return "a sample with a wrong suffix";
    for (size_t i = 0; i < reader->sample_count; i++)
        if (strcmp(reader->samples[i].series, sample->series) == 0)
            return "a series that comes twice";
    reader->sample_count++;
    return NULL;
}

/* Each series of buckets must go up to +Inf, which must be its count. */
static const char *check_histograms(const struct reader *reader) {
    for (size_t i = 0; i < reader->sample_count; i++) {
        const struct sample *sample = &reader->samples[i];
        const char *le = strstr(sample->series, "le=\"");
        bool is_first, is_last;

        if (!le)
            continue;
        is_first = i == 0 || !strstr(reader->samples[i - 1].series, "le=\"");
        is_last = strncmp(le, "le=\"+Inf\"", 9) == 0;
        if (!is_first && strcmp(reader->samples[i - 1].name, sample->name) == 0) {
            const char *before = strstr(reader->samples[i - 1].series, "le=\"");

            if (strtod(le + 4, NULL) <= strtod(before + 4, NULL))
                return "bounds that don't go up";
            if (sample->value < reader->samples[i - 1].value)
                return "buckets that don't add up";
        }
        if (is_last &&
            (i + 2 >= reader->sample_count || !strstr(reader->samples[i + 1].name, "_sum") ||
             !strstr(reader->samples[i + 2].name, "_count") || reader->samples[i + 2].value != sample->value))
            return "a histogram without its sum and count";
        if (!is_last && (i + 1 >= reader->sample_count || !strstr(reader->samples[i + 1].series, "le=\"")))
            return "a histogram without +Inf";
    }
    return NULL;
}

/* Reads data; the reader's mistake says what is wrong with it. */
static void read_text(struct reader *reader, const char *data) {
    memset(reader, 0, sizeof *reader);
    if (!data[0] || data[strlen(data) - 1] != '\n')
        reader->mistake = "no line end at the end";
    while (*data && !reader->mistake) {
        size_t size = strcspn(data, "\n");

        ck_assert_uint_lt(size, sizeof reader->line);
        memcpy(reader->line, data, size);
        reader->line[size] = '\0';
        reader->mistake =
            reader->line[0] == '#' ? read_comment(reader, reader->line) : read_sample(reader, reader->line);
        data += size + 1;
    }
    if (!reader->mistake)
        reader->mistake = check_histograms(reader);
}

static struct reader reader;

static void load(void) {
    text_deinit(&page.body);
    page = (struct page){.status = 200};
    page_metrics(&plane.view, &page);
    ck_assert(!page.body.has_no_memory);
    ck_assert_str_eq(page.type, "text/plain; version=0.0.4; charset=utf-8");
    read_text(&reader, page.body.data);
    ck_assert_msg(!reader.mistake, "%s: %s", reader.mistake, reader.line);
}

static double value(const char *series) {
    for (size_t i = 0; i < reader.sample_count; i++)
        if (strcmp(reader.samples[i].series, series) == 0)
            return reader.samples[i].value;
    ck_abort_msg("no %s", series);
}

/* -- tests -- */

START_TEST(reader_of_this_test_sees_mistakes) {
    static const char *const bad[] = {
        "",
        "# HELP a_total b\n# TYPE a_total counter\na_total 1",
        "a 1\n",
        "# HELP a b\na 1\n",
        "# HELP a b\n# TYPE a counter\na 1\n",
        "# HELP a b\n# TYPE a gauge\na{x=\"1} 1\n",
        "# HELP a b\n# TYPE a gauge\na{x=\"\\x\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{x=1} 1\n",
        "# HELP a b\n# TYPE a gauge\na one\n",
        "# HELP a b\n# TYPE a gauge\na  1\n",
        "# HELP a b\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a b\n# TYPE a gauge\na 1\n# HELP a b\n# TYPE a gauge\n",
        "# HELP a b\n# TYPE a gauge\nb 1\n",
        "# HELP a-b c\n# TYPE a-b gauge\n",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"2\"} 0\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 1\n",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        read_text(&reader, bad[i]);
        ck_assert_msg(reader.mistake, "%s", bad[i]);
    }
    read_text(
        &reader,
        "# HELP a b\n# TYPE a histogram\na_bucket{x=\"\\\"\\\\\\n}\",le=\"1\"} 1\n"
        "a_bucket{x=\"\\\"\\\\\\n}\",le=\"+Inf\"} 1\na_sum{x=\"\\\"\\\\\\n}\"} 0.5\na_count{x=\"\\\"\\\\\\n}\"} 1\n");
    ck_assert_msg(!reader.mistake, "%s", reader.mistake);
}
END_TEST

START_TEST(every_key_of_the_table_is_written_once_and_nothing_else) {
    load();
    ck_assert_uint_eq(reader.family_count, METRIC_COUNT);
    for (size_t key = 0; key < METRIC_COUNT; key++) {
        bool is_there = false;

        for (size_t i = 0; i < reader.family_count; i++)
            is_there |= strcmp(reader.families[i], metric_keys[key].name) == 0;
        ck_assert_msg(is_there, "%s", metric_keys[key].name);
        if (metric_keys[key].unit[0])
            ck_assert_msg(strstr(metric_keys[key].name, metric_keys[key].unit), "%s", metric_keys[key].name);
        ck_assert(metric_keys[key].help[strlen(metric_keys[key].help) - 1] != '.');
    }
}
END_TEST

START_TEST(labels_are_escaped) {
    plane.calls[0].name = "a\"b\\c\nd}";
    plane.view.version = "\"\n\\";
    load();
    ck_assert_double_eq(value("tothread_calls_submitted_total{call=\"a\\\"b\\\\c\\nd}\",pool=\"db\"}"), 0);
    ck_assert_double_eq(value("tothread_build_info{version=\"\\\"\\n\\\\\"}"), 1);
}
END_TEST

START_TEST(nothing_registered_and_nothing_started_is_sound) {
    struct tt_pool *db = plane.pools[0].pool;

    plane.pools[0].pool = NULL;
    load();
    plane.pools[0].pool = db;
    plane.registry = (struct registry){0};
    load();
}
END_TEST

START_TEST(calls_show_by_outcome_and_pool) {
    struct call_stats *stats = &plane.calls[0].stats;

    stat_set(&stats->submitted, 100);
    stat_set(&stats->done, 1);
    stat_set(&stats->failed, 2);
    stat_set(&stats->crashed, 3);
    stat_set(&stats->cancelled, 4);
    stat_set(&stats->expired_queue, 5);
    stat_set(&stats->expired_run, 6);
    stat_set(&stats->refused_full, 7);
    stat_set(&stats->refused_closed, 8);
    stat_set(&stats->in_flight, 9);
    stat_set(&stats->cpu_us, 1234567);
    stat_set(&plane.calls[1].stats.done, 11);
    load();
    ck_assert_double_eq(value("tothread_calls_submitted_total{call=\"query\",pool=\"db\"}"), 100);
    ck_assert_double_eq(value("tothread_calls_total{call=\"query\",pool=\"db\",outcome=\"done\"}"), 1);
    ck_assert_double_eq(value("tothread_calls_total{call=\"query\",pool=\"db\",outcome=\"failed\"}"), 2);
    ck_assert_double_eq(value("tothread_calls_total{call=\"query\",pool=\"db\",outcome=\"crashed\"}"), 3);
    ck_assert_double_eq(value("tothread_calls_total{call=\"query\",pool=\"db\",outcome=\"cancelled\"}"), 4);
    ck_assert_double_eq(value("tothread_calls_total{call=\"query\",pool=\"db\",outcome=\"expired_queue\"}"), 5);
    ck_assert_double_eq(value("tothread_calls_total{call=\"query\",pool=\"db\",outcome=\"expired_run\"}"), 6);
    ck_assert_double_eq(value("tothread_calls_total{call=\"query\",pool=\"db\",outcome=\"refused_full\"}"), 7);
    ck_assert_double_eq(value("tothread_calls_total{call=\"query\",pool=\"db\",outcome=\"refused_closed\"}"), 8);
    ck_assert_double_eq(value("tothread_calls_in_flight{call=\"query\",pool=\"db\"}"), 9);
    ck_assert_double_eq(value("tothread_call_cpu_seconds_total{call=\"query\",pool=\"db\"}"), 1.234567);
    ck_assert_double_eq(value("tothread_calls_total{call=\"rude\",pool=\"none\",outcome=\"done\"}"), 11);
}
END_TEST

START_TEST(histograms_are_cumulative_and_in_seconds) {
    histogram_add(&plane.calls[0].stats.run, 50);
    histogram_add(&plane.calls[0].stats.run, 51);
    histogram_add(&plane.calls[0].stats.run, 250000);
    histogram_add(&plane.calls[0].stats.run, UINT64_C(100000000));
    histogram_add(&plane.beacon.lag, 400);
    load();
    ck_assert_double_eq(value("tothread_call_seconds_bucket{call=\"query\",pool=\"db\",le=\"0.00005\"}"), 1);
    ck_assert_double_eq(value("tothread_call_seconds_bucket{call=\"query\",pool=\"db\",le=\"0.0001\"}"), 2);
    ck_assert_double_eq(value("tothread_call_seconds_bucket{call=\"query\",pool=\"db\",le=\"0.25\"}"), 3);
    ck_assert_double_eq(value("tothread_call_seconds_bucket{call=\"query\",pool=\"db\",le=\"60\"}"), 3);
    ck_assert_double_eq(value("tothread_call_seconds_bucket{call=\"query\",pool=\"db\",le=\"+Inf\"}"), 4);
    ck_assert_double_eq(value("tothread_call_seconds_count{call=\"query\",pool=\"db\"}"), 4);
    ck_assert_double_eq(value("tothread_call_seconds_sum{call=\"query\",pool=\"db\"}"), 100.250101);
    ck_assert_double_eq(value("tothread_queue_wait_seconds_count{call=\"query\",pool=\"db\"}"), 0);
    ck_assert_double_eq(value("tothread_loop_lag_seconds_bucket{loop=\"1\",le=\"0.0005\"}"), 1);
    ck_assert_double_eq(value("tothread_loop_lag_seconds_sum{loop=\"1\"}"), 0.0004);
}
END_TEST

START_TEST(numbers_of_several_loops_are_summed_and_their_turns_told_apart) {
    static struct front_stats front;
    static struct loop_beacon beacon;
    static struct call_stats stats;
    const struct admin_loop sides[] = {{&front, &beacon}};

    plane.view.sides = sides;
    plane.view.side_count = 1;
    plane.registry.side_count = 1;
    plane.calls[1].side_stats = &stats;
    stat_set(&plane.front.requests, 5);
    stat_set(&front.requests, 7);
    stat_set(&front.answers_by_class[5], 2);
    stat_set(&plane.calls[1].stats.done, 11);
    stat_set(&stats.done, 13);
    histogram_add(&stats.run, 50);
    stat_set(&beacon.turns, 17);
    histogram_add(&beacon.lag, 400);
    load();
    ck_assert_double_eq(value("tothread_requests_total"), 12);
    ck_assert_double_eq(value("tothread_answers_total{class=\"5xx\"}"), 2);
    ck_assert_double_eq(value("tothread_calls_total{call=\"rude\",pool=\"none\",outcome=\"done\"}"), 24);
    ck_assert_double_eq(value("tothread_call_seconds_count{call=\"rude\",pool=\"none\"}"), 1);
    ck_assert_double_eq(value("tothread_loop_turns_total{loop=\"1\"}"), 0);
    ck_assert_double_eq(value("tothread_loop_turns_total{loop=\"2\"}"), 17);
    ck_assert_double_eq(value("tothread_loop_lag_seconds_sum{loop=\"2\"}"), 0.0004);
    plane.view.side_count = 0;
}
END_TEST

START_TEST(pools_show_workers_by_state_and_their_queue) {
    plane_submit(&plane, 0, "query", "id-0", 20000);
    gate_await(&plane.gate, 1);
    plane_await_done(&plane, 1); /* a zombie, whose spare may still be starting */
    plane_submit(&plane, 1, "query", "id-1", 0);
    plane_submit(&plane, 2, "query", "id-2", 0);
    gate_await(&plane.gate, 2);
    plane_submit(&plane, 3, "query", "id-3", 0);
    load();
    ck_assert_double_eq(value("tothread_workers{pool=\"db\",state=\"zombie\"}"), 1);
    ck_assert_double_eq(value("tothread_workers{pool=\"db\",state=\"busy\"}"), 2);
    ck_assert_double_eq(value("tothread_workers{pool=\"db\",state=\"idle\"}"), 0);
    ck_assert_double_eq(value("tothread_workers_configured{pool=\"db\"}"), 2);
    ck_assert_double_eq(value("tothread_workers_spare_limit{pool=\"db\"}"), 1);
    ck_assert_double_eq(value("tothread_queue_depth{pool=\"db\"}"), 1);
    ck_assert_double_eq(value("tothread_queue_capacity{pool=\"db\"}"), 10);
    ck_assert_double_eq(value("tothread_jobs_submitted_total{pool=\"db\"}"), 4);
    ck_assert_double_eq(value("tothread_jobs_total{pool=\"db\",outcome=\"expired_run\"}"), 1);
    ck_assert_double_eq(value("tothread_refused_total{pool=\"db\",reason=\"full\"}"), 0);
    ck_assert_double_eq(value("tothread_refused_total{pool=\"idle\",reason=\"closed\"}"), 0);
    ck_assert_double_eq(value("tothread_zombies_ended_total{pool=\"db\"}"), 0);
    ck_assert_double_eq(value("tothread_worker_start_failures_total{pool=\"db\"}"), 0);
}
END_TEST

START_TEST(loop_front_and_process_show) {
    stat_set(&plane.beacon.busy_since_us, page_now_us() - 2500000);
    stat_set(&plane.front.connections, 7);
    stat_set(&plane.front.connections_dropped, 8);
    stat_set(&plane.front.answers_by_class[2], 9);
    stat_set(&plane.front.answers_by_class[5], 10);
    load();
    ck_assert_double_ge(value("tothread_loop_stalled_seconds{loop=\"1\"}"), 2.5);
    ck_assert_double_lt(value("tothread_loop_stalled_seconds{loop=\"1\"}"), 30);
    ck_assert_double_eq(value("tothread_connections"), 7);
    ck_assert_double_eq(value("tothread_connections_dropped_total"), 8);
    ck_assert_double_eq(value("tothread_answers_total{class=\"2xx\"}"), 9);
    ck_assert_double_eq(value("tothread_answers_total{class=\"5xx\"}"), 10);
    ck_assert_double_eq(value("tothread_log_dropped_total"), 0);
    ck_assert_double_eq(value("tothread_ready"), 1);
    ck_assert_double_eq(value("tothread_build_info{version=\"1.2.3-test\"}"), 1);
    ck_assert_double_gt(value("process_resident_memory_bytes"), 1e5);
    ck_assert_double_gt(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
    ck_assert_double_ge(value("process_threads"), 3);
    ck_assert_double_gt(value("process_max_fds"), value("process_open_fds"));
    ck_assert_double_eq_tol(value("process_start_time_seconds"), (double)time(NULL), 60);
    stat_set(&plane.beacon.busy_since_us, 0);
    plane.view.phase = ADMIN_DRAINING;
    load();
    ck_assert_double_eq(value("tothread_loop_stalled_seconds{loop=\"1\"}"), 0);
    ck_assert_double_eq(value("tothread_ready"), 0);
}
END_TEST

START_TEST(open_descriptors_are_counted) {
    int fds[2];
    double before;

    load();
    before = value("process_open_fds");
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    load();
    ck_assert_double_eq(value("process_open_fds"), before + 2);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* The checker of the Prometheus project, where it is installed. */
START_TEST(promtool_agrees) {
    char tool[] = "promtool", check[] = "check", metrics[] = "metrics";
    char *arguments[] = {tool, check, metrics, NULL};
    posix_spawn_file_actions_t actions;
    int fds[2], status, error;
    pid_t pid;

    load();
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    ck_assert_int_eq(posix_spawn_file_actions_init(&actions), 0);
    ck_assert_int_eq(posix_spawn_file_actions_adddup2(&actions, fds[0], STDIN_FILENO), 0);
    error = posix_spawnp(&pid, tool, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[0]);
    ck_assert(error == 0 || error == ENOENT);
    if (error == 0)
        ck_assert_int_eq(write(fds[1], page.body.data, page.body.size), (ssize_t)page.body.size);
    close(fds[1]);
    if (error == 0) {
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("metrics");
    TCase *cases = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 90);
    tcase_add_test(cases, reader_of_this_test_sees_mistakes);
    tcase_add_test(cases, every_key_of_the_table_is_written_once_and_nothing_else);
    tcase_add_test(cases, labels_are_escaped);
    tcase_add_test(cases, nothing_registered_and_nothing_started_is_sound);
    tcase_add_test(cases, calls_show_by_outcome_and_pool);
    tcase_add_test(cases, histograms_are_cumulative_and_in_seconds);
    tcase_add_test(cases, numbers_of_several_loops_are_summed_and_their_turns_told_apart);
    tcase_add_test(cases, pools_show_workers_by_state_and_their_queue);
    tcase_add_test(cases, loop_front_and_process_show);
    tcase_add_test(cases, open_descriptors_are_counted);
    tcase_add_test(cases, promtool_agrees);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

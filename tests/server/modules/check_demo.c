#include "../../support/module_host.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct module_host host;
static struct module_call call;
static struct module_answer answer;
static char folder[64];
static char path[128];

static uint64_t clock_us(clockid_t id) {
    struct timespec now;
    ck_assert_int_eq(clock_gettime(id, &now), 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void setup(void) {
    answer = (struct module_answer){0};
    (void)snprintf(folder, sizeof folder, "/tmp/check-demo-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/file.bin", folder);
    module_host_load(&host, "demo");
    ck_assert_int_eq(module_host_open(&host, NULL), TT_OK);
}

static void teardown(void) {
    module_answer_free(&answer);
    module_host_close(&host);
    (void)unlink(path); /* most tests have none */
    ck_assert_int_eq(rmdir(folder), 0);
}

static void make_file(size_t size, char fill) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    for (size_t i = 0; i < size; i++)
        ck_assert_int_eq(write(fd, &fill, 1), 1);
    ck_assert_int_eq(close(fd), 0);
}

static void prepare(const char *function, const char *key, const char *value) {
    const char *settings[] = {key, value, NULL};
    ck_assert_int_eq(module_host_prepare(&host, function, settings, &call), TT_OK);
}

static void run_integer(const char *function, int64_t value) {
    ck_assert_int_eq(module_host_prepare(&host, function, NULL, &call), TT_OK);
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_integer(value)}, 1, &answer);
    module_host_finish(&host, &call);
}

static void run_plain(const char *function) {
    ck_assert_int_eq(module_host_prepare(&host, function, NULL, &call), TT_OK);
    module_host_run(&host, &call, NULL, NULL, 0, &answer);
    module_host_finish(&host, &call);
}

static const char *const bad_pauses[] = {"", "4oo", "-1", "+1", " 1", "1 ", "60001", "99999999999999999999", "1.5"};

START_TEST(a_pause_that_is_no_number_is_a_mistake) {
    const char *settings[] = {"ms", bad_pauses[_i], NULL};
    ck_assert_int_eq(module_host_prepare(&host, "pause", settings, &call), TT_INVALID);
    ck_assert_int_eq(strncmp(host.mistakes, "ms: ", 4), 0);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_a_mistake) {
    const char *settings[] = {"file", path, NULL};
    ck_assert_int_eq(module_host_prepare(&host, "file", settings, &call), TT_INVALID);
    ck_assert_int_eq(strncmp(host.mistakes, "file: ", 6), 0);
    ck_assert_ptr_nonnull(strstr(host.mistakes, path));
}
END_TEST

START_TEST(a_folder_or_a_big_file_is_a_mistake) {
    const char *settings[] = {"file", folder, NULL};
    ck_assert_int_eq(module_host_prepare(&host, "file", settings, &call), TT_INVALID);
    ck_assert_ptr_nonnull(strstr(host.mistakes, "not a regular file"));
    make_file(0, 'x');
    ck_assert_int_eq(truncate(path, 1024 * 1024 + 1), 0);
    settings[1] = path;
    ck_assert_int_eq(module_host_prepare(&host, "file", settings, &call), TT_INVALID);
    ck_assert_ptr_nonnull(strstr(host.mistakes, "bigger than"));
}
END_TEST

START_TEST(a_file_that_goes_away_later_fails_the_call) {
    make_file(10, 'x');
    prepare("file", "file", path);
    ck_assert_int_eq(unlink(path), 0);
    module_host_run(&host, &call, NULL, NULL, 0, &answer);
    ck_assert_int_eq(answer.status, 500);
    ck_assert_ptr_nonnull(strstr(answer.detail, "No such file"));
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(file_of_several_pieces_comes_whole) {
    enum { SIZE = 40000 };
    make_file(SIZE, 'p');
    prepare("file", "file", path);
    module_host_run(&host, &call, NULL, NULL, 0, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.size, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        ck_assert_int_eq(answer.body[i], 'p');
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(answers_without_room_are_failures) {
    static const char *const names[] = {"noop", "inline", "big", "cpu", "to-thread"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        answer.limit = 5;
        if (i < 2)
            run_plain(names[i]);
        else
            run_integer(names[i], 1);
        ck_assert_msg(answer.status == 500, "%s", names[i]);
        module_answer_free(&answer);
    }
}
END_TEST

START_TEST(nobody_can_make_echo_answer_html) {
    static const char *const types[] = {"text/html", "text/htm", "text/plainer", "image/svg+xml", "", ";", "text"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        answer.request = "<script>";
        answer.request_size = 8;
        answer.request_type = types[i];
        run_plain("echo");
        ck_assert_str_eq(answer.type, "application/octet-stream");
        ck_assert_str_eq(answer.body, "<script>");
        module_answer_free(&answer);
    }
}
END_TEST

START_TEST(spinning_stops_when_nobody_waits) {
    answer.abandon_after = 3;
    uint64_t begin_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
    run_integer("cpu", 60000);
    ck_assert_int_eq(answer.outcome, TT_FAILED);
    ck_assert_uint_eq(answer.abandon_asked, 3);
    ck_assert_uint_lt(clock_us(CLOCK_THREAD_CPUTIME_ID) - begin_us, 30000000);
}
END_TEST

START_TEST(only_what_never_blocks_says_so) {
    for (size_t i = 0; i < host.module->function_count; i++) {
        const struct tt_function *function = &host.module->functions[i];
        bool is_quick = strcmp(function->name, "async") == 0 || strcmp(function->name, "inline") == 0;
        ck_assert_msg(function->never_blocks == is_quick, "%s", function->name);
        ck_assert_msg(function->takes_body == (strcmp(function->name, "echo") == 0), "%s", function->name);
    }
}
END_TEST

START_TEST(blocking_calls_block_for_as_long_as_they_are_told) {
    static const char *const names[] = {"rude", "to-thread"};
    uint64_t begin_us = clock_us(CLOCK_MONOTONIC);
    run_integer(names[_i], 15);
    ck_assert_uint_ge(clock_us(CLOCK_MONOTONIC) - begin_us, 15000);
    ck_assert_str_eq(answer.body, "{\"ok\":true,\"ms\":15}\n");
    ck_assert_str_eq(call.params[0].default_text, "500");
    ck_assert_int_eq(call.params[0].maximum, 60000);
}
END_TEST

START_TEST(a_pause_is_as_long_as_its_setting) {
    prepare("pause", "ms", "12");
    uint64_t begin_us = clock_us(CLOCK_MONOTONIC);
    module_host_run(&host, &call, NULL, NULL, 0, &answer);
    ck_assert_uint_ge(clock_us(CLOCK_MONOTONIC) - begin_us, 12000);
    ck_assert_str_eq(answer.body, "{\"ok\":true,\"ms\":12}\n");
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(async_answers_later_and_returns_at_once) {
    uint64_t begin_us = clock_us(CLOCK_MONOTONIC);
    run_integer("async", 60000);
    ck_assert_uint_lt(clock_us(CLOCK_MONOTONIC) - begin_us, 30000000);
    ck_assert(answer.finishes_later);
    ck_assert_uint_eq(answer.later_us, 60000000);
    ck_assert_str_eq(answer.body, "{\"ok\":true,\"ms\":60000}\n");
}
END_TEST

START_TEST(empty_calls_answer_as_the_peers_do) {
    run_plain("noop");
    ck_assert_str_eq(answer.body, "{\"ok\":true,\"ms\":0}\n");
    module_answer_free(&answer);
    run_plain("inline");
    ck_assert_str_eq(answer.body, "{\"ok\":true}\n");
    ck_assert(!answer.finishes_later);
}
END_TEST

START_TEST(cpu_uses_processor_time) {
    uint64_t begin_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
    run_integer("cpu", 20);
    ck_assert_uint_ge(clock_us(CLOCK_THREAD_CPUTIME_ID) - begin_us, 20000);
    ck_assert_str_eq(answer.body, "{\"ok\":true,\"ms\":20}\n");
}
END_TEST

START_TEST(echo_gives_bytes_and_known_types_back) {
    static const char *const types[][2] = {
        {"text/plain", "text/plain"},
        {"text/plain; charset=utf-8", "text/plain"},
        {"Application/JSON", "application/json"},
    };
    static const char body[] = "a\0b\xff";
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        answer.request = body;
        answer.request_size = 4;
        answer.request_type = types[i][0];
        run_plain("echo");
        ck_assert_str_eq(answer.type, types[i][1]);
        ck_assert_uint_eq(answer.size, 4);
        ck_assert_int_eq(memcmp(answer.body, body, 4), 0);
        module_answer_free(&answer);
    }
    run_plain("echo"); /* GET: no body */
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.size, 0);
    ck_assert_str_eq(answer.type, "application/octet-stream");
}
END_TEST

START_TEST(big_answers_hold_a_pattern_that_shows_every_loss) {
    run_integer("big", 3);
    ck_assert_uint_eq(answer.size, (size_t)3 * 1024 * 1024);
    for (size_t i = 0; i < answer.size; i++)
        if ((unsigned char)answer.body[i] != i % 251)
            ck_abort_msg("byte %zu is %d", i, answer.body[i]);
    ck_assert_str_eq(answer.type, "application/octet-stream");
}
END_TEST

START_TEST(file_is_read_anew_each_time) {
    size_t fds = open_fd_count();
    make_file(4096, 'a');
    prepare("file", "file", path);
    module_host_run(&host, &call, NULL, NULL, 0, &answer);
    ck_assert_uint_eq(answer.size, 4096);
    ck_assert_int_eq(answer.body[4095], 'a');
    ck_assert_str_eq(answer.type, "application/octet-stream");
    module_answer_free(&answer);
    make_file(7, 'b');
    module_host_run(&host, &call, NULL, NULL, 0, &answer);
    ck_assert_str_eq(answer.body, "bbbbbbb");
    module_answer_free(&answer);
    make_file(0, 'c');
    module_host_run(&host, &call, NULL, NULL, 0, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.size, 0);
    module_host_finish(&host, &call);
    ck_assert_uint_eq(open_fd_count(), fds);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("demo");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, a_pause_that_is_no_number_is_a_mistake, 0, sizeof bad_pauses / sizeof bad_pauses[0]);
    tcase_add_test(cases, a_file_that_is_not_there_is_a_mistake);
    tcase_add_test(cases, a_folder_or_a_big_file_is_a_mistake);
    tcase_add_test(cases, a_file_that_goes_away_later_fails_the_call);
    tcase_add_test(cases, file_of_several_pieces_comes_whole);
    tcase_add_test(cases, answers_without_room_are_failures);
    tcase_add_test(cases, nobody_can_make_echo_answer_html);
    tcase_add_test(cases, spinning_stops_when_nobody_waits);
    tcase_add_test(cases, only_what_never_blocks_says_so);
    tcase_add_loop_test(cases, blocking_calls_block_for_as_long_as_they_are_told, 0, 2);
    tcase_add_test(cases, a_pause_is_as_long_as_its_setting);
    tcase_add_test(cases, async_answers_later_and_returns_at_once);
    tcase_add_test(cases, empty_calls_answer_as_the_peers_do);
    tcase_add_test(cases, cpu_uses_processor_time);
    tcase_add_test(cases, echo_gives_bytes_and_known_types_back);
    tcase_add_test(cases, big_answers_hold_a_pattern_that_shows_every_loss);
    tcase_add_test(cases, file_is_read_anew_each_time);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

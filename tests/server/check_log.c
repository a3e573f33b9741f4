/*
 * Log: what reaches stderr, which is a pipe or a file here. Every test runs in a process of its own.
 */
#include "server/log.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int reader; /* the other end of stderr */

static void stderr_becomes(int fd) {
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    ck_assert_int_eq(close(fd), 0);
}

static void begin(void) {
    int ends[2];

    ck_assert_int_eq(unsetenv("JOURNAL_STREAM"), 0);
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    stderr_becomes(ends[1]);
    reader = ends[0];
}

/* All there is, after nobody can write any more. Lent until the next call. */
static const char *read_rest(void) {
    static char data[4 * 1024 * 1024];
    size_t size = 0;
    ssize_t part;

    ck_assert_int_eq(close(STDERR_FILENO), 0);
    while ((part = read(reader, data + size, sizeof(data) - 1 - size)) > 0)
        size += (size_t)part;
    ck_assert_int_eq(part, 0);
    data[size] = '\0';
    return data;
}

static size_t count_of(const char *text, const char *part) {
    size_t count = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

/* Reads until part has come count times. Lent until the next call. */
static const char *read_until_count(const char *part, uint64_t count) {
    static char data[2 * 1024 * 1024];
    size_t size = 0;

    while (count_of(data, part) < count) {
        ssize_t got = read(reader, data + size, sizeof(data) - 1 - size);

        ck_assert_int_gt(got, 0);
        size += (size_t)got;
    }
    return data;
}

/* The sum of the numbers behind each part. */
static uint64_t sum_of(const char *text, const char *part) {
    uint64_t sum = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        sum += strtoull(at + strlen(part), NULL, 10);
    return sum;
}

/* What the lines about dropped lines add up to. */
static uint64_t told_count(const char *text) {
    return sum_of(text, "event=log_dropped count=");
}

static void journal_set(int offset) {
    struct stat status;
    char text[64];

    ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
    (void)snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino + (unsigned)offset);
    ck_assert_int_eq(setenv("JOURNAL_STREAM", text, 1), 0);
}

/* -- refusals -- */

START_TEST(value_with_a_newline_stays_one_line) {
    log_event(TT_LOG_NOTICE, "odd", "value=\"%s\"", "a\nevent=forged\r\t\x7f");
    ck_assert_str_eq(read_rest(), "event=odd value=\"a?event=forged???\"\n");
}
END_TEST

START_TEST(line_that_is_too_long_is_cut_and_says_so) {
    char value[5000];
    const char *text;

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_event(TT_LOG_NOTICE, "long", "value=%s", value);
    log_event(TT_LOG_NOTICE, "next", "");
    text = read_rest();
    ck_assert_ptr_nonnull(strstr(text, "xxx...\nevent=next\n"));
    ck_assert_uint_eq(count_of(text, "\n"), 2);
    ck_assert_uint_le(strlen(text), 2048 + sizeof("event=next"));
}
END_TEST

START_TEST(lines_above_the_level_are_not_made) {
    log_event(TT_LOG_INFO, "quiet", "");
    log_set_level(TT_LOG_ERROR);
    log_event(TT_LOG_WARNING, "quiet", "");
    log_event(TT_LOG_ERROR, "loud", "");
    log_set_level(TT_LOG_INFO);
    log_event(TT_LOG_INFO, "loud", "");
    ck_assert_str_eq(read_rest(), "event=loud\nevent=loud\n");
}
END_TEST

START_TEST(what_finds_no_room_is_dropped_and_counted) {
    char value[1000];
    uint64_t dropped;
    const char *text;

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    log_start();
    /* Nobody reads: the pipe takes 64 KiB, the ring 256 KiB, the writer holds up to 4 KiB. */
    for (int i = 0; i < 1000; i++)
        log_event(TT_LOG_NOTICE, "flood", "value=%s", value);
    dropped = log_dropped_count();
    ck_assert_uint_gt(dropped, 1000 - (64 + 256 + 8) * 1024 / 1000);
    ck_assert_uint_lt(dropped, 1000);
    /* Every line was taken or dropped, and the loss is told. */
    text = read_until_count("event=flood", 1000 - dropped);
    ck_assert_uint_eq(told_count(text), dropped);
    log_event(TT_LOG_NOTICE, "after", "");
    log_stop();
    text = read_rest();
    ck_assert_ptr_nonnull(strstr(text, "event=after\n"));
    ck_assert_uint_eq(log_dropped_count(), dropped);
}
END_TEST

START_TEST(reader_who_does_not_read_can_not_hang_the_end) {
    struct timespec begin_at;
    struct timespec end_at;

    log_start();
    for (int i = 0; i < 5000; i++)
        log_event(TT_LOG_NOTICE, "flood", "some=text that makes the line longer number=%d", i);
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &begin_at), 0);
    log_stop();
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &end_at), 0);
    ck_assert_int_le(end_at.tv_sec - begin_at.tv_sec, 10); /* it hung for ever; the last patience is 1 s */
    ck_assert_uint_gt(log_dropped_count(), 0);
    /* Every line was written or counted. */
    ck_assert_uint_eq(count_of(read_rest(), "event=flood") + log_dropped_count(), 5000);
}
END_TEST

START_TEST(stderr_without_a_reader_does_not_kill) {
    ck_assert_int_eq(close(reader), 0);
    log_start();
    log_event(TT_LOG_NOTICE, "lost", "");
    log_stop();
    ck_assert_uint_eq(log_dropped_count(), 1);
}
END_TEST

START_TEST(limited_events_come_once_a_second_with_the_number_left_out) {
    struct log_limit limit = {0};
    uint64_t left_out;
    const char *text;

    for (int i = 0; i < 1000; i++)
        log_event_limited(&limit, TT_LOG_NOTICE, "often", "number=%d", i);
    left_out = limit.left_out;
    limit.second--; /* as if a second had passed */
    limit.left_out = 41;
    log_event_limited(&limit, TT_LOG_NOTICE, "often", "number=last");
    text = read_rest();
    ck_assert_uint_eq(strncmp(text, "event=often number=0\n", 21), 0);
    ck_assert_ptr_nonnull(strstr(text, "event=often number=last repeated=41\n"));
    /* Seconds may have turned in between: what they have told is left out of the rest. */
    ck_assert_uint_eq(count_of(text, "\n") - 1 + sum_of(text, " repeated=") - 41 + left_out, 1000);
    ck_assert_uint_le(count_of(text, "\n"), 20);
}
END_TEST

/* -- normal -- */

START_TEST(before_the_start_lines_are_written_directly) {
    log_event(TT_LOG_NOTICE, "early", "number=%d", 7);
    ck_assert_str_eq(read_rest(), "event=early number=7\n");
}
END_TEST

START_TEST(after_the_stop_lines_are_written_directly) {
    log_start();
    log_event(TT_LOG_NOTICE, "first", "");
    log_stop();
    log_event(TT_LOG_NOTICE, "second", "");
    ck_assert_str_eq(read_rest(), "event=first\nevent=second\n");
}
END_TEST

START_TEST(writer_can_be_started_again) {
    for (int i = 0; i < 3; i++) {
        log_start();
        log_start(); /* a second start of a running writer changes nothing */
        log_event(TT_LOG_NOTICE, "again", "number=%d", i);
        log_stop();
        log_stop();
    }
    ck_assert_str_eq(read_rest(), "event=again number=0\nevent=again number=1\nevent=again number=2\n");
}
END_TEST

START_TEST(journal_gets_levels) {
    journal_set(0);
    log_event(TT_LOG_WARNING, "known", "a=1");
    log_event(TT_LOG_ERROR, "known", "");
    ck_assert_str_eq(read_rest(), "<4>event=known a=1\n<3>event=known\n");
}
END_TEST

START_TEST(stderr_that_was_sent_elsewhere_gets_no_levels) {
    journal_set(1);
    log_event(TT_LOG_WARNING, "known", "a=1");
    ck_assert_str_eq(read_rest(), "event=known a=1\n");
}
END_TEST

START_TEST(writer_thread_has_a_name_and_blocks_signals) {
    bool is_found = false;
    struct dirent *entry;
    DIR *tasks;

    log_start();
    tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    while ((entry = readdir(tasks)) != NULL) {
        char path[300];
        char text[4096];
        size_t size;
        FILE *file;

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        file = fopen(path, "re");
        if (file == NULL)
            continue; /* a thread of a sanitizer that has ended meanwhile */
        size = fread(text, 1, sizeof(text) - 1, file);
        text[size] = '\0';
        ck_assert_int_eq(fclose(file), 0);
        if (strncmp(text, "Name:\ttt-log\n", 13) == 0) {
            const char *blocked = strstr(text, "SigBlk:\t");
            unsigned long long mask;

            is_found = true;
            ck_assert_ptr_nonnull(blocked);
            mask = strtoull(blocked + 8, NULL, 16);
            ck_assert_uint_ne(mask & (1ULL << (SIGTERM - 1)), 0);
            ck_assert_uint_ne(mask & (1ULL << (SIGPIPE - 1)), 0);
        }
    }
    ck_assert_int_eq(closedir(tasks), 0);
    ck_assert(is_found);
    log_stop();
}
END_TEST

#define THREADS    4
#define LINES_EACH 2000

static void *many_lines(void *number) {
    for (int i = 0; i < LINES_EACH; i++)
        log_event(TT_LOG_NOTICE, "line", "thread=%d number=%d end=yes", *(const int *)number, i);
    return NULL;
}

/* Into a file, so that nothing is dropped for a slow reader but the ring still wraps many times. */
START_TEST(lines_of_many_threads_stay_whole_and_in_order) {
    char name[] = "/tmp/check_log.XXXXXX";
    int file = mkostemp(name, O_CLOEXEC);
    int last[THREADS] = {-1, -1, -1, -1};
    int numbers[THREADS] = {0, 1, 2, 3};
    pthread_t threads[THREADS];
    uint64_t count = 0;
    char text[256];
    FILE *lines;

    ck_assert_int_ge(file, 0);
    stderr_becomes(file);
    log_start();
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, many_lines, &numbers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    log_stop();
    lines = fopen(name, "re");
    ck_assert_ptr_nonnull(lines);
    while (fgets(text, sizeof(text), lines) != NULL) {
        char expected[256];
        int thread = -1;
        int number = -1;

        if (strncmp(text, "event=log_dropped ", 18) == 0)
            continue;
        /* NOLINTNEXTLINE(cert-err34-c): the line is compared with what it must be */
        ck_assert_int_eq(sscanf(text, "event=line thread=%d number=%d", &thread, &number), 2);
        ck_assert_int_ge(thread, 0);
        ck_assert_int_lt(thread, THREADS);
        (void)snprintf(expected, sizeof(expected), "event=line thread=%d number=%d end=yes\n", thread, number);
        ck_assert_str_eq(text, expected);
        ck_assert_int_gt(number, last[thread]);
        last[thread] = number;
        count++;
    }
    ck_assert_int_eq(fclose(lines), 0);
    ck_assert_int_eq(unlink(name), 0);
    ck_assert_uint_eq(count + log_dropped_count(), (uint64_t)THREADS * LINES_EACH);
    ck_assert_uint_gt(count, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("log");
    TCase *refusals = tcase_create("refusals");
    TCase *normal = tcase_create("normal");
    SRunner *runner;
    int failed;

    tcase_set_timeout(refusals, 30);
    tcase_add_checked_fixture(refusals, begin, NULL);
    tcase_add_test(refusals, value_with_a_newline_stays_one_line);
    tcase_add_test(refusals, line_that_is_too_long_is_cut_and_says_so);
    tcase_add_test(refusals, lines_above_the_level_are_not_made);
    tcase_add_test(refusals, what_finds_no_room_is_dropped_and_counted);
    tcase_add_test(refusals, reader_who_does_not_read_can_not_hang_the_end);
    tcase_add_test(refusals, stderr_without_a_reader_does_not_kill);
    tcase_add_test(refusals, limited_events_come_once_a_second_with_the_number_left_out);
    tcase_set_timeout(normal, 30);
    tcase_add_checked_fixture(normal, begin, NULL);
    tcase_add_test(normal, before_the_start_lines_are_written_directly);
    tcase_add_test(normal, after_the_stop_lines_are_written_directly);
    tcase_add_test(normal, writer_can_be_started_again);
    tcase_add_test(normal, journal_gets_levels);
    tcase_add_test(normal, stderr_that_was_sent_elsewhere_gets_no_levels);
    tcase_add_test(normal, writer_thread_has_a_name_and_blocks_signals);
    tcase_add_test(normal, lines_of_many_threads_stay_whole_and_in_order);
    suite_add_tcase(suite, refusals);
    suite_add_tcase(suite, normal);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

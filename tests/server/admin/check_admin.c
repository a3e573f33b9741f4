/*
 * The admin plane's life over real sockets: that it starts or says why not, nothing holds it up, it leaves nothing behind.
 */
#include "plane.h"
#include <dirent.h>
#include <signal.h>

static struct plane plane;

static void setup(void) {
    plane_start(&plane);
}

static void teardown(void) {
    plane_stop(&plane);
}

/* -- start -- */

static void refuse(const char *address, enum tt_status status, const char *text) {
    struct admin_view view = {0};
    struct tt_error error = {0};

    ck_assert_ptr_null(admin_start(address, &view, &error));
    ck_assert_int_eq(error.status, status);
    ck_assert_msg(strstr(error.text, text), "%s: %s", address, error.text);
}

START_TEST(addresses_it_cannot_use_are_refused_with_the_reason) {
    refuse("[::1]:9090", TT_INVALID, "without IPv6");
    refuse("::1", TT_INVALID, "without IPv6");
    refuse("unix:/run/tothread/admin", TT_INVALID, "without unix sockets");
    refuse("", TT_INVALID, "no admin address");
    refuse("9090", TT_INVALID, "no admin address");
    refuse(":9090", TT_INVALID, "no IPv4 address");
    refuse("*:9090", TT_INVALID, "no IPv4 address");
    refuse("example.org:9090", TT_INVALID, "no IPv4 address");
    refuse("127.0.0.1:", TT_INVALID, "no port");
    refuse("127.0.0.1:65536", TT_INVALID, "no port");
    refuse("127.0.0.1:-1", TT_INVALID, "no port");
    refuse("127.0.0.1: 80", TT_INVALID, "no port");
    refuse("127.0.0.1:80s", TT_INVALID, "no port");
    refuse("127.0.0.1:80,8080", TT_INVALID, "no port");
    refuse("256.0.0.1:80", TT_INVALID, "no IPv4 address");
}
END_TEST

START_TEST(port_that_is_taken_is_an_error_with_errno) {
    struct tt_error error = {0};
    char address[32];

    snprintf(address, sizeof address, "127.0.0.1:%d", admin_port(plane.admin));
    ck_assert_ptr_null(admin_start(address, &plane.view, &error));
    ck_assert_int_eq(error.status, TT_SYSTEM);
    ck_assert_int_eq(error.sys_errno, EADDRINUSE);
    ck_assert_msg(strstr(error.text, "Address already in use"), "%s", error.text);
    ck_assert_int_eq(plane_status(&plane, "GET", "/livez", "", ""), 200);
}
END_TEST

START_TEST(stop_takes_null) {
    admin_stop(NULL);
}
END_TEST

static size_t fd_count(void) {
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir)) // NOLINT(concurrency-mt-unsafe)
        count++;
    closedir(dir);
    return count;
}

START_TEST(stop_is_quick_and_leaves_no_descriptor) {
    size_t before = fd_count();
    uint64_t best_us = UINT64_MAX;

    for (int i = 0; i < 3; i++) {
        struct tt_error error;
        struct admin *admin = admin_start("localhost:0", &plane.view, &error);
        uint64_t begin_us, took_us;

        ck_assert_ptr_nonnull(admin);
        ck_assert_int_gt(admin_port(admin), 0);
        begin_us = page_now_us();
        admin_stop(admin);
        took_us = page_now_us() - begin_us;
        best_us = took_us < best_us ? took_us : best_us;
    }
    ck_assert_uint_lt(best_us, 1000000);
    ck_assert_uint_eq(fd_count(), before);
}
END_TEST

/* How many threads have a name that begins with "admin"; each of them must block all signals. */
static unsigned count_admin_threads(void) {
    DIR *dir = opendir("/proc/self/task");
    unsigned admin_count = 0;

    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir));) { // NOLINT(concurrency-mt-unsafe)
        char path[300], data[4096];
        const char *blocked;
        size_t size;
        FILE *file;

        snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
        file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
        if (!file)
            continue;
        size = fread(data, 1, sizeof data - 1, file);
        fclose(file);
        data[size] = '\0';
        if (strncmp(data, "Name:\tadmin", 11) != 0)
            continue;
        admin_count++;
        blocked = strstr(data, "SigBlk:");
        ck_assert_ptr_nonnull(blocked);
        /* all but KILL, STOP and the two that glibc keeps for itself */
        ck_assert_uint_eq(strtoull(blocked + 7, NULL, 16) | 0x180040100, 0xffffffffffffffff);
    }
    closedir(dir);
    return admin_count;
}

START_TEST(its_threads_block_all_signals_and_sigpipe_is_as_before) {
    uint64_t end_us = page_now_us() + PLANE_PATIENCE_US;
    struct sigaction action;

    /* Each gives itself its name: a moment after the start. */
    for (unsigned count; (count = count_admin_threads()) != 33; (void)sched_yield())
        ck_assert_msg(page_now_us() < end_us, "%u threads", count);
    ck_assert_int_eq(sigaction(SIGPIPE, NULL, &action), 0);
    ck_assert(action.sa_handler == SIG_DFL);
}
END_TEST

/* -- nothing holds it up -- */

/* Twenty answers with that status within 50 ms each. Others don't count: the machine may be taken away, but not each time. */
static void expect_quick(int wanted) {
    uint64_t end_us = page_now_us() + PLANE_PATIENCE_US;

    for (int quick_count = 0; quick_count < 20;) {
        uint64_t begin_us = page_now_us();

        ck_assert_uint_lt(begin_us, end_us);
        ck_assert_int_eq(plane_status(&plane, "GET", "/livez", "", ""), wanted);
        quick_count += page_now_us() - begin_us < PLANE_FAST_US;
    }
}

START_TEST(answers_come_within_50_ms_while_the_loop_stands_still) {
    struct plane_answer answer;
    const char *stalled;

    stat_set(&plane.beacon.busy_since_us, page_now_us() - 20345000);
    atomic_store(&plane.beacon.doing, "rude");
    expect_quick(503);
    answer = plane_ask(&plane, "GET", "/livez", "", "");
    ck_assert_msg(strstr(answer.body, "\"call\":\"rude\""), "%s", answer.body);
    stalled = strstr(answer.body, "\"stalled_ms\":");
    ck_assert_msg(stalled && strtol(stalled + 13, NULL, 10) >= 20345, "%s", answer.body);
    plane_free(&answer);
    stat_set(&plane.beacon.busy_since_us, 0);
    expect_quick(200);
}
END_TEST

START_TEST(slow_clients_and_connections_that_say_nothing_hold_up_nobody) {
    int slow[16], silent[300];

    for (size_t i = 0; i < 16; i++) {
        slow[i] = plane_connect(&plane);
        plane_send(slow[i], "GET /livez HTTP/1.1\r\nHost: 127", 30);
    }
    for (size_t i = 0; i < 300; i++)
        silent[i] = plane_connect(&plane);
    expect_quick(200);
    for (size_t i = 0; i < 16; i++)
        close(slow[i]);
    for (size_t i = 0; i < 300; i++)
        close(silent[i]);
}
END_TEST

START_TEST(slow_client_is_dropped_after_1_s) {
    uint64_t begin_us = page_now_us();
    int fd = plane_connect(&plane);
    struct plane_answer answer;

    plane_send(fd, "GET /livez HTTP/1.1\r\n", 21);
    answer = plane_receive(fd);
    ck_assert_msg(answer.status == 0 || answer.status == 400, "%s", answer.text);
    ck_assert_uint_ge(page_now_us() - begin_us, 900000);
    ck_assert_uint_lt(page_now_us() - begin_us, 11000000); /* a client's patience here is 12 s */
    plane_free(&answer);
}
END_TEST

START_TEST(more_connections_than_threads_all_get_their_answer) {
    int fds[120];

    for (size_t i = 0; i < 120; i++) {
        fds[i] = plane_connect(&plane);
        plane_send(fds[i], "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 43);
    }
    for (size_t i = 0; i < 120; i++) {
        struct plane_answer answer = plane_receive(fds[i]);

        ck_assert_int_eq(answer.status, 200);
        ck_assert_ptr_nonnull(strstr(answer.body, "tothread_build_info"));
        plane_free(&answer);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("admin");
    TCase *cases[] = {tcase_create("start"), tcase_create("pace")};
    SRunner *runner;
    int failed;

    tcase_add_test(cases[0], addresses_it_cannot_use_are_refused_with_the_reason);
    tcase_add_test(cases[0], port_that_is_taken_is_an_error_with_errno);
    tcase_add_test(cases[0], stop_takes_null);
    tcase_add_test(cases[0], stop_is_quick_and_leaves_no_descriptor);
    tcase_add_test(cases[0], its_threads_block_all_signals_and_sigpipe_is_as_before);
    tcase_add_test(cases[1], answers_come_within_50_ms_while_the_loop_stands_still);
    tcase_add_test(cases[1], slow_clients_and_connections_that_say_nothing_hold_up_nobody);
    tcase_add_test(cases[1], slow_client_is_dropped_after_1_s);
    tcase_add_test(cases[1], more_connections_than_threads_all_get_their_answer);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
        tcase_set_timeout(cases[i], 90);
        suite_add_tcase(suite, cases[i]);
    }
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

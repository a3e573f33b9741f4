/*
 * Systemd: the three protocols, each against a real socket and a real environment. Every test runs in a process of its
 * own, so what it does to descriptors and variables stays there.
 */
#include "server/systemd.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void set(const char *variable, const char *value) {
    ck_assert_int_eq(setenv(variable, value, 1), 0);
}

static void set_pid(const char *variable, long pid) {
    char text[32];

    (void)snprintf(text, sizeof(text), "%ld", pid);
    set(variable, text);
}

static void clear_all(void) {
    static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                            "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        ck_assert_int_eq(unsetenv(variables[i]), 0);
}

static void end(void) {
    systemd_deinit();
}

static void expect_refusal(enum tt_status expected, const char *part) {
    struct tt_error error = {0};

    ck_assert_int_eq(systemd_init(&error), expected);
    ck_assert_int_eq(error.status, expected);
    ck_assert_msg(strstr(error.text, part) != NULL, "\"%s\" does not speak of %s", error.text, part);
    ck_assert_uint_eq(systemd_watchdog_us(), 0);
    ck_assert_int_eq(systemd_listen_fd("http", 0), -1);
    ck_assert_int_eq(systemd_listen_fd("unknown", 0), -1);
    ck_assert_int_eq(systemd_notify("READY=1"), TT_OK);
}

static void expect_init(void) {
    struct tt_error error = {0};
    enum tt_status status = systemd_init(&error);

    ck_assert_msg(status == TT_OK, "%s", error.text);
}

/* A manager's socket at path ("@..." for an abstract one). */
static int manager_open(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_uint_lt(size, sizeof(address.sun_path));
    memcpy(address.sun_path, path, size);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    size += offsetof(struct sockaddr_un, sun_path) + (path[0] == '@' ? 0 : 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, (socklen_t)size), 0);
    return fd;
}

static void expect_datagram(int fd, const char *expected) {
    char data[256];
    ssize_t size = recv(fd, data, sizeof(data) - 1, 0);

    ck_assert_int_ge(size, 0);
    data[size] = '\0';
    ck_assert_str_eq(data, expected);
}

/* Puts a listening socket at each of count descriptors from 3 on, as a manager does. */
static void sockets_inherit(int count) {
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        ck_assert_int_ge(fd, 0);
        if (fd != SYSTEMD_FIRST_FD + i) {
            ck_assert_int_eq(dup2(fd, SYSTEMD_FIRST_FD + i), SYSTEMD_FIRST_FD + i);
            ck_assert_int_eq(close(fd), 0);
        }
    }
    set_pid("LISTEN_PID", getpid());
    set_pid("LISTEN_FDS", count);
}

/* -- refusals -- */

START_TEST(notify_socket_must_be_a_path_or_an_abstract_name) {
    set("NOTIFY_SOCKET", "relative/path");
    expect_refusal(TT_INVALID, "NOTIFY_SOCKET");
}
END_TEST

START_TEST(notify_socket_longer_than_an_address_is_refused) {
    char path[200];

    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    set("NOTIFY_SOCKET", path);
    expect_refusal(TT_INVALID, "longer");
}
END_TEST

START_TEST(watchdog_time_must_be_a_positive_number) {
    static const char *const bad[] = {"", "0", "-1", "+5", " 5", "5s", "0x10", "99999999999999999999"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        set("WATCHDOG_USEC", bad[i]);
        expect_refusal(TT_INVALID, "WATCHDOG_USEC");
    }
}
END_TEST

START_TEST(malformed_process_ids_are_refused) {
    set("LISTEN_FDS", "1");
    set("LISTEN_PID", "me");
    expect_refusal(TT_INVALID, "LISTEN_PID");
    clear_all();
    set("WATCHDOG_USEC", "1000");
    set("WATCHDOG_PID", "1 ");
    expect_refusal(TT_INVALID, "WATCHDOG_PID");
}
END_TEST

START_TEST(malformed_socket_counts_are_refused) {
    static const char *const bad[] = {"", "-1", "1x", "1025", "18446744073709551617"};

    set_pid("LISTEN_PID", getpid());
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        set("LISTEN_FDS", bad[i]);
        expect_refusal(TT_INVALID, "LISTEN_FDS");
    }
}
END_TEST

START_TEST(promised_socket_that_is_not_there_is_refused) {
    sockets_inherit(1);
    ck_assert_int_eq(close(SYSTEMD_FIRST_FD), 0);
    expect_refusal(TT_SYSTEM, "descriptor 3");
}
END_TEST

START_TEST(as_many_names_as_sockets_or_none_are_taken) {
    sockets_inherit(2);
    set("LISTEN_FDNAMES", "http");
    expect_refusal(TT_INVALID, "LISTEN_FDNAMES");
    set("LISTEN_FDNAMES", "http:http:http");
    expect_refusal(TT_INVALID, "LISTEN_FDNAMES");
}
END_TEST

START_TEST(sockets_of_another_process_are_not_touched) {
    sockets_inherit(1);
    set("LISTEN_FDNAMES", "http");
    set_pid("LISTEN_PID", getppid());
    expect_init();
    ck_assert_int_eq(systemd_listen_fd("http", 0), -1);
    ck_assert_int_eq(fcntl(SYSTEMD_FIRST_FD, F_GETFD) & FD_CLOEXEC, 0);
}
END_TEST

START_TEST(sockets_without_a_process_id_are_not_ours) {
    sockets_inherit(1);
    ck_assert_int_eq(unsetenv("LISTEN_PID"), 0);
    expect_init();
    ck_assert_int_eq(systemd_listen_fd("unknown", 0), -1);
}
END_TEST

START_TEST(watchdog_of_another_process_is_not_ours) {
    set("WATCHDOG_USEC", "3000000");
    set_pid("WATCHDOG_PID", getppid());
    expect_init();
    ck_assert_uint_eq(systemd_watchdog_us(), 0);
}
END_TEST

/* -- normal -- */

START_TEST(without_a_manager_everything_is_quiet) {
    expect_init();
    ck_assert_int_eq(systemd_notify("READY=1"), TT_OK);
    ck_assert_uint_eq(systemd_watchdog_us(), 0);
    ck_assert_int_eq(systemd_listen_fd("http", 0), -1);
}
END_TEST

START_TEST(notify_reaches_a_socket_in_the_file_system) {
    char folder[] = "/tmp/check_systemd.XXXXXX";
    char path[64];
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/notify", folder);
    fd = manager_open(path);
    set("NOTIFY_SOCKET", path);
    expect_init();
    ck_assert_int_eq(systemd_notify("READY=1\nSTATUS=serving"), TT_OK);
    expect_datagram(fd, "READY=1\nSTATUS=serving");
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(systemd_notify("STOPPING=1"), TT_SYSTEM); /* the manager is gone */
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(notify_reaches_an_abstract_socket) {
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "@tothread/check_systemd/%d", getpid());
    fd = manager_open(path);
    set("NOTIFY_SOCKET", path);
    expect_init();
    ck_assert_int_eq(systemd_notify("WATCHDOG=1"), TT_OK);
    expect_datagram(fd, "WATCHDOG=1");
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(notify_never_waits_for_a_manager_that_does_not_read) {
    enum tt_status status = TT_OK;
    char path[64];
    int count = 0;
    int fd;

    (void)snprintf(path, sizeof(path), "@tothread/check_systemd/full/%d", getpid());
    fd = manager_open(path);
    set("NOTIFY_SOCKET", path);
    expect_init();
    while (status == TT_OK && count < 1000000) {
        status = systemd_notify("WATCHDOG=1");
        count++;
    }
    ck_assert_int_eq(status, TT_FULL);
    expect_datagram(fd, "WATCHDOG=1");
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(notify_socket_is_close_on_exec) {
    int before = dup(STDERR_FILENO); /* the lowest free descriptor */
    char path[64];
    int fd;

    ck_assert_int_ge(before, 0);
    (void)snprintf(path, sizeof(path), "@tothread/check_systemd/exec/%d", getpid());
    fd = manager_open(path);
    set("NOTIFY_SOCKET", path);
    ck_assert_int_eq(close(before), 0);
    expect_init(); /* takes that number */
    ck_assert_int_eq(fcntl(before, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    systemd_deinit();
    ck_assert_int_eq(fcntl(before, F_GETFD), -1);
    ck_assert_int_eq(errno, EBADF);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(watchdog_time_is_read) {
    set("WATCHDOG_USEC", "3000000");
    expect_init();
    ck_assert_uint_eq(systemd_watchdog_us(), 3000000);
    systemd_deinit();
    ck_assert_uint_eq(systemd_watchdog_us(), 0);
    set_pid("WATCHDOG_PID", getpid());
    expect_init();
    ck_assert_uint_eq(systemd_watchdog_us(), 3000000);
}
END_TEST

START_TEST(sockets_are_found_by_name_wherever_they_stand) {
    sockets_inherit(4);
    set("LISTEN_FDNAMES", "admin:http::http");
    expect_init();
    ck_assert_int_eq(systemd_listen_fd("http", 0), SYSTEMD_FIRST_FD + 1);
    ck_assert_int_eq(systemd_listen_fd("http", 1), SYSTEMD_FIRST_FD + 3);
    ck_assert_int_eq(systemd_listen_fd("http", 2), -1);
    ck_assert_int_eq(systemd_listen_fd("admin", 0), SYSTEMD_FIRST_FD);
    ck_assert_int_eq(systemd_listen_fd("", 0), SYSTEMD_FIRST_FD + 2);
    ck_assert_int_eq(systemd_listen_fd("htt", 0), -1);
}
END_TEST

START_TEST(sockets_without_names_are_called_unknown) {
    sockets_inherit(2);
    expect_init();
    ck_assert_int_eq(systemd_listen_fd("unknown", 0), SYSTEMD_FIRST_FD);
    ck_assert_int_eq(systemd_listen_fd("unknown", 1), SYSTEMD_FIRST_FD + 1);
    ck_assert_int_eq(systemd_listen_fd("unknown", 2), -1);
    ck_assert_int_eq(systemd_listen_fd("http", 0), -1);
}
END_TEST

START_TEST(inherited_sockets_are_made_close_on_exec) {
    sockets_inherit(2);
    expect_init();
    for (int fd = SYSTEMD_FIRST_FD; fd < SYSTEMD_FIRST_FD + 2; fd++)
        ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("systemd");
    TCase *refusals = tcase_create("refusals");
    TCase *normal = tcase_create("normal");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(refusals, clear_all, end);
    tcase_add_test(refusals, notify_socket_must_be_a_path_or_an_abstract_name);
    tcase_add_test(refusals, notify_socket_longer_than_an_address_is_refused);
    tcase_add_test(refusals, watchdog_time_must_be_a_positive_number);
    tcase_add_test(refusals, malformed_process_ids_are_refused);
    tcase_add_test(refusals, malformed_socket_counts_are_refused);
    tcase_add_test(refusals, promised_socket_that_is_not_there_is_refused);
    tcase_add_test(refusals, as_many_names_as_sockets_or_none_are_taken);
    tcase_add_test(refusals, sockets_of_another_process_are_not_touched);
    tcase_add_test(refusals, sockets_without_a_process_id_are_not_ours);
    tcase_add_test(refusals, watchdog_of_another_process_is_not_ours);
    tcase_add_checked_fixture(normal, clear_all, end);
    tcase_add_test(normal, without_a_manager_everything_is_quiet);
    tcase_add_test(normal, notify_reaches_a_socket_in_the_file_system);
    tcase_add_test(normal, notify_reaches_an_abstract_socket);
    tcase_add_test(normal, notify_never_waits_for_a_manager_that_does_not_read);
    tcase_add_test(normal, notify_socket_is_close_on_exec);
    tcase_add_test(normal, watchdog_time_is_read);
    tcase_add_test(normal, sockets_are_found_by_name_wherever_they_stand);
    tcase_add_test(normal, sockets_without_names_are_called_unknown);
    tcase_add_test(normal, inherited_sockets_are_made_close_on_exec);
    suite_add_tcase(suite, refusals);
    suite_add_tcase(suite, normal);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

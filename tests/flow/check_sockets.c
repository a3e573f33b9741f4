/* Sockets: addresses and socket files that are somebody else's, or nobody's any more. */
#include "../support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

START_TEST(address_in_use_is_told_and_nothing_is_served) {
    char listen[64];
    struct server server = server_start_demo(NULL);
    (void)snprintf(listen, sizeof listen, "server.listen=127.0.0.1:%d", server.port); /* fits */
    struct output second = program_run((const char *const[]){"serve", "--demo", "-c", "/dev/null", "--set", listen,
                                                             "--set", "server.admin=127.0.0.1:0", NULL});
    ck_assert_int_eq(second.status, 1);
    ck_assert_msg(strstr(second.err, strchr(listen, '=') + 1) != NULL &&
                      strstr(second.err, "ddress already in use") != NULL,
                  "%s", second.err);
    ck_assert_ptr_null(strstr(second.err, "event=ready"));
    output_free(&second);
    server_stop(&server);
}
END_TEST

struct socket_file {
    char folder[64];
    char path[96];
    char setting[128];
    int fd; /* bound to path */
};

static void socket_file_make(struct socket_file *file) {
    static const char pattern[] = "/tmp/tothread-unix-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(file->folder, pattern, sizeof pattern);
    ck_assert_ptr_nonnull(mkdtemp(file->folder));
    (void)snprintf(file->path, sizeof file->path, "%s/s", file->folder);                      /* fits */
    (void)snprintf(file->setting, sizeof file->setting, "server.listen=unix:%s", file->path); /* fits */
    memcpy(address.sun_path, file->path, strlen(file->path) + 1);
    file->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(file->fd, 0);
    ck_assert_int_eq(bind(file->fd, (const struct sockaddr *)&address, sizeof address), 0);
}

static void expect_path_in_use(const struct socket_file *file) {
    struct output second = program_run((const char *const[]){"serve", "--demo", "-c", "/dev/null", "--set",
                                                             file->setting, "--set", "server.admin=127.0.0.1:0", NULL});
    ck_assert_int_eq(second.status, 1);
    ck_assert_msg(strstr(second.err, file->path) != NULL && strstr(second.err, "ddress already in use") != NULL, "%s",
                  second.err);
    output_free(&second);
    ck_assert_int_eq(access(file->path, F_OK), 0);
}

START_TEST(socket_file_that_somebody_listens_on_is_left_alone) {
    struct socket_file file;
    socket_file_make(&file);
    ck_assert_int_eq(listen(file.fd, 10), 0);
    expect_path_in_use(&file);
    int fd = client_connect_unix(file.path); /* still reachable */
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(close(file.fd), 0);
    ck_assert_int_eq(unlink(file.path), 0);
    ck_assert_int_eq(rmdir(file.folder), 0);
}
END_TEST

START_TEST(file_that_is_no_socket_is_left_alone) {
    struct socket_file file;
    socket_file_make(&file);
    ck_assert_int_eq(close(file.fd), 0);
    ck_assert_int_eq(unlink(file.path), 0);
    file_write(file.path, "precious");
    expect_path_in_use(&file);
    char *text = file_read(file.path);
    ck_assert_str_eq(text, "precious");
    free(text);
    ck_assert_int_eq(unlink(file.path), 0);
    ck_assert_int_eq(rmdir(file.folder), 0);
}
END_TEST

START_TEST(stale_socket_file_is_replaced_and_goes_at_the_end) {
    struct socket_file file;
    socket_file_make(&file);
    ck_assert_int_eq(close(file.fd), 0); /* the file stays, as after a crash */
    struct server server = SERVER_DEMO("--set", file.setting);
    int fd = client_connect_unix(file.path);
    client_put(fd, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
    ck_assert_int_ne(access(file.path, F_OK), 0);
    ck_assert_int_eq(rmdir(file.folder), 0);
}
END_TEST

/* The first one has the port, for the tests' own requests. */
static struct server start_with(const struct socket_file *file, const char *words) {
    char setting[160];
    (void)snprintf(setting, sizeof setting, "%s %s", file->setting, words); /* fits */
    return SERVER_DEMO("--set", setting);
}

START_TEST(socket_file_has_the_mode_and_the_owner_that_were_asked_for) {
    struct socket_file file;
    struct stat status;
    char words[96];
    socket_file_make(&file);
    ck_assert_int_eq(close(file.fd), 0);
    mode_t umask_before = umask(0077); /* inherited, and in the way */
    (void)snprintf(words, sizeof words, "mode=0666 user=%u group=%u", (unsigned)getuid(), (unsigned)getgid());
    struct server server = start_with(&file, words);
    (void)umask(umask_before);
    ck_assert_int_eq(lstat(file.path, &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    ck_assert_uint_eq(status.st_mode & 07777, 0666);
    ck_assert_uint_eq(status.st_uid, getuid());
    int fd = client_connect_unix(file.path);
    client_put(fd, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
    ck_assert_int_eq(rmdir(file.folder), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        address_in_use_is_told_and_nothing_is_served,
        socket_file_that_somebody_listens_on_is_left_alone,
        file_that_is_no_socket_is_left_alone,
        stale_socket_file_is_replaced_and_goes_at_the_end,
        socket_file_has_the_mode_and_the_owner_that_were_asked_for,
    };
    return suite_run("sockets", tests, sizeof tests / sizeof *tests);
}

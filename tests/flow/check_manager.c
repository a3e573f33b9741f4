/* Manager: what systemd is told, and the sockets that it hands over. */
#include "../support/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* -- what it is told -- */

struct manager {
    char folder[64];
    char path[96];
    int fd;
    char variable[128];
};

static void manager_open(struct manager *manager) {
    static const char pattern[] = "/tmp/tothread-notify-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(manager->folder, pattern, sizeof pattern);
    ck_assert_ptr_nonnull(mkdtemp(manager->folder));
    (void)snprintf(manager->path, sizeof manager->path, "%s/s", manager->folder); /* fits */
    memcpy(address.sun_path, manager->path, strlen(manager->path) + 1);
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(manager->fd, 0);
    ck_assert_int_eq(bind(manager->fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)snprintf(manager->variable, sizeof manager->variable, "NOTIFY_SOCKET=%s", manager->path); /* fits */
}

static void manager_close(struct manager *manager) {
    ck_assert_int_eq(close(manager->fd), 0);
    ck_assert_int_eq(unlink(manager->path), 0);
    ck_assert_int_eq(rmdir(manager->folder), 0);
}

/** The next message, if one comes in time. */
static bool manager_read(const struct manager *manager, int ms, char text[static 1024]) {
    if (!client_wait(manager->fd, ms))
        return false;
    ssize_t got = recv(manager->fd, text, 1023, 0);
    ck_assert_int_ge(got, 0);
    text[got] = '\0';
    return true;
}

/** Reads on until a message that begins with text. */
static void manager_await(const struct manager *manager, const char *text, char message[static 1024]) {
    do
        ck_assert_msg(manager_read(manager, PROGRAM_PATIENCE_MS, message), "no %s came", text);
    while (strncmp(message, text, strlen(text)) != 0);
}

START_TEST(manager_is_told_of_ready_reloading_and_stopping) {
    char text[1024];
    struct manager manager;
    manager_open(&manager);
    const char *const environment[] = {manager.variable, NULL};
    const struct server_options options = {.child.environment = environment};
    struct server server = server_start(&options);
    ck_assert(manager_read(&manager, PROGRAM_PATIENCE_MS, text));
    ck_assert_str_eq(text, "READY=1");
    manager_await(&manager, "STATUS=serving", text);
    server_signal(&server, SIGHUP);
    manager_await(&manager, "RELOADING=1\nMONOTONIC_USEC=", text);
    manager_await(&manager, "READY=1", text);
    server_stop(&server);
    manager_await(&manager, "STOPPING=1", text);
    while (manager_read(&manager, 0, text))
        ck_assert_int_ne(strncmp(text, "WATCHDOG", 8), 0); /* nobody asked for it */
    manager_close(&manager);
}
END_TEST

/** Starts with `listen = systemd:http`, which must fail for want of that socket. */
static void expect_no_socket(struct program_options *options) {
    static const char *const args[] = {"serve", "--demo",
                                       "-c",    "/dev/null",
                                       "--set", "server.listen=systemd:http",
                                       "--set", "server.admin=127.0.0.1:0",
                                       NULL};
    char path[] = "/tmp/tothread-err-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    options->args = args;
    options->err_path = path;
    ck_assert_int_eq(program_wait(program_start(options)), 1);
    char *text = file_read(path);
    ck_assert_msg(strstr(text, "no socket named \"http\" was inherited") != NULL, "%s", text);
    ck_assert_ptr_null(strstr(text, "event=ready"));
    free(text);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(unlink(path), 0);
}

/* The socket's path is known before: what READY=1 promises is tried at once. */
START_TEST(ready_is_said_once_it_serves) {
    char text[1024];
    char listen[160];
    struct manager manager;
    manager_open(&manager);
    (void)snprintf(listen, sizeof listen, "server.listen=unix:%s/http", manager.folder); /* fits */
    const char *path = strchr(listen, ':') + 1;
    const struct program_options options = {.args = (const char *const[]){"serve", "--demo", "-c", "/dev/null", "--set",
                                                                          listen, "--set", "server.admin=127.0.0.1:0",
                                                                          NULL},
                                            .environment = (const char *const[]){manager.variable, NULL}};
    pid_t pid = program_start(&options);
    ck_assert(manager_read(&manager, PROGRAM_PATIENCE_MS, text));
    ck_assert_str_eq(text, "READY=1");
    int fd = client_connect_unix(path);
    client_put(fd, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    response_expect(fd, 200);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(kill(pid, SIGTERM), 0);
    ck_assert_int_eq(program_wait(pid), 0);
    ck_assert_int_ne(access(path, F_OK), 0);
    manager_close(&manager);
}
END_TEST

START_TEST(start_that_fails_never_says_ready) {
    char text[1024];
    struct manager manager;
    manager_open(&manager);
    struct program_options options = {.environment = (const char *const[]){manager.variable, NULL}};
    expect_no_socket(&options);
    while (manager_read(&manager, 0, text))
        ck_assert_msg(strstr(text, "READY=1") == NULL, "%s", text);
    manager_close(&manager);
}
END_TEST

START_TEST(refused_reload_says_ready_again) {
    char text[1024];
    struct manager manager;
    manager_open(&manager);
    const struct server_options options = {.child.environment = (const char *const[]){manager.variable, NULL}};
    struct server server = server_start(&options);
    manager_await(&manager, "READY=1", text);
    server_configure(&server, "[pool demo]\nqueue = 0\n");
    server_signal(&server, SIGHUP);
    manager_await(&manager, "RELOADING=1\nMONOTONIC_USEC=", text);
    manager_await(&manager, "READY=1", text);
    server_await_log(&server, "event=reload_refused errors=1");
    server_stop(&server);
    manager_close(&manager);
}
END_TEST

START_TEST(watchdog_is_pinged_while_the_loop_turns_and_not_while_it_is_blocked) {
    char text[1024];
    struct manager manager;
    manager_open(&manager);
    const char *const environment[] = {manager.variable, "WATCHDOG_USEC=200000", NULL};
    const struct server_options options = {.config = SERVER_JAM_CONFIG, .child.environment = environment};
    struct server server = server_start(&options);
    for (int i = 0; i < 5; i++)
        manager_await(&manager, "WATCHDOG=1", text);
    int jam = server_jam(&server);
    while (manager_read(&manager, 0, text)) {
        /* those from before */
    }
    ck_assert(!manager_read(&manager, 500, text));
    server_open_gate(&server);
    manager_await(&manager, "WATCHDOG=1", text);
    response_expect(jam, 200);
    ck_assert_int_eq(close(jam), 0);
    server_stop(&server);
    manager_close(&manager);
}
END_TEST

/* The tick that tells the manager how the service is doing used to fire while the pools ended, and looked for the front. */
START_TEST(ticks_of_the_watchdog_end_before_the_parts_that_they_look_at) {
    char text[1024];
    struct manager manager;
    manager_open(&manager);
    const struct server_options options = {
        .config = PROGRAM_SLOWNESS > 1 ? "[pool demo]\nworkers = 40\n" : "[pool demo]\nworkers = 200\n",
        .child.environment = (const char *const[]){manager.variable, "WATCHDOG_USEC=2000", NULL}};
    struct server server = server_start(&options);
    while (manager_read(&manager, 0, text)) {
        /* room for the next ones */
    }
    manager_await(&manager, "WATCHDOG=1", text);
    server_signal(&server, SIGTERM);
    server_ended(&server, 0);
    manager_close(&manager);
}
END_TEST

/* -- sockets that it hands over -- */

static int listen_somewhere(int *ret_port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 100), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

START_TEST(inherited_socket_is_found_by_its_name) {
    int port, other_port;
    int other = listen_somewhere(&other_port);
    int http = listen_somewhere(&port);
    const int sockets[] = {other, http};
    const struct server_options options = {
        .args = (const char *const[]){"--set", "server.listen=systemd:http", NULL},
        .child = {.sockets = sockets, .socket_count = 2, .socket_names = "other:http"}};
    int early = client_connect(port); /* before the service is there: the socket is */
    client_put(early, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    struct server server = server_start(&options);
    server.fd_count++; /* of the client above, which came before the count */
    response_expect(early, 200);
    ck_assert_int_eq(close(early), 0);
    int ignored = client_connect(other_port);
    client_put(ignored, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    int fd = client_connect(port);
    client_put(fd, "GET /noop HTTP/1.1\r\nHost: t\r\n\r\n");
    response_expect(fd, 200);
    ck_assert(!client_wait(ignored, 0));
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(close(ignored), 0);
    server_stop(&server);
    int late = client_connect(port); /* it is the manager's, and still open */
    ck_assert_int_eq(close(late), 0);
    ck_assert_int_eq(close(http), 0);
    ck_assert_int_eq(close(other), 0);
}
END_TEST

START_TEST(inherited_socket_of_another_name_is_not_taken) {
    int port;
    const int http = listen_somewhere(&port);
    struct program_options wrong_name = {.sockets = &http, .socket_count = 1, .socket_names = "httpx"};
    expect_no_socket(&wrong_name);
    struct program_options no_name = {.sockets = &http, .socket_count = 1};
    expect_no_socket(&no_name);
    ck_assert_int_eq(close(http), 0);
}
END_TEST

START_TEST(sockets_that_another_process_inherited_are_not_taken) {
    const char *const environment[] = {"LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=http", NULL};
    struct program_options options = {.environment = environment};
    expect_no_socket(&options);
}
END_TEST

START_TEST(missing_inherited_socket_is_told_and_nothing_is_served) {
    struct output output =
        program_run((const char *const[]){"serve", "--demo", "-c", "/dev/null", "--set", "server.listen=systemd:http",
                                          "--set", "server.admin=127.0.0.1:0", NULL});
    ck_assert_int_eq(output.status, 1);
    ck_assert_msg(strstr(output.err, "no socket named \"http\" was inherited") != NULL, "%s", output.err);
    output_free(&output);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        manager_is_told_of_ready_reloading_and_stopping,
        ready_is_said_once_it_serves,
        start_that_fails_never_says_ready,
        refused_reload_says_ready_again,
        watchdog_is_pinged_while_the_loop_turns_and_not_while_it_is_blocked,
        ticks_of_the_watchdog_end_before_the_parts_that_they_look_at,
        inherited_socket_is_found_by_its_name,
        inherited_socket_of_another_name_is_not_taken,
        sockets_that_another_process_inherited_are_not_taken,
        missing_inherited_socket_is_told_and_nothing_is_served,
    };
    return suite_run("manager", tests, sizeof tests / sizeof *tests);
}

/* Lifecycle: start, drain and end, what systemd is told, and the admin plane beside it all. */
#include "../support/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void expect_status_of_admin(const struct server *server, const char *path, int status, const char *text) {
    struct response response = admin_request(server, "GET", path);
    ck_assert_msg(response.status == status && strstr(response.body, text) != NULL, "%s: %s%s", path, response.head,
                  response.body);
    response_free(&response);
}

static void expect_draining(int fd) {
    struct response response = response_read(fd);
    response_check_problem(&response, 503, "draining");
    response_free(&response);
    client_expect_end(fd);
}

/** Waits until the loop has stood in a call for so long that it counts as stalled. */
static void await_stall(const struct server *server) {
    for (uint64_t begun_ms = clock_ms();;) {
        struct response response = admin_request(server, "GET", "/livez");
        bool is_stalled = response.status == 503;
        response_free(&response);
        if (is_stalled)
            return;
        patience(begun_ms, "the loop to be stalled");
    }
}

/* -- the drain -- */

START_TEST(sigterm_under_load_answers_every_request_that_was_read) {
    enum { CLIENTS = 30 };
    int fds[CLIENTS];
    struct server server = server_start_demo(NULL);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = server_ask(&server, "/hold");
    int idle = server_ask(&server, "/inline");
    response_expect(idle, 200);
    int half_head = client_connect(server.port);
    client_put(half_head, "GET /noop HTTP/1.1\r\nHo");
    int half_body = client_connect(server.port);
    client_put(half_body, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nab");
    server_await_stat(&server, "calls.hold.in_flight", CLIENTS);
    server_await_stat(&server, "front.requests", CLIENTS + 2);
    server_await_stat(&server, "front.connections", CLIENTS + 3);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    client_expect_end(idle);
    client_expect_end(half_head);
    ck_assert(program_is_running(server.pid));
    client_put(half_body, "cde"); /* it has begun: it is waited for */
    server_await_stat(&server, "calls.echo.in_flight", 1);
    server_open_gate(&server);
    for (int i = 0; i < CLIENTS; i++) {
        struct response response = response_read(fds[i]);
        ck_assert_msg(response.status == 200, "%s", response.head);
        ck_assert_str_eq(response_header(&response, "Connection"), "close");
        response_free(&response);
        client_expect_end(fds[i]);
    }
    struct response echo = response_read(half_body);
    ck_assert_str_eq(echo.body, "abcde");
    response_free(&echo);
    client_expect_end(half_body);
    server_ended(&server, 0);
}
END_TEST

/* While the loop is blocked clients connect and ask, and SIGTERM comes: all of it is found at once. */
START_TEST(requests_that_arrived_before_sigterm_are_answered_even_if_unread) {
    enum { CLIENTS = 20 };
    int fds[CLIENTS];
    const struct server_options options = {.config = SERVER_JAM_CONFIG};
    struct server server = server_start(&options);
    for (int i = 0; i < CLIENTS / 2; i++) {
        fds[i] = server_ask(&server, "/noop");
        response_expect(fds[i], 200);
    }
    int jam = server_jam(&server);
    for (int i = 0; i < CLIENTS; i++) {
        if (i < CLIENTS / 2)
            client_put(fds[i], "GET /to-thread?ms=5 HTTP/1.1\r\nHost: t\r\n\r\n");
        else
            fds[i] = server_ask(&server, "/to-thread?ms=5");
    }
    server_signal(&server, SIGTERM);
    server_open_gate(&server);
    response_expect(jam, 200);
    ck_assert_int_eq(close(jam), 0);
    for (int i = 0; i < CLIENTS; i++) {
        response_expect(fds[i], 200);
        client_expect_end(fds[i]);
    }
    server_ended(&server, 0);
}
END_TEST

START_TEST(big_answer_under_way_is_finished_before_the_end) {
    struct server server = server_start_demo(NULL);
    int fd = client_connect_small(server.port);
    client_put(fd, "GET /big?mib=4 HTTP/1.1\r\nHost: t\r\n\r\n");
    server_await_least(&server, "front.buffered_bytes", 1024.0 * 1024);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    ck_assert_uint_eq(response.body_size, 4u * 1024 * 1024);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    server_ended(&server, 0);
}
END_TEST

static bool is_refused(int port) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ? errno : 0;
    ck_assert_int_eq(close(fd), 0);
    ck_assert_msg(failed == 0 || failed == ECONNREFUSED, "%s", strerrordesc_np(failed));
    return failed != 0;
}

START_TEST(new_clients_are_refused_during_the_drain) {
    struct server server = server_start_demo(NULL);
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    server_signal(&server, SIGINT);
    server_await_log(&server, "event=draining");
    for (uint64_t begun_ms = clock_ms(); !is_refused(server.port);) /* the log comes a little before it */
        patience(begun_ms, "the listener to be closed");
    ck_assert(is_refused(server.port));
    expect_status_of_admin(&server, "/readyz", 503, "draining");
    expect_status_of_admin(&server, "/livez", 200, "ok");
    server_open_gate(&server);
    response_expect(held, 200);
    client_expect_end(held);
    server_ended(&server, 0);
}
END_TEST

START_TEST(second_sigterm_ends_at_once) {
    struct server server = server_start_demo(NULL);
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    ck_assert(program_is_running(server.pid));
    uint64_t begun_ms = clock_ms();
    server_signal(&server, SIGTERM);
    expect_draining(held);
    server_ended(&server, 1);
    ck_assert_uint_le(clock_ms() - begun_ms, PROGRAM_SOON_MS); /* the call goes on for ever, the drain for 30 s */
}
END_TEST

START_TEST(second_sigterm_ends_with_a_call_that_would_finish_later) {
    struct server server = server_start_demo(NULL);
    int waiting = server_ask(&server, "/async?ms=60000");
    server_await_stat(&server, "calls.async.in_flight", 1);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    server_signal(&server, SIGTERM);
    client_expect_end(waiting);
    server_await_log(&server, "event=drain_ended connections=1");
    server_ended(&server, 1);
}
END_TEST

/** Opens the FIFO for writing once somebody has begun to read it, which reads for ever then. */
static int await_reader(const char *path) {
    for (uint64_t begun_ms = clock_ms();;) {
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0)
            return fd;
        patience(begun_ms, "the configuration to be read");
    }
}

START_TEST(second_sigterm_ends_while_a_reload_waits_for_its_files) {
    struct server server = server_start_demo(NULL);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/conf.d/stuck.conf", server.folder);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    server_signal(&server, SIGHUP);
    int fd = await_reader(path);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    server_signal(&server, SIGTERM);
    server_ended(&server, 0);
    (void)close(fd);
}
END_TEST

START_TEST(drain_that_takes_too_long_names_what_is_left) {
    struct server server = SERVER_DEMO("--set", "server.drain=200ms", "--set", "pool.demo.workers=1");
    int held = client_connect(server.port);
    client_put(held, "GET /hold HTTP/1.1\r\nHost: t\r\nX-Request-Id: the-hung-one\r\n\r\n");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    int queued = server_ask(&server, "/noop");
    server_await_stat(&server, "pools.demo.queue_depth", 1);
    uint64_t begun_ms = clock_ms();
    server_signal(&server, SIGTERM);
    expect_draining(held);
    expect_draining(queued);
    ck_assert_uint_ge(clock_ms() - begun_ms, 199);
    server_await_log(&server, "event=drain_left pool=demo call=hold id=the-hung-one");
    server_ended(&server, 1);
    ck_assert_uint_le(clock_ms() - begun_ms, PROGRAM_SOON_MS);
}
END_TEST

START_TEST(zombie_does_not_hold_up_the_end) {
    struct server server = SERVER_DEMO("--set", "call.hold.timeout=50ms");
    struct response late = server_get(&server, "/hold");
    ck_assert_int_eq(late.status, 504);
    response_free(&late);
    server_signal(&server, SIGTERM);
    server_ended(&server, 0);
}
END_TEST

START_TEST(admin_plane_drains_too) {
    struct server server = server_start_demo(NULL);
    struct response response = admin_request(&server, "GET", "/drain");
    ck_assert_int_eq(response.status, 405);
    response_free(&response);
    ck_assert(!server_has_logged(&server, "event=drain"));
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    struct response accepted = admin_request(&server, "POST", "/drain");
    ck_assert_int_eq(accepted.status, 202);
    response_free(&accepted);
    server_await_log(&server, "event=drain_requested by=admin");
    server_open_gate(&server);
    response_expect(held, 200);
    client_expect_end(held);
    server_ended(&server, 0);
}
END_TEST

START_TEST(commands_reach_the_running_service) {
    char address[32];
    struct server server = server_start_demo(NULL);
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", server.admin_port); /* fits */
    struct output status = program_run((const char *const[]){"status", "--admin", address, NULL});
    ck_assert_int_eq(status.status, 0);
    ck_assert_msg(strstr(status.out, "demo") != NULL, "%s", status.out);
    output_free(&status);
    struct output reload = program_run((const char *const[]){"reload", "--admin", address, NULL});
    ck_assert_int_eq(reload.status, 0);
    output_free(&reload);
    server_await_log(&server, "event=reloaded");
    struct output drain = program_run((const char *const[]){"drain", "--admin", address, NULL});
    ck_assert_int_eq(drain.status, 0);
    output_free(&drain);
    server_ended(&server, 0);
}
END_TEST

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

/* -- unix sockets -- */

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

/* -- the admin plane beside a blocked loop -- */

START_TEST(admin_plane_answers_within_50_ms_while_the_loop_is_blocked_and_names_the_call) {
    enum { PAGES = 6, ROUNDS = 10 };
    static const char *const pages[PAGES] = {"/livez", "/readyz", "/metrics", "/stats.json", "/calls", "/"};
    uint64_t best_ms[PAGES];
    const struct server_options options = {.config = SERVER_JAM_CONFIG};
    struct server server = server_start(&options);
    int jam = server_jam(&server); /* until the gate opens: no answer below can have waited for the loop */
    await_stall(&server);
    for (int i = 0; i < PAGES * ROUNDS; i++) {
        uint64_t asked_ms = clock_ms();
        struct response response = admin_request(&server, "GET", pages[i % PAGES]);
        uint64_t took_ms = clock_ms() - asked_ms;
        if (i < PAGES || took_ms < best_ms[i % PAGES])
            best_ms[i % PAGES] = took_ms;
        if (i % PAGES == 0) {
            ck_assert_int_eq(response.status, 503);
            ck_assert_str_eq(response_member(&response, "status"), "stalled");
            ck_assert_str_eq(response_member(&response, "call"), "jam");
            ck_assert_int_ge(strtol(response_member(&response, "stalled_ms"), NULL, 10), 1);
        }
        if (i % PAGES == 4)
            ck_assert_str_eq(response_member(&response, "calls.0.call"), "jam");
        response_free(&response);
    }
    for (int i = 0; i < PAGES; i++) /* the machine may be taken away for a moment, but not each time */
        ck_assert_msg(best_ms[i] <= 50 * PROGRAM_SLOWNESS, "%s: %d ms", pages[i], (int)best_ms[i]);
    server_open_gate(&server);
    response_expect(jam, 200);
    ck_assert_int_eq(close(jam), 0);
    expect_status_of_admin(&server, "/livez", 200, "\"ok\"");
    server_stop(&server);
}
END_TEST

/* -- systemd -- */

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
    const struct server_options options = {.config = "[pool demo]\nworkers = 200\n",
                                           .child.environment =
                                               (const char *const[]){manager.variable, "WATCHDOG_USEC=2000", NULL}};
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
        sigterm_under_load_answers_every_request_that_was_read,
        requests_that_arrived_before_sigterm_are_answered_even_if_unread,
        big_answer_under_way_is_finished_before_the_end,
        new_clients_are_refused_during_the_drain,
        second_sigterm_ends_at_once,
        second_sigterm_ends_with_a_call_that_would_finish_later,
        second_sigterm_ends_while_a_reload_waits_for_its_files,
        drain_that_takes_too_long_names_what_is_left,
        zombie_does_not_hold_up_the_end,
        admin_plane_drains_too,
        commands_reach_the_running_service,
        address_in_use_is_told_and_nothing_is_served,
        socket_file_that_somebody_listens_on_is_left_alone,
        file_that_is_no_socket_is_left_alone,
        stale_socket_file_is_replaced_and_goes_at_the_end,
        admin_plane_answers_within_50_ms_while_the_loop_is_blocked_and_names_the_call,
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
    return suite_run("lifecycle", tests, sizeof tests / sizeof *tests);
}

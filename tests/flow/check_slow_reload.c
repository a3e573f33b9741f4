/* Slow reload: what comes while the files are still being read. */
#include "../support/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct server start(const char *config) {
    const struct server_options options = {.config = config};
    return server_start(&options);
}

/** POST /reload with a new file. Returns: the answer, to be freed. */
static struct response reload(const struct server *server, const char *config) {
    server_configure(server, config);
    return admin_request(server, "POST", "/reload");
}

static void expect_reloaded(const struct server *server, const char *config) {
    struct response response = reload(server, config);
    ck_assert_msg(response.status == 200 && strcmp(response.body, "reloaded\n") == 0, "%s%s", response.head,
                  response.body);
    response_free(&response);
}

static void expect_status(const struct server *server, const char *path, int status) {
    struct response response = server_get(server, path);
    ck_assert_msg(response.status == status, "%s: %s%s", path, response.head, response.body);
    response_free(&response);
}

static int ask_for_reload(const struct server *server) {
    int fd = client_connect(server->admin_port);
    client_put(fd, "POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    return fd;
}

/** A file of the configuration whose reader waits until the test writes it. */
struct slow_file {
    char path[128];
    int fd;
};

static void slow_file_make(struct slow_file *file, const struct server *server) {
    (void)snprintf(file->path, sizeof file->path, "%s/conf.d/slow.conf", server->folder); /* fits */
    ck_assert_int_eq(mkfifo(file->path, 0600), 0);
}

/** Returns once a reload reads it; the next one won't find it. */
static void slow_file_await_reader(struct slow_file *file) {
    for (uint64_t begun_ms = clock_ms(); (file->fd = open(file->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0;) {
        ck_assert_int_eq(errno, ENXIO);
        patience(begun_ms, "the configuration to be read");
    }
    ck_assert_int_eq(unlink(file->path), 0);
}

static void slow_file_write(const struct slow_file *file, const char *text) {
    ck_assert_int_eq(write(file->fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(close(file->fd), 0);
}

START_TEST(second_reload_is_refused_while_the_first_reads_its_files) {
    struct slow_file file;
    struct server server = start("");
    slow_file_make(&file, &server);
    int first = ask_for_reload(&server);
    slow_file_await_reader(&file);
    struct response second = admin_request(&server, "POST", "/reload");
    ck_assert_int_eq(second.status, 503);
    ck_assert_msg(strstr(second.body, "a reload is under way") != NULL, "%s", second.body);
    response_free(&second);
    expect_status(&server, "/noop", 200); /* the loop doesn't wait for files */
    ck_assert(!client_wait(first, 0));
    slow_file_write(&file, "[pool demo]\nqueue = 13\n");
    response_expect(first, 200);
    ck_assert_int_eq(close(first), 0);
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 13);
    server_await_log_count(&server, "event=reloaded ", 1);
    server_stop(&server);
}
END_TEST

START_TEST(signal_during_a_reload_does_not_answer_for_it) {
    struct slow_file file;
    struct server server = start("");
    slow_file_make(&file, &server);
    int asked = ask_for_reload(&server);
    slow_file_await_reader(&file);
    server_signal(&server, SIGHUP);
    server_await_log(&server, "event=reload_put_off");
    ck_assert(!client_wait(asked, 0));
    slow_file_write(&file, "[pool demo]\nqueue = 14\nqueu = 14\n");
    struct response verdict = response_read(asked);
    ck_assert_int_eq(verdict.status, 422); /* on the file that it has read, not on the next one's */
    ck_assert_ptr_nonnull(strstr(verdict.body, "queu"));
    response_free(&verdict);
    ck_assert_int_eq(close(asked), 0);
    server_await_log_count(&server, "event=reloaded ", 1);
    server_stop(&server);
}
END_TEST

/* It used to be dropped: the service went on with the files of before, and nobody knew. */
START_TEST(signals_during_a_reload_bring_one_more_with_the_files_of_then) {
    struct slow_file file;
    struct server server = start("[pool demo]\nqueue = 9\n");
    slow_file_make(&file, &server);
    server_signal(&server, SIGHUP);
    slow_file_await_reader(&file); /* so it has read the first file */
    server_configure(&server, "[pool demo]\nqueue = 21\n");
    for (size_t i = 1; i <= 3; i++) {
        server_signal(&server, SIGHUP);
        server_await_log_count(&server, "event=reload_put_off", i);
    }
    slow_file_write(&file, "[pool demo]\nspare = 3\n");
    server_await_stat(&server, "pools.demo.queue_limit", 21);
    server_await_log_count(&server, "event=reloaded ", 2);
    expect_reloaded(&server, "[pool demo]\nqueue = 22\n");
    server_await_log_count(&server, "event=reloaded ", 3);
    server_stop(&server);
}
END_TEST

START_TEST(reload_that_was_put_off_is_given_up_by_the_drain) {
    struct slow_file file;
    struct server server = start("");
    slow_file_make(&file, &server);
    int held = server_ask(&server, "/hold");
    server_await_inside(&server, 1);
    server_signal(&server, SIGHUP);
    slow_file_await_reader(&file);
    server_signal(&server, SIGHUP);
    server_await_log(&server, "event=reload_put_off");
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    slow_file_write(&file, "");
    server_await_log(&server, "event=reload_failed reason=\"the drain has begun\"");
    ck_assert(!server_has_logged(&server, "event=reloaded"));
    server_open_gate(&server);
    response_expect(held, 200);
    client_expect_end(held);
    server_ended(&server, 0);
}
END_TEST

/* The signal's reload fails while the loop is blocked and somebody asks for another: that one is told of its own. */
START_TEST(verdict_on_a_signal_is_not_given_to_who_asked_after_it) {
    struct slow_file file;
    struct server server = start(SERVER_JAM_CONFIG);
    slow_file_make(&file, &server);
    server_signal(&server, SIGHUP);
    slow_file_await_reader(&file);
    int jam = server_jam(&server);
    struct pollfd asked[2] = {{.fd = ask_for_reload(&server), .events = POLLIN},
                              {.fd = ask_for_reload(&server), .events = POLLIN}};
    ck_assert_int_eq(poll(asked, 2, PROGRAM_PATIENCE_MS), 1); /* only one may wait: so the other one does now */
    int refused = asked[0].revents != 0 ? 0 : 1;
    response_expect(asked[refused].fd, 503);
    slow_file_write(&file, "[pool demo]\nqueue = none-at-all\n");
    server_await_log(&server, "none-at-all");
    server_open_gate(&server);
    struct response verdict = response_read(asked[1 - refused].fd);
    /* 503: it was looked at before the end of the signal's reload. */
    ck_assert_msg(verdict.status == 200 || verdict.status == 503, "%s%s", verdict.head, verdict.body);
    response_free(&verdict);
    server_await_log(&server, "event=reload_refused errors=1");
    response_expect(jam, 200);
    const int fds[] = {jam, asked[0].fd, asked[1].fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        ck_assert_int_eq(close(fds[i]), 0);
    server_stop(&server);
}
END_TEST

START_TEST(reload_during_the_drain_is_refused) {
    struct server server = start("");
    int held = server_ask(&server, "/hold");
    server_await_stat(&server, "pools.demo.busy_count", 1);
    server_signal(&server, SIGTERM);
    server_await_log(&server, "event=draining");
    struct response response = reload(&server, "[pool demo]\nqueue = 15\n");
    ck_assert_int_eq(response.status, 503);
    ck_assert_msg(strstr(response.body, "drain") != NULL, "%s", response.body);
    response_free(&response);
    server_signal(&server, SIGHUP);
    server_await_log_count(&server, "event=reload_failed", 2);
    ck_assert_double_eq(server_stat(&server, "pools.demo.queue_limit"), 256);
    ck_assert(!server_has_logged(&server, "event=reloaded"));
    server_open_gate(&server);
    response_expect(held, 200);
    client_expect_end(held);
    server_ended(&server, 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        second_reload_is_refused_while_the_first_reads_its_files,      signal_during_a_reload_does_not_answer_for_it,
        signals_during_a_reload_bring_one_more_with_the_files_of_then, reload_that_was_put_off_is_given_up_by_the_drain,
        verdict_on_a_signal_is_not_given_to_who_asked_after_it,        reload_during_the_drain_is_refused,
    };
    return suite_run("slow_reload", tests, sizeof tests / sizeof *tests);
}

/* Fairness: one client's appetite is not the others' hunger. */
#include "../support/server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK_REQUESTS 200
#define OTHERS         (30 / PROGRAM_SLOWNESS)

/** Sends requests without a pause and drops the answers, until it is killed. */
static _Noreturn void flood(int port) {
    static const char request[] = "GET /inline HTTP/1.1\r\nHost: t\r\n\r\n";
    static char block[BLOCK_REQUESTS * (sizeof request - 1)];
    static char answers[65536];
    size_t sent = 0;
    for (size_t i = 0; i < BLOCK_REQUESTS; i++)
        memcpy(block + i * (sizeof request - 1), request, sizeof request - 1);
    int fd = client_connect(port);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        _exit(1);
    for (;;) {
        struct pollfd watched = {.fd = fd, .events = POLLIN | POLLOUT};
        if (poll(&watched, 1, -1) < 0)
            _exit(1);
        ssize_t size = write(fd, block + sent, sizeof block - sent);
        if (size > 0)
            sent = (sent + (size_t)size) % sizeof block;
        (void)!read(fd, answers, sizeof answers); /* whatever there is */
    }
}

/** A connection that always had more to read used to keep the loop inside one pass of its events, and all others outside. */
START_TEST(client_that_never_stops_sending_does_not_hold_up_the_others) {
    struct server server = server_start_demo(NULL);
    pid_t flooders[2];
    for (size_t i = 0; i < 2; i++) {
        flooders[i] = fork();
        ck_assert_int_ge(flooders[i], 0);
        if (flooders[i] == 0)
            flood(server.port);
    }
    server_await_least(&server, "front.requests", 20000.0 / PROGRAM_SLOWNESS);
    double turns = server_stat(&server, "loop.turns");
    for (int i = 0; i < OTHERS; i++) {
        struct response response = server_get(&server, "/noop");
        ck_assert_int_eq(response.status, 200);
        response_free(&response);
    }
    /* Each of these needed turns of its own: to be accepted, to be read, to be finished. */
    ck_assert(server_stat(&server, "loop.turns") - turns >= OTHERS);
    ck_assert(server_stat(&server, "loop.lag_max_ms") < 2000 * PROGRAM_SLOWNESS);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(kill(flooders[i], SIGKILL), 0);
        ck_assert_int_eq(waitpid(flooders[i], NULL, 0), flooders[i]);
    }
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {client_that_never_stops_sending_does_not_hold_up_the_others};
    return suite_run("fairness", tests, sizeof tests / sizeof *tests);
}

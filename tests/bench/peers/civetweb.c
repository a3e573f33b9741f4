/*
 * CivetWeb: a thread for each connection, which calls the function itself. A semaphore keeps as many functions running at a
 * time as the others have workers.
 *
 * Usage: civetweb PORT WORKERS FOLDER
 */
#include "work.h"

#include <civetweb.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#define CONNECTIONS \
    "80" /* as many threads as clients will come: a connection without one waits until another is closed */

static sem_t workers;

static int on_request(struct mg_connection *connection, void *unused) {
    (void)unused;
    const struct mg_request_info *request = mg_get_request_info(connection);
    struct work work;
    if (!work_parse(&work, request->local_uri, request->query_string))
        return mg_send_http_error(connection, 404, "%s", "no such path") < 0 ? 500 : 404;
    bool blocks = work.kind != WORK_INLINE;
    if (blocks)
        (void)sem_wait(&workers); /* no signals come */
    work_run(&work);
    if (blocks)
        (void)sem_post(&workers);
    char answer[sizeof work.answer + 256]; /* head and body in one segment */
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: keep-alive\r\n\r\n",
                        work.type, work.size);
    for (size_t i = 0; i < work.size; i++)
        answer[(size_t)size + i] = work.answer[i];
    (void)mg_write(connection, answer, (size_t)size + work.size); /* a client that has left gets nothing */
    return 200;
}

int main(int argc, char **argv) {
    struct work_options options = work_init(argc, argv);
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)options.port);
    const char *settings[] = {"listening_ports",
                              address,
                              "num_threads",
                              CONNECTIONS,
                              "enable_keep_alive",
                              "yes",
                              "tcp_nodelay",
                              "1",
                              "keep_alive_timeout_ms",
                              "60000",
                              "request_timeout_ms",
                              "60000",
                              "listen_backlog",
                              "1024",
                              NULL};
    struct mg_callbacks callbacks = {0};
    (void)mg_init_library(0);
    struct mg_context *server =
        sem_init(&workers, 0, options.worker_count) == 0 ? mg_start(&callbacks, NULL, settings) : NULL;
    if (server == NULL)
        return 1;
    mg_set_request_handler(server, "/", on_request, NULL);
    for (;;)
        (void)pause();
}

/*
 * libevent's own HTTP server and a crew of threads: what one writes in an afternoon. A worker puts its task on a list and
 * writes a byte into a pipe; the loop answers one request for each byte.
 *
 * Usage: evhttp PORT WORKERS FOLDER
 */
#include "crew.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    struct tasks finished;
    int ends[2]; /* the pipe */
} way_back = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void answer(struct evhttp_request *request, const struct work *work) {
    struct evbuffer *body = evhttp_request_get_output_buffer(request);
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", work->type);
    (void)evbuffer_add(body, work->answer, work->size);
    evhttp_send_reply(request, 200, "OK", NULL);
}

static void on_finished(struct task *task) { /* on a worker */
    (void)pthread_mutex_lock(&way_back.lock);
    tasks_push(&way_back.finished, task);
    (void)pthread_mutex_unlock(&way_back.lock);
    if (write(way_back.ends[1], "", 1) != 1)
        perror("write");
}

static void on_pipe(evutil_socket_t fd, short events, void *unused) {
    (void)events;
    (void)unused;
    char bytes[64];
    for (ssize_t count = read(fd, bytes, sizeof bytes); count > 0; count--) {
        (void)pthread_mutex_lock(&way_back.lock);
        struct task *task = tasks_take(&way_back.finished);
        (void)pthread_mutex_unlock(&way_back.lock);
        answer(task->request, &task->work);
        free(task);
    }
}

static void on_request(struct evhttp_request *request, void *unused) {
    (void)unused;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    struct task *task = malloc(sizeof *task);
    if (task == NULL || !work_parse(&task->work, evhttp_uri_get_path(uri), evhttp_uri_get_query(uri))) {
        evhttp_send_error(request, task == NULL ? 503 : 404, NULL);
        free(task);
        return;
    }
    if (task->work.kind == WORK_INLINE) {
        work_run(&task->work);
        answer(request, &task->work);
        free(task);
        return;
    }
    task->request = request;
    crew_submit(task);
}

int main(int argc, char **argv) {
    struct work_options options = work_init(argc, argv);
    struct event_base *base = event_base_new();
    struct evhttp *http = base != NULL ? evhttp_new(base) : NULL;
    tasks_init(&way_back.finished);
    if (http == NULL || pipe(way_back.ends) != 0 || evhttp_bind_socket(http, "127.0.0.1", options.port) != 0)
        return 1;
    struct event *woken = event_new(base, way_back.ends[0], EV_READ | EV_PERSIST, on_pipe, NULL);
    if (woken == NULL || event_add(woken, NULL) != 0)
        return 1;
    evhttp_set_gencb(http, on_request, NULL);
    crew_start(options.worker_count, on_finished);
    return event_base_dispatch(base);
}

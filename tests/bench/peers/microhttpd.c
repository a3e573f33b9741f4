/*
 * GNU libmicrohttpd: one epoll thread; a request whose function blocks is suspended, runs on a crew of threads, and is resumed.
 *
 * Usage: microhttpd PORT WORKERS FOLDER
 */
#include "crew.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <unistd.h>

static enum MHD_Result answer(struct MHD_Connection *connection, struct work *work) {
    struct MHD_Response *response = MHD_create_response_from_buffer(work->size, work->answer, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", work->type);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static void on_finished(struct task *task) { /* on a worker */
    MHD_resume_connection(task->request);
}

/* Called when the head is there, when the request is whole, and after each resume. */
static enum MHD_Result on_request(void *unused, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *body, size_t *body_size, void **ret_task) {
    (void)unused;
    (void)method;
    (void)version;
    (void)body;
    (void)body_size;
    struct task *task = *ret_task;
    if (task == NULL) {
        *ret_task = task = calloc(1, sizeof *task);
        return task != NULL ? MHD_YES : MHD_NO;
    }
    if (task->request != NULL)
        return answer(connection, &task->work);
    if (!work_parse(&task->work, path, NULL))
        return MHD_NO;
    if (task->work.kind == WORK_INLINE) {
        work_run(&task->work);
        return answer(connection, &task->work);
    }
    const char *number =
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, task->work.kind == WORK_SQLITE ? "id" : "ms");
    task->work.number = number != NULL ? strtol(number, NULL, 10) : 0;
    task->request = connection;
    MHD_suspend_connection(connection);
    crew_submit(task);
    return MHD_YES;
}

static void on_completed(void *unused, struct MHD_Connection *connection, void **task,
                         enum MHD_RequestTerminationCode code) {
    (void)unused;
    (void)connection;
    (void)code;
    free(*task);
    *task = NULL;
}

int main(int argc, char **argv) {
    struct work_options options = work_init(argc, argv);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    crew_start(options.worker_count, on_finished);
    if (MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, options.port, NULL, NULL, on_request,
                         NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                         MHD_OPTION_END) == NULL)
        return 1;
    for (;;)
        (void)pause();
}

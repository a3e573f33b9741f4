/* Serve: `tothread serve`, from the configuration to the last answer. */
#include "commands.h"

#include "http/listen.h"
#include "log.h"
#include "service.h"
#include "source.h"
#include "systemd.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ADDRESS_MAX 128

/** Of several the one that is configured first, for they come in the opposite order. */
static void keep_address(void *context, const char *address) {
    (void)snprintf(context, ADDRESS_MAX, "%s", address); /* fits */
}

/** What a newcomer can try, on stdout: stderr is the log's. */
static void greet(const struct service *service) {
    char address[ADDRESS_MAX] = "";
    tt_assume_loop();
    listen_each(service->front, keep_address, address); /* not as configured: a port 0 is another one by now */
    (void)printf("tothread %s, the demo, on %s. Try:\n"
                 "  curl 'http://%s/to-thread?ms=500'      a blocking call on a worker\n"
                 "  curl 'http://%s/gather'                400 ms and 500 ms at once\n"
                 "  curl 'http://%s/packages?q=sqlite'     SQLite over this machine's packages\n",
                 TOTHREAD_VERSION, address, address, address, address);
    if (service->admin != NULL)
        (void)printf("  curl 'http://127.0.0.1:%d/metrics'        the admin plane\n", admin_port(service->admin));
    (void)fflush(stdout); /* a greeting that nobody reads is no failure */
}

/** Ends the process without running exit handlers: a library may hang in its own, and a thread may still be inside. */
static _Noreturn void end(int status) {
    log_stop();
    (void)fflush(NULL); /* stdout and stderr; nothing can be done about a failure */
    _exit(status);
}

static int run(struct service *service, bool is_demo) {
    struct tt_error error = {0};
    uint64_t arenas = service->config->server.malloc_arenas;
    if (arenas != 0)                             /* a wish: 0 means that glibc took no notice */
        (void)mallopt(M_ARENA_MAX, (int)arenas); // NOLINT(concurrency-mt-unsafe): no other thread runs yet
    log_start();
    if (service_start(service, &error) != TT_OK) {
        log_event(TT_LOG_ERROR, "start_failed", "reason=\"%s\"", error.text);
        log_stop();
        if (!service_free(service))
            end(OPTIONS_EXIT_FAILED);
        return OPTIONS_EXIT_FAILED;
    }
    if (is_demo)
        greet(service);
    tt_assume_loop();
    service_run(service);
    int status = service->exit_status;
    if (!service_free(service))
        end(status);
    log_stop();
    return status;
}

int command_serve(const struct options *options) {
    struct tt_error error = {0};
    struct source source;
    static struct service service; /* zeroed */
    if (systemd_init(&error) != TT_OK || source_init(&source, options, &error) != TT_OK) {
        (void)fprintf(stderr, "tothread: %s\n", error.text);
        return OPTIONS_EXIT_FAILED;
    }
    int status = OPTIONS_EXIT_CONFIG;
    if (service_prepare(&service, &source.config))
        status = run(&service, options->is_demo);
    else
        (void)service_free(&service); /* nothing ran: all of it goes */
    source_deinit(&source);
    systemd_deinit();
    return status;
}

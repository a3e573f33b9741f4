/* Call: `tothread call NAME [JSON]`, one call in this process, without a server. Pieces go to stdout and come from stdin. */
#include "commands.h"

#include "http/args.h"
#include "http/problem.h"
#include "service.h"
#include "source.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_mistakes(const struct args *args) {
    for (size_t i = 0; i < args->mistake_count; i++)
        (void)fprintf(stderr, "%s%s%s\n", args->mistakes[i].pointer, args->mistakes[i].pointer[0] != '\0' ? ": " : "",
                      args->mistakes[i].detail);
}

/* -- its passage -- */

static enum tt_status begin_output(struct call_run *run) {
    (void)run; /* there is no head */
    return TT_OK;
}

static enum tt_status write_output(struct call_run *run, const void *data, size_t size) {
    (void)run;
    return fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0 ? TT_OK : TT_CLOSED;
}

static enum tt_status read_input(struct call_run *run, void *buffer, size_t capacity, size_t *ret_size) {
    (void)run;
    ssize_t got;
    do
        got = read(STDIN_FILENO, buffer, capacity);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return TT_CLOSED;
    *ret_size = (size_t)got;
    return TT_OK;
}

static const struct call_passage terminal = {.begin = begin_output, .write = write_output, .read = read_input};

/* -- one run -- */

static void print_answer(const struct call_run *run) {
    const struct answer *answer = &run->answer;
    if (run->is_sending)
        return;                                          /* it is out already */
    (void)fwrite(answer->data, 1, answer->size, stdout); /* fflush tells */
    if (answer->size > 0 && answer->data[answer->size - 1] != '\n' && isatty(STDOUT_FILENO))
        (void)putchar('\n');
}

/** Runs it on this thread, with a worker state of its own. */
static int execute(struct call *call, struct call_run *run) {
    struct call_pool alone = {.name = "call", .modules = &call->module, .module_count = 1};
    void *state = NULL;
    struct tt_error error = {0};
    bool has_worker = call->pool != NULL;
    if (has_worker && registry_worker_start(&alone, &state, &error) != TT_OK) {
        (void)fprintf(stderr, "tothread: %s\n", error.text);
        return OPTIONS_EXIT_FAILED;
    }
    size_t slot = call->module_slot;
    call->module_slot = 0; /* of the pool of one module above */
    enum tt_outcome outcome = call_run_execute(run, state);
    call->module_slot = slot;
    if (outcome == TT_DONE) {
        print_answer(run);
    } else if (outcome == TT_CANCELLED) {
        (void)fprintf(stderr, "tothread: call %s ended early: its input or output broke off\n", call->name);
    } else {
        (void)fprintf(stderr, "tothread: call %s failed (%d): %s\n", call->name, run->answer.status,
                      run->answer.detail != NULL ? run->answer.detail : "no reason was given");
    }
    if (has_worker)
        registry_worker_stop(&alone, state);
    return outcome == TT_DONE && fflush(stdout) == 0 ? OPTIONS_EXIT_DONE : OPTIONS_EXIT_FAILED;
}

static int call_once(const struct service *service, const struct options *options) {
    struct call *call = registry_find(service->registry, options->call_name, strlen(options->call_name));
    struct arena arena;
    struct args args;
    struct call_run run = {0};
    if (call == NULL) {
        (void)fprintf(stderr, "tothread: there is no call \"%s\"\n", options->call_name);
        return OPTIONS_EXIT_FAILED;
    }
    arena_init(&arena, NULL, 0);
    const char *text = options->call_arguments;
    const struct args_input input = {.body = text, .body_size = text != NULL ? strlen(text) : 0};
    const struct args_input nothing = {0};
    bool takes_body = call->function->takes_body || call->function->streams_body;
    int status = OPTIONS_EXIT_USAGE;
    if (args_decode(call->params, call->param_count, takes_body ? &nothing : &input, &arena, &args) != TT_OK) {
        print_mistakes(&args);
    } else {
        call_run_init(&run, call, NULL, (size_t)service->config->server.max_answer_bytes);
        run.run.args = args.values;
        run.run.arg_count = args.count;
        run.run.body = takes_body ? text : NULL;
        run.run.body_size = takes_body && text != NULL ? strlen(text) : 0;
        run.passage = &terminal;
        run.reads_passage = call->function->streams_body && text == NULL;
        run.run.body_total = run.reads_passage ? TT_SIZE_UNKNOWN : run.run.body_size;
        run.run.id = "command-line";
        run.run.traceparent = "00-00000000000000000000000000000001-0000000000000001-00";
        run.run.client = "local";
        status = execute(call, &run);
        call_run_deinit(&run);
    }
    arena_reset(&arena);
    return status;
}

int command_call(const struct options *options) {
    static struct service service; /* zeroed */
    struct tt_error error = {0};
    struct source source;
    if (source_init(&source, options, &error) != TT_OK) {
        (void)fprintf(stderr, "tothread: %s\n", error.text);
        return OPTIONS_EXIT_FAILED;
    }
    int status = OPTIONS_EXIT_CONFIG;
    if (service_prepare(&service, &source.config))
        status = call_once(&service, options);
    (void)service_free(&service); /* the call has returned: all of it goes */
    source_deinit(&source);
    return status;
}

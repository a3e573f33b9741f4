/**
 * Good: a module that keeps its contract, but for what the function's name says. It writes down what is called.
 */
#include <stdlib.h>
#include <string.h>
#include <tothread/module.h>

#define LIFE_BYTES 200

/** One letter for each entry: o(pen) p(repare) s(tart) r(un) e(nd of worker) f(inish) c(lose). For tests, by dlsym. */
TT_EXPORT extern char good_life[LIFE_BYTES];
char good_life[LIFE_BYTES];

static void live(char letter) {
    size_t size = strlen(good_life);
    if (size + 1 < LIFE_BYTES)
        good_life[size] = letter;
}

struct state {
    const char *greeting;
    const char *folder;
};

static enum tt_status good_open(const struct tt_host *host, struct tt_setup *setup, void **ret_module) {
    live('o');
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return TT_NOMEM;
    state->greeting = host->setting(setup, "greeting");
    state->folder = host->setting_path(setup, "folder");
    *ret_module = state;
    return host->setting(setup, "no-such-key") == NULL ? TT_OK : TT_INVALID;
}

static void good_close(void *module) {
    live('c');
    free(module);
}

static enum tt_status good_worker_start(void *module, void **ret_worker, struct tt_error *reterr) {
    (void)module;
    (void)reterr;
    live('s');
    *ret_worker = calloc(1, 1);
    return *ret_worker != NULL ? TT_OK : TT_NOMEM;
}

static void good_worker_stop(void *module, void *worker) {
    (void)module;
    live('e');
    free(worker);
}

static enum tt_status greet_prepare(const struct tt_host *host, struct tt_setup *setup, void *module, void **ret_call) {
    (void)module;
    live('p');
    const char *extra = host->setting(setup, "extra");
    *ret_call = calloc(1, 1);
    if (*ret_call == NULL)
        return TT_NOMEM;
    if (extra == NULL)
        return TT_OK;
    char name[32] = "";
    memcpy(name, extra, strnlen(extra, sizeof name - 1));
    struct tt_param param = {.name = name, .type = TT_TYPE_REAL, .default_text = "0.5"};
    enum tt_status status = host->add_param(setup, &param);
    memset(name, 'x', sizeof name - 1); /* the host has its own copy */
    if (status != TT_OK)
        free(*ret_call);
    return status;
}

static void greet_finish(void *module, void *call) {
    (void)module;
    live('f');
    free(call);
}

static enum tt_outcome greet(struct tt_run *run) {
    live('r');
    const struct state *state = run->module;
    (void)run->host->write(run, "[", 1);
    (void)run->host->write_json(run, state->greeting, strlen(state->greeting));
    (void)run->host->write(run, ",", 1);
    (void)run->host->write_json(run, run->args[0].as.text.data, run->args[0].as.text.size);
    (void)run->host->write(run, run->worker != NULL ? ",1" : ",0", 2);
    return run->host->write(run, run->call != NULL ? ",1]" : ",0]", 3) == TT_OK ? TT_DONE : TT_FAILED;
}

static enum tt_outcome folder(struct tt_run *run) {
    const struct state *state = run->module;
    run->host->set_type(run, "text/plain");
    return run->host->write(run, state->folder, strlen(state->folder)) == TT_OK ? TT_DONE : TT_FAILED;
}

/** Ignores what write says, as careless modules do. */
static enum tt_outcome fill(struct tt_run *run) {
    for (int64_t i = 0; i < run->args[0].as.integer; i++)
        (void)run->host->write(run, "0123456789", 10);
    return TT_DONE;
}

static enum tt_outcome end(struct tt_run *run) {
    (void)run->host->write(run, "half an answer", 14);
    return (enum tt_outcome)run->args[0].as.integer;
}

static enum tt_outcome fail(struct tt_run *run) {
    (void)run->host->write(run, "half an answer", 14);
    return run->host->fail(run, (int)run->args[0].as.integer, "no %s here", "luck");
}

static enum tt_outcome fail_but_done(struct tt_run *run) {
    (void)run->host->fail(run, 409, "taken");
    (void)run->host->write(run, "never mind", 10);
    return TT_DONE;
}

static enum tt_outcome later(struct tt_run *run) {
    if (run->host->is_abandoned(run) || run->host->remaining_us(run) != UINT64_MAX)
        return run->host->fail(run, 500, "a deadline without a job");
    return run->host->finish_later(run, 1500);
}

static const struct tt_param greet_params[] = {{.name = "name", .type = TT_TYPE_TEXT, .is_required = true}};
static const struct tt_param count_params[] = {{.name = "count", .type = TT_TYPE_INTEGER, .default_text = "1"}};
static const struct tt_setting greet_settings[] = {{.key = "extra"}, {.key = "needed", .default_text = "x"}};

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function),
     .name = "greet",
     .help = "Greets.",
     .params = greet_params,
     .param_count = 1,
     .settings = greet_settings,
     .setting_count = 2,
     .prepare = greet_prepare,
     .finish = greet_finish,
     .run = greet},
    {.size = sizeof(struct tt_function), .name = "folder", .run = folder},
    {.size = sizeof(struct tt_function), .name = "fill", .params = count_params, .param_count = 1, .run = fill},
    {.size = sizeof(struct tt_function), .name = "end", .params = count_params, .param_count = 1, .run = end},
    {.size = sizeof(struct tt_function), .name = "fail", .params = count_params, .param_count = 1, .run = fail},
    {.size = sizeof(struct tt_function), .name = "fail_but_done", .run = fail_but_done},
    {.size = sizeof(struct tt_function), .name = "later", .never_blocks = true, .run = later},
};

static const struct tt_setting settings[] = {
    {.key = "greeting", .default_text = "hello"},
    {.key = "folder", .default_text = "data"},
};

TT_EXPORT extern const struct tt_module tt_module;
const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .name = "good",
    .version = "1",
    .settings = settings,
    .setting_count = 2,
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
    .open = good_open,
    .close = good_close,
    .worker_start = good_worker_start,
    .worker_stop = good_worker_stop,
};

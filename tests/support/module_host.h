/**
 * Module host: loads one module's .so as the service does, and runs its functions over plain memory.
 *
 * It checks arguments against the function's parameters as the service would, so a test can't hand run what it never gets.
 *
 * Normal use:
 * 1. module_host_load(&host, "files");
 * 2. module_host_open(&host, (const char *[]){"root", path, NULL});
 * 3. module_host_prepare(&host, "read", NULL, &call);
 * 4. worker = module_host_worker_start(&host);
 * 5. module_host_run(&host, &call, worker, values, count, &answer); look at it; module_answer_free(&answer);
 * 6. module_host_worker_stop, module_host_finish, module_host_close.
 */
#ifndef TESTS_SUPPORT_MODULE_HOST_H
#define TESTS_SUPPORT_MODULE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/module.h>

#define MODULE_HOST_PARAMS_MAX 16

struct module_host {
    void *handle;
    const struct tt_module *module;
    void *state;
    bool is_open;
    char mistakes[2048]; /* all so far, each as "key: text\n"; "-: text\n" for the section */
};

struct module_call {
    const struct tt_function *function;
    void *state;
    struct tt_param params[MODULE_HOST_PARAMS_MAX];
    size_t param_count;
};

/** What a run said. Zero it, set the first fields if wanted, run. */
struct module_answer {
    /* the test's */
    size_t limit;                      /* bytes of a body; 0: 64 MiB */
    uint64_t abandon_after;            /* is_abandoned, and write after begin, say so from this question on; 0: never */
    void (*on_reserve)(void *context); /* called inside reserve, before it returns; may be NULL */
    void *context;
    const void *request; /* the request's body */
    size_t request_size;
    const char *request_type;
    bool is_head;
    const char *request_fields[TT_REQUEST_FIELD_COUNT];

    /* the run's */
    enum tt_outcome outcome;
    int status; /* 200 unless fail said another */
    char *body; /* malloc'ed, NUL-terminated */
    size_t size;
    const char *type;
    char detail[512];
    bool has_begun;
    uint64_t announced;                      /* begin's size */
    char fields[TT_ANSWER_FIELD_COUNT][128]; /* "" where none was set */
    bool finishes_later;
    uint64_t later_us;
    uint64_t abandon_asked; /* how often is_abandoned was called */
};

/** Loads TEST_MODULE_DIR/NAME.so and looks at its descriptor; aborts the test when that fails. */
void module_host_load(struct module_host *host, const char *name);

/** Runs open. settings: key, value, ..., NULL; NULL for none. Returns: what open returned; TT_INVALID after any mistake. */
enum tt_status module_host_open(struct module_host *host, const char *const *settings);

/** Runs prepare. Returns: as module_host_open. */
enum tt_status module_host_prepare(struct module_host *host, const char *function, const char *const *settings,
                                   struct module_call *ret_call);

/** Runs worker_start; aborts the test when it fails. NULL for a module without worker state. */
void *module_host_worker_start(struct module_host *host);
void module_host_worker_stop(struct module_host *host, void *worker);

/** Runs the call. values: one a parameter; TT_TYPE_NONE takes the parameter's default. Thread: any. */
void module_host_run(struct module_host *host, const struct module_call *call, void *worker,
                     const struct tt_value *values, size_t value_count, struct module_answer *answer);
void module_answer_free(struct module_answer *answer);

void module_host_finish(struct module_host *host, struct module_call *call);

/** Runs close and unloads. */
void module_host_close(struct module_host *host);

struct tt_value value_of_text(const char *text);
struct tt_value value_of_integer(int64_t integer);

/** Removes a scratch folder with all that is in it; follows no link. */
void scratch_remove(const char *folder);

/** How many descriptors this process has open. */
size_t open_fd_count(void);

#endif

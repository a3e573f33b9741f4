/**
 * Module host: a small host for tests of modules.
 */
#include "module_host.h"
#include <check.h>
#include <dirent.h>
#include <dlfcn.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tt_setup {
    struct module_host *host;
    struct module_call *call; /* NULL while a module opens */
    const char *const *given;
    const struct tt_setting *known;
    size_t known_count;
    size_t mistake_count;
};

/* One run: the public part first. */
struct run {
    struct tt_run public;
    struct module_answer *answer;
    bool has_failed;
};

static void host_log(enum tt_log_level level, const char *text) {
    (void)fprintf(stderr, "log %d: %s\n", (int)level, text);
}

static const char *host_setting(struct tt_setup *setup, const char *key) {
    for (const char *const *at = setup->given; at != NULL && at[0] != NULL; at += 2)
        if (strcmp(at[0], key) == 0)
            return at[1];
    for (size_t i = 0; i < setup->known_count; i++)
        if (strcmp(setup->known[i].key, key) == 0)
            return setup->known[i].default_text;
    ck_abort_msg("the module asks for the key %s, which is not in its table", key);
    return NULL;
}

static enum tt_status host_add_param(struct tt_setup *setup, const struct tt_param *param) {
    ck_assert_msg(setup->call != NULL, "add_param while the module opens");
    ck_assert_uint_lt(setup->call->param_count, MODULE_HOST_PARAMS_MAX);
    struct tt_param *copy = &setup->call->params[setup->call->param_count++];
    *copy = *param;
    copy->name = strdup(param->name); /* as the contract says; freed in module_host_finish */
    ck_assert_ptr_nonnull(copy->name);
    return TT_OK;
}

static enum tt_status host_mistake(struct tt_setup *setup, const char *key, const char *format, ...) TT_PRINTF(3, 4);
static enum tt_status host_mistake(struct tt_setup *setup, const char *key, const char *format, ...) {
    char *all = setup->host->mistakes;
    size_t room = sizeof setup->host->mistakes, used = strlen(all);
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)snprintf(all + used, room - used, "%s: %s\n", key == NULL ? "-" : key, text);
    setup->mistake_count++;
    return TT_INVALID;
}

static struct module_answer *answer_of(const struct tt_run *run) {
    return ((const struct run *)run)->answer;
}

static void *host_reserve(struct tt_run *run, size_t size) {
    struct module_answer *answer = answer_of(run);
    size_t limit = answer->limit == 0 ? (size_t)64 * 1024 * 1024 : answer->limit;
    if (size > limit || answer->size > limit - size)
        return NULL;
    char *body = realloc(answer->body, answer->size + size + 1);
    ck_assert_ptr_nonnull(body);
    memset(body + answer->size, '#', size); /* what is not filled shows */
    answer->body = body;
    answer->size += size;
    body[answer->size] = '\0';
    if (answer->on_reserve != NULL)
        answer->on_reserve(answer->context);
    return body + answer->size - size;
}

static bool is_abandoned(struct module_answer *answer) {
    answer->abandon_asked++;
    return answer->abandon_after != 0 && answer->abandon_asked >= answer->abandon_after;
}

static enum tt_status host_write(struct tt_run *run, const void *data, size_t size) {
    if (answer_of(run)->has_begun && (answer_of(run)->is_head || is_abandoned(answer_of(run))))
        return TT_CLOSED;
    void *space = host_reserve(run, size);
    if (space == NULL)
        return TT_FULL;
    memcpy(space, data, size);
    return TT_OK;
}

static enum tt_status host_write_json(struct tt_run *run, const char *text, size_t size) {
    enum tt_status status = host_write(run, "\"", 1);
    for (size_t i = 0; i < size && status == TT_OK; i++) {
        unsigned char byte = (unsigned char)text[i];
        char escape[8];
        int length = snprintf(escape, sizeof escape, byte < 0x20 ? "\\u%04x" : "\\%c", byte);
        bool is_escaped = byte < 0x20 || byte == '"' || byte == '\\';
        status = is_escaped ? host_write(run, escape, (size_t)length) : host_write(run, text + i, 1);
    }
    return status == TT_OK ? host_write(run, "\"", 1) : status;
}

static void host_set_type(struct tt_run *run, const char *media_type) {
    answer_of(run)->type = media_type;
}

static enum tt_outcome host_fail(struct tt_run *run, int status, const char *format, ...) TT_PRINTF(3, 4);
static enum tt_outcome host_fail(struct tt_run *run, int status, const char *format, ...) {
    struct module_answer *answer = answer_of(run);
    ck_assert_msg(status >= 400 && status <= 599, "fail with status %d", status);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(answer->detail, sizeof answer->detail, format, args);
    va_end(args);
    answer->status = status;
    answer->size = 0;
    ((struct run *)run)->has_failed = true;
    return TT_FAILED;
}

static enum tt_outcome host_finish_later(struct tt_run *run, uint64_t delay_us) {
    answer_of(run)->finishes_later = true;
    answer_of(run)->later_us = delay_us;
    return TT_DONE;
}

static bool host_is_abandoned(const struct tt_run *run) {
    return is_abandoned(answer_of(run));
}

static uint64_t host_remaining_us(const struct tt_run *run) {
    (void)run;
    return UINT64_MAX;
}

static enum tt_status host_set_status(struct tt_run *run, int status) {
    answer_of(run)->status = status;
    return TT_OK;
}

static enum tt_status host_set_field(struct tt_run *run, enum tt_answer_field field, const char *value) {
    char *place = answer_of(run)->fields[field];
    ck_assert_uint_lt(strlen(value), sizeof answer_of(run)->fields[field]);
    memcpy(place, value, strlen(value) + 1);
    return TT_OK;
}

static const char *host_field(const struct tt_run *run, enum tt_request_field field) {
    return answer_of(run)->request_fields[field];
}

static enum tt_status host_begin(struct tt_run *run, uint64_t size) {
    ck_assert_msg(!answer_of(run)->has_begun && answer_of(run)->size == 0, "begin comes too late");
    answer_of(run)->has_begun = true;
    answer_of(run)->announced = size;
    return TT_OK;
}

static const struct tt_host functions = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_host),
    .log = host_log,
    .setting = host_setting,
    .setting_path = host_setting,
    .add_param = host_add_param,
    .mistake = host_mistake,
    .write = host_write,
    .write_json = host_write_json,
    .reserve = host_reserve,
    .set_type = host_set_type,
    .fail = host_fail,
    .finish_later = host_finish_later,
    .is_abandoned = host_is_abandoned,
    .remaining_us = host_remaining_us,
    .set_status = host_set_status,
    .set_field = host_set_field,
    .field = host_field,
    .begin = host_begin,
};

/* As the service does, before the module is asked. */
static void check_settings(const struct tt_setup *setup) {
    for (const char *const *at = setup->given; at != NULL && at[0] != NULL; at += 2) {
        bool is_known = false;
        for (size_t i = 0; i < setup->known_count; i++)
            is_known = is_known || strcmp(setup->known[i].key, at[0]) == 0;
        ck_assert_msg(is_known, "the test gives the key %s, which the module doesn't know", at[0]);
    }
}

static struct tt_value value_checked(const struct tt_param *param, struct tt_value value) {
    if (value.type == TT_TYPE_NONE && param->default_text != NULL)
        value = param->type == TT_TYPE_INTEGER ? value_of_integer(strtoll(param->default_text, NULL, 10))
                                               : value_of_text(param->default_text);
    ck_assert_msg(!param->is_required || value.type != TT_TYPE_NONE, "%s is required", param->name);
    ck_assert_msg(value.type == TT_TYPE_NONE || param->type == TT_TYPE_ANY || param->type == value.type,
                  "%s is of another type", param->name);
    int64_t measure = value.type == TT_TYPE_INTEGER ? value.as.integer
                      : value.type == TT_TYPE_TEXT  ? (int64_t)value.as.text.size
                                                    : param->minimum;
    if (param->minimum != 0 || param->maximum != 0)
        ck_assert_msg(measure >= param->minimum && measure <= param->maximum,
                      "%s is out of range: the service answers 422", param->name);
    return value;
}

void module_host_load(struct module_host *host, const char *name) {
    char path[1024];
    *host = (struct module_host){0};
    (void)snprintf(path, sizeof path, "%s/%s.so", TEST_MODULE_DIR, name);
    host->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(host->handle != NULL, "%s", dlerror());
    host->module = dlsym(host->handle, "tt_module");
    ck_assert_ptr_nonnull(host->module);
    ck_assert_uint_eq(host->module->abi, TT_MODULE_ABI);
    ck_assert_uint_eq(host->module->size, sizeof(struct tt_module));
    ck_assert_str_eq(host->module->name, name);
    for (size_t i = 0; i < host->module->function_count; i++)
        ck_assert_uint_eq(host->module->functions[i].size, sizeof(struct tt_function));
}

enum tt_status module_host_open(struct module_host *host, const char *const *settings) {
    struct tt_setup setup = {
        .host = host, .given = settings, .known = host->module->settings, .known_count = host->module->setting_count};
    check_settings(&setup);
    enum tt_status status = host->module->open == NULL ? TT_OK : host->module->open(&functions, &setup, &host->state);
    host->is_open = status == TT_OK;
    ck_assert_msg((status == TT_OK) == (setup.mistake_count == 0), "open: status %d, mistakes: %s", (int)status,
                  host->mistakes);
    return status;
}

enum tt_status module_host_prepare(struct module_host *host, const char *function, const char *const *settings,
                                   struct module_call *ret_call) {
    *ret_call = (struct module_call){0};
    for (size_t i = 0; i < host->module->function_count; i++)
        if (strcmp(host->module->functions[i].name, function) == 0)
            ret_call->function = &host->module->functions[i];
    ck_assert_msg(ret_call->function != NULL, "no function %s", function);
    struct tt_setup setup = {.host = host,
                             .call = ret_call,
                             .given = settings,
                             .known = ret_call->function->settings,
                             .known_count = ret_call->function->setting_count};
    check_settings(&setup);
    for (size_t i = 0; i < ret_call->function->param_count; i++)
        ck_assert_int_eq(host_add_param(&setup, &ret_call->function->params[i]), TT_OK);
    if (ret_call->function->prepare == NULL)
        return TT_OK;
    enum tt_status status = ret_call->function->prepare(&functions, &setup, host->state, &ret_call->state);
    ck_assert_msg((status == TT_OK) == (setup.mistake_count == 0), "prepare: status %d, mistakes: %s", (int)status,
                  host->mistakes);
    if (status != TT_OK)
        for (size_t i = 0; i < ret_call->param_count; i++)
            free((void *)(uintptr_t)ret_call->params[i].name);
    return status;
}

void *module_host_worker_start(struct module_host *host) {
    void *worker = NULL;
    struct tt_error error = {0};
    if (host->module->worker_start != NULL) {
        enum tt_status status = host->module->worker_start(host->state, &worker, &error);
        ck_assert_msg(status == TT_OK, "worker_start: %s", error.text);
    }
    return worker;
}

void module_host_worker_stop(struct module_host *host, void *worker) {
    if (host->module->worker_stop != NULL)
        host->module->worker_stop(host->state, worker);
}

void module_host_run(struct module_host *host, const struct module_call *call, void *worker,
                     const struct tt_value *values, size_t value_count, struct module_answer *answer) {
    struct tt_value args[MODULE_HOST_PARAMS_MAX] = {{.type = TT_TYPE_NONE}};
    ck_assert_uint_le(value_count, call->param_count);
    for (size_t i = 0; i < call->param_count; i++)
        args[i] =
            value_checked(&call->params[i], i < value_count ? values[i] : (struct tt_value){.type = TT_TYPE_NONE});
    answer->status = 200;
    answer->type = "application/json";
    struct run run = {.public = {.host = &functions,
                                 .module = host->state,
                                 .worker = worker,
                                 .call = call->state,
                                 .args = args,
                                 .arg_count = call->param_count,
                                 .body = answer->request,
                                 .body_size = answer->request_size,
                                 .body_type = answer->request_type,
                                 .id = "test",
                                 .is_head = answer->is_head},
                      .answer = answer};
    answer->outcome = call->function->run(&run.public);
    ck_assert_int_eq(answer->outcome, run.has_failed ? TT_FAILED : TT_DONE);
}

void module_answer_free(struct module_answer *answer) {
    free(answer->body);
    *answer = (struct module_answer){0};
}

void module_host_finish(struct module_host *host, struct module_call *call) {
    if (call->function->finish != NULL)
        call->function->finish(host->state, call->state);
    for (size_t i = 0; i < call->param_count; i++)
        free((void *)(uintptr_t)call->params[i].name);
}

void module_host_close(struct module_host *host) {
    if (host->is_open && host->module->close != NULL)
        host->module->close(host->state);
    ck_assert_int_eq(dlclose(host->handle), 0);
}

struct tt_value value_of_text(const char *text) {
    return (struct tt_value){.type = TT_TYPE_TEXT, .as.text = {.data = text, .size = strlen(text)}};
}

struct tt_value value_of_integer(int64_t integer) {
    return (struct tt_value){.type = TT_TYPE_INTEGER, .as.integer = integer};
}

static int remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *place) {
    (void)stat, (void)kind, (void)place;
    return remove(path);
}

void scratch_remove(const char *folder) {
    ck_assert_int_eq(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

size_t open_fd_count(void) {
    DIR *folder = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(folder);
    size_t count = 0;
    while (readdir(folder) != NULL)
        count++;
    ck_assert_int_eq(closedir(folder), 0);
    return count;
}

/**
 * Host: the functions that a module may call, in one constant.
 */
#include "../json.h"
#include "../log.h"
#include "module.h"
#include "pieces.h"
#include "registry.h"
#include "setup.h"
#include <stdarg.h>
#include <string.h>

_Static_assert(offsetof(struct call_run, run) == 0, "run_of casts");

static struct call_run *run_of(struct tt_run *run) {
    return (struct call_run *)run;
}

static const struct call_run *run_of_const(const struct tt_run *run) {
    return (const struct call_run *)run;
}

static void host_log(enum tt_log_level level, const char *text) {
    char quoted[1600];
    size_t size = json_quote(quoted, sizeof quoted - 1, text, strlen(text));
    if (size > sizeof quoted - 1) /* an escape takes six bytes at most: so many fit in any case */
        size = json_quote(quoted, sizeof quoted - 1, text, (sizeof quoted - 3) / 6);
    quoted[size] = '\0';
    if (level < TT_LOG_ERROR || level > TT_LOG_INFO)
        level = TT_LOG_NOTICE;
    log_event(level, "module_said", "text=%s", quoted);
}

static enum tt_status host_write(struct tt_run *run, const void *data, size_t size) {
    struct call_run *call_run = run_of(run);
    return call_run->answer.has_begun ? pieces_write(call_run, data, size)
                                      : answer_write(&call_run->answer, data, size);
}

static enum tt_status host_write_json(struct tt_run *run, const char *text, size_t size) {
    struct call_run *call_run = run_of(run);
    return call_run->answer.has_begun ? pieces_write_json(call_run, text, size)
                                      : answer_write_json(&call_run->answer, text, size);
}

static void *host_reserve(struct tt_run *run, size_t size) {
    return answer_reserve(&run_of(run)->answer, size);
}

static void host_set_type(struct tt_run *run, const char *media_type) {
    struct answer *answer = &run_of(run)->answer;
    if (!answer->has_begun)
        answer->type = media_type;
}

static enum tt_outcome host_fail(struct tt_run *run, int status, const char *format, ...) TT_PRINTF(3, 4);
static enum tt_outcome host_fail(struct tt_run *run, int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    enum tt_outcome outcome = answer_fail(&run_of(run)->answer, status, format, args);
    va_end(args);
    return outcome;
}

static enum tt_outcome host_finish_later(struct tt_run *run, uint64_t delay_us) {
    struct call_run *call_run = run_of(run);
    if (call_run->call->pool != NULL)
        return host_fail(run, 500, "the function can answer later only in pool = none, and %s is in pool = %s",
                         call_run->call->name, call_run->call->pool->name);
    call_run->finishes_later = true;
    call_run->later_us = delay_us;
    return TT_DONE;
}

static bool host_is_abandoned(const struct tt_run *run) {
    const struct call_run *call_run = run_of_const(run);
    return call_run->is_cut || (call_run->job != NULL && tt_job_is_cancelled(call_run->job) != 0);
}

static uint64_t host_remaining_us(const struct tt_run *run) {
    const struct tt_job *job = run_of_const(run)->job;
    return job != NULL ? tt_job_remaining_us(job) : UINT64_MAX;
}

static enum tt_status host_set_status(struct tt_run *run, int status) {
    return answer_set_status(&run_of(run)->answer, status);
}

static enum tt_status host_set_field(struct tt_run *run, enum tt_answer_field field, const char *value) {
    return answer_set_field(&run_of(run)->answer, field, value);
}

static const char *host_field(const struct tt_run *run, enum tt_request_field field) {
    const char *const *fields = run_of_const(run)->fields;
    return fields != NULL && (unsigned)field < TT_REQUEST_FIELD_COUNT ? fields[field] : NULL;
}

static enum tt_status host_begin(struct tt_run *run, uint64_t size) {
    return pieces_begin(run_of(run), size);
}

static enum tt_status host_read(struct tt_run *run, void *buffer, size_t capacity, size_t *ret_size) {
    return pieces_read(run_of(run), buffer, capacity, ret_size);
}

const struct tt_host module_host = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_host),
    .log = host_log,
    .setting = setup_setting,
    .setting_path = setup_setting_path,
    .add_param = setup_add_param,
    .mistake = setup_mistake,
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
    .read = host_read,
};

/** Worker fails: its workers never start. */
#include <errno.h>
#include <stdio.h>
#include <tothread/module.h>

static enum tt_outcome run_nothing(struct tt_run *run) {
    (void)run;
    return TT_DONE;
}

static enum tt_status fails_start(void *module, void **ret_worker, struct tt_error *reterr) {
    (void)module;
    (void)ret_worker;
    reterr->sys_errno = ECONNREFUSED;
    (void)snprintf(reterr->text, sizeof reterr->text, "no connection to anywhere");
    return TT_SYSTEM;
}

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function), .name = "only", .run = run_nothing},
};

TT_EXPORT extern const struct tt_module tt_module;
const struct tt_module tt_module = {.abi = TT_MODULE_ABI,
                                    .size = sizeof(struct tt_module),
                                    .worker_start = fails_start,
                                    .name = "bad",
                                    .functions = functions,
                                    .function_count = 1};

/** Core key: its setting is a key of the service. */
#include <tothread/module.h>

static enum tt_outcome run_nothing(struct tt_run *run) {
    (void)run;
    return TT_DONE;
}

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function), .name = "only", .run = run_nothing},
};
static const struct tt_setting settings[] = {{.key = "pool"}};

TT_EXPORT extern const struct tt_module tt_module;
const struct tt_module tt_module = {.abi = TT_MODULE_ABI,
                                    .size = sizeof(struct tt_module),
                                    .settings = settings,
                                    .setting_count = 1,
                                    .name = "bad",
                                    .functions = functions,
                                    .function_count = 1};

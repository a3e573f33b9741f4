/** Small function: its struct tt_function is older than its struct tt_module. */
#include <tothread/module.h>

static enum tt_outcome run_nothing(struct tt_run *run) {
    (void)run;
    return TT_DONE;
}

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function) - 8, .name = "only", .run = run_nothing},
};

TT_EXPORT extern const struct tt_module tt_module;
const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI, .size = sizeof(struct tt_module), .name = "bad", .functions = functions, .function_count = 1};

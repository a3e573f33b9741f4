/** Bad default: a default that its own type refuses, and one out of its own range. */
#include <tothread/module.h>

static enum tt_outcome run_nothing(struct tt_run *run) {
    (void)run;
    return TT_DONE;
}

static const struct tt_param word_params[] = {{.name = "count", .type = TT_TYPE_INTEGER, .default_text = "ten"}};
static const struct tt_param range_params[] = {
    {.name = "count", .type = TT_TYPE_INTEGER, .minimum = 1, .maximum = 9, .default_text = "10"},
};
static const struct tt_param same_params[] = {
    {.name = "count", .type = TT_TYPE_INTEGER},
    {.name = "count", .type = TT_TYPE_TEXT},
};
static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function), .name = "word", .params = word_params, .param_count = 1, .run = run_nothing},
    {.size = sizeof(struct tt_function), .name = "range", .params = range_params, .param_count = 1, .run = run_nothing},
    {.size = sizeof(struct tt_function), .name = "same", .params = same_params, .param_count = 2, .run = run_nothing},
};

TT_EXPORT extern const struct tt_module tt_module;
const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI, .size = sizeof(struct tt_module), .name = "bad", .functions = functions, .function_count = 3};

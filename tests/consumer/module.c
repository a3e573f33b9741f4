/* A stranger's module: nothing of the library is linked into it. */
#include <tothread/module.h>

static enum tt_outcome hello(struct tt_run *run) {
    return run->host->write_json(run, "hello", 5) == TT_OK ? TT_DONE : run->host->fail(run, 500, "no memory");
}

static const struct tt_function functions[] = {{.size = sizeof functions[0], .name = "hello", .run = hello}};

TT_EXPORT const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof tt_module,
    .name = "hello",
    .version = "1",
    .functions = functions,
    .function_count = 1,
};

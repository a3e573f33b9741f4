/** Mistakes: reports what is wrong with its settings, and says so in what it returns, or not. */
#include <tothread/module.h>

static enum tt_outcome run_nothing(struct tt_run *run) {
    (void)run;
    return TT_DONE;
}

static enum tt_status mistakes_open(const struct tt_host *host, struct tt_setup *setup, void **ret_module) {
    *ret_module = NULL;
    const char *how = host->setting(setup, "how");
    if (how[0] == 's') /* silently */
        return TT_SYSTEM;
    (void)host->mistake(setup, "how", "\"%s\" is not how", how);
    if (how[0] == 'o') /* returns ok */
        return TT_OK;
    return host->mistake(setup, NULL, "and besides");
}

/* Nothing was opened: this must not be called unless open said TT_OK. For tests, by dlsym. */
TT_EXPORT extern int mistakes_closed;
int mistakes_closed;
static void mistakes_close(void *module) {
    (void)module;
    mistakes_closed++;
}

static const struct tt_setting settings[] = {{.key = "how", .is_required = true, .help = "How it fails."}};
static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function), .name = "only", .run = run_nothing},
};

TT_EXPORT extern const struct tt_module tt_module;
const struct tt_module tt_module = {.abi = TT_MODULE_ABI,
                                    .size = sizeof(struct tt_module),
                                    .settings = settings,
                                    .setting_count = 1,
                                    .open = mistakes_open,
                                    .close = mistakes_close,
                                    .name = "bad",
                                    .functions = functions,
                                    .function_count = 1};

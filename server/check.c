/* Check: `tothread check` and `tothread config`, which read everything and serve nothing. */
#include "commands.h"

#include "service.h"
#include "source.h"
#include <stdio.h>

static int with_source(const struct options *options, int (*work)(const struct source *source)) {
    struct tt_error error = {0};
    struct source source;
    if (source_init(&source, options, &error) != TT_OK) {
        (void)fprintf(stderr, "tothread: %s\n", error.text);
        return OPTIONS_EXIT_FAILED;
    }
    source.config.is_dry = true;
    int status = work(&source);
    source_deinit(&source);
    return status;
}

static int check(const struct source *source) {
    static struct service service; /* zeroed */
    bool is_right = service_prepare(&service, &source->config);
    if (is_right)
        (void)printf("the configuration is right: %zu calls, %zu gathers, %zu pools, %zu modules\n",
                     service.registry->call_count, service.registry->gather_count, service.registry->pool_count,
                     service.registry->module_count);
    (void)service_free(&service); /* nothing ran: all of it goes */
    return is_right ? OPTIONS_EXIT_DONE : OPTIONS_EXIT_CONFIG;
}

int command_check(const struct options *options) {
    return with_source(options, check);
}

static int print(const struct source *source) {
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct config *config = config_load(&source->config, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    diagnostics_deinit(&diagnostics);
    if (config == NULL)
        return OPTIONS_EXIT_CONFIG;
    config_print(config, stdout);
    config_destroy(config);
    return fflush(stdout) == 0 ? OPTIONS_EXIT_DONE : OPTIONS_EXIT_FAILED;
}

int command_config(const struct options *options) {
    return with_source(options, print);
}

/* Main: from the command line to a command, and to the exit status. */
#include "admin/client.h"
#include "commands.h"
#include "options.h"

#include <signal.h>
#include <stdio.h>

static int run(const struct options *options) {
    switch (options->command) {
    case OPTIONS_SERVE:
        return command_serve(options);
    case OPTIONS_CHECK:
        return command_check(options);
    case OPTIONS_CONFIG:
        return command_config(options);
    case OPTIONS_CALL:
        return command_call(options);
    case OPTIONS_STATUS:
        return client_run("status", options->admin, options->is_json, stdout, stderr);
    case OPTIONS_CALLS:
        return client_run("calls", options->admin, options->is_json, stdout, stderr);
    case OPTIONS_DRAIN:
        return client_run("drain", options->admin, options->is_json, stdout, stderr);
    case OPTIONS_RELOAD:
        return client_run("reload", options->admin, options->is_json, stdout, stderr);
    case OPTIONS_VERSION:
        (void)printf("tothread %s\n", TOTHREAD_VERSION);
        return OPTIONS_EXIT_DONE;
    case OPTIONS_HELP:
        options_print_help(options->topic, stdout);
        return OPTIONS_EXIT_DONE;
    }
    return OPTIONS_EXIT_USAGE;
}

int main(int argc, char **argv) {
    struct options options;
    char error[OPTIONS_ERROR_MAX];
    /* A client that leaves is an error of one send, not the end of the process. */
    (void)signal(SIGPIPE, SIG_IGN); /* can't fail for this signal */
    if (options_parse(argc, argv, &options, error, sizeof error) != TT_OK) {
        (void)fprintf(stderr, "tothread: %s\n", error);
        return OPTIONS_EXIT_USAGE;
    }
    int status = run(&options);
    options_deinit(&options);
    return status;
}

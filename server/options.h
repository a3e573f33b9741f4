/**
 * Options: the command line.
 *
 * getopt_long keeps its state in globals and can't say "did you mean", so the words are read here by two tables,
 * the commands' and the options', with the usual rules: --name VALUE or --name=VALUE, -c VALUE or -cVALUE, options and
 * words in any order, -- ends the options.
 *
 * Normal use:
 * 1. options_parse(argc, argv, &options, error, sizeof error);
 * 2. not TT_OK: print "tothread: " and error, exit OPTIONS_EXIT_USAGE;
 * 3. options_deinit.
 */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <tothread/status.h>

#define OPTIONS_CONFIG_PATH   "/etc/tothread/tothread.conf"
#define OPTIONS_ADMIN_ADDRESS "127.0.0.1:9090"

/* Exit statuses of the program. */
#define OPTIONS_EXIT_DONE   0
#define OPTIONS_EXIT_FAILED 1
#define OPTIONS_EXIT_USAGE  64
#define OPTIONS_EXIT_CONFIG 78

enum options_command {
    OPTIONS_SERVE,
    OPTIONS_CHECK,
    OPTIONS_CONFIG,
    OPTIONS_CALL,
    OPTIONS_STATUS,
    OPTIONS_CALLS,
    OPTIONS_DRAIN,
    OPTIONS_RELOAD,
    OPTIONS_VERSION,
    OPTIONS_HELP
};

/** What the user wants. Texts are argv's own. */
struct options {
    enum options_command command;
    enum options_command topic; /* of help; OPTIONS_HELP: the program's */
    const char *config_path;    /* -c, or the default; for serve, check, config, call */
    bool config_is_optional;    /* with --demo and without -c: a missing file is no mistake */
    bool is_demo;
    const char **sets; /* --set, in order; for struct config_source */
    size_t set_count;
    const char *admin; /* --admin, or the default; for status, calls, drain, reload */
    bool is_json;
    const char *call_name;
    const char *call_arguments; /* a JSON object as text; NULL: none given */
};

#define OPTIONS_ERROR_MAX 320

/**
 * Reads the command line; argv[0] is the program.
 *
 * Thread:  any
 * Owns:    keeps argv's texts; *ret_options is to be given to options_deinit when TT_OK.
 * Returns: TT_OK; TT_INVALID or TT_NOMEM with error: one line that says what is wrong and what would be right.
 */
enum tt_status options_parse(int argc, char **argv, struct options *ret_options, char *error,
                             size_t error_size) TT_MUST_CHECK;

/** Frees what options_parse allocated. */
void options_deinit(struct options *options);

/** Prints the help for a command; OPTIONS_HELP: for the program. */
void options_print_help(enum options_command topic, FILE *out);

#endif

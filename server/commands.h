/**
 * Commands: serve, check, config and call of the command line, each to its exit status.
 *
 * Thread: main.
 */
#ifndef SERVER_COMMANDS_H
#define SERVER_COMMANDS_H

#include "options.h"

int command_serve(const struct options *options);
int command_check(const struct options *options);
int command_config(const struct options *options);
int command_call(const struct options *options);

#endif

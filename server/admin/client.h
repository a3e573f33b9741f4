/**
 * Client: the command line's side of the admin plane: tothread status, calls, drain, reload.
 *
 * It trusts nobody's answer: whatever listens on that port, nothing that a terminal would obey is printed.
 */
#ifndef SERVER_ADMIN_CLIENT_H
#define SERVER_ADMIN_CLIENT_H

#include <stdbool.h>
#include <stdio.h>

/**
 * Asks the service at address ("127.0.0.1:9090"; NULL: that one) and prints the answer.
 *
 * command is "status", "calls", "drain" or "reload". is_json prints the answer as it came; that of reload, which is
 * text, as {"status":200,"text":"..."}.
 *
 * Thread:  any
 * Blocks:  up to 17 s
 * Returns: 0; 1 when the service can't be reached or says no, with the reason on err.
 */
int client_run(const char *command, const char *address, bool is_json, FILE *out, FILE *err);

#endif

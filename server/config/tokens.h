/**
 * Tokens: a file of bearer tokens, each in a line of its own behind the name of whoever has it.
 *
 *     # NAME TOKEN
 *     billing  Xr9mWq1c7bTnR2vKx0aP4w
 *     billing  kT2uJ8sYd5eLqf3Zb6hNcg      (a name may stand several times: so a token is replaced without a gap)
 *
 * A token has 16 to 256 bytes: letters, digits, - . _ ~ + / and = at its end (RFC 6750). No message ever shows one, nor the
 * line that it stands in.
 *
 * Thread: any but the loop, which only looks tokens up.
 */
#ifndef SERVER_CONFIG_TOKENS_H
#define SERVER_CONFIG_TOKENS_H

#include "config.h"

#define TOKENS_MAX       256
#define TOKENS_BYTES_MIN 16
#define TOKENS_BYTES_MAX 256
/* The value that names a credential of the service's manager instead of a file. */
#define TOKENS_CREDENTIAL "credential:"

struct token {
    const char *name;
    uint64_t words[TOKENS_BYTES_MAX / 8]; /* its bytes, and zeros behind them */
};

struct tokens {
    struct token *list;
    size_t count;
};

/** Whether it has the form of a token, whatever its size. Thread: any; pure. */
bool tokens_is_form(const char *text, size_t size);

/**
 * Reads the bytes of a file; every mistake goes to diagnostics with its line and column.
 *
 * Owns:    the tokens are lent by arena; borrows data.
 * Returns: NULL after a mistake, or without memory (then nothing was added to diagnostics).
 */
struct tokens *tokens_parse(const char *file, const char *data, size_t size, struct arena *arena,
                            struct diagnostics *diagnostics);

/**
 * Loads the file or credential that `tokens` of [server] names, into config. Mistakes go to diagnostics.
 *
 * Returns: false without memory.
 */
bool tokens_load(struct config *config, const struct config_source *source, struct diagnostics *diagnostics);

/** Overwrites them, at the end of their configuration. NULL is fine. */
void tokens_wipe(struct tokens *tokens);

/**
 * The name of a token, or NULL. It takes as long for one that is nearly right as for any other: all of them are compared, and
 * all of each.
 *
 * Thread: any. Owns: lends the name.
 */
const char *tokens_find(const struct tokens *tokens, const char *text, size_t size);

#endif

/**
 * Exchange: one request to an admin plane and its answer, over a connection of its own.
 *
 * Zeroed memory is an exchange that hasn't run.
 */
#ifndef SERVER_ADMIN_EXCHANGE_H
#define SERVER_ADMIN_EXCHANGE_H

#include "text.h"
#include <tothread/status.h>

struct exchange {
    struct text bytes; /* of the whole answer */
    int status;
    const char *body; /* inside bytes, NUL-terminated */
    size_t body_size;
};

/**
 * Sends the request and reads the whole answer.
 *
 * Thread:  any
 * Blocks:  2 s to connect, 15 s for the rest (a reload may take 10)
 * Returns: TT_OK; another with *reterr: an address that is none, a time-out, an answer that is no HTTP or is cut off.
 */
enum tt_status exchange_run(struct exchange *exchange, const char *method, const char *path, const char *where,
                            struct tt_error *reterr) TT_MUST_CHECK;

void exchange_deinit(struct exchange *exchange);

#endif

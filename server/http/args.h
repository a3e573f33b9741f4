/**
 * Args: path, query and JSON body to typed values, in the order of a call's parameters. Step 4.
 *
 * Each argument may come from one place only: given twice is a mistake (but a repeated query name is one too). Names
 * that no parameter has are mistakes. Nothing is converted silently: a query's "12x" is no integer, a JSON 1.5
 * neither, a text with %00 or bad UTF-8 is refused.
 */
#ifndef SERVER_HTTP_ARGS_H
#define SERVER_HTTP_ARGS_H

#include "../arena.h"
#include "route.h"
#include <stddef.h>
#include <tothread/module.h>

struct json;

struct args_input {
    const struct route_capture *captures; /* raw, percent-encoded */
    size_t capture_count;
    const char *query; /* raw, without "?" */
    size_t query_size;
    const char *body; /* JSON object, or size 0; ignored when object is set */
    size_t body_size;
    const struct json *object; /* an already parsed object (gather), or NULL */
};

#define ARGS_MISTAKES_MAX 16

struct args_mistake {
    const char *pointer; /* JSON pointer of the argument ("/id"), "" for the whole body */
    const char *detail;  /* one sentence */
};

struct args {
    struct tt_value *values; /* one a parameter */
    size_t count;
    struct args_mistake mistakes[ARGS_MISTAKES_MAX];
    size_t mistake_count;
    bool body_is_malformed; /* not JSON at all: 400 and not 422; mistakes[0] says where */
};

/**
 * Decodes. Everything in *ret_args belongs to arena.
 *
 * Thread:  any; pure
 * Owns:    borrows input, copies what is kept.
 * Returns: TT_OK; TT_INVALID with the mistakes; TT_NOMEM.
 */
enum tt_status args_decode(const struct tt_param *params, size_t param_count, const struct args_input *input,
                           struct arena *arena, struct args *ret_args) TT_MUST_CHECK;

/**
 * Percent-decodes size bytes into arena ("+" becomes a space where plus_is_space). Returns: NULL without memory or for a
 * malformed escape (*ret_size is 0 or 1 to tell: 0 memory, 1 malformed); else NUL-terminated, *ret_size bytes.
 */
char *args_percent_decode(struct arena *arena, const char *data, size_t size, bool plus_is_space, size_t *ret_size);

#endif

/*
 * Fuzz args: the input up to its first NUL as a query and a path's capture, the rest as a JSON body.
 *
 * Whatever the input, there are values or mistakes, and a text that reaches a call is UTF-8 without NUL.
 */
#include "server/http/args.h"
#include "server/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tt_param params[] = {
    {.name = "id", .type = TT_TYPE_INTEGER},
    {.name = "x", .type = TT_TYPE_REAL},
    {.name = "on", .type = TT_TYPE_BOOLEAN},
    {.name = "name", .type = TT_TYPE_TEXT},
    {.name = "any", .type = TT_TYPE_ANY},
    {.name = "limit", .type = TT_TYPE_INTEGER, .minimum = 1, .maximum = 100, .default_text = "10"},
};
#define PARAM_COUNT (sizeof params / sizeof params[0])

static void require(bool is_right, const char *what) {
    if (is_right)
        return;
    (void)fprintf(stderr, "fuzz_args: %s\n", what);
    abort();
}

/* In memory of its exact size: a sanitizer watches the end. */
static char *copy(const void *data, size_t size) {
    char *bytes = malloc(size > 0 ? size : 1);
    require(bytes != NULL, "no memory");
    if (size > 0)
        memcpy(bytes, data, size);
    return bytes;
}

static void check_values(const struct args *args) {
    require(args->count == PARAM_COUNT, "not all values");
    for (size_t i = 0; i < args->count; i++) {
        const struct tt_value *value = &args->values[i];
        bool is_absent = value->type == TT_TYPE_NONE;
        require(is_absent || params[i].type == TT_TYPE_ANY || value->type == params[i].type, "another type");
        if (value->type == TT_TYPE_TEXT)
            require(json_is_text(value->as.text.data, value->as.text.size) &&
                        value->as.text.data[value->as.text.size] == '\0',
                    "a text that is none");
    }
    require(args->values[5].as.integer >= 1 && args->values[5].as.integer <= 100, "out of range");
}

static void check_mistakes(const struct args *args) {
    require(args->mistake_count >= 1 && args->mistake_count <= ARGS_MISTAKES_MAX, "no mistake, or too many");
    for (size_t i = 0; i < args->mistake_count; i++) {
        const char *pointer = args->mistakes[i].pointer;
        const char *detail = args->mistakes[i].detail;
        require(pointer != NULL && (*pointer == '\0' || *pointer == '/'), "no JSON pointer");
        require(detail != NULL && *detail != '\0' && json_is_text(detail, strlen(detail)), "no sentence");
    }
}

static void check_decode(const struct args_input *input) {
    struct arena arena;
    struct args args;
    arena_init(&arena, NULL, 0);
    enum tt_status status = args_decode(params, PARAM_COUNT, input, &arena, &args);
    require(status == TT_OK || status == TT_INVALID, "neither values nor mistakes");
    if (status == TT_OK)
        check_values(&args);
    else
        check_mistakes(&args);
    arena_reset(&arena);
}

static void check_escapes(const char *data, size_t size) {
    struct arena arena;
    size_t decoded_size;
    arena_init(&arena, NULL, 0);
    const char *decoded = args_percent_decode(&arena, data, size, false, &decoded_size);
    if (decoded == NULL)
        require(decoded_size == 1, "an escape is malformed, or there is no memory");
    else
        require(decoded_size <= size && decoded[decoded_size] == '\0', "more than there was");
    arena_reset(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t query_size = end != NULL ? (size_t)(end - data) : size;
    size_t body_size = end != NULL ? size - query_size - 1 : 0;
    char *query = copy(data, query_size);
    char *body = copy(end != NULL ? end + 1 : data, body_size);
    const struct route_capture capture = {.name = "name", .data = query, .size = query_size};
    check_decode(&(struct args_input){.query = query, .query_size = query_size, .body = body, .body_size = body_size});
    check_decode(&(struct args_input){.captures = &capture, .capture_count = 1, .body = body, .body_size = body_size});
    check_escapes(query, query_size);
    free(query);
    free(body);
    return 0;
}

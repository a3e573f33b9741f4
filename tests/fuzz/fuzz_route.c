/*
 * Fuzz route: the input up to its first NUL as a route's pattern, the rest as a path that is looked for.
 *
 * Whatever the input, a pattern that is accepted can be added, what is found lies in the path, and what a brace that takes the
 * rest has taken never leads upwards.
 */
#include "server/http/pattern.h"
#include "server/http/route.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIXED_COUNT 5

static void require(bool is_right, const char *what) {
    if (is_right)
        return;
    (void)fprintf(stderr, "fuzz_route: %s\n", what);
    abort();
}

static struct route_table *make_table(const char *pattern, int targets[static FIXED_COUNT + 1]) {
    static const char *const fixed[FIXED_COUNT] = {"GET /", "GET|POST /items/{id}", "GET /items/new",
                                                   "GET /files/{path...}", "DELETE /a/{b}/c/{d}"};
    struct route_table *table = route_table_create();
    struct tt_error error;
    require(table != NULL, "no memory");
    for (size_t i = 0; i < FIXED_COUNT; i++)
        require(route_add(table, fixed[i], &targets[i], NULL, &error) == TT_OK, "a fixed route");
    enum tt_status checked = route_check(pattern, NULL, NULL, &error);
    enum tt_status added = route_add(table, pattern, &targets[FIXED_COUNT], NULL, &error);
    require(added == checked || (checked == TT_OK && added == TT_FULL), "checked and added differ");
    return table;
}

static void check_found(const struct route_match *match, const char *path, size_t size, const int *targets) {
    require(match->path_exists == (match->allow[0] != '\0'), "a path without methods");
    if (match->target == NULL)
        return;
    require(match->path_exists && match->capture_count <= ROUTE_CAPTURES_MAX, "found, and isn't there");
    for (size_t i = 0; i < match->capture_count; i++) {
        const struct route_capture *capture = &match->captures[i];
        require(capture->data >= path && capture->data + capture->size <= path + size, "a capture leaves the path");
        bool is_rest = strcmp(capture->name, "path") == 0 && match->target == &targets[3];
        require(!is_rest || !pattern_has_dots(capture->data, capture->size), "a way upwards");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int targets[FIXED_COUNT + 1];
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t pattern_size = end != NULL ? (size_t)(end - data) : 0;
    size_t path_size = end != NULL ? size - pattern_size - 1 : size;
    char *pattern = malloc(pattern_size + 1);
    char *path = malloc(path_size > 0 ? path_size : 1);
    require(pattern != NULL && path != NULL, "no memory");
    memcpy(pattern, data, pattern_size);
    pattern[pattern_size] = '\0';
    memcpy(path, data + (size - path_size), path_size);
    struct route_table *table = make_table(pattern, targets);
    for (int method = HTTP_GET; method <= HTTP_OTHER; method++) {
        struct route_match match;
        route_find(table, (enum http_method)method, path, path_size, &match);
        check_found(&match, path, path_size, targets);
    }
    route_table_destroy(table);
    free(pattern);
    free(path);
    return 0;
}

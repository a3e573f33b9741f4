/**
 * Pattern: a route's text, `METHOD[|METHOD...] /literal/{name}/{rest...}`, taken apart. Pure.
 *
 * Literals are compared with a request's path as it was sent, so they may hold only what a path may hold; whatever is
 * accepted here can be reached by some request.
 */
#ifndef SERVER_HTTP_PATTERN_H
#define SERVER_HTTP_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <tothread/status.h>

#define PATTERN_METHODS      8  /* the first of enum http_method: GET to TRACE */
#define PATTERN_SEGMENTS_MAX 32 /* bounds the depth of a walk */
#define PATTERN_NAME_MAX     64

enum pattern_kind { PATTERN_LITERAL, PATTERN_BRACE, PATTERN_REST };

struct pattern_segment {
    enum pattern_kind kind;
    const char *text; /* the literal, or the name without braces and dots; points into the pattern's text */
    size_t size;
};

struct pattern {
    unsigned methods; /* 1 << enum http_method */
    const char *path;
    size_t path_size;
    struct pattern_segment segments[PATTERN_SEGMENTS_MAX]; /* "/" has one, empty */
    size_t segment_count;
    size_t capture_count;
};

/**
 * Takes text apart.
 *
 * Thread:  any
 * Owns:    borrows text; *ret_pattern points into it.
 * Returns: TT_OK; TT_INVALID with *reterr.
 */
enum tt_status pattern_parse(const char *text, struct pattern *ret_pattern, struct tt_error *reterr) TT_MUST_CHECK;

/** The method's name, for 0 to PATTERN_METHODS - 1. Thread: any. */
const char *pattern_method_name(unsigned method);

/**
 * Whether any segment of a raw path (or of a piece of it) is "." or "..", where %2e is a dot and %2f a slash: whoever
 * decodes such a path and opens a file by it would leave the folder.
 *
 * Thread:  any
 */
bool pattern_has_dots(const char *path, size_t size);

#endif

/**
 * Route: method and path to what answers them. Step 3.
 *
 * A pattern is `METHOD[|METHOD...] /literal/{name}/{rest...}`: a segment in braces takes one segment, `{name...}` as the
 * last one takes all that is left, slashes included; both take one byte at least. Literals win over braces, braces over
 * rests, from the left, whatever the order of adding; a pattern without the request's method is passed over when another
 * one matches with it. HEAD is served by GET's.
 *
 * Paths are compared as they were sent: nothing is decoded, merged or cut, "/a" is not "/a/". A segment "." or ".." (also
 * encoded, also between encoded slashes) is in no literal and taken by no braces.
 *
 * Lookup costs the same for ten routes and for a thousand: one hash probe for literal paths, a walk
 * of the path's segments for others; it allocates nothing.
 *
 * Normal use:
 * 1. route_table_create, route_add for each route, at start-up;
 * 2. route_find for each request;
 * 3. route_table_destroy when no route_match is in use any more.
 *
 * Thread: built at start-up, then read by the loop only; a reload builds a new table.
 */
#ifndef SERVER_HTTP_ROUTE_H
#define SERVER_HTTP_ROUTE_H

#include "parse.h"
#include <stdbool.h>
#include <tothread/status.h>

#define ROUTE_CAPTURES_MAX 8

struct route_table;

/** What a path's braces took: raw bytes of the path, still percent-encoded. */
struct route_capture {
    const char *name; /* NUL-terminated, the table's */
    const char *data;
    size_t size;
};

struct route_match {
    void *target;      /* as given to route_add; NULL: none */
    bool path_exists;  /* true with target NULL: another method would do (405) */
    const char *allow; /* for 405 and OPTIONS: "GET, HEAD, POST"; the table's; "" unless path_exists */
    size_t capture_count;
    struct route_capture captures[ROUTE_CAPTURES_MAX]; /* the first capture_count are set, in the path's order */
};

/** Thread: start-up. Owns: yours until route_table_destroy. Returns: NULL without memory. */
struct route_table *route_table_create(void);

/** NULL is fine. Thread: any, when nobody reads the table. */
void route_table_destroy(struct route_table *table);

/**
 * Adds one route.
 *
 * Thread:  start-up
 * Owns:    copies pattern, keeps target (opaque, not NULL).
 * Returns: TT_OK; TT_INVALID with *reterr for a malformed pattern; TT_FULL with *reterr when method and pattern exist
 *          already (braces of different names are the same pattern), then *ret_taken (may be NULL) is the other's target;
 *          TT_NOMEM with *reterr. Nothing is added unless TT_OK.
 */
enum tt_status route_add(struct route_table *table, const char *pattern, void *target, void **ret_taken,
                         struct tt_error *reterr) TT_MUST_CHECK;

/**
 * Checks a pattern without a table, as `tothread check` does; calls each for every brace's name (may be NULL).
 *
 * Thread:  any
 * Returns: TT_OK or TT_INVALID with *reterr; each is called for TT_OK only.
 */
enum tt_status route_check(const char *pattern, void (*each)(void *context, const char *name, size_t size),
                           void *context, struct tt_error *reterr) TT_MUST_CHECK;

/**
 * Finds the target for a method and a raw path (no query). Never fails: see route_match. Size 0 is "/".
 *
 * Thread:  any, while nobody adds
 * Owns:    borrows path; the captures point into it.
 */
void route_find(const struct route_table *table, enum http_method method, const char *path, size_t size,
                struct route_match *ret_match);

#endif

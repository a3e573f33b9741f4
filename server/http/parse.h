/**
 * Parse: bytes of a request's head to a struct; strict HTTP/1.1, pure.
 *
 * The parser looks at each byte once (at the values of the few fields that matter twice, when their line is whole),
 * allocates nothing and copies nothing: it keeps offsets into the head, which the caller holds in one piece (it may
 * move between calls). Any split of the same bytes gives the same result. When in doubt
 * it refuses, and the connection closes after the answer: a request that two programs read differently is how smuggling
 * begins.
 *
 * Normal use:
 * 1. parse_init(&p, limits) for each request;
 * 2. parse_head(&p, head, size) with all bytes since the request's first, each time more have come;
 * 3. PARSE_DONE: p.head_size bytes are the head; the body, if any, follows, by content_length or chunked;
 * 4. chunk_decode (chunk.h) for a chunked body.
 */
#ifndef SERVER_HTTP_PARSE_H
#define SERVER_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum parse_result {
    PARSE_MORE,   /* all is well so far */
    PARSE_DONE,   /* the head is whole */
    PARSE_REFUSED /* see status; close after the answer */
};

/** Case matters: "get" is HTTP_OTHER. CONNECT is always refused. */
enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_PATCH,
    HTTP_OPTIONS,
    HTTP_TRACE,
    HTTP_CONNECT,
    HTTP_OTHER
};

/** A piece of the head: offset from its first byte, and size. */
struct span {
    uint32_t at;
    uint32_t size;
};

#define PARSE_FIELDS_MAX 100 /* fields beyond this: 431 */
#define PARSE_METHOD_MAX 32  /* bytes; beyond: 400 */
#define PARSE_EMPTY_MAX  8   /* bytes of empty lines before the request line; beyond: 400 */

struct parse {
    /* limits */
    uint32_t max_head_bytes; /* everything up to the empty line, with it; beyond: 431 */
    uint32_t max_line_bytes; /* request line with its CRLF; beyond: 414 */

    /* result, valid at PARSE_DONE (status, reason and what came before at PARSE_REFUSED) */
    uint16_t status;    /* 400 414 417 431 501 505; 0 unless refused */
    const char *reason; /* what was wrong, a constant; NULL unless refused */
    enum http_method method;
    struct span method_text;
    struct span path;  /* as sent, still percent-encoded; of absolute-form only the path */
    bool path_is_root; /* absolute-form without a path: treat as "/" (path.size is 0) */
    struct span query; /* without "?"; size 0 where none */
    bool is_asterisk;  /* OPTIONS *, or OPTIONS http://host: path.size is 0 */
    uint8_t minor;     /* HTTP/1.minor */
    bool keep_alive;
    bool expect_continue; /* the client waits for 100 before it sends its body; never without a body, never for 1.0 */
    bool is_chunked;
    bool has_length;
    uint64_t content_length; /* below 2^63 */
    struct span host;        /* authority of absolute-form, else Host; size 0 where empty or absent (HTTP/1.0) */

    /* values without white space around them, size 0 where empty or absent; of several fields the first */
    struct span content_type; /* a second one: 400 */
    struct span prefer;
    struct span request_id;
    struct span traceparent;
    struct span accept;
    struct span authorization; /* a second one: 400 */
    struct span if_none_match;
    struct span if_modified_since;
    struct span if_range;
    struct span range;
    uint32_t field_count;
    uint32_t head_size;

    /* the parser's own */
    uint32_t position;   /* the next byte to look at */
    uint32_t line_start; /* of the request line */
    uint32_t mark;       /* first byte of the piece that is being read */
    struct span name;    /* of the field that is being read */
    struct span value;
    uint32_t seen; /* bits of field.c */
    uint8_t state;
};

/** Begins a request. Limits of 0 refuse everything. Thread: any. */
void parse_init(struct parse *parse, uint32_t max_head_bytes, uint32_t max_line_bytes);

/**
 * Goes on with the head. head is its first byte, size all bytes there are (more than the head is fine).
 *
 * What is wrong is refused at the byte that shows it, a limit at the last byte that it allows. Once done or
 * refused, it says so again.
 *
 * Thread:  any; no state but *parse
 * Owns:    borrows head; on PARSE_DONE the spans count from head.
 * Returns: see the enum.
 */
enum parse_result parse_head(struct parse *parse, const char *head, size_t size);

#endif

/**
 * Splits: runs the parser and the chunk decoder over the same bytes whole and in pieces, and tells the first difference.
 *
 * Every call gets a malloc'ed copy of exactly the bytes it may look at, so that a sanitizer sees any look beyond them.
 */
#ifndef TESTS_SERVER_HTTP_SPLITS_H
#define TESTS_SERVER_HTTP_SPLITS_H

#include "server/http/chunk.h"
#include "server/http/parse.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline bool splits_spans_differ(struct span a, struct span b) {
    return a.at != b.at || a.size != b.size;
}

static inline char *splits_copy(const char *data, size_t size) {
    char *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

static inline enum parse_result splits_parse_some(struct parse *parse, const char *head, size_t size) {
    char *copy = splits_copy(head, size);
    enum parse_result result = parse_head(parse, copy, size);
    free(copy);
    return result;
}

/* NULL, or the first member that differs. Of a refusal only status and reason are promised. */
static inline const char *splits_parse_difference(const struct parse *a, const struct parse *b) {
    if (a->status != b->status || a->reason != b->reason)
        return "status, reason";
    if (a->status != 0)
        return NULL;
    if (a->method != b->method || splits_spans_differ(a->method_text, b->method_text))
        return "method";
    if (splits_spans_differ(a->path, b->path) || a->path_is_root != b->path_is_root || a->is_asterisk != b->is_asterisk)
        return "path";
    if (splits_spans_differ(a->query, b->query))
        return "query";
    if (a->minor != b->minor || a->keep_alive != b->keep_alive || a->expect_continue != b->expect_continue)
        return "minor, keep_alive, expect_continue";
    if (a->is_chunked != b->is_chunked || a->has_length != b->has_length || a->content_length != b->content_length)
        return "is_chunked, has_length, content_length";
    if (splits_spans_differ(a->host, b->host) || splits_spans_differ(a->content_type, b->content_type) ||
        splits_spans_differ(a->prefer, b->prefer) || splits_spans_differ(a->request_id, b->request_id) ||
        splits_spans_differ(a->traceparent, b->traceparent) || splits_spans_differ(a->accept, b->accept) ||
        splits_spans_differ(a->authorization, b->authorization) ||
        splits_spans_differ(a->if_none_match, b->if_none_match) ||
        splits_spans_differ(a->if_modified_since, b->if_modified_since) || splits_spans_differ(a->range, b->range) ||
        splits_spans_differ(a->if_range, b->if_range))
        return "a field's span";
    if (a->field_count != b->field_count || a->head_size != b->head_size)
        return "field_count, head_size";
    return NULL;
}

/*
 * Parses whole into *ret_parse, then with a pause after every step bytes, from the first pause on (step 0: one pause
 * only). Returns: NULL, or what differs.
 */
static inline const char *splits_parse(const char *head, size_t size, uint32_t max_head, uint32_t max_line,
                                       size_t first, size_t step, struct parse *ret_parse,
                                       enum parse_result *ret_result) {
    struct parse pieces;
    enum parse_result result = PARSE_MORE;
    parse_init(ret_parse, max_head, max_line);
    *ret_result = splits_parse_some(ret_parse, head, size);
    parse_init(&pieces, max_head, max_line);
    for (size_t end = first; end < size && result == PARSE_MORE; end += step > 0 ? step : size)
        result = splits_parse_some(&pieces, head, end);
    if (result == PARSE_MORE)
        result = splits_parse_some(&pieces, head, size);
    if (result != *ret_result)
        return "the result";
    if (splits_parse_some(&pieces, head, size) != result)
        return "the result when asked again";
    return splits_parse_difference(ret_parse, &pieces);
}

struct splits_body {
    enum chunk_result result;
    size_t used;
    size_t size;
    char *data; /* malloc'ed */
};

/* Decodes with at most step bytes a call. */
static inline struct splits_body splits_decode(const char *data, size_t size, size_t first, size_t step) {
    struct splits_body body = {.result = CHUNK_MORE, .data = splits_copy("", 0)};
    struct chunk chunk;
    size_t piece = first;
    chunk_init(&chunk);
    body.data = realloc(body.data, size + 1);
    if (body.data == NULL)
        abort();
    while (body.used < size || body.used == 0) {
        size_t part = size - body.used < piece ? size - body.used : piece;
        char *copy = splits_copy(data + body.used, part);
        size_t used = 0;
        size_t taken = 0;
        const char *bytes = NULL;
        do {
            size_t once = 0;
            size_t got = 0;
            body.result = chunk_decode(&chunk, copy + used, part - used, &once, &bytes, &got);
            used += once;
            if (body.result == CHUNK_DATA) {
                if (got == 0 || bytes + got != copy + used)
                    abort();
                memcpy(body.data + body.size, bytes, got);
                body.size += got;
                taken += got;
            }
        } while (body.result == CHUNK_DATA && used < part);
        if (body.result == CHUNK_DATA)
            body.result = CHUNK_MORE;
        if (used > part || taken > part || (body.result == CHUNK_MORE && used != part))
            abort();
        free(copy);
        body.used += used;
        if (body.result != CHUNK_MORE || body.used == size)
            break;
        piece = step;
    }
    return body;
}

/* Decodes whole and in pieces. Returns: NULL, or what differs. Owns: ret_whole->data is yours. */
static inline const char *splits_chunk(const char *data, size_t size, size_t first, size_t step,
                                       struct splits_body *ret_whole) {
    *ret_whole = splits_decode(data, size, size, size);
    struct splits_body pieces = splits_decode(data, size, first, step > 0 ? step : size);
    const char *difference = NULL;
    if (ret_whole->result != pieces.result)
        difference = "the result";
    else if (ret_whole->used != pieces.used)
        difference = "the bytes used";
    else if (ret_whole->size != pieces.size || memcmp(ret_whole->data, pieces.data, pieces.size) != 0)
        difference = "the body";
    free(pieces.data);
    return difference;
}

#endif

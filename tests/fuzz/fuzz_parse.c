/*
 * Fuzz parse: the input as a request's head with its body, whole and in pieces; then as a chunked body alone.
 *
 * Whatever the input, both ways agree, what is accepted has the promised form, and nothing is looked at beyond the
 * bytes that were given. Built with libFuzzer by the preset `fuzz`; check_corpus.c runs the corpus under any compiler.
 */
#include "tests/server/http/splits.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Small, so that the fuzzer meets them. */
#define MAX_HEAD 512
#define MAX_LINE 128

static void require(bool is_right, const char *what) {
    if (is_right)
        return;
    (void)fprintf(stderr, "fuzz_parse: %s\n", what);
    abort();
}

static void check_span(const struct parse *parse, const char *head, struct span span) {
    require(span.size <= parse->head_size && span.at <= parse->head_size - span.size, "a span leaves the head");
    for (uint32_t i = 0; i < span.size; i++)
        require(memchr("\r\n\0\x7f", head[span.at + i], 4) == NULL, "a span holds a control byte");
    if (span.size > 0)
        require(head[span.at] != ' ' && head[span.at + span.size - 1] != ' ', "a span has white space around it");
}

static void check_done(const struct parse *parse, const char *head) {
    const struct span spans[] = {parse->method_text,      parse->path,   parse->query,         parse->host,
                                 parse->content_type,     parse->prefer, parse->request_id,    parse->traceparent,
                                 parse->accept,           parse->range,  parse->authorization, parse->if_none_match,
                                 parse->if_modified_since};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        check_span(parse, head, spans[i]);
    require(parse->status == 0 && parse->reason == NULL, "done with a status");
    require(parse->head_size <= MAX_HEAD && parse->head_size >= sizeof "G / HTTP/1.0\r\n\r\n" - 1,
            "a head of an impossible size");
    require(memcmp(head + parse->head_size - 4, "\r\n\r\n", 4) == 0, "a head without its empty line");
    require(parse->method_text.size > 0 && parse->method_text.size <= PARSE_METHOD_MAX, "a method's size");
    require(parse->method != HTTP_CONNECT, "CONNECT was accepted");
    bool has_path = parse->path.size > 0 && head[parse->path.at] == '/';
    require(has_path + parse->path_is_root + parse->is_asterisk == 1, "a path of no form");
    require(!parse->is_asterisk || parse->method == HTTP_OPTIONS, "* without OPTIONS");
    require(!(parse->is_chunked && parse->has_length), "chunked and a length");
    require(!(parse->is_chunked && parse->minor == 0), "chunked in HTTP/1.0");
    require(parse->has_length || parse->content_length == 0, "a length from nowhere");
    require(parse->content_length <= INT64_MAX, "a length beyond 63 bits");
    require(parse->minor <= 1 && parse->field_count <= PARSE_FIELDS_MAX, "a version, a number of fields");
}

static void check_refused(const struct parse *parse) {
    static const uint16_t statuses[] = {400, 414, 417, 431, 501, 505};
    bool is_known = false;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        is_known = is_known || parse->status == statuses[i];
    require(is_known && parse->reason != NULL, "refused without a status or a reason");
}

static void check_chunks(const char *data, size_t size, size_t first, size_t step) {
    struct splits_body body;
    const char *difference = splits_chunk(data, size, first, step, &body);
    require(difference == NULL, difference);
    require(body.size <= size && body.used <= size, "a body out of nothing");
    require(body.result != CHUNK_DONE || memcmp(data + body.used - 2, "\r\n", 2) == 0, "a body without its end");
    free(body.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *head = (const char *)data;
    struct parse parse;
    enum parse_result result;
    size_t first = size > 0 ? (data[size / 2] * 31u + data[size - 1]) % (size + 1) : 0;
    const size_t ways[][2] = {{first, 0}, {1, 1}, {first, 7}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const char *difference = splits_parse(head, size, MAX_HEAD, MAX_LINE, ways[i][0], ways[i][1], &parse, &result);
        require(difference == NULL, difference);
        check_chunks(head, size, ways[i][0], ways[i][1]);
        if (result == PARSE_DONE && parse.is_chunked)
            check_chunks(head + parse.head_size, size - parse.head_size, ways[i][0], ways[i][1]);
    }
    if (result == PARSE_DONE)
        check_done(&parse, head);
    else if (result == PARSE_REFUSED)
        check_refused(&parse);
    else
        require(parse.position == size && size < MAX_HEAD, "waits for more without having looked at all");
    return 0;
}

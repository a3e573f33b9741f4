/* Pattern: a route's text, taken apart. */
#include "pattern.h"
#include "byte.h"
#include "route.h"
#include <string.h>

static const char *const method_names[PATTERN_METHODS] = {"GET",    "HEAD",  "POST",    "PUT",
                                                          "DELETE", "PATCH", "OPTIONS", "TRACE"};

static enum tt_status methods_take(const char **text, unsigned *ret_methods, struct tt_error *reterr) {
    const char *at = *text;
    *ret_methods = 0;
    for (;;) {
        size_t size = strcspn(at, "| \t");
        unsigned method = 0;
        while (method < PATTERN_METHODS &&
               (strncmp(method_names[method], at, size) != 0 || method_names[method][size] != '\0'))
            method++;
        if (size == 0)
            return tt_error_set(reterr, TT_INVALID, 0, "a method is missing: a route looks like GET /path/{name}");
        if (method == PATTERN_METHODS && at[0] == '/')
            return tt_error_set(reterr, TT_INVALID, 0, "the method is missing: GET %.*s", (int)(size < 40 ? size : 40),
                                at);
        if (method == PATTERN_METHODS)
            return tt_error_set(reterr, TT_INVALID, 0, "unknown method %.*s", (int)(size < 40 ? size : 40), at);
        if ((*ret_methods & (1u << method)) != 0)
            return tt_error_set(reterr, TT_INVALID, 0, "the method %s is there twice", method_names[method]);
        *ret_methods |= 1u << method;
        at += size;
        if (*at != '|')
            break;
        at++;
    }
    at += strspn(at, " \t");
    *text = at;
    if (*at != '/')
        return tt_error_set(reterr, TT_INVALID, 0, "the path is missing or doesn't begin with a slash");
    return TT_OK;
}

/* One dot, plain or encoded, or 0. */
static size_t dot_size(const char *text, size_t size) {
    if (size >= 1 && text[0] == '.')
        return 1;
    return size >= 3 && text[0] == '%' && text[1] == '2' && (text[2] == 'e' || text[2] == 'E') ? 3 : 0;
}

static size_t slash_size(const char *text, size_t size) {
    if (size >= 1 && text[0] == '/')
        return 1;
    return size >= 3 && text[0] == '%' && text[1] == '2' && (text[2] == 'f' || text[2] == 'F') ? 3 : 0;
}

bool pattern_has_dots(const char *path, size_t size) {
    size_t at = 0;
    for (;;) {
        size_t dots = dot_size(path + at, size - at);
        if (dots > 0) {
            dots += dot_size(path + at + dots, size - at - dots);
            if (at + dots == size || slash_size(path + at + dots, size - at - dots) > 0)
                return true;
        }
        while (at < size && slash_size(path + at, size - at) == 0)
            at++;
        if (at == size)
            return false;
        at += slash_size(path + at, size - at);
    }
}

static enum tt_status literal_check(const struct pattern_segment *segment, struct tt_error *reterr) {
    for (size_t i = 0; i < segment->size; i++) {
        uint8_t byte = (uint8_t)segment->text[i];
        if (byte == '{' || byte == '}')
            return tt_error_set(reterr, TT_INVALID, 0, "braces take a whole segment: /a/{name}/b");
        if (byte == '?' || byte == '#')
            return tt_error_set(reterr, TT_INVALID, 0, "a route ends before its query");
        bool is_escape = byte == '%' && segment->size - i > 2 && byte_is((uint8_t)segment->text[i + 1], BYTE_HEX) &&
                         byte_is((uint8_t)segment->text[i + 2], BYTE_HEX);
        if (!is_escape && !byte_is(byte, BYTE_PATH))
            return tt_error_set(reterr, TT_INVALID, 0,
                                "byte 0x%02x can't be in a request's path: percent-encode it as %%%02X", byte, byte);
    }
    if (pattern_has_dots(segment->text, segment->size))
        return tt_error_set(reterr, TT_INVALID, 0, "no request reaches a path with a segment . or ..");
    return TT_OK;
}

static enum tt_status brace_take(struct pattern *pattern, struct pattern_segment *segment, bool is_last,
                                 struct tt_error *reterr) {
    segment->kind = PATTERN_BRACE;
    segment->text++;
    segment->size -= 2;
    if (segment->size >= 3 && memcmp(segment->text + segment->size - 3, "...", 3) == 0) {
        segment->kind = PATTERN_REST;
        segment->size -= 3;
        if (!is_last)
            return tt_error_set(reterr, TT_INVALID, 0, "{name...} takes all that is left, so nothing may follow it");
    }
    if (segment->size == 0 || segment->size > PATTERN_NAME_MAX)
        return tt_error_set(reterr, TT_INVALID, 0, "the name in braces has not 1 to %d bytes", PATTERN_NAME_MAX);
    for (size_t i = 0; i < segment->size; i++) {
        uint8_t byte = (uint8_t)segment->text[i];
        bool is_letter = byte_lower(byte) >= 'a' && byte_lower(byte) <= 'z';
        if (!is_letter && byte != '_' && (i == 0 || (byte != '-' && !byte_is(byte, BYTE_DIGIT))))
            return tt_error_set(reterr, TT_INVALID, 0, "the name in braces is no name: letters, digits, _ and -");
    }
    for (size_t i = 0; i < pattern->segment_count; i++) {
        const struct pattern_segment *other = &pattern->segments[i];
        if (other->kind != PATTERN_LITERAL && other->size == segment->size &&
            memcmp(other->text, segment->text, segment->size) == 0)
            return tt_error_set(reterr, TT_INVALID, 0, "the name %.*s is there twice", (int)segment->size,
                                segment->text);
    }
    if (pattern->capture_count == ROUTE_CAPTURES_MAX)
        return tt_error_set(reterr, TT_INVALID, 0, "more than %d names in braces", ROUTE_CAPTURES_MAX);
    pattern->capture_count++;
    return TT_OK;
}

static enum tt_status segments_take(struct pattern *pattern, struct tt_error *reterr) {
    const char *at = pattern->path + 1;
    for (;;) {
        size_t size = strcspn(at, "/");
        bool is_last = at[size] == '\0';
        struct pattern_segment segment = {.kind = PATTERN_LITERAL, .text = at, .size = size};
        bool is_brace = size >= 2 && at[0] == '{' && at[size - 1] == '}';
        if (pattern->segment_count == PATTERN_SEGMENTS_MAX)
            return tt_error_set(reterr, TT_INVALID, 0, "more than %d segments", PATTERN_SEGMENTS_MAX);
        enum tt_status status =
            is_brace ? brace_take(pattern, &segment, is_last, reterr) : literal_check(&segment, reterr);
        if (status != TT_OK)
            return status;
        pattern->segments[pattern->segment_count++] = segment;
        if (is_last)
            return TT_OK;
        at += size + 1;
    }
}

const char *pattern_method_name(unsigned method) {
    return method_names[method];
}

enum tt_status pattern_parse(const char *text, struct pattern *ret_pattern, struct tt_error *reterr) {
    *ret_pattern = (struct pattern){0};
    enum tt_status status = methods_take(&text, &ret_pattern->methods, reterr);
    if (status != TT_OK)
        return status;
    ret_pattern->path = text;
    ret_pattern->path_size = strlen(text);
    return segments_take(ret_pattern, reterr);
}

enum tt_status route_check(const char *pattern, void (*each)(void *context, const char *name, size_t size),
                           void *context, struct tt_error *reterr) {
    struct pattern parsed;
    enum tt_status status = pattern_parse(pattern, &parsed, reterr);
    if (status != TT_OK)
        return status;
    for (size_t i = 0; i < parsed.segment_count; i++)
        if (parsed.segments[i].kind != PATTERN_LITERAL && each != NULL)
            each(context, parsed.segments[i].text, parsed.segments[i].size);
    return TT_OK;
}

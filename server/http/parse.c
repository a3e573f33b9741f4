/*
 * Parse: bytes of a request's head to a struct.
 *
 * Step 2 of 11
 * Before: listen (http/listen.c)
 * After: route (http/route.c)
 *
 * A state machine in two halves, the request line and the fields, since each has its own limit. A step takes as many
 * bytes as its state wants and is never handed one beyond the limit, so nothing that it does can depend on how
 * the bytes were split. What the fields mean is field.c's.
 */
#include "parse.h"
#include "byte.h"
#include "field.h"
#include <string.h>

enum state {
    STATE_START, /* before the request line */
    STATE_START_LF,

    STATE_METHOD, /* the request line */
    STATE_TARGET,
    STATE_SCHEME,
    STATE_AUTHORITY,
    STATE_ASTERISK,
    STATE_PATH,
    STATE_PATH_HEX_1,
    STATE_PATH_HEX_2,
    STATE_QUERY,
    STATE_QUERY_HEX_1,
    STATE_QUERY_HEX_2,
    STATE_VERSION,

    STATE_FIELD, /* the fields */
    STATE_NAME,
    STATE_VALUE_START,
    STATE_VALUE,
    STATE_VALUE_LF,
    STATE_END_LF,

    STATE_DONE,
    STATE_REFUSED
};

/* Returns at, so that a step refuses in one line. */
static uint32_t refuse(struct parse *parse, uint32_t at, uint16_t status, const char *reason) {
    parse->status = status;
    parse->reason = reason;
    parse->state = STATE_REFUSED;
    return at;
}

static struct span span_between(uint32_t begin, uint32_t end) {
    return (struct span){.at = begin, .size = end - begin};
}

static uint32_t skip(const uint8_t *head, uint32_t at, uint32_t end, enum byte_class class) {
    while (at < end && byte_is(head[at], class))
        at++;
    return at;
}

/* Eight bytes at a time: values are most of a head. A tab stops it too, then the table decides. */
static uint32_t skip_value(const uint8_t *head, uint32_t at, uint32_t end) {
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t tops = 0x8080808080808080u;
    for (;;) {
        while (end - at >= 8) {
            uint64_t word;
            memcpy(&word, head + at, sizeof word);
            uint64_t below_space = (word - ones * 0x20) & ~word & tops;
            uint64_t del = word ^ (ones * 0x7f);
            if (below_space | ((del - ones) & ~del & tops))
                break;
            at += 8;
        }
        uint32_t near = end - at > 8 ? at + 8 : end;
        at = skip(head, at, near, BYTE_VALUE);
        if (at < near || at == end)
            return at;
    }
}

static void take_empty_lines(struct parse *parse, const uint8_t *head, uint32_t end) {
    uint32_t at = parse->position;
    for (; at < end; at++) {
        if (parse->state == STATE_START_LF) {
            if (head[at] != '\n')
                break;
            parse->state = STATE_START;
        } else if (head[at] == '\r' && at < PARSE_EMPTY_MAX) {
            parse->state = STATE_START_LF;
        } else {
            break;
        }
    }
    parse->position = at;
    if (at == end)
        return;
    if (parse->state == STATE_START_LF || !byte_is(head[at], BYTE_TOKEN)) {
        (void)refuse(parse, at, 400, "the request begins with a byte that no method has");
        return;
    }
    parse->line_start = at;
    parse->mark = at;
    parse->state = STATE_METHOD;
}

static enum http_method method_find(const uint8_t *text, uint32_t size) {
    static const char names[][8] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"};
    if (size >= sizeof names[0])
        return HTTP_OTHER;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (memcmp(names[i], text, size) == 0 && names[i][size] == '\0')
            return (enum http_method)i;
    return HTTP_OTHER;
}

static uint32_t take_method(struct parse *parse, const uint8_t *head, uint32_t at, uint32_t end) {
    at = skip(head, at, end, BYTE_TOKEN);
    if (at - parse->mark > PARSE_METHOD_MAX)
        return refuse(parse, at, 400, "the method is too long");
    if (at == end)
        return at;
    if (head[at] != ' ')
        return refuse(parse, at, 400, "the method holds a byte that no token has");
    parse->method_text = span_between(parse->mark, at);
    parse->method = method_find(head + parse->mark, at - parse->mark);
    if (parse->method == HTTP_CONNECT)
        return refuse(parse, at, 400, "this server is no proxy: CONNECT is refused");
    parse->state = STATE_TARGET;
    return at + 1;
}

static uint32_t take_target(struct parse *parse, const uint8_t *head, uint32_t at) {
    parse->mark = at;
    if (head[at] == '/')
        parse->state = STATE_PATH;
    else if (head[at] == '*')
        parse->state = STATE_ASTERISK;
    else if (byte_lower(head[at]) == 'h')
        parse->state = STATE_SCHEME;
    else
        return refuse(parse, at, 400, "the target is neither a path nor an http URI");
    return at + 1;
}

static uint32_t take_scheme(struct parse *parse, const uint8_t *head, uint32_t at) {
    uint32_t index = at - parse->mark;
    bool is_secure = index >= 4 && byte_lower(head[parse->mark + 4]) == 's';
    const char *prefix = is_secure ? "https://" : "http://";
    if (byte_lower(head[at]) != (uint8_t)prefix[index])
        return refuse(parse, at, 400, "the target is neither a path nor an http URI");
    if (prefix[index + 1] == '\0') {
        parse->state = STATE_AUTHORITY;
        parse->mark = at + 1;
    }
    return at + 1;
}

static uint32_t begin_version(struct parse *parse, uint32_t at) {
    parse->state = STATE_VERSION;
    parse->mark = at + 1;
    return at + 1;
}

static uint32_t begin_query(struct parse *parse, uint32_t at) {
    parse->state = STATE_QUERY;
    parse->mark = at + 1;
    return at + 1;
}

static uint32_t take_authority(struct parse *parse, const uint8_t *head, uint32_t at, uint32_t end) {
    while (at < end && (byte_is(head[at], BYTE_HOST) || memchr("[]:%", head[at], 4) != NULL))
        at++;
    if (at == end)
        return at;
    if (!field_take_authority(parse, head, span_between(parse->mark, at))) {
        parse->state = STATE_REFUSED;
        return at;
    }
    parse->mark = at;
    if (head[at] == '/') {
        parse->state = STATE_PATH;
        return at + 1;
    }
    parse->path = span_between(at, at);
    /* RFC 9112, 3.2.4: for OPTIONS an absolute-form without path and query is what "*" is. */
    parse->is_asterisk = head[at] == ' ' && parse->method == HTTP_OPTIONS;
    parse->path_is_root = !parse->is_asterisk;
    if (head[at] == '?')
        return begin_query(parse, at);
    if (head[at] == ' ')
        return begin_version(parse, at);
    return refuse(parse, at, 400, "the target's host and port are malformed");
}

static uint32_t take_asterisk(struct parse *parse, const uint8_t *head, uint32_t at) {
    if (head[at] != ' ')
        return refuse(parse, at, 400, "the target is neither a path nor an http URI");
    parse->is_asterisk = true;
    return begin_version(parse, at);
}

static uint32_t take_path(struct parse *parse, const uint8_t *head, uint32_t at, uint32_t end) {
    at = skip(head, at, end, BYTE_PATH);
    if (at == end)
        return at;
    if (head[at] == '%') {
        parse->state = STATE_PATH_HEX_1;
        return at + 1;
    }
    parse->path = span_between(parse->mark, at);
    if (head[at] == ' ')
        return begin_version(parse, at);
    if (head[at] == '?')
        return begin_query(parse, at);
    return refuse(parse, at, 400, "the path holds a byte that must be percent-encoded");
}

static uint32_t take_query(struct parse *parse, const uint8_t *head, uint32_t at, uint32_t end) {
    at = skip(head, at, end, BYTE_QUERY);
    if (at == end)
        return at;
    if (head[at] == '%') {
        parse->state = STATE_QUERY_HEX_1;
        return at + 1;
    }
    parse->query = span_between(parse->mark, at);
    if (head[at] == ' ')
        return begin_version(parse, at);
    return refuse(parse, at, 400, "the query holds a byte that must be percent-encoded");
}

static uint32_t take_escape(struct parse *parse, const uint8_t *head, uint32_t at) {
    if (!byte_is(head[at], BYTE_HEX))
        return refuse(parse, at, 400, "a percent sign in the target has no two hex digits behind it");
    if (parse->state == STATE_PATH_HEX_2)
        parse->state = STATE_PATH;
    else if (parse->state == STATE_QUERY_HEX_2)
        parse->state = STATE_QUERY;
    else
        parse->state++;
    return at + 1;
}

static uint32_t finish_line(struct parse *parse, const uint8_t *head, uint32_t at) {
    uint8_t major = head[parse->mark + 5];
    uint8_t minor = head[parse->mark + 7];
    if (major != '1' || minor > '1')
        return refuse(parse, at, 505, "the version is neither HTTP/1.0 nor HTTP/1.1");
    /* Only now: HTTP/2's preface, "PRI * HTTP/2.0", shall be told about its version. */
    if (parse->is_asterisk && parse->method != HTTP_OPTIONS)
        return refuse(parse, at, 400, "the target * is for OPTIONS only");
    parse->minor = (uint8_t)(minor - '0');
    parse->state = STATE_FIELD;
    return at;
}

static uint32_t take_version(struct parse *parse, const uint8_t *head, uint32_t at, uint32_t end) {
    static const char pattern[] = "HTTP/0.0\r\n"; /* 0 is any digit */
    for (; at < end; at++) {
        uint32_t index = at - parse->mark;
        bool is_right = pattern[index] == '0' ? byte_is(head[at], BYTE_DIGIT) : head[at] == (uint8_t)pattern[index];
        if (!is_right)
            return refuse(parse, at, 400, "the request line doesn't end with a version and CRLF");
        if (head[at] == '\n')
            return finish_line(parse, head, at + 1);
    }
    return at;
}

static void take_line(struct parse *parse, const uint8_t *head, uint32_t end) {
    uint32_t at = parse->position;
    while (at < end && parse->state < STATE_FIELD) {
        switch ((enum state)parse->state) {
        case STATE_METHOD:
            at = take_method(parse, head, at, end);
            break;
        case STATE_TARGET:
            at = take_target(parse, head, at);
            break;
        case STATE_SCHEME:
            at = take_scheme(parse, head, at);
            break;
        case STATE_AUTHORITY:
            at = take_authority(parse, head, at, end);
            break;
        case STATE_ASTERISK:
            at = take_asterisk(parse, head, at);
            break;
        case STATE_PATH:
            at = take_path(parse, head, at, end);
            break;
        case STATE_QUERY:
            at = take_query(parse, head, at, end);
            break;
        case STATE_VERSION:
            at = take_version(parse, head, at, end);
            break;
        default:
            at = take_escape(parse, head, at);
            break;
        }
    }
    parse->position = at;
}

static uint32_t take_field_start(struct parse *parse, const uint8_t *head, uint32_t at) {
    if (head[at] == '\r') {
        parse->state = STATE_END_LF;
        return at + 1;
    }
    if (head[at] == ' ' || head[at] == '\t')
        return refuse(parse, at, 400, "a line begins with white space: folded fields are refused");
    if (!byte_is(head[at], BYTE_TOKEN))
        return refuse(parse, at, 400, "a field has no name");
    if (parse->field_count == PARSE_FIELDS_MAX)
        return refuse(parse, at, 431, "the head has too many fields");
    parse->field_count++;
    parse->mark = at;
    parse->state = STATE_NAME;
    return at;
}

static uint32_t take_name(struct parse *parse, const uint8_t *head, uint32_t at, uint32_t end) {
    at = skip(head, at, end, BYTE_TOKEN);
    if (at == end)
        return at;
    if (head[at] != ':')
        return refuse(parse, at, 400, "a field's name is not followed by a colon at once");
    parse->name = span_between(parse->mark, at);
    parse->state = STATE_VALUE_START;
    return at + 1;
}

static uint32_t take_value_start(struct parse *parse, const uint8_t *head, uint32_t at) {
    if (head[at] == ' ' || head[at] == '\t')
        return at + 1;
    parse->mark = at;
    parse->state = STATE_VALUE;
    return at;
}

static uint32_t take_value(struct parse *parse, const uint8_t *head, uint32_t at, uint32_t end) {
    at = skip_value(head, at, end);
    if (at == end)
        return at;
    if (head[at] != '\r')
        return refuse(parse, at, 400, "a field's value holds a control byte or a bare LF");
    uint32_t value_end = at;
    while (value_end > parse->mark && (head[value_end - 1] == ' ' || head[value_end - 1] == '\t'))
        value_end--;
    parse->value = span_between(parse->mark, value_end);
    parse->state = STATE_VALUE_LF;
    return at + 1;
}

static uint32_t take_value_lf(struct parse *parse, const uint8_t *head, uint32_t at) {
    if (head[at] != '\n')
        return refuse(parse, at, 400, "a bare CR");
    parse->state = field_take(parse, head) ? STATE_FIELD : STATE_REFUSED;
    return at + 1;
}

static uint32_t take_end_lf(struct parse *parse, const uint8_t *head, uint32_t at) {
    if (head[at] != '\n')
        return refuse(parse, at, 400, "a bare CR");
    parse->state = field_finish(parse) ? STATE_DONE : STATE_REFUSED;
    parse->head_size = at + 1;
    return at + 1;
}

static void take_fields(struct parse *parse, const uint8_t *head, uint32_t end) {
    uint32_t at = parse->position;
    while (at < end && parse->state < STATE_DONE) {
        switch ((enum state)parse->state) {
        case STATE_FIELD:
            at = take_field_start(parse, head, at);
            break;
        case STATE_NAME:
            at = take_name(parse, head, at, end);
            break;
        case STATE_VALUE_START:
            at = take_value_start(parse, head, at);
            break;
        case STATE_VALUE:
            at = take_value(parse, head, at, end);
            break;
        case STATE_VALUE_LF:
            at = take_value_lf(parse, head, at);
            break;
        default:
            at = take_end_lf(parse, head, at);
            break;
        }
    }
    parse->position = at;
}

void parse_init(struct parse *parse, uint32_t max_head_bytes, uint32_t max_line_bytes) {
    *parse = (struct parse){.max_head_bytes = max_head_bytes, .max_line_bytes = max_line_bytes};
}

enum parse_result parse_head(struct parse *parse, const char *head, size_t size) {
    const uint8_t *bytes = (const uint8_t *)head;
    uint32_t head_limit = parse->max_head_bytes;
    uint32_t head_end = size < head_limit ? (uint32_t)size : head_limit;
    if (parse->state <= STATE_START_LF)
        take_empty_lines(parse, bytes, head_end);
    if (parse->state < STATE_FIELD) {
        uint32_t line_limit = head_limit;
        if (parse->state > STATE_START_LF) {
            if (parse->max_line_bytes < head_limit - parse->line_start)
                line_limit = parse->line_start + parse->max_line_bytes;
            take_line(parse, bytes, head_end < line_limit ? head_end : line_limit);
        }
        if (parse->state < STATE_FIELD && parse->position == line_limit)
            (void)refuse(parse, parse->position, 414, "the request line is too long");
    }
    if (parse->state >= STATE_FIELD && parse->state < STATE_DONE) {
        take_fields(parse, bytes, head_end);
        if (parse->state < STATE_DONE && parse->position == head_limit)
            (void)refuse(parse, parse->position, 431, "the head is too long");
    }
    if (parse->state == STATE_DONE)
        return PARSE_DONE;
    return parse->state == STATE_REFUSED ? PARSE_REFUSED : PARSE_MORE;
}

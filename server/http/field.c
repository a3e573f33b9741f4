/* Field: what a request's fields mean to this server. */
#include "field.h"
#include "byte.h"
#include <arpa/inet.h>
#include <string.h>

/* The names that matter. Their numbers are bits of parse->seen. */
enum field {
    FIELD_NONE,
    FIELD_HOST,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_CONNECTION,
    FIELD_EXPECT,
    FIELD_CONTENT_TYPE, /* from here on: kept as a span, see keepers */
    FIELD_AUTHORIZATION,
    FIELD_PREFER,
    FIELD_REQUEST_ID,
    FIELD_TRACEPARENT,
    FIELD_ACCEPT,
    FIELD_IF_NONE_MATCH,
    FIELD_IF_MODIFIED_SINCE,
    FIELD_IF_RANGE,
    FIELD_RANGE,

    SEEN_AUTHORITY, /* no fields, but things seen in the target and in Connection */
    SEEN_CLOSE,
    SEEN_KEEP_ALIVE
};

/*
 * First letter and length tell the names apart; of the ways to mix them only the difference has no collision (the
 * compiler warns of an entry that is set twice). One comparison a field is left, and none for most that don't matter.
 */
#define SLOT(letter, size) (((unsigned)(letter) - (unsigned)(size)) & 31)

static const struct {
    const char *name; /* lower case */
    uint8_t size;
    uint8_t field;
} slots[32] = {
    [SLOT('h', 4)] = {"host", 4, FIELD_HOST},
    [SLOT('c', 14)] = {"content-length", 14, FIELD_CONTENT_LENGTH},
    [SLOT('t', 17)] = {"transfer-encoding", 17, FIELD_TRANSFER_ENCODING},
    [SLOT('c', 10)] = {"connection", 10, FIELD_CONNECTION},
    [SLOT('e', 6)] = {"expect", 6, FIELD_EXPECT},
    [SLOT('c', 12)] = {"content-type", 12, FIELD_CONTENT_TYPE},
    [SLOT('a', 13)] = {"authorization", 13, FIELD_AUTHORIZATION},
    [SLOT('p', 6)] = {"prefer", 6, FIELD_PREFER},
    [SLOT('x', 12)] = {"x-request-id", 12, FIELD_REQUEST_ID},
    [SLOT('t', 11)] = {"traceparent", 11, FIELD_TRACEPARENT},
    [SLOT('a', 6)] = {"accept", 6, FIELD_ACCEPT},
    [SLOT('i', 13)] = {"if-none-match", 13, FIELD_IF_NONE_MATCH},
    [SLOT('i', 17)] = {"if-modified-since", 17, FIELD_IF_MODIFIED_SINCE},
    [SLOT('i', 8)] = {"if-range", 8, FIELD_IF_RANGE},
    [SLOT('r', 5)] = {"range", 5, FIELD_RANGE},
};

static const struct {
    size_t offset;       /* of the span in struct parse */
    const char *refusal; /* of a second field; NULL: the second is dropped */
} keepers[] = {
    [FIELD_CONTENT_TYPE] = {offsetof(struct parse, content_type), "two Content-Type fields"},
    [FIELD_AUTHORIZATION] = {offsetof(struct parse, authorization), "two Authorization fields"},
    [FIELD_PREFER] = {offsetof(struct parse, prefer), NULL},
    [FIELD_REQUEST_ID] = {offsetof(struct parse, request_id), NULL},
    [FIELD_TRACEPARENT] = {offsetof(struct parse, traceparent), NULL},
    [FIELD_ACCEPT] = {offsetof(struct parse, accept), NULL},
    [FIELD_IF_NONE_MATCH] = {offsetof(struct parse, if_none_match), NULL},
    [FIELD_IF_MODIFIED_SINCE] = {offsetof(struct parse, if_modified_since), NULL},
    [FIELD_IF_RANGE] = {offsetof(struct parse, if_range), NULL},
    [FIELD_RANGE] = {offsetof(struct parse, range), NULL},
};

enum item { ITEM_TOKEN, ITEM_EMPTY, ITEM_BAD };

static bool refuse(struct parse *parse, uint16_t status, const char *reason) {
    parse->status = status;
    parse->reason = reason;
    return false;
}

static bool is_seen(const struct parse *parse, unsigned bit) {
    return (parse->seen & (1u << bit)) != 0;
}

static void see(struct parse *parse, unsigned bit) {
    parse->seen |= 1u << bit;
}

static bool equals(const uint8_t *text, size_t size, const char *lower) {
    for (size_t i = 0; i < size; i++)
        if (lower[i] == '\0' || byte_lower(text[i]) != (uint8_t)lower[i])
            return false;
    return lower[size] == '\0';
}

static enum field field_find(const uint8_t *name, uint32_t size) {
    /* | 0x20 makes letters small and no other token byte a letter */
    unsigned slot = SLOT(name[0] | 0x20, size);
    if (slots[slot].size != size || !equals(name, size, slots[slot].name))
        return FIELD_NONE;
    return (enum field)slots[slot].field;
}

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

/* Takes the first item of a comma-separated list off *text; *ret_item without white space around it. */
static enum item list_take(const uint8_t **text, const uint8_t *end, const uint8_t **ret_item, size_t *ret_size) {
    const uint8_t *at = *text;
    while (at < end && is_blank(*at))
        at++;
    const uint8_t *first = at;
    while (at < end && byte_is(*at, BYTE_TOKEN))
        at++;
    *ret_item = first;
    *ret_size = (size_t)(at - first);
    while (at < end && is_blank(*at))
        at++;
    if (at < end && *at != ',')
        return ITEM_BAD;
    *text = at < end ? at + 1 : NULL;
    return *ret_size > 0 ? ITEM_TOKEN : ITEM_EMPTY;
}

static bool is_port(const uint8_t *text, size_t size) {
    uint32_t port = 0;
    if (size > 5)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!byte_is(text[i], BYTE_DIGIT))
            return false;
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    return port <= UINT16_MAX;
}

/* The size of the IPv6 literal that text begins with, brackets included; 0: it isn't one. Zones and IPvFuture neither. */
static size_t ipv6_size(const uint8_t *text, size_t size) {
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    const uint8_t *close = memchr(text, ']', size);
    if (close == NULL || (size_t)(close - text) > sizeof address)
        return 0;
    size_t length = (size_t)(close - text) - 1;
    memcpy(address, text + 1, length);
    address[length] = '\0';
    if (memchr(address, '\0', length) != NULL || inet_pton(AF_INET6, address, &parsed) != 1)
        return 0;
    return length + 2;
}

static size_t name_size(const uint8_t *text, size_t size) {
    size_t at = 0;
    while (at < size) {
        if (byte_is(text[at], BYTE_HOST))
            at++;
        else if (text[at] == '%' && size - at > 2 && byte_is(text[at + 1], BYTE_HEX) && byte_is(text[at + 2], BYTE_HEX))
            at += 3;
        else
            break;
    }
    return at;
}

/* uri-host [ ":" port ], RFC 9110, 4.2; the host not empty. */
static bool is_authority(const uint8_t *text, size_t size) {
    if (size == 0)
        return false;
    size_t host_size = text[0] == '[' ? ipv6_size(text, size) : name_size(text, size);
    if (host_size == 0)
        return false;
    if (host_size == size)
        return true;
    return text[host_size] == ':' && is_port(text + host_size + 1, size - host_size - 1);
}

static bool take_host(struct parse *parse, const uint8_t *text) {
    if (is_seen(parse, FIELD_HOST))
        return refuse(parse, 400, "two Host fields");
    if (parse->value.size > 0 && !is_authority(text, parse->value.size))
        return refuse(parse, 400, "the Host field is neither empty nor a host and port");
    if (!is_seen(parse, SEEN_AUTHORITY))
        parse->host = parse->value;
    return true;
}

static bool take_content_length(struct parse *parse, const uint8_t *text) {
    uint64_t length = 0;
    if (is_seen(parse, FIELD_CONTENT_LENGTH))
        return refuse(parse, 400, "two Content-Length fields");
    if (is_seen(parse, FIELD_TRANSFER_ENCODING))
        return refuse(parse, 400, "Content-Length beside Transfer-Encoding");
    if (parse->value.size == 0)
        return refuse(parse, 400, "an empty Content-Length");
    for (uint32_t i = 0; i < parse->value.size; i++) {
        if (!byte_is(text[i], BYTE_DIGIT))
            return refuse(parse, 400, "a Content-Length that isn't one number");
        unsigned digit = (unsigned)(text[i] - '0');
        if (length > ((uint64_t)INT64_MAX - digit) / 10)
            return refuse(parse, 400, "a Content-Length beyond 63 bits");
        length = length * 10 + digit;
    }
    parse->content_length = length;
    parse->has_length = true;
    return true;
}

/* 501 where the client asks properly for what this server can't do, 400 where no reading of the value is safe. */
static bool take_transfer_encoding(struct parse *parse, const uint8_t *text) {
    if (is_seen(parse, FIELD_TRANSFER_ENCODING))
        return refuse(parse, 400, "two Transfer-Encoding fields");
    if (is_seen(parse, FIELD_CONTENT_LENGTH))
        return refuse(parse, 400, "Transfer-Encoding beside Content-Length");
    if (parse->minor == 0)
        return refuse(parse, 400, "Transfer-Encoding in HTTP/1.0");
    if (equals(text, parse->value.size, "chunked")) {
        parse->is_chunked = true;
        return true;
    }
    const uint8_t *end = text + parse->value.size;
    bool is_chunked = false;
    while (text != NULL) {
        const uint8_t *coding;
        size_t size;
        if (list_take(&text, end, &coding, &size) != ITEM_TOKEN)
            return refuse(parse, 400, "a malformed Transfer-Encoding");
        if (is_chunked)
            return refuse(parse, 400, "a Transfer-Encoding with chunked before its end");
        is_chunked = equals(coding, size, "chunked");
    }
    return refuse(parse, 501, "the only Transfer-Encoding that this server knows is chunked");
}

static bool take_connection(struct parse *parse, const uint8_t *text) {
    const uint8_t *end = text + parse->value.size;
    while (text != NULL) {
        const uint8_t *option;
        size_t size;
        if (list_take(&text, end, &option, &size) == ITEM_BAD)
            return refuse(parse, 400, "the Connection field is no list of tokens");
        if (equals(option, size, "close"))
            see(parse, SEEN_CLOSE);
        else if (equals(option, size, "keep-alive"))
            see(parse, SEEN_KEEP_ALIVE);
    }
    return true;
}

static bool take_expect(struct parse *parse, const uint8_t *text) {
    if (parse->minor == 0)
        return true;
    if (is_seen(parse, FIELD_EXPECT))
        return refuse(parse, 417, "two Expect fields");
    if (!equals(text, parse->value.size, "100-continue"))
        return refuse(parse, 417, "the only expectation that this server knows is 100-continue");
    return true;
}

static bool take_span(struct parse *parse, enum field field) {
    if (is_seen(parse, field))
        return keepers[field].refusal == NULL || refuse(parse, 400, keepers[field].refusal);
    memcpy((char *)parse + keepers[field].offset, &parse->value, sizeof parse->value);
    return true;
}

bool field_take(struct parse *parse, const uint8_t *head) {
    const uint8_t *text = head + parse->value.at;
    enum field field = field_find(head + parse->name.at, parse->name.size);
    bool is_right = true;
    switch (field) {
    case FIELD_NONE:
        return true;
    case FIELD_HOST:
        is_right = take_host(parse, text);
        break;
    case FIELD_CONTENT_LENGTH:
        is_right = take_content_length(parse, text);
        break;
    case FIELD_TRANSFER_ENCODING:
        is_right = take_transfer_encoding(parse, text);
        break;
    case FIELD_CONNECTION:
        is_right = take_connection(parse, text);
        break;
    case FIELD_EXPECT:
        is_right = take_expect(parse, text);
        break;
    default:
        is_right = take_span(parse, field);
        break;
    }
    see(parse, field);
    return is_right;
}

bool field_take_authority(struct parse *parse, const uint8_t *head, struct span authority) {
    if (!is_authority(head + authority.at, authority.size))
        return refuse(parse, 400, "the target's host and port are malformed");
    parse->host = authority;
    see(parse, SEEN_AUTHORITY);
    return true;
}

bool field_finish(struct parse *parse) {
    bool is_modern = parse->minor == 1;
    if (is_modern && !is_seen(parse, FIELD_HOST))
        return refuse(parse, 400, "HTTP/1.1 without a Host field");
    parse->keep_alive = (is_modern || is_seen(parse, SEEN_KEEP_ALIVE)) && !is_seen(parse, SEEN_CLOSE);
    bool has_body = parse->is_chunked || parse->content_length > 0;
    parse->expect_continue = is_modern && has_body && is_seen(parse, FIELD_EXPECT);
    return true;
}

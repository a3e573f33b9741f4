/* Proxy: see proxy.h. */
#include "proxy.h"

#include <arpa/inet.h>
#include <string.h>

#define LINE_MAX_1     107u /* with its CRLF, by the specification */
#define FIXED_BYTES_2  16u
#define UNIX_BYTES_2   216u
#define ADDRESS_FIELDS 5

static enum proxy_result refuse(struct proxy *proxy, const char *reason) {
    proxy->reason = reason;
    return PROXY_REFUSED;
}

/* How many bytes both have in common. */
static size_t common(const char *data, size_t size, const char *expected, size_t expected_size) {
    size_t most = size < expected_size ? size : expected_size;
    size_t i = 0;
    while (i < most && data[i] == expected[i])
        i++;
    return i;
}

/* -- version 1: a line -- */

static bool port_parse(const char *text, uint16_t *ret_port) {
    size_t size = strlen(text);
    unsigned port = 0;
    if (size == 0 || size > 5 || strspn(text, "0123456789") != size || (size > 1 && text[0] == '0'))
        return false;
    for (; *text; text++)
        port = port * 10 + (unsigned)(*text - '0');
    *ret_port = (uint16_t)port;
    return port <= UINT16_MAX;
}

/* Cuts at each space; two in a row make an empty field. Returns: how many there are; ADDRESS_FIELDS + 1 for more. */
static size_t fields_split(char *line, char *ret_fields[ADDRESS_FIELDS]) {
    size_t count = 0;
    for (char *field = line; field; count++) {
        if (count == ADDRESS_FIELDS)
            return count + 1;
        ret_fields[count] = field;
        field = strchr(field, ' ');
        if (field)
            *field++ = '\0';
    }
    return count;
}

/* What stands between "PROXY " and CRLF. */
static enum proxy_result line_parse(struct proxy *proxy, char *line) {
    char *fields[ADDRESS_FIELDS];
    uint8_t from[16];
    uint8_t to[16];
    uint16_t from_port;
    uint16_t to_port;
    if (strcmp(line, "UNKNOWN") == 0 || strncmp(line, "UNKNOWN ", 8) == 0)
        return PROXY_DONE; /* the rest is to be ignored */
    size_t count = fields_split(line, fields);
    int family = strcmp(fields[0], "TCP4") == 0 ? AF_INET : strcmp(fields[0], "TCP6") == 0 ? AF_INET6 : AF_UNSPEC;
    if (family == AF_UNSPEC)
        return refuse(proxy, "neither TCP4, TCP6 nor UNKNOWN");
    if (count != ADDRESS_FIELDS)
        return refuse(proxy, "not two addresses and two ports");
    if (inet_pton(family, fields[1], from) != 1 || inet_pton(family, fields[2], to) != 1)
        return refuse(proxy, "an address that is none");
    if (!port_parse(fields[3], &from_port) || !port_parse(fields[4], &to_port))
        return refuse(proxy, "a port that is none");
    peer_of_address(family, from, from_port, &proxy->client);
    return PROXY_DONE;
}

static enum proxy_result parse_1(struct proxy *proxy, const char *data, size_t size) {
    static const char start[] = "PROXY ";
    const size_t start_size = sizeof start - 1;
    char line[LINE_MAX_1];
    size_t matched = common(data, size, start, start_size);
    if (matched < start_size)
        return matched == size ? PROXY_MORE : refuse(proxy, "no PROXY header");
    size_t most = size < LINE_MAX_1 ? size : LINE_MAX_1;
    size_t at = start_size;
    while (at < most && data[at] >= ' ' && data[at] <= '~')
        at++;
    if (at + 1 >= LINE_MAX_1)
        return refuse(proxy, "a line of more than 107 bytes");
    if (at == size)
        return PROXY_MORE;
    if (data[at] != '\r')
        return refuse(proxy, "a byte that no header has");
    if (at + 1 == size)
        return PROXY_MORE;
    if (data[at + 1] != '\n')
        return refuse(proxy, "a line without its CRLF");
    memcpy(line, data + start_size, at - start_size);
    line[at - start_size] = '\0';
    proxy->size = at + 2;
    return line_parse(proxy, line);
}

/* -- version 2: binary -- */

static uint16_t number_at(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* What follows the addresses: type, size, value, and so on to the end. None is looked at. */
static bool is_tlv_list(const uint8_t *bytes, size_t size) {
    while (size >= 3) {
        size_t whole = 3 + (size_t)number_at(bytes + 1);
        if (whole > size)
            return false;
        bytes += whole;
        size -= whole;
    }
    return size == 0;
}

struct family {
    uint8_t code; /* address family and transport */
    int family;
    size_t size;        /* of both addresses with their ports */
    size_t port_offset; /* of the client's */
};

static const struct family families[] = {
    {0x00, AF_UNSPEC, 0, 0},
    {0x11, AF_INET, 12, 8},
    {0x21, AF_INET6, 36, 32},
    {0x31, AF_UNIX, UNIX_BYTES_2, 0},
};

static const struct family *family_find(uint8_t code) {
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (families[i].code == code)
            return &families[i];
    return NULL;
}

/* The part behind the length. */
static enum proxy_result addresses_parse(struct proxy *proxy, const struct family *family, const uint8_t *bytes,
                                         size_t size) {
    if (size < family->size)
        return refuse(proxy, "shorter than its addresses");
    /* Of AF_UNSPEC the rest is to be ignored, whatever it is. */
    if (family->family != AF_UNSPEC && !is_tlv_list(bytes + family->size, size - family->size))
        return refuse(proxy, "a malformed list behind the addresses");
    if (family->family == AF_UNIX)
        proxy->client.family = AF_UNIX; /* its path is the proxy's own business, and mostly empty */
    else if (family->family != AF_UNSPEC)
        peer_of_address(family->family, bytes, number_at(bytes + family->port_offset), &proxy->client);
    return PROXY_DONE;
}

static enum proxy_result parse_2(struct proxy *proxy, const char *data, size_t size) {
    static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
    const size_t signature_size = sizeof signature - 1;
    const uint8_t *bytes = (const uint8_t *)data;
    size_t matched = common(data, size, signature, signature_size);
    if (matched < signature_size)
        return matched == size ? PROXY_MORE : refuse(proxy, "no PROXY header");
    if (size > 12 && bytes[12] != 0x20 && bytes[12] != 0x21)
        return refuse(proxy, "neither LOCAL nor PROXY of version 2");
    const struct family *family = size > 13 ? family_find(bytes[13]) : NULL;
    bool is_local = size > 12 && bytes[12] == 0x20;
    if (size > 13 && !is_local && family == NULL)
        return refuse(proxy, "not for TCP or a unix stream");
    if (size < FIXED_BYTES_2)
        return PROXY_MORE;
    size_t length = number_at(bytes + 14);
    if (length > PROXY_HEADER_MAX - FIXED_BYTES_2)
        return refuse(proxy, "longer than 4 KiB");
    if (size < FIXED_BYTES_2 + length)
        return PROXY_MORE;
    proxy->size = FIXED_BYTES_2 + length;
    return is_local ? PROXY_DONE : addresses_parse(proxy, family, bytes + FIXED_BYTES_2, length);
}

enum proxy_result proxy_parse(const char *data, size_t size, struct proxy *ret_proxy) {
    *ret_proxy = (struct proxy){.client = {.family = AF_UNSPEC}};
    if (size == 0)
        return PROXY_MORE;
    enum proxy_result result = data[0] == '\r' ? parse_2(ret_proxy, data, size) : parse_1(ret_proxy, data, size);
    if (result != PROXY_DONE)
        ret_proxy->size = 0;
    return result;
}

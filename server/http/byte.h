/**
 * Byte: what a byte may be in HTTP/1.1 and in a URI. One table for the parser, the chunk decoder and the router, so that
 * they never disagree.
 *
 * Thread: any; a constant.
 */
#ifndef SERVER_HTTP_BYTE_H
#define SERVER_HTTP_BYTE_H

#include <stdbool.h>
#include <stdint.h>

/** Bits of a byte's entry. */
enum byte_class {
    BYTE_TOKEN = 1,   /* RFC 9110, 5.6.2: names, methods, codings */
    BYTE_PATH = 2,    /* RFC 3986, 3.3: pchar and "/", without "%" */
    BYTE_QUERY = 4,   /* RFC 3986, 3.4, without "%"; and [ ] | which many clients send as they are */
    BYTE_VALUE = 8,   /* RFC 9110, 5.5: field-vchar, space, tab */
    BYTE_HOST = 16,   /* RFC 3986, 3.2.2: reg-name, without "%" and "," */
    BYTE_HEX = 32,    /* 0-9 A-F a-f */
    BYTE_DIGIT = 64,  /* 0-9 */
    BYTE_QUOTED = 128 /* RFC 9110, 5.6.4: qdtext */
};

extern const uint8_t byte_classes[256];

static inline bool byte_is(uint8_t byte, enum byte_class class) {
    return (byte_classes[byte] & class) != 0;
}

/** ASCII only, whatever the locale. */
static inline uint8_t byte_lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

#endif

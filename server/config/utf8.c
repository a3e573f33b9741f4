/* Utf8: see utf8.h. The ranges are those of RFC 3629, section 4. */
#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>

static bool is_tail(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

size_t utf8_size(const char *data, size_t size) {
    const uint8_t *byte = (const uint8_t *)data;
    if (size == 0)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    if (byte[0] < 0xC2 || byte[0] > 0xF4)
        return 0;
    size_t need = byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
    if (size < need)
        return 0;
    for (size_t i = 1; i < need; i++)
        if (!is_tail(byte[i]))
            return 0;
    /* Overlong forms, surrogates, and what lies beyond U+10FFFF differ from the rest in the second byte. */
    if ((byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xED && byte[1] > 0x9F) ||
        (byte[0] == 0xF0 && byte[1] < 0x90) || (byte[0] == 0xF4 && byte[1] > 0x8F))
        return 0;
    return need;
}

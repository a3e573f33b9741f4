/**
 * Utf8: which bytes of a text are a character.
 *
 * Thread: any.
 */
#ifndef SERVER_CONFIG_UTF8_H
#define SERVER_CONFIG_UTF8_H

#include <stddef.h>

/**
 * The size of the character that data begins with: 1 to 4 bytes, shortest form, no surrogates.
 * Returns: 0 where the bytes are no UTF-8, or size is 0.
 */
size_t utf8_size(const char *data, size_t size);

#endif

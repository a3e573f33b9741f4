/**
 * Text: a growing buffer for an answer's body.
 *
 * A failed allocation is remembered and makes all that follows do nothing: a page is written without looking, and who
 * sends it asks has_no_memory once. Zeroed memory is an empty text.
 *
 * Normal use:
 * 1. struct text text = {0};
 * 2. text_format(&text, "%s: %d\n", name, n); or, for JSON, text_open, text_number, ..., text_close;
 * 3. if (!text.has_no_memory) send(text.data, text.size);
 * 4. text_deinit(&text).
 *
 * Thread: whoever owns it; no locking.
 */
#ifndef SERVER_ADMIN_TEXT_H
#define SERVER_ADMIN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/status.h>

/** No page needs more; a text that would grow beyond it has no memory. */
#define TEXT_SIZE_MAX ((size_t)64 << 20)

struct text {
    char *data; /* NUL-terminated; NULL while nothing was added */
    size_t size;
    size_t capacity;
    bool has_no_memory;
};

void text_deinit(struct text *text);

void text_add(struct text *text, const char *data, size_t size);
void text_puts(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) TT_PRINTF(2, 3);

/** The string with the five characters that mean something in HTML escaped. */
void text_html(struct text *text, const char *string);

/** The string as the value of a label of the Prometheus text format, without the quotes. */
void text_label(struct text *text, const char *string);

/* -- JSON: commas come by themselves; a key of NULL writes an item of an array, or the value itself -- */

void text_open(struct text *text, const char *key, char bracket);
void text_close(struct text *text, char bracket);
void text_string(struct text *text, const char *key, const char *value);
void text_number(struct text *text, const char *key, uint64_t value);
void text_boolean(struct text *text, const char *key, bool value);
/** Milliseconds with three decimals, from microseconds. */
void text_ms(struct text *text, const char *key, uint64_t value_us);

#endif

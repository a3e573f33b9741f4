/*
 * Text: a growing buffer for an answer's body.
 */
#include "text.h"
#include "../json.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST_BYTES ((size_t)4096)

/* Makes room for size bytes and the NUL. */
static bool reserve(struct text *text, size_t size) {
    size_t capacity = text->capacity ? text->capacity : TEXT_FIRST_BYTES;
    char *data;

    if (text->has_no_memory)
        return false;
    if (size >= TEXT_SIZE_MAX - text->size) {
        text->has_no_memory = true;
        return false;
    }
    while (capacity <= text->size + size)
        capacity *= 2;
    if (capacity == text->capacity)
        return true;
    data = realloc(text->data, capacity);
    if (!data) {
        text->has_no_memory = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

/* The comma before a member, an item, or nothing at the start of either; then the key. */
static void begin_value(struct text *text, const char *key) {
    char last = text->size > 0 ? text->data[text->size - 1] : '{';

    if (last != '{' && last != '[' && last != ':' && last != ',')
        text_add(text, ",", 1);
    if (key) {
        text_string(text, NULL, key);
        text_add(text, ":", 1);
    }
}

void text_deinit(struct text *text) {
    free(text->data);
    *text = (struct text){0};
}

void text_add(struct text *text, const char *data, size_t size) {
    if (!reserve(text, size))
        return;
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_puts(struct text *text, const char *string) {
    text_add(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...) {
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0) {
        text->has_no_memory = true;
        return;
    }
    if (!reserve(text, (size_t)size))
        return;
    va_start(args, format);
    (void)vsnprintf(text->data + text->size, (size_t)size + 1, format, args); /* the same arguments: the same size */
    va_end(args);
    text->size += (size_t)size;
}

void text_html(struct text *text, const char *string) {
    for (const char *c = string; *c; c++) {
        switch (*c) {
        case '&':
            text_puts(text, "&amp;");
            break;
        case '<':
            text_puts(text, "&lt;");
            break;
        case '>':
            text_puts(text, "&gt;");
            break;
        case '"':
            text_puts(text, "&quot;");
            break;
        case '\'':
            text_puts(text, "&#39;");
            break;
        default:
            text_add(text, c, 1);
        }
    }
}

void text_label(struct text *text, const char *string) {
    for (const char *c = string; *c; c++) {
        switch (*c) {
        case '\\':
            text_puts(text, "\\\\");
            break;
        case '"':
            text_puts(text, "\\\"");
            break;
        case '\n':
            text_puts(text, "\\n");
            break;
        default:
            text_add(text, c, 1);
        }
    }
}

void text_open(struct text *text, const char *key, char bracket) {
    begin_value(text, key);
    text_add(text, &bracket, 1);
}

void text_close(struct text *text, char bracket) {
    text_add(text, &bracket, 1);
}

void text_string(struct text *text, const char *key, const char *value) {
    size_t value_size = strlen(value);
    size_t size;

    begin_value(text, key);
    size = json_quote(NULL, 0, value, value_size);
    if (!reserve(text, size))
        return;
    (void)json_quote(text->data + text->size, size, value, value_size); /* as measured */
    text->size += size;
    text->data[text->size] = '\0';
}

void text_number(struct text *text, const char *key, uint64_t value) {
    begin_value(text, key);
    text_format(text, "%" PRIu64, value);
}

void text_boolean(struct text *text, const char *key, bool value) {
    begin_value(text, key);
    text_puts(text, value ? "true" : "false");
}

void text_ms(struct text *text, const char *key, uint64_t value_us) {
    begin_value(text, key);
    text_format(text, "%" PRIu64 ".%03" PRIu64, value_us / 1000, value_us % 1000);
}

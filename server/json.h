/**
 * Json: the only file that knows the JSON library.
 *
 * Values are read with exact 64-bit integers, bounded depth (64), no duplicate keys, no NUL in strings.
 */
#ifndef SERVER_JSON_H
#define SERVER_JSON_H

#include "arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/module.h>

struct json; /* a parsed value */

struct json_error {
    unsigned line, column;
    char text[160];
    bool has_no_memory; /* nothing is wrong with the text itself */
};

/** Parses one value from size bytes (they need no NUL). Owns: yours until json_free. Returns: NULL with *reterr. */
struct json *json_parse(const char *data, size_t size, struct json_error *reterr);
void json_free(struct json *json);

enum json_kind { JSON_NULL, JSON_TEXT, JSON_INTEGER, JSON_REAL, JSON_BOOLEAN, JSON_OBJECT, JSON_ARRAY };
enum json_kind json_kind(const struct json *json);
const char *json_kind_name(enum json_kind kind);

/** The scalar as a value; text is lent by json. Objects and arrays give TT_TYPE_NONE. */
struct tt_value json_value(const struct json *json);

/** Member by name, or NULL. Lends. */
const struct json *json_member(const struct json *object, const char *name);
/** Item by index, or NULL. Lends. */
const struct json *json_item(const struct json *array, size_t index);
/** Members of an object, or items of an array. */
size_t json_count(const struct json *json);
/** Calls each for every member, in the order of the text. */
void json_each(const struct json *object, void (*each)(void *context, const char *name, const struct json *member),
               void *context);

/**
 * Writes text as a JSON string, quotes included, to out; bytes that are no UTF-8 become U+FFFD.
 * Returns: how many bytes it takes; nothing is written beyond capacity (call with 0 to measure).
 */
size_t json_quote(char *out, size_t capacity, const char *text, size_t size);

/** Whether size bytes are valid UTF-8 without NUL. */
bool json_is_text(const char *data, size_t size);

#endif

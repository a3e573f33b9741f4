/**
 * Values: the text of one key to its value, by the table's type, unit and range; and back.
 *
 * Thread: any but the loop (workers = auto reads files).
 */
#ifndef SERVER_CONFIG_VALUES_H
#define SERVER_CONFIG_VALUES_H

#include "key.h"

/** A value of any type. The texts belong to the arena it was read with. */
struct value {
    uint64_t number; /* counts, times, sizes, booleans, words */
    const char *text;
    const char **names;
    size_t name_count;
    const struct endpoint *endpoint; /* KEY_LISTENS */
};

/**
 * Reads setting's value; mistakes go to diagnostics with their place.
 *
 * Owns:    texts and names are lent by arena, or are the setting's own.
 * Returns: false after a mistake, or without memory (then nothing was added to diagnostics).
 */
bool value_read(const struct key *key, const struct config_setting *setting, struct arena *arena,
                struct diagnostics *diagnostics, struct value *ret_value);

/** Puts value into the field of key; object is the struct of the key's kind. */
void value_store(const struct key *key, const struct value *value, void *object);

/** Whether the field of key is the same in both objects. */
bool value_is_same(const struct key *key, const void *left, const void *right);

/** Whether the field has something to print: a text that was left out has not. */
bool value_is_set(const struct key *key, const void *object);

/** Prints the field of key as it could be written in a file. */
void value_print(const struct key *key, const void *object, FILE *out);

/** Prints a text as a value: in quotes where it needs them. */
void value_print_text(const char *text, FILE *out);

#define VALUE_NAME_HINT "names have letters, digits, \"_\", \"-\" and \".\""

#define VALUE_RANGE_MAX 128

/** What key accepts: "1 to 4096, or auto", "1ms to 1h", "yes or no"; "" where there is nothing to say. */
void value_range(const struct key *key, char ret_text[VALUE_RANGE_MAX]);

/** Whether text is a name of up to max letters, digits, "_", "-" and ".". Returns: false with what is wrong and, in bytes, where. */
bool value_is_name(const char *text, size_t max, const char **ret_message, size_t *ret_at, size_t *ret_size);

#endif

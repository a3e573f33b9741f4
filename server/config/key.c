/* Key: lookups in the table. */
#include "key.h"

#include "keys.h"

#include <string.h>

#define SECTION_COUNT (sizeof sections / sizeof sections[0])
#define KEY_COUNT_ALL (sizeof keys / sizeof keys[0])

const struct key *const key_table = keys;
const size_t key_count = KEY_COUNT_ALL;

const struct key *key_find(enum config_kind kind, const char *name) {
    for (size_t i = 0; i < KEY_COUNT_ALL; i++)
        if (keys[i].kind == kind && strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

const struct key *key_find_anywhere(const char *name) {
    for (size_t i = 0; i < KEY_COUNT_ALL; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

const struct key_section *key_section(enum config_kind kind) {
    return &sections[kind];
}

const struct key_section *key_section_find(const char *word) {
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (strcmp(sections[i].word, word) == 0)
            return &sections[i];
    return NULL;
}

const char *key_nearest(enum config_kind kind, const char *word) {
    const char *names[KEY_COUNT_ALL + 1];
    size_t count = 0;
    for (size_t i = 0; i < KEY_COUNT_ALL; i++)
        if (keys[i].kind == kind && !keys[i].is_unavailable)
            names[count++] = keys[i].name;
    names[count] = NULL;
    return diagnostics_nearest(word, names);
}

const char *key_section_nearest(const char *word) {
    const char *names[SECTION_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < SECTION_COUNT; i++)
        if (!sections[i].is_unavailable)
            names[count++] = sections[i].word;
    names[count] = NULL;
    return diagnostics_nearest(word, names);
}

/**
 * Objects: the structs of one kind of section in a configuration, so that printing and comparing go by the table.
 *
 * Thread: any.
 */
#ifndef SERVER_CONFIG_OBJECTS_H
#define SERVER_CONFIG_OBJECTS_H

#include "config.h"

/** The kinds that a configuration has objects of, in the order in which they are shown. */
#define OBJECTS_KINDS_COUNT 5
extern const enum config_kind objects_kinds[OBJECTS_KINDS_COUNT];

struct objects {
    const char *first;
    size_t count;
    size_t size; /* of each */
};

/** All of a kind. Lends. */
struct objects objects_of(const struct config *config, enum config_kind kind);

/** The nth; each begins with its section. Lends. */
const void *objects_at(const struct objects *objects, size_t index);

/** By name, or NULL. Lends. */
const void *objects_find(const struct objects *objects, const char *name);

#endif

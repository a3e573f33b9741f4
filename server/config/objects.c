/* Objects: see objects.h. */
#include "objects.h"

#include <string.h>

const enum config_kind objects_kinds[OBJECTS_KINDS_COUNT] = {CONFIG_SERVER, CONFIG_POOL, CONFIG_MODULE, CONFIG_CALL,
                                                             CONFIG_GATHER};

struct objects objects_of(const struct config *config, enum config_kind kind) {
    switch (kind) {
    case CONFIG_SERVER:
        return (struct objects){(const char *)&config->server, 1, sizeof config->server};
    case CONFIG_POOL:
        return (struct objects){(const char *)config->pools, config->pool_count, sizeof *config->pools};
    case CONFIG_MODULE:
        return (struct objects){(const char *)config->modules, config->module_count, sizeof *config->modules};
    case CONFIG_CALL:
        return (struct objects){(const char *)config->calls, config->call_count, sizeof *config->calls};
    case CONFIG_GATHER:
        return (struct objects){(const char *)config->gathers, config->gather_count, sizeof *config->gathers};
    case CONFIG_LIBRARY:
        break;
    }
    return (struct objects){0};
}

const void *objects_at(const struct objects *objects, size_t index) {
    return objects->first + index * objects->size;
}

const void *objects_find(const struct objects *objects, const char *name) {
    for (size_t i = 0; i < objects->count; i++) {
        const struct config_section *section = objects_at(objects, i);
        if (strcmp(section->name, name) == 0)
            return section;
    }
    return NULL;
}

/**
 * Key: one key of the configuration, as the table in keys.h describes it.
 *
 * Thread: any; everything is constant.
 */
#ifndef SERVER_CONFIG_KEY_H
#define SERVER_CONFIG_KEY_H

#include "config.h"

#define KEY_NAME_MAX      63 /* bytes of a section's name */
#define KEY_POOL_NAME_MAX 31 /* thread names and snapshots hold no more */

enum key_type {
    KEY_TEXT,     /* const char *: anything but nothing */
    KEY_NAME,     /* const char *: the name of another section */
    KEY_ADMIN,    /* const char *: IPv4:port or "none" */
    KEY_NAMES,    /* const char ** and a size_t: names with commas between */
    KEY_NETWORKS, /* the same: networks (network.h) with commas between */
    KEY_LISTENS,  /* kept as settings: may stand several times */
    KEY_COUNT,    /* uint64_t */
    KEY_WORKERS,  /* uint64_t, or the word auto */
    KEY_TIME,     /* uint64_t, microseconds */
    KEY_SIZE,     /* uint64_t, bytes */
    KEY_BOOLEAN,  /* bool */
    KEY_WORD      /* an enum: the index in words */
};

struct key {
    enum config_kind kind;
    const char *name;
    enum key_type type;
    size_t offset;       /* of the field, in the struct of the kind */
    size_t count_offset; /* KEY_NAMES: of the count */
    uint64_t minimum, maximum;
    const char *zero_word;    /* may be written for 0, and is printed for it; NULL: none */
    const char *const *words; /* KEY_WORD; ends with NULL */
    const char *refused_word; /* one of words that this version doesn't have; NULL: none */
    const char *default_text; /* as it would be written; NULL: none */
    const char *example;      /* for the sample, where there is no default */
    bool is_required;
    bool is_reloadable;  /* a reload takes it over */
    bool is_unavailable; /* reserved: not in this version */
    const char *help;    /* plain text, sentences */
};

struct key_section {
    enum config_kind kind;
    const char *word; /* as in its header */
    bool is_named;
    size_t name_max;
    bool takes_more_keys; /* keys that the table doesn't know belong to the module */
    bool is_unavailable;
    const char *example; /* a name for the sample */
    const char *help;
};

/** All keys, grouped by section, in the order of the sample. */
extern const struct key *const key_table;
extern const size_t key_count;

/** The key of that kind by name, or NULL. */
const struct key *key_find(enum config_kind kind, const char *name);

/** A key of any kind by name, or NULL. */
const struct key *key_find_anywhere(const char *name);

/** What kind of section that is. */
const struct key_section *key_section(enum config_kind kind);

/** The kind by its word, or NULL. */
const struct key_section *key_section_find(const char *word);

/** The key's or section's name that is meant by word, or NULL. */
const char *key_nearest(enum config_kind kind, const char *word);
const char *key_section_nearest(const char *word);

#endif

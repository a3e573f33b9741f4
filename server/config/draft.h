/**
 * Draft: the sections and settings of all files together, before they become a struct config.
 *
 * Each setting is checked as it comes in, so that one which a later file overrides is checked too. Sources (files, --set's)
 * are counted: twice in one source is a mistake, again in a later one overrides.
 *
 * Thread: whoever owns it.
 *
 * Normal use:
 * 1. draft_begin_source for each file and each --set;
 * 2. draft_open for each header, draft_put for each setting behind it;
 * 3. build_config (build.h).
 */
#ifndef SERVER_CONFIG_DRAFT_H
#define SERVER_CONFIG_DRAFT_H

#include "key.h"
#include "lexer.h"
#include "values.h"

struct draft_setting {
    struct draft_setting *next;
    struct config_setting setting;
    const struct key *key; /* NULL: a module's own */
    struct value value;
    bool is_valid;
    uint32_t source;
};

struct draft_section {
    struct draft_section *next;
    const struct key_section *form;
    const char *name;
    struct origin at;
    struct draft_setting *settings;
    struct draft_setting **end; /* where the next setting is linked */
    size_t setting_count;
    uint32_t source;     /* that named it last */
    struct origin again; /* where that source named it */
};

struct draft {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct draft_section *sections;
    struct draft_section **end;
    uint32_t source;
    bool source_is_set; /* the current source is a --set */
    bool listen_is_set; /* a --set has replaced the listens of the files */
    bool is_out_of_memory;
};

/** Owns: keeps arena and diagnostics. */
void draft_init(struct draft *draft, struct arena *arena, struct diagnostics *diagnostics);

void draft_begin_source(struct draft *draft, bool is_set);

/**
 * The section that a header names, made if need be. Mistakes go to diagnostics.
 * Returns: NULL for a section whose settings are to be left out, for nobody knows what they mean.
 */
struct draft_section *draft_open(struct draft *draft, const struct lexer_word *kind, const struct lexer_word *name);

/** Adds or replaces one setting. Mistakes go to diagnostics. */
void draft_put(struct draft *draft, struct draft_section *section, const struct lexer_word *key,
               const struct lexer_word *value);

/** The section, or NULL. */
struct draft_section *draft_find(const struct draft *draft, enum config_kind kind, const char *name);

/**
 * The name of a section of its kind that it may have been meant for, in `did you mean "..."?`.
 * Returns: NULL where none is near enough, or without memory.
 */
const char *draft_meant(struct draft *draft, const struct draft_section *section);

/** Adds a section that stands nowhere. Returns: NULL without memory. */
struct draft_section *draft_add(struct draft *draft, enum config_kind kind, const char *name, const struct origin *at);

/** The setting of that key, or NULL. */
const struct draft_setting *draft_setting(const struct draft_section *section, const char *key);

#endif

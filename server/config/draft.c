/* Draft: what was read so far. Sections and settings are found by walking: a configuration has some hundred of them. */
#include "draft.h"

#include <string.h>

static const char *did_you_mean(struct draft *draft, const char *nearest, const char *otherwise) {
    if (!nearest)
        return otherwise;
    const char *hint = arena_format(draft->arena, "did you mean \"%s\"?", nearest);
    return hint ? hint : otherwise;
}

static const char *first_stands(struct draft *draft, const struct origin *at) {
    return arena_format(draft->arena, "the first one is in line %u", at->line);
}

static void name_check(struct draft *draft, const struct key_section *form, const struct lexer_word *name) {
    const char *message;
    size_t at;
    size_t size;
    if (!form->is_named) {
        if (name->text[0] != '\0')
            diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &name->at, NULL, "[%s] has no name", form->word);
    } else if (name->text[0] == '\0') {
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &name->at, NULL, "[%s] needs a name: [%s NAME]",
                        form->word, form->word);
    } else if (!value_is_name(name->text, form->name_max, &message, &at, &size)) {
        struct origin place = origin_inside(&name->at, name->text, at, size);
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &place, VALUE_NAME_HINT, "[%s %s]: %s", form->word,
                        name->text, message);
    } else if (form->kind == CONFIG_POOL && strcmp(name->text, "none") == 0) {
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &name->at, "`pool = none` runs a call on the event loop",
                        "a pool can't be called none");
    }
}

static const struct key *key_known(struct draft *draft, const struct draft_section *section,
                                   const struct lexer_word *word) {
    enum config_kind kind = section->form->kind;
    const struct key *key = key_find(kind, word->text);
    if (key)
        return key;
    const struct key *other = key_find_anywhere(word->text);
    const char *hint = did_you_mean(draft, key_nearest(kind, word->text), NULL);
    if (!hint && other)
        hint = arena_format(draft->arena, "it is a key of [%s]", key_section(other->kind)->word);
    diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &word->at, hint, "[%s] has no key \"%s\"",
                    section->form->word, word->text);
    return NULL;
}

/* Keys that the table doesn't know but a module may. */
static bool is_modules_own(struct draft *draft, const struct draft_section *section, const struct lexer_word *word) {
    size_t good = strspn(word->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    if (word->text[good] == '\0')
        return true;
    const char *nearest = key_nearest(section->form->kind, word->text);
    diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &word->at,
                    did_you_mean(draft, nearest, "keys have letters, digits, \"_\" and \"-\""), "\"%s\" is no key",
                    word->text);
    return false;
}

static void settings_drop(struct draft_section *section, const struct key *key) {
    struct draft_setting **link = &section->settings;
    while (*link) {
        if ((*link)->key == key) {
            *link = (*link)->next;
            section->setting_count--;
        } else {
            link = &(*link)->next;
        }
    }
    section->end = link;
}

static struct draft_setting *setting_append(struct draft *draft, struct draft_section *section) {
    struct draft_setting *made = arena_take_zeroed(draft->arena, sizeof *made);
    if (!made) {
        draft->is_out_of_memory = true;
        return NULL;
    }
    *section->end = made;
    section->end = &made->next;
    section->setting_count++;
    return made;
}

/* The setting that word would replace, or a new one. */
static struct draft_setting *setting_place(struct draft *draft, struct draft_section *section,
                                           const struct lexer_word *word) {
    for (struct draft_setting *each = section->settings; each; each = each->next) {
        if (strcmp(each->setting.key, word->text) != 0)
            continue;
        if (each->source == draft->source)
            diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &word->at, first_stands(draft, &each->setting.key_at),
                            "%s is given twice", word->text);
        return each;
    }
    return setting_append(draft, section);
}

static struct draft_setting *listen_place(struct draft *draft, struct draft_section *section, const struct key *key,
                                          const struct lexer_word *value) {
    bool replaces = draft->source_is_set && !draft->listen_is_set;
    draft->listen_is_set |= draft->source_is_set;
    if (replaces || value->text[0] == '\0')
        settings_drop(section, key);
    return value->text[0] == '\0' ? NULL : setting_append(draft, section);
}

static void setting_fill(struct draft *draft, struct draft_setting *target, const struct key *key,
                         const struct lexer_word *word, const struct lexer_word *value) {
    struct draft_setting *next = target->next;
    *target = (struct draft_setting){
        .next = next,
        .setting = {.key = word->text,
                    .value = value->text,
                    .key_at = word->at,
                    .value_at = value->at,
                    .is_used = key != NULL},
        .key = key,
        .source = draft->source,
        .is_valid = true,
    };
    if (!key)
        return;
    uint32_t errors_before = draft->diagnostics->error_count;
    target->is_valid = value_read(key, &target->setting, draft->arena, draft->diagnostics, &target->value);
    if (!target->is_valid && draft->diagnostics->error_count == errors_before)
        draft->is_out_of_memory = true;
}

static struct draft_section *section_make(struct draft *draft, enum config_kind kind, const char *name,
                                          const struct origin *at) {
    struct draft_section *made = arena_take_zeroed(draft->arena, sizeof *made);
    if (!made) {
        draft->is_out_of_memory = true;
        return NULL;
    }
    made->form = key_section(kind);
    made->name = name;
    made->at = *at;
    made->end = &made->settings;
    return made;
}

void draft_init(struct draft *draft, struct arena *arena, struct diagnostics *diagnostics) {
    *draft = (struct draft){.arena = arena, .diagnostics = diagnostics};
    draft->end = &draft->sections;
}

void draft_begin_source(struct draft *draft, bool is_set) {
    draft->source++;
    draft->source_is_set = is_set;
}

struct draft_section *draft_open(struct draft *draft, const struct lexer_word *kind, const struct lexer_word *name) {
    const struct key_section *form = key_section_find(kind->text);
    if (!form) {
        diagnostics_add(
            draft->diagnostics, DIAGNOSTIC_ERROR, &kind->at,
            did_you_mean(draft, key_section_nearest(kind->text), "there are server, pool, module, call and gather"),
            "there is no section [%s]", kind->text);
        return NULL;
    }
    if (form->is_unavailable) {
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &kind->at, NULL,
                        "[%s] sections are not available in this version", form->word);
        return NULL;
    }
    name_check(draft, form, name);
    const char *real_name = form->is_named ? name->text : "";
    /* Without a name it becomes no part of the draft, but what stands in it is checked all the same. */
    if (form->is_named && real_name[0] == '\0')
        return section_make(draft, form->kind, real_name, &name->at);
    struct draft_section *section = draft_find(draft, form->kind, real_name);
    if (section && section->source == draft->source)
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &name->at, first_stands(draft, &section->again),
                        form->is_named ? "the section [%s %s] stands twice" : "the section [%s] stands twice",
                        form->word, real_name);
    if (!section)
        section = draft_add(draft, form->kind, real_name, &name->at);
    if (!section)
        return NULL;
    if (section->source != draft->source)
        section->again = name->at;
    section->source = draft->source;
    return section;
}

void draft_put(struct draft *draft, struct draft_section *section, const struct lexer_word *key,
               const struct lexer_word *value) {
    const struct key *known = key_find(section->form->kind, key->text);
    if (known && known->is_unavailable) {
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &key->at, NULL, "%s is not available in this version",
                        key->text);
        return;
    }
    if (!known && section->form->takes_more_keys) {
        if (!is_modules_own(draft, section, key))
            return;
    } else if (!known) {
        known = key_known(draft, section, key);
        if (!known)
            return;
    }
    struct draft_setting *target = known && known->type == KEY_LISTENS ? listen_place(draft, section, known, value)
                                                                       : setting_place(draft, section, key);
    if (target)
        setting_fill(draft, target, known, key, value);
}

struct draft_section *draft_find(const struct draft *draft, enum config_kind kind, const char *name) {
    for (struct draft_section *each = draft->sections; each; each = each->next)
        if (each->form->kind == kind && strcmp(each->name, name) == 0)
            return each;
    return NULL;
}

const char *draft_meant(struct draft *draft, const struct draft_section *section) {
    size_t count = 0;
    for (const struct draft_section *each = draft->sections; each; each = each->next)
        count++;
    const char **names = arena_take(draft->arena, (count + 1) * sizeof *names);
    if (!names)
        return NULL;
    count = 0;
    for (const struct draft_section *each = draft->sections; each; each = each->next)
        if (each != section && each->form == section->form)
            names[count++] = each->name;
    names[count] = NULL;
    return did_you_mean(draft, diagnostics_nearest(section->name, names), NULL);
}

struct draft_section *draft_add(struct draft *draft, enum config_kind kind, const char *name, const struct origin *at) {
    struct draft_section *made = section_make(draft, kind, name, at);
    if (!made)
        return NULL;
    *draft->end = made;
    draft->end = &made->next;
    return made;
}

const struct draft_setting *draft_setting(const struct draft_section *section, const char *key) {
    for (const struct draft_setting *each = section->settings; each; each = each->next)
        if (strcmp(each->setting.key, key) == 0)
            return each;
    return NULL;
}

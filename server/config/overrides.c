/* Overrides: one --set is one source with one line. */
#include "overrides.h"

#include <string.h>

#define SHAPE_HINT "write SECTION.KEY=VALUE or SECTION.NAME.KEY=VALUE: server.drain=10s, pool.default.workers=8"

struct override {
    struct draft *draft;
    const char *text;
    struct origin at; /* the whole text */
};

static void mistake(const struct override *override, size_t begin, size_t end, const char *message) {
    struct origin at = override->at;
    at.column = (uint32_t)begin + 1;
    at.width = end > begin ? (uint32_t)(end - begin) : 1;
    diagnostics_add(override->draft->diagnostics, DIAGNOSTIC_ERROR, &at, SHAPE_HINT, "%s", message);
}

static bool word_take(const struct override *override, size_t begin, size_t end, struct lexer_word *ret_word) {
    ret_word->at = override->at;
    ret_word->at.column = (uint32_t)begin + 1;
    ret_word->at.width = end > begin ? (uint32_t)(end - begin) : 1;
    ret_word->text = arena_copy(override->draft->arena, override->text + begin, end - begin);
    if (!ret_word->text)
        override->draft->is_out_of_memory = true;
    return ret_word->text != NULL;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

/* The bytes between begin and end without blanks around. */
static void trim(const char *text, size_t *begin, size_t *end) {
    while (*begin < *end && is_blank(text[*begin]))
        ++*begin;
    while (*end > *begin && is_blank(text[*end - 1]))
        --*end;
}

/* The place of the last dot between begin and end; end where there is none. */
static size_t last_dot(const char *text, size_t begin, size_t end) {
    for (size_t at = end; at > begin; at--)
        if (text[at - 1] == '.')
            return at - 1;
    return end;
}

static void path_read(const struct override *override, size_t begin, size_t end, const struct lexer_word *value) {
    const char *text = override->text;
    size_t first = begin + strcspn(text + begin, ".=");
    size_t last = last_dot(text, begin, end);
    if (first >= end) {
        mistake(override, begin, end, "--set: there is no \".\" between section and key");
        return;
    }
    if (last + 1 == end) {
        mistake(override, begin, end, "--set: there is no key behind the \".\"");
        return;
    }
    struct lexer_word section_word;
    struct lexer_word name;
    struct lexer_word key;
    size_t name_begin = last > first ? first + 1 : first;
    if (!word_take(override, begin, first, &section_word) || !word_take(override, name_begin, last, &name) ||
        !word_take(override, last + 1, end, &key))
        return;
    const struct key_section *form = key_section_find(section_word.text);
    if (form && form->is_named && !form->is_unavailable && name.text[0] == '\0') {
        mistake(override, begin, end, "--set: the name of the section is missing");
        return;
    }
    struct draft_section *section = draft_open(override->draft, &section_word, &name);
    if (section)
        draft_put(override->draft, section, &key, value);
}

void overrides_read(struct draft *draft, const char *text, uint32_t number) {
    size_t size = strlen(text);
    const char *line = lexer_copy_line(draft->arena, text, size);
    if (!line) {
        draft->is_out_of_memory = true;
        return;
    }
    struct override override = {
        .draft = draft,
        .text = line,
        .at = {.file = ORIGIN_SET, .text = line, .line = number, .column = 1, .width = size > 0 ? (uint32_t)size : 1},
    };
    draft_begin_source(draft, true);
    size_t bad;
    const char *hint;
    const char *message = lexer_check_text(text, size, &bad, &hint);
    if (message) {
        mistake(&override, bad, bad + 1, message);
        return;
    }
    size_t equals = strcspn(text, "=");
    if (equals == size) {
        mistake(&override, 0, size, "--set: there is no \"=\"");
        return;
    }
    size_t begin = 0;
    size_t end = equals;
    size_t value_begin = equals + 1;
    size_t value_end = size;
    trim(text, &begin, &end);
    trim(text, &value_begin, &value_end);
    struct lexer_word value;
    if (word_take(&override, value_begin, value_end, &value))
        path_read(&override, begin, end, &value);
}

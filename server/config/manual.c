/* Manual: the table of keys as the part of tothread.conf(5) that describes them, in scdoc's format. */
#include "key.h"
#include "values.h"

#include <string.h>

#define LINE_WIDTH 100

/* One word; what scdoc would take for markup is escaped. */
static size_t word_print(const char *word, size_t size, bool begins_line, FILE *out) {
    size_t column = 0;
    for (size_t i = 0; i < size; i++) {
        bool is_special = strchr("\\*_`", word[i]) != NULL;
        if (is_special || (i == 0 && begins_line && strchr("#[|]-;.", word[i]) != NULL))
            column += (size_t)(fputc('\\', out) != EOF);
        column += (size_t)(fputc(word[i], out) != EOF);
    }
    return column;
}

/* A paragraph, each line after indent, broken between words. */
static void paragraph_print(const char *text, const char *indent, FILE *out) {
    size_t column = 0;
    while (*text) {
        size_t size = strcspn(text, " ");
        if (column > 0 && column + 1 + size > LINE_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        fputs(column == 0 ? indent : " ", out);
        column += 1 + word_print(text, size, column == 0, out);
        text += size;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

/* "Required. 1 to 4096, or auto. Default: auto. A reload takes it over." */
static void remark_print(const struct key *key, FILE *out) {
    char range[VALUE_RANGE_MAX];
    char remark[VALUE_RANGE_MAX + 256];
    value_range(key, range);
    (void)snprintf(remark, sizeof remark, "%s%s%s%s%s%s%s", key->is_required ? "Required. " : "", range,
                   range[0] != '\0' ? ". " : "", key->default_text ? "Default: " : "",
                   key->default_text ? key->default_text : "", key->default_text ? ". " : "",
                   key->is_reloadable ? "A reload takes it over." : "Needs a restart."); /* fits */
    paragraph_print(remark, "\t", out);
}

static void key_print(const struct key *key, FILE *out) {
    fputs("\n*", out);
    (void)word_print(key->name, strlen(key->name), false, out);
    fputs("*\n", out);
    paragraph_print(key->help, "\t", out);
    fputc('\n', out);
    remark_print(key, out);
}

static void section_print(enum config_kind kind, FILE *out) {
    const struct key_section *form = key_section(kind);
    (void)fprintf(out, "\n## [%s%s]\n\n", form->word, form->is_named ? " NAME" : "");
    paragraph_print(form->help, "", out);
}

void config_print_manual(FILE *out) {
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &key_table[i];
        if (key->is_unavailable || key_section(key->kind)->is_unavailable)
            continue;
        if (i == 0 || key_table[i - 1].kind != key->kind)
            section_print(key->kind, out);
        key_print(key, out);
    }
}

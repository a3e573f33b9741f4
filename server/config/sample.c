/* Sample: the table of keys as a file to start from. */
#include "key.h"
#include "values.h"

#include <string.h>

#define LINE_WIDTH 96

static const char opening[] =
    "# The configuration of tothread. Each key stands here commented out, at its default.\n"
    "#\n"
    "# Files conf.d/NAME.conf beside this one are read after it, in the order of their names; what they say\n"
    "# overrides what stands here, key by key. `tothread check` finds every mistake, `tothread config` shows\n"
    "# what is in force and where each value comes from.\n"
    "#\n"
    "# Times have a unit (us ms s min h), and so have sizes (B KiB MiB GiB). A # at the start of a line or after\n"
    "# white space begins a comment; a value in \"quotes\" may hold one. A backslash at the end of a line\n"
    "# continues it. Relative paths count from this file's folder.\n"
    "#\n"
    "# To use a key of a section, take away the # before the section's header too.\n";

/* Text as comment lines, broken between words. */
static void comment_print(const char *text, FILE *out) {
    size_t column = 0;
    while (*text) {
        size_t size = strcspn(text, " ");
        if (column > 0 && column + 1 + size > LINE_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        if (column == 0)
            column = (size_t)fprintf(out, "# %.*s", (int)size, text);
        else
            column += (size_t)fprintf(out, " %.*s", (int)size, text);
        text += size;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void key_print(const struct key *key, FILE *out) {
    char range[VALUE_RANGE_MAX];
    value_range(key, range);
    comment_print(key->help, out);
    char remark[VALUE_RANGE_MAX + 64];
    (void)snprintf(remark, sizeof remark, "%s%s%s", key->is_required ? "Required. " : "", range,
                   range[0] != '\0' ? ". " : "");
    size_t used = strlen(remark);
    (void)snprintf(remark + used, sizeof remark - used, "%s",
                   key->is_reloadable ? "A reload takes it over." : "Needs a restart.");
    comment_print(remark, out);
    (void)fprintf(out, "#%s = %s\n", key->name, key->default_text ? key->default_text : key->example);
}

static void section_print(enum config_kind kind, FILE *out) {
    const struct key_section *form = key_section(kind);
    fputc('\n', out);
    comment_print(form->help, out);
    if (form->is_named)
        (void)fprintf(out, "#[%s %s]\n", form->word, form->example);
    else
        (void)fprintf(out, "[%s]\n", form->word);
}

void config_print_sample(FILE *out) {
    fputs(opening, out);
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &key_table[i];
        if (key->is_unavailable || key_section(key->kind)->is_unavailable)
            continue;
        if (i == 0 || key_table[i - 1].kind != key->kind)
            section_print(key->kind, out);
        fputc('\n', out);
        key_print(key, out);
    }
}

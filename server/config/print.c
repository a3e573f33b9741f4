/* Print: what is in force, and from where. The output can be read again: what isn't a setting is a comment. */
#include "key.h"
#include "objects.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>

#define ORIGIN_COLUMN 44

struct line {
    char *text; /* malloc'ed */
    size_t size;
    FILE *stream;
};

static void origin_print(const struct origin *at, FILE *out) {
    if (!at || !at->file)
        fputs("default", out);
    else if (origin_is_set(at))
        fputs(ORIGIN_SET, out);
    else
        (void)fprintf(out, "%s:%u", at->file, at->line);
}

/* The origin stands in a column of its own, behind what was written of the line. */
static void line_end(struct line *line, const struct origin *at, const char *remark, FILE *out) {
    (void)fclose(line->stream); /* a memory stream: on failure its text is short, and that shows */
    (void)fprintf(out, "%-*s  # ", ORIGIN_COLUMN, line->text ? line->text : "");
    origin_print(at, out);
    (void)fprintf(out, "%s\n", remark);
    free(line->text);
}

static bool line_begin(struct line *line, FILE *out) {
    *line = (struct line){0};
    line->stream = open_memstream(&line->text, &line->size);
    if (!line->stream)
        fputs("# no memory\n", out);
    return line->stream != NULL;
}

static void text_line(const char *key, const char *value, const struct origin *at, FILE *out) {
    struct line line;
    if (!line_begin(&line, out))
        return;
    (void)fprintf(line.stream, "%s = ", key);
    value_print_text(value, line.stream);
    line_end(&line, at, "", out);
}

static void field_print(const struct key *key, const void *object, FILE *out) {
    const struct config_setting *setting = config_find(object, key->name);
    if (!value_is_set(key, object)) {
        (void)fprintf(out, "# %s is not set\n", key->name);
        return;
    }
    const char *written = setting ? setting->value : key->default_text;
    bool is_auto = key->type == KEY_WORKERS && written && strcmp(written, "auto") == 0;
    struct line line;
    if (!line_begin(&line, out))
        return;
    (void)fprintf(line.stream, "%s = ", key->name);
    value_print(key, object, line.stream);
    line_end(&line, setting ? &setting->value_at : NULL, is_auto ? ", from auto" : "", out);
}

static void listens_print(const struct config_server *server, FILE *out) {
    for (size_t i = 0; i < server->listen_count; i++)
        text_line("listen", server->listens[i].value, &server->listens[i].value_at, out);
}

static void object_print(const struct config *config, const void *object, FILE *out) {
    const struct config_section *section = object;
    const struct key_section *form = key_section(section->kind);
    struct line line;
    if (!line_begin(&line, out))
        return;
    (void)fprintf(line.stream, "[%s%s%s]", form->word, form->is_named ? " " : "", section->name);
    line_end(&line, &section->at, "", out);
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &key_table[i];
        if (key->kind != section->kind || key->is_unavailable)
            continue;
        if (key->type == KEY_LISTENS)
            listens_print(&config->server, out);
        else
            field_print(key, object, out);
    }
    for (size_t i = 0; i < section->setting_count; i++)
        if (!config_is_core_key(section->kind, section->settings[i].key))
            text_line(section->settings[i].key, section->settings[i].value, &section->settings[i].value_at, out);
}

void config_print(const struct config *config, FILE *out) {
    for (size_t kind = 0; kind < OBJECTS_KINDS_COUNT; kind++) {
        struct objects objects = objects_of(config, objects_kinds[kind]);
        for (size_t i = 0; i < objects.count; i++) {
            if (kind > 0 || i > 0)
                fputc('\n', out);
            object_print(config, objects_at(&objects, i), out);
        }
    }
}

/* Reader: opens and reads; what the bytes mean is said by lexer.c and draft.c. The --set's are in overrides.c. */
#include "reader.h"

#include "file.h"
#include "overrides.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DROP_INS "conf.d"

static void text_read(struct draft *draft, const char *file, const char *folder, const char *data, size_t size) {
    struct lexer lexer;
    struct lexer_item item;
    struct draft_section *section = NULL;
    bool is_inside = false; /* of any section, known or not */
    draft_begin_source(draft, false);
    lexer_init(&lexer, file, folder, data, size, draft->arena);
    while (lexer_next(&lexer, &item) != LEXER_END) {
        switch (item.kind) {
        case LEXER_SECTION:
            section = draft_open(draft, &item.first, &item.second);
            is_inside = true;
            break;
        case LEXER_SETTING:
            if (section)
                draft_put(draft, section, &item.first, &item.second);
            else if (!is_inside)
                diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &item.first.at,
                                "begin with a section's header: [server], [pool NAME], ...",
                                "%s stands before the first section", item.first.text);
            break;
        case LEXER_MISTAKE:
            diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &item.at, item.hint, "%s", item.message);
            if (item.is_header) {
                /* What follows belongs to a section that isn't known. */
                section = NULL;
                is_inside = true;
            }
            break;
        default:
            draft->is_out_of_memory = true;
            return;
        }
    }
}

static char *copy(struct draft *draft, const char *text) {
    char *made = arena_copy(draft->arena, text, strlen(text));
    if (!made)
        draft->is_out_of_memory = true;
    return made;
}

/* The folder of a file: "." for a bare name. */
static char *folder_of(struct draft *draft, const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = NULL;
    if (!slash)
        folder = arena_copy(draft->arena, ".", 1);
    else if (slash == path)
        folder = arena_copy(draft->arena, "/", 1);
    else
        folder = arena_copy(draft->arena, path, (size_t)(slash - path));
    if (!folder)
        draft->is_out_of_memory = true;
    return folder;
}

static void file_read(struct draft *draft, const char *path, bool is_optional) {
    struct file_bytes bytes;
    const char *file = copy(draft, path);
    const char *folder = folder_of(draft, path);
    if (!file || !folder)
        return;
    int error = file_load(path, READER_FILE_MAX, &bytes);
    if (error == 0) {
        text_read(draft, file, folder, bytes.data, bytes.size);
        free(bytes.data);
    } else if (error == EFBIG) {
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &(struct origin){.file = file}, NULL,
                        "the file is longer than %zu MiB", READER_FILE_MAX >> 20);
    } else if (error != ENOENT || !is_optional) {
        diagnostics_add(draft->diagnostics, DIAGNOSTIC_ERROR, &(struct origin){.file = file},
                        error == ENOENT ? "name another one with -c FILE, or try --demo, which needs none" : NULL,
                        "can't read the file: %s", strerrordesc_np(error));
    }
}

static int is_drop_in(const struct dirent *entry) {
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 5 && strcmp(entry->d_name + size - 5, ".conf") == 0;
}

static int drop_in_compare(const struct dirent **left, const struct dirent **right) {
    return strcmp((*left)->d_name, (*right)->d_name);
}

static void drop_ins_read(struct draft *draft, const char *path) {
    const char *parent = folder_of(draft, path);
    char *folder = parent ? arena_format(draft->arena, "%s/" DROP_INS, strcmp(parent, "/") == 0 ? "" : parent) : NULL;
    if (!folder) {
        draft->is_out_of_memory = true;
        return;
    }
    /* A bare "tothread.conf" has "conf.d/x.conf" beside it, not "./conf.d/x.conf". */
    const char *shown = strchr(path, '/') ? folder : DROP_INS;
    struct dirent **entries = NULL;
    int count = scandir(shown, &entries, is_drop_in, drop_in_compare);
    if (count < 0) {
        if (errno != ENOENT)
            diagnostics_add(draft->diagnostics, DIAGNOSTIC_WARNING, &(struct origin){.file = shown}, NULL,
                            "can't read the folder, its files are left out: %s", strerrordesc_np(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        char *file = arena_format(draft->arena, "%s/%s", shown, entries[i]->d_name);
        if (file)
            file_read(draft, file, false);
        else
            draft->is_out_of_memory = true;
        free(entries[i]);
    }
    free(entries);
}

void reader_read(struct draft *draft, const struct config_source *source) {
    if (source->text) {
        const char *name = copy(draft, source->text_name ? source->text_name : "built-in");
        const char *folder = source->text_folder ? copy(draft, source->text_folder) : NULL;
        text_read(draft, name, folder, source->text, strlen(source->text));
    }
    if (source->path) {
        file_read(draft, source->path, source->path_is_optional);
        drop_ins_read(draft, source->path);
    }
    for (size_t i = 0; i < source->set_count; i++)
        overrides_read(draft, source->sets[i], (uint32_t)i + 1);
}

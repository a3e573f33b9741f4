/* Diagnostics: the list of mistakes and how it is shown. */
#include "diagnostics.h"

#include "utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A line longer than this is shown in part: a query of a hundred columns fits, a binary file doesn't flood a terminal. */
#define LINE_SHOWN_BYTES   160
#define BEFORE_CARET_BYTES 60

struct window {
    const char *data;
    size_t size;
    bool is_cut_before;
    bool is_cut_behind;
};

/* What is printed between a line's "|" and its end; a byte that is no printable character becomes "?". */
static void text_print(FILE *out, const char *data, size_t size) {
    for (size_t at = 0; at < size;) {
        size_t step = utf8_size(data + at, size - at);
        bool is_control = step == 1 && ((unsigned char)data[at] < 0x20 || data[at] == 0x7F) && data[at] != '\t';
        /* U+0080 to U+009F: terminals obey some of them. */
        if (step == 2 && (unsigned char)data[at] == 0xC2 && (unsigned char)data[at + 1] < 0xA0)
            is_control = true;
        if (step == 0 || is_control)
            fputc('?', out);
        else
            (void)fwrite(data + at, 1, step, out);
        at += step == 0 ? 1 : step;
    }
}

static size_t character_start(const char *text, size_t at) {
    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    return at;
}

static struct window window_of(const char *text, size_t column) {
    size_t size = strlen(text);
    if (size <= LINE_SHOWN_BYTES)
        return (struct window){text, size, false, false};
    size_t begin = column > BEFORE_CARET_BYTES ? column - BEFORE_CARET_BYTES : 0;
    if (begin > size - LINE_SHOWN_BYTES)
        begin = size - LINE_SHOWN_BYTES;
    begin = character_start(text, begin);
    size_t end = begin + LINE_SHOWN_BYTES < size ? character_start(text, begin + LINE_SHOWN_BYTES) : size;
    return (struct window){text + begin, end - begin, begin > 0, end < size};
}

/* One blank for each character before the caret, tabs kept; then ^ and ~ for each character below. */
static void caret_print(const struct window *window, size_t column, size_t width, FILE *out) {
    size_t at = 0;
    while (at < column && at < window->size) {
        size_t step = utf8_size(window->data + at, window->size - at);
        fputc(window->data[at] == '\t' ? '\t' : ' ', out);
        at += step == 0 ? 1 : step;
    }
    fputc('^', out);
    size_t end = column + width < window->size ? column + width : window->size;
    size_t first = at < window->size ? utf8_size(window->data + at, window->size - at) : 0;
    for (at += first == 0 ? 1 : first; at < end;) {
        size_t step = utf8_size(window->data + at, window->size - at);
        fputc('~', out);
        at += step == 0 ? 1 : step;
    }
    fputc('\n', out);
}

static void line_print(const struct origin *at, FILE *out) {
    size_t column = at->column > 0 ? at->column - 1 : 0;
    size_t size = strlen(at->text);
    if (column > size)
        column = size;
    struct window window = window_of(at->text, column);
    const char *before = window.is_cut_before ? "..." : "";
    (void)fprintf(out, "%5u | %s", at->line, before);
    text_print(out, window.data, window.size);
    (void)fprintf(out, "%s\n      | %*s", window.is_cut_behind ? "..." : "", (int)strlen(before), "");
    caret_print(&window, column - (size_t)(window.data - at->text), at->width, out);
}

static void diagnostic_print(const struct diagnostic *diagnostic, FILE *out) {
    const struct origin *at = &diagnostic->at;
    if (at->file) {
        text_print(out, at->file, strlen(at->file));
        if (at->line > 0)
            (void)fprintf(out, ":%u", at->line);
        if (at->line > 0 && at->column > 0)
            (void)fprintf(out, ":%u", at->column);
        fputs(": ", out);
    }
    if (diagnostic->kind == DIAGNOSTIC_WARNING)
        fputs("warning: ", out);
    text_print(out, diagnostic->message, strlen(diagnostic->message));
    fputc('\n', out);
    if (at->text && at->line > 0)
        line_print(at, out);
    if (diagnostic->hint) {
        fputs("      hint: ", out);
        text_print(out, diagnostic->hint, strlen(diagnostic->hint));
        fputc('\n', out);
    }
}

static bool is_same_file(const char *left, const char *right) {
    return left == right || (left && right && strcmp(left, right) == 0);
}

/* Files rank as the list names them first. */
struct ranked {
    const struct diagnostic *diagnostic;
    size_t file_rank;
    size_t rank;
};

static int ranked_compare(const void *left, const void *right) {
    const struct ranked *a = left;
    const struct ranked *b = right;
    if (a->file_rank != b->file_rank)
        return a->file_rank < b->file_rank ? -1 : 1;
    if (a->diagnostic->at.line != b->diagnostic->at.line)
        return a->diagnostic->at.line < b->diagnostic->at.line ? -1 : 1;
    if (a->diagnostic->at.column != b->diagnostic->at.column)
        return a->diagnostic->at.column < b->diagnostic->at.column ? -1 : 1;
    return a->rank < b->rank ? -1 : 1;
}

static size_t rank_all(const struct diagnostics *list, struct ranked *ranked) {
    size_t count = 0;
    for (const struct diagnostic *each = list->first; each; each = each->next) {
        size_t file_rank = count;
        for (size_t i = 0; i < count; i++)
            if (is_same_file(ranked[i].diagnostic->at.file, each->at.file)) {
                file_rank = ranked[i].file_rank;
                break;
            }
        ranked[count] = (struct ranked){each, file_rank, count};
        count++;
    }
    return count;
}

static char *text_copy(struct arena *arena, const char *text, bool *is_copied) {
    if (!text)
        return NULL;
    char *copy = arena_copy(arena, text, strlen(text));
    if (!copy)
        *is_copied = false;
    return copy;
}

void diagnostics_init(struct diagnostics *list) {
    *list = (struct diagnostics){0};
    arena_init(&list->arena, NULL, 0);
}

void diagnostics_deinit(struct diagnostics *list) {
    arena_reset(&list->arena);
    diagnostics_init(list);
}

void diagnostics_begin_stage(struct diagnostics *list) {
    list->last_before = list->last;
}

static bool is_told(const struct diagnostics *list, const struct origin *at) {
    if (list->last_before == NULL || at == NULL || at->file == NULL || at->line == 0)
        return false;
    for (const struct diagnostic *each = list->first; each != NULL; each = each->next) {
        if (each->kind == DIAGNOSTIC_ERROR && each->at.line == at->line && is_same_file(each->at.file, at->file))
            return true;
        if (each == list->last_before)
            break;
    }
    return false;
}

void diagnostics_add(struct diagnostics *list, enum diagnostic_kind kind, const struct origin *at, const char *hint,
                     const char *format, ...) {
    if (kind == DIAGNOSTIC_ERROR && is_told(list, at))
        return;
    if (kind == DIAGNOSTIC_ERROR)
        list->error_count++;
    else
        list->warning_count++;
    if ((uint64_t)list->error_count + list->warning_count > DIAGNOSTICS_SHOWN_MAX)
        return;
    struct diagnostic *made = arena_take_zeroed(&list->arena, sizeof *made);
    if (!made)
        return;
    bool is_copied = true;
    made->kind = kind;
    if (at) {
        made->at = *at;
        made->at.folder = NULL;
        made->at.file = text_copy(&list->arena, at->file, &is_copied);
        made->at.text = text_copy(&list->arena, at->text, &is_copied);
    }
    made->hint = text_copy(&list->arena, hint, &is_copied);
    va_list arguments;
    va_start(arguments, format);
    made->message = arena_vformat(&list->arena, format, arguments);
    va_end(arguments);
    if (!is_copied || !made->message)
        return;
    if (list->last)
        list->last->next = made;
    else
        list->first = made;
    list->last = made;
}

void diagnostics_forgive(struct diagnostics *list, const char *file) {
    struct diagnostic *last = NULL;
    struct diagnostic **link = &list->first;
    while (*link != NULL) {
        struct diagnostic *item = *link;
        if (item->kind == DIAGNOSTIC_WARNING && item->at.file != NULL && strcmp(item->at.file, file) == 0) {
            *link = item->next;
            list->warning_count--;
        } else {
            last = item;
            link = &item->next;
        }
    }
    list->last = last;
}

void diagnostics_print(const struct diagnostics *list, FILE *out) {
    size_t count = 0;
    for (const struct diagnostic *each = list->first; each; each = each->next)
        count++;
    struct ranked *ranked = count > 0 ? malloc(count * sizeof *ranked) : NULL;
    if (ranked) {
        (void)rank_all(list, ranked);
        qsort(ranked, count, sizeof *ranked, ranked_compare);
        for (size_t i = 0; i < count; i++)
            diagnostic_print(ranked[i].diagnostic, out);
        free(ranked);
    } else {
        for (const struct diagnostic *each = list->first; each; each = each->next)
            diagnostic_print(each, out);
    }
    uint64_t all = (uint64_t)list->error_count + list->warning_count;
    if (all > count)
        (void)fprintf(out, "... and %llu more\n", (unsigned long long)(all - count));
}

struct origin origin_inside(const struct origin *at, const char *value, size_t offset, size_t width) {
    if (!at->text || at->column == 0)
        return *at;
    size_t size = strlen(at->text);
    size_t begin = at->column - 1;
    if (begin < size && at->text[begin] == '"' && value[0] != '"')
        begin++;
    size_t value_size = strlen(value);
    if (begin > size || value_size > size - begin || memcmp(at->text + begin, value, value_size) != 0)
        return *at;
    struct origin inside = *at;
    inside.column = (uint32_t)(begin + offset + 1);
    inside.width = width > 0 ? (uint32_t)width : 1;
    return inside;
}

bool origin_is_set(const struct origin *at) {
    return at->file != NULL && strcmp(at->file, ORIGIN_SET) == 0;
}

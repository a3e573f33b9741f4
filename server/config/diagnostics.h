/**
 * Diagnostics: every mistake in the configuration at once, each with its place.
 *
 *     /etc/tothread/tothread.conf:12:11: workers: "fuor" is not a whole number (1 to 4096, or auto)
 *        12 | workers = fuor
 *           |           ^~~~
 *           hint: ...
 *
 * Columns count bytes. The caret line keeps tabs and has one blank for each character, so that the caret stands under its
 * bytes; of a long line only the part around the caret is shown. Whatever a terminal could take for a command is shown
 * as "?".
 *
 * Thread: whoever owns the list; no locking.
 *
 * Normal use:
 * 1. diagnostics_init;
 * 2. diagnostics_add for each mistake, and go on checking;
 * 3. diagnostics_print; error_count tells whether to go on;
 * 4. diagnostics_deinit.
 */
#ifndef SERVER_CONFIG_DIAGNOSTICS_H
#define SERVER_CONFIG_DIAGNOSTICS_H

#include "../arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Where something stands. file is NULL for a built-in default. Pointers belong to the arena of who made it. */
struct origin {
    const char *file;   /* a path, ORIGIN_SET, or "built-in demo" */
    const char *folder; /* relative paths that stand here count from this folder; NULL: the current one */
    const char *text;   /* the whole line, without its end; NULL where there is none */
    uint32_t line;      /* from 1; 0 where there is none */
    uint32_t column;    /* from 1, in bytes */
    uint32_t width;     /* bytes to underline, at least 1 */
};

/* The file of what the command line says. */
#define ORIGIN_SET "--set"

/** Whether it stands on the command line. */
bool origin_is_set(const struct origin *at);

enum diagnostic_kind { DIAGNOSTIC_ERROR, DIAGNOSTIC_WARNING };

struct diagnostic {
    struct diagnostic *next;
    enum diagnostic_kind kind;
    struct origin at;
    const char *message;
    const char *hint; /* NULL where there is none */
};

struct diagnostics {
    struct arena arena;
    struct diagnostic *first;
    struct diagnostic *last;
    struct diagnostic *last_before; /* the last of earlier stages; NULL: none */
    uint32_t error_count;
    uint32_t warning_count;
};

void diagnostics_init(struct diagnostics *list);
void diagnostics_deinit(struct diagnostics *list);

/** How many are kept and shown; of those beyond only the number is told. */
#define DIAGNOSTICS_SHOWN_MAX 1000

/**
 * Adds one; at (may be NULL: no place) and what it points to, message and hint are copied. hint may be NULL. Never fails:
 * without memory only the count grows.
 */
void diagnostics_add(struct diagnostics *list, enum diagnostic_kind kind, const struct origin *at, const char *hint,
                     const char *format, ...) TT_PRINTF(5, 6);

/**
 * From here on an error in a line that has one already is not added: it is most likely the same mistake, seen once more by
 * somebody who looks for another kind.
 */
void diagnostics_begin_stage(struct diagnostics *list);

/** Drops the warnings about a file; its errors stay. Before diagnostics_begin_stage, or when nothing is added any more. */
void diagnostics_forgive(struct diagnostics *list, const char *file);

/** Prints all of them: file by file as they were first named, each in the order of its lines. */
void diagnostics_print(const struct diagnostics *list, FILE *out);

/** The member of names that is meant by word, or NULL where none is near enough. names ends with NULL. Thread: any. */
const char *diagnostics_nearest(const char *word, const char *const *names);

/**
 * The place of width bytes from offset on inside of a value that stands at `at` (behind its quote, if it has one); `at`
 * itself where the value isn't found there, for it goes over several lines.
 */
struct origin origin_inside(const struct origin *at, const char *value, size_t offset, size_t width);

#endif

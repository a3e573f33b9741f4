/**
 * Lexer: bytes of a configuration file to section headers and settings. Pure: no files, no table of keys.
 *
 *     # a comment: at the start of a line, or after white space
 *     [pool NAME]
 *     key = value      # so that a value may hold a#b
 *     key = "  in quotes # everything stays; \" and \\ are escapes, other backslashes stay too"
 *     key = a long value \
 *           goes on here: the backslash and the white space around the line's end become one blank
 *
 * Lines end with LF or CR LF and may have any length. Bytes that are no UTF-8, NUL and other control characters (but the
 * tab) are mistakes, in comments too. Each mistake is one item; the next call goes on behind it.
 *
 * Thread: any; no state but *lexer. All texts of an item live in the arena.
 *
 * Normal use:
 * 1. lexer_init with the whole text;
 * 2. lexer_next until LEXER_END or LEXER_NOMEM.
 */
#ifndef SERVER_CONFIG_LEXER_H
#define SERVER_CONFIG_LEXER_H

#include "diagnostics.h"

enum lexer_kind {
    LEXER_SECTION, /* first: its word, second: its name or "" */
    LEXER_SETTING, /* first: key, second: value */
    LEXER_MISTAKE, /* at, message, hint */
    LEXER_END,
    LEXER_NOMEM
};

struct lexer_word {
    const char *text;
    struct origin at;
};

struct lexer_item {
    enum lexer_kind kind;
    struct lexer_word first;
    struct lexer_word second;
    struct origin at;    /* LEXER_MISTAKE */
    const char *message; /* LEXER_MISTAKE */
    const char *hint;    /* LEXER_MISTAKE; may be NULL */
    bool is_header;      /* LEXER_MISTAKE: the line was meant as a section's header */
};

struct lexer {
    const char *cursor; /* begin of the next line */
    const char *end;
    const char *data; /* the current line, without its end */
    size_t size;
    const char *text; /* its copy for origins; NULL: not made yet */
    uint32_t line;
    const char *file;
    const char *folder;
    struct arena *arena;
};

/**
 * Begins. file and folder (may be NULL) go into the origins.
 * Owns: borrows data while lexing; keeps file and folder as long as the arena lives.
 */
void lexer_init(struct lexer *lexer, const char *file, const char *folder, const char *data, size_t size,
                struct arena *arena);

/** The next item. Returns: its kind, which is in *ret_item as well. */
enum lexer_kind lexer_next(struct lexer *lexer, struct lexer_item *ret_item);

/**
 * Looks for a byte that no text may have.
 * Returns: NULL where there is none; else what it is, with *ret_at and *ret_hint (a constant, or NULL).
 */
const char *lexer_check_text(const char *data, size_t size, size_t *ret_at, const char **ret_hint);

/** A copy of a line for origins: as it is, but for NULs, which become "?". Returns: NULL without memory. */
const char *lexer_copy_line(struct arena *arena, const char *data, size_t size);

#endif

/**
 * Arena: memory that is given out piece by piece and freed all at once.
 *
 * Small pieces come from a first block that the owner may embed; nothing is ever moved. Zeroed memory is an arena without
 * a first block.
 * Thread: whoever owns it; no locking.
 *
 * Normal use:
 * 1. arena_init(&arena, buffer, sizeof buffer), or arena_init(&arena, NULL, 0);
 * 2. arena_take, arena_copy, arena_format;
 * 3. arena_reset at the end of each round, and at the arena's own end.
 */
#ifndef SERVER_ARENA_H
#define SERVER_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <tothread/status.h>

#define ARENA_ALIGNMENT ((size_t)16)

struct arena_block;

/** Between calls cursor and end are multiples of ARENA_ALIGNMENT. */
struct arena {
    char *cursor;
    char *end;
    struct arena_block *blocks; /* those from malloc */
    char *first;                /* the embedded block, kept by arena_reset */
    char *first_end;
};

/** Uses memory (may be NULL, 0) as the first block. Owns: keeps memory until the arena's end. */
void arena_init(struct arena *arena, void *memory, size_t size);

/** Frees everything but the embedded block; all pieces are gone. Leaves the arena ready for use. */
void arena_reset(struct arena *arena);

/** arena_take when the current block has no room, or for size 0. For arena_take alone. */
void *arena_take_slowly(struct arena *arena, size_t size) TT_MUST_CHECK;

/** size bytes, aligned for anything, not zeroed. Owns: lends, until reset. Returns: NULL without memory. */
static inline void *arena_take(struct arena *arena, size_t size) TT_MUST_CHECK;
static inline void *arena_take(struct arena *arena, size_t size) {
    /* size 0 wraps around, and goes the slow way. */
    if (size - 1 >= (size_t)(arena->end - arena->cursor))
        return arena_take_slowly(arena, size);
    void *piece = arena->cursor;
    arena->cursor += (size + (ARENA_ALIGNMENT - 1)) & ~(ARENA_ALIGNMENT - 1);
    return piece;
}

/** As arena_take, zeroed. */
void *arena_take_zeroed(struct arena *arena, size_t size) TT_MUST_CHECK;

/** A copy with a NUL behind it. text may be NULL when size is 0. Returns: NULL without memory. */
char *arena_copy(struct arena *arena, const char *text, size_t size) TT_MUST_CHECK;

/** As asprintf. Returns: NULL without memory. */
char *arena_format(struct arena *arena, const char *format, ...) TT_PRINTF(2, 3) TT_MUST_CHECK;

/** As vasprintf. Returns: NULL without memory. */
char *arena_vformat(struct arena *arena, const char *format, va_list arguments) TT_PRINTF(2, 0) TT_MUST_CHECK;

#endif

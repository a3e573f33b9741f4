/* Arena: blocks from malloc behind the one that the owner embeds. The contract stands in arena.h. */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    _Alignas(16) char data[];
};

#define BLOCK_BYTES ((size_t)4096 - sizeof(struct arena_block))

/* Pieces from this size on get a block of their own: the current block keeps its rest for small ones. */
#define BIG_BYTES ((size_t)1024)

static size_t round_up(size_t size) {
    return (size + (ARENA_ALIGNMENT - 1)) & ~(ARENA_ALIGNMENT - 1);
}

static struct arena_block *block_add(struct arena *arena, size_t size) {
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void arena_init(struct arena *arena, void *memory, size_t size) {
    *arena = (struct arena){0};
    if (!memory)
        return;
    size_t skip = (size_t)(-(uintptr_t)memory & (ARENA_ALIGNMENT - 1));
    if (size < skip + ARENA_ALIGNMENT)
        return;
    arena->first = (char *)memory + skip;
    arena->first_end = arena->first + ((size - skip) & ~(ARENA_ALIGNMENT - 1));
    arena->cursor = arena->first;
    arena->end = arena->first_end;
}

void arena_reset(struct arena *arena) {
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->cursor = arena->first;
    arena->end = arena->first_end;
}

void *arena_take_slowly(struct arena *arena, size_t size) {
    if (size == 0)
        return arena_take(arena, 1);
    if (size > PTRDIFF_MAX - sizeof(struct arena_block) - ARENA_ALIGNMENT)
        return NULL;
    if (size >= BIG_BYTES) {
        struct arena_block *block = block_add(arena, round_up(size));
        return block ? block->data : NULL;
    }
    struct arena_block *block = block_add(arena, BLOCK_BYTES);
    if (!block)
        return NULL;
    arena->cursor = block->data + round_up(size);
    arena->end = block->data + BLOCK_BYTES;
    return block->data;
}

void *arena_take_zeroed(struct arena *arena, size_t size) {
    void *piece = arena_take(arena, size);
    if (piece)
        memset(piece, 0, size);
    return piece;
}

char *arena_copy(struct arena *arena, const char *text, size_t size) {
    if (size == SIZE_MAX)
        return NULL;
    char *copy = arena_take(arena, size + 1);
    if (!copy)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *arena_format(struct arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vformat(arena, format, arguments);
    va_end(arguments);
    return text;
}

char *arena_vformat(struct arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    char *text = size < 0 ? NULL : arena_take(arena, (size_t)size + 1);
    if (text && vsnprintf(text, (size_t)size + 1, format, again) != size)
        text = NULL;
    va_end(again);
    return text;
}

/*
 * Route: method and path to what answers them.
 *
 * Step 3 of 11
 * Before: parse (http/parse.c)
 * After: args (http/args.c)
 *
 * One hash map holds both kinds of keys: whole literal paths (under parent 0), and the literal edges of the segment tree
 * (under the id of the node that they leave). Only patterns with braces are in the tree.
 */
#include "route.h"
#include "../arena.h"
#include "pattern.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One added pattern; its methods share it. */
struct entry {
    void *target;
    const char *names[ROUTE_CAPTURES_MAX];
};

/* Where a pattern ends. */
struct leaf {
    unsigned methods; /* those of entries, and HEAD where there is GET; 0: a refused route_add left it behind */
    struct entry *entries[PATTERN_METHODS];
};

struct node {
    uint32_t id; /* parent of its edges; 0 for a literal path */
    struct node *brace;
    struct node *rest;
    struct leaf leaf;
};

struct slot {
    struct node *node; /* NULL: free */
    const char *text;
    uint32_t size;
    uint32_t parent;
    uint32_t hash;
};

struct route_table {
    struct slot *slots;
    size_t slot_count; /* a power of two, at most half of them used */
    size_t used_count;
    size_t literal_max; /* bytes of the longest literal path */
    uint32_t last_id;
    struct node root;
    struct arena arena;
    const char *allow[1 << PATTERN_METHODS]; /* by methods; for all unions of what leaves have */
};

#define SLOTS_MIN 64

/* What a walk carries along. */
struct walk {
    const struct route_table *table;
    enum http_method method;
    unsigned methods; /* of all leaves that matched the path so far */
    struct route_match *match;
};

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 32);
}

/* Keys come from the configuration alone, so nobody can make them collide: speed is all that counts. */
static uint32_t hash_of(uint32_t parent, const char *text, size_t size) {
    uint64_t hash = mix(parent, size);
    uint64_t word = 0;
    if (size >= sizeof word) {
        for (size_t at = 0; at + sizeof word < size; at += sizeof word) {
            memcpy(&word, text + at, sizeof word);
            hash = mix(hash, word);
        }
        memcpy(&word, text + size - sizeof word, sizeof word);
    } else {
        for (size_t at = 0; at < size; at++)
            word = word << 8 | (uint8_t)text[at];
    }
    hash = mix(hash, word);
    return (uint32_t)(hash ^ (hash >> 29));
}

/* The slot that holds the key, or the free one where it belongs. */
static struct slot *slot_find(const struct route_table *table, uint32_t hash, uint32_t parent, const char *text,
                              size_t size) {
    size_t mask = table->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct slot *slot = &table->slots[i];
        if (slot->node == NULL)
            return slot;
        if (slot->hash == hash && slot->parent == parent && slot->size == size && memcmp(slot->text, text, size) == 0)
            return slot;
    }
}

static struct node *node_find(const struct route_table *table, uint32_t parent, const char *text, size_t size) {
    return slot_find(table, hash_of(parent, text, size), parent, text, size)->node;
}

static bool slots_grow(struct route_table *table) {
    struct route_table bigger = *table;
    bigger.slot_count = table->slot_count * 2;
    bigger.slots = calloc(bigger.slot_count, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < table->slot_count; i++) {
        const struct slot *slot = &table->slots[i];
        if (slot->node != NULL)
            *slot_find(&bigger, slot->hash, slot->parent, slot->text, slot->size) = *slot;
    }
    free(table->slots);
    table->slots = bigger.slots;
    table->slot_count = bigger.slot_count;
    return true;
}

static struct node *node_new(struct route_table *table) {
    struct node *node = arena_take(&table->arena, sizeof *node);
    if (node != NULL)
        *node = (struct node){.id = ++table->last_id};
    return node;
}

static struct node *node_find_or_add(struct route_table *table, uint32_t parent, const char *text, size_t size) {
    uint32_t hash = hash_of(parent, text, size);
    struct node *node = slot_find(table, hash, parent, text, size)->node;
    if (node != NULL)
        return node;
    if ((table->used_count + 1) * 2 > table->slot_count && !slots_grow(table))
        return NULL;
    const char *copy = arena_copy(&table->arena, text, size);
    node = copy != NULL ? node_new(table) : NULL;
    if (node == NULL)
        return NULL;
    *slot_find(table, hash, parent, text, size) =
        (struct slot){.node = node, .text = copy, .size = (uint32_t)size, .parent = parent, .hash = hash};
    table->used_count++;
    return node;
}

/* The node where the pattern ends, made if need be. NULL: no memory. */
static struct node *pattern_place(struct route_table *table, const struct pattern *pattern) {
    if (pattern->capture_count == 0) {
        if (pattern->path_size > table->literal_max)
            table->literal_max = pattern->path_size;
        return node_find_or_add(table, 0, pattern->path, pattern->path_size);
    }
    struct node *node = &table->root;
    for (size_t i = 0; i < pattern->segment_count && node != NULL; i++) {
        const struct pattern_segment *segment = &pattern->segments[i];
        if (segment->kind == PATTERN_LITERAL) {
            node = node_find_or_add(table, node->id, segment->text, segment->size);
            continue;
        }
        struct node **child = segment->kind == PATTERN_BRACE ? &node->brace : &node->rest;
        if (*child == NULL)
            *child = node_new(table);
        node = *child;
    }
    return node;
}

static struct entry *entry_new(struct route_table *table, const struct pattern *pattern, void *target) {
    struct entry *entry = arena_take(&table->arena, sizeof *entry);
    size_t count = 0;
    if (entry == NULL)
        return NULL;
    *entry = (struct entry){.target = target};
    for (size_t i = 0; i < pattern->segment_count; i++) {
        const struct pattern_segment *segment = &pattern->segments[i];
        if (segment->kind == PATTERN_LITERAL)
            continue;
        entry->names[count] = arena_copy(&table->arena, segment->text, segment->size);
        if (entry->names[count++] == NULL)
            return NULL;
    }
    return entry;
}

static const char *allow_new(struct route_table *table, unsigned methods) {
    char text[80] = "";
    size_t size = 0;
    for (unsigned method = 0; method < PATTERN_METHODS; method++)
        if ((methods & (1u << method)) != 0)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", size > 0 ? ", " : "",
                                     pattern_method_name(method));
    return arena_copy(&table->arena, text, size);
}

/* Several patterns may match one path, and then its Allow is the union of theirs: keeps the texts of all unions. */
static bool allow_add(struct route_table *table, unsigned methods) {
    for (unsigned other = 0; other < 1u << PATTERN_METHODS; other++) {
        unsigned both = other | methods;
        if (table->allow[other] != NULL && table->allow[both] == NULL) {
            table->allow[both] = allow_new(table, both);
            if (table->allow[both] == NULL)
                return false;
        }
    }
    return true;
}

struct route_table *route_table_create(void) {
    struct route_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    arena_init(&table->arena, NULL, 0);
    table->slot_count = SLOTS_MIN;
    table->slots = calloc(SLOTS_MIN, sizeof *table->slots);
    table->root.id = ++table->last_id;
    table->allow[0] = "";
    if (table->slots == NULL) {
        route_table_destroy(table);
        return NULL;
    }
    return table;
}

void route_table_destroy(struct route_table *table) {
    if (table == NULL)
        return;
    arena_reset(&table->arena);
    free(table->slots);
    free(table);
}

enum tt_status route_add(struct route_table *table, const char *pattern, void *target, void **ret_taken,
                         struct tt_error *reterr) {
    struct pattern parsed;
    enum tt_status status = pattern_parse(pattern, &parsed, reterr);
    if (status != TT_OK)
        return status;
    struct node *node = pattern_place(table, &parsed);
    if (node == NULL)
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory for a route");
    struct leaf *leaf = &node->leaf;
    for (unsigned method = 0; method < PATTERN_METHODS; method++) {
        if ((parsed.methods & (1u << method)) == 0 || leaf->entries[method] == NULL)
            continue;
        if (ret_taken != NULL)
            *ret_taken = leaf->entries[method]->target;
        return tt_error_set(reterr, TT_FULL, 0, "the route %s %.200s exists already", pattern_method_name(method),
                            parsed.path);
    }
    unsigned methods = leaf->methods | parsed.methods;
    if ((methods & (1u << HTTP_GET)) != 0)
        methods |= 1u << HTTP_HEAD;
    struct entry *entry = entry_new(table, &parsed, target);
    if (entry == NULL || !allow_add(table, methods))
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory for a route");
    for (unsigned method = 0; method < PATTERN_METHODS; method++)
        if ((parsed.methods & (1u << method)) != 0)
            leaf->entries[method] = entry;
    leaf->methods = methods;
    return TT_OK;
}

static void capture_set(struct walk *walk, size_t index, const char *data, size_t size) {
    if (index < ROUTE_CAPTURES_MAX)
        walk->match->captures[index] = (struct route_capture){.data = data, .size = size};
}

/* True: the walk is over. */
static bool leaf_take(struct walk *walk, const struct leaf *leaf, size_t capture_count) {
    const struct entry *entry = NULL;
    walk->methods |= leaf->methods;
    if ((unsigned)walk->method < PATTERN_METHODS)
        entry = leaf->entries[walk->method];
    if (entry == NULL && walk->method == HTTP_HEAD)
        entry = leaf->entries[HTTP_GET];
    if (entry == NULL)
        return false;
    walk->match->target = entry->target;
    walk->match->capture_count = capture_count;
    for (size_t i = 0; i < capture_count; i++)
        walk->match->captures[i].name = entry->names[i];
    return true;
}

/* at is the first byte of the next segment, NULL where there is none. As deep as the deepest pattern, no more. */
static bool node_walk(struct walk *walk, const struct node *node, const char *at, const char *end,
                      size_t capture_count) {
    if (at == NULL)
        return leaf_take(walk, &node->leaf, capture_count);
    const char *slash = memchr(at, '/', (size_t)(end - at));
    const char *next = slash != NULL ? slash + 1 : NULL;
    size_t size = (size_t)((slash != NULL ? slash : end) - at);
    const struct node *literal = node_find(walk->table, node->id, at, size);
    if (literal != NULL && node_walk(walk, literal, next, end, capture_count))
        return true;
    if (node->brace != NULL && size > 0 && !pattern_has_dots(at, size)) {
        capture_set(walk, capture_count, at, size);
        if (node_walk(walk, node->brace, next, end, capture_count + 1))
            return true;
    }
    size_t left = (size_t)(end - at);
    if (node->rest == NULL || left == 0 || pattern_has_dots(at, left))
        return false;
    capture_set(walk, capture_count, at, left);
    return leaf_take(walk, &node->rest->leaf, capture_count + 1);
}

void route_find(const struct route_table *table, enum http_method method, const char *path, size_t size,
                struct route_match *ret_match) {
    struct walk walk = {.table = table, .method = method, .match = ret_match};
    ret_match->target = NULL;
    ret_match->capture_count = 0;
    if (size == 0) {
        path = "/";
        size = 1;
    }
    const struct node *literal = size <= table->literal_max ? node_find(table, 0, path, size) : NULL;
    bool is_found = literal != NULL && leaf_take(&walk, &literal->leaf, 0);
    if (!is_found && path[0] == '/')
        (void)node_walk(&walk, &table->root, path + 1, path + size, 0); /* ret_match tells */
    ret_match->path_exists = walk.methods != 0;
    ret_match->allow = table->allow[walk.methods];
}

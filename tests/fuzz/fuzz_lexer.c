/*
 * Fuzz lexer: the input as a configuration file.
 *
 * Whatever the input, it ends; every line gives one item at most; and what an item says is text at a place in the file.
 */
#include "server/config/lexer.h"
#include "server/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_right, const char *what) {
    if (is_right)
        return;
    (void)fprintf(stderr, "fuzz_lexer: %s\n", what);
    abort();
}

static void check_origin(const struct origin *at, uint32_t line_count) {
    require(at->line >= 1 && at->line <= line_count, "a line that isn't there");
    require(at->column >= 1 && at->width >= 1 && at->text != NULL, "no place in the line");
    require(at->column <= strlen(at->text) + 1, "behind the line");
}

static void check_word(const struct lexer_word *word, uint32_t line_count) {
    require(word->text != NULL && json_is_text(word->text, strlen(word->text)), "a word that is no text");
    if (word->text[0] != '\0')
        check_origin(&word->at, line_count);
}

static void check_item(const struct lexer_item *item, uint32_t line_count) {
    if (item->kind == LEXER_MISTAKE) {
        check_origin(&item->at, line_count);
        require(item->message != NULL && item->message[0] != '\0', "a mistake without words");
        return;
    }
    require(item->kind == LEXER_SECTION || item->kind == LEXER_SETTING, "an item of no kind");
    require(item->first.text[0] != '\0', "no word, no key");
    check_word(&item->first, line_count);
    check_word(&item->second, line_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct lexer lexer;
    struct lexer_item item;
    uint32_t line_count = 1;
    uint32_t item_count = 0;
    char *bytes = malloc(size > 0 ? size : 1); /* of its exact size: a sanitizer watches the end */
    require(bytes != NULL, "no memory");
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)data[i];
        line_count += data[i] == '\n';
    }
    arena_init(&arena, NULL, 0);
    lexer_init(&lexer, "fuzz.conf", NULL, bytes, size, &arena);
    while (lexer_next(&lexer, &item) != LEXER_END) {
        require(item.kind != LEXER_NOMEM, "no memory");
        require(++item_count <= line_count, "more items than lines");
        check_item(&item, line_count);
    }
    arena_reset(&arena);
    free(bytes);
    return 0;
}

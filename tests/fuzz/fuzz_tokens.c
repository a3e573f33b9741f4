/*
 * Fuzz tokens: the input as a file of tokens.
 *
 * Whatever the input, it ends with tokens or with a mistake, each token is found by what stands in its line, and no message
 * has a line of the file.
 */
#include "server/config/tokens.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_right, const char *what) {
    if (is_right)
        return;
    (void)fprintf(stderr, "fuzz_tokens: %s\n", what);
    abort();
}

static void check_tokens(const struct tokens *tokens) {
    require(tokens->count > 0 && tokens->count <= TOKENS_MAX, "a number of tokens");
    for (size_t i = 0; i < tokens->count; i++) {
        char text[TOKENS_BYTES_MAX + 1] = {0};
        memcpy(text, tokens->list[i].words, TOKENS_BYTES_MAX);
        size_t size = strlen(text);
        require(size >= TOKENS_BYTES_MIN && tokens_is_form(text, size), "a token of no form");
        require(tokens_find(tokens, text, size) == tokens->list[i].name, "a token that isn't found");
        size_t name_size = strlen(tokens->list[i].name);
        require(name_size >= 1 && name_size <= 63, "a name of an impossible size");
    }
}

static void check_diagnostics(const struct diagnostics *diagnostics, uint32_t line_count) {
    for (const struct diagnostic *each = diagnostics->first; each != NULL; each = each->next) {
        require(each->at.text == NULL, "a message shows a line");
        require(each->at.line <= line_count, "a line that isn't there");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct diagnostics diagnostics;
    uint32_t line_count = 1;
    char *bytes = malloc(size > 0 ? size : 1); /* of its exact size: a sanitizer watches the end */
    require(bytes != NULL, "no memory");
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)data[i];
        line_count += data[i] == '\n';
    }
    arena_init(&arena, NULL, 0);
    diagnostics_init(&diagnostics);
    const struct tokens *tokens = tokens_parse("tokens", bytes, size, &arena, &diagnostics);
    require((tokens != NULL) == (diagnostics.error_count == 0), "neither tokens nor a mistake, or both");
    if (tokens != NULL)
        check_tokens(tokens);
    check_diagnostics(&diagnostics, line_count);
    diagnostics_deinit(&diagnostics);
    arena_reset(&arena);
    free(bytes);
    return 0;
}

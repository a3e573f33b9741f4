/* Tokens: see tokens.h. What the calls ask for is checked in grants.c. */
#include "tokens.h"

#include "file.h"
#include "key.h"
#include "values.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORD_COUNT (TOKENS_BYTES_MAX / sizeof(uint64_t))
/* More than 256 lines of the longest, with comments between. */
#define FILE_BYTES_MAX ((size_t)1 << 20)
#define FORM_HINT      "a line is a name and a token, with white space between"

struct reading {
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct tokens *tokens;
    const char *file;
    const char *line; /* its first byte */
    uint32_t number;  /* of the line, from 1 */
    bool is_right;
};

/* A piece of a line. */
struct piece {
    const char *data;
    size_t size;
};

static void mistake(struct reading *reading, struct piece at, const char *hint, const char *message) {
    /* Without the line's text: it would stand in a log. */
    const struct origin origin = {.file = reading->file,
                                  .line = reading->number,
                                  .column = (uint32_t)(at.data - reading->line) + 1,
                                  .width = at.size > 0 ? (uint32_t)at.size : 1};
    diagnostics_add(reading->diagnostics, DIAGNOSTIC_ERROR, &origin, hint, "%s", message);
    reading->is_right = false;
}

static bool is_space(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Up to the next white space; *line shrinks by it, and by the white space around it. */
static struct piece piece_take(struct piece *line) {
    while (line->size > 0 && is_space(*line->data)) {
        line->data++;
        line->size--;
    }
    struct piece piece = {line->data, 0};
    while (piece.size < line->size && !is_space(piece.data[piece.size]))
        piece.size++;
    line->data += piece.size;
    line->size -= piece.size;
    while (line->size > 0 && is_space(*line->data)) {
        line->data++;
        line->size--;
    }
    return piece;
}

static bool is_token_byte(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           (byte != '\0' && strchr("-._~+/", byte) != NULL);
}

bool tokens_is_form(const char *text, size_t size) {
    size_t good = 0;
    while (good < size && is_token_byte(text[good]))
        good++;
    while (good > 0 && good < size && text[good] == '=')
        good++;
    return good > 0 && good == size;
}

static const char *token_mistake(const char *text, size_t size) {
    if (size == 0)
        return "the token is missing";
    if (!tokens_is_form(text, size))
        return "the token has a character that tokens can't have";
    if (size < TOKENS_BYTES_MIN)
        return "the token is shorter than 16 bytes";
    return size > TOKENS_BYTES_MAX ? "the token is longer than 256 bytes" : NULL;
}

static void token_add(struct reading *reading, struct piece name, struct piece text) {
    struct tokens *tokens = reading->tokens;
    if (tokens->count == TOKENS_MAX) {
        mistake(reading, name, NULL, "there are at most 256 tokens");
        return;
    }
    struct token *token = &tokens->list[tokens->count];
    *token = (struct token){.name = arena_copy(reading->arena, name.data, name.size)};
    if (token->name == NULL) {
        reading->is_right = false; /* and no mistake: that is how it is told */
        return;
    }
    memcpy(token->words, text.data, text.size);
    for (size_t i = 0; i < tokens->count; i++)
        if (memcmp(tokens->list[i].words, token->words, sizeof token->words) == 0) {
            mistake(reading, text, NULL, "the token stands twice");
            return;
        }
    tokens->count++;
}

static void line_read(struct reading *reading, struct piece line) {
    struct piece name = piece_take(&line);
    if (name.size == 0 || name.data[0] == '#')
        return;
    struct piece text = piece_take(&line);
    const char *wrong = NULL;
    size_t at = 0;
    size_t size = name.size;
    char copy[KEY_NAME_MAX + 2] = {0};
    memcpy(copy, name.data, name.size < sizeof copy ? name.size : sizeof copy - 1);
    if (memchr(name.data, '\0', name.size) != NULL)
        mistake(reading, name, VALUE_NAME_HINT, "a name with a NUL in it");
    else if (!value_is_name(copy, KEY_NAME_MAX, &wrong, &at, &size))
        mistake(reading, (struct piece){name.data + at, size}, text.size > 0 ? VALUE_NAME_HINT : FORM_HINT, wrong);
    const char *wrong_token = token_mistake(text.data, text.size);
    if (wrong_token)
        mistake(reading, text, text.size > 0 ? "for example: head -c 24 /dev/urandom | base64" : FORM_HINT,
                wrong_token);
    if (line.size > 0)
        mistake(reading, line, FORM_HINT, "something stands behind the token");
    if (reading->is_right)
        token_add(reading, name, text);
}

struct tokens *tokens_parse(const char *file, const char *data, size_t size, struct arena *arena,
                            struct diagnostics *diagnostics) {
    struct reading reading = {.arena = arena, .diagnostics = diagnostics, .file = file, .is_right = true};
    reading.tokens = arena_take_zeroed(arena, sizeof *reading.tokens);
    if (!reading.tokens)
        return NULL;
    reading.tokens->list = arena_take(arena, TOKENS_MAX * sizeof *reading.tokens->list);
    if (!reading.tokens->list)
        return NULL;
    while (size > 0) {
        const char *end = memchr(data, '\n', size);
        size_t line_size = end ? (size_t)(end - data) : size;
        reading.number++;
        reading.line = data;
        line_read(&reading, (struct piece){data, line_size});
        data += line_size + (end != NULL);
        size -= line_size + (end != NULL);
    }
    if (reading.is_right && reading.tokens->count == 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &(struct origin){.file = file}, FORM_HINT,
                        "there is no token in the file");
        reading.is_right = false;
    }
    if (reading.is_right)
        return reading.tokens;
    tokens_wipe(reading.tokens);
    return NULL;
}

void tokens_wipe(struct tokens *tokens) {
    if (tokens)
        explicit_bzero(tokens->list, TOKENS_MAX * sizeof *tokens->list);
}

const char *tokens_find(const struct tokens *tokens, const char *text, size_t size) {
    uint64_t given[WORD_COUNT] = {0};
    size_t found = tokens->count;
    if (size == 0 || size > TOKENS_BYTES_MAX || memchr(text, '\0', size) != NULL)
        return NULL; /* that says nothing about any token */
    memcpy(given, text, size);
    for (size_t i = 0; i < tokens->count; i++) {
        uint64_t difference = 0;
        for (size_t word = 0; word < WORD_COUNT; word++)
            difference |= given[word] ^ tokens->list[i].words[word];
        /* All ones for a token that is the same, without a branch. */
        size_t is_same = (size_t)(((difference | (0 - difference)) >> 63) - 1);
        __asm__("" : "+r"(is_same)); /* or the compiler may make a branch of it after all */
        found = (found & ~is_same) | (i & is_same);
    }
    explicit_bzero(given, sizeof given);
    return found < tokens->count ? tokens->list[found].name : NULL;
}

/* -- from the file -- */

/* The path that `tokens` means; NULL after a mistake. */
static const char *path_find(struct config *config, const struct config_setting *setting,
                             const struct config_source *source, struct diagnostics *diagnostics) {
    const char *value = config->server.tokens_path;
    const char *credential = value + strlen(TOKENS_CREDENTIAL);
    const char *message;
    size_t at;
    size_t size;
    if (strncmp(value, TOKENS_CREDENTIAL, strlen(TOKENS_CREDENTIAL)) != 0)
        return config_path(&config->arena, setting, value);
    if (!value_is_name(credential, 255, &message, &at, &size) || credential[0] == '.') {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &setting->value_at, "for example: credential:tokens",
                        "tokens: behind credential: stands the name of LoadCredential=");
        return NULL;
    }
    if (source->credentials)
        return arena_format(&config->arena, "%s/%s", source->credentials, credential);
    diagnostics_add(diagnostics, source->is_dry ? DIAGNOSTIC_WARNING : DIAGNOSTIC_ERROR, &setting->value_at,
                    "systemd sets it for a unit with LoadCredential=",
                    source->is_dry ? "tokens: there is no $CREDENTIALS_DIRECTORY here: the credential can't be checked"
                                   : "tokens: there is no $CREDENTIALS_DIRECTORY");
    return NULL;
}

static void rights_check(const char *path, uint32_t mode, struct diagnostics *diagnostics) {
    if ((mode & (S_IROTH | S_IWGRP | S_IWOTH)) == 0)
        return;
    diagnostics_add(diagnostics, DIAGNOSTIC_WARNING, &(struct origin){.file = path},
                    "chmod 640, with the service's group, is enough",
                    (mode & S_IROTH) != 0 ? "everybody may read the tokens"
                                          : "others than the owner may write the tokens");
}

bool tokens_load(struct config *config, const struct config_source *source, struct diagnostics *diagnostics) {
    const struct config_setting *setting = config_find(&config->server.section, "tokens");
    struct file_bytes bytes;
    uint32_t errors_before = diagnostics->error_count;
    if (!setting || !config->server.tokens_path)
        return true;
    const char *path = path_find(config, setting, source, diagnostics);
    if (!path)
        return diagnostics->error_count > errors_before || source->is_dry;
    int error = file_load(path, FILE_BYTES_MAX, &bytes);
    if (error != 0) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, &setting->value_at, NULL, "tokens: can't read %s: %s", path,
                        strerrordesc_np(error));
        return true;
    }
    rights_check(path, bytes.mode, diagnostics);
    config->server.tokens = tokens_parse(path, bytes.data, bytes.size, &config->arena, diagnostics);
    explicit_bzero(bytes.data, bytes.size);
    free(bytes.data);
    return config->server.tokens != NULL || diagnostics->error_count > errors_before;
}

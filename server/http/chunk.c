/*
 * Chunk: decodes a chunked body.
 *
 * Everything but the data goes byte by byte through one table, state by kind of byte; what isn't in the table is
 * refused. The table is the grammar of RFC 9112, 7.1, and RFC 9110, 5.6.
 */
#include "chunk.h"
#include "byte.h"

enum state {
    STATE_REFUSED, /* 0: what the table doesn't name */
    STATE_SIZE_START,
    STATE_SIZE,
    STATE_BLANK,      /* white space that must end in ";" */
    STATE_NAME_START, /* after ";" */
    STATE_NAME,
    STATE_NAME_BLANK,  /* white space that must end in ";" or "=" */
    STATE_VALUE_START, /* after "=" */
    STATE_VALUE,
    STATE_QUOTED,
    STATE_ESCAPED,
    STATE_QUOTED_END,
    STATE_SIZE_LF,
    STATE_DATA_CR, /* after the data */
    STATE_DATA_LF,
    STATE_TRAILER_START,
    STATE_TRAILER_NAME,
    STATE_TRAILER_VALUE,
    STATE_TRAILER_LF,
    STATE_END_LF,

    STATE_DATA, /* not in the table */
    STATE_DONE
};

#define STATES_IN_TABLE STATE_DATA

/* What a byte is to the table. Kinds are disjoint. */
enum kind {
    KIND_BAD, /* a control byte */
    KIND_HEX,
    KIND_TOKEN, /* other token bytes */
    KIND_BLANK, /* space, tab */
    KIND_CR,
    KIND_LF,
    KIND_SEMICOLON,
    KIND_EQUALS,
    KIND_QUOTE,
    KIND_BACKSLASH,
    KIND_COLON,
    KIND_OTHER, /* all that is left of printable and high bytes */
    KIND_COUNT
};

/* Every byte that a quoted string or a field value may hold as it is, but those that the rows name themselves. */
#define TEXT(to)                                                                                                \
    [KIND_HEX] = (to), [KIND_TOKEN] = (to), [KIND_BLANK] = (to), [KIND_SEMICOLON] = (to), [KIND_EQUALS] = (to), \
    [KIND_COLON] = (to), [KIND_OTHER] = (to)

static const uint8_t next[STATES_IN_TABLE][KIND_COUNT] = {
    [STATE_SIZE_START] = {[KIND_HEX] = STATE_SIZE},
    [STATE_SIZE] = {[KIND_HEX] = STATE_SIZE,
                    [KIND_BLANK] = STATE_BLANK,
                    [KIND_SEMICOLON] = STATE_NAME_START,
                    [KIND_CR] = STATE_SIZE_LF},
    [STATE_BLANK] = {[KIND_BLANK] = STATE_BLANK, [KIND_SEMICOLON] = STATE_NAME_START},
    [STATE_NAME_START] = {[KIND_BLANK] = STATE_NAME_START, [KIND_HEX] = STATE_NAME, [KIND_TOKEN] = STATE_NAME},
    [STATE_NAME] = {[KIND_HEX] = STATE_NAME,
                    [KIND_TOKEN] = STATE_NAME,
                    [KIND_BLANK] = STATE_NAME_BLANK,
                    [KIND_EQUALS] = STATE_VALUE_START,
                    [KIND_SEMICOLON] = STATE_NAME_START,
                    [KIND_CR] = STATE_SIZE_LF},
    [STATE_NAME_BLANK] =
        {[KIND_BLANK] = STATE_NAME_BLANK, [KIND_EQUALS] = STATE_VALUE_START, [KIND_SEMICOLON] = STATE_NAME_START},
    [STATE_VALUE_START] = {[KIND_BLANK] = STATE_VALUE_START,
                           [KIND_HEX] = STATE_VALUE,
                           [KIND_TOKEN] = STATE_VALUE,
                           [KIND_QUOTE] = STATE_QUOTED},
    [STATE_VALUE] = {[KIND_HEX] = STATE_VALUE,
                     [KIND_TOKEN] = STATE_VALUE,
                     [KIND_BLANK] = STATE_BLANK,
                     [KIND_SEMICOLON] = STATE_NAME_START,
                     [KIND_CR] = STATE_SIZE_LF},
    [STATE_QUOTED] = {TEXT(STATE_QUOTED), [KIND_BACKSLASH] = STATE_ESCAPED, [KIND_QUOTE] = STATE_QUOTED_END},
    [STATE_ESCAPED] = {TEXT(STATE_QUOTED), [KIND_BACKSLASH] = STATE_QUOTED, [KIND_QUOTE] = STATE_QUOTED},
    [STATE_QUOTED_END] = {[KIND_BLANK] = STATE_BLANK, [KIND_SEMICOLON] = STATE_NAME_START, [KIND_CR] = STATE_SIZE_LF},
    [STATE_SIZE_LF] = {[KIND_LF] = STATE_DATA}, /* or the trailer, see size_line_end */
    [STATE_DATA_CR] = {[KIND_CR] = STATE_DATA_LF},
    [STATE_DATA_LF] = {[KIND_LF] = STATE_SIZE_START},
    [STATE_TRAILER_START] =
        {[KIND_HEX] = STATE_TRAILER_NAME, [KIND_TOKEN] = STATE_TRAILER_NAME, [KIND_CR] = STATE_END_LF},
    [STATE_TRAILER_NAME] =
        {[KIND_HEX] = STATE_TRAILER_NAME, [KIND_TOKEN] = STATE_TRAILER_NAME, [KIND_COLON] = STATE_TRAILER_VALUE},
    [STATE_TRAILER_VALUE] = {TEXT(STATE_TRAILER_VALUE), [KIND_BACKSLASH] = STATE_TRAILER_VALUE,
                             [KIND_QUOTE] = STATE_TRAILER_VALUE, [KIND_CR] = STATE_TRAILER_LF},
    [STATE_TRAILER_LF] = {[KIND_LF] = STATE_TRAILER_START},
    [STATE_END_LF] = {[KIND_LF] = STATE_DONE},
};

/* The CRLF behind the data counts too, so that no sum of ours can pass 63 bits. */
#define SIZE_MAX_BYTES ((uint64_t)INT64_MAX - 2)

static enum kind kind_of(uint8_t byte) {
    switch (byte) {
    case '\r':
        return KIND_CR;
    case '\n':
        return KIND_LF;
    case ' ':
    case '\t':
        return KIND_BLANK;
    case ';':
        return KIND_SEMICOLON;
    case '=':
        return KIND_EQUALS;
    case '"':
        return KIND_QUOTE;
    case '\\':
        return KIND_BACKSLASH;
    case ':':
        return KIND_COLON;
    default:
        break;
    }
    if (byte_is(byte, BYTE_HEX))
        return KIND_HEX;
    if (byte_is(byte, BYTE_TOKEN))
        return KIND_TOKEN;
    return byte_is(byte, BYTE_VALUE) ? KIND_OTHER : KIND_BAD;
}

static uint8_t hex_value(uint8_t byte) {
    return (uint8_t)(byte_is(byte, BYTE_DIGIT) ? byte - '0' : byte_lower(byte) - 'a' + 10);
}

/* Takes one byte of a size line into account. False: too big, or a limit. */
static bool size_take(struct chunk *chunk, uint8_t byte, uint8_t to) {
    if (++chunk->line_bytes > CHUNK_LINE_MAX)
        return false;
    if (to != STATE_SIZE)
        return to == STATE_SIZE_LF || ++chunk->extension_bytes <= CHUNK_EXTENSIONS_MAX;
    uint8_t digit = hex_value(byte);
    if (chunk->left > (SIZE_MAX_BYTES - digit) / 16)
        return false;
    chunk->left = chunk->left * 16 + digit;
    return chunk->line_bytes <= 16 || ++chunk->extension_bytes <= CHUNK_EXTENSIONS_MAX;
}

static uint8_t size_line_end(struct chunk *chunk) {
    if (++chunk->line_bytes > CHUNK_LINE_MAX)
        return STATE_REFUSED;
    chunk->line_bytes = 0;
    return chunk->left > 0 ? STATE_DATA : STATE_TRAILER_START;
}

/* Takes one byte of the trailer into account. False: a limit. */
static bool trailer_take(struct chunk *chunk, uint8_t from, uint8_t to) {
    if (++chunk->trailer_bytes > CHUNK_TRAILER_MAX)
        return false;
    bool begins_field = from == STATE_TRAILER_START && to == STATE_TRAILER_NAME;
    return !begins_field || ++chunk->trailer_count <= CHUNK_FIELDS_MAX;
}

static void byte_take(struct chunk *chunk, uint8_t byte) {
    uint8_t from = chunk->state;
    uint8_t to = next[from][kind_of(byte)];
    bool is_right = true;
    if (from < STATE_SIZE_LF)
        is_right = size_take(chunk, byte, to);
    else if (from == STATE_SIZE_LF && to == STATE_DATA)
        to = size_line_end(chunk);
    else if (from >= STATE_TRAILER_START)
        is_right = trailer_take(chunk, from, to);
    chunk->state = is_right ? to : STATE_REFUSED;
}

void chunk_init(struct chunk *chunk) {
    *chunk = (struct chunk){.state = STATE_SIZE_START};
}

enum chunk_result chunk_decode(struct chunk *chunk, const char *data, size_t size, size_t *ret_used,
                               const char **ret_data, size_t *ret_size) {
    size_t at = 0;
    while (at < size && chunk->state != STATE_DATA && chunk->state != STATE_DONE && chunk->state != STATE_REFUSED)
        byte_take(chunk, (uint8_t)data[at++]);
    if (chunk->state == STATE_DATA && at < size) {
        size_t piece = size - at < chunk->left ? size - at : (size_t)chunk->left;
        *ret_data = data + at;
        *ret_size = piece;
        *ret_used = at + piece;
        chunk->left -= piece;
        if (chunk->left == 0)
            chunk->state = STATE_DATA_CR;
        return CHUNK_DATA;
    }
    *ret_used = at;
    if (chunk->state == STATE_DONE)
        return CHUNK_DONE;
    return chunk->state == STATE_REFUSED ? CHUNK_REFUSED : CHUNK_MORE;
}

void chunk_give_back(struct chunk *chunk, size_t size) {
    if (size == 0)
        return;
    chunk->left += size;
    chunk->state = STATE_DATA;
}

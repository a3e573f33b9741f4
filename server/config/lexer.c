/* Lexer: line by line. A value may take several physical lines; everything else is one line. */
#include "lexer.h"

#include "utf8.h"

#include <string.h>

/* A value that grows while it is put together from its lines. */
struct buffer {
    char *data;
    size_t size;
    size_t capacity;
};

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

static size_t skip_blanks(const struct lexer *lexer, size_t at) {
    while (at < lexer->size && is_blank(lexer->data[at]))
        at++;
    return at;
}

static size_t trim_blanks(const struct lexer *lexer, size_t begin, size_t end) {
    while (end > begin && is_blank(lexer->data[end - 1]))
        end--;
    return end;
}

/* A # counts at the line's start and behind white space only. */
static bool is_comment(const struct lexer *lexer, size_t at) {
    return lexer->data[at] == '#' && (at == 0 || is_blank(lexer->data[at - 1]));
}

static size_t comment_or_end(const struct lexer *lexer, size_t at) {
    while (at < lexer->size && !is_comment(lexer, at))
        at++;
    return at;
}

static bool line_take(struct lexer *lexer) {
    if (lexer->cursor == lexer->end)
        return false;
    size_t left = (size_t)(lexer->end - lexer->cursor);
    const char *feed = memchr(lexer->cursor, '\n', left);
    lexer->data = lexer->cursor;
    lexer->size = feed ? (size_t)(feed - lexer->cursor) : left;
    lexer->cursor = feed ? feed + 1 : lexer->end;
    if (lexer->size > 0 && lexer->data[lexer->size - 1] == '\r')
        lexer->size--;
    lexer->text = NULL;
    lexer->line++;
    return true;
}

static enum lexer_kind out_of_memory(struct lexer_item *item) {
    item->kind = LEXER_NOMEM;
    return LEXER_NOMEM;
}

static bool place(struct lexer *lexer, size_t begin, size_t end, struct origin *ret_at) {
    if (!lexer->text)
        lexer->text = lexer_copy_line(lexer->arena, lexer->data, lexer->size);
    *ret_at = (struct origin){.file = lexer->file,
                              .folder = lexer->folder,
                              .text = lexer->text,
                              .line = lexer->line,
                              .column = (uint32_t)begin + 1,
                              .width = end > begin ? (uint32_t)(end - begin) : 1};
    return lexer->text != NULL;
}

static bool word_set(struct lexer *lexer, size_t begin, size_t end, struct lexer_word *ret_word) {
    ret_word->text = arena_copy(lexer->arena, lexer->data + begin, end - begin);
    return place(lexer, begin, end, &ret_word->at) && ret_word->text;
}

static enum lexer_kind mistake(struct lexer *lexer, struct lexer_item *item, size_t begin, size_t end,
                               const char *message, const char *hint) {
    item->kind = LEXER_MISTAKE;
    item->message = message;
    item->hint = hint;
    return place(lexer, begin, end, &item->at) ? LEXER_MISTAKE : out_of_memory(item);
}

/* Leaves the rest of a value that goes over several lines: its pieces would be reported as junk, each. */
static void rest_skip(struct lexer *lexer) {
    for (;;) {
        size_t end = trim_blanks(lexer, 0, lexer->size);
        if (end == 0 || lexer->data[end - 1] != '\\' || !line_take(lexer))
            return;
    }
}

/* Whether the current line has only bytes that it may have; else *item is the mistake. */
static bool line_is_clean(struct lexer *lexer, struct lexer_item *item) {
    size_t at;
    const char *hint;
    const char *message = lexer_check_text(lexer->data, lexer->size, &at, &hint);
    if (!message)
        return true;
    (void)mistake(lexer, item, at, at + 1, message, hint);
    return false;
}

static bool buffer_add(struct lexer *lexer, struct buffer *buffer, const char *data, size_t size) {
    if (size > SIZE_MAX / 4 - buffer->size)
        return false;
    if (buffer->size + size + 1 > buffer->capacity) {
        size_t capacity = 2 * (buffer->size + size + 1);
        char *grown = arena_take(lexer->arena, capacity);
        if (!grown)
            return false;
        if (buffer->size > 0)
            memcpy(grown, buffer->data, buffer->size);
        buffer->data = grown;
        buffer->capacity = capacity;
    }
    if (size > 0)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
    return true;
}

/* The line that goes on with the value, comment lines left out if they may stand there. */
static bool line_continue(struct lexer *lexer, struct lexer_item *item, bool skips_comments) {
    struct lexer before = *lexer;
    do {
        if (!line_take(lexer)) {
            *lexer = before;
            lexer->cursor = lexer->end;
            size_t end = trim_blanks(lexer, 0, lexer->size);
            (void)mistake(lexer, item, end - 1, end, "the file ends after a backslash that continues the line", NULL);
            return false;
        }
        if (!line_is_clean(lexer, item)) {
            rest_skip(lexer);
            return false;
        }
    } while (skips_comments && skip_blanks(lexer, 0) < lexer->size && lexer->data[skip_blanks(lexer, 0)] == '#');
    return true;
}

/* A value without quotes, from `at` on. */
static enum lexer_kind plain_read(struct lexer *lexer, size_t at, struct lexer_item *item) {
    struct buffer buffer = {0};
    if (!place(lexer, at > 0 ? at - 1 : 0, at, &item->second.at) || !buffer_add(lexer, &buffer, "", 0))
        return out_of_memory(item);
    for (;;) {
        size_t begin = skip_blanks(lexer, at);
        size_t comment = comment_or_end(lexer, begin);
        size_t end = trim_blanks(lexer, begin, comment);
        bool goes_on = end > begin && lexer->data[end - 1] == '\\';
        if (goes_on && comment < lexer->size) {
            size_t column = end - 1;
            return mistake(lexer, item, column, column + 1, "a comment stands behind the backslash",
                           "a backslash continues a line only at its end; put a value that ends with one into quotes");
        }
        if (goes_on)
            end = trim_blanks(lexer, begin, end - 1);
        if (end > begin) {
            bool is_first = buffer.size == 0;
            if (is_first && !place(lexer, begin, end, &item->second.at))
                return out_of_memory(item);
            if ((!is_first && !buffer_add(lexer, &buffer, " ", 1)) ||
                !buffer_add(lexer, &buffer, lexer->data + begin, end - begin))
                return out_of_memory(item);
        }
        if (!goes_on)
            break;
        if (!line_continue(lexer, item, true))
            return item->kind;
        at = 0;
    }
    item->second.text = buffer.data;
    item->kind = LEXER_SETTING;
    return LEXER_SETTING;
}

/* What stands from `at` on to the closing quote or the line's end. *ret_end is behind it. */
enum quoted { QUOTED_CLOSED, QUOTED_GOES_ON, QUOTED_OPEN, QUOTED_NOMEM };

static enum quoted quoted_line(struct lexer *lexer, size_t at, struct buffer *buffer, size_t *ret_end) {
    size_t line_start = buffer->size;
    while (at < lexer->size) {
        char byte = lexer->data[at];
        if (byte == '"') {
            *ret_end = at + 1;
            return QUOTED_CLOSED;
        }
        if (byte == '\\' && at + 1 < lexer->size && (lexer->data[at + 1] == '"' || lexer->data[at + 1] == '\\')) {
            byte = lexer->data[++at];
        } else if (byte == '\\' && skip_blanks(lexer, at + 1) == lexer->size) {
            while (buffer->size > line_start && is_blank(buffer->data[buffer->size - 1]))
                buffer->size--;
            return buffer_add(lexer, buffer, " ", 1) ? QUOTED_GOES_ON : QUOTED_NOMEM;
        }
        if (!buffer_add(lexer, buffer, &byte, 1))
            return QUOTED_NOMEM;
        at++;
    }
    return QUOTED_OPEN;
}

/* A value in quotes; `at` is behind the opening one. */
static enum lexer_kind quoted_read(struct lexer *lexer, size_t at, struct lexer_item *item) {
    struct buffer buffer = {0};
    size_t end = trim_blanks(lexer, at, lexer->size);
    struct origin opening;
    if (!place(lexer, at - 1, end, &item->second.at) || !place(lexer, at - 1, at, &opening) ||
        !buffer_add(lexer, &buffer, "", 0))
        return out_of_memory(item);
    uint32_t first_line = lexer->line;
    for (;;) {
        enum quoted quoted = quoted_line(lexer, at, &buffer, &end);
        if (quoted == QUOTED_NOMEM)
            return out_of_memory(item);
        if (quoted == QUOTED_CLOSED)
            break;
        if (quoted == QUOTED_OPEN) {
            item->kind = LEXER_MISTAKE;
            item->at = opening;
            item->message = "this quote is not closed";
            item->hint = "\\\" stands for a quote inside of quotes";
            return LEXER_MISTAKE;
        }
        if (!line_continue(lexer, item, false))
            return item->kind;
        at = skip_blanks(lexer, 0);
    }
    if (lexer->line == first_line)
        item->second.at.width = (uint32_t)(end + 1 - item->second.at.column);
    size_t behind = skip_blanks(lexer, end);
    if (behind < lexer->size && !is_comment(lexer, behind)) {
        enum lexer_kind kind =
            mistake(lexer, item, behind, trim_blanks(lexer, behind, comment_or_end(lexer, behind)),
                    "text stands behind the closing quote", "write \\\" for a quote inside of quotes");
        rest_skip(lexer);
        return kind;
    }
    item->second.text = buffer.data;
    item->kind = LEXER_SETTING;
    return LEXER_SETTING;
}

static enum lexer_kind header_mistake(struct lexer *lexer, struct lexer_item *item, size_t begin, size_t end,
                                      const char *message) {
    item->is_header = true;
    return mistake(lexer, item, begin, end, message, "a section begins with [KIND] or [KIND NAME]");
}

static enum lexer_kind header_read(struct lexer *lexer, size_t open, struct lexer_item *item) {
    size_t close = open + 1;
    while (close < lexer->size && lexer->data[close] != ']')
        close++;
    size_t content_end = trim_blanks(lexer, open, comment_or_end(lexer, open));
    if (close >= content_end)
        return header_mistake(lexer, item, open, content_end, "the section's header has no ]");
    size_t behind = skip_blanks(lexer, close + 1);
    if (behind < lexer->size && !is_comment(lexer, behind))
        return header_mistake(lexer, item, behind, content_end > behind ? content_end : behind + 1,
                              "text stands behind the section's header");
    size_t begin = skip_blanks(lexer, open + 1);
    if (begin == close)
        return header_mistake(lexer, item, open, close + 1, "the section's header is empty");
    size_t end = begin;
    while (end < close && !is_blank(lexer->data[end]))
        end++;
    size_t name = skip_blanks(lexer, end);
    size_t name_end = name < close ? trim_blanks(lexer, name, close) : name;
    if (!word_set(lexer, begin, end, &item->first) || !word_set(lexer, name, name_end, &item->second))
        return out_of_memory(item);
    if (name == name_end)
        item->second.at = item->first.at;
    item->kind = LEXER_SECTION;
    return LEXER_SECTION;
}

static enum lexer_kind setting_read(struct lexer *lexer, size_t begin, struct lexer_item *item) {
    size_t comment = comment_or_end(lexer, begin);
    size_t equals = begin;
    while (equals < comment && lexer->data[equals] != '=')
        equals++;
    enum lexer_kind kind = LEXER_SETTING;
    if (equals == comment)
        kind = mistake(lexer, item, begin, trim_blanks(lexer, begin, comment),
                       "this is neither a [section] nor key = value", "comments start with #");
    else if (equals == begin)
        kind = mistake(lexer, item, begin, begin + 1, "there is no key before the =", NULL);
    else if (!word_set(lexer, begin, trim_blanks(lexer, begin, equals), &item->first))
        kind = out_of_memory(item);
    if (kind != LEXER_SETTING) {
        rest_skip(lexer);
        return kind;
    }
    size_t value = skip_blanks(lexer, equals + 1);
    if (value < lexer->size && lexer->data[value] == '"')
        return quoted_read(lexer, value + 1, item);
    return plain_read(lexer, equals + 1, item);
}

void lexer_init(struct lexer *lexer, const char *file, const char *folder, const char *data, size_t size,
                struct arena *arena) {
    /* Editors on other systems put a byte order mark first. */
    size_t skip = size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    *lexer = (struct lexer){.cursor = data + skip, .end = data + size, .file = file, .folder = folder, .arena = arena};
}

enum lexer_kind lexer_next(struct lexer *lexer, struct lexer_item *ret_item) {
    *ret_item = (struct lexer_item){.kind = LEXER_END};
    while (line_take(lexer)) {
        if (!line_is_clean(lexer, ret_item)) {
            /* There is a byte that is no blank, or it would be clean. */
            char first = lexer->data[skip_blanks(lexer, 0)];
            ret_item->is_header = first == '[';
            if (first != '[' && first != '#')
                rest_skip(lexer);
            return ret_item->kind;
        }
        size_t begin = skip_blanks(lexer, 0);
        if (begin == lexer->size || lexer->data[begin] == '#')
            continue;
        return lexer->data[begin] == '[' ? header_read(lexer, begin, ret_item) : setting_read(lexer, begin, ret_item);
    }
    return LEXER_END;
}

const char *lexer_check_text(const char *data, size_t size, size_t *ret_at, const char **ret_hint) {
    *ret_hint = NULL;
    for (size_t at = 0; at < size;) {
        unsigned char byte = (unsigned char)data[at];
        size_t step = utf8_size(data + at, size - at);
        const char *message = NULL;
        if (byte == 0) {
            message = "a NUL byte";
            *ret_hint = "configuration files are UTF-8 text";
        } else if (step == 0) {
            message = "a byte that is not UTF-8";
            *ret_hint = "configuration files are UTF-8 text";
        } else if (byte == '\r') {
            message = "a carriage return that does not end the line";
        } else if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
            message = "a control character";
        }
        if (message) {
            *ret_at = at;
            return message;
        }
        at += step;
    }
    return NULL;
}

const char *lexer_copy_line(struct arena *arena, const char *data, size_t size) {
    char *copy = arena_copy(arena, data, size);
    for (size_t i = 0; copy && i < size; i++)
        if (copy[i] == '\0')
            copy[i] = '?';
    return copy;
}

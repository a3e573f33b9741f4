/**
 * Json: jansson for reading; writing text is by hand, for each answer that a module writes passes through it.
 */
#include "json.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* jansson's enum has members of the same names as ours; they get others while its header is read. Its json_is_... macros
   can't be used below: json_typeof can. */
#define JSON_OBJECT  JANSSON_OBJECT
#define JSON_ARRAY   JANSSON_ARRAY
#define JSON_STRING  JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL    JANSSON_REAL
#define JSON_TRUE    JANSSON_TRUE
#define JSON_FALSE   JANSSON_FALSE
#define JSON_NULL    JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_INTEGER
#undef JSON_REAL
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

_Static_assert(sizeof(json_int_t) == sizeof(int64_t), "integers must be exact");

#define DEPTH_MAX 64

/* Eight bytes at a time: each constant is one byte's value in all eight. */
#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))
#define HIGH_BITS        EACH_BYTE(0x80)

/* -- UTF-8 -- */

static bool is_continuation(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

/**
 * Bytes of the character at p, which is not ASCII. Returns 0 when malformed; then *ret_skip bytes stand for one U+FFFD: the
 * longest piece that could have begun a character, as Unicode (3.9, U+FFFD substitution) wants it.
 */
static size_t character_size(const unsigned char *p, size_t left, size_t *ret_skip) {
    unsigned char lowest = 0x80;
    unsigned char highest = 0xBF;
    size_t size = 0;
    if (*p >= 0xC2 && *p <= 0xDF) {
        size = 2;
    } else if (*p >= 0xE0 && *p <= 0xEF) {
        size = 3;
        if (*p == 0xE0)
            lowest = 0xA0; /* overlong */
        if (*p == 0xED)
            highest = 0x9F; /* surrogates */
    } else if (*p >= 0xF0 && *p <= 0xF4) {
        size = 4;
        if (*p == 0xF0)
            lowest = 0x90; /* overlong */
        if (*p == 0xF4)
            highest = 0x8F; /* beyond U+10FFFF */
    }
    *ret_skip = 1;
    if (size == 0 || left < 2 || p[1] < lowest || p[1] > highest)
        return 0;
    for (size_t i = 2; i < size; i++) {
        *ret_skip = i;
        if (i >= left || !is_continuation(p[i]))
            return 0;
    }
    return size;
}

/** How many of the first bytes need neither an escape nor a look at their UTF-8. */
static size_t plain_size(const unsigned char *p, size_t size) {
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        uint64_t quotes = word ^ EACH_BYTE('"');
        uint64_t slashes = word ^ EACH_BYTE('\\');
        uint64_t special = word | ((word - EACH_BYTE(0x20)) & ~word) | ((quotes - EACH_BYTE(1)) & ~quotes) |
                           ((slashes - EACH_BYTE(1)) & ~slashes);
        if ((special & HIGH_BITS) != 0)
            break;
    }
    while (i < size && p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

/* -- writing -- */

struct writer {
    char *out;
    size_t capacity;
    size_t size; /* what it takes, written or not */
};

static void writer_put(struct writer *writer, const void *data, size_t size) {
    if (writer->size < writer->capacity) {
        size_t room = writer->capacity - writer->size;
        memcpy(writer->out + writer->size, data, size < room ? size : room);
    }
    writer->size += size;
}

static void writer_escape(struct writer *writer, unsigned char byte) {
    static const char short_from[] = "\"\\\b\f\n\r\t";
    static const char short_to[] = "\"\\bfnrt";
    static const char digits[] = "0123456789abcdef";
    const char *found = byte == 0 ? NULL : strchr(short_from, byte);
    if (found != NULL) {
        char pair[2] = {'\\', short_to[found - short_from]};
        writer_put(writer, pair, sizeof pair);
        return;
    }
    char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
    writer_put(writer, escape, sizeof escape);
}

/* -- reading -- */

/** The place at which text nests too deep, or NULL. Strings are skipped; what else is wrong is left to the parser. */
static const char *too_deep(const char *data, size_t size) {
    const char *end = data + size;
    unsigned depth = 0;
    for (const char *p = data; p < end; p++) {
        if (*p == '"') {
            for (p++; p < end && *p != '"'; p++) {
                if (*p == '\\')
                    p++;
            }
        } else if (*p == '[' || *p == '{') {
            if (++depth > DEPTH_MAX)
                return p;
        } else if ((*p == ']' || *p == '}') && depth > 0) {
            depth--;
        }
    }
    return NULL;
}

static void error_set(struct json_error *reterr, unsigned line, unsigned column, const char *text) {
    if (reterr == NULL)
        return;
    reterr->line = line;
    reterr->column = column;
    reterr->has_no_memory = false;
    (void)snprintf(reterr->text, sizeof reterr->text, "%s", text); /* cut where too long */
}

static void error_at(struct json_error *reterr, const char *data, const char *at, const char *text) {
    unsigned line = 1;
    unsigned column = 1;
    for (const char *p = data; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (!is_continuation((unsigned char)*p)) {
            column++;
        }
    }
    error_set(reterr, line, column, text);
}

static void error_translate(struct json_error *reterr, json_error_t *error) {
    unsigned line = error->line > 0 ? (unsigned)error->line : 1;
    unsigned column = error->column > 0 ? (unsigned)error->column : 1;
    const char *text = error->text;
    /* jansson shows the bytes before the mistake, and may end in the middle of a character. */
    char *near = strstr(error->text, " near '");
    if (near != NULL && !json_is_text(near, strlen(near)))
        *near = '\0';
    /* jansson says "too big integer" and "real number overflow" */
    if (json_error_code(error) == json_error_numeric_overflow) {
        text = strstr(error->text, "integer") != NULL
                   ? "an integer is outside of the range of 64 bits (-9223372036854775808 to 9223372036854775807)"
                   : "a number is too big for a double";
    }
    error_set(reterr, line, column, text);
    if (reterr != NULL)
        reterr->has_no_memory = json_error_code(error) == json_error_out_of_memory;
}

static const json_t *inside(const struct json *json) {
    return (const json_t *)json;
}

/** jansson's getters take no const, but change nothing. */
static json_t *inside_mutable(const struct json *json) {
    union {
        const struct json *from;
        json_t *to;
    } cast = {.from = json};
    return cast.to;
}

struct json *json_parse(const char *data, size_t size, struct json_error *reterr) {
    /* jansson passes over a NUL behind a number or a word */
    const char *nul = size > 0 ? memchr(data, '\0', size) : NULL;
    if (nul != NULL) {
        error_at(reterr, data, nul, "a NUL byte");
        return NULL;
    }
    const char *deep = too_deep(data, size);
    if (deep != NULL) {
        error_at(reterr, data, deep, "nested deeper than 64 levels");
        return NULL;
    }
    json_error_t error = {0};
    json_t *json = json_loadb(data, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        error_translate(reterr, &error);
    return (struct json *)json;
}

void json_free(struct json *json) {
    json_decref((json_t *)json);
}

enum json_kind json_kind(const struct json *json) {
    switch (json_typeof(inside(json))) {
    case JANSSON_OBJECT:
        return JSON_OBJECT;
    case JANSSON_ARRAY:
        return JSON_ARRAY;
    case JANSSON_STRING:
        return JSON_TEXT;
    case JANSSON_INTEGER:
        return JSON_INTEGER;
    case JANSSON_REAL:
        return JSON_REAL;
    case JANSSON_TRUE:
    case JANSSON_FALSE:
        return JSON_BOOLEAN;
    case JANSSON_NULL:
        break;
    }
    return JSON_NULL;
}

const char *json_kind_name(enum json_kind kind) {
    static const char *const names[] = {
        [JSON_NULL] = "null",      [JSON_TEXT] = "a string",     [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a number",  [JSON_BOOLEAN] = "a boolean", [JSON_OBJECT] = "an object",
        [JSON_ARRAY] = "an array",
    };
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

struct tt_value json_value(const struct json *json) {
    const json_t *in = inside(json);
    struct tt_value value = {.type = TT_TYPE_NONE};
    switch (json_kind(json)) {
    case JSON_TEXT:
        value.type = TT_TYPE_TEXT;
        value.as.text.data = json_string_value(in);
        value.as.text.size = json_string_length(in);
        break;
    case JSON_INTEGER:
        value.type = TT_TYPE_INTEGER;
        value.as.integer = json_integer_value(in);
        break;
    case JSON_REAL:
        value.type = TT_TYPE_REAL;
        value.as.real = json_real_value(in);
        break;
    case JSON_BOOLEAN:
        value.type = TT_TYPE_BOOLEAN;
        value.as.boolean = json_typeof(in) == JANSSON_TRUE;
        break;
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return value;
}

const struct json *json_member(const struct json *object, const char *name) {
    return (const struct json *)json_object_get(inside(object), name);
}

const struct json *json_item(const struct json *array, size_t index) {
    return (const struct json *)json_array_get(inside(array), index);
}

size_t json_count(const struct json *json) {
    return json_kind(json) == JSON_ARRAY ? json_array_size(inside(json)) : json_object_size(inside(json));
}

void json_each(const struct json *object, void (*each)(void *context, const char *name, const struct json *member),
               void *context) {
    json_t *in = inside_mutable(object);
    for (void *at = json_object_iter(in); at != NULL; at = json_object_iter_next(in, at))
        each(context, json_object_iter_key(at), (const struct json *)json_object_iter_value(at));
}

size_t json_quote(char *out, size_t capacity, const char *text, size_t size) {
    struct writer writer = {.out = out, .capacity = capacity};
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + size;
    writer_put(&writer, "\"", 1);
    while (p < end) {
        size_t plain = plain_size(p, (size_t)(end - p));
        if (plain > 0) {
            writer_put(&writer, p, plain);
            p += plain;
        } else if (*p < 0x80) {
            writer_escape(&writer, *p++);
        } else {
            size_t skip;
            size_t character = character_size(p, (size_t)(end - p), &skip);
            if (character > 0)
                writer_put(&writer, p, character);
            else
                writer_put(&writer, "\xEF\xBF\xBD", 3); /* U+FFFD */
            p += character > 0 ? character : skip;
        }
    }
    writer_put(&writer, "\"", 1);
    return writer.size;
}

bool json_is_text(const char *data, size_t size) {
    const unsigned char *p = (const unsigned char *)data;
    const unsigned char *end = p + size;
    while (p < end) {
        size_t plain = plain_size(p, (size_t)(end - p));
        if (plain > 0) {
            p += plain;
        } else if (*p < 0x80) {
            if (*p++ == 0)
                return false;
        } else {
            size_t skip;
            size_t character = character_size(p, (size_t)(end - p), &skip);
            if (character == 0)
                return false;
            p += character;
        }
    }
    return true;
}

/**
 * Answer: most answers fit into the object itself, so that a small call allocates nothing.
 */
#include "answer.h"
#include "../json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const field_names[TT_ANSWER_FIELD_COUNT] = {
    [TT_ANSWER_ACCEPT_RANGES] = "Accept-Ranges",
    [TT_ANSWER_CACHE_CONTROL] = "Cache-Control",
    [TT_ANSWER_CONTENT_DISPOSITION] = "Content-Disposition",
    [TT_ANSWER_CONTENT_ENCODING] = "Content-Encoding",
    [TT_ANSWER_CONTENT_LANGUAGE] = "Content-Language",
    [TT_ANSWER_CONTENT_RANGE] = "Content-Range",
    [TT_ANSWER_ETAG] = "ETag",
    [TT_ANSWER_LAST_MODIFIED] = "Last-Modified",
    [TT_ANSWER_LOCATION] = "Location",
    [TT_ANSWER_VARY] = "Vary",
};

/** Room for size more bytes at the end. Doubling keeps the copying linear in what is written. */
static enum tt_status room_make(struct answer *answer, size_t size) {
    if (answer->is_full)
        return TT_FULL;
    if (answer->has_no_memory)
        return TT_NOMEM;
    if (size > answer->limit - answer->size) {
        answer->is_full = true;
        return TT_FULL;
    }
    if (size <= answer->capacity - answer->size)
        return TT_OK;
    size_t needed = answer->size + size; /* at most limit: it doesn't wrap */
    size_t capacity = answer->capacity <= answer->limit / 2 ? answer->capacity * 2 : answer->limit;
    if (capacity < needed)
        capacity = needed;
    bool is_inline = answer->data == answer->inline_data;
    char *data = realloc(is_inline ? NULL : answer->data, capacity);
    if (data == NULL) {
        answer->has_no_memory = true;
        return TT_NOMEM;
    }
    if (is_inline)
        memcpy(data, answer->inline_data, answer->size);
    answer->data = data;
    answer->capacity = capacity;
    return TT_OK;
}

static void body_drop(struct answer *answer) {
    if (answer->data != answer->inline_data)
        free(answer->data);
    answer->data = answer->inline_data;
    answer->capacity = sizeof answer->inline_data;
    answer->size = 0;
}

void answer_init(struct answer *answer, size_t limit_bytes) {
    answer->status = 200;
    answer->type = "application/json";
    answer->data = answer->inline_data;
    answer->size = 0;
    answer->capacity = sizeof answer->inline_data;
    answer->limit = limit_bytes;
    answer->is_full = false;
    answer->has_failed = false;
    answer->has_no_memory = false;
    answer->has_begun = false;
    answer->announced = TT_SIZE_UNKNOWN;
    answer->written = 0;
    answer->fields = NULL;
    answer->detail = NULL;
}

void answer_deinit(struct answer *answer) {
    body_drop(answer);
    if (answer->fields != NULL)
        answer_drop_fields(answer);
    free(answer->detail);
    answer->detail = NULL;
}

enum tt_status answer_write(struct answer *answer, const void *data, size_t size) {
    enum tt_status status = room_make(answer, size);
    if (status != TT_OK)
        return status;
    if (size > 0)
        memcpy(answer->data + answer->size, data, size);
    answer->size += size;
    return TT_OK;
}

enum tt_status answer_write_json(struct answer *answer, const char *text, size_t size) {
    /* quoting into the room there is measures as well: a second pass only where it was too small */
    size_t room = answer->capacity - answer->size;
    size_t needed = json_quote(answer->data + answer->size, room, text, size);
    enum tt_status status = room_make(answer, needed);
    if (status != TT_OK)
        return status;
    if (needed > room)
        (void)json_quote(answer->data + answer->size, needed, text, size); /* takes what it took before */
    answer->size += needed;
    return TT_OK;
}

void *answer_reserve(struct answer *answer, size_t size) {
    if (answer->has_begun || room_make(answer, size) != TT_OK)
        return NULL;
    void *space = answer->data + answer->size;
    answer->size += size;
    return space;
}

enum tt_status answer_set_status(struct answer *answer, int status) {
    if (answer->has_begun || answer->has_failed)
        return TT_TOO_LATE;
    if (status < 200 || status > 599)
        return TT_INVALID;
    answer->status = status;
    return TT_OK;
}

static bool is_value(const char *value) {
    size_t size = strnlen(value, ANSWER_VALUE_MAX + 1);
    if (size == 0 || size > ANSWER_VALUE_MAX || value[0] == ' ' || value[size - 1] == ' ')
        return false;
    for (size_t i = 0; i < size; i++)
        if (value[i] < ' ' || value[i] > '~')
            return false;
    return true;
}

/** Bytes of all lines but one field's. */
static size_t lines_size(char *const *fields, enum tt_answer_field but) {
    size_t size = 0;
    for (unsigned i = 0; i < TT_ANSWER_FIELD_COUNT; i++)
        if (fields[i] != NULL && i != but)
            size += strlen(field_names[i]) + strlen(fields[i]) + 4;
    return size;
}

enum tt_status answer_set_field(struct answer *answer, enum tt_answer_field field, const char *value) {
    if (answer->has_begun)
        return TT_TOO_LATE;
    if ((unsigned)field >= TT_ANSWER_FIELD_COUNT || value == NULL || !is_value(value))
        return TT_INVALID;
    if (answer->fields == NULL)
        answer->fields = calloc(TT_ANSWER_FIELD_COUNT, sizeof *answer->fields);
    if (answer->fields == NULL)
        return TT_NOMEM;
    if (lines_size(answer->fields, field) + strlen(field_names[field]) + strlen(value) + 4 > ANSWER_FIELDS_MAX)
        return TT_INVALID;
    char *copy = strdup(value);
    if (copy == NULL)
        return TT_NOMEM;
    free(answer->fields[field]);
    answer->fields[field] = copy;
    return TT_OK;
}

const char *answer_lines(const struct answer *answer, char out[static ANSWER_FIELDS_MAX + 1]) {
    size_t size = 0;
    out[0] = '\0';
    for (unsigned i = 0; answer->fields != NULL && i < TT_ANSWER_FIELD_COUNT; i++)
        if (answer->fields[i] != NULL) /* answer_set_field has seen to it that all fit */
            size += (size_t)snprintf(out + size, ANSWER_FIELDS_MAX + 1 - size, "%s: %s\r\n", field_names[i],
                                     answer->fields[i]);
    return out;
}

void answer_drop_fields(struct answer *answer) {
    for (unsigned i = 0; answer->fields != NULL && i < TT_ANSWER_FIELD_COUNT; i++)
        free(answer->fields[i]);
    free(answer->fields);
    answer->fields = NULL;
}

enum tt_status answer_begin(struct answer *answer, uint64_t size) {
    if (answer->has_begun || answer->size > 0 || answer->is_full || answer->has_no_memory)
        return TT_TOO_LATE;
    answer->has_begun = true;
    answer->announced = size;
    return TT_OK;
}

enum tt_status answer_count(struct answer *answer, size_t size) {
    if (answer->is_full)
        return TT_FULL;
    if (answer->announced != TT_SIZE_UNKNOWN && size > answer->announced - answer->written) {
        answer->is_full = true;
        return TT_FULL;
    }
    answer->written += size;
    return TT_OK;
}

enum tt_outcome answer_fail(struct answer *answer, int status, const char *format, va_list args) {
    char text[ANSWER_DETAIL_MAX];
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    body_drop(answer);
    free(answer->detail);
    answer->detail = text[0] != '\0' ? strdup(text) : NULL; /* without memory the status has to do */
    answer->status = status >= 400 && status <= 599 ? status : 500;
    answer->has_failed = true;
    return TT_FAILED;
}

/**
 * Answer: most answers fit into the object itself, so that a small call allocates nothing.
 */
#include "answer.h"
#include "../json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    answer->detail = NULL;
}

void answer_deinit(struct answer *answer) {
    body_drop(answer);
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
    if (room_make(answer, size) != TT_OK)
        return NULL;
    void *space = answer->data + answer->size;
    answer->size += size;
    return space;
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

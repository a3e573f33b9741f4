/* Wanted: see files_wanted.h. */
#include "files_wanted.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DATE_FORMAT "%a, %d %b %Y %H:%M:%S GMT"

void file_state_set(struct file_state *state, const struct stat *stat) {
    struct tm parts;
    state->size = (uint64_t)stat->st_size;
    state->modified = stat->st_mtim.tv_sec;
    (void)snprintf(state->etag, sizeof state->etag, "\"%" PRIx64 ".%lx-%" PRIx64 "-%" PRIx64 "\"",
                   (uint64_t)stat->st_mtim.tv_sec, (unsigned long)stat->st_mtim.tv_nsec, state->size,
                   (uint64_t)stat->st_ino); /* fits */
    state->modified_text[0] = '\0';
    if (gmtime_r(&state->modified, &parts) != NULL && parts.tm_year >= -1900 && parts.tm_year <= 9999 - 1900)
        (void)strftime(state->modified_text, sizeof state->modified_text, DATE_FORMAT, &parts); /* fits */
}

/** Any of the three forms of a date (5.6.7). */
static bool parse_date(const char *text, time_t *ret_time) {
    static const char *const formats[] = {DATE_FORMAT, "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm parts = {0};
        const char *end = strptime(text, formats[i], &parts);
        if (end == NULL || *end != '\0')
            continue;
        *ret_time = timegm(&parts);
        return true;
    }
    return false;
}

/** Whether the list has the tag, compared weakly (8.8.3.2), or is "*". */
static bool list_has(const char *list, const char *etag) {
    if (strcmp(list, "*") == 0)
        return true;
    size_t size = strlen(etag);
    for (const char *at = list; (at = strchr(at, '"')) != NULL;) {
        const char *end = strchr(at + 1, '"');
        if (end == NULL)
            return false;
        if ((size_t)(end + 1 - at) == size && memcmp(at, etag, size) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

static bool is_unchanged(const struct file_state *state, const struct file_conditions *conditions) {
    time_t since;
    if (conditions->if_none_match != NULL)
        return list_has(conditions->if_none_match, state->etag);
    return conditions->if_modified_since != NULL && parse_date(conditions->if_modified_since, &since) &&
           state->modified <= since;
}

/** Whether a range is still one of the same file; a date must be the very one that was told (13.1.5). */
static bool range_holds(const struct file_state *state, const char *if_range) {
    return if_range == NULL || strcmp(if_range, state->etag) == 0 ||
           (state->modified_text[0] != '\0' && strcmp(if_range, state->modified_text) == 0);
}

/** Digits, at least one. Beyond 64 bits it is the biggest number there is: behind the end of any file. */
static bool parse_number(const char **text, uint64_t *ret_number) {
    const char *at = *text;
    uint64_t number = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        unsigned digit = (unsigned)(*at - '0');
        number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : number * 10 + digit;
    }
    if (at == *text)
        return false;
    *text = at;
    *ret_number = number;
    return true;
}

/** One of "bytes=2-5", "bytes=2-", "bytes=-5". Returns: FILE_WHOLE for anything else. */
static enum file_wanted parse_range(const char *text, uint64_t size, uint64_t *ret_offset, uint64_t *ret_size) {
    uint64_t first;
    uint64_t last = UINT64_MAX;
    if (strncasecmp(text, "bytes=", 6) != 0)
        return FILE_WHOLE;
    text += 6;
    bool has_first = parse_number(&text, &first);
    if (*text++ != '-')
        return FILE_WHOLE;
    bool has_last = parse_number(&text, &last);
    if (*text != '\0' || (!has_first && !has_last) || (has_first && has_last && last < first))
        return FILE_WHOLE;
    if (!has_first) { /* the last so many bytes */
        uint64_t count = last < size ? last : size;
        *ret_offset = size - count;
        *ret_size = count;
        return count > 0 ? FILE_PART : FILE_BEYOND;
    }
    if (first >= size)
        return FILE_BEYOND;
    *ret_offset = first;
    *ret_size = (last < size - 1 ? last : size - 1) - first + 1;
    return FILE_PART;
}

enum file_wanted file_wanted(const struct file_state *state, const struct file_conditions *conditions,
                             uint64_t *ret_offset, uint64_t *ret_size) {
    *ret_offset = 0;
    *ret_size = state->size;
    if (is_unchanged(state, conditions))
        return FILE_UNCHANGED;
    if (conditions->range == NULL || !range_holds(state, conditions->if_range))
        return FILE_WHOLE;
    return parse_range(conditions->range, state->size, ret_offset, ret_size);
}

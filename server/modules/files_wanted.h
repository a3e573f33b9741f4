/**
 * Wanted: what a request wants of a file, by its conditions and its range (RFC 9110, 13 and 14).
 *
 * One range is given as asked for. Several, and what is no range of bytes, are passed over: the whole file is the answer
 * then, as the RFC allows. Pure: text in, struct out.
 */
#ifndef SERVER_MODULES_FILES_WANTED_H
#define SERVER_MODULES_FILES_WANTED_H

#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/** A file as it is now. */
struct file_state {
    uint64_t size;
    time_t modified;
    char etag[64];          /* a strong one: time to the nanosecond, size, inode */
    char modified_text[32]; /* as in Last-Modified; "" for a time that has no such form */
};

/** The request's fields, NULL where it has none. */
struct file_conditions {
    const char *range;
    const char *if_range;
    const char *if_none_match;
    const char *if_modified_since;
};

enum file_wanted {
    FILE_WHOLE,
    FILE_PART,      /* 206: *ret_offset, *ret_size */
    FILE_UNCHANGED, /* 304 */
    FILE_BEYOND     /* 416 */
};

void file_state_set(struct file_state *state, const struct stat *stat);

/** *ret_offset and *ret_size are set for FILE_WHOLE and FILE_PART. */
enum file_wanted file_wanted(const struct file_state *state, const struct file_conditions *conditions,
                             uint64_t *ret_offset, uint64_t *ret_size);

#endif

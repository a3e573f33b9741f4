/**
 * File: a whole file in memory.
 *
 * Thread: any but the loop.
 */
#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include <stddef.h>
#include <stdint.h>

struct file_bytes {
    char *data; /* malloc'ed; NULL for an empty file */
    size_t size;
    uint32_t mode; /* its rights */
};

/** Reads a file of at most limit bytes. Owns: *ret_bytes is yours to free. Returns: 0 or an errno; EFBIG beyond limit. */
int file_load(const char *path, size_t limit, struct file_bytes *ret_bytes);

#endif

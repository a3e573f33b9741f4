/* File: see file.h. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BYTES 16384

/* All of fd. Returns: 0 or an errno; EFBIG for too much. */
static int bytes_read(int fd, size_t limit, struct file_bytes *ret_bytes) {
    struct file_bytes bytes = {0};
    size_t capacity = 0;
    for (;;) {
        if (bytes.size == capacity) {
            capacity = capacity == 0 ? FIRST_BYTES : 2 * capacity;
            char *grown = realloc(bytes.data, capacity);
            if (!grown) {
                free(bytes.data);
                return ENOMEM;
            }
            bytes.data = grown;
        }
        ssize_t size = read(fd, bytes.data + bytes.size, capacity - bytes.size);
        int error = size < 0 ? errno : 0;
        if (error == EINTR)
            continue;
        if (error == 0 && bytes.size + (size_t)size > limit)
            error = EFBIG;
        if (error != 0) {
            free(bytes.data);
            return error;
        }
        if (size == 0) {
            *ret_bytes = bytes;
            return 0;
        }
        bytes.size += (size_t)size;
    }
}

int file_load(const char *path, size_t limit, struct file_bytes *ret_bytes) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = fstat(fd, &status) == 0 ? bytes_read(fd, limit, ret_bytes) : errno;
    (void)close(fd); /* read only: nothing can be lost */
    if (error == 0)
        ret_bytes->mode = (uint32_t)status.st_mode & 07777;
    return error;
}

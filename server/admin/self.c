/*
 * Self: what the kernel knows of this process, out of /proc.
 */
#include "self.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/self/stat, counted from the one behind the name: see proc(5), where state is number 3. */
enum stat_field {
    STAT_UTIME = 14 - 3,
    STAT_STIME = 15 - 3,
    STAT_THREADS = 20 - 3,
    STAT_START = 22 - 3,
    STAT_VSIZE = 23 - 3,
    STAT_RSS = 24 - 3,
    STAT_FIELD_COUNT = 25 - 3
};

/* The file's first bytes, NUL-terminated. */
static bool file_read(const char *path, char *data, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t read_bytes;

    if (fd < 0)
        return false;
    read_bytes = read(fd, data, size - 1);
    (void)close(fd); /* only read from */
    if (read_bytes <= 0)
        return false;
    data[read_bytes] = '\0';
    return true;
}

static bool stat_read(uint64_t fields[STAT_FIELD_COUNT]) {
    char data[1024];
    char *cursor;

    if (!file_read("/proc/self/stat", data, sizeof data))
        return false;
    /* The name is in parentheses, and may hold any byte: the last one closes it. Behind it a space, the state, a space. */
    cursor = strrchr(data, ')');
    if (!cursor || strlen(cursor) < 4)
        return false;
    cursor += 3;
    fields[0] = 0;
    for (int i = 1; i < STAT_FIELD_COUNT; i++) {
        char *end;

        fields[i] = strtoull(cursor, &end, 10); /* negative ones wrap; none that is used can be */
        if (end == cursor)
            return false;
        cursor = end;
    }
    return true;
}

/* Seconds since the epoch at which the clock of a process' start time stood at 0. */
static double boot_seconds(void) {
    struct timespec real, boot;

    if (clock_gettime(CLOCK_REALTIME, &real) != 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        return 0;
    return (double)(real.tv_sec - boot.tv_sec) + (double)(real.tv_nsec - boot.tv_nsec) / 1e9;
}

/* getdents64 and not readdir: glibc calls readdir unsafe for threads, and this needs no names kept. */
static uint64_t fd_count(void) {
    _Alignas(struct dirent64) char data[16384];
    int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t count = 0;
    ssize_t size;

    if (fd < 0)
        return 0;
    while ((size = getdents64(fd, data, sizeof data)) > 0)
        for (ssize_t at = 0; at < size;) {
            const struct dirent64 *entry = (const struct dirent64 *)(const void *)(data + at);

            count += entry->d_name[0] != '.';
            at += entry->d_reclen;
        }
    (void)close(fd);                  /* only read from */
    return count > 0 ? count - 1 : 0; /* without the one that looked */
}

struct self self_read(void) {
    struct self self = {0};
    uint64_t fields[STAT_FIELD_COUNT];
    struct rlimit limit;
    long ticks = sysconf(_SC_CLK_TCK);
    long page_bytes = sysconf(_SC_PAGESIZE);

    if (ticks > 0 && page_bytes > 0 && stat_read(fields)) {
        self.cpu_seconds = (double)(fields[STAT_UTIME] + fields[STAT_STIME]) / (double)ticks;
        self.start_seconds = boot_seconds() + (double)fields[STAT_START] / (double)ticks;
        self.resident_bytes = fields[STAT_RSS] * (uint64_t)page_bytes;
        self.virtual_bytes = fields[STAT_VSIZE];
        self.thread_count = fields[STAT_THREADS];
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        self.max_fd_count = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
    self.open_fd_count = fd_count();
    return self;
}

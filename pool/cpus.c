/* Cpus: affinity and control groups. */
#include "internal.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/cpus.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CPUS_MAX    65536
#define EXTRA       4u
#define SUGGEST_MAX 32u

static uint32_t affinity_count(void) {
    /* The kernel refuses a set smaller than its own. */
    for (int room = 1024; room <= CPUS_MAX; room *= 4) {
        cpu_set_t *set = CPU_ALLOC((size_t)room);
        if (!set)
            return 1;
        size_t size = CPU_ALLOC_SIZE((size_t)room);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return (uint32_t)count;
    }
    return 1;
}

/* The whole of a small file as a text. */
static bool file_read(const char *path, char *text, size_t capacity) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, text, capacity - 1);
    (void)close(fd); /* read only: nothing can be lost */
    if (size < 0)
        return false;
    text[size] = '\0';
    return true;
}

bool tti_cpus_parse_quota(const char *text, uint32_t *ret_count) {
    if (*text < '0' || *text > '9')
        return false;
    char *rest;
    unsigned long long quota = strtoull(text, &rest, 10);
    if (*rest != ' ' || rest[1] < '0' || rest[1] > '9')
        return false;
    unsigned long long period = strtoull(rest + 1, &rest, 10);
    if ((*rest != '\n' && *rest != '\0') || quota == 0 || period == 0)
        return false;
    unsigned long long count = quota / period + (quota % period != 0);
    *ret_count = count < CPUS_MAX ? (uint32_t)count : CPUS_MAX;
    return true;
}

/* The smallest quota from path up to the root of the hierarchy. */
static bool quota_find(char *path, uint32_t *ret_count) {
    bool is_found = false;
    for (;;) {
        char file[4200];
        char text[64];
        uint32_t count;
        int size = snprintf(file, sizeof file, CGROUP_ROOT "%s/cpu.max", path);
        if (size > 0 && (size_t)size < sizeof file && file_read(file, text, sizeof text) &&
            tti_cpus_parse_quota(text, &count) && (!is_found || count < *ret_count)) {
            *ret_count = count;
            is_found = true;
        }
        char *slash = strrchr(path, '/');
        if (!slash)
            return is_found;
        *slash = '\0';
    }
}

static bool quota_count(uint32_t *ret_count) {
    char groups[4096];
    if (!file_read("/proc/self/cgroup", groups, sizeof groups))
        return false;
    /* The unified hierarchy is the line "0::/path". */
    char *line = strncmp(groups, "0::/", 4) == 0 ? groups : strstr(groups, "\n0::/");
    if (!line)
        return false;
    char *path = strchr(line, '/');
    if (!path)
        return false;
    path[strcspn(path, "\n")] = '\0';
    return quota_find(path, ret_count);
}

uint32_t tt_cpus_count(void) {
    uint32_t count = affinity_count();
    uint32_t quota;
    return quota_count(&quota) && quota < count ? quota : count;
}

uint32_t tt_cpus_suggest_workers(void) {
    uint32_t count = tt_cpus_count() + EXTRA;
    return count < SUGGEST_MAX ? count : SUGGEST_MAX;
}

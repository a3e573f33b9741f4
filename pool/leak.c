/* Leak: tt_test_begin and tt_test_end of testing.h. Built with TT_TESTING only, and empty without. */
#include "fault.h"

#ifdef TT_TESTING

#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/testing.h>

#define PATIENCE_US 3000000u

/** Numbers that name files in a folder of /proc, but for skipped. Returns: how many; the first `most` stand in numbers. */
static uint32_t list_numbers(const char *path, int *numbers, uint32_t most) {
    DIR *folder = opendir(path);
    if (folder == NULL)
        return 0; /* no descriptor left, or no /proc: then there is none at the end either */
    uint32_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) { /* NOLINT(concurrency-mt-unsafe): this folder is this thread's alone */
        char *end = NULL;
        long number = strtol(entry->d_name, &end, 10);
        if (end == entry->d_name || number == dirfd(folder))
            continue;
        if (count < most)
            numbers[count] = (int)number;
        count++;
    }
    (void)closedir(folder); /* only read from */
    return count;
}

static void look(struct tt_test_mark *ret) {
    ret->wake_count = tti_test_count_wakes();
    ret->thread_count = list_numbers("/proc/self/task", ret->threads, TT_TEST_THREADS_MAX);
    ret->descriptor_count = list_numbers("/proc/self/fd", ret->descriptors, TT_TEST_DESCRIPTORS_MAX);
}

void tt_test_begin(struct tt_test_mark *ret_mark) {
    memset(ret_mark, 0, sizeof *ret_mark);
    look(ret_mark);
}

struct text {
    char *at;
    size_t left; /* with the byte for the end */
};

static void add(struct text *text, const char *format, ...) TT_PRINTF(2, 3);

static void add(struct text *text, const char *format, ...) {
    if (text->left == 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text->at, text->left, format, arguments);
    va_end(arguments);
    size_t used = (size_t)size < text->left ? (size_t)size : text->left - 1;
    text->at += used;
    text->left -= used;
}

static bool has_number(const int *numbers, uint32_t count, uint32_t most, int number) {
    for (uint32_t i = 0; i < count && i < most; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

static void add_wakes(struct text *text, uint32_t more) {
    add(text, "%u wake(s) not destroyed\n", more);
    /* New ones stand in front. */
    for (const struct tt_wake *wake = tti_test_wakes(); more > 0; wake = wake->next_wake, more--)
        for (const struct tt_pool *pool = wake->pools; pool != NULL; pool = pool->next_pool)
            add(text, "pool \"%s\" not destroyed, %u job(s) inside\n", pool->name, pool->inside_count);
}

static void add_threads(struct text *text, const struct tt_test_mark *mark, const struct tt_test_mark *now) {
    for (uint32_t i = 0; i < now->thread_count && i < TT_TEST_THREADS_MAX; i++) {
        if (has_number(mark->threads, mark->thread_count, TT_TEST_THREADS_MAX, now->threads[i]))
            continue;
        char path[64];
        char name[16] = "";
        (void)snprintf(path, sizeof path, "/proc/self/task/%d/comm", now->threads[i]); /* fits */
        FILE *file = fopen(path, "re");
        if (file != NULL) {
            if (fgets(name, sizeof name, file) != NULL)
                name[strcspn(name, "\n")] = '\0';
            (void)fclose(file); /* only read from */
        }
        add(text, "thread %d (%s) runs\n", now->threads[i], name);
    }
}

static void add_descriptors(struct text *text, const struct tt_test_mark *mark, const struct tt_test_mark *now) {
    for (uint32_t i = 0; i < now->descriptor_count && i < TT_TEST_DESCRIPTORS_MAX; i++) {
        if (has_number(mark->descriptors, mark->descriptor_count, TT_TEST_DESCRIPTORS_MAX, now->descriptors[i]))
            continue;
        char path[64];
        char target[128];
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", now->descriptors[i]); /* fits */
        ssize_t size = readlink(path, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        add(text, "descriptor %d (%s) is open\n", now->descriptors[i], target);
    }
}

/** A thread that was joined, or that has posted its goodbye, may be in the list for some moments more. */
static void await_threads(const struct tt_test_mark *mark, struct tt_test_mark *ret_now) {
    uint64_t due_us = tti_clock_read_us(CLOCK_MONOTONIC) + PATIENCE_US;
    const struct timespec pause = {.tv_nsec = 1000000};
    look(ret_now);
    while (ret_now->thread_count > mark->thread_count && tti_clock_read_us(CLOCK_MONOTONIC) < due_us) {
        (void)nanosleep(&pause, NULL); /* the kernel has no way to tell of a thread that was detached */
        look(ret_now);
    }
}

bool tt_test_end(const struct tt_test_mark *mark, char *ret_text, size_t size) {
    struct text text = {.at = ret_text, .left = size};
    struct tt_test_mark now;
    bool is_clean = true;
    if (size > 0)
        ret_text[0] = '\0';
    await_threads(mark, &now);
    if (now.wake_count > mark->wake_count) {
        is_clean = false;
        add_wakes(&text, now.wake_count - mark->wake_count);
    }
    if (now.thread_count > mark->thread_count) {
        is_clean = false;
        add_threads(&text, mark, &now);
    }
    if (now.descriptor_count > mark->descriptor_count) {
        is_clean = false;
        add_descriptors(&text, mark, &now);
    }
    return is_clean;
}

#endif

/**
 * Work: the paths that a peer serves, and the functions behind them that block. The same code in every peer written in C.
 *
 *   /inline            answered at once
 *   /noop              nothing, on a worker
 *   /file              4 KiB opened, read and closed, on a worker
 *   /sqlite?id=N       one indexed SELECT, on a worker, which has a connection of its own
 *   /to-thread?ms=N    N milliseconds of sleep, on a worker
 */
#ifndef TESTS_BENCH_PEERS_WORK_H
#define TESTS_BENCH_PEERS_WORK_H

#include <stdbool.h>
#include <stddef.h>

enum work_kind { WORK_INLINE, WORK_NOOP, WORK_FILE, WORK_SQLITE, WORK_SLEEP };

struct work {
    enum work_kind kind;
    long number; /* of the query */
    const char *type;
    size_t size;
    char answer[4096];
};

/** What each peer is started with. */
struct work_options {
    unsigned short port;
    unsigned worker_count;
};

/** Reads PORT WORKERS FOLDER, the latter with file4k.bin and data.db. Ends the program when they are no good. */
struct work_options work_init(int argc, char **argv);

/** The query may be NULL. Returns: false for a path that isn't served. */
bool work_parse(struct work *work, const char *path, const char *query);

/** Blocks, but for WORK_INLINE; then type, size and answer are set. Ends the program when it fails. */
void work_run(struct work *work);

#endif

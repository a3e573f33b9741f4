/**
 * Crew: the thread pool that everybody writes first: a list, a mutex, a condition variable.
 */
#ifndef TESTS_BENCH_PEERS_CREW_H
#define TESTS_BENCH_PEERS_CREW_H

#include "work.h"

struct task {
    struct task *next;
    struct work work;
    void *request; /* the server's own */
};

/** A first in, first out list. */
struct tasks {
    struct task *first;
    struct task **end;
};

void tasks_init(struct tasks *tasks);
void tasks_push(struct tasks *tasks, struct task *task);

/** Returns: NULL if it is empty. */
struct task *tasks_take(struct tasks *tasks);

/** Starts the workers, for ever; finished is called on a worker, after work_run. Ends the program when it can't. */
void crew_start(unsigned worker_count, void (*finished)(struct task *task));

void crew_submit(struct task *task);

#endif

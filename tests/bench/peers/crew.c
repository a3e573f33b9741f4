/* Crew: see crew.h. */
#include "crew.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct tasks tasks;
    void (*finished)(struct task *task);
} crew = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

void tasks_init(struct tasks *tasks) {
    *tasks = (struct tasks){.end = &tasks->first};
}

void tasks_push(struct tasks *tasks, struct task *task) {
    task->next = NULL;
    *tasks->end = task;
    tasks->end = &task->next;
}

struct task *tasks_take(struct tasks *tasks) {
    struct task *task = tasks->first;
    if (task != NULL && (tasks->first = task->next) == NULL)
        tasks->end = &tasks->first;
    return task;
}

static void *serve(void *unused) {
    for (;;) {
        struct task *task;
        (void)pthread_mutex_lock(&crew.lock); /* fails for mistakes only */
        while ((task = tasks_take(&crew.tasks)) == NULL)
            (void)pthread_cond_wait(&crew.more, &crew.lock);
        (void)pthread_mutex_unlock(&crew.lock);
        work_run(&task->work);
        crew.finished(task);
    }
    return unused;
}

void crew_start(unsigned worker_count, void (*finished)(struct task *task)) {
    tasks_init(&crew.tasks);
    crew.finished = finished;
    for (unsigned i = 0; i < worker_count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, NULL) != 0) {
            fputs("can't start a thread\n", stderr);
            exit(1);
        }
    }
}

void crew_submit(struct task *task) {
    (void)pthread_mutex_lock(&crew.lock);
    tasks_push(&crew.tasks, task);
    (void)pthread_cond_signal(&crew.more);
    (void)pthread_mutex_unlock(&crew.lock);
}

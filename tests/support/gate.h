/**
 * Gate: parks workers until the test lets them go, so that no test sleeps to be right.
 *
 * A job calls gate_pass from its run function. The test waits in gate_await until so many jobs stand at the gate,
 * does what it wants to do meanwhile, and lets them go with gate_open. A gate that was opened for more jobs than
 * stand there lets later ones through.
 *
 * All waits end after GATE_PATIENCE_S with a failed test, never with a hung one.
 */
#ifndef TESTS_SUPPORT_GATE_H
#define TESTS_SUPPORT_GATE_H

#include <check.h>
#include <errno.h>
#include <semaphore.h>
#include <time.h>

#define GATE_PATIENCE_S 30

struct gate {
    sem_t arrived;
    sem_t permits;
};

static inline void gate_init(struct gate *gate) {
    ck_assert_int_eq(sem_init(&gate->arrived, 0, 0), 0);
    ck_assert_int_eq(sem_init(&gate->permits, 0, 0), 0);
}

/** No job may stand at the gate. Thread: the test's. */
static inline void gate_deinit(struct gate *gate) {
    ck_assert_int_eq(sem_destroy(&gate->arrived), 0);
    ck_assert_int_eq(sem_destroy(&gate->permits), 0);
}

/** Says that this thread has come, and waits for its permit. Thread: any. */
static inline void gate_pass(struct gate *gate) {
    (void)sem_post(&gate->arrived); /* fails beyond two thousand million jobs */
    while (sem_wait(&gate->permits) != 0) {
        /* interrupted by a signal */
    }
}

/** Waits for a semaphore with the gate's patience. Thread: the test's. */
static inline void gate_wait(sem_t *semaphore, const char *what) {
    struct timespec due;
    ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &due), 0);
    due.tv_sec += GATE_PATIENCE_S;
    while (sem_timedwait(semaphore, &due) != 0)
        if (errno != EINTR)
            ck_abort_msg("waited %d s for %s", GATE_PATIENCE_S, what);
}

/** Returns when count more jobs have come. Thread: the test's. */
static inline void gate_await(struct gate *gate, unsigned count) {
    while (count-- > 0)
        gate_wait(&gate->arrived, "a job at the gate");
}

/** Lets count jobs go. Thread: any. */
static inline void gate_open(struct gate *gate, unsigned count) {
    while (count-- > 0)
        (void)sem_post(&gate->permits);
}

/** How many have come and were not awaited yet. */
static inline int gate_arrived(struct gate *gate) {
    int count = 0;
    ck_assert_int_eq(sem_getvalue(&gate->arrived, &count), 0);
    return count;
}

#endif

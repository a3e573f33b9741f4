/**
 * Program: starts the built program with what it inherits, and waits for its end.
 *
 * What is started dies with the test that started it, however that ends. Every wait ends after PROGRAM_PATIENCE_MS with a
 * failed test, never with a hung one.
 */
#ifndef TESTS_SUPPORT_PROGRAM_H
#define TESTS_SUPPORT_PROGRAM_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** How much longer things may take in this build; only for upper bounds. */
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
#define PROGRAM_SLOWNESS 6
#else
#define PROGRAM_SLOWNESS 1
#endif

#define PROGRAM_PATIENCE_MS (PROGRAM_SLOWNESS > 1 ? 120000 : 40000)

/** An upper bound for what must not wait for something else that takes far longer, on whatever machine. */
#define PROGRAM_SOON_MS 10000

struct program_options {
    const char *const *args;        /* behind the program's name; NULL-terminated */
    const char *const *environment; /* "NAME=VALUE" over what the test has; NULL-terminated, NULL: none */
    const char *out_path;           /* files for its output; NULL: /dev/null */
    const char *err_path;
    const int *sockets; /* become descriptors 3, 4, ...; LISTEN_FDS and LISTEN_PID say so */
    size_t socket_count;
    const char *socket_names;  /* LISTEN_FDNAMES */
    unsigned descriptor_limit; /* 0: the test's own */
};

/** The program under test: TOTHREAD_BIN, or the one that was built with the tests. */
const char *program_path(void);

pid_t program_start(const struct program_options *options);

/** Waits for the end. Returns: its exit status; 1000 and more: killed by signal 1, 2, ... */
int program_wait(pid_t pid);

/** Whether it has not ended yet. */
bool program_is_running(pid_t pid);

struct output {
    int status; /* of program_wait */
    char *out;  /* malloc'ed */
    char *err;
};

/** Runs the program to its end; arguments up to NULL. */
struct output program_run(const char *const *args);
void output_free(struct output *output);

/** A whole file, NUL-terminated. Owns: yours to free. Aborts the test when there is none. */
char *file_read(const char *path);
void file_write(const char *path, const char *text);

/** Milliseconds of the monotonic clock. */
uint64_t clock_ms(void);

/** A millisecond's rest between two looks at a condition; aborts the test with what when begun_ms is too long ago. */
void patience(uint64_t begun_ms, const char *what);

/** Runs the tests as one suite. Returns: main's status. */
int suite_run(const char *name, const TTest *const *tests, size_t count);

#endif

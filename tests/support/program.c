/* Program: see program.h. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARGS_MAX     64
#define VARIABLE_MAX 512
#define FIRST_SOCKET 3
/* Sockets to be passed on are moved out of the way of 3, 4, ... first. */
#define SAFE_FD 100

extern char **environ;

uint64_t clock_ms(void) {
    struct timespec now;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void patience(uint64_t begun_ms, const char *what) {
    const struct timespec rest = {.tv_nsec = 1000000};
    if (clock_ms() - begun_ms > PROGRAM_PATIENCE_MS)
        ck_abort_msg("waited %d ms in vain for %s", PROGRAM_PATIENCE_MS, what);
    (void)nanosleep(&rest, NULL); /* a signal only shortens it */
}

/* -- files -- */

char *file_read(const char *path) {
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "can't open %s: %s", path, strerrordesc_np(errno));
    size_t size = 0;
    size_t capacity = 65536;
    char *text = malloc(capacity);
    ck_assert_ptr_nonnull(text);
    for (size_t got; (got = fread(text + size, 1, capacity - size - 1, file)) > 0;) {
        size += got;
        if (capacity - size > 1)
            continue;
        capacity *= 2;
        text = realloc(text, capacity);
        ck_assert_ptr_nonnull(text);
    }
    ck_assert_int_eq(ferror(file), 0);
    (void)fclose(file); /* it was only read */
    text[size] = '\0';
    return text;
}

void file_write(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    ck_assert_msg(file != NULL, "can't write %s: %s", path, strerrordesc_np(errno));
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

/* -- start -- */

const char *program_path(void) {
    const char *path = getenv("TOTHREAD_BIN");
    return path != NULL ? path : TOTHREAD_BIN_BUILT;
}

/** In the child. */
static void take_descriptor(int fd, int wanted) {
    if (fd < 0 || dup2(fd, wanted) != wanted)
        _exit(127);
}

static void take_output(const char *path, int wanted) {
    take_descriptor(open(path != NULL ? path : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0600), wanted);
}

static void take_sockets(const struct program_options *options) {
    for (size_t i = 0; i < options->socket_count; i++)
        take_descriptor(options->sockets[i], SAFE_FD + (int)i);
    for (size_t i = 0; i < options->socket_count; i++)
        take_descriptor(SAFE_FD + (int)i, FIRST_SOCKET + (int)i);
    /* Nothing else of the test's: what leaks into the program would be counted as its own. */
    (void)close_range(FIRST_SOCKET + (unsigned)options->socket_count, ~0u, 0);
}

static void take_variables(const struct program_options *options) {
    char text[32];
    for (size_t i = 0; options->environment != NULL && options->environment[i] != NULL; i++) {
        char variable[VARIABLE_MAX];
        int size = snprintf(variable, sizeof variable, "%s", options->environment[i]);
        char *equals = strchr(variable, '=');
        if (size >= VARIABLE_MAX || equals == NULL)
            _exit(127);
        *equals = '\0';
        if (setenv(variable, equals + 1, 1) != 0)
            _exit(127);
    }
    if (options->socket_count == 0)
        return;
    (void)snprintf(text, sizeof text, "%zu", options->socket_count); /* fits */
    int failed = setenv("LISTEN_FDS", text, 1);
    (void)snprintf(text, sizeof text, "%d", (int)getpid()); /* fits */
    failed |= setenv("LISTEN_PID", text, 1);
    if (options->socket_names != NULL)
        failed |= setenv("LISTEN_FDNAMES", options->socket_names, 1);
    if (failed != 0)
        _exit(127);
}

static _Noreturn void become_program(const struct program_options *options, pid_t parent) {
    const struct rlimit limit = {options->descriptor_limit, options->descriptor_limit};
    char *args[ARGS_MAX + 2] = {(char *)(uintptr_t)program_path()};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(127);
    for (size_t i = 0; i < ARGS_MAX && options->args[i] != NULL; i++)
        args[i + 1] = (char *)(uintptr_t)options->args[i];
    take_descriptor(open("/dev/null", O_RDONLY), STDIN_FILENO);
    take_output(options->out_path, STDOUT_FILENO);
    take_output(options->err_path, STDERR_FILENO);
    take_sockets(options);
    take_variables(options);
    if (options->descriptor_limit != 0 && setrlimit(RLIMIT_NOFILE, &limit) != 0)
        _exit(127);
    execve(args[0], args, environ);
    _exit(127);
}

pid_t program_start(const struct program_options *options) {
    pid_t parent = getpid();
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        become_program(options, parent);
    return pid;
}

/* -- end -- */

bool program_is_running(pid_t pid) {
    siginfo_t info = {0};
    int failed = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return failed == 0 && info.si_pid == 0;
}

int program_wait(pid_t pid) {
    int status = 0;
    uint64_t begun_ms = clock_ms();
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_ms() - begun_ms > PROGRAM_PATIENCE_MS)
            (void)kill(pid, SIGABRT); /* its core says where it hangs */
        patience(begun_ms, "the program to end");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

struct output program_run(const char *const *args) {
    char out_path[] = "/tmp/tothread-out-XXXXXX";
    char err_path[] = "/tmp/tothread-err-XXXXXX";
    int out = mkostemp(out_path, O_CLOEXEC);
    int err = mkostemp(err_path, O_CLOEXEC);
    ck_assert_int_ge(out, 0);
    ck_assert_int_ge(err, 0);
    const struct program_options options = {.args = args, .out_path = out_path, .err_path = err_path};
    struct output output = {.status = program_wait(program_start(&options))};
    output.out = file_read(out_path);
    output.err = file_read(err_path);
    (void)close(out); /* empty placeholders for the paths */
    (void)close(err);
    (void)unlink(out_path); /* a left file in /tmp is no failure */
    (void)unlink(err_path);
    return output;
}

void output_free(struct output *output) {
    free(output->out);
    free(output->err);
    *output = (struct output){0};
}

/* -- the suite -- */

int suite_run(const char *name, const TTest *const *tests, size_t count) {
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create("all");
    tcase_set_timeout(cases, 200); /* the last resort: each wait has its own end */
    for (size_t i = 0; i < count; i++)
        tcase_add_test(cases, tests[i]);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

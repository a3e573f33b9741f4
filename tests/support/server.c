/* Server under test: see server.h. */
#include "server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS_MAX 60

/* -- the folder -- */

static void write_gate_config(const struct server *server) {
    char path[128];
    char text[1024];
    (void)snprintf(path, sizeof path, "%s/conf.d", server->folder); /* fits, as all of these do */
    ck_assert_int_eq(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/conf.d/gate.conf", server->folder);
    int size =
        snprintf(text, sizeof text,
                 "[module gate]\npath = %s/gate.so\npool = demo\n"
                 "[call hold]\nmodule = gate\nfunction = hold\nfifo = %s\nroute = GET /hold\n"
                 "[call fail]\nmodule = gate\nfunction = fail\nroute = GET /fail\n"
                 "[call who]\nmodule = gate\nfunction = who\nroute = GET /who\n"
                 "[module pieces]\npath = %s/pieces.so\npool = demo\n"
                 "[call send]\nmodule = pieces\nfifo = %s\nroute = GET /send\ntimeout = 10min\n"
                 "[call take]\nmodule = pieces\nfifo = %s\nroute = POST|PUT /take\nmax-body = 1GiB\ntimeout = 10min\n"
                 "[call mirror]\nmodule = pieces\nfifo = %s\nroute = POST /mirror\ntimeout = 10min\n",
                 TEST_MODULE_DIR, server->gate, TEST_MODULE_DIR, server->gate, server->gate, server->gate);
    ck_assert_int_lt(size, sizeof text);
    file_write(path, text);
}

static void make_folder(struct server *server, const struct server_options *options) {
    static const char pattern[] = "/tmp/tothread-flow-XXXXXX";
    memcpy(server->folder, pattern, sizeof pattern);
    ck_assert_ptr_nonnull(mkdtemp(server->folder));
    (void)snprintf(server->log, sizeof server->log, "%s/log", server->folder);
    (void)snprintf(server->config, sizeof server->config, "%s/tothread.conf", server->folder);
    (void)snprintf(server->gate, sizeof server->gate, "%s/gate", server->folder);
    file_write(server->config, options->config != NULL ? options->config : "");
    file_write(server->log, "");
    if (options->is_bare)
        return;
    ck_assert_int_eq(mkfifo(server->gate, 0600), 0);
    write_gate_config(server);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

/* -- /proc -- */

static size_t count_entries(const struct server *server, const char *name) {
    char path[64];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)server->pid, name); /* fits */
    DIR *folder = opendir(path);
    ck_assert_msg(folder != NULL, "can't list %s: %s", path, strerrordesc_np(errno));
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(folder); /* it was only read */
    return count;
}

/** The nth number of a file in /proc/PID, from 0, behind the last ")". */
static uint64_t read_number(const struct server *server, const char *name, int nth) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)server->pid, name); /* fits */
    char *text = file_read(path);
    char *at = strrchr(text, ')');
    at = at != NULL ? at + 2 : text;
    for (int i = 0; i < nth; i++) {
        at = strchr(at, ' ');
        ck_assert_ptr_nonnull(at);
        at++;
    }
    uint64_t number = strtoul(at, NULL, 10);
    free(text);
    return number;
}

uint64_t server_cpu_ms(const struct server *server) {
    uint64_t ticks = read_number(server, "stat", 11) + read_number(server, "stat", 12); /* utime, stime */
    return ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

size_t server_resident_bytes(const struct server *server) {
    return read_number(server, "statm", 1) * (size_t)sysconf(_SC_PAGESIZE);
}

/* -- the log -- */

char *server_log(const struct server *server) {
    return file_read(server->log);
}

size_t server_count_log(const struct server *server, const char *text) {
    size_t count = 0;
    char *log = server_log(server);
    for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
        count++;
    free(log);
    return count;
}

bool server_has_logged(const struct server *server, const char *text) {
    return server_count_log(server, text) > 0;
}

void server_await_log(const struct server *server, const char *text) {
    for (uint64_t begun_ms = clock_ms(); !server_has_logged(server, text);)
        patience(begun_ms, text);
}

void server_await_log_count(const struct server *server, const char *text, size_t count) {
    for (uint64_t begun_ms = clock_ms(); server_count_log(server, text) < count;)
        patience(begun_ms, text);
    ck_assert_uint_eq(server_count_log(server, text), count);
}

/* -- start -- */

static pid_t start_program(const struct server *server, const struct server_options *options) {
    const char *args[ARGS_MAX] = {"serve", "-c", server->config};
    size_t count = 3;
    if (!options->is_bare) {
        static const char *const usual[] = {"--demo", "--set", "server.listen=127.0.0.1:0", "--set",
                                            "server.admin=127.0.0.1:0"};
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
            args[count++] = usual[i];
    }
    const char *loops = getenv("TOTHREAD_TEST_LOOPS"); // NOLINT(concurrency-mt-unsafe): nobody sets it
    char set_loops[32];
    if (!options->is_bare && loops != NULL) {
        (void)snprintf(set_loops, sizeof set_loops, "server.loops=%s", loops); /* cut is refused */
        args[count++] = "--set";
        args[count++] = set_loops;
    }
    for (size_t i = 0; options->args != NULL && options->args[i] != NULL; i++) {
        ck_assert_uint_lt(count, ARGS_MAX - 1);
        args[count++] = options->args[i];
    }
    struct program_options child = options->child;
    child.args = args;
    child.err_path = server->log;
    return program_start(&child);
}

/** The number behind text in the log, or 0. */
static int find_port(const char *log, const char *text) {
    const char *at = strstr(log, text);
    return at != NULL ? (int)strtol(at + strlen(text), NULL, 10) : 0;
}

static void await_ready(struct server *server) {
    for (uint64_t begun_ms = clock_ms(); !server_has_logged(server, "event=ready ");) {
        if (!program_is_running(server->pid)) {
            char *log = server_log(server);
            ck_abort_msg("the server has ended: %s", log);
        }
        patience(begun_ms, "event=ready");
    }
    server_await_log(server, " pools="); /* the line's end */
    char *log = server_log(server);
    const char *line = strstr(log, "event=ready ");
    char *admin = strstr(line, " admin=");
    ck_assert_ptr_nonnull(admin);
    server->admin_port = find_port(admin, "admin=127.0.0.1:");
    *admin = '\0';
    server->port = find_port(line, "127.0.0.1:");
    server->port_6 = find_port(line, "[::1]:");
    free(log);
}

/* -- numbers -- */

static json_t *load_stats(const struct server *server) {
    json_error_t error;
    struct response response = admin_request(server, "GET", "/stats.json");
    ck_assert_int_eq(response.status, 200);
    json_t *stats = json_loadb(response.body, response.body_size, 0, &error);
    ck_assert_msg(stats != NULL, "/stats.json: %s", error.text);
    response_free(&response);
    return stats;
}

static double number_of(const json_t *object, const char *key) {
    const json_t *member = json_object_get(object, key);
    ck_assert_msg(json_is_number(member), "no number %s", key);
    return json_number_value(member);
}

double server_stat(const struct server *server, const char *path) {
    struct response response = admin_request(server, "GET", "/stats.json");
    const char *text = response_member(&response, path);
    ck_assert_msg(text != NULL, "no %s in %s", path, response.body);
    char *end;
    double value = strtod(text, &end);
    ck_assert_msg(*end == '\0', "%s is no number: %s", path, text);
    response_free(&response);
    return value;
}

static void await_between(const struct server *server, const char *path, double least, double most) {
    double now;
    for (uint64_t begun_ms = clock_ms(); (now = server_stat(server, path)) < least || now > most;) {
        char what[160];
        (void)snprintf(what, sizeof what, "%s to be %g: it is %g", path, least, now); /* a cut text will do */
        patience(begun_ms, what);
    }
}

void server_await_stat(const struct server *server, const char *path, double value) {
    await_between(server, path, value, value);
}

void server_await_least(const struct server *server, const char *path, double value) {
    await_between(server, path, value, INFINITY);
}

void server_await_inside(const struct server *server, double count) {
    for (uint64_t begun_ms = clock_ms();;) {
        json_t *stats = load_stats(server);
        const json_t *pool = json_object_get(json_object_get(stats, "pools"), "demo");
        double inside = number_of(pool, "busy_count") + number_of(pool, "zombie_count");
        json_decref(stats);
        if (inside >= count)
            return;
        patience(begun_ms, "workers to be inside calls");
    }
}

static bool has_call(const struct server *server, const char *call, const char *phase, const char *id) {
    bool has_it = false;
    struct response response = admin_request(server, "GET", "/calls");
    json_t *root = json_loadb(response.body, response.body_size, 0, NULL);
    ck_assert_msg(root != NULL, "/calls: %s", response.body);
    const json_t *calls = json_object_get(root, "calls");
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *item = json_array_get(calls, i);
        has_it = has_it || (strcmp(json_string_value(json_object_get(item, "call")), call) == 0 &&
                            strcmp(json_string_value(json_object_get(item, "phase")), phase) == 0 &&
                            strcmp(json_string_value(json_object_get(item, "id")), id) == 0);
    }
    json_decref(root);
    response_free(&response);
    return has_it;
}

void server_await_call(const struct server *server, const char *call, const char *phase, const char *id) {
    for (uint64_t begun_ms = clock_ms(); !has_call(server, call, phase, id);)
        patience(begun_ms, id);
}

int server_jam(const struct server *server) {
    int fd = server_ask(server, "/jam");
    server_await_call(server, "jam", "inline", ""); /* whichever loop it is */
    return fd;
}

/** The sum of the members of every object in stats[group]. */
static double sum_of(const json_t *stats, const char *group, const char *const *keys) {
    const json_t *objects = json_object_get(stats, group);
    double sum = 0;
    for (void *at = json_object_iter((json_t *)(uintptr_t)objects); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)objects, at))
        for (size_t i = 0; keys[i] != NULL; i++)
            sum += number_of(json_object_iter_value(at), keys[i]);
    return sum;
}

static const char *const pool_unrest[] = {"busy_count", "zombie_count", "queue_depth", "starting_count", NULL};
static const char *const call_unrest[] = {"in_flight", NULL};

/** Whether nothing runs or waits anywhere. */
static bool is_at_rest(const json_t *stats) {
    return sum_of(stats, "pools", pool_unrest) + sum_of(stats, "calls", call_unrest) < 1;
}

static json_t *await_rest(const struct server *server) {
    for (uint64_t begun_ms = clock_ms();;) {
        json_t *stats = load_stats(server);
        if (is_at_rest(stats))
            return stats;
        json_decref(stats);
        patience(begun_ms, "the service to be at rest");
    }
}

/** Returns: NULL, or what doesn't balance, to be freed. */
static char *find_imbalance(const json_t *objects, const char *const *ends) {
    for (void *at = json_object_iter((json_t *)(uintptr_t)objects); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)objects, at)) {
        const json_t *object = json_object_iter_value(at);
        double ended = 0;
        for (size_t i = 0; ends[i] != NULL; i++)
            ended += number_of(object, ends[i]);
        if (ended == number_of(object, "submitted"))
            continue;
        char *numbers = json_dumps(object, JSON_COMPACT);
        char *text = NULL;
        ck_assert_int_ge(asprintf(&text, "the books of %s to balance: %s", json_object_iter_key(at), numbers), 0);
        free(numbers);
        return text;
    }
    return NULL;
}

void server_check_books(const struct server *server) {
    static const char *const call_ends[] = {"done",         "failed",         "crashed",
                                            "cancelled",    "expired_queue",  "expired_run",
                                            "refused_full", "refused_closed", NULL};
    static const char *const pool_ends[] = {"done",          "failed",      "crashed",      "cancelled",
                                            "expired_queue", "expired_run", "refused_full", "refused_closed",
                                            "abandoned",     NULL};
    /* The numbers are read one after the other: what ends meanwhile is in some of them. */
    for (uint64_t begun_ms = clock_ms();;) {
        json_t *stats = await_rest(server);
        char *imbalance = find_imbalance(json_object_get(stats, "pools"), pool_ends);
        if (imbalance == NULL)
            imbalance = find_imbalance(json_object_get(stats, "calls"), call_ends);
        json_decref(stats);
        if (imbalance == NULL)
            return;
        patience(begun_ms, imbalance);
        free(imbalance);
    }
}

/* -- start, continued -- */

struct server server_start(const struct server_options *options) {
    struct server server = {.gate_fd = -1};
    make_folder(&server, options);
    server.pid = start_program(&server, options);
    await_ready(&server);
    if (server.admin_port == 0)
        return server;
    json_decref(await_rest(&server)); /* all workers have opened what they need */
    server.fd_count = count_entries(&server, "fd");
    server.thread_count = count_entries(&server, "task");
    return server;
}

struct server server_start_demo(const char *const *args) {
    const struct server_options options = {.args = args};
    return server_start(&options);
}

/* -- the gate -- */

void server_open_gate(struct server *server) {
    if (server->gate_fd >= 0)
        return;
    server->gate_fd = open(server->gate, O_RDWR | O_CLOEXEC); /* of a FIFO: never waits, and counts as a writer */
    ck_assert_int_ge(server->gate_fd, 0);
}

void server_shut_gate(struct server *server) {
    ck_assert_int_ge(server->gate_fd, 0);
    (void)close(server->gate_fd); /* nothing was written */
    server->gate_fd = -1;
}

/* -- the end -- */

void server_configure(const struct server *server, const char *text) {
    file_write(server->config, text);
}

void server_signal(const struct server *server, int signal_number) {
    ck_assert_int_eq(kill(server->pid, signal_number), 0);
}

static void await_fewer(const struct server *server, const char *name, size_t most) {
    size_t now;
    for (uint64_t begun_ms = clock_ms(); (now = count_entries(server, name)) > most;) {
        char what[80];
        (void)snprintf(what, sizeof what, "/proc/PID/%s to fall to %zu: it is %zu", name, most, now); /* fits */
        patience(begun_ms, what);
    }
}

void server_ended(struct server *server, int status) {
    int ended = program_wait(server->pid);
    if (ended != status) {
        char *log = server_log(server);
        ck_abort_msg("the server ended with %d, not with %d: %s", ended, status, log);
    }
    if (server->gate_fd >= 0)
        (void)close(server->gate_fd); /* nothing was written */
    ck_assert_int_eq(nftw(server->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void server_stop(struct server *server) {
    if (access(server->gate, F_OK) == 0)
        server_open_gate(server);
    if (server->admin_port != 0) {
        server_await_stat(server, "front.connections", 0);
        server_check_books(server);
        server_await_stat(server, "front.buffered_bytes", 0);
        await_fewer(server, "fd", server->fd_count);
        if (!server->may_grow)
            await_fewer(server, "task", server->thread_count);
    }
    server_signal(server, SIGTERM);
    server_ended(server, 0);
}

/* -- requests -- */

int server_ask(const struct server *server, const char *path) {
    int fd = client_connect(server->port);
    client_format(fd, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);
    return fd;
}

struct response server_get(const struct server *server, const char *path) {
    int fd = server_ask(server, path);
    struct response response = response_read(fd);
    (void)close(fd); /* the answer is here */
    return response;
}

struct response server_post(const struct server *server, const char *path, const char *json) {
    int fd = client_connect(server->port);
    client_format(fd,
                  "POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                  path, strlen(json), json);
    struct response response = response_read(fd);
    (void)close(fd); /* the answer is here */
    return response;
}

struct response admin_request(const struct server *server, const char *method, const char *path) {
    int fd = client_connect(server->admin_port);
    client_format(fd, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", method, path);
    struct response response = response_read(fd);
    (void)close(fd); /* the answer is here */
    return response;
}

/**
 * Server under test: starts the built program on free loopback ports, looks inside through its admin plane, ends it.
 *
 * Each server has a scratch folder of its own with tothread.conf (what the test wants) and conf.d/gate.conf: the call `hold`
 * (GET /hold, tests/flow/modules/gate.c), which blocks a worker of the pool `demo` until server_open_gate, and the calls
 * `fail` (GET /fail?status=N) and `who` (GET /who); and those of tests/flow/modules/pieces.c: `send` (GET /send), `take`
 * (POST /take), `mirror` (POST /mirror).
 *
 * With TOTHREAD_TEST_LOOPS in the environment it has so many event loops: many tests run once more like that.
 *
 * server_stop checks what must hold after every test: the service comes to rest, the books of every pool and every call
 * balance, no descriptor, thread or buffered byte is left, it ends with status 0. The folder stays after a failed test.
 */
#ifndef TESTS_SUPPORT_SERVER_H
#define TESTS_SUPPORT_SERVER_H

#include "client.h"
#include "program.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct server {
    pid_t pid;
    int port; /* of the first IPv4 listener; 0: none */
    int port_6;
    int admin_port;  /* 0: none */
    char folder[64]; /* removed at the end */
    char log[96];    /* file that holds its stderr */
    char config[96]; /* file that holds its configuration */
    char gate[96];   /* the FIFO */
    int gate_fd;     /* -1: the gate is shut */
    size_t fd_count; /* at rest, before the first client */
    size_t thread_count;
    bool may_grow; /* a test that changes the number of workers: server_stop doesn't compare threads */
};

struct server_options {
    const char *config;           /* of tothread.conf; NULL: empty */
    const char *const *args;      /* more arguments; NULL: none */
    bool is_bare;                 /* no --demo, no gate, and no listen or admin on the command line */
    struct program_options child; /* what it inherits; args and files are filled here */
};

/** Aborts the test if it isn't ready in time. */
struct server server_start(const struct server_options *options);
/** With --demo and arguments such as "--set", "pool.demo.workers=1" up to NULL. */
struct server server_start_demo(const char *const *args);
#define SERVER_DEMO(...) server_start_demo((const char *const[]){__VA_ARGS__, NULL})

/** Opens the gate, waits for rest, checks the books, SIGTERM, checks the rest. */
void server_stop(struct server *server);
/** After the test has ended it: waits, checks the exit status, tidies up. */
void server_ended(struct server *server, int status);

void server_open_gate(struct server *server);
void server_shut_gate(struct server *server);

/** Waits for rest and checks the books; server_stop does it too. */
void server_check_books(const struct server *server);

void server_configure(const struct server *server, const char *text);
void server_signal(const struct server *server, int signal_number);

/** Its log so far. Owns: yours to free. */
char *server_log(const struct server *server);
bool server_has_logged(const struct server *server, const char *text);
void server_await_log(const struct server *server, const char *text);
/** How often text stands in the log. What is logged arrives there a little later. */
size_t server_count_log(const struct server *server, const char *text);
/** Waits until it stands there so often; aborts the test if it stands there more often. */
void server_await_log_count(const struct server *server, const char *text, size_t count);

/** A number out of /stats.json by a dotted path ("pools.demo.done"); aborts the test where there is none. */
double server_stat(const struct server *server, const char *path);
/** Waits until it is value, or is at least that. */
void server_await_stat(const struct server *server, const char *path, double value);
void server_await_least(const struct server *server, const char *path, double value);

/** Waits until the pool `demo` has that many workers inside calls, be they late (zombies) or not. */
void server_await_inside(const struct server *server, double count);
/** Waits until /calls shows a call of that name and phase with this id. */
void server_await_call(const struct server *server, const char *call, const char *phase, const char *id);

/** Configures a call that blocks the loop itself until server_open_gate: `GET /jam`. */
#define SERVER_JAM_CONFIG "[call jam]\nmodule = gate\nfunction = hold\npool = none\nfifo = gate\nroute = GET /jam\n"
/** Asks for it, and waits until the loop stands in it. Returns: the connection. */
int server_jam(const struct server *server);

/** One request on a connection of its own, closed afterwards. body NULL: none; headers may be "". */
struct response server_get(const struct server *server, const char *path);
struct response server_post(const struct server *server, const char *path, const char *json);
struct response admin_request(const struct server *server, const char *method, const char *path);

/** A connection with a GET on its way. */
int server_ask(const struct server *server, const char *path);

/** Processor time that it has used, in ms. */
uint64_t server_cpu_ms(const struct server *server);
size_t server_resident_bytes(const struct server *server);

#endif

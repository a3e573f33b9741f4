/**
 * Server under test: starts build/P/tothread on free loopback ports, talks to it, ends it.
 *
 * Everything it starts is ended by pid in server_stop, which also checks the books: at rest each pool's and each
 * call's submitted must equal the sum of its ends, and the exit status must be 0.
 */
#ifndef TESTS_SUPPORT_SERVER_H
#define TESTS_SUPPORT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct server {
    pid_t pid;
    int port;       /* of the first listener */
    int admin_port; /* 0: none */
    char folder[128]; /* a scratch folder of its own, removed in server_stop */
    char log[160];    /* file that holds its stderr */
};

/** Starts `tothread serve --demo` with further arguments (NULL-terminated); listens on 127.0.0.1:0. Aborts the test if it isn't ready within 10 s. */
struct server server_start_demo(const char *const *extra_args);

/** Starts `tothread serve -c FILE`, FILE holding config. */
struct server server_start(const char *config, const char *const *extra_args);

/** SIGTERM, wait, check exit status and books. */
void server_stop(struct server *server);

/** Connects; aborts the test on failure. Receive time-out 10 s. */
int server_connect(const struct server *server);

/** Sends all bytes. */
void server_send(int fd, const char *data, size_t size);

struct response {
    int status;         /* 0: the connection was closed before a status line */
    char head[8192];    /* NUL-terminated */
    char *body;         /* malloc'ed, NUL-terminated */
    size_t body_size;
    bool is_closed;     /* the server closed afterwards (only known where the answer ends by close) */
};

/** Reads one answer (head and body by Content-Length or chunked). is_head: the answer has no body. */
struct response response_read(int fd, bool is_head);
void response_free(struct response *response);
/** Value of a header field, in a static buffer; NULL where absent. */
const char *response_header(const struct response *response, const char *name);

/** One request on a connection of its own. */
struct response server_get(const struct server *server, const char *path);
struct response server_request(const struct server *server, const char *method, const char *path, const char *headers, const char *body);
struct response admin_request(const struct server *server, const char *method, const char *path);

/** A number out of /stats.json by a dotted path ("pools.demo.done"); -1 where there is none. */
double server_stat(const struct server *server, const char *path);

#endif

/*
 * Admin: the plane for people and monitoring, on threads of its own. The only user of CivetWeb.
 *
 * CivetWeb 1.15 as Debian packages it lacks the fixes for CVE-2025-55763 (a heap overflow where a URI is turned
 * into a path) and CVE-2025-9648 (an endless loop in the form reader). Neither is reached: begin_request answers every
 * request before CivetWeb maps it to anything, there is no document root, no form is read, and nothing is
 * decoded. What is taken from CivetWeb is the threads and the reading of a head: see handler.c.
 *
 * It keeps a thread per connection, from before its first byte. So connections don't live longer than one answer, a head and
 * a body have one second each and an answer five, and there are more threads than people who ask. Those that send nothing
 * are left in the kernel. Who opens more half heads a second than there are threads still makes others wait:
 * keep the address private.
 */
#include "admin.h"
#include "../log.h"
#include "address.h"
#include "handler.h"
#include <arpa/inet.h>
#include <civetweb.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORKER_COUNT  32
#define WORKERS_TEXT  "32"
#define THREAD_COUNT  (WORKER_COUNT + 1) /* and the one that accepts */
#define TIMEOUT_MS    "1000"             /* for a head, for a body, for each piece of an answer */
#define DEFER_S       30                 /* what a connection that says nothing stays in the kernel */
#define FD_SEARCH_MAX 4096

struct admin {
    struct admin_view *view;
    struct mg_context *context;
    int port;
    int listen_fd; /* CivetWeb's; -1 where it wasn't found */
    sem_t started; /* posted by each of CivetWeb's threads */
    struct log_limit log_limit;

    pthread_mutex_t lock;
    pthread_cond_t idle; /* busy_count became 0 */
    /* locked */
    unsigned busy_count; /* answers that are being made or sent */
    bool is_started;
    bool is_stopping;
    char complaint[200]; /* CivetWeb's first one before is_started */
};

static bool begin_answer(struct admin *admin) {
    bool is_stopping;

    (void)pthread_mutex_lock(&admin->lock); /* can't fail: not recursive, initialised */
    is_stopping = admin->is_stopping;
    admin->busy_count += !is_stopping;
    (void)pthread_mutex_unlock(&admin->lock);
    return !is_stopping;
}

static void end_answer(struct admin *admin) {
    (void)pthread_mutex_lock(&admin->lock);
    if (--admin->busy_count == 0)
        (void)pthread_cond_signal(&admin->idle);
    (void)pthread_mutex_unlock(&admin->lock);
}

/* -- CivetWeb's callbacks -- */

/* The catch-all. Returns the status, which tells CivetWeb to do nothing more. */
static int on_request(struct mg_connection *connection) {
    struct admin *admin = mg_get_user_context_data(connection);
    int status;

    tt_assume_admin();
    /* Without it CivetWeb would go on to read the rest of the body, however long it is. */
    mg_disable_connection_keep_alive(connection);
    if (!begin_answer(admin))
        return 503;
    status = handler_answer(admin->view, connection);
    end_answer(admin);
    return status;
}

static int on_error(struct mg_connection *connection, int status, const char *message) {
    tt_assume_admin();
    (void)message;
    handler_refuse(connection, status);
    return 0;
}

static int on_message(const struct mg_connection *connection, const char *message) {
    struct admin *admin = mg_get_user_data(mg_get_context(connection));
    char clean[sizeof admin->complaint];
    bool is_started;
    size_t i = 0;

    for (; message[i] && i < sizeof clean - 1; i++)
        clean[i] = message[i] >= ' ' && message[i] <= '~' && message[i] != '"' ? message[i] : '?';
    clean[i] = '\0';
    (void)pthread_mutex_lock(&admin->lock);
    is_started = admin->is_started;
    if (!is_started && !admin->complaint[0])
        memcpy(admin->complaint, clean, i + 1);
    (void)pthread_mutex_unlock(&admin->lock);
    if (is_started)
        log_event_limited(&admin->log_limit, TT_LOG_WARNING, "admin_complaint", "text=\"%s\"", clean);
    return 1;
}

static void *on_thread(const struct mg_context *context, int type) {
    struct admin *admin = mg_get_user_data(context);

    /* Names for people who look at `ps -L` or a debugger; one that can't be set isn't worth a word. */
    (void)pthread_setname_np(pthread_self(), type == 0 ? "admin-accept" : "admin");
    (void)sem_post(&admin->started);
    return NULL;
}

/* -- start -- */

/* CivetWeb reports a port that is taken only as text. Asking the kernel first gives the errno. */
static enum tt_status probe_address(const char *text, const struct sockaddr_in *address, struct tt_error *reterr) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    int error = 0;

    if (fd < 0)
        return tt_error_set(reterr, TT_SYSTEM, errno, "can't make a socket for the admin address: %s",
                            strerrordesc_np(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        error = errno;
    (void)close(fd); /* never connected */
    if (error)
        return tt_error_set(reterr, TT_SYSTEM, error, "can't listen on the admin address %s: %s", text,
                            strerrordesc_np(error));
    return TT_OK;
}

/* CivetWeb doesn't hand out its listening socket. It is the only one of this process that listens there. */
static int find_listen_fd(const struct sockaddr_in *address, int port) {
    for (int fd = 0; fd < FD_SEARCH_MAX; fd++) {
        struct sockaddr_in bound = {0};
        socklen_t size = sizeof bound;
        int is_listening = 0;
        socklen_t int_size = sizeof is_listening;

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &int_size) != 0 || !is_listening)
            continue;
        if (getsockname(fd, (struct sockaddr *)&bound, &size) == 0 && bound.sin_family == AF_INET &&
            bound.sin_port == htons((in_port_t)port) && bound.sin_addr.s_addr == address->sin_addr.s_addr)
            return fd;
    }
    return -1;
}

/* Each of CivetWeb's threads sets SIGPIPE to ignored for the whole process as it starts. They don't need it (all signals are
   blocked in them, and they send with MSG_NOSIGNAL), and it would be passed on to child processes. */
static void restore_sigpipe(struct admin *admin, const struct sigaction *before) {
    struct timespec end;

    if (clock_gettime(CLOCK_MONOTONIC, &end) != 0)
        return;
    end.tv_sec += 2; /* a thread that couldn't be made is never posted; CivetWeb goes on with fewer */
    for (int i = 0; i < THREAD_COUNT; i++)
        while (sem_clockwait(&admin->started, CLOCK_MONOTONIC, &end) != 0)
            if (errno != EINTR)
                goto restore;
restore:
    (void)sigaction(SIGPIPE, before, NULL); /* a disposition that the kernel gave us is valid */
}

static struct mg_context *start_civetweb(struct admin *admin, const char *listen) {
    const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .http_error = on_error,
        .log_message = on_message,
        .init_thread = on_thread,
    };
    /* clang-format off */
    const char *options[] = {
        "listening_ports", listen,
        "num_threads", WORKERS_TEXT,
        "connection_queue", "64",
        "listen_backlog", "4096", /* those that say nothing are counted there, too: with 200, 300 of them cost others 3 s */
        "request_timeout_ms", TIMEOUT_MS,
        "max_request_size", "8192", /* and handler_refuse says so */
        "enable_keep_alive", "no",
        "tcp_nodelay", "1",
        "decode_url", "no", /* "%00" would cut the target short, "%2e" would change it: see page_find */
        "decode_query_string", "no",
        "enable_directory_listing", "no",
        "cgi_pattern", "",
        "ssi_pattern", "",
        "index_files", "",
        "access_control_allow_origin", "",
        "access_control_allow_methods", "",
        "access_control_allow_headers", "",
        NULL,
    };
    /* clang-format on */
    struct mg_init_data init = {.callbacks = &callbacks, .user_data = admin, .configuration_options = options};
    struct sigaction pipe_before;
    sigset_t all, before;
    struct mg_context *context;

    (void)sigfillset(&all);
    if (sigaction(SIGPIPE, NULL, &pipe_before) != 0 || pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
        return NULL;
    context = mg_start2(&init, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* back to what it was: valid */
    if (context)
        restore_sigpipe(admin, &pipe_before);
    return context;
}

/* Everything but CivetWeb. */
static struct admin *admin_create(struct admin_view *view, struct tt_error *reterr) {
    struct admin *admin = calloc(1, sizeof *admin);

    if (!admin) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory for the admin plane");
        return NULL;
    }
    admin->view = view;
    admin->listen_fd = -1;
    admin->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    admin->idle = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    if (sem_init(&admin->started, 0, 0) != 0) {
        (void)tt_error_set(reterr, TT_SYSTEM, errno, "can't make the admin plane's semaphore");
        free(admin);
        return NULL;
    }
    return admin;
}

struct admin *admin_start(const char *address, struct admin_view *view, struct tt_error *reterr) {
    struct sockaddr_in parsed;
    struct mg_server_port port;
    char host[INET_ADDRSTRLEN];
    char listen[INET_ADDRSTRLEN + 8];
    struct admin *admin;

    if (address_parse(address, &parsed, reterr) != TT_OK || probe_address(address, &parsed, reterr) != TT_OK)
        return NULL;
    admin = admin_create(view, reterr);
    if (!admin)
        return NULL;
    if (!inet_ntop(AF_INET, &parsed.sin_addr, host, sizeof host)) {
        (void)tt_error_set(reterr, TT_SYSTEM, errno, "can't write the admin address %s", address);
        goto fail;
    }
    (void)snprintf(listen, sizeof listen, "%s:%u", host, (unsigned)ntohs(parsed.sin_port));
    (void)mg_init_library(
        MG_FEATURES_DEFAULT); /* answers the features, none, also when it fails: mg_start2 tells then */
    admin->context = start_civetweb(admin, listen);
    if (!admin->context || mg_get_server_ports(admin->context, 1, &port) != 1) {
        (void)tt_error_set(reterr, TT_SYSTEM, 0, "can't start the admin plane on %s: %s", address,
                           admin->complaint[0] ? admin->complaint : "its web server gives no reason");
        goto fail;
    }
    (void)pthread_mutex_lock(&admin->lock);
    admin->is_started = true;
    (void)pthread_mutex_unlock(&admin->lock);
    admin->port = port.port;
    admin->listen_fd = find_listen_fd(&parsed, admin->port);
    if (admin->listen_fd >= 0) {
        /* A browser's spare connections and port scanners, which connect and send nothing, shall not hold one of the few
           threads: the kernel keeps them until there is something to read. It is the better way, not the only one. */
        int seconds = DEFER_S;

        (void)setsockopt(admin->listen_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
    }
    return admin;
fail:
    admin_stop(admin);
    return NULL;
}

int admin_port(const struct admin *admin) {
    return admin->port;
}

void admin_stop(struct admin *admin) {
    if (!admin)
        return;
    (void)pthread_mutex_lock(&admin->lock);
    admin->is_stopping = true;
    while (admin->busy_count > 0)
        (void)pthread_cond_wait(&admin->idle, &admin->lock);
    (void)pthread_mutex_unlock(&admin->lock);
    /* CivetWeb's accepting thread looks at its stop flag every 2 s; a socket that listens no more wakes it at once. */
    if (admin->listen_fd >= 0)
        (void)shutdown(admin->listen_fd, SHUT_RDWR);
    if (admin->context)
        mg_stop(admin->context);
    (void)mg_exit_library(); /* counts its users; 0 means that there was none */
    (void)sem_destroy(&admin->started);
    (void)pthread_cond_destroy(&admin->idle);
    (void)pthread_mutex_destroy(&admin->lock);
    free(admin);
}

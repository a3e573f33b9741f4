/*
 * Listen: clients become connections. Step 1 of 11.
 * Before: the kernel's backlog.
 * After:  parse (server/http/parse.c), fed by the connection (server/http/connection.c).
 */
#include "listen.h"

#include "../log.h"
#include "../systemd.h"
#include "../config/network.h"
#include "connection.h"
#include "handout.h"
#include "peer.h"
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* As much as the kernel allows (net.core.somaxconn): thousands may come at once. */
#define BACKLOG        65535
#define ACCEPTS_A_TURN 256
/* libevent's listener spins when descriptors run out: 3 s of CPU in 3 s. Ours rests for this long. */
#define PAUSE_US 100000u

struct listener {
    struct event event;
    struct tt_timer pause;
    struct front *front;
    struct listener *next;
    const struct endpoint *endpoint;
    int fd;
    bool is_started;
    bool is_paused;
    char *unlink_path; /* of a unix socket that we made */
};

static void accept_clients(struct listener *listener) TT_ON_LOOP;

static void on_pause_over(struct tt_timer *timer) {
    tt_assume_loop();
    struct listener *listener = (struct listener *)((char *)timer - offsetof(struct listener, pause));
    listener->is_paused = false;
    if (event_add(&listener->event, NULL) == 0)
        accept_clients(listener);
}

static void pause_accepting(struct listener *listener) TT_ON_LOOP {
    struct front *front = listener->front;
    listener->is_paused = true;
    (void)event_del(&listener->event); /* can't fail for an event that was added */
    stat_add(&front->stats.accept_pauses, 1);
    if (front->handout != NULL)
        handout_await(front->handout);
    tt_timer_start(front->wake, &listener->pause, PAUSE_US, on_pause_over);
}

static bool is_among(const struct endpoint_ids *ids, uint32_t id) {
    for (uint32_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

/** Closed, and not answered: nothing that it sends was to be listened to. */
static void turn_away(int fd, const struct peer *peer, stat_counter *counter, const char *reason) TT_ON_LOOP {
    static struct log_limit limit;
    char text[PEER_TEXT_MAX];
    peer_write(peer, text);
    (void)close(fd); /* nothing was sent */
    stat_add(counter, 1);
    log_event_limited(&limit, TT_LOG_WARNING, "connection_refused", "reason=%s peer=%s", reason, text);
}

/** Lets a client in, if it is one that this listener is for. */
static void admit(const struct listener *listener, int fd, const struct sockaddr_storage *address) TT_ON_LOOP {
    struct front *front = listener->front;
    const struct endpoint *endpoint = listener->endpoint;
    struct peer peer;
    peer_of_socket(fd, address, &peer);
    stat_add(&front->stats.connections_accepted, 1);
    bool is_limited = endpoint->allow_uids.count + endpoint->allow_gids.count > 0;
    if (is_limited && !(peer.has_credentials &&
                        (is_among(&endpoint->allow_uids, peer.uid) || is_among(&endpoint->allow_gids, peer.gid))))
        turn_away(fd, &peer, &front->stats.refused_users, "allow");
    else if (endpoint->takes_proxy &&
             !network_find(front->limits.proxy_networks, front->limits.proxy_network_count, peer.family, peer.address))
        turn_away(fd, &peer, &front->stats.refused_peers, "proxy-from");
    else if (front->handout != NULL)
        handout_give(front->handout, fd, &peer, endpoint->takes_proxy, endpoint->is_tls);
    else
        connection_open(front, fd, &peer, endpoint->takes_proxy, endpoint->is_tls);
}

/** All fronts' connections together. */
static uint64_t count_connections(const struct front *front) TT_ON_LOOP {
    return front->handout != NULL ? atomic_load(&front->handout->open_count) : front->connection_count;
}

static bool is_full(const struct front *front) TT_ON_LOOP {
    return count_connections(front) >= front->limits.connection_count;
}

/** Takes what waits. Out of descriptors, or at the limit: pauses, and says so once a second at most. */
static void accept_clients(struct listener *listener) {
    static struct log_limit limit;
    struct front *front = listener->front;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        if (is_full(front)) {
            pause_accepting(listener);
            log_event_limited(&limit, TT_LOG_WARNING, "accept_paused", "reason=max-connections limit=%llu",
                              (unsigned long long)front->limits.connection_count);
            return;
        }
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(listener, fd, &address);
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        int failed = errno;
        pause_accepting(listener); /* EMFILE, ENFILE, ENOBUFS, ENOMEM: trying again at once can't help */
        log_event_limited(&limit, TT_LOG_WARNING, "accept_paused", "reason=%s connections=%llu",
                          strerrorname_np(failed), (unsigned long long)count_connections(front));
        return;
    }
    /* More may wait: the event is level-triggered, so the loop's next turn tells. */
}

static void on_accept(evutil_socket_t fd, short what, void *context) {
    tt_assume_loop();
    (void)fd;
    (void)what;
    struct listener *listener = context;
    loop_entered(listener->front->loop);
    if (!listener->is_paused)
        accept_clients(listener);
}

/** Adds a listening socket. Owns: takes fd and unlink_path. */
static enum tt_status add_listener(struct front *front, int fd, const struct endpoint *endpoint, char *unlink_path,
                                   struct tt_error *reterr) TT_ON_LOOP {
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        free(unlink_path);
        (void)close(fd); /* it accepted nobody yet */
        return tt_error_set(reterr, TT_NOMEM, 0, "no memory for a listener");
    }
    /* Inherited by what it accepts, which saves a system call for each. Fails on a unix socket, which needs none. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    listener->front = front;
    listener->endpoint = endpoint;
    listener->fd = fd;
    listener->unlink_path = unlink_path;
    listener->next = front->listeners;
    front->listeners = listener;
    return TT_OK;
}

/** mode is that of a unix socket's file; NULL: by the umask. */
static enum tt_status bind_socket(const struct sockaddr *address, socklen_t size, const char *text,
                                  const uint32_t *mode, int *ret_fd, struct tt_error *reterr) {
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return tt_error_set(reterr, TT_SYSTEM, errno, "can't make a socket for %s: %s", text, strerrordesc_np(errno));
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)); /* only saves a wait after a restart */
    if (address->sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)); /* [::] beside 0.0.0.0 */
    if (mode != NULL)
        (void)fchmod(fd, *mode); /* the file is born with it, less the umask: never open for longer than it should be */
    if (bind(fd, address, size) != 0) {
        int failed = errno;
        (void)close(fd); /* it never worked */
        return tt_error_set(reterr, TT_SYSTEM, failed, "can't listen on %s: %s", text, strerrordesc_np(failed));
    }
    *ret_fd = fd;
    return TT_OK;
}

static enum tt_status begin_listening(int fd, const char *text, struct tt_error *reterr) {
    if (listen(fd, BACKLOG) == 0)
        return TT_OK;
    int failed = errno;
    return tt_error_set(reterr, TT_SYSTEM, failed, "can't listen on %s: %s", text, strerrordesc_np(failed));
}

/** "127.0.0.1:8080" or "[::1]:8080". */
static enum tt_status listen_inet(struct front *front, const struct endpoint *endpoint,
                                  struct tt_error *reterr) TT_ON_LOOP {
    const char *text = endpoint->address;
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    size_t host_size = colon != NULL ? (size_t)(colon - text) : sizeof host;
    if (host_size >= sizeof host)
        return tt_error_set(reterr, TT_INVALID, 0, "\"%s\" is no address:port", text);
    memcpy(host, text, host_size);
    host[host_size] = '\0';
    char *end;
    long port = strtol(colon + 1, &end, 10);
    if (*end != '\0' || end == colon + 1 || port < 0 || port > 65535)
        return tt_error_set(reterr, TT_INVALID, 0, "\"%s\" has no port from 0 to 65535", text);
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t size;
    if (host[0] == '[' && host_size > 2) {
        host[host_size - 1] = '\0';
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons((uint16_t)port);
        size = inet_pton(AF_INET6, host + 1, &address.v6.sin6_addr) == 1 ? sizeof address.v6 : 0;
    } else {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons((uint16_t)port);
        size = inet_pton(AF_INET, host, &address.v4.sin_addr) == 1 ? sizeof address.v4 : 0;
    }
    if (size == 0)
        return tt_error_set(reterr, TT_INVALID, 0, "\"%s\" is no IPv4 or [IPv6] address", text);
    int fd = -1;
    enum tt_status status = bind_socket(&address.any, size, text, NULL, &fd, reterr);
    if (status != TT_OK)
        return status;
    status = begin_listening(fd, text, reterr);
    if (status != TT_OK) {
        (void)close(fd); /* it accepted nobody yet */
        return status;
    }
    return add_listener(front, fd, endpoint, NULL, reterr);
}

/** A socket file that nobody listens on any more is removed; one that somebody does is left alone. */
static bool is_stale(const struct sockaddr_un *address) {
    struct stat info;
    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool is_refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    (void)close(fd); /* only a probe */
    return is_refused;
}

/** Before it listens nobody can connect, whatever the file's mode. */
static enum tt_status set_rights(const char *path, const struct endpoint *endpoint, struct tt_error *reterr) {
    uid_t user = endpoint->has_user ? endpoint->user : (uid_t)-1;
    gid_t group = endpoint->has_group ? endpoint->group : (gid_t)-1;
    const char *what = NULL;
    if ((endpoint->has_user || endpoint->has_group) && lchown(path, user, group) != 0)
        what = "owner";
    else if (endpoint->has_mode && chmod(path, endpoint->mode) != 0)
        what = "mode";
    if (what == NULL)
        return TT_OK;
    int failed = errno;
    return tt_error_set(reterr, TT_SYSTEM, failed, "can't set the %s of %s: %s", what, path, strerrordesc_np(failed));
}

static enum tt_status listen_unix(struct front *front, const struct endpoint *endpoint,
                                  struct tt_error *reterr) TT_ON_LOOP {
    const char *path = endpoint->address + 5;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof address.sun_path)
        return tt_error_set(reterr, TT_INVALID, 0, "unix:%s: a socket's path has 1 to %zu bytes", path,
                            sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, size + 1);
    if (is_stale(&address))
        (void)unlink(path); /* if that fails bind says why */
    int fd = -1;
    enum tt_status status = bind_socket((const struct sockaddr *)&address, sizeof address, path,
                                        endpoint->has_mode ? &endpoint->mode : NULL, &fd, reterr);
    if (status != TT_OK)
        return status;
    status = set_rights(path, endpoint, reterr);
    if (status == TT_OK)
        status = begin_listening(fd, path, reterr);
    char *unlink_path = strdup(path);
    if (status == TT_OK && unlink_path == NULL)
        status = tt_error_set(reterr, TT_NOMEM, 0, "no memory for a listener");
    if (status == TT_OK)
        return add_listener(front, fd, endpoint, unlink_path, reterr);
    (void)unlink(path); /* ours, and useless */
    (void)close(fd);    /* it accepted nobody yet */
    free(unlink_path);
    return status;
}

static bool is_unix(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

static enum tt_status listen_inherited(struct front *front, const struct endpoint *endpoint,
                                       struct tt_error *reterr) TT_ON_LOOP {
    const char *name = endpoint->address + 8;
    size_t count = 0;
    int fd;
    for (; (fd = systemd_listen_fd(name, count)) >= 0; count++) {
        int type = 0;
        socklen_t size = sizeof type;
        int accepts = 0;
        socklen_t accepts_size = sizeof accepts;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &accepts_size) != 0 || accepts == 0)
            return tt_error_set(reterr, TT_INVALID, 0, "the inherited socket \"%s\" is no listening stream socket",
                                name);
        if (endpoint->allow_uids.count + endpoint->allow_gids.count > 0 && !is_unix(fd))
            return tt_error_set(reterr, TT_INVALID, 0, "allow-uid and allow-gid need a unix socket, and \"%s\" is none",
                                name);
        if (evutil_make_socket_nonblocking(fd) != 0)
            return tt_error_set(reterr, TT_SYSTEM, errno, "can't use the inherited socket \"%s\"", name);
        enum tt_status status = add_listener(front, fd, endpoint, NULL, reterr);
        if (status != TT_OK)
            return status;
    }
    if (count == 0)
        return tt_error_set(reterr, TT_NOT_FOUND, 0,
                            "no socket named \"%s\" was inherited (FileDescriptorName= of the "
                            "socket unit)",
                            name);
    return TT_OK;
}

enum tt_status listen_open(struct front *front, const struct endpoint *endpoint, struct tt_error *reterr) {
    const char *address = endpoint->address;
    if (strncmp(address, "unix:", 5) == 0)
        return listen_unix(front, endpoint, reterr);
    if (strncmp(address, "systemd:", 8) == 0)
        return listen_inherited(front, endpoint, reterr);
    return listen_inet(front, endpoint, reterr);
}

void listen_start(struct front *front) {
    for (struct listener *listener = front->listeners; listener != NULL; listener = listener->next) {
        if (listener->is_started)
            continue;
        listener->is_started = event_assign(&listener->event, loop_base(front->loop), listener->fd,
                                            EV_READ | EV_PERSIST, on_accept, listener) == 0 &&
                               event_add(&listener->event, NULL) == 0;
        if (!listener->is_started)
            log_event(TT_LOG_ERROR, "listen_failed", "reason=nomem fd=%d", listener->fd);
    }
}

void listen_close_all(struct front *front) {
    while (front->listeners != NULL) {
        struct listener *listener = front->listeners;
        if (listener->is_started && !listener->is_paused)
            accept_clients(listener); /* those whose handshake is done are ours, and would be reset */
        if (listener->is_started)
            (void)event_del(&listener->event); /* can't fail for an event that was assigned */
        tt_timer_stop(front->wake, &listener->pause);
        front->listeners = listener->next;
        (void)close(listener->fd); /* a listening socket holds no data */
        if (listener->unlink_path != NULL)
            (void)unlink(listener->unlink_path); /* somebody else may have removed it */
        free(listener->unlink_path);
        free(listener);
    }
}

void listen_resume(struct front *front) {
    if (front->listeners == NULL || is_full(front))
        return;
    for (struct listener *listener = front->listeners; listener != NULL; listener = listener->next)
        if (listener->is_paused && listener->pause.prev != NULL) {
            /* At the next dispatch, not from inside whatever has just closed a connection. */
            tt_timer_start(front->wake, &listener->pause, 0, on_pause_over);
        }
}

void listen_each(const struct front *front, void (*each)(void *context, const char *address), void *context) {
    for (const struct listener *listener = front->listeners; listener != NULL; listener = listener->next) {
        union {
            struct sockaddr any;
            struct sockaddr_in v4;
            struct sockaddr_in6 v6;
            struct sockaddr_un local;
        } address = {0};
        socklen_t size = sizeof address;
        char host[INET6_ADDRSTRLEN];
        char text[sizeof address.local.sun_path + 16];
        if (getsockname(listener->fd, &address.any, &size) != 0)
            continue;
        if (address.any.sa_family == AF_INET && inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host) != NULL)
            (void)snprintf(text, sizeof text, "%s:%u", host, ntohs(address.v4.sin_port)); /* fits */
        else if (address.any.sa_family == AF_INET6 &&
                 inet_ntop(AF_INET6, &address.v6.sin6_addr, host, sizeof host) != NULL)
            (void)snprintf(text, sizeof text, "[%s]:%u", host, ntohs(address.v6.sin6_port)); /* fits */
        else
            (void)snprintf(text, sizeof text, "unix:%s", address.local.sun_path); /* fits */
        each(context, text);
    }
}

/*
 * Systemd: three small protocols, spoken without libsystemd: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).
 */
#include "systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* fixed: written by systemd_init, before other threads start */
static struct {
    int notify_fd; /* valid when notify_size is not 0 */
    struct sockaddr_un notify_address;
    socklen_t notify_size;
    uint64_t watchdog_us;
    size_t socket_count;
    char *names; /* socket_count NUL-terminated names, one behind the other; NULL: nobody named them */
} manager;

/* sd_listen_fds_with_names(3) calls them so. */
static const char unnamed[] = "unknown";

/* Strict: digits only, no sign, no white space, no overflow. */
static bool number_parse(const char *text, uint64_t *ret_number) {
    uint64_t number = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *text - '0', &number))
            return false;
    }
    *ret_number = number;
    return true;
}

/* A variable that names a process is for that one only: children inherit the environment of their parents. */
static enum tt_status is_for_us(const char *variable, bool *ret_yes, struct tt_error *reterr) {
    const char *text = secure_getenv(variable);
    uint64_t pid;

    *ret_yes = false;
    if (text == NULL)
        return TT_OK;
    if (!number_parse(text, &pid))
        return tt_error_set(reterr, TT_INVALID, 0, "%s=\"%s\" is not a process id", variable, text);
    *ret_yes = pid == (uint64_t)getpid();
    return TT_OK;
}

static enum tt_status notify_init(struct tt_error *reterr) {
    const char *path = secure_getenv("NOTIFY_SOCKET");
    struct sockaddr_un *address = &manager.notify_address;
    size_t size;

    if (path == NULL || *path == '\0')
        return TT_OK;
    size = strlen(path);
    if (path[0] != '/' && path[0] != '@')
        return tt_error_set(reterr, TT_INVALID, 0, "NOTIFY_SOCKET=\"%s\" is neither a path nor an abstract name", path);
    /* A path has a NUL behind it; an abstract name has its NUL in front, in place of the "@". */
    if (size >= sizeof(address->sun_path))
        return tt_error_set(reterr, TT_INVALID, 0, "NOTIFY_SOCKET is longer than %zu bytes",
                            sizeof(address->sun_path) - 1);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, size);
    if (path[0] == '@')
        address->sun_path[0] = '\0';
    manager.notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (manager.notify_fd < 0)
        return tt_error_set(reterr, TT_SYSTEM, errno, "can't make a socket for NOTIFY_SOCKET");
    manager.notify_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (path[0] == '@' ? 0 : 1));
    return TT_OK;
}

static enum tt_status watchdog_init(struct tt_error *reterr) {
    const char *text = secure_getenv("WATCHDOG_USEC");
    enum tt_status status;
    bool is_ours;

    if (text == NULL)
        return TT_OK;
    status = is_for_us("WATCHDOG_PID", &is_ours, reterr);
    if (status != TT_OK)
        return status;
    if (!is_ours && secure_getenv("WATCHDOG_PID") != NULL)
        return TT_OK;
    if (!number_parse(text, &manager.watchdog_us) || manager.watchdog_us == 0) {
        manager.watchdog_us = 0;
        return tt_error_set(reterr, TT_INVALID, 0, "WATCHDOG_USEC=\"%s\" is not a number of microseconds", text);
    }
    return TT_OK;
}

/* Cuts the list at its colons, and says how many names there are. */
static size_t names_split(char *names) {
    size_t count = 1;

    for (char *colon = strchr(names, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
        *colon = '\0';
        count++;
    }
    return count;
}

static enum tt_status names_init(size_t socket_count, struct tt_error *reterr) {
    const char *list = secure_getenv("LISTEN_FDNAMES");
    size_t name_count;

    if (list == NULL)
        return TT_OK;
    manager.names = strdup(list);
    if (manager.names == NULL)
        return tt_error_set(reterr, TT_NOMEM, ENOMEM, "no memory for LISTEN_FDNAMES");
    name_count = names_split(manager.names);
    if (name_count != socket_count)
        return tt_error_set(reterr, TT_INVALID, 0, "LISTEN_FDNAMES has %zu names for %zu sockets", name_count,
                            socket_count);
    return TT_OK;
}

static enum tt_status sockets_init(struct tt_error *reterr) {
    const char *text = secure_getenv("LISTEN_FDS");
    enum tt_status status;
    uint64_t count;
    bool is_ours;

    if (text == NULL)
        return TT_OK;
    status = is_for_us("LISTEN_PID", &is_ours, reterr);
    if (status != TT_OK || !is_ours)
        return status;
    if (!number_parse(text, &count) || count > SYSTEMD_SOCKETS_MAX)
        return tt_error_set(reterr, TT_INVALID, 0, "LISTEN_FDS=\"%s\" is not a number up to %d", text,
                            SYSTEMD_SOCKETS_MAX);
    if (count == 0)
        return TT_OK;
    for (int fd = SYSTEMD_FIRST_FD; fd < SYSTEMD_FIRST_FD + (int)count; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
            return tt_error_set(reterr, TT_SYSTEM, errno, "LISTEN_FDS promises descriptor %d, which isn't there", fd);
    }
    status = names_init(count, reterr);
    if (status == TT_OK)
        manager.socket_count = count;
    return status;
}

enum tt_status systemd_init(struct tt_error *reterr) {
    enum tt_status status = notify_init(reterr);

    if (status == TT_OK)
        status = watchdog_init(reterr);
    if (status == TT_OK)
        status = sockets_init(reterr);
    if (status != TT_OK)
        systemd_deinit();
    return status;
}

void systemd_deinit(void) {
    if (manager.notify_size != 0)
        (void)close(manager.notify_fd); /* nothing is buffered in it */
    free(manager.names);
    memset(&manager, 0, sizeof(manager));
}

bool systemd_is_manager(void) {
    return manager.notify_size != 0;
}

enum tt_status systemd_notify(const char *state) {
    size_t size = strlen(state);
    ssize_t sent;

    if (manager.notify_size == 0)
        return TT_OK;
    do {
        sent = sendto(manager.notify_fd, state, size, MSG_NOSIGNAL | MSG_DONTWAIT,
                      (const struct sockaddr *)&manager.notify_address, manager.notify_size);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return TT_OK;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? TT_FULL : TT_SYSTEM;
}

uint64_t systemd_watchdog_us(void) {
    return manager.watchdog_us;
}

const char *systemd_credentials(void) {
    return secure_getenv("CREDENTIALS_DIRECTORY"); /* nobody changes it */
}

int systemd_listen_fd(const char *name, size_t nth) {
    const char *at = manager.names;

    for (size_t i = 0; i < manager.socket_count; i++) {
        bool is_it = strcmp(at != NULL ? at : unnamed, name) == 0;

        if (is_it && nth == 0)
            return SYSTEMD_FIRST_FD + (int)i;
        if (is_it)
            nth--;
        if (at != NULL)
            at += strlen(at) + 1;
    }
    return -1;
}

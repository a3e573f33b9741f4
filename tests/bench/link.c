/* Link: see link.h. */
#include "link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 65536

uint64_t link_clock_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail with this clock */
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t link_raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

int link_open(struct link *link, uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    link->head_size = 0;
    link->in_body = false;
    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        return errno;
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* a request is one segment anyway */
    if (connect(link->fd, (const struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS)
        return 0;
    int failed = errno;
    link_close(link);
    return failed;
}

int link_error(const struct link *link) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

bool link_send(struct link *link, const char *request, size_t size) {
    link->head_size = 0;
    link->in_body = false;
    return send(link->fd, request, size, MSG_NOSIGNAL) == (ssize_t)size;
}

void link_close(struct link *link) {
    if (link->fd >= 0)
        (void)close(link->fd); /* a client that leaves has nothing to save */
    link->fd = -1;
}

/** The value of a field of the head, or NULL. */
static const char *find_field(const char *head, const char *name) {
    size_t size = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, size) == 0 && line[2 + size] == ':')
            return line + 2 + size + 1 + strspn(line + 2 + size + 1, " ");
    return NULL;
}

/** Reads the head, which is whole and ends with NUL. Returns: false for what is no answer. */
static bool take_head(struct link *link) {
    if (strncmp(link->head, "HTTP/1.1 ", 9) != 0)
        return false;
    link->status = (int)strtol(link->head + 9, NULL, 10);
    const char *length = find_field(link->head, "Content-Length");
    const char *connection = find_field(link->head, "Connection");
    link->must_close = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    link->body_left = length != NULL ? strtoull(length, NULL, 10) : 0;
    link->in_body = true;
    return true;
}

/** Uses up to size bytes. Returns: how many, or -1 for what is no answer. */
static ssize_t take(struct link *link, const char *data, size_t size) {
    if (link->in_body) {
        size_t part = size < link->body_left ? size : (size_t)link->body_left;
        link->body_left -= part;
        return (ssize_t)part;
    }
    size_t before = link->head_size;
    size_t part = size < LINK_HEAD_MAX - before ? size : LINK_HEAD_MAX - before;
    memcpy(link->head + before, data, part);
    link->head_size += part;
    link->head[link->head_size] = '\0';
    char *end = strstr(link->head, "\r\n\r\n");
    if (end == NULL)
        return link->head_size < LINK_HEAD_MAX ? (ssize_t)part : -1;
    end[2] = '\0';
    size_t used = (size_t)(end - link->head) + 4 - before;
    return take_head(link) ? (ssize_t)used : -1;
}

enum link_result link_read(struct link *link) {
    static char data[READ_BYTES];
    for (;;) {
        ssize_t got = recv(link->fd, data, sizeof data, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return LINK_MORE;
        if (got <= 0)
            return LINK_GONE;
        for (size_t at = 0; at < (size_t)got || (link->in_body && link->body_left == 0);) {
            if (link->in_body && link->body_left == 0)
                return at == (size_t)got ? LINK_ANSWERED : LINK_GONE; /* more than was asked for */
            ssize_t used = take(link, data + at, (size_t)got - at);
            if (used < 0)
                return LINK_GONE;
            at += (size_t)used;
        }
    }
}

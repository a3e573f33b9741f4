/*
 * Exchange: one request to an admin plane and its answer, over a connection of its own.
 */
#include "exchange.h"
#include "address.h"
#include "page.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_US UINT64_C(2000000)
#define ANSWER_US  UINT64_C(15000000)

/* Waits for the descriptor. Returns TT_OK, or TT_SYSTEM with *reterr, ETIMEDOUT when end_us has come. */
static enum tt_status wait_for(int fd, short events, uint64_t end_us, struct tt_error *reterr) {
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = events};
        uint64_t now_us = page_now_us();
        int count;

        if (now_us >= end_us)
            return tt_error_set(reterr, TT_SYSTEM, ETIMEDOUT, "it does not answer in time");
        count = poll(&poll_fd, 1, (int)((end_us - now_us) / 1000) + 1);
        if (count > 0)
            return TT_OK;
        if (count < 0 && errno != EINTR)
            return tt_error_set(reterr, TT_SYSTEM, errno, "%s", strerrordesc_np(errno));
    }
}

/* Returns a connected, non-blocking socket, or -1 with *reterr. */
static int open_connection(const struct sockaddr_in *address, struct tt_error *reterr) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;
    socklen_t size = sizeof error;

    if (fd < 0) {
        (void)tt_error_set(reterr, TT_SYSTEM, errno, "%s", strerrordesc_np(errno));
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return fd;
    if (errno != EINPROGRESS) {
        (void)tt_error_set(reterr, TT_SYSTEM, errno, "%s", strerrordesc_np(errno));
        goto fail;
    }
    if (wait_for(fd, POLLOUT, page_now_us() + CONNECT_US, reterr) != TT_OK)
        goto fail;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error) {
        (void)tt_error_set(reterr, TT_SYSTEM, error, "%s", strerrordesc_np(error));
        goto fail;
    }
    return fd;
fail:
    (void)close(fd); /* nothing was sent */
    return -1;
}

static enum tt_status send_request(int fd, const struct text *request, uint64_t end_us, struct tt_error *reterr) {
    size_t sent = 0;

    while (sent < request->size) {
        ssize_t size = send(fd, request->data + sent, request->size - sent, MSG_NOSIGNAL);

        if (size >= 0)
            sent += (size_t)size;
        else if (errno == EAGAIN) {
            if (wait_for(fd, POLLOUT, end_us, reterr) != TT_OK)
                return TT_SYSTEM;
        } else if (errno != EINTR)
            return tt_error_set(reterr, TT_SYSTEM, errno, "%s", strerrordesc_np(errno));
    }
    return TT_OK;
}

/* Reads until the other side closes. */
static enum tt_status receive_all(int fd, struct text *bytes, uint64_t end_us, struct tt_error *reterr) {
    char piece[65536];

    for (;;) {
        ssize_t size = recv(fd, piece, sizeof piece, 0);

        if (size == 0)
            return TT_OK;
        if (size > 0) {
            text_add(bytes, piece, (size_t)size);
            if (bytes->has_no_memory)
                return tt_error_set(reterr, TT_NOMEM, 0, "the answer is too large");
        } else if (errno == EAGAIN) {
            if (wait_for(fd, POLLIN, end_us, reterr) != TT_OK)
                return TT_SYSTEM;
        } else if (errno != EINTR) {
            return tt_error_set(reterr, TT_SYSTEM, errno, "%s", strerrordesc_np(errno));
        }
    }
}

/* The value of a field in the head between begin and end, or NULL. */
static const char *find_field(const char *begin, const char *end, const char *name) {
    size_t size = strlen(name);

    for (const char *line = strstr(begin, "\r\n"); line && line < end; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, size) == 0 && line[2 + size] == ':')
            return line + 2 + size + 1 + strspn(line + 2 + size + 1, " \t");
    return NULL;
}

/* Splits the bytes of an answer. The plane says how long each answer is, so one that was cut off shows. */
static enum tt_status split_answer(struct exchange *exchange, struct tt_error *reterr) {
    const char *data = exchange->bytes.data;
    const char *end = data ? strstr(data, "\r\n\r\n") : NULL;
    const char *length;
    unsigned long long body_size;
    char *rest;

    if (!data || exchange->bytes.size < 12 || strncmp(data, "HTTP/1.", 7) != 0 || !end ||
        strspn(data + 9, "0123456789") != 3)
        return tt_error_set(reterr, TT_INVALID, 0, "what listens there does not speak HTTP");
    exchange->status = (int)strtol(data + 9, NULL, 10); /* three digits */
    length = find_field(data, end, "Content-Length");
    if (!length || length[0] < '0' || length[0] > '9')
        return tt_error_set(reterr, TT_INVALID, 0, "the answer does not say how long it is: that is no tothread");
    body_size = strtoull(length, &rest, 10);
    exchange->body = end + 4;
    exchange->body_size = exchange->bytes.size - (size_t)(exchange->body - data);
    if (rest[0] != '\r' || body_size != exchange->body_size)
        return tt_error_set(reterr, TT_INVALID, 0, "the answer is cut off");
    return TT_OK;
}

enum tt_status exchange_run(struct exchange *exchange, const char *method, const char *path, const char *where,
                            struct tt_error *reterr) {
    uint64_t end_us = page_now_us() + ANSWER_US;
    struct sockaddr_in address;
    struct text request = {0};
    enum tt_status status;
    int fd;

    status = address_parse(where, &address, reterr);
    if (status != TT_OK)
        return status;
    fd = open_connection(&address, reterr);
    if (fd < 0)
        return TT_SYSTEM;
    text_format(&request, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method, path,
                where);
    status = request.has_no_memory ? tt_error_set(reterr, TT_NOMEM, 0, "no memory")
                                   : send_request(fd, &request, end_us, reterr);
    if (status == TT_OK)
        status = receive_all(fd, &exchange->bytes, end_us, reterr);
    (void)close(fd); /* all of the answer is here, or it isn't wanted any more */
    text_deinit(&request);
    return status == TT_OK ? split_answer(exchange, reterr) : status;
}

void exchange_deinit(struct exchange *exchange) {
    text_deinit(&exchange->bytes);
}

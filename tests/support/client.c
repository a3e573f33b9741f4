/* Client: see client.h. */
#include "client.h"

#include "program.h"
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SMALL_BUFFER_BYTES 4096
#define VALUE_MAX          4096

/* -- connecting -- */

static int connect_to(const struct sockaddr *address, socklen_t size, int buffer_bytes) {
    const struct timeval limit = {.tv_sec = PROGRAM_PATIENCE_MS / 1000};
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    if (buffer_bytes > 0)
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes), 0);
    /* Each send is a packet of its own: the tests decide where bytes are split. */
    if (address->sa_family != AF_UNIX)
        ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){1}, sizeof(int)), 0);
    ck_assert_msg(connect(fd, address, size) == 0, "can't connect: %s", strerrordesc_np(errno));
    return fd;
}

static int connect_4(int port, int buffer_bytes) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect_to((const struct sockaddr *)&address, sizeof address, buffer_bytes);
}

int client_connect(int port) {
    return connect_4(port, 0);
}

int client_connect_small(int port) {
    return connect_4(port, SMALL_BUFFER_BYTES);
}

int client_connect_6(int port) {
    const struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return connect_to((const struct sockaddr *)&address, sizeof address, 0);
}

int client_connect_unix(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    ck_assert_uint_lt(size, sizeof address.sun_path);
    memcpy(address.sun_path, path, size + 1);
    return connect_to((const struct sockaddr *)&address, sizeof address, 0);
}

/* -- sending -- */

bool client_try(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            ck_assert_msg(errno == EPIPE || errno == ECONNRESET, "can't send: %s", strerrordesc_np(errno));
            return false;
        }
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

void client_send(int fd, const char *data, size_t size) {
    ck_assert_msg(client_try(fd, data, size), "the server has closed");
}

void client_put(int fd, const char *text) {
    client_send(fd, text, strlen(text));
}

void client_format(int fd, const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&text, format, args);
    va_end(args);
    ck_assert_int_ge(size, 0);
    client_send(fd, text, (size_t)size);
    free(text);
}

void client_put_chunks(int fd, const char *body, size_t size, size_t chunk_size) {
    for (size_t at = 0; at < size; at += chunk_size) {
        size_t piece = size - at < chunk_size ? size - at : chunk_size;
        client_format(fd, "%zx;part=%zu\r\n", piece, at);
        client_send(fd, body + at, piece);
        client_put(fd, "\r\n");
    }
    client_put(fd, "0\r\nX-Trailer: dropped\r\n\r\n");
}

/* -- receiving -- */

bool client_wait(int fd, int ms) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int count;
    do
        count = poll(&ready, 1, ms);
    while (count < 0 && errno == EINTR);
    ck_assert_int_ge(count, 0);
    return count > 0;
}

/** Returns: 0 at the end, a reset included. */
static size_t receive(int fd, char *data, size_t size, int flags) {
    for (;;) {
        ssize_t got = recv(fd, data, size, flags);
        if (got >= 0)
            return (size_t)got;
        if (errno == ECONNRESET)
            return 0;
        ck_assert_msg(errno == EINTR, "nothing comes: %s", strerrordesc_np(errno));
    }
}

char *client_read_all(int fd, size_t *ret_size) {
    size_t size = 0;
    size_t capacity = 4096;
    char *data = malloc(capacity);
    ck_assert_ptr_nonnull(data);
    for (size_t got; (got = receive(fd, data + size, capacity - size - 1, 0)) > 0;) {
        size += got;
        if (capacity - size > 1)
            continue;
        capacity *= 2;
        data = realloc(data, capacity);
        ck_assert_ptr_nonnull(data);
    }
    data[size] = '\0';
    if (ret_size != NULL)
        *ret_size = size;
    return data;
}

void client_expect_end(int fd) {
    size_t size;
    char *rest = client_read_all(fd, &size);
    ck_assert_msg(size == 0, "instead of the end came: %s", rest);
    free(rest);
    ck_assert_int_eq(close(fd), 0);
}

/** Takes the bytes up to the empty line and none behind it, by looking before taking. Returns: false at the end. */
static bool read_head(int fd, struct response *response) {
    size_t size = 0;
    for (;;) {
        size_t room = sizeof response->head - 1 - size;
        ck_assert_msg(room > 0, "the answer's head is too long");
        size_t seen = receive(fd, response->head + size, room, MSG_PEEK);
        if (seen == 0) {
            ck_assert_msg(size == 0, "the answer ends inside its head: %s", response->head);
            return false;
        }
        response->head[size + seen] = '\0';
        char *end = strstr(response->head + (size > 3 ? size - 3 : 0), "\r\n\r\n");
        size_t wanted = end != NULL ? (size_t)(end + 4 - response->head) - size : seen;
        ck_assert_uint_eq(receive(fd, response->head + size, wanted, MSG_WAITALL), wanted);
        size += wanted;
        response->head[size] = '\0';
        if (end != NULL)
            return true;
    }
}

/** Reads size bytes behind what the body has. Returns: false at the end. */
static bool read_piece(int fd, struct response *response, size_t size) {
    response->body = realloc(response->body, response->body_size + size + 1);
    ck_assert_ptr_nonnull(response->body);
    size_t got = 1;
    for (; size > 0 && got > 0; size -= got) {
        got = receive(fd, response->body + response->body_size, size, 0);
        response->body_size += got;
    }
    response->body[response->body_size] = '\0';
    return size == 0;
}

/** Reads a line with its CRLF. Returns: false at the end. */
static bool read_line(int fd, char *line, size_t size) {
    for (size_t at = 0; at + 1 < size; at++) {
        if (receive(fd, line + at, 1, 0) == 0)
            return false;
        line[at + 1] = '\0';
        if (at > 0 && line[at - 1] == '\r' && line[at] == '\n')
            return true;
    }
    ck_abort_msg("a line of chunks is too long: %s", line);
    return false;
}

static void read_chunks(int fd, struct response *response) {
    char line[64];
    response->is_cut = true;
    for (size_t size = 1; size > 0; response->chunk_count++) {
        char *end;
        if (!read_line(fd, line, sizeof line))
            return;
        size = strtoul(line, &end, 16);
        ck_assert_msg(end != line && strcmp(end, "\r\n") == 0, "not a chunk's size: %s", line);
        if (!read_piece(fd, response, size) || !read_line(fd, line, sizeof line))
            return;
        ck_assert_str_eq(line, "\r\n");
    }
    response->is_cut = false;
}

static void read_body(int fd, struct response *response) {
    const char *coding = response_header(response, "Transfer-Encoding");
    if (coding != NULL) {
        ck_assert_str_eq(coding, "chunked");
        ck_assert_ptr_null(response_header(response, "Content-Length"));
        read_chunks(fd, response);
        return;
    }

    const char *length = response_header(response, "Content-Length");
    bool has_none = response->status < 200 || response->status == 204 || response->status == 304;
    if (length == NULL && !has_none) {
        response->body = client_read_all(fd, &response->body_size);
        return;
    }
    char *end = NULL;
    size_t size = length != NULL && !has_none ? strtoul(length, &end, 10) : 0;
    ck_assert_msg(end == NULL || *end == '\0', "Content-Length: %s", length);
    response->is_cut = !read_piece(fd, response, size);
}

static struct response read_response(int fd, bool is_head) {
    struct response response = {0};
    if (read_head(fd, &response)) {
        ck_assert_msg(strncmp(response.head, "HTTP/1.1 ", 9) == 0, "no answer: %s", response.head);
        response.status = (int)strtol(response.head + 9, NULL, 10);
        if (!is_head)
            read_body(fd, &response);
    }
    if (response.body == NULL)
        response.body = calloc(1, 1);
    ck_assert_ptr_nonnull(response.body);
    return response;
}

struct response response_read(int fd) {
    struct response response = read_response(fd, false);
    ck_assert_msg(!response.is_cut, "the body ends after %zu bytes: %s", response.body_size, response.head);
    return response;
}

struct response response_read_cut(int fd) {
    struct response response = read_response(fd, false);
    ck_assert_msg(response.is_cut, "the answer is whole: %s", response.head);
    return response;
}

struct response response_read_head(int fd) {
    return read_response(fd, true);
}

void response_free(struct response *response) {
    free(response->body);
    response->body = NULL;
}

void response_expect(int fd, int status) {
    struct response response = response_read(fd);
    ck_assert_msg(response.status == status, "%d was expected, not: %s%s", status, response.head, response.body);
    response_free(&response);
}

const char *response_header(const struct response *response, const char *name) {
    static char value[VALUE_MAX];
    size_t name_size = strlen(name);
    for (const char *line = strstr(response->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, name_size) != 0 || line[2 + name_size] != ':')
            continue;
        const char *from = line + 2 + name_size + 1;
        from += strspn(from, " ");
        size_t size = strcspn(from, "\r");
        ck_assert_uint_lt(size, sizeof value);
        memcpy(value, from, size);
        value[size] = '\0';
        return value;
    }
    return NULL;
}

/* -- JSON -- */

static json_t *find(json_t *json, const char *path) {
    char part[128];
    while (json != NULL && *path != '\0') {
        size_t size = strcspn(path, ".");
        ck_assert_uint_lt(size, sizeof part);
        memcpy(part, path, size);
        part[size] = '\0';
        json = json_is_array(json) ? json_array_get(json, strtoul(part, NULL, 10)) : json_object_get(json, part);
        path += size + (path[size] == '.');
    }
    return json;
}

const char *response_member(const struct response *response, const char *path) {
    static char value[VALUE_MAX];
    json_error_t error;
    json_t *root = json_loadb(response->body, response->body_size, 0, &error);
    ck_assert_msg(root != NULL, "no JSON (%s): %s%s", error.text, response->head, response->body);
    json_t *member = find(root, path);
    int size = 0;
    if (json_is_string(member)) {
        size = snprintf(value, sizeof value, "%s", json_string_value(member));
    } else if (member != NULL) {
        char *text = json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
        ck_assert_ptr_nonnull(text);
        size = snprintf(value, sizeof value, "%s", text);
        free(text);
    }
    ck_assert_msg(size >= 0 && (size_t)size < sizeof value, "%s is too long", path);
    json_decref(root);
    return member != NULL ? value : NULL;
}

void response_check_problem(const struct response *response, int status, const char *kind) {
    char type[128];
    (void)snprintf(type, sizeof type, "urn:tothread:problem:%s", kind); /* kinds are short */
    ck_assert_msg(response->status == status, "%d was expected, not: %s%s", status, response->head, response->body);
    ck_assert_str_eq(response_header(response, "Content-Type"), "application/problem+json");
    ck_assert_str_eq(response_member(response, "type"), type);
    ck_assert_ptr_nonnull(response_member(response, "title"));
    (void)snprintf(type, sizeof type, "%d", status); /* fits */
    ck_assert_str_eq(response_member(response, "status"), type);
    const char *id = response_member(response, "id");
    ck_assert_ptr_nonnull(id);
    ck_assert_str_eq(id, response_header(response, "X-Request-Id"));
}

/* Input: see input.h. */
#include "input.h"

#include "../log.h"
#include "feeding.h"
#include "handshake.h"
#include "proxy.h"
#include "request.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINGER_BYTES (1024u * 1024u)

/** Bytes that came and are not used yet: a head in parts, or requests behind the current one. */
struct partial {
    struct parse parse;
    bool has_begun; /* parse has seen the first size bytes */
    size_t size;
    char data[];
};

void input_drop(struct connection *connection) {
    if (connection->partial == NULL)
        return;
    connection_hold_bytes(connection, (size_t)0 - connection->partial->size);
    free(connection->partial);
    connection->partial = NULL;
    connection->is_unread = false;
}

enum http_method input_method(const struct connection *connection) {
    const struct partial *partial = connection->partial;
    return partial != NULL && partial->has_begun ? partial->parse.method : HTTP_GET;
}

/** Keeps what is left of the input. Returns: false without memory, or without room for it. */
static bool keep_partial(struct connection *connection, const char *data, size_t size,
                         const struct parse *begun) TT_ON_LOOP {
    input_drop(connection);
    if (size == 0)
        return true;
    if (!front_has_room(connection->front, size))
        return false;
    struct partial *partial = malloc(sizeof *partial + size);
    if (partial == NULL)
        return false;
    partial->has_begun = begun != NULL;
    if (begun != NULL)
        partial->parse = *begun;
    partial->size = size;
    memcpy(partial->data, data, size);
    connection->partial = partial;
    connection->is_unread = begun == NULL;
    connection_hold_bytes(connection, size);
    return true;
}

/** A whole or partial head. Returns: bytes used; 0 when more must come. */
static size_t read_head(struct connection *connection, const char *data, size_t size, struct parse *parse,
                        bool *ret_is_partial) TT_ON_LOOP {
    struct front *front = connection->front;
    switch (parse_head(parse, data, size)) {
    case PARSE_MORE:
        *ret_is_partial = true;
        if (!connection->head_has_begun) {
            connection->head_has_begun = true;
            connection_set_deadline(connection, front->limits.header_timeout_us);
        }
        return 0;
    case PARSE_REFUSED:
        stat_add(&front->stats.malformed, 1);
        request_refuse(connection, front, parse->method, parse->status, parse->reason);
        return size;
    case PARSE_DONE:
        break;
    }
    connection->head_has_begun = false;
    stat_add(&front->stats.requests, 1);
    connection->request = request_begin(connection, front, parse, data);
    if (connection->request == NULL) {
        connection_close(connection);
        return size;
    }
    request_check(connection->request);
    return parse->head_size;
}

/** Starts what has been read: the request runs, or its body is waited for. */
static void after_head(struct connection *connection, bool is_more_here) TT_ON_LOOP {
    struct request *request = connection->request;
    if (request == NULL)
        return; /* answered already */
    if (request_is_complete(request) || request->is_live) {
        request_run(request);
        return;
    }
    connection_set_deadline(connection, connection->front->limits.body_timeout_us);
    if (request->is_continue_due && !is_more_here) {
        static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
        request->is_continue_due = false;
        connection_send_interim(connection, interim, sizeof interim - 1);
    }
}

/** Uses up the input, request by request, until one of them has to be waited for. */
static void process(struct connection *connection, const char *data, size_t size,
                    const struct parse *begun) TT_ON_LOOP {
    struct parse parse;
    bool is_partial = false;
    while (size > 0 && connection_is_open(connection) && connection_is_reading(connection)) {
        size_t used;
        if (connection->state != CONNECTION_READING) {
            used = feeding_take(connection->request, data, size);
        } else if (connection->request != NULL) {
            struct request *request = connection->request;
            used = request_feed(request, data, size);
            if (connection->request == request && request_is_complete(request))
                request_run(request);
        } else {
            if (begun != NULL)
                parse = *begun;
            else
                parse_init(&parse, connection->front->limits.head_bytes, FRONT_LINE_BYTES);
            begun = NULL;
            used = read_head(connection, data, size, &parse, &is_partial);
            if (is_partial && !front_has_room(connection->front, size)) {
                request_refuse_for_room(connection, connection->front, parse.method);
                return;
            }
            if (is_partial)
                break;
            if (connection_is_open(connection))
                after_head(connection, used < size);
        }
        data += used;
        size -= used;
    }
    if (connection_is_open(connection) && connection->state != CONNECTION_LINGERING &&
        !keep_partial(connection, data, size, is_partial ? &parse : NULL))
        connection_close(connection);
}

/** Looks at what is kept, without a read. */
void input_process_kept(struct connection *connection) {
    struct partial *partial = connection->partial;
    connection->partial = NULL;
    connection->is_unread = false;
    connection_hold_bytes(connection, (size_t)0 - partial->size);
    process(connection, partial->data, partial->size, partial->has_begun ? &partial->parse : NULL);
    free(partial);
}

void input_read(struct connection *connection) {
    struct front *front = connection->front;
    struct partial *partial = connection->partial;
    size_t kept = partial != NULL ? partial->size : 0;
    size_t room = connection->request != NULL ? FRONT_SCRATCH_BYTES : FRONT_HEAD_READ_BYTES;
    ssize_t got = transport_receive(&connection->transport, front->input + kept, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        connection->is_readable = errno == EINTR;
        return;
    }
    if (got <= 0) {
        connection_close(connection); /* the client's end, or an error: nothing half read is answered */
        return;
    }
    stat_add(&front->stats.bytes_in, (uint64_t)got);
    /* Less than asked for: the socket is empty, and an edge will tell of more. Of the end an edge has told already. */
    if ((size_t)got < room && !connection->peer_closed)
        connection->is_readable = false;
    if (partial == NULL) {
        process(connection, front->input, (size_t)got, NULL);
    } else {
        memcpy(front->input, partial->data, kept);
        connection->partial = NULL;
        connection->is_unread = false;
        connection_hold_bytes(connection, (size_t)0 - kept);
        process(connection, front->input, kept + (size_t)got, partial->has_begun ? &partial->parse : NULL);
        free(partial);
    }
    /* A reset right behind the bytes came with the same edge, and libevent doesn't tell it from data. Who waits for the rest
       of a request reads on until the socket is empty; whole requests don't pay for it. */
    if (connection_is_open(connection) && connection_is_reading(connection) &&
        (connection->request != NULL || connection->partial != NULL))
        connection->is_readable = true;
}

/** What it said before is not who it was: the proxy itself, if anybody. */
static void refuse_arrival(struct connection *connection, const char *reason) TT_ON_LOOP {
    static struct log_limit limit;
    stat_add(&connection->front->stats.refused_headers, 1);
    log_event_limited(&limit, TT_LOG_WARNING, "connection_refused", "reason=proxy-header peer=%s detail=\"%s\"",
                      connection->client, reason);
    connection_close(connection);
}

void input_arrive(struct connection *connection) {
    struct front *front = connection->front;
    struct proxy proxy;
    /* Looked at, and taken only once it is whole: until then the socket keeps it, and its limit is the parser's. */
    ssize_t got = transport_peek(&connection->transport, front->input, PROXY_HEADER_MAX);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        connection->is_readable = errno == EINTR;
        return;
    }
    if (got <= 0) {
        connection_close(connection); /* a port scan, or a health check without a word */
        return;
    }
    switch (proxy_parse(front->input, (size_t)got, &proxy)) {
    case PROXY_REFUSED:
        refuse_arrival(connection, proxy.reason);
        return;
    case PROXY_MORE:
        connection->is_readable = false; /* an edge tells of more, even if these bytes are still there */
        if (connection->peer_closed)
            refuse_arrival(connection, "it ended too early");
        return;
    case PROXY_DONE:
        break;
    }
    if (!transport_skip(&connection->transport, front->input, proxy.size)) {
        connection_close(connection); /* can't be: it was there */
        return;
    }
    stat_add(&front->stats.bytes_in, proxy.size);
    if (proxy.client.family != AF_UNSPEC)
        peer_write(&proxy.client, connection->client);
    connection->state = CONNECTION_READING;
    if (connection->is_tls)
        handshake_begin(connection);
    else
        connection_set_deadline(connection, front->limits.idle_timeout_us);
}

void input_discard(struct connection *connection) {
    ssize_t got = transport_receive(&connection->transport, connection->front->input, FRONT_SCRATCH_BYTES);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        connection->is_readable = errno == EINTR;
        return;
    }
    connection->lingered_bytes += got > 0 ? (uint32_t)got : 0;
    if (got <= 0 || connection->lingered_bytes > LINGER_BYTES)
        connection_close(connection);
}

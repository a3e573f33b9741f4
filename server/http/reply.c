/*
 * Reply: an answer becomes bytes. Step 11 of 11.
 * Before: wake (pool/wake.c), which ran the job's done.
 * After:  the client.
 */
#include "reply.h"

#include "../log.h"
#include "connection.h"
#include "problem.h"
#include "streamed.h"
#include <stdlib.h>
#include <string.h>

/* The longest head that is put together here: fixed lines, the id, and extra (at most 1 KiB, see HEAD_ROOM). */
#define HEAD_ROOM 4096u

struct reason {
    int status;
    const char *words;
};

static const struct reason reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *reply_reason(int status) {
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].words;
    return "Unknown";
}

/* -- putting a head together without printf: it is a fifth of a small answer's cost -- */

struct head {
    char *at;
    char *end;
};

static void put(struct head *head, const char *text, size_t size) {
    if (size > (size_t)(head->end - head->at))
        size =
            (size_t)(head->end - head->at); /* HEAD_ROOM is enough for all that is put; a cut head beats an overrun */
    memcpy(head->at, text, size);
    head->at += size;
}

#define PUT_CONSTANT(head_, text_) put(head_, text_, sizeof(text_) - 1)

static void put_number(struct head *head, uint64_t value) {
    char digits[20];
    char *at = digits + sizeof digits;
    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    put(head, at, (size_t)(digits + sizeof digits - at));
}

/** Microseconds as milliseconds with three decimals. */
static void put_ms(struct head *head, uint64_t us) {
    char decimals[4] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10), (char)('0' + us % 10)};
    put_number(head, us / 1000);
    put(head, decimals, sizeof decimals);
}

static bool has_body(const struct reply *reply) {
    return reply->status != 204 && reply->status != 304;
}

static void put_framing(struct head *head, const struct request *request, const struct reply *reply) {
    if (!reply->is_streamed || reply->body_size != TT_SIZE_UNKNOWN) {
        PUT_CONSTANT(head, "Content-Length: ");
        put_number(head, reply->body_size);
        PUT_CONSTANT(head, "\r\n");
    } else if (!request->is_http10 && request->method != HTTP_HEAD) {
        PUT_CONSTANT(head, "Transfer-Encoding: chunked\r\n");
    }
}

static size_t write_head(struct request *request, const struct reply *reply, bool keep_alive, char *out) TT_ON_LOOP {
    struct head head = {out, out + HEAD_ROOM};
    size_t date_size;
    const char *date = front_date(request->front, &date_size);
    if (reply->status == 200) {
        PUT_CONSTANT(&head, "HTTP/1.1 200 OK\r\n");
    } else {
        const char *words = reply_reason(reply->status);
        PUT_CONSTANT(&head, "HTTP/1.1 ");
        put_number(&head, (uint64_t)reply->status);
        PUT_CONSTANT(&head, " ");
        put(&head, words, strlen(words));
        PUT_CONSTANT(&head, "\r\n");
    }
    put(&head, date, date_size);
    if (has_body(reply)) {
        if (reply->type != NULL) {
            PUT_CONSTANT(&head, "Content-Type: ");
            put(&head, reply->type, strlen(reply->type));
            PUT_CONSTANT(&head, "\r\nX-Content-Type-Options: nosniff\r\n");
        }
        put_framing(&head, request, reply);
    }
    PUT_CONSTANT(&head, "X-Request-Id: ");
    put(&head, request->id, strlen(request->id));
    PUT_CONSTANT(&head, "\r\n");
    if (reply->has_timing) {
        PUT_CONSTANT(&head, "Server-Timing: queue;dur=");
        put_ms(&head, reply->queue_us);
        PUT_CONSTANT(&head, ", run;dur=");
        put_ms(&head, reply->run_us);
        PUT_CONSTANT(&head, "\r\n");
    }
    if (reply->extra != NULL)
        put(&head, reply->extra, strlen(reply->extra));
    if (!keep_alive)
        PUT_CONSTANT(&head, "Connection: close\r\n");
    else if (request->is_http10)
        PUT_CONSTANT(&head, "Connection: keep-alive\r\n");
    PUT_CONSTANT(&head, "\r\n");
    return (size_t)(head.at - out);
}

static void log_access(const struct request *request, int status, uint64_t bytes, uint64_t queue_us,
                       uint64_t run_us) TT_ON_LOOP {
    const char *subject = connection_subject(request->connection);
    const char *name = "-";
    if (request->target != NULL)
        name = request->target->call != NULL     ? request->target->call->name
               : request->target->gather != NULL ? request->target->gather->name
                                                 : "gather";
    uint64_t took_us = tt_wake_now_us(request->front->wake) - request->begun_us;
    log_event(TT_LOG_NOTICE, "request",
              "call=%s status=%d bytes=%llu total_us=%llu queue_us=%llu run_us=%llu id=%s client=%s%s%s%s%s%s", name,
              status, (unsigned long long)bytes, (unsigned long long)took_us, (unsigned long long)queue_us,
              (unsigned long long)run_us, request->id, request->client, request->token[0] != '\0' ? " token=" : "",
              request->token, subject != NULL ? " subject=\"" : "", subject != NULL ? subject : "",
              subject != NULL ? "\"" : "");
}

/** Whether another request may follow: not while bytes of this one's body are still to come. */
static bool may_keep_alive(const struct request *request) TT_ON_LOOP {
    return request->keep_alive && !request->front->is_draining && (!request->is_live || request_is_complete(request));
}

/** A big answer that could not be kept until the client has taken it: told before its first byte is out. */
static void send_without_room(struct request *request, const struct reply *reply) TT_ON_LOOP {
    struct problem problem = {.kind = PROBLEM_INTERNAL,
                              .detail = "max-buffered leaves no room for the answer; the call has run",
                              .must_close = reply->must_close,
                              .has_timing = reply->has_timing,
                              .queue_us = reply->queue_us,
                              .run_us = reply->run_us};
    problem_send(request, &problem);
    if (reply->body_is_owned)
        free(reply->body);
}

void reply_send(struct request *request, const struct reply *reply) {
    struct front *front = request->front;
    struct connection *connection = request->connection;
    if (connection == NULL || request->is_answered) {
        if (reply->body_is_owned)
            free(reply->body);
        request_answered(request);
        return;
    }
    if (reply->body_size > FRONT_SCRATCH_BYTES - HEAD_ROOM && request->method != HTTP_HEAD &&
        !front_has_room(front, reply->body_size)) {
        send_without_room(request, reply);
        return;
    }
    bool keep_alive = may_keep_alive(request) && !reply->must_close;
    char *out = front->output;
    size_t head_size = write_head(request, reply, keep_alive, out);
    if (front->limits.access_log)
        log_access(request, reply->status, reply->body_size, reply->queue_us, reply->run_us);
    stat_add(&front->stats.answers_by_class[reply->status / 100 % 6], 1);
    char *body = reply->body;
    size_t body_size = has_body(reply) && request->method != HTTP_HEAD ? (size_t)reply->body_size : 0;
    bool is_owned = reply->body_is_owned;
    if (body_size <= FRONT_SCRATCH_BYTES - HEAD_ROOM) {
        /* One piece, one send. */
        memcpy(out + head_size, body_size > 0 ? body : "", body_size);
        head_size += body_size;
        if (is_owned)
            free(body);
        body = NULL;
        body_size = 0;
        is_owned = false;
    }
    request->connection = NULL;
    connection_answer(connection, out, head_size, body, body_size, is_owned, keep_alive);
    request_answered(request); /* last: the body may lie in its memory */
}

static enum streamed_framing framing_of(const struct request *request, const struct reply *reply) {
    if (reply->body_size != TT_SIZE_UNKNOWN || request->method == HTTP_HEAD || !has_body(reply))
        return STREAMED_SIZED;
    return request->is_http10 ? STREAMED_TO_END : STREAMED_CHUNKED;
}

bool reply_begin(struct request *request, const struct reply *reply) {
    struct front *front = request->front;
    struct connection *connection = request->connection;
    if (connection == NULL || request->is_answered)
        return false;
    struct reply streamed = *reply;
    streamed.is_streamed = true;
    enum streamed_framing framing = framing_of(request, reply);
    bool keep_alive = may_keep_alive(request) && framing != STREAMED_TO_END;
    size_t head_size = write_head(request, &streamed, keep_alive, front->output);
    request->status = reply->status;
    stat_add(&front->stats.answers_by_class[reply->status / 100 % 6], 1);
    streamed_begin(connection, front->output, head_size, framing, keep_alive);
    return request->connection != NULL;
}

void reply_end(struct request *request, bool is_whole, uint64_t queue_us, uint64_t run_us) {
    struct connection *connection = request->connection;
    if (connection == NULL) {
        request_answered(request);
        return;
    }
    if (request->front->limits.access_log)
        log_access(request, request->status, streamed_sent_bytes(connection), queue_us, run_us);
    if (is_whole) {
        streamed_end(connection);
        return;
    }
    connection_close(connection);
    request_answered(request);
}

/* Streamed: see streamed.h. */
#include "streamed.h"

#include "../passage.h"
#include "request.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAD_ROOM 32u /* a chunk's size line, or the last chunk */

/* Bytes go out in rounds: what leads them (the head, a chunk's size), some of the body, and what trails them (CRLF). */
struct streamed {
    const char *pieces[2]; /* of the body, lent; two, as the passage's buffer is a ring */
    size_t sizes[2];
    size_t round_bytes; /* of pieces[0], what is left of this round */
    const char *lead;
    size_t lead_size;
    size_t trail_size;
    uint64_t sent_bytes;
    uint64_t due_us;
    uint64_t window_bytes; /* sent since due_us was set */
    enum streamed_framing framing;
    bool keep_alive;
    bool has_ended; /* no more comes */
    bool is_closed; /* the last chunk is in lead, or out */
    char line[LEAD_ROOM];
    char head[];
};

static void drop(struct connection *connection) TT_ON_LOOP {
    struct streamed *streamed = connection->streamed;
    free(streamed);
    connection->streamed = NULL;
}

void streamed_break(struct connection *connection) {
    stat_add(&connection->front->stats.answers_broken, 1);
    if (connection->streamed->framing == STREAMED_TO_END)
        transport_set_reset(&connection->transport); /* a plain end would say that this was all */
    drop(connection);
}

uint64_t streamed_due_us(const struct connection *connection) {
    return connection->streamed != NULL ? connection->streamed->due_us : CONNECTION_NO_DEADLINE;
}

uint64_t streamed_sent_bytes(const struct connection *connection) {
    return connection->streamed != NULL ? connection->streamed->sent_bytes : 0;
}

static bool round_is_out(const struct streamed *streamed) {
    return streamed->lead_size + streamed->round_bytes + streamed->trail_size == 0;
}

static bool is_out(const struct connection *connection) TT_ON_LOOP {
    return round_is_out(connection->streamed) && transport_is_flushed(&connection->transport);
}

/** Begins the next round. Returns: false when there is nothing to send. */
static bool begin_round(struct streamed *streamed) {
    if (streamed->sizes[0] > 0) {
        streamed->round_bytes = streamed->sizes[0];
        if (streamed->framing == STREAMED_CHUNKED) {
            int size = snprintf(streamed->line, sizeof streamed->line, "%zx\r\n", streamed->round_bytes);
            streamed->lead = streamed->line;
            streamed->lead_size = (size_t)size;
            streamed->trail_size = 2;
        }
        return true;
    }
    if (!streamed->has_ended || streamed->is_closed)
        return false;
    streamed->is_closed = true;
    if (streamed->framing != STREAMED_CHUNKED)
        return false; /* the size has told it, or the close will */
    streamed->lead = "0\r\n\r\n";
    streamed->lead_size = 5;
    return true;
}

static size_t take(size_t *left, size_t *sent) {
    size_t here = *sent < *left ? *sent : *left;
    *left -= here;
    *sent -= here;
    return here;
}

/** Counts what went out. Returns: bytes of the body among it. */
static size_t skip_sent(struct streamed *streamed, size_t sent) {
    streamed->window_bytes += sent;
    streamed->lead += take(&streamed->lead_size, &sent);
    size_t body = take(&streamed->round_bytes, &sent);
    (void)take(&streamed->trail_size, &sent);
    streamed->pieces[0] += body;
    streamed->sizes[0] -= body;
    streamed->sent_bytes += body;
    if (streamed->sizes[0] == 0 && streamed->sizes[1] > 0) {
        streamed->pieces[0] = streamed->pieces[1];
        streamed->sizes[0] = streamed->sizes[1];
        streamed->sizes[1] = 0;
    }
    return body;
}

/** One send of what is left of the round. Returns: as sendmsg. */
static ssize_t send_round(struct connection *connection) TT_ON_LOOP {
    struct streamed *streamed = connection->streamed;
    struct iovec parts[3] = {
        {(char *)(uintptr_t)streamed->lead, streamed->lead_size},
        {(char *)(uintptr_t)streamed->pieces[0], streamed->round_bytes},
        {(char *)(uintptr_t) "\r\n" + (2 - streamed->trail_size), streamed->trail_size},
    };
    return transport_send(&connection->transport, parts, 3);
}

/** Sends what the socket takes now. Returns: false on an error. */
static bool send_all(struct connection *connection) TT_ON_LOOP {
    struct streamed *streamed = connection->streamed;
    while (!round_is_out(streamed) || begin_round(streamed)) {
        ssize_t sent = send_round(connection);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN;
        stat_add(&connection->front->stats.bytes_out, (uint64_t)sent);
        size_t body = skip_sent(streamed, (size_t)sent);
        if (body == 0)
            continue;
        request_sent(connection->request, body);
    }
    return true;
}

/** The whole answer is out. */
static void finish(struct connection *connection) TT_ON_LOOP {
    struct request *request = connection->request;
    bool keep_alive = connection->streamed->keep_alive && !connection->front->is_draining;
    drop(connection);
    connection->request = NULL;
    request->connection = NULL;
    request_answered(request);
    connection_after_answer(connection, keep_alive);
}

/** The client's time begins when something waits for it, and again with each buffer that it has taken. */
static void set_due(struct connection *connection) TT_ON_LOOP {
    struct streamed *streamed = connection->streamed;
    if (is_out(connection)) {
        streamed->due_us = CONNECTION_NO_DEADLINE;
    } else if (streamed->due_us == CONNECTION_NO_DEADLINE || streamed->window_bytes >= PASSAGE_BYTES) {
        struct front *front = connection->front;
        streamed->due_us = tt_wake_now_us(front->wake) + front->limits.answer_timeout_us;
        streamed->window_bytes = 0;
    }
    connection_await_stream(connection);
}

static void send_more(struct connection *connection) TT_ON_LOOP {
    if (!send_all(connection))
        connection_close(connection);
    else if (connection->streamed->is_closed && is_out(connection))
        finish(connection);
    else
        set_due(connection);
}

/* -- public -- */

void streamed_begin(struct connection *connection, const char *head, size_t head_size, enum streamed_framing framing,
                    bool keep_alive) {
    struct streamed *streamed = malloc(sizeof *streamed + head_size);
    if (streamed == NULL) {
        connection_close(connection);
        return;
    }
    *streamed = (struct streamed){
        .lead_size = head_size, .due_us = CONNECTION_NO_DEADLINE, .framing = framing, .keep_alive = keep_alive};
    memcpy(streamed->head, head, head_size);
    streamed->lead = streamed->head;
    connection->streamed = streamed;
    connection->state = CONNECTION_STREAMING;
    send_more(connection);
}

void streamed_put(struct connection *connection, const void *data, size_t size) {
    struct streamed *streamed = connection->streamed;
    bool is_waiting = !round_is_out(streamed);
    size_t last = streamed->sizes[1] > 0 ? 1 : 0;
    if (streamed->sizes[last] == 0)
        streamed->pieces[last] = data;
    else if (streamed->pieces[last] + streamed->sizes[last] != data)
        streamed->pieces[++last] = data; /* the ring's end was between: that is once in what may be on its way */
    streamed->sizes[last] += size;
    if (!is_waiting) /* else an edge will tell when the socket has room */
        send_more(connection);
}

void streamed_end(struct connection *connection) {
    connection->streamed->has_ended = true;
    send_more(connection);
    connection_advance(connection); /* on with what waits behind it */
}

void streamed_send_rest(struct connection *connection) {
    send_more(connection);
}

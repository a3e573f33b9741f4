/* Feeding: see feeding.h. */
#include "feeding.h"

#include "connection_state.h"
#include "problem.h"

static void set_due(struct request *request) TT_ON_LOOP {
    request->body_due_us = tt_wake_now_us(request->front->wake) + request->front->limits.body_timeout_us;
    request->window_bytes = 0;
}

static void stop(struct request *request) TT_ON_LOOP {
    request->is_feeding = false;
    request->body_due_us = CONNECTION_NO_DEADLINE;
}

/** Nothing more will come of this body. */
static void give_up(struct request *request, enum problem_kind kind, const char *detail) TT_ON_LOOP {
    struct connection *connection = request->connection;
    stop(request);
    passage_cut(&request->passage);
    if (connection->state == CONNECTION_STREAMING) {
        connection_close(connection);
        return;
    }
    problem_refuse(request, kind, detail);
}

/** Hands bytes to the function. Returns: how many it had room for. */
static size_t push(struct request *request, const char *data, size_t size) TT_ON_LOOP {
    size_t taken = 0;
    enum tt_status status = passage_push(&request->passage, data, size, &taken);
    request->body_size += taken;
    request->window_bytes += taken;
    if (status != TT_OK)
        stop(request); /* full: feeding_start will be called again; closed: it won't */
    else if (request->window_bytes >= PASSAGE_BYTES)
        set_due(request);
    return taken;
}

static void finish(struct request *request) TT_ON_LOOP {
    stop(request);
    passage_end(&request->passage);
}

static const char *const too_large = "the body goes beyond the call's max-body";

static size_t take_chunks(struct request *request, const char *data, size_t size) TT_ON_LOOP {
    size_t taken = 0;
    while (request->is_feeding) {
        size_t used = 0;
        const char *piece = NULL;
        size_t piece_size = 0;
        enum chunk_result result =
            chunk_decode(&request->chunk, data + taken, size - taken, &used, &piece, &piece_size);
        taken += used;
        uint64_t announced = request->chunk.left + (result == CHUNK_DATA ? piece_size : 0);
        if (announced > request->body_limit - request->body_size) {
            give_up(request, PROBLEM_BODY_TOO_LARGE, too_large);
            return size;
        }
        if (result == CHUNK_REFUSED) {
            stat_add(&request->front->stats.malformed, 1);
            give_up(request, PROBLEM_MALFORMED, "the chunked body is malformed");
            return size;
        }
        if (result == CHUNK_MORE)
            return taken;
        if (result == CHUNK_DONE) {
            request->is_chunked = false;
            request->content_length = request->body_size;
            finish(request);
            return taken;
        }
        size_t pushed = push(request, piece, piece_size);
        chunk_give_back(&request->chunk, piece_size - pushed);
        taken -= piece_size - pushed;
    }
    return taken;
}

static size_t take_plain(struct request *request, const char *data, size_t size) TT_ON_LOOP {
    uint64_t left = request->content_length - request->body_size;
    size_t taken = push(request, data, size < left ? size : (size_t)left);
    if (request->is_feeding && request_is_complete(request))
        finish(request);
    return taken;
}

size_t feeding_take(struct request *request, const char *data, size_t size) {
    struct connection *connection = request->connection;
    request->is_continue_due = false;
    size_t taken = request->is_chunked ? take_chunks(request, data, size) : take_plain(request, data, size);
    if (connection_is_open(connection) && connection->request == request)
        connection_await_stream(connection);
    return taken;
}

void feeding_start(struct request *request) {
    struct connection *connection = request->connection;
    if (connection == NULL || request_is_complete(request))
        return; /* the client has left, or was answered */
    request->is_feeding = true;
    set_due(request);
    connection_await_stream(connection);
    if (request->is_continue_due && connection->partial == NULL && connection->state == CONNECTION_BUSY) {
        static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
        connection_send_interim(connection, interim, sizeof interim - 1);
    }
    request->is_continue_due = false;
    connection_advance(connection);
}

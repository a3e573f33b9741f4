/*
 * Body: a request's body, taken whole into memory before its call starts; of one that its call reads see feeding.c. The
 * functions are request.h's.
 */
#include "request.h"

#include "problem.h"
#include <stdlib.h>
#include <string.h>

#define BODY_FIRST_BYTES 4096u

void request_free_body(struct request *request) {
    if (request->body == NULL)
        return; /* of one that its call reads body_size counts */
    stat_add(&request->front->stats.buffered_bytes, (uint64_t)0 - request->body_capacity);
    free(request->body);
    request->body = NULL;
    request->body_size = 0;
    request->body_capacity = 0;
}

/** Returns: false when the request was refused. */
static bool grow_body(struct request *request, size_t size) TT_ON_LOOP {
    size_t capacity = request->body_capacity != 0 ? request->body_capacity * 2 : BODY_FIRST_BYTES;
    while (capacity < size)
        capacity *= 2;
    if (!request->is_chunked && capacity > request->content_length)
        capacity = request->content_length;
    if (!front_has_room(request->front, capacity - request->body_capacity)) {
        problem_refuse(request, PROBLEM_NO_ROOM, "max-buffered leaves no room for the body");
        return false;
    }
    char *body = realloc(request->body, capacity);
    if (body == NULL) {
        problem_refuse(request, PROBLEM_INTERNAL, "no memory for the body");
        return false;
    }
    stat_add(&request->front->stats.buffered_bytes, capacity - request->body_capacity);
    request->body = body;
    request->body_capacity = capacity;
    return true;
}

static const char *const too_large = "a chunked body goes beyond max-body";

/** Returns: false when the request was refused. */
static bool append(struct request *request, const char *data, size_t size) TT_ON_LOOP {
    size_t whole = request->body_size + size;
    if (whole > request->front->limits.body_bytes) {
        problem_refuse(request, PROBLEM_BODY_TOO_LARGE, too_large);
        return false;
    }
    if (whole > request->body_capacity && !grow_body(request, whole))
        return false;
    memcpy(request->body + request->body_size, data, size);
    request->body_size = whole;
    return true;
}

/** A chunked body's bytes. is_chunked goes when it has ended. Returns: how many were taken. */
static size_t feed_chunks(struct request *request, const char *data, size_t size) TT_ON_LOOP {
    size_t taken = 0;
    for (;;) {
        size_t used = 0;
        const char *piece = NULL;
        size_t piece_size = 0;
        enum chunk_result result =
            chunk_decode(&request->chunk, data + taken, size - taken, &used, &piece, &piece_size);
        taken += used;
        /* A chunk says its size first: too much is refused before it has come, and before
           anything behind it, or the answer would depend on how the bytes were split. */
        if (request->chunk.left > request->front->limits.body_bytes - request->body_size) {
            problem_refuse(request, PROBLEM_BODY_TOO_LARGE, too_large);
            return size;
        }
        if (result == CHUNK_REFUSED) {
            stat_add(&request->front->stats.malformed, 1);
            problem_refuse(request, PROBLEM_MALFORMED, "the chunked body is malformed");
            return size;
        }
        if (result == CHUNK_DATA && !append(request, piece, piece_size))
            return size;
        if (result == CHUNK_DONE) {
            request->is_chunked = false;
            request->content_length = request->body_size;
            return taken;
        }
        if (result == CHUNK_MORE)
            return taken;
    }
}

size_t request_feed(struct request *request, const char *data, size_t size) {
    request->is_continue_due = false;
    if (request->is_chunked)
        return feed_chunks(request, data, size);
    size_t left = (size_t)(request->content_length - request->body_size);
    size_t taken = size < left ? size : left;
    return append(request, data, taken) ? taken : size;
}

bool request_is_complete(const struct request *request) {
    return !request->is_chunked && request->body_size == request->content_length;
}

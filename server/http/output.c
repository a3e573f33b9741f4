/* Output: see output.h. */
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** What the socket had no room for yet. */
struct unsent {
    struct iovec pieces[2];
    char *owned; /* freed with it; a body that was taken over */
    bool keep_alive;
    size_t held_bytes; /* until all is sent: a part of it can't be given back */
    char data[];
};

void output_drop(struct connection *connection) {
    if (connection->unsent == NULL)
        return;
    connection_hold_bytes(connection, (size_t)0 - connection->unsent->held_bytes);
    free(connection->unsent->owned);
    free(connection->unsent);
    connection->unsent = NULL;
}

/** A body was grown by doubling: what is too much is given back, since it may wait for long. */
static void fit_owned(struct unsent *unsent, size_t size) {
    size_t sent = (size_t)((char *)unsent->pieces[1].iov_base - unsent->owned);
    char *fitted = realloc(unsent->owned, size);
    if (fitted == NULL)
        return; /* then it stays as it is */
    unsent->owned = fitted;
    unsent->pieces[1].iov_base = fitted + sent;
}

/** Keeps the rest of an answer until the socket has room. Returns: false without memory, or without room for it. */
static bool keep_unsent(struct connection *connection, const struct iovec pieces[static 2], char *owned,
                        size_t owned_bytes, bool keep_alive) TT_ON_LOOP {
    bool copies_body = owned == NULL;
    size_t copied = pieces[0].iov_len + (copies_body ? pieces[1].iov_len : 0);
    /* Of nothing the transport has it all, and only isn't flushed. */
    if (copied + owned_bytes > 0 && !front_has_room(connection->front, copied + owned_bytes))
        return false;
    struct unsent *unsent = malloc(sizeof *unsent + copied);
    if (unsent == NULL)
        return false;
    if (pieces[0].iov_len > 0)
        memcpy(unsent->data, pieces[0].iov_base, pieces[0].iov_len);
    unsent->pieces[0] = (struct iovec){unsent->data, pieces[0].iov_len};
    unsent->pieces[1] = pieces[1];
    if (copies_body && pieces[1].iov_base != NULL) {
        memcpy(unsent->data + pieces[0].iov_len, pieces[1].iov_base, pieces[1].iov_len);
        unsent->pieces[1].iov_base = unsent->data + pieces[0].iov_len;
    }
    unsent->owned = owned;
    if (owned_bytes > 0)
        fit_owned(unsent, owned_bytes);
    unsent->keep_alive = keep_alive;
    unsent->held_bytes = copied + owned_bytes;
    connection_hold_bytes(connection, unsent->held_bytes);
    connection->unsent = unsent;
    connection->state = CONNECTION_WRITING;
    connection_set_deadline(connection, connection->front->limits.answer_timeout_us);
    return true;
}

static void skip_sent(struct iovec pieces[static 2], size_t sent) {
    for (int i = 0; i < 2 && sent > 0; i++) { /* a piece of nothing may be at NULL, to which nothing is added */
        size_t here = sent < pieces[i].iov_len ? sent : pieces[i].iov_len;
        pieces[i].iov_base = (char *)pieces[i].iov_base + here;
        pieces[i].iov_len -= here;
        sent -= here;
    }
}

/** Sends what the socket takes now. Returns: false on an error; the pieces shrink by what was sent. */
static bool send_pieces(struct connection *connection, struct iovec pieces[static 2]) TT_ON_LOOP {
    while (pieces[0].iov_len + pieces[1].iov_len > 0) {
        ssize_t sent = transport_send(&connection->transport, pieces, pieces[1].iov_len == 0 ? 1 : 2);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN;
        stat_add(&connection->front->stats.bytes_out, (uint64_t)sent);
        skip_sent(pieces, (size_t)sent);
    }
    return true;
}

void output_send_rest(struct connection *connection) {
    struct unsent *unsent = connection->unsent;
    if (!send_pieces(connection, unsent->pieces)) {
        connection_close(connection);
        return;
    }
    size_t left = unsent->pieces[0].iov_len + unsent->pieces[1].iov_len;
    if (left > 0 || !transport_is_flushed(&connection->transport))
        return;
    bool keep_alive = unsent->keep_alive;
    output_drop(connection);
    connection_after_answer(connection, keep_alive);
}

void connection_answer(struct connection *connection, const char *head, size_t head_size, char *body, size_t body_size,
                       bool is_owned, bool keep_alive) {
    struct iovec pieces[2] = {{(char *)(uintptr_t)head, head_size}, {body, body_size}};
    connection->request = NULL;
    bool is_lost = !send_pieces(connection, pieces);
    if (is_owned && pieces[1].iov_len == 0) {
        free(body);
        is_owned = false;
        pieces[1].iov_base = NULL;
    }
    bool is_whole = pieces[0].iov_len + pieces[1].iov_len == 0 && transport_is_flushed(&connection->transport);
    if (is_lost || is_whole ||
        !keep_unsent(connection, pieces, is_owned ? body : NULL, is_owned ? body_size : 0, keep_alive)) {
        if (is_owned)
            free(body);
        if (is_lost || !is_whole)
            connection_close(connection);
        else
            connection_after_answer(connection, keep_alive);
    }
    connection_advance(connection); /* if the answer came later than the read: on with what waits behind it */
}

void connection_send_interim(struct connection *connection, const char *data, size_t size) {
    /* Small, and sent only while nothing else is under way: a socket without room for it has a client that doesn't read. */
    struct iovec piece = {(char *)(uintptr_t)data, size};
    if (transport_send(&connection->transport, &piece, 1) != (ssize_t)size)
        connection_close(connection);
}

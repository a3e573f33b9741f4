/* Connection: see connection.h. */
#include "connection.h"

#include "connection_state.h"
#include "handout.h"
#include "handshake.h"
#include "input.h"
#include "listen.h"
#include "output.h"
#include "request.h"
#include "streamed.h"
#include <stdlib.h>
#include <unistd.h>

#define LINGER_US 2000000u
/* A client that shuts its side together with its request (nc -N) is not one that has left: it is told apart by time. */
#define LEFT_GRACE_US 10000u
/* Reads in a row before other connections have their turn: of a body; of heads one holds up to 480 requests. */
#define BODY_READS_A_TURN 4
#define HEAD_READS_A_TURN 1

/* -- deadlines -- */

static void on_timer(struct tt_timer *timer);
static void on_turn(struct tt_timer *timer);

/** Later than now set: the timer is left as it is, and looks again when it fires. So a busy connection costs no timer. */
void connection_set_deadline(struct connection *connection, uint64_t delay_us) {
    struct front *front = connection->front;
    if (delay_us == CONNECTION_NO_DEADLINE) {
        connection->deadline_us = CONNECTION_NO_DEADLINE;
        return;
    }
    connection->deadline_us = tt_wake_now_us(front->wake) + delay_us;
    if (connection->timer.prev == NULL || connection->timer.due_ms > connection->deadline_us / 1000 + 1)
        tt_timer_start(front->wake, &connection->timer, delay_us, on_timer);
}

void connection_await_stream(struct connection *connection) {
    uint64_t due_us = streamed_due_us(connection);
    if (connection->request->body_due_us < due_us)
        due_us = connection->request->body_due_us;
    uint64_t now_us = tt_wake_now_us(connection->front->wake);
    if (due_us == CONNECTION_NO_DEADLINE)
        connection_set_deadline(connection, CONNECTION_NO_DEADLINE);
    else
        connection_set_deadline(connection, due_us > now_us ? due_us - now_us : 0);
}

void connection_hold_bytes(struct connection *connection, size_t bytes) {
    stat_add(&connection->front->stats.buffered_bytes, bytes);
}

/* -- the end -- */

void connection_close(struct connection *connection) {
    struct front *front = connection->front;
    if (!connection_is_open(connection))
        return;
    if (connection->streamed != NULL)
        streamed_break(connection);
    tt_timer_stop(front->wake, &connection->timer);
    tt_timer_stop(front->wake, &connection->turn);
    transport_close(&connection->transport);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        front->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    input_drop(connection);
    output_drop(connection);
    if (connection->request != NULL) {
        struct request *request = connection->request;
        connection->request = NULL;
        request_detach(request);
    }
    front->connection_count--;
    stat_set(&front->stats.connections, front->connection_count);
    if (front->handout != NULL)
        handout_leave(front->handout, front);
    listen_resume(front);
    front_bury(front, connection);
}

/** Ours is said: shut our side and wait for the client's end, dropping what it still sends. */
static void linger(struct connection *connection) TT_ON_LOOP {
    input_drop(connection);
    if (!transport_shut(&connection->transport)) {
        connection_close(connection);
        return;
    }
    connection->state = CONNECTION_LINGERING;
    if (connection->peer_closed)
        connection->is_readable = true; /* what is unread would make the close a reset: read on to the end */
    connection->lingered_bytes = 0;
    connection_set_deadline(connection, LINGER_US);
}

/* -- between the end of one thing and the next -- */

bool connection_is_reading(const struct connection *connection) {
    return connection->state == CONNECTION_READING ||
           (connection->request != NULL && connection->request->is_feeding &&
            (connection->state == CONNECTION_BUSY || connection->state == CONNECTION_STREAMING));
}

void connection_advance(struct connection *connection) {
    if (connection->is_advancing)
        return; /* further up */
    connection->is_advancing = true;
    for (int reads = 0; connection_is_open(connection); reads++) {
        bool is_reading = connection_is_reading(connection);
        if (connection->state == CONNECTION_ARRIVING && connection->is_readable) {
            input_arrive(connection);
        } else if (is_reading && connection->is_unread) {
            input_process_kept(connection);
        } else if (connection->is_readable && (is_reading || connection->state == CONNECTION_LINGERING)) {
            if (reads >= (connection->request != NULL ? BODY_READS_A_TURN : HEAD_READS_A_TURN)) {
                /* Not by event_active: libevent would run it in this turn still, and nothing else while bytes come. */
                tt_timer_start(connection->front->wake, &connection->turn, 0, on_turn);
                break;
            }
            if (is_reading)
                input_read(connection);
            else
                input_discard(connection);
        } else {
            break;
        }
    }
    connection->is_advancing = false;
}

void connection_after_answer(struct connection *connection, bool keep_alive) {
    stat_add(&connection->front->stats.answers, 1);
    if (!keep_alive) {
        linger(connection);
        return;
    }
    connection->state = CONNECTION_READING;
    connection_set_deadline(connection, connection->front->limits.idle_timeout_us);
}

/* -- events -- */

static void client_left(struct connection *connection) TT_ON_LOOP {
    if (!request_client_left(connection->request))
        return; /* its call runs: the answer will find the socket closed, or a client that only shut its side */
    stat_add(&connection->front->stats.clients_left, 1);
    connection_close(connection);
}

static void on_timer(struct tt_timer *timer) {
    tt_assume_loop();
    struct connection *connection = (struct connection *)((char *)timer - offsetof(struct connection, timer));
    struct front *front = connection->front;
    uint64_t now_us = tt_wake_now_us(front->wake);
    if (connection->deadline_us == CONNECTION_NO_DEADLINE)
        return;
    if (now_us < connection->deadline_us) {
        tt_timer_start(front->wake, timer, connection->deadline_us - now_us, on_timer);
        return;
    }
    connection->deadline_us = CONNECTION_NO_DEADLINE;
    if (connection->is_handshaking) {
        handshake_time_out(connection);
    } else if (connection->state == CONNECTION_BUSY && !connection->request->is_feeding) {
        client_left(connection);
    } else if (connection->state == CONNECTION_BUSY) {
        stat_add(&front->stats.connections_dropped, 1);
        request_time_out(connection, front, connection->request, connection->request->method);
    } else if (connection->state == CONNECTION_READING && (connection->request != NULL || connection->head_has_begun)) {
        stat_add(&front->stats.connections_dropped, 1);
        request_time_out(connection, front, connection->request, input_method(connection));
    } else {
        if (connection->state == CONNECTION_WRITING || connection->state == CONNECTION_STREAMING ||
            connection->state == CONNECTION_ARRIVING)
            stat_add(&front->stats.connections_dropped, 1);
        connection_close(connection);
    }
}

static void on_turn(struct tt_timer *timer) {
    tt_assume_loop();
    connection_advance((struct connection *)((char *)timer - offsetof(struct connection, turn)));
}

static void on_event(evutil_socket_t fd, short what, void *context) {
    tt_assume_loop();
    (void)fd;
    struct connection *connection = context;
    loop_entered(connection->front->loop);
    if (connection->is_handshaking && !handshake_go_on(connection))
        return;
    /* Whether it has failed is asked while a call is pending, so not for each request. */
    if ((what & EV_CLOSED) != 0 ||
        (connection->state == CONNECTION_BUSY && transport_has_failed(&connection->transport)))
        connection->peer_closed = true;
    if ((what & (EV_READ | EV_CLOSED)) != 0)
        connection->is_readable = true;
    if ((what & EV_WRITE) != 0 && connection->unsent != NULL)
        output_send_rest(connection);
    else if ((what & EV_READ) != 0 && connection->state == CONNECTION_STREAMING &&
             transport_has_failed(&connection->transport))
        connection_close(connection);
    else if ((what & EV_WRITE) != 0 && connection->streamed != NULL)
        streamed_send_rest(connection);
    connection_advance(connection);
    if (connection_is_open(connection) && connection->peer_closed && connection->state == CONNECTION_BUSY &&
        connection->deadline_us == CONNECTION_NO_DEADLINE)
        connection_set_deadline(connection, LEFT_GRACE_US);
}

/* -- public -- */

void connection_open(struct front *front, int fd, const struct peer *peer, bool takes_proxy, bool is_tls) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        goto fail;
    connection->front = front;
    connection->deadline_us = CONNECTION_NO_DEADLINE;
    if (transport_open(&connection->transport, loop_base(front->loop), fd, on_event, connection) != TT_OK)
        goto fail;
    connection->next = front->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    front->connections = connection;
    front->connection_count++;
    stat_set(&front->stats.connections, front->connection_count);
    peer_write(peer, connection->client);
    connection->state = takes_proxy ? CONNECTION_ARRIVING : CONNECTION_READING;
    connection_set_deadline(connection, takes_proxy ? front->limits.header_timeout_us : front->limits.idle_timeout_us);
    connection->is_tls = is_tls;
    if (is_tls && !takes_proxy)
        handshake_begin(connection); /* else behind the header */
    return;
fail:
    free(connection);
    (void)close(fd); /* nothing was sent */
    if (front->handout != NULL)
        handout_leave(front->handout, front);
}

const char *connection_client(const struct connection *connection) {
    return connection->client;
}

struct connection *connection_next(const struct connection *connection) {
    return connection->next;
}

void connection_set_next(struct connection *connection, struct connection *next) {
    connection->next = next;
}

void connection_free(struct connection *connection) {
    free(connection);
}

const char *connection_subject(const struct connection *connection) {
    const struct channel *channel = connection->transport.channel;
    return channel != NULL ? channel_subject(channel) : NULL;
}

bool connection_is_busy(const struct connection *connection) {
    return connection->state == CONNECTION_BUSY || connection->state == CONNECTION_WRITING ||
           connection->request != NULL;
}

void connection_set_busy(struct connection *connection) {
    connection->state = CONNECTION_BUSY;
    connection_set_deadline(connection, CONNECTION_NO_DEADLINE);
}

void connection_drain(struct connection *connection) {
    if (connection->state == CONNECTION_ARRIVING) {
        connection->is_readable = true; /* as below: header and request may both be there */
        connection_advance(connection);
        if (connection_is_open(connection) && connection->state == CONNECTION_ARRIVING)
            connection_close(connection);
    }
    if (!connection_is_open(connection))
        return;
    if (connection->state == CONNECTION_READING && connection->request == NULL) {
        connection->is_readable = true; /* a request may have arrived just now */
        connection_advance(connection);
        if (connection_is_open(connection) && connection->state == CONNECTION_READING && connection->request == NULL)
            linger(connection);
        connection_advance(connection);
    }
}

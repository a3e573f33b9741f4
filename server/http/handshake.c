/* Handshake: see handshake.h. */
#include "handshake.h"

#include "../log.h"

static void fail(struct connection *connection, enum front_tls_failure failure, const char *reason) TT_ON_LOOP {
    static const char *const names[] = {
        [FRONT_TLS_TIMEOUT] = "timeout",
        [FRONT_TLS_LEFT] = "left",
        [FRONT_TLS_CERTIFICATE] = "certificate",
        [FRONT_TLS_PROTOCOL] = "protocol",
    };
    static struct log_limit limit;
    stat_add(&connection->front->stats.tls_failures[failure], 1);
    if (failure != FRONT_TLS_LEFT) /* a health check that only connects */
        log_event_limited(&limit, TT_LOG_NOTICE, "tls_failed", "reason=%s client=%s text=\"%s\"", names[failure],
                          connection->client, reason);
    connection_close(connection);
}

void handshake_begin(struct connection *connection) {
    struct front *front = connection->front;
    if (transport_secure(&connection->transport, loop_base(front->loop), front->tls, &front->stats.buffered_bytes) !=
        TT_OK) {
        connection_close(connection);
        return;
    }
    connection->is_handshaking = true;
    connection_set_deadline(connection, front->limits.header_timeout_us);
}

bool handshake_go_on(struct connection *connection) {
    const struct channel *channel = connection->transport.channel;
    switch (channel_state(channel)) {
    case CHANNEL_HANDSHAKING:
        break;
    case CHANNEL_READY:
        connection->is_handshaking = false;
        stat_add(&connection->front->stats.tls_handshakes, 1);
        connection_set_deadline(connection, connection->front->limits.idle_timeout_us);
        return true;
    case CHANNEL_LEFT:
        fail(connection, FRONT_TLS_LEFT, channel_reason(channel));
        break;
    case CHANNEL_UNTRUSTED:
        fail(connection, FRONT_TLS_CERTIFICATE, channel_reason(channel));
        break;
    case CHANNEL_INCOMPATIBLE:
        fail(connection, FRONT_TLS_PROTOCOL, channel_reason(channel));
        break;
    }
    return false;
}

void handshake_time_out(struct connection *connection) {
    fail(connection, FRONT_TLS_TIMEOUT, "");
}

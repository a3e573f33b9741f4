/* Front: see front.h. */
#include "front.h"

#include "../log.h"
#include "connection.h"
#include "handout.h"
#include "listen.h"
#include "request.h"
#include "tls.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

struct front *front_create(struct loop *loop, const struct registry *registry, const struct routes *routes,
                           struct tt_error *reterr) {
    struct front *front = calloc(1, sizeof *front);
    if (front == NULL) {
        (void)tt_error_set(reterr, TT_NOMEM, 0, "no memory for the HTTP front");
        return NULL;
    }
    front->loop = loop;
    front->wake = loop_wake(loop);
    front->registry = registry;
    front->routes = routes;
    if (getrandom(&front->id_prefix, sizeof front->id_prefix, 0) != sizeof front->id_prefix)
        front->id_prefix =
            (uint64_t)(uintptr_t)front ^ tt_wake_clock_us(); /* ids tell requests apart; they guard nothing */
    return front;
}

/** One body and one answer of the longest kind always find room when nothing else is held. */
static uint64_t buffered_limit(const struct config_server *config) {
    uint64_t longest =
        config->max_body_bytes > config->max_answer_bytes ? config->max_body_bytes : config->max_answer_bytes;
    return config->max_buffered_bytes > longest ? config->max_buffered_bytes : longest;
}

void front_set_limits(struct front *front, const struct config_server *config) {
    front->limits = (struct front_limits){
        .head_bytes = (uint32_t)config->max_header_bytes,
        .body_bytes = config->max_body_bytes,
        .answer_bytes = config->max_answer_bytes,
        .buffered_bytes = buffered_limit(config),
        .connection_count = config->max_connections,
        .header_timeout_us = config->header_timeout_us,
        .body_timeout_us = config->body_timeout_us,
        .answer_timeout_us = config->answer_timeout_us,
        .idle_timeout_us = config->idle_timeout_us,
        .access_log = config->access_log,
        .proxy_networks = config->proxy_networks,
        .proxy_network_count = config->proxy_from_count,
        .tokens = config->tokens,
        .needs_token = config->auth == CONFIG_AUTH_TOKEN,
    };
    stat_set(&front->stats.buffered_limit_bytes, front->limits.buffered_bytes);
    if (front->connection_room != 0 && front->connection_room < front->limits.connection_count)
        front->limits.connection_count = front->connection_room;
    listen_resume(front); /* there may be more room now */
}

bool front_has_room(struct front *front, uint64_t bytes) {
    static struct log_limit limit;
    uint64_t held =
        front->handout != NULL ? handout_buffered_bytes(front->handout) : stat_get(&front->stats.buffered_bytes);
    if (held <= front->limits.buffered_bytes && bytes <= front->limits.buffered_bytes - held)
        return true;
    stat_add(&front->stats.no_room, 1);
    log_event_limited(&limit, TT_LOG_WARNING, "no_room", "reason=max-buffered held=%llu wanted=%llu limit=%llu",
                      (unsigned long long)held, (unsigned long long)bytes,
                      (unsigned long long)front->limits.buffered_bytes);
    return false;
}

void front_set_tls(struct front *front, struct ssl_ctx_st *tls) {
    tls_drop(front->tls);
    front->tls = tls;
    stat_set(&front->stats.tls_expires_s, tls_expires_s(tls));
}

void front_drain(struct front *front) {
    front->is_draining = true;
    listen_close_all(front);
    struct connection *connection = front->connections;
    while (connection != NULL) {
        struct connection *next = connection_next(connection);
        connection_drain(connection);
        connection = next;
    }
}

bool front_is_idle(const struct front *front) {
    for (struct connection *connection = front->connections; connection != NULL;
         connection = connection_next(connection))
        if (connection_is_busy(connection))
            return false;
    return true;
}

static void free_closed(struct front *front) TT_ON_LOOP {
    while (front->closed != NULL) {
        struct connection *connection = front->closed;
        front->closed = connection_next(connection);
        connection_free(connection);
    }
}

static void on_burial(struct tt_timer *timer) {
    tt_assume_loop();
    free_closed((struct front *)((char *)timer - offsetof(struct front, burial)));
}

void front_bury(struct front *front, struct connection *connection) {
    connection_set_next(connection, front->closed);
    front->closed = connection;
    if (front->burial.prev == NULL)
        tt_timer_start(front->wake, &front->burial, 0, on_burial);
}

bool front_destroy(struct front *front) {
    if (front == NULL)
        return true;
    listen_close_all(front);
    while (front->connections != NULL)
        connection_close(front->connections);
    tt_timer_stop(front->wake, &front->burial);
    free_closed(front);
    request_free_spares(front);
    tls_drop(front->tls);
    front->tls = NULL;
    if (front->request_count > 0)
        return false; /* a call has not ended whose request points here; the process is about to end */
    free(front);
    return true;
}

const char *front_date(struct front *front, size_t *ret_size) {
    uint64_t second = tt_wake_now_us(front->wake) / 1000000u;
    if (second != front->date_second || front->date_size == 0) {
        time_t now = time(NULL);
        struct tm parts;
        front->date_second = second;
        front->date_size = gmtime_r(&now, &parts) != NULL ? strftime(front->date, sizeof front->date,
                                                                     "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts)
                                                          : 0;
    }
    *ret_size = front->date_size;
    return front->date;
}

static char *put_hex(char *at, uint64_t value, unsigned digits) {
    static const char hex[] = "0123456789abcdef";
    for (unsigned i = digits; i > 0; i--)
        *at++ = hex[(value >> ((i - 1) * 4)) & 15];
    return at;
}

void front_make_id(struct front *front, char ret_id[static 32]) {
    char *at = put_hex(ret_id, front->id_prefix, 16);
    *at++ = '-';
    at = put_hex(at, ++front->id_count, 8);
    *at = '\0';
}

/** splitmix64: spreads a counter over all bits. */
static uint64_t mix(uint64_t value) {
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

void front_make_traceparent(struct front *front, char ret_traceparent[static 56]) {
    uint64_t seed = mix(front->id_prefix ^ front->id_count);
    memcpy(ret_traceparent, "00-", 3);
    char *at = put_hex(ret_traceparent + 3, mix(seed), 16);
    at = put_hex(at, mix(seed + 1) | 1, 16); /* all zeros would be invalid */
    *at++ = '-';
    at = put_hex(at, mix(seed + 2) | 1, 16);
    memcpy(at, "-01", 4);
}

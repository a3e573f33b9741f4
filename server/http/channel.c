/* Channel: see channel.h. */
#include "channel.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define IN_BYTES    (16u * 1024u)
#define OUT_BYTES   (64u * 1024u)
#define SUBJECT_MAX 255
#define REASON_MAX  95

struct channel {
    struct bufferevent *buffers;
    SSL *ssl; /* the bufferevent's */
    event_callback_fn on_event;
    void *context;
    stat_counter *held_bytes;
    size_t held; /* of it */
    enum channel_state state;
    int fd; /* the bufferevent's */
    bool has_ended;
    bool has_failed;
    bool is_shut; /* a close_notify was sent, or never will be */
    char reason[REASON_MAX + 1];
    char *subject;
};

static void count_held(struct channel *channel) TT_ON_LOOP {
    size_t held = evbuffer_get_length(bufferevent_get_input(channel->buffers)) +
                  evbuffer_get_length(bufferevent_get_output(channel->buffers));
    stat_add(channel->held_bytes, held - channel->held);
    channel->held = held;
}

/* -- what libevent tells. It does so from the loop itself, never from inside one of our calls; on_event is the last thing
   that is done, for it may close the channel -- */

static void on_read(struct bufferevent *buffers, void *context) {
    tt_assume_loop();
    struct channel *channel = context;
    count_held(channel);
    /* Not by libevent's own watermark: at that it stops in the middle of a record, and what OpenSSL has of it already no socket
       tells of any more. */
    if (evbuffer_get_length(bufferevent_get_input(buffers)) >= IN_BYTES)
        (void)bufferevent_disable(buffers, EV_READ); /* can't fail */
    channel->on_event(channel->fd, EV_READ, channel->context);
}

static void on_write(struct bufferevent *buffers, void *context) {
    tt_assume_loop();
    (void)buffers;
    struct channel *channel = context;
    count_held(channel);
    channel->on_event(channel->fd, EV_WRITE, channel->context);
}

static void note_subject(struct channel *channel) TT_ON_LOOP {
    X509 *certificate = SSL_get1_peer_certificate(channel->ssl);
    if (certificate == NULL)
        return;
    BIO *memory = BIO_new(BIO_s_mem());
    channel->subject = malloc(SUBJECT_MAX + 1);
    if (memory != NULL && channel->subject != NULL) {
        (void)X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253); /* memory: cut then */
        int size = BIO_read(memory, channel->subject, SUBJECT_MAX);
        channel->subject[size > 0 ? size : 0] = '\0';
    }
    (void)BIO_free(memory); /* memory only */
    X509_free(certificate);
}

/** Why there will be no handshake. */
static void note_failure(struct channel *channel) TT_ON_LOOP {
    unsigned long error = 0;
    /* The last one is the oldest: what was wrong; those before say where it was noticed. */
    for (unsigned long next; (next = bufferevent_get_openssl_error(channel->buffers)) != 0;)
        if (ERR_GET_LIB(next) > ERR_LIB_NONE) /* else a result of SSL_get_error */
            error = next;
    int reason = ERR_GET_REASON(error);
    const char *text = error != 0 ? ERR_reason_error_string(error) : NULL;
    if (error == 0)
        channel->state = CHANNEL_LEFT;
    else if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
             (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE || reason == SSL_R_CERTIFICATE_VERIFY_FAILED))
        channel->state = CHANNEL_UNTRUSTED;
    else
        channel->state = CHANNEL_INCOMPATIBLE;
    if (text != NULL)
        memcpy(channel->reason, text, strnlen(text, REASON_MAX)); /* zeroed before */
}

static void on_state(struct bufferevent *buffers, short what, void *context) {
    tt_assume_loop();
    struct channel *channel = context;
    short told = EV_READ | EV_CLOSED;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        channel->state = CHANNEL_READY;
        note_subject(channel);
        told = EV_WRITE;
    } else if ((what & BEV_EVENT_EOF) != 0 && channel->state == CHANNEL_READY) {
        channel->has_ended = true;
        (void)bufferevent_enable(buffers, EV_WRITE); /* with the client's end libevent stops ours, too */
    } else {
        channel->has_failed = true;
        if (channel->state == CHANNEL_HANDSHAKING)
            note_failure(channel);
    }
    count_held(channel);
    channel->on_event(channel->fd, told, channel->context);
}

/* -- public -- */

struct channel *channel_open(struct event_base *base, int fd, struct ssl_ctx_st *tls, event_callback_fn on_event,
                             void *context, stat_counter *held_bytes) {
    struct channel *channel = calloc(1, sizeof *channel);
    SSL *ssl = SSL_new(tls);
    if (channel == NULL || ssl == NULL) {
        SSL_free(ssl);
        free(channel);
        return NULL;
    }
    channel->ssl = ssl;
    channel->fd = fd;
    channel->on_event = on_event;
    channel->context = context;
    channel->held_bytes = held_bytes;
    /* Deferred: libevent's callbacks would come out of the middle of our own calls. What is freed is freed by it in a later turn,
       for the same reason. */
    channel->buffers = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                                      BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (channel->buffers == NULL) {
        free(channel); /* and libevent has freed ssl */
        return NULL;
    }
    bufferevent_setcb(channel->buffers, on_read, on_write, on_state, channel);
    bufferevent_setwatermark(channel->buffers, EV_WRITE, OUT_BYTES / 2, 0);
    (void)bufferevent_enable(channel->buffers, EV_READ | EV_WRITE); /* what isn't watched runs into the deadline */
    return channel;
}

/** Says that nothing more comes, if the socket takes it: a client that finds no close_notify takes what came for cut short. */
static void say_close(struct channel *channel) TT_ON_LOOP {
    if (channel->state != CHANNEL_READY || channel->has_failed || channel->is_shut || !channel_is_flushed(channel))
        return;
    channel->is_shut = true;
    ERR_clear_error();
    (void)SSL_shutdown(channel->ssl);
    ERR_clear_error();
}

void channel_close(struct channel *channel) {
    say_close(channel);
    stat_add(channel->held_bytes, (uint64_t)0 - channel->held);
    (void)bufferevent_disable(channel->buffers, EV_READ | EV_WRITE); /* can't fail */
    bufferevent_setcb(channel->buffers, NULL, NULL, NULL, NULL);
    bufferevent_free(channel->buffers);
    free(channel->subject);
    free(channel);
}

void channel_break(struct channel *channel) {
    channel->is_shut = true;
}

enum channel_state channel_state(const struct channel *channel) {
    return channel->state;
}

const char *channel_reason(const struct channel *channel) {
    return channel->reason;
}

const char *channel_subject(const struct channel *channel) {
    return channel->subject;
}

/** What the socket has by now, which libevent would bring in its next turn: who drains looks for it before that. */
static ssize_t pull(struct channel *channel, void *data, size_t size) TT_ON_LOOP {
    ERR_clear_error();
    int got = SSL_read(channel->ssl, data, size < INT_MAX ? (int)size : INT_MAX);
    if (got > 0)
        return got;
    int error = SSL_get_error(channel->ssl, got);
    ERR_clear_error();
    errno = EAGAIN;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return -1;
    channel->has_ended = error == SSL_ERROR_ZERO_RETURN;
    channel->has_failed = !channel->has_ended;
    errno = ECONNRESET;
    return channel->has_ended ? 0 : -1;
}

ssize_t channel_receive(struct channel *channel, void *data, size_t size) {
    struct evbuffer *in = bufferevent_get_input(channel->buffers);
    int got = evbuffer_remove(in, data, size);
    if (got > 0) {
        count_held(channel);
        if (!channel->has_ended && !channel->has_failed && evbuffer_get_length(in) < IN_BYTES &&
            (bufferevent_get_enabled(channel->buffers) & EV_READ) == 0)
            (void)bufferevent_enable(channel->buffers, EV_READ); /* what isn't watched runs into the deadline */
        return got;
    }
    if (channel->state == CHANNEL_READY && !channel->has_ended && !channel->has_failed)
        return pull(channel, data, size);
    if (channel->has_ended && !channel->has_failed)
        return 0;
    errno = channel->has_failed ? ECONNRESET : EAGAIN;
    return -1;
}

ssize_t channel_send(struct channel *channel, const struct iovec *pieces, size_t count) {
    struct evbuffer *out = bufferevent_get_output(channel->buffers);
    size_t taken = 0;
    if (channel->has_failed || channel->is_shut || channel->state != CHANNEL_READY) {
        errno = EPIPE;
        return -1;
    }
    size_t used = evbuffer_get_length(out);
    size_t room = used < OUT_BYTES ? OUT_BYTES - used : 0;
    for (size_t i = 0; i < count && room > 0; i++) {
        size_t size = pieces[i].iov_len < room ? pieces[i].iov_len : room;
        if (evbuffer_add(out, pieces[i].iov_base, size) != 0)
            break; /* no memory */
        taken += size;
        room -= size;
    }
    count_held(channel);
    if (taken > 0)
        return (ssize_t)taken;
    errno = room == 0 ? EAGAIN : ENOMEM;
    return -1;
}

bool channel_is_flushed(const struct channel *channel) {
    return evbuffer_get_length(bufferevent_get_output(channel->buffers)) == 0;
}

bool channel_shut(struct channel *channel) {
    if (channel->state != CHANNEL_READY || channel->has_failed)
        return false;
    say_close(channel);
    return shutdown(channel->fd, SHUT_WR) == 0;
}

bool channel_has_failed(const struct channel *channel) {
    return channel->has_failed;
}

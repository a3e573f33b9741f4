/* Transport: see transport.h. */
#include "transport.h"

#include <unistd.h>

enum tt_status transport_open(struct transport *transport, struct event_base *base, int fd, event_callback_fn on_event,
                              void *context) {
    transport->fd = -1;
    transport->channel = NULL;
    if (event_assign(&transport->event, base, fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_event,
                     context) != 0 ||
        event_add(&transport->event, NULL) != 0)
        return TT_NOMEM;
    transport->fd = fd;
    return TT_OK;
}

enum tt_status transport_secure(struct transport *transport, struct event_base *base, struct ssl_ctx_st *tls,
                                stat_counter *held_bytes) {
    (void)event_del(&transport->event); /* can't fail; first, for libevent watches a socket in one way at a time */
    struct channel *channel = channel_open(base, transport->fd, tls, event_get_callback(&transport->event),
                                           event_get_callback_arg(&transport->event), held_bytes);
    if (channel == NULL)
        return TT_NOMEM;
    transport->channel = channel;
    return TT_OK;
}

void transport_close(struct transport *transport) {
    if (transport->channel != NULL) {
        channel_close(transport->channel);
        transport->channel = NULL;
    } else {
        (void)event_del(&transport->event); /* can't fail for an event that was added */
        (void)close(transport->fd);         /* nothing to save */
    }
    transport->fd = -1;
}

bool transport_has_failed(const struct transport *transport) {
    if (transport->channel != NULL)
        return channel_has_failed(transport->channel);
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0;
}

/* Transport: see transport.h. */
#include "transport.h"

#include <unistd.h>

enum tt_status transport_open(struct transport *transport, struct event_base *base, int fd, event_callback_fn on_event,
                              void *context) {
    transport->fd = -1;
    if (event_assign(&transport->event, base, fd, EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_event,
                     context) != 0 ||
        event_add(&transport->event, NULL) != 0)
        return TT_NOMEM;
    transport->fd = fd;
    return TT_OK;
}

void transport_close(struct transport *transport) {
    (void)event_del(&transport->event); /* can't fail for an event that was added */
    (void)close(transport->fd);         /* nothing to save */
    transport->fd = -1;
}

bool transport_has_failed(const struct transport *transport) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0;
}

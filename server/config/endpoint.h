/**
 * Endpoint: one `listen` of the configuration: an address, and behind it words that say more about this one.
 *
 *     127.0.0.1:8080 proxy
 *     0.0.0.0:8443 tls
 *     unix:/run/tothread/http.sock mode=0660 group=www-data allow-uid=www-data,1000
 *
 * To add a word: a field here, a row in endpoint.c's table, and a sentence in the help of `listen` (keys.h).
 *
 * Thread: any but the loop (names of users and groups are looked up).
 */
#ifndef SERVER_CONFIG_ENDPOINT_H
#define SERVER_CONFIG_ENDPOINT_H

#include "config.h"

#define ENDPOINT_IDS_MAX 16 /* of one allow-uid or allow-gid */

/** Users or groups by their numbers; none: all are let in. */
struct endpoint_ids {
    uint32_t count;
    uint32_t ids[ENDPOINT_IDS_MAX];
};

struct endpoint {
    const char *address; /* alone: 127.0.0.1:8080, [::1]:8080, unix:/path, systemd:NAME */

    bool takes_proxy;               /* a PROXY header comes first on each connection */
    struct endpoint_ids allow_uids; /* of a unix socket's clients */
    struct endpoint_ids allow_gids;

    /* of the file of a unix socket */
    bool has_mode, has_user, has_group;
    uint32_t mode, user, group;

    bool is_tls;
};

/**
 * Reads the value of a `listen`; mistakes go to diagnostics, each with its place.
 *
 * Owns:    the endpoint is lent by arena.
 * Returns: NULL after a mistake, or without memory (then nothing was added to diagnostics).
 */
struct endpoint *endpoint_read(const struct config_setting *setting, struct arena *arena,
                               struct diagnostics *diagnostics);

#endif

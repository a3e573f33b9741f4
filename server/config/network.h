/**
 * Network: addresses that begin alike, as in 10.0.0.0/8, for lists of who is trusted.
 *
 * Thread: any; pure.
 */
#ifndef SERVER_CONFIG_NETWORK_H
#define SERVER_CONFIG_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct network {
    int family;          /* AF_INET, AF_INET6; AF_UNIX: all unix sockets */
    uint8_t prefix_bits; /* that must be the same */
    uint8_t bytes[16];   /* in network order; those behind the prefix are 0 */
};

/**
 * Reads 192.0.2.1, 10.0.0.0/8, ::1, 2001:db8::/32 or the word unix. An address with bits behind its prefix is refused: it is
 * unclear which of both was meant.
 *
 * Returns: false with *ret_message, a constant.
 */
bool network_parse(const char *text, struct network *ret_network, const char **ret_message);

/** Whether one of them has the address: 4 bytes for AF_INET, 16 for AF_INET6, none for AF_UNIX. */
bool network_find(const struct network *networks, size_t count, int family, const uint8_t *address);

#endif

/**
 * Peer: who is at the other end of a connection, as the kernel or a trusted proxy says.
 *
 * As a text it is 192.0.2.7:40312, [2001:db8::7]:40312, or unix:uid=33,gid=33,pid=812; unix alone where a proxy tells no
 * more.
 *
 * Thread: any; pure, but for peer_of_socket.
 */
#ifndef SERVER_HTTP_PEER_H
#define SERVER_HTTP_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define PEER_TEXT_MAX 56

struct peer {
    int family; /* AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC: not known */
    uint16_t port;
    uint8_t address[16]; /* in network order; an IPv4 address inside of IPv6 is AF_INET */
    bool has_credentials;
    uint32_t uid, gid; /* of a unix socket's client, when it connected */
    int32_t pid;
};

/** From what accept gave; asks the kernel who a unix socket's client is. */
void peer_of_socket(int fd, const struct sockaddr_storage *address, struct peer *ret_peer);

/** From 4 or 16 bytes. */
void peer_of_address(int family, const uint8_t *address, uint16_t port, struct peer *ret_peer);

void peer_write(const struct peer *peer, char ret_text[static PEER_TEXT_MAX]);

#endif

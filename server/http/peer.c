/* Peer: see peer.h. */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void peer_of_address(int family, const uint8_t *address, uint16_t port, struct peer *ret_peer) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    bool is_mapped = family == AF_INET6 && memcmp(address, mapped, sizeof mapped) == 0;
    *ret_peer = (struct peer){.family = is_mapped ? AF_INET : family, .port = port};
    if (is_mapped)
        memcpy(ret_peer->address, address + sizeof mapped, 4);
    else
        memcpy(ret_peer->address, address, family == AF_INET ? 4 : 16);
}

void peer_of_socket(int fd, const struct sockaddr_storage *address, struct peer *ret_peer) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    *ret_peer = (struct peer){.family = address->ss_family};
    switch (address->ss_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        peer_of_address(AF_INET, (const uint8_t *)&v4.sin_addr, ntohs(v4.sin_port), ret_peer);
        break;
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        peer_of_address(AF_INET6, v6.sin6_addr.s6_addr, ntohs(v6.sin6_port), ret_peer);
        break;
    case AF_UNIX:
        ret_peer->has_credentials = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
        if (!ret_peer->has_credentials)
            break;
        ret_peer->uid = credentials.uid;
        ret_peer->gid = credentials.gid;
        ret_peer->pid = credentials.pid;
        break;
    default:
        ret_peer->family = AF_UNSPEC;
        break;
    }
}

/* Without printf: it is done for each connection. */
static char *put_number(char *at, unsigned number) {
    char digits[10];
    char *from = digits + sizeof digits;
    do
        *--from = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    size_t size = (size_t)(digits + sizeof digits - from);
    memcpy(at, from, size);
    return at + size;
}

void peer_write(const struct peer *peer, char ret_text[static PEER_TEXT_MAX]) {
    char *at = ret_text;
    switch (peer->family) {
    case AF_INET:
        for (size_t i = 0; i < 4; i++) {
            at = put_number(at, peer->address[i]);
            *at++ = i < 3 ? '.' : ':';
        }
        *put_number(at, peer->port) = '\0';
        break;
    case AF_INET6:
        *at++ = '[';
        (void)inet_ntop(AF_INET6, peer->address, at, INET6_ADDRSTRLEN); /* fits, and the family is known */
        at += strlen(at);
        *at++ = ']';
        *at++ = ':';
        *put_number(at, peer->port) = '\0';
        break;
    case AF_UNIX:
        (void)snprintf(ret_text, PEER_TEXT_MAX, peer->has_credentials ? "unix:uid=%u,gid=%u,pid=%d" : "unix", peer->uid,
                       peer->gid, peer->pid); /* fits */
        break;
    default:
        memcpy(ret_text, "unknown", sizeof "unknown");
        break;
    }
}

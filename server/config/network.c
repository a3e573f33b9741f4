/* Network: see network.h. */
#include "network.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

static size_t family_bytes(int family) {
    return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

/* The bits of byte i that belong to the prefix. */
static unsigned mask(unsigned prefix_bits, size_t i) {
    if (prefix_bits >= 8 * (i + 1))
        return 0xFF;
    return prefix_bits <= 8 * i ? 0 : (0xFFu << (8 * (i + 1) - prefix_bits)) & 0xFFu;
}

static bool prefix_parse(const char *text, size_t most, uint8_t *ret_bits) {
    size_t size = strlen(text);
    unsigned bits = 0;
    if (size == 0 || size > 3 || strspn(text, "0123456789") != size || (size > 1 && text[0] == '0'))
        return false;
    for (; *text; text++)
        bits = bits * 10 + (unsigned)(*text - '0');
    *ret_bits = (uint8_t)bits;
    return bits <= most;
}

bool network_parse(const char *text, struct network *ret_network, const char **ret_message) {
    struct network network = {.family = AF_UNIX};
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    if (strcmp(text, "unix") == 0) {
        *ret_network = network;
        return true;
    }
    *ret_message = "this is neither an address, nor a network such as 10.0.0.0/8, nor unix";
    if (size >= sizeof address)
        return false;
    memcpy(address, text, size);
    address[size] = '\0';
    network.family = strchr(address, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(network.family, address, network.bytes) != 1)
        return false;
    size_t bytes = family_bytes(network.family);
    network.prefix_bits = (uint8_t)(8 * bytes);
    *ret_message = network.family == AF_INET ? "behind the / stands a number from 0 to 32"
                                             : "behind the / stands a number from 0 to 128";
    if (slash && !prefix_parse(slash + 1, 8 * bytes, &network.prefix_bits))
        return false;
    *ret_message = "the address has bits behind its prefix";
    for (size_t i = 0; i < bytes; i++)
        if ((network.bytes[i] & mask(network.prefix_bits, i)) != network.bytes[i])
            return false;
    *ret_network = network;
    return true;
}

static bool has(const struct network *network, const uint8_t *address) {
    for (size_t i = 0; i < family_bytes(network->family); i++)
        if ((address[i] & mask(network->prefix_bits, i)) != network->bytes[i])
            return false;
    return true;
}

bool network_find(const struct network *networks, size_t count, int family, const uint8_t *address) {
    for (size_t i = 0; i < count; i++)
        if (networks[i].family == family && has(&networks[i], address))
            return true;
    return false;
}

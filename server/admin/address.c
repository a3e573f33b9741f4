/*
 * Address: where the admin plane listens, and where the command line finds it.
 */
#include "address.h"
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digits alone: strtoul would take signs and spaces. */
static bool port_parse(const char *text, in_port_t *ret_port) {
    size_t size = strspn(text, "0123456789");
    unsigned long port;

    if (size == 0 || size > 5 || text[size])
        return false;
    port = strtoul(text, NULL, 10); /* at most five digits */
    if (port > 65535)
        return false;
    *ret_port = htons((in_port_t)port);
    return true;
}

enum tt_status address_parse(const char *text, struct sockaddr_in *ret_address, struct tt_error *reterr) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *colon = strrchr(text, ':');
    char host[64];

    if (text[0] == '[' || (colon && memchr(text, ':', (size_t)(colon - text)) && strncmp(text, "unix:", 5) != 0))
        return tt_error_set(reterr, TT_INVALID, 0,
                            "the admin plane can't use the IPv6 address %s: its web server is built without IPv6",
                            text);
    if (strncmp(text, "unix:", 5) == 0)
        return tt_error_set(reterr, TT_INVALID, 0,
                            "the admin plane can't use %s: its web server is built without unix sockets", text);
    if (!colon || (size_t)(colon - text) >= sizeof host)
        return tt_error_set(reterr, TT_INVALID, 0, "%s is no admin address: write it as " ADDRESS_DEFAULT, text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    if (strcasecmp(host, "localhost") == 0)
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return tt_error_set(reterr, TT_INVALID, 0, "%s in the admin address %s is no IPv4 address", host, text);
    if (!port_parse(colon + 1, &address.sin_port))
        return tt_error_set(reterr, TT_INVALID, 0, "%s in the admin address %s is no port (0 to 65535)", colon + 1,
                            text);
    *ret_address = address;
    return TT_OK;
}

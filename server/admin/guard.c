/*
 * Guard: keeps web pages of other sites away from the admin plane.
 */
#include "guard.h"
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 64

/* Whether text is empty, or a colon and up to five digits. */
static bool is_port(const char *text) {
    size_t size;

    if (text[0] == '\0')
        return true;
    if (text[0] != ':')
        return false;
    size = strspn(text + 1, "0123456789");
    return size <= 5 && text[1 + size] == '\0';
}

bool guard_is_local_host(const char *host) {
    struct in6_addr address;
    char name[HOST_MAX];
    bool is_bracketed = host[0] == '[';
    size_t size = strcspn(host, is_bracketed ? "]" : ":");

    if (is_bracketed) {
        if (host[size] != ']')
            return false;
        host++;
        size--;
    }
    if (size >= sizeof name || !is_port(host + size + is_bracketed))
        return false;
    memcpy(name, host, size);
    name[size] = '\0';
    if (is_bracketed)
        return inet_pton(AF_INET6, name, &address) == 1;
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1;
}

bool guard_is_same_origin(const char *origin, const char *host) {
    static const char scheme[] = "http://";

    return strncasecmp(origin, scheme, strlen(scheme)) == 0 && strcasecmp(origin + strlen(scheme), host) == 0;
}

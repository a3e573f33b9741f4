/* Address: see address.h. Names of hosts are refused: looking them up blocks, and may give another answer tomorrow. */
#include "address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#define LISTEN_HINT "an address is 127.0.0.1:8080, [::1]:8080, unix:/run/tothread/http.sock or systemd:NAME"
#define ADMIN_HINT  "the admin address is like 127.0.0.1:9090, or none"
#define HOST_HINT   "names of hosts are not looked up: write the address, 127.0.0.1 for localhost, 0.0.0.0 for all"

/* systemd takes names of up to 255 bytes (FDNAME_MAX). */
#define SYSTEMD_NAME_MAX 255

static bool refuse(struct address_mistake *ret_mistake, const char *message, const char *hint) {
    *ret_mistake = (struct address_mistake){message, hint};
    return false;
}

static bool is_port(const char *text) {
    size_t size = strlen(text);
    if (size == 0 || size > 5 || strspn(text, "0123456789") != size)
        return false;
    unsigned port = 0;
    for (; *text; text++)
        port = port * 10 + (unsigned)(*text - '0');
    return port <= 65535;
}

/* Copies what stands between begin and end if it can be an address at all. */
static bool host_take(const char *begin, const char *end, char ret_host[INET6_ADDRSTRLEN]) {
    size_t size = (size_t)(end - begin);
    if (size >= INET6_ADDRSTRLEN)
        return false;
    memcpy(ret_host, begin, size);
    ret_host[size] = '\0';
    return true;
}

static bool is_ipv4(const char *begin, const char *end) {
    char host[INET6_ADDRSTRLEN];
    struct in_addr address;
    return host_take(begin, end, host) && inet_pton(AF_INET, host, &address) == 1;
}

static bool is_ipv6(const char *begin, const char *end) {
    char host[INET6_ADDRSTRLEN];
    struct in6_addr address;
    return host_take(begin, end, host) && inet_pton(AF_INET6, host, &address) == 1;
}

static bool check_ipv6(const char *text, struct address_mistake *ret_mistake) {
    const char *close = strchr(text, ']');
    if (!close)
        return refuse(ret_mistake, "the address has no ]", LISTEN_HINT);
    if (!is_ipv6(text + 1, close))
        return refuse(ret_mistake, "there is no IPv6 address between [ and ]", LISTEN_HINT);
    if (close[1] != ':' || !is_port(close + 2))
        return refuse(ret_mistake, "the address needs a port from 0 to 65535", LISTEN_HINT);
    return true;
}

static bool check_ipv4(const char *text, struct address_mistake *ret_mistake, const char *hint) {
    const char *colon = strrchr(text, ':');
    if (!colon && strspn(text, "0123456789") == strlen(text))
        return refuse(ret_mistake, "a port alone is no address", hint);
    if (is_ipv6(text, text + strlen(text)))
        return refuse(ret_mistake, "an IPv6 address stands in [ and ], and needs a port", hint);
    if (colon == text)
        return refuse(ret_mistake, "there is no address before the port", hint);
    const char *end = colon ? colon : text + strlen(text);
    if (!is_ipv4(text, end)) {
        bool is_number = strspn(text, "0123456789.") == (size_t)(end - text);
        return refuse(ret_mistake, is_number ? "this is no IPv4 address" : "this is no address",
                      is_number || strchr(text, '/') ? hint : HOST_HINT);
    }
    if (!colon || !is_port(colon + 1))
        return refuse(ret_mistake, "the address needs a port from 0 to 65535", hint);
    return true;
}

static bool check_unix(const char *path, struct address_mistake *ret_mistake) {
    if (path[0] != '/')
        return refuse(ret_mistake, "the path of a unix socket starts with /", LISTEN_HINT);
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return refuse(ret_mistake, "the path of a unix socket has at most 107 bytes", NULL);
    if (path[strlen(path) - 1] == '/')
        return refuse(ret_mistake, "the path of a unix socket is no folder", NULL);
    return true;
}

static bool check_systemd(const char *name, struct address_mistake *ret_mistake) {
    size_t size = strlen(name);
    if (size == 0 || size > SYSTEMD_NAME_MAX)
        return refuse(ret_mistake, "systemd: needs a name of 1 to 255 bytes",
                      "it is the FileDescriptorName= of the socket unit");
    for (size_t i = 0; i < size; i++)
        if (name[i] <= ' ' || name[i] == ':' || name[i] == 0x7F)
            return refuse(ret_mistake, "the name has bytes that systemd doesn't allow",
                          "it is the FileDescriptorName= of the socket unit");
    return true;
}

bool address_check_listen(const char *text, struct address_mistake *ret_mistake) {
    if (strncmp(text, "unix:", 5) == 0)
        return check_unix(text + 5, ret_mistake);
    if (strncmp(text, "systemd:", 8) == 0)
        return check_systemd(text + 8, ret_mistake);
    if (text[0] == '[')
        return check_ipv6(text, ret_mistake);
    return check_ipv4(text, ret_mistake, LISTEN_HINT);
}

bool address_check_admin(const char *text, struct address_mistake *ret_mistake) {
    if (strcmp(text, "none") == 0)
        return true;
    if (strncmp(text, "unix:", 5) == 0 || strncmp(text, "systemd:", 8) == 0 || text[0] == '[')
        return refuse(ret_mistake, "the admin plane listens on IPv4 only", ADMIN_HINT);
    return check_ipv4(text, ret_mistake, ADMIN_HINT);
}

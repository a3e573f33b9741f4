/**
 * Resolve: host names to addresses, by the system's own resolver.
 *
 * getaddrinfo blocks for seconds when a name server is away, and no option of it changes that: the classic call for a
 * pool of its own. It reads /etc/hosts, nsswitch.conf and resolv.conf as every other program of the machine does.
 *
 * 404: the name, or an address of that family, doesn't exist. 503: try again later (EAI_AGAIN). 502: anything else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <tothread/module.h>

#define NAME_BYTES_MAX  253 /* RFC 1035's 255 octets on the wire, as text */
#define LABEL_BYTES_MAX 63

enum { ARG_NAME, ARG_FAMILY, ARG_COUNT };

struct family_word {
    const char *word;
    int family;
};

static const struct family_word families[] = {{"any", AF_UNSPEC}, {"ipv4", AF_INET}, {"ipv6", AF_INET6}};

static bool is_label_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '_';
}

/* What may go to a name server: labels of 1 to 63 bytes with dots between them, perhaps one at the end. */
static bool is_host_name(const char *name, size_t size) {
    size_t label = 0;
    for (size_t i = 0; i < size; i++) {
        if (name[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!is_label_byte(name[i]) || ++label > LABEL_BYTES_MAX)
            return false;
    }
    return size > 0 && name[0] != '.';
}

static bool is_ipv6(const char *name) {
    struct in6_addr address;
    return inet_pton(AF_INET6, name, &address) == 1;
}

static bool find_family(const char *word, int *ret_family) {
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strcmp(families[i].word, word) == 0) {
            *ret_family = families[i].family;
            return true;
        }
    return false;
}

static enum tt_outcome fail_lookup(struct tt_run *run, int error, int sys_errno) {
    const char *name = run->args[ARG_NAME].as.text.data;
    if (error == EAI_SYSTEM)
        return run->host->fail(run, 502, "%s: %s", name, strerrordesc_np(sys_errno));
    bool is_absent = error == EAI_NONAME || error == EAI_NODATA || error == EAI_ADDRFAMILY;
    return run->host->fail(run, is_absent ? 404 : error == EAI_AGAIN ? 503 : 502, "%s: %s", name, gai_strerror(error));
}

static bool write_text(struct tt_run *run, const char *text) {
    return run->host->write(run, text, strlen(text)) == TT_OK;
}

/* An address as text; NULL for a family that isn't asked for here. */
static const char *address_text(const struct addrinfo *info, char *text, socklen_t size) {
    if (info->ai_family == AF_INET) {
        struct sockaddr_in address;
        memcpy(&address, info->ai_addr, sizeof address);
        return inet_ntop(AF_INET, &address.sin_addr, text, size);
    }
    if (info->ai_family == AF_INET6) {
        struct sockaddr_in6 address;
        memcpy(&address, info->ai_addr, sizeof address);
        return inet_ntop(AF_INET6, &address.sin6_addr, text, size);
    }
    return NULL;
}

static bool write_addresses(struct tt_run *run, const struct addrinfo *first) {
    bool is_first = true;
    for (const struct addrinfo *info = first; info != NULL; info = info->ai_next) {
        char text[INET6_ADDRSTRLEN];
        if (address_text(info, text, sizeof text) == NULL)
            continue;
        if (!write_text(run, is_first ? "{\"family\":\"" : ",{\"family\":\"") ||
            !write_text(run, info->ai_family == AF_INET ? "ipv4" : "ipv6") || !write_text(run, "\",\"address\":\"") ||
            !write_text(run, text) || !write_text(run, "\"}"))
            return false;
        is_first = false;
    }
    return true;
}

static bool write_answer(struct tt_run *run, const struct addrinfo *first) {
    const struct tt_value *name = &run->args[ARG_NAME];
    const char *canonical = first->ai_canonname; /* only the first entry has it */
    if (!write_text(run, "{\"name\":") || run->host->write_json(run, name->as.text.data, name->as.text.size) != TT_OK ||
        !write_text(run, ",\"addresses\":[") || !write_addresses(run, first) || !write_text(run, "],\"canonical\":"))
        return false;
    if (canonical == NULL)
        return write_text(run, "null}\n");
    return run->host->write_json(run, canonical, strlen(canonical)) == TT_OK && write_text(run, "}\n");
}

static enum tt_outcome lookup_run(struct tt_run *run) {
    const struct tt_host *host = run->host;
    const char *name = run->args[ARG_NAME].as.text.data;
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    if (!is_host_name(name, run->args[ARG_NAME].as.text.size) && !is_ipv6(name))
        return host->fail(run, 422, "name: neither a host name nor an IP address (write other scripts as xn--...)");
    if (!find_family(run->args[ARG_FAMILY].as.text.data, &hints.ai_family))
        return host->fail(run, 422, "family: any, ipv4 or ipv6");

    struct addrinfo *found = NULL;
    int error = getaddrinfo(name, NULL, &hints, &found);
    if (error != 0)
        return fail_lookup(run, error, errno);
    bool is_written = write_answer(run, found);
    freeaddrinfo(found);
    return is_written ? TT_DONE : host->fail(run, 500, "no room for the answer (max-answer limits it)");
}

static const struct tt_param lookup_params[ARG_COUNT] = {
    [ARG_NAME] = {.name = "name",
                  .type = TT_TYPE_TEXT,
                  .is_required = true,
                  .minimum = 1,
                  .maximum = NAME_BYTES_MAX,
                  .help = "a host name or an IP address"},
    [ARG_FAMILY] = {.name = "family",
                    .type = TT_TYPE_TEXT,
                    .minimum = 1,
                    .maximum = 4,
                    .default_text = "any",
                    .help = "any, ipv4 or ipv6"},
};

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function),
     .name = "lookup",
     .help = "the addresses of a host",
     .params = lookup_params,
     .param_count = ARG_COUNT,
     .run = lookup_run},
};

TT_EXPORT const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .name = "resolve",
    .version = "1.0",
    .help = "host names to addresses, by the system's resolver",
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
};

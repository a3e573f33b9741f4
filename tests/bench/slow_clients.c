/*
 * Slow clients: connections that send, or read, a byte a second, and come back when they are closed.
 *
 * Usage: slow_clients --port PORT --way head|body|read [--clients N]
 *
 *   head  a head that never ends      body  a body that comes too slowly      read  an answer of 1 MiB that nobody takes
 *
 * Prints "open=N" when all have connected, and goes on until the end of stdin; then "returned=N": how often one came back.
 */
#include "link.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUND_US      1000000u
#define SLICES        20 /* of a round: a part of the clients each */
#define RECEIVE_BYTES 4096

static const struct way {
    const char *name;
    const char *begin;
    bool reads;
} ways[] = {
    {"head", "GET /noop HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", false},
    {"body", "POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n", false},
    {"read", "GET /big?mib=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", true},
};

static uint16_t port;
static unsigned client_count = 1000;
static const struct way *way;
static uint64_t returned_count;

static void begin(struct link *link) {
    if (link_open(link, port) != 0)
        return;
    struct pollfd connected = {.fd = link->fd, .events = POLLOUT};
    if (way->reads)
        (void)setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &(int){RECEIVE_BYTES}, sizeof(int)); /* else it takes all */
    if (poll(&connected, 1, 1000) != 1 || link_error(link) != 0 || !link_send(link, way->begin, strlen(way->begin)))
        link_close(link);
}

static void step(struct link *link) {
    char byte;
    bool is_open = link->fd >= 0;
    if (is_open) {
        ssize_t got = recv(link->fd, &byte, 1, MSG_DONTWAIT);
        is_open = got > 0 ? way->reads : got < 0 && errno == EAGAIN;
    }
    if (is_open && !way->reads)
        is_open = send(link->fd, "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
    if (is_open)
        return;
    link_close(link);
    returned_count++;
    begin(link);
}

/* Returns: false at the end of stdin. */
static bool rest(uint64_t until_us) {
    uint64_t now_us = link_clock_us();
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, now_us < until_us ? (int)((until_us - now_us) / 1000) : 0) == 0;
}

static bool read_options(int argc, char **argv) {
    static const struct option known[] = {{"port", required_argument, NULL, 'p'},
                                          {"way", required_argument, NULL, 'w'},
                                          {"clients", required_argument, NULL, 'c'},
                                          {NULL, 0, NULL, 0}};
    int choice;
    while ((choice = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (choice == 'p')
            port = (uint16_t)strtoul(optarg, NULL, 10);
        else if (choice == 'c')
            client_count = (unsigned)strtoul(optarg, NULL, 10);
        else if (choice != 'w')
            return false;
        for (size_t i = 0; choice == 'w' && i < sizeof ways / sizeof ways[0]; i++)
            if (strcmp(ways[i].name, optarg) == 0)
                way = &ways[i];
    }
    return port != 0 && way != NULL && client_count > 0;
}

int main(int argc, char **argv) {
    if (!read_options(argc, argv)) {
        fputs("usage: slow_clients --port PORT --way head|body|read [--clients N]\n", stderr);
        return 64;
    }
    struct link *links = link_raise_limit() > client_count + 16u ? calloc(client_count, sizeof *links) : NULL;
    if (links == NULL) {
        fputs("slow_clients: too many clients for this process\n", stderr);
        return 1;
    }
    unsigned open_count = 0;
    for (unsigned i = 0; i < client_count; i++) {
        begin(&links[i]);
        open_count += links[i].fd >= 0;
    }
    printf("open=%u\n", open_count);
    (void)fflush(stdout);
    uint64_t due_us = link_clock_us();
    for (unsigned slice = 0;; slice = (slice + 1) % SLICES) {
        due_us += ROUND_US / SLICES;
        if (!rest(due_us))
            break;
        for (unsigned i = slice; i < client_count; i += SLICES)
            step(&links[i]);
    }
    printf("returned=%llu\n", (unsigned long long)returned_count);
    for (unsigned i = 0; i < client_count; i++)
        link_close(&links[i]);
    free(links);
    return 0;
}

/*
 * Flood: clients that come at a fixed rate, whatever the service does (an open loop), each on a connection of its own, and
 * give up after a while; then ordinary clients, to see how soon the service is well again.
 *
 * Usage: flood --port PORT --path /PATH [--rate N] [--seconds S] [--patience-ms N] [--capacity N] [--clients N]
 *
 *   --rate         requests a second (1000)
 *   --seconds      of the flood (30)
 *   --patience-ms  after which a client closes its connection (1000)
 *   --capacity     what the service can do, in answers a second (100)
 *   --clients      ordinary ones, in a closed loop, from the end of the flood on, for 3 s (20)
 *
 * Every time counts from the moment at which the request was due, not from when it could be sent. Capacity is back
 * when 95 % of it is answered in the second that follows.
 */
#include "link.h"
#include "samples.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_MAX    512
#define AFTER_US      3000000u
#define RETRY_US      20000u
#define STEP_US       10000u
#define BACK_SHARE    0.95
#define IN_FLIGHT_MAX 16000u

struct client {
    struct link link;
    bool is_connected;
    bool is_ordinary;
    uint64_t due_us;  /* when the request was due */
    uint64_t next_us; /* an ordinary one that rests: when it goes on; 0: it doesn't */
};

static struct {
    uint16_t port;
    const char *path;
    double rate;
    uint64_t flood_us;
    uint64_t patience_us;
    double capacity;
    unsigned ordinary_count;
} options = {.rate = 1000, .flood_us = 30000000, .patience_us = 1000000, .capacity = 100, .ordinary_count = 20};

static struct {
    int epoll;
    char request[1024];
    size_t request_size;
    struct client *clients; /* a ring, in the order in which requests were due */
    size_t ring_size;
    uint64_t sent_count;  /* requests that came due */
    uint64_t ended_count; /* of those: from the ring's end */
    uint64_t gave_up_count;
    uint64_t error_count;
    struct client *ordinary;
    struct samples samples; /* of all clients */
} flood;

static bool begin(struct client *client) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};
    client->is_connected = false;
    return link_open(&client->link, options.port) == 0 &&
           epoll_ctl(flood.epoll, EPOLL_CTL_ADD, client->link.fd, &event) == 0;
}

static void fail(struct client *client) {
    flood.error_count++;
    link_close(&client->link);
    client->next_us = client->is_ordinary ? link_clock_us() + RETRY_US : 0;
}

static void ask(struct client *client, uint64_t due_us) {
    client->due_us = due_us;
    if (!link_send(&client->link, flood.request, flood.request_size))
        fail(client);
}

static void after_answer(struct client *client) {
    uint64_t now_us = link_clock_us();
    samples_add(&flood.samples, now_us, now_us - client->due_us, client->link.status);
    if (!client->is_ordinary)
        link_close(&client->link);
    else if (client->link.status == 200 && !client->link.must_close)
        ask(client, now_us);
    else {
        client->next_us = now_us + RETRY_US;
        if (client->link.must_close)
            link_close(&client->link);
    }
}

static void on_event(struct client *client, uint32_t events) {
    if (client->link.fd < 0)
        return; /* closed by an event before this one */
    if (!client->is_connected) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
            return;
        client->is_connected = true;
        if (link_error(&client->link) != 0)
            fail(client);
        else
            ask(client, client->is_ordinary ? link_clock_us() : client->due_us);
        return;
    }
    if (client->next_us != 0 || (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0)
        return;
    enum link_result result = link_read(&client->link);
    if (result == LINK_ANSWERED)
        after_answer(client);
    else if (result == LINK_GONE)
        fail(client);
}

static void wait_events(uint64_t until_us) {
    struct epoll_event events[EVENTS_MAX];
    uint64_t now_us = link_clock_us();
    int count = epoll_wait(flood.epoll, events, EVENTS_MAX, until_us > now_us ? (int)((until_us - now_us) / 1000) : 0);
    for (int i = 0; i < count; i++)
        on_event(events[i].data.ptr, events[i].events);
}

/** Those at the ring's end that were answered are forgotten, those that have waited too long leave. */
static void let_impatient_go(void) {
    uint64_t now_us = link_clock_us();
    while (flood.ended_count < flood.sent_count) {
        struct client *client = &flood.clients[flood.ended_count % flood.ring_size];
        if (client->link.fd >= 0) {
            if (client->due_us + options.patience_us > now_us)
                return;
            flood.gave_up_count++;
            link_close(&client->link);
        }
        flood.ended_count++;
    }
}

static void run_flood(uint64_t begin_us) {
    uint64_t end_us = begin_us + options.flood_us;
    for (;;) {
        uint64_t now_us = link_clock_us();
        uint64_t due_us;
        while ((due_us = begin_us + (uint64_t)((double)flood.sent_count * 1e6 / options.rate)) <= now_us &&
               due_us < end_us) {
            if (flood.sent_count - flood.ended_count == flood.ring_size)
                break; /* can't be: each leaves in time to make room */
            struct client *client = &flood.clients[flood.sent_count++ % flood.ring_size];
            *client = (struct client){.link.fd = -1, .due_us = due_us};
            if (!begin(client))
                fail(client);
        }
        if (now_us >= end_us)
            return;
        wait_events(due_us);
        let_impatient_go();
    }
}

static void run_after(uint64_t end_us) {
    for (unsigned i = 0; i < options.ordinary_count; i++) {
        flood.ordinary[i] = (struct client){.link.fd = -1, .is_ordinary = true};
        if (!begin(&flood.ordinary[i]))
            fail(&flood.ordinary[i]);
    }
    while (link_clock_us() < end_us + AFTER_US) {
        uint64_t now_us = link_clock_us();
        for (unsigned i = 0; i < options.ordinary_count; i++) {
            struct client *client = &flood.ordinary[i];
            if (client->next_us == 0 || client->next_us > now_us)
                continue;
            client->next_us = 0;
            if (client->link.fd >= 0)
                ask(client, now_us);
            else if (!begin(client))
                fail(client);
        }
        wait_events(now_us + 5000);
        let_impatient_go();
    }
}

/** How long after the end of the flood full capacity is back, in ms; -1: never. */
static double back_after_ms(uint64_t end_us) {
    double wanted = options.capacity * BACK_SHARE;
    for (uint64_t from_us = end_us; from_us + 1000000 <= end_us + AFTER_US; from_us += STEP_US)
        if ((double)samples_count(&flood.samples, 200, from_us, from_us + 1000000) >= wanted)
            return (double)(from_us - end_us) / 1e3;
    return -1;
}

static void report(uint64_t begin_us, uint64_t end_us) {
    size_t in_time_count = 0;
    size_t other_count = 0;
    for (size_t i = 0; i < flood.samples.count; i++) {
        const struct sample *sample = &flood.samples.items[i];
        in_time_count += sample->status == 200 && sample->end_us < end_us && sample->took_us <= options.patience_us;
        other_count += sample->status != 200 && sample->status != 503;
    }
    printf("sent=%llu in_time_per_second=%.2f ok_p50_ms=%.1f ok_p99_ms=%.1f refused=%zu refused_p50_ms=%.2f "
           "refused_p99_ms=%.2f others=%zu errors=%llu gave_up=%llu back_after_ms=%.0f\n",
           (unsigned long long)flood.sent_count, (double)in_time_count * 1e6 / (double)(end_us - begin_us),
           samples_quantile_ms(&flood.samples, 200, begin_us, end_us, 0.5),
           samples_quantile_ms(&flood.samples, 200, begin_us, end_us, 0.99),
           samples_count(&flood.samples, 503, begin_us, end_us),
           samples_quantile_ms(&flood.samples, 503, begin_us, end_us, 0.5),
           samples_quantile_ms(&flood.samples, 503, begin_us, end_us, 0.99), other_count,
           (unsigned long long)flood.error_count, (unsigned long long)flood.gave_up_count, back_after_ms(end_us));
}

static bool read_options(int argc, char **argv) {
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},        {"path", required_argument, NULL, 'u'},
        {"rate", required_argument, NULL, 'r'},        {"seconds", required_argument, NULL, 's'},
        {"patience-ms", required_argument, NULL, 'g'}, {"capacity", required_argument, NULL, 'a'},
        {"clients", required_argument, NULL, 'c'},     {NULL, 0, NULL, 0},
    };
    int choice;
    while ((choice = getopt_long(argc, argv, "", known, NULL)) != -1) {
        double number = optarg != NULL ? strtod(optarg, NULL) : 0;
        if (choice == '?' || number < 0 || number > 1e6)
            return false;
        switch (choice) {
        case 'p':
            options.port = number < 65536 ? (uint16_t)number : 0;
            break;
        case 'u':
            options.path = optarg;
            break;
        case 'r':
            options.rate = number;
            break;
        case 's':
            options.flood_us = (uint64_t)(number * 1e6);
            break;
        case 'g':
            options.patience_us = (uint64_t)(number * 1e3);
            break;
        case 'a':
            options.capacity = number;
            break;
        default:
            options.ordinary_count = (unsigned)number;
        }
    }
    return optind == argc && options.port != 0 && options.path != NULL && options.rate > 0 && options.flood_us > 0 &&
           options.ordinary_count > 0;
}

static int run(void) {
    uint64_t begin_us = link_clock_us();
    run_flood(begin_us);
    uint64_t end_us = begin_us + options.flood_us;
    run_after(end_us);
    report(begin_us, end_us);
    return 0;
}

int main(int argc, char **argv) {
    int size = 0;
    if (read_options(argc, argv))
        size = snprintf(flood.request, sizeof flood.request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
                        options.path, options.port);
    if (size <= 0 || (size_t)size >= sizeof flood.request) {
        fputs("usage: flood --port PORT --path /PATH [--rate N] [--seconds S] [--patience-ms N] [--capacity N] "
              "[--clients N]\n",
              stderr);
        return 64;
    }
    flood.request_size = (size_t)size;
    flood.ring_size = (size_t)(options.rate * (double)options.patience_us / 1e6 * 1.5) + 64;
    if (flood.ring_size > IN_FLIGHT_MAX || link_raise_limit() < flood.ring_size + options.ordinary_count + 16) {
        fprintf(stderr, "flood: %zu clients at a time are too many here\n", flood.ring_size);
        return 1;
    }
    flood.clients = calloc(flood.ring_size, sizeof *flood.clients);
    flood.ordinary = calloc(options.ordinary_count, sizeof *flood.ordinary);
    flood.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (flood.clients == NULL || flood.ordinary == NULL || flood.epoll < 0) {
        fprintf(stderr, "flood: can't begin: %s\n", strerrordesc_np(errno));
        return 1;
    }
    int status = run();
    (void)close(flood.epoll); /* the process ends, and with it all connections */
    free(flood.clients);
    free(flood.ordinary);
    samples_deinit(&flood.samples);
    return status;
}

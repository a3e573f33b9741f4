/*
 * Load: clients that ask again as soon as they have their answer (a closed loop), and what they got. With --rate requests
 * come at their times, whatever the service does (an open loop), on whichever connection is free.
 *
 * Usage: load --port PORT --path /PATH [--clients N] [--warmup SECONDS] [--seconds SECONDS] [--pause-ms N] [--rate N]
 *             [--server PID] [--hold]
 *
 *   --clients    connections, each with one request at a time (1)
 *   --warmup     nothing is counted before (0.6)
 *   --seconds    the window that is counted (3)
 *   --pause-ms   each client rests between answer and request (0)
 *   --rate       requests a second of all clients together; times count from the moment at which a request was due, and
 *                p99_ms=-1 says that more than 1 % of them have no answer yet
 *   --server     also prints what that process used: CPU seconds for 10,000 answers, and cores: its own, the load's,
 *                those of others, those that the host took away; from the end of the warm-up to the end of the window
 *   --hold       each client asks once and stays; prints "held=N", waits for the end of stdin, prints "alive=N"
 *
 * Calls that start together end together, in batches. The window begins in the longest pause of the 0.6 s after the
 * warm-up, so that no batch is cut in two, and a window of whole periods counts whole batches: 10.0 a second is 10.0.
 */
#include "link.h"
#include "meter.h"
#include "samples.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define ALIGN_US       600000u
#define RETRY_US       100000u
#define CONNECTING_MAX 512u
#define EVENTS_MAX     512
#define HOLD_US        30000000u /* for all connections of --hold together */
#define LATE_SHARE     0.01      /* of an open loop's requests may have no answer */

enum client_state { CLIENT_NEW, CLIENT_CONNECTING, CLIENT_WAITING, CLIENT_RESTING, CLIENT_READY, CLIENT_HELD };

struct client {
    struct link link;
    enum client_state state;
    uint64_t sent_us;
    uint64_t due_us; /* CLIENT_RESTING: when it goes on */
};

static struct {
    uint16_t port;
    const char *path;
    unsigned client_count;
    uint64_t warmup_us;
    uint64_t window_us;
    uint64_t pause_us;
    double rate; /* 0: a closed loop */
    pid_t server;
    bool holds;
} options = {.client_count = 1, .warmup_us = 600000, .window_us = 3000000};

static struct {
    int epoll;
    struct client *clients;
    unsigned opened_count;
    unsigned connecting_count;
    unsigned resting_count;
    unsigned held_count;
    uint64_t error_count;
    struct client *
        *ready; /* a ring: those of an open loop that have nothing to do; the one that rests longest is next */
    uint64_t ready_count;
    uint64_t asked_count; /* requests of the open loop that went out: the next one is due at asked_count / rate */
    uint64_t begin_us;    /* when its first one was due */
    char request[1024];
    size_t request_size;
    struct samples samples;
} load;

static void rest(struct client *client, uint64_t delay_us) {
    client->state = CLIENT_RESTING;
    client->due_us = link_clock_us() + delay_us;
    load.resting_count++;
}

static void fail(struct client *client) {
    load.error_count++;
    link_close(&client->link);
    rest(client, RETRY_US);
}

static void ask(struct client *client, uint64_t due_us) {
    client->sent_us = due_us;
    client->state = CLIENT_WAITING;
    if (!link_send(&client->link, load.request, load.request_size))
        fail(client);
}

static bool is_open_loop(void) {
    return options.rate > 0;
}

/** An open loop's client goes to the end of the ring; others ask. */
static void go_on(struct client *client, uint64_t now_us) {
    if (!is_open_loop()) {
        ask(client, now_us);
        return;
    }
    client->state = CLIENT_READY;
    load.ready[(load.asked_count + load.ready_count++) % options.client_count] = client;
}

static uint64_t next_due_us(void) {
    return load.begin_us + (uint64_t)((double)load.asked_count * 1e6 / options.rate);
}

/** Sends what is due, as long as a client is free. */
static void ask_due(void) {
    uint64_t now_us = link_clock_us();
    while (load.ready_count > 0 && next_due_us() <= now_us) {
        uint64_t due_us = next_due_us();
        struct client *client = load.ready[load.asked_count % options.client_count];
        load.ready_count--;
        load.asked_count++;
        ask(client, due_us);
    }
}

static void begin(struct client *client) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};
    if (link_open(&client->link, options.port) != 0 ||
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, client->link.fd, &event) != 0) {
        fail(client);
        return;
    }
    client->state = CLIENT_CONNECTING;
    load.connecting_count++;
}

static void after_answer(struct client *client) {
    uint64_t now_us = link_clock_us();
    samples_add(&load.samples, now_us, now_us - client->sent_us, client->link.status);
    if (options.holds) {
        client->state = CLIENT_HELD;
        load.held_count++;
        return;
    }
    if (client->link.must_close)
        link_close(&client->link);
    if (options.pause_us > 0)
        rest(client, options.pause_us);
    else if (client->link.fd < 0)
        begin(client);
    else
        go_on(client, now_us);
}

static void on_event(struct client *client, uint32_t events) {
    if (client->state == CLIENT_CONNECTING) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0)
            return;
        load.connecting_count--;
        if (link_error(&client->link) != 0)
            fail(client);
        else
            go_on(client, link_clock_us());
        return;
    }
    if (client->state != CLIENT_WAITING || (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0)
        return;
    switch (link_read(&client->link)) {
    case LINK_MORE:
        return;
    case LINK_ANSWERED:
        after_answer(client);
        return;
    case LINK_GONE:
        fail(client);
        return;
    }
}

/** Lets those go on whose rest is over. Returns: microseconds until the next one, 100,000 at most. */
static uint64_t wake_resting(void) {
    uint64_t now_us = link_clock_us();
    uint64_t next_us = now_us + 100000;
    for (unsigned i = 0; load.resting_count > 0 && i < options.client_count; i++) {
        struct client *client = &load.clients[i];
        if (client->state != CLIENT_RESTING)
            continue;
        if (client->due_us > now_us) {
            next_us = client->due_us < next_us ? client->due_us : next_us;
            continue;
        }
        load.resting_count--;
        if (client->link.fd < 0)
            begin(client);
        else
            go_on(client, now_us);
    }
    return next_us - now_us;
}

static void turn(void) {
    struct epoll_event events[EVENTS_MAX];
    while (load.opened_count < options.client_count && load.connecting_count < CONNECTING_MAX)
        begin(&load.clients[load.opened_count++]);
    uint64_t wait_us = wake_resting();
    if (is_open_loop()) {
        ask_due();
        uint64_t now_us = link_clock_us();
        uint64_t due_us = next_due_us();
        if (load.ready_count > 0 && due_us < now_us + wait_us)
            wait_us = due_us > now_us ? due_us - now_us : 0;
    }
    struct timespec wait = {.tv_nsec = (long)wait_us * 1000};
    int count = epoll_pwait2(load.epoll, events, EVENTS_MAX, &wait, NULL);
    for (int i = 0; i < count; i++)
        on_event(events[i].data.ptr, events[i].events);
}

/** Whether more of the open loop's requests than LATE_SHARE were due by then and have no answer. */
static bool is_late(size_t answer_count, uint64_t end_us) {
    double due_count = (double)(end_us - load.begin_us) * options.rate / 1e6;
    return is_open_loop() && due_count - (double)answer_count > LATE_SHARE * due_count + 1;
}

static void report(uint64_t begin_us, uint64_t end_us) {
    size_t all = 0;
    for (size_t i = 0; i < load.samples.count; i++)
        all += load.samples.items[i].end_us >= begin_us && load.samples.items[i].end_us < end_us;
    size_t count = samples_count(&load.samples, 200, begin_us, end_us);
    double p99_ms = samples_quantile_ms(&load.samples, 200, begin_us, end_us, 0.99);
    printf("answers=%zu per_second=%.2f p50_ms=%.3f p99_ms=%.3f others=%zu errors=%llu", count,
           (double)count * 1e6 / (double)(end_us - begin_us),
           samples_quantile_ms(&load.samples, 200, begin_us, end_us, 0.5),
           is_late(load.samples.count, end_us) ? -1 : p99_ms, all - count, (unsigned long long)load.error_count);
}

/** A span of the meter, in which so many answers came, as further figures of the line. */
static void report_meter(const struct meter *before, const struct meter *after, size_t answer_count) {
    struct meter span = meter_span(before, after);
    printf(" cpu_s_per_10k=%.4f server_cores=%.3f load_cores=%.3f foreign_cores=%.2f stolen_cores=%.2f",
           answer_count > 0 ? span.server_s * 1e4 / (double)answer_count : -1, span.server_s / span.at_s,
           span.own_s / span.at_s, span.busy_s > 0 ? span.busy_s / span.at_s : 0, span.stolen_s / span.at_s);
}

static void run_until(uint64_t until_us) {
    while (link_clock_us() < until_us)
        turn();
}

static int run_window(void) {
    struct meter before;
    struct meter after;
    load.begin_us = link_clock_us();
    uint64_t from_us = load.begin_us + options.warmup_us;
    uint64_t until_us = from_us + ALIGN_US + options.window_us;
    run_until(from_us);
    bool is_metered = options.server > 0 && meter_read(&before, options.server);
    size_t answers_before = load.samples.count;
    run_until(until_us);
    is_metered = is_metered && meter_read(&after, options.server);
    size_t answer_count = load.samples.count - answers_before;
    uint64_t begin_us = samples_pause_us(&load.samples, from_us, from_us + ALIGN_US);
    report(begin_us, begin_us + options.window_us);
    if (is_metered)
        report_meter(&before, &after, answer_count);
    printf("\n");
    return options.server > 0 && !is_metered ? 1 : 0;
}

static int run_hold(void) {
    uint64_t until_us = link_clock_us() + HOLD_US;
    while (load.held_count < options.client_count && link_clock_us() < until_us)
        turn();
    printf("held=%u errors=%llu\n", load.held_count, (unsigned long long)load.error_count);
    (void)fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    unsigned alive_count = 0;
    for (unsigned i = 0; i < options.client_count; i++)
        alive_count += load.clients[i].state == CLIENT_HELD && link_read(&load.clients[i].link) == LINK_MORE;
    printf("alive=%u\n", alive_count);
    return load.held_count == options.client_count ? 0 : 1;
}

static int usage(void) {
    fputs("usage: load --port PORT --path /PATH [--clients N] [--warmup S] [--seconds S] [--pause-ms N] [--rate N] "
          "[--server PID] [--hold]\n",
          stderr);
    return 64;
}

static bool read_options(int argc, char **argv) {
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},    {"path", required_argument, NULL, 'u'},
        {"clients", required_argument, NULL, 'c'}, {"warmup", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 's'}, {"pause-ms", required_argument, NULL, 'r'},
        {"rate", required_argument, NULL, 'o'},    {"server", required_argument, NULL, 'm'},
        {"hold", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int choice;
    while ((choice = getopt_long(argc, argv, "", known, NULL)) != -1) {
        double number = optarg != NULL ? strtod(optarg, NULL) : 0;
        if (choice == '?' || number < 0 || number > (choice == 'm' ? INT_MAX : 1e6))
            return false;
        switch (choice) {
        case 'p':
            options.port = number < 65536 ? (uint16_t)number : 0;
            break;
        case 'u':
            options.path = optarg;
            break;
        case 'c':
            options.client_count = (unsigned)number;
            break;
        case 'w':
            options.warmup_us = (uint64_t)(number * 1e6);
            break;
        case 's':
            options.window_us = (uint64_t)(number * 1e6);
            break;
        case 'r':
            options.pause_us = (uint64_t)(number * 1e3);
            break;
        case 'o':
            options.rate = number;
            break;
        case 'm':
            options.server = (pid_t)number;
            break;
        default:
            options.holds = true;
        }
    }
    return optind == argc && options.port != 0 && options.path != NULL && options.client_count > 0 &&
           options.window_us > 0 && !(options.holds && is_open_loop());
}

int main(int argc, char **argv) {
    if (!read_options(argc, argv))
        return usage();
    int size = snprintf(load.request, sizeof load.request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
                        options.path, options.port);
    if (size < 0 || (size_t)size >= sizeof load.request)
        return usage();
    load.request_size = (size_t)size;
    if (link_raise_limit() < options.client_count + 16u) {
        fprintf(stderr, "load: %u clients need more descriptors than this process may have\n", options.client_count);
        return 1;
    }
    load.clients = calloc(options.client_count, sizeof *load.clients);
    load.ready = calloc(options.client_count, sizeof(struct client *));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.clients == NULL || load.ready == NULL || load.epoll < 0) {
        fprintf(stderr, "load: can't begin: %s\n", strerrordesc_np(errno));
        return 1;
    }
    (void)prctl(PR_SET_TIMERSLACK, 1000UL); /* 1 us: else an open loop is 50 us late; it works without, too */
    int status = options.holds ? run_hold() : run_window();
    for (unsigned i = 0; i < load.opened_count; i++)
        link_close(&load.clients[i].link);
    (void)close(load.epoll); /* the process ends */
    free(load.ready);
    free(load.clients);
    samples_deinit(&load.samples);
    return status;
}

/*
 * Footprint: what an answer and a body in pieces cost in memory, at any time while they are on their way.
 *
 * 64 MiB each; with FOOTPRINT_MIB in the environment as many as that says.
 */
#include "../support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB         ((size_t)1024 * 1024)
#define PIECE_BYTES (64 * (size_t)1024)
#define PERIOD      251
#define MOST_BYTES  MIB /* beyond what the service had before */

static size_t wanted_mib(void) {
    const char *text = getenv("FOOTPRINT_MIB");
    return text != NULL ? strtoul(text, NULL, 10) : 64;
}

/** One of each before: what is loaded and allocated for good is there. */
static size_t warm_up(const struct server *server) {
    struct response response = server_get(server, "/stream?mib=4&sized=true");
    ck_assert_uint_eq(response.body_size, 4 * MIB);
    response_free(&response);
    return server_resident_bytes(server);
}

static void look(const struct server *server, size_t before) {
#if !defined __SANITIZE_THREAD__ && !defined __SANITIZE_ADDRESS__
    size_t now = server_resident_bytes(server);
    ck_assert_msg(now < before + MOST_BYTES, "%zu KiB more than before", (now - before) / 1024);
#else
    (void)server; /* a sanitizer has a memory of its own */
    (void)before;
#endif
}

START_TEST(download_costs_less_than_a_mib_at_any_time) {
    struct server server = SERVER_DEMO("--set", "call.stream.timeout=1h");
    size_t before = warm_up(&server);
    uint64_t size = (uint64_t)wanted_mib() * MIB;
    char *piece = malloc(PIECE_BYTES);
    ck_assert_ptr_nonnull(piece);
    int fd = client_connect(server.port);
    client_format(fd, "GET /stream?mib=%zu&sized=true HTTP/1.1\r\nHost: t\r\n\r\n", wanted_mib());
    struct response head = response_read_head(fd);
    ck_assert_int_eq(head.status, 200);
    response_free(&head);
    for (uint64_t offset = 0; offset < size;) {
        ssize_t got = recv(fd, piece, PIECE_BYTES, 0);
        ck_assert_int_gt(got, 0);
        for (ssize_t i = 0; i < got; i++)
            if ((unsigned char)piece[i] != (offset % (64 * PERIOD) + (uint64_t)i) % PERIOD)
                ck_abort_msg("a wrong byte");
        if (offset / MIB != (offset + (uint64_t)got) / MIB)
            look(&server, before);
        offset += (uint64_t)got;
    }
    free(piece);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(upload_costs_less_than_a_mib_at_any_time) {
    char expected[64];
    struct server server = SERVER_DEMO("--set", "call.upload.timeout=1h");
    size_t before = warm_up(&server);
    uint64_t size = (uint64_t)wanted_mib() * MIB;
    char *piece = calloc(1, PIECE_BYTES);
    ck_assert_ptr_nonnull(piece);
    int fd = client_connect(server.port);
    client_format(fd, "POST /upload HTTP/1.1\r\nHost: t\r\nContent-Length: %llu\r\n\r\n", (unsigned long long)size);
    for (uint64_t offset = 0; offset < size; offset += PIECE_BYTES) {
        client_send(fd, piece, PIECE_BYTES);
        if (offset % MIB == 0)
            look(&server, before);
    }
    free(piece);
    struct response response = response_read(fd);
    ck_assert_int_eq(response.status, 200);
    (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)size);
    ck_assert_str_eq(response_member(&response, "bytes"), expected);
    response_free(&response);
    look(&server, before);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        download_costs_less_than_a_mib_at_any_time,
        upload_costs_less_than_a_mib_at_any_time,
    };
    return suite_run("footprint", tests, sizeof tests / sizeof *tests);
}

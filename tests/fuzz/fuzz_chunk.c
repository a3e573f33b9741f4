/*
 * Fuzz chunk: the input as a chunked body, whole and in pieces.
 *
 * Whatever the input, all ways agree; what is accepted is a body that, put into chunks again, comes out the same; and no
 * more is taken than the limits allow.
 */
#include "tests/server/http/splits.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_right, const char *what) {
    if (is_right)
        return;
    (void)fprintf(stderr, "fuzz_chunk: %s\n", what);
    abort();
}

/* One chunk with the whole body must decode to it. */
static void check_again(const struct splits_body *body) {
    size_t room = body->size + 64;
    char *chunks = malloc(room);
    require(chunks != NULL, "no memory");
    int head = body->size > 0 ? snprintf(chunks, room, "%zx;a=\"b\"\r\n", body->size) : 0;
    size_t size = (size_t)head;
    memcpy(chunks + size, body->data, body->size);
    size += body->size;
    size += (size_t)snprintf(chunks + size, room - size, "%s0\r\n\r\n", body->size > 0 ? "\r\n" : "");
    struct splits_body again = splits_decode(chunks, size, size, size);
    require(again.result == CHUNK_DONE && again.used == size, "a right body is not done");
    require(again.size == body->size && memcmp(again.data, body->data, body->size) == 0, "another body");
    free(again.data);
    free(chunks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    struct splits_body body;
    size_t first = size > 0 ? (data[size / 2] * 31u + data[size - 1]) % (size + 1) : 0;
    const size_t ways[][2] = {{first, 0}, {1, 1}, {first, 5}};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        const char *difference = splits_chunk(bytes, size, ways[i][0], ways[i][1], &body);
        require(difference == NULL, difference);
        require(body.used <= size && body.size <= body.used, "a body out of nothing");
        if (body.result == CHUNK_DONE) {
            require(body.used >= 5 && memcmp(bytes + body.used - 2, "\r\n", 2) == 0, "a body without its end");
            if (i == 0)
                check_again(&body);
        }
        require(body.result != CHUNK_MORE || body.used == size, "waits for more without having looked at all");
        free(body.data);
    }
    return 0;
}

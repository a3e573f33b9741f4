/*
 * Fuzz proxy: the input as what a client sends first where a PROXY header is expected.
 *
 * Whatever the input, it is decided at one byte, the same one however the bytes come, and never more than 4 KiB are waited
 * for. Built with libFuzzer by the preset `fuzz`; check_corpus.c runs the corpus under any compiler.
 */
#include "server/http/proxy.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_right, const char *what) {
    if (is_right)
        return;
    (void)fprintf(stderr, "fuzz_proxy: %s\n", what);
    abort();
}

static bool is_same(const struct proxy *left, const struct proxy *right) {
    return left->size == right->size && left->reason == right->reason && left->client.family == right->client.family &&
           left->client.port == right->client.port &&
           memcmp(left->client.address, right->client.address, sizeof left->client.address) == 0;
}

static void check_done(const struct proxy *proxy, size_t size) {
    char text[PEER_TEXT_MAX];
    require(proxy->reason == NULL, "done with a reason");
    require(proxy->size <= size && proxy->size <= PROXY_HEADER_MAX && proxy->size >= 15,
            "a header of an impossible size");
    peer_write(&proxy->client, text);
    require(strnlen(text, sizeof text) < sizeof text, "a client without an end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    struct proxy whole;
    struct proxy part;
    enum proxy_result result = proxy_parse(bytes, size, &whole);
    require(result != PROXY_MORE || size < PROXY_HEADER_MAX, "waits for more than 4 KiB");
    if (result == PROXY_DONE)
        check_done(&whole, size);
    require(result != PROXY_REFUSED || whole.reason != NULL, "refused without a reason");
    bool is_decided = false;
    for (size_t i = 0; i <= size && i <= PROXY_HEADER_MAX && !is_decided; i++) {
        enum proxy_result at = proxy_parse(bytes, i, &part);
        is_decided = at != PROXY_MORE;
        require(at == PROXY_MORE || (at == result && is_same(&part, &whole)), "the split makes a difference");
        require(at != PROXY_DONE || part.size == i, "done too late");
    }
    require(is_decided == (result != PROXY_MORE), "decided by the whole alone");
    return 0;
}

/**
 * Pieces: calls that answer and read in pieces, and stop where a test wants them to.
 *
 * Between two parts they stand in open(2) of a FIFO, as gate.c does. What they hear from the host in the end goes into the
 * log: `said=closed`.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/module.h>
#include <unistd.h>

#define PIECE_BYTES 8192
#define PERIOD      251 /* as in the demo's /big: the byte at offset i is i % 251 */

enum param { PARAM_BEFORE, PARAM_AFTER, PARAM_SIZE, PARAM_STATUS, PARAM_GATED, PARAM_FAILS };

static void wait_at(const char *fifo) {
    int fd;
    do
        fd = open(fifo, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd >= 0)
        (void)close(fd); /* nothing was read */
}

static void tell(struct tt_run *run, const char *what, uint64_t bytes, enum tt_status status) {
    char text[128];
    (void)snprintf(text, sizeof text, "%s bytes=%" PRIu64 " said=%s abandoned=%d", what, bytes, tt_status_name(status),
                   run->host->is_abandoned(run));
    run->host->log(TT_LOG_NOTICE, text);
}

/* Writes the bytes from offset to end. */
static enum tt_status send_part(struct tt_run *run, int64_t *offset, int64_t end) {
    enum tt_status status = TT_OK;
    char piece[PIECE_BYTES];
    while (*offset < end && status == TT_OK) {
        size_t size = end - *offset < PIECE_BYTES ? (size_t)(end - *offset) : PIECE_BYTES;
        for (size_t i = 0; i < size; i++)
            piece[i] = (char)(((uint64_t)*offset + i) % PERIOD);
        status = run->host->write(run, piece, size);
        if (status == TT_OK)
            *offset += (int64_t)size;
    }
    return status;
}

static enum tt_outcome send_run(struct tt_run *run) {
    const struct tt_host *host = run->host;
    const struct tt_value *args = run->args;
    int64_t offset = 0;
    int64_t size = args[PARAM_SIZE].as.integer;
    if (host->set_status(run, (int)args[PARAM_STATUS].as.integer) != TT_OK)
        return host->fail(run, 500, "no such status");
    host->set_type(run, "application/octet-stream");
    enum tt_status status = host->begin(run, size < 0 ? TT_SIZE_UNKNOWN : (uint64_t)size);
    if (status == TT_OK)
        status = send_part(run, &offset, args[PARAM_BEFORE].as.integer);
    if (args[PARAM_GATED].as.boolean)
        wait_at(run->call);
    if (status == TT_OK)
        status = send_part(run, &offset, offset + args[PARAM_AFTER].as.integer);
    tell(run, "sent", (uint64_t)offset, status);
    if (args[PARAM_FAILS].as.boolean)
        return host->fail(run, 500, "it was told to \"fail\"");
    return TT_DONE;
}

static enum tt_outcome take_run(struct tt_run *run) {
    const struct tt_host *host = run->host;
    char piece[PIECE_BYTES];
    int64_t limit = run->args[0].as.integer;
    uint64_t total = 0;
    size_t size = 1;
    enum tt_status status = TT_OK;
    if (run->args[1].as.boolean)
        wait_at(run->call);
    while (status == TT_OK && size > 0 && (limit < 0 || total < (uint64_t)limit)) {
        status = host->read(run, piece, sizeof piece, &size);
        if (status == TT_OK)
            total += size;
    }
    if (run->args[2].as.boolean)
        wait_at(run->call);
    tell(run, "took", total, status);
    char text[64];
    int length = snprintf(text, sizeof text, "{\"bytes\":%" PRIu64 "}\n", total);
    return host->write(run, text, (size_t)length) == TT_OK ? TT_DONE : host->fail(run, 500, "no room");
}

/* Gives back what comes, while it comes. */
static enum tt_outcome mirror_run(struct tt_run *run) {
    const struct tt_host *host = run->host;
    char piece[PIECE_BYTES];
    size_t size = 0;
    host->set_type(run, "application/octet-stream");
    enum tt_status status = host->begin(run, run->body_total);
    while (status == TT_OK && (status = host->read(run, piece, sizeof piece, &size)) == TT_OK && size > 0)
        status = host->write(run, piece, size);
    tell(run, "mirrored", run->body_total == TT_SIZE_UNKNOWN ? 0 : run->body_total, status);
    return TT_DONE;
}

static enum tt_status prepare(const struct tt_host *host, struct tt_setup *setup, void *module, void **ret_call) {
    (void)module;
    const char *fifo = host->setting_path(setup, "fifo");
    *ret_call = (void *)(uintptr_t)fifo; /* lent until finish */
    return TT_OK;
}

static const struct tt_setting fifo_setting = {.key = "fifo", .is_required = true, .help = "where to wait"};

static const struct tt_param send_params[] = {
    [PARAM_BEFORE] = {.name = "before", .type = TT_TYPE_INTEGER, .default_text = "0"},
    [PARAM_AFTER] = {.name = "after", .type = TT_TYPE_INTEGER, .default_text = "0"},
    [PARAM_SIZE] = {.name = "size", .type = TT_TYPE_INTEGER, .default_text = "-1"},
    [PARAM_STATUS] = {.name = "status", .type = TT_TYPE_INTEGER, .default_text = "200"},
    [PARAM_GATED] = {.name = "gated", .type = TT_TYPE_BOOLEAN, .default_text = "false"},
    [PARAM_FAILS] = {.name = "fails", .type = TT_TYPE_BOOLEAN, .default_text = "false"},
};

static const struct tt_param take_params[] = {
    {.name = "limit", .type = TT_TYPE_INTEGER, .default_text = "-1"},
    {.name = "gated", .type = TT_TYPE_BOOLEAN, .default_text = "false"},
    {.name = "held", .type = TT_TYPE_BOOLEAN, .default_text = "false"},
};

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function),
     .name = "send",
     .help = "answers in pieces",
     .params = send_params,
     .param_count = sizeof send_params / sizeof send_params[0],
     .settings = &fifo_setting,
     .setting_count = 1,
     .prepare = prepare,
     .run = send_run},
    {.size = sizeof(struct tt_function),
     .name = "take",
     .help = "reads its body in pieces",
     .params = take_params,
     .param_count = sizeof take_params / sizeof take_params[0],
     .settings = &fifo_setting,
     .setting_count = 1,
     .streams_body = true,
     .prepare = prepare,
     .run = take_run},
    {.size = sizeof(struct tt_function),
     .name = "mirror",
     .help = "both at once",
     .settings = &fifo_setting,
     .setting_count = 1,
     .streams_body = true,
     .prepare = prepare,
     .run = mirror_run},
};

TT_EXPORT const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .name = "pieces",
    .version = "1.0",
    .help = "streams that a test holds in its hand",
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
};

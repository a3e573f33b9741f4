/**
 * Demo: small functions that show, one by one, what a blocking call does to a service, and what a pool does for it.
 *
 * They are also what the benchmarks call, so their answers are as short as those of the programs we compare with:
 * {"ok":true,"ms":N} or {"ok":true}, and a line feed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <tothread/module.h>
#include <unistd.h>

#define MS_MAX           60000
#define FILE_BYTES_MAX   (1024 * 1024)
#define FILE_PIECE_BYTES 16384
#define BYTES_PER_MIB    ((size_t)1024 * 1024)
#define BIG_PERIOD       251 /* a prime: a lost or doubled piece of any usual size shifts the pattern and shows */
#define PIECE_BYTES      ((size_t)64 * BIG_PERIOD)

struct pause_call {
    int64_t ms;
};

struct file_call {
    const char *path; /* lent by the host until finish */
};

static enum tt_outcome answer_text(struct tt_run *run, const char *text, size_t size) {
    if (run->host->write(run, text, size) != TT_OK)
        return run->host->fail(run, 500, "no room for the answer (max-answer limits it)");
    return TT_DONE;
}

static enum tt_outcome answer_ms(struct tt_run *run, int64_t ms) {
    char text[64];
    int size = snprintf(text, sizeof text, "{\"ok\":true,\"ms\":%" PRId64 "}\n", ms);
    return answer_text(run, text, (size_t)size);
}

/* Blocks the calling thread, whichever that is, and can't be told to stop: what the worst of legacy calls do. */
static enum tt_outcome block(struct tt_run *run, int64_t ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        if (errno != EINTR)
            return run->host->fail(run, 500, "nanosleep refused %" PRId64 " ms", ms);
    return answer_ms(run, ms);
}

static uint64_t thread_cpu_us(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return UINT64_MAX; /* ends the spin */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Some 20 us of work that the compiler can't drop. */
static uint32_t spin(uint32_t seed) {
    for (int i = 0; i < 20000; i++)
        seed = seed * 1664525u + 1013904223u;
    return seed;
}

/* Fills all of data with 0, 1, ... 250, 0, 1, ...: the byte at offset i is i % BIG_PERIOD. */
static void fill_pattern(unsigned char *data, size_t size) {
    size_t filled = size < BIG_PERIOD ? size : BIG_PERIOD;
    for (size_t i = 0; i < filled; i++)
        data[i] = (unsigned char)i;
    while (filled < size) {
        size_t more = filled < size - filled ? filled : size - filled;
        memcpy(data + filled, data, more);
        filled += more;
    }
}

/* Only constants may become an answer's media type, and nobody chooses text/html for us. */
static const char *echo_type(const char *type) {
    static const char *const known[] = {"text/plain", "application/json"};
    size_t size = type == NULL ? 0 : strcspn(type, "; \t");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i]) == size && strncasecmp(known[i], type, size) == 0)
            return known[i];
    return "application/octet-stream";
}

static enum tt_outcome to_thread_run(struct tt_run *run) {
    return block(run, run->args[0].as.integer);
}

static enum tt_outcome async_run(struct tt_run *run) {
    int64_t ms = run->args[0].as.integer;
    enum tt_outcome outcome = answer_ms(run, ms);
    return outcome == TT_DONE ? run->host->finish_later(run, (uint64_t)ms * 1000) : outcome;
}

static enum tt_outcome noop_run(struct tt_run *run) {
    static const char text[] = "{\"ok\":true,\"ms\":0}\n";
    return answer_text(run, text, sizeof text - 1);
}

static enum tt_outcome inline_run(struct tt_run *run) {
    static const char text[] = "{\"ok\":true}\n";
    return answer_text(run, text, sizeof text - 1);
}

static enum tt_outcome pause_run(struct tt_run *run) {
    const struct pause_call *call = run->call;
    return block(run, call->ms);
}

static enum tt_outcome cpu_run(struct tt_run *run) {
    int64_t ms = run->args[0].as.integer;
    uint64_t end_us = thread_cpu_us() + (uint64_t)ms * 1000;
    uint32_t value = 1;
    while (thread_cpu_us() < end_us) {
        value = spin(value);
        if (run->host->is_abandoned(run))
            return run->host->fail(run, 503, "stopped, as nobody waits any more");
    }
    __asm__ volatile("" : : "r"(value)); /* keeps the work */
    return answer_ms(run, ms);
}

static enum tt_outcome echo_run(struct tt_run *run) {
    run->host->set_type(run, echo_type(run->body_type));
    return run->body_size == 0 ? TT_DONE : answer_text(run, run->body, run->body_size);
}

static enum tt_outcome big_run(struct tt_run *run) {
    size_t size = (size_t)run->args[0].as.integer * BYTES_PER_MIB;
    unsigned char *data = run->host->reserve(run, size);
    if (data == NULL)
        return run->host->fail(run, 500, "no room for an answer of %zu bytes (max-answer limits it)", size);
    fill_pattern(data, size);
    run->host->set_type(run, "application/octet-stream");
    return TT_DONE;
}

/* The same bytes in pieces: it has one piece of them at a time, however many there are. */
static enum tt_outcome stream_run(struct tt_run *run) {
    unsigned char piece[PIECE_BYTES];
    uint64_t left = (uint64_t)run->args[0].as.integer * BYTES_PER_MIB;
    fill_pattern(piece, sizeof piece);
    run->host->set_type(run, "application/octet-stream");
    enum tt_status status = run->host->begin(run, run->args[1].as.boolean ? left : TT_SIZE_UNKNOWN);
    for (; left > 0 && status == TT_OK; left -= left < sizeof piece ? left : sizeof piece)
        status = run->host->write(run, piece, left < sizeof piece ? (size_t)left : sizeof piece);
    return status == TT_OK ? TT_DONE : run->host->fail(run, 500, "no room for the answer");
}

/* What comes is counted and summed (FNV-1a), never kept. */
static enum tt_outcome upload_run(struct tt_run *run) {
    unsigned char piece[PIECE_BYTES];
    uint64_t total = 0;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t size = 0;
    enum tt_status status;
    while ((status = run->host->read(run, piece, sizeof piece, &size)) == TT_OK && size > 0) {
        for (size_t i = 0; i < size; i++)
            hash = (hash ^ piece[i]) * UINT64_C(0x100000001b3);
        total += size;
    }
    if (status != TT_OK)
        return run->host->fail(run, 500, "the body broke off after %" PRIu64 " bytes", total);
    char text[96];
    int length = snprintf(text, sizeof text, "{\"bytes\":%" PRIu64 ",\"fnv1a\":\"%016" PRIx64 "\"}\n", total, hash);
    return answer_text(run, text, (size_t)length);
}

/* A short read of a regular file is its end: a small file costs one. */
static enum tt_outcome file_answer(struct tt_run *run, int fd) {
    char piece[FILE_PIECE_BYTES];
    ssize_t got;
    do {
        got = read(fd, piece, sizeof piece);
        if (got < 0 && errno != EINTR)
            return run->host->fail(run, 500, "can't read the file: %s", strerrordesc_np(errno));
        if (got > 0 && run->host->write(run, piece, (size_t)got) != TT_OK)
            return run->host->fail(run, 500, "the file is bigger than an answer may be (max-answer limits it)");
    } while (got < 0 || (size_t)got == sizeof piece);
    return TT_DONE;
}

static enum tt_outcome file_run(struct tt_run *run) {
    const struct file_call *call = run->call;
    int fd = open(call->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return run->host->fail(run, 500, "can't open the file: %s", strerrordesc_np(errno));
    run->host->set_type(run, "application/octet-stream");
    enum tt_outcome outcome = file_answer(run, fd);
    (void)close(fd); /* it was only read: nothing can be lost */
    return outcome;
}

static enum tt_status pause_prepare(const struct tt_host *host, struct tt_setup *setup, void *module, void **ret_call) {
    (void)module;
    const char *text = host->setting(setup, "ms");
    char *end = NULL;
    errno = 0;
    long ms = text != NULL && text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
    if (ms < 0 || ms > MS_MAX || errno != 0 || *end != '\0')
        return host->mistake(setup, "ms", "\"%s\" is not a whole number of milliseconds (0 to %d)",
                             text == NULL ? "" : text, MS_MAX);
    struct pause_call *call = malloc(sizeof *call);
    if (call == NULL)
        return TT_NOMEM;
    call->ms = ms;
    *ret_call = call;
    return TT_OK;
}

static enum tt_status file_prepare(const struct tt_host *host, struct tt_setup *setup, void *module, void **ret_call) {
    (void)module;
    const char *path = host->setting_path(setup, "file");
    struct stat found;
    if (path == NULL)
        return host->mistake(setup, "file", "a file's name is needed");
    if (stat(path, &found) != 0)
        return host->mistake(setup, "file", "%s: %s", path, strerrordesc_np(errno));
    if (!S_ISREG(found.st_mode))
        return host->mistake(setup, "file", "%s is not a regular file", path);
    if (found.st_size > FILE_BYTES_MAX)
        return host->mistake(setup, "file", "%s is bigger than %d bytes", path, FILE_BYTES_MAX);
    struct file_call *call = malloc(sizeof *call);
    if (call == NULL)
        return TT_NOMEM;
    call->path = path;
    *ret_call = call;
    return TT_OK;
}

static void call_finish(void *module, void *call) {
    (void)module;
    free(call);
}

static const struct tt_param ms_param = {
    .name = "ms",
    .type = TT_TYPE_INTEGER,
    .minimum = 0,
    .maximum = MS_MAX,
    .default_text = "500",
    .help = "milliseconds",
};

static const struct tt_param mib_param = {
    .name = "mib",
    .type = TT_TYPE_INTEGER,
    .minimum = 1,
    .maximum = 1024,
    .default_text = "1",
    .help = "size of the answer in MiB; the byte at offset i is i % 251",
};

static const struct tt_param stream_params[] = {
    {.name = "mib",
     .type = TT_TYPE_INTEGER,
     .minimum = 0,
     .maximum = 1048576,
     .default_text = "1",
     .help = "size of the answer in MiB; the byte at offset i is i % 251"},
    {.name = "sized", .type = TT_TYPE_BOOLEAN, .default_text = "false", .help = "whether the size is said first"},
};

static const struct tt_setting pause_setting = {.key = "ms", .is_required = true, .help = "milliseconds to block"};
static const struct tt_setting file_setting = {.key = "file", .is_required = true, .help = "a file of at most 1 MiB"};

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function),
     .name = "rude",
     .help = "blocks the thread it runs on; in pool = none that is the loop, and everybody waits",
     .params = &ms_param,
     .param_count = 1,
     .run = to_thread_run},
    {.size = sizeof(struct tt_function),
     .name = "async",
     .help = "answers later by a timer of the loop, and holds no thread meanwhile; for pool = none",
     .params = &ms_param,
     .param_count = 1,
     .never_blocks = true,
     .run = async_run},
    {.size = sizeof(struct tt_function),
     .name = "to-thread",
     .help = "blocks a worker; the loop is free",
     .params = &ms_param,
     .param_count = 1,
     .run = to_thread_run},
    {.size = sizeof(struct tt_function), .name = "noop", .help = "does nothing: what the way costs", .run = noop_run},
    {.size = sizeof(struct tt_function),
     .name = "inline",
     .help = "answers at once; for pool = none",
     .never_blocks = true,
     .run = inline_run},
    {.size = sizeof(struct tt_function),
     .name = "pause",
     .help = "blocks a worker for as long as the configuration says",
     .settings = &pause_setting,
     .setting_count = 1,
     .prepare = pause_prepare,
     .finish = call_finish,
     .run = pause_run},
    {.size = sizeof(struct tt_function),
     .name = "file",
     .help = "opens, reads and closes one small file each time",
     .settings = &file_setting,
     .setting_count = 1,
     .prepare = file_prepare,
     .finish = call_finish,
     .run = file_run},
    {.size = sizeof(struct tt_function),
     .name = "echo",
     .help = "gives the request's body back",
     .takes_body = true,
     .run = echo_run},
    {.size = sizeof(struct tt_function),
     .name = "big",
     .help = "a large answer",
     .params = &mib_param,
     .param_count = 1,
     .run = big_run},
    {.size = sizeof(struct tt_function),
     .name = "stream",
     .help = "a large answer in pieces",
     .params = stream_params,
     .param_count = sizeof stream_params / sizeof stream_params[0],
     .run = stream_run},
    {.size = sizeof(struct tt_function),
     .name = "upload",
     .help = "counts and sums the request's body while it comes",
     .streams_body = true,
     .run = upload_run},
    {.size = sizeof(struct tt_function),
     .name = "cpu",
     .help = "computes for ms of processor time; stops early when nobody waits any more",
     .params = &ms_param,
     .param_count = 1,
     .run = cpu_run},
};

TT_EXPORT const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .name = "demo",
    .version = "1.0",
    .help = "what blocking calls do to a service, and what a pool does for it",
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
};

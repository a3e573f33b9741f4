/**
 * Files: regular files beneath one folder.
 *
 * The kernel keeps us inside: openat2 with RESOLVE_BENEATH refuses every way out of the root (.., absolute links, links that
 * climb, a folder moved away meanwhile) in the same step that opens the file, so there is nothing to race with. Checking
 * names with realpath first is what other servers had holes in.
 *
 * Names with empty, "." or ".." segments are refused before that, though the kernel would resolve them safely: a proxy's
 * rule for /private/ must not be by-passed by /public/../private/.
 *
 * A file goes out in pieces, so it may be bigger than memory: only small ones are read first. Conditions and one range are
 * followed (files_wanted.h): 304, 206, 416. HEAD doesn't read.
 *
 * 404: no such file, a folder, anything else that isn't a regular file, a way out of the root: a caller can't tell them
 * apart. 403: it may not be read, or is bigger than max-size (413 would blame the request). 503: it changed while it was
 * read, or a resource is short for now; once it has begun, the answer is cut off.
 */
#include "files_wanted.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <tothread/module.h>
#include <unistd.h>

#define NAME_BYTES_MAX 4095  /* PATH_MAX without the NUL */
#define SMALL_BYTES    65536 /* up to here a file is read first, and can still become an error */
#define PIECE_BYTES    65536
#define OPEN_TRIES     16 /* EAGAIN: somewhere a folder was renamed while ".." of a link was followed */
#define OCTETS         "application/octet-stream"
#define PLAIN          "text/plain; charset=utf-8"

struct files {
    int root_fd;
    uint64_t resolve;
    int64_t max_bytes;
};

struct media {
    const char *name; /* a suffix with its dot, or a whole file name */
    const char *type;
};

static const struct media medias[] = {
    {".txt", PLAIN},
    {".md", PLAIN},
    {".rst", PLAIN},
    {".log", PLAIN},
    {".conf", PLAIN},
    {".c", PLAIN},
    {".h", PLAIN},
    {".py", PLAIN},
    {".sh", PLAIN},
    {".Debian", PLAIN},
    {"copyright", PLAIN},
    {"changelog", PLAIN},
    {"README", PLAIN},
    {"NEWS", PLAIN},
    {"TODO", PLAIN},
    {"AUTHORS", PLAIN},
    {"LICENSE", PLAIN},
    {".html", "text/html"},
    {".htm", "text/html"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".csv", "text/csv; charset=utf-8"},
    {".json", "application/json"},
    {".xml", "application/xml"},
    {".pdf", "application/pdf"},
    {".gz", "application/gzip"},
    {".zip", "application/zip"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},
    {".svg", "image/svg+xml"},
    {".webp", "image/webp"},
};

static const char *media_type(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strrchr(base, '.');
    const char *key = dot == NULL ? base : dot;
    for (size_t i = 0; i < sizeof medias / sizeof medias[0]; i++)
        if (strcmp(medias[i].name, key) == 0)
            return medias[i].type;
    return OCTETS;
}

/* Whether each segment names something: no empty one (so neither a leading nor a trailing slash), no "." and no "..". */
static bool is_plain_path(const char *path) {
    for (const char *at = path;;) {
        size_t size = strcspn(at, "/");
        if (size == 0 || (size == 1 && at[0] == '.') || (size == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        if (at[size] == '\0')
            return true;
        at += size + 1;
    }
}

static int open_beneath(int root_fd, const char *path, uint64_t flags, uint64_t resolve) {
    struct open_how how = {.flags = flags, .resolve = resolve};
    for (int tries = 1;; tries++) {
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || tries == OPEN_TRIES)
            return (int)fd;
    }
}

static enum tt_outcome fail_open(struct tt_run *run, int sys_errno) {
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case EXDEV: /* a way out of the root */
    case ELOOP: /* a link, where none is followed, or a circle of them */
    case ENXIO: /* a socket */
    case ENODEV:
        return run->host->fail(run, 404, "no such file");
    case EACCES:
    case EPERM:
        return run->host->fail(run, 403, "the file may not be read");
    case EAGAIN:
    case EINTR:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return run->host->fail(run, 503, "can't open the file now: %s", strerrordesc_np(sys_errno));
    default:
        return run->host->fail(run, 500, "can't open the file: %s", strerrordesc_np(sys_errno));
    }
}

/* Reads exactly size bytes: what is appended meanwhile is not ours, and a shorter file can't be told from a damaged one. */
static enum tt_outcome read_exactly(struct tt_run *run, int fd, uint64_t offset, char *data, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(fd, data + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return run->host->fail(run, 500, "can't read the file: %s", strerrordesc_np(errno));
        if (got == 0)
            return run->host->fail(run, 503, "the file became shorter while it was read");
        done += (size_t)got;
    }
    return TT_DONE;
}

/* Sends it piece by piece. */
static enum tt_outcome send_pieces(struct tt_run *run, int fd, uint64_t offset, uint64_t size) {
    char piece[PIECE_BYTES];
    enum tt_status status = run->host->begin(run, size);
    while (status == TT_OK && size > 0) {
        size_t count = size < sizeof piece ? (size_t)size : sizeof piece;
        if (read_exactly(run, fd, offset, piece, count) != TT_DONE)
            return TT_FAILED;
        status = run->host->write(run, piece, count);
        offset += count;
        size -= count;
    }
    if (status == TT_OK || status == TT_CLOSED) /* all is out, or nobody wants more */
        return TT_DONE;
    return run->host->fail(run, 500, "no room for an answer in pieces");
}

static enum tt_outcome send_bytes(struct tt_run *run, int fd, uint64_t offset, uint64_t size) {
    if (run->is_head)
        return run->host->begin(run, size) == TT_NOMEM ? run->host->fail(run, 500, "no room for the answer") : TT_DONE;
    if (size > SMALL_BYTES)
        return send_pieces(run, fd, offset, size);
    if (size == 0)
        return TT_DONE;
    char *data = run->host->reserve(run, (size_t)size);
    if (data == NULL)
        return run->host->fail(run, 500, "no room for an answer of %" PRIu64 " bytes (max-answer limits it)", size);
    return read_exactly(run, fd, offset, data, (size_t)size);
}

/* The fields that a client may ask for the file by, later. */
static bool set_validators(struct tt_run *run, const struct file_state *state) {
    return run->host->set_field(run, TT_ANSWER_ETAG, state->etag) == TT_OK &&
           (state->modified_text[0] == '\0' ||
            run->host->set_field(run, TT_ANSWER_LAST_MODIFIED, state->modified_text) == TT_OK);
}

static bool set_range(struct tt_run *run, const struct file_state *state, uint64_t offset, uint64_t size) {
    char text[80];
    (void)snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, offset, offset + size - 1, state->size);
    return run->host->set_status(run, 206) == TT_OK &&
           run->host->set_field(run, TT_ANSWER_CONTENT_RANGE, text) == TT_OK;
}

static enum tt_outcome fail_range(struct tt_run *run, const struct file_state *state) {
    char text[40];
    (void)snprintf(text, sizeof text, "bytes */%" PRIu64, state->size);
    (void)run->host->set_field(run, TT_ANSWER_CONTENT_RANGE, text); /* without memory the status has to do */
    return run->host->fail(run, 416, "the file has %" PRIu64 " bytes", state->size);
}

static enum tt_outcome answer_state(struct tt_run *run, int fd, const struct file_state *state) {
    const struct tt_host *host = run->host;
    const struct file_conditions conditions = {
        .range = host->field(run, TT_REQUEST_RANGE),
        .if_range = host->field(run, TT_REQUEST_IF_RANGE),
        .if_none_match = host->field(run, TT_REQUEST_IF_NONE_MATCH),
        .if_modified_since = host->field(run, TT_REQUEST_IF_MODIFIED_SINCE),
    };
    uint64_t offset;
    uint64_t size;
    enum file_wanted wanted = file_wanted(state, &conditions, &offset, &size);
    if (wanted == FILE_BEYOND)
        return fail_range(run, state);
    bool is_set = set_validators(run, state);
    if (wanted == FILE_UNCHANGED)
        return is_set && host->set_status(run, 304) == TT_OK ? TT_DONE : host->fail(run, 500, "no memory");
    is_set = is_set && host->set_field(run, TT_ANSWER_ACCEPT_RANGES, "bytes") == TT_OK;
    if (wanted == FILE_PART)
        is_set = is_set && set_range(run, state, offset, size);
    return is_set ? send_bytes(run, fd, offset, size) : host->fail(run, 500, "no memory");
}

static enum tt_outcome answer_file(struct tt_run *run, int fd, const char *path) {
    const struct tt_host *host = run->host;
    const struct files *files = run->module;
    struct stat stat;
    struct file_state state;
    if (fstat(fd, &stat) != 0)
        return host->fail(run, 500, "can't ask for the file's size: %s", strerrordesc_np(errno));
    if (!S_ISREG(stat.st_mode))
        return host->fail(run, 404, "no such file");
    if (stat.st_size > files->max_bytes)
        return host->fail(run, 403, "the file has %lld bytes, and this service gives at most %lld",
                          (long long)stat.st_size, (long long)files->max_bytes);
    file_state_set(&state, &stat);
    host->set_type(run, media_type(path));
    return answer_state(run, fd, &state);
}

static enum tt_outcome read_run(struct tt_run *run) {
    const struct files *files = run->module;
    const char *path = run->args[0].as.text.data;
    if (!is_plain_path(path))
        return run->host->fail(run, 404, "no such file");
    /* O_NONBLOCK: a FIFO without a writer would hold the worker for ever */
    int fd = open_beneath(files->root_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, files->resolve);
    if (fd < 0)
        return fail_open(run, errno);
    enum tt_outcome outcome = answer_file(run, fd, path);
    (void)close(fd); /* it was only read: nothing can be lost */
    return outcome;
}

/* "16MiB", "64 KiB", "100B". Returns false for anything else, and for what doesn't fit. */
static bool parse_size(const char *text, int64_t *ret_bytes) {
    static const struct {
        const char *unit;
        int shift;
    } units[] = {{"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    long long count = strtoll(text, &end, 10);
    if (errno != 0)
        return false;
    end += strspn(end, " \t");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0 && count <= INT64_MAX >> units[i].shift) {
            *ret_bytes = (int64_t)count << units[i].shift;
            return true;
        }
    return false;
}

static enum tt_status read_settings(const struct tt_host *host, struct tt_setup *setup, struct files *files) {
    const char *size = host->setting(setup, "max-size");
    if (size == NULL || !parse_size(size, &files->max_bytes))
        return host->mistake(setup, "max-size", "\"%s\" is not a size (like 64KiB or 16MiB)", size == NULL ? "" : size);
    const char *links = host->setting(setup, "follow-links");
    bool are_followed = links != NULL && strcmp(links, "beneath") == 0;
    if (!are_followed && (links == NULL || strcmp(links, "no") != 0))
        return host->mistake(setup, "follow-links", "\"%s\" is neither beneath nor no", links == NULL ? "" : links);
    files->resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (are_followed ? 0 : RESOLVE_NO_SYMLINKS);
    return TT_OK;
}

static enum tt_status open_root(const struct tt_host *host, struct tt_setup *setup, struct files *files) {
    const char *root = host->setting_path(setup, "root");
    if (root == NULL)
        return host->mistake(setup, "root", "a folder's name is needed");
    files->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (files->root_fd < 0)
        return host->mistake(setup, "root", "%s: %s", root, strerrordesc_np(errno));
    int fd = open_beneath(files->root_fd, ".", O_PATH | O_CLOEXEC, files->resolve);
    if (fd < 0 && errno == ENOSYS)
        return host->mistake(setup, NULL,
                             "this kernel has no openat2 (Linux 5.6 has): without it nothing would keep us "
                             "beneath root");
    if (fd < 0)
        return host->mistake(setup, "root", "openat2 refused to look beneath %s: %s", root, strerrordesc_np(errno));
    (void)close(fd); /* only a trial */
    return TT_OK;
}

static void files_close(void *module) {
    struct files *files = module;
    if (files == NULL)
        return;
    if (files->root_fd >= 0)
        (void)close(files->root_fd); /* O_PATH: nothing is behind it */
    free(files);
}

static enum tt_status files_open(const struct tt_host *host, struct tt_setup *setup, void **ret_module) {
    struct files *files = malloc(sizeof *files);
    if (files == NULL)
        return TT_NOMEM;
    *files = (struct files){.root_fd = -1};
    enum tt_status settings = read_settings(host, setup, files);
    enum tt_status root = open_root(host, setup, files); /* also after a mistake: all are told at once */
    if (settings != TT_OK || root != TT_OK) {
        files_close(files);
        return settings != TT_OK ? settings : root;
    }
    *ret_module = files;
    return TT_OK;
}

static const struct tt_setting module_settings[] = {
    {.key = "root", .is_required = true, .help = "the folder; nothing outside it is ever read"},
    {.key = "follow-links",
     .default_text = "beneath",
     .help = "beneath: symbolic links are followed while they stay beneath root; no: none is followed"},
    {.key = "max-size",
     .default_text = "1GiB",
     .help = "bigger files are refused with 403; a file goes out in pieces, and its size costs time, not memory"},
};

static const struct tt_param read_params[] = {
    {.name = "path",
     .type = TT_TYPE_TEXT,
     .is_required = true,
     .minimum = 1,
     .maximum = NAME_BYTES_MAX,
     .help = "the file's name, relative to root"},
};

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function),
     .name = "read",
     .help = "a file beneath root",
     .params = read_params,
     .param_count = sizeof read_params / sizeof read_params[0],
     .run = read_run},
};

TT_EXPORT const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .name = "files",
    .version = "1.0",
    .help = "regular files beneath one folder",
    .settings = module_settings,
    .setting_count = sizeof module_settings / sizeof module_settings[0],
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
    .open = files_open,
    .close = files_close,
};

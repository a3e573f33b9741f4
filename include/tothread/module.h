/**
 * Module: a shared object that offers blocking functions to the service.
 *
 * A module exports one constant, `const struct tt_module tt_module`. It is loaded with local symbols
 * (RTLD_NOW | RTLD_LOCAL) and never unloaded while a function of it may run. Structs only ever grow at
 * their end, and say their own size; a module built for another TT_MODULE_ABI is refused.
 *
 * Life of a module, with the thread of each entry:
 *
 *     open          start-up thread   once for each [module NAME] section
 *     prepare       start-up thread   once for each [call NAME] that names one of its functions
 *     worker_start  a worker          once for each worker of a pool that runs its calls
 *     run           a worker          for each call; runs of different workers overlap
 *     worker_stop   that worker       after its last run
 *     finish        start-up thread   after the last run of that call
 *     close         start-up thread   after everything else
 *
 * A reload tries a new configuration out while the old one serves: it opens the module once more on a thread of its
 * own, prepares its calls, and finishes and closes them without a run. So a module keeps nothing in global variables.
 *
 * A call in `pool = none` runs on the loop itself, with no worker state: it must not block. With several loops (`loops`) it may
 * run on each of them at a time.
 */
#ifndef TOTHREAD_MODULE_H
#define TOTHREAD_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/job.h>
#include <tothread/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_MODULE_ABI 1u

struct tt_setup; /* the section of the configuration that is being opened; the host's */
struct tt_run;

/* -- values -- */

enum tt_type {
    TT_TYPE_NONE = 0, /* absent, or JSON null */
    TT_TYPE_TEXT,     /* valid UTF-8 without NUL inside, and a NUL behind it */
    TT_TYPE_INTEGER,  /* int64_t, exact */
    TT_TYPE_REAL,     /* finite double */
    TT_TYPE_BOOLEAN,
    TT_TYPE_ANY /* only in struct tt_param: whatever of the above comes; from a query or path: text */
};

/** One argument. Belongs to the host; valid until run returns. */
struct tt_value {
    enum tt_type type;
    union {
        int64_t integer;
        double real;
        bool boolean;
        struct {
            const char *data;
            size_t size; /* bytes, without the NUL */
        } text;
    } as;
};

/** One parameter of a function. Arguments reach run in the order of the parameters. */
struct tt_param {
    const char *name; /* as in JSON, query and path */
    enum tt_type type;
    bool is_required;         /* else absent arguments are TT_TYPE_NONE, or default_text */
    int64_t minimum, maximum; /* of an integer or real; of a text's size in bytes; both 0: no range */
    const char *default_text; /* as it would be written in a query; NULL: none */
    const char *help;
};

/** One key that a [module] or [call] section may carry for the module. */
struct tt_setting {
    const char *key;
    const char *default_text; /* NULL: none */
    bool is_required;
    const char *help;
};

/* -- fields of HTTP that a call may see, and say -- */

/** Of the request; those that aren't there are NULL. Range and If-Range are seen with GET only, as RFC 9110 has it. */
enum tt_request_field {
    TT_REQUEST_RANGE = 0,
    TT_REQUEST_IF_RANGE,
    TT_REQUEST_IF_NONE_MATCH,
    TT_REQUEST_IF_MODIFIED_SINCE
};
#define TT_REQUEST_FIELD_COUNT 4

/** Of the answer. What frames it, and what is the service's own, has no name here. */
enum tt_answer_field {
    TT_ANSWER_ACCEPT_RANGES = 0,
    TT_ANSWER_CACHE_CONTROL,
    TT_ANSWER_CONTENT_DISPOSITION,
    TT_ANSWER_CONTENT_ENCODING,
    TT_ANSWER_CONTENT_LANGUAGE,
    TT_ANSWER_CONTENT_RANGE,
    TT_ANSWER_ETAG,
    TT_ANSWER_LAST_MODIFIED,
    TT_ANSWER_LOCATION,
    TT_ANSWER_VARY
};
#define TT_ANSWER_FIELD_COUNT 10

/** For begin, and in struct tt_run: nobody knows how many bytes will come. */
#define TT_SIZE_UNKNOWN UINT64_MAX

/* -- what the host offers -- */

enum tt_log_level { TT_LOG_ERROR = 3, TT_LOG_WARNING = 4, TT_LOG_NOTICE = 5, TT_LOG_INFO = 6 };

struct tt_host {
    uint32_t abi;
    uint32_t size;

    /** One line into the service's log. Thread: any. Owns: borrows text. */
    void (*log)(enum tt_log_level level, const char *text);

    /* while opening: for open and prepare only */

    /** The value of a key of this section, or its default, or NULL. Owns: lends, until close or finish. */
    const char *(*setting)(struct tt_setup *setup, const char *key);
    /** As setting, for a file's or folder's name: relative names count from the configuration file. */
    const char *(*setting_path)(struct tt_setup *setup, const char *key);
    /** Declares one more parameter, behind those of the function's table. Owns: copies. */
    enum tt_status (*add_param)(struct tt_setup *setup, const struct tt_param *param);
    /** Reports a mistake in key (NULL: in the section); it is shown with file, line and caret. Returns TT_INVALID. */
    enum tt_status (*mistake)(struct tt_setup *setup, const char *key, const char *format, ...) TT_PRINTF(3, 4);

    /* while running: for run only */

    /** Appends to the answer's body. Returns TT_OK, TT_NOMEM, or TT_FULL beyond the answer's limit. After begin it sends
        instead: see there. */
    enum tt_status (*write)(struct tt_run *run, const void *data, size_t size);
    /** Appends text as a JSON string, quoted and escaped; bytes that are not UTF-8 become U+FFFD. Returns as write. */
    enum tt_status (*write_json)(struct tt_run *run, const char *text, size_t size);
    /** Space for size bytes at the body's end, to be filled by the caller at once; NULL as write would fail, and after
        begin. */
    void *(*reserve)(struct tt_run *run, size_t size);
    /** The answer's media type; "application/json" unless said, NULL: none. Owns: keeps (a constant). */
    void (*set_type)(struct tt_run *run, const char *media_type);
    /** Ends the call with an error: status is the HTTP status (400 to 599), the text its detail. Drops what was
        written; fields that were set stay. After begin the client has its status already: the connection is closed in
        the middle of the answer, and the log says why. Returns TT_FAILED, for `return host->fail(...)`. */
    enum tt_outcome (*fail)(struct tt_run *run, int status, const char *format, ...) TT_PRINTF(3, 4);
    /** Only in `pool = none`: the answer goes out after delay_us, and the loop is free meanwhile. Returns TT_DONE. */
    enum tt_outcome (*finish_later)(struct tt_run *run, uint64_t delay_us);
    /** Whether nobody waits for this call any more; true for good once it is. */
    bool (*is_abandoned)(const struct tt_run *run);
    /** Microseconds until the call's run deadline; UINT64_MAX where there is none. */
    uint64_t (*remaining_us)(const struct tt_run *run);

    /* while running, more of HTTP: for run only */

    /** The answer's status, of a success or of an error with a body of one's own: 200 to 599, 200 unless said; 204 and
        304 have no body. fail has the last word. Returns TT_OK; TT_INVALID for others; TT_TOO_LATE after begin. */
    enum tt_status (*set_status)(struct tt_run *run, int status);
    /** One of the answer's fields; a second value replaces the first. Printable ASCII, 1 to 512 bytes, no space at its
        ends. Owns: copies. Returns TT_OK; TT_INVALID for another value; TT_TOO_LATE after begin; TT_NOMEM. */
    enum tt_status (*set_field)(struct tt_run *run, enum tt_answer_field field, const char *value);
    /** One of the request's fields, as it was sent; NULL where it wasn't. Owns: lends, until run returns. */
    const char *(*field)(const struct tt_run *run, enum tt_request_field field);

    /* while running, in pieces: for run only */

    /**
     * Begins the answer: status, type and fields go to the client now, and each write sends. So an answer may be longer
     * than memory or max-answer, and the client has its first byte early. size is the whole body's, or TT_SIZE_UNKNOWN.
     *
     * From here on write hands bytes over and waits while the client is slow: 256 KiB are on their way at most. It
     * returns TT_OK; TT_CLOSED when nobody wants more (the client has left or doesn't read, the time is over, HEAD, a
     * status without a body): run should return then, and whatever it returns is right; TT_FULL beyond size. An answer
     * that ends with TT_DONE before its size has failed.
     *
     * Where nobody could take pieces (a gather, `pool = none`) the answer is collected as ever, within max-answer.
     *
     * Blocks:  for a turn of the loop
     * Returns: TT_OK; TT_CLOSED: as for write; TT_TOO_LATE the second time, or after something was written; TT_NOMEM.
     */
    enum tt_status (*begin)(struct tt_run *run, uint64_t size);
    /**
     * Takes the next bytes of the request's body, at least one. For a function with streams_body they come while the client
     * sends them; for others, and where nobody could send pieces, from the body in memory.
     *
     * Blocks:  while there are none; never beyond the call's time, body-timeout or the client's leaving.
     * Returns: TT_OK: *ret_size bytes, 0 at the end; TT_CLOSED when the rest never comes: run should return then, and
     *          whatever it returns is right; TT_NOMEM; TT_INVALID for a capacity of 0.
     */
    enum tt_status (*read)(struct tt_run *run, void *buffer, size_t capacity, size_t *ret_size);
};

/** One run of a call. The host's; gone when run returns. */
struct tt_run {
    const struct tt_host *host;
    void *module; /* from open */
    void *worker; /* from worker_start; NULL on the loop, and where the module has none */
    void *call;   /* from prepare */
    const struct tt_value *args;
    size_t arg_count;
    const void *body; /* the request's body, NULL where empty, or where only read gives it */
    size_t body_size;
    const char *body_type;   /* its media type, or NULL */
    const char *id;          /* request id */
    const char *traceparent; /* of the request, or one made for it (W3C Trace Context) */
    const char *client;  /* who asks: "192.0.2.7:40312", "[2001:db8::7]:40312", "unix:uid=33,gid=33,pid=812"; "local"
                                for `tothread call`. Behind a proxy whom that one has named (listen: proxy) */
    uint64_t body_total; /* what read will give in all; TT_SIZE_UNKNOWN where the client didn't say */
    bool is_head;        /* a HEAD request: what is written is dropped, so that it may be left out after begin */
};

/* -- what the module offers -- */

struct tt_function {
    uint32_t size; /* sizeof(struct tt_function) */
    const char *name;
    const char *help;
    const struct tt_param *params; /* may be NULL */
    size_t param_count;
    const struct tt_setting *settings; /* keys of [call NAME]; may be NULL */
    size_t setting_count;
    bool never_blocks; /* may be put into pool = none without a warning */
    bool takes_body;   /* the body is raw bytes for run, not JSON arguments; without params a query is dropped too */
    bool streams_body; /* as takes_body, but run starts when the head is there, and gets the body by read alone */

    /**
     * Optional. Makes the call's own state.
     * Thread:  start-up. Owns: *ret_call is the host's until finish. Returns: TT_OK, or another after mistake().
     */
    enum tt_status (*prepare)(const struct tt_host *host, struct tt_setup *setup, void *module, void **ret_call);
    /** Optional. Thread: start-up. Owns: takes call. */
    void (*finish)(void *module, void *call);
    /**
     * Required. The blocking call.
     * Thread:  a worker (a loop in pool = none). Overlaps with itself on other workers, and other loops.
     * Owns:    borrows *run and all it points to.
     * Returns: TT_DONE with the answer written, or what fail() returned.
     */
    enum tt_outcome (*run)(struct tt_run *run);
};

struct tt_module {
    uint32_t abi;  /* TT_MODULE_ABI */
    uint32_t size; /* sizeof(struct tt_module) */
    const char *name;
    const char *version;
    const char *help;
    const struct tt_setting *settings; /* keys of [module NAME]; may be NULL */
    size_t setting_count;
    const struct tt_function *functions; /* function_count of them */
    size_t function_count;

    /** Optional. Thread: start-up. Owns: *ret_module is the host's until close. Returns: TT_OK, or another after
        mistake(). */
    enum tt_status (*open)(const struct tt_host *host, struct tt_setup *setup, void **ret_module);
    /** Optional. Thread: start-up. Owns: takes module. */
    void (*close)(void *module);
    /** Optional. Thread: a worker. Owns: *ret_worker is the host's until worker_stop. Returns: TT_OK, or another with
        *reterr filled: the worker takes no jobs and tries again later. */
    enum tt_status (*worker_start)(void *module, void **ret_worker, struct tt_error *reterr);
    /** Optional. Thread: that worker. Owns: takes worker. */
    void (*worker_stop)(void *module, void *worker);
};

#ifdef __cplusplus
}
#endif
#endif

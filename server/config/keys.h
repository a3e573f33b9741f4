/**
 * Keys: THE table. Every key of the configuration stands here once; the reader, `tothread config`, the sample file, the
 * manual and the reload come from it. Only key.c includes this file.
 *
 * To add a key: a field in config.h, a row here; then let `tothread config` and the sample's test show it.
 */
#ifndef SERVER_CONFIG_KEYS_H
#define SERVER_CONFIG_KEYS_H

#include "key.h"

#define MS   UINT64_C(1000)
#define SEC  (1000 * MS)
#define HOUR (3600 * SEC)
#define KIB  UINT64_C(1024)
#define MIB  (1024 * KIB)
#define GIB  (1024 * MIB)

static const char *const isolation_words[] = {"thread", "process", NULL};
static const char *const auth_words[] = {"none", "token", NULL};
static const char *const call_auth_words[] = {"none", "token", "server", NULL};
static const char *const log_format_words[] = {"text", "json", NULL};
static const char *const tls_client_words[] = {"none", "optional", "required", NULL};

static const struct key_section sections[] = {
    [CONFIG_SERVER] = {.kind = CONFIG_SERVER, .word = "server", .help = "The service itself."},
    [CONFIG_POOL] = {.kind = CONFIG_POOL,
                     .word = "pool",
                     .is_named = true,
                     .name_max = KEY_POOL_NAME_MAX,
                     .example = "default",
                     .help = "One queue and the workers that empty it. The pool `default` is there without a section; "
                             "this one would change it."},
    [CONFIG_MODULE] = {.kind = CONFIG_MODULE,
                       .word = "module",
                       .is_named = true,
                       .name_max = KEY_NAME_MAX,
                       .takes_more_keys = true,
                       .example = "db",
                       .help = "A shared object that offers blocking functions. Further keys are the module's own."},
    [CONFIG_LIBRARY] = {.kind = CONFIG_LIBRARY,
                        .word = "library",
                        .is_named = true,
                        .name_max = KEY_NAME_MAX,
                        .is_unavailable = true,
                        .help = "A C library whose functions are declared by their prototypes."},
    [CONFIG_CALL] = {.kind = CONFIG_CALL,
                     .word = "call",
                     .is_named = true,
                     .name_max = KEY_NAME_MAX,
                     .takes_more_keys = true,
                     .example = "package",
                     .help = "One function of a module as a call: POST /call/NAME. Further keys are the module's own."},
    [CONFIG_GATHER] = {.kind = CONFIG_GATHER,
                       .word = "gather",
                       .is_named = true,
                       .name_max = KEY_NAME_MAX,
                       .example = "all",
                       .help = "Several calls at once; it answers when all are done, in this order."},
};

static const struct key keys[] = {
    /* -- [server] -- */
    {.kind = CONFIG_SERVER,
     .name = "listen",
     .type = KEY_LISTENS,
     .default_text = "127.0.0.1:8080",
     .help =
         "Where clients connect: 127.0.0.1:8080, [::1]:8080, unix:/run/tothread/http.sock, or systemd:NAME for a "
         "socket that systemd opened. May stand several times, in all files together. Port 0 takes a free one. An "
         "empty value drops those before it. Words behind the address say more about it. mode=0660, user=NAME and "
         "group=NAME: of the file of a unix socket. allow-uid=NAME,1000 and allow-gid=NAME: who may connect to a unix "
         "socket, by the user or the group of its process; others are closed at once. proxy: clients come through a "
         "proxy that sends the PROXY protocol, version 1 or 2, and is in proxy-from. tls: clients speak TLS there."},
    {.kind = CONFIG_SERVER,
     .name = "proxy-from",
     .type = KEY_NETWORKS,
     .offset = offsetof(struct config_server, proxy_from),
     .count_offset = offsetof(struct config_server, proxy_from_count),
     .example = "10.0.0.0/8, ::1, unix",
     .is_reloadable = true,
     .help = "Who may connect where listen says proxy: addresses and networks with commas between, and unix for all "
             "that can "
             "open a unix socket. Anybody else is not listened to: whoever sends a PROXY header can call himself any "
             "address."},
    {.kind = CONFIG_SERVER,
     .name = "auth",
     .type = KEY_WORD,
     .offset = offsetof(struct config_server, auth),
     .words = auth_words,
     .default_text = "none",
     .is_reloadable = true,
     .help = "token: a request needs Authorization: Bearer TOKEN with one of tokens, or is refused with 401 before its "
             "body is read. A "
             "[call] may say otherwise."},
    {.kind = CONFIG_SERVER,
     .name = "tokens",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_server, tokens_path),
     .example = "/etc/tothread/tokens",
     .is_reloadable = true,
     .help = "A file of tokens, in each line a name, white space, and a token of 16 to 256 letters, digits, - . _ ~ + "
             "/ and = at the end. "
             "A name may stand several times, so that a token can be replaced without a gap. credential:NAME is a "
             "credential of the systemd unit (LoadCredential=). A reload reads it anew."},
    {.kind = CONFIG_SERVER,
     .name = "admin",
     .type = KEY_ADMIN,
     .offset = offsetof(struct config_server, admin),
     .default_text = "127.0.0.1:9090",
     .help =
         "Where the admin plane listens: metrics, health, dashboard, drain and reload. It has no passwords: keep it "
         "on a private address. none: no admin plane."},
    {.kind = CONFIG_SERVER,
     .name = "max-body",
     .type = KEY_SIZE,
     .offset = offsetof(struct config_server, max_body_bytes),
     .minimum = 0,
     .maximum = GIB,
     .default_text = "1MiB",
     .is_reloadable = true,
     .help = "The longest body of a request; beyond it: 413. A body is held in memory, but for calls that read it in "
             "pieces: they may have a limit of their own."},
    {.kind = CONFIG_SERVER,
     .name = "max-header",
     .type = KEY_SIZE,
     .offset = offsetof(struct config_server, max_header_bytes),
     .minimum = KIB,
     .maximum = 64 * KIB,
     .default_text = "16KiB",
     .is_reloadable = true,
     .help = "The longest head of a request, its first line and its fields together; beyond it: 431."},
    {.kind = CONFIG_SERVER,
     .name = "max-answer",
     .type = KEY_SIZE,
     .offset = offsetof(struct config_server, max_answer_bytes),
     .minimum = KIB,
     .maximum = 16 * GIB,
     .default_text = "64MiB",
     .is_reloadable = true,
     .help = "The longest body of an answer; a call that writes more fails with 500. An answer is held in memory, but "
             "for those that are sent in pieces: they have no limit but the call's timeout."},
    {.kind = CONFIG_SERVER,
     .name = "max-buffered",
     .type = KEY_SIZE,
     .offset = offsetof(struct config_server, max_buffered_bytes),
     .minimum = MIB,
     .maximum = 1024 * GIB,
     .default_text = "512MiB",
     .is_reloadable = true,
     .help =
         "What is held in memory for all clients together: requests that have come in part, bodies, answers that "
         "clients have not taken yet. Beyond it: 503 for further bodies, 500 for answers that can't be kept. Counts "
         "as max-body or max-answer where those are more."},
    {.kind = CONFIG_SERVER,
     .name = "max-connections",
     .type = KEY_COUNT,
     .offset = offsetof(struct config_server, max_connections),
     .minimum = 1,
     .maximum = 1000000,
     .default_text = "16384",
     .is_reloadable = true,
     .help =
         "How many clients may be connected, on all loops together; more have to wait. Each needs a file descriptor."},
    {.kind = CONFIG_SERVER,
     .name = "header-timeout",
     .type = KEY_TIME,
     .offset = offsetof(struct config_server, header_timeout_us),
     .minimum = MS,
     .maximum = HOUR,
     .default_text = "10s",
     .is_reloadable = true,
     .help = "For a request's head, from its first byte to its last; beyond it: 408."},
    {.kind = CONFIG_SERVER,
     .name = "body-timeout",
     .type = KEY_TIME,
     .offset = offsetof(struct config_server, body_timeout_us),
     .minimum = MS,
     .maximum = 24 * HOUR,
     .default_text = "30s",
     .is_reloadable = true,
     .help = "For a request's whole body; beyond it: 408. For one that its call reads in pieces: for each 256 KiB, "
             "without the time in which the call doesn't read."},
    {.kind = CONFIG_SERVER,
     .name = "answer-timeout",
     .type = KEY_TIME,
     .offset = offsetof(struct config_server, answer_timeout_us),
     .minimum = MS,
     .maximum = 24 * HOUR,
     .default_text = "30s",
     .is_reloadable = true,
     .help = "For a client to take its whole answer; beyond it the connection is closed. Of an answer in pieces: for "
             "each 256 KiB, or all there is."},
    {.kind = CONFIG_SERVER,
     .name = "idle-timeout",
     .type = KEY_TIME,
     .offset = offsetof(struct config_server, idle_timeout_us),
     .minimum = MS,
     .maximum = 24 * HOUR,
     .default_text = "75s",
     .is_reloadable = true,
     .help = "For a connection without a request. Behind a proxy: longer than the proxy keeps its connections."},
    {.kind = CONFIG_SERVER,
     .name = "drain",
     .type = KEY_TIME,
     .offset = offsetof(struct config_server, drain_us),
     .minimum = 0,
     .maximum = 24 * HOUR,
     .default_text = "30s",
     .is_reloadable = true,
     .help = "How long accepted requests may take after SIGTERM; then the service ends in any case. systemd's "
             "TimeoutStopSec must be longer."},
    {.kind = CONFIG_SERVER,
     .name = "log-format",
     .type = KEY_WORD,
     .offset = offsetof(struct config_server, log_format),
     .words = log_format_words,
     .refused_word = "json",
     .default_text = "text",
     .help = "text: one line of key=value an event."},
    {.kind = CONFIG_SERVER,
     .name = "access-log",
     .type = KEY_BOOLEAN,
     .offset = offsetof(struct config_server, access_log),
     .default_text = "no",
     .is_reloadable = true,
     .help = "Whether each answered request makes a log line."},
    {.kind = CONFIG_SERVER,
     .name = "loops",
     .type = KEY_COUNT,
     .offset = offsetof(struct config_server, loop_count),
     .minimum = 1,
     .maximum = 64,
     .default_text = "1",
     .help =
         "Event loops, each with a thread, among which clients are shared out. More than one helps where the loop's "
         "thread alone uses up a CPU and others are free; on two CPUs one is best. The first one also takes new "
         "clients and hands all calls to the pools, whose limits stay what they are. Only to its own clients "
         "answers and bodies go in pieces."},
    {.kind = CONFIG_SERVER,
     .name = "malloc-arenas",
     .type = KEY_COUNT,
     .offset = offsetof(struct config_server, malloc_arenas),
     .minimum = 0,
     .maximum = 1024,
     .default_text = "2",
     .help = "How many heaps glibc may keep for the threads. More can be faster where calls allocate much, and costs "
             "memory for each worker. 0 leaves it to glibc: 8 for each CPU."},

    {.kind = CONFIG_SERVER,
     .name = "tls-certificate",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_server, tls_certificate),
     .example = "/etc/tothread/tls/certificate.pem",
     .is_reloadable = true,
     .help =
         "The certificate of listeners that say tls, in PEM form: the service's own first, then those between it and "
         "the root. A file, counted from this file's folder where it doesn't start with a slash, or "
         "credential:NAME for one of systemd's (LoadCredential=). A reload reads it again; open connections keep "
         "the one they began with."},
    {.kind = CONFIG_SERVER,
     .name = "tls-key",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_server, tls_key),
     .example = "credential:tls-key",
     .is_reloadable = true,
     .help = "The certificate's private key, without a passphrase: a file or credential:NAME. Left out: it is in "
             "tls-certificate's file."},
    {.kind = CONFIG_SERVER,
     .name = "tls-client",
     .type = KEY_WORD,
     .offset = offsetof(struct config_server, tls_client),
     .words = tls_client_words,
     .default_text = "none",
     .is_reloadable = true,
     .help =
         "Whether TLS clients show a certificate. none: they aren't asked. optional: one that is shown must be good. "
         "required: without a good one there is no connection. Its subject stands in the access log."},
    {.kind = CONFIG_SERVER,
     .name = "tls-client-ca",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_server, tls_client_ca),
     .example = "/etc/tothread/tls/clients.pem",
     .is_reloadable = true,
     .help = "Whose clients' certificates are good, in PEM form: a file or credential:NAME. There are no revocation "
             "lists: make it an authority of your own."},

    /* -- [pool NAME] -- */
    {.kind = CONFIG_POOL,
     .name = "workers",
     .type = KEY_WORKERS,
     .offset = offsetof(struct config_pool, worker_count),
     .minimum = 1,
     .maximum = 4096,
     .default_text = "auto",
     .is_reloadable = true,
     .help =
         "How many calls run at a time; each worker is a thread. auto: the CPUs that this service may use, plus 4, at "
         "most 32. Calls that wait for others (disks, networks) bear many more than there are CPUs; calls that "
         "compute don't."},
    {.kind = CONFIG_POOL,
     .name = "queue",
     .type = KEY_COUNT,
     .offset = offsetof(struct config_pool, queue_limit),
     .minimum = 1,
     .maximum = 1000000,
     .default_text = "128",
     .is_reloadable = true,
     .help = "How many calls may wait for a worker; one more is refused at once: 503. Longer than workers x "
             "queue-timeout / run time makes no sense: those would expire."},
    {.kind = CONFIG_POOL,
     .name = "queue-timeout",
     .type = KEY_TIME,
     .offset = offsetof(struct config_pool, queue_timeout_us),
     .minimum = 0,
     .maximum = 24 * HOUR,
     .zero_word = "none",
     .default_text = "5s",
     .is_reloadable = true,
     .help = "How long a call may wait for a worker; then it is answered with 503 and never starts."},
    {.kind = CONFIG_POOL,
     .name = "isolation",
     .type = KEY_WORD,
     .offset = offsetof(struct config_pool, isolation),
     .words = isolation_words,
     .refused_word = "process",
     .default_text = "thread",
     .help = "thread: calls run on threads of the service."},
    {.kind = CONFIG_POOL,
     .name = "spare",
     .type = KEY_COUNT,
     .offset = offsetof(struct config_pool, spare_count),
     .minimum = 0,
     .maximum = 4096,
     .default_text = "2",
     .is_reloadable = true,
     .help = "How many threads may stand in for workers that are stuck in a call beyond its timeout. Such a call can't "
             "be ended from outside; when the spares are used up too, the pool has fewer workers until it returns."},
    {.kind = CONFIG_POOL, .name = "max-calls", .is_unavailable = true},
    {.kind = CONFIG_POOL,
     .name = "stack-size",
     .type = KEY_SIZE,
     .offset = offsetof(struct config_pool, stack_bytes),
     .minimum = 64 * KIB,
     .maximum = GIB,
     .default_text = "256KiB",
     .help = "The stack of each worker. A library that recurses deeply or keeps big arrays on the stack needs more."},

    /* -- [module NAME] -- */
    {.kind = CONFIG_MODULE,
     .name = "path",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_module, path),
     .example = "sqlite",
     .is_required = true,
     .help = "The shared object: a bare name is looked for among the modules that came with the service; with a slash "
             "it is a file, counted from this file's folder where it doesn't start with one."},
    {.kind = CONFIG_MODULE,
     .name = "pool",
     .type = KEY_NAME,
     .offset = offsetof(struct config_module, pool),
     .default_text = "default",
     .help = "The pool in which its calls run, where they don't say another."},

    /* -- [call NAME] -- */
    {.kind = CONFIG_CALL,
     .name = "module",
     .type = KEY_NAME,
     .offset = offsetof(struct config_call, module),
     .example = "db",
     .is_required = true,
     .help = "The [module] whose function it is."},
    {.kind = CONFIG_CALL, .name = "library", .is_unavailable = true},
    {.kind = CONFIG_CALL,
     .name = "function",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_call, function),
     .example = "query",
     .help = "The module's function. May be left out if it is the module's only one, or has the call's name."},
    {.kind = CONFIG_CALL,
     .name = "pool",
     .type = KEY_NAME,
     .offset = offsetof(struct config_call, pool),
     .example = "default",
     .help = "The pool in which it runs; left out: the module's. none: on the event loop itself, only for calls that "
             "never block: while one runs, nobody else is served."},
    {.kind = CONFIG_CALL,
     .name = "route",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_call, route),
     .example = "GET /packages/{name}",
     .help = "Method and path under which it answers as well. {name} takes a part of the path as the argument of that "
             "name, {name...} at the end all that is left."},
    {.kind = CONFIG_CALL,
     .name = "description",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_call, description),
     .example = "A package by its name.",
     .help = "One sentence for people."},
    {.kind = CONFIG_CALL,
     .name = "auth",
     .type = KEY_WORD,
     .offset = offsetof(struct config_call, auth),
     .words = call_auth_words,
     .default_text = "server",
     .is_reloadable = true,
     .help = "token: a request needs one of the tokens; none: it needs none; server: as [server] says."},
    {.kind = CONFIG_CALL,
     .name = "tokens",
     .type = KEY_NAMES,
     .offset = offsetof(struct config_call, tokens),
     .count_offset = offsetof(struct config_call, token_count),
     .example = "billing, reports",
     .is_reloadable = true,
     .help = "The names of the tokens that may have it, with commas between; others get 403. Left out: all of them."},
    {.kind = CONFIG_CALL,
     .name = "timeout",
     .type = KEY_TIME,
     .offset = offsetof(struct config_call, timeout_us),
     .minimum = 0,
     .maximum = 24 * HOUR,
     .zero_word = "none",
     .default_text = "30s",
     .is_reloadable = true,
     .help =
         "How long it may run; then the client gets 504. The time in the queue doesn't count. A call that answers or "
         "reads in pieces runs until the last one: its client's line counts, and it is cut off in the middle."},
    {.kind = CONFIG_CALL,
     .name = "limit",
     .type = KEY_COUNT,
     .offset = offsetof(struct config_call, limit),
     .minimum = 0,
     .maximum = 1000000,
     .zero_word = "none",
     .default_text = "none",
     .is_reloadable = true,
     .help = "How many of it run at a time, whatever the pool has; 1 for functions that aren't thread-safe. A run that "
             "is beyond its timeout still counts until it returns."},
    {.kind = CONFIG_CALL,
     .name = "max-body",
     .type = KEY_SIZE,
     .offset = offsetof(struct config_call, max_body_bytes),
     .minimum = 0,
     .maximum = 1024 * GIB,
     .zero_word = "server",
     .default_text = "server",
     .is_reloadable = true,
     .help =
         "The longest body of a request to a call that reads it in pieces, while it comes (a demo: upload); beyond it: "
         "413. Only for such calls: 256 KiB of it are in memory at most. server: [server] max-body."},
    {.kind = CONFIG_CALL, .name = "fails-when", .is_unavailable = true},
    {.kind = CONFIG_CALL, .name = "error-text", .is_unavailable = true},
    {.kind = CONFIG_CALL, .name = "status", .is_unavailable = true},
    {.kind = CONFIG_CALL, .name = "free-with", .is_unavailable = true},

    /* -- [gather NAME] -- */
    {.kind = CONFIG_GATHER,
     .name = "calls",
     .type = KEY_NAMES,
     .offset = offsetof(struct config_gather, calls),
     .count_offset = offsetof(struct config_gather, call_count),
     .example = "package, package",
     .is_required = true,
     .help = "The calls, with commas between."},
    {.kind = CONFIG_GATHER,
     .name = "route",
     .type = KEY_TEXT,
     .offset = offsetof(struct config_gather, route),
     .example = "GET /all",
     .help = "Method and path under which it answers."},
    {.kind = CONFIG_GATHER,
     .name = "timeout",
     .type = KEY_TIME,
     .offset = offsetof(struct config_gather, timeout_us),
     .minimum = 0,
     .maximum = 24 * HOUR,
     .zero_word = "none",
     .default_text = "none",
     .is_reloadable = true,
     .help =
         "How long all of them together may take, waiting included; then 504. Each call's own limits hold as well."},
};

#undef MS
#undef SEC
#undef HOUR
#undef KIB
#undef MIB
#undef GIB

#endif

/**
 * Config: what the administrator wants, read from files into plain structs.
 *
 * One table, keys.h, lists every key with its type, unit, range, default and help; the reader, `tothread config`, the
 * sample file and the manual come from it. A configuration is built whole or not at all: config_load reports every
 * mistake it finds. It is immutable afterwards.
 *
 * Keys that the table doesn't know are an error, but for [module] and [call] sections: there they are kept as settings
 * and checked when the module is opened (calls/module.h).
 */
#ifndef SERVER_CONFIG_CONFIG_H
#define SERVER_CONFIG_CONFIG_H

#include "diagnostics.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct endpoint; /* endpoint.h */
struct network;  /* network.h */
struct tokens;   /* tokens.h */

enum config_kind { CONFIG_SERVER, CONFIG_POOL, CONFIG_MODULE, CONFIG_LIBRARY, CONFIG_CALL, CONFIG_GATHER };

/** One `key = value` as it stands somewhere. */
struct config_setting {
    const char *key;
    const char *value; /* unquoted, without the comment */
    struct origin key_at;
    struct origin value_at; /* a value in quotes: from the opening quote on */
    bool is_used; /* set by who reads it, and for all keys of the table; unused ones are reported as unknown keys */
};

struct config_section {
    enum config_kind kind;
    const char *name; /* "" for [server] */
    struct origin at; /* of the name in its first header */
    struct config_setting *
        settings; /* all that were given, in order; a later one of the same key has replaced the earlier, but for listen */
    size_t setting_count;
};

/* Each of the following structs begins with its section. */

enum config_isolation { CONFIG_THREAD, CONFIG_PROCESS };
enum config_auth { CONFIG_AUTH_NONE, CONFIG_AUTH_TOKEN, CONFIG_AUTH_SERVER };
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };

/** Whether clients of TLS listeners show a certificate. */
enum config_tls_client { CONFIG_TLS_CLIENT_NONE, CONFIG_TLS_CLIENT_OPTIONAL, CONFIG_TLS_CLIENT_REQUIRED };

struct config_server {
    struct config_section section;
    struct config_setting *listens;    /* as written; port 0 = any */
    const struct endpoint **endpoints; /* what each of them means; NULL where it is wrong */
    size_t listen_count;
    const char **proxy_from; /* networks as written */
    size_t proxy_from_count;
    const struct network *proxy_networks; /* as many, parsed */
    const char *admin;                    /* address:port, "none" for no admin plane */
    uint64_t max_body_bytes;              /* of a request */
    uint64_t max_header_bytes;            /* request line and fields together */
    uint64_t max_answer_bytes;            /* body of an answer */
    uint64_t max_buffered_bytes;          /* held for all clients together */
    uint64_t max_connections;
    uint64_t header_timeout_us; /* from the first byte of a request to its last header byte */
    uint64_t body_timeout_us;
    uint64_t answer_timeout_us; /* for a client to take its answer */
    uint64_t idle_timeout_us;   /* between requests */
    uint64_t drain_us;          /* hard end after SIGTERM */
    uint64_t loop_count;        /* event loops, each with a thread */
    uint64_t malloc_arenas;     /* glibc arenas; 0 leaves it to glibc */
    enum config_log_format log_format;
    enum config_auth auth;   /* of calls that don't say it */
    const char *tokens_path; /* as written, or NULL */
    struct tokens *tokens;   /* set by tokens_load; NULL: none */
    bool access_log;
    const char *tls_certificate; /* a path or credential:NAME; NULL: none; so are the next two */
    const char *tls_key;
    const char *tls_client_ca;
    enum config_tls_client tls_client;
};

struct config_pool {
    struct config_section section;
    uint64_t worker_count; /* "auto" has been resolved */
    uint64_t queue_limit;
    uint64_t queue_timeout_us;
    enum config_isolation isolation;
    uint64_t spare_count;
    uint64_t stack_bytes;
};

struct config_module {
    struct config_section section;
    const char *path; /* as written */
    const char *pool; /* default pool of its calls */
};

struct config_call {
    struct config_section section;
    const char *module;   /* name of a [module] */
    const char *function; /* NULL: the module's only one, or the one with the call's name */
    const char *pool;     /* "none": on the loop; NULL: the module's */
    const char *route;    /* "GET /x/{name}", or NULL */
    const char *description;
    enum config_auth auth;
    const char **tokens; /* names of those that are allowed; NULL: all */
    size_t token_count;
    uint64_t timeout_us;     /* run time; 0: none */
    uint64_t limit;          /* runs at a time; 0: none */
    uint64_t max_body_bytes; /* of a body that is read in pieces; 0: the server's */
};

struct config_gather {
    struct config_section section;
    const char **calls; /* names */
    size_t call_count;
    const char *route;
    uint64_t timeout_us;
};

struct config {
    struct arena arena;
    struct config_server server;
    struct config_pool *pools;
    size_t pool_count;
    struct config_module *modules;
    size_t module_count;
    struct config_call *calls;
    size_t call_count;
    struct config_gather *gathers;
    size_t gather_count;
};

/** What to read. Everything is copied. */
struct config_source {
    const char *path;        /* main file; NULL: none */
    bool path_is_optional;   /* a missing main file is not an error */
    const char *const *sets; /* "SECTION.KEY=VALUE", "SECTION.NAME.KEY=VALUE"; a NAME may contain dots */
    size_t set_count;
    const char *text; /* read first, as if it were a file; NULL: none (the demo's own configuration) */
    const char *text_name;
    const char *text_folder; /* relative paths in text count from here; NULL: from the current folder */
    const char *credentials; /* the folder of what the service's manager provides; NULL: there is none */
    bool is_dry;             /* nothing will be served: without the manager its credentials may be missing */
};

/**
 * Reads text, then the file, then conf.d/NAME.conf beside it in the order of their names, then the --set's: later ones
 * override key by key. Checks types, units, ranges, unknown sections and keys, names that point nowhere (pool, module,
 * calls of a gather), duplicates; of overridden values too. Routes, and the keys that belong to modules, are the
 * registry's to check.
 *
 * `listen` adds up over all files; an empty one drops those before it, and so does the first one from a --set. The pool
 * `default` is there without a section as soon as a module or call means it.
 *
 * Thread:  any (it reads files: never on the loop)
 * Owns:    the configuration is yours until config_destroy.
 * Returns: NULL when diagnostics has errors (warnings alone don't refuse).
 */
struct config *config_load(const struct config_source *source, struct diagnostics *diagnostics);

/**
 * As config_load, but where something was wrong it gives what is left, defaults in place of what is wrong: good for finding
 * mistakes of other kinds (registry_try), not for serving. Returns: NULL without memory.
 */
struct config *config_try(const struct config_source *source, struct diagnostics *diagnostics);

/** Takes *config; NULL is fine. */
void config_destroy(struct config *config);

/** Prints every section with every key: value, unit, and behind it the file and line it comes from, or "default". The
    output is itself a configuration that means the same. */
void config_print(const struct config *config, FILE *out);

/** Prints the sample file: every key with its help, commented out at its default. */
void config_print_sample(FILE *out);

/** Prints the part of tothread.conf(5) that describes the keys, in scdoc's format. */
void config_print_manual(FILE *out);

/** Where key's value (or, for NULL, the section's header) stands; for a key that wasn't given, the header. Lends. */
const struct origin *config_origin(const struct config_section *section, const char *key);

/** Whether a call asks for a token, by itself or as [server] says. */
bool config_needs_token(const struct config_server *server, const struct config_call *call);

/** Whether key is one of the table's for such a section; others of [module] and [call] belong to the module. */
bool config_is_core_key(enum config_kind kind, const char *key);

/** The setting by that key (the first, of listen), or NULL. Lends. */
struct config_setting *config_find(const struct config_section *section, const char *key);

/** path as the setting's file means it: absolute as it is, else relative to the file's folder (of a --set: to the current
    folder, "./path"). Lends, from arena; NULL without memory. */
const char *config_path(struct arena *arena, const struct config_setting *setting, const char *path);

/**
 * Which keys of `now` differ from `next` and can't be taken over by a reload: one warning each, with the place in next
 * (of a section or key that is gone: in now). Sections that came or went count as one each.
 * Returns how many.
 */
size_t config_compare(const struct config *now, const struct config *next, struct diagnostics *diagnostics);

#endif

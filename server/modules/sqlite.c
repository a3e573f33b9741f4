/**
 * Sqlite: a statement in the configuration becomes a call with named parameters, its rows become JSON.
 *
 * Each worker has a connection of its own, and keeps each call's statement prepared: no connection is ever shared, so SQLite
 * needs no lock. A call is one statement, a transaction by itself. Databases are opened read-only unless the section says
 * `writable = yes`; several workers that write wait for one another, so give a writable database a pool with one worker.
 *
 * Arguments from a query or path reach SQLite as text: columns with a type convert them as they are compared,
 * expressions don't (`length(x) > CAST(:n AS INTEGER)`).
 *
 * 404: no row (one-row = yes). 409: a constraint. 422: an argument of the wrong type. 503: locked for longer than
 * busy-timeout-ms. 500: other errors, with SQLite's text.
 */
#include "sqlite.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_OPS      10000 /* some 100 us: how often a running statement asks whether anybody waits */
#define VALUE_BYTES_MAX   (64 * 1024 * 1024)
#define PATTERN_BYTES_MAX 1000 /* of LIKE: matching costs more than linear time, and callers write patterns */
#define BUSY_MS_MAX       600000

static int stop_if_abandoned(void *context) {
    const struct worker *worker = context;
    return worker->run != NULL && worker->run->host->is_abandoned(worker->run);
}

static void worker_stop(void *module, void *state) {
    (void)module;
    struct worker *worker = state;
    if (worker == NULL)
        return;
    for (size_t i = 0; i < worker->statement_count; i++)
        (void)sqlite3_finalize(worker->statements[i]); /* repeats an old error */
    (void)sqlite3_close(worker->db);                   /* can't be busy: all statements are gone */
    free(worker);
}

static enum tt_status worker_start(void *module, void **ret_worker, struct tt_error *reterr) {
    const struct base *base = module;
    struct worker *worker = calloc(1, sizeof *worker + base->query_count * sizeof worker->statements[0]);
    if (worker == NULL) {
        *reterr = (struct tt_error){.status = TT_NOMEM, .text = "no memory for a connection"};
        return TT_NOMEM;
    }
    worker->statement_count = base->query_count;
    int code = base_connect(base, &worker->db);
    if (code != SQLITE_OK) {
        *reterr = (struct tt_error){.status = TT_SYSTEM};
        (void)snprintf(reterr->text, sizeof reterr->text, "%s: %s", base->path, base_reason(worker->db, code));
        worker_stop(module, worker);
        return TT_SYSTEM;
    }
    sqlite3_progress_handler(worker->db, PROGRESS_OPS, stop_if_abandoned, worker);
    *ret_worker = worker;
    return TT_OK;
}

static void base_close(void *module) {
    struct base *base = module;
    if (base == NULL)
        return;
    if (base->c_locale != (locale_t)0)
        freelocale(base->c_locale);
    free(base->path);
    free(base);
}

/* Whether it is there, may be read, and is a database. */
static enum tt_status check_database(const struct tt_host *host, struct tt_setup *setup, const struct base *base) {
    sqlite3 *db = NULL;
    int code = base_connect(base, &db);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    enum tt_status status = TT_OK;
    if (code != SQLITE_OK)
        status = host->mistake(setup, "database", "%s: %s", base->path, base_reason(db, code));
    (void)sqlite3_close(db); /* can't be busy: sqlite3_exec leaves no statement */
    return status;
}

static enum tt_status base_open(const struct tt_host *host, struct tt_setup *setup, void **ret_module) {
    /* For the whole process, and only before SQLite's first use; without it the workers meet at SQLite's memory counter,
       and a path may begin with "file:". A second [module] section comes too late, and needs nothing. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_config(SQLITE_CONFIG_URI, 0);
    const char *path = host->setting_path(setup, "database");
    if (path == NULL)
        return host->mistake(setup, "database", "a file's name is needed");
    struct base *base = calloc(1, sizeof *base);
    if (base == NULL)
        return TT_NOMEM;
    base->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    /* "./" keeps SQLite from seeing more than a name in ":memory:", "file:x?mode=memory" or "" */
    if (base->c_locale == (locale_t)0 || asprintf(&base->path, "%s%s", path[0] == '/' ? "" : "./", path) < 0) {
        base->path = NULL; /* asprintf leaves it undefined */
        base_close(base);
        return TT_NOMEM;
    }
    long busy_ms = 0;
    enum tt_status status = TT_INVALID;
    if (setting_yes_no(host, setup, "writable", &base->is_writable) &&
        setting_count(host, setup, "busy-timeout-ms", 0, BUSY_MS_MAX, &busy_ms)) {
        base->busy_ms = (int)busy_ms;
        status = check_database(host, setup, base);
    }
    if (status != TT_OK) {
        base_close(base);
        return status;
    }
    *ret_module = base;
    return TT_OK;
}

static const struct tt_setting module_settings[] = {
    {.key = "database", .is_required = true, .help = "the database's file; it is never created"},
    {.key = "writable", .default_text = "no", .help = "yes: statements may change the database"},
    {.key = "busy-timeout-ms",
     .default_text = "1000",
     .help = "how long to wait for a lock, in milliseconds; then 503"},
};

static const struct tt_setting query_settings[] = {
    {.key = "sql", .is_required = true, .help = "one statement; each :name in it is a parameter of the call"},
    {.key = "one-row", .default_text = "no", .help = "yes: the first row alone is the answer, and none is 404"},
    {.key = "max-rows", .default_text = "1000", .help = "where more rows are found, the answer says truncated"},
};

static const struct tt_function functions[] = {
    {.size = sizeof(struct tt_function),
     .name = "query",
     .help = "one SQL statement",
     .settings = query_settings,
     .setting_count = sizeof query_settings / sizeof query_settings[0],
     .prepare = query_prepare,
     .finish = query_finish,
     .run = query_run},
};

TT_EXPORT const struct tt_module tt_module = {
    .abi = TT_MODULE_ABI,
    .size = sizeof(struct tt_module),
    .name = "sqlite",
    .version = "1.0",
    .help = "SQL statements as calls",
    .settings = module_settings,
    .setting_count = sizeof module_settings / sizeof module_settings[0],
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
    .open = base_open,
    .close = base_close,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};

/* -- for the other files -- */

int base_connect(const struct base *base, sqlite3 **ret_db) {
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= base->is_writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int code = sqlite3_open_v2(base->path, ret_db, flags, NULL);
    if (code != SQLITE_OK)
        return code;
    static const int options[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},             /* no writing to SQLite's own tables */
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},        /* views and triggers of the file call nothing harmful */
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}, /* no code from elsewhere */
        {SQLITE_DBCONFIG_DQS_DML, 0},               /* a mistyped "column" is an error, not a text */
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0] && code == SQLITE_OK; i++)
        code = sqlite3_db_config(*ret_db, options[i][0], options[i][1], NULL);
    (void)sqlite3_limit(*ret_db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX); /* returns the limit before */
    (void)sqlite3_limit(*ret_db, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_limit(*ret_db, SQLITE_LIMIT_WORKER_THREADS, 0);
    (void)sqlite3_limit(*ret_db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES_MAX);
    return code == SQLITE_OK ? sqlite3_busy_timeout(*ret_db, base->busy_ms) : code;
}

const char *base_reason(sqlite3 *db, int code) {
    int sys_errno = db == NULL ? 0 : sqlite3_system_errno(db);
    const char *text = (code & 0xff) == SQLITE_CANTOPEN && sys_errno != 0 ? strerrordesc_np(sys_errno) : NULL;
    if (text != NULL)
        return text;
    return db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(db);
}

bool setting_yes_no(const struct tt_host *host, struct tt_setup *setup, const char *key, bool *ret_yes) {
    const char *text = host->setting(setup, key);
    bool is_yes = text != NULL && strcmp(text, "yes") == 0;
    if (!is_yes && (text == NULL || strcmp(text, "no") != 0)) {
        (void)host->mistake(setup, key, "\"%s\" is neither yes nor no", text == NULL ? "" : text);
        return false;
    }
    *ret_yes = is_yes;
    return true;
}

bool setting_count(const struct tt_host *host, struct tt_setup *setup, const char *key, long minimum, long maximum,
                   long *ret_count) {
    const char *text = host->setting(setup, key);
    char *end = NULL;
    errno = 0;
    long count = text != NULL && text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
    if (end == NULL || *end != '\0' || errno != 0 || count < minimum || count > maximum) {
        (void)host->mistake(setup, key, "\"%s\" is not a whole number (%ld to %ld)", text == NULL ? "" : text, minimum,
                            maximum);
        return false;
    }
    *ret_count = count;
    return true;
}

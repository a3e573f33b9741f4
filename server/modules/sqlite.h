/**
 * Sqlite: what the files of this module share.
 *
 * sqlite.c opens databases and workers, sqlite_query.c prepares a call, sqlite_run.c runs it, sqlite_row.c writes its rows.
 */
#ifndef SERVER_MODULES_SQLITE_H
#define SERVER_MODULES_SQLITE_H

#include <locale.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <tothread/module.h>

/** One [module] section. Fixed once all calls are prepared. */
struct base {
    char *path;
    bool is_writable;
    int busy_ms;
    size_t query_count;
    locale_t c_locale; /* for row_write */
};

/** One [call] section. */
struct query {
    const char *sql; /* lent by the host until finish */
    size_t index;    /* in worker.statements */
    bool has_one_row;
    bool is_readonly;
    long row_limit;
    int param_count;
    size_t args[]; /* which argument each SQL parameter takes */
};

/** One worker's connection. Its worker alone touches it. */
struct worker {
    sqlite3 *db;
    const struct tt_run *run; /* what the progress handler asks about; NULL between runs */
    size_t statement_count;
    sqlite3_stmt *statements[]; /* NULL until first used */
};

/**
 * Opens a connection for the calling thread alone, with everything off that a call doesn't need.
 *
 * Owns:    *ret_db is the caller's in any case: on failure it may be there too, to be asked for its message.
 * Returns: SQLite's code.
 */
int base_connect(const struct base *base, sqlite3 **ret_db) TT_MUST_CHECK;

/** Why base_connect or the first statement failed, for people. db may be NULL. Lends, until db is used again. */
const char *base_reason(sqlite3 *db, int code);

/** Reads a yes or no. Returns: false after a mistake. */
bool setting_yes_no(const struct tt_host *host, struct tt_setup *setup, const char *key, bool *ret_yes) TT_MUST_CHECK;

/** Reads a whole number. Returns: false after a mistake. */
bool setting_count(const struct tt_host *host, struct tt_setup *setup, const char *key, long minimum, long maximum,
                   long *ret_count) TT_MUST_CHECK;

/** tt_function.prepare, finish and run of `query`. */
enum tt_status query_prepare(const struct tt_host *host, struct tt_setup *setup, void *module, void **ret_call);
void query_finish(void *module, void *call);
enum tt_outcome query_run(struct tt_run *run);

#endif

/**
 * Run: one run of a prepared statement, on its worker's connection.
 */
#include "sqlite.h"
#include "sqlite_row.h"
#include <stdio.h>
#include <string.h>

static bool write_text(struct tt_run *run, const char *text) {
    return run->host->write(run, text, strlen(text)) == TT_OK;
}

static bool write_row(struct tt_run *run, sqlite3_stmt *statement) {
    const struct base *base = run->module;
    return row_write(run, statement, base->c_locale);
}

static enum tt_outcome fail_room(struct tt_run *run) {
    return run->host->fail(run, 500, "no room for the answer (max-answer limits it)");
}

static enum tt_outcome fail_query(struct tt_run *run, int code) {
    static const int statuses[][2] = {
        {SQLITE_BUSY, 503},       {SQLITE_LOCKED, 503},   {SQLITE_INTERRUPT, 503},
        {SQLITE_CONSTRAINT, 409}, {SQLITE_MISMATCH, 422},
    };
    const struct worker *worker = run->worker;
    int status = 500;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i][0] == (code & 0xff))
            status = statuses[i][1];
    return run->host->fail(run, status, "%s", sqlite3_errmsg(worker->db));
}

/* A statement that writes must run to its end, or its changes would be cut short where the answer is. */
static int step_to_end(const struct query *query, sqlite3_stmt *statement, int code) {
    if (query->is_readonly)
        return SQLITE_DONE;
    while (code == SQLITE_ROW)
        code = sqlite3_step(statement);
    return code;
}

static enum tt_outcome answer_one(struct tt_run *run, const struct query *query, sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_DONE)
        return run->host->fail(run, 404, "no such row");
    if (code != SQLITE_ROW)
        return fail_query(run, code);
    bool is_written = write_row(run, statement) && write_text(run, "\n");
    code = step_to_end(query, statement, code);
    if (code != SQLITE_DONE)
        return fail_query(run, code);
    return is_written ? TT_DONE : fail_room(run);
}

static enum tt_outcome answer_all(struct tt_run *run, const struct query *query, sqlite3_stmt *statement) {
    bool is_written = write_text(run, "{\"rows\":[");
    long count = 0;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW && count < query->row_limit && is_written)
        is_written = (count++ == 0 || write_text(run, ",")) && write_row(run, statement);
    bool is_truncated = code == SQLITE_ROW;
    if (is_truncated)
        code = step_to_end(query, statement, code);
    if (code != SQLITE_DONE)
        return fail_query(run, code);
    is_written = is_written && write_text(run, is_truncated ? "],\"truncated\":true}\n" : "]}\n");
    return is_written ? TT_DONE : fail_room(run);
}

static enum tt_outcome answer_changes(struct tt_run *run, sqlite3_stmt *statement) {
    sqlite3 *db = sqlite3_db_handle(statement);
    sqlite3_int64 before = sqlite3_total_changes64(db);
    int code = sqlite3_step(statement);
    if (code != SQLITE_DONE)
        return fail_query(run, code);
    /* sqlite3_changes64 alone would repeat the number of an earlier statement, where this one is no INSERT or the like */
    long long changes = sqlite3_total_changes64(db) == before ? 0 : sqlite3_changes64(db);
    char text[48];
    (void)snprintf(text, sizeof text, "{\"changes\":%lld}\n", changes);
    return write_text(run, text) ? TT_DONE : fail_room(run);
}

static int bind_value(sqlite3_stmt *statement, int param, const struct tt_value *value) {
    switch (value->type) {
    case TT_TYPE_TEXT: /* it outlives the statement's use: nothing to copy */
        return sqlite3_bind_text64(statement, param, value->as.text.data, value->as.text.size, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case TT_TYPE_INTEGER:
        return sqlite3_bind_int64(statement, param, value->as.integer);
    case TT_TYPE_REAL:
        return sqlite3_bind_double(statement, param, value->as.real);
    case TT_TYPE_BOOLEAN:
        return sqlite3_bind_int(statement, param, value->as.boolean);
    default:
        return sqlite3_bind_null(statement, param);
    }
}

static int bind_all(struct tt_run *run, const struct query *query, sqlite3_stmt *statement) {
    for (int param = 1; param <= query->param_count; param++) {
        int code = bind_value(statement, param, &run->args[query->args[param - 1]]);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

enum tt_outcome query_run(struct tt_run *run) {
    struct worker *worker = run->worker;
    const struct query *query = run->call;
    if (worker == NULL || query->index >= worker->statement_count)
        return run->host->fail(run, 500, "a database call needs a worker: give it a pool");
    worker->run = run;
    sqlite3_stmt **statement = &worker->statements[query->index];
    int code = SQLITE_OK;
    if (*statement == NULL)
        code = sqlite3_prepare_v3(worker->db, query->sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code == SQLITE_OK)
        code = bind_all(run, query, *statement);
    enum tt_outcome outcome;
    if (code != SQLITE_OK)
        outcome = fail_query(run, code);
    else if (sqlite3_column_count(*statement) == 0)
        outcome = answer_changes(run, *statement);
    else
        outcome = query->has_one_row ? answer_one(run, query, *statement) : answer_all(run, query, *statement);
    if (*statement != NULL) {
        (void)sqlite3_reset(*statement); /* repeats the error that is told already */
        (void)sqlite3_clear_bindings(*statement);
    }
    worker->run = NULL;
    return outcome;
}

/**
 * Query: a [call] section's statement, checked at start-up. Its named parameters become the call's.
 */
#include "sqlite.h"
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 1000000

/* What keeps a statement to one transaction and one file. */
struct gate {
    const char *refused; /* NULL: nothing so far */
};

static int check_action(void *context, int action, const char *a, const char *b, const char *db, const char *trigger) {
    (void)a, (void)b, (void)db, (void)trigger;
    struct gate *gate = context;
    if (action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT)
        gate->refused = "a call is a transaction by itself, and can't begin or end one";
    else if (action == SQLITE_ATTACH || action == SQLITE_DETACH)
        gate->refused = "a call can't attach other databases";
    return gate->refused == NULL ? SQLITE_OK : SQLITE_DENY;
}

static bool is_name(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return text[0] != '\0' && strchr(letters, text[0]) != NULL &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '\0';
}

/* The statement, or NULL after a mistake. */
static sqlite3_stmt *compile(const struct tt_host *host, struct tt_setup *setup, sqlite3 *db, const char *sql) {
    struct gate gate = {NULL};
    sqlite3_stmt *statement = NULL, *second = NULL;
    const char *rest = NULL;
    (void)sqlite3_set_authorizer(db, check_action, &gate); /* can't fail on an open connection */
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, &rest);
    bool is_alone =
        code != SQLITE_OK || (sqlite3_prepare_v2(db, rest, -1, &second, NULL) == SQLITE_OK && second == NULL);
    (void)sqlite3_finalize(second); /* was never run */
    (void)sqlite3_set_authorizer(db, NULL, NULL);
    if (code != SQLITE_OK)
        (void)host->mistake(setup, "sql", "%s", gate.refused != NULL ? gate.refused : sqlite3_errmsg(db));
    else if (statement == NULL)
        (void)host->mistake(setup, "sql", "there is no statement in it");
    else if (!is_alone)
        (void)host->mistake(setup, "sql", "a call is one statement, and here is more than one");
    else
        return statement;
    (void)sqlite3_finalize(statement);
    return NULL;
}

static enum tt_status check_columns(const struct tt_host *host, struct tt_setup *setup, sqlite3_stmt *statement) {
    int count = sqlite3_column_count(statement);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++) {
            const char *name = sqlite3_column_name(statement, i), *other = sqlite3_column_name(statement, j);
            if (name == NULL || other == NULL)
                return TT_NOMEM;
            if (strcmp(name, other) == 0)
                return host->mistake(setup, "sql", "two columns are called \"%s\": rename one with AS", name);
        }
    return TT_OK;
}

/* :id and @id and $id are one argument. */
static enum tt_status declare_params(const struct tt_host *host, struct tt_setup *setup, sqlite3_stmt *statement,
                                     struct query *query) {
    size_t arg_count = 0;
    for (int i = 0; i < query->param_count; i++) {
        const char *name = sqlite3_bind_parameter_name(statement, i + 1);
        if (name == NULL || name[0] == '?')
            return host->mistake(setup, "sql", "write parameters with a name, like :id, and not as \"?\"");
        if (!is_name(name + 1))
            return host->mistake(setup, "sql", "\"%s\" is no name for a parameter (letters, digits and _)", name);
        query->args[i] = arg_count;
        for (int j = 0; j < i; j++)
            if (strcmp(sqlite3_bind_parameter_name(statement, j + 1) + 1, name + 1) == 0)
                query->args[i] = query->args[j];
        if (query->args[i] != arg_count)
            continue;
        struct tt_param param = {.name = name + 1, .type = TT_TYPE_ANY, .is_required = true};
        enum tt_status status = host->add_param(setup, &param);
        if (status != TT_OK)
            return status;
        arg_count++;
    }
    return TT_OK;
}

static enum tt_status make_query(const struct tt_host *host, struct tt_setup *setup, struct base *base,
                                 sqlite3_stmt *statement, const char *sql, struct query **ret_query) {
    int param_count = sqlite3_bind_parameter_count(statement);
    bool has_one_row;
    long row_limit;
    if (!setting_yes_no(host, setup, "one-row", &has_one_row) ||
        !setting_count(host, setup, "max-rows", 1, ROWS_MAX, &row_limit))
        return TT_INVALID;
    if (!base->is_writable && !sqlite3_stmt_readonly(statement))
        return host->mistake(setup, "sql", "this statement writes, and the module doesn't say writable = yes");
    if (has_one_row && sqlite3_column_count(statement) == 0)
        return host->mistake(setup, "one-row", "the statement gives no rows at all");
    struct query *query = calloc(1, sizeof *query + (size_t)param_count * sizeof query->args[0]);
    if (query == NULL)
        return TT_NOMEM;
    query->sql = sql;
    query->has_one_row = has_one_row;
    query->is_readonly = sqlite3_stmt_readonly(statement);
    query->row_limit = row_limit;
    query->param_count = param_count;
    enum tt_status status = check_columns(host, setup, statement);
    if (status == TT_OK)
        status = declare_params(host, setup, statement, query);
    if (status != TT_OK) {
        free(query);
        return status;
    }
    query->index = base->query_count++;
    *ret_query = query;
    return TT_OK;
}

enum tt_status query_prepare(const struct tt_host *host, struct tt_setup *setup, void *module, void **ret_call) {
    struct base *base = module;
    const char *sql = host->setting(setup, "sql");
    if (sql == NULL)
        return host->mistake(setup, "sql", "a statement is needed");
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    enum tt_status status = TT_INVALID;
    struct query *query = NULL;
    int code = base_connect(base, &db);
    if (code != SQLITE_OK)
        (void)host->mistake(setup, NULL, "%s: %s", base->path, base_reason(db, code));
    else
        statement = compile(host, setup, db, sql);
    if (statement != NULL)
        status = make_query(host, setup, base, statement, sql, &query);
    (void)sqlite3_finalize(statement); /* was never run */
    (void)sqlite3_close(db);           /* can't be busy: its statement is gone */
    *ret_call = query;
    return status;
}

void query_finish(void *module, void *call) {
    (void)module;
    free(call);
}

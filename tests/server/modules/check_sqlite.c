#include "../../support/module_host.h"
#include <check.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct module_host host;
static struct module_call call;
static struct module_answer answer;
static void *worker;
static char folder[64];
static char database[128];

static void execute(sqlite3 *db, const char *sql) {
    char *message = NULL;
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s", message);
}

static sqlite3 *connect_other(void) {
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(database, &db), SQLITE_OK);
    return db;
}

static void setup(void) {
    answer = (struct module_answer){0};
    worker = NULL;
    (void)snprintf(folder, sizeof folder, "/tmp/check-sqlite-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(database, sizeof database, "%s/data.db", folder);
    module_host_load(&host, "sqlite");
    sqlite3 *db = connect_other();
    execute(db, "CREATE TABLE kv (id INTEGER PRIMARY KEY, v TEXT UNIQUE);"
                "INSERT INTO kv VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4242, 'value-4242');"
                "CREATE TABLE spare (a)");
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static void teardown(void) {
    module_answer_free(&answer);
    module_host_close(&host);
    scratch_remove(folder);
}

static void open_as(const char *writable) {
    const char *settings[] = {"database", database, "writable", writable, "busy-timeout-ms", "20", NULL};
    ck_assert_msg(module_host_open(&host, settings) == TT_OK, "%s", host.mistakes);
}

static enum tt_status prepare(const char *sql, const char *one_row, const char *max_rows) {
    const char *settings[] = {"sql", sql, "one-row", one_row, "max-rows", max_rows, NULL};
    return module_host_prepare(&host, "query", settings, &call);
}

/* Opens, prepares and starts a worker; close_all ends it. */
static void begin(const char *writable, const char *sql, const char *one_row, const char *max_rows) {
    open_as(writable);
    ck_assert_msg(prepare(sql, one_row, max_rows) == TT_OK, "%s", host.mistakes);
    worker = module_host_worker_start(&host);
}

static void end(void) {
    module_host_worker_stop(&host, worker);
    module_host_finish(&host, &call);
}

static void run(const struct tt_value *values, size_t count) {
    free(answer.body);
    answer.body = NULL;
    answer.size = 0;
    answer.abandon_asked = 0;
    module_host_run(&host, &call, worker, values, count, &answer);
}

static void expect(const char *body) {
    ck_assert_msg(answer.status == 200, "%d %s", answer.status, answer.detail);
    ck_assert_str_eq(answer.body, body);
}

/* -- mistakes -- */

static const char *const bad_statements[][2] = {
    /* statement, what the mistake says */
    {"", "no statement"},
    {"  -- nothing\n", "no statement"},
    {"SELEKT 1", "syntax error"},
    {"SELECT v FROM", "incomplete input"},
    {"SELECT v FROM nowhere", "no such table: nowhere"},
    {"SELECT w FROM kv", "no such column: w"},
    {"SELECT \"w\" FROM kv", "no such column: w"},
    {"SELECT 1 AS a; SELECT 2 AS b", "more than one"},
    {"SELECT 1 AS a; DROP TABLE kv", "more than one"},
    {"SELECT 1 AS a; nonsense", "more than one"},
    {"SELECT v FROM kv WHERE id = ?", "with a name"},
    {"SELECT v FROM kv WHERE id = ?1", "with a name"},
    {"SELECT v FROM kv WHERE id = :id OR id = ?", "with a name"},
    {"SELECT v FROM kv WHERE id = $a::b(c)", "no name for a parameter"},
    {"SELECT v FROM kv WHERE id = :1", "no name for a parameter"},
    {"SELECT id, v, v FROM kv", "two columns are called \"v\""},
    {"INSERT INTO kv VALUES (9, 'nine')", "writable = yes"},
    {"INSERT INTO kv VALUES (9, 'nine') RETURNING id", "writable = yes"},
    {"UPDATE kv SET v = 'x'", "writable = yes"},
    {"DELETE FROM kv", "writable = yes"},
    {"WITH x AS (SELECT 1) DELETE FROM kv", "writable = yes"},
    {"DROP TABLE kv", "writable = yes"},
    {"CREATE TABLE t (a)", "writable = yes"},
    {"VACUUM", "writable = yes"},
    {"VACUUM INTO '/tmp/check-sqlite-copy.db'", "writable = yes"},
    {"PRAGMA journal_mode = WAL", "writable = yes"},
    {"BEGIN", "transaction"},
    {"COMMIT", "transaction"},
    {"SAVEPOINT a", "transaction"},
    {"ATTACH '/etc/passwd' AS a", "attach"},
    {"DETACH main", "attach"},
};

START_TEST(a_wrong_statement_is_a_mistake_at_sql) {
    open_as("no");
    ck_assert_int_eq(prepare(bad_statements[_i][0], "no", "10"), TT_INVALID);
    ck_assert_msg(strncmp(host.mistakes, "sql: ", 5) == 0 && strstr(host.mistakes, bad_statements[_i][1]) != NULL,
                  "%s gave %s", bad_statements[_i][0], host.mistakes);
    ck_assert_ptr_eq(strchr(host.mistakes, '\n'), host.mistakes + strlen(host.mistakes) - 1); /* it is told once */
}
END_TEST

START_TEST(transactions_and_attach_are_refused_in_writable_databases_too) {
    open_as("yes");
    ck_assert_int_eq(prepare("BEGIN", "no", "10"), TT_INVALID);
    ck_assert_int_eq(prepare("ATTACH 'x' AS x", "no", "10"), TT_INVALID);
}
END_TEST

static const char *const bad_query_settings[][3] = {
    /* one-row, max-rows, key */
    {"maybe", "10", "one-row: "}, {"", "10", "one-row: "},  {"no", "0", "max-rows: "},
    {"no", "-1", "max-rows: "},   {"no", "", "max-rows: "}, {"no", "99999999", "max-rows: "},
    {"no", "1x", "max-rows: "},
};

START_TEST(a_setting_of_a_call_that_means_nothing_is_a_mistake) {
    const char *const *row = bad_query_settings[_i];
    open_as("no");
    ck_assert_int_eq(prepare("SELECT 1 AS a", row[0], row[1]), TT_INVALID);
    ck_assert_msg(strncmp(host.mistakes, row[2], strlen(row[2])) == 0, "%s", host.mistakes);
}
END_TEST

START_TEST(one_row_of_a_statement_without_rows_is_a_mistake) {
    open_as("yes");
    ck_assert_int_eq(prepare("DELETE FROM kv", "yes", "10"), TT_INVALID);
    ck_assert_int_eq(strncmp(host.mistakes, "one-row: ", 9), 0);
}
END_TEST

static void expect_mistake(const char *path, const char *writable, const char *busy, const char *text) {
    const char *settings[] = {"database", path, "writable", writable, "busy-timeout-ms", busy, NULL};
    host.mistakes[0] = '\0';
    ck_assert_int_eq(module_host_open(&host, settings), TT_INVALID);
    ck_assert_msg(strstr(host.mistakes, text) != NULL, "%s instead of %s", host.mistakes, text);
}

START_TEST(what_is_no_database_is_a_mistake_at_database) {
    char other[128];
    (void)snprintf(other, sizeof other, "%s/other.db", folder);
    expect_mistake(other, "no", "10", "database: ");
    expect_mistake(other, "yes", "10", "No such file or directory");
    ck_assert_int_ne(access(other, F_OK), 0); /* it wasn't made */
    expect_mistake(folder, "no", "10", "database: ");
    expect_mistake("/etc/passwd", "no", "10", "file is not a database");
    expect_mistake("", "no", "10", "database: ");
}
END_TEST

START_TEST(a_databases_name_is_never_more_than_a_name) {
    ck_assert_int_eq(chdir(folder), 0);
    expect_mistake(":memory:", "yes", "10", "database: ./:memory:: No such file");
    expect_mistake("file:data.db?mode=memory", "yes", "10", "database: ./file:data.db?mode=memory: No such file");
}
END_TEST

START_TEST(a_setting_of_the_module_that_means_nothing_is_a_mistake) {
    expect_mistake(database, "Yes", "10", "writable: ");
    expect_mistake(database, "no", "-1", "busy-timeout-ms: ");
    expect_mistake(database, "no", "1s", "busy-timeout-ms: ");
    expect_mistake(database, "no", "", "busy-timeout-ms: ");
}
END_TEST

/* -- failures while running -- */

START_TEST(arguments_are_never_sql) {
    begin("no", "SELECT v FROM kv WHERE v = :v", "no", "10");
    static const char *const evil[] = {"' OR 1=1 --", "one'; DROP TABLE kv; --", "\" OR \"\"=\"", ":v", "%", "\\"};
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        run((struct tt_value[]){value_of_text(evil[i])}, 1);
        expect("{\"rows\":[]}\n");
    }
    end();
}
END_TEST

START_TEST(no_row_is_not_found) {
    begin("no", "SELECT v FROM kv WHERE id = :id", "yes", "10");
    run((struct tt_value[]){value_of_integer(5)}, 1);
    ck_assert_int_eq(answer.status, 404);
    end();
}
END_TEST

START_TEST(a_locked_database_is_busy_and_then_works_again) {
    begin("no", "SELECT v FROM kv WHERE id = :id", "yes", "10");
    sqlite3 *other = connect_other();
    execute(other, "BEGIN EXCLUSIVE");
    run((struct tt_value[]){value_of_integer(1)}, 1);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_ptr_nonnull(strstr(answer.detail, "locked"));
    execute(other, "ROLLBACK");
    run((struct tt_value[]){value_of_integer(1)}, 1);
    expect("{\"v\":\"one\"}\n");
    ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
    end();
}
END_TEST

START_TEST(a_broken_constraint_is_a_conflict_and_changes_nothing) {
    begin("yes", "INSERT INTO kv VALUES (:id, :v)", "no", "10");
    run((struct tt_value[]){value_of_integer(9), value_of_text("one")}, 2);
    ck_assert_int_eq(answer.status, 409);
    ck_assert_ptr_nonnull(strstr(answer.detail, "kv.v"));
    run((struct tt_value[]){value_of_integer(9), value_of_text("nine")}, 2);
    expect("{\"changes\":1}\n");
    end();
}
END_TEST

START_TEST(an_argument_of_the_wrong_type_is_the_callers_mistake) {
    begin("no", "SELECT v FROM kv LIMIT :n", "no", "10");
    run((struct tt_value[]){value_of_text("many")}, 1);
    ck_assert_int_eq(answer.status, 422);
    run((struct tt_value[]){value_of_text("1")}, 1);
    expect("{\"rows\":[{\"v\":\"one\"}]}\n");
    end();
}
END_TEST

START_TEST(a_long_query_stops_when_nobody_waits_and_the_worker_lives) {
    begin("no",
          "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :max) SELECT max(i) AS m FROM n",
          "yes", "10");
    answer.abandon_after = 5;
    run((struct tt_value[]){value_of_integer(INT64_MAX)}, 1);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_uint_eq(answer.abandon_asked, 5);
    answer.abandon_after = 0;
    run((struct tt_value[]){value_of_integer(10)}, 1);
    expect("{\"m\":10}\n");
    end();
}
END_TEST

START_TEST(extensions_cannot_be_loaded_and_files_not_read) {
    begin("no", "SELECT load_extension(:x) AS x", "yes", "10");
    run((struct tt_value[]){value_of_text("libm.so.6")}, 1);
    ck_assert_int_eq(answer.status, 500);
    ck_assert_ptr_nonnull(strstr(answer.detail, "not authorized"));
    end();
}
END_TEST

START_TEST(a_table_that_goes_away_fails_the_call_with_its_name) {
    begin("no", "SELECT a FROM spare", "no", "10");
    sqlite3 *other = connect_other();
    execute(other, "DROP TABLE spare");
    for (int i = 0; i < 2; i++) {
        run(NULL, 0);
        ck_assert_int_eq(answer.status, 500);
        ck_assert_ptr_nonnull(strstr(answer.detail, "no such table: spare"));
    }
    execute(other, "CREATE TABLE spare (a); INSERT INTO spare VALUES (7)");
    ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
    run(NULL, 0);
    expect("{\"rows\":[{\"a\":7}]}\n");
    end();
}
END_TEST

START_TEST(answers_without_room_are_failures) {
    static const char *const statements[] = {"SELECT v FROM kv", "SELECT zeroblob(5) AS b", "DELETE FROM spare"};
    static const char *const one_row[] = {"no", "yes", "no"};
    begin("yes", statements[_i], one_row[_i], "10");
    run(NULL, 0);
    size_t size = answer.size;
    ck_assert_uint_gt(size, 10);
    for (answer.limit = 1; answer.limit < size; answer.limit++) {
        run(NULL, 0);
        ck_assert_msg(answer.status == 500, "%d with %zu bytes of %zu", answer.status, answer.limit, size);
    }
    run(NULL, 0);
    ck_assert_int_eq(answer.status, 200);
    end();
}
END_TEST

START_TEST(a_call_without_a_worker_fails) {
    begin("no", "SELECT v FROM kv WHERE id = :id", "yes", "10");
    void *kept = worker;
    worker = NULL;
    run((struct tt_value[]){value_of_integer(1)}, 1);
    ck_assert_int_eq(answer.status, 500);
    ck_assert_ptr_nonnull(strstr(answer.detail, "pool"));
    worker = kept;
    end();
}
END_TEST

START_TEST(a_worker_without_its_database_says_why) {
    open_as("no");
    ck_assert_int_eq(prepare("SELECT v FROM kv", "no", "10"), TT_OK);
    ck_assert_int_eq(unlink(database), 0);
    struct tt_error error = {0};
    ck_assert_int_eq(host.module->worker_start(host.state, &worker, &error), TT_SYSTEM);
    ck_assert_int_eq(error.status, TT_SYSTEM);
    ck_assert_ptr_nonnull(strstr(error.text, "No such file or directory"));
    ck_assert_ptr_nonnull(strstr(error.text, database));
    ck_assert_ptr_null(worker);
    module_host_finish(&host, &call);
}
END_TEST

/* -- what is right -- */

START_TEST(one_row_is_an_object) {
    begin("no", "SELECT v FROM kv WHERE id = :id", "yes", "10");
    ck_assert_uint_eq(call.param_count, 1);
    ck_assert_str_eq(call.params[0].name, "id");
    ck_assert_int_eq(call.params[0].type, TT_TYPE_ANY);
    ck_assert(call.params[0].is_required);
    for (int i = 0; i < 3; i++) {
        run((struct tt_value[]){value_of_text("4242")}, 1); /* as from a query */
        expect("{\"v\":\"value-4242\"}\n");
        run((struct tt_value[]){value_of_integer(2)}, 1);
        expect("{\"v\":\"two\"}\n");
    }
    ck_assert_str_eq(answer.type, "application/json");
    end();
}
END_TEST

START_TEST(rows_come_in_their_order_and_say_when_there_are_more) {
    begin("no", "SELECT id, v FROM kv WHERE id < :max ORDER BY id DESC", "no", "2");
    run((struct tt_value[]){value_of_integer(3)}, 1);
    expect("{\"rows\":[{\"id\":2,\"v\":\"two\"},{\"id\":1,\"v\":\"one\"}]}\n");
    run((struct tt_value[]){value_of_integer(4)}, 1);
    expect("{\"rows\":[{\"id\":3,\"v\":\"three\"},{\"id\":2,\"v\":\"two\"}],\"truncated\":true}\n");
    run((struct tt_value[]){value_of_integer(0)}, 1);
    expect("{\"rows\":[]}\n");
    end();
}
END_TEST

static const char *const values[][2] = {
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"0.1", "0.1"},
    {"1.0/3", "0.3333333333333333"},
    {"0.1 + 0.2", "0.30000000000000004"},
    {"3.0", "3.0"},
    {"-0.0", "-0.0"},
    {"1e300", "1e+300"},
    {"5e-324", "4.94065645841247e-324"},
    {"123456789012345680000.0", "1.2345678901234568e+20"},
    {"9e999", "null"},
    {"-9e999", "null"},
    {"NULL", "null"},
    {"''", "\"\""},
    {"'a\"b\\c' || char(10)", "\"a\\\"b\\\\c\\u000a\""},
    {"'a' || char(0) || 'b'", "\"a\\u0000b\""},
    {"x''", "{\"base64\":\"\"}"},
    {"x'00'", "{\"base64\":\"AA==\"}"},
    {"x'00ff'", "{\"base64\":\"AP8=\"}"},
    {"x'00ff10'", "{\"base64\":\"AP8Q\"}"},
    {"x'fbefbeff'", "{\"base64\":\"++++/w==\"}"},
    {"zeroblob(3)", "{\"base64\":\"AAAA\"}"},
};

START_TEST(values_keep_their_type_and_every_digit) {
    char sql[128], body[128];
    (void)snprintf(sql, sizeof sql, "SELECT %s AS x", values[_i][0]);
    (void)snprintf(body, sizeof body, "{\"x\":%s}\n", values[_i][1]);
    begin("no", sql, "yes", "10");
    run(NULL, 0);
    expect(body);
    end();
}
END_TEST

START_TEST(arguments_of_every_type_arrive) {
    begin("no", "SELECT typeof(:a) AS a, typeof($b) AS b, typeof(@c) AS c, :d AS d, typeof(:e) AS e, @a AS same", "yes",
          "10");
    ck_assert_uint_eq(call.param_count, 5); /* :a and @a are one */
    ck_assert_str_eq(call.params[1].name, "b");
    struct tt_value arguments[] = {
        value_of_integer(1), {.type = TT_TYPE_REAL, .as.real = 0.5},
        value_of_text("x"),  {.type = TT_TYPE_BOOLEAN, .as.boolean = true},
        value_of_text(""),
    };
    run(arguments, 5);
    expect("{\"a\":\"integer\",\"b\":\"real\",\"c\":\"text\",\"d\":1,\"e\":\"text\",\"same\":1}\n");
    end();
}
END_TEST

START_TEST(odd_column_names_are_quoted) {
    begin("no", "SELECT 1 AS \"a\"\"b\\\"", "yes", "10");
    run(NULL, 0);
    expect("{\"a\\\"b\\\\\":1}\n");
    end();
}
END_TEST

START_TEST(a_writable_database_tells_how_much_changed) {
    begin("yes", "UPDATE kv SET v = v || '!' WHERE id < :id", "no", "10");
    run((struct tt_value[]){value_of_integer(3)}, 1);
    expect("{\"changes\":2}\n");
    run((struct tt_value[]){value_of_integer(0)}, 1);
    expect("{\"changes\":0}\n");
    end();
}
END_TEST

START_TEST(what_is_not_shown_is_changed_all_the_same) {
    static const char *const modes[] = {"yes", "no"};
    for (size_t i = 0; i < 2; i++) {
        begin("yes", "INSERT INTO spare VALUES (1), (2), (3) RETURNING a", modes[i], "1");
        run(NULL, 0);
        expect(i == 0 ? "{\"a\":1}\n" : "{\"rows\":[{\"a\":1}],\"truncated\":true}\n");
        end();
        host.module->close(host.state);
        host.is_open = false;
    }
    begin("no", "SELECT count(*) AS n FROM spare", "yes", "10");
    run(NULL, 0);
    expect("{\"n\":6}\n");
    end();
}
END_TEST

START_TEST(calls_of_one_module_keep_their_statements_apart) {
    struct module_call first;
    open_as("no");
    ck_assert_int_eq(prepare("SELECT 'first' AS x", "yes", "10"), TT_OK);
    first = call;
    ck_assert_int_eq(prepare("SELECT 'second' AS x", "yes", "10"), TT_OK);
    worker = module_host_worker_start(&host);
    for (int i = 0; i < 2; i++) {
        run(NULL, 0);
        expect("{\"x\":\"second\"}\n");
        module_answer_free(&answer);
        module_host_run(&host, &first, worker, NULL, 0, &answer);
        expect("{\"x\":\"first\"}\n");
    }
    end();
    module_host_finish(&host, &first);
}
END_TEST

static void *work(void *context) {
    size_t *wrong_count = context;
    void *own = module_host_worker_start(&host);
    for (int i = 0; i < 500; i++) {
        struct module_answer mine = {0};
        module_host_run(&host, &call, own, (struct tt_value[]){value_of_integer(1 + i % 2)}, 1, &mine);
        if (mine.status != 200 || strcmp(mine.body, i % 2 == 0 ? "{\"v\":\"one\"}\n" : "{\"v\":\"two\"}\n") != 0)
            ++*wrong_count;
        module_answer_free(&mine);
    }
    module_host_worker_stop(&host, own);
    return NULL;
}

START_TEST(workers_run_side_by_side) {
    pthread_t threads[4];
    size_t wrong_counts[4] = {0};
    size_t fds = open_fd_count();
    open_as("no");
    ck_assert_int_eq(prepare("SELECT v FROM kv WHERE id = :id", "yes", "10"), TT_OK);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &wrong_counts[i]), 0);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(wrong_counts[i], 0);
    }
    module_host_finish(&host, &call);
    ck_assert_uint_eq(open_fd_count(), fds);
}
END_TEST

static void add_mistakes(TCase *cases) {
    tcase_add_loop_test(cases, a_wrong_statement_is_a_mistake_at_sql, 0,
                        sizeof bad_statements / sizeof bad_statements[0]);
    tcase_add_test(cases, transactions_and_attach_are_refused_in_writable_databases_too);
    tcase_add_loop_test(cases, a_setting_of_a_call_that_means_nothing_is_a_mistake, 0,
                        sizeof bad_query_settings / sizeof bad_query_settings[0]);
    tcase_add_test(cases, one_row_of_a_statement_without_rows_is_a_mistake);
    tcase_add_test(cases, what_is_no_database_is_a_mistake_at_database);
    tcase_add_test(cases, a_databases_name_is_never_more_than_a_name);
    tcase_add_test(cases, a_setting_of_the_module_that_means_nothing_is_a_mistake);
}

static void add_failures(TCase *cases) {
    tcase_add_test(cases, arguments_are_never_sql);
    tcase_add_test(cases, no_row_is_not_found);
    tcase_add_test(cases, a_locked_database_is_busy_and_then_works_again);
    tcase_add_test(cases, a_broken_constraint_is_a_conflict_and_changes_nothing);
    tcase_add_test(cases, an_argument_of_the_wrong_type_is_the_callers_mistake);
    tcase_add_test(cases, a_long_query_stops_when_nobody_waits_and_the_worker_lives);
    tcase_add_test(cases, extensions_cannot_be_loaded_and_files_not_read);
    tcase_add_test(cases, a_table_that_goes_away_fails_the_call_with_its_name);
    tcase_add_loop_test(cases, answers_without_room_are_failures, 0, 3);
    tcase_add_test(cases, a_call_without_a_worker_fails);
    tcase_add_test(cases, a_worker_without_its_database_says_why);
}

static void add_good(TCase *cases) {
    tcase_add_test(cases, one_row_is_an_object);
    tcase_add_test(cases, rows_come_in_their_order_and_say_when_there_are_more);
    tcase_add_loop_test(cases, values_keep_their_type_and_every_digit, 0, sizeof values / sizeof values[0]);
    tcase_add_test(cases, arguments_of_every_type_arrive);
    tcase_add_test(cases, odd_column_names_are_quoted);
    tcase_add_test(cases, a_writable_database_tells_how_much_changed);
    tcase_add_test(cases, what_is_not_shown_is_changed_all_the_same);
    tcase_add_test(cases, calls_of_one_module_keep_their_statements_apart);
    tcase_add_test(cases, workers_run_side_by_side);
}

int main(void) {
    static void (*const add[])(TCase *) = {add_mistakes, add_failures, add_good};
    static const char *const names[] = {"mistakes", "failures", "normal"};
    Suite *suite = suite_create("sqlite");
    for (size_t i = 0; i < 3; i++) {
        TCase *cases = tcase_create(names[i]);
        tcase_add_checked_fixture(cases, setup, teardown);
        tcase_set_timeout(cases, 60);
        add[i](cases);
        suite_add_tcase(suite, cases);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

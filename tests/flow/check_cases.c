/* Cases: the tables of tests/cases over sockets. */
#include "../support/program.h"
#include "../support/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- TCP, all of them -- */

START_TEST(request_line_has_one_form) {
    rows_try(&cases_line, &rows_tcp);
}
END_TEST

START_TEST(target_is_a_path_or_an_http_uri) {
    rows_try(&cases_target, &rows_tcp);
}
END_TEST

START_TEST(host_is_there_once_and_is_a_host) {
    rows_try(&cases_host, &rows_tcp);
}
END_TEST

START_TEST(field_has_one_form) {
    rows_try(&cases_field, &rows_tcp);
}
END_TEST

START_TEST(length_is_one_decimal_number) {
    rows_try(&cases_length, &rows_tcp);
}
END_TEST

START_TEST(only_coding_is_chunked_and_it_stands_alone) {
    rows_try(&cases_coding, &rows_tcp);
}
END_TEST

START_TEST(chunks_are_taken_as_the_grammar_has_them) {
    rows_try(&cases_chunk, &rows_tcp);
}
END_TEST

START_TEST(trailer_is_checked_as_a_head_is_and_means_nothing) {
    rows_try(&cases_trailer, &rows_tcp);
}
END_TEST

START_TEST(nothing_runs_that_no_request_asked_for) {
    rows_try(&cases_body, &rows_tcp);
}
END_TEST

START_TEST(connection_ends_when_either_side_says_so) {
    rows_try(&cases_connection, &rows_tcp);
}
END_TEST

START_TEST(expectation_is_answered_before_the_body_and_never_after_a_refusal) {
    rows_try(&cases_expect, &rows_tcp);
}
END_TEST

/* -- another kind of listener: some of each table -- */

static char unix_path[64];

static int connect_unix(const struct server *server) {
    (void)server;
    return client_connect_unix(unix_path);
}

START_TEST(other_listener_reads_requests_the_same_way) {
    char setting[96];
    char folder[] = "/tmp/tothread-cases-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(unix_path, sizeof unix_path, "%s/http", folder);              /* fits */
    (void)snprintf(setting, sizeof setting, "server.listen=unix:%s", unix_path); /* fits */
    const char *const args[] = {"--set", setting, NULL};
    const struct row_listener listener = {.args = args, .connect = connect_unix, .every = 29};
    for (size_t i = 0; cases_all[i] != NULL; i++)
        rows_try(cases_all[i], &listener);
    (void)rmdir(folder); /* the server has taken its socket away */
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        request_line_has_one_form,
        target_is_a_path_or_an_http_uri,
        host_is_there_once_and_is_a_host,
        field_has_one_form,
        length_is_one_decimal_number,
        only_coding_is_chunked_and_it_stands_alone,
        chunks_are_taken_as_the_grammar_has_them,
        trailer_is_checked_as_a_head_is_and_means_nothing,
        nothing_runs_that_no_request_asked_for,
        connection_ends_when_either_side_says_so,
        expectation_is_answered_before_the_body_and_never_after_a_refusal,
        other_listener_reads_requests_the_same_way,
    };
    return suite_run("cases", tests, sizeof tests / sizeof *tests);
}

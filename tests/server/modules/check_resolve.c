#include "../../support/module_host.h"
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct module_host host;
static struct module_call call;
static struct module_answer answer;

static void setup(void) {
    answer = (struct module_answer){0};
    module_host_load(&host, "resolve");
    ck_assert_int_eq(module_host_open(&host, NULL), TT_OK);
    ck_assert_int_eq(module_host_prepare(&host, "lookup", NULL, &call), TT_OK);
}

static void teardown(void) {
    module_answer_free(&answer);
    module_host_finish(&host, &call);
    module_host_close(&host);
}

static void lookup(const char *name, const char *family) {
    struct tt_value values[] = {value_of_text(name), family == NULL ? (struct tt_value){0} : value_of_text(family)};
    module_answer_free(&answer);
    module_host_run(&host, &call, NULL, values, 2, &answer);
}

static const char *const bad_names[] = {
    ".",
    "..",
    ".a",
    "a..b",
    "a b",
    " a",
    "a\n",
    "a/b",
    "a,b",
    "a@b",
    "a:80",
    "[::1]",
    "127.0.0.1/8",
    "127.0.0.1:80",
    "fe80::1%lo",
    "m\xc3\xbcsli.example",
    "$(id)",
    "\x7f",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
};

START_TEST(a_name_that_is_none_is_refused_before_the_resolver_sees_it) {
    lookup(bad_names[_i], NULL);
    ck_assert_msg(answer.status == 422, "%s: %d", bad_names[_i], answer.status);
    ck_assert_ptr_nonnull(strstr(answer.detail, "name"));
}
END_TEST

START_TEST(an_unknown_family_is_refused) {
    lookup("127.0.0.1", "ipv5");
    ck_assert_int_eq(answer.status, 422);
    ck_assert_ptr_nonnull(strstr(answer.detail, "family"));
}
END_TEST

START_TEST(too_long_a_name_is_refused_by_its_range) {
    ck_assert_str_eq(call.params[0].name, "name");
    ck_assert_int_eq(call.params[0].minimum, 1);
    ck_assert_int_eq(call.params[0].maximum, 253);
    ck_assert(call.params[0].is_required);
}
END_TEST

START_TEST(an_address_of_the_other_family_is_not_found) {
    lookup("127.0.0.1", "ipv6");
    ck_assert_int_eq(answer.status, 404);
    lookup("::1", "ipv4");
    ck_assert_int_eq(answer.status, 404);
    ck_assert_ptr_nonnull(strstr(answer.detail, "::1"));
}
END_TEST

START_TEST(without_a_name_server_the_client_shall_try_again) {
    /* a network namespace of its own has no interface that is up: nothing can be reached */
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        lookup("no-such-host.invalid", NULL); /* with or without a network: no answer, and no crash */
        ck_assert_msg(answer.status == 404 || answer.status == 503, "%d", answer.status);
        return;
    }
    lookup("no-such-host.invalid.", NULL);
    ck_assert_msg(answer.status == 503, "%d %s", answer.status, answer.detail);
    ck_assert_ptr_nonnull(strstr(answer.detail, "no-such-host.invalid."));
}
END_TEST

START_TEST(an_answer_without_room_is_a_failure) {
    answer.limit = 40;
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("127.0.0.1")}, 1, &answer);
    ck_assert_int_eq(answer.status, 500);
}
END_TEST

START_TEST(addresses_are_their_own_names) {
    lookup("127.0.0.1", NULL);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body,
                     "{\"name\":\"127.0.0.1\",\"addresses\":[{\"family\":\"ipv4\",\"address\":\"127.0.0.1\"}],"
                     "\"canonical\":\"127.0.0.1\"}\n");
    lookup("::1", "ipv6");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "{\"name\":\"::1\",\"addresses\":[{\"family\":\"ipv6\",\"address\":\"::1\"}],"
                                  "\"canonical\":\"::1\"}\n");
    ck_assert_str_eq(answer.type, "application/json");
}
END_TEST

START_TEST(localhost_is_known_without_a_network) {
    lookup("localhost", "ipv4");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_nonnull(strstr(answer.body, "{\"family\":\"ipv4\",\"address\":\"127.0.0.1\"}"));
    ck_assert_ptr_null(strstr(answer.body, "ipv6"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("resolve");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 30);
    tcase_add_loop_test(cases, a_name_that_is_none_is_refused_before_the_resolver_sees_it, 0,
                        sizeof bad_names / sizeof bad_names[0]);
    tcase_add_test(cases, an_unknown_family_is_refused);
    tcase_add_test(cases, too_long_a_name_is_refused_by_its_range);
    tcase_add_test(cases, an_address_of_the_other_family_is_not_found);
    tcase_add_test(cases, without_a_name_server_the_client_shall_try_again);
    tcase_add_test(cases, an_answer_without_room_is_a_failure);
    tcase_add_test(cases, addresses_are_their_own_names);
    tcase_add_test(cases, localhost_is_known_without_a_network);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

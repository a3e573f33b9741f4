#include "../../support/module_host.h"
#include <check.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now_us(void) {
    struct timespec now;
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

START_TEST(an_answer_without_room_is_a_failure) {
    struct module_host host;
    struct module_call call;
    struct module_answer answer = {.limit = 3};
    module_host_load(&host, "sleep");
    ck_assert_int_eq(module_host_open(&host, NULL), TT_OK);
    ck_assert_int_eq(module_host_prepare(&host, "sleep", NULL, &call), TT_OK);
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_integer(0)}, 1, &answer);
    ck_assert_int_eq(answer.status, 500);
    module_answer_free(&answer);
    module_host_finish(&host, &call);
    module_host_close(&host);
}
END_TEST

START_TEST(it_sleeps_as_long_as_it_is_told) {
    struct module_host host;
    struct module_call call;
    struct module_answer answer = {0};
    module_host_load(&host, "sleep");
    ck_assert_int_eq(module_host_open(&host, NULL), TT_OK);
    ck_assert_int_eq(module_host_prepare(&host, "sleep", NULL, &call), TT_OK);
    uint64_t begin_us = now_us();
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_integer(20)}, 1, &answer);
    ck_assert_uint_ge(now_us() - begin_us, 20000);
    ck_assert_int_eq(answer.outcome, TT_DONE);
    ck_assert_str_eq(answer.body, "{\"slept_ms\":20}\n");
    ck_assert_str_eq(answer.type, "application/json");
    module_answer_free(&answer);
    module_host_finish(&host, &call);
    module_host_close(&host);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sleep");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, an_answer_without_room_is_a_failure);
    tcase_add_test(cases, it_sleeps_as_long_as_it_is_told);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Tests of server/config/values.h, and of the units, addresses and CPUs below it. */
#include "../../../server/config/values.h"
#include "../../../server/config/address.h"
#include "../../../server/config/units.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <tothread/cpus.h>

static struct arena arena;

static bool read_value(enum config_kind kind, const char *name, const char *text, struct value *ret_value,
                       char **ret_messages) {
    const struct key *key = key_find(kind, name);
    ck_assert_ptr_nonnull(key);
    struct diagnostics diagnostics;
    diagnostics_init(&diagnostics);
    struct config_setting setting = {.key = name, .value = text};
    bool is_right = value_read(key, &setting, &arena, &diagnostics, ret_value);
    ck_assert_uint_eq(is_right, diagnostics.error_count == 0);
    size_t size = 0;
    *ret_messages = NULL;
    FILE *out = open_memstream(ret_messages, &size);
    ck_assert_ptr_nonnull(out);
    diagnostics_print(&diagnostics, out);
    ck_assert_int_eq(fclose(out), 0);
    diagnostics_deinit(&diagnostics);
    return is_right;
}

static void refused(enum config_kind kind, const char *name, const char *text, const char *part) {
    struct value value;
    char *messages;
    ck_assert_msg(!read_value(kind, name, text, &value, &messages), "%s = %s was taken", name, text);
    ck_assert_msg(strstr(messages, part) != NULL, "%s = %s: \"%s\" has no \"%s\"", name, text, messages, part);
    free(messages);
    arena_reset(&arena);
}

static void taken(enum config_kind kind, const char *name, const char *text, uint64_t number) {
    struct value value;
    char *messages;
    bool is_right = read_value(kind, name, text, &value, &messages);
    ck_assert_msg(is_right, "%s = %s: %s", name, text, messages);
    ck_assert_msg(value.number == number, "%s = %s: %llu", name, text, (unsigned long long)value.number);
    free(messages);
    arena_reset(&arena);
}

START_TEST(counts_out_of_range_are_refused_with_the_range) {
    refused(CONFIG_POOL, "workers", "-1", "workers: -1 is out of range (1 to 4096, or auto)");
    refused(CONFIG_POOL, "workers", "0", "workers: 0 is out of range (1 to 4096, or auto)");
    refused(CONFIG_POOL, "workers", "4097", "out of range");
    refused(CONFIG_POOL, "workers", "18446744073709551617", "out of range");
    refused(CONFIG_POOL, "workers", "fuor", "\"fuor\" is not a whole number (1 to 4096, or auto)");
    refused(CONFIG_POOL, "workers", "4.5", "whole number");
    refused(CONFIG_POOL, "workers", "4 x", "whole number");
    refused(CONFIG_POOL, "workers", "0x10", "whole number");
    refused(CONFIG_POOL, "workers", "5s", "whole number");
    refused(CONFIG_POOL, "workers", "", "no value");
    refused(CONFIG_POOL, "queue", "0", "out of range (1 to 1000000)");
    refused(CONFIG_POOL, "queue", "1000001", "out of range");
    refused(CONFIG_CALL, "limit", "-2", "out of range (0 to 1000000, or none)");
}
END_TEST

START_TEST(times_need_a_unit_and_whole_numbers) {
    refused(CONFIG_POOL, "queue-timeout", "5", "\"5\" has no unit");
    refused(CONFIG_POOL, "queue-timeout", "5", "did you mean 5s?");
    refused(CONFIG_POOL, "queue-timeout", "5sec", "no unit of time");
    refused(CONFIG_POOL, "queue-timeout", "5m", "us ms s min h");
    refused(CONFIG_POOL, "queue-timeout", "5S", "no unit of time");
    refused(CONFIG_POOL, "queue-timeout", "1.5s", "not a time");
    refused(CONFIG_POOL, "queue-timeout", "s", "not a time");
    refused(CONFIG_POOL, "queue-timeout", "-5s", "out of range (0s to 24h, or none)");
    refused(CONFIG_POOL, "queue-timeout", "25h", "out of range");
    refused(CONFIG_POOL, "queue-timeout", "99999999999999h", "out of range");
    refused(CONFIG_SERVER, "header-timeout", "none", "not a time");
    refused(CONFIG_SERVER, "header-timeout", "0", "out of range (1ms to 1h)");
}
END_TEST

START_TEST(sizes_need_a_unit) {
    refused(CONFIG_SERVER, "max-body", "1000", "has no unit");
    refused(CONFIG_SERVER, "max-body", "1MB", "no unit of size");
    refused(CONFIG_SERVER, "max-body", "1mib", "1KiB is 1024 bytes");
    refused(CONFIG_SERVER, "max-body", "2GiB", "out of range (0B to 1GiB)");
    refused(CONFIG_SERVER, "max-header", "1023B", "out of range (1KiB to 64KiB)");
    refused(CONFIG_POOL, "stack-size", "16KiB", "out of range");
}
END_TEST

START_TEST(words_and_booleans_are_exact) {
    refused(CONFIG_SERVER, "access-log", "YES", "neither yes nor no");
    refused(CONFIG_SERVER, "access-log", "1", "neither yes nor no");
    refused(CONFIG_SERVER, "log-format", "jsn", "did you mean \"json\"?");
    refused(CONFIG_POOL, "isolation", "process", "isolation = process is not available in this version");
    refused(CONFIG_POOL, "isolation", "proces", "is unknown (thread)");
    refused(CONFIG_SERVER, "log-format", "json", "log-format = json is not available in this version");
}
END_TEST

START_TEST(names_have_few_characters) {
    refused(CONFIG_CALL, "module", "a b", "names can't have");
    refused(CONFIG_CALL, "pool", "a/b", "names can't have");
    refused(CONFIG_GATHER, "calls", "a, b c", "names can't have");
    refused(CONFIG_GATHER, "calls", "a,,b", "name is missing");
    refused(CONFIG_GATHER, "calls", "a,", "name is missing");
    refused(CONFIG_GATHER, "calls", "", "no value");
    char name[65];
    memset(name, 'n', 64);
    name[64] = '\0';
    refused(CONFIG_CALL, "module", name, "longer than 63");
    taken(CONFIG_CALL, "module", name + 1, 0);
}
END_TEST

START_TEST(addresses_that_nobody_can_listen_on_are_refused) {
    refused(CONFIG_SERVER, "listen", "localhost:8080", "not looked up");
    refused(CONFIG_SERVER, "listen", "example.org:80", "not looked up");
    refused(CONFIG_SERVER, "listen", "8080", "a port alone");
    refused(CONFIG_SERVER, "listen", ":8080", "no address before the port");
    refused(CONFIG_SERVER, "listen", "*:8080", "no address");
    refused(CONFIG_SERVER, "listen", "127.0.0.1", "needs a port");
    refused(CONFIG_SERVER, "listen", "127.0.0.1:", "needs a port");
    refused(CONFIG_SERVER, "listen", "127.0.0.1:65536", "needs a port");
    refused(CONFIG_SERVER, "listen", "127.0.0.1:-1", "needs a port");
    refused(CONFIG_SERVER, "listen", "127.0.0.256:80", "no IPv4");
    refused(CONFIG_SERVER, "listen", "127.1:80", "no IPv4");
    refused(CONFIG_SERVER, "listen", "::1", "stands in [ and ]");
    refused(CONFIG_SERVER, "listen", "[::1]", "needs a port");
    refused(CONFIG_SERVER, "listen", "[::1]8080", "needs a port");
    refused(CONFIG_SERVER, "listen", "[::1:8080", "no ]");
    refused(CONFIG_SERVER, "listen", "[127.0.0.1]:80", "no IPv6");
    refused(CONFIG_SERVER, "listen", "unix:run/x.sock", "starts with /");
    refused(CONFIG_SERVER, "listen", "unix:@x", "starts with /");
    refused(CONFIG_SERVER, "listen", "unix:/run/", "no folder");
    refused(CONFIG_SERVER, "listen", "systemd:", "needs a name");
    refused(CONFIG_SERVER, "listen", "systemd:a:b", "doesn't allow");
    refused(CONFIG_SERVER, "admin", "localhost:9090", "not looked up");
    refused(CONFIG_SERVER, "admin", "[::1]:9090", "IPv4 only");
    refused(CONFIG_SERVER, "admin", "9090", "a port alone");
    struct address_mistake mistake;
    char path[256] = "unix:/";
    memset(path + 6, 'p', 106);
    ck_assert(address_check_listen(path, &mistake));
    path[112] = 'p';
    ck_assert(!address_check_listen(path, &mistake));
}
END_TEST

START_TEST(addresses_of_all_kinds_are_taken) {
    taken(CONFIG_SERVER, "listen", "127.0.0.1:8080", 0);
    taken(CONFIG_SERVER, "listen", "0.0.0.0:0", 0);
    taken(CONFIG_SERVER, "listen", "[::1]:8080", 0);
    taken(CONFIG_SERVER, "listen", "[::]:65535", 0);
    taken(CONFIG_SERVER, "listen", "unix:/run/tothread/http.sock", 0);
    taken(CONFIG_SERVER, "listen", "systemd:web", 0);
    taken(CONFIG_SERVER, "admin", "127.0.0.1:9090", 0);
    taken(CONFIG_SERVER, "admin", "none", 0);
}
END_TEST

START_TEST(numbers_are_read_with_their_units) {
    taken(CONFIG_POOL, "workers", "4096", 4096);
    taken(CONFIG_POOL, "queue-timeout", "1us", 1);
    taken(CONFIG_POOL, "queue-timeout", "250ms", 250000);
    taken(CONFIG_POOL, "queue-timeout", "60 s", 60000000);
    taken(CONFIG_POOL, "queue-timeout", "2min", 120000000);
    taken(CONFIG_POOL, "queue-timeout", "24h", UINT64_C(86400000000));
    taken(CONFIG_POOL, "queue-timeout", "none", 0);
    taken(CONFIG_POOL, "queue-timeout", "0", 0);
    taken(CONFIG_SERVER, "max-body", "0B", 0);
    taken(CONFIG_SERVER, "max-body", "3KiB", 3072);
    taken(CONFIG_SERVER, "max-body", "1GiB", UINT64_C(1) << 30);
    taken(CONFIG_SERVER, "access-log", "yes", 1);
    taken(CONFIG_SERVER, "access-log", "true", 1);
    taken(CONFIG_SERVER, "access-log", "on", 1);
    taken(CONFIG_SERVER, "access-log", "no", 0);
    taken(CONFIG_SERVER, "access-log", "false", 0);
    taken(CONFIG_SERVER, "access-log", "off", 0);
}
END_TEST

START_TEST(auto_is_a_few_more_than_the_cpus_and_at_most_32) {
    uint32_t cpus = tt_cpus_count();
    ck_assert_uint_ge(cpus, 1);
    taken(CONFIG_POOL, "workers", "auto", cpus + 4 < 32 ? cpus + 4 : 32);
}
END_TEST

START_TEST(numbers_are_written_with_the_biggest_unit_that_fits) {
    static const struct {
        uint64_t value;
        const struct unit *units;
        const char *text;
    } rows[] = {
        {0, units_time, "0s"},         {1500000, units_time, "1500ms"}, {60000000, units_time, "1min"},
        {90000000, units_time, "90s"}, {7, units_time, "7us"},          {UINT64_C(86400000000), units_time, "24h"},
        {0, units_size, "0B"},         {1000, units_size, "1000B"},     {1048576, units_size, "1MiB"},
        {1536, units_size, "1536B"},   {42, units_none, "42"},          {0, units_none, "0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[UNITS_TEXT_MAX];
        units_format(rows[i].value, rows[i].units, text);
        ck_assert_str_eq(text, rows[i].text);
        uint64_t again;
        ck_assert_int_eq(units_parse(text, rows[i].units, &again), UNITS_OK);
        ck_assert_uint_eq(again, rows[i].value);
    }
}
END_TEST

START_TEST(every_key_has_help_and_a_default_or_example_that_is_taken) {
    for (size_t i = 0; i < key_count; i++) {
        const struct key *key = &key_table[i];
        if (key->is_unavailable)
            continue;
        ck_assert_ptr_nonnull(key->help);
        const char *text = key->default_text ? key->default_text : key->example;
        ck_assert_msg(text != NULL, "%s has neither default nor example", key->name);
        struct value value;
        char *messages;
        ck_assert_msg(read_value(key->kind, key->name, text, &value, &messages), "%s", messages);
        free(messages);
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(key_table[j].kind != key->kind || strcmp(key_table[j].name, key->name) != 0, "%s twice",
                          key->name);
    }
    arena_reset(&arena);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("values");
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, counts_out_of_range_are_refused_with_the_range);
    tcase_add_test(refusals, times_need_a_unit_and_whole_numbers);
    tcase_add_test(refusals, sizes_need_a_unit);
    tcase_add_test(refusals, words_and_booleans_are_exact);
    tcase_add_test(refusals, names_have_few_characters);
    tcase_add_test(refusals, addresses_that_nobody_can_listen_on_are_refused);
    suite_add_tcase(suite, refusals);
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, addresses_of_all_kinds_are_taken);
    tcase_add_test(normal, numbers_are_read_with_their_units);
    tcase_add_test(normal, auto_is_a_few_more_than_the_cpus_and_at_most_32);
    tcase_add_test(normal, numbers_are_written_with_the_biggest_unit_that_fits);
    tcase_add_test(normal, every_key_has_help_and_a_default_or_example_that_is_taken);
    suite_add_tcase(suite, normal);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

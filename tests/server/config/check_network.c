/* Tests of network.c: what is a network, and which addresses are in it. */
#include "../../../server/config/network.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void refused(const char *text, const char *part) {
    struct network network;
    const char *message = NULL;
    ck_assert_msg(!network_parse(text, &network, &message), "%s was taken", text);
    ck_assert_msg(strstr(message, part) != NULL, "%s: %s", text, message);
}

static bool has(const char *text, const char *address) {
    struct network network;
    const char *message;
    uint8_t bytes[16] = {0};
    int family = strcmp(address, "unix") == 0 ? AF_UNIX : strchr(address, ':') ? AF_INET6 : AF_INET;
    ck_assert_msg(network_parse(text, &network, &message), "%s: %s", text, message);
    ck_assert(family == AF_UNIX || inet_pton(family, address, bytes) == 1);
    return network_find(&network, 1, family, bytes);
}

START_TEST(what_is_no_network_is_refused) {
    refused("", "neither an address");
    refused("localhost", "neither an address");
    refused("10.0.0", "neither an address");
    refused("10.0.0.1:80", "neither an address");
    refused("[::1]", "neither an address");
    refused("unix:/run/x", "neither an address");
    refused("10.0.0.0/", "from 0 to 32");
    refused("10.0.0.0/33", "from 0 to 32");
    refused("10.0.0.0/-1", "from 0 to 32");
    refused("10.0.0.0/08", "from 0 to 32");
    refused("10.0.0.0/8/8", "from 0 to 32");
    refused("10.0.0.0/255.0.0.0", "from 0 to 32");
    refused("::/129", "from 0 to 128");
    refused("10.0.0.1/8", "bits behind its prefix");
    refused("2001:db8::1/64", "bits behind its prefix");
    refused("128.0.0.0/0", "bits behind its prefix");
}
END_TEST

START_TEST(network_has_the_addresses_that_begin_as_it_does) {
    ck_assert(has("10.0.0.0/8", "10.255.255.255"));
    ck_assert(!has("10.0.0.0/8", "11.0.0.0"));
    ck_assert(has("192.0.2.128/25", "192.0.2.128"));
    ck_assert(!has("192.0.2.128/25", "192.0.2.127"));
    ck_assert(has("192.0.2.1", "192.0.2.1"));
    ck_assert(!has("192.0.2.1", "192.0.2.0"));
    ck_assert(has("0.0.0.0/0", "255.255.255.255"));
    ck_assert(!has("0.0.0.0/0", "::1"));
    ck_assert(has("2001:db8::/33", "2001:db8:7fff::1"));
    ck_assert(!has("2001:db8::/33", "2001:db8:8000::"));
    ck_assert(has("::1", "::1"));
    ck_assert(!has("::/0", "127.0.0.1"));
    ck_assert(has("unix", "unix"));
    ck_assert(!has("unix", "127.0.0.1"));
    ck_assert(!has("::/0", "unix"));
    ck_assert(!network_find(NULL, 0, AF_UNIX, NULL));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("network");
    TCase *tests = tcase_create("tests");
    tcase_add_test(tests, what_is_no_network_is_refused);
    tcase_add_test(tests, network_has_the_addresses_that_begin_as_it_does);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

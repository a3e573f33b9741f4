/* Tests of endpoint.c: the words behind an address, and where a wrong one is told. */
#include "loading.h"

#include "../../../server/config/endpoint.h"

/* The line, all of it, and what is told about it. */
static void refused_line(const char *line, const char *expected) {
    char text[512];
    (void)snprintf(text, sizeof text, "[server]\n%s\n", line); /* fits */
    refused(text, 1, expected);
}

static struct config *taken(const char *listen) {
    char text[512];
    (void)snprintf(text, sizeof text, "[server]\nlisten = %s\n", listen); /* fits */
    return loaded_text(text);
}

START_TEST(wrong_words_are_told_where_they_stand) {
    refused_line("listen = 127.0.0.1:80 prxoy", "text:2:23: listen: an unknown word behind the address");
    refused_line("listen = unix:/run/x mod=0660", "did you mean \"mode\"?");
    refused_line("listen = 127.0.0.1:80 =", "an unknown word");
    refused_line("listen = 127.0.0.1:80, [::1]:80", "needs a port");
    refused_line("listen = localhost:80 mode", "not looked up");
    refused_line("listen = unix:/run/x mode", "for example: mode=0660");
    refused_line("listen = unix:/run/x mode=", "the word needs a value");
    refused_line("listen = unix:/run/x mode=0660\tmode=0660", "text:2:32: listen: the word stands twice");
    refused_line("listen = \"unix:/run/x  mode=0660 Mode=0660\"", "text:2:34: listen: an unknown word");
}
END_TEST

START_TEST(words_about_a_socket_file_are_for_unix_sockets) {
    refused_line("listen = 127.0.0.1:80 mode=0660", "makes no sense for this address");
    refused_line("listen = [::1]:80 user=root", "makes no sense for this address");
    refused_line("listen = systemd:http group=root", "the socket unit says it");
}
END_TEST

START_TEST(tls_is_a_word_of_any_address) {
    static const char *const addresses[] = {"127.0.0.1:0 tls", "[::1]:0 tls", "unix:/run/x tls mode=0600",
                                            "systemd:http tls"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct config *config = taken(addresses[i]);
        ck_assert(config->server.endpoints[0]->is_tls);
        unload(config);
    }
    struct config *config = taken("127.0.0.1:0");
    ck_assert(!config->server.endpoints[0]->is_tls);
    unload(config);
    refused_line("listen = 127.0.0.1:443 tls=yes", "text:2:24: listen: the word takes no value");
}
END_TEST

START_TEST(modes_are_octal) {
    refused_line("listen = unix:/run/x mode=660x", "text:2:27: listen: the mode is no octal number");
    refused_line("listen = unix:/run/x mode=68", "no octal number");
    refused_line("listen = unix:/run/x mode=0888", "no octal number");
    refused_line("listen = unix:/run/x mode=1777", "no octal number");
    refused_line("listen = unix:/run/x mode=00777", "no octal number");
    refused_line("listen = unix:/run/x mode=rw-rw----", "no octal number");
}
END_TEST

START_TEST(users_and_groups_must_be_there) {
    refused_line("listen = unix:/run/x user=no.such.user", "text:2:27: listen: there is no such user");
    refused_line("listen = unix:/run/x group=no.such.group", "there is no such group");
    refused_line("listen = unix:/run/x user=4294967295", "there is no such user");
    refused_line("listen = unix:/run/x group=-1", "there is no such group");
}
END_TEST

START_TEST(users_of_a_socket_are_a_list) {
    refused_line("listen = 127.0.0.1:80 allow-uid=0", "only of a unix socket's client the kernel tells who it is");
    refused_line("listen = unix:/run/x allow-uid=root,no.such.user", "text:2:37: listen: there is no such user");
    refused_line("listen = unix:/run/x allow-gid=root,", "text:2:37: listen: there is no such group");
    refused_line("listen = unix:/run/x allow-uid=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "there are at most 16");
    struct config *config = taken("unix:/run/x allow-uid=root,12 allow-gid=7");
    const struct endpoint *endpoint = config->server.endpoints[0];
    ck_assert_uint_eq(endpoint->allow_uids.count, 2);
    ck_assert_uint_eq(endpoint->allow_uids.ids[0], 0);
    ck_assert_uint_eq(endpoint->allow_uids.ids[1], 12);
    ck_assert_uint_eq(endpoint->allow_gids.count, 1);
    ck_assert_uint_eq(endpoint->allow_gids.ids[0], 7);
    unload(config);
    config = taken("systemd:http allow-gid=0 proxy\nproxy-from = unix");
    ck_assert(config->server.endpoints[0]->takes_proxy);
    unload(config);
}
END_TEST

START_TEST(proxies_are_trusted_by_a_list_and_not_without) {
    refused("[server]\nlisten = 127.0.0.1:80 proxy\n", 1, "text:2:10: listen: proxy needs proxy-from");
    refused("[server]\nlisten = 127.0.0.1:80 proxy=yes\nproxy-from = ::1\n", 1, "the word takes no value");
    refused("[server]\nlisten = 127.0.0.1:80 proxy\nproxy-from = ::1, 10.0.0.1/8\n", 1,
            "text:3:19: proxy-from: the address has bits behind its prefix");
    refused("[server]\nlisten = 127.0.0.1:80 proxy\nproxy-from = ::1,\n", 1, "proxy-from: this is neither an address");
    struct config *config =
        loaded_text("[server]\nlisten = 127.0.0.1:80\nlisten = [::1]:80 proxy\nproxy-from = 10.0.0.0/8, unix\n");
    ck_assert(!config->server.endpoints[0]->takes_proxy);
    ck_assert(config->server.endpoints[1]->takes_proxy);
    ck_assert_uint_eq(config->server.proxy_from_count, 2);
    ck_assert_uint_eq(diagnostics.warning_count, 0);
    unload(config);
}
END_TEST

START_TEST(one_address_is_given_once_whatever_stands_behind_it) {
    refused("[server]\nlisten = unix:/run/x\nlisten = unix:/run/x mode=0600\n", 1, "unix:/run/x is given twice");
    struct config *config = loaded_text("[server]\nlisten = 127.0.0.1:0\nlisten = 127.0.0.1:0\n");
    ck_assert_uint_eq(config->server.listen_count, 2);
    unload(config);
}
END_TEST

START_TEST(every_mistake_of_a_line_is_told) {
    refused("[server]\nlisten = unix:/run/x mode=9 user=no.such.user hello\n", 3, "mode");
}
END_TEST

START_TEST(words_are_taken) {
    struct config *config = taken("unix:/run/x   mode=0660\tuser=root group=12");
    const struct endpoint *endpoint = config->server.endpoints[0];
    ck_assert_str_eq(endpoint->address, "unix:/run/x");
    ck_assert(endpoint->has_mode && endpoint->has_user && endpoint->has_group);
    ck_assert_uint_eq(endpoint->mode, 0660);
    ck_assert_uint_eq(endpoint->user, 0);
    ck_assert_uint_eq(endpoint->group, 12);
    unload(config);
    config = taken("unix:/run/x mode=700");
    ck_assert_uint_eq(config->server.endpoints[0]->mode, 0700);
    unload(config);
}
END_TEST

START_TEST(an_address_alone_says_nothing_more) {
    struct config *config = loaded_text("");
    ck_assert_uint_eq(config->server.listen_count, 1);
    const struct endpoint *endpoint = config->server.endpoints[0];
    ck_assert_str_eq(endpoint->address, "127.0.0.1:8080");
    ck_assert(!endpoint->has_mode && !endpoint->has_user && !endpoint->has_group);
    unload(config);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("endpoint");
    TCase *tests = tcase_create("tests");
    tcase_add_test(tests, wrong_words_are_told_where_they_stand);
    tcase_add_test(tests, words_about_a_socket_file_are_for_unix_sockets);
    tcase_add_test(tests, tls_is_a_word_of_any_address);
    tcase_add_test(tests, modes_are_octal);
    tcase_add_test(tests, users_and_groups_must_be_there);
    tcase_add_test(tests, users_of_a_socket_are_a_list);
    tcase_add_test(tests, proxies_are_trusted_by_a_list_and_not_without);
    tcase_add_test(tests, one_address_is_given_once_whatever_stands_behind_it);
    tcase_add_test(tests, every_mistake_of_a_line_is_told);
    tcase_add_test(tests, words_are_taken);
    tcase_add_test(tests, an_address_alone_says_nothing_more);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

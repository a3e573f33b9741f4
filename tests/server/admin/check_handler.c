/*
 * Requests to the admin plane over real sockets: what it must refuse, and what every answer carries.
 */
#include "plane.h"

static struct plane plane;

static void setup(void) {
    plane_start(&plane);
}

static void teardown(void) {
    plane_stop(&plane);
}

/* -- what must be refused -- */

START_TEST(paths_that_are_not_in_the_table_get_404) {
    static const char *const targets[] = {
        "/nothing",
        "/livez/",
        "//livez",
        "/./livez",
        "/x/../livez",
        "/../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/",
        "/%6civez",
        "/livez%00",
        "/livez%00/x",
        "/livez;x=1",
        "/LIVEZ",
        "/index.html",
        "/metrics/..",
        "/\\..\\..\\etc",
        "/etc/passwd",
        "/admin.c",
        "/%",
        "/%zz",
        "/livez%20",
        "/stats.json.cgi",
        "/a.shtml",
        "/.htpasswd",
        "/~root/",
    };

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct plane_answer answer = plane_ask(&plane, "GET", targets[i], "", "");

        ck_assert_msg(answer.status == 404, "%s: %s", targets[i], answer.text);
        ck_assert(plane_has_line(&answer, "Content-Type: application/problem+json"));
        plane_free(&answer);
    }
}
END_TEST

START_TEST(targets_that_are_no_path_get_no_page) {
    static const char *const targets[] = {
        "*",          "livez",         "http://evil.example/livez", "http://127.0.0.1/livez", "?", "/livez\x01",
        "/livez\xff", "http:///livez", "ftp://127.0.0.1/livez"};

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        int status = plane_status(&plane, "GET", targets[i], "", "");

        ck_assert_msg(status == 0 || status == 400 || status == 404, "%s: %d", targets[i], status);
    }
    ck_assert_int_eq(plane_status(&plane, "GET", "/livez", "", ""), 200);
}
END_TEST

START_TEST(wrong_methods_get_405_and_are_told_the_right_one) {
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"};
    struct plane_answer answer;

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        answer = plane_ask(&plane, methods[i], "/livez", "Content-Length: 0\r\n", "");
        ck_assert_msg(answer.status == 405, "%s: %s", methods[i], answer.text);
        ck_assert(plane_has_line(&answer, "Allow: GET, HEAD"));
        plane_free(&answer);
    }
    answer = plane_ask(&plane, "GET", "/drain", "", "");
    ck_assert_int_eq(answer.status, 405);
    ck_assert(plane_has_line(&answer, "Allow: POST"));
    plane_free(&answer);
    ck_assert_int_eq(plane_status(&plane, "HEAD", "/reload", "", ""), 405);
    ck_assert_int_eq(plane_status(&plane, "get", "/livez", "", "") / 100, 4);
    ck_assert_uint_eq(plane.drain_count, 0);
    ck_assert_uint_eq(plane.reload_count, 0);
}
END_TEST

static int status_for_host(const char *host_lines) {
    char request[512];
    struct plane_answer answer;

    snprintf(request, sizeof request, "GET /livez HTTP/1.1\r\n%s\r\n", host_lines);
    answer = plane_ask_raw(&plane, request, strlen(request));
    plane_free(&answer);
    return answer.status;
}

START_TEST(hosts_that_are_neither_an_ip_address_nor_localhost_get_421) {
    static const char *const bad[] = {"evil.example",
                                      "evil.example:80",
                                      "127.0.0.1.evil.example",
                                      "localhost.evil.example",
                                      "127.0.0.1:80:80",
                                      "127.0.0.1:x",
                                      "[::1",
                                      "[evil.example]",
                                      "localhost:999999",
                                      "1.2.3",
                                      "127.0.0.1@evil.example",
                                      "[::1]x"};
    static const char *const good[] = {"127.0.0.1",   "127.0.0.1:9090", "localhost", "LocalHost:1",
                                       "10.1.2.3:80", "[::1]",          "[::1]:9090"};
    char line[128];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(line, sizeof line, "Host: %s\r\n", bad[i]);
        ck_assert_msg(status_for_host(line) == 421, "%s", bad[i]);
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(line, sizeof line, "Host: %s\r\n", good[i]);
        ck_assert_msg(status_for_host(line) == 200, "%s", good[i]);
    }
    ck_assert_int_eq(status_for_host(""), 400);
    ck_assert_int_eq(status_for_host("Host: 127.0.0.1\r\nHost: evil.example\r\n"), 400);
    ck_assert_int_eq(status_for_host("Host: 127.0.0.1\r\nhost: 127.0.0.1\r\n"), 400);
}
END_TEST

START_TEST(http_1_0_needs_no_host) {
    static const char request[] = "GET /livez HTTP/1.0\r\n\r\n";
    struct plane_answer answer = plane_ask_raw(&plane, request, sizeof request - 1);

    ck_assert_int_eq(answer.status, 200);
    plane_free(&answer);
}
END_TEST

START_TEST(posts_from_another_site_get_403_and_do_nothing) {
    static const char *const origins[] = {"http://evil.example",
                                          "null",
                                          "https://127.0.0.1",
                                          "http://127.0.0.1.evil.example",
                                          "http://127.0.0.1:1",
                                          "",
                                          "file://"};
    char fields[128];

    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        snprintf(fields, sizeof fields, "Origin: %s\r\nContent-Length: 0\r\n", origins[i]);
        ck_assert_msg(plane_status(&plane, "POST", "/drain", fields, "") == 403, "%s", origins[i]);
    }
    snprintf(fields, sizeof fields,
             "Origin: http://127.0.0.1:%d\r\nOrigin: http://evil.example\r\nContent-Length: 0\r\n",
             admin_port(plane.admin));
    ck_assert_int_eq(plane_status(&plane, "POST", "/reload", fields, ""), 403);
    ck_assert_uint_eq(plane.drain_count, 0);
    ck_assert_uint_eq(plane.reload_count, 0);

    snprintf(fields, sizeof fields, "Origin: http://127.0.0.1:%d\r\nContent-Length: 0\r\n", admin_port(plane.admin));
    ck_assert_int_eq(plane_status(&plane, "POST", "/drain", fields, ""), 202);
    ck_assert_uint_eq(plane.drain_count, 1);
}
END_TEST

START_TEST(targets_that_are_too_long_get_414_and_larger_heads_400) {
    struct text request = {0};
    struct plane_answer answer;

    text_puts(&request, "/");
    while (request.size < 1025)
        text_puts(&request, "a");
    ck_assert_int_eq(plane_status(&plane, "GET", request.data, "", ""), 414);
    request.data[1024] = '\0';
    ck_assert_int_eq(plane_status(&plane, "GET", request.data, "", ""), 404);
    text_deinit(&request);

    /* exactly as long as what is read: nothing is left over, so the answer always arrives */
    text_puts(&request, "GET /livez HTTP/1.1\r\nX: ");
    while (request.size < 8192)
        text_puts(&request, "a");
    answer = plane_ask_raw(&plane, request.data, request.size);
    ck_assert_int_eq(answer.status, 400);
    ck_assert(!strcasestr(answer.text, "civet"));
    plane_free(&answer);
    text_deinit(&request);
}
END_TEST

START_TEST(garbage_gets_400_or_is_closed_and_harms_nobody) {
    static const struct {
        const char *data;
        size_t size;
    } garbage[] = {
#define BYTES(literal) {literal, sizeof(literal) - 1}
        BYTES("\r\n\r\n"),
        BYTES("\0\0\0\0\r\n\r\n"),
        BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        BYTES("GET\r\n\r\n"),
        BYTES("GET /livez\r\n\r\n"),
        BYTES("GET /livez HTTP/1.1 x\r\nHost: 127.0.0.1\r\n\r\n"),
        BYTES("GET /livez HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n"),
        BYTES("GET /livez FTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        BYTES("GET /livez HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n"),
        BYTES("GET /livez HTTP/1.1\r\n: x\r\n\r\n"),
        BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        BYTES("POST /drain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n"),
        BYTES("POST /drain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n"),
        BYTES("POST /drain HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n"),
#undef BYTES
    };

    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        int fd = plane_connect(&plane);
        struct plane_answer answer;

        plane_send(fd, garbage[i].data, garbage[i].size);
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        answer = plane_receive(fd);
        ck_assert_msg(answer.status == 0 || answer.status == 400 || answer.status == 505, "%zu: %s", i, answer.text);
        ck_assert_msg(!strcasestr(answer.text, "civet"), "%zu: %s", i, answer.text);
        plane_free(&answer);
    }
    ck_assert_uint_eq(plane.drain_count, 0);
    ck_assert_int_eq(plane_status(&plane, "GET", "/livez", "", ""), 200);
}
END_TEST

START_TEST(bodies_are_dropped_and_large_or_chunked_ones_refused_unread) {
    ck_assert_int_eq(plane_status(&plane, "POST", "/reload", "Content-Length: 5\r\n", "hello"), 200);
    ck_assert_int_eq(plane_status(&plane, "POST", "/reload", "", ""), 200);
    ck_assert_uint_eq(plane.reload_count, 2);
    ck_assert_int_eq(plane_status(&plane, "POST", "/reload", "Content-Length: 4097\r\n", ""), 413);
    ck_assert_int_eq(plane_status(&plane, "POST", "/reload", "Content-Length: 9223372036854775807\r\n", ""), 413);
    ck_assert_int_eq(plane_status(&plane, "POST", "/reload", "Transfer-Encoding: chunked\r\n", ""), 411);
    ck_assert_uint_eq(plane.reload_count, 2);
    /* a GET's body isn't read, and is no second request */
    ck_assert_int_eq(plane_status(&plane, "GET", "/livez", "Content-Length: 40\r\n",
                                  "POST /drain HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
                     200);
    ck_assert_uint_eq(plane.drain_count, 0);
}
END_TEST

/* -- answers -- */

START_TEST(every_answer_carries_the_protective_fields_and_no_cors) {
    static const char *const targets[] = {"/", "/livez", "/metrics", "/stats.json", "/calls", "/nothing", "/drain"};

    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct plane_answer answer = plane_ask(&plane, "GET", targets[i], "Origin: http://evil.example\r\n", "");

        ck_assert(plane_has_line(&answer, "X-Content-Type-Options: nosniff"));
        ck_assert(plane_has_line(&answer, "Cache-Control: no-store"));
        ck_assert(plane_has_line(&answer, "Connection: close"));
        ck_assert_ptr_nonnull(strstr(answer.text, "Content-Security-Policy: default-src 'none';"));
        ck_assert(!strcasestr(answer.text, "Access-Control"));
        ck_assert(!strcasestr(answer.text, "\r\nServer:"));
        plane_free(&answer);
    }
    {
        struct plane_answer answer = plane_ask(
            &plane, "OPTIONS", "/drain", "Origin: http://evil.example\r\nAccess-Control-Request-Method: POST\r\n", "");

        ck_assert_int_eq(answer.status, 405);
        ck_assert(!strcasestr(answer.text, "Access-Control"));
        plane_free(&answer);
    }
}
END_TEST

START_TEST(query_is_ignored_and_head_has_no_body) {
    struct plane_answer answer = plane_ask(&plane, "HEAD", "/stats.json?pretty=1", "", "");

    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "");
    ck_assert(!plane_has_line(&answer, "Content-Length: 0"));
    plane_free(&answer);
}
END_TEST

START_TEST(index_lists_every_page_and_escapes_what_it_shows) {
    struct plane_answer answer;

    plane.view.version = "<script>1</script>&\"";
    answer = plane_ask(&plane, "GET", "/", "", "");
    ck_assert_int_eq(answer.status, 200);
    for (const struct page_entry *entry = page_table; entry->path; entry++)
        ck_assert_msg(strstr(answer.body, entry->path), "%s", entry->path);
    ck_assert_ptr_nonnull(strstr(answer.body, "<td>db</td><td>2</td>"));
    ck_assert(!strstr(answer.body, "<script"));
    ck_assert_ptr_nonnull(strstr(answer.body, "&lt;script&gt;1&lt;/script&gt;&amp;&quot;"));
    plane_free(&answer);
}
END_TEST

START_TEST(reload_answers_with_the_verdict) {
    static const int statuses[] = {200, 422, 503};
    struct plane_answer answer;

    plane.reload_text = "tothread.conf:3:1: error: no\n";
    for (size_t i = 0; i < 3; i++) {
        plane.reload_status = statuses[i];
        answer = plane_ask(&plane, "POST", "/reload", "Content-Length: 0\r\n", "");
        ck_assert_int_eq(answer.status, statuses[i]);
        ck_assert_str_eq(answer.body, "tothread.conf:3:1: error: no\n");
        ck_assert(plane_has_line(&answer, "Content-Type: text/plain; charset=utf-8"));
        plane_free(&answer);
    }
    plane.reload_text = NULL;
    answer = plane_ask(&plane, "POST", "/reload", "Content-Length: 0\r\n", "");
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_ne(answer.body, "");
    plane_free(&answer);
}
END_TEST

START_TEST(drain_is_answered_and_then_begun) {
    struct plane_answer answer = plane_ask(&plane, "POST", "/drain", "Content-Length: 0\r\n", "");

    ck_assert_int_eq(answer.status, 202);
    plane_free(&answer);
    ck_assert_uint_eq(plane.drain_count, 1); /* the connection is closed after it */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("handler");
    TCase *cases[] = {tcase_create("refusals"), tcase_create("answers")};
    SRunner *runner;
    int failed;

    tcase_add_test(cases[0], paths_that_are_not_in_the_table_get_404);
    tcase_add_test(cases[0], targets_that_are_no_path_get_no_page);
    tcase_add_test(cases[0], wrong_methods_get_405_and_are_told_the_right_one);
    tcase_add_test(cases[0], hosts_that_are_neither_an_ip_address_nor_localhost_get_421);
    tcase_add_test(cases[0], http_1_0_needs_no_host);
    tcase_add_test(cases[0], posts_from_another_site_get_403_and_do_nothing);
    tcase_add_test(cases[0], targets_that_are_too_long_get_414_and_larger_heads_400);
    tcase_add_test(cases[0], garbage_gets_400_or_is_closed_and_harms_nobody);
    tcase_add_test(cases[0], bodies_are_dropped_and_large_or_chunked_ones_refused_unread);
    tcase_add_test(cases[1], every_answer_carries_the_protective_fields_and_no_cors);
    tcase_add_test(cases[1], query_is_ignored_and_head_has_no_body);
    tcase_add_test(cases[1], index_lists_every_page_and_escapes_what_it_shows);
    tcase_add_test(cases[1], reload_answers_with_the_verdict);
    tcase_add_test(cases[1], drain_is_answered_and_then_begun);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tcase_add_checked_fixture(cases[i], setup, teardown);
        tcase_set_timeout(cases[i], 30);
        suite_add_tcase(suite, cases[i]);
    }
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

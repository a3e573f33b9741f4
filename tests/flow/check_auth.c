/* Auth: bearer tokens: who gets his call, who is refused and how, and what a reload changes. */
#include "../support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BILLING "billing-token-0123456789"
#define REPORTS "reports.token.9876543210=="
#define NEWER   "billing-token-of-next-month"

/* who: any token; fail: that of reports alone; echo: none. All else as [server] says. */
#define CALLS                                       \
    "[call who]\nauth = token\n"                    \
    "[call fail]\nauth = token\ntokens = reports\n" \
    "[call noop]\nauth = none\n"

static void write_tokens(const struct server *server, const char *text) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/tokens", server->folder); /* fits */
    file_write(path, text);
    ck_assert_int_eq(chmod(path, 0600), 0);
}

static void reload(const struct server *server, int status) {
    struct response response = admin_request(server, "POST", "/reload");
    ck_assert_msg(response.status == status, "%d: %s", response.status, response.body);
    response_free(&response);
}

/* Begins without tokens, for the file is in a folder that the start makes; then a reload takes both over. */
static struct server start(const char *server_keys, const char *calls) {
    char text[1024];
    struct server server = SERVER_DEMO("--set", "server.access-log=yes");
    write_tokens(&server, "# who what\nbilling " BILLING "\nreports " REPORTS "\n");
    (void)snprintf(text, sizeof text, "[server]\ntokens = tokens\n%s%s", server_keys, calls); /* fits */
    server_configure(&server, text);
    reload(&server, 200);
    return server;
}

static struct response ask(int fd, const char *path, const char *authorization) {
    client_format(fd, "GET %s HTTP/1.1\r\nHost: t\r\n%s%s%s\r\n", path, authorization != NULL ? "Authorization: " : "",
                  authorization != NULL ? authorization : "", authorization != NULL ? "\r\n" : "");
    return response_read(fd);
}

static void expect(int fd, const char *path, const char *authorization, int status, const char *kind,
                   const char *challenge) {
    struct response response = ask(fd, path, authorization);
    ck_assert_msg(response.status == status, "%s with %s: %d, not %d", path, authorization, response.status, status);
    if (kind != NULL)
        response_check_problem(&response, status, kind);
    const char *got = response_header(&response, "WWW-Authenticate");
    if (challenge != NULL)
        ck_assert_str_eq(got != NULL ? got : "none", challenge);
    else
        ck_assert_ptr_null(got);
    response_free(&response);
}

#define REALM "Bearer realm=\"tothread\""

START_TEST(call_that_asks_for_a_token_is_for_those_who_have_one) {
    struct server server = start("", CALLS);
    int fd = client_connect(server.port); /* one connection for all: a refusal does not end it */
    expect(fd, "/who", NULL, 401, "unauthorized", REALM);
    expect(fd, "/who", "Basic YTpi", 401, "unauthorized", REALM);
    expect(fd, "/who", "Bearers " BILLING, 401, "unauthorized", REALM);
    expect(fd, "/who", "Bearer", 400, "malformed", REALM ", error=\"invalid_request\"");
    expect(fd, "/who", "Bearer a,b", 400, "malformed", REALM ", error=\"invalid_request\"");
    expect(fd, "/who", "Bearer " BILLING " x", 400, "malformed", REALM ", error=\"invalid_request\"");
    expect(fd, "/who", "Bearer " BILLING "0", 401, "unauthorized", REALM ", error=\"invalid_token\"");
    expect(fd, "/who", "Bearer short", 401, "unauthorized", REALM ", error=\"invalid_token\"");
    expect(fd, "/fail", "Bearer " BILLING, 403, "forbidden", REALM ", error=\"insufficient_scope\"");
    expect(fd, "/who", "Bearer " BILLING, 200, NULL, NULL);
    expect(fd, "/who", "bearer   " REPORTS, 200, NULL, NULL);
    expect(fd, "/fail", "Bearer " REPORTS, 500, "call-failed", NULL);
    expect(fd, "/noop", NULL, 200, NULL, NULL);
    expect(fd, "/noop", "Bearer nonsense", 200, NULL, NULL);
    expect(fd, "/nowhere", NULL, 404, "not-found", NULL);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_double_eq(server_stat(&server, "front.auth_missing"), 3);
    ck_assert_double_eq(server_stat(&server, "front.auth_malformed"), 3);
    ck_assert_double_eq(server_stat(&server, "front.auth_unknown"), 2);
    ck_assert_double_eq(server_stat(&server, "front.auth_not_allowed"), 1);
    server_await_log(&server, " token=billing\n");
    server_await_log(&server, " token=reports\n");
    server_await_log(&server, "event=request_refused reason=missing call=who client=127.0.0.1:");
    ck_assert(!server_has_logged(&server, BILLING) && !server_has_logged(&server, REPORTS));
    server_stop(&server);
}
END_TEST

START_TEST(service_that_asks_for_tokens_tells_others_nothing) {
    struct server server = start("auth = token\n", "[call noop]\nauth = none\n");
    int fd = client_connect(server.port);
    expect(fd, "/who", NULL, 401, "unauthorized", REALM);
    expect(fd, "/nowhere", NULL, 401, "unauthorized", REALM);
    expect(fd, "/call/who", NULL, 401, "unauthorized", REALM); /* there is POST */
    expect(fd, "/noop", NULL, 200, NULL, NULL);
    expect(fd, "/nowhere", "Bearer " BILLING, 404, "not-found", NULL);
    expect(fd, "/call/who", "Bearer " BILLING, 405, "method", NULL);
    expect(fd, "/who", "Bearer " BILLING, 200, NULL, NULL);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(refusal_comes_before_the_body_is_asked_for) {
    struct server server = start("", CALLS);
    int fd = client_connect(server.port);
    client_put(fd, "POST /call/who HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n"
                   "Expect: 100-continue\r\n\r\n");
    struct response response = response_read(fd); /* and not 100 */
    response_check_problem(&response, 401, "unauthorized");
    ck_assert_str_eq(response_header(&response, "Connection"), "close");
    response_free(&response);
    client_expect_end(fd);
    server_stop(&server);
}
END_TEST

static void gather(const struct server *server, const char *authorization, const char *calls, int status) {
    int fd = client_connect(server->port);
    client_format(
        fd, "POST /gather HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
        strlen(calls), authorization, calls);
    response_expect(fd, status);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(gather_needs_what_each_of_its_calls_needs) {
    static const char open[] = "{\"calls\":[{\"call\":\"noop\"}]}";
    static const char any[] = "{\"calls\":[{\"call\":\"noop\"},{\"call\":\"who\"}]}";
    static const char limited[] = "{\"calls\":[{\"call\":\"who\"},{\"call\":\"fail\"}],\"return_exceptions\":true}";
    struct server server = start("", CALLS);
    gather(&server, "", open, 200);
    gather(&server, "", any, 401);
    gather(&server, "Authorization: Bearer " BILLING "\r\n", any, 200);
    gather(&server, "Authorization: Bearer " BILLING "\r\n", limited, 403);
    gather(&server, "Authorization: Bearer " REPORTS "\r\n", limited, 200);
    server_stop(&server);
}
END_TEST

START_TEST(reload_replaces_tokens_and_a_wrong_file_none) {
    struct server server = start("", CALLS);
    int fd = client_connect(server.port);
    write_tokens(&server, "billing " BILLING "\nbilling " NEWER "\nreports " REPORTS "\n");
    reload(&server, 200);
    expect(fd, "/who", "Bearer " BILLING, 200, NULL, NULL);
    expect(fd, "/who", "Bearer " NEWER, 200, NULL, NULL);
    write_tokens(&server, "billing " NEWER "\nreports " REPORTS "\n");
    reload(&server, 200);
    expect(fd, "/who", "Bearer " BILLING, 401, "unauthorized", REALM ", error=\"invalid_token\"");
    expect(fd, "/who", "Bearer " NEWER, 200, NULL, NULL);
    write_tokens(&server, "billing short\n");
    reload(&server, 422);
    expect(fd, "/who", "Bearer " NEWER, 200, NULL, NULL);
    write_tokens(&server, "billing " NEWER "\n"); /* a call names reports */
    reload(&server, 422);
    expect(fd, "/fail", "Bearer " REPORTS, 500, "call-failed", NULL);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(reload_shuts_and_opens_calls) {
    struct server server = start("", "[call who]\nauth = token\ntokens = billing\n");
    int fd = client_connect(server.port);
    expect(fd, "/noop", NULL, 200, NULL, NULL);
    expect(fd, "/who", "Bearer " REPORTS, 403, "forbidden", REALM ", error=\"insufficient_scope\"");
    server_configure(&server, "[server]\ntokens = tokens\nauth = token\n[call who]\ntokens = reports\n");
    reload(&server, 200);
    expect(fd, "/noop", NULL, 401, "unauthorized", REALM);
    expect(fd, "/who", "Bearer " REPORTS, 200, NULL, NULL);
    expect(fd, "/who", "Bearer " BILLING, 403, "forbidden", REALM ", error=\"insufficient_scope\"");
    server_configure(&server, "");
    reload(&server, 200);
    expect(fd, "/who", NULL, 200, NULL, NULL);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
}
END_TEST

START_TEST(tokens_may_be_a_credential_of_the_unit) {
    char folder[] = "/tmp/tothread-auth-XXXXXX";
    char path[64];
    char variable[96];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/api", folder);                           /* fits */
    (void)snprintf(variable, sizeof variable, "CREDENTIALS_DIRECTORY=%s", folder); /* fits */
    file_write(path, "billing " BILLING "\n");
    ck_assert_int_eq(chmod(path, 0400), 0);
    const struct server_options options = {
        .config = "[server]\ntokens = credential:api\nauth = token\n",
        .child = {.environment = (const char *const[]){variable, NULL}},
    };
    struct server server = server_start(&options);
    int fd = client_connect(server.port);
    expect(fd, "/who", "Bearer " BILLING, 200, NULL, NULL);
    expect(fd, "/who", NULL, 401, "unauthorized", REALM);
    ck_assert_int_eq(close(fd), 0);
    server_stop(&server);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        call_that_asks_for_a_token_is_for_those_who_have_one,
        service_that_asks_for_tokens_tells_others_nothing,
        refusal_comes_before_the_body_is_asked_for,
        gather_needs_what_each_of_its_calls_needs,
        reload_replaces_tokens_and_a_wrong_file_none,
        reload_shuts_and_opens_calls,
        tokens_may_be_a_credential_of_the_unit,
    };
    return suite_run("auth", tests, sizeof tests / sizeof *tests);
}

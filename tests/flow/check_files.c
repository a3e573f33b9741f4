/* Files: the module over the wire, with what browsers and download managers ask for. */
#include "../support/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE 300000

static const char config[] = "[module own]\npath = files\nroot = .\n"
                             "[call own]\nmodule = own\nroute = GET /own/{path...}\n";

static char *make_file(const struct server *server) {
    char path[128];
    char *text = malloc(SIZE + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = (char)('a' + i % 23);
    text[SIZE] = '\0';
    (void)snprintf(path, sizeof path, "%s/data.txt", server->folder); /* fits */
    file_write(path, text);
    return text;
}

static struct response ask(int fd, const char *method, const char *fields) {
    client_format(fd, "%s /own/data.txt HTTP/1.1\r\nHost: t\r\n%s\r\n", method, fields);
    return strcmp(method, "HEAD") == 0 ? response_read_head(fd) : response_read(fd);
}

START_TEST(file_is_given_whole_in_part_and_not_at_all) {
    struct server_options options = {.config = config};
    struct server server = server_start(&options);
    char *text = make_file(&server);
    char etag[128];
    char fields[256];
    int fd = client_connect(server.port);
    struct response response = ask(fd, "GET", "");
    ck_assert_int_eq(response.status, 200);
    ck_assert_uint_eq(response.body_size, SIZE);
    ck_assert_mem_eq(response.body, text, SIZE);
    ck_assert_str_eq(response_header(&response, "Accept-Ranges"), "bytes");
    ck_assert_ptr_nonnull(response_header(&response, "Last-Modified"));
    (void)snprintf(etag, sizeof etag, "%s", response_header(&response, "ETag"));
    response_free(&response);

    response = ask(fd, "GET", "Range: bytes=100000-299999\r\n");
    ck_assert_int_eq(response.status, 206);
    ck_assert_str_eq(response_header(&response, "Content-Range"), "bytes 100000-299999/300000");
    ck_assert_uint_eq(response.body_size, 200000);
    ck_assert_mem_eq(response.body, text + 100000, 200000);
    response_free(&response);

    response = ask(fd, "GET", "Range: bytes=300000-\r\n");
    response_check_problem(&response, 416, "call-failed");
    ck_assert_str_eq(response_header(&response, "Content-Range"), "bytes */300000");
    response_free(&response);

    (void)snprintf(fields, sizeof fields, "If-None-Match: %s\r\n", etag);
    response = ask(fd, "GET", fields);
    ck_assert_int_eq(response.status, 304);
    ck_assert_str_eq(response_header(&response, "ETag"), etag);
    ck_assert_ptr_null(response_header(&response, "Content-Length"));
    response_free(&response);

    response = ask(fd, "HEAD", "Range: bytes=0-1\r\n"); /* Range is for GET */
    ck_assert_int_eq(response.status, 200);
    ck_assert_str_eq(response_header(&response, "Content-Length"), "300000");
    ck_assert_str_eq(response_header(&response, "ETag"), etag);
    response_free(&response);

    (void)snprintf(fields, sizeof fields, "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n");
    response = ask(fd, "GET", fields);
    ck_assert_int_eq(response.status, 200);
    response_free(&response);
    ck_assert_int_eq(close(fd), 0);
    free(text);
    server_stop(&server);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {file_is_given_whole_in_part_and_not_at_all};
    return suite_run("files", tests, sizeof tests / sizeof *tests);
}

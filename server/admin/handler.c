/*
 * Handler: from a request's head to an answer on the wire.
 *
 * Three values are taken from CivetWeb: the method, the raw request target and the fields. The target is compared byte by
 * byte with the table of pages; nothing is decoded, joined or normalised, so there is nothing to get wrong.
 */
#include "handler.h"
#include "guard.h"
#include "page.h"
#include <civetweb.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TIMEOUT_US       UINT64_C(5000000)
#define BODY_BYTES_MAX   4096
#define TARGET_BYTES_MAX 1024
#define WRITE_BYTES      ((size_t)65536)

/* -- answers -- */

/* In pieces, each with CivetWeb's time-out of 1 s, and one for all: who takes it byte by byte doesn't hold the thread. */
static bool send_all(struct mg_connection *connection, const char *data, size_t size) {
    uint64_t end_us = page_now_us() + TIMEOUT_US;

    while (size > 0) {
        size_t piece = size < WRITE_BYTES ? size : WRITE_BYTES;

        if (page_now_us() > end_us || mg_write(connection, data, piece) != (int)piece)
            return false;
        data += piece;
        size -= piece;
    }
    return true;
}

static void send_page(struct mg_connection *connection, struct page *page, bool is_head) {
    struct text head = {0};
    time_t now = time(NULL);
    struct tm tm = {0};
    char date[64] = "";

    if (page->body.has_no_memory)
        page_problem(page, 500, "there is no memory for this page");
    (void)gmtime_r(&now, &tm);                                           /* fails for years beyond an int */
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm); /* 29 bytes in the C locale, the only one */

    text_format(&head, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", page->status,
                page_reason(page->status), date, page->type, page->body.size);
    if (page->method)
        text_format(&head, "Allow: %s\r\n", strcmp(page->method, "GET") == 0 ? "GET, HEAD" : page->method);
    text_puts(&head, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
                     "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                     "form-action 'none'; frame-ancestors 'none'\r\nConnection: close\r\n\r\n");
    if (!is_head && page->body.size > 0)
        text_add(&head, page->body.data, page->body.size);
    /* One write for both: a second small one would wait for the client's acknowledgement of the first (Nagle). */
    if (!head.has_no_memory)
        (void)send_all(connection, head.data, head.size); /* whether it arrived changes nothing here */
    text_deinit(&head);
}

/* -- requests -- */

/* The field's only value. *ret_count says how often it is there. */
static const char *field_find(const struct mg_request_info *request, const char *name, int *ret_count) {
    const char *value = NULL;
    int count = 0;

    for (int i = 0; i < request->num_headers; i++)
        if (strcasecmp(request->http_headers[i].name, name) == 0) {
            value = request->http_headers[i].value;
            count++;
        }
    *ret_count = count;
    return value;
}

/* What the guard says to the request. Returns false with a problem. */
static bool pass_guard(const struct mg_request_info *request, struct page *page) {
    int host_count, origin_count;
    const char *host = field_find(request, "Host", &host_count);
    const char *origin = field_find(request, "Origin", &origin_count);

    if (host_count > 1 || (host_count == 0 && strcmp(request->http_version, "1.0") != 0)) {
        page_problem(page, 400, "the request must have one Host field");
        return false;
    }
    if (host && !guard_is_local_host(host)) {
        page_problem(page, 421, "the Host must be an IP address or localhost");
        return false;
    }
    if (strcmp(request->request_method, "POST") == 0 && origin &&
        (origin_count > 1 || !host || !guard_is_same_origin(origin, host))) {
        page_problem(page, 403, "the Origin is another site");
        return false;
    }
    return true;
}

/* Reads the body away: left unread, it would make the kernel reset the connection and with it the answer. Returns false with
   a problem. */
static bool drop_body(struct mg_connection *connection, const struct mg_request_info *request, struct page *page) {
    char body[BODY_BYTES_MAX];
    int coding_count;

    (void)field_find(request, "Transfer-Encoding", &coding_count);
    if (coding_count > 0) {
        page_problem(page, 411, "a body must come with its Content-Length");
        return false;
    }
    if (request->content_length > BODY_BYTES_MAX) {
        page_problem(page, 413, "this page takes no body");
        return false;
    }
    if (request->content_length > 0 &&
        mg_read(connection, body, (size_t)request->content_length) != (int)request->content_length) {
        page_problem(page, 408, "the body did not come within 1 s");
        return false;
    }
    return true;
}

/* Makes the answer. Returns the entry whose `after` is to run, or NULL. */
static const struct page_entry *make_page(const struct admin_view *view, struct mg_connection *connection,
                                          const struct mg_request_info *request, struct page *page) {
    const struct page_entry *entry = page_find(request->request_uri);
    bool is_read = strcmp(request->request_method, "GET") == 0 || strcmp(request->request_method, "HEAD") == 0;
    bool has_method;

    if (!pass_guard(request, page))
        return NULL;
    if (strlen(request->request_uri) > TARGET_BYTES_MAX) {
        page_problem(page, 414, "the request target is too long");
        return NULL;
    }
    if (!entry) {
        page_problem(page, 404, "there is no such page; / lists them");
        return NULL;
    }
    has_method = entry->method[0] == 'G' ? is_read : strcmp(request->request_method, entry->method) == 0;
    if (!has_method) {
        page_problem(page, 405, "this page does not take that method");
        page->method = entry->method;
        return NULL;
    }
    if (!is_read && !drop_body(connection, request, page))
        return NULL;
    entry->write(view, page);
    return entry;
}

int handler_answer(const struct admin_view *view, struct mg_connection *connection) {
    const struct mg_request_info *request = mg_get_request_info(connection);
    struct page page = {.status = 200};
    const struct page_entry *entry = make_page(view, connection, request, &page);
    int status;

    send_page(connection, &page, strcmp(request->request_method, "HEAD") == 0);
    if (entry && entry->after)
        entry->after(view, &page);
    status = page.status;
    text_deinit(&page.body);
    return status;
}

void handler_refuse(struct mg_connection *connection, int status) {
    struct page page = {.status = 200};

    if (status == 505)
        page_problem(&page, 505, "HTTP/1.0 and HTTP/1.1 are spoken here");
    else if (status >= 500)
        page_problem(&page, 500, "the request can't be answered");
    else /* a head that doesn't fit and one that makes no sense look the same from here */
        page_problem(&page, 400, "the request's head can't be understood, or is larger than 8 KiB");
    send_page(connection, &page, false);
    text_deinit(&page.body);
}

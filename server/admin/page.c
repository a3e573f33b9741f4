/*
 * Page: one answer of the admin plane, before it is sent.
 */
#include "page.h"
#include <string.h>
#include <time.h>

struct reason {
    int status;
    const char *phrase;
    const char *type; /* of a problem; stable: clients compare it */
};

static const struct reason reasons[] = {
    {200, "OK", NULL},
    {202, "Accepted", NULL},
    {400, "Bad Request", "urn:tothread:problem:malformed"},
    {403, "Forbidden", "urn:tothread:problem:forbidden"},
    {404, "Not Found", "urn:tothread:problem:not-found"},
    {405, "Method Not Allowed", "urn:tothread:problem:method"},
    {408, "Request Timeout", "urn:tothread:problem:slow-request"},
    {411, "Length Required", "urn:tothread:problem:length-required"},
    {413, "Content Too Large", "urn:tothread:problem:body-too-large"},
    {414, "URI Too Long", "urn:tothread:problem:line-too-long"},
    {421, "Misdirected Request", "urn:tothread:problem:misdirected"},
    {422, "Unprocessable Content", "urn:tothread:problem:unprocessable"},
    {500, "Internal Server Error", "urn:tothread:problem:internal"},
    {503, "Service Unavailable", "urn:tothread:problem:unavailable"},
    {505, "HTTP Version Not Supported", "urn:tothread:problem:version"},
};

static const struct reason *reason_find(int status) {
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return &reasons[i];
    return NULL;
}

const struct page_entry *page_find(const char *path) {
    for (const struct page_entry *entry = page_table; entry->path; entry++)
        if (strcmp(entry->path, path) == 0)
            return entry;
    return NULL;
}

void page_problem(struct page *page, int status, const char *detail) {
    const struct reason *reason = reason_find(status);

    text_deinit(&page->body);
    page->status = status;
    page->type = "application/problem+json";
    text_open(&page->body, NULL, '{');
    text_string(&page->body, "type", reason && reason->type ? reason->type : "about:blank");
    text_string(&page->body, "title", page_reason(status));
    text_number(&page->body, "status", (uint64_t)status);
    text_string(&page->body, "detail", detail);
    text_close(&page->body, '}');
    text_puts(&page->body, "\n");
}

const char *page_reason(int status) {
    const struct reason *reason = reason_find(status);

    return reason ? reason->phrase : "Unknown";
}

uint64_t page_now_us(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail with this clock and a valid pointer */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

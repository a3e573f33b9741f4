/**
 * Page: one answer of the admin plane, before it is sent.
 *
 * Page functions know nothing of HTTP's wire or of CivetWeb: they look at the view and fill a struct page. The table of
 * pages in pages.c is the only list of them; `/` shows it to people.
 */
#ifndef SERVER_ADMIN_PAGE_H
#define SERVER_ADMIN_PAGE_H

#include "admin.h"
#include "text.h"

struct page {
    int status;
    const char *type;   /* media type, a constant */
    const char *method; /* the one that the page takes, for Allow; NULL: no such field */
    struct text body;
};

/**
 * Fills *page (zeroed, but for status 200).
 *
 * Thread:  admin; several at once
 */
typedef void (*page_fn)(const struct admin_view *view, struct page *page);

struct page_entry {
    const char *path;
    const char *method; /* "GET" (HEAD is taken too) or "POST" */
    page_fn write;
    page_fn after;    /* runs when the answer has been sent; NULL: nothing */
    const char *help; /* one sentence */
};

/** All pages; the last entry has a path of NULL. */
extern const struct page_entry page_table[];

/** The entry with exactly this path, byte by byte, or NULL. Thread: any. */
const struct page_entry *page_find(const char *path);

/** Makes the page a problem+json of RFC 9457, whatever it was before. Thread: any. */
void page_problem(struct page *page, int status, const char *detail);

/** The reason phrase of the statuses that pages use. Thread: any. */
const char *page_reason(int status);

/** Microseconds of the monotonic clock. Thread: any. */
uint64_t page_now_us(void);

void page_index(const struct admin_view *view, struct page *page);   /* pages.c */
void page_livez(const struct admin_view *view, struct page *page);   /* health.c */
void page_readyz(const struct admin_view *view, struct page *page);  /* health.c */
void page_metrics(const struct admin_view *view, struct page *page); /* metrics.c */
void page_stats(const struct admin_view *view, struct page *page);   /* live.c */
void page_calls(const struct admin_view *view, struct page *page);   /* live.c */

#endif

/*
 * Pages: the table of pages, the one for people, and the two that change something.
 */
#include "health.h"
#include "page.h"
#include "sum.h"
#include <inttypes.h>
#include <stdlib.h>
#include <tothread/stats.h>

static const char page_begin[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"refresh\" content=\"2\">\n<title>tothread</title>\n<style>\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:64em;padding:0 1em;color:#222;background:#fff}\n"
    "h1{font-size:1.3em}h2{font-size:1.05em;margin-top:2em}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:right;padding:.25em .6em;border-bottom:1px solid #ddd;font-variant-numeric:tabular-nums}\n"
    "th:first-child,td:first-child{text-align:left}.bad{color:#b00020;font-weight:600}dt{font-family:monospace}\n"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}a{color:#8ab4f8}"
    ".bad{color:#ff8a80}}\n"
    "</style>\n</head>\n<body>\n";

static void write_state(struct text *text, const struct admin_view *view) {
    size_t number;
    struct health_loop loop = sum_busiest(view, page_now_us(), &number);
    struct front_stats front;

    sum_fronts(view, &front);
    text_puts(text, "<h1>tothread ");
    text_html(text, view->version);
    text_format(text, "</h1>\n<p>Phase: <b>%s</b>. ", health_phase_name(atomic_load(&view->phase)));
    if (loop.busy_us > HEALTH_STALL_US) {
        text_format(text, "<span class=\"bad\">The loop has been stalled for %" PRIu64 " ms by ", loop.busy_us / 1000);
        text_html(text, loop.doing ? loop.doing : "an unknown call");
        text_puts(text, ".</span> ");
    } else {
        text_format(text, "Longest turn of the loop lately: %" PRIu64 " ms. ", sum_lag_max_us(view) / 1000);
    }
    text_format(text, "Connections: %" PRIu64 ". Answers: %" PRIu64 ".</p>\n", stat_get(&front.connections),
                stat_get(&front.answers));
}

static void write_pool(struct text *text, const struct call_pool *pool) {
    struct tt_pool_snapshot now;

    if (!pool->pool)
        return;
    tt_pool_snapshot(pool->pool, &now);
    text_puts(text, "<tr><td>");
    text_html(text, pool->name);
    text_format(text,
                "</td><td>%" PRIu32 "</td><td>%" PRIu32 "</td><td>%" PRIu32 "</td><td%s>%" PRIu32 "</td>"
                "<td>%" PRIu32 " / %" PRIu32 "</td><td>%" PRIu64 "</td>",
                now.worker_target, now.busy_count, now.idle_count, now.zombie_count > 0 ? " class=\"bad\"" : "",
                now.zombie_count, now.queue_depth, now.queue_limit, now.queue_oldest_us / 1000);
    text_format(text, "<td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td><td>%" PRIu64 "</td></tr>\n",
                now.done, now.failed + now.crashed, now.expired_queue + now.expired_run,
                now.refused_full + now.refused_closed);
    if (now.start_error[0]) {
        text_puts(text, "<tr><td colspan=\"11\" class=\"bad\">last worker that did not start: ");
        text_html(text, now.start_error);
        text_puts(text, "</td></tr>\n");
    }
}

void page_index(const struct admin_view *view, struct page *page) {
    struct text *text = &page->body;

    page->type = "text/html; charset=utf-8";
    text_puts(text, page_begin);
    write_state(text, view);
    text_puts(text,
              "<h2>Pools</h2>\n<table>\n<tr><th>pool</th><th>workers</th><th>busy</th><th>idle</th><th>zombies</th>"
              "<th>queue</th><th>oldest, ms</th><th>done</th><th>failed</th><th>expired</th><th>refused</th></tr>\n");
    for (size_t i = 0; i < view->registry->pool_count; i++)
        write_pool(text, &view->registry->pools[i]);
    text_puts(text, "</table>\n<h2>Pages</h2>\n<dl>\n");
    for (const struct page_entry *entry = page_table; entry->path; entry++) {
        if (entry->method[0] == 'G')
            text_format(text, "<dt><a href=\"%s\">%s</a></dt>", entry->path, entry->path);
        else
            text_format(text, "<dt>%s %s</dt>", entry->method, entry->path);
        text_puts(text, "<dd>");
        text_html(text, entry->help);
        text_puts(text, "</dd>\n");
    }
    text_puts(text, "</dl>\n</body>\n</html>\n");
}

static void page_drain(const struct admin_view *view, struct page *page) {
    (void)view;
    page->status = 202;
    page->type = "application/json";
    text_puts(&page->body, "{\"status\":\"draining\"}\n");
}

/* After the answer: a service with nothing to do ends so fast that its answer would be cut off. */
static void begin_drain(const struct admin_view *view, struct page *page) {
    (void)page;
    view->drain(view->context);
}

static void page_reload(const struct admin_view *view, struct page *page) {
    char *verdict = NULL;

    page->status = view->reload(view->context, &verdict);
    page->type = "text/plain; charset=utf-8";
    if (verdict)
        text_puts(&page->body, verdict);
    else
        text_format(&page->body, "%s\n", page->status == 200 ? "nothing has changed" : "the reload failed");
    free(verdict);
}

const struct page_entry page_table[] = {
    {"/", "GET", page_index, NULL, "This page: the pools at a glance."},
    {"/livez", "GET", page_livez, NULL,
     "200 while the loop turns; 503 says for how long it has been stalled, and by which call."},
    {"/readyz", "GET", page_readyz, NULL,
     "200 when requests are welcome; 503 says why not: starting, draining, a pool without workers."},
    {"/metrics", "GET", page_metrics, NULL, "All numbers for Prometheus."},
    {"/stats.json", "GET", page_stats, NULL, "All numbers as one JSON object."},
    {"/calls", "GET", page_calls, NULL, "What is in flight now: phase, age, worker and request id of each call."},
    {"/drain", "POST", page_drain, begin_drain,
     "Takes no more requests, answers those that are inside, and ends, as SIGTERM does."},
    {"/reload", "POST", page_reload, NULL,
     "Reads the configuration again, as SIGHUP does, and answers what has changed or what is wrong."},
    {NULL, NULL, NULL, NULL, NULL},
};

/*
 * Client: the command line's side of the admin plane: tothread status, calls, drain, reload.
 */
#include "client.h"
#include "../json.h"
#include "address.h"
#include "exchange.h"
#include <inttypes.h>
#include <string.h>

/* -- printing -- */

/* Without what a terminal obeys. Line ends stay. */
static void print_clean(FILE *out, const char *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];

        (void)fputc((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : c, out);
    }
}

/* One cell of a table, of at least that width; a negative width fills up at the right. */
static void print_cell(FILE *out, int width, const char *text) {
    char clean[80];
    size_t i = 0;

    for (; text[i] && i < sizeof clean - 1; i++)
        clean[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
    clean[i] = '\0';
    (void)fprintf(out, "%*s  ", width, clean);
}

static uint64_t number_of(const struct json *object, const char *name) {
    const struct json *member = object ? json_member(object, name) : NULL;
    struct tt_value value = {0};

    if (member)
        value = json_value(member);
    if (value.type == TT_TYPE_INTEGER && value.as.integer > 0)
        return (uint64_t)value.as.integer;
    if (value.type == TT_TYPE_REAL && value.as.real > 0 && value.as.real < 1e18)
        return (uint64_t)(value.as.real + 0.5);
    return 0;
}

static const char *string_of(const struct json *object, const char *name) {
    const struct json *member = object ? json_member(object, name) : NULL;

    return member && json_kind(member) == JSON_TEXT ? json_value(member).as.text.data : "";
}

static void print_number(FILE *out, int width, uint64_t number) {
    (void)fprintf(out, "%*" PRIu64 "  ", width, number);
}

static void print_pool(void *context, const char *name, const struct json *pool) {
    FILE *out = context;
    char queue[48];

    (void)snprintf(queue, sizeof queue, "%" PRIu64 "/%" PRIu64, number_of(pool, "queue_depth"),
                   number_of(pool, "queue_limit"));
    print_cell(out, -14, name);
    print_number(out, 7, number_of(pool, "worker_target"));
    print_number(out, 5, number_of(pool, "busy_count"));
    print_number(out, 5, number_of(pool, "idle_count"));
    print_number(out, 7, number_of(pool, "zombie_count"));
    print_cell(out, 11, queue);
    print_number(out, 10, number_of(pool, "done"));
    print_number(out, 7, number_of(pool, "failed") + number_of(pool, "crashed"));
    print_number(out, 7, number_of(pool, "expired_queue") + number_of(pool, "expired_run"));
    print_number(out, 7, number_of(pool, "refused_full") + number_of(pool, "refused_closed"));
    (void)fputc('\n', out);
    if (string_of(pool, "start_error")[0] && number_of(pool, "starting_count") > 0) {
        (void)fputs("  workers do not start: ", out);
        print_clean(out, string_of(pool, "start_error"), strlen(string_of(pool, "start_error")));
        (void)fputc('\n', out);
    }
}

static void print_loop(FILE *out, const char *name, const struct json *loop) {
    const struct json *lag = loop ? json_member(loop, "lag") : NULL;
    const struct json *stalled = loop ? json_member(loop, "is_stalled") : NULL;

    (void)fprintf(out, "%-11s  turn p99 %" PRIu64 " ms, longest lately %" PRIu64 " ms", name, number_of(lag, "p99_ms"),
                  number_of(loop, "lag_max_ms"));
    if (stalled && json_kind(stalled) == JSON_BOOLEAN && json_value(stalled).as.boolean) {
        (void)fprintf(out, "; STALLED for %" PRIu64 " ms by ", number_of(loop, "busy_ms"));
        print_clean(out, string_of(loop, "doing"), strlen(string_of(loop, "doing")));
    }
    (void)fputc('\n', out);
}

/* One loop is called just that; of several each has its number. */
static void print_loops(FILE *out, const struct json *stats) {
    const struct json *loops = json_member(stats, "loops");
    size_t count = loops && json_kind(loops) == JSON_ARRAY ? json_count(loops) : 0;

    if (count < 2)
        print_loop(out, "loop", json_member(stats, "loop"));
    for (size_t i = 0; count > 1 && i < count; i++) {
        const struct json *loop = json_item(loops, i);
        char name[32];

        (void)snprintf(name, sizeof name, "loop %zu", i + 1); /* fits */
        print_loop(out, name, json_kind(loop) == JSON_OBJECT ? loop : NULL);
    }
}

static void print_status(FILE *out, const struct json *stats) {
    static const struct {
        const char *title;
        int width;
    } columns[] = {{"pool", -14}, {"workers", 7}, {"busy", 5},   {"idle", 5},    {"zombies", 7},
                   {"queue", 11}, {"done", 10},   {"failed", 7}, {"expired", 7}, {"refused", 7}};
    const struct json *front = json_member(stats, "front");
    const struct json *process = json_member(stats, "process");
    const struct json *pools = json_member(stats, "pools");

    (void)fputs("tothread ", out);
    print_clean(out, string_of(stats, "version"), strlen(string_of(stats, "version")));
    (void)fputs(", ", out);
    print_clean(out, string_of(stats, "phase"), strlen(string_of(stats, "phase")));
    (void)fprintf(out, ", up %" PRIu64 " s\n", number_of(stats, "uptime_s"));
    print_loops(out, stats);
    (void)fprintf(out,
                  "connections  %" PRIu64 " open, %" PRIu64 " accepted, %" PRIu64 " timed out; %" PRIu64 " answers\n",
                  number_of(front, "connections"), number_of(front, "connections_accepted"),
                  number_of(front, "connections_dropped"), number_of(front, "answers"));
    (void)fprintf(out, "process      %" PRIu64 " MiB resident, %" PRIu64 " threads, %" PRIu64 " descriptors\n\n",
                  number_of(process, "resident_bytes") >> 20, number_of(process, "threads"),
                  number_of(process, "open_fds"));
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        print_cell(out, columns[i].width, columns[i].title);
    (void)fputc('\n', out);
    if (pools)
        json_each(pools, print_pool, out);
}

static void print_calls(FILE *out, const struct json *answer) {
    const struct json *calls = json_member(answer, "calls");
    const struct json *is_cut = json_member(answer, "is_cut");
    size_t count = calls ? json_count(calls) : 0;

    if (count == 0) {
        (void)fputs("nothing is in flight\n", out);
        return;
    }
    print_cell(out, -20, "call");
    print_cell(out, -12, "pool");
    print_cell(out, -8, "phase");
    print_cell(out, 10, "age, ms");
    print_cell(out, -15, "worker");
    print_cell(out, 7, "thread");
    print_cell(out, -22, "client");
    (void)fputs("id\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct json *call = json_item(calls, i);

        print_cell(out, -20, string_of(call, "call"));
        print_cell(out, -12, string_of(call, "pool"));
        print_cell(out, -8, string_of(call, "phase"));
        print_number(out, 10, number_of(call, "age_ms"));
        print_cell(out, -15, string_of(call, "worker"));
        print_number(out, 7, number_of(call, "thread_id"));
        print_cell(out, -22, string_of(call, "client"));
        print_clean(out, string_of(call, "id"), strlen(string_of(call, "id")));
        (void)fputc('\n', out);
    }
    if (is_cut && json_kind(is_cut) == JSON_BOOLEAN && json_value(is_cut).as.boolean)
        (void)fputs("there are more\n", out);
}

/* -- commands -- */

static int print_json(const struct exchange *answer, void (*print)(FILE *out, const struct json *json), FILE *out,
                      FILE *err) {
    struct json_error error;
    struct json *json = json_parse(answer->body, answer->body_size, &error);

    if (!json) {
        (void)fprintf(err, "tothread: the answer is no JSON: line %u, column %u: ", error.line, error.column);
        print_clean(err, error.text, strnlen(error.text, sizeof error.text));
        (void)fputc('\n', err);
        return 1;
    }
    print(out, json);
    json_free(json);
    return 0;
}

static void print_drain(FILE *out, const struct json *json) {
    (void)json;
    (void)fputs("draining: no more requests are taken, the service ends when those inside are answered\n", out);
}

static int print_reload(const struct exchange *answer, bool is_json, FILE *out, FILE *err) {
    bool is_good = answer->status == 200;

    if (is_json) {
        struct text text = {0};
        bool is_whole;

        text_open(&text, NULL, '{');
        text_number(&text, "status", (uint64_t)answer->status);
        text_string(&text, "text", answer->body);
        text_close(&text, '}');
        is_whole = !text.has_no_memory;
        (void)fprintf(out, "%s\n", is_whole ? text.data : "null");
        text_deinit(&text);
        return is_good && is_whole ? 0 : 1;
    }
    print_clean(is_good ? out : err, answer->body, answer->body_size);
    return is_good ? 0 : 1;
}

static const struct command {
    const char *name;
    const char *method;
    const char *path;
    void (*print)(FILE *out, const struct json *json); /* NULL: the answer is text, with the service's verdict in it */
} commands[] = {
    {"status", "GET", "/stats.json", print_status},
    {"calls", "GET", "/calls", print_calls},
    {"drain", "POST", "/drain", print_drain},
    {"reload", "POST", "/reload", NULL},
};

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int print_answer(const struct command *command, const struct exchange *answer, bool is_json, FILE *out,
                        FILE *err) {
    bool is_verdict = !command->print && (answer->status == 200 || answer->status == 422 || answer->status == 503);

    if (is_verdict)
        return print_reload(answer, is_json, out, err);
    if (answer->status >= 300 || !command->print) {
        (void)fprintf(err, "tothread: the service answered %d: ", answer->status);
        print_clean(err, answer->body, answer->body_size);
        return 1;
    }
    if (!is_json)
        return print_json(answer, command->print, out, err);
    return fwrite(answer->body, 1, answer->body_size, out) == answer->body_size ? 0 : 1;
}

int client_run(const char *command_name, const char *address, bool is_json, FILE *out, FILE *err) {
    const struct command *command = find_command(command_name);
    const char *where = address ? address : ADDRESS_DEFAULT;
    struct exchange answer = {0};
    struct tt_error error;
    int result = 1;

    if (!command) {
        (void)fprintf(err, "tothread: there is no command %s\n", command_name);
        return 1;
    }
    if (exchange_run(&answer, command->method, command->path, where, &error) == TT_OK)
        result = print_answer(command, &answer, is_json, out, err);
    else
        (void)fprintf(err, "tothread: can't ask the service at %s: %s (--admin ADDRESS if it is elsewhere)\n", where,
                      error.text);
    exchange_deinit(&answer);
    return result;
}

/* Gathering: see gathering.h. */
#include "gathering.h"

#include "../gather.h"
#include "../json.h"
#include "auth.h"
#include "problem.h"
#include "reply.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ITEM_HEAD_BYTES 512u

/** What the client asked for, item by item. */
struct plan {
    struct call *calls[FRONT_GATHER_CALLS];
    const struct json *objects[FRONT_GATHER_CALLS]; /* arguments; NULL: those of path and query */
    size_t count;
    bool returns_exceptions;
    struct json *body; /* owns the objects */
};

static void refuse(struct request *request, enum problem_kind kind, const char *detail) TT_ON_LOOP {
    struct problem problem = {.kind = kind, .detail = detail};
    problem_send(request, &problem);
}

static void refuse_at(struct request *request, const char *pointer, const char *detail) TT_ON_LOOP {
    const struct args_mistake mistake = {.pointer = pointer, .detail = detail};
    struct problem problem = {.kind = PROBLEM_ARGUMENTS, .mistakes = &mistake, .mistake_count = 1};
    problem_send(request, &problem);
}

/* -- reading the body -- */

static bool plan_item(struct request *request, const struct json *item, size_t index, struct plan *plan) TT_ON_LOOP {
    char *pointer = arena_format(&request->arena, "/calls/%zu", index);
    const struct json *name = json_kind(item) == JSON_OBJECT ? json_member(item, "call") : NULL;
    const struct json *object = json_kind(item) == JSON_OBJECT ? json_member(item, "args") : NULL;
    if (pointer == NULL) {
        refuse(request, PROBLEM_INTERNAL, "no memory for the arguments");
        return false;
    }
    if (name == NULL || json_kind(name) != JSON_TEXT) {
        refuse_at(request, pointer, "an item is {\"call\":\"NAME\",\"args\":{...}}");
        return false;
    }
    if (json_count(item) != (object != NULL ? 2u : 1u)) {
        refuse_at(request, pointer, "an item has the members call and args, and no others");
        return false;
    }
    if (object != NULL && json_kind(object) != JSON_OBJECT) {
        refuse_at(request, pointer, "args is an object");
        return false;
    }
    struct tt_value text = json_value(name);
    struct call *call = registry_find(request->front->registry, text.as.text.data, text.as.text.size);
    if (call == NULL) {
        refuse_at(request, pointer, "there is no call of this name");
        return false;
    }
    if (!auth_check_call(request, call, false))
        return false;
    if (call->function->takes_body) {
        refuse_at(request, pointer, "this call takes a raw body, which a gather can't give it");
        return false;
    }
    plan->calls[index] = call;
    plan->objects[index] = object;
    return true;
}

/** {"calls":[...],"return_exceptions":false} to a plan. Returns: false when the request was refused. */
static bool plan_any(struct request *request, struct plan *plan) TT_ON_LOOP {
    struct json_error error;
    if (request->query_size > 0) {
        refuse(request, PROBLEM_ARGUMENTS, "a gather takes its arguments from the body alone");
        return false;
    }
    plan->body = json_parse(request->body, request->body_size, &error);
    if (plan->body == NULL) {
        char *detail = arena_format(&request->arena, "line %u, column %u: %s", error.line, error.column, error.text);
        refuse(request, PROBLEM_BAD_JSON, request->body_size > 0 ? detail : "the body is empty");
        return false;
    }
    const struct json *calls = json_kind(plan->body) == JSON_OBJECT ? json_member(plan->body, "calls") : NULL;
    const struct json *returns =
        json_kind(plan->body) == JSON_OBJECT ? json_member(plan->body, "return_exceptions") : NULL;
    if (calls == NULL || json_kind(calls) != JSON_ARRAY) {
        refuse_at(request, "", "the body is {\"calls\":[{\"call\":\"NAME\",\"args\":{...}}, ...]}");
        return false;
    }
    if ((returns != NULL && json_kind(returns) != JSON_BOOLEAN) ||
        json_count(plan->body) != (returns != NULL ? 2u : 1u)) {
        refuse_at(request, "", "beside calls there may be return_exceptions, true or false, and nothing else");
        return false;
    }
    plan->returns_exceptions = returns != NULL && json_value(returns).as.boolean;
    plan->count = json_count(calls);
    if (plan->count > FRONT_GATHER_CALLS) {
        refuse_at(request, "/calls", "a gather has at most 64 calls");
        return false;
    }
    for (size_t i = 0; i < plan->count; i++)
        if (!plan_item(request, json_item(calls, i), i, plan))
            return false;
    return true;
}

static bool plan_named(struct request *request, const struct gather *gather, struct plan *plan) TT_ON_LOOP {
    if (gather->call_count > FRONT_GATHER_CALLS) {
        refuse(request, PROBLEM_INTERNAL, "a gather has at most 64 calls");
        return false;
    }
    if (request->body_size > 0) {
        struct json_error error;
        plan->body = json_parse(request->body, request->body_size, &error);
        if (plan->body == NULL || json_kind(plan->body) != JSON_OBJECT) {
            refuse(request, PROBLEM_BAD_JSON, "the body is no JSON object");
            return false;
        }
    }
    plan->count = gather->call_count;
    for (size_t i = 0; i < plan->count; i++) {
        plan->calls[i] = gather->calls[i];
        plan->objects[i] = plan->body;
    }
    return true;
}

/* -- writing the answer -- */

struct text {
    char *data;
    size_t size;
    size_t capacity;
    bool has_failed;
};

static char *text_reserve(struct text *text, size_t size) {
    if (text->size + size > text->capacity) {
        size_t capacity = (text->size + size) * 2;
        char *data = realloc(text->data, capacity);
        if (data == NULL) {
            text->has_failed = true;
            return NULL;
        }
        text->data = data;
        text->capacity = capacity;
    }
    return text->data + text->size;
}

static void text_put(struct text *text, const char *data, size_t size) {
    char *at = text_reserve(text, size);
    if (at == NULL)
        return;
    memcpy(at, data, size);
    text->size += size;
}

static void text_put_string(struct text *text, const char *data) {
    text_put(text, data, strlen(data));
}

static void text_put_quoted(struct text *text, const char *data, size_t size) {
    size_t quoted = json_quote(NULL, 0, data, size);
    char *at = text_reserve(text, quoted);
    if (at == NULL)
        return;
    text->size += json_quote(at, quoted, data, size);
}

static void text_put_base64(struct text *text, const unsigned char *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *at = text_reserve(text, (size + 2) / 3 * 4 + 2);
    if (at == NULL)
        return;
    char *begin = at;
    *at++ = '"';
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned bits =
            (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        *at++ = digits[bits >> 18];
        *at++ = digits[bits >> 12 & 63];
        *at++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[bits & 63] : '=';
    }
    *at++ = '"';
    text->size += (size_t)(at - begin);
}

static void put_body(struct text *text, const struct answer *answer) {
    size_t size = answer->size;
    if (strcmp(answer->type, "application/json") == 0) {
        while (size > 0 && (answer->data[size - 1] == '\n' || answer->data[size - 1] == ' '))
            size--;
        text_put_string(text, "\"body\":");
        text_put(text, size > 0 ? answer->data : "null", size > 0 ? size : 4);
        return;
    }
    text_put_string(text, "\"type\":");
    text_put_quoted(text, answer->type, strlen(answer->type));
    if (json_is_text(answer->data, size)) {
        text_put_string(text, ",\"text\":");
        text_put_quoted(text, answer->data, size);
    } else {
        text_put_string(text, ",\"base64\":");
        text_put_base64(text, (const unsigned char *)answer->data, size);
    }
}

static void put_item(struct request *request, struct gather_item *item, struct text *text) TT_ON_LOOP {
    struct problem problem;
    char status[32];
    bool has_failed = problem_of_offload(&item->offload, item->status, &problem);
    int code = has_failed ? problem_status(&problem) : item->offload.run.answer.status;
    char digits[3] = {(char)('0' + code / 100 % 10), (char)('0' + code / 10 % 10), (char)('0' + code % 10)};
    memcpy(status, "{\"status\":", 10);
    memcpy(status + 10, digits, sizeof digits);
    status[13] = ',';
    text_put(text, status, 14);
    if (has_failed) {
        size_t size = 0;
        char *json = problem_json(&problem, request->id, &request->arena, &size);
        text_put_string(text, "\"problem\":");
        text_put(text, json != NULL ? json : "null", json != NULL ? size - 1 : 4);
    } else {
        put_body(text, &item->offload.run.answer);
    }
    text_put_string(text, "}");
}

/** The slowest item's times: the gather took as long. */
static void slowest(const struct gather_run *gather, uint64_t *ret_queue_us, uint64_t *ret_run_us) {
    *ret_queue_us = 0;
    *ret_run_us = 0;
    for (size_t i = 0; i < gather->item_count; i++) {
        const struct tt_job *job = &gather->items[i].offload.job;
        if (job->queue_us + job->run_us >= *ret_queue_us + *ret_run_us) {
            *ret_queue_us = job->queue_us;
            *ret_run_us = job->run_us;
        }
    }
}

static void answer_all(struct request *request, struct gather_run *gather) TT_ON_LOOP {
    struct text text = {0};
    text_put_string(&text, "{\"results\":[");
    for (size_t i = 0; i < gather->item_count && text.size <= request->front->limits.answer_bytes; i++) {
        if (i > 0)
            text_put_string(&text, ",");
        put_item(request, &gather->items[i], &text);
    }
    text_put_string(&text, "]}\n");
    if (text.has_failed || text.size > request->front->limits.answer_bytes) {
        free(text.data);
        refuse(request, PROBLEM_INTERNAL,
               text.has_failed ? "no memory for the answer" : "the answer is larger than max-answer");
        return;
    }
    struct reply reply = {.status = 200,
                          .type = "application/json",
                          .body = text.data,
                          .body_size = text.size,
                          .body_is_owned = true,
                          .has_timing = true};
    slowest(gather, &reply.queue_us, &reply.run_us);
    reply_send(request, &reply);
}

/* -- running -- */

struct gathering {
    struct request *request;
    bool returns_exceptions;
};

static void on_done(struct gather_run *gather) {
    tt_assume_loop();
    const struct gathering *gathering = gather->owner;
    struct request *request = gathering->request;
    struct problem problem;
    if (gather_is_taken_back(gather))
        request_taken_back(request);
    if (request->connection == NULL) {
        request_answered(request);
        return;
    }
    if (gather->is_too_large) {
        refuse(request, PROBLEM_INTERNAL, "the answers together are larger than max-answer");
        return;
    }
    for (size_t i = 0; !gathering->returns_exceptions && i < gather->item_count; i++) {
        if (problem_of_offload(&gather->items[i].offload, gather->items[i].status, &problem)) {
            problem_send(request, &problem);
            return;
        }
    }
    answer_all(request, gather);
}

static void on_release(struct gather_run *gather) {
    tt_assume_loop();
    const struct gathering *gathering = gather->owner;
    struct request *request = gathering->request;
    request->gather = NULL;
    gather_destroy(gather);
    request_drop(request);
}

/** The pointers of an item's mistakes, from its arguments to the whole body. */
static void move_pointers(struct request *request, size_t index, struct args *args) TT_ON_LOOP {
    for (size_t i = 0; i < args->mistake_count; i++) {
        const char *moved = arena_format(&request->arena, "/calls/%zu/args%s", index, args->mistakes[i].pointer);
        if (moved != NULL)
            args->mistakes[i].pointer = moved; /* without memory the old one has to do */
    }
}

/** Decodes an item's arguments. Returns: false when the request was refused. */
static bool set_item(struct request *request, struct gather_run *gather, size_t index,
                     const struct plan *plan) TT_ON_LOOP {
    struct call *call = plan->calls[index];
    bool is_any = request->target->kind == ROUTE_GATHER_ANY;
    struct args args;
    const struct args_input input = {
        .captures = request->match.captures,
        .capture_count = is_any ? 0 : request->match.capture_count,
        .query = request->query,
        .query_size = is_any ? 0 : request->query_size,
        .object = plan->objects[index],
    };
    enum tt_status status = args_decode(call->params, call->param_count, &input, &request->arena, &args);
    if (status != TT_OK) {
        if (status == TT_INVALID && is_any)
            move_pointers(request, index, &args);
        struct problem problem = {.kind = status == TT_INVALID ? PROBLEM_ARGUMENTS : PROBLEM_INTERNAL,
                                  .call = call->name,
                                  .mistakes = args.mistakes,
                                  .mistake_count = status == TT_INVALID ? args.mistake_count : 0};
        problem_send(request, &problem);
        return false;
    }
    gather_set(gather, index, request->front->loop, call, request->front->limits.answer_bytes);
    struct tt_run *run = &gather->items[index].offload.run.run;
    run->args = args.values;
    run->arg_count = args.count;
    run->body = NULL;
    run->body_size = 0;
    run->body_type = NULL;
    run->id = request->id;
    run->traceparent = request->traceparent; /* and no passage: what is written in pieces is collected */
    run->client = request->client;
    return true;
}

static void start(struct request *request, const struct plan *plan) TT_ON_LOOP {
    struct gathering *gathering = arena_take(&request->arena, sizeof *gathering);
    struct gather_run *gather = gather_create(plan->count, on_done, on_release, gathering);
    if (gathering == NULL || gather == NULL) {
        gather_destroy(gather);
        refuse(request, PROBLEM_INTERNAL, "no memory for the calls");
        return;
    }
    gathering->request = request;
    gathering->returns_exceptions = plan->returns_exceptions;
    for (size_t i = 0; i < plan->count; i++)
        if (!set_item(request, gather, i, plan)) {
            gather_destroy(gather);
            return;
        }
    uint64_t deadline_us = request->deadline_us;
    uint64_t timeout_us = request->target->kind == ROUTE_GATHER ? request->target->gather->timeout_us : 0;
    if (timeout_us != 0) {
        uint64_t own_us = request->begun_us + timeout_us;
        deadline_us = deadline_us == 0 || own_us < deadline_us ? own_us : deadline_us;
    }
    request->gather = gather;
    request_hold(request);
    gather_start(gather, deadline_us);
}

void gathering_run(struct request *request) {
    struct plan plan = {0};
    bool is_planned = request->target->kind == ROUTE_GATHER ? plan_named(request, request->target->gather, &plan)
                                                            : plan_any(request, &plan);
    if (is_planned)
        start(request, &plan);
    json_free(plan.body); /* the arguments were copied */
}

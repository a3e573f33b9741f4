/* Dispatch: see dispatch.h. */
#include "dispatch.h"

#include "../json.h"
#include "../log.h"
#include "feeding.h"
#include "gathering.h"
#include "problem.h"
#include "reply.h"
#include "streamed.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* -- what is refused -- */

static void refuse(struct request *request, enum problem_kind kind, const char *detail, bool must_close) TT_ON_LOOP {
    struct problem problem = {
        .kind = kind,
        .detail = detail,
        .call = request->target != NULL && request->target->call != NULL ? request->target->call->name : NULL,
        .allow = kind == PROBLEM_METHOD ? request->match.allow : NULL,
        .retry_after_s = kind == PROBLEM_NO_ROOM ? 1 : 0,
        .must_close = must_close};
    problem_send(request, &problem);
}

/** "application/json", or something+json, whatever its parameters. */
static bool is_json_type(const char *type) {
    size_t size = strcspn(type, "; \t");
    return (size == 16 && strncasecmp(type, "application/json", 16) == 0) ||
           (size > 5 && strncasecmp(type + size - 5, "+json", 5) == 0);
}

static bool takes_raw_body(const struct route_target *target) {
    return target->kind == ROUTE_CALL && (target->call->function->takes_body || target->call->function->streams_body);
}

/** Without a target: 404, 405, or the answer to OPTIONS. Returns: whether there is a target. */
static bool check_target(struct request *request, bool must_close) TT_ON_LOOP {
    if (request->target != NULL)
        return true;
    if (request->method == HTTP_OPTIONS && request->match.path_exists) {
        char allow[256] = "Allow: ";
        size_t size = strnlen(request->match.allow, sizeof allow - 16);
        memcpy(allow + 7, request->match.allow, size);
        memcpy(allow + 7 + size, "\r\n", 3);
        struct reply reply = {.status = 204, .extra = allow, .must_close = must_close};
        reply_send(request, &reply);
    } else if (request->match.path_exists) {
        refuse(request, PROBLEM_METHOD, NULL, must_close);
    } else {
        refuse(request, PROBLEM_NOT_FOUND, NULL, must_close);
    }
    return false;
}

void dispatch_check(struct request *request) {
    if (!check_target(request, true))
        return;
    if (request->content_length > request->body_limit) {
        refuse(request, PROBLEM_BODY_TOO_LARGE, "the body is larger than max-body", true);
        return;
    }
    if (!request->is_live && !front_has_room(request->front, request->content_length)) {
        refuse(request, PROBLEM_NO_ROOM, "max-buffered leaves no room for the body", true);
        return;
    }
    if (request->body_type != NULL && !takes_raw_body(request->target) && !is_json_type(request->body_type))
        refuse(request, PROBLEM_MEDIA_TYPE, "the arguments are a JSON object: send Content-Type: application/json",
               true);
}

/* -- one call -- */

/** The end of an answer that has begun. */
static void end_pieces(struct request *request) TT_ON_LOOP {
    static struct log_limit limit;
    const struct offload *offload = &request->offload;
    enum tt_outcome outcome = offload->job.outcome;
    bool is_whole = outcome == TT_DONE;
    if (!is_whole && outcome != TT_CANCELLED) { /* that was the client */
        char quoted[ANSWER_DETAIL_MAX * 6 + 3];
        const char *detail =
            outcome == TT_FAILED && offload->run.answer.detail != NULL ? offload->run.answer.detail : "";
        size_t size = json_quote(quoted, sizeof quoted, detail, strlen(detail));
        log_event_limited(&limit, TT_LOG_WARNING, "answer_broken", "call=%s outcome=%s id=%s detail=%.*s",
                          offload->run.call->name, tt_outcome_name(outcome), request->id, (int)size, quoted);
    }
    reply_end(request, is_whole, offload->job.queue_us, offload->job.run_us);
}

static bool on_begin(struct offload *offload) {
    tt_assume_loop();
    struct request *request = offload->owner;
    const struct answer *answer = &offload->run.answer;
    char lines[ANSWER_FIELDS_MAX + 1];
    const struct reply reply = {.status = answer->status,
                                .type = answer->type,
                                .extra = answer_lines(answer, lines),
                                .body_size = answer->announced};
    return reply_begin(request, &reply);
}

static void on_data(struct offload *offload, const void *data, size_t size) {
    tt_assume_loop();
    const struct request *request = offload->owner;
    if (request->connection != NULL)
        streamed_put(request->connection, data, size);
}

static void on_room(struct offload *offload) {
    tt_assume_loop();
    feeding_start(offload->owner);
}

static bool has_room(struct offload *offload) {
    tt_assume_loop();
    return request_hold_passage(offload->owner);
}

static const struct passage_events passage_events = {
    .has_room = has_room, .begin = on_begin, .data = on_data, .room = on_room};

/** Of what was collected: a HEAD's answer has the size that was announced, whether or not it was written. */
static uint64_t answer_size(const struct request *request, const struct answer *answer) {
    bool is_announced = answer->has_begun && answer->announced != TT_SIZE_UNKNOWN;
    return is_announced && request->method == HTTP_HEAD ? answer->announced : answer->size;
}

static void on_done(struct offload *offload) {
    tt_assume_loop();
    struct request *request = offload->owner;
    struct problem problem;
    if (offload_is_taken_back(offload))
        request_taken_back(request);
    if (request->passage.is_attached)
        passage_over(&request->passage);
    if (request->passage.has_begun) {
        end_pieces(request);
        return;
    }
    char lines[ANSWER_FIELDS_MAX + 1];
    struct answer *answer = &offload->run.answer;
    if (problem_of_offload(offload, offload->status, &problem)) {
        if (offload->status == TT_OK && offload->job.outcome == TT_FAILED && answer->fields != NULL)
            problem.lines = answer_lines(answer, lines);
        problem_send(request, &problem);
        return;
    }
    request_free_body(request);
    bool is_heap = answer->data != answer->inline_data && answer->data != NULL;
    struct reply reply = {
        .status = answer->status,
        .type = answer->type,
        .extra = answer->fields != NULL ? answer_lines(answer, lines) : NULL,
        .body = answer->data,
        .body_size = answer_size(request, answer),
        .body_is_owned = is_heap,
        .has_timing = true,
        .queue_us = offload->job.queue_us,
        .run_us = offload->job.run_us,
    };
    if (is_heap) {
        answer->data = NULL; /* taken over: it may be sent long after this request */
        answer->size = 0;
        answer->capacity = 0;
    }
    reply_send(request, &reply);
}

static void on_release(struct offload *offload) {
    tt_assume_loop();
    struct request *request = offload->owner;
    offload_deinit(offload);
    request_drop(request);
}

static void set_arguments(const struct request *request, const struct args *args, struct tt_run *run) {
    run->args = args->values;
    run->arg_count = args->count;
    run->body = request->body_size > 0 ? request->body : NULL;
    run->body_size = request->body_size;
    run->body_type = request->body_type;
    run->id = request->id;
    run->traceparent = request->traceparent;
    run->client = request->client;
    run->body_total = !request->is_live     ? request->body_size
                      : request->is_chunked ? TT_SIZE_UNKNOWN
                                            : request->content_length;
    run->is_head = request->method == HTTP_HEAD;
}

static void refuse_arguments(struct request *request, const struct args *args) TT_ON_LOOP {
    struct problem problem = {.kind = args->body_is_malformed ? PROBLEM_BAD_JSON : PROBLEM_ARGUMENTS,
                              .detail = args->body_is_malformed ? args->mistakes[0].detail : NULL,
                              .call = request->target->call->name,
                              .mistakes = args->mistakes,
                              .mistake_count = args->body_is_malformed ? 0 : args->mistake_count};
    problem_send(request, &problem);
}

static void refuse_for_room(struct request *request) TT_ON_LOOP {
    struct problem problem = {.kind = PROBLEM_NO_ROOM,
                              .detail = "max-buffered leaves no room for the body",
                              .call = request->target->call->name,
                              .retry_after_s = 1};
    problem_send(request, &problem);
}

static void run_call(struct request *request, struct call *call) TT_ON_LOOP {
    struct args args;
    bool is_raw = takes_raw_body(request->target);
    const struct args_input input = {
        .captures = request->match.captures,
        .capture_count = request->match.capture_count,
        .query = request->query,
        .query_size = is_raw && call->param_count == 0 ? 0 : request->query_size,
        .body = request->body,
        .body_size = is_raw ? 0 : request->body_size,
    };
    enum tt_status status = args_decode(call->params, call->param_count, &input, &request->arena, &args);
    if (status == TT_INVALID) {
        refuse_arguments(request, &args);
        return;
    }
    if (status != TT_OK) {
        refuse(request, PROBLEM_INTERNAL, "no memory for the arguments", false);
        return;
    }
    if (request->is_live && !request_hold_passage(request)) {
        refuse_for_room(request);
        return;
    }
    struct offload *offload = &request->offload;
    offload_init(offload, request->front->loop, call, request->front->limits.answer_bytes);
    offload->owner = request;
    offload->done = on_done;
    offload->release = on_release;
    offload->run.fields = request->fields;
    set_arguments(request, &args, &offload->run.run);
    if (call->pool != NULL && !offload_goes_home(call, request->front->loop))
        passage_attach(&request->passage, offload, &passage_events, request->is_live);
    request_hold(request);
    status = offload_start(offload, request->deadline_us);
    if (status == TT_OK)
        return;
    struct problem problem;
    (void)problem_of_offload(offload, status, &problem); /* refused: it always is one */
    offload_deinit(offload);
    problem_send(request, &problem);
    request_drop(request);
}

void dispatch_run(struct request *request) {
    if (!check_target(request, false))
        return;
    if (request->target->kind == ROUTE_CALL)
        run_call(request, request->target->call);
    else
        gathering_run(request);
}

/* Dispatch: see dispatch.h. */
#include "dispatch.h"

#include "../json.h"
#include "gathering.h"
#include "problem.h"
#include "reply.h"
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
    return target->kind == ROUTE_CALL && target->call->function->takes_body;
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
    if (request->content_length > request->front->limits.body_bytes) {
        refuse(request, PROBLEM_BODY_TOO_LARGE, "the body is larger than max-body", true);
        return;
    }
    if (!front_has_room(request->front, request->content_length)) {
        refuse(request, PROBLEM_NO_ROOM, "max-buffered leaves no room for the body", true);
        return;
    }
    if (request->body_type != NULL && !takes_raw_body(request->target) && !is_json_type(request->body_type))
        refuse(request, PROBLEM_MEDIA_TYPE, "the arguments are a JSON object: send Content-Type: application/json",
               true);
}

/* -- one call -- */

static void on_done(struct offload *offload) {
    tt_assume_loop();
    struct request *request = offload->owner;
    struct problem problem;
    if (problem_of_offload(offload, TT_OK, &problem)) {
        problem_send(request, &problem);
        return;
    }
    request_free_body(request);
    struct answer *answer = &offload->run.answer;
    bool is_heap = answer->data != answer->inline_data && answer->data != NULL;
    struct reply reply = {
        .status = answer->status,
        .type = answer->type,
        .body = answer->data,
        .body_size = answer->size,
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
}

static void refuse_arguments(struct request *request, const struct args *args) TT_ON_LOOP {
    struct problem problem = {.kind = args->body_is_malformed ? PROBLEM_BAD_JSON : PROBLEM_ARGUMENTS,
                              .detail = args->body_is_malformed ? args->mistakes[0].detail : NULL,
                              .call = request->target->call->name,
                              .mistakes = args->mistakes,
                              .mistake_count = args->body_is_malformed ? 0 : args->mistake_count};
    problem_send(request, &problem);
}

static void run_call(struct request *request, struct call *call) TT_ON_LOOP {
    struct args args;
    bool is_raw = call->function->takes_body;
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
    struct offload *offload = &request->offload;
    offload_init(offload, request->front->loop, call, request->front->limits.answer_bytes);
    offload->owner = request;
    offload->done = on_done;
    offload->release = on_release;
    set_arguments(request, &args, &offload->run.run);
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

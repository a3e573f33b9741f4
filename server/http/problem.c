/* Problem: see problem.h. */
#include "problem.h"

#include "../json.h"
#include "reply.h"
#include <stdio.h>
#include <string.h>

#define TYPE_PREFIX "urn:tothread:problem:"

struct kind_row {
    int status;
    const char *name;
    const char *title;
    const char *clock;
};

static const struct kind_row kinds[PROBLEM_KIND_COUNT] = {
    [PROBLEM_MALFORMED] = {400, "malformed", "The request is malformed", NULL},
    [PROBLEM_BAD_JSON] = {400, "bad-json", "The body is not the JSON that was expected", NULL},
    [PROBLEM_UNAUTHORIZED] = {401, "unauthorized", "The request needs a token", NULL},
    [PROBLEM_FORBIDDEN] = {403, "forbidden", "The token is not for this", NULL},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "Nothing answers this path", NULL},
    [PROBLEM_METHOD] = {405, "method", "The path answers other methods", NULL},
    [PROBLEM_SLOW] = {408, "slow-request", "The request did not arrive in time", NULL},
    [PROBLEM_BODY_TOO_LARGE] = {413, "body-too-large", "The body is larger than allowed", NULL},
    [PROBLEM_LINE_TOO_LONG] = {414, "line-too-long", "The request line is longer than allowed", NULL},
    [PROBLEM_MEDIA_TYPE] = {415, "media-type", "The body's media type is not understood", NULL},
    [PROBLEM_EXPECTATION] = {417, "expectation", "The expectation can't be met", NULL},
    [PROBLEM_ARGUMENTS] = {422, "arguments", "The arguments don't fit the call", NULL},
    [PROBLEM_HEAD_TOO_LARGE] = {431, "head-too-large", "The request's header is larger than allowed", NULL},
    [PROBLEM_CALL_FAILED] = {500, "call-failed", "The call failed", NULL},
    [PROBLEM_INTERNAL] = {500, "internal", "The service has failed", NULL},
    [PROBLEM_CODING] = {501, "transfer-coding", "The transfer coding is not understood", NULL},
    [PROBLEM_CRASHED] = {502, "call-crashed", "The call crashed or was killed", NULL},
    [PROBLEM_QUEUE_FULL] = {503, "queue-full", "The queue is full: the call never started", NULL},
    [PROBLEM_QUEUE_TIME] = {503, "queue-time", "The queue time-out passed: the call never started", "queue"},
    [PROBLEM_DRAINING] = {503, "draining", "The service is ending: the call was not finished", NULL},
    [PROBLEM_NO_ROOM] = {503, "no-room", "Too much is held in memory: the call never started", NULL},
    [PROBLEM_RUN_TIME] = {504, "run-time", "The run time-out passed: the call had started", "run"},
    [PROBLEM_VERSION] = {505, "version", "The HTTP version is not understood", NULL},
};

enum problem_kind problem_of_status(int status) {
    for (int kind = 0; kind < PROBLEM_KIND_COUNT; kind++)
        if (kinds[kind].status == status)
            return (enum problem_kind)kind;
    return PROBLEM_MALFORMED;
}

int problem_status(const struct problem *problem) {
    return problem->status != 0 ? problem->status : kinds[problem->kind].status;
}

static bool of_refusal(const struct offload *offload, enum tt_status status, struct problem *ret) TT_ON_LOOP {
    ret->kind = status == TT_FULL ? PROBLEM_QUEUE_FULL : PROBLEM_DRAINING;
    ret->retry_after_s = offload_retry_after_s(offload);
    return true;
}

bool problem_of_offload(const struct offload *offload, enum tt_status status, struct problem *ret_problem) {
    const struct call *call = offload->run.call;
    const struct tt_job *job = &offload->job;
    *ret_problem = (struct problem){.call = call->name};
    if (status != TT_OK)
        return of_refusal(offload, status, ret_problem);
    ret_problem->has_timing = true;
    ret_problem->queue_us = job->queue_us;
    ret_problem->run_us = job->run_us;
    switch (job->outcome) {
    case TT_DONE:
        return false;
    case TT_NONE:
    case TT_FAILED:
        ret_problem->kind = PROBLEM_CALL_FAILED;
        ret_problem->status = offload->run.answer.status;
        ret_problem->detail = offload->run.answer.detail;
        return true;
    case TT_CRASHED:
        ret_problem->kind = PROBLEM_CRASHED;
        ret_problem->detail = offload->run.answer.detail;
        return true;
    case TT_EXPIRED_QUEUE:
        ret_problem->kind = PROBLEM_QUEUE_TIME;
        ret_problem->retry_after_s = offload_retry_after_s(offload);
        return true;
    case TT_EXPIRED_RUN:
        ret_problem->kind = PROBLEM_RUN_TIME;
        return true;
    case TT_CANCELLED:
    case TT_ABANDONED:
        ret_problem->kind = PROBLEM_DRAINING;
        ret_problem->retry_after_s = 1;
        return true;
    }
    return true;
}

/* -- its JSON -- */

struct writer {
    char *at; /* NULL while measuring */
    size_t size;
};

static void write_text(struct writer *writer, const char *text) {
    size_t size = strlen(text);
    if (writer->at != NULL)
        memcpy(writer->at + writer->size, text, size);
    writer->size += size;
}

static void write_quoted(struct writer *writer, const char *text) {
    size_t size = json_quote(NULL, 0, text, strlen(text));
    if (writer->at != NULL)
        (void)json_quote(writer->at + writer->size, size, text, strlen(text)); /* measured */
    writer->size += size;
}

static void write_member(struct writer *writer, const char *name, const char *value) {
    if (value == NULL)
        return;
    write_text(writer, ",\"");
    write_text(writer, name);
    write_text(writer, "\":");
    write_quoted(writer, value);
}

static void write_problem(struct writer *writer, const struct problem *problem, const char *id) {
    const struct kind_row *row = &kinds[problem->kind];
    char status[32];
    (void)snprintf(status, sizeof status, "\",\"status\":%d", problem_status(problem)); /* fits */
    write_text(writer, "{\"type\":\"" TYPE_PREFIX);
    write_text(writer, row->name);
    write_text(writer, "\",\"title\":\"");
    write_text(writer, row->title);
    write_text(writer, status);
    write_member(writer, "detail", problem->detail);
    write_member(writer, "call", problem->call);
    write_member(writer, "clock", row->clock);
    write_member(writer, "id", id);
    if (problem->mistake_count > 0) {
        write_text(writer, ",\"errors\":[");
        for (size_t i = 0; i < problem->mistake_count; i++) {
            write_text(writer, i == 0 ? "{\"pointer\":" : ",{\"pointer\":");
            write_quoted(writer, problem->mistakes[i].pointer);
            write_member(writer, "detail", problem->mistakes[i].detail);
            write_text(writer, "}");
        }
        write_text(writer, "]");
    }
    write_text(writer, "}\n");
}

char *problem_json(const struct problem *problem, const char *id, struct arena *arena, size_t *ret_size) {
    struct writer writer = {0};
    write_problem(&writer, problem, id);
    char *text = arena_take(arena, writer.size);
    if (text == NULL)
        return NULL;
    writer = (struct writer){.at = text};
    write_problem(&writer, problem, id);
    *ret_size = writer.size;
    return text;
}

/** The header lines that belong to it. */
static const char *extra_lines(const struct problem *problem, char *out, size_t size) {
    int used = 0;
    out[0] = '\0';
    if (problem->retry_after_s != 0)
        used = snprintf(out, size, "Retry-After: %u\r\n", problem->retry_after_s);
    if (problem->allow != NULL && used >= 0 && (size_t)used < size)
        used +=
            snprintf(out + used, size - (size_t)used, "Allow: %s\r\n", problem->allow); /* methods are few and short */
    if (problem->challenge != NULL && used >= 0 && (size_t)used < size)
        used += snprintf(out + used, size - (size_t)used, "WWW-Authenticate: %s\r\n", problem->challenge); /* fits */
    if (problem->lines != NULL && used >= 0 && (size_t)used < size)
        (void)snprintf(out + used, size - (size_t)used, "%s", problem->lines); /* fits */
    return out;
}

void problem_send(struct request *request, const struct problem *problem) {
    char extra[256 + PROBLEM_LINES_MAX];
    size_t size = 0;
    char *body = problem_json(problem, request->id, &request->arena, &size); /* without memory: no body */
    struct reply reply = {
        .status = problem_status(problem),
        .type = "application/problem+json",
        .extra = extra_lines(problem, extra, sizeof extra),
        .body = body,
        .body_size = body != NULL ? size : 0,
        .must_close = problem->must_close,
        .has_timing = problem->has_timing,
        .queue_us = problem->queue_us,
        .run_us = problem->run_us,
    };
    reply_send(request, &reply);
}

void problem_refuse(struct request *request, enum problem_kind kind, const char *detail) {
    struct problem problem = {
        .kind = kind, .detail = detail, .retry_after_s = kind == PROBLEM_NO_ROOM ? 1 : 0, .must_close = true};
    problem_send(request, &problem);
}

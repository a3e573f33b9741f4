/* Request: see request.h. */
#include "request.h"

#include "../gather.h"
#include "auth.h"
#include "connection_state.h"
#include "dispatch.h"
#include "problem.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Objects that are kept for the next request: enough for a busy moment, little enough to forget. */
#define SPARE_MAX  256u
#define WAIT_MAX_S 86400u

/* -- memory -- */

static struct request *take_memory(struct front *front) TT_ON_LOOP {
    struct request *request = front->spare_requests;
    if (request != NULL) {
        front->spare_requests = request->next_spare;
        front->spare_count--;
    } else {
        request = malloc(sizeof *request);
        if (request == NULL)
            return NULL;
        arena_init(&request->arena, request->arena_memory, sizeof request->arena_memory);
    }
    front->request_count++;
    return request;
}

static void give_memory(struct front *front, struct request *request) TT_ON_LOOP {
    front->request_count--;
    if (front->spare_count >= SPARE_MAX) {
        free(request);
        return;
    }
    request->next_spare = front->spare_requests;
    front->spare_requests = request;
    front->spare_count++;
}

void request_free_spares(struct front *front) {
    while (front->spare_requests != NULL) {
        struct request *request = front->spare_requests;
        front->spare_requests = request->next_spare;
        free(request);
    }
    front->spare_count = 0;
}

void request_hold(struct request *request) {
    request->holds++;
}

void request_drop(struct request *request) {
    if (--request->holds > 0)
        return;
    struct front *front = request->front;
    if (request->passage.is_attached) {
        stat_add(&front->stats.buffered_bytes, (uint64_t)0 - request->passage_bytes);
        passage_deinit(&request->passage);
    }
    request_free_body(request);
    arena_reset(&request->arena);
    give_memory(front, request);
}

void request_answered(struct request *request) {
    if (request->is_answered)
        return;
    request->is_answered = true;
    request_drop(request);
}

void request_detach(struct request *request) {
    request->connection = NULL;
    request->is_feeding = false;
    if (!request->is_running)
        request_answered(request); /* it was still being read */
    else if (request->passage.is_attached)
        passage_cut(&request->passage);
}

bool request_hold_passage(struct request *request) {
    if (!front_has_room(request->front, PASSAGE_BYTES))
        return false;
    stat_add(&request->front->stats.buffered_bytes, PASSAGE_BYTES);
    request->passage_bytes += PASSAGE_BYTES;
    return true;
}

void request_sent(struct request *request, size_t size) {
    passage_consume(&request->passage, size);
}

/* -- the head -- */

static bool is_id_byte(unsigned char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte != '\0' && strchr("-._~:+/=@", byte) != NULL);
}

/** The client's id if it is sane (1 to 63 harmless bytes: it reaches logs and libraries), else a new one. */
static void take_id(struct request *request, const char *text, size_t size) TT_ON_LOOP {
    bool is_sane = size >= 1 && size <= REQUEST_ID_MAX;
    for (size_t i = 0; is_sane && i < size; i++)
        is_sane = is_id_byte((unsigned char)text[i]);
    if (!is_sane) {
        front_make_id(request->front, request->id);
        return;
    }
    memcpy(request->id, text, size);
    request->id[size] = '\0';
}

static bool is_traceparent(const char *text, size_t size) {
    static const char shape[] = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    bool trace_is_set = false;
    bool parent_is_set = false;
    if (size != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool is_hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (shape[i] == 'x' ? !is_hex : text[i] != shape[i])
            return false;
        trace_is_set = trace_is_set || (i >= 3 && i < 35 && text[i] != '0');
        parent_is_set = parent_is_set || (i >= 36 && i < 52 && text[i] != '0');
    }
    return trace_is_set && parent_is_set;
}

static void take_traceparent(struct request *request, const char *text, size_t size) TT_ON_LOOP {
    if (!is_traceparent(text, size)) {
        front_make_traceparent(request->front, request->traceparent);
        return;
    }
    memcpy(request->traceparent, text, size);
    request->traceparent[size] = '\0';
}

/** The N of "wait=N" (RFC 7240), or false. What is malformed is ignored, as that RFC says. */
static bool find_wait(const char *text, size_t size, uint64_t *ret_s) {
    for (size_t i = 0; i + 5 < size; i++) {
        bool begins = i == 0 || text[i - 1] == ',' || text[i - 1] == ';' || text[i - 1] == ' ' || text[i - 1] == '\t';
        if (!begins || strncasecmp(text + i, "wait=", 5) != 0)
            continue;
        uint64_t seconds = 0;
        size_t at = i + 5;
        for (; at < size && text[at] >= '0' && text[at] <= '9' && seconds <= WAIT_MAX_S; at++)
            seconds = seconds * 10 + (uint64_t)(text[at] - '0');
        bool ends = at == size || text[at] == ',' || text[at] == ';' || text[at] == ' ' || text[at] == '\t';
        if (at == i + 5 || !ends)
            return false;
        *ret_s = seconds;
        return true;
    }
    return false;
}

static struct request *create(struct connection *connection, struct front *front) TT_ON_LOOP {
    struct request *request = take_memory(front);
    if (request == NULL)
        return NULL;
    request->front = front;
    request->connection = connection;
    request->holds = 1;
    request->is_running = false;
    request->is_answered = false;
    request->method = HTTP_GET;
    request->is_http10 = false;
    request->keep_alive = false;
    request->has_body = false;
    request->is_chunked = false;
    request->is_continue_due = false;
    request->target = NULL;
    request->match.target = NULL;
    request->match.path_exists = false;
    request->match.capture_count = 0;
    request->query = NULL;
    request->query_size = 0;
    request->content_length = 0;
    request->body = NULL;
    request->body_size = 0;
    request->body_capacity = 0;
    request->body_type = NULL;
    request->body_limit = front->limits.body_bytes;
    request->is_live = false;
    request->is_feeding = false;
    request->body_due_us = CONNECTION_NO_DEADLINE;
    request->fields = NULL;
    passage_reset(&request->passage);
    request->passage_bytes = 0;
    request->begun_us = tt_wake_now_us(front->wake);
    request->deadline_us = 0;
    request->gather = NULL;
    request->auth = REQUEST_AUTH_NONE;
    request->token[0] = '\0';
    memcpy(request->client, connection_client(connection), sizeof request->client);
    return request;
}

/** Keeps the fields that a call may ask for. Range is for GET alone (RFC 9110, 14.2). Returns: false without memory. */
static bool keep_fields(struct request *request, const struct parse *parse, const char *head) TT_ON_LOOP {
    bool is_get = request->method == HTTP_GET;
    const struct span spans[TT_REQUEST_FIELD_COUNT] = {
        [TT_REQUEST_RANGE] = is_get ? parse->range : (struct span){0},
        [TT_REQUEST_IF_RANGE] = is_get ? parse->if_range : (struct span){0},
        [TT_REQUEST_IF_NONE_MATCH] = parse->if_none_match,
        [TT_REQUEST_IF_MODIFIED_SINCE] = parse->if_modified_since,
    };
    request->fields = arena_take_zeroed(&request->arena, TT_REQUEST_FIELD_COUNT * sizeof *request->fields);
    if (request->fields == NULL)
        return false;
    for (size_t i = 0; i < TT_REQUEST_FIELD_COUNT; i++) {
        if (spans[i].size == 0)
            continue;
        request->fields[i] = arena_copy(&request->arena, head + spans[i].at, spans[i].size);
        if (request->fields[i] == NULL)
            return false;
    }
    return true;
}

static bool has_fields(const struct parse *parse) {
    return (parse->range.size | parse->if_range.size | parse->if_none_match.size | parse->if_modified_since.size) != 0;
}

/** A call that reads its body itself, on a worker. */
static void take_live(struct request *request) TT_ON_LOOP {
    const struct route_target *target = request->target;
    if (target == NULL || target->kind != ROUTE_CALL || !target->call->function->streams_body ||
        target->call->pool == NULL || offload_goes_home(target->call, request->front->loop))
        return;
    uint64_t limit = target->call->body_bytes;
    request->is_live = true;
    if (limit != 0)
        request->body_limit = limit;
}

/** What is needed after the head's bytes are gone. Returns: false without memory. */
static bool keep_head(struct request *request, const char *path, size_t path_size) TT_ON_LOOP {
    char *kept = arena_copy(&request->arena, path, path_size);
    char *query = arena_copy(&request->arena, request->query, request->query_size);
    if (kept == NULL || query == NULL)
        return false;
    for (size_t i = 0; i < request->match.capture_count; i++)
        request->match.captures[i].data = kept + (request->match.captures[i].data - path);
    request->query = query;
    return true;
}

struct request *request_begin(struct connection *connection, struct front *front, const struct parse *parse,
                              const char *head) {
    struct request *request = create(connection, front);
    if (request == NULL)
        return NULL;
    request->method = parse->method;
    request->is_http10 = parse->minor == 0;
    request->keep_alive = parse->keep_alive;
    request->is_chunked = parse->is_chunked;
    request->content_length = parse->has_length ? parse->content_length : 0;
    request->has_body = parse->is_chunked || request->content_length > 0;
    request->is_continue_due = request->has_body && parse->expect_continue;
    request->query = head + parse->query.at;
    request->query_size = parse->query.size;
    take_id(request, head + parse->request_id.at, parse->request_id.size);
    take_traceparent(request, head + parse->traceparent.at, parse->traceparent.size);
    if (parse->authorization.size > 0)
        auth_read(request, head + parse->authorization.at, parse->authorization.size);
    uint64_t wait_s;
    if (parse->prefer.size > 0 && find_wait(head + parse->prefer.at, parse->prefer.size, &wait_s))
        request->deadline_us = request->begun_us + wait_s * 1000000u + (wait_s == 0);
    const char *path = parse->path_is_root ? "/" : head + parse->path.at;
    size_t path_size = parse->path_is_root ? 1 : parse->path.size;
    if (parse->is_asterisk) {
        request->match.path_exists = true; /* OPTIONS for the service as a whole */
        request->match.allow = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";
    } else {
        route_find(front->routes->table, request->method, path, path_size, &request->match);
    }
    request->target = request->match.target;
    if (has_fields(parse) && !keep_fields(request, parse, head)) {
        request_answered(request);
        return NULL;
    }
    if (request->has_body) {
        take_live(request);
        if (parse->is_chunked)
            chunk_init(&request->chunk);
        if (parse->content_type.size > 0)
            request->body_type = arena_copy(&request->arena, head + parse->content_type.at, parse->content_type.size);
        if ((parse->content_type.size > 0 && request->body_type == NULL) || !keep_head(request, path, path_size)) {
            request_answered(request);
            return NULL;
        }
    }
    return request;
}

void request_check(struct request *request) {
    if (auth_check(request, request->has_body) && request->has_body)
        dispatch_check(request);
}

static void refuse_head(struct connection *connection, struct front *front, enum http_method method,
                        enum problem_kind kind, const char *detail) TT_ON_LOOP {
    struct request *request = create(connection, front);
    if (request == NULL) {
        connection_close(connection);
        return;
    }
    request->method = method;
    front_make_id(front, request->id);
    problem_refuse(request, kind, detail);
}

void request_refuse(struct connection *connection, struct front *front, enum http_method method, int status,
                    const char *detail) {
    refuse_head(connection, front, method, problem_of_status(status), detail);
}

void request_refuse_for_room(struct connection *connection, struct front *front, enum http_method method) {
    refuse_head(connection, front, method, PROBLEM_NO_ROOM, "max-buffered leaves no room for the head");
}

void request_time_out(struct connection *connection, struct front *front, struct request *request,
                      enum http_method method) {
    static const char *const detail = "the request took too long to arrive";
    if (request == NULL) {
        refuse_head(connection, front, method, PROBLEM_SLOW, detail);
        return;
    }
    request->is_feeding = false;
    if (request->passage.is_attached)
        passage_cut(&request->passage);
    problem_refuse(request, PROBLEM_SLOW, detail);
}

void request_run(struct request *request) {
    request->is_running = true;
    connection_set_busy(request->connection);
    dispatch_run(request);
}

void request_taken_back(struct request *request) {
    if (request->connection == NULL)
        return;
    stat_add(&request->front->stats.clients_left, 1);
    connection_close(request->connection);
}

bool request_client_left(struct request *request) {
    if (request->gather != NULL)
        return gather_cancel(request->gather);
    return offload_cancel(&request->offload) == TT_OK;
}

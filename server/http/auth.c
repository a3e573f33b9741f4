/* Auth: see auth.h. */
#include "auth.h"

#include "../config/tokens.h"
#include "../log.h"
#include "problem.h"
#include <string.h>
#include <strings.h>

#define REALM "Bearer realm=\"tothread\""

/** What a request that was refused lacked, in the order of enum request_auth; then: a token of another name. */
struct refusal {
    const char *reason;
    enum problem_kind kind;
    const char *detail;
    const char *challenge;
    size_t counter;
};

static const struct refusal refusals[] = {
    [REQUEST_AUTH_NONE] = {"missing", PROBLEM_UNAUTHORIZED, "send Authorization: Bearer TOKEN", REALM,
                           offsetof(struct front_stats, auth_missing)},
    [REQUEST_AUTH_MALFORMED] = {"malformed", PROBLEM_MALFORMED, "the Authorization field is no Bearer TOKEN",
                                REALM ", error=\"invalid_request\"", offsetof(struct front_stats, auth_malformed)},
    [REQUEST_AUTH_UNKNOWN] = {"unknown", PROBLEM_UNAUTHORIZED, "the token is not known",
                              REALM ", error=\"invalid_token\"", offsetof(struct front_stats, auth_unknown)},
    [REQUEST_AUTH_KNOWN] = {"not-allowed", PROBLEM_FORBIDDEN, "the token is not for this call",
                            REALM ", error=\"insufficient_scope\"", offsetof(struct front_stats, auth_not_allowed)},
};

static void refuse(struct request *request, const struct call *call, bool must_close) TT_ON_LOOP {
    static struct log_limit limit;
    const struct refusal *refusal = &refusals[request->auth];
    struct front_stats *stats = &request->front->stats;
    struct problem problem = {.kind = refusal->kind,
                              .detail = refusal->detail,
                              .call = call != NULL ? call->name : NULL,
                              .challenge = refusal->challenge,
                              .must_close = must_close};
    stat_add((stat_counter *)(void *)((char *)stats + refusal->counter), 1);
    log_event_limited(&limit, TT_LOG_WARNING, "request_refused", "reason=%s call=%s client=%s token=%s",
                      refusal->reason, call != NULL ? call->name : "-", request->client,
                      request->token[0] != '\0' ? request->token : "-");
    problem_send(request, &problem);
}

static bool is_granted(const struct request *request, const struct call *call) {
    const struct call_grant *grant = call->grant;
    if (!grant->needs_token)
        return true;
    if (request->auth != REQUEST_AUTH_KNOWN)
        return false;
    for (size_t i = 0; i < grant->name_count; i++)
        if (strcmp(grant->names[i], request->token) == 0)
            return true;
    return !grant->is_limited;
}

void auth_read(struct request *request, const char *text, size_t size) {
    static const char scheme[] = "Bearer";
    const size_t scheme_size = sizeof scheme - 1;
    const struct tokens *tokens = request->front->limits.tokens;
    request->auth = REQUEST_AUTH_NONE;
    request->token[0] = '\0';
    if (tokens == NULL || size < scheme_size || strncasecmp(text, scheme, scheme_size) != 0 ||
        (size > scheme_size && text[scheme_size] != ' '))
        return; /* another scheme is none of ours */
    size_t at = scheme_size;
    while (at < size && text[at] == ' ')
        at++;
    request->auth = REQUEST_AUTH_MALFORMED;
    if (!tokens_is_form(text + at, size - at))
        return;
    const char *name = tokens_find(tokens, text + at, size - at);
    request->auth = name != NULL ? REQUEST_AUTH_KNOWN : REQUEST_AUTH_UNKNOWN;
    if (name != NULL)
        memcpy(request->token, name, strlen(name) + 1); /* a reload may drop the name before the answer is logged */
}

bool auth_check_call(struct request *request, const struct call *call, bool must_close) {
    if (is_granted(request, call))
        return true;
    refuse(request, call, must_close);
    return false;
}

bool auth_check(struct request *request, bool must_close) {
    const struct route_target *target = request->target;
    if (target != NULL && target->kind == ROUTE_CALL)
        return auth_check_call(request, target->call, must_close);
    if (target != NULL && target->kind == ROUTE_GATHER) {
        for (size_t i = 0; i < target->gather->call_count; i++)
            if (!auth_check_call(request, target->gather->calls[i], must_close))
                return false;
        return true;
    }
    /* No such path, OPTIONS, or a gather whose calls the body will name: who has no token learns nothing. */
    if (!request->front->limits.needs_token || request->auth == REQUEST_AUTH_KNOWN)
        return true;
    refuse(request, NULL, must_close);
    return false;
}

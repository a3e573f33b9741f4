/**
 * Problem: every error as RFC 9457 problem+json, with a stable type.
 *
 * The types are "urn:tothread:problem:NAME"; the names are in problem.c's table, and in the README.
 *
 * Thread: the loop's.
 */
#ifndef SERVER_HTTP_PROBLEM_H
#define SERVER_HTTP_PROBLEM_H

#include "../offload.h"
#include "args.h"
#include "request.h"
#include <stddef.h>

#define PROBLEM_LINES_MAX ANSWER_FIELDS_MAX

enum problem_kind {
    PROBLEM_MALFORMED,      /* 400 */
    PROBLEM_BAD_JSON,       /* 400 */
    PROBLEM_UNAUTHORIZED,   /* 401 */
    PROBLEM_FORBIDDEN,      /* 403 */
    PROBLEM_NOT_FOUND,      /* 404 */
    PROBLEM_METHOD,         /* 405 */
    PROBLEM_SLOW,           /* 408 */
    PROBLEM_BODY_TOO_LARGE, /* 413 */
    PROBLEM_LINE_TOO_LONG,  /* 414 */
    PROBLEM_MEDIA_TYPE,     /* 415 */
    PROBLEM_EXPECTATION,    /* 417 */
    PROBLEM_ARGUMENTS,      /* 422 */
    PROBLEM_HEAD_TOO_LARGE, /* 431 */
    PROBLEM_CALL_FAILED,    /* what the call said, 400 to 599 */
    PROBLEM_INTERNAL,       /* 500 */
    PROBLEM_CODING,         /* 501 */
    PROBLEM_CRASHED,        /* 502 */
    PROBLEM_QUEUE_FULL,     /* 503 */
    PROBLEM_QUEUE_TIME,     /* 503, clock queue */
    PROBLEM_DRAINING,       /* 503 */
    PROBLEM_NO_ROOM,        /* 503 */
    PROBLEM_RUN_TIME,       /* 504, clock run */
    PROBLEM_VERSION,        /* 505 */
    PROBLEM_KIND_COUNT
};

struct problem {
    enum problem_kind kind;
    int status;         /* 0: the kind's */
    const char *detail; /* one sentence; NULL: none */
    const char *call;   /* name; NULL: none */
    const struct args_mistake *mistakes;
    size_t mistake_count;
    unsigned retry_after_s; /* 0: none */
    const char *allow;      /* for 405 */
    const char *challenge;  /* WWW-Authenticate, for 401 and its like */
    const char *lines;      /* further header lines, each with its CRLF, at most PROBLEM_LINES_MAX bytes; NULL: none */
    bool must_close;
    bool has_timing;
    uint64_t queue_us;
    uint64_t run_us;
};

/** The kind for a status that the parser refused with. */
enum problem_kind problem_of_status(int status);

/** What an ended or refused offload is, or false for one that succeeded. status: offload_start's; TT_OK for one that ended. */
bool problem_of_offload(const struct offload *offload, enum tt_status status, struct problem *ret_problem) TT_ON_LOOP;

/** The problem's status. */
int problem_status(const struct problem *problem);

/** Its JSON, for an item of a gather or a body of its own. Owns: in arena. Returns: NULL without memory. */
char *problem_json(const struct problem *problem, const char *id, struct arena *arena, size_t *ret_size);

/** Answers the request with it. */
void problem_send(struct request *request, const struct problem *problem) TT_ON_LOOP;

/** Answers a request that is still being read with that kind of problem, and closes. */
void problem_refuse(struct request *request, enum problem_kind kind, const char *detail) TT_ON_LOOP;

#endif

/**
 * Status: how a function of this library tells what happened.
 *
 * Every function that can fail returns an enum tt_status by value; zero is success. There is no
 * thread-local error: a status travels with the job from the worker to the loop. Where a person
 * will read the reason (configuration, modules, start-up), a struct tt_error is filled as well.
 */
#ifndef TOTHREAD_STATUS_H
#define TOTHREAD_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TT_MUST_CHECK        __attribute__((warn_unused_result))
#define TT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TT_EXPORT            __attribute__((visibility("default")))
#else
#define TT_MUST_CHECK
#define TT_PRINTF(fmt, args)
#define TT_EXPORT
#endif

enum tt_status {
    TT_OK = 0,
    TT_FULL,      /* the queue is at its limit: nothing was taken */
    TT_CLOSED,    /* nobody takes it any more: the pool was closed, the receiver has left, the job was asked to end */
    TT_INVALID,   /* the caller's mistake: an argument out of range, a job that is already in use */
    TT_NOMEM,     /* no memory */
    TT_SYSTEM,    /* the operating system refused: see tt_error.sys_errno */
    TT_TOO_LATE,  /* the job has started, or is done: it can't be taken back any more */
    TT_NOT_FOUND, /* no such thing by that name */
    TT_TIMED_OUT, /* the time-out passed before it began: it never will */
    TT_WRONG_THREAD, /* not from this thread: it would wait for itself */
    TT_DEADLOCK      /* a circle of jobs would wait for each other: it was not begun, and never will */
};

/** A reason for people. text is one sentence without a full stop, always NUL-terminated. */
struct tt_error {
    enum tt_status status;
    int sys_errno; /* 0 where no system call failed */
    char text[256];
};

/**
 * The status as a word for logs: "ok", "full", "closed", ... Never NULL; "unknown" for others.
 *
 * Thread:  any
 */
TT_EXPORT const char *tt_status_name(enum tt_status status);

/**
 * Fills *error (which may be NULL) and returns status, so that a failing line reads
 * `return tt_error_set(reterr, TT_SYSTEM, errno, "can't open %s", path);`.
 *
 * Thread:  any
 * Returns: status, unchanged.
 */
TT_EXPORT enum tt_status tt_error_set(struct tt_error *error, enum tt_status status, int sys_errno, const char *format,
                                      ...) TT_PRINTF(4, 5);

#ifdef __cplusplus
}
#endif
#endif

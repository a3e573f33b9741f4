/* Status: words for statuses and outcomes. */
#include <stdarg.h>
#include <stdio.h>
#include <tothread/job.h>
#include <tothread/stats.h>
#include <tothread/status.h>
#include <tothread/thread.h>

#if defined(__clang__) && defined(TT_THREAD_ROLES)
struct tt_role tt_role_loop;
struct tt_role tt_role_worker;
struct tt_role tt_role_admin;
#endif

static const char *const status_names[] = {
    [TT_OK] = "ok",
    [TT_FULL] = "full",
    [TT_CLOSED] = "closed",
    [TT_INVALID] = "invalid",
    [TT_NOMEM] = "nomem",
    [TT_SYSTEM] = "system",
    [TT_TOO_LATE] = "too-late",
    [TT_NOT_FOUND] = "not-found",
    [TT_DEADLOCK] = "deadlock",
    [TT_TIMED_OUT] = "timed-out",
    [TT_WRONG_THREAD] = "wrong-thread",
};

static const char *const outcome_names[TT_OUTCOME_COUNT] = {
    [TT_NONE] = "none",
    [TT_DONE] = "done",
    [TT_FAILED] = "failed",
    [TT_CRASHED] = "crashed",
    [TT_CANCELLED] = "cancelled",
    [TT_EXPIRED_QUEUE] = "expired-queue",
    [TT_EXPIRED_RUN] = "expired-run",
    [TT_ABANDONED] = "abandoned",
};

static const char *const phase_names[] = {
    [TT_PHASE_QUEUED] = "queued",
    [TT_PHASE_RUNNING] = "running",
    [TT_PHASE_ZOMBIE] = "zombie",
};

static const char *name_of(const char *const *names, size_t count, unsigned index) {
    return index < count && names[index] != NULL ? names[index] : "unknown";
}

const char *tt_status_name(enum tt_status status) {
    return name_of(status_names, sizeof status_names / sizeof *status_names, (unsigned)status);
}

const char *tt_outcome_name(enum tt_outcome outcome) {
    return name_of(outcome_names, TT_OUTCOME_COUNT, (unsigned)outcome);
}

const char *tt_job_phase_name(enum tt_job_phase phase) {
    return name_of(phase_names, sizeof phase_names / sizeof *phase_names, (unsigned)phase);
}

enum tt_status tt_error_set(struct tt_error *error, enum tt_status status, int sys_errno, const char *format, ...) {
    if (error == NULL)
        return status;
    error->status = status;
    error->sys_errno = sys_errno;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof error->text, format, args); /* a cut sentence is better than none */
    va_end(args);
    return status;
}

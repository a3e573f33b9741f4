/**
 * Context: what a job is done for (request id, traceparent, tenant, deadline), carried to the worker without being
 * asked.
 *
 * A context never changes after it was made, and is counted: whoever keeps a pointer holds it. Each thread has a
 * current one. A job takes the current context of its submit along, unless it names one itself; it is current while the
 * job's function runs on the worker, and again in its done and release functions on the loop. What a function makes
 * current ends with the function.
 *
 * Normal use:
 * 1. context = tt_context_create(&(struct tt_context_values){.request_id = "7f3a", .tenant = "acme"}, NULL);
 * 2. before = tt_context_enter(context); submit jobs; tt_context_enter(before);
 * 3. on the worker, however deep: tt_context_values(tt_context_current())->request_id;
 * 4. tt_context_release(context) when you no longer need it; jobs hold it as long as they do.
 */
#ifndef TOTHREAD_CONTEXT_H
#define TOTHREAD_CONTEXT_H

#include <stddef.h>
#include <stdint.h>
#include <tothread/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_CONTEXT_BYTES_MAX 65536u /* of all texts of a context together */

/** One value more than the named ones. */
struct tt_context_pair {
    const char *key;
    const char *value;
};

/** Texts may be NULL: unknown. */
struct tt_context_values {
    const char *request_id;
    const char *traceparent; /* as in W3C Trace Context */
    const char *tenant;
    uint64_t deadline_us; /* absolute, of the monotonic clock; 0: none. Of several the nearest counts */
    const struct tt_context_pair *pairs;
    size_t pair_count;
};

struct tt_context;

/**
 * Makes a context. What values leaves out comes from parent; of two deadlines the nearer one counts.
 *
 * Thread:  any
 * Owns:    copies all texts; the context is yours until tt_context_release. parent may be NULL and is only borrowed.
 * Returns: the context, NULL without memory, or for more than TT_CONTEXT_BYTES_MAX bytes or pairs.
 */
TT_EXPORT struct tt_context *tt_context_create(const struct tt_context_values *values, const struct tt_context *parent);

/** Holds it once more. Thread: any. Returns: context; NULL for NULL. */
TT_EXPORT struct tt_context *tt_context_hold(struct tt_context *context);

/** Lets it go; the last one frees it. NULL is fine. Thread: any. */
TT_EXPORT void tt_context_release(struct tt_context *context);

/** Its values; for NULL a set that has none. Owns: lends, as long as it is held. Thread: any. */
TT_EXPORT const struct tt_context_values *tt_context_values(const struct tt_context *context);

/** The value of a pair, the newest first; NULL where there is none. Owns: lends, as long as it is held. Thread: any. */
TT_EXPORT const char *tt_context_get(const struct tt_context *context, const char *key);

/** This thread's current context, or NULL. Owns: lends, until it is no longer current. Thread: any. */
TT_EXPORT struct tt_context *tt_context_current(void);

/**
 * Makes context (NULL: none) this thread's current one.
 *
 * Thread:  any
 * Owns:    borrows it until another one is entered: the caller holds it meanwhile.
 * Returns: the one before, to be entered again.
 */
TT_EXPORT struct tt_context *tt_context_enter(struct tt_context *context);

#ifdef __cplusplus
}
#endif
#endif

/**
 * Thread roles: which thread may call what, written where a compiler can check it.
 *
 * A function marked TT_ON_LOOP belongs to the thread that runs the event loop, one marked
 * TT_ON_WORKER to a pool's worker, one marked TT_ON_ADMIN to a thread of the admin plane.
 * A function without a mark may be called from any thread. clang checks the marks with
 * -Wthread-safety when TT_THREAD_ROLES is defined (the preset `tidy` does); other compilers,
 * and programs that use the library without that macro, see nothing of it.
 *
 * A callback that a foreign library calls takes its role with tt_assume_loop() and friends:
 * the only place where a role comes from.
 */
#ifndef TOTHREAD_THREAD_H
#define TOTHREAD_THREAD_H

#if defined(__clang__) && defined(TT_THREAD_ROLES)

struct __attribute__((capability("role"))) tt_role {
    int unused;
};
extern struct tt_role tt_role_loop;
extern struct tt_role tt_role_worker;
extern struct tt_role tt_role_admin;

#define TT_ON_LOOP   __attribute__((requires_capability(tt_role_loop)))
#define TT_ON_WORKER __attribute__((requires_capability(tt_role_worker)))
#define TT_ON_ADMIN  __attribute__((requires_capability(tt_role_admin)))

#define TT_CAPABILITY       __attribute__((capability("lock")))
#define TT_REQUIRES(lock)   __attribute__((requires_capability(lock)))
#define TT_ACQUIRES(lock)   __attribute__((acquire_capability(lock)))
#define TT_RELEASES(lock)   __attribute__((release_capability(lock)))
#define TT_GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#define TT_NO_THREAD_CHECK  __attribute__((no_thread_safety_analysis))

static inline void tt_assume_loop(void) __attribute__((assert_capability(tt_role_loop))) {}
static inline void tt_assume_worker(void) __attribute__((assert_capability(tt_role_worker))) {}
static inline void tt_assume_admin(void) __attribute__((assert_capability(tt_role_admin))) {}

#else

#define TT_ON_LOOP
#define TT_ON_WORKER
#define TT_ON_ADMIN
#define TT_CAPABILITY
#define TT_REQUIRES(lock)
#define TT_ACQUIRES(lock)
#define TT_RELEASES(lock)
#define TT_GUARDED_BY(lock)
#define TT_NO_THREAD_CHECK

static inline void tt_assume_loop(void) {}
static inline void tt_assume_worker(void) {}
static inline void tt_assume_admin(void) {}

#endif
#endif

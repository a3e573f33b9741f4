/* Nests whose jobs end, or get their permits, while somebody else looks at them. */
#include "probe.h"

#include <tothread/context.h>
#include <tothread/limiter.h>
#include <tothread/nest.h>

#define CHILDREN_MAX 4

/** For what happens on workers alone: they don't wake a loop that sleeps. */
#define DISPATCH_UNTIL(wake_, condition_)                           \
    for (uint64_t began_us_ = tti_clock_now_us(); !(condition_);) { \
        (void)tt_wake_dispatch(wake_, 256);                         \
        (void)sched_yield();                                        \
        probe_give_up_after(began_us_, #condition_);                \
    }

/** A job that passes its first gate, runs its children, and passes the gate of its probe. */
struct node {
    struct probe probe;
    struct gate *first_gate; /* may be NULL */
    struct tt_pool *pool;    /* of the children */
    struct node *children[CHILDREN_MAX];
    size_t child_count;
    struct tt_nest_item *items;
    _Atomic int status; /* of tt_nest_run; -1: it has not returned */
    const char *request_after;
};

/** What a function that has returned left on the stack is gone: whoever still looks at it crashes. */
static __attribute__((noinline)) void spoil_stack(void) {
    volatile unsigned char bytes[8192];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0xff;
}

static enum tt_outcome node_run(struct tt_job *job, void *worker_state) {
    struct node *node = (struct node *)PROBE_OF(job);
    if (node->first_gate != NULL)
        gate_pass(node->first_gate);
    if (node->child_count != 0) {
        for (size_t i = 0; i < node->child_count; i++)
            node->items[i].job = &node->children[i]->probe.job;
        atomic_store(&node->status, (int)tt_nest_run(job, node->pool, node->items, node->child_count));
    }
    spoil_stack();
    node->request_after = tt_context_values(tt_context_current())->request_id;
    return probe_run(job, worker_state);
}

static void node_init(struct node *node, struct tt_pool *pool, struct gate *first_gate) {
    memset(node, 0, sizeof *node);
    probe_init(&node->probe, NULL);
    node->probe.job.run = node_run;
    node->first_gate = first_gate;
    node->pool = pool;
    node->status = -1;
    node->items = calloc(CHILDREN_MAX, sizeof *node->items);
    ck_assert_ptr_nonnull(node->items);
}

static void adopt(struct node *parent, struct node *child) {
    parent->children[parent->child_count++] = child;
}

/* -- a permit comes while the parent looks for its next child -- */

static struct gate busy_gate;
static struct node family[CHILDREN_MAX];

/** The second child has got its permit just now, and stands in the batch of this turn. */
static void lets_the_parent_look(struct tt_job *job) {
    probe_release(job);
    gate_await(&busy_gate, 1);
    gate_open(&busy_gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&family[1].probe.run_count) + atomic_load(&family[3].probe.run_count) != 0);
}

START_TEST(child_with_a_new_permit_is_not_taken_before_it_is_queued) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct node parent;
    gate_init(&busy_gate);
    node_init(&parent, pool, NULL);
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        node_init(&family[i], NULL, i == 2 ? &busy_gate : NULL);
        family[i].probe.job.limiter = i < 2 ? &limiter : NULL;
        adopt(&parent, &family[i]);
    }
    family[0].probe.job.release = lets_the_parent_look;
    probe_submit(pool, &parent.probe);
    probe_end(wake, pool);
    ck_assert_int_eq(parent.status, TT_OK);
    for (size_t i = 0; i < CHILDREN_MAX; i++) {
        ck_assert_uint_eq(family[i].probe.run_count, 1);
        probe_assert_ended(&family[i].probe, TT_DONE);
        free(family[i].items);
    }
    free(parent.items);
}
END_TEST

/* -- the loop takes children back while the parent takes them -- */

#define CANCEL_ROUNDS 4000

START_TEST(child_is_taken_by_the_loop_or_by_its_parent_never_by_both) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    for (unsigned round = 0; round < CANCEL_ROUNDS; round++) {
        struct node parent;
        node_init(&parent, pool, NULL);
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            node_init(&family[i], NULL, NULL);
            adopt(&parent, &family[i]);
        }
        probe_submit(pool, &parent.probe);
        for (size_t i = CHILDREN_MAX; parent.probe.release_count == 0;) {
            (void)tt_wake_dispatch(wake, 256);
            while (i > 0 && family[i - 1].probe.job.pool != NULL) /* backwards, towards the parent */
                (void)!tt_job_cancel(&family[--i].probe.job);
        }
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            bool has_run = family[i].probe.run_count != 0;
            probe_assert_ended(&family[i].probe, has_run ? TT_DONE : TT_CANCELLED);
            free(family[i].items);
        }
        free(parent.items);
    }
    probe_end(wake, pool);
}
END_TEST

/* -- an ancestor that nobody waits for any more -- */

START_TEST(grandchild_may_nest_after_its_parent_was_given_up) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *first_pool = probe_pool(wake, 1, 1, 0); /* the first one's thread must not run the second */
    struct tt_pool *pool = probe_pool(wake, 4, 20, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct gate gate;
    struct node nodes[4];
    gate_init(&gate);
    for (size_t i = 0; i < COUNT_OF(nodes); i++) {
        node_init(&nodes[i], pool, i == 2 ? &gate : NULL);
        if (i > 0)
            adopt(&nodes[i - 1], &nodes[i]);
    }
    nodes[3].probe.job.limiter = &limiter; /* so that all ancestors are looked at */
    probe_submit(first_pool, &nodes[0].probe);
    DISPATCH_UNTIL(wake,
                   gate_arrived(&gate) == 1); /* not by a time-out: it could come before the grandchild's submit */
    ck_assert_int_eq(tt_job_abandon(&nodes[1].probe.job), TT_OK);
    PROBE_TURN_UNTIL(wake, nodes[0].probe.release_count == 1);
    ck_assert_int_eq(nodes[1].probe.outcome, TT_ABANDONED);
    free(nodes[0].items); /* the first has returned, and nothing of its nest is left */
    memset(&nodes[0].probe, 0xff, sizeof nodes[0].probe);
    tt_pool_destroy(first_pool);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    ck_assert_int_eq(nodes[2].status, TT_OK);
    probe_assert_ended(&nodes[3].probe, TT_DONE);
    for (size_t i = 1; i < COUNT_OF(nodes); i++)
        free(nodes[i].items);
}
END_TEST

/* -- the pool ends -- */

static struct gate last_gate;

/** It gets the processor only when the loop sleeps, so the loop always comes first. */
static enum tt_outcome nests_then_stays(struct tt_job *job, void *worker_state) {
    ck_assert_int_eq(sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}), 0);
    (void)node_run(job, worker_state);
    gate_pass(&last_gate);
    return TT_DONE;
}

START_TEST(pools_end_waits_for_no_parent_that_goes_on_after_its_nest) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)sched_getcpu(), &cpus);
    ck_assert_int_eq(sched_setaffinity(0, sizeof cpus, &cpus), 0);
    for (int round = 0; round < 20; round++) {
        struct tt_wake *wake = probe_wake();
        struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
        struct tt_limiter limiter = {.permit_count = 1, .is_paused = true};
        struct node parent;
        struct node child;
        gate_init(&last_gate);
        node_init(&parent, pool, NULL);
        node_init(&child, NULL, NULL);
        child.probe.job.limiter = &limiter; /* it never starts */
        adopt(&parent, &child);
        parent.probe.job.run = nests_then_stays;
        probe_submit(pool, &parent.probe);
        DISPATCH_UNTIL(wake, limiter.waiting_count == 1);
        tt_pool_destroy(pool);
        tt_wake_destroy(wake);
        ck_assert_uint_eq(parent.probe.done_count, 1);
        ck_assert_int_eq(parent.probe.outcome, TT_ABANDONED);
        gate_open(&last_gate, 1);
        PROBE_YIELD_UNTIL(atomic_load(&parent.probe.release_count) == 1);
        free(parent.items);
        free(child.items);
    }
}
END_TEST

START_TEST(parent_has_its_context_after_a_child_that_outlived_the_pool) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.request_id = "outer"}, NULL);
    struct gate gate;
    struct node parent;
    struct node child;
    gate_init(&gate);
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, &gate);
    parent.probe.job.context = context;
    adopt(&parent, &child);
    probe_submit(pool, &parent.probe);
    DISPATCH_UNTIL(wake, gate_arrived(&gate) == 1);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&parent.probe.release_count) == 1);
    ck_assert_ptr_nonnull(parent.request_after);
    ck_assert_str_eq(parent.request_after, "outer");
    tt_context_release(context);
    free(parent.items);
    free(child.items);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        child_with_a_new_permit_is_not_taken_before_it_is_queued,
        child_is_taken_by_the_loop_or_by_its_parent_never_by_both,
        grandchild_may_nest_after_its_parent_was_given_up,
        pools_end_waits_for_no_parent_that_goes_on_after_its_nest,
        parent_has_its_context_after_a_child_that_outlived_the_pool,
    };
    return probe_run_all("nest_end", tests, COUNT_OF(tests));
}

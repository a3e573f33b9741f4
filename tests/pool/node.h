/** Node: a probe that runs other nodes as its children, and waits for them. */
#ifndef TESTS_POOL_NODE_H
#define TESTS_POOL_NODE_H

#include "probe.h"

#include <pthread.h>
#include <tothread/context.h>
#include <tothread/nest.h>

#define CHILDREN_MAX 8

/** For what happens on workers alone: they don't wake a loop that sleeps. */
#define DISPATCH_UNTIL(wake_, condition_)                           \
    for (uint64_t began_us_ = tti_clock_now_us(); !(condition_);) { \
        (void)tt_wake_dispatch(wake_, 256);                         \
        (void)sched_yield();                                        \
        probe_give_up_after(began_us_, #condition_);                \
    }

/** A job that passes its first gate, runs its children, which may have children of their own, and passes its probe's gate. */
struct node {
    struct probe probe;
    struct gate *first_gate; /* may be NULL */
    struct tt_pool *pool;    /* of the children */
    struct node *children[CHILDREN_MAX];
    size_t child_count;
    struct tt_nest_item items[CHILDREN_MAX];
    enum tt_status status; /* of tt_nest_run */
    pthread_t thread;      /* that ran it */
    const char *request_before;
    const char *request_after;
};

static inline const char *request_id(void) {
    return tt_context_values(tt_context_current())->request_id;
}

static inline enum tt_outcome node_run(struct tt_job *job, void *worker_state) {
    struct node *node = (struct node *)PROBE_OF(job);
    if (node->first_gate != NULL)
        gate_pass(node->first_gate);
    node->thread = pthread_self();
    node->request_before = request_id();
    if (node->child_count != 0) {
        for (size_t i = 0; i < node->child_count; i++)
            node->items[i].job = &node->children[i]->probe.job;
        node->status = tt_nest_run(job, node->pool, node->items, node->child_count);
    }
    node->request_after = request_id();
    return probe_run(job, worker_state);
}

static inline void node_init(struct node *node, struct tt_pool *pool, struct gate *gate) {
    memset(node, 0, sizeof *node);
    probe_init(&node->probe, gate);
    node->probe.job.run = node_run;
    node->pool = pool;
}

static inline void adopt(struct node *parent, struct node *child) {
    parent->children[parent->child_count++] = child;
}

static inline void expect_done(struct node *node) {
    probe_assert_ended(&node->probe, TT_DONE);
    for (size_t i = 0; i < node->child_count; i++) {
        ck_assert_int_eq(node->items[i].status, TT_OK);
        ck_assert_int_eq(node->items[i].outcome, TT_DONE);
        expect_done(node->children[i]);
    }
}

#endif

/* Nests whose jobs end, or get their permits, while somebody else looks at them. */
#include "probe.h"

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
};

static enum tt_outcome node_run(struct tt_job *job, void *worker_state) {
    struct node *node = (struct node *)PROBE_OF(job);
    if (node->first_gate != NULL)
        gate_pass(node->first_gate);
    if (node->child_count != 0) {
        for (size_t i = 0; i < node->child_count; i++)
            node->items[i].job = &node->children[i]->probe.job;
        atomic_store(&node->status, (int)tt_nest_run(job, node->pool, node->items, node->child_count));
    }
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

int main(void) {
    const TTest *const tests[] = {
        child_with_a_new_permit_is_not_taken_before_it_is_queued,
    };
    return probe_run_all("nest_end", tests, COUNT_OF(tests));
}

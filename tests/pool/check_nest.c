/* Jobs that submit jobs and wait for them: never for ever. */
#include "node.h"

START_TEST(only_worker_of_a_pool_runs_the_children_itself) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct node parent;
    struct node children[3];
    node_init(&parent, pool, NULL);
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        node_init(&children[i], NULL, NULL);
        adopt(&parent, &children[i]);
    }
    probe_submit(pool, &parent.probe);
    probe_end(wake, pool);
    ck_assert_int_eq(parent.status, TT_OK);
    expect_done(&parent);
    for (size_t i = 0; i < COUNT_OF(children); i++)
        ck_assert(pthread_equal(children[i].thread, parent.thread) != 0);
}
END_TEST

START_TEST(nests_may_be_deep_with_one_worker) {
    enum { DEPTH = 20 };
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 1, 0); /* and with room for one */
    struct node nodes[DEPTH];
    for (size_t i = 0; i < DEPTH; i++) {
        node_init(&nodes[i], pool, NULL);
        if (i > 0)
            adopt(&nodes[i - 1], &nodes[i]);
    }
    ck_assert_int_eq(tt_pool_set_limits(pool, DEPTH, 0, 0), TT_OK);
    probe_submit(pool, &nodes[0].probe);
    probe_end(wake, pool);
    expect_done(&nodes[0]);
}
END_TEST

START_TEST(all_workers_may_nest_at_once) {
    enum { PARENTS = 4 };
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 100, 0);
    struct node parents[PARENTS];
    struct node children[PARENTS][CHILDREN_MAX];
    for (size_t p = 0; p < PARENTS; p++) {
        node_init(&parents[p], pool, NULL);
        for (size_t c = 0; c < CHILDREN_MAX; c++) {
            node_init(&children[p][c], NULL, NULL);
            adopt(&parents[p], &children[p][c]);
        }
        probe_submit(pool, &parents[p].probe);
    }
    probe_end(wake, pool);
    for (size_t p = 0; p < PARENTS; p++)
        expect_done(&parents[p]);
}
END_TEST

START_TEST(children_that_other_workers_have_begun_are_waited_for) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 3, 10, 0);
    struct gate gate;
    struct node parent;
    struct node children[3];
    gate_init(&gate);
    node_init(&parent, pool, NULL);
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        node_init(&children[i], NULL, &gate);
        adopt(&parent, &children[i]);
    }
    probe_submit(pool, &parent.probe);
    DISPATCH_UNTIL(wake, gate_arrived(&gate) == 3);
    ck_assert_uint_eq(parent.probe.done_count, 0);
    ck_assert_uint_eq(probe_snapshot(pool).thread_count, 3);
    gate_open(&gate, 3);
    probe_end(wake, pool);
    expect_done(&parent);
}
END_TEST

START_TEST(children_in_another_pool_are_waited_for) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *outer = probe_pool(wake, 1, 10, 0);
    struct tt_pool *inner = probe_pool(wake, 1, 10, 0);
    struct node parent;
    struct node child;
    node_init(&parent, inner, NULL);
    node_init(&child, NULL, NULL);
    adopt(&parent, &child);
    probe_submit(outer, &parent.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(outer));
    expect_done(&parent);
    ck_assert(pthread_equal(child.thread, parent.thread) == 0);
    tt_pool_destroy(outer);
    probe_end(wake, inner);
}
END_TEST

START_TEST(way_back_through_another_pool_is_refused) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *first = probe_pool(wake, 1, 10, 0);
    struct tt_pool *second = probe_pool(wake, 1, 10, 0);
    struct node a;
    struct node b;
    struct node c;
    node_init(&a, second, NULL);
    node_init(&b, first, NULL);
    node_init(&c, NULL, NULL);
    adopt(&a, &b);
    adopt(&b, &c);
    probe_submit(first, &a.probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(first));
    ck_assert_int_eq(a.status, TT_OK);
    ck_assert_int_eq(b.status, TT_DEADLOCK);
    ck_assert_int_eq(b.items[0].status, TT_DEADLOCK);
    ck_assert_int_eq(b.items[0].outcome, TT_NONE);
    ck_assert_str_eq(tt_status_name(b.status), "deadlock");
    ck_assert_uint_eq(c.probe.done_count, 0);
    tt_pool_destroy(first);
    probe_end(wake, second);
}
END_TEST

START_TEST(permit_that_an_ancestor_holds_is_refused) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct node parent;
    struct node child;
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, NULL);
    adopt(&parent, &child);
    parent.probe.job.limiter = &limiter;
    child.probe.job.limiter = &limiter;
    probe_submit(pool, &parent.probe);
    probe_end(wake, pool);
    ck_assert_int_eq(parent.status, TT_DEADLOCK);
    ck_assert_uint_eq(child.probe.done_count, 0);
}
END_TEST

START_TEST(children_that_wait_for_a_permit_are_run_when_they_have_it) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct node parent;
    struct node children[3];
    node_init(&parent, pool, NULL);
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        node_init(&children[i], NULL, NULL);
        children[i].probe.job.limiter = &limiter;
        adopt(&parent, &children[i]);
    }
    probe_submit(pool, &parent.probe);
    probe_end(wake, pool);
    expect_done(&parent);
    ck_assert_uint_eq(limiter.used_count, 0);
}
END_TEST

START_TEST(refused_children_say_so_and_the_others_run) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 2, 0);
    struct node parent;
    struct node children[4];
    node_init(&parent, pool, NULL);
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        node_init(&children[i], NULL, NULL);
        adopt(&parent, &children[i]);
    }
    probe_submit(pool, &parent.probe);
    probe_end(wake, pool);
    ck_assert_int_eq(parent.status, TT_OK);
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        ck_assert_int_eq(parent.items[i].status, i < 2 ? TT_OK : TT_FULL);
        ck_assert_int_eq(parent.items[i].outcome, i < 2 ? TT_DONE : TT_NONE);
        ck_assert_uint_eq(children[i].probe.done_count, i < 2 ? 1 : 0);
    }
}
END_TEST

START_TEST(closed_pool_refuses_all_children_and_the_parent_goes_on) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct node parent;
    struct node child;
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, NULL);
    adopt(&parent, &child);
    probe_submit(pool, &parent.probe);
    tt_pool_close(pool);
    probe_end(wake, pool);
    ck_assert_int_eq(parent.status, TT_OK);
    ck_assert_int_eq(parent.items[0].status, TT_CLOSED);
    probe_assert_ended(&parent.probe, TT_DONE);
}
END_TEST

START_TEST(child_beyond_its_time_on_its_parents_thread_is_an_honest_zombie) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 1);
    struct gate gate;
    struct node parent;
    struct node child;
    struct tt_job_snapshot jobs[4];
    gate_init(&gate);
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, &gate);
    child.probe.job.run_timeout_us = 1000;
    child.probe.job.name = "child";
    adopt(&parent, &child);
    probe_submit(pool, &parent.probe);
    PROBE_TURN_UNTIL(wake, child.probe.done_count == 1);
    ck_assert_int_eq(child.probe.outcome, TT_EXPIRED_RUN);
    ck_assert_uint_eq(parent.probe.done_count, 0); /* its thread is still inside the child */
    ck_assert_uint_eq(tt_pool_jobs(pool, jobs, COUNT_OF(jobs)), 2);
    ck_assert_str_eq(jobs[0].name, "child");
    ck_assert_int_eq(jobs[0].phase, TT_PHASE_ZOMBIE);
    ck_assert_str_eq(jobs[0].worker, jobs[1].worker);
    ck_assert_int_eq(jobs[0].thread_id, jobs[1].thread_id);
    gate_open(&gate, 1);
    probe_end(wake, pool);
    ck_assert_int_eq(parent.items[0].outcome, TT_EXPIRED_RUN);
    probe_assert_ended(&parent.probe, TT_DONE);
}
END_TEST

START_TEST(pools_end_lets_a_waiting_parent_go) {
    struct tt_wake *wake = probe_wake();
    tt_pool_destroy(probe_pool(wake, 1, 1, 0)); /* whatever a first thread brings along is there now */
    unsigned threads = probe_thread_count();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    struct gate gate;
    struct node parent;
    struct node children[3];
    gate_init(&gate);
    node_init(&parent, pool, NULL);
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        node_init(&children[i], NULL, &gate);
        adopt(&parent, &children[i]);
    }
    probe_submit(pool, &parent.probe);
    DISPATCH_UNTIL(wake, gate_arrived(&gate) == 2); /* one by the parent itself */
    ck_assert_uint_eq(tt_pool_drain(pool, 0, NULL, 0), 4);
    ck_assert_int_eq(parent.probe.outcome, TT_ABANDONED);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    gate_open(&gate, 2);
    PROBE_YIELD_UNTIL(atomic_load(&parent.probe.release_count) == 1);
    ck_assert_int_eq(parent.items[2].outcome, TT_CANCELLED);
    PROBE_YIELD_UNTIL(probe_thread_count() <= threads);
}
END_TEST

START_TEST(parent_without_a_loop_is_told) {
    struct tt_wake *wake = probe_wake();
    tt_pool_destroy(probe_pool(wake, 1, 1, 0)); /* whatever a first thread brings along is there now */
    unsigned threads = probe_thread_count();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct node parent;
    struct node child;
    gate_init(&gate);
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, NULL);
    adopt(&parent, &child);
    /* The gate stands before the nest here: a first child, in front of it, at the gate. */
    struct node outer;
    struct node first;
    node_init(&outer, pool, NULL);
    node_init(&first, NULL, &gate);
    adopt(&outer, &first);
    adopt(&outer, &parent);
    probe_submit(pool, &outer.probe);
    DISPATCH_UNTIL(wake, gate_arrived(&gate) == 1);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(atomic_load(&outer.probe.release_count) == 1);
    ck_assert_int_eq(outer.items[1].outcome, TT_CANCELLED);
    PROBE_YIELD_UNTIL(probe_thread_count() <= threads);
}
END_TEST

START_TEST(child_on_its_parents_thread_outlives_pool_and_other_workers) {
    struct tt_wake *wake = probe_wake();
    tt_pool_destroy(probe_pool(wake, 1, 1, 0)); /* whatever a first thread brings along is there now */
    unsigned threads = probe_thread_count();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct gate neighbours;
    struct node parent;
    struct node child;
    struct probe neighbour;
    gate_init(&gate);
    gate_init(&neighbours);
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, &gate);
    adopt(&parent, &child);
    probe_submit(pool, &parent.probe);
    DISPATCH_UNTIL(wake, gate_arrived(&gate) == 1);
    ck_assert_int_eq(tt_pool_resize(pool, 2), TT_OK); /* the new one stands beside the child in the pool's list */
    probe_start(pool, &neighbour, &neighbours);
    tt_wake_flush(wake);
    gate_await(&neighbours, 1);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    gate_open(&neighbours, 1);
    PROBE_YIELD_UNTIL(probe_thread_count() == threads + 1);
    gate_open(&gate, 1);
    PROBE_YIELD_UNTIL(probe_thread_count() <= threads);
    ck_assert_uint_eq(parent.probe.release_count, 1);
    ck_assert_uint_eq(child.probe.release_count, 1);
}
END_TEST

START_TEST(context_of_the_parent_is_back_after_its_children) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *outer = tt_context_create(&(struct tt_context_values){.request_id = "outer"}, NULL);
    struct tt_context *inner = tt_context_create(&(struct tt_context_values){.request_id = "inner"}, NULL);
    struct node parent;
    struct node child;
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, NULL);
    adopt(&parent, &child);
    parent.probe.job.context = outer;
    child.probe.job.context = inner;
    probe_submit(pool, &parent.probe);
    probe_end(wake, pool);
    ck_assert_str_eq(child.request_before, "inner");
    ck_assert_str_eq(parent.request_after, "outer");
    tt_context_release(outer);
    tt_context_release(inner);
}
END_TEST

START_TEST(children_take_their_parents_context_along) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_context *context = tt_context_create(&(struct tt_context_values){.request_id = "outer"}, NULL);
    struct node parent;
    struct node child;
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, NULL);
    adopt(&parent, &child);
    parent.probe.job.context = context;
    probe_submit(pool, &parent.probe);
    probe_end(wake, pool);
    ck_assert_ptr_nonnull(child.request_before);
    ck_assert_str_eq(child.request_before, "outer");
    ck_assert_ptr_null(tt_context_current());
    tt_context_release(context);
}
END_TEST

START_TEST(pool_without_threads_and_no_children_are_refused) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 0, 10, 0);
    struct node parent;
    struct node child;
    node_init(&parent, pool, NULL);
    node_init(&child, NULL, NULL);
    adopt(&parent, &child);
    probe_submit(pool, &parent.probe);
    probe_end(wake, pool);
    ck_assert_int_eq(parent.status, TT_WRONG_THREAD);
    ck_assert_uint_eq(child.probe.done_count, 0);
}
END_TEST

static struct gate siblings;

static void let_sibling_go(struct tt_job *job) {
    probe_release(job);
    gate_open(&siblings, 1);
    gate_await(&siblings,
               1); /* its thread is past the gate: the parent looks for children while this is being called */
}

static enum tt_outcome run_sibling(struct tt_job *job, void *worker_state) {
    gate_pass(&siblings);
    (void)sem_post(&siblings.arrived); /* once more, behind the gate */
    return node_run(job, worker_state);
}

START_TEST(child_that_gets_its_permit_in_a_release_was_taken_for_a_queued_one) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct tt_limiter limiter = {.permit_count = 1};
    struct node parent;
    struct node children[3];
    gate_init(&siblings);
    node_init(&parent, pool, NULL);
    for (size_t i = 0; i < COUNT_OF(children); i++) {
        node_init(&children[i], NULL, NULL);
        children[i].probe.job.limiter = i < 2 ? &limiter : NULL;
        adopt(&parent, &children[i]);
    }
    children[0].probe.job.release = let_sibling_go;
    children[2].probe.job.run = run_sibling;
    probe_submit(pool, &parent.probe);
    PROBE_YIELD_UNTIL((tt_wake_dispatch(wake, 256), gate_arrived(&siblings) == 1));
    gate_await(&siblings, 1); /* the third child stands at the gate, and the first one's end is on its way */
    probe_end(wake, pool);
    expect_done(&parent);
}
END_TEST

START_TEST(child_that_was_cancelled_was_taken_by_its_parent_as_well) {
    enum { ROUNDS = 300 };
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 1, 10, 0);
    struct node parent;
    struct node children[CHILDREN_MAX];
    for (unsigned round = 0; round < ROUNDS; round++) {
        node_init(&parent, pool, NULL);
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            node_init(&children[i], NULL, NULL);
            adopt(&parent, &children[i]);
        }
        probe_submit(pool, &parent.probe);
        while (parent.probe.done_count == 0) {
            (void)tt_wake_dispatch(wake, 256);
            for (size_t i = CHILDREN_MAX; i-- > 0;)
                if (children[i].probe.job.pool != NULL && tt_job_cancel(&children[i].probe.job) == TT_INVALID)
                    continue; /* it is over */
        }
        PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            bool has_run = children[i].probe.run_count != 0;
            probe_assert_ended(&children[i].probe, has_run ? TT_DONE : TT_CANCELLED);
            ck_assert_int_eq(parent.items[i].outcome, children[i].probe.outcome);
        }
    }
    probe_end(wake, pool);
}
END_TEST

static enum tt_outcome run_late_nest(struct tt_job *job, void *worker_state) {
    struct node *node = (struct node *)PROBE_OF(job);
    gate_pass(node->probe.gate);
    node->probe.gate = NULL;
    return node_run(job, worker_state);
}

START_TEST(child_that_outlived_its_parents_wait_found_the_nest_gone) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *outer = probe_pool(wake, 1, 10, 0);
    struct tt_pool *middle = probe_pool(wake, 1, 10, 0);
    struct tt_pool *inner = probe_pool(wake, 1, 10, 0);
    struct gate gate;
    struct node *parent = calloc(1, sizeof *parent);
    struct node child;
    struct node grandchild;
    ck_assert_ptr_nonnull(parent);
    gate_init(&gate);
    node_init(parent, middle, NULL);
    node_init(&child, inner, &gate);
    node_init(&grandchild, NULL, NULL);
    child.probe.job.run = run_late_nest;
    child.probe.job.run_timeout_us = 1000;
    adopt(parent, &child);
    adopt(&child, &grandchild);
    probe_submit(outer, &parent->probe);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(outer));
    ck_assert_int_eq(parent->items[0].outcome, TT_EXPIRED_RUN);
    free(parent);
    tt_pool_destroy(outer);
    gate_open(&gate, 1);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(middle));
    ck_assert_int_eq(child.status, TT_CLOSED); /* nobody waits for it any more */
    tt_pool_destroy(middle);
    probe_end(wake, inner);
}
END_TEST

static enum tt_outcome hang_after_nest(struct tt_job *job, void *worker_state) {
    struct node *node = (struct node *)PROBE_OF(job);
    struct gate *gate = node->probe.gate;
    node->probe.gate = NULL;
    (void)node_run(job, worker_state);
    gate_pass(gate);
    return TT_DONE;
}

START_TEST(destroy_waited_for_a_parent_that_hangs_after_its_nest) {
    struct tt_wake *wake = probe_wake();
    struct tt_pool *pool = probe_pool(wake, 2, 10, 0);
    struct gate gate;
    struct node parent;
    struct node child;
    gate_init(&gate);
    node_init(&parent, pool, &gate);
    node_init(&child, NULL, &gate);
    parent.probe.job.run = hang_after_nest;
    adopt(&parent, &child);
    probe_submit(pool, &parent.probe);
    DISPATCH_UNTIL(wake, gate_arrived(&gate) == 1);
    tt_pool_destroy(pool);
    tt_wake_destroy(wake);
    gate_open(&gate, 2);
    PROBE_YIELD_UNTIL(atomic_load(&parent.probe.release_count) + atomic_load(&child.probe.release_count) == 2);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        only_worker_of_a_pool_runs_the_children_itself,
        nests_may_be_deep_with_one_worker,
        all_workers_may_nest_at_once,
        children_that_other_workers_have_begun_are_waited_for,
        children_in_another_pool_are_waited_for,
        way_back_through_another_pool_is_refused,
        permit_that_an_ancestor_holds_is_refused,
        children_that_wait_for_a_permit_are_run_when_they_have_it,
        refused_children_say_so_and_the_others_run,
        closed_pool_refuses_all_children_and_the_parent_goes_on,
        child_beyond_its_time_on_its_parents_thread_is_an_honest_zombie,
        pools_end_lets_a_waiting_parent_go,
        parent_without_a_loop_is_told,
        child_on_its_parents_thread_outlives_pool_and_other_workers,
        context_of_the_parent_is_back_after_its_children,
        children_take_their_parents_context_along,
        pool_without_threads_and_no_children_are_refused,
        child_that_gets_its_permit_in_a_release_was_taken_for_a_queued_one,
        child_that_was_cancelled_was_taken_by_its_parent_as_well,
        child_that_outlived_its_parents_wait_found_the_nest_gone,
        destroy_waited_for_a_parent_that_hangs_after_its_nest,
    };
    return probe_run_all("nest", tests, COUNT_OF(tests));
}

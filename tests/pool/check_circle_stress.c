/* Nests at random, over pools and limiters that are too small for them: whatever waits for whatever, all of it ends. */
#include "node.h"

#include <tothread/limiter.h>

#define ROUNDS       40
#define ROOTS        12
#define NODES        400
#define LIMITERS     3
#define DEPTH_MAX    3
#define TURNS_A_STEP 3

static uint64_t random_state;

/** xorshift64: the same in each run of a test. */
static unsigned below(unsigned limit) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 11) % limit;
}

static struct tt_wake *wake;
static struct tt_pool *pools[3];
static struct tt_limiter limiters[LIMITERS];
static struct node nodes[NODES];
static unsigned node_count;
static unsigned let_out_count;

static void plant(struct node *node, unsigned depth) {
    node_init(node, pools[below(COUNT_OF(pools))], NULL);
    node->probe.job.priority = (enum tt_priority)below(TT_PRIORITY_COUNT);
    node->probe.job.limiter = below(3) == 0 ? &limiters[below(LIMITERS)] : NULL;
    unsigned child_count = depth < DEPTH_MAX ? below(4) : 0;
    while (child_count-- > 0 && node_count < NODES) {
        struct node *child = &nodes[node_count++];
        plant(child, depth + 1);
        adopt(node, child);
    }
}

/** What an admin does meanwhile. */
static void change_limits(void) {
    struct tt_limiter *limiter = &limiters[below(LIMITERS)];
    switch (below(8)) {
    case 0:
        ck_assert_int_eq(tt_pool_resize(pools[below(COUNT_OF(pools))], 1 + below(3)), TT_OK);
        break;
    case 1:
        tt_limiter_resize(limiter, 1 + below(3));
        break;
    case 2:
        tt_limiter_pause(limiter);
        break;
    default:
        tt_limiter_resume(limiter);
        break;
    }
}

/** Each child has ended in a way that its item tells. */
static void check(const struct node *node) {
    for (size_t i = 0; i < node->child_count; i++) {
        const struct tt_nest_item *item = &node->items[i];
        const struct node *child = node->children[i];
        bool was_submitted = node->probe.run_count != 0 && item->status == TT_OK;
        bool has_run = was_submitted && item->outcome == TT_DONE;
        ck_assert_uint_eq(child->probe.run_count, has_run);
        ck_assert_uint_eq(child->probe.done_count, was_submitted);
        ck_assert_uint_eq(child->probe.release_count, was_submitted);
        if (was_submitted && !has_run) {
            ck_assert_int_eq(item->outcome, TT_CANCELLED);
            ck_assert_int_eq(node->status, TT_DEADLOCK);
            let_out_count++;
        }
        check(child);
    }
}

static bool are_idle(void) {
    for (size_t i = 0; i < COUNT_OF(pools); i++)
        if (!tt_pool_is_idle(pools[i]))
            return false;
    return true;
}

static void run_round(void) {
    struct node *roots[ROOTS];
    node_count = 0;
    for (unsigned i = 0; i < ROOTS; i++) {
        roots[i] = &nodes[node_count++];
        plant(roots[i], 0);
    }
    for (unsigned i = 0; i < ROOTS; i++) {
        probe_submit(pools[below(COUNT_OF(pools))], &roots[i]->probe);
        for (unsigned turns = below(TURNS_A_STEP); turns > 0; turns--)
            (void)tt_wake_dispatch(wake, 256);
        change_limits();
    }
    for (unsigned i = 0; i < LIMITERS; i++)
        tt_limiter_resume(&limiters[i]);
    PROBE_TURN_UNTIL(wake, are_idle());
    for (unsigned i = 0; i < ROOTS; i++) {
        probe_assert_ended(&roots[i]->probe, TT_DONE);
        check(roots[i]);
    }
    for (unsigned i = 0; i < LIMITERS; i++)
        ck_assert_uint_eq(limiters[i].used_count + limiters[i].waiting_count, 0);
}

START_TEST(whatever_waits_for_whatever_ends) {
    random_state = (uint64_t)_i * UINT64_C(0x9e3779b97f4a7c15) + 1;
    wake = probe_wake();
    for (unsigned i = 0; i < COUNT_OF(pools); i++) {
        const struct tt_pool_options options = {
            .name = "random", .worker_count = 1 + i, .queue_limit = NODES, .reserved_count = i == 1 ? 1 : 0};
        pools[i] = probe_pool_with(wake, &options);
    }
    for (unsigned i = 0; i < LIMITERS; i++)
        limiters[i] = (struct tt_limiter){.permit_count = 1 + i / 2};
    for (unsigned round = 0; round < ROUNDS; round++)
        run_round();
    ck_assert_uint_gt(let_out_count, 0); /* else nothing was tried here */
    for (unsigned i = 0; i < COUNT_OF(pools); i++) {
        probe_check_books(pools[i]);
        tt_pool_destroy(pools[i]);
    }
    tt_wake_destroy(wake);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("circle_stress");
    TCase *tests = tcase_create("circle_stress");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, whatever_waits_for_whatever_ends, 0, 8);
    return probe_main(suite);
}

/*
 * Groups: random gathers and scopes, with failures, cancels, shields and time-outs, from one loop over one pool.
 *
 * The seed is fixed: the loop does the same each time, only the threads don't. Jobs are wiped when they are released, so
 * that whatever looks at them too late is the sanitizers' to find.
 */
#include "probe.h"

#include "pool/group.h"
#include <tothread/gather.h>
#include <tothread/scope.h>

#define MOST   6u
#define ROUNDS 20000u

#define CROWD 16u

static struct tt_wake *wake;
static struct tt_pool *pool;

struct party {
    struct tt_gather gather;
    struct tt_gather_item items[MOST];
    struct probe probes[MOST]; /* items may name those of the next party, too */
    unsigned is_busy;
    unsigned is_told;
};

static struct party parties[CROWD];
static unsigned started_count;
static unsigned told_count;
static unsigned released_count;
static unsigned outcomes[TT_OUTCOME_COUNT];
static uint64_t seed = 88172645463325252u;

static uint64_t random_below(uint64_t limit) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % limit;
}

static void hear(struct tt_job *job) {
    ck_assert(tt_job_is_cancelled(job));
}

static void forget(struct tt_job *job) {
    memset(PROBE_OF(job), 0, sizeof(struct probe)); /* a late touch is a sanitizer's to find */
}

static void party_done(struct tt_gather *gather) {
    struct party *party = (struct party *)gather;
    ck_assert_uint_eq(party->is_told, 0);
    party->is_told = 1;
    told_count++;
    outcomes[gather->outcome]++;
    size_t failed_count = 0;
    for (size_t i = 0; i < gather->count; i++) {
        const struct tt_gather_item *item = &party->items[i];
        bool has_ended = item->status != TT_OK || item->outcome != TT_NONE;
        failed_count += has_ended && item->outcome != TT_DONE;
        if (gather->outcome == TT_DONE)
            ck_assert_int_eq(item->outcome, TT_DONE);
        if ((gather->flags & TT_GATHER_ALL) != 0 || gather->outcome != TT_FAILED)
            ck_assert(has_ended || (item->flags & TT_ITEM_SHIELD) != 0);
    }
    ck_assert_uint_eq(failed_count, gather->failed_count);
    ck_assert_int_eq(gather->first_failed < gather->count, failed_count != 0);
}

static void party_release(struct tt_gather *gather) {
    struct party *party = (struct party *)gather;
    ck_assert_uint_eq(party->is_told, 1);
    released_count++;
    memset(party->items, 0, sizeof party->items);
    party->is_busy = 0;
    party->is_told = 0;
}

static void start_party(struct party *party) {
    size_t count = random_below(MOST + 1);
    party->gather.done = party_done;
    party->gather.release = party_release;
    party->gather.flags = (uint32_t)random_below(2);
    party->gather.timeout_us = random_below(4) == 0 ? 1 + random_below(3000) : 0;
    party->gather.stop = (enum tt_stop)random_below(2);
    for (size_t i = 0; i < count; i++) {
        struct party *owner = random_below(8) == 0 ? &parties[random_below(CROWD)] : party;
        struct probe *probe = &owner->probes[random_below(8) == 0 ? 0 : i];
        if (!tti_group_is_inside(&probe->job)) {
            probe_init(probe, NULL);
            probe->job.done = NULL; /* watches are what is tested here */
            probe->job.release = forget;
            probe->job.interrupt = random_below(2) == 0 ? hear : NULL;
            probe->says = random_below(8) == 0 ? TT_FAILED : TT_DONE;
        }
        party->items[i].job = &probe->job;
        party->items[i].flags = random_below(8) == 0 ? TT_ITEM_SHIELD : 0;
    }
    party->is_busy = 1;
    started_count++;
    ck_assert_int_eq(tt_gather_start(&party->gather, pool, party->items, count), TT_OK);
}

START_TEST(nothing_is_lost_or_told_twice_in_random_gathers) {
    wake = probe_wake();
    pool = probe_pool(wake, 3, 40, 2);
    while (started_count < ROUNDS) {
        struct party *party = &parties[random_below(CROWD)];
        if (party->is_busy == 0)
            start_party(party);
        else if (random_below(4) == 0)
            ck_assert_int_ne(tt_gather_cancel(&party->gather, (enum tt_stop)random_below(2)), TT_INVALID);
        if (random_below(8) == 0)
            probe_turn(wake);
        else if (random_below(4) == 0)
            (void)tt_wake_dispatch(wake, 1 + random_below(20));
    }
    PROBE_TURN_UNTIL(wake, released_count == started_count);
    ck_assert_uint_eq(told_count, started_count);
    static const enum tt_outcome expected[] = {TT_DONE, TT_FAILED, TT_CANCELLED}; /* others if the clock wants */
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        ck_assert_uint_gt(outcomes[expected[i]], 0);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    PROBE_TURN_UNTIL(wake, tt_wake_prepare(wake) == -1); /* no clock runs on; a thread too many may still go */
    probe_end(wake, pool);
}
END_TEST

/* -- scopes -- */

struct family {
    struct tt_scope scope;
    struct tt_scope_child kids[MOST];
    struct probe probes[MOST];
    bool is_inside[MOST];
    unsigned born_in[MOST]; /* which scope of this family: an earlier one may have left it behind */
    unsigned generation;
    unsigned kid_count;
    bool is_busy;
    bool is_closed;
};

static struct family families[CROWD];
static unsigned siblings_count;
static unsigned left_behind_count;

static struct family *family_of(const struct tt_scope_child *child, size_t *ret_index) {
    size_t family = (size_t)((const char *)child - (const char *)families) / sizeof families[0];
    *ret_index = (size_t)(child - families[family].kids);
    return &families[family];
}

static void kid_release(struct tt_scope_child *child);

static void add_kid(struct family *family) {
    size_t i = random_below(MOST);
    if (family->is_inside[i])
        return;
    struct probe *probe = &family->probes[i];
    probe_init(probe, NULL);
    probe->job.done = NULL;
    probe->job.release = forget;
    probe->job.interrupt = random_below(2) == 0 ? hear : NULL;
    probe->job.run_timeout_us = random_below(16) == 0 ? 1 + random_below(200) : 0;
    probe->says = random_below(16) == 0 ? TT_FAILED : TT_DONE;
    family->kids[i] = (struct tt_scope_child){.job = &probe->job, .release = kid_release};
    enum tt_status status = tt_scope_submit(&family->scope, pool, &family->kids[i]);
    family->is_inside[i] = status == TT_OK;
    family->born_in[i] = family->generation;
    family->kid_count += status == TT_OK;
    if (status != TT_OK && status != TT_FULL)
        ck_assert_int_eq(status, family->scope.outcome != TT_NONE ? TT_TOO_LATE : TT_CLOSED);
}

static void kid_release(struct tt_scope_child *child) {
    size_t i;
    struct family *family = family_of(child, &i);
    ck_assert(family->is_inside[i]);
    ck_assert_int_ne(child->outcome, TT_NONE);
    family->is_inside[i] = false;
    if (family->is_busy && random_below(4) == 0) {
        siblings_count++;
        add_kid(family);
    }
}

static void family_done(struct tt_scope *scope) {
    struct family *family = (struct family *)scope;
    ck_assert(family->is_busy && family->is_closed);
    ck_assert_uint_eq(scope->left_count, 0);
    ck_assert_uint_eq(scope->submitted_count, family->kid_count);
    size_t inside_count = 0;
    for (size_t i = 0; i < MOST; i++)
        inside_count += family->is_inside[i] && family->born_in[i] == family->generation;
    ck_assert_uint_eq(scope->held_count, inside_count);
    if ((scope->flags & TT_SCOPE_LEAVE) == 0)
        ck_assert_uint_eq(inside_count, 0);
    left_behind_count += inside_count != 0;
    ck_assert_int_eq(scope->first_failed != NULL, scope->failed_count != 0);
    told_count++;
    outcomes[scope->outcome]++;
    memset(scope, 0xa5, sizeof *scope);
    family->is_busy = false;
}

static void open_family(struct family *family) {
    family->scope = (struct tt_scope){.flags = (uint32_t)random_below(2),
                                      .timeout_us = random_below(4) == 0 ? 1 + random_below(3000) : 0,
                                      .grace_us = random_below(2) == 0 ? 1 + random_below(1000) : 0};
    family->is_busy = true;
    family->is_closed = false;
    family->kid_count = 0;
    family->generation++;
    tt_scope_open(&family->scope, wake);
    started_count++;
}

static void change_family(struct family *family) {
    uint64_t what = random_below(12);
    if (!family->is_busy)
        open_family(family);
    else if (what == 0)
        ck_assert_int_ne(tt_scope_cancel(&family->scope, (enum tt_stop)random_below(2)), TT_INVALID);
    else if (what < 3 && !family->is_closed) {
        family->is_closed = true;
        ck_assert_int_eq(tt_scope_close(&family->scope, family_done), TT_OK);
    } else
        add_kid(family);
}

START_TEST(scopes_end_once_and_after_their_children) {
    wake = probe_wake();
    pool = probe_pool(wake, 3, 40, 2);
    while (started_count < ROUNDS) {
        change_family(&families[random_below(CROWD)]);
        if (random_below(8) == 0 && !tt_pool_is_idle(pool)) /* else it would sleep for long */
            probe_turn(wake);
        else if (random_below(4) == 0)
            (void)tt_wake_dispatch(wake, 1 + random_below(20));
    }
    for (size_t i = 0; i < CROWD; i++)
        if (families[i].is_busy && !families[i].is_closed) {
            families[i].is_closed = true;
            ck_assert_int_eq(tt_scope_close(&families[i].scope, family_done), TT_OK);
        }
    PROBE_TURN_UNTIL(wake, told_count == started_count);
    PROBE_TURN_UNTIL(wake, tt_pool_is_idle(pool));
    static const enum tt_outcome expected[] = {TT_DONE, TT_FAILED, TT_CANCELLED}; /* others if the clock wants */
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        ck_assert_uint_gt(outcomes[expected[i]], 0);
    ck_assert_uint_gt(siblings_count, 0);
    probe_end(wake, pool);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("groups");
    TCase *tests = tcase_create("stress");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, nothing_is_lost_or_told_twice_in_random_gathers);
    tcase_add_test(tests, scopes_end_once_and_after_their_children);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}

/* The wheel against a model that looks at every timer. */
#include "pool/wheel.h"
#include "probe.h"

#define TIMER_COUNT 200u
#define FAR_MS      (UINT64_C(64) * 64 * 64 * 64)

struct model {
    struct tti_wheel wheel;
    struct tt_timer timers[TIMER_COUNT];
    uint64_t due_ms[TIMER_COUNT];
    bool is_running[TIMER_COUNT];
    uint64_t now_ms;
    uint64_t seed;
};

static struct model model;

static uint64_t random_next(void) {
    /* xorshift64*: the same numbers everywhere, for ever. */
    model.seed ^= model.seed >> 12;
    model.seed ^= model.seed << 25;
    model.seed ^= model.seed >> 27;
    return model.seed * UINT64_C(2685821657736338717);
}

static uint64_t random_below(uint64_t limit) {
    return random_next() % limit;
}

static void model_init(uint64_t now_ms, uint64_t seed) {
    memset(&model, 0, sizeof model);
    model.now_ms = now_ms;
    model.seed = seed;
    tti_wheel_init(&model.wheel, now_ms);
}

static void model_add(size_t i, uint64_t due_ms) {
    tti_wheel_add(&model.wheel, &model.timers[i], due_ms);
    model.due_ms[i] = due_ms;
    model.is_running[i] = true;
}

static void model_remove(size_t i) {
    tti_wheel_remove(&model.timers[i]);
    model.is_running[i] = false;
}

static uint64_t model_next_ms(void) {
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < TIMER_COUNT; i++)
        if (model.is_running[i] && model.due_ms[i] < next_ms)
            next_ms = model.due_ms[i];
    return next_ms;
}

/** Moves both on and compares: nothing early, nothing left out, stopped when it comes. */
static void model_advance(uint64_t now_ms) {
    model.now_ms = now_ms;
    tti_wheel_advance(&model.wheel, now_ms);
    struct tt_timer *timer;
    while ((timer = tti_wheel_take_expired(&model.wheel)) != NULL) {
        size_t i = (size_t)(timer - model.timers);
        /* An assertion for each timer would take minutes under a sanitizer. */
        if (!model.is_running[i] || timer->prev != NULL)
            ck_abort_msg("timer %zu came without being started, or still runs", i);
        if (model.due_ms[i] > now_ms)
            ck_abort_msg("timer %zu came %lu ms early", i, model.due_ms[i] - now_ms);
        model.is_running[i] = false;
    }
    for (size_t i = 0; i < TIMER_COUNT; i++)
        if (model.is_running[i] && model.due_ms[i] <= now_ms)
            ck_abort_msg("timer %zu is %lu ms late", i, now_ms - model.due_ms[i]);
}

/** next must never be later than the first due time, or the loop would oversleep; nor lie in the past. */
static void model_check_next(void) {
    uint64_t next_ms = tti_wheel_next_ms(&model.wheel);
    uint64_t due_ms = model_next_ms();
    uint64_t latest_ms = due_ms > model.now_ms ? due_ms : model.now_ms;
    if (next_ms > latest_ms || next_ms < model.now_ms || (due_ms == UINT64_MAX && next_ms != UINT64_MAX))
        ck_abort_msg("now %lu, first due %lu, next says %lu", model.now_ms, due_ms, next_ms);
}

static uint64_t random_delay_ms(void) {
    switch (random_below(8)) {
    case 0:
        return 0;
    case 1:
        return random_below(3 * FAR_MS); /* some beyond the top level */
    case 2:
        return (UINT64_C(1) << random_below(26)) - random_below(2); /* at the edges of the levels */
    case 3:
        return random_below(FAR_MS);
    case 4:
        return random_below(64 * 64 * 64);
    case 5:
        return random_below(64 * 64);
    default:
        return random_below(64);
    }
}

static void random_step(void) {
    size_t i = random_below(TIMER_COUNT);
    switch (random_below(4)) {
    case 0:
    case 1:
        if (model.is_running[i])
            model_remove(i);
        model_add(i, model.now_ms + random_delay_ms());
        break;
    case 2:
        model_remove(i); /* fine for a stopped one */
        break;
    default: {
        uint64_t next_ms = tti_wheel_next_ms(&model.wheel);
        if (random_below(3) == 0 || next_ms == UINT64_MAX)
            model_advance(model.now_ms + random_delay_ms());
        else if (next_ms > model.now_ms) /* as the loop does, or a millisecond before or after */
            model_advance(next_ms + random_below(3) - 1);
        else
            model_advance(model.now_ms);
        break;
    }
    }
    model_check_next();
}

static void random_steps(uint64_t now_ms, uint64_t seed) {
    model_init(now_ms, seed);
    for (unsigned step = 0; step < 20000; step++)
        random_step();
    for (unsigned turn = 0; model_next_ms() != UINT64_MAX; turn++) {
        if (turn == 1000000)
            ck_abort_msg("the wheel doesn't come to an end");
        model_advance(tti_wheel_next_ms(&model.wheel));
    }
    ck_assert_uint_eq(tti_wheel_next_ms(&model.wheel), UINT64_MAX);
}

START_TEST(random_timers_agree_with_a_naive_model) {
    const uint64_t begins[] = {0, 1, 63, 64, 4095, FAR_MS - 1, FAR_MS - 64, 5 * FAR_MS - 64 * 64 - 1, 123456789012};
    random_steps(begins[_i % COUNT_OF(begins)], 20240607u + (uint64_t)_i);
}
END_TEST

START_TEST(timer_far_away_comes_at_its_time) {
    const uint64_t begins[] = {0, 1, 63 * 64 * 64 * 64, FAR_MS - 1, FAR_MS, 7 * FAR_MS + 12345};
    const uint64_t delays[] = {FAR_MS - 1, FAR_MS, FAR_MS + 1, 2 * FAR_MS - 1, 10 * FAR_MS + 17, 400 * FAR_MS};
    for (size_t b = 0; b < COUNT_OF(begins); b++)
        for (size_t d = 0; d < COUNT_OF(delays); d++) {
            model_init(begins[b], 1);
            uint64_t due_ms = begins[b] + delays[d];
            model_add(0, due_ms);
            unsigned wakes = 0;
            while (model.is_running[0]) { /* some thousand turns */
                model_check_next();
                model_advance(tti_wheel_next_ms(&model.wheel));
                wakes++;
            }
            ck_assert_uint_eq(model.now_ms, due_ms);
            ck_assert_uint_le(wakes, delays[d] / FAR_MS * 2 + 8); /* no crawling */
        }
}
END_TEST

START_TEST(timer_far_away_survives_one_leap) {
    model_init(17, 1);
    model_add(0, 17 + 3 * FAR_MS);
    model_add(1, 17 + 3 * FAR_MS + 1);
    model_advance(17 + 3 * FAR_MS);
    ck_assert(!model.is_running[0]);
    ck_assert(model.is_running[1]);
}
END_TEST

/** Every delay around the edges of the levels, from every phase of the clock that matters. */
START_TEST(cascade_edges_are_exact) {
    const uint64_t edges[] = {64, 64 * 64, 64 * 64 * 64, FAR_MS};
    for (size_t b = 0; b < COUNT_OF(edges); b++)
        for (size_t d = 0; d < COUNT_OF(edges); d++)
            for (uint64_t from = 0; from < 3; from++)
                for (uint64_t to = 0; to < 3; to++) {
                    model_init(edges[b] + from - 1, 1);
                    model_add(0, model.now_ms + edges[d] + to - 1);
                    model_advance(model.due_ms[0] - 1);
                    ck_assert(model.is_running[0]);
                    ck_assert_uint_eq(tti_wheel_next_ms(&model.wheel), model.due_ms[0]);
                    model_advance(model.due_ms[0]);
                    ck_assert(!model.is_running[0]);
                }
}
END_TEST

START_TEST(timers_come_in_the_order_of_their_times) {
    model_init(1000, 99);
    for (size_t i = 0; i < TIMER_COUNT; i++)
        model_add(i, model.now_ms + 1 + random_below(300000));
    tti_wheel_advance(&model.wheel, model.now_ms + 300000);
    uint64_t before_ms = 0;
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        const struct tt_timer *timer = tti_wheel_take_expired(&model.wheel);
        ck_assert_ptr_nonnull(timer);
        ck_assert_uint_ge(timer->due_ms, before_ms);
        before_ms = timer->due_ms;
    }
    ck_assert_ptr_null(tti_wheel_take_expired(&model.wheel));
}
END_TEST

START_TEST(removed_timer_never_comes) {
    model_init(0, 1);
    model_add(0, 5);
    model_add(1, 5);
    model_add(2, 5);
    model_remove(1);
    tti_wheel_advance(&model.wheel, 5);
    model_remove(2); /* due already, not yet taken */
    ck_assert_ptr_eq(tti_wheel_take_expired(&model.wheel), &model.timers[0]);
    ck_assert_ptr_null(tti_wheel_take_expired(&model.wheel));
    ck_assert_uint_eq(tti_wheel_next_ms(&model.wheel), UINT64_MAX);
}
END_TEST

START_TEST(time_that_goes_back_is_ignored) {
    model_init(1000, 1);
    model_add(0, 1100);
    tti_wheel_advance(&model.wheel, 10);
    ck_assert_ptr_null(tti_wheel_take_expired(&model.wheel));
    model_check_next();
    model_advance(1099);
    ck_assert(model.is_running[0]);
    model_advance(1100);
    ck_assert(!model.is_running[0]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("wheel");
    TCase *tests = tcase_create("wheel");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, removed_timer_never_comes);
    tcase_add_test(tests, time_that_goes_back_is_ignored);
    tcase_add_test(tests, timers_come_in_the_order_of_their_times);
    tcase_add_test(tests, cascade_edges_are_exact);
    tcase_add_test(tests, timer_far_away_comes_at_its_time);
    tcase_add_test(tests, timer_far_away_survives_one_leap);
    tcase_add_loop_test(tests, random_timers_agree_with_a_naive_model, 0, 18);
    suite_add_tcase(suite, tests);
    return probe_main(suite);
}

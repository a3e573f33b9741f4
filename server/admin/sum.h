/**
 * Sum: what several loops count, each for itself, as one number; and which of them is in the longest turn.
 *
 * Thread: any.
 */
#ifndef SERVER_ADMIN_SUM_H
#define SERVER_ADMIN_SUM_H

#include "admin.h"
#include "health.h"

/** Loops, home and sides. */
size_t sum_loop_count(const struct admin_view *view);

/** What the view shows of the nth, from 0, which is home. */
struct admin_loop sum_loop(const struct admin_view *view, size_t n);

/** All fronts' numbers together. */
void sum_fronts(const struct admin_view *view, struct front_stats *ret_stats);

/** A call's numbers on all loops. */
void sum_call(const struct registry *registry, const struct call *call, struct call_stats *ret_stats);

/** The loop that has been in its turn for longest, numbered from 1, and what it is doing. */
struct health_loop sum_busiest(const struct admin_view *view, uint64_t now_us, size_t *ret_number);

/** The longest turn of the last seconds, of any loop. */
uint64_t sum_lag_max_us(const struct admin_view *view);

#endif

/*
 * Lane: the order of waiting jobs. One lane a priority, in each a ring of keys, in each key a list of jobs.
 *
 * Between lanes: the job that would be oldest if each class lower had come one ageing time later. So a higher class
 * goes first, and no class waits for ever: after that time a job counts as one class higher.
 * Between keys of a lane: deficit round robin. Each time its turn comes a key gains its weight, and starts jobs while it
 * can pay their cost. A ring of one key, by far the most frequent, needs no books.
 */
#include "internal.h"

#include <tothread/key.h>

static const unsigned lane_of[TT_PRIORITY_COUNT] = {
    [TT_PRIORITY_HIGH] = TTI_LANE_HIGH,
    [TT_PRIORITY_NORMAL] = TTI_LANE_NORMAL,
    [TT_PRIORITY_LOW] = TTI_LANE_LOW,
};

static struct tt_key *key_of(struct tti_queue *queue, const struct tt_job *job) {
    return job->key != NULL ? job->key : &queue->own_key;
}

static uint64_t weight_of(const struct tt_key *key) {
    return key->weight != 0 ? key->weight : 1;
}

static uint64_t cost_of(const struct tt_job *job) {
    return job->cost != 0 ? job->cost : 1;
}

/** Puts a key without jobs behind all others of the ring. */
static void join_ring(struct tti_lane *lane, unsigned at, struct tt_key *key) {
    struct tt_key *turn = lane->turn;
    key->lanes[at].deficit = 0;
    if (turn == NULL) {
        key->lanes[at].next = key;
        key->lanes[at].prev = key;
        key->lanes[at].deficit = weight_of(key); /* its turn is now */
        lane->turn = key;
        return;
    }
    key->lanes[at].next = turn;
    key->lanes[at].prev = turn->lanes[at].prev;
    turn->lanes[at].prev->lanes[at].next = key;
    turn->lanes[at].prev = key;
}

static void pass_turn(struct tti_lane *lane, unsigned at) {
    lane->turn = lane->turn->lanes[at].next;
    lane->turn->lanes[at].deficit += weight_of(lane->turn);
}

static void leave_ring(struct tti_lane *lane, unsigned at, struct tt_key *key) {
    if (key->lanes[at].next == key) {
        lane->turn = NULL;
    } else {
        if (lane->turn == key)
            pass_turn(lane, at);
        key->lanes[at].prev->lanes[at].next = key->lanes[at].next;
        key->lanes[at].next->lanes[at].prev = key->lanes[at].prev;
    }
    key->lanes[at].next = NULL;
    key->lanes[at].prev = NULL;
}

void tti_lane_add(struct tti_queue *queue, struct tt_job *job) {
    unsigned at = lane_of[job->priority];
    struct tt_key *key = key_of(queue, job);
    job->next = NULL;
    job->prev = key->lanes[at].last;
    if (key->lanes[at].last != NULL) {
        key->lanes[at].last->next = job;
    } else {
        key->lanes[at].first = job;
        join_ring(&queue->lanes[at], at, key);
    }
    key->lanes[at].last = job;
    queue->lanes[at].count++;
    queue->count++;
}

void tti_lane_add_plain(struct tti_queue *queue, struct tti_list *jobs) {
    struct tt_key *key = &queue->own_key;
    if (jobs->first == NULL)
        return;
    jobs->first->prev = key->lanes[TTI_LANE_NORMAL].last;
    if (key->lanes[TTI_LANE_NORMAL].last != NULL) {
        key->lanes[TTI_LANE_NORMAL].last->next = jobs->first;
    } else {
        key->lanes[TTI_LANE_NORMAL].first = jobs->first;
        join_ring(&queue->lanes[TTI_LANE_NORMAL], TTI_LANE_NORMAL, key);
    }
    key->lanes[TTI_LANE_NORMAL].last = jobs->last;
    queue->lanes[TTI_LANE_NORMAL].count += jobs->count;
    queue->count += jobs->count;
    *jobs = (struct tti_list){0};
}

void tti_lane_remove(struct tti_queue *queue, struct tt_job *job) {
    unsigned at = lane_of[job->priority];
    struct tt_key *key = key_of(queue, job);
    if (job->prev != NULL)
        job->prev->next = job->next;
    else
        key->lanes[at].first = job->next;
    if (job->next != NULL)
        job->next->prev = job->prev;
    else
        key->lanes[at].last = job->prev;
    job->next = NULL;
    job->prev = NULL;
    if (key->lanes[at].first == NULL)
        leave_ring(&queue->lanes[at], at, key);
    queue->lanes[at].count--;
    queue->count--;
}

/**
 * Nobody could pay in a whole round: as many rounds as the nearest one needs, at once. A cost of a million must not be
 * a million rounds under the lock.
 */
static void skip_rounds(struct tti_lane *lane, unsigned at) {
    uint64_t fewest = UINT64_MAX;
    struct tt_key *key = lane->turn;
    do {
        uint64_t cost = cost_of(key->lanes[at].first);
        uint64_t missing = cost > key->lanes[at].deficit ? cost - key->lanes[at].deficit : 0;
        uint64_t rounds = (missing + weight_of(key) - 1) / weight_of(key);
        fewest = rounds < fewest ? rounds : fewest;
        key = key->lanes[at].next;
    } while (key != lane->turn);
    do {
        key->lanes[at].deficit += fewest * weight_of(key);
        key = key->lanes[at].next;
    } while (key != lane->turn);
}

/** Passes the turn on to a key that can pay for its first job. */
static void settle_turn(struct tti_lane *lane, unsigned at) {
    struct tt_key *begin = lane->turn;
    while (lane->turn->lanes[at].deficit < cost_of(lane->turn->lanes[at].first)) {
        pass_turn(lane, at);
        if (lane->turn == begin)
            skip_rounds(lane, at);
    }
}

/** The lane whose turn it is, TTI_LANE_COUNT where none may be served. */
static unsigned choose(const struct tti_queue *queue, uint32_t lower_room) {
    unsigned best = TTI_LANE_COUNT;
    uint64_t best_us = UINT64_MAX;
    if (queue->lanes[TTI_LANE_NORMAL].count == queue->count) /* nearly always */
        return queue->count != 0 && lower_room != 0 ? TTI_LANE_NORMAL : TTI_LANE_COUNT;
    for (unsigned at = 0; at < TTI_LANE_COUNT; at++) {
        const struct tti_lane *lane = &queue->lanes[at];
        if (lane->count == 0 || (at != TTI_LANE_HIGH && lower_room == 0))
            continue;
        uint64_t rank_us = lane->turn->lanes[at].first->submitted_us + at * queue->ageing_us;
        if (rank_us < best_us) {
            best_us = rank_us;
            best = at;
        }
    }
    return best;
}

struct tt_job *tti_lane_take(struct tti_queue *queue, uint32_t lower_room) {
    unsigned at = choose(queue, lower_room);
    if (at == TTI_LANE_COUNT)
        return NULL;
    struct tti_lane *lane = &queue->lanes[at];
    if (lane->turn->lanes[at].next != lane->turn) {
        settle_turn(lane, at);
        lane->turn->lanes[at].deficit -= cost_of(lane->turn->lanes[at].first);
    }
    struct tt_job *job = lane->turn->lanes[at].first;
    struct tt_job *next = job->next;
    if (next == NULL) {
        tti_lane_remove(queue, job);
        return job;
    }
    tti_job_prefetch(next);
    next->prev = NULL;
    lane->turn->lanes[at].first = next;
    lane->count--;
    queue->count--;
    return job;
}

struct tt_job *tti_lane_after(const struct tti_queue *queue, const struct tt_job *job) {
    unsigned at = 0;
    if (job != NULL) {
        if (job->next != NULL)
            return job->next;
        at = lane_of[job->priority];
        const struct tt_key *key = job->key != NULL ? job->key : &queue->own_key;
        if (key->lanes[at].next != queue->lanes[at].turn)
            return key->lanes[at].next->lanes[at].first;
        at++;
    }
    while (at < TTI_LANE_COUNT && queue->lanes[at].turn == NULL)
        at++;
    return at < TTI_LANE_COUNT ? queue->lanes[at].turn->lanes[at].first : NULL;
}

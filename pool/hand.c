/* Hand: see hand.h. */
#include "hand.h"

#include <string.h>

#define INDEX_SHIFT  16
#define INDEX_MASK   (UINT64_C(31) << INDEX_SHIFT)
#define GIVEN_UP     (UINT64_C(1) << 21)
#define DEAL_SHIFT   32
#define GONE(index_) (UINT64_C(1) << (index_))

static uint64_t load(const struct tti_hand *hand) {
    return atomic_load_explicit(&hand->word, memory_order_acquire);
}

static uint32_t deal_of(uint64_t word) {
    return (uint32_t)(word >> DEAL_SHIFT);
}

/** Cut if longer; "" for NULL. */
static void copy_text(const char *text, char *ret_text, size_t capacity) {
    size_t size = text != NULL ? strnlen(text, capacity - 1) : 0;
    if (size > 0)
        memcpy(ret_text, text, size);
    ret_text[size] = '\0';
}

void tti_hand_clear(struct tti_hand *hand) {
    hand->count = 0;
}

void tti_hand_add(struct tti_hand *hand, struct tt_job *job) {
    uint32_t index = hand->count++;
    job->slot = index;
    job->deal = deal_of(atomic_load_explicit(&hand->word, memory_order_relaxed)) + 1;
    hand->jobs[index] = job;
    hand->submitted[index] = job->submitted_us;
    hand->names[index] = job->name;
    copy_text(job->id, hand->ids[index], sizeof hand->ids[index]);
    copy_text(job->client, hand->clients[index], sizeof hand->clients[index]);
}

void tti_hand_play(struct tti_hand *hand, uint64_t now_us) {
    uint64_t deal = (uint64_t)deal_of(atomic_load_explicit(&hand->word, memory_order_relaxed)) + 1;
    hand->dealt_us = now_us;
    atomic_store_explicit(&hand->word, deal << DEAL_SHIFT, memory_order_release);
}

struct tt_job *tti_hand_advance(struct tti_hand *hand, bool *ret_given_up) {
    uint64_t before = load(hand);
    uint64_t after;
    do {
        uint32_t index = tti_hand_index(before) + 1;
        while (index < hand->count && (before & GONE(index)) != 0)
            index++;
        /* In one step: a flag that outlived its job for a moment would hide the next one from a give_up. */
        after = (before & ~(INDEX_MASK | GIVEN_UP)) | (uint64_t)index << INDEX_SHIFT;
    } while (!atomic_compare_exchange_weak_explicit(&hand->word, &before, after, memory_order_acq_rel,
                                                    memory_order_acquire));
    *ret_given_up = (before & GIVEN_UP) != 0;
    return tti_hand_index(after) < hand->count ? hand->jobs[tti_hand_index(after)] : NULL;
}

static bool take_back_at(struct tti_hand *hand, uint32_t deal, uint32_t index) {
    uint64_t word = load(hand);
    do {
        if (deal_of(word) != deal || tti_hand_index(word) >= index || (word & GONE(index)) != 0)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&hand->word, &word, word | GONE(index), memory_order_acq_rel,
                                                    memory_order_acquire));
    return true;
}

bool tti_hand_take_back(struct tti_hand *hand, const struct tt_job *job) {
    return take_back_at(hand, job->deal, job->slot);
}

struct tt_job *tti_hand_steal(struct tti_hand *hand) {
    uint32_t deal = deal_of(load(hand)); /* the lock keeps its worker from dealing anew */
    uint32_t index;
    while ((index = tti_hand_waiting(hand, 0)) != TTI_HAND_MAX)
        if (take_back_at(hand, deal, index))
            return hand->jobs[index];
    return NULL;
}

bool tti_hand_give_up(struct tti_hand *hand, const struct tt_job *job) {
    uint64_t word = load(hand);
    do {
        if (deal_of(word) != job->deal || tti_hand_index(word) != job->slot || (word & GIVEN_UP) != 0)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&hand->word, &word, word | GIVEN_UP, memory_order_acq_rel,
                                                    memory_order_acquire));
    return true;
}

struct tt_job *tti_hand_running(const struct tti_hand *hand) {
    uint64_t word = load(hand);
    uint32_t index = tti_hand_index(word);
    /* A job that was taken back is nobody's here, although the worker steps over it. */
    return index < hand->count && (word & (GIVEN_UP | GONE(index))) == 0 ? hand->jobs[index] : NULL;
}

bool tti_hand_is_running(const struct tti_hand *hand, const struct tt_job *job) {
    uint64_t word = load(hand);
    return deal_of(word) == job->deal && tti_hand_index(word) == job->slot;
}

uint32_t tti_hand_waiting(const struct tti_hand *hand, uint32_t from) {
    uint64_t word = load(hand);
    uint32_t index = tti_hand_index(word) + 1;
    if (index < from)
        index = from;
    while (index < hand->count && (word & GONE(index)) != 0)
        index++;
    return index < hand->count ? index : TTI_HAND_MAX;
}

uint32_t tti_hand_waiting_count(const struct tti_hand *hand) {
    uint32_t count = 0;
    for (uint32_t at = tti_hand_waiting(hand, 0); at != TTI_HAND_MAX; at = tti_hand_waiting(hand, at + 1))
        count++;
    return count;
}

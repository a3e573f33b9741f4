/* Context: see context.h. One block holds the object, its pairs and all texts. */
#include "internal.h"

#include "fault.h"
#include <stdlib.h>
#include <string.h>
#include <tothread/context.h>

struct tt_context {
    _Atomic uint32_t references;
    struct tt_context_values values;
    struct tt_context_pair pairs[];
};

static const struct tt_context_values no_values;

_Thread_local struct tt_context *tti_context_current;

static size_t text_size(const char *text) {
    return text != NULL ? strlen(text) + 1 : 0;
}

static size_t texts_size(const struct tt_context_values *values) {
    size_t size = text_size(values->request_id) + text_size(values->traceparent) + text_size(values->tenant);
    for (size_t i = 0; i < values->pair_count; i++)
        size += text_size(values->pairs[i].key) + text_size(values->pairs[i].value);
    return size;
}

/** Copies text to *at, and moves that on. */
static const char *put(char **at, const char *text) {
    if (text == NULL)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = *at;
    memcpy(copy, text, size);
    *at += size;
    return copy;
}

static void put_pairs(struct tt_context *context, const struct tt_context_values *from, char **at) {
    for (size_t i = 0; i < from->pair_count; i++) {
        struct tt_context_pair *pair = &context->pairs[context->values.pair_count++];
        pair->key = put(at, from->pairs[i].key);
        pair->value = put(at, from->pairs[i].value);
    }
}

struct tt_context *tt_context_create(const struct tt_context_values *values, const struct tt_context *parent) {
    const struct tt_context_values *old = tt_context_values(parent);
    struct tt_context_values wanted = *values;
    if (wanted.request_id == NULL)
        wanted.request_id = old->request_id;
    if (wanted.traceparent == NULL)
        wanted.traceparent = old->traceparent;
    if (wanted.tenant == NULL)
        wanted.tenant = old->tenant;
    wanted.deadline_us = tti_context_nearest_us(wanted.deadline_us, old->deadline_us);
    size_t text_bytes = texts_size(&wanted);
    for (size_t i = 0; i < old->pair_count; i++)
        text_bytes += text_size(old->pairs[i].key) + text_size(old->pairs[i].value);
    size_t pair_count = wanted.pair_count + old->pair_count;
    if (text_bytes > TT_CONTEXT_BYTES_MAX || pair_count > TT_CONTEXT_BYTES_MAX)
        return NULL;
    struct tt_context *context = TTI_FAULT_NTH(allocation_fails)
                                     ? NULL
                                     : malloc(sizeof *context + pair_count * sizeof *context->pairs + text_bytes);
    if (context == NULL)
        return NULL;
    char *at = (char *)&context->pairs[pair_count];
    context->references = 1;
    context->values = (struct tt_context_values){
        .request_id = put(&at, wanted.request_id),
        .traceparent = put(&at, wanted.traceparent),
        .tenant = put(&at, wanted.tenant),
        .deadline_us = wanted.deadline_us,
        .pairs = context->pairs,
    };
    put_pairs(context, values, &at);
    put_pairs(context, old, &at); /* behind the new ones, which are found first */
    return context;
}

struct tt_context *tt_context_hold(struct tt_context *context) {
    if (context != NULL)
        (void)atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tt_context_release(struct tt_context *context) {
    /* acq_rel: whoever frees sees what the others have read. */
    if (context != NULL && atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) == 1)
        free(context);
}

const struct tt_context_values *tt_context_values(const struct tt_context *context) {
    return context != NULL ? &context->values : &no_values;
}

const char *tt_context_get(const struct tt_context *context, const char *key) {
    const struct tt_context_values *values = tt_context_values(context);
    for (size_t i = 0; i < values->pair_count; i++)
        if (values->pairs[i].key != NULL && strcmp(values->pairs[i].key, key) == 0)
            return values->pairs[i].value;
    return NULL;
}

struct tt_context *tt_context_current(void) {
    return tti_context_current;
}

struct tt_context *tt_context_enter(struct tt_context *context) {
    struct tt_context *before = tti_context_current;
    tti_context_current = context;
    return before;
}

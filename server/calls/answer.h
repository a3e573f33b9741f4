/**
 * Answer: what a call says, while and after it runs.
 *
 * The worker writes it through the functions of struct tt_host, the loop sends it. Small bodies stay in the object;
 * bigger ones are one malloc'ed piece that grows by doubling, up to the limit.
 *
 * Thread: the worker inside run, then the loop; the pool's hand-over orders the two.
 */
#ifndef SERVER_CALLS_ANSWER_H
#define SERVER_CALLS_ANSWER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/module.h>

#define ANSWER_INLINE_BYTES 192
#define ANSWER_DETAIL_MAX   256

struct answer {
    int status;       /* 200 to begin with; what fail() said otherwise */
    const char *type; /* a constant */
    char *data;       /* inline_data or malloc'ed */
    size_t size;
    size_t capacity;
    size_t limit;
    bool is_full;    /* something didn't fit into the limit */
    bool has_failed; /* answer_fail was called */
    bool has_no_memory;
    char *detail; /* malloc'ed by answer_fail, NULL where none */
    char inline_data[ANSWER_INLINE_BYTES];
};

void answer_init(struct answer *answer, size_t limit_bytes);
void answer_deinit(struct answer *answer);

/* The host's functions of these names (tothread/module.h). After the first one that was refused all others are: an answer
   with a hole is no answer. */

enum tt_status answer_write(struct answer *answer, const void *data, size_t size);
enum tt_status answer_write_json(struct answer *answer, const char *text, size_t size);
void *answer_reserve(struct answer *answer, size_t size);

/** Drops the body, keeps status (500 where it is none from 400 to 599) and the formatted detail. Returns TT_FAILED. */
enum tt_outcome answer_fail(struct answer *answer, int status, const char *format, va_list args) TT_PRINTF(3, 0);

#endif

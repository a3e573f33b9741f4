/**
 * Answer: what a call says, while and after it runs.
 *
 * The worker writes it through the functions of struct tt_host, the loop sends it. Small bodies stay in the object;
 * bigger ones are one malloc'ed piece that grows by doubling, up to the limit. An answer that has begun may be sent in
 * pieces (pieces.h); then its status, type and fields are fixed, and its body isn't kept here.
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
#define ANSWER_VALUE_MAX    512  /* of a field */
#define ANSWER_FIELDS_MAX   1024 /* all field lines together */

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
    bool has_begun;
    uint64_t announced; /* its size; TT_SIZE_UNKNOWN, also before it has begun */
    uint64_t written;   /* since it has begun */
    char **fields;      /* TT_ANSWER_FIELD_COUNT values, malloc'ed with the first; NULL where none */
    char *detail;       /* malloc'ed by answer_fail, NULL where none */
    char inline_data[ANSWER_INLINE_BYTES];
};

void answer_init(struct answer *answer, size_t limit_bytes);
void answer_deinit(struct answer *answer);

/* The host's functions of these names (tothread/module.h). After the first one that was refused all others are: an answer
   with a hole is no answer. */

enum tt_status answer_write(struct answer *answer, const void *data, size_t size);
enum tt_status answer_write_json(struct answer *answer, const char *text, size_t size);
void *answer_reserve(struct answer *answer, size_t size);

enum tt_status answer_set_status(struct answer *answer, int status);
enum tt_status answer_set_field(struct answer *answer, enum tt_answer_field field, const char *value);

/** From here on answer_write counts against size. Returns: TT_OK; TT_TOO_LATE: see the host's begin. */
enum tt_status answer_begin(struct answer *answer, uint64_t size);

/** Counts size more bytes of an answer that has begun. Returns: TT_OK, TT_FULL beyond what was announced. */
enum tt_status answer_count(struct answer *answer, size_t size);

/** The field lines, each with its CRLF, at most ANSWER_FIELDS_MAX bytes and a NUL. Returns: out. */
const char *answer_lines(const struct answer *answer, char out[static ANSWER_FIELDS_MAX + 1]);

/** Drops the fields. */
void answer_drop_fields(struct answer *answer);

/** Drops the body, keeps status (500 where it is none from 400 to 599) and the formatted detail. Returns TT_FAILED. */
enum tt_outcome answer_fail(struct answer *answer, int status, const char *format, va_list args) TT_PRINTF(3, 0);

#endif

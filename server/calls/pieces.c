/* Pieces: see pieces.h. */
#include "pieces.h"

#include "../json.h"
#include <stdlib.h>
#include <string.h>

bool pieces_are_unseen(const struct call_run *run) {
    return run->run.is_head || run->answer.status == 204 || run->answer.status == 304;
}

/** Remembers that nobody is there any more: whatever the function returns then is right. */
static enum tt_status note(struct call_run *run, enum tt_status status) {
    run->is_cut = run->is_cut || status == TT_CLOSED;
    return status;
}

enum tt_status pieces_begin(struct call_run *run, uint64_t size) {
    enum tt_status status = run->answer.has_failed ? TT_TOO_LATE : answer_begin(&run->answer, size);
    if (status != TT_OK || run->passage == NULL)
        return status;
    status = note(run, run->passage->begin(run));
    run->is_sending = status == TT_OK;
    if (status == TT_NOMEM)
        run->answer.has_no_memory = true; /* nothing went out: it is a failure as any other */
    return status;
}

enum tt_status pieces_write(struct call_run *run, const void *data, size_t size) {
    if (run->is_sending && (run->is_cut || run->answer.has_failed || pieces_are_unseen(run)))
        return TT_CLOSED;
    enum tt_status status = answer_count(&run->answer, size);
    if (status != TT_OK)
        return status;
    return run->is_sending ? note(run, run->passage->write(run, data, size)) : answer_write(&run->answer, data, size);
}

enum tt_status pieces_write_json(struct call_run *run, const char *text, size_t size) {
    char inside[512];
    size_t needed = json_quote(inside, sizeof inside, text, size);
    if (needed <= sizeof inside)
        return pieces_write(run, inside, needed);
    char *quoted = malloc(needed);
    if (quoted == NULL)
        return TT_NOMEM;
    (void)json_quote(quoted, needed, text, size); /* measured */
    enum tt_status status = pieces_write(run, quoted, needed);
    free(quoted);
    return status;
}

enum tt_status pieces_read(struct call_run *run, void *buffer, size_t capacity, size_t *ret_size) {
    if (capacity == 0)
        return TT_INVALID;
    if (run->is_cut)
        return TT_CLOSED;
    if (run->reads_passage)
        return note(run, run->passage->read(run, buffer, capacity, ret_size));
    size_t left = run->run.body_size - run->read_bytes;
    size_t size = left < capacity ? left : capacity;
    if (size > 0)
        memcpy(buffer, (const char *)run->run.body + run->read_bytes, size);
    run->read_bytes += size;
    *ret_size = size;
    return TT_OK;
}

/* Cases: see cases.h. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>

const struct cases *const cases_all[] = {
    &cases_line,  &cases_target,  &cases_host, &cases_field,      &cases_length, &cases_coding,
    &cases_chunk, &cases_trailer, &cases_body, &cases_connection, &cases_expect, NULL,
};

size_t case_count(const struct row *row) {
    return row->each_count > 0 ? row->each_count : 1;
}

size_t case_bytes(const struct row *row, size_t index, char ret_bytes[static CASE_BYTES_MAX]) {
    size_t size = 0;
    for (size_t i = 0; i < row->size; i++) {
        const char *piece = row->bytes + i;
        size_t piece_size = 1;
        size_t times = 1;
        if (*piece == MANY[0] && row->many != NULL) {
            piece = row->many;
            piece_size = strlen(row->many);
            times = row->times;
        } else if (*piece == EACH[0] && row->each != NULL) {
            piece = row->each + index;
        }
        for (; times > 0; times--, size += piece_size) {
            if (size + piece_size > CASE_BYTES_MAX)
                abort();
            memcpy(ret_bytes + size, piece, piece_size);
        }
    }
    return size;
}

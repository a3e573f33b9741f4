/*
 * Cases: the tables of tests/cases at the parser and the chunk decoder alone, whole, split at every byte, and byte by byte.
 *
 * What they can't know (paths, methods, media types, sizes of bodies) is left to the same tables over a socket:
 * tests/flow/check_cases.c.
 */
#include "tests/cases/cases.h"
#include "server/http/chunk.h"
#include "server/http/parse.h"
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As server/http/front.h and the default of max-header have them: rows at the edges count on it. */
#define MAX_HEAD 16384
#define MAX_LINE 8192

/* Beyond it not every byte is a cut, and byte by byte goes in steps: each cut costs as many bytes. */
#define EVERY_CUT_BYTES 1500
#define CUT_STEP        61

/* Reads requests as a connection does, without one. What it made of them: one word each. */
struct reader {
    struct parse parse;
    struct chunk chunk;
    enum { READS_HEAD, READS_LENGTH, READS_CHUNKS, READS_NOTHING } state;
    size_t start; /* of the head that is read, or of what is left of the body */
    uint64_t left;
    bool is_partial; /* a request has begun and is not whole */
    size_t request_count;
    size_t body_size;
    char body[CASE_BYTES_MAX]; /* of the first request */
    char told[512];            /* "keep", "close" or the status of a refusal */
};

static void tell(struct reader *reader, const char *word) {
    size_t size = strlen(reader->told);
    (void)snprintf(reader->told + size, sizeof reader->told - size, "%s ", word); /* a cut text differs, too */
}

static void refuse(struct reader *reader, unsigned status) {
    char text[16];
    (void)snprintf(text, sizeof text, "%u", status); /* fits */
    tell(reader, text);
    reader->state = READS_NOTHING;
    reader->is_partial = false;
}

static void finish_request(struct reader *reader) {
    reader->request_count++;
    reader->is_partial = false;
    reader->state = reader->parse.keep_alive ? READS_HEAD : READS_NOTHING;
    tell(reader, reader->parse.keep_alive ? "keep" : "close");
    parse_init(&reader->parse, MAX_HEAD, MAX_LINE);
}

static void take_body(struct reader *reader, const char *data, size_t size) {
    if (reader->request_count > 0)
        return;
    ck_assert_uint_le(reader->body_size + size, sizeof reader->body);
    memcpy(reader->body + reader->body_size, data, size);
    reader->body_size += size;
}

static void begin_body(struct reader *reader) {
    reader->start += reader->parse.head_size;
    reader->left = reader->parse.content_length;
    chunk_init(&reader->chunk);
    if (reader->parse.is_chunked)
        reader->state = READS_CHUNKS;
    else if (reader->left > 0)
        reader->state = READS_LENGTH;
    else
        finish_request(reader);
}

static void read_length(struct reader *reader, const char *data, size_t size) {
    size_t taken = size < reader->left ? size : (size_t)reader->left;
    take_body(reader, data, taken);
    reader->start += taken;
    reader->left -= taken;
    if (reader->left == 0)
        finish_request(reader);
}

static void read_chunks(struct reader *reader, const char *data, size_t size) {
    size_t used = 0;
    const char *piece = NULL;
    size_t piece_size = 0;
    enum chunk_result result = chunk_decode(&reader->chunk, data, size, &used, &piece, &piece_size);
    reader->start += used;
    if (result == CHUNK_DATA)
        take_body(reader, piece, piece_size);
    else if (result == CHUNK_DONE)
        finish_request(reader);
    else if (result == CHUNK_REFUSED)
        refuse(reader, 400);
}

/* The first size bytes of all are there now. Each look is at a copy, so that a sanitizer sees any look beyond it. */
static void read_up_to(struct reader *reader, const char *all, size_t size) {
    while (reader->start < size && reader->state != READS_NOTHING) {
        size_t here = size - reader->start;
        size_t before = reader->start;
        char *copy = malloc(here);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, all + reader->start, here);
        reader->is_partial = true;
        bool waits = false;
        if (reader->state == READS_LENGTH) {
            read_length(reader, copy, here);
        } else if (reader->state == READS_CHUNKS) {
            read_chunks(reader, copy, here);
        } else {
            enum parse_result result = parse_head(&reader->parse, copy, here);
            waits = result == PARSE_MORE;
            if (result == PARSE_REFUSED)
                refuse(reader, reader->parse.status);
            else if (result == PARSE_DONE)
                begin_body(reader);
        }
        free(copy);
        ck_assert(waits || reader->start > before || reader->state == READS_NOTHING);
        if (waits)
            return;
    }
}

/* Everything with a first pause at first, then one after each step; step 0: one pause only. */
static void read_all(struct reader *reader, const char *all, size_t size, size_t first, size_t step) {
    memset(reader, 0, offsetof(struct reader, body));
    reader->told[0] = '\0';
    parse_init(&reader->parse, MAX_HEAD, MAX_LINE);
    for (size_t end = first; end<size; end += step> 0 ? step : size)
        read_up_to(reader, all, end);
    read_up_to(reader, all, size);
}

static bool is_same(const struct reader *a, const struct reader *b) {
    return strcmp(a->told, b->told) == 0 && a->is_partial == b->is_partial && a->body_size == b->body_size &&
           memcmp(a->body, b->body, a->body_size) == 0;
}

/* -- what the row expects, as far as a parser can know it -- */

static bool is_parsers(unsigned long status) {
    return status == 400 || status == 414 || status == 417 || status == 431 || status == 501 || status == 505;
}

/* Returns: whether what was told is what the row expects. */
static bool is_expected(const struct row *row, const struct reader *reader) {
    const char *told = reader->told;
    for (const char *at = row->expected; at != NULL; at = strchr(at, ' ')) {
        at += *at == ' ';
        unsigned long status = strtoul(at, NULL, 10);
        if (*at == 'O')
            return *told == '\0' && !reader->is_partial;
        if (status < 200)
            continue; /* what is sent, and when */
        const char *behind = strchr(at, ' ');
        bool is_last = behind != NULL && strcmp(behind, " C") == 0;
        if (status != 200 && is_last && !is_parsers(status))
            return true; /* answered for what it asks for, without a look at its body */
        if (is_parsers(status) && is_last)
            return strtoul(told, NULL, 10) == status;
        const char *word = is_last ? "close " : "keep ";
        if (strncmp(told, word, strlen(word)) != 0)
            return false;
        if (is_last)
            return true;
        told += strlen(word);
    }
    return *told == '\0'; /* the client ended it */
}

static bool has_right_body(const struct row *row, const struct reader *reader) {
    return row->body == NULL || strncmp(row->bytes, "POST", 4) != 0 ||
           (reader->body_size == strlen(row->body) && memcmp(reader->body, row->body, reader->body_size) == 0);
}

static void check_splits(const struct row *row, size_t index, const char *bytes, size_t size, struct reader *whole) {
    static struct reader parts;
    size_t step = size <= EVERY_CUT_BYTES ? 1 : CUT_STEP;
    for (size_t cut = 0; cut <= size; cut += step) {
        read_all(&parts, bytes, size, cut, 0);
        ck_assert_msg(is_same(whole, &parts), "%s, case %zu, cut at %zu: %s, and whole: %s", row->name, index, cut,
                      parts.told, whole->told);
    }
    read_all(&parts, bytes, size, 1, step);
    ck_assert_msg(is_same(whole, &parts), "%s, case %zu, in steps of %zu: %s, and whole: %s", row->name, index, step,
                  parts.told, whole->told);
}

static void check_case(const struct row *row, size_t index) {
    static char bytes[CASE_BYTES_MAX];
    static struct reader whole;
    size_t size = case_bytes(row, index, bytes);
    if (strchr(row->expected, 'W') != NULL) {
        read_all(&whole, bytes, size, size, 0);
        ck_assert_msg(whole.is_partial, "%s, case %zu: doesn't wait: %s", row->name, index, whole.told);
    }
    if (row->then != NULL) {
        ck_assert_uint_le(size + strlen(row->then), sizeof bytes);
        memcpy(bytes + size, row->then, strlen(row->then));
        size += strlen(row->then);
    }
    read_all(&whole, bytes, size, size, 0);
    ck_assert_msg(is_expected(row, &whole), "%s, case %zu: expected %s, the parser says %s%s", row->name, index,
                  row->expected, whole.told, whole.is_partial ? "and waits" : "");
    ck_assert_msg(has_right_body(row, &whole), "%s, case %zu: another body", row->name, index);
    check_splits(row, index, bytes, size, &whole);
}

START_TEST(parser_says_what_the_tables_say_however_the_bytes_are_split) {
    const struct cases *cases = cases_all[_i];
    for (size_t i = 0; i < cases->count; i++)
        for (size_t index = 0; index < case_count(&cases->rows[i]); index++)
            check_case(&cases->rows[i], index);
}
END_TEST

START_TEST(no_table_is_lost) {
    size_t rows = 0;
    size_t count = 0;
    for (size_t i = 0; cases_all[i] != NULL; i++)
        for (size_t j = 0; j < cases_all[i]->count; j++, rows++)
            count += case_count(&cases_all[i]->rows[j]);
    ck_assert_uint_ge(rows, 790);
    ck_assert_uint_ge(count, 2700);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cases");
    TCase *tables = tcase_create("tables");
    int count = 0;
    while (cases_all[count] != NULL)
        count++;
    tcase_add_test(tables, no_table_is_lost);
    tcase_add_loop_test(tables, parser_says_what_the_tables_say_however_the_bytes_are_split, 0, count);
    suite_add_tcase(suite, tables);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

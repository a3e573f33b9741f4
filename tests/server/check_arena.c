/* Tests of server/arena.h. */
#include "../../server/arena.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_inside(const void *piece, const char *memory, size_t size) {
    uintptr_t at = (uintptr_t)piece;
    return at >= (uintptr_t)memory && at < (uintptr_t)memory + size;
}

START_TEST(a_size_that_would_overflow_is_refused) {
    char memory[64];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    ck_assert_ptr_null(arena_take(&arena, SIZE_MAX));
    ck_assert_ptr_null(arena_take(&arena, SIZE_MAX - 15));
    ck_assert_ptr_null(arena_take(&arena, SIZE_MAX / 2));
    ck_assert_ptr_null(arena_copy(&arena, "x", SIZE_MAX));
    void *piece = arena_take(&arena, 16);
    ck_assert_msg(is_inside(piece, memory, sizeof memory), "a refusal must leave the arena usable");
    arena_reset(&arena);
}
END_TEST

START_TEST(a_first_block_too_small_for_anything_is_ignored) {
    char memory[8];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    char *piece = arena_take(&arena, 4);
    ck_assert_ptr_nonnull(piece);
    ck_assert(!is_inside(piece, memory, sizeof memory));
    arena_reset(&arena);
}
END_TEST

START_TEST(zeroed_memory_is_an_arena) {
    struct arena arena = {0};
    void *piece = arena_take(&arena, 0);
    ck_assert_ptr_nonnull(piece);
    ck_assert_ptr_ne(arena_take(&arena, 0), piece);
    arena_reset(&arena);
    arena_reset(&arena);
}
END_TEST

START_TEST(small_pieces_come_from_the_first_block_until_it_is_full) {
    _Alignas(16) char memory[64];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    for (int i = 0; i < 4; i++) {
        const void *piece = arena_take(&arena, 16);
        ck_assert_ptr_eq(piece, memory + (ptrdiff_t)16 * i);
    }
    const void *piece = arena_take(&arena, 1);
    ck_assert(!is_inside(piece, memory, sizeof memory));
    arena_reset(&arena);
    const void *again = arena_take(&arena, 64);
    ck_assert_ptr_eq(again, memory);
    arena_reset(&arena);
}
END_TEST

START_TEST(every_piece_is_aligned_and_no_two_overlap) {
    char memory[517];
    struct arena arena;
    arena_init(&arena, memory + 1, sizeof memory - 1);
    enum { PIECES = 600 };
    unsigned char *pieces[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        size_t size = i * 7 % 3000 + 1;
        pieces[i] = arena_take(&arena, size);
        ck_assert_ptr_nonnull(pieces[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i % 251), size);
    }
    size_t wrong = 0;
    for (size_t i = 0; i < PIECES; i++) {
        size_t size = i * 7 % 3000 + 1;
        for (size_t at = 0; at < size; at++)
            wrong += pieces[i][at] != i % 251;
    }
    ck_assert_uint_eq(wrong, 0);
    arena_reset(&arena);
}
END_TEST

START_TEST(a_big_piece_leaves_the_current_block_in_use) {
    _Alignas(16) char memory[64];
    struct arena arena;
    arena_init(&arena, memory, sizeof memory);
    void *big = arena_take(&arena, (size_t)1 << 20);
    ck_assert_ptr_nonnull(big);
    memset(big, 1, (size_t)1 << 20);
    const void *small = arena_take(&arena, 16);
    ck_assert_ptr_eq(small, memory);
    arena_reset(&arena);
}
END_TEST

START_TEST(copies_and_formats_end_with_nul) {
    struct arena arena;
    arena_init(&arena, NULL, 0);
    ck_assert_str_eq(arena_copy(&arena, "abcdef", 3), "abc");
    ck_assert_str_eq(arena_copy(&arena, NULL, 0), "");
    ck_assert_str_eq(arena_format(&arena, "%s-%d", "worker", 7), "worker-7");
    char *wide = arena_format(&arena, "%*d", 5000, 1);
    ck_assert_uint_eq(strlen(wide), 5000);
    const unsigned char *zeroed = arena_take_zeroed(&arena, 100);
    for (size_t i = 0; i < 100; i++)
        ck_assert_uint_eq(zeroed[i], 0);
    arena_reset(&arena);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("arena");
    TCase *refusals = tcase_create("refusals");
    tcase_add_test(refusals, a_size_that_would_overflow_is_refused);
    tcase_add_test(refusals, a_first_block_too_small_for_anything_is_ignored);
    suite_add_tcase(suite, refusals);
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, zeroed_memory_is_an_arena);
    tcase_add_test(normal, small_pieces_come_from_the_first_block_until_it_is_full);
    tcase_add_test(normal, every_piece_is_aligned_and_no_two_overlap);
    tcase_add_test(normal, a_big_piece_leaves_the_current_block_in_use);
    tcase_add_test(normal, copies_and_formats_end_with_nul);
    suite_add_tcase(suite, normal);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

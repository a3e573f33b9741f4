/* Nearest: "did you mean". The distance counts inserted, lost, wrong and swapped letters, case aside. */
#include "diagnostics.h"

#include <string.h>

#define WORD_MAX 64

static unsigned char lower(char letter) {
    return (unsigned char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Optimal string alignment, three rows. Both words fit into WORD_MAX. */
static size_t distance(const char *left, size_t left_size, const char *right, size_t right_size) {
    size_t rows[3][WORD_MAX + 1];
    for (size_t j = 0; j <= right_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= left_size; i++) {
        size_t *now = rows[i % 3];
        const size_t *before = rows[(i + 2) % 3];
        const size_t *before_that = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= right_size; j++) {
            size_t change = lower(left[i - 1]) == lower(right[j - 1]) ? 0 : 1;
            now[j] = least(least(before[j] + 1, now[j - 1] + 1), before[j - 1] + change);
            if (i > 1 && j > 1 && lower(left[i - 1]) == lower(right[j - 2]) &&
                lower(left[i - 2]) == lower(right[j - 1]))
                now[j] = least(now[j], before_that[j - 2] + 1);
        }
    }
    return rows[left_size % 3][right_size];
}

const char *diagnostics_nearest(const char *word, const char *const *names) {
    size_t word_size = strlen(word);
    if (word_size == 0 || word_size > WORD_MAX)
        return NULL;
    const char *nearest = NULL;
    size_t nearest_distance = 0;
    for (; *names; names++) {
        size_t size = strlen(*names);
        if (size == 0 || size > WORD_MAX)
            continue;
        size_t shorter = least(size, word_size);
        /* A third of the letters may be wrong; of a word of two, one. */
        size_t allowed = shorter < 2 ? 0 : shorter < 6 ? 1 : shorter / 3;
        size_t found = distance(word, word_size, *names, size);
        if (found <= allowed && (!nearest || found < nearest_distance)) {
            nearest = *names;
            nearest_distance = found;
        }
    }
    return nearest;
}

/**
 * Units: whole numbers with units, read and written.
 *
 * Thread: any.
 */
#ifndef SERVER_CONFIG_UNITS_H
#define SERVER_CONFIG_UNITS_H

#include <stddef.h>
#include <stdint.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/** Smallest first, ended by a NULL name. */
extern const struct unit units_none[]; /* plain numbers */
extern const struct unit units_time[]; /* us ms s min h; in microseconds */
extern const struct unit units_size[]; /* B KiB MiB GiB; in bytes */

enum units_result {
    UNITS_OK,
    UNITS_NO_NUMBER, /* not a whole number at all */
    UNITS_NO_UNIT,   /* a number without one of the units that it needs */
    UNITS_BAD_UNIT,  /* a number and something else behind it */
    UNITS_TOO_SMALL, /* below 0 */
    UNITS_TOO_BIG    /* beyond 64 bits */
};

/**
 * Reads "5s", "5 s", "12". 0 needs no unit.
 * Returns: UNITS_OK with *ret_value.
 */
enum units_result units_parse(const char *text, const struct unit *units, uint64_t *ret_value);

#define UNITS_TEXT_MAX 32

/** Writes value with the biggest unit that leaves a whole number. */
void units_format(uint64_t value, const struct unit *units, char ret_text[UNITS_TEXT_MAX]);

#endif

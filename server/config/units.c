/* Units: see units.h. */
#include "units.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const struct unit units_none[] = {{NULL, 0}};

const struct unit units_time[] = {
    {"us", 1}, {"ms", 1000}, {"s", 1000000}, {"min", 60000000}, {"h", UINT64_C(3600000000)}, {NULL, 0},
};

const struct unit units_size[] = {
    {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {NULL, 0},
};

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static uint64_t unit_factor(const char *name, const struct unit *units) {
    for (; units->name; units++)
        if (strcmp(units->name, name) == 0)
            return units->factor;
    return 0;
}

enum units_result units_parse(const char *text, const struct unit *units, uint64_t *ret_value) {
    bool is_negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (!is_digit(*text))
        return UNITS_NO_NUMBER;
    uint64_t number = 0;
    bool is_big = false;
    for (; is_digit(*text); text++)
        is_big |= __builtin_mul_overflow(number, 10u, &number) ||
                  __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number);
    bool is_zero = number == 0 && !is_big;
    text += strspn(text, " \t");
    if (*text == '.' || *text == ',')
        return UNITS_NO_NUMBER;
    uint64_t factor = 1;
    if (*text != '\0') {
        factor = unit_factor(text, units);
        if (factor == 0)
            return UNITS_BAD_UNIT;
    } else if (units->name && !is_zero) {
        return UNITS_NO_UNIT;
    }
    if (is_negative && !is_zero)
        return UNITS_TOO_SMALL;
    if (is_big || __builtin_mul_overflow(number, factor, &number))
        return UNITS_TOO_BIG;
    *ret_value = number;
    return UNITS_OK;
}

void units_format(uint64_t value, const struct unit *units, char ret_text[UNITS_TEXT_MAX]) {
    const struct unit *best = units;
    for (const struct unit *unit = units; unit->name; unit++)
        if (value > 0 && value % unit->factor == 0)
            best = unit;
    /* 0 has no best unit; seconds and bytes read well. */
    if (value == 0 && units == units_time)
        best = &units_time[2];
    uint64_t factor = best->name ? best->factor : 1;
    (void)snprintf(ret_text, UNITS_TEXT_MAX, "%llu%s", (unsigned long long)(value / factor),
                   best->name ? best->name : "");
}

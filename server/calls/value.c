/**
 * Value: the grammar is checked by hand, byte by byte; only a well-formed decimal reaches strtod_l.
 */
#include "value.h"
#include "../json.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/** Counts downwards from zero: the lowest number has no positive counterpart. */
static bool integer_read(const char *text, size_t size, int64_t *ret_integer) {
    bool is_negative = size > 0 && text[0] == '-';
    size_t at = is_negative ? 1 : 0;
    if (at == size)
        return false;
    int64_t sum = 0;
    for (; at < size; at++) {
        if (!is_digit(text[at]))
            return false;
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, text[at] - '0', &sum))
            return false;
    }
    if (!is_negative && sum == INT64_MIN)
        return false;
    *ret_integer = is_negative ? sum : -sum;
    return true;
}

static size_t digits_count(const char *text, size_t size) {
    size_t count = 0;
    while (count < size && is_digit(text[count]))
        count++;
    return count;
}

/** -12.5e-3: digits on both sides of a point, as JSON wants them. */
static bool is_decimal(const char *text, size_t size) {
    const char *end = text + size;
    if (text < end && *text == '-')
        text++;
    size_t count = digits_count(text, (size_t)(end - text));
    if (count == 0)
        return false;
    text += count;
    if (text < end && *text == '.') {
        text++;
        count = digits_count(text, (size_t)(end - text));
        if (count == 0)
            return false;
        text += count;
    }
    if (text < end && (*text == 'e' || *text == 'E')) {
        text++;
        if (text < end && (*text == '-' || *text == '+'))
            text++;
        count = digits_count(text, (size_t)(end - text));
        if (count == 0)
            return false;
        text += count;
    }
    return text == end;
}

static bool real_read(const char *text, size_t size, double *ret_real) {
    if (!is_decimal(text, size))
        return false;
    /* a module may have called setlocale; glibc lends its constant C locale here and allocates nothing */
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (locale == (locale_t)0)
        return false;
    double real = strtod_l(text, NULL, locale);
    freelocale(locale);
    if (!isfinite(real))
        return false;
    *ret_real = real;
    return true;
}

static bool text_is(const char *text, size_t size, const char *word) {
    return strlen(word) == size && memcmp(text, word, size) == 0;
}

static bool boolean_read(const char *text, size_t size, bool *ret_boolean) {
    bool is_true = text_is(text, size, "true") || text_is(text, size, "1");
    if (!is_true && !text_is(text, size, "false") && !text_is(text, size, "0"))
        return false;
    *ret_boolean = is_true;
    return true;
}

enum tt_status value_from_text(enum tt_type type, const char *text, size_t size, struct tt_value *ret_value) {
    struct tt_value value = {.type = type};
    bool is_read = false;
    switch (type) {
    case TT_TYPE_INTEGER:
        is_read = integer_read(text, size, &value.as.integer);
        break;
    case TT_TYPE_REAL:
        is_read = real_read(text, size, &value.as.real);
        break;
    case TT_TYPE_BOOLEAN:
        is_read = boolean_read(text, size, &value.as.boolean);
        break;
    case TT_TYPE_TEXT:
    case TT_TYPE_ANY:
        is_read = json_is_text(text, size);
        value.type = TT_TYPE_TEXT;
        value.as.text.data = text;
        value.as.text.size = size;
        break;
    case TT_TYPE_NONE:
        break;
    }
    if (!is_read)
        return TT_INVALID;
    *ret_value = value;
    return TT_OK;
}

const char *value_expected(enum tt_type type) {
    static const char *const expected[] = {
        [TT_TYPE_NONE] = "absent",
        [TT_TYPE_TEXT] = "a text in UTF-8 without NUL",
        [TT_TYPE_INTEGER] = "a whole number of 64 bits",
        [TT_TYPE_REAL] = "a finite decimal number",
        [TT_TYPE_BOOLEAN] = "true or false",
        [TT_TYPE_ANY] = "a text in UTF-8 without NUL, a number, true or false",
    };
    return (size_t)type < sizeof expected / sizeof expected[0] ? expected[type] : "of a known type";
}

bool value_is_in_range(const struct tt_param *param, const struct tt_value *value) {
    if (param->minimum == 0 && param->maximum == 0)
        return true;
    if (value->type == TT_TYPE_INTEGER)
        return value->as.integer >= param->minimum && value->as.integer <= param->maximum;
    if (value->type == TT_TYPE_REAL)
        return value->as.real >= (double)param->minimum && value->as.real <= (double)param->maximum;
    if (value->type == TT_TYPE_TEXT) {
        return (param->minimum <= 0 || value->as.text.size >= (uint64_t)param->minimum) && param->maximum >= 0 &&
               value->as.text.size <= (uint64_t)param->maximum;
    }
    return true;
}

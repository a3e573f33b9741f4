/**
 * Value: text to the typed value of a parameter, strictly.
 *
 * Nothing is converted silently: "12x", " 12", "+12" and "1.0" are no whole numbers, "nan", "0x1p3" and "1e999" no decimal
 * ones. The locale plays no part.
 *
 * Thread: any; pure.
 */
#ifndef SERVER_CALLS_VALUE_H
#define SERVER_CALLS_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <tothread/module.h>

/**
 * Reads text, as it stands in a query (decoded) or a default. TT_TYPE_ANY gives a text.
 *
 * Owns:    borrows text, which needs a NUL behind its size bytes; a text value points to it.
 * Returns: TT_OK; TT_INVALID when it is not of that type.
 */
enum tt_status value_from_text(enum tt_type type, const char *text, size_t size,
                               struct tt_value *ret_value) TT_MUST_CHECK;

/** What is expected, to follow "must be": "a whole number of 64 bits", "a decimal number", "true or false", ... */
const char *value_expected(enum tt_type type);

/** Whether value is within the parameter's range; of a text its size counts, others than texts and numbers always are. */
bool value_is_in_range(const struct tt_param *param, const struct tt_value *value);

#endif

/**
 * Row: a row of SQLite's as a JSON object.
 */
#include "sqlite_row.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool write_text(struct tt_run *run, const char *text) {
    return run->host->write(run, text, strlen(text)) == TT_OK;
}

static bool write_real(struct tt_run *run, double value, locale_t c_locale) {
    char text[40];
    if (!isfinite(value))
        return write_text(run, "null");
    locale_t before = uselocale(c_locale);
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text - 2, "%.*g", digits, value); /* at most 24 bytes */
        if (strtod(text, NULL) == value)
            break;
    }
    (void)uselocale(before);
    size_t size = strlen(text);
    if (strcspn(text, ".e") == size) { /* 3.0 must not come back as the integer 3 */
        text[size++] = '.';
        text[size++] = '0';
    }
    return run->host->write(run, text, size) == TT_OK;
}

static bool write_blob(struct tt_run *run, const unsigned char *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!write_text(run, "{\"base64\":\""))
        return false;
    char *out = size == 0 ? NULL : run->host->reserve(run, (size + 2) / 3 * 4);
    if (size != 0 && out == NULL)
        return false;
    for (size_t i = 0; i < size; i += 3) {
        unsigned second = i + 1 < size ? data[i + 1] : 0;
        unsigned third = i + 2 < size ? data[i + 2] : 0;
        *out++ = digits[data[i] >> 2];
        *out++ = digits[(data[i] & 3u) << 4 | second >> 4];
        *out++ = i + 1 < size ? digits[(second & 15u) << 2 | third >> 6] : '=';
        *out++ = i + 2 < size ? digits[third & 63u] : '=';
    }
    return write_text(run, "\"}");
}

static bool write_value(struct tt_run *run, sqlite3_stmt *statement, int column, locale_t c_locale) {
    char number[24];
    const void *data;
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER: {
        int size = snprintf(number, sizeof number, "%lld", sqlite3_column_int64(statement, column));
        return run->host->write(run, number, (size_t)size) == TT_OK;
    }
    case SQLITE_FLOAT:
        return write_real(run, sqlite3_column_double(statement, column), c_locale);
    case SQLITE_TEXT:
        data = sqlite3_column_text(statement, column); /* NULL: no memory to convert from UTF-16 */
        return data != NULL &&
               run->host->write_json(run, data, (size_t)sqlite3_column_bytes(statement, column)) == TT_OK;
    case SQLITE_BLOB:
        data = sqlite3_column_blob(statement, column);
        return write_blob(run, data, (size_t)sqlite3_column_bytes(statement, column));
    default:
        return write_text(run, "null");
    }
}

bool row_write(struct tt_run *run, sqlite3_stmt *statement, locale_t c_locale) {
    int count = sqlite3_column_count(statement); /* may have changed with the schema since prepare */
    for (int column = 0; column < count; column++) {
        const char *name = sqlite3_column_name(statement, column);
        if (name == NULL || !write_text(run, column == 0 ? "{" : ",") ||
            run->host->write_json(run, name, strlen(name)) != TT_OK || !write_text(run, ":") ||
            !write_value(run, statement, column, c_locale))
            return false;
    }
    return write_text(run, "}");
}

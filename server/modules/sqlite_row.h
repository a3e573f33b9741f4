/**
 * Row: a row of SQLite's as a JSON object, column by column in the order of the statement.
 *
 * Integers are exact. Reals are the shortest text that reads back the same, with a point or an exponent so that 3.0
 * stays a real; infinite ones are null. Text is a JSON string. A blob is {"base64":"..."}.
 */
#ifndef SERVER_MODULES_SQLITE_ROW_H
#define SERVER_MODULES_SQLITE_ROW_H

#include <locale.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <tothread/module.h>

/**
 * Appends the row that statement stands on to the answer. Numbers are written as c_locale says, which is the locale "C":
 * some library of the process may have called setlocale.
 *
 * Thread:  the worker that has the statement, from inside run
 * Returns: false when there is no room for it, or no memory to convert a text from UTF-16.
 */
bool row_write(struct tt_run *run, sqlite3_stmt *statement, locale_t c_locale) TT_MUST_CHECK;

#endif

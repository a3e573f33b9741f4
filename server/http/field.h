/**
 * Field: what a request's fields mean to this server. The parser's other half; pure.
 *
 * Only the fields that are named in struct parse have a meaning here, all others are dropped. Whatever decides where a
 * request ends (Content-Length, Transfer-Encoding) or whom it is for (Host) may come once.
 *
 * Normal use (parse.c):
 * 1. field_take for each field line, in the order of the head;
 * 2. field_finish after the last.
 */
#ifndef SERVER_HTTP_FIELD_H
#define SERVER_HTTP_FIELD_H

#include "parse.h"

/**
 * Takes one field: parse->name is a token, parse->value has field-value bytes only, without white space around them.
 *
 * Thread:  any; no state but *parse
 * Owns:    borrows head.
 * Returns: true; false with parse->status and parse->reason.
 */
bool field_take(struct parse *parse, const uint8_t *head);

/**
 * Checks what can be known after the last field only, and fills keep_alive and expect_continue.
 *
 * Thread:  any; no state but *parse
 * Returns: true; false with parse->status and parse->reason.
 */
bool field_finish(struct parse *parse);

/**
 * Takes the authority of an absolute-form target: it counts, and not the Host field (which is still checked).
 *
 * Thread:  any; no state but *parse
 * Owns:    borrows head.
 * Returns: true; false with parse->status and parse->reason.
 */
bool field_take_authority(struct parse *parse, const uint8_t *head, struct span authority);

#endif

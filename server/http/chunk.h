/**
 * Chunk: decodes a chunked body, strictly and pure (RFC 9112, 7.1).
 *
 * Chunk extensions and trailers are checked and dropped; both have limits. White space is taken only where the grammar
 * has it (around ";" and "=" of an extension). A size that doesn't fit into 63 bits together with the CRLF behind its
 * data, a bare CR or LF, a control byte: refused.
 *
 * Normal use:
 * 1. chunk_init(&chunk) after a head with is_chunked;
 * 2. chunk_decode with what has come, again and again with the rest while it returns CHUNK_DATA;
 * 3. after each call: body so far + chunk.left beyond the limit for bodies is a 413, before the bytes have come;
 * 4. CHUNK_DONE: the next byte is the next request's.
 */
#ifndef SERVER_HTTP_CHUNK_H
#define SERVER_HTTP_CHUNK_H

#include <stddef.h>
#include <stdint.h>

enum chunk_result {
    CHUNK_MORE,   /* all bytes were taken, more must come */
    CHUNK_DATA,   /* *ret_data, *ret_size is a piece of the body; call again with the rest */
    CHUNK_DONE,   /* the body and its trailer are over */
    CHUNK_REFUSED /* malformed: 400, close */
};

#define CHUNK_LINE_MAX 256 /* bytes of a size line with its extensions and its CRLF */
/* bytes of extensions, and of digits after the 16th, in a whole body: an endless dribble is refused */
#define CHUNK_EXTENSIONS_MAX 8192
#define CHUNK_TRAILER_MAX    8192 /* bytes of trailer fields with their CRLFs, and of the last CRLF */
#define CHUNK_FIELDS_MAX     100  /* trailer fields */

struct chunk {
    uint64_t left; /* of the current chunk's data, what has not come yet */
    uint32_t line_bytes;
    uint32_t extension_bytes;
    uint32_t trailer_bytes;
    uint32_t trailer_count;
    uint8_t state;
};

/** Begins a body. Thread: any. */
void chunk_init(struct chunk *chunk);

/**
 * Takes bytes from data, at most size. Once done or refused, it says so again and takes nothing.
 *
 * Thread:  any; no state but *chunk
 * Owns:    borrows data; *ret_data points into it.
 * Returns: see the enum; *ret_used is how many bytes were taken, in every case. *ret_data and *ret_size are set for
 *          CHUNK_DATA only, and *ret_size is never 0.
 */
enum chunk_result chunk_decode(struct chunk *chunk, const char *data, size_t size, size_t *ret_used,
                               const char **ret_data, size_t *ret_size);

/**
 * Takes the last size bytes of the piece back that the call before gave: they, and what is behind them, will be passed
 * again. size is at most the piece's.
 *
 * Thread:  any; no state but *chunk
 */
void chunk_give_back(struct chunk *chunk, size_t size);

#endif

/**
 * TLS: what all TLS connections under one configuration share: certificate, key, whom to trust, how to speak.
 *
 * It is one of OpenSSL's contexts, made from the keys tls-... of [server] and not changed any more. A reload makes another
 * one; each connection holds the one that it began with.
 */
#ifndef SERVER_HTTP_TLS_H
#define SERVER_HTTP_TLS_H

#include "../config/config.h"
#include <stdint.h>

struct ssl_ctx_st;

/**
 * Reads the files that the configuration names. Whatever is wrong with them, or with the keys together, goes to
 * diagnostics; a certificate that isn't valid today is a warning, for the clock may be what is wrong.
 *
 * Thread:  any but the loop
 * Blocks:  for as long as the files' system takes
 * Owns:    what it returns is yours until tls_drop.
 * Returns: NULL after a mistake, where no `listen` says tls, and where nothing will be served and a credential is missing.
 */
struct ssl_ctx_st *tls_load(const struct config *config, const struct config_source *source,
                            struct diagnostics *diagnostics);

/** One more owner. Thread: any. */
struct ssl_ctx_st *tls_hold(struct ssl_ctx_st *tls);

/** One less; NULL is fine. Thread: any. */
void tls_drop(struct ssl_ctx_st *tls);

/** When the certificate expires, in Unix time. Thread: any. */
uint64_t tls_expires_s(const struct ssl_ctx_st *tls);

#endif

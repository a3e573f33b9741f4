/**
 * Pem: a file that a key of [server] names, with certificates or a private key in it: found, opened, read.
 *
 * The value is a path, counted from the folder of the file that it stands in, or credential:NAME, a credential of the service
 * manager's (LoadCredential= of the unit). What is wrong is told where the value stands.
 *
 * Thread: any but the loop: it reads files.
 */
#ifndef SERVER_HTTP_PEM_H
#define SERVER_HTTP_PEM_H

#include "../config/config.h"
#include <openssl/types.h>
#include <stdbool.h>

struct pem {
    /* set before pem_open */
    const struct config_section *section;
    const struct config_source *source; /* says where credentials are */
    struct diagnostics *diagnostics;

    const char *key;   /* of the section */
    const char *value; /* as it stands there */
    char *path;        /* malloc'ed */
    BIO *bio;
};

/** Opens key's value. Returns: false after a mistake; pem_close is due in both cases. */
bool pem_open(struct pem *pem, const char *key, const char *value);
void pem_close(struct pem *pem);

/** Adds an error at the value; the message is the format's. Returns: false. */
bool pem_mistake(const struct pem *pem, const char *hint, const char *format, ...) TT_PRINTF(3, 4);
void pem_warn(const struct pem *pem, const char *hint, const char *format, ...) TT_PRINTF(3, 4);

/**
 * The next certificate.
 *
 * Owns:    yours to free.
 * Returns: NULL at the end; *ret_is_wrong: and before it something was no certificate.
 */
X509 *pem_next_certificate(const struct pem *pem, bool *ret_is_wrong);

/** The private key. Owns: yours to free. Returns: NULL after a mistake. */
EVP_PKEY *pem_key(const struct pem *pem);

/** What OpenSSL has said last, on this thread. */
const char *pem_reason(void);

#endif

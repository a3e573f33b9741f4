/**
 * TLS for tests: certificates that are made on the spot, and clients that speak it.
 *
 * A relay makes a plain socket of a TLS connection, so that all that is in client.h can be said over TLS: what the test sends
 * goes through as it comes, each end is passed on as an end (with its close_notify).
 */
#ifndef TESTS_SUPPORT_TLS_H
#define TESTS_SUPPORT_TLS_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

/* -- certificates, as FOLDER/NAME.pem and FOLDER/NAME.key -- */

struct tls_form {
    const char *name;   /* its files and its common name */
    const char *issuer; /* by its name; NULL: itself, and it may sign others */
    long begin_s;       /* from now, as is the next */
    long end_s;         /* 0: an hour */
    const char *passphrase;
};

void tls_make(const char *folder, const struct tls_form *form);

#define TLS_FOLDER_BYTES 40

/** A folder with all that follows. Aborts the test on failure. */
void tls_folder_make(char ret_folder[static TLS_FOLDER_BYTES]);
void tls_folder_remove(const char *folder);

/** The authority `ca`, and signed by it `server` (for 127.0.0.1) and `client`; beside them the authority `other`. */
void tls_make_all(const char *folder);

/* -- clients -- */

struct tls_wish {
    const char *folder;   /* whose ca.pem is trusted */
    const char *client;   /* shows the certificate of that name; NULL: none */
    const char *protocol; /* the only one by ALPN; NULL: nothing is said of it */
    const char *before;   /* sent as it is before the handshake; NULL: nothing */
    int version;          /* the highest; 0: any */
};

struct tls_client;

/** Connects and shakes hands. Returns: NULL when that fails. */
struct tls_client *tls_try(int port, const struct tls_wish *wish);
/** The same; aborts the test when it fails. */
struct tls_client *tls_open(int port, const struct tls_wish *wish);
void tls_put(struct tls_client *client, const char *text);
/** Reads up to size bytes, or up to the end. Returns: how many came. */
size_t tls_read(struct tls_client *client, char *data, size_t size);
/** Reads one answer, and checks its status. */
void tls_expect(struct tls_client *client, int status);
/** Aborts the test unless the server ends its side with a close_notify, and sends nothing before. */
void tls_expect_end(struct tls_client *client);
/** Whether the server has ended without a close_notify (by an alert or a reset as well). */
bool tls_is_cut(struct tls_client *client);
/** The number of the server's certificate; each that is made has its own. */
long tls_serial(const struct tls_client *client);
void tls_close(struct tls_client *client);

/** Connects, shakes hands, and relays from then on. Returns: the plain end. */
int tls_relay(int port, const char *folder);

#endif

/* TLS: see tls.h. */
#include "tls.h"

#include "../config/endpoint.h"
#include "pem.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Forward secrecy and authenticated encryption; TLS 1.3 has no others. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

struct loading {
    const struct config_server *server;
    const struct config_source *source;
    struct diagnostics *diagnostics;
    SSL_CTX *tls;
};

/* -- how to speak -- */

/** A client that names its protocols must name ours: it would take our bytes for another one. */
static int choose_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                           const unsigned char *offered, unsigned offered_size, void *context) {
    static const unsigned char ours[] = "\x08http/1.1\x08http/1.0";
    unsigned char *name = NULL;
    (void)ssl;
    (void)context;
    if (SSL_select_next_proto(&name, ret_size, ours, sizeof ours - 1, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *create(void) {
    static const unsigned char name[] = "tothread";
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL)
        return NULL;
    (void)SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS); /* a connection that rests has none */
    (void)SSL_CTX_set_session_cache_mode(tls,
                                         SSL_SESS_CACHE_OFF); /* tickets are with the client, and cost us nothing */
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(tls, CIPHERS) == 1 &&
        SSL_CTX_set_session_id_context(tls, name, sizeof name - 1) == 1)
        return tls;
    SSL_CTX_free(tls);
    return NULL;
}

/* -- the certificate and its key -- */

static void print_date(const ASN1_TIME *time, char ret_text[static 32]) {
    struct tm parts;
    ret_text[0] = '\0';
    if (ASN1_TIME_to_tm(time, &parts) == 1)
        (void)strftime(ret_text, 32, "%Y-%m-%d %H:%M:%S UTC", &parts); /* fits */
}

static void check_dates(const struct pem *pem, const X509 *certificate) {
    char date[32];
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        print_date(X509_get0_notAfter(certificate), date);
        pem_warn(pem, "clients will refuse it; renew it, then reload", "the certificate has expired: %s", date);
    } else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
        print_date(X509_get0_notBefore(certificate), date);
        pem_warn(pem, "clients will refuse it until then", "the certificate isn't valid before %s", date);
    }
}

static bool take_certificates(const struct loading *loading, const struct pem *pem) {
    bool is_wrong = false;
    X509 *certificate = pem_next_certificate(pem, &is_wrong);
    if (certificate == NULL)
        return pem_mistake(pem, "it begins with -----BEGIN CERTIFICATE-----", "there is no certificate in %s",
                           pem->path);
    check_dates(pem, certificate);
    bool is_taken = SSL_CTX_use_certificate(loading->tls, certificate) == 1;
    X509_free(certificate);
    if (!is_taken)
        return pem_mistake(pem, NULL, "OpenSSL refuses the certificate in %s: %s", pem->path, pem_reason());
    while ((certificate = pem_next_certificate(pem, &is_wrong)) != NULL) {
        if (SSL_CTX_add0_chain_cert(loading->tls, certificate) == 1)
            continue;
        X509_free(certificate);
        return pem_mistake(pem, NULL, "OpenSSL refuses a further certificate in %s: %s", pem->path, pem_reason());
    }
    return !is_wrong || pem_mistake(pem, NULL, "a further certificate in %s is damaged", pem->path);
}

static bool take_key(const struct loading *loading, const struct pem *pem) {
    EVP_PKEY *key = pem_key(pem);
    if (key == NULL)
        return false;
    const X509 *certificate = SSL_CTX_get0_certificate(loading->tls);
    bool fits = certificate == NULL || X509_check_private_key(certificate, key) == 1;
    bool is_taken = fits && SSL_CTX_use_PrivateKey(loading->tls, key) == 1;
    EVP_PKEY_free(key);
    if (!fits)
        return pem_mistake(pem,
                           "tls-certificate and tls-key belong together; of several certificates the service's "
                           "own comes first",
                           "the key in %s doesn't fit the certificate", pem->path);
    return is_taken || pem_mistake(pem, NULL, "OpenSSL refuses the key in %s: %s", pem->path, pem_reason());
}

static struct pem pem_of(const struct loading *loading) {
    return (struct pem){
        .section = &loading->server->section, .source = loading->source, .diagnostics = loading->diagnostics};
}

/** tls-key may be left out: the key is in the certificate's file then. */
static bool load_own(const struct loading *loading) {
    const struct config_server *server = loading->server;
    struct pem pem = pem_of(loading);
    bool has_certificate =
        pem_open(&pem, "tls-certificate", server->tls_certificate) && take_certificates(loading, &pem);
    pem_close(&pem);
    /* What is wrong with the key is shown as well. */
    if (server->tls_key == NULL && !has_certificate)
        return false;
    bool has_key = pem_open(&pem, server->tls_key != NULL ? "tls-key" : "tls-certificate",
                            server->tls_key != NULL ? server->tls_key : server->tls_certificate) &&
                   take_key(loading, &pem);
    pem_close(&pem);
    return has_certificate && has_key;
}

/* -- the clients' certificates -- */

static bool take_authorities(const struct loading *loading, const struct pem *pem) {
    bool is_wrong = false;
    size_t count = 0;
    for (X509 *certificate; (certificate = pem_next_certificate(pem, &is_wrong)) != NULL; count++) {
        bool is_taken = X509_STORE_add_cert(SSL_CTX_get_cert_store(loading->tls), certificate) == 1 &&
                        SSL_CTX_add_client_CA(loading->tls, certificate) == 1;
        X509_free(certificate);
        if (!is_taken)
            return pem_mistake(pem, NULL, "OpenSSL refuses a certificate in %s: %s", pem->path, pem_reason());
    }
    if (count == 0)
        return pem_mistake(pem, "it begins with -----BEGIN CERTIFICATE-----", "there is no certificate in %s",
                           pem->path);
    return !is_wrong || pem_mistake(pem, NULL, "a certificate in %s is damaged", pem->path);
}

static bool load_clients(const struct loading *loading) {
    const struct config_server *server = loading->server;
    struct pem pem = pem_of(loading);
    bool wants_any = server->tls_client != CONFIG_TLS_CLIENT_NONE;
    if (server->tls_client_ca == NULL) {
        if (wants_any)
            diagnostics_add(loading->diagnostics, DIAGNOSTIC_ERROR, config_origin(&server->section, "tls-client"),
                            "tls-client-ca = FILE says whose certificates are good",
                            "tls-client: there is no tls-client-ca");
        return !wants_any;
    }
    if (!wants_any)
        diagnostics_add(loading->diagnostics, DIAGNOSTIC_WARNING, config_origin(&server->section, "tls-client-ca"),
                        "tls-client = optional or required asks clients for one",
                        "tls-client-ca: no client is asked for a certificate");
    bool is_right = pem_open(&pem, "tls-client-ca", server->tls_client_ca) && take_authorities(loading, &pem);
    pem_close(&pem);
    if (wants_any)
        SSL_CTX_set_verify(loading->tls,
                           SSL_VERIFY_PEER |
                               (server->tls_client == CONFIG_TLS_CLIENT_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                           NULL);
    return is_right;
}

/* -- public -- */

/** The first listen that says tls, or NULL. */
static const struct config_setting *find_listen(const struct config_server *server) {
    for (size_t i = 0; i < server->listen_count; i++)
        if (server->endpoints[i] != NULL && server->endpoints[i]->is_tls)
            return &server->listens[i];
    return NULL;
}

/** What the keys lack, or say in vain. Returns: whether there is something to load. */
static bool is_wanted(const struct loading *loading) {
    const struct config_server *server = loading->server;
    const struct config_setting *listen = find_listen(server);
    if (listen == NULL && server->tls_certificate != NULL)
        diagnostics_add(loading->diagnostics, DIAGNOSTIC_WARNING, config_origin(&server->section, "tls-certificate"),
                        "for example: listen = 0.0.0.0:8443 tls", "tls-certificate: no listen says tls");
    if (listen == NULL || server->tls_certificate != NULL)
        return listen != NULL;
    const char *word = strstr(listen->value, "tls");
    struct origin at = origin_inside(&listen->value_at, listen->value, (size_t)(word - listen->value), 3);
    diagnostics_add(loading->diagnostics, DIAGNOSTIC_ERROR, &at,
                    "tls-certificate = FILE and tls-key = FILE in [server]",
                    "listen: tls needs a certificate, and there is no tls-certificate");
    return false;
}

struct ssl_ctx_st *tls_load(const struct config *config, const struct config_source *source,
                            struct diagnostics *diagnostics) {
    struct loading loading = {.server = &config->server, .source = source, .diagnostics = diagnostics};
    if (!is_wanted(&loading))
        return NULL;
    loading.tls = create();
    if (loading.tls == NULL) {
        diagnostics_add(diagnostics, DIAGNOSTIC_ERROR, NULL, NULL, "OpenSSL can't be used: %s", pem_reason());
        return NULL;
    }
    bool has_own = load_own(&loading);
    if (load_clients(&loading) && has_own)
        return loading.tls;
    SSL_CTX_free(loading.tls);
    return NULL;
}

struct ssl_ctx_st *tls_hold(struct ssl_ctx_st *tls) {
    (void)SSL_CTX_up_ref(tls); /* can't fail */
    return tls;
}

void tls_drop(struct ssl_ctx_st *tls) {
    SSL_CTX_free(tls);
}

uint64_t tls_expires_s(const struct ssl_ctx_st *tls) {
    struct tm parts;
    const X509 *certificate = SSL_CTX_get0_certificate(tls);
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
        return 0;
    time_t expires = timegm(&parts);
    return expires > 0 ? (uint64_t)expires : 0;
}

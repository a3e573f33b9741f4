/* TLS for tests: see tls.h. */
#include "tls.h"

#include "client.h"
#include "program.h"
#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define PATH_BYTES 160
#define HOUR_S     3600

/* -- certificates -- */

static void path_of(char path[static PATH_BYTES], const char *folder, const char *name, const char *end) {
    ck_assert_int_lt(snprintf(path, PATH_BYTES, "%s/%s.%s", folder, name, end), PATH_BYTES);
}

static FILE *open_one(const char *folder, const char *name, const char *end, const char *mode) {
    char path[PATH_BYTES];
    path_of(path, folder, name, end);
    FILE *file = fopen(path, mode);
    ck_assert_msg(file != NULL, "%s: %s", path, strerrordesc_np(errno));
    return file;
}

static EVP_PKEY *read_key(const char *folder, const char *name) {
    FILE *file = open_one(folder, name, "key", "re");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(key);
    ck_assert_int_eq(fclose(file), 0);
    return key;
}

static X509 *read_certificate(const char *folder, const char *name) {
    FILE *file = open_one(folder, name, "pem", "re");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(certificate);
    ck_assert_int_eq(fclose(file), 0);
    return certificate;
}

static void extend(X509 *certificate, int id, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, id, value);
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(const struct tls_form *form, EVP_PKEY *key) {
    unsigned char number[4];
    X509 *certificate = X509_new();
    ck_assert_ptr_nonnull(certificate);
    ck_assert_int_eq(RAND_bytes(number, sizeof number), 1);
    long serial = 0;
    for (size_t i = 0; i < sizeof number; i++)
        serial = serial << 8 | number[i];
    ck_assert_int_eq(X509_set_version(certificate, X509_VERSION_3), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(certificate), form->begin_s));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(certificate), form->end_s != 0 ? form->end_s : HOUR_S));
    ck_assert_int_eq(X509_set_pubkey(certificate, key), 1);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)form->name, -1, -1, 0),
                     1);
    extend(certificate, NID_basic_constraints, form->issuer == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    extend(certificate, NID_subject_alt_name, "IP:127.0.0.1");
    return certificate;
}

static void write_pair(const char *folder, const struct tls_form *form, EVP_PKEY *key, X509 *certificate) {
    char path[PATH_BYTES];
    FILE *file = open_one(folder, form->name, "pem", "we");
    ck_assert_int_eq(PEM_write_X509(file, certificate), 1);
    ck_assert_int_eq(fclose(file), 0);
    file = open_one(folder, form->name, "key", "we");
    ck_assert_int_eq(PEM_write_PrivateKey(file, key, form->passphrase != NULL ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                                          (char *)(uintptr_t)form->passphrase),
                     1);
    ck_assert_int_eq(fclose(file), 0);
    path_of(path, folder, form->name, "key");
    ck_assert_int_eq(chmod(path, 0600), 0);
}

void tls_make(const char *folder, const struct tls_form *form) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(key);
    X509 *certificate = make_certificate(form, key);
    EVP_PKEY *signer = form->issuer != NULL ? read_key(folder, form->issuer) : key;
    X509 *issuer = form->issuer != NULL ? read_certificate(folder, form->issuer) : certificate;
    ck_assert_int_eq(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)), 1);
    ck_assert_int_gt(X509_sign(certificate, signer, EVP_sha256()), 0);
    write_pair(folder, form, key, certificate);
    if (form->issuer != NULL) {
        EVP_PKEY_free(signer);
        X509_free(issuer);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void tls_make_all(const char *folder) {
    tls_make(folder, &(struct tls_form){.name = "ca"});
    tls_make(folder, &(struct tls_form){.name = "other"});
    tls_make(folder, &(struct tls_form){.name = "server", .issuer = "ca"});
    tls_make(folder, &(struct tls_form){.name = "client", .issuer = "ca"});
}

void tls_folder_make(char ret_folder[static TLS_FOLDER_BYTES]) {
    static const char pattern[] = "/tmp/tothread-tls-XXXXXX";
    memcpy(ret_folder, pattern, sizeof pattern);
    ck_assert_ptr_nonnull(mkdtemp(ret_folder));
    tls_make_all(ret_folder);
}

void tls_folder_remove(const char *folder) {
    char path[PATH_BYTES];
    DIR *list = opendir(folder);
    ck_assert_ptr_nonnull(list);
    for (const struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (entry->d_name[0] != '.') {
            ck_assert_int_lt(snprintf(path, sizeof path, "%s/%.100s", folder, entry->d_name), sizeof path);
            ck_assert_int_eq(unlink(path), 0);
        }
    (void)closedir(list); /* it was only read */
    ck_assert_int_eq(rmdir(folder), 0);
}

/* -- clients -- */

struct tls_client {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
};

static void prepare(struct tls_client *client, const struct tls_wish *wish) {
    char path[PATH_BYTES];
    client->context = SSL_CTX_new(TLS_client_method());
    ck_assert_ptr_nonnull(client->context);
    path_of(path, wish->folder, "ca", "pem");
    ck_assert_int_eq(SSL_CTX_load_verify_file(client->context, path), 1);
    SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
    if (wish->version != 0) {
        SSL_CTX_set_security_level(client->context, 0); /* or it would not even offer old ones */
        ck_assert_int_eq(SSL_CTX_set_max_proto_version(client->context, wish->version), 1);
    }
    if (wish->protocol != NULL) {
        unsigned char list[32];
        size_t size = strlen(wish->protocol);
        ck_assert_uint_lt(size, sizeof list);
        list[0] = (unsigned char)size;
        memcpy(list + 1, wish->protocol, size);
        ck_assert_int_eq(SSL_CTX_set_alpn_protos(client->context, list, (unsigned)size + 1), 0);
    }
    if (wish->client != NULL) {
        path_of(path, wish->folder, wish->client, "pem");
        ck_assert_int_eq(SSL_CTX_use_certificate_file(client->context, path, SSL_FILETYPE_PEM), 1);
        path_of(path, wish->folder, wish->client, "key");
        ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(client->context, path, SSL_FILETYPE_PEM), 1);
    }
}

struct tls_client *tls_try(int port, const struct tls_wish *wish) {
    struct tls_client *client = calloc(1, sizeof *client);
    ck_assert_ptr_nonnull(client);
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL; can't fail for this signal */
    prepare(client, wish);
    client->fd = client_connect(port);
    if (wish->before != NULL)
        client_put(client->fd, wish->before);
    client->ssl = SSL_new(client->context);
    ck_assert_ptr_nonnull(client->ssl);
    ck_assert_int_eq(SSL_set_fd(client->ssl, client->fd), 1);
    ERR_clear_error();
    if (SSL_connect(client->ssl) == 1)
        return client;
    tls_close(client);
    return NULL;
}

struct tls_client *tls_open(int port, const struct tls_wish *wish) {
    struct tls_client *client = tls_try(port, wish);
    ck_assert_msg(client != NULL, "no handshake: %s", ERR_reason_error_string(ERR_peek_last_error()));
    return client;
}

void tls_put(struct tls_client *client, const char *text) {
    ck_assert_int_eq(SSL_write(client->ssl, text, (int)strlen(text)), (int)strlen(text));
}

size_t tls_read(struct tls_client *client, char *data, size_t size) {
    size_t got = 0;
    for (int part; got < size && (part = SSL_read(client->ssl, data + got, (int)(size - got))) > 0;)
        got += (size_t)part;
    return got;
}

void tls_expect(struct tls_client *client, int status) {
    char head[RESPONSE_HEAD_MAX];
    size_t size = 0;
    do {
        ck_assert_uint_lt(size, sizeof head - 1);
        ck_assert_msg(tls_read(client, head + size, 1) == 1, "the answer ends inside its head");
        head[++size] = '\0';
    } while (size < 4 || strcmp(head + size - 4, "\r\n\r\n") != 0);
    ck_assert_msg(strtol(head + sizeof "HTTP/1.1" - 1, NULL, 10) == status, "instead of %d came: %s", status, head);
    const char *length = strstr(head, "Content-Length: ");
    size_t body = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    char *data = malloc(body + 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(tls_read(client, data, body), body);
    free(data);
}

void tls_expect_end(struct tls_client *client) {
    char byte;
    int got = SSL_read(client->ssl, &byte, 1);
    ck_assert_int_le(got, 0);
    ck_assert_int_eq(SSL_get_error(client->ssl, got), SSL_ERROR_ZERO_RETURN);
}

bool tls_is_cut(struct tls_client *client) {
    char byte;
    int got = SSL_read(client->ssl, &byte, 1);
    return got <= 0 && SSL_get_error(client->ssl, got) != SSL_ERROR_ZERO_RETURN;
}

long tls_serial(const struct tls_client *client) {
    const X509 *certificate = SSL_get0_peer_certificate(client->ssl);
    ck_assert_ptr_nonnull(certificate);
    return ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
}

void tls_close(struct tls_client *client) {
    if (SSL_is_init_finished(client->ssl))
        (void)SSL_shutdown(client->ssl); /* who has closed already doesn't hear it */
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    ck_assert_int_eq(close(client->fd), 0);
    free(client);
}

/* -- the relay, a process of its own: it ends with either side, or with the test -- */

static bool pass_out(int plain, const struct tls_client *client, bool *ret_has_ended) {
    char data[16384];
    ssize_t got = recv(plain, data, sizeof data, 0);
    if (got > 0)
        return SSL_write(client->ssl, data, (int)got) > 0;
    *ret_has_ended = true;
    (void)SSL_shutdown(client->ssl); /* who has closed already doesn't hear it */
    return shutdown(client->fd, SHUT_WR) == 0;
}

static bool pass_in(int plain, const struct tls_client *client) {
    char data[16384];
    do {
        int got = SSL_read(client->ssl, data, sizeof data);
        if (got <= 0) /* what was read may be none of the bytes: a ticket */
            return SSL_get_error(client->ssl, got) == SSL_ERROR_WANT_READ;
        if (!client_try(plain, data, (size_t)got))
            return false;
    } while (SSL_has_pending(client->ssl));
    return true;
}

static _Noreturn void relay(int plain, const struct tls_client *client) {
    bool has_ended = false;
    bool goes_on = true;
    (void)SSL_clear_mode(client->ssl, SSL_MODE_AUTO_RETRY); /* SSL_read would wait for bytes behind a ticket */
    while (goes_on) {
        struct pollfd fds[] = {{.fd = client->fd, .events = POLLIN}, {.fd = has_ended ? -1 : plain, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0)
            continue;
        if (fds[0].revents != 0)
            goes_on = pass_in(plain, client);
        if (goes_on && fds[1].revents != 0)
            goes_on = pass_out(plain, client, &has_ended);
    }
    _exit(0);
}

/** The sockets of the test must close when the test closes them. */
static void close_others(int one, int other) {
    int low = one < other ? one : other;
    int high = one < other ? other : one;
    (void)close_range(3, (unsigned)low - 1, 0); /* there may be none: then this says so */
    (void)close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    (void)close_range((unsigned)high + 1, ~0u, 0);
}

int tls_relay(int port, const char *folder) {
    static const struct timeval limit = {.tv_sec = PROGRAM_PATIENCE_MS / 1000};
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    struct tls_client *client = tls_open(port, &(struct tls_wish){.folder = folder});
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it ends by itself in most cases */
        close_others(ends[1], client->fd);
        relay(ends[1], client);
    }
    SSL_set_quiet_shutdown(client->ssl, 1); /* it goes on, in the other process */
    tls_close(client);
    ck_assert_int_eq(close(ends[1]), 0);
    ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    ck_assert_int_eq(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit), 0);
    return ends[0];
}

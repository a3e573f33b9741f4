/* Pem: see pem.h. */
#include "pem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CREDENTIAL      "credential:"
#define NAMES_MAX       200 /* files of a folder that are looked at for "did you mean" */
#define MESSAGE_MAX     512
#define CREDENTIAL_HINT "LoadCredential=NAME:FILE in the service's unit hands it over"

/* -- what is wrong -- */

static void tell(const struct pem *pem, enum diagnostic_kind kind, const char *hint, const char *format, va_list args)
    TT_PRINTF(4, 0);
static void tell(const struct pem *pem, enum diagnostic_kind kind, const char *hint, const char *format, va_list args) {
    char message[MESSAGE_MAX];
    (void)vsnprintf(message, sizeof message, format, args); /* a cut one will do */
    diagnostics_add(pem->diagnostics, kind, config_origin(pem->section, pem->key), hint, "%s: %s", pem->key, message);
}

bool pem_mistake(const struct pem *pem, const char *hint, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tell(pem, DIAGNOSTIC_ERROR, hint, format, args);
    va_end(args);
    return false;
}

void pem_warn(const struct pem *pem, const char *hint, const char *format, ...) {
    va_list args;
    va_start(args, format);
    tell(pem, DIAGNOSTIC_WARNING, hint, format, args);
    va_end(args);
}

const char *pem_reason(void) {
    unsigned long error = ERR_peek_last_error();
    const char *text = error != 0 ? ERR_reason_error_string(error) : NULL;
    return text != NULL ? text : "it doesn't say why";
}

/* -- opening -- */

/** The file beside it whose name is near. */
static void tell_missing(const struct pem *pem) {
    char *names[NAMES_MAX + 1] = {NULL};
    char hint[MESSAGE_MAX] = "";
    size_t count = 0;
    const char *slash = strrchr(pem->path, '/'); /* there is one: config_path and credentials put it there */
    size_t folder_size = slash == pem->path ? 1 : (size_t)(slash - pem->path);
    char *folder = strndup(pem->path, folder_size);
    DIR *list = folder != NULL ? opendir(folder) : NULL;
    for (const struct dirent *entry; list != NULL && count < NAMES_MAX && (entry = readdir(list)) != NULL;)
        if (entry->d_name[0] != '.' && (names[count] = strdup(entry->d_name)) != NULL)
            count++;
    const char *nearest = diagnostics_nearest(slash + 1, (const char *const *)names);
    if (nearest != NULL)
        (void)snprintf(hint, sizeof hint, "did you mean \"%.*s%s\"?", (int)(strlen(pem->value) - strlen(slash + 1)),
                       pem->value, nearest); /* a cut one will do */
    else if (list == NULL)
        (void)snprintf(hint, sizeof hint, "there is no folder %s", folder != NULL ? folder : "of that name");
    (void)pem_mistake(pem, hint[0] != '\0' ? hint : NULL, "there is no file %s", pem->path);
    if (list != NULL)
        (void)closedir(list); /* it was only read */
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(folder);
}

/** Returns: malloc'ed, or NULL after a mistake. */
static char *find_path(const struct pem *pem) {
    char *path = NULL;
    if (strncmp(pem->value, CREDENTIAL, sizeof CREDENTIAL - 1) == 0) {
        const char *name = pem->value + sizeof CREDENTIAL - 1;
        const char *folder = pem->source->credentials;
        if (*name == '\0' || strchr(name, '/') != NULL || *name == '.')
            (void)pem_mistake(pem, CREDENTIAL_HINT, "a credential's name has no slash, and doesn't begin with a dot");
        else if (folder == NULL && pem->source->is_dry)
            pem_warn(pem, NULL, "there is no $CREDENTIALS_DIRECTORY here: the credential can't be checked");
        else if (folder == NULL)
            (void)pem_mistake(pem, CREDENTIAL_HINT, "the service manager has given no credentials");
        else if (asprintf(&path, "%s/%s", folder, name) < 0)
            (void)pem_mistake(pem, NULL, "no memory");
        return path;
    }
    struct arena arena;
    arena_init(&arena, NULL, 0);
    const struct config_setting *setting = config_find(pem->section, pem->key);
    const char *found = config_path(&arena, setting, pem->value);
    path = found != NULL ? strdup(found) : NULL;
    arena_reset(&arena);
    if (path == NULL)
        (void)pem_mistake(pem, NULL, "no memory");
    return path;
}

static bool open_file(struct pem *pem) {
    struct stat info;
    /* Without waiting: a FIFO would. */
    int fd = open(pem->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        tell_missing(pem);
        return false;
    }
    if (fd < 0)
        return pem_mistake(pem, errno == EACCES ? "the user that the service runs as must be able to read it" : NULL,
                           "can't read %s: %s", pem->path, strerrordesc_np(errno));
    FILE *file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? fdopen(fd, "r") : NULL;
    if (file == NULL) {
        (void)close(fd); /* it was only looked at */
        return pem_mistake(pem, NULL, "%s is no file", pem->path);
    }
    pem->bio = BIO_new_fp(file, BIO_CLOSE);
    if (pem->bio != NULL)
        return true;
    (void)fclose(file); /* it was not read */
    return pem_mistake(pem, NULL, "no memory");
}

bool pem_open(struct pem *pem, const char *key, const char *value) {
    pem->key = key;
    pem->value = value;
    pem->bio = NULL;
    ERR_clear_error();
    pem->path = find_path(pem);
    return pem->path != NULL && open_file(pem);
}

void pem_close(struct pem *pem) {
    (void)BIO_free(pem->bio); /* it was only read */
    free(pem->path);
    ERR_clear_error();
}

/* -- reading -- */

X509 *pem_next_certificate(const struct pem *pem, bool *ret_is_wrong) {
    X509 *certificate = PEM_read_bio_X509(pem->bio, NULL, NULL, NULL);
    unsigned long error = ERR_peek_last_error();
    bool is_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    *ret_is_wrong = certificate == NULL && !is_end;
    return certificate;
}

/** A terminal would be asked by OpenSSL itself. */
static int no_passphrase(char *buffer, int size, int is_writing, void *context) {
    (void)buffer;
    (void)size;
    (void)is_writing;
    *(bool *)context = true;
    return -1;
}

EVP_PKEY *pem_key(const struct pem *pem) {
    bool is_encrypted = false;
    struct stat info;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem->bio, NULL, no_passphrase, &is_encrypted);
    if (key == NULL && is_encrypted)
        (void)pem_mistake(pem, "openssl pkey -in FILE -out NEW takes the passphrase off",
                          "the key in %s has a passphrase, and a service can't be asked for it", pem->path);
    else if (key == NULL)
        (void)pem_mistake(pem, "it begins with -----BEGIN PRIVATE KEY-----", "there is no private key in %s",
                          pem->path);
    else if (stat(pem->path, &info) == 0 && (info.st_mode & S_IROTH) != 0)
        pem_warn(pem, "chmod o= takes that from them", "everybody may read the key in %s", pem->path);
    return key;
}

/* Tests of tls.c and pem.c: what the files and the keys of the configuration may have wrong, and where that is told. */
#include "../config/loading.h"

#include "../../../server/http/tls.h"
#include "../../support/program.h"
#include "../../support/tls.h"

#include <time.h>

static char files[TLS_FOLDER_BYTES];
static struct config_source source;

/** Loads a configuration with a TLS listener in line 2, and text behind it in which every @ is the folder. */
static struct ssl_ctx_st *load(const char *text) {
    char whole[1024] = "[server]\nlisten = 127.0.0.1:8443 tls\n";
    size_t size = strlen(whole);
    for (; *text != '\0'; text++) {
        int used = *text == '@' ? snprintf(whole + size, sizeof whole - size, "%s", files)
                                : snprintf(whole + size, sizeof whole - size, "%c", *text);
        size += (size_t)used;
        ck_assert_uint_lt(size, sizeof whole);
    }
    struct config *config = loaded_text(whole);
    free(messages);
    struct ssl_ctx_st *tls = tls_load(config, &source, &diagnostics);
    FILE *out = open_memstream(&messages, &(size_t){0});
    ck_assert_ptr_nonnull(out);
    diagnostics_print(&diagnostics, out);
    ck_assert_int_eq(fclose(out), 0);
    config_destroy(config);
    return tls;
}

static void finish(struct ssl_ctx_st *tls) {
    tls_drop(tls);
    diagnostics_deinit(&diagnostics);
    free(messages);
    messages = NULL;
}

static void wrong(const char *text, const char *expected) {
    ck_assert_ptr_null(load(text));
    ck_assert_msg(diagnostics.error_count == 1, "%u errors:\n%s", diagnostics.error_count, messages);
    expect_message(expected);
    finish(NULL);
}

/** Expected NULL: there is nothing to say. */
static void right(const char *text, const char *expected) {
    struct ssl_ctx_st *tls = load(text);
    ck_assert_msg(tls != NULL, "%s", messages);
    ck_assert_msg(diagnostics.warning_count == (expected != NULL), "%s", messages);
    if (expected != NULL)
        expect_message(expected);
    finish(tls);
}

#define OWN "tls-certificate = @/server.pem\ntls-key = @/server.key\n"

/** Puts the files of several names together in a new one. */
static void join(const char *name, const char *first, const char *second) {
    char path[96];
    char whole[16384];
    (void)snprintf(path, sizeof path, "%s/%s", files, first); /* fits, as all of these do */
    char *one = file_read(path);
    (void)snprintf(path, sizeof path, "%s/%s", files, second);
    char *two = file_read(path);
    ck_assert_int_lt(snprintf(whole, sizeof whole, "%s%s", one, two), sizeof whole);
    (void)snprintf(path, sizeof path, "%s/%s", files, name);
    file_write(path, whole);
    ck_assert_int_eq(chmod(path, 0600), 0);
    free(one);
    free(two);
}

START_TEST(certificate_and_key_are_taken) {
    tls_folder_make(files);
    struct ssl_ctx_st *tls = load(OWN);
    ck_assert_msg(tls != NULL, "%s", messages);
    uint64_t expires_s = tls_expires_s(tls);
    ck_assert_uint_gt(expires_s, (uint64_t)time(NULL));
    ck_assert_uint_le(expires_s, (uint64_t)time(NULL) + 3600);
    tls_drop(tls_hold(tls));
    finish(tls);
    join("chain.pem", "server.pem", "ca.pem");
    right("tls-certificate = @/chain.pem\ntls-key = @/server.key\n", NULL);
    join("bundle.pem", "server.pem", "server.key");
    right("tls-certificate = @/bundle.pem\n", NULL);
    tls_folder_remove(files);
}
END_TEST

START_TEST(key_without_use_or_without_its_other_half_is_told) {
    tls_folder_make(files);
    wrong("", "text:2:25: listen: tls needs a certificate");
    wrong("tls-key = @/server.key\n", "text:2:25: listen: tls needs a certificate");
    wrong("tls-certificate = @/server.pem\n", "text:3:19: tls-certificate: there is no private key in");
    wrong(OWN "tls-client = required\n", "text:5:14: tls-client: there is no tls-client-ca");
    right(OWN "tls-client-ca = @/ca.pem\n", "text:5:17: warning: tls-client-ca: no client is asked");
    right(OWN "tls-client-ca = @/ca.pem\ntls-client = optional\n", NULL);
    struct ssl_ctx_st *tls = load("listen =\nlisten = 127.0.0.1:80\n" OWN);
    ck_assert_ptr_null(tls);
    ck_assert_uint_eq(diagnostics.error_count, 0);
    expect_message("text:5:19: warning: tls-certificate: no listen says tls");
    finish(NULL);
    tls_folder_remove(files);
}
END_TEST

START_TEST(file_that_is_not_there_is_told_with_one_that_is) {
    char hint[96];
    tls_folder_make(files);
    (void)snprintf(hint, sizeof hint, "did you mean \"%s/server.pem\"?", files); /* fits */
    wrong("tls-certificate = @/servre.pem\ntls-key = @/server.key\n", hint);
    wrong("tls-certificate = @/servre.pem\ntls-key = @/server.key\n", "text:3:19: tls-certificate: there is no file");
    wrong("tls-certificate = @/server.pem\ntls-key = @/no/server.key\n", "there is no folder");
    wrong("tls-certificate = @/server.pem\ntls-key = @\n", "is no file");
    wrong("tls-certificate = @/server.pem\ntls-key = no.such.file\n", "there is no file ./no.such.file");
    tls_folder_remove(files);
}
END_TEST

START_TEST(file_with_something_else_is_told) {
    char path[96];
    tls_folder_make(files);
    wrong("tls-certificate = @/server.key\ntls-key = @/server.key\n", "there is no certificate in");
    wrong("tls-certificate = @/server.pem\ntls-key = @/server.pem\n", "there is no private key in");
    wrong(OWN "tls-client = required\ntls-client-ca = @/ca.key\n", "text:6:17: tls-client-ca: there is no certificate");
    (void)snprintf(path, sizeof path, "%s/damaged.pem", files); /* fits */
    file_write(path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    join("chain.pem", "server.pem", "damaged.pem");
    wrong("tls-certificate = @/chain.pem\ntls-key = @/server.key\n", "a further certificate in");
    tls_folder_remove(files);
}
END_TEST

START_TEST(key_must_fit_and_be_open) {
    tls_folder_make(files);
    wrong("tls-certificate = @/server.pem\ntls-key = @/client.key\n", "text:4:11: tls-key: the key in");
    wrong("tls-certificate = @/server.pem\ntls-key = @/client.key\n", "doesn't fit the certificate");
    tls_make(files, &(struct tls_form){.name = "locked", .passphrase = "secret"});
    wrong("tls-certificate = @/locked.pem\ntls-key = @/locked.key\n", "has a passphrase");
    tls_folder_remove(files);
}
END_TEST

START_TEST(what_works_but_should_not_stay_is_a_warning) {
    char path[96];
    tls_folder_make(files);
    tls_make(files, &(struct tls_form){.name = "old", .issuer = "ca", .begin_s = -7200, .end_s = -3600});
    right("tls-certificate = @/old.pem\ntls-key = @/old.key\n",
          "text:3:19: warning: tls-certificate: the certificate has expired");
    tls_make(files, &(struct tls_form){.name = "early", .issuer = "ca", .begin_s = 3600, .end_s = 7200});
    right("tls-certificate = @/early.pem\ntls-key = @/early.key\n", "the certificate isn't valid before 20");
    (void)snprintf(path, sizeof path, "%s/server.key", files); /* fits */
    ck_assert_int_eq(chmod(path, 0644), 0);
    right(OWN, "text:4:11: warning: tls-key: everybody may read the key");
    tls_folder_remove(files);
}
END_TEST

START_TEST(credentials_come_from_the_service_managers_folder) {
    static const char *const text = "tls-certificate = credential:server.pem\ntls-key = credential:server.key\n";
    tls_folder_make(files);
    wrong("tls-certificate = @/server.pem\ntls-key = credential:server.key\n", "has given no credentials");
    source.is_dry = true;
    ck_assert_ptr_null(load(text));
    ck_assert_uint_eq(diagnostics.error_count, 0);
    expect_message("the credential can't be checked");
    finish(NULL);
    source.credentials = files;
    right(text, NULL);
    wrong("tls-certificate = @/server.pem\ntls-key = credential:servre.key\n",
          "did you mean \"credential:server.key\"?");
    wrong("tls-certificate = @/server.pem\ntls-key = credential:../server.key\n", "has no slash");
    wrong("tls-certificate = @/server.pem\ntls-key = credential:\n", "has no slash");
    tls_folder_remove(files);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        certificate_and_key_are_taken,
        key_without_use_or_without_its_other_half_is_told,
        file_that_is_not_there_is_told_with_one_that_is,
        file_with_something_else_is_told,
        key_must_fit_and_be_open,
        what_works_but_should_not_stay_is_a_warning,
        credentials_come_from_the_service_managers_folder,
    };
    return suite_run("tls", tests, sizeof tests / sizeof *tests);
}

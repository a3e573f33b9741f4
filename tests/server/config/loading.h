/**
 * Loading: what the tests of the configuration share: a folder of their own, and loading with the messages as a text.
 * Each of their programs includes it once.
 */
#ifndef TESTS_SERVER_CONFIG_LOADING_H
#define TESTS_SERVER_CONFIG_LOADING_H

#include "../../../server/config/config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A module and a call of it. */
#define CALL "[module m]\npath = demo\n[call c]\nmodule = m\n"

/* -- a folder of its own for each test, with the files that it writes -- */

static char folder[64];
static char made[16][128];
static size_t made_count;

static inline void folder_make(void) {
    (void)snprintf(folder, sizeof folder, "/tmp/check_config.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    made_count = 0;
}

static inline void folder_remove(void) {
    while (made_count > 0)
        ck_assert_int_eq(remove(made[--made_count]), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static inline const char *name_in_folder(const char *name) {
    ck_assert_uint_lt(made_count, 16);
    (void)snprintf(made[made_count], sizeof made[0], "%s/%s", folder, name);
    return made[made_count++];
}

static inline const char *file_make(const char *name, const char *text) {
    const char *path = name_in_folder(name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

static inline void drop_in_folder_make(void) {
    ck_assert_int_eq(mkdir(name_in_folder("conf.d"), 0755), 0);
}

/* -- loading -- */

static struct diagnostics diagnostics; /* of the last load */
static char *messages;                 /* what diagnostics_print has written */

static inline struct config *load_source(const struct config_source *source) {
    diagnostics_init(&diagnostics);
    struct config *config = config_load(source, &diagnostics);
    ck_assert_int_eq(config != NULL, diagnostics.error_count == 0);
    size_t size = 0;
    FILE *out = open_memstream(&messages, &size);
    ck_assert_ptr_nonnull(out);
    diagnostics_print(&diagnostics, out);
    ck_assert_int_eq(fclose(out), 0);
    return config;
}

static inline void unload(struct config *config) {
    config_destroy(config);
    diagnostics_deinit(&diagnostics);
    free(messages);
    messages = NULL;
}

static inline struct config *load_text(const char *text) {
    return load_source(&(struct config_source){.text = text, .text_name = "text"});
}

static inline struct config *loaded_text(const char *text) {
    struct config *config = load_text(text);
    ck_assert_msg(config != NULL, "%s", messages);
    return config;
}

static inline void expect_message(const char *expected) {
    ck_assert_msg(strstr(messages, expected) != NULL, "no \"%s\" in:\n%s", expected, messages);
}

/* The text has errors, as many as count, and one of them is expected. */
static inline void refused(const char *text, uint32_t count, const char *expected) {
    struct config *config = load_text(text);
    ck_assert_msg(diagnostics.error_count == count, "%u errors, not %u:\n%s", diagnostics.error_count, count, messages);
    expect_message(expected);
    unload(config);
}

#endif

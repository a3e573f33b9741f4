/* Corpus: what the fuzzer starts from, and what it once found, as an ordinary test: one test a file. */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CORPUS_FOLDER
#define CORPUS_FOLDER "tests/fuzz/corpus/parse"
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILES_MIN 20

static struct dirent **files;
static int file_count;

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

START_TEST(a_file_of_the_corpus_breaks_no_promise) {
    char path[4096];
    struct stat status;
    int length = snprintf(path, sizeof path, "%s/%s", CORPUS_FOLDER, files[_i]->d_name);
    ck_assert(length > 0 && (size_t)length < sizeof path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_msg(fd >= 0, "%s", path);
    ck_assert_int_eq(fstat(fd, &status), 0);
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_int_eq(read(fd, data, size), (ssize_t)size);
    ck_assert_int_eq(LLVMFuzzerTestOneInput(data, size), 0);
    free(data);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(the_corpus_is_there) {
    ck_assert_msg(file_count >= FILES_MIN, "%d files in %s", file_count, CORPUS_FOLDER);
}
END_TEST

static Suite *corpus_suite(void) {
    Suite *suite = suite_create("corpus");
    TCase *normal = tcase_create("normal");
    tcase_add_test(normal, the_corpus_is_there);
    tcase_add_loop_test(normal, a_file_of_the_corpus_breaks_no_promise, 0, file_count);
    suite_add_tcase(suite, normal);
    return suite;
}

int main(void) {
    int count = scandir(CORPUS_FOLDER, &files, is_visible, alphasort);
    file_count = count > 0 ? count : 0;
    SRunner *runner = srunner_create(corpus_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    for (int i = 0; i < file_count; i++)
        free(files[i]);
    free(files);
    return failed == 0 ? 0 : 1;
}

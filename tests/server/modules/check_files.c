#include "../../support/module_host.h"
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * folder/secret.txt
 * folder/rootless/secret.txt     a name that begins as the root's does
 * folder/root/                   the root
 */
static struct module_host host;
static struct module_call call;
static struct module_answer answer;
static char folder[64];
static size_t fd_count;

/* folder/name, in one of four buffers that take turns. */
static char *in_folder(const char *name) {
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name, const char *text) {
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    ck_assert_int_eq(close(fd), 0);
}

static void make_tree(void) {
    (void)snprintf(folder, sizeof folder, "/tmp/check-files-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert_int_eq(mkdir(in_folder("root"), 0755), 0);
    ck_assert_int_eq(mkdir(in_folder("root/sub"), 0755), 0);
    ck_assert_int_eq(mkdir(in_folder("rootless"), 0755), 0);
    make_file("secret.txt", "secret");
    make_file("rootless/secret.txt", "secret");
    make_file("root/plain.txt", "plain\n");
    make_file("root/sub/page.html", "<p>page");
    make_file("root/empty", "");
}

static void setup(void) {
    answer = (struct module_answer){0};
    make_tree();
    fd_count = open_fd_count();
    module_host_load(&host, "files");
}

static void teardown(void) {
    module_answer_free(&answer);
    module_host_close(&host);
    ck_assert_uint_eq(open_fd_count(), fd_count);
    scratch_remove(folder);
}

static void open_root(const char *root, const char *links, const char *max_size) {
    const char *settings[] = {"root", root, "follow-links", links, "max-size", max_size, NULL};
    ck_assert_int_eq(module_host_open(&host, settings), TT_OK);
    ck_assert_int_eq(module_host_prepare(&host, "read", NULL, &call), TT_OK);
}

static void open_usual(void) {
    open_root(in_folder("root"), "beneath", "16MiB");
}

static int get(const char *path) {
    module_answer_free(&answer);
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text(path)}, 1, &answer);
    ck_assert_msg(answer.body == NULL || strstr(answer.body, "secret") == NULL, "%s gave a secret", path);
    return answer.status;
}

static const char *const bad_paths[] = {
    "..",
    "../secret.txt",
    "../rootless/secret.txt",
    "../root/plain.txt",
    "sub/../../secret.txt",
    "sub/../plain.txt",
    "sub/..",
    "./plain.txt",
    ".",
    "/",
    "//",
    "/etc/passwd",
    "/plain.txt",
    "plain.txt/",
    "sub//page.html",
    "sub/",
    "sub/./page.html",
    "plain.txt/../../secret.txt",
    "..\\secret.txt",
    "%2e%2e/secret.txt",
    "..%2fsecret.txt",
    "\xc0\xae\xc0\xae/secret.txt",
    "...",
    "plain.txt\n",
    "nowhere/at/all",
    "plain.txt/more",
};

START_TEST(names_that_lead_nowhere_or_out_are_not_found) {
    open_usual();
    ck_assert_msg(get(bad_paths[_i]) == 404, "%s: %d", bad_paths[_i], answer.status);
    ck_assert_str_eq(answer.detail, "no such file");
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(links_out_of_the_root_are_not_found) {
    open_usual();
    ck_assert_int_eq(symlink("../secret.txt", in_folder("root/up")), 0);
    ck_assert_int_eq(symlink("sub/../../secret.txt", in_folder("root/far")), 0);
    ck_assert_int_eq(symlink("..", in_folder("root/parent")), 0);
    ck_assert_int_eq(symlink(in_folder("secret.txt"), in_folder("root/absolute")), 0);
    ck_assert_int_eq(symlink(in_folder("root/plain.txt"), in_folder("root/own")), 0);
    ck_assert_int_eq(symlink("up", in_folder("root/twice")), 0);
    ck_assert_int_eq(symlink("loop", in_folder("root/loop")), 0);
    ck_assert_int_eq(symlink("nowhere", in_folder("root/dangling")), 0);
    static const char *const paths[] = {
        "up", "far", "parent/secret.txt", "parent/root/plain.txt", "absolute", "own", "twice", "loop", "dangling"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        ck_assert_msg(get(paths[i]) == 404, "%s: %d", paths[i], answer.status);
        ck_assert_str_eq(answer.detail, "no such file");
    }
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(the_kernels_own_links_are_not_followed) {
    open_root("/proc/self", "beneath", "16MiB");
    static const char *const paths[] = {"exe", "fd/0", "cwd/etc/passwd", "root/etc/passwd"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        ck_assert_msg(get(paths[i]) == 404, "%s: %d", paths[i], answer.status);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(no_link_is_followed_where_none_shall_be) {
    ck_assert_int_eq(symlink("plain.txt", in_folder("root/inside")), 0);
    ck_assert_int_eq(symlink("sub", in_folder("root/folder")), 0);
    open_root(in_folder("root"), "no", "16MiB");
    ck_assert_int_eq(get("inside"), 404);
    ck_assert_int_eq(get("folder/page.html"), 404);
    ck_assert_int_eq(get("sub/page.html"), 200);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(what_is_no_regular_file_is_not_found_and_holds_nobody) {
    ck_assert_int_eq(mkfifo(in_folder("root/fifo"), 0644), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", in_folder("root/socket"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(close(fd), 0);
    open_usual();
    ck_assert_int_eq(get("fifo"), 404);
    ck_assert_int_eq(get("socket"), 404);
    ck_assert_int_eq(get("sub"), 404);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(devices_are_not_found) {
    open_root("/dev", "beneath", "16MiB");
    ck_assert_int_eq(get("zero"), 404);
    ck_assert_int_eq(get("null"), 404);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(a_file_that_may_not_be_read_is_forbidden) {
    make_file("root/closed.txt", "secret");
    ck_assert_int_eq(chmod(in_folder("root/closed.txt"), 0), 0);
    open_usual();
    uid_t user = geteuid();
    if (user == 0)
        ck_assert_int_eq(seteuid(65534), 0); /* root may read everything */
    int status = get("closed.txt");
    ck_assert_int_eq(seteuid(user), 0);
    ck_assert_int_eq(status, 403);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(a_file_beyond_max_size_is_forbidden) {
    open_root(in_folder("root"), "beneath", "6 B");
    ck_assert_int_eq(get("plain.txt"), 200);
    ck_assert_int_eq(get("sub/page.html"), 403);
    ck_assert_str_eq(answer.detail, "the file has 7 bytes, and this service gives at most 6");
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(an_answer_without_room_is_a_failure) {
    open_usual();
    answer.limit = 5;
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("plain.txt")}, 1, &answer);
    ck_assert_int_eq(answer.status, 500);
    module_host_finish(&host, &call);
}
END_TEST

static void set_size(off_t size) {
    ck_assert_int_eq(truncate(in_folder("root/plain.txt"), size), 0);
}
static void grow(void *context) {
    (void)context;
    set_size(100000);
}
static void shrink(void *context) {
    (void)context;
    set_size(2);
}

START_TEST(a_file_that_shrinks_while_it_is_read_gives_no_garbage) {
    open_usual();
    answer.on_reserve = shrink;
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("plain.txt")}, 1, &answer);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_uint_eq(answer.size, 0);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(a_file_that_grows_while_it_is_read_ends_where_it_ended) {
    open_usual();
    answer.on_reserve = grow;
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("plain.txt")}, 1, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(answer.body, "plain\n");
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(a_long_read_stops_when_nobody_waits) {
    set_size(4 * 1024 * 1024);
    open_usual();
    answer.abandon_after = 2;
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("plain.txt")}, 1, &answer);
    ck_assert_int_eq(answer.outcome, TT_DONE);
    ck_assert_uint_eq(answer.abandon_asked, 2);
    ck_assert_uint_eq(answer.size, 65536);
    module_host_finish(&host, &call);
}
END_TEST

/* -- conditions and ranges -- */

struct wish {
    const char *range;
    const char *if_range;
    int status;
    const char *body;
    const char *content_range;
};

static const struct wish wishes[] = {
    /* plain.txt is "plain\n" */
    {NULL, NULL, 200, "plain\n", ""},
    {"bytes=0-1", NULL, 206, "pl", "bytes 0-1/6"},
    {"Bytes=2-", NULL, 206, "ain\n", "bytes 2-5/6"},
    {"bytes=5-5", NULL, 206, "\n", "bytes 5-5/6"},
    {"bytes=4-99999999999999999999999", NULL, 206, "n\n", "bytes 4-5/6"},
    {"bytes=-2", NULL, 206, "n\n", "bytes 4-5/6"},
    {"bytes=-99", NULL, 206, "plain\n", "bytes 0-5/6"},
    {"bytes=6-", NULL, 416, "", "bytes */6"},
    {"bytes=99999999999999999999999-", NULL, 416, "", "bytes */6"},
    {"bytes=-0", NULL, 416, "", "bytes */6"},
    /* passed over: several, other units, no range at all */
    {"bytes=0-1,3-4", NULL, 200, "plain\n", ""},
    {"lines=0-1", NULL, 200, "plain\n", ""},
    {"bytes=3-1", NULL, 200, "plain\n", ""},
    {"bytes=-", NULL, 200, "plain\n", ""},
    {"bytes=", NULL, 200, "plain\n", ""},
    {"bytes=1", NULL, 200, "plain\n", ""},
    {"bytes=a-b", NULL, 200, "plain\n", ""},
    {"bytes= 0-1", NULL, 200, "plain\n", ""},
    {"bytes=0-1 ", NULL, 200, "plain\n", ""},
    /* only while it is the same file */
    {"bytes=0-1", "ETAG", 206, "pl", "bytes 0-1/6"},
    {"bytes=0-1", "DATE", 206, "pl", "bytes 0-1/6"},
    {"bytes=0-1", "\"other\"", 200, "plain\n", ""},
    {"bytes=0-1", "W/ETAG", 200, "plain\n", ""},
    {"bytes=0-1", "Sun, 06 Nov 1994 08:49:37 GMT", 200, "plain\n", ""},
    {"bytes=9-", "\"other\"", 200, "plain\n", ""},
};

/* Asks with one field, in which ETAG and DATE stand for the file's own. Returns: the status. */
static int get_with(enum tt_request_field field, const char *value) {
    static char etag[128], date[128], weak[128];
    (void)get("plain.txt");
    memcpy(etag, answer.fields[TT_ANSWER_ETAG], sizeof etag);
    memcpy(date, answer.fields[TT_ANSWER_LAST_MODIFIED], sizeof date);
    (void)snprintf(weak, sizeof weak, "\"x\", W/%.100s", etag);
    module_answer_free(&answer);
    answer.request_fields[field] = strcmp(value, "ETAG") == 0   ? etag
                                   : strcmp(value, "DATE") == 0 ? date
                                   : strcmp(value, "LIST") == 0 ? weak
                                                                : value;
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("plain.txt")}, 1, &answer);
    return answer.status;
}

START_TEST(a_range_is_given_as_far_as_it_is_one) {
    const struct wish *wish = &wishes[_i];
    static char etag[128], date[128], weak[130];
    open_usual();
    ck_assert_int_eq(get("plain.txt"), 200);
    memcpy(etag, answer.fields[TT_ANSWER_ETAG], sizeof etag);
    memcpy(date, answer.fields[TT_ANSWER_LAST_MODIFIED], sizeof date);
    (void)snprintf(weak, sizeof weak, "W/%s", etag);
    ck_assert_str_eq(answer.fields[TT_ANSWER_ACCEPT_RANGES], "bytes");
    module_answer_free(&answer);
    answer.request_fields[TT_REQUEST_RANGE] = wish->range;
    answer.request_fields[TT_REQUEST_IF_RANGE] = wish->if_range;
    if (wish->if_range != NULL && strcmp(wish->if_range, "ETAG") == 0)
        answer.request_fields[TT_REQUEST_IF_RANGE] = etag;
    if (wish->if_range != NULL && strcmp(wish->if_range, "DATE") == 0)
        answer.request_fields[TT_REQUEST_IF_RANGE] = date;
    if (wish->if_range != NULL && strcmp(wish->if_range, "W/ETAG") == 0)
        answer.request_fields[TT_REQUEST_IF_RANGE] = weak;
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("plain.txt")}, 1, &answer);
    ck_assert_int_eq(answer.status, wish->status);
    ck_assert_str_eq(answer.fields[TT_ANSWER_CONTENT_RANGE], wish->content_range);
    ck_assert_uint_eq(answer.size, strlen(wish->body));
    ck_assert(answer.size == 0 || memcmp(answer.body, wish->body, answer.size) == 0);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(a_file_that_the_client_has_is_not_sent_again) {
    open_usual();
    ck_assert_int_eq(get_with(TT_REQUEST_IF_NONE_MATCH, "ETAG"), 304);
    ck_assert_uint_eq(answer.size, 0);
    ck_assert_str_ne(answer.fields[TT_ANSWER_ETAG], "");
    ck_assert_int_eq(get_with(TT_REQUEST_IF_NONE_MATCH, "*"), 304);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_NONE_MATCH, "LIST"), 304);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_NONE_MATCH, "\"other\", \"open"), 200);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_MODIFIED_SINCE, "DATE"), 304);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_MODIFIED_SINCE, "Fri, 31 Dec 2100 23:59:59 GMT"), 304);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT"), 200);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT"), 200);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_MODIFIED_SINCE, "Sun Nov  6 08:49:37 1994"), 200);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_MODIFIED_SINCE, "Fri Dec 31 23:59:59 2100"), 304);
    ck_assert_int_eq(get_with(TT_REQUEST_IF_MODIFIED_SINCE, "yesterday"), 200);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(a_changed_file_has_another_tag) {
    char etag[128];
    open_usual();
    ck_assert_int_eq(get("plain.txt"), 200);
    memcpy(etag, answer.fields[TT_ANSWER_ETAG], sizeof etag);
    make_file("root/plain.txt", "plainer");
    ck_assert_int_eq(get("plain.txt"), 200);
    ck_assert_str_ne(answer.fields[TT_ANSWER_ETAG], etag);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(head_tells_the_size_and_reads_nothing) {
    set_size(4 * 1024 * 1024);
    open_usual();
    answer.is_head = true;
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("plain.txt")}, 1, &answer);
    ck_assert_int_eq(answer.outcome, TT_DONE);
    ck_assert_uint_eq(answer.announced, 4 * 1024 * 1024);
    ck_assert_uint_eq(answer.abandon_asked, 0); /* not one write */
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(a_big_file_goes_out_in_pieces) {
    set_size(4 * 1024 * 1024 + 5);
    open_usual();
    answer.request_fields[TT_REQUEST_RANGE] = "bytes=3-";
    module_host_run(&host, &call, NULL, (struct tt_value[]){value_of_text("plain.txt")}, 1, &answer);
    ck_assert_int_eq(answer.status, 206);
    ck_assert(answer.has_begun);
    ck_assert_uint_eq(answer.announced, 4 * 1024 * 1024 + 2);
    ck_assert_uint_eq(answer.size, 4 * 1024 * 1024 + 2);
    ck_assert_mem_eq(answer.body, "in\n\0", 4);
    ck_assert_uint_eq(answer.abandon_asked, 65);
    module_host_finish(&host, &call);
}
END_TEST

static const char *const bad_settings[][3] = {
    /* root (NULL: the tree's), follow-links, max-size */
    {NULL, "yes", "16MiB"},
    {NULL, "", "16MiB"},
    {NULL, "beneath", ""},
    {NULL, "beneath", "16"},
    {NULL, "beneath", "16MB"},
    {NULL, "beneath", "-1B"},
    {NULL, "beneath", "99999999999999999999B"},
    {NULL, "beneath", "9999999999GiB"},
    {NULL, "beneath", "1.5MiB"},
    {"/no/such/folder", "beneath", "16MiB"},
    {"/etc/passwd", "beneath", "16MiB"},
};

START_TEST(settings_that_mean_nothing_are_mistakes) {
    const char *root = bad_settings[_i][0] == NULL ? in_folder("root") : bad_settings[_i][0];
    const char *settings[] = {"root", root, "follow-links", bad_settings[_i][1], "max-size", bad_settings[_i][2], NULL};
    ck_assert_int_eq(module_host_open(&host, settings), TT_INVALID);
    const char *key = _i < 2 ? "follow-links: " : _i < 9 ? "max-size: " : "root: ";
    ck_assert_msg(strncmp(host.mistakes, key, strlen(key)) == 0, "%s", host.mistakes);
}
END_TEST

START_TEST(all_mistakes_are_told_at_once) {
    const char *settings[] = {"root", "/no/such/folder", "follow-links", "no", "max-size", "big", NULL};
    ck_assert_int_eq(module_host_open(&host, settings), TT_INVALID);
    ck_assert_ptr_nonnull(strstr(host.mistakes, "max-size: \"big\""));
    ck_assert_ptr_nonnull(strstr(host.mistakes, "root: /no/such/folder: No such file or directory"));
}
END_TEST

START_TEST(files_and_links_beneath_the_root_are_served) {
    ck_assert_int_eq(symlink("../plain.txt", in_folder("root/sub/inside.txt")), 0);
    ck_assert_int_eq(symlink("sub", in_folder("root/folder")), 0);
    open_usual();
    ck_assert_int_eq(get("plain.txt"), 200);
    ck_assert_str_eq(answer.body, "plain\n");
    ck_assert_int_eq(get("sub/inside.txt"), 200);
    ck_assert_str_eq(answer.body, "plain\n");
    ck_assert_int_eq(get("folder/page.html"), 200);
    ck_assert_str_eq(answer.body, "<p>page");
    ck_assert_int_eq(get("empty"), 200);
    ck_assert_uint_eq(answer.size, 0);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(the_root_stays_the_folder_that_was_opened) {
    open_usual();
    ck_assert_int_eq(rename(in_folder("root"), in_folder("moved")), 0);
    ck_assert_int_eq(rename(in_folder("rootless"), in_folder("root")), 0);
    ck_assert_int_eq(get("secret.txt"), 404);
    ck_assert_int_eq(get("plain.txt"), 200);
    module_host_finish(&host, &call);
}
END_TEST

START_TEST(media_types_follow_the_name) {
    static const char *const types[][2] = {
        {"a.txt", "text/plain; charset=utf-8"},
        {"a.html", "text/html"},
        {"a.tar.gz", "application/gzip"},
        {"a.unknown", "application/octet-stream"},
        {"copyright", "text/plain; charset=utf-8"},
        {"noname", "application/octet-stream"},
        {"a.d.png", "image/png"},
        {"txt", "application/octet-stream"},
        {"a.html.", "application/octet-stream"},
    };
    ck_assert_int_eq(mkdir(in_folder("root/dir.html"), 0755), 0);
    make_file("root/dir.html/noname", "x");
    open_usual();
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "root/%s", types[i][0]);
        make_file(name, "x");
        ck_assert_int_eq(get(types[i][0]), 200);
        ck_assert_msg(strcmp(answer.type, types[i][1]) == 0, "%s: %s", types[i][0], answer.type);
    }
    ck_assert_int_eq(get("dir.html/noname"), 200);
    ck_assert_str_eq(answer.type, "application/octet-stream");
    module_host_finish(&host, &call);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("files");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 30);
    tcase_add_loop_test(cases, names_that_lead_nowhere_or_out_are_not_found, 0, sizeof bad_paths / sizeof bad_paths[0]);
    tcase_add_test(cases, links_out_of_the_root_are_not_found);
    tcase_add_test(cases, the_kernels_own_links_are_not_followed);
    tcase_add_test(cases, no_link_is_followed_where_none_shall_be);
    tcase_add_test(cases, what_is_no_regular_file_is_not_found_and_holds_nobody);
    tcase_add_test(cases, devices_are_not_found);
    tcase_add_test(cases, a_file_that_may_not_be_read_is_forbidden);
    tcase_add_test(cases, a_file_beyond_max_size_is_forbidden);
    tcase_add_test(cases, an_answer_without_room_is_a_failure);
    tcase_add_test(cases, a_file_that_shrinks_while_it_is_read_gives_no_garbage);
    tcase_add_test(cases, a_file_that_grows_while_it_is_read_ends_where_it_ended);
    tcase_add_test(cases, a_long_read_stops_when_nobody_waits);
    tcase_add_loop_test(cases, a_range_is_given_as_far_as_it_is_one, 0, sizeof wishes / sizeof wishes[0]);
    tcase_add_test(cases, a_file_that_the_client_has_is_not_sent_again);
    tcase_add_test(cases, a_changed_file_has_another_tag);
    tcase_add_test(cases, head_tells_the_size_and_reads_nothing);
    tcase_add_test(cases, a_big_file_goes_out_in_pieces);
    tcase_add_loop_test(cases, settings_that_mean_nothing_are_mistakes, 0,
                        sizeof bad_settings / sizeof bad_settings[0]);
    tcase_add_test(cases, all_mistakes_are_told_at_once);
    tcase_add_test(cases, files_and_links_beneath_the_root_are_served);
    tcase_add_test(cases, the_root_stays_the_folder_that_was_opened);
    tcase_add_test(cases, media_types_follow_the_name);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Work: see work.h. */
#include "work.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char file_path[4096];
static char data_path[4096];

static void give_up(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

struct work_options work_init(int argc, char **argv) {
    if (argc != 4)
        give_up("usage: PEER PORT WORKERS FOLDER");
    (void)snprintf(file_path, sizeof file_path, "%s/file4k.bin", argv[3]);
    (void)snprintf(data_path, sizeof data_path, "%s/data.db", argv[3]);
    return (struct work_options){.port = (unsigned short)strtoul(argv[1], NULL, 10),
                                 .worker_count = (unsigned)strtoul(argv[2], NULL, 10)};
}

bool work_parse(struct work *work, const char *path, const char *query) {
    static const char *const paths[] = {[WORK_INLINE] = "/inline",
                                        [WORK_NOOP] = "/noop",
                                        [WORK_FILE] = "/file",
                                        [WORK_SQLITE] = "/sqlite",
                                        [WORK_SLEEP] = "/to-thread"};
    const char *equals = query != NULL ? strchr(query, '=') : NULL;
    work->number = equals != NULL ? strtol(equals + 1, NULL, 10) : 0;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (strcmp(path, paths[i]) == 0) {
            work->kind = (enum work_kind)i;
            return true;
        }
    return false;
}

__attribute__((format(printf, 2, 3))) static void answer_json(struct work *work, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int size = vsnprintf(work->answer, sizeof work->answer, format, values);
    va_end(values);
    work->type = "application/json";
    work->size = size > 0 ? (size_t)size : 0;
}

static void read_file(struct work *work) {
    int fd = open(file_path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, work->answer, sizeof work->answer) : -1;
    if (size < 0)
        give_up("can't read the file");
    (void)close(fd); /* it was only read */
    work->type = "application/octet-stream";
    work->size = (size_t)size;
}

static void ask_database(struct work *work) {
    static _Thread_local sqlite3 *database;
    static _Thread_local sqlite3_stmt *statement;
    if (statement == NULL &&
        (sqlite3_open_v2(data_path, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
         sqlite3_prepare_v2(database, "SELECT v FROM kv WHERE id = ?", -1, &statement, NULL) != SQLITE_OK))
        give_up("can't open the database");
    if (sqlite3_bind_int64(statement, 1, work->number) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW)
        give_up("no such row");
    answer_json(work, "{\"v\":\"%s\"}\n", (const char *)sqlite3_column_text(statement, 0));
    (void)sqlite3_reset(statement); /* tells once more how step went */
}

static void block(long ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0)
        continue;
}

void work_run(struct work *work) {
    switch (work->kind) {
    case WORK_INLINE:
        answer_json(work, "{\"ok\":true}\n");
        return;
    case WORK_FILE:
        read_file(work);
        return;
    case WORK_SQLITE:
        ask_database(work);
        return;
    case WORK_NOOP:
    case WORK_SLEEP:
        if (work->number > 0)
            block(work->number);
        answer_json(work, "{\"ok\":true,\"ms\":%ld}\n", work->number);
    }
}

// Go: net/http. The blocking functions are C, as they are for the others, called by cgo, as many at a time as there are workers.
//
// Usage: go PORT WORKERS FOLDER
package main

/*
#cgo LDFLAGS: -lsqlite3
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

static void block(long ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    while (ms > 0 && nanosleep(&left, &left) != 0)
        continue;
}

static sqlite3_stmt *prepare(const char *path) {
    sqlite3 *database;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        sqlite3_prepare_v2(database, "SELECT v FROM kv WHERE id = ?", -1, &statement, NULL);
    return statement;
}

// The text lives until the statement is asked again.
static const char *ask(sqlite3_stmt *statement, long id) {
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, id);
    return sqlite3_step(statement) == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
}
*/
import "C"

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"unsafe"
)

// A worker is a right to be inside a function, with a prepared statement.
var workers chan *C.sqlite3_stmt

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: go PORT WORKERS FOLDER")
	}
	folder := os.Args[3]
	count, _ := strconv.Atoi(os.Args[2])
	path := C.CString(folder + "/data.db")
	defer C.free(unsafe.Pointer(path))
	workers = make(chan *C.sqlite3_stmt, count)
	for i := 0; i < count; i++ {
		workers <- C.prepare(path)
	}

	json := func(w http.ResponseWriter, format string, values ...any) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, format, values...)
	}
	number := func(r *http.Request, name string) C.long {
		value, _ := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
		return C.long(value)
	}
	toThread := func(w http.ResponseWriter, r *http.Request) {
		ms := number(r, "ms")
		worker := <-workers
		C.block(ms)
		workers <- worker
		json(w, "{\"ok\":true,\"ms\":%d}\n", int64(ms))
	}
	http.HandleFunc("/inline", func(w http.ResponseWriter, r *http.Request) { json(w, "{\"ok\":true}\n") })
	http.HandleFunc("/noop", toThread)
	http.HandleFunc("/to-thread", toThread)
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		worker := <-workers
		data, err := os.ReadFile(folder + "/file4k.bin")
		workers <- worker
		if err != nil {
			log.Fatal(err)
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data)
	})
	http.HandleFunc("/sqlite", func(w http.ResponseWriter, r *http.Request) {
		id := number(r, "id")
		worker := <-workers
		text := C.GoString(C.ask(worker, id))
		workers <- worker
		json(w, "{\"v\":\"%s\"}\n", text)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

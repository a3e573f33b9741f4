/**
 * Systemd: the service manager's protocols, by hand: state, watchdog, inherited sockets.
 *
 * Started any other way, nothing of this does anything: systemd_notify says TT_OK, there is no watchdog and no socket.
 *
 * Normal use:
 * 1. systemd_init(&error) in main, before any thread starts: it reads the environment, once;
 * 2. systemd_listen_fd("http", 0), then 1, 2, ... until -1: the sockets of that name;
 * 3. systemd_notify("READY=1\nSTATUS=serving") and so on;
 * 4. with systemd_watchdog_us() > 0, systemd_notify("WATCHDOG=1") each half of that time, from the loop;
 * 5. systemd_deinit().
 */
#ifndef SERVER_SYSTEMD_H
#define SERVER_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tothread/status.h>

#define SYSTEMD_FIRST_FD    3
#define SYSTEMD_SOCKETS_MAX 1024

/**
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES. Makes inherited sockets
 * close-on-exec. What is meant for another process (by its pid) is left alone.
 *
 * Thread:  main, before others start
 * Returns: TT_OK; TT_INVALID, TT_SYSTEM or TT_NOMEM with *reterr: nothing of it is in use then.
 */
enum tt_status systemd_init(struct tt_error *reterr) TT_MUST_CHECK;

/** Forgets everything. Inherited sockets stay open: they belong to who asked for them. Thread: main. */
void systemd_deinit(void);

/**
 * Tells the service manager, in its own words: "READY=1", "STATUS=...", "STOPPING=1", "WATCHDOG=1"; several are divided
 * by newlines. One sendto that never waits.
 *
 * Thread:  any
 * Returns: TT_OK, also when nobody listens for it; TT_FULL when the manager doesn't keep up; TT_SYSTEM.
 */
enum tt_status systemd_notify(const char *state);

/** Whether a service manager listens for what systemd_notify says. Thread: any. */
bool systemd_is_manager(void);

/** The watchdog's limit: without a ping for that long the service is killed. 0: there is none. Thread: any. */
uint64_t systemd_watchdog_us(void);

/** The folder of the unit's credentials (LoadCredential=), or NULL. Thread: any; lends. */
const char *systemd_credentials(void);

/**
 * An inherited socket by its name (FileDescriptorName= of the socket unit), never by its position.
 *
 * Thread:  main
 * Owns:    lends the descriptor; whoever takes it closes it.
 * Returns: the nth (from 0) descriptor of that name, or -1 when there are no more.
 */
int systemd_listen_fd(const char *name, size_t nth);

#endif

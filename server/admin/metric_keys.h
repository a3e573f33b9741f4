/**
 * Metric keys: the only list of metrics. /metrics and the documents come from it.
 *
 * METRIC(id, name, type, unit, help): type is COUNTER, GAUGE or HISTOGRAM; unit is the base unit of the value, "" for
 * plain numbers, and stands in the name; help is one sentence without a full stop.
 */
#ifndef SERVER_ADMIN_METRIC_KEYS_H
#define SERVER_ADMIN_METRIC_KEYS_H

/* clang-format off */
#define METRIC_KEYS(METRIC)                                                                                            \
    /* by call; pool is "none" for calls that run on the loop */                                                       \
    METRIC(CALLS_SUBMITTED, "tothread_calls_submitted_total", COUNTER, "", "Requests that reached the call with valid arguments") \
    METRIC(CALLS, "tothread_calls_total", COUNTER, "", "Calls that ended, by how they ended")                           \
    METRIC(CALLS_IN_FLIGHT, "tothread_calls_in_flight", GAUGE, "", "Calls that have not ended yet")                     \
    METRIC(QUEUE_WAIT, "tothread_queue_wait_seconds", HISTOGRAM, "seconds", "Time from submit to start")                \
    METRIC(CALL_TIME, "tothread_call_seconds", HISTOGRAM, "seconds", "Time inside the function, up to its deadline")    \
    METRIC(CALL_CPU, "tothread_call_cpu_seconds_total", COUNTER, "seconds", "Processor time of the calls")              \
    /* by pool */                                                                                                      \
    METRIC(QUEUE_DEPTH, "tothread_queue_depth", GAUGE, "", "Jobs that wait for a worker or for a permit")               \
    METRIC(QUEUE_CAPACITY, "tothread_queue_capacity", GAUGE, "", "Jobs that may wait")                                  \
    METRIC(QUEUE_OLDEST, "tothread_queue_oldest_seconds", GAUGE, "seconds", "Age of the job that waits for longest")    \
    METRIC(WORKERS, "tothread_workers", GAUGE, "", "Workers by what they do: zombie is inside a call that nobody waits for any more") \
    METRIC(WORKERS_CONFIGURED, "tothread_workers_configured", GAUGE, "", "Workers that the pool should have")           \
    METRIC(SPARES, "tothread_workers_spare_limit", GAUGE, "", "Threads that may stand in for zombies")                  \
    METRIC(JOBS_SUBMITTED, "tothread_jobs_submitted_total", COUNTER, "", "Jobs that were offered to the pool")          \
    METRIC(JOBS, "tothread_jobs_total", COUNTER, "", "Jobs that ended, by how they ended; refused ones are in tothread_refused_total") \
    METRIC(REFUSED, "tothread_refused_total", COUNTER, "", "Jobs that the pool refused, by reason")                     \
    METRIC(ZOMBIES_ENDED, "tothread_zombies_ended_total", COUNTER, "", "Zombies whose function returned at last")       \
    METRIC(START_FAILURES, "tothread_worker_start_failures_total", COUNTER, "", "Workers that could not be started")    \
    /* by loop, from "1" on */                                                                                         \
    METRIC(LOOP_LAG, "tothread_loop_lag_seconds", HISTOGRAM, "seconds", "Duration of the loop's turns: what any request may have to wait for") \
    METRIC(LOOP_STALLED, "tothread_loop_stalled_seconds", GAUGE, "seconds", "Age of the loop's current turn, 0 while it sleeps") \
    METRIC(LOOP_LAG_MAX, "tothread_loop_lag_max_seconds", GAUGE, "seconds", "Longest turn of the last seconds")         \
    METRIC(LOOP_TURNS, "tothread_loop_turns_total", COUNTER, "", "Turns of the loop")                                   \
    /* the front */                                                                                                    \
    METRIC(CONNECTIONS, "tothread_connections", GAUGE, "", "Connections of clients that are open")                      \
    METRIC(ACCEPTED, "tothread_connections_accepted_total", COUNTER, "", "Connections that were accepted")              \
    METRIC(DROPPED, "tothread_connections_dropped_total", COUNTER, "", "Connections that were closed by a time-out")    \
    METRIC(TURNED_AWAY, "tothread_connections_refused_total", COUNTER, "", "Connections that were closed before their first request, by what they lacked") \
    METRIC(ACCEPT_PAUSES, "tothread_accept_pauses_total", COUNTER, "", "Times that accepting rested: at max-connections, or for want of descriptors") \
    METRIC(REQUESTS, "tothread_requests_total", COUNTER, "", "Requests whose head was read in full")                    \
    METRIC(ANSWERS, "tothread_answers_total", COUNTER, "", "Answers by the class of their status")                      \
    METRIC(ANSWERS_SENT, "tothread_answers_sent_total", COUNTER, "", "Answers that were handed to the socket in full")  \
    METRIC(ANSWERS_BROKEN, "tothread_answers_broken_total", COUNTER, "", "Answers in pieces that were closed in their middle: the call failed, or the client left or didn't read") \
    METRIC(MALFORMED, "tothread_malformed_requests_total", COUNTER, "", "Requests that the parser refused")             \
    METRIC(UNAUTHORIZED, "tothread_requests_unauthorized_total", COUNTER, "", "Requests that were refused for their token, by reason") \
    METRIC(CLIENTS_LEFT, "tothread_clients_left_total", COUNTER, "", "Clients that hung up while their call was pending") \
    METRIC(TLS_HANDSHAKES, "tothread_tls_handshakes_total", COUNTER, "", "TLS handshakes that succeeded")                 \
    METRIC(TLS_FAILURES, "tothread_tls_handshake_failures_total", COUNTER, "", "TLS handshakes that failed, by reason")  \
    METRIC(TLS_EXPIRES, "tothread_tls_certificate_expires_seconds", GAUGE, "seconds", "When the certificate in force expires, seconds since the epoch; 0 without TLS") \
    METRIC(BYTES_IN, "tothread_received_bytes_total", COUNTER, "bytes", "Bytes received from clients")                  \
    METRIC(BYTES_OUT, "tothread_sent_bytes_total", COUNTER, "bytes", "Bytes sent to clients")                           \
    METRIC(BUFFERED, "tothread_buffered_bytes", GAUGE, "bytes", "Bytes held for clients: partial requests, bodies, answers not yet taken") \
    METRIC(BUFFERED_LIMIT, "tothread_buffered_limit_bytes", GAUGE, "bytes", "Bytes that may be held for all clients together (max-buffered)") \
    METRIC(NO_ROOM, "tothread_no_room_total", COUNTER, "", "Heads, bodies and answers that were dropped for want of room (max-buffered)") \
    /* the service */                                                                                                  \
    METRIC(LOG_DROPPED, "tothread_log_dropped_total", COUNTER, "", "Log lines that were dropped because nobody took them") \
    METRIC(READY, "tothread_ready", GAUGE, "", "1 between start and drain, else 0")                                     \
    METRIC(BUILD_INFO, "tothread_build_info", GAUGE, "", "Always 1; the version is in the label")                       \
    METRIC(PROCESS_CPU, "process_cpu_seconds_total", COUNTER, "seconds", "Processor time of all threads, user and system") \
    METRIC(PROCESS_RESIDENT, "process_resident_memory_bytes", GAUGE, "bytes", "Resident memory")                        \
    METRIC(PROCESS_VIRTUAL, "process_virtual_memory_bytes", GAUGE, "bytes", "Virtual memory")                           \
    METRIC(PROCESS_FDS, "process_open_fds", GAUGE, "", "Open file descriptors")                                         \
    METRIC(PROCESS_MAX_FDS, "process_max_fds", GAUGE, "", "Limit of open file descriptors")                             \
    METRIC(PROCESS_THREADS, "process_threads", GAUGE, "", "Threads of the process")                                     \
    METRIC(PROCESS_START, "process_start_time_seconds", GAUGE, "seconds", "Start of the process, seconds since the epoch")
/* clang-format on */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_ID(id, name, type, unit, help) METRIC_##id,
enum metric { METRIC_KEYS(METRIC_ID) METRIC_COUNT };
#undef METRIC_ID

struct metric_key {
    const char *name;
    enum metric_type type;
    const char *unit;
    const char *help;
};

/** Indexed by enum metric. */
extern const struct metric_key metric_keys[METRIC_COUNT];

#endif

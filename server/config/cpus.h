/**
 * Cpus: how many CPUs this process may use.
 */
#ifndef SERVER_CONFIG_CPUS_H
#define SERVER_CONFIG_CPUS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * The CPUs of the affinity mask, or fewer if a control group (v2) above this process has a quota; at least 1.
 *
 * Thread: any but the loop (it reads files)
 */
uint32_t cpus_count(void);

/** Reads a cpu.max: "max 100000" is no quota. Returns: true with the quota in CPUs, rounded up. */
bool cpus_parse_quota(const char *text, uint32_t *ret_count);

#endif

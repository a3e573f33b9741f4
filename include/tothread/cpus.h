/**
 * Cpus: how many this process may use, and how many workers that suggests.
 */
#ifndef TOTHREAD_CPUS_H
#define TOTHREAD_CPUS_H

#include <stdint.h>
#include <tothread/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The CPUs of the affinity mask, or fewer if a control group (v2) above this process has a quota, which is rounded up.
 *
 * Thread:  any
 * Blocks:  it reads some files of the kernel's: for start-up, not for a loop's every turn.
 * Returns: 1 or more.
 */
TT_EXPORT uint32_t tt_cpus_count(void);

/**
 * Workers for calls that wait for others (disks, networks) most of their time: four more than CPUs, 32 at most. Calls
 * that compute want tt_cpus_count.
 *
 * Thread, Blocks: as tt_cpus_count
 */
TT_EXPORT uint32_t tt_cpus_suggest_workers(void);

#ifdef __cplusplus
}
#endif
#endif

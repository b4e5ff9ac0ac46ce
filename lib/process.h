/* SPDX-License-Identifier: MIT */
#ifndef SLUICE_PROCESS_H
#define SLUICE_PROCESS_H

/* Metrics of the process itself, under the names that Prometheus' own libraries use: the release, when it
 * started, CPU time, memory, file descriptors. They are read from the kernel at each rendering. */

/* Registers them. Call it once, early: the process counts as started now. Before threads start. */
void process_register(void);

#endif

// SPDX-License-Identifier: ISC
// What a process costs, and where it runs: for `mms bench`, which measures a server that it has started. Layer: os.
// Reads /proc; where that lacks something, the functions say false and leave their target unchanged.
#ifndef MMS_OS_MEASURE_H
#define MMS_OS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Cores that this process may run on, at least 1.
size_t measure_core_count(void);

// From now on this process, and what it starts, runs on core `index` alone, counted through those it may run on.
bool measure_pin(size_t index);

// CPU time that the process `pid` has used, all threads of it, in microseconds; 0: this process. False: there is none.
bool measure_cpu_us(pid_t pid, int64_t *us);

// Datagrams that the UDP sockets bound to this local port lost for want of room in their buffers, both families together.
bool measure_udp_drops(uint16_t port, uint64_t *count);

#endif

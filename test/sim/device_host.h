// SPDX-License-Identifier: ISC
// The devices' machines: processes that sign in, write, are killed, suspended, moved, copied; and the hostile ones.
#ifndef MMS_SIM_DEVICE_HOST_H
#define MMS_SIM_DEVICE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "world.h"

void device_host_begin(void);
void device_host_end(void);

// Starts a process on a profile. NULL: no place is free.
struct process *device_host_start(uint8_t profile, bool is_receiving);

// kill -9; what its store had not committed is gone.
void device_host_kill(struct process *process);

// Any process of a profile that is alive, or NULL.
struct process *device_host_of(uint8_t profile);

// The process at an address, or NULL.
struct process *device_host_at(const struct addr *addr);

// Every honest profile has a process that has not stopped; hostile ones have none.
void device_host_revive(void);

// Gives it another address.
void device_host_move(struct process *process);

void device_host_recv(const struct addr *to, const struct addr *from, const uint8_t *datagram, size_t bytes);

// When any process has a turn due; and the turns that are.
struct mtime device_host_deadline(void);
void device_host_turns(void);

#endif

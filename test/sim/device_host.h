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

// Starts a process on a profile. A rival may lack the invite, and name the server otherwise. NULL: no place is free.
struct process *device_host_start(uint8_t profile, enum life_use use, bool is_rival);

// kill -9; what its store had not committed is gone.
void device_host_kill(struct process *process);

// A process of a profile that is alive, one that receives rather than another, or NULL.
struct process *device_host_of(uint8_t profile);

// A drawn one of those, or NULL; not one that has stopped.
struct process *device_host_any_of(uint8_t profile);

// The process at an address, or NULL.
struct process *device_host_at(const struct addr *addr);

// Every honest profile has a process that has not stopped; hostile ones have none, but those that hoard.
void device_host_revive(void);

// Fails the run unless every message that was ever kept stands in its outbox.
void device_host_check_outboxes(void);

// Gives it another address.
void device_host_move(struct process *process);

void device_host_recv(const struct addr *to, const struct addr *from, const uint8_t *datagram, size_t bytes);

// When any process has a turn due; and the turns that are.
struct mtime device_host_deadline(void);
void device_host_turns(void);

#endif

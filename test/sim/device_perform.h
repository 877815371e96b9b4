// SPDX-License-Identifier: ISC
// What a device's machine does when a life orders it: its files, its resolver, its user's ears.
#ifndef MMS_SIM_DEVICE_PERFORM_H
#define MMS_SIM_DEVICE_PERFORM_H

#include "world.h"

// Performs an order of a process, and reports to its life what came of it.
void device_perform(struct process *process, struct life_order *order);

// The lookup of the server's name has come back.
void device_perform_resolved(struct process *process);

// When the process's store has done something; and what it has done by now is reported to its life.
struct mtime device_perform_store_deadline(const struct process *process);
void device_perform_stored(struct process *process);

// The process ends: what its store was ordered is done or not.
void device_perform_end(struct process *process);

// Fails the run unless the processes of this one's profile are as they may be side by side.
void device_perform_check(const struct process *process);

#endif

// SPDX-License-Identifier: ISC
// Who comes and goes, as devices are told: that it is true once all is quiet, and that the server keeps to its budgets and bounds.
#ifndef MMS_SIM_PRESENCE_H
#define MMS_SIM_PRESENCE_H

#include "world.h"

// A process has signed in: it may want to be told.
void presence_signed_in(struct process *process);

// It was told.
void presence_told(struct process *process, const struct life_told *told);

// The server is called: some servers do not know WATCH. Returns the kind that it sees.
uint8_t presence_kind_seen(uint32_t slot, uint8_t kind);

// Whether a call of the server finds no memory: one of presence is the one that may be missing for long.
bool presence_finds_no_memory(const uint8_t *body, size_t bytes);

// The server makes a call, or one was answered.
void presence_called(uint32_t slot, const uint8_t *body, size_t bytes);
void presence_answered(uint32_t slot, uint64_t tag); // see presence_called

// After a turn of the server.
void presence_turn(void);

// When all has been quiet for long enough: what is known at the devices is so.
void presence_check(void);

#endif

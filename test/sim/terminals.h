// SPDX-License-Identifier: ISC
// Several processes of a profile that show what comes: who receives, who is woken, what each shows; and what is promised of it.
#ifndef MMS_SIM_TERMINALS_H
#define MMS_SIM_TERMINALS_H

#include "world.h"

// A process begins; it has shown nothing. It opens its profile. KNOWN was told: what it shows begins here.
void terminals_begin(struct process *process);
void terminals_opened(struct process *process);
void terminals_known(struct process *process);

// The process was told that a copy of its profile receives.
void terminals_replaced(const struct process *process);

// LIFE_RECEIVE is performed: whether the process receives from now on.
bool terminals_receive(struct process *process);

// Wakes those that follow on a profile; a wake may be lost, while there are faults.
void terminals_stir(uint8_t profile);

// The process gives what it has: it ends, or is stopped by its terminal for a while. Others are woken where it received.
void terminals_yield(struct process *process);

// It is stopped until `awake_at`, and others may have what it holds; then it goes on, and has it again, or was overtaken.
void terminals_step_aside(struct process *process);
void terminals_come_back(struct process *process);

// Shows what there is to be shown, if there is news. Between showing and noting it the process may be killed: `is_killed` says so,
// and has done it.
void terminals_show(struct process *process, bool (*is_killed)(struct process *process));

// Whether a profile's transcript has an entry that nobody has shown, or a process has not shown what came while it ran.
bool terminals_owe(const struct process *process);

// Fails the run if a process receives that had opened its profile when a copy of its profile replaced the one that did.
void terminals_check_replaced(const struct process *process);

// Fails the run unless another process receives at once when the one that did is killed.
void terminals_check(void);

#endif

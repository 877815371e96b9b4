// SPDX-License-Identifier: ISC
// Hostile devices that hold what memory the server has for calls. They go on with it when the faults have stopped: whatever
// they hold, everybody else must be served.
#ifndef MMS_SIM_HOARD_H
#define MMS_SIM_HOARD_H

#include "world.h"

// Before what a hostile device has to send is sent: it may leave a number out and make large calls behind it, answer nothing,
// and say a BASE of its own. After it was sent: hoard_sent.
void hoard_turn(struct process *process);
void hoard_sent(void); // see hoard_turn

// Whether a process goes on when the faults have stopped, until hoard_end.
bool hoard_goes_on(const struct process *process);

// Kills them.
void hoard_end(void);

#endif

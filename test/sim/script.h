// SPDX-License-Identifier: ISC
// What happens in a run's active phase, and when: people write, machines fail. Planned from the options at its start.
#ifndef MMS_SIM_SCRIPT_H
#define MMS_SIM_SCRIPT_H

#include "base/time.h"

// Plans the events of world.options.active_ms from world.now on.
void script_plan(void);

// When the next event is due; MTIME_NEVER: all have happened.
struct mtime script_next(void);

// Lets those happen that are due.
void script_run(void);

// Ends every fault: machines are on and connected, disks have room, copies of a device give way to one of them.
void script_heal(void);

#endif

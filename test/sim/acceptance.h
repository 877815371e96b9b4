// SPDX-License-Identifier: ISC
// How long it takes, in virtual time, until a message is accepted, over links that lose.
#ifndef MMS_SIM_ACCEPTANCE_H
#define MMS_SIM_ACCEPTANCE_H

// Measures and prints a table; returns an exit status: 1 when a limit is exceeded or anything failed.
int acceptance_measure(void);

#endif

// SPDX-License-Identifier: ISC
// The wall clocks of the machines, which show anything. No device's is asked for more than ids and what people read.
#ifndef MMS_SIM_CLOCKS_H
#define MMS_SIM_CLOCKS_H

#include <stdint.h>

// Steps somebody's clock, back or forth, to any moment. Returns whose it is, for clocks_right.
uint8_t clocks_step(void);

// Sets a clock right again.
void clocks_right(uint8_t whose);

#endif

// SPDX-License-Identifier: ISC
// The simulator's hand on the cipher; see double.c.
#ifndef MMS_SIM_DOUBLE_H
#define MMS_SIM_DOUBLE_H

#include <stdint.h>

#include "draw.h"

// Begins a run: forgets the nonces seen. `is_real`: with X25519 itself, some hundred times slower.
void double_begin(bool is_real);

// From now on what is sealed is spoiled before, as `draw` says; NULL: no longer.
void double_spoil(struct draw *draw);

// From now on the BASE of what is sealed is this one; 0: no longer.
void double_say_base(uint32_t base);

// Operations on the curve since the program began.
uint64_t double_curve_count(void);

#endif

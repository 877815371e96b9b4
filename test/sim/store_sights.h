// SPDX-License-Identifier: ISC
// Rare things between the server and its store, counted.
#ifndef MMS_SIM_STORE_SIGHTS_H
#define MMS_SIM_STORE_SIGHTS_H

#include "store_host.h"

// A process has opened its store.
void store_sights_begin(void);

// A batch is handed over.
void store_sights_append(uint32_t lane, const struct storage_batch *batch);

// The store is about to tell something.
void store_sights_look(const struct store_told *told);

#endif

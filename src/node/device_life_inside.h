// SPDX-License-Identifier: ISC
// What device_life.c and device_life_next.c share; nobody else includes this. Layer: node.
#ifndef MMS_NODE_DEVICE_LIFE_INSIDE_H
#define MMS_NODE_DEVICE_LIFE_INSIDE_H

#include "node/device_life.h"

// Puts something behind what is to be told already.
void device_life_tell(struct device_life *life, const struct life_told *told);

// Begins to sign in.
void device_life_dial(struct device_life *life, struct mtime now);

// The wish is to end: it does when this is told.
void device_life_stop(struct device_life *life, enum life_stop stop, uint8_t status);

// The same because of a failure here: what is not told yet is dropped. Nothing while IDLE or STOPPED.
void device_life_break(struct device_life *life, enum life_stop stop);

#endif

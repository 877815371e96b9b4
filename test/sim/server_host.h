// SPDX-License-Identifier: ISC
// The server's machine: its process, its kills, its commits; and what is watched at it after every turn.
#ifndef MMS_SIM_SERVER_HOST_H
#define MMS_SIM_SERVER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

// Makes the machine of a run, its process not up.
void server_host_begin(void);
void server_host_end(void);

// Makes its empty disk.
void server_host_make_disk(void);

// Starts the process on the disk as it is.
void server_host_start(void);

// kill -9: everything but the disk is gone; what is with the store may be on the disk or not.
void server_host_kill(void);

// Puts the disk back as it was at the backup; the process must be down.
void server_host_restore(void);

void server_host_recv(const struct addr *from, const uint8_t *datagram, size_t bytes);

// When a turn is due.
struct mtime server_host_deadline(void);

// A turn of the process's loop, if one is due; starts it when its time has come.
void server_host_turn(void);

// The operator asks the process for an orderly end.
void server_host_stop(void);

// Writes the users file anew from the world's users, and the operator asks the process to read it.
void server_host_users_changed(void);

// The operator asks that it be read in a while: the last time it was not, or nobody knows.
void server_host_ask_again(void);

// Seconds that the server has run in all its lives, this one included; it must be up.
int64_t server_host_ran(void);

// Store time at a moment of this life.
int64_t server_host_seconds(struct mtime at);

#endif

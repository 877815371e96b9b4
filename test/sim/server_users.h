// SPDX-License-Identifier: ISC
// The users file as the world's people make it, and what the server's process read of it.
#ifndef MMS_SIM_SERVER_USERS_H
#define MMS_SIM_SERVER_USERS_H

#include "world.h"

// Those in use, and room for those that follow them.
struct host_users *server_users_present(void);
struct host_users *server_users_fresh(void);

// Reads the file as it stands now, into memory that server_users_free gives back.
void server_users_read(struct host_users *users);
void server_users_free(struct host_users *users);

#endif

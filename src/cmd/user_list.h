// SPDX-License-Identifier: ISC
// What `mms user list` shows. Layer: cmd.
#ifndef MMS_CMD_USER_LIST_H
#define MMS_CMD_USER_LIST_H

#include "base/err.h"
#include "base/users.h"
#include "cmd/data.h"

// Writes the table to standard output, one fact a line, in the file's order: NAME, a tab, then "plain", "invite until
// EXPIRY", "device FINGERPRINT since DATE" or "revoke FINGERPRINT"; last, devices of names that are gone from the file,
// as "suspended FINGERPRINT since DATE". Devices are known when the server's database is there. When they cannot be
// read the rest is written all the same. Returns the exit status; `why` is empty unless there is something to say.
int user_list(const struct users_table *table, const struct data_paths *paths, struct reason *why);

#endif

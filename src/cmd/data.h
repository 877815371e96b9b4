// SPDX-License-Identifier: ISC
// Where a server keeps its things, the same for `mms server` and `mms user`. Layer: cmd. Nothing here touches the disk.
#ifndef MMS_CMD_DATA_H
#define MMS_CMD_DATA_H

#include "base/err.h"
#include "os/paths.h"

#define DATA_SOCKET "operator" // in the data directory: the socket of the server that runs

struct data_paths {
	struct file_path data;       // the data directory
	struct file_path database;   // in it: server.db
	struct file_path users;      // the users file
	struct file_path users_lock; // beside it: held by who edits it
	struct file_path users_folder;
};

// Chooses the paths: `data` (-d), else `server` in the state directory; `users` (-u), else `users` in the data
// directory. NULL: not given. Errors as paths_state and paths_join; on error `paths` is undefined.
enum mms_err data_choose(struct data_paths *paths, const char *data, const char *users, struct reason *why) MUST_CHECK;

#endif

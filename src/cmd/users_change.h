// SPDX-License-Identifier: ISC
// Changes a users file as an operator asks, atomically and under its lock: for `mms user` where no server runs, and for the server
// that runs. Layer: cmd.
#ifndef MMS_CMD_USERS_CHANGE_H
#define MMS_CMD_USERS_CHANGE_H

#include <stdbool.h>

#include "base/err.h"
#include "cmd/data.h"
#include "node/operator.h"

enum users_change_wait {
	USERS_CHANGE_WAITS, // for whoever else changes the file, as long as it takes
	USERS_CHANGE_HURRIES, // for at most USERS_CHANGE_WAIT_S
};

enum { USERS_CHANGE_WAIT_S = 5 };

// Makes the change; a request of OPERATOR_USER_LIST makes none. Only an ADD that WAITS makes a file that is missing, and its
// directory. Must: `is_same` is resolved to a life. Returns EXIT_DONE, or another exit status with `why` filled: then the file is
// as it was. EXIT_LATER: somebody else keeps the lock.
int users_change(const struct operator_request *request, const struct data_paths *paths, enum users_change_wait wait,
		 struct reason *why);

#endif

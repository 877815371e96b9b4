// SPDX-License-Identifier: ISC
// Exit statuses of every `mms` command: the numbers of sysexits.h, each with the one meaning it has here. Scripts
// depend on them. Layer: cmd.
#ifndef MMS_CMD_EXIT_H
#define MMS_CMD_EXIT_H

#include "base/err.h"

enum exit_status {
	EXIT_DONE = 0,          // the promised thing happened
	EXIT_USAGE = 64,        // a wrong command line, a port out of range, nobody or no name given with -a
	EXIT_BAD_TEXT = 65,     // a message, a recipient or, in `mms user`, a name or fingerprint that cannot be one
	EXIT_NO_INPUT = 66,   // the users file, or what `check` is to read, is missing or unreadable
	EXIT_NO_USER = 67,      // no such user; no such room, or one is not in it
	EXIT_NO_HOST = 68,      // unknown host
	EXIT_UNREACHABLE = 69,  // server unreachable, and nothing was queued
	EXIT_REFUSED = 71,      // refused: mailbox or server full, blocked
	EXIT_CANT_CREATE = 73,  // state or data cannot be created or written
	EXIT_IO = 74,           // reading, writing or syncing failed, standard output included
	EXIT_LATER = 75,        // queued, will be sent later; `listen` ran out of time
	EXIT_PROTOCOL = 76,     // the server breaks the protocol or its key changed; `bench` found a message lost or doubled
	EXIT_DENIED = 77,       // not authorized to use MMS
	EXIT_CONFIG = 78,       // bad users file, port in use, data in use, not ours or of a newer version
	EXIT_INTERRUPTED = 130, // ended by an interrupt from the keyboard
	EXIT_NO_READER = 141,   // who read standard output has gone; a shell shows the same for tools that SIGPIPE ends
};

// What a failure to create, open or write our state, data or users file means.
static inline int exit_of_data(enum mms_err err)
{
	if (err == MMS_E_IO)
		return EXIT_IO;
	if (err == MMS_E_FORMAT || err == MMS_E_VERSION || err == MMS_E_BUSY || err == MMS_E_BAD)
		return EXIT_CONFIG;
	return EXIT_CANT_CREATE;
}

// What a failure to read or parse the users file means.
static inline int exit_of_users_file(enum mms_err err)
{
	return err == MMS_E_BAD ? EXIT_CONFIG : EXIT_NO_INPUT;
}

#endif

// SPDX-License-Identifier: ISC
// Errors: one return type for everything that can fail because of a peer or of the environment.
// Layer: base. A bug of ours is never an error code: it is an assert, and asserts stay on in release.
#ifndef MMS_BASE_ERR_H
#define MMS_BASE_ERR_H

enum mms_err {
	MMS_OK = 0,
	MMS_E_FULL,    // a bounded table, pool or queue has no room; nothing was changed
	MMS_E_BAD,     // bytes or a value that break the rules for them
	MMS_E_AUTH,    // a tag, proof or handshake does not verify
	MMS_E_AGAIN,   // nothing there now; ask again later
	MMS_E_MISSING, // what was looked for does not exist
	MMS_E_EXISTS,  // what was to be made exists already
	MMS_E_DENIED,  // the system refuses access to a file or a port
	MMS_E_BUSY,    // another process holds the lock, the port or the database
	MMS_E_IO,      // reading, writing or syncing failed
	MMS_E_NOSPACE, // the disk, or our reserve on it, is used up
	MMS_E_FORMAT,  // a file that is not ours, or is damaged
	MMS_E_VERSION, // a file of a newer version of MMS
	MMS_E_HOST,    // a host name that does not resolve
};

// A failure of the environment in words for a person: what failed, where, and what to do about it. Filled by
// the function that noticed it, printed only by cmd. One line, no newline at its end.
enum { REASON_TEXT_BYTES = 768 };
struct reason {
	char text[REASON_TEXT_BYTES];
};

#define MUST_CHECK __attribute__((warn_unused_result))

#endif

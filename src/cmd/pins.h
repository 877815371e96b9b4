// SPDX-License-Identifier: ISC
// The file known_servers of the state directory: which key each server showed when a user first signed in there, as a
// person can read it: "HOST:PORT KEY" a line, KEY in base64url; blank lines and comments, which begin with '#', are
// passed over, as are a byte order mark, blanks around a line and CR before LF. Layer: cmd.
#ifndef MMS_CMD_PINS_H
#define MMS_CMD_PINS_H

#include <stdint.h>

#include "base/err.h"
#include "cmd/server_address.h"
#include "crypto/noise.h"
#include "os/paths.h"

enum { PINS_SERVER_TEXT_BYTES = SERVER_HOST_BYTES + 16 };

// Writes a server as the file names it: "HOST:PORT", with brackets around an IPv6 address.
void pins_server_text(const struct server_address *address, char text[PINS_SERVER_TEXT_BYTES]);

// The path of the file.
enum mms_err pins_path(struct file_path *path, const char *state, struct reason *why) MUST_CHECK;

// The key pinned for a server. MMS_E_MISSING: none. MMS_E_BAD: a line that is not a pin, named in `why`. Else as file_read.
enum mms_err pins_find(const char *state, const struct server_address *address, uint8_t key[NOISE_KEY_BYTES],
		       struct reason *why) MUST_CHECK;

// Whether the key with this fingerprint is pinned for any server: MMS_OK. MMS_E_MISSING: it is not. Else as pins_find.
enum mms_err pins_find_key(const char *state, const struct fingerprint *fingerprint, struct reason *why) MUST_CHECK;

// Pins a key durably, under a lock. MMS_E_EXISTS: another key is pinned, and stays. Else as pins_find and file_replace.
enum mms_err pins_add(const char *state, const struct server_address *address, const uint8_t key[NOISE_KEY_BYTES],
		      struct reason *why) MUST_CHECK;

#endif

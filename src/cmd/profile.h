// SPDX-License-Identifier: ISC
// One user's state at one server: a database; a lock on its outbox, and the FIFO that wakes who holds it; a lock on receiving, and
// the FIFO that wakes those who follow; a lock of the one that listens. Layer: cmd.
// Files: STATE/FINGERPRINT-OF-THE-SERVER/NAME.db, .lock, .wake, .receive, .news, .listen, the name in lower case.
#ifndef MMS_CMD_PROFILE_H
#define MMS_CMD_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fingerprint.h"
#include "base/name.h"
#include "crypto/noise.h"
#include "os/lock.h"
#include "os/paths.h"
#include "os/wake.h"
#include "store/client_store.h"

// Zeroed: closed.
struct profile {
	struct file_path folder;
	struct file_path database;
	struct file_path lock_file;
	struct file_path wake_file;
	struct file_path receive_file;
	struct file_path news_file;
	struct file_path listen_file;
	struct client_store *store;
	struct keypair keys;
	struct name name;   // as the server writes it, once it has signed in
	struct lock outbox; // held: this process submits
	struct wake wake;   // open while it is held
	struct lock receiving; // held: this process receives
	struct wake news;   // while it is held, open for others to see; else, where others receive, to follow them
	struct lock listening; // held: this is the process that listens
};

// The folder of all profiles at the server with this fingerprint.
enum mms_err profile_folder(struct file_path *folder, const char *state, const struct fingerprint *server,
			    struct reason *why) MUST_CHECK;

// The database of one user in such a folder.
enum mms_err profile_database(struct file_path *path, const char *folder, const struct name *name, struct reason *why) MUST_CHECK;

// Whether a file in such a folder is the database of somebody, and whose.
bool profile_is_database(const char *file, struct name *name);

// Opens the profile of `name` at the server with this key, making it, with a key of its own that is on disk before
// anybody sees it, when there is none; of several processes that do so at once all get the same one. Nothing removes a
// profile: its key may be enrolled, however its sign-in looked from here. Errors as client_store_open and directory_make;
// MMS_E_FORMAT also when the key in it does not fit.
enum mms_err profile_open(struct profile *profile, const char *state, const uint8_t server_key[NOISE_KEY_BYTES],
			  const struct name *name, struct reason *why) MUST_CHECK;

// The name of the only profile at a server that has ever signed in. MMS_E_MISSING: there is none; MMS_E_EXISTS: there are
// several. Else as client_store_open of one that cannot be read.
enum mms_err profile_only(struct name *name, const char *state, const uint8_t server_key[NOISE_KEY_BYTES],
			  struct reason *why) MUST_CHECK;

// Calls `each` with every file that is the database of `name`, in no order, and the fingerprint of the server whose folder it is
// in. A state directory that cannot be read has none.
void profile_each_of(const char *state, const struct name *name,
		     void (*each)(void *context, const struct fingerprint *server, const struct file_path *database), void *context);

// Tries to become the process that submits. MMS_E_BUSY: another one does.
enum mms_err profile_take_outbox(struct profile *profile, struct reason *why) MUST_CHECK;

// Lets another process submit.
void profile_give_outbox(struct profile *profile);

// Tries to become the process that receives. MMS_E_BUSY: another one does, and `news` is open to follow it.
enum mms_err profile_take_receiving(struct profile *profile, struct reason *why) MUST_CHECK;

// Lets another process receive.
void profile_give_receiving(struct profile *profile);

// Tries to become the process that listens, until the profile is closed. MMS_E_BUSY: another one is.
enum mms_err profile_take_listening(struct profile *profile, struct reason *why) MUST_CHECK;

// Closes and wipes it.
void profile_close(struct profile *profile);

#endif

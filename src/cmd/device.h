// SPDX-License-Identifier: ISC
// What client, send, listen and who share: a device of one user at one server, from its options to its turns. Layer: cmd.
//
// A command opens it, says whom it wants to be, and takes turns; it comes to know the server's key, opens the profile,
// signs in, pins the key, and submits what the profile's outbox holds whenever this process can hold it. When something
// ends that for good, is_over is set with an exit status and a sentence.
#ifndef MMS_CMD_DEVICE_H
#define MMS_CMD_DEVICE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "cmd/outbound.h"
#include "cmd/pins.h"
#include "cmd/profile.h"
#include "cmd/server_address.h"
#include "node/device_node.h"
#include "os/udp.h"
#include "ui/phrase.h"

enum {
	DEVICE_UNREACHABLE_MS = 3000, // without a sign of the server: said to the user
	DEVICE_OUTBOX_MS = 100,       // between attempts to take the outbox
	DEVICE_POLLFDS_MAX = 4,       // descriptors of the command's own that a turn can wait for
};

struct device_options {
	const char *server; // -s, or the client's HOST; NULL: MMS_SERVER, or 127.0.0.1
	uint64_t port;      // -p; 0: not given
	const char *user;   // -a; NULL: MMS_USER, or the only profile
	const char *state;  // --state; NULL: the XDG state directory
	const char *invite; // NULL: MMS_INVITE, or none
};

// What became of a wish to be somebody.
enum device_stop {
	DEVICE_STOP_NONE = 0,
	DEVICE_STOP_FAILED,     // the environment; `why`
	DEVICE_STOP_REFUSED,    // SIGNIN was not granted
	DEVICE_STOP_BROKEN,     // the server answered SIGNIN against the protocol
	DEVICE_STOP_NOT_PROVED, // the server does not know the invite
	DEVICE_STOP_KEY,        // the server's key changed; `shown_key`
	DEVICE_STOP_VERSION,    // no common version
	DEVICE_STOP_REPLACED,
	DEVICE_STOP_REMOVED,
	DEVICE_STOP_SIGNED_OUT,
};

struct device {
	struct server_address address;
	char server_text[PINS_SERVER_TEXT_BYTES];
	struct file_path state;
	struct file_path pins;
	struct udp udp;
	struct outbound outbound;
	struct device_node node;
	void *memory;
	void (*told)(void *context, const struct client_told *told);
	void *told_context;

	bool has_key; // server_key is known: pinned, or shown by the server
	bool is_pinned;
	uint8_t server_key[NOISE_KEY_BYTES];
	uint8_t shown_key[NOISE_KEY_BYTES];

	bool is_wanted; // somebody is to be signed in
	bool is_asking;
	bool is_started;
	bool is_signed_in; // since device_sign_in
	bool was_reached;  // the server has given any sign of itself
	struct client_config config;
	struct mtime wanted_at;
	struct mtime outbox_at; // when to try to take the outbox
	struct profile profile;

	enum device_stop stop;
	int status; // the exit status that `stop` stands for
	struct reason why;
	uint8_t inbound[UDP_BATCH_MAX][UDP_SLOT_BYTES];
};

// Reads the options, finds the server's address and its pinned key, opens sockets. Returns EXIT_DONE, or the exit status
// with device->why filled. `told` hears what msg/client.h tells, after the device itself.
int device_open(struct device *device, const struct device_options *options,
		void (*told)(void *context, const struct client_told *told), void *told_context);

// The user to be: `given`, else MMS_USER, else the only profile at this server. Returns as device_open; EXIT_USAGE when nobody is named.
int device_choose_user(struct device *device, const char *given, struct name *name);

// Opens the profile of `name` without signing in. Must: has_key. Returns as device_open.
int device_open_profile(struct device *device, const struct name *name, bool may_create);

// Wants to be `name`, receiving or only sending, with an invite code or NULL; what came of an earlier wish is forgotten.
void device_sign_in(struct device *device, const struct name *name, bool is_receiving, const char *invite);

// Begins to sign out; DEVICE_STOP_SIGNED_OUT follows when the server has answered.
void device_sign_out(struct device *device);

// Takes a turn: waits until something is to be done, one of `polled` (their revents are set) is ready, or `until`; then
// does it all. Errors are in device->stop.
void device_turn(struct device *device, struct pollfd *polled, size_t polled_count, struct mtime until);

// Queues a message on the profile, durably. Must: the profile is open. Errors as client_store_outbox_add, `why` filled.
enum mms_err device_queue(struct device *device, const struct name *recipient, const void *text, size_t bytes,
			  struct uuid *id) MUST_CHECK;

// Whether the server has given no sign of itself for DEVICE_UNREACHABLE_MS while one was awaited.
bool device_is_unreachable(const struct device *device);

// Says what ended a wish to be somebody; nothing for DEVICE_STOP_NONE and DEVICE_STOP_SIGNED_OUT.
void device_say_stop(const struct device *device, const struct phrase_out *out);

// Forgets the profile and every session: nobody is wanted any more.
void device_forget(struct device *device);

// Gives everything back.
void device_close(struct device *device);

#endif

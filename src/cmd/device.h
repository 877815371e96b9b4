// SPDX-License-Identifier: ISC
// What client, send, listen and who share: the performer of a device's life (node/device_life.h). It has the sockets, the
// clock, the files and the thread that looks names up; it does what the life orders, and decides nothing. Layer: cmd.
//
// A command opens it, says whom it wants to be, and takes turns; what happens is told to it, one thing after the other.
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
#include "node/device_life.h"
#include "os/resolver.h"
#include "os/udp.h"
#include "ui/phrase.h"

enum {
	DEVICE_POLLFDS_MAX = 4, // descriptors of the command's own that a turn can wait for
};

struct device_options {
	const char *server; // -s, or the client's HOST; NULL: MMS_SERVER, or 127.0.0.1
	uint64_t port;      // -p; 0: not given
	const char *user;   // -a; NULL: MMS_USER, or the only profile
	const char *state;  // --state; NULL: the XDG state directory
	const char *invite; // NULL: MMS_INVITE, or none
};

// What a command hears. It may call anything here but device_turn and device_close.
typedef void device_told(void *context, const struct life_told *told);

struct device {
	struct server_address address;
	char server_text[PINS_SERVER_TEXT_BYTES];
	struct file_path state;
	struct file_path pins;
	struct udp udp;
	struct outbound outbound;
	struct resolver resolver;
	struct device_life life;
	void *memory;
	struct profile profile;
	device_told *told;
	void *told_context;
	struct reason host_why; // why the server's name does not resolve
	struct reason why;      // what failed last
	bool is_listening;      // only one process of a profile may: the device is opened as nobody where another one does
	bool is_first_signin;   // of its profile; nobody has looked since what another one has left behind
	int failed_status;      // the exit status that LIFE_STOP_FAILED stands for
	struct client_appended appended; // what became of an order to the store
	struct client_answer answer;
	uint8_t inbound[UDP_BATCH_MAX][UDP_SLOT_BYTES];
};

// Reads the options, finds the server's pinned key, opens sockets. Returns EXIT_DONE, or the exit status with device->why
// filled. Nothing is looked up or told before the first turn.
int device_open(struct device *device, const struct device_options *options, device_told *told, void *told_context);

// The user to be: `given`, else MMS_USER, else the only one who has signed in at this server. Returns as device_open;
// EXIT_USAGE when nobody is named.
int device_choose_user(struct device *device, const char *given, struct name *name);

// Wants to be `name`, with an invite code or NULL. Must: nobody was wanted before, or was forgotten.
void device_be(struct device *device, const struct name *name, enum life_use use, const char *invite);

// Wants a list; LIFE_TOLD_LIST_END or _FAILED ends it.
void device_list(struct device *device, const struct client_list_wish *wish);

// Wants to sign out; LIFE_TOLD_STOPPED follows.
void device_leave(struct device *device);

// Takes a turn: does what is ordered, waits until something is to be done, one of `polled` (their revents are set) is ready,
// or `until`; then does it all.
void device_turn(struct device *device, struct pollfd *polled, size_t polled_count, struct mtime until);

// Queues what the profile wants, durably, and gives it its id. Must: the profile is open. Errors as client_store_outbox_add, `why`
// filled.
enum mms_err device_queue(struct device *device, struct outbox_row *wish) MUST_CHECK;

// Notes that entries of the transcript were shown. Errors as client_store_transcript_mark_shown.
enum mms_err device_note_shown(struct device *device, const struct transcript_range *shown) MUST_CHECK;

// Whether the server has been silent for LIFE_SILENT_US while a sign of it was awaited, or its name does not resolve.
bool device_is_silent(const struct device *device);

// Whether a lookup of the server's name has failed and no address of it is known.
bool device_is_without_host(const struct device *device);

// Says that the server does not answer, or that its name does not resolve.
void device_say_unreachable(const struct device *device, const struct phrase_out *out);

// Says, once at the first sign-in of a profile, what the user has queued in others whose server's key is pinned no more: when a
// server's new key is trusted, what was written for the old one stays there. To be called at LIFE_TOLD_SIGNED_IN.
void device_say_left_behind(struct device *device, const struct phrase_out *out);

// Says what ended a wish to be somebody, of a LIFE_TOLD_STOPPED; nothing for LIFE_STOP_SIGNED_OUT. Where the status is
// EXIT_DENIED, also how many messages stay queued.
void device_say_stop(const struct device *device, const struct life_told *stopped, const struct phrase_out *out);

// The exit status that it stands for.
int device_stop_status(const struct device *device, const struct life_told *stopped);

// Forgets the profile and every session: nobody is wanted any more.
void device_forget(struct device *device);

// Gives everything back.
void device_close(struct device *device);

#endif

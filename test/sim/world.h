// SPDX-License-Identifier: ISC
// The simulated world: its clock, its people, their machines, and one turn after the other. Everything in it is drawn
// from one seed, and everything of the product in it is the product: node/, and what is below it without the system.
#ifndef MMS_SIM_WORLD_H
#define MMS_SIM_WORLD_H

#include "device_disk.h"
#include "draw.h"
#include "node/device_life.h"
#include "node/device_showing.h"
#include "node/server_node.h"
#include "options.h"
#include "server_disk.h"

enum {
	USERS_MAX = 10,      // a name that is given to somebody else is another user
	IDENTITIES_MAX = 16, // device keys
	PROFILES_MAX = 20,   // stores of devices; a copied device has two
	PROCESSES_MAX = 24,
	SERVER_PORT = 1060,
	LOOKS_MAX = 128,
	OPENED_MAX = 128,
	WATCHED_SESSIONS = 64,
	NAMES = 2, // of the server, as a device may write them
};

#define INVITES_END "2100-01-01T00:00:00Z"
#define INVITES_END_MS 4102444800000

struct user {
	struct name name;
	uint8_t first; // the user who had the name first; itself for most
	uint8_t life[USER_LIFE_BYTES]; // zeros: its line says none
	bool is_listed; // in the users file
	bool is_hostile;
};

// A device key and what its owner knows.
struct identity {
	struct keypair keys;
	uint8_t user;
	bool has_invite;
	bool is_revoked;
	bool is_put_back; // its store was, once
	bool is_claimant; // it has signed in without a code: it may have claimed its name
	uint8_t invite_hash[INVITE_HASH_BYTES];
	bool is_code_fresh; // its code stood on no line of the users file once: it may be used again
	struct uuid gap_id; // of the notice of a gap that the server made last
};

// A device's state directory on its machine, for all processes of it: the store, a lock and the pins of the server's names.
struct profile {
	struct device_disk disk;
	bool is_made;         // its store exists, and the device's key in it
	bool is_pinned[NAMES]; // by the server's name
	int holder;           // the process that has the outbox; -1: none
	int receiver;         // the process that receives; -1: none
	uint32_t holder_turn; // how often the outbox was taken
	uint32_t receiver_turn; // the same of receiving
	uint32_t replaced_serial; // of the opening that was the last one when a copy replaced the process that received
	uint32_t shown_by[MESSAGES_MAX]; // the serial of the process that has shown an entry last; 0: none
	uint16_t lineage;
	bool is_given_up; // replaced by a copy of itself: it sends what it has, and receives no more
};

// What a device's store was ordered, and has not done yet.
struct device_work {
	bool is_append;
	struct mtime append_at;
	struct client_batch batch;
	bool is_ask;
	struct mtime ask_at;
	struct client_question question;
};

struct process {
	bool is_alive;
	bool is_due; // a turn is due whatever the clock says
	bool is_woken; // another process has poked it
	bool is_stirred; // the process that it follows has, or has ended
	uint32_t serial; // of all that were ever started
	uint32_t opened_serial; // of all openings of profiles
	bool is_aside; // stopped by its terminal until awake_at: others may have what it had
	uint32_t outbox_turn; // it had the outbox then, and this was the turn; 0: it had not
	uint32_t receiving_turn;
	struct mtime show_at; // it does not come to show anything before
	bool is_showing; // it shows what comes
	bool has_news;   // it was told something that may be to be shown
	struct device_showing showing;
	uint8_t has_shown[MESSAGES_MAX]; // by place in the transcript
	bool was_alone; // no copy of its profile has received since it started, or since another of the profile did
	bool is_stopped;   // its life has, by itself
	bool is_receiving;
	bool is_rival; // started beside another one: it may have no invite, or dial the server by another name
	uint8_t profile;
	uint8_t name; // of the server, from 0
	uint32_t seen_version; // of the store, when the process last asked whether another one has written
	struct mtime resolve_at; // when the lookup of the server's name comes back
	struct mtime awake_at; // suspended until then
	struct addr addr;
	int64_t wall_offset_ms; // of its machine, where messages are written
	struct mtime cut_until[2]; // from the server, to the server
	uint64_t sent_count;
	uint8_t told_presence[USERS_MAX]; // what was told last: 0 nothing, 1 away, 2 online
	bool is_grown; // the transcript is, by its batches, and it was not told so
	struct device_work work;
	struct device_life life;
	void *memory;
};

// What has been called in a session, to see that nothing is done twice.
struct look {
	uint32_t number; // 0: nothing
	uint8_t kind;
	bool is_answered;
	uint16_t message; // of the truth; MESSAGES_MAX: none
	struct mtime answered_at;
};

// A sign-in as it was asked for.
struct watched_signin {
	uint64_t heard_row; // the highest row that the device was heard to have
	uint32_t full_count; // batches without room until then
	int64_t device_id;   // the device, if it was enrolled
	struct mtime began_at; // the session
};

struct watched_presence {
	struct mtime told_at;
	bool is_open;    // the notice is not answered
	bool is_refused; // a WATCH was, as a call of no known kind
};

struct watched_slot {
	uint32_t index; // of the session, 0: none
	uint8_t key[NOISE_KEY_BYTES]; // its peer's
	uint64_t session; // as operations name it; 0: not known
	uint64_t row_delivered; // the last one; 0: none
	struct watched_signin signin;
	struct watched_presence presence;
	struct addr path;
	bool is_replaced; // in this turn, by a session of the same device
	struct look look[LOOKS_MAX];
	uint64_t opened[OPENED_MAX]; // counters of datagrams it took, each + 1, by its rest
};

// A session as operations name it.
struct watched_session {
	uint64_t session;
	struct mtime began_at;
	uint32_t op_call; // the last one with an operation
};

struct watched_lane {
	int64_t user_id;
	uint32_t lane;
};

// The users of one reading of the file.
struct host_users {
	struct users_table table;
	struct server_user *user;
	uint32_t version; // of the file that was read
};

struct server_host {
	bool is_up;
	bool is_due;
	bool is_disk_full;
	uint32_t users_version; // of the users file: so often has it changed
	bool is_reload_due; // the file has changed, and the server does not use it yet
	bool is_broken;     // its store has failed
	bool is_without_presence; // it is of a kind that does not know WATCH
	struct mtime up_at;
	struct mtime room_at; // when the disk has room again
	struct mtime ask_at;  // when the operator asks for a reload again
	int64_t wall_offset_ms;
	int64_t ran_us; // in its lives before this one: what store time must not be ahead of
	struct mtime opened_at;  // when it began with its store
	int64_t opened_seconds;  // and store time then
	struct server_node node;
	struct server_config config;
	struct keypair keys;
	void *memory;
	size_t memory_bytes;
	struct host_users users[2]; // those in use, and room for those that follow them
	uint8_t users_place;
	struct watched_slot watched[64];
	struct watched_session session[WATCHED_SESSIONS]; // a ring
	uint32_t session_count;
	struct watched_lane lane_of[DISK_USERS_MAX]; // by the world's user
	uint64_t heard_row[IDENTITIES_MAX]; // the highest row that each device was heard to have ..
	int64_t heard_device[IDENTITIES_MAX]; // .. under this id: who is enrolled anew begins anew
	uint32_t heard_full_count[IDENTITIES_MAX]; // and full_count then
	uint32_t full_count; // batches without room
	uint32_t turn_count;
};

struct world {
	struct draw draw;   // decisions
	struct draw secret; // keys and nonces, never from a fuzzer
	struct rng rng;
	struct options options;
	struct mtime now;
	uint32_t still_count; // steps since it moved
	bool is_faulty; // the active phase
	bool are_tails_due; // see rooms_lack
	struct user user[USERS_MAX];
	uint32_t user_count;
	struct identity identity[IDENTITIES_MAX];
	uint32_t identity_count;
	struct profile profile[PROFILES_MAX];
	uint32_t profile_count;
	struct process process[PROCESSES_MAX];
	struct server_host server;
	struct server_disk disk;
	struct server_disk backup;
	bool has_backup;
	struct device_disk device_backup;
	int device_backup_profile; // -1: none
	uint16_t lineage_count;
	uint16_t port; // the last one that a device moved to
	uint8_t server_host; // the last part of the server's address
	bool had_absence;
	struct mtime absent_until; // all devices are off
};

extern struct world world;

// Lets time pass.
void world_run_ms(int64_t ms);

// Runs one seed. `given`: options to use instead of drawn ones, or NULL. Fails through report_failure.
void world_run(uint64_t seed, const struct options *given);

// A short run in which the bytes of `script` decide, for as long as they last, without the silence at the end.
void world_run_briefly(uint64_t seed, const uint8_t *script, size_t script_bytes);

// Prepares a world of these options, its people and an up server, no event planned.
void world_begin(uint64_t seed, const struct options *options);
// One step: to the next moment at which anything is due, at most to `until`.
void world_step(struct mtime until);
void world_end(void);

bool world_is_faulty(void);
int world_identity_of_key(const uint8_t key[NOISE_KEY_BYTES]); // -1: none
uint8_t world_user_of_identity(uint8_t identity);
bool world_user_is_hostile(uint8_t user);
bool world_identity_is_honest(uint8_t identity);
struct wtime world_wall(int64_t offset_ms);
struct identity *world_owner(const struct process *process);

// A user writes a message on a profile. False: no room for it.
bool world_write(uint8_t profile, uint8_t recipient, uint16_t text_bytes);

// The same of anything else, as truth_wish says; sender, id and lineage are the profile's.
bool world_wish(uint8_t profile, struct message *wish, uint16_t text_bytes);

#endif

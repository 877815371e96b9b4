// SPDX-License-Identifier: ISC
// The server's store in the simulator's memory: the contract of store/storage.h in plain arrays, judged by code of its own. A
// copy of the struct is a backup. What is in it is durable; what is on its way to it is with server_store.h.
#ifndef MMS_SIM_SERVER_DISK_H
#define MMS_SIM_SERVER_DISK_H

#include "base/users.h"
#include "store/storage.h"

enum {
	ROWS_MAX = 1024,
	DISK_DEVICES_MAX = 32,
	DISK_STARTS_MAX = 64,
	SPENT_MAX = 16,
	DISK_USERS_MAX = 10,
	DISK_LANES_MAX = 3,
	DISK_REFUSALS_MAX = 1024, // full: the oldest is forgotten
};

struct disk_row {
	uint64_t row;    // in its mailbox
	uint64_t commit; // among all that was accepted
	uint16_t message; // of the truth
	bool in_mailbox;
	bool is_id_held;
	bool was_online;
	int64_t sender_id;
	int64_t recipient_id;
	struct uuid id;
	struct name sender;
	uint8_t digest[DIGEST_BYTES];
	struct wtime accepted_at;
	uint8_t kind;
	uint8_t form;
	uint16_t text_bytes;
	const uint8_t *text; // kept by server_disk_check.h
	bool is_taken;    // by the first device
	int64_t taken_at; // seconds of store time
	int64_t taken_ran; // and of the server's life
	int64_t held_since;
	int64_t held_ran;
};

struct disk_device {
	struct storage_device held; // device_id 0: removed
	uint8_t key[STORAGE_KEY_BYTES];
	uint8_t fingerprint[STORAGE_KEY_BYTES];
};

struct disk_user {
	int64_t user_id; // 0: not known
	uint64_t row_newest; // that its mailbox ever had
	uint64_t taken_row;  // the highest that any device of the user ever had
	bool is_absent;
	int64_t absent_since;
	int64_t absent_ran;
};

// What a mailbox may hold. A sender's share is half of what no device has.
struct disk_bounds {
	uint64_t rows_max;  // that no device has
	uint64_t bytes_max; // their text
	uint64_t held_bytes_max; // all rows, each MAILBOX_ROW_BYTES and its text
	bool is_apart; // rows are each mailbox's own, with holes, and marks each lane's own; else both are commit numbers
};

struct server_disk {
	struct disk_bounds bounds;
	uint32_t row_count;
	uint32_t device_count;
	uint32_t start_count;
	uint32_t spent_count;
	uint64_t commit_next;
	int64_t user_id_next;
	int64_t seconds; // of store time, as they are durable
	struct disk_user user[DISK_USERS_MAX]; // by the world's user
	struct disk_device device[DISK_DEVICES_MAX];
	struct storage_mark start[DISK_STARTS_MAX]; // with the first number of each
	uint8_t spent[SPENT_MAX][STORAGE_KEY_BYTES];
	struct disk_row row[ROWS_MAX]; // by commit
};

struct disk_refusal {
	int64_t sender_id;
	struct uuid id;
	uint64_t session;
	uint32_t call;
	enum storage_verdict verdict;
	struct mtime at;
};

// What a process of the store remembers and no disk: zeros at its start.
struct disk_memory {
	uint32_t refusal_count; // ever noted
	struct storage_mark lane[DISK_LANES_MAX]; // the newest that its answers may promise
	struct disk_refusal refusal[DISK_REFUSALS_MAX]; // a ring
};

void server_disk_begin(struct server_disk *disk, const struct disk_bounds *bounds);

// A backup: what is used of `from`.
void server_disk_copy(struct server_disk *to, const struct server_disk *from);

// Reads it as after a start of the process: store time goes on from what is durable.
void server_disk_start(struct server_disk *disk, struct disk_memory *memory, const uint8_t start_id[STORAGE_START_ID_BYTES]);

// What follows takes store time: the seconds at the process's start, and what has passed by the monotonic clock since.

// Gives the users of a table their ids, makes the others absent, removes revoked devices, and forgets spent invites that stand
// on no line. `removed` gets the ids of the devices that are gone, rising, at most DISK_DEVICES_MAX; returns how many.
uint32_t server_disk_sync_users(struct server_disk *disk, struct users_table *table, int64_t seconds, int64_t *removed);

// Judges a batch of a lane, whole, and makes it durable. `results` gets what became of each operation; nothing of the batch is
// written. `lacks_room`: of each operation, whether a message finds no room on the disk; NULL: none. Returns the mark.
struct storage_mark server_disk_append(struct server_disk *disk, struct disk_memory *memory, uint32_t lane,
				       const struct storage_batch *batch, const bool *lacks_room, int64_t seconds,
				       struct storage_result *results);

// The same where the disk has no room for any of it: what is held already is told as it is, all else is refused.
struct storage_mark server_disk_roll_back(struct server_disk *disk, struct disk_memory *memory, uint32_t lane,
					  const struct storage_batch *batch, struct storage_result *results);

// Answers a question; a page has at most `rows_max` rows.
void server_disk_answer(const struct server_disk *disk, const struct disk_memory *memory, struct storage_question *question,
			uint32_t rows_max);

// Removes what is kept no longer.
void server_disk_housekeep(struct server_disk *disk, int64_t seconds);

// The row that holds a message's id, or NULL: then the message is not durable.
const struct disk_row *server_disk_held(const struct server_disk *disk, uint32_t message);

// Whether nothing can be accepted for a user of the world from a sender of the world now.
bool server_disk_is_closed(const struct server_disk *disk, uint8_t user, uint8_t sender);

// The device with this key, or NULL.
const struct disk_device *server_disk_device(const struct server_disk *disk, const uint8_t key[STORAGE_KEY_BYTES]);

// The place of a user with an id of the store; DISK_USERS_MAX: it knows none.
uint8_t server_disk_user(const struct server_disk *disk, int64_t user_id);

#endif

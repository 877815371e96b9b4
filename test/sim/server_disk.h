// SPDX-License-Identifier: ISC
// The server's store in the simulator's memory: the contract of store/storage.h in plain arrays, judged by code of its own. A
// copy of the struct is a backup. What is in it is durable; what is on its way to it is with server_store.h.
#ifndef MMS_SIM_SERVER_DISK_H
#define MMS_SIM_SERVER_DISK_H

#include "base/users.h"
#include "store/storage.h"

enum {
	ROWS_MAX = 3072,
	DISK_DEVICES_MAX = 32,
	DISK_STARTS_MAX = 64,
	SPENT_MAX = 16,
	DISK_USERS_MAX = 10,
	DISK_LANES_MAX = 3,
	DISK_REFUSALS_MAX = 1024, // full: the oldest is forgotten
	LINES_MAX = 1024,
	DISK_ROOMS_MAX = 48,
	DISK_NAMES_MAX = 96,
	DISK_PAIRS_MAX = 256,
};

// What stands in a room, or was changed without a word in one; and its id, while that is held.
struct disk_line {
	uint64_t commit;
	int64_t room_id;   // 0: in none
	uint64_t room_row; // 0: the same
	uint16_t message;  // of the truth
	bool is_change;
	bool is_id_held;
	bool was_online;
	bool is_kept; // history has it
	int64_t sender_id; // 0: the operator
	int64_t going_id;  // who leaves or is removed; 0: nobody
	int64_t pair_of_id;   // of a change: the pair that it is about, as in struct disk_pair
	int64_t pair_user_id; // 0: none
	bool has_effect;      // of a change: something is otherwise since
	struct uuid id;
	struct name sender;
	uint8_t digest[DIGEST_BYTES];
	struct storage_mark stamp; // of a change
	struct wtime accepted_at;
	uint8_t kind;
	uint8_t form;
	uint16_t text_bytes;
	const uint8_t *text; // kept by server_disk_check.h
	int64_t kept_at;     // seconds of store time
	int64_t kept_ran;    // and of the server's life
};

struct disk_room {
	int64_t room_id; // 0: none
	struct storage_room_name is;
	bool is_private;
	bool has_no_history;
	bool is_gone;
	int64_t made_by; // 0: the operator
	int64_t gone_at;
	uint64_t row_last;
};

// A name that a room has or had.
struct disk_room_name {
	int64_t room_id; // 0: none
	struct name name;
};

// A room and a user, or who blocks and who is blocked: how it stands, and the stamp of its newest change.
struct disk_pair {
	int64_t of_id; // the room, 0: one that is not there; or who blocks
	int64_t user_id; // 0: no pair
	struct name name;
	bool is_so; // is a member; is blocked
	bool is_owner;
	uint64_t from_row;
	uint64_t since; // commit
	struct storage_mark stamp;
	int64_t ended_at; // if it is not so
};

struct disk_row {
	uint64_t row;    // in its mailbox
	uint64_t commit; // among all that was accepted
	uint16_t message; // of the truth
	int64_t room_id;  // 0: of none, and then this holds the id
	uint64_t room_row;
	bool in_mailbox;
	bool is_silent; // nobody waits for it
	bool is_going;  // by it its user left a room
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
	uint64_t seen_row; // what its mailbox has up to there, another device had when it was enrolled
};

struct disk_user {
	int64_t user_id; // 0: not known
	struct name name;
	uint64_t row_newest; // that its mailbox ever had
	uint64_t taken_row;  // the highest that any device of the user ever had
	bool has_more;       // it is in a room or blocks, or did once: it is noted when something is taken
	int64_t noted_at;    // ..: then, to within a day
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
	uint32_t compact_count; // times that rows of long ago were forgotten
	uint32_t device_count;
	uint32_t start_count;
	uint32_t spent_count;
	uint32_t line_count;
	uint32_t member_count; // places of pairs that were used
	uint32_t block_count;
	int64_t room_id_next;
	struct wtime newest_at; // when the newest message was accepted, for people
	uint64_t commit_next;
	int64_t user_id_next;
	int64_t seconds; // of store time, as they are durable
	struct disk_user user[DISK_USERS_MAX]; // by the world's user
	struct disk_room room[DISK_ROOMS_MAX];
	struct disk_room_name name[DISK_NAMES_MAX];
	struct disk_pair member[DISK_PAIRS_MAX];
	struct disk_pair block[DISK_PAIRS_MAX];
	struct disk_device device[DISK_DEVICES_MAX];
	struct storage_mark start[DISK_STARTS_MAX]; // with the first number of each
	uint8_t spent[SPENT_MAX][STORAGE_KEY_BYTES];
	struct disk_row row[ROWS_MAX]; // by commit
	struct disk_line line[LINES_MAX]; // by commit
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

// Judges a batch of a lane, whole, and makes it durable. `results` gets what became of each operation; of the batch its places
// are written. `lacks_room`: of each operation, whether a message finds no room on the disk; NULL: none. Returns the mark.
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

// What is durable of a message or a change of the truth.
struct disk_held {
	uint64_t commit; // 0: it is not
	bool was_online;
	bool is_change;
	struct storage_mark stamp; // of a change
};
struct disk_held server_disk_held(const struct server_disk *disk, uint32_t message);

// The room that has a name now; NULL: none.
const struct disk_room *server_disk_room(const struct server_disk *disk, const struct name *name);

// How a user stands to a room; NULL: it is not known ever to have been in it.
const struct disk_pair *server_disk_member(const struct server_disk *disk, int64_t room_id, int64_t user_id);

// Whether a user blocks another.
bool server_disk_blocks(const struct server_disk *disk, int64_t user_id, int64_t other_id);

// Whether nothing can be accepted for a user of the world from a sender of the world now.
bool server_disk_is_closed(const struct server_disk *disk, uint8_t user, uint8_t sender);

// The device with this key, or NULL.
const struct disk_device *server_disk_device(const struct server_disk *disk, const uint8_t key[STORAGE_KEY_BYTES]);

// The place of a user with an id of the store; DISK_USERS_MAX: it knows none.
uint8_t server_disk_user(const struct server_disk *disk, int64_t user_id);

#endif

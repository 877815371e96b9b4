// SPDX-License-Identifier: ISC
// The server's store in the simulator's memory: the contract of store/storage.h and of store/server_store.h in plain
// arrays. A copy of the struct is a backup. What is in it is durable; what is not yet in it is the pending batch.
#ifndef MMS_SIM_SERVER_DISK_H
#define MMS_SIM_SERVER_DISK_H

#include "base/users.h"
#include "store/storage.h"

enum { ROWS_MAX = 1024, DISK_DEVICES_MAX = 32, DISK_STARTS_MAX = 64, SPENT_MAX = 16, DISK_USERS_MAX = 10 };

struct disk_row {
	uint64_t row;
	uint16_t message; // of the truth
	bool in_mailbox;
	bool is_id_held;
	bool was_online;
	int64_t sender_id;
	int64_t recipient_id;
	uint8_t digest[DIGEST_BYTES];
	struct wtime accepted_at;
	bool is_taken;    // by the first device
	int64_t taken_at; // seconds of store time
	int64_t taken_ran; // and of server_host_ran
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
	uint64_t taken_row; // the highest that any device of the user ever had
	bool is_absent;
	int64_t absent_since;
	int64_t absent_ran;
};

struct server_disk {
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
	struct disk_row row[ROWS_MAX]; // by row
};

void server_disk_begin(struct server_disk *disk);

// A backup: what is used of `from`.
void server_disk_copy(struct server_disk *to, const struct server_disk *from);

// Reads it as after a start of the process: store time goes on from what is durable.
struct storage_mark server_disk_start(struct server_disk *disk, const uint8_t start_id[STORAGE_START_ID_BYTES]);

// What follows takes store time: the seconds at the process's start, and what has passed by the monotonic clock since.

// Gives the users of a table their ids, makes the others absent, removes revoked devices, and forgets spent invites that stand
// on no line.
void server_disk_sync_users(struct server_disk *disk, struct users_table *table, int64_t seconds);

// Applies a batch, whole, and reports to the truth.
void server_disk_append(struct server_disk *disk, const struct storage_batch *batch, int64_t seconds);

// Removes what is kept no longer.
void server_disk_housekeep(struct server_disk *disk, int64_t seconds);

// Whether an id of this message is held, that is: whether it is durable.
bool server_disk_holds(const struct server_disk *disk, uint32_t message);

// Messages for a user of the world that none of the user's devices has taken: what the quota counts.
uint64_t server_disk_untaken(const struct server_disk *disk, uint8_t user);

// The device with this key, or NULL.
const struct disk_device *server_disk_device(const struct server_disk *disk, const uint8_t key[STORAGE_KEY_BYTES]);

// The reads; the chance that one fails, and whether there is room, are the world's.
struct server_storage server_disk_storage(struct server_disk *disk);

#endif

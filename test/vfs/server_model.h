// SPDX-License-Identifier: ISC
// What must stand in the server's database, said in arrays: a second statement of what src/store/server_store.h and
// storage.h promise, which shares no code with them. Plain values, copied by assignment; no errors.
#ifndef MMS_TEST_SERVER_MODEL_H
#define MMS_TEST_SERVER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_USERS = 4, MODEL_KEYS = 8, MODEL_STARTS_MAX = 24, MODEL_MESSAGES_MAX = 2800, MODEL_IDS_MAX = 64 };

struct model_user {
	int64_t id; // 0: not in the database
	bool is_absent;
	int64_t absent_since; // seconds of store time
	bool is_loud; // its name is written in capitals
};

struct model_device {
	int64_t id; // 0: not enrolled
	int64_t user_id;
	uint64_t cursor;
	uint64_t gap_row;
	uint64_t gap_count;
};

struct model_message {
	uint64_t row;
	uint32_t serial; // what its id, text and digest are made from; never used twice
	uint8_t sender;  // index of the user
	int64_t sender_id;
	int64_t recipient_id;
	int64_t at;       // seconds of store time
	bool is_taken;    // by one of several
	int64_t taken_at;
	bool is_kept;     // in the mailbox
	uint16_t text_bytes;
	bool is_held;     // its id is remembered
};

// What is known of a sender's ids.
struct model_sender {
	bool is_known;
	uint32_t new_ids;
	int64_t edge_at;   // when the newest generation began
	uint64_t edge_row; // and where
	uint64_t old_row;  // where the one before does, when those below it have to go
	bool is_in_round;  // had old ids when the round over the ids began
	bool has_left;     // and an id of it was seen that stays
};

// Where housekeeping of an open store stands in its round over the ids.
struct model_round {
	enum { ROUND_MARK, ROUND_LOOK, ROUND_END } stage;
	int64_t user_id; // MARK, END: of the sender it looked at last
	struct model_message last; // LOOK: whose id it looked at last; serial 0: none
};

// A message that is offered.
struct model_submit {
	uint32_t serial;
	bool is_other;     // another message with the id of this serial
	uint8_t sender;    // index of the user
	uint8_t recipient; // the same; MODEL_USERS: there is no such user
	uint16_t text_bytes;
};

// What is answered to an operation.
struct model_answer {
	int verdict; // enum storage_verdict
	uint64_t row;
	uint64_t row_before;
};

struct server_model {
	uint64_t commit_next;
	uint64_t rows_max;       // that no device has, of a mailbox; as the open store was told
	uint64_t held_bytes_max; // of a mailbox, the same
	uint32_t ids_max;        // of a generation of a sender's ids, the same
	int64_t seconds; // of store time that are durable
	uint32_t start_count;
	uint32_t start_serial[MODEL_STARTS_MAX];
	uint64_t start_first[MODEL_STARTS_MAX];
	struct model_user user[MODEL_USERS];
	int64_t user_id_last;
	uint64_t row_last[MODEL_IDS_MAX];  // by user id: the newest that the mailbox ever had
	uint64_t taken_row[MODEL_IDS_MAX]; // by user id: the highest that any device ever had
	struct model_sender sender[MODEL_IDS_MAX]; // by user id
	bool is_gone[MODEL_IDS_MAX];       // by user id: removed, and the mailbox waits to be
	struct model_device device[MODEL_KEYS]; // by the key they have
	int64_t device_id_last;
	bool is_spent[MODEL_KEYS]; // the invite that came with this key
	uint32_t message_count;
	struct model_message message[MODEL_MESSAGES_MAX]; // in the order of rows
};

void model_init(struct server_model *model);
void model_start(struct server_model *model, uint32_t serial);

// The users file lists the users whose bits are set in `listed`; `is_loud` is how it writes their names.
void model_users_sync(struct server_model *model, unsigned listed, bool is_loud, int64_t seconds);

// What the lines of the listed users say besides: a revoked device; from now on no invite.
void model_revoke(struct server_model *model, unsigned key);
void model_invites_gone(struct server_model *model);

// Parts of a batch, moves first; its end.
void model_move(struct server_model *model, unsigned key, uint64_t row, int64_t seconds);
void model_gap_told(struct server_model *model, unsigned key, uint64_t row);
struct model_answer model_submit(struct server_model *model, const struct model_submit *submit, int64_t seconds);
struct model_answer model_enroll(struct server_model *model, unsigned key, uint8_t user, bool has_invite, unsigned invite);
void model_batch_end(struct server_model *model, int64_t seconds);

// What is answered when a batch finds no room on the disk.
struct model_answer model_unkept_submit(const struct server_model *model, const struct model_submit *submit);
struct model_answer model_unkept_enroll(const struct server_model *model, unsigned key, uint8_t user);

// `round` is how far the open store has looked at ids; returns whether there is more.
bool model_housekeep(struct server_model *model, int64_t seconds, uint32_t rows_max, struct model_round *round);

// Whether a user's mailbox holds this message, so that it is counted.
bool model_holds(const struct server_model *model, const struct model_message *message, int64_t user_id);

// The lowest and the highest cursor of a user's devices, 0 without one; returns how many there are.
uint32_t model_cursors(const struct server_model *model, int64_t user_id, uint64_t *low, uint64_t *high);

#endif

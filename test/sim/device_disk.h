// SPDX-License-Identifier: ISC
// A device's store in the simulator's memory: the contract of store/client_storage.h. All that stands in it is durable; a copy
// of the struct is a backup.
#ifndef MMS_SIM_DEVICE_DISK_H
#define MMS_SIM_DEVICE_DISK_H

#include "store/client_storage.h"
#include "truth.h"

enum { OUTBOX_MAX = 256, GAPS_MAX = 32, KNOWN_ROOMS_MAX = 16, ROOM_GAPS_MAX = 128 };

struct disk_outbox {
	uint16_t message;
	uint8_t state; // enum outbox_state
	uint8_t status;
	bool is_queued;
	struct storage_mark stamp; // of a change that was accepted
	struct wtime written_at;
};

struct disk_known_room {
	struct room_id id;
	struct name name;
	uint64_t from_row;
	uint64_t newest_row;
	bool is_member;
	bool is_named; // since the list began
};

struct disk_room_gap {
	uint8_t room; // its place, 1 or more
	uint64_t from_row;
	uint64_t to_row;
};

struct disk_gap {
	struct uuid id;
	uint64_t count;
};

struct device_disk_state {
	uint32_t outbox_count;
	uint32_t transcript_count;
	uint32_t gap_count;
	uint64_t last_index; // see truth_had
	bool has_signed_in;
	struct name name; // as the server writes it, once it has
	struct storage_mark mark;
	struct disk_outbox outbox[OUTBOX_MAX]; // seq is the place + 1
	uint16_t transcript[MESSAGES_MAX];
	uint8_t has[MESSAGES_MAX]; // by message: in the transcript
	uint8_t is_shown[MESSAGES_MAX]; // by place in the transcript
	uint64_t replaced_count;
	struct disk_gap gap[GAPS_MAX];
	uint32_t room_count;
	uint32_t room_gap_count;
	uint64_t room_gaps_told; // ever
	struct disk_known_room room[KNOWN_ROOMS_MAX];
	struct disk_room_gap room_gap[ROOM_GAPS_MAX];
	uint8_t room_of[MESSAGES_MAX];   // by message: the place of its room, from 1; 0: none, or its row is no more
	uint64_t row_of[MESSAGES_MAX];
};

struct device_disk {
	uint8_t identity;
	uint32_t version; // rises with every write that became durable
	struct device_disk_state state;
};

void device_disk_begin(struct device_disk *disk, uint8_t identity);

// Queues a message. False: the outbox is full.
bool device_disk_queue(struct device_disk *disk, uint32_t message, struct wtime now);

// Notes that its device has signed in.
void device_disk_note(struct device_disk *disk, const struct name *name);

// Notes that a range of its transcript was shown; that a copy of the profile has replaced who received.
void device_disk_show(struct device_disk *disk, const struct transcript_range *range);
void device_disk_overrule(struct device_disk *disk);

// Whether it holds a message, with or without a verdict.
bool device_disk_holds(const struct device_disk *disk, uint32_t message);

// Carries out a batch, whole. Returns whether the transcript has grown.
bool device_disk_append(struct device_disk *disk, const struct client_batch *batch, enum client_result *results);

// --- device_disk_room.c ---

// An entry of a room has this row, from now on. Returns whether a row before it is missing.
bool device_disk_place(struct device_disk *disk, const struct client_op_put *put, uint32_t message);
// Rows that are gone for good. False: they stood there already.
bool device_disk_place_gap(struct device_disk *disk, const struct client_op_put *put);
void device_disk_list(struct device_disk *disk, const struct client_op *op); // ROOMS_BEGIN, ROOM, ROOMS_END
void device_disk_find_hole(const struct device_disk *disk, const struct room_id *after, struct client_hole *hole);

// What stands at a row of a room: a message; MESSAGES_MAX: nothing, or a gap.
uint32_t device_disk_at(const struct device_disk *disk, const struct room_id *room, uint64_t row, bool *is_gap);

// Answers a question.
void device_disk_answer(const struct device_disk *disk, const struct client_question *question, struct client_answer *answer);

// The verdict that stands on a message; OUTBOX_QUEUED: none.
enum outbox_state device_disk_verdict(const struct device_disk *disk, uint32_t message);

#endif

// SPDX-License-Identifier: ISC
// A device's store in the simulator's memory: the contract of `struct client_storage`, with one transaction at a time
// that a crash undoes. A copy of the struct, taken between transactions, is a backup.
#ifndef MMS_SIM_DEVICE_DISK_H
#define MMS_SIM_DEVICE_DISK_H

#include "store/client_storage.h"
#include "truth.h"

enum { OUTBOX_MAX = 256, GAPS_MAX = 32 };

struct disk_outbox {
	uint16_t message;
	uint8_t state; // enum outbox_state
	uint8_t status;
	bool is_queued;
	struct wtime written_at;
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
	struct disk_gap gap[GAPS_MAX];
};

struct device_disk {
	uint8_t identity;
	uint32_t version; // rises with every write that became durable
	struct device_disk_state state; // with the open transaction's changes
	// What the open transaction would undo.
	bool is_open;
	uint32_t transcript_undo;
	uint32_t gap_undo;
	struct storage_mark mark_undo;
	uint32_t undo_count;
	uint16_t undo_place[OUTBOX_MAX];
	struct disk_outbox undo[OUTBOX_MAX];
	bool is_undoable[OUTBOX_MAX]; // by place: in the list already
};

void device_disk_begin(struct device_disk *disk, uint8_t identity);

// A copy of what is durable.
void device_disk_copy(struct device_disk *to, const struct device_disk *from);

// What was not committed is gone.
void device_disk_crash(struct device_disk *disk);

// Queues a message durably. False: the outbox is full.
bool device_disk_queue(struct device_disk *disk, uint32_t message, struct wtime now);

// Notes durably that its device has signed in, with all that has gathered. MMS_E_IO: it failed, done or not.
enum mms_err device_disk_note(struct device_disk *disk, const struct name *name);

// Whether it holds a message, with or without a verdict.
bool device_disk_holds(const struct device_disk *disk, uint32_t message);

struct client_storage device_disk_storage(struct device_disk *disk);

#endif

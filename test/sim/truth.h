// SPDX-License-Identifier: ISC
// What really happened in a run, and the promises checked against it whenever something changes. The stores, the server
// and the devices report here; nothing here is read by the product.
#ifndef MMS_SIM_TRUTH_H
#define MMS_SIM_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "store/client_storage.h"

enum {
	MESSAGES_MAX = 512,
	LINEAGES_MAX = 64,
	TEXT_ARENA_BYTES = 512 * 1024,
	ROOMS_FIRST = 100, // as recipients: rooms of these names, after all users
	ROOMS_COUNT = 3,
	NOBODY = 255,      // as a user: nobody; as a sender: the server itself
	TRUTH_PLACES_MAX = 6,
};

// A row of a room that a message had; a restore gives rows anew.
struct truth_place {
	struct room_id room_id;
	uint64_t row;
};

// A message, or a change, as its writer meant it. Bits of `had` and `excused` are identities (device keys), those of
// `accepted_for` users.
struct message {
	struct uuid id;
	uint8_t sender;
	uint8_t what; // enum outbox_what
	uint8_t flags; // JOIN: enum outbox_join
	uint8_t recipient; // a room, or who had the name first that it is for; whose it becomes, the server says
	uint8_t other;     // of a change: the user whose name it names; NOBODY: none
	uint8_t kind;      // of what it wrote into a room; 0: nothing yet
	uint32_t place_count;
	struct truth_place place[TRUTH_PLACES_MAX]; // the newest of them last
	uint16_t lineage; // messages of one lineage are ordered by `order`
	uint32_t order;
	const uint8_t *text;
	uint16_t text_bytes;
	bool is_disturbed;     // a profile that holds it was put back or copied
	bool is_told_accepted; // by a device to its user
	bool is_told_refused;
	struct mtime told_at;  // the first time
	bool is_rewritten;     // its hostile sender used its id for something else as well: nobody is owed either
	bool is_lost;          // the server's store was put back to a time before it
	uint32_t refused_count; // by the store and in answers
	uint32_t accepted_count; // times it became durable
	uint32_t stamp_count;    // of a change: times it got a stamp of its own
	uint64_t accepted_index; // when it first did, counted over the run
	uint32_t accepted_for; // the users whom the server kept it for; of a room, also those who came to it later and may see it
	uint32_t had;
	uint32_t excused; // it was removed unread, and the device is owed the notice of a gap
};

void truth_begin(void);

// A new message of a user; its number. MESSAGES_MAX: no room for more, nothing is written.
uint32_t truth_write(uint8_t sender, uint8_t recipient, uint16_t lineage, const void *text, uint16_t text_bytes,
		     const struct uuid *id);

// The same of one to a room, or of a change: `wish` has sender, id, lineage, what, flags, recipient and other.
uint32_t truth_wish(const struct message *wish, const void *text, uint16_t text_bytes);

// The name of a room as a recipient.
struct name truth_room_name(uint8_t recipient);

// It stands in a room now, for some users, with this text if it is a change.
void truth_posted(uint32_t number, uint8_t kind, const void *text, uint16_t text_bytes, const struct truth_place *place);

// Whether it had this row of a room once.
bool truth_had_place(const struct message *message, const struct truth_place *place);

// The hostile sender of a message uses its id again, after the server has forgotten it, for something else. Who had the
// first has no use for the second: it knows the id.
void truth_rewrite(uint32_t number, uint8_t recipient, const void *text, uint16_t text_bytes);

// The message of a sender with an id; MESSAGES_MAX: nobody wrote it.
uint32_t truth_find(uint8_t sender, const struct uuid *id);
// The message of a sender of this name; likewise.
uint32_t truth_find_named(const struct name *sender, const struct uuid *id);
struct message *truth_message(uint32_t number);
uint32_t truth_count(void);

// The server's store made it durable, for these users.
void truth_accepted(uint32_t number, uint32_t users, uint64_t row);
// The store has refused it.
void truth_refused(uint32_t number);
// The server has answered a SUBMIT; `is_durable`: the store holds it.
void truth_answered(uint32_t number, bool is_accepted, bool is_durable);
// A device told its user the verdict.
void truth_told(uint32_t number, enum outbox_state state);
// The server's store was put back. A device that the backup does not know starts again before what it has already, so
// the order of what was accepted until now is kept no longer.
void truth_restored(void);
// A device's transcript holds the message at `place` durably now; `*last_index` is the transcript's own; NULL: it came
// as history, in no order.
void truth_had(const uint16_t *transcript, uint32_t place, uint8_t identity, uint64_t *last_index);

#endif

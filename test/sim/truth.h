// SPDX-License-Identifier: ISC
// What really happened in a run, and the promises checked against it whenever something changes. The stores, the server
// and the devices report here; nothing here is read by the product.
#ifndef MMS_SIM_TRUTH_H
#define MMS_SIM_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"
#include "store/client_storage.h"

enum { MESSAGES_MAX = 512, LINEAGES_MAX = 64, TEXT_ARENA_BYTES = 512 * 1024 };

// A message as its writer meant it. Bits of `had` and `excused` are identities (device keys), those of
// `accepted_for` users.
struct message {
	struct uuid id;
	uint8_t sender;
	uint8_t recipient; // who had the name first that it is for; whose it becomes, the server says
	uint16_t lineage; // messages of one lineage are ordered by `order`
	uint32_t order;
	const uint8_t *text;
	uint16_t text_bytes;
	bool is_disturbed;     // a profile that holds it was put back or copied
	bool is_told_accepted; // by a device to its user
	bool is_told_refused;
	bool is_rewritten;     // its hostile sender used its id for something else as well: nobody is owed either
	bool is_lost;          // the server's store was put back to a time before it
	uint32_t refused_count; // by the store and in answers
	uint32_t accepted_count; // times it became durable
	uint64_t accepted_index; // when it first did, counted over the run
	uint32_t accepted_for; // the users whom the server kept it for
	uint32_t had;
	uint32_t excused; // it was removed unread, and the device is owed the notice of a gap
};

void truth_begin(void);

// A new message of a user; its number. MESSAGES_MAX: no room for more, nothing is written.
uint32_t truth_write(uint8_t sender, uint8_t recipient, uint16_t lineage, const void *text, uint16_t text_bytes,
		     const struct uuid *id);

// The hostile sender of a message uses its id again, after the server has forgotten it, for something else. Who had the
// first has no use for the second: it knows the id.
void truth_rewrite(uint32_t number, uint8_t recipient, const void *text, uint16_t text_bytes);

// The message of a sender with an id; MESSAGES_MAX: nobody wrote it.
uint32_t truth_find(uint8_t sender, const struct uuid *id);
// The message of a sender of this name; likewise.
uint32_t truth_find_named(const struct name *sender, const struct uuid *id);
struct message *truth_message(uint32_t number);
uint32_t truth_count(void);

// The server's store made it durable, for a user.
void truth_accepted(uint32_t number, uint8_t user, uint64_t row);
// The store has refused it.
void truth_refused(uint32_t number);
// The server has answered a SUBMIT; `is_durable`: the store holds it.
void truth_answered(uint32_t number, bool is_accepted, bool is_durable);
// A device told its user the verdict.
void truth_told(uint32_t number, enum outbox_state state);
// The server's store was put back. A device that the backup does not know starts again before what it has already, so
// the order of what was accepted until now is kept no longer.
void truth_restored(void);
// A device's transcript holds the message at `place` durably now; `*last_index` is the transcript's own.
void truth_had(const uint16_t *transcript, uint32_t place, uint8_t identity, uint64_t *last_index);

#endif

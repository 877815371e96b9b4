// SPDX-License-Identifier: ISC
// The contract is in truth.h.
#include "truth.h"

#include <assert.h>
#include <string.h>

#include "report.h"
#include "world.h"

static struct {
	struct message message[MESSAGES_MAX];
	uint32_t count;
	uint64_t accepted_count;
	uint64_t restored_count; // accepted_count when the server's store was last put back
	uint32_t text_bytes;
	uint8_t text[TEXT_ARENA_BYTES];
} truth;

void truth_begin(void)
{
	truth.count = 0;
	truth.accepted_count = truth.restored_count = 0;
	truth.text_bytes = 0;
}

static const uint8_t *keep_text(const void *text, uint16_t text_bytes)
{
	uint8_t *kept = truth.text + truth.text_bytes;
	memcpy(kept, text, text_bytes);
	truth.text_bytes += text_bytes;
	return kept;
}

uint32_t truth_wish(const struct message *wish, const void *text, uint16_t text_bytes)
{
	if (truth.count == MESSAGES_MAX || truth.text_bytes + text_bytes > TEXT_ARENA_BYTES)
		return MESSAGES_MAX;
	const uint32_t number = truth.count++;
	struct message *message = &truth.message[number];
	*message = *wish;
	message->order = number;
	message->text = text_bytes == 0 ? NULL : keep_text(text, text_bytes);
	message->text_bytes = text_bytes;
	return number;
}

uint32_t truth_write(uint8_t sender, uint8_t recipient, uint16_t lineage, const void *text, uint16_t text_bytes,
		     const struct uuid *id)
{
	const struct message wish = {
		.id = *id, .sender = sender, .what = OUTBOX_MESSAGE, .recipient = recipient, .lineage = lineage, .other = NOBODY};
	return truth_wish(&wish, text, text_bytes);
}

struct name truth_room_name(uint8_t recipient)
{
	static const char *const names[ROOMS_COUNT] = {"ops", "Den", "tea"};
	struct name name;
	const char *text = names[recipient - ROOMS_FIRST];
	const bool is_name = name_parse(&name, text, strlen(text));
	assert(is_name);
	return name;
}

bool truth_had_place(const struct message *message, const struct truth_place *place)
{
	for (uint32_t i = 0; i < message->place_count; i++)
		if (memcmp(&message->place[i].room_id, &place->room_id, sizeof place->room_id) == 0 &&
		    message->place[i].row == place->row)
			return true;
	return false;
}

void truth_posted(uint32_t number, uint8_t kind, const void *text, uint16_t text_bytes, const struct truth_place *place)
{
	struct message *message = truth_message(number);
	message->kind = kind;
	if (message->text_bytes == 0) {
		assert(truth.text_bytes + text_bytes <= TEXT_ARENA_BYTES);
		message->text = keep_text(text, text_bytes);
		message->text_bytes = text_bytes;
	}
	if (message->place_count == TRUTH_PLACES_MAX)
		memmove(message->place, message->place + 1, (--message->place_count) * sizeof *message->place);
	message->place[message->place_count++] = *place;
}

void truth_rewrite(uint32_t number, uint8_t recipient, const void *text, uint16_t text_bytes)
{
	struct message *message = truth_message(number);
	assert(truth.text_bytes + text_bytes <= TEXT_ARENA_BYTES);
	message->is_rewritten = true;
	message->recipient = recipient;
	message->text = keep_text(text, text_bytes);
	message->text_bytes = text_bytes;
}

uint32_t truth_find(uint8_t sender, const struct uuid *id)
{
	for (uint32_t i = 0; i < truth.count; i++)
		if (memcmp(truth.message[i].id.bytes, id->bytes, ID_BYTES) == 0 && truth.message[i].sender == sender)
			return i;
	return MESSAGES_MAX;
}

uint32_t truth_find_named(const struct name *sender, const struct uuid *id)
{
	for (uint32_t i = 0; i < truth.count; i++)
		if (memcmp(truth.message[i].id.bytes, id->bytes, ID_BYTES) == 0 &&
		    (truth.message[i].sender == NOBODY ? sender->text[0] == 0 :
							 name_is_same(&world.user[truth.message[i].sender].name, sender)))
			return i;
	return MESSAGES_MAX;
}

struct message *truth_message(uint32_t number)
{
	assert(number < truth.count);
	return &truth.message[number];
}

uint32_t truth_count(void)
{
	return truth.count;
}

// What a device wrote first is accepted first, unless the server had refused it in between.
static void check_order(const struct message *message)
{
	for (uint32_t i = 0; i < truth.count; i++) {
		const struct message *later = &truth.message[i];
		if (later->lineage == message->lineage && later->recipient == message->recipient &&
		    later->order > message->order && later->accepted_count > 0 && message->refused_count == 0)
			report_failure("message %u was accepted after message %u, which its device wrote later",
				       message->order, later->order);
	}
}

void truth_accepted(uint32_t number, uint32_t users, uint64_t row)
{
	struct message *message = truth_message(number);
	if (message->is_told_refused && !message->is_disturbed)
		report_failure("message %u was accepted after its user was told that it was refused", number);
	if (message->accepted_count == 0) {
		check_order(message);
		message->accepted_index = ++truth.accepted_count;
	} else if (message->is_lost) {
		report_sight(SIGHT_REOFFERED);
	}
	message->is_lost = false;
	message->accepted_for |= users;
	message->accepted_count++;
	report_trace("message %u is on the server's disk for users %x as row %llu", number, users, (unsigned long long)row);
}

void truth_refused(uint32_t number)
{
	truth_message(number)->refused_count++;
}

void truth_answered(uint32_t number, bool is_accepted, bool is_durable)
{
	struct message *message = truth_message(number);
	if (!is_accepted)
		message->refused_count++;
	else if (!is_durable)
		report_failure("message %u was answered as accepted and is not on the disk", number);
}

void truth_told(uint32_t number, enum outbox_state state)
{
	struct message *message = truth_message(number);
	const bool is_accepted = state == OUTBOX_ONLINE || state == OUTBOX_SAVED;
	if (is_accepted && message->accepted_count == 0)
		report_failure("message %u was told as accepted and never was", number);
	if (!message->is_disturbed && (message->is_told_accepted || message->is_told_refused))
		report_failure("the verdict on message %u was told twice", number);
	// A server forgets an id a day after everybody has its message: who asks for a verdict later asks anew.
	const bool may_be_forgotten = message->is_lost || world.had_absence;
	if (!message->is_disturbed && !is_accepted && message->accepted_count > 0 && !may_be_forgotten)
		report_failure("message %u was told as refused though it was accepted", number);
	if (!message->is_told_accepted && !message->is_told_refused)
		message->told_at = world.now;
	message->is_told_accepted = message->is_told_accepted || is_accepted;
	message->is_told_refused = message->is_told_refused || !is_accepted;
	report_trace("message %u is told as %s", number, is_accepted ? "accepted" : "refused");
}

void truth_restored(void)
{
	truth.restored_count = truth.accepted_count;
}

// Whether two stores share a device's deliveries, or its store was put back: what it had taken, and lost by that, may come
// again behind what came since, when the server forgets a cursor that it had not stored.
static bool is_copied(uint8_t identity)
{
	uint32_t count = world.identity[identity].is_put_back;
	for (uint32_t p = 0; p < world.profile_count; p++)
		count += world.profile[p].disk.identity == identity;
	return count > 1;
}

void truth_had(const uint16_t *transcript, uint32_t place, uint8_t identity, uint64_t *last_index)
{
	const uint32_t number = transcript[place];
	struct message *message = truth_message(number);
	for (uint32_t i = 0; i < place; i++)
		if (transcript[i] == number)
			report_failure("message %u stands twice in a transcript of identity %u", number, identity);
	message->had |= 1U << identity;
	if (last_index == NULL)
		return;
	// What was accepted once stands in every transcript in the order of acceptance: so each sender's order holds, and
	// all devices of a user show the same one.
	if (message->accepted_count != 1 || message->accepted_index <= truth.restored_count)
		return;
	// An old session may still bring what a copy of the device took, or what a gap stands for.
	if (is_copied(identity) || (message->excused >> identity & 1) != 0)
		return;
	if (message->accepted_index < *last_index)
		report_failure("message %u stands in a transcript of identity %u behind one that was accepted after it", number, identity);
	*last_index = message->accepted_index;
}

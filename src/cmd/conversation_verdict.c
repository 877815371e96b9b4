// SPDX-License-Identifier: ISC
// Messages that were typed and have no verdict yet, and what their lines say, in the order of the lines; the contract is in
// conversation_inside.h.
#include <string.h>

#include "cmd/conversation_inside.h"
#include "cmd/verdict.h"
#include "os/clock.h"
#include "os/grow.h"

bool conversation_remember(struct conversation *conversation, const struct conversation_message *message)
{
	struct conversation_message *grown =
		grow(conversation->message, &conversation->message_capacity, conversation->message_count, sizeof *grown);
	if (grown == NULL)
		return false;
	conversation->message = grown;
	conversation->message[conversation->message_count++] = *message;
	conversation->line_count += message->is_line;
	return true;
}

static struct conversation_message *find(const struct conversation *conversation, const struct uuid *id)
{
	for (size_t i = 0; i < conversation->message_count; i++)
		if (memcmp(conversation->message[i].id.bytes, id->bytes, ID_BYTES) == 0)
			return &conversation->message[i];
	return NULL;
}

void conversation_remember_queued(struct conversation *conversation)
{
	struct client_question question = {.kind = CLIENT_ASK_OUTBOX, .rows_max = CLIENT_PAGE_ROWS_MAX};
	struct client_answer *page = &conversation->device.answer;
	do {
		client_store_answer(conversation->device.profile.store, &question, page);
		for (uint32_t i = 0; i < page->row_count; i++) {
			const struct outbox_row *row = &page->row[i];
			question.after_seq = row->seq;
			const struct conversation_message message = {.id = row->id, .wish = {row->what, row->to, row->other}};
			if (!row->is_reoffer && find(conversation, &row->id) == NULL && !conversation_remember(conversation, &message))
				return; // no memory: their verdicts go unsaid
		}
	} while (page->row_count == CLIENT_PAGE_ROWS_MAX);
}

static void remove_at(struct conversation *conversation, size_t place)
{
	conversation->line_count -= conversation->message[place].is_line;
	conversation->message_count--;
	memmove(conversation->message + place, conversation->message + place + 1,
		(conversation->message_count - place) * sizeof *conversation->message);
}

static void say(const struct conversation *conversation, const struct conversation_message *message)
{
	if (message->state == OUTBOX_REFUSED)
		(void)verdict_say_refused(&conversation->out, message->status, &message->wish);
	else
		verdict_say_accepted(&conversation->out, message->state, &message->wish);
}

// Says what is no line's any more, and of the lines those before which none is left without a verdict.
static void say_in_order(struct conversation *conversation)
{
	bool is_line_open = false;
	for (size_t i = 0; i < conversation->message_count;) {
		const struct conversation_message message = conversation->message[i];
		if (message.has_verdict && (!message.is_line || !is_line_open)) {
			say(conversation, &message);
			remove_at(conversation, i);
			continue;
		}
		is_line_open = is_line_open || message.is_line;
		i++;
	}
}

void conversation_take_verdict(struct conversation *conversation, const struct life_told *verdict)
{
	struct conversation_message *message = find(conversation, &verdict->id);
	if (verdict->is_reoffer)
		return; // said when it was accepted first
	if (message == NULL) {
		// What another process of the profile queued and could not wait for is told here when it failed.
		const struct verdict_wish wish = {verdict->what, verdict->to, verdict->name};
		if (verdict->state == OUTBOX_REFUSED)
			(void)verdict_say_refused(&conversation->out, verdict->status, &wish);
		return;
	}
	message->has_verdict = true;
	message->state = verdict->state;
	message->status = verdict->status;
	say_in_order(conversation);
}

void conversation_look_for_verdicts(struct conversation *conversation)
{
	struct client_store *store = conversation->device.profile.store;
	for (size_t i = 0; i < conversation->message_count; i++) {
		struct conversation_message *message = &conversation->message[i];
		if (client_store_outbox_find(store, &message->id, &message->state, &message->status) != MMS_OK)
			continue; // whoever submits has the same store, and says so
		message->has_verdict = message->state != OUTBOX_QUEUED;
	}
	say_in_order(conversation);
}

void conversation_say_queued(struct conversation *conversation)
{
	for (size_t i = 0; i < conversation->message_count; i++) {
		struct conversation_message *message = &conversation->message[i];
		const struct mtime patient_until = mtime_add_ms(message->typed_at, CONVERSATION_PATIENCE_MS);
		if (!message->is_line)
			continue;
		if (!mtime_is_due(patient_until, clock_monotonic()))
			break;
		verdict_say_queued(&conversation->out, &message->wish);
		message->is_line = false;
		conversation->line_count--;
	}
	say_in_order(conversation);
}

void conversation_say_stays_queued(struct conversation *conversation, bool is_said)
{
	struct client_store *store = conversation->device.profile.store;
	uint64_t typed_count = 0;
	uint64_t count = 0;
	for (size_t i = 0; i < conversation->message_count; i++) {
		const struct conversation_message *message = &conversation->message[i];
		if (message->has_verdict) // its line waited for one before it
			say(conversation, message);
		else if (message->is_line && !is_said)
			verdict_say_stays_queued(&conversation->out, &message->wish);
		typed_count += message->is_typed && !message->has_verdict;
	}
	conversation->message_count = conversation->line_count = 0;
	if (!is_said && store != NULL && client_store_outbox_queued_count(store, &count) == MMS_OK && count > typed_count)
		phrase_stay_queued(&conversation->out, count - typed_count, PHRASE_QUEUE_SERVER);
}

// SPDX-License-Identifier: ISC
// What becomes of a wish; the contract is in verdict.h.
#include "cmd/verdict.h"

#include <assert.h>

#include "cmd/exit.h"
#include "msg/call.h"
#include "ui/phrase_room.h"

// How it is written: a user's name, or a room's with '#' in front.
static const char *write_to(const struct message_to *to, char text[MESSAGE_TO_BYTES_MAX + 1])
{
	text[message_to_write(to, (uint8_t *)text)] = 0;
	return text;
}

// --- changes ---

static struct phrase_change change_of(const struct verdict_wish *wish)
{
	const bool is_other = wish->other.text[0] != 0;
	struct phrase_change change = {.to = wish->to, .other = wish->other};
	switch ((enum outbox_what)wish->what) {
	case OUTBOX_JOIN:
		change.wish = PHRASE_JOIN;
		break;
	case OUTBOX_ADD:
		change.wish = PHRASE_ADD;
		break;
	case OUTBOX_LEAVE:
		change.wish = is_other ? PHRASE_REMOVE : PHRASE_LEAVE;
		break;
	case OUTBOX_BLOCK:
		change.wish = PHRASE_BLOCK;
		break;
	case OUTBOX_UNBLOCK:
		change.wish = PHRASE_UNBLOCK;
		break;
	case OUTBOX_MESSAGE:
	case OUTBOX_DEVICE_NAME:
	case OUTBOX_DEVICE_REMOVE:
		assert(false); // no such sentences
	}
	return change;
}

// Whether there are sentences of it. Nobody here queues other changes.
static bool is_change(const struct verdict_wish *wish)
{
	return wish->what >= OUTBOX_JOIN && wish->what <= OUTBOX_UNBLOCK;
}

static void say_change(const struct phrase_out *out, const struct verdict_wish *wish, enum phrase_outcome outcome)
{
	if (!is_change(wish))
		return;
	const struct phrase_change change = change_of(wish);
	phrase_change(out, &change, outcome);
}

static int say_change_refused(const struct phrase_out *out, uint8_t status, const struct verdict_wish *wish)
{
	static const struct {
		uint8_t status;
		enum phrase_outcome outcome;
		int exit_status;
	} refusals[] = {
		{STATUS_NOT_A_MEMBER, PHRASE_NOT_A_MEMBER, EXIT_NO_USER},   {STATUS_NOT_AUTHORIZED, PHRASE_NOT_ALLOWED, EXIT_REFUSED},
		{STATUS_NO_SUCH_USER, PHRASE_NO_SUCH_OTHER, EXIT_NO_USER},  {STATUS_ROOM_FULL, PHRASE_ROOM_FULL, EXIT_REFUSED},
		{STATUS_LIMIT, PHRASE_LIMIT, EXIT_REFUSED},                 {STATUS_BLOCKED, PHRASE_WISH_BLOCKED, EXIT_REFUSED},
		{STATUS_SERVER_FULL, PHRASE_WISH_SERVER_FULL, EXIT_REFUSED}, {STATUS_BAD, PHRASE_WISH_REFUSED, EXIT_PROTOCOL},
	};
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		if (refusals[i].status != status)
			continue;
		say_change(out, wish, refusals[i].outcome);
		return refusals[i].exit_status;
	}
	say_change(out, wish, PHRASE_WISH_REFUSED);
	return EXIT_REFUSED;
}

// --- verdicts ---

static int say_message_refused(const struct phrase_out *out, uint8_t status, const struct message_to *to)
{
	char text[MESSAGE_TO_BYTES_MAX + 1];
	const char *recipient = write_to(to, text);
	switch (status) {
	case STATUS_NO_SUCH_USER:
		phrase_say_of(out, PHRASE_NO_SUCH_USER, recipient);
		return EXIT_NO_USER;
	case STATUS_NOT_A_MEMBER:
		phrase_say_of(out, PHRASE_NOT_IN_ROOM, recipient);
		return EXIT_NO_USER;
	case STATUS_BAD_TEXT:
		phrase_say(out, PHRASE_BAD_TEXT);
		return EXIT_BAD_TEXT;
	case STATUS_MAILBOX_FULL:
		phrase_say_of(out, PHRASE_MAILBOX_FULL, recipient);
		return EXIT_REFUSED;
	case STATUS_SERVER_FULL:
		phrase_say(out, PHRASE_SERVER_FULL);
		return EXIT_REFUSED;
	case STATUS_BLOCKED:
		phrase_say_of(out, PHRASE_BLOCKED, recipient);
		return EXIT_REFUSED;
	case STATUS_BAD:
		phrase_say_of(out, PHRASE_CONFLICT, recipient);
		return EXIT_PROTOCOL;
	default:
		phrase_say_of(out, PHRASE_REFUSED, recipient);
		return EXIT_REFUSED;
	}
}

int verdict_say_refused(const struct phrase_out *out, uint8_t status, const struct verdict_wish *wish)
{
	return wish->what == OUTBOX_MESSAGE ? say_message_refused(out, status, &wish->to) : say_change_refused(out, status, wish);
}

void verdict_say_accepted(const struct phrase_out *out, enum outbox_state state, const struct verdict_wish *wish)
{
	char text[MESSAGE_TO_BYTES_MAX + 1];
	if (wish->what != OUTBOX_MESSAGE)
		say_change(out, wish, PHRASE_DONE);
	else if (state == OUTBOX_SAVED)
		phrase_say_of(out, PHRASE_OFFLINE, write_to(&wish->to, text));
}

void verdict_say_queued(const struct phrase_out *out, const struct verdict_wish *wish)
{
	if (wish->what == OUTBOX_MESSAGE) {
		char text[MESSAGE_TO_BYTES_MAX + 1];
		phrase_say_of(out, PHRASE_QUEUED, write_to(&wish->to, text));
	} else {
		say_change(out, wish, PHRASE_WISH_QUEUED);
	}
}

void verdict_say_stays_queued(const struct phrase_out *out, const struct verdict_wish *wish)
{
	if (wish->what == OUTBOX_MESSAGE) {
		char text[MESSAGE_TO_BYTES_MAX + 1];
		phrase_say_of(out, PHRASE_STAYS_QUEUED, write_to(&wish->to, text));
	} else {
		say_change(out, wish, PHRASE_WISH_STAYS_QUEUED);
	}
}

void verdict_say_not_kept(const struct phrase_out *out, const struct verdict_wish *wish)
{
	if (wish->what == OUTBOX_MESSAGE)
		phrase_say(out, PHRASE_OUTBOX_FULL);
	else
		say_change(out, wish, PHRASE_WISH_NOT_KEPT);
}

int verdict_say_no_list(const struct phrase_out *out, uint8_t status, const struct client_list_wish *wish, const char *server)
{
	if (wish->kind == LIST_MEMBERS && status == STATUS_NOT_A_MEMBER) {
		char text[MESSAGE_TO_BYTES_MAX + 1];
		phrase_say_of(out, PHRASE_NO_ROOM, write_to(&(struct message_to){.name = wish->room, .is_room = true}, text));
		return EXIT_NO_USER;
	}
	phrase_say_of(out, wish->kind == LIST_USERS ? PHRASE_NO_LIST : PHRASE_NO_OTHER_LIST, server);
	return status == STATUS_NOT_AUTHORIZED ? EXIT_DENIED : status == STATUS_SERVER_FULL ? EXIT_REFUSED : EXIT_PROTOCOL;
}

// SPDX-License-Identifier: ISC
// The sentences about rooms and blocking; the contract is in phrase_room.h.
#include "ui/phrase_room.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ui/phrase_inside.h"

// '%' is the room or the user that it is about, '&' the other user; what to type follows a '|'. Where there is none, the first of
// its outcome stands for all.
static const char *const sentences[PHRASE_OUTCOME_COUNT][PHRASE_WISH_COUNT] = {
	[PHRASE_DONE] = {
		[PHRASE_JOIN] = "you are in %",
		[PHRASE_LEAVE] = "you are no longer in %",
		[PHRASE_ADD] = "& is in %",
		[PHRASE_REMOVE] = "& is no longer in %",
		[PHRASE_BLOCK] = "% is blocked and can no longer write to you",
		[PHRASE_UNBLOCK] = "% is not blocked and can write to you",
	},
	[PHRASE_WISH_NOT_KEPT] = {"too much waits for the server, nothing was changed|try again when the server answers"},
	[PHRASE_WISH_SERVER_FULL] = {"the server is full, nothing was changed|ask its operator for room, then try again"},
	[PHRASE_NOT_A_MEMBER] = {
		[PHRASE_JOIN] = "% is private or ended less than 30 days ago, you are not in it|ask somebody who is in it to add you",
		[PHRASE_LEAVE] = "you are not in %",
		[PHRASE_ADD] = "you are not in %, & was not added|type: join %",
		[PHRASE_REMOVE] = "you are not in %, & was not removed",
	},
	[PHRASE_NOT_ALLOWED] = {
		[PHRASE_JOIN] = "there is no open room %, and on this server only its operator makes rooms",
		[PHRASE_ADD] = "% is private and only its owner may add somebody, & was not added",
		[PHRASE_REMOVE] = "only the owner of % may remove somebody, & was not removed",
	},
	[PHRASE_NO_SUCH_OTHER] = {
		[PHRASE_ADD] = "there is no user &, nobody was added|type: whoIsOn to see who there is",
		[PHRASE_REMOVE] = "there is no user &, nobody was removed",
		[PHRASE_BLOCK] = "there is no user %, nobody was blocked|type: whoIsOn to see who there is",
		[PHRASE_UNBLOCK] = "there is no user %",
	},
	[PHRASE_ROOM_FULL] = {
		[PHRASE_JOIN] = "% is full, you are not in it",
		[PHRASE_ADD] = "% is full, & was not added",
	},
	[PHRASE_LIMIT] = {
		[PHRASE_JOIN] = "there are too many rooms, or you are in too many, you are not in %|leave another one first",
		[PHRASE_ADD] = "& is in too many rooms, & was not added",
		[PHRASE_BLOCK] = "you block too many users, % was not blocked|unblock somebody first",
	},
	[PHRASE_WISH_BLOCKED] = {
		[PHRASE_ADD] = "& does not want to be added by you, & was not added",
	},
};

// What was typed, or would have been.
static void put_wish(const struct phrase_out *out, const struct phrase_change *change)
{
	static const char *const words[PHRASE_WISH_COUNT] = {
		[PHRASE_JOIN] = "join",     [PHRASE_LEAVE] = "leave", [PHRASE_ADD] = "add",
		[PHRASE_REMOVE] = "remove", [PHRASE_BLOCK] = "block", [PHRASE_UNBLOCK] = "unblock",
	};
	phrase_put(out, "\"");
	phrase_put(out, words[change->wish]);
	phrase_put(out, " ");
	if (change->wish == PHRASE_ADD || change->wish == PHRASE_REMOVE) {
		phrase_put(out, change->other.text);
		phrase_put(out, " ");
	}
	phrase_put_to(out, &change->to);
	phrase_put(out, "\"");
}

static void put_sentence(const struct phrase_out *out, const struct phrase_change *change, const char *sentence)
{
	for (;;) {
		const size_t plain = strcspn(sentence, "|%&");
		out->write(out->context, sentence, plain);
		sentence += plain;
		if (*sentence == '%')
			phrase_put_to(out, &change->to);
		else if (*sentence == '&')
			phrase_put(out, change->other.text);
		else if (*sentence == '|' && out->hints)
			phrase_put(out, "; ");
		else
			return;
		sentence++;
	}
}

// Nobody else can say why than the server, and it did not.
static void put_any(const struct phrase_out *out, const struct phrase_change *change, enum phrase_outcome outcome)
{
	if (outcome == PHRASE_WISH_QUEUED)
		phrase_put(out, "the server cannot be reached, ");
	else if (outcome != PHRASE_WISH_STAYS_QUEUED)
		phrase_put(out, "the server refuses ");
	put_wish(out, change);
	phrase_put(out, outcome == PHRASE_WISH_QUEUED ? " is queued and will be done when it answers"
			: outcome == PHRASE_WISH_STAYS_QUEUED
				? " stays queued and will be done with the next command that reaches the server"
				: ", nothing was changed");
}

void phrase_change(const struct phrase_out *out, const struct phrase_change *change, enum phrase_outcome outcome)
{
	assert(change->wish < PHRASE_WISH_COUNT && outcome < PHRASE_OUTCOME_COUNT);
	const bool is_for_all = outcome == PHRASE_WISH_NOT_KEPT || outcome == PHRASE_WISH_SERVER_FULL;
	const char *sentence = sentences[outcome][is_for_all ? 0 : change->wish];
	phrase_put(out, out->prefix);
	if (sentence != NULL)
		put_sentence(out, change, sentence);
	else
		put_any(out, change, outcome);
	phrase_put(out, "\n");
}

static void put_by(const struct phrase_out *out, const struct name *by)
{
	phrase_put(out, " by ");
	phrase_put(out, by->text[0] == 0 ? "the operator" : by->text);
}

// Who did what to whom.
static void put_deed(const struct phrase_out *out, uint8_t kind, const struct name *by, const struct name *about)
{
	const bool is_self = name_is_same(by, about);
	if (kind == MESSAGE_JOINED && !is_self && by->text[0] != 0) {
		phrase_put(out, by->text);
		phrase_put(out, " added ");
		phrase_put(out, about->text);
		return;
	}
	phrase_put(out, about->text);
	if (kind == MESSAGE_LEFT) {
		phrase_put(out, " left");
	} else if (kind == MESSAGE_JOINED && is_self) {
		phrase_put(out, " joined");
	} else {
		phrase_put(out, kind == MESSAGE_JOINED ? " was added" : " was removed");
		put_by(out, by);
	}
}

void phrase_event(const struct phrase_out *out, bool is_waiting, uint8_t kind, const struct message_to *in, const struct name *by,
		  const struct message_to *about)
{
	assert(message_kind_is_server(kind));
	phrase_put(out, is_waiting ? PHRASE_WAITING : out->prefix);
	phrase_put_to(out, kind == MESSAGE_RENAMED ? about : in);
	phrase_put(out, " ");
	if (kind == MESSAGE_RENAMED) {
		phrase_put(out, "is now called ");
		phrase_put_to(out, in);
	} else {
		put_deed(out, kind, by, &about->name);
	}
	phrase_put(out, "\n");
}

void phrase_room_gap(const struct phrase_out *out, const struct message_to *room, uint64_t count)
{
	assert(count > 0);
	char words[64];
	snprintf(words, sizeof words, "%" PRIu64 " older message%s of ", count, count == 1 ? "" : "s");
	phrase_put(out, out->prefix);
	phrase_put(out, words);
	phrase_put_to(out, room);
	phrase_put(out, count == 1 ? " could not be delivered here, the server no longer has it\n"
				   : " could not be delivered here, the server no longer has them\n");
}

void phrase_rooms(const struct phrase_out *out, uint64_t count, bool is_mine)
{
	char words[64];
	phrase_put(out, out->prefix);
	if (count == 0) {
		phrase_put(out, is_mine ? "you are in no room" : "there is no open room");
		phrase_put(out, out->hints ? "; type: join #<room>\n" : "\n");
		return;
	}
	if (is_mine)
		snprintf(words, sizeof words, "you are in %" PRIu64 " room%s:\n", count, count == 1 ? "" : "s");
	else
		snprintf(words, sizeof words, "%" PRIu64 " room%s open to you:\n", count, count == 1 ? " is" : "s are");
	phrase_put(out, words);
}

void phrase_room(const struct phrase_out *out, const struct name *room, uint32_t member_count, bool is_private, bool is_owner)
{
	char words[64];
	snprintf(words, sizeof words, " (%" PRIu32 " member%s%s%s)\n", member_count, member_count == 1 ? "" : "s",
		 is_private ? ", private" : "", is_owner ? ", yours" : "");
	phrase_put(out, PHRASE_WAITING);
	phrase_put_to(out, &(struct message_to){.name = *room, .is_room = true});
	phrase_put(out, words);
}

void phrase_nobody_blocked(const struct phrase_out *out)
{
	phrase_put(out, out->prefix);
	phrase_put(out, out->hints ? "you block nobody; type: block <username>\n" : "you block nobody\n");
}

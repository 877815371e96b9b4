// SPDX-License-Identifier: ISC
// The sentences of the conversation; the contract is in phrase.h.
#include "ui/phrase.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "ui/phrase_inside.h"

// What to type follows a '|'; '%' is the subject.
static const char *const sentences[PHRASE_COUNT] = {
	[PHRASE_SIGNIN_FIRST] = "You must signin first",
	[PHRASE_NOT_SIGNED_IN] = "nobody is signed in|type: signin <username>",
	[PHRASE_SHUTTING_DOWN] = "the server is shutting down, MMS signs in again when it is back",
	[PHRASE_SERVER_FULL] = "the server is full, message was not sent|ask its operator for room, then send it again",
	[PHRASE_NO_ROOM_FOR_DEVICE] = "the server is full and lets no new device in|ask its operator for room, then sign in again",
	[PHRASE_OUTBOX_FULL] = "too many messages wait for the server, message was not kept|send it again when the "
			       "server answers",
	[PHRASE_LINE_TOO_LONG] = "the line is too long for a command, nothing was done|type: help",
	[PHRASE_BAD_INVITE] = "that is not an invite code|type: signin <username> <invite>, the code as you got it",
	[PHRASE_OTHER_VERSION] = "the server speaks another version of the protocol|install the MMS its operator uses",
	[PHRASE_NO_VERDICT] = "the server has not said yet what becomes of the message",
	[PHRASE_INTERRUPTED] = "interrupted",
	[PHRASE_NOT_KEPT] = "interrupted, nothing was kept to be sent later",
	[PHRASE_BAD_TEXT] = "the message is not UTF-8 text, it was not sent|set your terminal to UTF-8 and type "
			    "it again",
	[PHRASE_NOT_AUTHORIZED] = "user % is not authorized to use MMS",
	[PHRASE_SIGNED_OFF] = "user % has signed off",
	[PHRASE_ALREADY_SIGNED_IN] = "you are signed in as %|type: signout, then signin again",
	[PHRASE_OFFLINE] = "% is offline, message will be saved for future delivery",
	[PHRASE_QUEUED] = "the server cannot be reached, message to % is queued and will be sent when it answers",
	[PHRASE_STAYS_QUEUED] = "message to % stays queued and will be sent with the next command that reaches the server",
	[PHRASE_NO_SUCH_USER] = "there is no user %, message was not sent|type: whoIsOn to see who there is",
	[PHRASE_MAILBOX_FULL] = "the mailbox of % is full, message was not sent|send it again later",
	[PHRASE_BLOCKED] = "% does not take messages from you, message was not sent",
	[PHRASE_NOT_IN_ROOM] = "you are not in %, message was not sent|type: join %",
	[PHRASE_REFUSED] = "the server refuses messages to %, message was not sent",
	[PHRASE_CONFLICT] = "the server holds another message with the same id, message to % was not sent|send it "
			    "again",
	[PHRASE_REPLACED] = "% has signed in with this profile elsewhere, messages no longer arrive here|to receive "
			    "here again, type: signin %",
	[PHRASE_SUSPENDED] = "user % may no longer use this server",
	[PHRASE_NOT_PROVED] = "the server % does not know this invite code, it may be an impostor; nothing was sent to "
			      "it|ask its operator for the fingerprint of the server's key",
	[PHRASE_BROKEN] = "the server % breaks the MMS protocol, nothing was sent to it|ask its operator which program it is",
	[PHRASE_NO_LIST] = "the server % gives no list of users that can be shown|ask its operator which program it is",
	[PHRASE_NO_OTHER_LIST] = "the server % gives no list that can be shown|ask its operator which program it is",
	[PHRASE_NO_ROOM] = "there is no room %, or it is not open and you are not in it|type: rooms to see which there are",
	[PHRASE_UNREACHABLE] = "the server % cannot be reached, MMS keeps trying|wait, or type: quit",
	[PHRASE_NO_HOST] = "no address of the server % can be found, MMS keeps trying|check its name, or wait",
	[PHRASE_GIVEN_UP] = "the server % has not answered in time, nothing was kept to be sent later|try again",
	[PHRASE_NO_ANSWER] = "the server % has not answered in time|try again",
	[PHRASE_REACHED] = "the server % answers again",
	[PHRASE_NOT_A_NAME] = "\"%\" is not a user name, one has 1 to 32 letters, digits, dots, underscores or hyphens",
	[PHRASE_NOT_A_ROOM] = "\"%\" is not a room, one has # in front of 1 to 32 letters, digits, dots, underscores or hyphens",
	[PHRASE_NO_USER] = "there is no user %|type: whoIsOn to see who there is",
	[PHRASE_NOBODY_LIKE] = "there is no user like %",
	[PHRASE_NOT_A_PATTERN] = "\"%\" is neither a user name nor a pattern, which has * for any letters and ? for one",
	[PHRASE_FAILURE] = "%",
};

static void put_subject(const struct phrase_out *out, enum phrase phrase, const char *subject, size_t bytes)
{
	if (phrase == PHRASE_FAILURE)
		phrase_put_filtered(out, subject, bytes, FILTER_LINE);
	else
		phrase_put_word(out, subject, bytes);
}

static void say(const struct phrase_out *out, enum phrase phrase, const char *subject, size_t bytes)
{
	assert(phrase < PHRASE_COUNT);
	const char *sentence = sentences[phrase];
	assert(sentence != NULL);
	assert((strchr(sentence, '%') != NULL) == (subject != NULL));
	phrase_put(out, out->prefix);
	for (;;) {
		const size_t plain = strcspn(sentence, "|%");
		out->write(out->context, sentence, plain);
		sentence += plain;
		if (*sentence == '%')
			put_subject(out, phrase, subject, bytes);
		else if (*sentence == '|' && out->hints)
			phrase_put(out, "; ");
		else
			break;
		sentence++;
	}
	phrase_put(out, "\n");
}

void phrase_say(const struct phrase_out *out, enum phrase phrase)
{
	say(out, phrase, NULL, 0);
}

void phrase_say_of(const struct phrase_out *out, enum phrase phrase, const char *subject)
{
	assert(subject != NULL);
	say(out, phrase, subject, strlen(subject));
}

void phrase_greet(const struct phrase_out *out)
{
	phrase_put(out, "Welcome to MMS.\n");
}

void phrase_help(const struct phrase_out *out)
{
	phrase_put(out, ">> the following commands are supported:\n"
		 ">>\n"
		 ">>  signin <username>\n"
		 ">>  whoIsOn\n"
		 ">>  send <username> <message>\n"
		 ">>  signout\n"
		 ">>  help more\n");
}

void phrase_help_more(const struct phrase_out *out)
{
	phrase_put(out, ">> these commands are supported as well:\n"
		 ">>\n"
		 ">>  signin <username> <invite>    the first time, where the operator gave you an invite\n"
		 ">>  whoIsOn <username>            whether somebody is online; also a pattern: whoIsOn fr*\n"
		 ">>  rooms                         which rooms there are\n"
		 ">>  join #<room>                  come into an open room, or make one\n"
		 ">>  join #<room> private          where it is made: only its owner adds people\n"
		 ">>  join #<room> nohistory        where it is made: newcomers see nothing of before\n"
		 ">>  send #<room> <message>        write to everybody in a room\n"
		 ">>  whoIsOn #<room>               who is in a room\n"
		 ">>  add <username> #<room>        bring somebody into a room\n"
		 ">>  remove <username> #<room>     put somebody out of a room of yours\n"
		 ">>  leave #<room>                 go out of a room\n"
		 ">>  block <username>              take no messages from somebody\n"
		 ">>  block                         whom you block\n"
		 ">>  unblock <username>            take messages from somebody again\n"
		 ">>  help                          the other commands\n"
		 ">>  quit                          sign out and end\n");
}

void phrase_welcome(const struct phrase_out *out, const struct name *name, uint64_t waiting_count)
{
	char count[64];
	if (waiting_count == 0)
		snprintf(count, sizeof count, "no messages waiting");
	else if (waiting_count == 1)
		snprintf(count, sizeof count, "1 message waiting :");
	else
		snprintf(count, sizeof count, "%" PRIu64 " messages waiting :", waiting_count);
	phrase_put(out, out->prefix);
	phrase_put(out, "Welcome ");
	phrase_put(out, name->text);
	phrase_put(out, ", you have ");
	phrase_put(out, count);
	phrase_put(out, "\n");
}

static void put_message(const struct phrase_out *out, const struct name *from, const struct message_to *to, const char *text,
			size_t bytes)
{
	assert(bytes <= TEXT_BYTES_MAX);
	if (to->is_room) {
		phrase_put_to(out, to);
		phrase_put(out, " ");
	}
	phrase_put(out, from->text);
	if (!to->is_room && to->name.text[0] != 0) {
		phrase_put(out, " to ");
		phrase_put(out, to->name.text);
	}
	phrase_put(out, ": ");
	phrase_put_filtered(out, text, bytes, FILTER_TERMINAL);
	phrase_put(out, "\n");
}

void phrase_waiting(const struct phrase_out *out, const struct name *from, const struct message_to *to, const char *text, size_t bytes)
{
	phrase_put(out, PHRASE_WAITING);
	put_message(out, from, to, text, bytes);
}

void phrase_message(const struct phrase_out *out, const struct name *from, const struct message_to *to, const char *text, size_t bytes)
{
	phrase_put(out, out->prefix);
	put_message(out, from, to, text, bytes);
}

void phrase_unknown(const struct phrase_out *out, const struct name *from)
{
	char sentence[128];
	snprintf(sentence, sizeof sentence, "a message%s%s cannot be shown by this version of MMS: install a newer one\n",
		 from->text[0] == 0 ? "" : " from ", from->text);
	phrase_put(out, out->prefix);
	phrase_put(out, sentence);
}

void phrase_gap(const struct phrase_out *out, uint64_t count)
{
	assert(count > 0);
	char sentence[128];
	snprintf(sentence, sizeof sentence, "%" PRIu64 " older message%s could not be delivered here, the server no "
		 "longer has %s\n", count, count == 1 ? "" : "s", count == 1 ? "it" : "them");
	phrase_put(out, out->prefix);
	phrase_put(out, sentence);
}

static void put_stay_queued(const struct phrase_out *out, uint64_t count)
{
	assert(count > 0);
	char words[64];
	snprintf(words, sizeof words, "%" PRIu64 " message%s", count, count == 1 ? " stays queued" : "s stay queued");
	phrase_put(out, out->prefix);
	phrase_put(out, words);
}

void phrase_stay_queued(const struct phrase_out *out, uint64_t count, enum phrase_queue queue)
{
	put_stay_queued(out, count);
	phrase_put(out, queue == PHRASE_QUEUE_SERVER ? " and will be sent with the next command that reaches the server\n"
					      : " and will be sent only if this device is authorized again\n");
}

void phrase_left_behind(const struct phrase_out *out, uint64_t count, const char *path)
{
	put_stay_queued(out, count);
	phrase_put(out, " for a server's key that is no longer pinned and will not be sent, ");
	phrase_put(out, count == 1 ? "it is in " : "they are in ");
	phrase_put_filtered(out, path, strlen(path), FILTER_LINE);
	phrase_put(out, "\n");
}

void phrase_too_long(const struct phrase_out *out, size_t bytes)
{
	assert(bytes > TEXT_BYTES_MAX);
	char sentence[128];
	const bool is_counted = bytes <= PHRASE_COUNTED_BYTES_MAX;
	snprintf(sentence, sizeof sentence, "the message has %s%zu bytes, at most %d are allowed, it was not sent%s\n",
		 is_counted ? "" : "more than ", is_counted ? bytes : PHRASE_COUNTED_BYTES_MAX, TEXT_BYTES_MAX,
		 out->hints ? "; send it in parts" : "");
	phrase_put(out, out->prefix);
	phrase_put(out, sentence);
}

static void say_about_word(const struct phrase_out *out, const char *before, struct command_span word,
			   const char *after)
{
	phrase_put(out, out->prefix);
	phrase_put(out, before);
	phrase_put_word(out, word.text, word.bytes);
	phrase_put(out, after);
	phrase_put(out, "\n");
}

// What a command needs, and how it is typed.
struct usage {
	const char *need;
	const char *form;
};

static const struct usage *usage_of(enum command_kind kind)
{
	static const struct usage usages[] = {
		[COMMAND_SIGNIN] = {"signin needs a user name", "signin <username>"},
		[COMMAND_SEND] = {"send needs a user name and a message", "send <username> <message>"},
		[COMMAND_WHO] = {"", "whoIsOn <username>"},
		[COMMAND_JOIN] = {"join needs a room", "join #<room>"},
		[COMMAND_LEAVE] = {"leave needs a room", "leave #<room>"},
		[COMMAND_ADD] = {"add needs a user name and a room", "add <username> #<room>"},
		[COMMAND_REMOVE] = {"remove needs a user name and a room", "remove <username> #<room>"},
		[COMMAND_BLOCK] = {"", "block <username>"},
		[COMMAND_UNBLOCK] = {"unblock needs a user name", "unblock <username>"},
	};
	return (size_t)kind < sizeof usages / sizeof usages[0] ? &usages[kind] : &usages[COMMAND_NONE];
}

static void put_surplus(const struct phrase_out *out, const struct command *command)
{
	const char *form = usage_of(command->kind)->form;
	phrase_put(out, out->prefix);
	phrase_put(out, "\"");
	phrase_put_word(out, command->word.text, command->word.bytes);
	phrase_put(out, "\" is one word too many; type");
	phrase_put(out, form == NULL ? " the command alone" : ": ");
	phrase_put(out, form == NULL ? "" : form);
	phrase_put(out, "\n");
}

void phrase_fault(const struct phrase_out *out, const struct command *command)
{
	if (command->fault == COMMAND_FAULT_LINES) {
		phrase_put(out, out->prefix);
		phrase_put(out, "several lines are no command, nothing was done; only a message may have them: send <username> "
			 "<message>\n");
		return;
	}
	if (command->kind == COMMAND_UNKNOWN) {
		say_about_word(out, "there is no command \"", command->word, "\"; type: help");
		return;
	}
	switch (command->fault) {
	case COMMAND_FAULT_NO_NAME:
		phrase_put(out, out->prefix);
		phrase_put(out, usage_of(command->kind)->need);
		phrase_put(out, "; type: ");
		phrase_put(out, usage_of(command->kind)->form);
		phrase_put(out, "\n");
		return;
	case COMMAND_FAULT_NOT_A_NAME:
		say(out, PHRASE_NOT_A_NAME, command->word.text, command->word.bytes);
		return;
	case COMMAND_FAULT_NOT_A_ROOM:
		say(out, PHRASE_NOT_A_ROOM, command->word.text, command->word.bytes);
		return;
	case COMMAND_FAULT_NOT_A_PATTERN:
		say(out, PHRASE_NOT_A_PATTERN, command->word.text, command->word.bytes);
		return;
	case COMMAND_FAULT_NO_TEXT:
		phrase_put(out, out->prefix);
		phrase_put(out, "the message is missing; type: send ");
		phrase_put_to(out, &command->to);
		phrase_put(out, " <message>\n");
		return;
	case COMMAND_FAULT_TOO_LONG:
		phrase_too_long(out, command->text.bytes);
		return;
	case COMMAND_FAULT_NOT_UTF8:
		phrase_say(out, PHRASE_BAD_TEXT);
		return;
	case COMMAND_FAULT_SURPLUS:
		put_surplus(out, command);
		return;
	case COMMAND_FAULT_LINES: // above
	case COMMAND_FAULT_NONE:
		break;
	}
	assert(false); // nothing is wrong with it
}

void phrase_key_changed(const struct phrase_out *out, const char *server, const char *pinned, const char *offered,
			const char *pins_file)
{
	const struct {
		const char *before;
		const char *subject;
		const char *after;
	} lines[] = {
		{"the key of the server ", server,
		 " has changed: somebody may stand between you and it, MMS stops here"},
		{"     pinned:  ", pinned, ""},
		{"     offered: ", offered, ""},
		{"if its operator confirms the new key, remove the line of this server from ", pins_file, ""},
	};
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		phrase_put(out, out->prefix);
		phrase_put(out, lines[i].before);
		phrase_put_filtered(out, lines[i].subject, strlen(lines[i].subject), FILTER_LINE);
		phrase_put(out, lines[i].after);
		phrase_put(out, "\n");
	}
}

void phrase_presence(const struct phrase_out *out, const struct name *name, bool online, const char *heard)
{
	phrase_put(out, out->prefix);
	phrase_put(out, name->text);
	phrase_put(out, online ? " is online" : " is NOT online");
	phrase_put(out, online || *heard == 0 ? "" : ", last heard ");
	phrase_put(out, online ? "" : heard);
	phrase_put(out, "\n");
}

void phrase_users(const struct phrase_out *out, uint64_t count, bool online)
{
	assert(count > 0);
	char sentence[64];
	snprintf(sentence, sizeof sentence, "%" PRIu64 " user%s %s:\n", count, count == 1 ? " is" : "s are",
		 online ? "online" : "NOT online");
	phrase_put(out, out->prefix);
	phrase_put(out, sentence);
}

void phrase_names_begin(struct phrase_names *names, const struct phrase_out *out, bool online)
{
	*names = (struct phrase_names){.out = out, .end = online ? " are online\n" : " are NOT online\n"};
}

void phrase_names_begin_blocked(struct phrase_names *names, const struct phrase_out *out)
{
	*names = (struct phrase_names){.out = out, .end = " are blocked by you\n"};
}

// Writes the name that was held back, now that it is known to be an inner one or the last.
static void put_last(struct phrase_names *names, const char *separator)
{
	if (names->count == 1) {
		phrase_put(names->out, names->out->prefix);
		phrase_put(names->out, "Users ");
	} else {
		phrase_put(names->out, separator);
	}
	phrase_put(names->out, names->last.text);
}

void phrase_names_add(struct phrase_names *names, const struct name *name)
{
	assert(name_bytes(name) > 0);
	if (names->count > 0)
		put_last(names, ", ");
	names->last = *name;
	names->count++;
}

void phrase_names_end(struct phrase_names *names)
{
	if (names->count == 0)
		return;
	put_last(names, names->count == 2 ? " and " : ", and ");
	phrase_put(names->out, names->end);
	names->count = 0;
}

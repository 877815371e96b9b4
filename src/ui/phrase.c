// SPDX-License-Identifier: ISC
// The sentences of the conversation; the contract is in phrase.h.
#include "ui/phrase.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "ui/filter.h"

enum {
	WORD_BYTES_SHOWN = 64, // of a word somebody typed
	PIECE_BYTES = 128,     // filtered at once
};

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
	[PHRASE_UNREACHABLE] = "the server % cannot be reached, MMS keeps trying|wait, or type: quit",
	[PHRASE_NO_HOST] = "no address of the server % can be found, MMS keeps trying|check its name, or wait",
	[PHRASE_GIVEN_UP] = "the server % has not answered in time, nothing was kept to be sent later|try again",
	[PHRASE_NO_ANSWER] = "the server % has not answered in time|try again",
	[PHRASE_REACHED] = "the server % answers again",
	[PHRASE_NOT_A_NAME] = "\"%\" is not a user name, one has 1 to 32 letters, digits, dots, underscores or hyphens",
	[PHRASE_NO_USER] = "there is no user %|type: whoIsOn to see who there is",
	[PHRASE_NOBODY_LIKE] = "there is no user like %",
	[PHRASE_NOT_A_PATTERN] = "\"%\" is neither a user name nor a pattern, which has * for any letters and ? for one",
	[PHRASE_FAILURE] = "%",
};

static void put(const struct phrase_out *out, const char *text)
{
	out->write(out->context, text, strlen(text));
}

// Filters piece by piece, cutting between characters, so that no buffer for the whole is needed.
static void put_filtered(const struct phrase_out *out, const char *text, size_t bytes, enum filter_mode mode)
{
	char piece[FILTER_CAPACITY(PIECE_BYTES)];
	while (bytes > 0) {
		size_t taken = 0;
		while (taken < bytes) {
			uint32_t point;
			const size_t length = utf8_decode(text + taken, bytes - taken, &point);
			const size_t step = length == 0 ? 1 : length;
			if (taken + step > PIECE_BYTES)
				break;
			taken += step;
		}
		out->write(out->context, piece, filter_text(text, taken, mode, piece, sizeof piece));
		text += taken;
		bytes -= taken;
	}
}

// A word somebody typed, as one line and with an end in sight.
static void put_word(const struct phrase_out *out, const char *word, size_t bytes)
{
	size_t shown = 0;
	while (shown < bytes) {
		uint32_t point;
		const size_t length = utf8_decode(word + shown, bytes - shown, &point);
		const size_t step = length == 0 ? 1 : length;
		if (shown + step > WORD_BYTES_SHOWN)
			break;
		shown += step;
	}
	put_filtered(out, word, shown, FILTER_LINE);
	if (shown < bytes)
		put(out, "...");
}

static void put_subject(const struct phrase_out *out, enum phrase phrase, const char *subject, size_t bytes)
{
	if (phrase == PHRASE_FAILURE)
		put_filtered(out, subject, bytes, FILTER_LINE);
	else
		put_word(out, subject, bytes);
}

static void say(const struct phrase_out *out, enum phrase phrase, const char *subject, size_t bytes)
{
	assert(phrase < PHRASE_COUNT);
	const char *sentence = sentences[phrase];
	assert(sentence != NULL);
	assert((strchr(sentence, '%') != NULL) == (subject != NULL));
	put(out, out->prefix);
	for (;;) {
		const size_t plain = strcspn(sentence, "|%");
		out->write(out->context, sentence, plain);
		sentence += plain;
		if (*sentence == '%')
			put_subject(out, phrase, subject, bytes);
		else if (*sentence == '|' && out->hints)
			put(out, "; ");
		else
			break;
		sentence++;
	}
	put(out, "\n");
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
	put(out, "Welcome to MMS.\n");
}

void phrase_help(const struct phrase_out *out)
{
	put(out, ">> the following commands are supported:\n"
		 ">>\n"
		 ">>  signin <username>\n"
		 ">>  whoIsOn\n"
		 ">>  send <username> <message>\n"
		 ">>  signout\n"
		 ">>  signin <username> <invite>\n"
		 ">>  help\n"
		 ">>  quit\n");
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
	put(out, out->prefix);
	put(out, "Welcome ");
	put(out, name->text);
	put(out, ", you have ");
	put(out, count);
	put(out, "\n");
}

static void put_message(const struct phrase_out *out, const struct name *from, const char *text, size_t bytes)
{
	assert(bytes <= TEXT_BYTES_MAX);
	put(out, from->text);
	put(out, ": ");
	put_filtered(out, text, bytes, FILTER_TERMINAL);
	put(out, "\n");
}

void phrase_waiting(const struct phrase_out *out, const struct name *from, const char *text, size_t bytes)
{
	put(out, ">>      ");
	put_message(out, from, text, bytes);
}

void phrase_message(const struct phrase_out *out, const struct name *from, const char *text, size_t bytes)
{
	put(out, out->prefix);
	put_message(out, from, text, bytes);
}

void phrase_unknown(const struct phrase_out *out, const struct name *from)
{
	char sentence[128];
	snprintf(sentence, sizeof sentence, "a message%s%s cannot be shown by this version of MMS: install a newer one\n",
		 from->text[0] == 0 ? "" : " from ", from->text);
	put(out, out->prefix);
	put(out, sentence);
}

void phrase_gap(const struct phrase_out *out, uint64_t count)
{
	assert(count > 0);
	char sentence[128];
	snprintf(sentence, sizeof sentence, "%" PRIu64 " older message%s could not be delivered here, the server no "
		 "longer has %s\n", count, count == 1 ? "" : "s", count == 1 ? "it" : "them");
	put(out, out->prefix);
	put(out, sentence);
}

static void put_stay_queued(const struct phrase_out *out, uint64_t count)
{
	assert(count > 0);
	char words[64];
	snprintf(words, sizeof words, "%" PRIu64 " message%s", count, count == 1 ? " stays queued" : "s stay queued");
	put(out, out->prefix);
	put(out, words);
}

void phrase_stay_queued(const struct phrase_out *out, uint64_t count, enum phrase_queue queue)
{
	put_stay_queued(out, count);
	put(out, queue == PHRASE_QUEUE_SERVER ? " and will be sent with the next command that reaches the server\n"
					      : " and will be sent only if this device is authorized again\n");
}

void phrase_left_behind(const struct phrase_out *out, uint64_t count, const char *path)
{
	put_stay_queued(out, count);
	put(out, " for a server's key that is no longer pinned and will not be sent, ");
	put(out, count == 1 ? "it is in " : "they are in ");
	put_filtered(out, path, strlen(path), FILTER_LINE);
	put(out, "\n");
}

void phrase_too_long(const struct phrase_out *out, size_t bytes)
{
	assert(bytes > TEXT_BYTES_MAX);
	char sentence[128];
	const bool is_counted = bytes <= PHRASE_COUNTED_BYTES_MAX;
	snprintf(sentence, sizeof sentence, "the message has %s%zu bytes, at most %d are allowed, it was not sent%s\n",
		 is_counted ? "" : "more than ", is_counted ? bytes : PHRASE_COUNTED_BYTES_MAX, TEXT_BYTES_MAX,
		 out->hints ? "; send it in parts" : "");
	put(out, out->prefix);
	put(out, sentence);
}

static void say_about_word(const struct phrase_out *out, const char *before, struct command_span word,
			   const char *after)
{
	put(out, out->prefix);
	put(out, before);
	put_word(out, word.text, word.bytes);
	put(out, after);
	put(out, "\n");
}

void phrase_fault(const struct phrase_out *out, const struct command *command)
{
	const bool is_send = command->kind == COMMAND_SEND;
	const struct command_span name = {command->name.text, name_bytes(&command->name)};
	if (command->fault == COMMAND_FAULT_LINES) {
		put(out, out->prefix);
		put(out, "several lines are no command, nothing was done; only a message may have them: send <username> "
			 "<message>\n");
		return;
	}
	if (command->kind == COMMAND_UNKNOWN) {
		say_about_word(out, "there is no command \"", command->word, "\"; type: help");
		return;
	}
	switch (command->fault) {
	case COMMAND_FAULT_NO_NAME:
		put(out, out->prefix);
		put(out, is_send ? "send needs a user name and a message; type: send <username> <message>\n"
				 : "signin needs a user name; type: signin <username>\n");
		return;
	case COMMAND_FAULT_NOT_A_NAME:
		say(out, PHRASE_NOT_A_NAME, command->word.text, command->word.bytes);
		return;
	case COMMAND_FAULT_NOT_A_PATTERN:
		say(out, PHRASE_NOT_A_PATTERN, command->word.text, command->word.bytes);
		return;
	case COMMAND_FAULT_NO_TEXT:
		put(out, out->prefix);
		put(out, "the message is missing; type: send ");
		put_word(out, name.text, name.bytes);
		put(out, " <message>\n");
		return;
	case COMMAND_FAULT_TOO_LONG:
		phrase_too_long(out, command->text.bytes);
		return;
	case COMMAND_FAULT_NOT_UTF8:
		phrase_say(out, PHRASE_BAD_TEXT);
		return;
	case COMMAND_FAULT_SURPLUS:
		say_about_word(out, "\"", command->word,
			       command->kind == COMMAND_WHO ? "\" is one word too many; type: whoIsOn <username>"
							    : "\" is one word too many; type the command alone");
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
		put(out, out->prefix);
		put(out, lines[i].before);
		put_filtered(out, lines[i].subject, strlen(lines[i].subject), FILTER_LINE);
		put(out, lines[i].after);
		put(out, "\n");
	}
}

void phrase_presence(const struct phrase_out *out, const struct name *name, bool online, const char *heard)
{
	put(out, out->prefix);
	put(out, name->text);
	put(out, online ? " is online" : " is NOT online");
	put(out, online || *heard == 0 ? "" : ", last heard ");
	put(out, online ? "" : heard);
	put(out, "\n");
}

void phrase_users(const struct phrase_out *out, uint64_t count, bool online)
{
	assert(count > 0);
	char sentence[64];
	snprintf(sentence, sizeof sentence, "%" PRIu64 " user%s %s:\n", count, count == 1 ? " is" : "s are",
		 online ? "online" : "NOT online");
	put(out, out->prefix);
	put(out, sentence);
}

void phrase_names_begin(struct phrase_names *names, const struct phrase_out *out, bool online)
{
	*names = (struct phrase_names){.out = out, .online = online};
}

// Writes the name that was held back, now that it is known to be an inner one or the last.
static void put_last(struct phrase_names *names, const char *separator)
{
	if (names->count == 1) {
		put(names->out, names->out->prefix);
		put(names->out, "Users ");
	} else {
		put(names->out, separator);
	}
	put(names->out, names->last.text);
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
	put(names->out, names->online ? " are online\n" : " are NOT online\n");
	names->count = 0;
}

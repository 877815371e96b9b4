// SPDX-License-Identifier: ISC
// Every sentence MMS says in a conversation, in one place, but for those about rooms (ui/phrase_room.h): what happened, what is
// wrong, and what to type about it. Layer: ui, pure; nothing is allocated. Sentences go to the caller piece by piece, so that a
// list of names may be of any length; each ends with a newline. Words that are not ours (names, messages, addresses) pass the
// filter of ui/filter.h.
#ifndef MMS_UI_PHRASE_H
#define MMS_UI_PHRASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/message.h"
#include "base/name.h"
#include "ui/command.h"

#define PHRASE_PROMPT "> "   // before what is typed
#define PHRASE_PREFIX ">> "  // before what the conversation answers
#define PHRASE_WAITING ">>      " // before what is set in under a line of it

struct phrase_out {
	// Takes the next piece of the output; pieces end between characters, a sentence's last one ends with a newline.
	void (*write)(void *context, const char *text, size_t bytes);
	void *context;
	const char *prefix; // before each sentence: PHRASE_PREFIX in a conversation, for instance "mms: " in scripts
	bool hints;         // whether to add what to type, where that is not part of the sentence itself
};

enum phrase {
	// --- without a subject: phrase_say ---
	PHRASE_SIGNIN_FIRST,     // a command that needs a user, and nobody is signed in
	PHRASE_NOT_SIGNED_IN,    // signout, and nobody is signed in
	PHRASE_SHUTTING_DOWN,    // the server says that it stops
	PHRASE_SERVER_FULL,      // the server's disk or reserve is used up; the message is not sent
	PHRASE_NO_ROOM_FOR_DEVICE, // the same at a device's first sign-in
	PHRASE_OUTBOX_FULL,      // OUTBOX_ROWS_MAX messages wait; the message is not kept
	PHRASE_LINE_TOO_LONG,    // a line longer than a command can be; nothing was done
	PHRASE_BAD_INVITE,       // what was typed cannot be an invite code
	PHRASE_OTHER_VERSION,    // the server speaks no version of the protocol that we speak
	PHRASE_NO_VERDICT,       // the server has not answered a message within the time that there was
	PHRASE_INTERRUPTED,      // a script's command was interrupted after it had kept a message
	PHRASE_NOT_KEPT,         // a script's command was interrupted before it had kept anything
	PHRASE_BAD_TEXT,         // a message that is not UTF-8 or has a zero byte

	// --- with a subject, a user's name unless said otherwise: phrase_say_of ---
	PHRASE_NOT_AUTHORIZED,   // the name as it was typed
	PHRASE_SIGNED_OFF,
	PHRASE_ALREADY_SIGNED_IN, // signin while the subject is signed in
	PHRASE_OFFLINE,          // the recipient is not online; the message is accepted and saved
	PHRASE_QUEUED,           // the server does not answer; the message to the subject is in the outbox
	PHRASE_STAYS_QUEUED,     // what ended a command did not end the message to the subject: it is in the outbox
	PHRASE_NO_SUCH_USER,     // the recipient does not exist; the message is not sent
	PHRASE_MAILBOX_FULL,     // the recipient's mailbox is full; the message is not sent
	PHRASE_BLOCKED,          // the recipient has blocked who writes; the message is not sent
	PHRASE_NOT_IN_ROOM,      // subject: a room, to which the message is not sent
	PHRASE_REFUSED,          // the server refuses a message to the subject for another reason
	PHRASE_CONFLICT,         // the server has another message with the id of this one to the subject
	PHRASE_REPLACED,         // the subject has signed in elsewhere with this device
	PHRASE_SUSPENDED,        // the subject, signed in here, is no longer in the users file
	PHRASE_NOT_PROVED,       // subject: the server as HOST:PORT, which did not prove that it knows the invite
	PHRASE_BROKEN,           // subject: the server as HOST:PORT, which answers against the protocol
	PHRASE_NO_LIST,          // subject: the server as HOST:PORT, which gave no list of users
	PHRASE_NO_OTHER_LIST,    // the same of another list
	PHRASE_NO_ROOM,          // subject: a room of which nothing can be told
	PHRASE_UNREACHABLE,      // subject: the server as HOST:PORT; we keep trying
	PHRASE_NO_HOST,          // subject: the server's name, which does not resolve; we keep trying
	PHRASE_GIVEN_UP,         // subject: the server as HOST:PORT; a script's command gives up, and its message was not kept
	PHRASE_NO_ANSWER,        // subject: the server as HOST:PORT; a command that has no message gives up
	PHRASE_REACHED,          // subject: the server as HOST:PORT, which answers again
	PHRASE_NOT_A_NAME,       // subject: what was given as a name
	PHRASE_NOT_A_ROOM,       // subject: what was given as a room
	PHRASE_NO_USER,          // there is none of this name
	PHRASE_NOBODY_LIKE,      // subject: a pattern that no user's name looks like
	PHRASE_NOT_A_PATTERN,    // subject: what was given as a name or a pattern
	PHRASE_FAILURE,          // subject: a whole sentence from a struct reason
	PHRASE_COUNT
};

// Says a sentence that has no subject.
void phrase_say(const struct phrase_out *out, enum phrase phrase);

// Says a sentence about `subject`, a zero-ended string; only PHRASE_FAILURE may be long, others show its first 64
// bytes.
void phrase_say_of(const struct phrase_out *out, enum phrase phrase, const char *subject);

// "Welcome to MMS.", without a prefix: the first line of a conversation.
void phrase_greet(const struct phrase_out *out);

// The specified commands, one a line; and the others.
void phrase_help(const struct phrase_out *out);
void phrase_help_more(const struct phrase_out *out); // see phrase_help

// "Welcome NAME, you have N messages waiting :", or 1 message, or no messages (then without the colon).
void phrase_welcome(const struct phrase_out *out, const struct name *name, uint64_t waiting_count);

// A message that waited, under the welcome: ">>      FROM: TEXT". At most TEXT_BYTES_MAX bytes. `to` is empty where it was written to
// this user. Of one to a room the text begins with that: "#ROOM FROM: TEXT"; of one of the user's own, to somebody: "FROM to NAME: TEXT".
void phrase_waiting(const struct phrase_out *out, const struct name *from, const struct message_to *to, const char *text, size_t bytes);

// The same as it arrives: ">> FROM: TEXT".
void phrase_message(const struct phrase_out *out, const struct name *from, const struct message_to *to, const char *text, size_t bytes);

// A message of a kind or form that this version does not know; `from` may be empty.
void phrase_unknown(const struct phrase_out *out, const struct name *from);

// `count` messages that the server no longer held for this device; more than 0.
void phrase_gap(const struct phrase_out *out, uint64_t count);

// `count` messages, more than 0, that stay queued; what they wait for.
enum phrase_queue {
	PHRASE_QUEUE_SERVER, // to reach the server
	PHRASE_QUEUE_DEVICE, // until this device, which is not authorized, is so again
};
void phrase_stay_queued(const struct phrase_out *out, uint64_t count, enum phrase_queue queue);

// `count` messages, more than 0, that are queued in the profile at `path`, of a server's key that is no longer pinned.
void phrase_left_behind(const struct phrase_out *out, uint64_t count, const char *path);

// A message of `bytes` bytes, more than TEXT_BYTES_MAX; beyond PHRASE_COUNTED_BYTES_MAX it says "more than" that.
enum { PHRASE_COUNTED_BYTES_MAX = 1024 * 1024 };
void phrase_too_long(const struct phrase_out *out, size_t bytes);

// What is wrong with a command that was typed: its kind is COMMAND_UNKNOWN or its fault is not COMMAND_FAULT_NONE.
void phrase_fault(const struct phrase_out *out, const struct command *command);

// The server's key is not the pinned one: both fingerprints, and which line of which file pins it. `server` is
// HOST:PORT.
void phrase_key_changed(const struct phrase_out *out, const char *server, const char *pinned, const char *offered,
			const char *pins_file);

// "NAME is online", or "NAME is NOT online", with ", last heard" and `heard`, a moment as text, if that is not empty.
void phrase_presence(const struct phrase_out *out, const struct name *name, bool online, const char *heard);

// "N users are online:", or "are NOT online", more than 0; their names follow (ui/columns.h).
void phrase_users(const struct phrase_out *out, uint64_t count, bool online);

// One of the two lines of whoIsOn. Must: begin, then add for each name in order, then end. A line with nobody in it is
// not written at all. The struct is the caller's.
struct phrase_names {
	const struct phrase_out *out; // borrowed until the end
	struct name last;             // the newest name, written when it is known whether another one follows
	uint64_t count;
	const char *end;
};

// Begins "Users … are online", or "Users … are NOT online".
void phrase_names_begin(struct phrase_names *names, const struct phrase_out *out, bool online);

// Begins "Users … are blocked by you".
void phrase_names_begin_blocked(struct phrase_names *names, const struct phrase_out *out);

// Adds a name; a, then "a and b", then "a, b, and c".
void phrase_names_add(struct phrase_names *names, const struct name *name);

// Ends the line.
void phrase_names_end(struct phrase_names *names);

#endif

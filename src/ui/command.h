// SPDX-License-Identifier: ISC
// What a person types at the client, taken apart: the four specified commands, signin, whoIsOn, send and signout, and those that
// `help more` lists. Layer: ui, pure.
//
// Words are separated by blanks (spaces and tabs); blanks before the command do not matter; commands are matched
// without regard to case. A message is everything after exactly one blank behind the recipient, inner and trailing
// blanks included. An invite code is everything behind the user, for it may come in brackets, or in pieces. Behind whoIsOn may
// stand one name or pattern, or a room. A room is written with '#' in front. Words too many are a fault, since something else was
// meant; but not after help: whoever asks for help gets it.
#ifndef MMS_UI_COMMAND_H
#define MMS_UI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/message.h"
#include "base/name.h"

enum command_kind {
	COMMAND_NONE,    // a blank line
	COMMAND_UNKNOWN, // word: what stands where a command should
	COMMAND_HELP,    // is_more: of the commands beyond the specified ones
	COMMAND_SIGNIN,  // to, and invite when there is one
	COMMAND_WHO,     // has_pattern, and pattern when there is one; or to, a room
	COMMAND_SIGNOUT,
	COMMAND_QUIT,
	COMMAND_ROOMS,
	COMMAND_SEND,    // to, and text. From here on: what is queued
	COMMAND_JOIN,    // to, a room; is_private, is_without_history
	COMMAND_LEAVE,   // to, a room
	COMMAND_ADD,     // other, to the room `to`
	COMMAND_REMOVE,  // other, from the room `to`
	COMMAND_BLOCK,   // to; nobody: not queued, the list of those that are blocked
	COMMAND_UNBLOCK, // to. The last of these
};

// What is wrong with a command whose kind is known. Faults are found from left to right; the first one counts.
enum command_fault {
	COMMAND_FAULT_NONE,
	COMMAND_FAULT_NO_NAME,    // a name or a room is missing
	COMMAND_FAULT_NOT_A_NAME, // word: what stands where the name of a user should
	COMMAND_FAULT_NOT_A_ROOM, // word: what stands where a room should
	COMMAND_FAULT_NOT_A_PATTERN, // word: what stands behind whoIsOn
	COMMAND_FAULT_NO_TEXT,    // send without a message, or with one of blanks alone; to is set
	COMMAND_FAULT_TOO_LONG,   // the message has more than TEXT_BYTES_MAX bytes; to and text are set
	COMMAND_FAULT_NOT_UTF8,   // the message is not UTF-8, or contains a zero byte; to and text are set
	COMMAND_FAULT_SURPLUS,    // word: the first one too many
	COMMAND_FAULT_LINES,      // several lines, pasted, that are not the text of a message; whatever the kind
};

// A piece of the line; {NULL, 0} where there is none.
struct command_span {
	const char *text;
	size_t bytes;
};

struct command {
	enum command_kind kind;
	enum command_fault fault;
	struct message_to to;       // whom or what it is about
	struct name other;          // add and remove: whom
	bool is_more;               // help
	bool is_private;            // join: this and the next, of a room that is made
	bool is_without_history;
	bool has_pattern;           // whoIsOn: only who looks like it is meant
	struct name_pattern pattern;
	struct command_span invite; // signin: the rest of the line as typed, unchecked
	struct command_span text;   // send: the message, 1 to TEXT_BYTES_MAX bytes of UTF-8 when there is no fault
	struct command_span word;   // the word that is unknown or at fault
};

// Takes apart `bytes` bytes at `line`, which has no newline at its end; one CR there is dropped. Newlines inside, of a
// paste, may only stand in the text of a message: what follows one is never a command. The spans of `command`
// point into the line, which must outlive their use.
void command_parse(const char *line, size_t bytes, struct command *command);

#endif

// SPDX-License-Identifier: ISC
// The conversation of `mms client`: what a typed command does, when it is done, and what is said meanwhile. Layer: cmd.
// One command at a time: the next line is taken when the one before has said all it has to say. From a pipe or a file, a
// message does not wait for the verdict on the one before; what is said of them comes in the order of their lines all the same.
#ifndef MMS_CMD_CONVERSATION_H
#define MMS_CMD_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/device.h"
#include "cmd/input.h"
#include "cmd/room_list.h"
#include "cmd/verdict.h"
#include "cmd/who_list.h"
#include "node/device_showing.h"
#include "ui/command.h"
#include "ui/phrase.h"

enum {
	CONVERSATION_WELCOME_MS = 3000, // how long the welcome waits for the messages it announces
	CONVERSATION_PATIENCE_MS = 3000, // how long a command waits for a server that gives no sign
	CONVERSATION_PIPE_SIGNIN_MS = 10000, // how long signin does so when the commands come from a pipe
	CONVERSATION_STALL_MS = 10000, // how long a command waits for a server that is there and tells nothing new
	CONVERSATION_AHEAD_MAX = 256, // messages of a pipe without a verdict; full: the next line waits for one
	CONVERSATION_VERDICTS_MS = 10000, // how long the end waits for verdicts
};

enum conversation_state {
	TALK_IDLE = 0,   // the next command may come
	TALK_SIGNING_IN, // until the welcome and all waiting messages are printed
	TALK_LISTING,    // whoIsOn, rooms or block, until the list is whole
	TALK_SENDING,    // a message or a change, until the verdict; of a pipe's messages, until there is room ahead, or none is left
			 // before a held line
	TALK_SIGNING_OUT,
	TALK_LEAVING,    // the end of input, or quit: verdicts first, then signing out
	TALK_OVER,
};

// A message or a change that has no verdict yet, or whose words wait for those of the lines before it.
struct conversation_message {
	struct uuid id;
	struct verdict_wish wish;
	struct mtime typed_at;
	bool is_typed;    // here: by a line of this conversation
	bool is_line;     // the line that wrote it has not said its words
	bool has_verdict; // these two are it
	enum outbox_state state;
	uint8_t status;
};

struct conversation {
	struct device device;
	struct input input;
	struct phrase_out out;
	enum conversation_state state;
	struct mtime began_at; // the command at work
	struct mtime moved_at; // when a line came or something was told last

	const char *invite; // for a sign-in without a code of its own; NULL: none
	bool is_user; // somebody is signed in, or would be if the server answered
	struct name user;
	bool is_welcomed;
	uint32_t waiting_left; // waiting messages still to be printed under the welcome
	struct mtime welcome_at; // when the welcome is printed at the latest

	bool is_unreachable_said;
	bool was_reached; // ever
	bool is_leaving; // TALK_SIGNING_OUT is followed by the end

	struct conversation_message *message; // in the order of their lines
	size_t message_count;
	size_t message_capacity;
	size_t line_count; // of them, those that are lines
	bool is_holding; // a pipe's line that waits until every message before it has said its words
	enum terminal_input held;
	struct terminal_line held_line;
	bool has_left_queued; // `left_user` was signed in here and left messages in the outbox
	struct name left_user;

	struct client_list_wish list; // what was asked for last
	struct who_list who; // the list so far, of users
	struct room_list rooms; // the same, of rooms

	bool is_grown; // the transcript has grown
	struct device_showing showing; // what of it is shown here
	int status;    // what the exit status is to be, if it is not decided by what stays queued
};

// Greets, then is ready for the first command. The device is open and tells conversation_told.
void conversation_begin(struct conversation *conversation);

// What the device tells; `context` is the conversation.
void conversation_told(void *context, const struct life_told *told);

// Obeys a line, or what stands for one. Must: the state is TALK_IDLE.
void conversation_obey(struct conversation *conversation, enum terminal_input input, const struct terminal_line *line);

// After a turn: prints what has come, and finds out whether the command at work is done.
void conversation_advance(struct conversation *conversation);

// When conversation_advance has something to do though nothing happens; MTIME_NEVER: nothing.
struct mtime conversation_deadline(const struct conversation *conversation);

// Begins to leave, as at the end of input.
void conversation_leave(struct conversation *conversation);

// The exit status at the end, and gives everything back.
int conversation_end(struct conversation *conversation);

#endif

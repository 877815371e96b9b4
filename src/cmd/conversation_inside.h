// SPDX-License-Identifier: ISC
// What conversation.c and conversation_show.c share; nobody else includes this. Layer: cmd.
#ifndef MMS_CMD_CONVERSATION_INSIDE_H
#define MMS_CMD_CONVERSATION_INSIDE_H

#include "cmd/conversation.h"

// A command is at work from now on.
void conversation_start(struct conversation *conversation, enum conversation_state state);

// The command at work is done, if it is of this state: the next one may come.
void conversation_finish(struct conversation *conversation, enum conversation_state state);

// Says, once until it answers again, that the server cannot be reached.
void conversation_say_unreachable(struct conversation *conversation);

// Obeys a line that nothing is ahead of.
void conversation_obey_now(struct conversation *conversation, enum terminal_input input, const struct terminal_line *line);

// Forgets the device's user, and whether there are messages that stay queued.
void conversation_forget(struct conversation *conversation);

// --- conversation_presence.c ---

// Somebody has signed in: from now on it is said, on a terminal, when people come and go with whom this user writes.
void conversation_want_presence(struct conversation *conversation);

// One of them has.
void conversation_say_presence(struct conversation *conversation, const struct life_told *told);

// Says what a list of one name tells, and since when that user is away, where it is known.
void conversation_say_who_one(struct conversation *conversation);

// --- conversation_list.c ---

// Asks for the list that a command wants: whoIsOn, rooms, or block without a name.
void conversation_list(struct conversation *conversation, const struct command *command);

// What is told of it, from LIFE_TOLD_LIST_BEGIN to LIFE_TOLD_LIST_END or LIFE_TOLD_LIST_FAILED.
void conversation_take_list(struct conversation *conversation, const struct life_told *told);

// --- conversation_verdict.c: messages without a verdict, and the words of their lines ---

// Remembers a message until its verdict comes; what it says of the line that wrote it is as in the struct. False: no memory.
bool conversation_remember(struct conversation *conversation, const struct conversation_message *message);

// Remembers what an earlier process of this profile queued: its verdicts are said here as well.
void conversation_remember_queued(struct conversation *conversation);

// A verdict has come.
void conversation_take_verdict(struct conversation *conversation, const struct life_told *verdict);

// Another process has written to the profile: looks for verdicts there.
void conversation_look_for_verdicts(struct conversation *conversation);

// Says of each line that has waited long enough for a server that gives no sign that its message is queued.
void conversation_say_queued(struct conversation *conversation);

// Something ended the sending: says of each line its verdict, or that its message stays queued, and how many others do, unless
// that `is_said`. Nothing is remembered any more.
void conversation_say_stays_queued(struct conversation *conversation, bool is_said);

#endif

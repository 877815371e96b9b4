// SPDX-License-Identifier: ISC
// What conversation.c and conversation_show.c share; nobody else includes this. Layer: cmd.
#ifndef MMS_CMD_CONVERSATION_INSIDE_H
#define MMS_CMD_CONVERSATION_INSIDE_H

#include "cmd/conversation.h"

// A command is at work from now on.
void conversation_start(struct conversation *conversation, enum conversation_state state);

// Says, once until it answers again, that the server cannot be reached.
void conversation_say_unreachable(struct conversation *conversation);

// Remembers what an earlier process of this profile queued: its verdicts are said here as well.
void conversation_remember_queued(struct conversation *conversation);

#endif

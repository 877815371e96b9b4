// SPDX-License-Identifier: ISC
// What becomes of a wish, a message mostly, to a person and to a script. Layer: cmd.
#ifndef MMS_CMD_VERDICT_H
#define MMS_CMD_VERDICT_H

#include <stdint.h>

#include "base/message.h"
#include "msg/client.h"
#include "ui/phrase.h"

// What was queued, as far as words need it.
struct verdict_wish {
	uint8_t what; // enum outbox_what
	struct message_to to;
	struct name other;
};

// Says why it was refused with this status of the answer, and returns the exit status.
int verdict_say_refused(const struct phrase_out *out, uint8_t status, const struct verdict_wish *wish);

// Says that it was accepted; of a message only when it was kept for later.
void verdict_say_accepted(const struct phrase_out *out, enum outbox_state state, const struct verdict_wish *wish);

// Says that it is queued since the server does not answer; that what ended a command did not end it; that the outbox is full.
void verdict_say_queued(const struct phrase_out *out, const struct verdict_wish *wish);
void verdict_say_stays_queued(const struct phrase_out *out, const struct verdict_wish *wish); // see verdict_say_queued
void verdict_say_not_kept(const struct phrase_out *out, const struct verdict_wish *wish);     // see verdict_say_queued

// Says that `server` (HOST:PORT) gave no list that was wished, with this status of TOLD_LIST_FAILED, and returns the exit status.
int verdict_say_no_list(const struct phrase_out *out, uint8_t status, const struct client_list_wish *wish, const char *server);

#endif

// SPDX-License-Identifier: ISC
// What a refusal means to a person and to a script. Layer: cmd.
#ifndef MMS_CMD_VERDICT_H
#define MMS_CMD_VERDICT_H

#include <stdint.h>

#include "ui/phrase.h"

// Says why a message to `recipient` was refused with this status of SUBMIT's answer, and returns the exit status.
int verdict_say_refused(const struct phrase_out *out, uint8_t status, const char *recipient);

// Says that `server` (HOST:PORT) gave no list of users, with this status of TOLD_LIST_FAILED, and returns the exit status.
int verdict_say_no_list(const struct phrase_out *out, uint8_t status, const char *server);

#endif

// SPDX-License-Identifier: ISC
// What a refused message means to a person and to a script. Layer: cmd.
#ifndef MMS_CMD_VERDICT_H
#define MMS_CMD_VERDICT_H

#include <stdint.h>

#include "ui/phrase.h"

// Says why a message to `recipient` was refused with this status of SUBMIT's answer, and returns the exit status.
int verdict_say_refused(const struct phrase_out *out, uint8_t status, const char *recipient);

#endif

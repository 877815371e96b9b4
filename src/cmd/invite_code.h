// SPDX-License-Identifier: ISC
// Invite codes as people hand them on: copied with a line end or a blank, in brackets or quotes, broken by a mail
// program, with the word before it. The only function that reads one from a person. Layer: cmd, pure but for
// invite_code_choose, which asks the environment.
#ifndef MMS_CMD_INVITE_CODE_H
#define MMS_CMD_INVITE_CODE_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/options.h"
#include "crypto/hash.h"

// Reads the code in `text`, `bytes` bytes of anything, into `code`, ended by a zero byte. Passed over are: blanks, line
// ends and invisible letters anywhere; quotes, brackets, stars, dots, commas, colons and semicolons around it; and in front
// the words invite, code, invite code, MMS_INVITE or --invite with = or : behind. Typographic hyphens count as -. What
// is left must be the code, letter by letter. False: there is none; `code` is unchanged.
bool invite_code_read(const char *text, size_t bytes, char code[INVITE_CODE_TEXT_BYTES]);

// The code of a command: `*invite`, which is what its option gave, else MMS_INVITE, else none. True: `*invite` is NULL or
// the code as invite_code_read gives it, kept until the next call. False: what was given cannot be a code; that is told,
// and `*status` is EXIT_USAGE. Call before anything goes over the network: a server would only answer "not authorized".
bool invite_code_choose(const char **invite, const struct options_command *command, int *status) MUST_CHECK;

#endif

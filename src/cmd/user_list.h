// SPDX-License-Identifier: ISC
// What `mms user list` shows. Layer: cmd.
#ifndef MMS_CMD_USER_LIST_H
#define MMS_CMD_USER_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cmd/data.h"
#include "cmd/users_file.h"
#include "node/operator.h"

// Zeroed: nothing. What is gathered before it is shown.
struct user_list {
	struct users_file file;
	struct listed *listed; // devices
	size_t count;
	size_t capacity;
	char *text; // users as a server tells them, a users file
	size_t text_bytes;
	size_t text_room;
	bool is_short_of_memory;
};

// Both write the users to standard output, one fact a line, in the file's order: NAME, a tab, then "plain", "invite until
// EXPIRY", "device FINGERPRINT since DATE" or "revoke FINGERPRINT"; last, devices of names that are gone from the file,
// as "suspended FINGERPRINT since DATE". Return the exit status; `why` is empty unless there is something to say.

// From the users file, and from the server's database when it is there. When that cannot be read the rest is written all the same.
int user_list_read(struct user_list *list, const struct data_paths *paths, struct reason *why);

// From what a server has told, line by line, to user_list_take_line.
int user_list_heard(struct user_list *list, struct reason *why);

// Takes a fact of the server's answer to OPERATOR_USER_LIST; `context` is the list.
void user_list_take_line(void *context, const struct operator_line *line);

// Frees all.
void user_list_clear(struct user_list *list);

#endif

// SPDX-License-Identifier: ISC
// A list of users on its way to a person: those that were asked for, and who of them is online. For `mms who` and the
// conversation's whoIsOn. Layer: cmd.
#ifndef MMS_CMD_WHO_LIST_H
#define MMS_CMD_WHO_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/name.h"
#include "ui/phrase.h"

struct who_user {
	struct name name;
	bool is_online;
};

// Zeros: an empty list of everybody.
struct who_list {
	bool has_pattern; // only users are kept whose name looks like this
	struct name_pattern pattern;
	struct who_user *user; // in the server's order
	size_t count;
	size_t capacity;
};

// Forgets the users, not who was asked for.
void who_list_clear(struct who_list *list);

// Gives the memory back.
void who_list_free(struct who_list *list);

// Keeps a user if that one was asked for. False: no memory, and the list is as before.
bool who_list_add(struct who_list *list, const struct name *name, bool is_online);

// Shows it in two blocks, who is online first, each with its number and, `screen` cells wide, in columns (ui/columns.h). Of an
// empty list it says that there is nobody like that.
void who_list_show(const struct who_list *list, const struct phrase_out *out, int screen);

// Says of a list that was asked for by a name, no pattern, whether that user is online, and when it was `heard` last (as by
// clock_local; "": not known), or that there is none.
void who_list_say_one(const struct who_list *list, const struct phrase_out *out, const char *heard);

#endif

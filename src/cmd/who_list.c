// SPDX-License-Identifier: ISC
// A list of users for a person; the contract is in who_list.h.
#include "cmd/who_list.h"

#include <assert.h>
#include <stdlib.h>

#include "os/grow.h"
#include "ui/columns.h"

void who_list_clear(struct who_list *list)
{
	list->count = 0;
}

void who_list_free(struct who_list *list)
{
	free(list->user);
	*list = (struct who_list){0};
}

bool who_list_add(struct who_list *list, const struct name *name, bool is_online)
{
	if (list->has_pattern && !name_pattern_is_match(&list->pattern, name))
		return true;
	struct who_user *user = grow(list->user, &list->capacity, list->count, sizeof *user);
	if (user == NULL)
		return false;
	list->user = user;
	list->user[list->count++] = (struct who_user){*name, is_online};
	return true;
}

static void show_block(const struct who_list *list, const struct phrase_out *out, int screen, bool is_online)
{
	struct columns columns;
	size_t count = 0;
	size_t widest = 0;
	for (size_t i = 0; i < list->count; i++) {
		const size_t bytes = name_bytes(&list->user[i].name);
		if (list->user[i].is_online != is_online)
			continue;
		count++;
		widest = bytes > widest ? bytes : widest;
	}
	if (count == 0)
		return;
	phrase_users(out, count, is_online);
	columns_begin(&columns, out, screen, widest);
	for (size_t i = 0; i < list->count; i++)
		if (list->user[i].is_online == is_online)
			columns_add(&columns, &list->user[i].name);
	columns_end(&columns);
}

void who_list_show(const struct who_list *list, const struct phrase_out *out, int screen)
{
	show_block(list, out, screen, true);
	show_block(list, out, screen, false);
	if (list->count == 0 && list->has_pattern)
		phrase_say_of(out, PHRASE_NOBODY_LIKE, list->pattern.text);
}

void who_list_say_one(const struct who_list *list, const struct phrase_out *out, const char *heard)
{
	assert(list->has_pattern && list->pattern.is_name);
	if (list->count == 0)
		phrase_say_of(out, PHRASE_NO_USER, list->pattern.text);
	else
		phrase_presence(out, &list->user[0].name, list->user[0].is_online, heard);
}

// SPDX-License-Identifier: ISC
// A users file in memory; the contract is in users_file.h.
#include "cmd/users_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/file.h"
#include "store/users_parse.h"

static bool allocate(struct users_table *table)
{
	// One more of each, so that no array is of size 0, which calloc may answer with NULL.
	table->user = calloc((size_t)table->user_capacity + 1, sizeof *table->user);
	table->invite = calloc((size_t)table->invite_capacity + 1, sizeof *table->invite);
	table->revoke = calloc((size_t)table->revoke_capacity + 1, sizeof *table->revoke);
	table->slot = calloc(table->slot_count, sizeof *table->slot);
	return table->user != NULL && table->invite != NULL && table->revoke != NULL && table->slot != NULL;
}

enum mms_err users_file_parse(struct users_file *file, char *text, size_t bytes, const char *name, struct reason *why)
{
	enum mms_err err;
	*file = (struct users_file){.text = text, .bytes = bytes};
	users_parse_measure(&file->table, text == NULL ? "" : text, bytes);
	if (allocate(&file->table)) {
		err = users_parse(&file->table, text == NULL ? "" : text, bytes, name, why);
	} else {
		snprintf(why->text, sizeof why->text, "cannot read %.400s: not enough memory; end other programs", name);
		err = MMS_E_FULL;
	}
	if (err != MMS_OK)
		users_file_clear(file);
	return err;
}

enum mms_err users_file_load(struct users_file *file, const char *path, struct reason *why)
{
	char *text;
	size_t bytes;
	*file = (struct users_file){0};
	const enum mms_err err = file_read(path, USERS_FILE_BYTES_MAX, &text, &bytes, why);
	return err == MMS_OK ? users_file_parse(file, text, bytes, path, why) : err;
}

void users_file_clear(struct users_file *file)
{
	free(file->text);
	free(file->table.user);
	free(file->table.invite);
	free(file->table.revoke);
	free(file->table.slot);
	*file = (struct users_file){0};
}

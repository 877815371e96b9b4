// SPDX-License-Identifier: ISC
// What `mms user list` shows; the contract is in user_list.h.
#include "cmd/user_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "cmd/exit.h"
#include "cmd/output.h"
#include "crypto/base64url.h"
#include "os/grow.h"
#include "store/server_store.h"
#include "ui/printer.h"

// A device as it is listed: in the order of enrolment, until `arrange`.
struct listed {
	struct storage_listed device;
	size_t place; // of its user in the file, after all users when it is not there
	size_t order;
};

static void take_device(void *context, const struct storage_listed *device)
{
	struct user_list *list = context;
	struct listed *listed = grow(list->listed, &list->capacity, list->count, sizeof *listed);
	if (listed == NULL) {
		list->is_short_of_memory = true;
		return;
	}
	list->listed = listed;
	list->listed[list->count] = (struct listed){.device = *device, .order = list->count};
	list->count++;
}

static int compare(const void *left, const void *right)
{
	const struct listed *a = left, *b = right;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	const int names = strcmp(a->device.user.text, b->device.user.text); // of one place: the same, or all are gone from the file
	return names != 0 ? names : a->order < b->order ? -1 : a->order > b->order;
}

// Sorts the devices by their users.
static void arrange(struct user_list *list)
{
	const struct users_table *table = &list->file.table;
	for (size_t i = 0; i < list->count; i++) {
		struct listed *listed = &list->listed[i];
		const struct user_entry *entry = users_find(table, &listed->device.user);
		const bool is_there = entry != NULL && memcmp(entry->life, listed->device.life, sizeof entry->life) == 0;
		listed->place = is_there ? (size_t)(entry - table->user) : table->user_count;
	}
	if (list->count > 0)
		qsort(list->listed, list->count, sizeof *list->listed, compare);
}

// No database is no error: no server has run here yet.
static enum mms_err read_devices(struct user_list *list, const char *path, struct reason *why)
{
	struct server_store *store = NULL;
	enum mms_err err = server_store_open_readonly(path, &store, why);
	if (err == MMS_E_MISSING)
		return MMS_OK;
	if (err != MMS_OK)
		return err;
	err = server_store_devices(store, take_device, list);
	if (err != MMS_OK)
		*why = *server_store_reason(store);
	server_store_close(store);
	return err;
}

// A user's name is shown as the file writes it; the database may not know yet how that is.
static void show_device(const struct listed *listed, const struct name *name, const char *kind)
{
	char fingerprint[FINGERPRINT_TEXT_BYTES];
	char since[DATE_TEXT_BYTES];
	base64url_encode(listed->device.fingerprint, sizeof listed->device.fingerprint, fingerprint);
	date_format_s(listed->device.enrolled_at, since);
	char what[128];
	snprintf(what, sizeof what, "%s %s since %s", kind, fingerprint, since);
	(void)printer_fields(PRINTER_OUT, name->text, what);
}

static void show_options(const struct users_table *table, const struct user_entry *user)
{
	if (users_is_plain(user))
		(void)printer_fields(PRINTER_OUT, user->name.text, "plain");
	for (uint32_t i = 0; i < user->invite_count; i++) {
		char expiry[DATE_TEXT_BYTES];
		char what[64];
		date_format_s(table->invite[user->invite_first + i].expires_at, expiry);
		snprintf(what, sizeof what, "invite until %s", expiry);
		(void)printer_fields(PRINTER_OUT, user->name.text, what);
	}
	for (uint32_t i = 0; i < user->revoke_count; i++) {
		const struct fingerprint *revoked = &table->revoke[user->revoke_first + i];
		char fingerprint[FINGERPRINT_TEXT_BYTES];
		char what[64];
		base64url_encode(revoked->bytes, sizeof revoked->bytes, fingerprint);
		snprintf(what, sizeof what, "revoke %s", fingerprint);
		(void)printer_fields(PRINTER_OUT, user->name.text, what);
	}
}

static int show(struct user_list *list)
{
	const struct users_table *table = &list->file.table;
	size_t next = 0;
	arrange(list);
	for (size_t i = 0; i < table->user_count; i++) {
		show_options(table, &table->user[i]);
		for (; next < list->count && list->listed[next].place == i; next++)
			show_device(&list->listed[next], &table->user[i].name, "device");
	}
	for (; next < list->count; next++)
		show_device(&list->listed[next], &list->listed[next].device.user, "suspended");
	return output_flush("mms user list");
}

// What is there is shown all the same.
static int finish(struct user_list *list, enum mms_err err, struct reason *why)
{
	const int status = show(list);
	if (err == MMS_OK && list->is_short_of_memory) {
		snprintf(why->text, sizeof why->text, "cannot list everything: not enough memory; end other programs");
		err = MMS_E_FULL;
	}
	if (err != MMS_OK)
		return exit_of_data(err);
	why->text[0] = 0;
	return status;
}

int user_list_read(struct user_list *list, const struct data_paths *paths, struct reason *why)
{
	const enum mms_err err = users_file_load(&list->file, paths->users.text, why);
	if (err != MMS_OK)
		return exit_of_users_file(err);
	return finish(list, read_devices(list, paths->database.text, why), why);
}

// --- from a server that runs ---

static void take_user(struct user_list *list, const struct operator_line *line)
{
	if (list->text_room - list->text_bytes <= line->value_bytes) {
		const size_t room = 2 * list->text_room + OPERATOR_CHUNK_BYTES_MAX;
		char *text = realloc(list->text, room);
		if (text == NULL) {
			list->is_short_of_memory = true;
			return;
		}
		list->text = text;
		list->text_room = room;
	}
	memcpy(list->text + list->text_bytes, line->value, line->value_bytes);
	list->text_bytes += line->value_bytes;
	list->text[list->text_bytes++] = '\n';
}

void user_list_take_line(void *context, const struct operator_line *line)
{
	struct user_list *list = context;
	struct storage_listed device;
	if (operator_line_is(line, OPERATOR_KEY_USER))
		take_user(list, line);
	else if (operator_line_is(line, OPERATOR_KEY_DEVICE) && operator_device_read(&device, line->value, line->value_bytes))
		take_device(list, &device);
}

int user_list_heard(struct user_list *list, struct reason *why)
{
	const enum mms_err err = users_file_parse(&list->file, list->text, list->text_bytes, "the server's list", why);
	list->text = NULL;
	return err == MMS_OK ? finish(list, MMS_OK, why) : err == MMS_E_BAD ? EXIT_PROTOCOL : exit_of_data(err);
}

void user_list_clear(struct user_list *list)
{
	users_file_clear(&list->file);
	free(list->listed);
	free(list->text);
	*list = (struct user_list){0};
}

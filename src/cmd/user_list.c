// SPDX-License-Identifier: ISC
// What `mms user list` shows; the contract is in user_list.h.
#include "cmd/user_list.h"

#include <inttypes.h>
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

struct listed {
	struct server_store_device device;
	size_t place; // of its user in the file, after all users when it is not there
	size_t order; // of the store, which is that of enrolment
};

struct devices {
	const struct users_table *table;
	struct listed *listed;
	size_t count;
	size_t capacity;
	bool is_short_of_memory;
};

static void take_device(void *context, const struct server_store_device *device)
{
	struct devices *devices = context;
	struct listed *listed = grow(devices->listed, &devices->capacity, devices->count, sizeof *listed);
	if (listed == NULL) {
		devices->is_short_of_memory = true;
		return;
	}
	devices->listed = listed;
	const struct user_entry *entry = users_find(devices->table, &device->user);
	const bool is_there = entry != NULL && memcmp(entry->life, device->life, sizeof entry->life) == 0;
	const size_t place = is_there ? (size_t)(entry - devices->table->user) : devices->table->user_count;
	devices->listed[devices->count] = (struct listed){*device, place, devices->count};
	devices->count++;
}

static int compare(const void *left, const void *right)
{
	const struct listed *a = left, *b = right;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

// No database is no error: no server has run here yet.
static enum mms_err read_devices(struct devices *devices, const char *path, struct reason *why)
{
	struct server_store *store = NULL;
	enum mms_err err = server_store_open_readonly(path, &store, why);
	if (err == MMS_E_MISSING)
		return MMS_OK;
	if (err != MMS_OK)
		return err;
	err = server_store_devices(store, take_device, devices);
	if (err != MMS_OK)
		*why = *server_store_reason(store);
	server_store_close(store);
	if (err == MMS_OK && devices->is_short_of_memory) {
		snprintf(why->text, sizeof why->text, "cannot list the devices: not enough memory; end other programs");
		return MMS_E_FULL;
	}
	if (devices->count > 0)
		qsort(devices->listed, devices->count, sizeof *devices->listed, compare);
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

int user_list(const struct users_table *table, const struct data_paths *paths, struct reason *why)
{
	struct devices devices = {.table = table};
	size_t next = 0;
	const enum mms_err err = read_devices(&devices, paths->database.text, why);
	for (size_t i = 0; i < table->user_count; i++) {
		show_options(table, &table->user[i]);
		for (; next < devices.count && devices.listed[next].place == i; next++)
			show_device(&devices.listed[next], &table->user[i].name, "device");
	}
	for (; next < devices.count; next++)
		show_device(&devices.listed[next], &devices.listed[next].device.user, "suspended");
	free(devices.listed);
	const int status = output_flush("mms user list");
	if (err != MMS_OK)
		return exit_of_data(err);
	why->text[0] = 0;
	return status;
}

// SPDX-License-Identifier: ISC
// A device moves on in its mailbox: what it passed counts as taken, and what all devices have leaves. The contract is in
// server_store_inside.h.
#include <assert.h>

#include "store/server_store_inside.h"

// The devices of a user.
struct server_devices {
	uint32_t count;
	struct server_device device[DEVICES_PER_USER_MAX];
};

enum {
	PURGE_ROWS_MORE = 64,     // removed beside those passed, so that what waits to be removed becomes less
	PURGE_ROWS_SETTLED = 256, // removed at once after a device was; the rest by housekeeping
};

static enum mms_err read_devices(struct server_store *store, int64_t user_id, struct server_devices *devices)
{
	sqlite3_stmt *statement = store->statement[DEVICES_OF_USER];
	enum mms_err err;
	sql_bind_int(statement, 1, user_id);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		struct server_device *device = &devices->device[devices->count];
		if (devices->count == DEVICES_PER_USER_MAX || !sql_read_number(statement, 1, &device->cursor) ||
		    !sql_read_number(statement, 2, &device->done.rows) || !sql_read_number(statement, 3, &device->done.bytes) ||
		    !sql_read_number(statement, 4, &device->gap_row) || !sql_read_number(statement, 5, &device->done_silent) ||
		    !sql_read_number(statement, 6, &device->old_rows) || !sql_read_number(statement, 7, &device->old_silent)) {
			err = sql_damaged(&store->sql, "a user's devices are malformed");
			sql_reset(statement);
			return err;
		}
		device->device_id = sqlite3_column_int64(statement, 0);
		devices->count++;
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

// The devices of the user of a mailbox.
static enum mms_err devices_of(struct server_store *store, struct server_mailbox *mailbox, struct server_devices *devices)
{
	devices->count = mailbox->has_only;
	devices->device[0] = mailbox->only;
	if (mailbox->has_only)
		return MMS_OK;
	const enum mms_err err = read_devices(store, mailbox->user_id, devices);
	mailbox->has_only = err == MMS_OK && devices->count == 1;
	mailbox->only = devices->device[0];
	return err;
}

void server_store_devices_changed(struct server_mailbox *mailbox)
{
	mailbox->has_only = false;
}

static uint64_t lowest_cursor(const struct server_devices *devices)
{
	uint64_t low = INT64_MAX;
	for (uint32_t i = 0; i < devices->count; i++)
		low = devices->device[i].cursor < low ? devices->device[i].cursor : low;
	return low;
}

enum mms_err server_store_devices_have(struct server_store *store, struct server_mailbox *mailbox, uint32_t *count, uint64_t *low)
{
	struct server_devices devices = {.count = 0};
	const enum mms_err err = devices_of(store, mailbox, &devices);
	*count = devices.count;
	const uint64_t without = server_store_keeps(store) ? mailbox->taken_row : 0; // what is held waits for the next
	*low = devices.count == 0 ? without : lowest_cursor(&devices);
	return err;
}

// What of all that was ever put the device farthest behind has.
static uint64_t fewest_done(const struct server_devices *devices)
{
	uint64_t rows = INT64_MAX;
	for (uint32_t i = 0; i < devices->count; i++)
		rows = devices->device[i].done.rows < rows ? devices->device[i].done.rows : rows;
	return rows;
}

// What all devices have leaves the counts: held is what waits for the one that is farthest behind.
static enum mms_err leave(struct server_store *store, struct server_mailbox *mailbox, const struct server_devices *devices)
{
	struct server_span done = {INT64_MAX, INT64_MAX};
	uint64_t silent = mailbox->put_silent;
	for (uint32_t i = 0; i < devices->count; i++) {
		const struct server_span *has = &devices->device[i].done;
		done.rows = has->rows < done.rows ? has->rows : done.rows;
		done.bytes = has->bytes < done.bytes ? has->bytes : done.bytes;
		silent = devices->device[i].done_silent < silent ? devices->device[i].done_silent : silent;
	}
	if (done.rows > mailbox->put_rows || done.bytes > mailbox->put_bytes ||
	    mailbox->put_rows - done.rows < mailbox->fresh_rows || mailbox->put_bytes - done.bytes < mailbox->fresh_bytes)
		return sql_damaged(&store->sql, "a mailbox is miscounted");
	mailbox->held_rows = mailbox->put_rows - done.rows;
	mailbox->held_bytes = mailbox->put_bytes - done.bytes;
	server_store_changed(store, mailbox);
	if (mailbox->held_silent == mailbox->put_silent - silent)
		return MMS_OK;
	mailbox->held_silent = mailbox->put_silent - silent;
	server_store_more_changed(store, mailbox);
	return MMS_OK;
}

// Removes rows up to `low`, or a part of them; the mailbox notes whether some are left.
static enum mms_err purge(struct server_store *store, struct server_mailbox *mailbox, uint64_t low, uint32_t rows_max)
{
	uint32_t removed = 0;
	const enum mms_err err = server_store_purge(store, mailbox->user_id, low, rows_max, &removed);
	mailbox->purge_row = removed < rows_max ? 0 : low;
	return err;
}

// What all devices have leaves the mailbox, whatever it is, and nobody looks at what leaves.
static enum mms_err leave_all(struct server_store *store, struct server_mailbox *mailbox, const struct server_devices *devices)
{
	enum mms_err err = server_store_share_end(store, mailbox, true);
	if (err == MMS_OK)
		err = leave(store, mailbox, devices);
	return err == MMS_OK ? purge(store, mailbox, lowest_cursor(devices), PURGE_ROWS_SETTLED) : err;
}

enum mms_err server_store_settle(struct server_store *store, int64_t user_id)
{
	struct server_devices devices = {.count = 0};
	struct server_mailbox *mailbox;
	enum mms_err err = server_store_mailbox(store, user_id, &mailbox);
	if (err == MMS_OK) {
		server_store_devices_changed(mailbox);
		err = devices_of(store, mailbox, &devices);
	}
	// Without any device left, what is held waits for the next.
	if (err != MMS_OK || devices.count == 0 || server_store_keeps(store))
		return err == MMS_E_MISSING ? MMS_OK : err;
	return leave_all(store, mailbox, &devices);
}

// --- a move ---

// What the device passes by moving to `row`.
static enum mms_err count_passed(struct server_store *store, const struct server_mailbox *mailbox,
				 const struct server_device *device, uint64_t row, struct server_span *passed)
{
	if (row < mailbox->row_last)
		return server_store_count(store, mailbox->user_id, device->cursor, row, passed);
	// All that waits for it.
	if (device->done.rows > mailbox->put_rows || device->done.bytes > mailbox->put_bytes)
		return sql_damaged(&store->sql, "a mailbox is miscounted");
	*passed = (struct server_span){mailbox->put_rows - device->done.rows, mailbox->put_bytes - device->done.bytes};
	return MMS_OK;
}

static enum mms_err read_fresh(struct server_store *store, const struct server_mailbox *mailbox, uint64_t row,
			       struct server_span *fresh, uint64_t *silent)
{
	sqlite3_stmt *statement = store->statement[REFS_FRESH];
	sql_bind_int(statement, 1, mailbox->user_id);
	sql_bind_number(statement, 2, mailbox->taken_row);
	sql_bind_number(statement, 3, row);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &fresh->rows) || !sql_read_number(statement, 1, &fresh->bytes) ||
			      !sql_read_number(statement, 2, silent)))
		err = sql_damaged(&store->sql, "a message's size is malformed");
	sql_reset(statement);
	return err;
}

// What of it no device ever had, and how many of these nobody waits for.
static enum mms_err count_fresh(struct server_store *store, const struct server_mailbox *mailbox, uint64_t cursor, uint64_t row,
				const struct server_span *passed, struct server_span *fresh, uint64_t *silent)
{
	enum mms_err err = MMS_OK;
	*silent = 0;
	if (row <= mailbox->taken_row)
		*fresh = (struct server_span){0, 0};
	else if (row >= mailbox->row_last)
		*fresh = (struct server_span){mailbox->fresh_rows, mailbox->fresh_bytes};
	else if (cursor >= mailbox->taken_row && !mailbox->has_more)
		*fresh = *passed;
	else
		err = read_fresh(store, mailbox, row, fresh, silent);
	if (err == MMS_OK && row >= mailbox->row_last)
		*silent = mailbox->fresh_silent;
	if (err == MMS_OK && (fresh->rows > mailbox->fresh_rows || fresh->bytes > mailbox->fresh_bytes || *silent > mailbox->fresh_silent))
		err = sql_damaged(&store->sql, "a mailbox is miscounted");
	return err;
}

// What of it nobody waits for: only who is in a room has any.
static enum mms_err count_silent(struct server_store *store, const struct server_mailbox *mailbox,
				 const struct server_device *device, uint64_t row, uint64_t *passed)
{
	sqlite3_stmt *statement = store->statement[REFS_SILENT];
	uint64_t count = mailbox->put_silent - device->done_silent;
	enum mms_err err = MMS_OK;
	if (row < mailbox->row_last) {
		sql_bind_int(statement, 1, mailbox->user_id);
		sql_bind_number(statement, 2, device->cursor);
		sql_bind_number(statement, 3, row);
		err = sql_row(&store->sql, statement);
		if (err == MMS_OK && (!sql_read_number(statement, 0, &count) || count > mailbox->put_silent - device->done_silent))
			err = sql_damaged(&store->sql, "a mailbox is miscounted");
		sql_reset(statement);
	}
	*passed = count;
	return err;
}

static enum mms_err write_device(struct server_store *store, const struct server_device *device)
{
	sqlite3_stmt *statement = store->statement[DEVICE_MOVE];
	sql_bind_int(statement, 1, device->device_id);
	sql_bind_number(statement, 2, device->cursor);
	sql_bind_number(statement, 3, device->done.rows);
	sql_bind_number(statement, 4, device->done.bytes);
	sql_bind_number(statement, 5, device->done_silent);
	return sql_run(&store->sql, statement);
}

// What of it is history for the device. Must: it has more of that to come.
static enum mms_err pass_old(struct server_store *store, struct server_device *device, uint64_t after, uint64_t upto)
{
	sqlite3_stmt *statement = store->statement[REFS_OLD];
	uint64_t rows = 0;
	uint64_t silent = 0;
	sql_bind_int(statement, 1, device->device_id);
	sql_bind_number(statement, 2, after);
	sql_bind_number(statement, 3, upto);
	enum mms_err err = sql_row(&store->sql, statement);
	if (err == MMS_OK && (!sql_read_number(statement, 0, &rows) || !sql_read_number(statement, 1, &silent) ||
			      rows > device->old_rows || silent > device->old_silent))
		err = sql_damaged(&store->sql, "a device's history is miscounted");
	sql_reset(statement);
	if (err != MMS_OK || rows == 0)
		return err;
	device->old_rows -= rows;
	device->old_silent -= silent;
	statement = store->statement[DEVICE_OLD];
	sql_bind_int(statement, 1, device->device_id);
	sql_bind_number(statement, 2, device->old_rows);
	sql_bind_number(statement, 3, device->old_silent);
	return sql_run(&store->sql, statement);
}

// The rows up to `row` have been taken, `fresh` ones for the first time. These bear the time of it while other devices lack them.
static enum mms_err take_rows(struct server_store *store, struct server_mailbox *mailbox, uint64_t row,
			      const struct server_span *fresh, uint64_t fresh_silent, bool is_shared)
{
	sqlite3_stmt *statement = store->statement[RECEIVED_PUT];
	const uint64_t taken_row = mailbox->taken_row;
	mailbox->taken_row = row;
	mailbox->fresh_rows -= fresh->rows;
	mailbox->fresh_bytes -= fresh->bytes;
	server_store_changed(store, mailbox);
	server_store_note_taken(store, mailbox);
	if (fresh_silent > 0) {
		server_store_more_changed(store, mailbox);
		mailbox->fresh_silent -= fresh_silent;
	}
	if (!is_shared)
		return MMS_OK;
	sql_bind_int(statement, 1, mailbox->user_id);
	sql_bind_number(statement, 2, taken_row);
	sql_bind_number(statement, 3, row);
	sql_bind_number(statement, 4, store->seconds_open);
	return sql_run(&store->sql, statement);
}

// Removes what all have, after it left the counts. It is no more than what the device passed, unless something waits to be removed.
static enum mms_err remove_left(struct server_store *store, struct server_mailbox *mailbox, const struct server_span *passed,
				uint64_t low, bool has_received)
{
	bool was_there;
	if (mailbox->purge_row != 0)
		return purge(store, mailbox, low, (uint32_t)passed->rows + PURGE_ROWS_MORE);
	// The last one held is most often the newest there ever was: then nobody has to look which it is.
	if (passed->rows == 1 && mailbox->held_rows == 0) {
		const enum mms_err err =
			server_store_remove(store, mailbox->user_id, mailbox->row_last, has_received, &was_there);
		if (err != MMS_OK || was_there)
			return err;
	}
	return server_store_purge_all(store, mailbox->user_id, low, has_received);
}

static enum mms_err move_cursor(struct server_store *store, struct server_mailbox *mailbox, struct server_devices *devices,
				struct server_device *device, const struct storage_move *move)
{
	const uint64_t cursor = device->cursor;
	const uint64_t low_before = lowest_cursor(devices);
	const bool has_received = mailbox->held_rows > mailbox->fresh_rows; // some device has rows that another one lacks
	const bool has_kept = mailbox->held_rows > mailbox->put_rows - fewest_done(devices); // from when history was kept
	struct server_span passed = {0, 0};
	struct server_span fresh = {0, 0};
	uint64_t silent = 0;
	uint64_t fresh_silent = 0;
	enum mms_err err = count_passed(store, mailbox, device, move->row, &passed);
	if (err == MMS_OK)
		err = count_fresh(store, mailbox, cursor, move->row, &passed, &fresh, &fresh_silent);
	if (err == MMS_OK && device->done_silent < mailbox->put_silent)
		err = count_silent(store, mailbox, device, move->row, &silent);
	if (err == MMS_OK && device->old_rows > 0)
		err = pass_old(store, device, cursor, move->row);
	if (err != MMS_OK)
		return err;
	device->cursor = move->row;
	device->done.rows += passed.rows;
	device->done.bytes += passed.bytes;
	device->done_silent += silent;
	mailbox->only = *device; // if it is
	const uint64_t low = lowest_cursor(devices);
	err = server_store_share_pass(store, mailbox, cursor, move->row, server_store_keeps(store) ? 0 : low);
	if (err == MMS_OK)
		err = write_device(store, device);
	if (err == MMS_OK && move->row > mailbox->taken_row)
		err = take_rows(store, mailbox, move->row, &fresh, fresh_silent, low < move->row);
	if (err == MMS_OK && low > low_before && !server_store_keeps(store) && has_kept) {
		err = leave_all(store, mailbox, devices);
	} else if (err == MMS_OK && low > low_before && !server_store_keeps(store)) {
		err = leave(store, mailbox, devices);
		if (err == MMS_OK)
			err = remove_left(store, mailbox, &passed, low, has_received);
	}
	return err == MMS_OK ? server_store_share_end(store, mailbox, false) : err;
}

static enum mms_err settle_gap(struct server_store *store, struct server_mailbox *mailbox, int64_t device_id)
{
	server_store_devices_changed(mailbox);
	sql_bind_int(store->statement[DEVICE_GAP_TOLD], 1, device_id);
	return sql_run(&store->sql, store->statement[DEVICE_GAP_TOLD]);
}

static enum mms_err make_move(struct server_store *store, struct server_mailbox *mailbox, const struct storage_move *move)
{
	struct server_devices devices = {.count = 0};
	struct server_device *device = NULL;
	enum mms_err err = devices_of(store, mailbox, &devices);
	for (uint32_t i = 0; i < devices.count && err == MMS_OK; i++)
		if (devices.device[i].device_id == move->device_id)
			device = &devices.device[i];
	if (err != MMS_OK || device == NULL)
		return err;
	if (device->gap_row > 0 && device->gap_row <= move->gap_row)
		err = settle_gap(store, mailbox, device->device_id);
	if (err != MMS_OK || move->row <= device->cursor)
		return err;
	return move_cursor(store, mailbox, &devices, device, move);
}

enum mms_err server_store_move(struct server_store *store, const struct storage_move *move)
{
	struct server_mailbox *mailbox;
	assert(move->row < store->commit_next); // else rows to come would be taken unseen
	const enum mms_err err = server_store_mailbox(store, move->user_id, &mailbox);
	if (err != MMS_OK)
		return err == MMS_E_MISSING ? MMS_OK : err;
	return make_move(store, mailbox, move);
}

// SPDX-License-Identifier: ISC
// The devices of a server's database, for operators. The contracts are in server_store.h and server_store_inside.h.
#include "store/server_store_inside.h"

static bool read_listed(sqlite3_stmt *statement, struct storage_listed *listed)
{
	*listed = (struct storage_listed){.device_id = sqlite3_column_int64(statement, 0),
					  .enrolled_at = {sqlite3_column_int64(statement, 3)}};
	return sql_read_name(statement, 1, &listed->user) &&
	       sql_read_blob(statement, 2, listed->fingerprint, sizeof listed->fingerprint) &&
	       (sqlite3_column_bytes(statement, 4) == 0 || sql_read_blob(statement, 4, listed->life, sizeof listed->life));
}

enum mms_err server_store_list(struct server_store *store, int64_t after_device_id, struct storage_list *list)
{
	sqlite3_stmt *statement = store->statement[DEVICE_LIST];
	enum mms_err err;
	list->count = 0;
	sql_bind_int(statement, 1, after_device_id);
	sql_bind_int(statement, 2, STORAGE_LIST_ROWS_MAX);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		// A damaged index may give too many, or lead back.
		const bool is_rising = list->count < STORAGE_LIST_ROWS_MAX && read_listed(statement, &list->device[list->count]) &&
				       list->device[list->count].device_id > after_device_id;
		if (!is_rising) {
			err = sql_damaged(&store->sql, "a device is malformed");
			sql_reset(statement);
			return err;
		}
		after_device_id = list->device[list->count++].device_id;
	}
	return err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_devices(struct server_store *store,
				  void (*each)(void *context, const struct storage_listed *device), void *context)
{
	struct storage_list list = {0};
	int64_t after_device_id = 0;
	enum mms_err err = MMS_OK;
	do {
		err = server_store_list(store, after_device_id, &list);
		for (uint32_t i = 0; err == MMS_OK && i < list.count; i++)
			each(context, &list.device[i]);
		if (err == MMS_OK && list.count > 0)
			after_device_id = list.device[list.count - 1].device_id;
	} while (err == MMS_OK && list.count == STORAGE_LIST_ROWS_MAX);
	return err;
}

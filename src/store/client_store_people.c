// SPDX-License-Identifier: ISC
// Whom the user of a profile wrote with last; the contract is in client_store.h.
#include "store/client_store_inside.h"

enum { LOOKED_AT_MAX = 500 }; // newest entries of transcript and outbox; who is not among them was not written with of late

enum mms_err client_store_people(struct client_store *store, struct name *names, uint32_t count_max, uint32_t *count)
{
	sqlite3_stmt *statement = store->statement[PEOPLE_NEWEST];
	enum mms_err err;
	*count = 0;
	sql_bind_int(statement, 1, LOOKED_AT_MAX);
	sql_bind_int(statement, 2, count_max);
	while ((err = sql_row(&store->sql, statement)) == MMS_OK) {
		if (!sql_read_name(statement, 0, &names[*count])) {
			err = sql_damaged(&store->sql, "a name in it is malformed");
			break;
		}
		++*count;
	}
	sql_reset(statement);
	return err == MMS_E_MISSING ? MMS_OK : err;
}

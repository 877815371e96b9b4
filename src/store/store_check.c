// SPDX-License-Identifier: ISC
// Reading a whole database of either kind; the contract is in store_check.h.
#include "store/store_check.h"

#include <fcntl.h>
#include <unistd.h>

#include "store/client_store_inside.h"
#include "store/server_store_inside.h"

// Whether the header says that it is a client's. What says nothing is judged as a server's.
static bool is_of_client(const char *path)
{
	enum { APPLICATION_ID_OFFSET = 68 };
	uint8_t bytes[4] = {0};
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	const bool is_read = pread(fd, bytes, sizeof bytes, APPLICATION_ID_OFFSET) == (ssize_t)sizeof bytes;
	close(fd);
	const uint32_t id = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
	return is_read && id == client_schema_kind.application_id;
}

enum mms_err store_check(const char *path, struct reason *why)
{
	struct sql sql;
	const bool is_client = is_of_client(path);
	enum mms_err err = sql_open(&sql, path, is_client ? &client_schema_kind : &server_schema_kind, SQL_READ_ONLY);
	if (err == MMS_OK)
		err = sql_check(&sql);
	if (err == MMS_OK && !is_client)
		err = server_store_check_rules(&sql);
	if (err != MMS_OK)
		*why = sql.reason;
	sql_close(&sql);
	return err;
}

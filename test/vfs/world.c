// SPDX-License-Identifier: ISC
// What the worlds of both stores share; the contract is in world.h.
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

void world_complain(struct world *world, const char *format, ...)
{
	va_list arguments;
	if (world->complaint[0] != 0)
		return;
	va_start(arguments, format);
	vsnprintf(world->complaint, sizeof world->complaint, format, arguments);
	va_end(arguments);
}

int64_t world_number(struct sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = -1;
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

void world_check_integrity(struct world *world, struct sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	const char *verdict = "no answer";
	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		verdict = (const char *)sqlite3_column_text(statement, 0);
	if (strcmp(verdict, "ok") != 0)
		world_complain(world, "the file is damaged: %s", verdict);
	sqlite3_finalize(statement);
}

struct uuid world_id(uint32_t serial)
{
	struct uuid id = {{0}};
	memcpy(id.bytes + 4, &serial, sizeof serial); // in no order of time
	id.bytes[0] = (uint8_t)(serial * 151);
	return id;
}

uint16_t world_text(uint32_t serial, uint8_t text[TEXT_BYTES_MAX])
{
	const uint32_t bytes = serial >= WORLD_LONG_TEXTS || serial % 7 == 0 ? TEXT_BYTES_MAX : 1 + serial * 37 % 200;
	memset(text, 'a' + (int)(serial % 26), bytes);
	return (uint16_t)bytes;
}

struct name world_name(unsigned user, bool is_loud)
{
	static const char *const quiet[WORLD_USERS] = {"fred", "jimmy", "Tim", "libero"};
	static const char *const loud[WORLD_USERS] = {"FRED", "JIMMY", "TIM", "LIBERO"};
	struct name name = {{0}};
	snprintf(name.text, sizeof name.text, "%s", is_loud ? loud[user] : quiet[user]);
	return name;
}

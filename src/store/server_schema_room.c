// SPDX-License-Identifier: ISC
// The tables of the server's database for rooms and for blocks. Layer: store; declared in server_store_inside.h. The statements on them
// stand with all others in server_schema.c.
#include "store/server_store_inside.h"

const char server_schema_room[] =
	// A room. row_kept: the first of its rows that history has, since kept_at; that is NULL when it has none. made_by: 0: the
	// operator. gone_at: it is a room no more; what is left of it waits to be removed.
	"CREATE TABLE room("
	" room_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" tag BLOB NOT NULL UNIQUE CHECK (length(tag) = 8),"
	" name TEXT NOT NULL COLLATE NOCASE,"
	" is_private INTEGER NOT NULL,"
	" has_no_history INTEGER NOT NULL,"
	" made_by INTEGER NOT NULL,"
	" member_count INTEGER NOT NULL CHECK (member_count >= 0),"
	" row_last INTEGER NOT NULL CHECK (row_last >= 0),"
	" row_kept INTEGER NOT NULL CHECK (row_kept BETWEEN 1 AND row_last + 1),"
	" kept_at INTEGER,"
	" gone_at INTEGER) STRICT;"
	"CREATE INDEX room_to_join ON room(name) WHERE gone_at IS NULL AND is_private = 0;"
	"CREATE INDEX room_by_name ON room(name) WHERE gone_at IS NULL;"
	"CREATE INDEX room_by_maker ON room(made_by);"
	"CREATE INDEX room_by_kept ON room(kept_at) WHERE kept_at IS NOT NULL;"
	"CREATE INDEX room_by_gone ON room(gone_at) WHERE gone_at IS NOT NULL;"

	// The name of a room, and those it had before.
	"CREATE TABLE room_name("
	" name TEXT PRIMARY KEY COLLATE NOCASE,"
	" room_id INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX room_name_by_room ON room_name(room_id);"

	// Who is in a room, and since when: from_row is the first of its rows that the user may see, seq the number of the commit. Who left
	// is known for a while, with the stamp of that (storage.h): left_at. room_id: 0: one that is not there.
	"CREATE TABLE member("
	" room_id INTEGER NOT NULL,"
	" user_id INTEGER NOT NULL,"
	" name TEXT NOT NULL COLLATE NOCASE,"
	" is_owner INTEGER NOT NULL,"
	" from_row INTEGER NOT NULL,"
	" seq INTEGER NOT NULL,"
	" stamp_start BLOB NOT NULL CHECK (length(stamp_start) = 16),"
	" stamp_commit INTEGER NOT NULL,"
	" left_at INTEGER,"
	" PRIMARY KEY (room_id, user_id)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX member_by_seq ON member(room_id, seq) WHERE left_at IS NULL;"
	"CREATE INDEX member_by_name ON member(room_id, name) WHERE left_at IS NULL;"
	"CREATE INDEX member_by_user ON member(user_id) WHERE left_at IS NULL;"
	"CREATE INDEX member_left ON member(user_id, left_at) WHERE left_at IS NOT NULL;"
	"CREATE INDEX member_by_left ON member(left_at) WHERE left_at IS NOT NULL;"

	// Whom a user blocks, and for a while whom no longer, since ended_at.
	"CREATE TABLE block("
	" user_id INTEGER NOT NULL,"
	" blocked_id INTEGER NOT NULL,"
	" name TEXT NOT NULL COLLATE NOCASE,"
	" stamp_start BLOB NOT NULL CHECK (length(stamp_start) = 16),"
	" stamp_commit INTEGER NOT NULL,"
	" ended_at INTEGER,"
	" PRIMARY KEY (user_id, blocked_id)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX block_by_name ON block(user_id, name) WHERE ended_at IS NULL;"
	"CREATE INDEX block_ended ON block(user_id, ended_at) WHERE ended_at IS NOT NULL;"
	"CREATE INDEX block_by_end ON block(ended_at) WHERE ended_at IS NOT NULL;"
	"CREATE INDEX block_by_blocked ON block(blocked_id);"

	// A message's place in a room, dense from row 1 on. refs: its places in mailboxes. It goes when history has it no more and no
	// mailbox either.
	"CREATE TABLE room_line("
	" body_no INTEGER PRIMARY KEY,"
	" room_id INTEGER NOT NULL,"
	" room_row INTEGER NOT NULL,"
	" refs INTEGER NOT NULL CHECK (refs >= 0),"
	" at INTEGER NOT NULL,"
	" UNIQUE (room_id, room_row)) STRICT;";

// SPDX-License-Identifier: ISC
// The client database's schema and every statement on it. Layer: store; declared in
// client_store_inside.h. Times are milliseconds since 1970 UTC.
#include "store/client_store_inside.h"

static const char schema[] =
	"CREATE TABLE identity("
	" only INTEGER PRIMARY KEY CHECK (only = 1),"
	" static_secret BLOB NOT NULL CHECK (length(static_secret) = 32),"
	" public_key BLOB NOT NULL CHECK (length(public_key) = 32),"
	" server_key BLOB NOT NULL CHECK (length(server_key) = 32),"
	" user TEXT NOT NULL,"
	" has_signed_in INTEGER NOT NULL DEFAULT 0 CHECK (has_signed_in IN (0, 1)),"
	" replaced_count INTEGER NOT NULL DEFAULT 0 CHECK (replaced_count >= 0)) STRICT;"

	"CREATE TABLE mark("
	" only INTEGER PRIMARY KEY CHECK (only = 1),"
	" start_id BLOB NOT NULL CHECK (length(start_id) = 16),"
	" commit_number INTEGER NOT NULL CHECK (commit_number >= 0)) STRICT;"

	// is_queued: to be submitted. With a verdict (state 2 to 4) it is offered again.
	"CREATE TABLE outbox("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
	" recipient TEXT NOT NULL,"
	" text BLOB NOT NULL CHECK (length(text) BETWEEN 1 AND 1024),"
	" written_at INTEGER NOT NULL,"
	" state INTEGER NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 4),"
	" status INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 255),"
	" is_queued INTEGER NOT NULL DEFAULT 1 CHECK (is_queued IN (0, 1))) STRICT;"
	"CREATE INDEX outbox_by_queue ON outbox(seq, state) WHERE is_queued = 1;"
	"CREATE INDEX outbox_by_done ON outbox(seq) WHERE is_queued = 0;"

	// How many of the outbox wait for a verdict (state 1): whoever adds a message or ends its waiting changes this too.
	"CREATE TABLE waiting("
	" only INTEGER PRIMARY KEY CHECK (only = 1),"
	" count INTEGER NOT NULL CHECK (count >= 0)) STRICT;"
	"INSERT INTO waiting VALUES (1, 0);"

	// A gap has no kind, no sender and no text; an entry of the server's own kinds may have no sender. flags: 1 own, 4 history;
	// whether it is of a room, the conversation says, which is as it is written.
	"CREATE TABLE transcript("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" gap_count INTEGER NOT NULL DEFAULT 0 CHECK (gap_count >= 0),"
	" kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 255),"
	" form INTEGER NOT NULL CHECK (form BETWEEN 0 AND 255),"
	" flags INTEGER NOT NULL DEFAULT 0 CHECK (flags BETWEEN 0 AND 255),"
	" room_row INTEGER NOT NULL DEFAULT 0 CHECK (room_row >= 0),"
	" sender TEXT NOT NULL COLLATE NOCASE,"
	" conversation BLOB CHECK (conversation IS NULL OR length(conversation) BETWEEN 1 AND 33),"
	" id BLOB NOT NULL CHECK (length(id) = 16),"
	" accepted_at INTEGER NOT NULL,"
	" text BLOB CHECK (text IS NULL OR length(text) BETWEEN 1 AND 1024),"
	" is_shown INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)),"
	" CHECK ((text IS NULL) = (gap_count > 0))) STRICT;"
	"CREATE UNIQUE INDEX transcript_by_id ON transcript(sender, id, (text IS NULL));"
	"CREATE INDEX transcript_by_unshown ON transcript(seq) WHERE is_shown = 0;";

const struct sql_kind client_schema_kind = {
	.noun = "client database",
	.elsewhere = "another state directory",
	.application_id = 0x4d4d5343, // "MMSC"
	.version = 5,
	.schema = {schema},
	.busy_ms = CLIENT_STORE_BUSY_MS,
	.cache_kib = 2 * 1024,
	.checkpoint_mode = SQLITE_CHECKPOINT_TRUNCATE,
	.is_shared = true,
};

// An entry of the transcript, whole.
#define ENTRY \
	"SELECT seq, gap_count, sender, id, accepted_at, text, kind, form, flags, room_row, conversation FROM transcript"

const char *const client_schema_statement[CLIENT_STATEMENT_COUNT] = {
	[IDENTITY_GET] = "SELECT static_secret, public_key, server_key, user, has_signed_in FROM identity"
			 " WHERE only = 1",
	[IDENTITY_PUT] = "INSERT INTO identity(only, static_secret, public_key, server_key, user)"
			 " VALUES (1, ?1, ?2, ?3, ?4)",
	[IDENTITY_SIGNED_IN] = "UPDATE identity SET has_signed_in = 1, user = ?1 WHERE only = 1",

	[REPLACED_GET] = "SELECT replaced_count FROM identity WHERE only = 1",
	[REPLACED_MORE] = "UPDATE identity SET replaced_count = replaced_count + 1 WHERE only = 1",

	[MARK_GET] = "SELECT start_id, commit_number FROM mark WHERE only = 1",
	[MARK_SET] = "INSERT INTO mark VALUES (1, ?1, ?2)"
		     " ON CONFLICT DO UPDATE SET start_id = excluded.start_id, commit_number ="
		     " iif(start_id = excluded.start_id, max(commit_number, excluded.commit_number),"
		     " excluded.commit_number)",

	[OUTBOX_PUT] = "INSERT INTO outbox(id, recipient, text, written_at) VALUES (?1, ?2, ?3, ?4)",
	[OUTBOX_FIND] = "SELECT state, status FROM outbox WHERE id = ?1",
	[WAITING_GET] = "SELECT count FROM waiting WHERE only = 1",
	[WAITING_MORE] = "UPDATE waiting SET count = count + 1 WHERE only = 1",
	[WAITING_LESS] = "UPDATE waiting SET count = max(count - 1, 0) WHERE only = 1",
	[OUTBOX_PAGE] = "SELECT seq, id, recipient, text, state FROM outbox WHERE is_queued = 1 AND seq > ?1"
			" ORDER BY seq LIMIT ?2",
	[OUTBOX_VERDICT] = "UPDATE outbox SET is_queued = 0, state = ?2, status = ?3 WHERE id = ?1 AND state = 1",
	[OUTBOX_OFFERED] = "UPDATE outbox SET is_queued = 0 WHERE id = ?1",
	[OUTBOX_WITHDRAW] = "DELETE FROM outbox WHERE id = ?1 AND state = 1",
	[OUTBOX_REOFFER] = "UPDATE outbox SET is_queued = 1 WHERE state IN (2, 3)",
	[OUTBOX_FORGET] = "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE is_queued = 0 AND"
			  " seq <= (SELECT max(seq) FROM outbox) - ?1 ORDER BY seq LIMIT 2)",

	[TRANSCRIPT_PUT] = "INSERT INTO transcript(gap_count, sender, id, accepted_at, text, kind, form, flags, room_row,"
			   " conversation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
	[TRANSCRIPT_FORGET] = "DELETE FROM transcript WHERE seq = (SELECT min(seq) FROM transcript) AND is_shown = 1"
			      " AND seq <= (SELECT max(seq) FROM transcript) - ?1",
	[TRANSCRIPT_NEXT] = ENTRY " WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT 1",
	[TRANSCRIPT_NEXT_UNSHOWN] = ENTRY " WHERE is_shown = 0 AND seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT 1",
	[TRANSCRIPT_SHOWN] = "UPDATE transcript SET is_shown = 1 WHERE is_shown = 0 AND seq > ?1 AND seq <= ?2",
	[TRANSCRIPT_COUNT] = "SELECT count(*) FROM transcript WHERE seq > ?1 AND seq <= ?2",
	[TRANSCRIPT_COUNT_UNSHOWN] = "SELECT count(*) FROM transcript WHERE is_shown = 0 AND seq > ?1 AND seq <= ?2",
	[TRANSCRIPT_LAST] = "SELECT coalesce(max(seq), 0) FROM transcript",

	[PEOPLE_NEWEST] = "SELECT name FROM (SELECT * FROM (SELECT iif(flags & 1, CAST(conversation AS TEXT), sender) AS name,"
			  " accepted_at AS at FROM transcript WHERE kind = 1 AND room_row = 0 ORDER BY seq DESC LIMIT ?1)"
			  " UNION ALL SELECT * FROM (SELECT recipient, written_at FROM outbox ORDER BY seq DESC LIMIT ?1))"
			  " GROUP BY name COLLATE NOCASE ORDER BY max(at) DESC, name LIMIT ?2",

	[DATA_VERSION] = "PRAGMA data_version",
};

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

	// What the profile wants of the server: a message (what 1), or a change. recipient: as it is written, a room with its '#'.
	// stamp: of a change, what its first acceptance named. is_queued: to be submitted. With a verdict (state 2 to 4) it is offered
	// again.
	"CREATE TABLE outbox("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
	" what INTEGER NOT NULL CHECK (what BETWEEN 1 AND 8),"
	" flags INTEGER NOT NULL CHECK (flags BETWEEN 0 AND 255),"
	" recipient BLOB CHECK (recipient IS NULL OR length(recipient) BETWEEN 1 AND 33),"
	" other TEXT NOT NULL,"
	" fingerprint BLOB CHECK (fingerprint IS NULL OR length(fingerprint) = 32),"
	" text BLOB CHECK (text IS NULL OR length(text) BETWEEN 1 AND 1024),"
	" stamp_start BLOB CHECK (stamp_start IS NULL OR length(stamp_start) = 16),"
	" stamp_commit INTEGER NOT NULL DEFAULT 0 CHECK (stamp_commit >= 0),"
	" written_at INTEGER NOT NULL,"
	" state INTEGER NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 4),"
	" status INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 255),"
	" is_queued INTEGER NOT NULL DEFAULT 1 CHECK (is_queued IN (0, 1)),"
	" CHECK ((text IS NULL) = (what > 1))) STRICT;"
	"CREATE INDEX outbox_by_queue ON outbox(seq, state) WHERE is_queued = 1;"
	"CREATE INDEX outbox_by_done ON outbox(seq) WHERE is_queued = 0;"

	// How many of the outbox wait for a verdict (state 1): whoever adds a message or ends its waiting changes this too.
	"CREATE TABLE waiting("
	" only INTEGER PRIMARY KEY CHECK (only = 1),"
	" count INTEGER NOT NULL CHECK (count >= 0)) STRICT;"
	"INSERT INTO waiting VALUES (1, 0);"

	// A gap has no kind, no sender and no text; an entry of the server's own kinds may have no sender. flags: 1 own, 4 history,
	// 8 written here.
	// conversation: as it is written when the entry came; a room keeps its id when it is renamed.
	"CREATE TABLE transcript("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" gap_count INTEGER NOT NULL DEFAULT 0 CHECK (gap_count >= 0),"
	" kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 255),"
	" form INTEGER NOT NULL CHECK (form BETWEEN 0 AND 255),"
	" flags INTEGER NOT NULL DEFAULT 0 CHECK (flags BETWEEN 0 AND 255),"
	" room_id BLOB CHECK (room_id IS NULL OR length(room_id) = 8),"
	" room_row INTEGER NOT NULL DEFAULT 0 CHECK (room_row >= 0),"
	" sender TEXT NOT NULL COLLATE NOCASE,"
	" conversation BLOB CHECK (conversation IS NULL OR length(conversation) BETWEEN 1 AND 33),"
	" id BLOB NOT NULL CHECK (length(id) = 16),"
	" accepted_at INTEGER NOT NULL,"
	" text BLOB CHECK (text IS NULL OR length(text) BETWEEN 1 AND 1024),"
	" is_shown INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)),"
	" CHECK ((text IS NULL) = (gap_count > 0))) STRICT;"
	"CREATE UNIQUE INDEX transcript_by_id ON transcript(sender, id, (text IS NULL));"
	"CREATE INDEX transcript_by_unshown ON transcript(seq) WHERE is_shown = 0;"
	"CREATE INDEX transcript_by_room ON transcript(room_id, room_row) WHERE room_id IS NOT NULL;"

	// Rooms that the user is a member of, or was. is_named: since a listing began.
	"CREATE TABLE room("
	" room_id BLOB PRIMARY KEY CHECK (length(room_id) = 8),"
	" name TEXT NOT NULL COLLATE NOCASE,"
	" flags INTEGER NOT NULL,"
	" from_row INTEGER NOT NULL CHECK (from_row > 0),"
	" newest_row INTEGER NOT NULL CHECK (newest_row >= 0),"
	" is_member INTEGER NOT NULL CHECK (is_member IN (0, 1)),"
	" is_named INTEGER NOT NULL CHECK (is_named IN (0, 1))) STRICT, WITHOUT ROWID;"

	// The rows of a room that the transcript has, or had, or has a gap for, as ranges that neither touch nor overlap.
	"CREATE TABLE room_have("
	" room_id BLOB NOT NULL CHECK (length(room_id) = 8),"
	" first_row INTEGER NOT NULL CHECK (first_row > 0),"
	" last_row INTEGER NOT NULL CHECK (last_row >= first_row),"
	" PRIMARY KEY (room_id, first_row)) STRICT, WITHOUT ROWID;";

const struct sql_kind client_schema_kind = {
	.noun = "client database",
	.elsewhere = "another state directory",
	.application_id = 0x4d4d5343, // "MMSC"
	.version = 6,
	.schema = {schema},
	.busy_ms = CLIENT_STORE_BUSY_MS,
	.cache_kib = 2 * 1024,
	.checkpoint_mode = SQLITE_CHECKPOINT_TRUNCATE,
	.is_shared = true,
};

// As transcript_row_is_waiting: no gap, none of the server's own kinds, neither one's own nor history.
#define IS_WAITING "text IS NOT NULL AND kind NOT BETWEEN 2 AND 5 AND (flags & 5) = 0"

// An entry of the transcript, whole.
#define ENTRY \
	"SELECT seq, gap_count, sender, id, accepted_at, text, kind, form, flags, room_row, conversation," \
	" room_id FROM transcript"

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

	[OUTBOX_PUT] = "INSERT INTO outbox(id, recipient, text, written_at, what, flags, other, fingerprint)"
		       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[OUTBOX_STAMP] = "UPDATE outbox SET stamp_start = ?2, stamp_commit = ?3 WHERE id = ?1 AND what > 1 AND stamp_start IS NULL",
	[OUTBOX_FIND] = "SELECT state, status FROM outbox WHERE id = ?1",
	[WAITING_GET] = "SELECT count FROM waiting WHERE only = 1",
	[WAITING_MORE] = "UPDATE waiting SET count = count + 1 WHERE only = 1",
	[WAITING_LESS] = "UPDATE waiting SET count = max(count - 1, 0) WHERE only = 1",
	[OUTBOX_PAGE] = "SELECT seq, id, recipient, text, state, what, flags, other, fingerprint, stamp_start, stamp_commit"
			" FROM outbox WHERE is_queued = 1 AND seq > ?1"
			" ORDER BY seq LIMIT ?2",
	[OUTBOX_VERDICT] = "UPDATE outbox SET is_queued = 0, state = ?2, status = ?3 WHERE id = ?1 AND state = 1",
	[OUTBOX_OFFERED] = "UPDATE outbox SET is_queued = 0 WHERE id = ?1",
	[OUTBOX_WITHDRAW] = "DELETE FROM outbox WHERE id = ?1 AND state = 1",
	[OUTBOX_REOFFER] = "UPDATE outbox SET is_queued = 1 WHERE state IN (2, 3)",
	[OUTBOX_FORGET] = "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE is_queued = 0 AND"
			  " seq <= (SELECT max(seq) FROM outbox) - ?1 ORDER BY seq LIMIT 2)",

	[TRANSCRIPT_PUT] = "INSERT INTO transcript(gap_count, sender, id, accepted_at, text, kind, form, flags, room_row,"
			   " conversation, room_id, is_shown) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 | 8 * is_here, ?9, ?10, ?11,"
			   " is_here FROM (SELECT ?8 & 1 AND EXISTS (SELECT 1 FROM outbox WHERE id = ?3) AS is_here)"
			   " WHERE true ON CONFLICT DO NOTHING",
	// A row of a room that was told before may have become another one since, by a restore.
	[TRANSCRIPT_PLACE] = "UPDATE transcript SET room_row = ?3 WHERE sender = ?1 AND id = ?2 AND text IS NOT NULL AND room_id = ?4",
	[TRANSCRIPT_FORGET] = "DELETE FROM transcript WHERE seq = (SELECT min(seq) FROM transcript) AND is_shown = 1"
			      " AND seq <= (SELECT max(seq) FROM transcript) - ?1",
	[TRANSCRIPT_NEXT] = ENTRY " WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT 1",
	[TRANSCRIPT_NEXT_UNSHOWN] = ENTRY " WHERE is_shown = 0 AND seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT 1",
	[TRANSCRIPT_SHOWN] = "UPDATE transcript SET is_shown = 1 WHERE is_shown = 0 AND seq > ?1 AND seq <= ?2",
	[TRANSCRIPT_WAITING] = "SELECT count(*) FROM transcript WHERE " IS_WAITING " AND seq > ?1 AND seq <= ?2",
	[TRANSCRIPT_WAITING_UNSHOWN] = "SELECT count(*) FROM transcript WHERE is_shown = 0 AND " IS_WAITING
				       " AND seq > ?1 AND seq <= ?2",
	[TRANSCRIPT_LAST] = "SELECT coalesce(max(seq), 0) FROM transcript",

	[PEOPLE_NEWEST] = "SELECT name FROM (SELECT * FROM (SELECT iif(flags & 1, CAST(conversation AS TEXT), sender) AS name,"
			  " accepted_at AS at FROM transcript WHERE kind = 1 AND room_row = 0 ORDER BY seq DESC LIMIT ?1)"
			  " UNION ALL SELECT * FROM (SELECT"
			  " iif(what = 1 AND substr(recipient, 1, 1) <> x'23', CAST(recipient AS TEXT), NULL),"
			  " written_at FROM outbox ORDER BY seq DESC LIMIT ?1)) WHERE name IS NOT NULL"
			  " GROUP BY name COLLATE NOCASE ORDER BY max(at) DESC, name LIMIT ?2",
	[CLIENT_ROOM_GET] = "SELECT from_row FROM room WHERE room_id = ?1",
	[CLIENT_ROOM_SEEN] = "INSERT INTO room VALUES (?1, ?2, 0, ?3, ?3, 1, 1) ON CONFLICT DO UPDATE SET name = ?2,"
		      " newest_row = max(newest_row, ?3)",
	[CLIENT_ROOM_PUT] = "INSERT INTO room VALUES (?1, ?2, ?3, ?4, ?5, 1, 1) ON CONFLICT DO UPDATE SET name = ?2, flags = ?3,"
		     " from_row = ?4, newest_row = max(newest_row, ?5), is_member = 1, is_named = 1",
	[CLIENT_ROOMS_BEGIN] = "UPDATE room SET is_named = 0 WHERE is_named = 1",
	[CLIENT_ROOMS_END] = "UPDATE room SET is_member = 0 WHERE is_named = 0 AND is_member = 1",
	[CLIENT_ROOM_NEXT] = "SELECT room_id, name, from_row, newest_row FROM room WHERE room_id > ?1 AND is_member = 1"
		      " ORDER BY room_id LIMIT 1",
	// The last range that begins at or before a row, and the first that begins after it.
	[HAVE_BEFORE] = "SELECT first_row, last_row FROM room_have WHERE room_id = ?1 AND first_row <= ?2"
			" ORDER BY first_row DESC LIMIT 1",
	[HAVE_AFTER] = "SELECT first_row, last_row FROM room_have WHERE room_id = ?1 AND first_row > ?2"
		       " ORDER BY first_row LIMIT 1",
	[TRANSCRIPT_OTHER] = "SELECT 1 FROM transcript WHERE room_id = ?1 AND room_row = ?2 AND text IS NOT NULL"
			     " AND NOT (sender = ?3 AND id = ?4) LIMIT 1",
	[TRANSCRIPT_UNPLACE] = "UPDATE transcript SET room_row = 0 WHERE room_id = ?1 AND room_row >= ?2",
	[CLIENT_ROOM_BACK] = "UPDATE room SET newest_row = ?2 - 1 WHERE room_id = ?1 AND newest_row >= ?2",
	[HAVE_NO_MORE] = "DELETE FROM room_have WHERE room_id = ?1 AND first_row >= ?2",
	[HAVE_CUT] = "UPDATE room_have SET last_row = ?2 - 1 WHERE room_id = ?1 AND last_row >= ?2",
	[HAVE_PUT] = "INSERT INTO room_have VALUES (?1, ?2, ?3)",
	[HAVE_REMOVE] = "DELETE FROM room_have WHERE room_id = ?1 AND first_row = ?2",

	[DATA_VERSION] = "PRAGMA data_version",
};

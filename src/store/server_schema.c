// SPDX-License-Identifier: ISC
// The server database's schema and every statement on it. Layer: store; declared in server_store_inside.h. What people
// are shown (enrolled_at, message.accepted_at) is in milliseconds since 1970 UTC; all retention is in seconds of store time
// (doc/design.md, "Store time").
#include "store/server_store_inside.h"

static const char schema[] =
	"CREATE TABLE counter("
	" only INTEGER PRIMARY KEY CHECK (only = 1),"
	" commit_next INTEGER NOT NULL CHECK (commit_next > 0),"
	" seconds INTEGER NOT NULL CHECK (seconds >= 0)) STRICT;"
	"INSERT INTO counter VALUES (1, 1, 0);"

	"CREATE TABLE start("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" start_id BLOB NOT NULL UNIQUE CHECK (length(start_id) = 16),"
	" first_commit INTEGER NOT NULL CHECK (first_commit > 0)) STRICT;"

	// AUTOINCREMENT: an id that sessions or messages may still name must not become someone else's. life: what the line
	// says, empty when it says none; another life is another user.
	"CREATE TABLE user("
	" user_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" name TEXT NOT NULL COLLATE NOCASE,"
	" life BLOB NOT NULL CHECK (length(life) IN (0, 16)),"
	" absent_since INTEGER,"
	" UNIQUE (name, life)) STRICT;"
	"CREATE INDEX user_by_absence ON user(absent_since) WHERE absent_since IS NOT NULL;"

	"CREATE TABLE device("
	" device_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" user_id INTEGER NOT NULL,"
	" key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),"
	" fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"
	" enrolled_at INTEGER NOT NULL,"
	" cursor INTEGER NOT NULL CHECK (cursor >= 0),"
	" done_rows INTEGER NOT NULL CHECK (done_rows >= 0),"
	" done_bytes INTEGER NOT NULL CHECK (done_bytes >= 0),"
	" gap_row INTEGER NOT NULL DEFAULT 0 CHECK (gap_row >= 0),"
	" gap_count INTEGER NOT NULL DEFAULT 0 CHECK (gap_count >= 0)) STRICT;"
	"CREATE INDEX device_by_user ON device(user_id, cursor);"

	"CREATE TABLE invite_spent("
	" hash BLOB PRIMARY KEY CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;"

	// What a mailbox holds is counted as it changes. put: all that was ever accepted for it; a device's done: what of that
	// it has, or lost in a gap, so that the difference waits for it. held: what waits for anybody. fresh: what no device ever
	// had, that is, beyond taken_row. Rows up to purge_row are in no count any more and only wait to be removed.
	"CREATE TABLE mailbox("
	" user_id INTEGER PRIMARY KEY,"
	" put_rows INTEGER NOT NULL DEFAULT 0,"
	" put_bytes INTEGER NOT NULL DEFAULT 0,"
	" held_rows INTEGER NOT NULL DEFAULT 0 CHECK (held_rows >= 0),"
	" held_bytes INTEGER NOT NULL DEFAULT 0 CHECK (held_bytes >= 0),"
	" fresh_rows INTEGER NOT NULL DEFAULT 0 CHECK (fresh_rows BETWEEN 0 AND held_rows),"
	" fresh_bytes INTEGER NOT NULL DEFAULT 0 CHECK (fresh_bytes BETWEEN 0 AND held_bytes),"
	" taken_row INTEGER NOT NULL DEFAULT 0,"
	" purge_row INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE INDEX mailbox_by_purge ON mailbox(user_id) WHERE purge_row > 0;"

	// The index holds the text's size too, so that a range is counted without reading texts. taken_at: when the
	// first of several devices took the row.
	"CREATE TABLE message("
	" row INTEGER PRIMARY KEY,"
	" recipient_id INTEGER NOT NULL,"
	" sender_id INTEGER NOT NULL,"
	" sender TEXT NOT NULL,"
	" id BLOB NOT NULL CHECK (length(id) = 16),"
	" accepted_at INTEGER NOT NULL,"
	" text BLOB NOT NULL,"
	" text_bytes INTEGER NOT NULL CHECK (text_bytes = length(text)),"
	" taken_at INTEGER) STRICT;"
	"CREATE INDEX message_by_recipient ON message(recipient_id, row, text_bytes);"
	"CREATE INDEX message_by_taken ON message(taken_at) WHERE taken_at IS NOT NULL;"

	// The ids held; in the order of `row` they are in the order of store time, so the index finds the oldest.
	"CREATE TABLE accepted("
	" sender_id INTEGER NOT NULL,"
	" id BLOB NOT NULL CHECK (length(id) = 16),"
	" recipient_id INTEGER NOT NULL,"
	" digest BLOB NOT NULL CHECK (length(digest) = 16),"
	" row INTEGER NOT NULL,"
	" was_online INTEGER NOT NULL,"
	" held_since INTEGER NOT NULL,"
	" PRIMARY KEY (sender_id, id)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX accepted_by_row ON accepted(row, held_since);"

	// What a sender had accepted in two generations of ids. new_ids: how many since edge_row; at SENDER_IDS_MAX another
	// generation begins. Ids below old_row are of neither, and have to go; 0: there are none.
	"CREATE TABLE sender("
	" user_id INTEGER PRIMARY KEY,"
	" new_ids INTEGER NOT NULL CHECK (new_ids >= 0),"
	" edge_row INTEGER NOT NULL DEFAULT 0,"
	" old_row INTEGER NOT NULL DEFAULT 0 CHECK (old_row BETWEEN 0 AND edge_row)) STRICT;"
	"CREATE INDEX sender_by_age ON sender(user_id) WHERE old_row > 0;";

const struct sql_kind server_schema_kind = {
	.noun = "server database",
	.elsewhere = "another data directory",
	.application_id = 0x4d4d5353, // "MMSS"
	.version = 3,
	.schema = schema,
	.busy_ms = 2000,
	.cache_kib = 32 * 1024,
	.checkpoint_mode = SQLITE_CHECKPOINT_PASSIVE,
};

const char *const server_schema_statement[SERVER_STATEMENT_COUNT] = {
	// The last two columns are what the counter must exceed.
	[COUNTER_GET] = "SELECT commit_next, seconds, coalesce((SELECT max(row) FROM message), 0),"
			" coalesce((SELECT max(row) FROM accepted), 0) FROM counter WHERE only = 1",
	[COUNTER_SET] = "UPDATE counter SET commit_next = ?1, seconds = ?2 WHERE only = 1",

	[START_PUT] = "INSERT INTO start(start_id, first_commit) VALUES (?1, ?2)",
	[STARTS_FORGET] = "DELETE FROM start WHERE seq <= (SELECT max(seq) FROM start) - ?1",
	[START_ANY] = "SELECT 1 FROM start LIMIT 1",
	[START_FIND] = "SELECT seq FROM start WHERE start_id = ?1",
	[START_NEXT] = "SELECT first_commit FROM start WHERE seq > ?1 ORDER BY seq LIMIT 1",

	[USER_FIND] = "SELECT user_id, name = ?1 COLLATE BINARY, absent_since IS NULL FROM user WHERE name = ?1 AND life = ?2",
	[USER_LIFE] = "SELECT life FROM user WHERE name = ?1 ORDER BY user_id DESC LIMIT 1",
	[USER_PUT] = "INSERT INTO user(name, life) VALUES (?1, ?2)",
	[USER_UPDATE] = "UPDATE user SET name = ?2, absent_since = NULL WHERE user_id = ?1",
	[USER_MARK_ABSENT] = "UPDATE user SET absent_since = ?1 WHERE absent_since IS NULL"
			     " AND user_id NOT IN (SELECT user_id FROM temp.present)",
	[PRESENT_CLEAR] = "DELETE FROM temp.present",
	[PRESENT_PUT] = "INSERT INTO temp.present VALUES (?1)",
	[USER_EXPIRED] = "SELECT user_id FROM user WHERE absent_since <= ?1 ORDER BY absent_since LIMIT 1",
	[USER_REMOVE] = "DELETE FROM user WHERE user_id = ?1",
	[USER_DEVICES_REMOVE] = "DELETE FROM device WHERE user_id = ?1",

	[DEVICE_FIND] = "SELECT device_id, user_id, cursor, gap_row, gap_count FROM device WHERE key = ?1",
	[DEVICE_CURSOR] = "SELECT cursor FROM device WHERE device_id = ?1 AND user_id = ?2",
	[DEVICE_BEHIND] = "SELECT coalesce(put_rows, 0) - done_rows, cursor FROM device LEFT JOIN mailbox USING (user_id)"
			  " WHERE device_id = ?1",
	[DEVICE_PUT] = "INSERT INTO device(user_id, key, fingerprint, enrolled_at, cursor, done_rows, done_bytes)"
		       " VALUES (?1, ?2, ?3, ?4, ?5,"
		       " coalesce((SELECT put_rows - held_rows FROM mailbox WHERE user_id = ?1), 0),"
		       " coalesce((SELECT put_bytes - held_bytes FROM mailbox WHERE user_id = ?1), 0))",
	[DEVICE_COUNT] = "SELECT count(*) FROM device WHERE user_id = ?1",
	[DEVICE_CURSORS] = "SELECT coalesce(min(cursor), 0), coalesce(max(cursor), 0), count(*) FROM device"
			   " WHERE user_id = ?1",
	[DEVICE_MOVE] = "UPDATE device SET cursor = ?2, done_rows = done_rows + ?3, done_bytes = done_bytes + ?4"
			" WHERE device_id = ?1",
	[DEVICE_GAP_ADD] = "UPDATE device SET gap_row = max(gap_row, ?2), gap_count = gap_count + 1,"
			   " done_rows = done_rows + 1, done_bytes = done_bytes + ?3 WHERE user_id = ?1 AND cursor < ?2",
	[DEVICE_GAP_TOLD] = "UPDATE device SET gap_row = 0, gap_count = 0"
			    " WHERE device_id = ?1 AND user_id = ?2 AND gap_row <= ?3",
	[DEVICE_REMOVE] = "DELETE FROM device WHERE user_id = ?1 AND fingerprint = ?2",
	[DEVICE_LIST] = "SELECT name, fingerprint, enrolled_at, cursor, life FROM device JOIN user USING (user_id)"
			" ORDER BY name, user_id, device_id",

	[INVITE_FIND] = "SELECT 1 FROM invite_spent WHERE hash = ?1",
	[INVITE_PUT] = "INSERT INTO invite_spent(hash) VALUES (?1)",
	[INVITES_FORGET] = "DELETE FROM invite_spent WHERE hash NOT IN (SELECT hash FROM temp.listed)",
	[LISTED_CLEAR] = "DELETE FROM temp.listed",
	[LISTED_PUT] = "INSERT OR IGNORE INTO temp.listed VALUES (?1)",

	[ACCEPTED_FIND] = "SELECT recipient_id, digest, row, was_online FROM accepted WHERE sender_id = ?1 AND id = ?2",
	[ACCEPTED_PUT] = "INSERT INTO accepted(sender_id, id, recipient_id, digest, row, was_online, held_since)"
			 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ACCEPTED_OLDEST] = "SELECT row, held_since, EXISTS (SELECT 1 FROM message WHERE message.row = accepted.row)"
			    " FROM accepted WHERE row > ?1 ORDER BY row LIMIT 1",
	[ACCEPTED_REMOVE] = "DELETE FROM accepted WHERE row = ?1",
	[ACCEPTED_OF_SENDER] = "SELECT id, row, EXISTS (SELECT 1 FROM message WHERE message.row = accepted.row)"
			       " FROM accepted WHERE sender_id = ?1 AND id > ?2 ORDER BY id LIMIT 1",

	[SENDER_COUNT] = "UPDATE sender SET new_ids = new_ids + ?2 WHERE user_id = ?1 AND new_ids + ?2 < ?3",
	[SENDER_TURN] = "INSERT INTO sender(user_id, new_ids) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET"
			" new_ids = 0, edge_row = ?3, old_row = edge_row",
	[SENDER_OLD] = "SELECT user_id, old_row FROM sender WHERE old_row > 0 AND user_id > ?1 ORDER BY user_id LIMIT 1",
	[SENDER_SWEPT] = "UPDATE sender SET old_row = 0 WHERE user_id = ?1 AND old_row = ?2",
	[SENDER_REMOVE] = "DELETE FROM sender WHERE user_id = ?1",

	[MESSAGE_PUT] = "INSERT INTO message(row, recipient_id, sender_id, sender, id, accepted_at, text, text_bytes)"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[MESSAGE_NEXT] = "SELECT row, id, sender, accepted_at, text FROM message WHERE recipient_id = ?1 AND row > ?2"
			 " ORDER BY row LIMIT 1",
	[MAILBOX_PUT] = "INSERT INTO mailbox(user_id, put_rows, put_bytes, held_rows, held_bytes, fresh_rows, fresh_bytes)"
			" VALUES (?1, ?2, ?3, ?2, ?3, ?2, ?3) ON CONFLICT DO UPDATE SET"
			" put_rows = put_rows + ?2, put_bytes = put_bytes + ?3, held_rows = held_rows + ?2,"
			" held_bytes = held_bytes + ?3, fresh_rows = fresh_rows + ?2, fresh_bytes = fresh_bytes + ?3",
	// The same for a mailbox that stays within its bound, or has no row that could go for it.
	[MAILBOX_ADD] = "UPDATE mailbox SET put_rows = put_rows + ?2, put_bytes = put_bytes + ?3, held_rows = held_rows + ?2,"
			" held_bytes = held_bytes + ?3, fresh_rows = fresh_rows + ?2, fresh_bytes = fresh_bytes + ?3"
			" WHERE user_id = ?1 AND (held_rows = fresh_rows OR held_bytes + ?3 + (held_rows + ?2) * ?4 <= ?5)",
	[MAILBOX_OVER] = "SELECT taken_row, purge_row FROM mailbox"
			 " WHERE user_id = ?1 AND held_rows > fresh_rows AND held_bytes + held_rows * ?2 > ?3",
	[MAILBOX_USAGE] = "SELECT fresh_rows, fresh_bytes FROM mailbox WHERE user_id = ?1",
	[MAILBOX_PLACE] = "SELECT taken_row, purge_row FROM mailbox WHERE user_id = ?1",
	[MAILBOX_TAKE] = "UPDATE mailbox SET taken_row = ?2, fresh_rows = fresh_rows - ?3, fresh_bytes = fresh_bytes - ?4"
			 " WHERE user_id = ?1",
	// What waits for the device that is farthest behind.
	[MAILBOX_SETTLE] = "UPDATE mailbox SET held_rows = put_rows - d.rows, held_bytes = put_bytes - d.bytes, purge_row = ?2"
			   " FROM (SELECT min(done_rows) AS rows, min(done_bytes) AS bytes FROM device WHERE user_id = ?1) AS d"
			   " WHERE user_id = ?1",
	[MAILBOX_EXPIRE] = "UPDATE mailbox SET held_rows = held_rows - 1, held_bytes = held_bytes - ?2 WHERE user_id = ?1",
	[MAILBOX_ABANDON] = "UPDATE mailbox SET held_rows = 0, held_bytes = 0, fresh_rows = 0, fresh_bytes = 0,"
			    " purge_row = 9223372036854775807 WHERE user_id = ?1",
	[MAILBOX_PURGED] = "UPDATE mailbox SET purge_row = 0 WHERE user_id = ?1",
	[MAILBOX_REMOVE] = "DELETE FROM mailbox WHERE user_id = ?1",
	[MAILBOX_TO_PURGE] = "SELECT user_id, purge_row FROM mailbox WHERE purge_row > 0 ORDER BY user_id LIMIT 1",
	[MESSAGE_COUNT] = "SELECT count(*), coalesce(sum(text_bytes), 0) FROM message"
			  " WHERE recipient_id = ?1 AND row > ?2 AND row <= ?3",
	[MESSAGE_OLDEST] = "SELECT row, text_bytes FROM message WHERE recipient_id = ?1 AND row > ?2 ORDER BY row LIMIT 1",
	[MESSAGE_TAKE] = "UPDATE message SET taken_at = ?4 WHERE recipient_id = ?1 AND row > ?2 AND row <= ?3",
	[MESSAGE_PURGE] = "DELETE FROM message WHERE row IN (SELECT row FROM message"
			  " WHERE recipient_id = ?1 AND row <= ?2 ORDER BY row LIMIT ?3)",
	[MESSAGE_PURGE_ALL] = "DELETE FROM message WHERE recipient_id = ?1 AND row <= ?2",
	[MESSAGE_EXPIRED] = "SELECT row, recipient_id, text_bytes FROM message WHERE taken_at <= ?1 ORDER BY taken_at LIMIT 1",
	[MESSAGE_REMOVE] = "DELETE FROM message WHERE row = ?1",
	[PAGES_FREE] = "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count",
	[PAGES_GIVE_BACK] = "PRAGMA incremental_vacuum(256)",
};

// SPDX-License-Identifier: ISC
// The server database's schema and every statement on it. Layer: store; declared in server_store_inside.h. What people
// are shown (enrolled_at, body.at) is in milliseconds since 1970 UTC; all retention is in seconds of store time
// (doc/design.md, "Store time").
#include "store/server_store_inside.h"

static const char schema[] =
	"CREATE TABLE counter("
	" only INTEGER PRIMARY KEY CHECK (only = 1),"
	" commit_next INTEGER NOT NULL CHECK (commit_next > 0),"
	" seconds INTEGER NOT NULL CHECK (seconds >= 0),"
	" has_own INTEGER NOT NULL) STRICT;"
	"INSERT INTO counter VALUES (1, 1, 0, 0);"

	// How far the numbers had come at some seconds of store time, so that an age is a number.
	"CREATE TABLE epoch("
	" seconds INTEGER PRIMARY KEY,"
	" commit_no INTEGER NOT NULL) STRICT;"

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

	// seen_row: up to it some device had its rows when this one was enrolled; enrolled_row: the newest number then. What it gets of
	// those, and of own ones up to enrolled_row, is history: old_rows, and of them old_silent.
	"CREATE TABLE device("
	" device_id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" user_id INTEGER NOT NULL,"
	" key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),"
	" fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"
	" enrolled_at INTEGER NOT NULL,"
	" cursor INTEGER NOT NULL CHECK (cursor >= 0),"
	" done_rows INTEGER NOT NULL CHECK (done_rows >= 0),"
	" done_bytes INTEGER NOT NULL CHECK (done_bytes >= 0),"
	" done_silent INTEGER NOT NULL CHECK (done_silent >= 0),"
	" seen_row INTEGER NOT NULL,"
	" enrolled_row INTEGER NOT NULL,"
	" old_rows INTEGER NOT NULL CHECK (old_rows >= 0),"
	" old_silent INTEGER NOT NULL CHECK (old_silent BETWEEN 0 AND old_rows),"
	" gap_row INTEGER NOT NULL DEFAULT 0 CHECK (gap_row >= 0),"
	" gap_count INTEGER NOT NULL DEFAULT 0 CHECK (gap_count >= 0)) STRICT;"
	"CREATE INDEX device_by_user ON device(user_id);"

	"CREATE TABLE invite_spent("
	" hash BLOB PRIMARY KEY CHECK (length(hash) = 32)) STRICT, WITHOUT ROWID;"

	// What a mailbox holds is counted as it changes. put: all that was ever accepted for it; a device's done: what of that
	// it has, or lost in a gap, so that the difference waits for it. held: what waits for anybody. fresh: what no device ever
	// had, that is, beyond taken_row and not an own one. row_last: the newest that it ever had. Rows up to purge_row are in no count
	// any more and only wait to be removed. is_by_sender: the table share has a row for each sender of what is held.
	"CREATE TABLE mailbox("
	" user_id INTEGER PRIMARY KEY,"
	" put_rows INTEGER NOT NULL,"
	" put_bytes INTEGER NOT NULL,"
	" held_rows INTEGER NOT NULL CHECK (held_rows >= 0),"
	" held_bytes INTEGER NOT NULL CHECK (held_bytes >= 0),"
	" fresh_rows INTEGER NOT NULL CHECK (fresh_rows BETWEEN 0 AND held_rows),"
	" fresh_bytes INTEGER NOT NULL CHECK (fresh_bytes BETWEEN 0 AND held_bytes),"
	" row_last INTEGER NOT NULL,"
	" taken_row INTEGER NOT NULL,"
	" purge_row INTEGER NOT NULL,"
	" is_by_sender INTEGER NOT NULL) STRICT;"
	"CREATE INDEX mailbox_by_purge ON mailbox(user_id) WHERE purge_row > 0;"

	// What else is known of a mailbox: only of one whose user was in a room, blocks somebody, or has own messages in it. silent: of
	// put, of held and of fresh, the rows that nobody waits for. taken_at: when something was taken last, or there was nothing to be
	// taken, to within a day.
	"CREATE TABLE mailbox_more("
	" user_id INTEGER PRIMARY KEY,"
	" put_silent INTEGER NOT NULL,"
	" held_silent INTEGER NOT NULL CHECK (held_silent BETWEEN 0 AND put_silent),"
	" fresh_silent INTEGER NOT NULL CHECK (fresh_silent BETWEEN 0 AND held_silent),"
	" taken_at INTEGER NOT NULL,"
	" blocked_count INTEGER NOT NULL CHECK (blocked_count >= 0)) STRICT;"

	// What a sender has in a mailbox; all rooms are one, 0. taken_weight: what some device has of it, MAILBOX_ROW_BYTES and the
	// text a row.
	"CREATE TABLE share("
	" user_id INTEGER NOT NULL,"
	" sender_id INTEGER NOT NULL,"
	" fresh_rows INTEGER NOT NULL CHECK (fresh_rows >= 0),"
	" fresh_bytes INTEGER NOT NULL CHECK (fresh_bytes >= 0),"
	" taken_weight INTEGER NOT NULL CHECK (taken_weight >= 0),"
	" PRIMARY KEY (user_id, sender_id)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX share_by_weight ON share(user_id, taken_weight DESC) WHERE taken_weight > 0;"

	// A message: what was said, and about whom. It goes with its last place in a mailbox, and in a room. to_user: 0: to a room. sender:
	// empty: the operator. recipient: of one that stands in the sender's mailbox too; else empty.
	"CREATE TABLE body("
	" body_no INTEGER PRIMARY KEY,"
	" sender_id INTEGER NOT NULL,"
	" id BLOB NOT NULL,"
	" origin_device INTEGER NOT NULL,"
	" kind INTEGER NOT NULL,"
	" form INTEGER NOT NULL,"
	" to_user INTEGER NOT NULL,"
	" at INTEGER NOT NULL,"
	" sender TEXT NOT NULL,"
	" recipient TEXT NOT NULL,"
	" text BLOB NOT NULL) STRICT;"

	// Its place in a mailbox; row is the body's number. sender_id: 0: it came by a room. bytes: of the text, so that a range is counted
	// without reading texts. flags: enum server_ref_flags.
	"CREATE TABLE ref("
	" user_id INTEGER NOT NULL,"
	" row INTEGER NOT NULL,"
	" sender_id INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" flags INTEGER NOT NULL,"
	" PRIMARY KEY (user_id, row)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX ref_own ON ref(user_id, row) WHERE flags & 2;"

	// Those that some device of the user has and another lacks, and when the first took it. A table of its own, for a user with
	// one device never has any.
	"CREATE TABLE received("
	" user_id INTEGER NOT NULL,"
	" row INTEGER NOT NULL,"
	" sender_id INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" at INTEGER NOT NULL,"
	" PRIMARY KEY (user_id, row)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX received_by_age ON received(at);"
	"CREATE INDEX received_by_sender ON received(user_id, sender_id, row);";

static const char schema_ids[] =
	// The ids held: they outlive their messages, and judge what comes again. In the order of ids, which is about that of time: what
	// many senders had accepted together stands together, and costs few pages (doc/design.md).
	"CREATE TABLE accepted("
	" sender_id INTEGER NOT NULL,"
	" id BLOB NOT NULL,"
	" digest BLOB NOT NULL,"
	" row INTEGER NOT NULL,"
	" was_online INTEGER NOT NULL,"
	" PRIMARY KEY (id, sender_id)) STRICT, WITHOUT ROWID;"

	// A sender's ids have two generations. new_ids: how many the newest has; it began at edge_row and at edge_at. Ids below
	// old_row are of neither, and have to go unless their message waits; 0: there are none. round: enum server_sweep.
	"CREATE TABLE sender("
	" user_id INTEGER PRIMARY KEY,"
	" new_ids INTEGER NOT NULL CHECK (new_ids >= 0),"
	" edge_at INTEGER NOT NULL,"
	" edge_row INTEGER NOT NULL DEFAULT 0,"
	" old_row INTEGER NOT NULL DEFAULT 0 CHECK (old_row BETWEEN 0 AND edge_row),"
	" round INTEGER NOT NULL DEFAULT 0 CHECK (round BETWEEN 0 AND 2)) STRICT;"
	"CREATE INDEX sender_by_age ON sender(edge_at);"
	"CREATE INDEX sender_by_old ON sender(user_id) WHERE old_row > 0;";

const struct sql_kind server_schema_kind = {
	.noun = "server database",
	.elsewhere = "another data directory",
	.application_id = 0x4d4d5353, // "MMSS"
	.version = 6,
	.schema = {schema, schema_ids, server_schema_room},
	.busy_ms = 2000,
	.cache_kib = 32 * 1024,
	.checkpoint_mode = SQLITE_CHECKPOINT_PASSIVE,
};

const char *const server_schema_statement[SERVER_STATEMENT_COUNT] = {
	// The last two columns are what the counter must exceed, and must not be behind.
	[COUNTER_GET] = "SELECT commit_next, seconds, coalesce((SELECT max(body_no) FROM body), 0),"
			" coalesce((SELECT first_commit FROM start ORDER BY seq DESC LIMIT 1), 0), has_own FROM counter WHERE only = 1",
	[COUNTER_SET] = "UPDATE counter SET commit_next = ?1, seconds = ?2 WHERE only = 1",
	[COUNTER_OWN] = "UPDATE counter SET has_own = 1 WHERE only = 1",

	[EPOCH_NEWEST] = "SELECT seconds, commit_no FROM epoch WHERE seconds <= ?1 ORDER BY seconds DESC LIMIT 1",
	[EPOCH_PUT] = "INSERT INTO epoch(seconds, commit_no) VALUES (?1, ?2)",
	[EPOCHS_FORGET] = "DELETE FROM epoch WHERE seconds < ?1",

	[START_PUT] = "INSERT INTO start(start_id, first_commit) VALUES (?1, ?2)",
	[STARTS_FORGET] = "DELETE FROM start WHERE seq <= (SELECT max(seq) FROM start) - ?1",
	[START_ANY] = "SELECT 1 FROM start LIMIT 1",
	[START_FIND] = "SELECT seq FROM start WHERE start_id = ?1",
	[START_OF] = "SELECT start_id, seq FROM start WHERE first_commit <= ?1 ORDER BY seq DESC LIMIT 1",
	[START_NEXT] = "SELECT first_commit FROM start WHERE seq > ?1 ORDER BY seq LIMIT 1",

	[USER_FIND] = "SELECT user_id, name = ?1 COLLATE BINARY, absent_since IS NULL FROM user WHERE name = ?1 AND life = ?2",
	[USER_EXISTS] = "SELECT 1 FROM user WHERE user_id = ?1",
	[USER_LIFE] = "SELECT life FROM user WHERE name = ?1 ORDER BY EXISTS (SELECT 1 FROM device"
		      " WHERE device.user_id = user.user_id) DESC, user_id DESC LIMIT 1",
	[USER_PUT] = "INSERT INTO user(name, life) VALUES (?1, ?2)",
	[USER_UPDATE] = "UPDATE user SET name = ?2, absent_since = NULL WHERE user_id = ?1",
	[USER_MARK_ABSENT] = "UPDATE user SET absent_since = ?1 WHERE absent_since IS NULL"
			     " AND user_id NOT IN (SELECT user_id FROM temp.present)",
	[PRESENT_CLEAR] = "DELETE FROM temp.present",
	[PRESENT_PUT] = "INSERT INTO temp.present VALUES (?1)",
	[USER_EXPIRED] = "SELECT user_id FROM user WHERE absent_since <= ?1 ORDER BY absent_since LIMIT 1",
	[USER_REMOVE] = "DELETE FROM user WHERE user_id = ?1",
	[USER_DEVICES_REMOVE] = "DELETE FROM device WHERE user_id = ?1",

	[DEVICE_FIND] = "SELECT device_id, user_id, cursor, gap_row, gap_count, done_rows, done_silent, old_rows, old_silent"
			" FROM device WHERE key = ?1",
	[DEVICES_OF_USER] = "SELECT device_id, cursor, done_rows, done_bytes, gap_row, done_silent, old_rows, old_silent FROM device"
			    " WHERE user_id = ?1",
	[DEVICE_SEEN] = "SELECT seen_row, enrolled_row FROM device WHERE device_id = ?1",
	[DEVICE_PUT] = "INSERT INTO device(user_id, key, fingerprint, enrolled_at, cursor, done_rows, done_bytes, done_silent, seen_row,"
		       " enrolled_row, old_rows, old_silent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
	[DEVICE_COUNT] = "SELECT count(*) FROM device WHERE user_id = ?1",
	[DEVICE_MOVE] = "UPDATE device SET cursor = ?2, done_rows = ?3, done_bytes = ?4, done_silent = ?5 WHERE device_id = ?1",
	[DEVICE_GAP_ADD] = "UPDATE device SET gap_row = iif(device_id = ?3, gap_row, max(gap_row, ?2)),"
			   " gap_count = gap_count + (device_id <> ?3) WHERE user_id = ?1 AND cursor < ?2",
	[DEVICE_PASS] = "UPDATE device SET done_rows = done_rows + 1, done_bytes = done_bytes + ?3, done_silent = done_silent + ?4"
			" WHERE user_id = ?1 AND cursor < ?2",
	[DEVICE_OLD_PASS] = "UPDATE device SET old_rows = old_rows - 1, old_silent = old_silent - ?4 WHERE user_id = ?1 AND cursor < ?2"
			    " AND old_rows > 0 AND (seen_row >= ?2 OR (?3 AND enrolled_row >= ?2))",
	[DEVICE_OLD] = "UPDATE device SET old_rows = ?2, old_silent = ?3 WHERE device_id = ?1",
	[DEVICE_GAP_TOLD] = "UPDATE device SET gap_row = 0, gap_count = 0 WHERE device_id = ?1",
	[DEVICE_REMOVE] = "DELETE FROM device WHERE user_id = ?1 AND fingerprint = ?2 RETURNING device_id",
	[DEVICE_LIST] = "SELECT device_id, name, fingerprint, enrolled_at, life FROM device JOIN user USING (user_id)"
			" WHERE device_id > ?1 ORDER BY device_id LIMIT ?2",

	[INVITE_FIND] = "SELECT 1 FROM invite_spent WHERE hash = ?1",
	[INVITE_PUT] = "INSERT INTO invite_spent(hash) VALUES (?1)",
	[INVITES_FORGET] = "DELETE FROM invite_spent WHERE hash NOT IN (SELECT hash FROM temp.listed)",
	[LISTED_CLEAR] = "DELETE FROM temp.listed",
	[LISTED_PUT] = "INSERT OR IGNORE INTO temp.listed VALUES (?1)",

	[ACCEPTED_FIND] = "SELECT digest, row, was_online FROM accepted WHERE sender_id = ?1 AND id = ?2",
	[ACCEPTED_PUT] = "INSERT INTO accepted(sender_id, id, digest, row, was_online) VALUES (?1, ?2, ?3, ?4, ?5)"
			 " ON CONFLICT DO NOTHING",
	[ACCEPTED_SLICE] = "SELECT id, sender_id FROM accepted WHERE (id, sender_id) > (?1, ?2) ORDER BY id, sender_id LIMIT ?3",
	[ACCEPTED_REMOVE] = "DELETE FROM accepted WHERE (id, sender_id) > (?1, ?2) AND (id, sender_id) <= (?3, ?4)"
			    " AND row < (SELECT old_row FROM sender WHERE user_id = accepted.sender_id)"
			    " AND NOT EXISTS (SELECT 1 FROM body WHERE body_no = accepted.row)",

	[SENDER_COUNT] = "UPDATE sender SET new_ids = new_ids + ?2 WHERE user_id = ?1 AND new_ids + ?2 < ?3",
	[SENDER_TURN] = "INSERT INTO sender(user_id, new_ids, edge_at) VALUES (?1, ?2, ?4) ON CONFLICT DO UPDATE SET"
			" new_ids = 0, old_row = edge_row, edge_row = ?3, edge_at = ?4, round = 0",
	[SENDER_AGED] = "SELECT user_id FROM sender WHERE edge_at <= ?1 ORDER BY edge_at LIMIT 1",
	[SENDER_OLD] = "SELECT user_id, round FROM sender WHERE old_row > 0 AND user_id > ?1 ORDER BY user_id LIMIT 1",
	[SENDER_MARK] = "UPDATE sender SET round = 1 WHERE user_id = ?1",
	[SENDERS_LEFT] = "UPDATE sender SET round = 2 WHERE round = 1 AND user_id IN (SELECT sender_id FROM accepted"
			 " WHERE (id, sender_id) > (?1, ?2) AND (id, sender_id) <= (?3, ?4))",
	[SENDER_SWEPT] = "UPDATE sender SET old_row = 0, round = 0 WHERE user_id = ?1",
	[SENDER_FORGET] = "DELETE FROM sender WHERE user_id = ?1 AND new_ids = 0",

	[MAILBOX_GET] = "SELECT put_rows, put_bytes, held_rows, held_bytes, fresh_rows, fresh_bytes, row_last, taken_row,"
			" purge_row, is_by_sender, put_silent, held_silent, fresh_silent, taken_at, blocked_count"
			" FROM mailbox LEFT JOIN mailbox_more USING (user_id) WHERE mailbox.user_id = ?1",
	[MAILBOX_PUT] = "INSERT INTO mailbox(user_id, put_rows, put_bytes, held_rows, held_bytes, fresh_rows, fresh_bytes,"
			" row_last, taken_row, purge_row, is_by_sender) VALUES (?11, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[MAILBOX_SET] = "UPDATE mailbox SET put_rows = ?1, put_bytes = ?2, held_rows = ?3, held_bytes = ?4, fresh_rows = ?5,"
			" fresh_bytes = ?6, row_last = ?7, taken_row = ?8, purge_row = ?9, is_by_sender = ?10 WHERE user_id = ?11",
	[MAILBOX_REMOVE] = "DELETE FROM mailbox WHERE user_id = ?1",
	[MORE_SET] = "INSERT INTO mailbox_more(user_id, put_silent, held_silent, fresh_silent, taken_at, blocked_count)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET put_silent = ?2, held_silent = ?3, fresh_silent = ?4,"
		     " taken_at = ?5, blocked_count = ?6",
	[MORE_REMOVE] = "DELETE FROM mailbox_more WHERE user_id = ?1",
	[MAILBOX_TO_PURGE] = "SELECT user_id, purge_row FROM mailbox WHERE purge_row > 0 ORDER BY user_id LIMIT 1",

	[SHARE_GET] = "SELECT fresh_rows, fresh_bytes, taken_weight FROM share WHERE user_id = ?1 AND sender_id = ?2",
	[SHARE_SET] = "INSERT INTO share(user_id, sender_id, fresh_rows, fresh_bytes, taken_weight) VALUES (?1, ?2, ?3, ?4, ?5)"
		      " ON CONFLICT DO UPDATE SET fresh_rows = ?3, fresh_bytes = ?4, taken_weight = ?5",
	[SHARE_REMOVE] = "DELETE FROM share WHERE user_id = ?1 AND sender_id = ?2",
	[SHARES_MAKE] = "INSERT INTO share(user_id, sender_id, fresh_rows, fresh_bytes, taken_weight)"
			" SELECT user_id, sender_id, sum(row > ?3 AND NOT flags & 2), sum((row > ?3 AND NOT flags & 2) * bytes),"
			" sum((row <= ?3 OR flags & 2 > 0) * (bytes + ?4)) FROM ref"
			" WHERE user_id = ?1 AND row > ?2 GROUP BY sender_id",
	[SHARES_REMOVE] = "DELETE FROM share WHERE user_id = ?1",
	[SHARE_HEAVIEST] = "SELECT sender_id FROM share WHERE user_id = ?1 AND taken_weight > 0"
			   " ORDER BY taken_weight DESC, sender_id LIMIT 1",

	[BODY_PUT] = "INSERT INTO body(body_no, sender_id, id, origin_device, kind, form, to_user, at, sender, recipient, text)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[BODY_REMOVE] = "DELETE FROM body WHERE body_no = ?1",
	[BODIES_REMOVE] = "DELETE FROM body WHERE body_no BETWEEN ?1 AND ?2",
	[BODIES_REMOVE_FREE] = "DELETE FROM body WHERE body_no BETWEEN ?1 AND ?2"
			       " AND NOT EXISTS (SELECT 1 FROM ref WHERE ref.user_id = body.to_user AND row = body_no)"
			       " AND NOT EXISTS (SELECT 1 FROM ref WHERE ref.user_id = body.sender_id AND row = body_no)",

	[REF_PUT] = "INSERT INTO ref(user_id, row, sender_id, bytes, flags) VALUES (?1, ?2, ?3, ?4, ?5)",
	[REF_FLAGS] = "SELECT flags, origin_device FROM ref JOIN body ON body_no = row WHERE ref.user_id = ?1 AND row = ?2",
	[REFS_FRESH] = "SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(flags & 1), 0) FROM ref"
		       " WHERE user_id = ?1 AND row > ?2 AND row <= ?3 AND NOT flags & 2",
	[REFS_OLD] = "SELECT count(*), coalesce(sum(flags & 1), 0) FROM ref JOIN device ON device_id = ?1"
		     " WHERE ref.user_id = device.user_id AND row > ?2 AND row <= ?3"
		     " AND (row <= seen_row OR (flags & 2 AND row <= enrolled_row))",
	[REFS_SILENT] = "SELECT count(*) FROM ref WHERE user_id = ?1 AND row > ?2 AND row <= ?3 AND flags & 1",
	[REF_REMOVE] = "DELETE FROM ref WHERE user_id = ?1 AND row = ?2",
	// The first rows up to ?2, at most ?3: the last of them, and how many.
	[REFS_SLICE] = "SELECT coalesce(max(row), 0), count(*) FROM (SELECT row FROM ref"
		       " WHERE user_id = ?1 AND row <= ?2 ORDER BY row LIMIT ?3)",
	[REFS_UPTO] = "SELECT row FROM ref WHERE user_id = ?1 AND row <= ?2",
	[REFS_REMOVE] = "DELETE FROM ref WHERE user_id = ?1 AND row <= ?2",
	[REFS_COUNT] = "SELECT count(*), coalesce(sum(bytes), 0) FROM ref WHERE user_id = ?1 AND row > ?2 AND row <= ?3",
	[REFS_BY_SENDER] = "SELECT sender_id, sum(row > ?4 AND NOT flags & 2), sum((row > ?4 AND NOT flags & 2) * bytes),"
			   " sum((row > ?4 AND NOT flags & 2) * (bytes + ?6)),"
			   " sum((row <= ?5) * (bytes + ?6)) FROM ref WHERE user_id = ?1 AND row > ?2 AND row <= ?3"
			   " GROUP BY sender_id",
	[REF_OLDEST] = "SELECT row, sender_id, bytes FROM ref WHERE user_id = ?1 AND row > ?2 ORDER BY row LIMIT 1",
	[REF_OWN_OLDEST] = "SELECT row, sender_id, bytes FROM ref INDEXED BY ref_own WHERE user_id = ?1 AND row > ?2 AND flags & 2"
			   " ORDER BY row LIMIT 1",
	[REF_OLD] = "SELECT row, sender_id, bytes FROM ref WHERE user_id = ?1 AND row > ?2 AND row <= ?3 AND NOT EXISTS"
		    " (SELECT 1 FROM received WHERE received.user_id = ref.user_id AND received.row = ref.row) ORDER BY row LIMIT 1",
	// With its oldest row.
	[MAILBOX_NEXT] = "SELECT user_id, coalesce((SELECT min(row) FROM ref WHERE ref.user_id = mailbox.user_id), 9223372036854775807)"
			 " FROM mailbox WHERE user_id > ?1 ORDER BY user_id LIMIT 1",
	[RECEIVED_PUT] = "INSERT INTO received(user_id, row, sender_id, bytes, at)"
			 " SELECT user_id, row, sender_id, bytes, ?4 FROM ref WHERE user_id = ?1 AND row > ?2 AND row <= ?3",
	[RECEIVED_REMOVE] = "DELETE FROM received WHERE user_id = ?1 AND row = ?2",
	[RECEIVED_REMOVE_UPTO] = "DELETE FROM received WHERE user_id = ?1 AND row <= ?2",
	[RECEIVED_OLDEST] = "SELECT row, sender_id, bytes FROM received INDEXED BY received_by_sender"
			    " WHERE user_id = ?1 AND sender_id = ?3 AND row > ?2 ORDER BY row LIMIT 1",
	[RECEIVED_EXPIRED] = "SELECT user_id, row, sender_id, bytes FROM received WHERE at <= ?1 ORDER BY at LIMIT 1",
	[PAGE_READ] = "SELECT ref.row, id, sender, body.at, kind, form, text, flags, room_row, tag, name, origin_device, recipient,"
		      " body.sender_id = ref.user_id FROM ref"
		      " LEFT JOIN body ON body.body_no = ref.row"
		      " LEFT JOIN room_line ON room_line.body_no = CASE ref.sender_id WHEN 0 THEN ref.row END"
		      " LEFT JOIN room ON room.room_id = room_line.room_id"
		      " WHERE user_id = ?1 AND ref.row > ?2 ORDER BY ref.row LIMIT ?3",

	[ROOM_FIND] = "SELECT room_id, tag, room.name, is_private, has_no_history, made_by, member_count, row_last, row_kept, kept_at,"
		      " gone_at IS NOT NULL FROM room_name JOIN room USING (room_id) WHERE room_name.name = ?1",
	[ROOM_BY_TAG] = "SELECT room_id, tag, name, is_private, has_no_history, made_by, member_count, row_last, row_kept, kept_at,"
			" gone_at IS NOT NULL FROM room WHERE tag = ?1",
	[ROOM_GET] = "SELECT room_id, tag, room.name, is_private, has_no_history, made_by, member_count, row_last, row_kept, kept_at,"
		     " gone_at IS NOT NULL FROM room WHERE room_id = ?1",
	[ROOM_PUT] = "INSERT INTO room(tag, name, is_private, has_no_history, made_by, member_count, row_last, row_kept)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 1)",
	[ROOM_SET] = "UPDATE room SET name = ?2, member_count = ?3, row_last = ?4, kept_at = ?5 WHERE room_id = ?1",
	[ROOM_GO] = "UPDATE room SET gone_at = ?2, kept_at = iif(kept_at IS NULL, NULL, ?3) WHERE room_id = ?1",
	[ROOM_COUNT] = "SELECT count(*) FROM room",
	[ROOMS_MADE] = "SELECT count(*) FROM room WHERE made_by = ?1 AND coalesce(gone_at, ?2 + 1) > ?2",
	[ROOM_NAME_PUT] = "INSERT INTO room_name(name, room_id) VALUES (?1, ?2)",
	[ROOM_NAME_REMOVE] = "DELETE FROM room_name WHERE name = ?1",
	[ROOM_NAMES_FREE] = "DELETE FROM room_name WHERE name IN (SELECT room_name.name FROM room JOIN room_name USING (room_id)"
			    " WHERE gone_at <= ?1 LIMIT 1)",
	[ROOM_FORGET] = "DELETE FROM room WHERE room_id IN (SELECT room_id FROM room WHERE gone_at <= ?1"
			" AND NOT EXISTS (SELECT 1 FROM room_line WHERE room_line.room_id = room.room_id) LIMIT 1)",

	[LINE_PUT] = "INSERT INTO room_line(body_no, room_id, room_row, refs, at) VALUES (?1, ?2, ?3, ?4, ?5)",
	[LINE_RELEASE] = "UPDATE room_line SET refs = refs - 1 WHERE body_no = ?1"
			 " RETURNING refs, room_row < (SELECT row_kept FROM room WHERE room.room_id = room_line.room_id)",
	[LINE_REMOVE] = "DELETE FROM room_line WHERE body_no = ?1",
	[LINE_GET] = "SELECT body_no, refs, at FROM room_line WHERE room_id = ?1 AND room_row = ?2",
	[ROOM_DUE] = "SELECT room_id, row_kept, gone_at IS NOT NULL FROM room WHERE kept_at <= ?1 ORDER BY kept_at LIMIT 1",
	[ROOM_KEEP] = "UPDATE room SET row_kept = ?2, kept_at = ?3 WHERE room_id = ?1",
	[NEWEST_AT] = "SELECT at FROM body ORDER BY body_no DESC LIMIT 1",

	[MEMBER_FIND] = "SELECT left_at IS NULL, is_owner, from_row, stamp_start, stamp_commit FROM member"
			" WHERE room_id = ?1 AND user_id = ?2",
	[MEMBER_NAMED] = "SELECT user_id, name FROM member WHERE room_id = ?1 AND left_at IS NULL AND name = ?2 ORDER BY seq LIMIT 1",
	[MEMBER_PUT] = "INSERT INTO member(room_id, user_id, name, is_owner, from_row, seq, stamp_start, stamp_commit, left_at)"
		       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET name = ?3, is_owner = ?4, from_row = ?5,"
		       " seq = ?6, stamp_start = ?7, stamp_commit = ?8, left_at = ?9",
	[MEMBER_STAMP] = "UPDATE member SET stamp_start = ?3, stamp_commit = ?4 WHERE room_id = ?1 AND user_id = ?2",
	[MEMBER_OWN] = "UPDATE member SET is_owner = 1 WHERE room_id = ?1 AND user_id ="
		       " (SELECT user_id FROM member WHERE room_id = ?1 AND left_at IS NULL ORDER BY seq LIMIT 1)",
	[MEMBER_REMOVE] = "DELETE FROM member WHERE room_id = ?1 AND user_id = ?2",
	[MEMBERS_REMOVE] = "DELETE FROM member WHERE room_id = ?1 AND user_id IN"
			   " (SELECT user_id FROM member WHERE room_id = ?1 AND left_at IS NULL)",
	[MEMBERS] = "SELECT user_id FROM member WHERE room_id = ?1 AND left_at IS NULL ORDER BY seq",
	[MEMBER_ROOMS] = "SELECT count(*) FROM member WHERE user_id = ?1 AND left_at IS NULL",
	[MEMBER_TRIM] = "DELETE FROM member WHERE user_id = ?1 AND room_id = (SELECT room_id FROM member"
			" WHERE user_id = ?1 AND left_at IS NOT NULL ORDER BY left_at DESC LIMIT 1 OFFSET ?2)",
	[MEMBER_EXPIRE] = "DELETE FROM member WHERE (room_id, user_id) IN"
			  " (SELECT room_id, user_id FROM member WHERE left_at <= ?1 ORDER BY left_at LIMIT 1)",
	[MEMBER_OF] = "SELECT room_id FROM member WHERE user_id = ?1 AND left_at IS NULL LIMIT 1",
	[MEMBER_FORGET] = "DELETE FROM member WHERE user_id = ?1 AND left_at IS NOT NULL",
	[USER_NAME] = "SELECT name FROM user WHERE user_id = ?1",

	[BLOCK_FIND] = "SELECT ended_at IS NULL, stamp_start, stamp_commit FROM block WHERE user_id = ?1 AND blocked_id = ?2",
	[BLOCK_PUT] = "INSERT INTO block(user_id, blocked_id, name, stamp_start, stamp_commit, ended_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		      " ON CONFLICT DO UPDATE SET name = ?3, stamp_start = ?4, stamp_commit = ?5, ended_at = ?6",
	[BLOCK_TRIM] = "DELETE FROM block WHERE user_id = ?1 AND blocked_id = (SELECT blocked_id FROM block"
		       " WHERE user_id = ?1 AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1 OFFSET ?2)",
	[BLOCK_EXPIRE] = "DELETE FROM block WHERE (user_id, blocked_id) IN"
			 " (SELECT user_id, blocked_id FROM block WHERE ended_at <= ?1 ORDER BY ended_at LIMIT 1)",
	[BLOCK_OF] = "SELECT user_id, ended_at IS NULL FROM block WHERE blocked_id = ?1 LIMIT 1",
	[BLOCK_REMOVE] = "DELETE FROM block WHERE user_id = ?1 AND blocked_id = ?2",
	[BLOCKS_REMOVE] = "DELETE FROM block WHERE user_id = ?1",

	[LIST_MY_ROOMS] = "SELECT tag, room.name, 1, is_owner, is_private, has_no_history, from_row, row_last, member_count"
			  " FROM member JOIN room USING (room_id) WHERE user_id = ?1 AND left_at IS NULL AND room.name > ?2"
			  " ORDER BY room.name LIMIT ?3",
	// The open ones, and the private ones that the user is in: each in the order of names.
	[LIST_ROOMS] = "SELECT tag, all_rooms.name, member.user_id IS NOT NULL, coalesce(is_owner, 0), is_private, has_no_history,"
		       " from_row, row_last, member_count FROM"
		       " (SELECT * FROM (SELECT * FROM room WHERE gone_at IS NULL AND is_private = 0 AND name > ?2 ORDER BY name LIMIT ?3)"
		       " UNION ALL SELECT * FROM (SELECT room.* FROM member JOIN room USING (room_id)"
		       " WHERE user_id = ?1 AND left_at IS NULL AND is_private = 1 AND room.name > ?2 ORDER BY room.name LIMIT ?3))"
		       " AS all_rooms LEFT JOIN member ON member.room_id = all_rooms.room_id AND user_id = ?1 AND left_at IS NULL"
		       " ORDER BY all_rooms.name LIMIT ?3",
	[LIST_ALL_ROOMS] = "SELECT tag, name, 0, 0, is_private, has_no_history, 0, 0, member_count FROM room"
			   " WHERE gone_at IS NULL AND name > ?2 ORDER BY name LIMIT ?3",
	[LIST_MEMBERS] = "SELECT user_id, name, is_owner FROM member WHERE room_id = ?1 AND left_at IS NULL AND name > ?2"
			 " ORDER BY name LIMIT ?3",
	[LIST_LINES] = "SELECT room_row, id, sender, body.at, kind, form, text FROM room_line LEFT JOIN body USING (body_no)"
		       " WHERE room_id = ?1 AND room_row >= ?2 AND room_row <= ?3 ORDER BY room_row LIMIT ?4",
	[LIST_BLOCKED] = "SELECT blocked_id, name, 0 FROM block WHERE user_id = ?1 AND ended_at IS NULL AND name > ?2"
			 " ORDER BY name LIMIT ?3",

	[READ_BEGIN] = "BEGIN",
	[READ_END] = "COMMIT",
	[PAGES_FREE] = "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count",
	[PAGES_GIVE_BACK] = "PRAGMA incremental_vacuum(256)",
};

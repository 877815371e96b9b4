// SPDX-License-Identifier: ISC
// What must hold between the tables of a server's database, for `mms check`: each rule is a question that finds who breaks it. The contract
// is in server_store_inside.h.
#include "store/server_store_inside.h"

static const struct rule {
	const char *broken; // in the words of a reason
	const char *sql;
} rules[] = {
	{"a message in a mailbox has no text",
	 "SELECT 1 FROM ref WHERE NOT EXISTS (SELECT 1 FROM body WHERE body_no = row) LIMIT 1"},
	{"a message is in no mailbox and no room",
	 "SELECT 1 FROM body WHERE iif(to_user > 0, NOT EXISTS (SELECT 1 FROM ref WHERE ref.user_id = to_user AND row = body_no)"
	 " AND NOT EXISTS (SELECT 1 FROM ref WHERE ref.user_id = body.sender_id AND row = body_no),"
	 " NOT EXISTS (SELECT 1 FROM room_line WHERE room_line.body_no = body.body_no)) LIMIT 1"},
	{"what a mailbox holds is miscounted",
	 "SELECT 1 FROM mailbox LEFT JOIN mailbox_more USING (user_id) WHERE purge_row < 9223372036854775807"
	 " AND (held_rows, held_bytes, fresh_rows, fresh_bytes, coalesce(held_silent, 0), coalesce(fresh_silent, 0)) IS NOT"
	 " (SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(row > taken_row AND NOT flags & 2), 0),"
	 " coalesce(sum((row > taken_row AND NOT flags & 2) * bytes), 0), coalesce(sum(flags & 1), 0),"
	 " coalesce(sum((row > taken_row AND NOT flags & 2) * (flags & 1)), 0)"
	 " FROM ref WHERE ref.user_id = mailbox.user_id AND row > purge_row) LIMIT 1"},
	{"what a sender has in a mailbox is miscounted",
	 "SELECT 1 FROM (SELECT ref.user_id, sender_id, sum(row > taken_row AND NOT flags & 2) AS fresh_rows,"
	 " sum((row > taken_row AND NOT flags & 2) * bytes) AS fresh_bytes,"
	 " sum((row <= taken_row OR flags & 2 > 0) * (bytes + 128)) AS taken_weight FROM ref JOIN mailbox USING (user_id)"
	 " WHERE is_by_sender AND row > purge_row GROUP BY ref.user_id, sender_id) AS had LEFT JOIN share USING (user_id, sender_id)"
	 " WHERE (had.fresh_rows, had.fresh_bytes, had.taken_weight) IS NOT (share.fresh_rows, share.fresh_bytes, share.taken_weight)"
	 " UNION ALL SELECT 1 FROM share WHERE NOT EXISTS (SELECT 1 FROM ref JOIN mailbox USING (user_id) WHERE is_by_sender"
	 " AND ref.user_id = share.user_id AND ref.sender_id = share.sender_id AND row > purge_row) LIMIT 1"},
	{"a message that waits for nobody is not known to be one", // an own one; what rooms say is looked at below
	 "SELECT 1 FROM ref WHERE flags & 2 AND (NOT flags & 1 OR user_id NOT IN (SELECT user_id FROM mailbox_more)"
	 " OR (SELECT has_own FROM counter) = 0) LIMIT 1"},
	{"what a device gets as history is miscounted",
	 "SELECT 1 FROM device WHERE (old_rows, old_silent) IS NOT (SELECT count(*), coalesce(sum(flags & 1), 0) FROM ref"
	 " WHERE ref.user_id = device.user_id AND row > cursor AND (row <= seen_row OR (flags & 2 AND row <= enrolled_row))) LIMIT 1"},
	{"what waits for a device is miscounted",
	 "SELECT 1 FROM device JOIN mailbox USING (user_id) LEFT JOIN mailbox_more USING (user_id)"
	 " WHERE (put_rows - done_rows, put_bytes - done_bytes, coalesce(put_silent, 0) - done_silent) IS NOT"
	 " (SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(flags & 1), 0) FROM ref"
	 " WHERE ref.user_id = device.user_id AND row > cursor) LIMIT 1"},
	{"who is in a room is miscounted",
	 "SELECT 1 FROM room WHERE member_count <> (SELECT count(*) FROM member WHERE member.room_id = room.room_id AND left_at IS NULL)"
	 " OR (gone_at IS NOT NULL AND member_count > 0) LIMIT 1"},
	{"somebody is in a room that is not there",
	 "SELECT 1 FROM member WHERE left_at IS NULL AND NOT EXISTS (SELECT 1 FROM room WHERE room.room_id = member.room_id) LIMIT 1"},
	{"a room has not one owner",
	 "SELECT 1 FROM room WHERE (member_count > 0) <>"
	 " (SELECT count(*) FROM member WHERE member.room_id = room.room_id AND left_at IS NULL AND is_owner) LIMIT 1"},
	{"a room that is there has no name",
	 "SELECT 1 FROM room WHERE gone_at IS NULL AND NOT EXISTS"
	 " (SELECT 1 FROM room_name WHERE room_name.name = room.name AND room_name.room_id = room.room_id) LIMIT 1"},
	{"the rows of a room are not dense",
	 "SELECT 1 FROM room WHERE (row_last + 1 - row_kept, row_last) IS NOT"
	 " (SELECT count(*), coalesce(max(room_row), row_last) FROM room_line WHERE room_line.room_id = room.room_id"
	 " AND room_row >= row_kept) OR (kept_at IS NULL) <> (row_kept > row_last) LIMIT 1"},
	{"the rows of a room are not in the order of their commits",
	 "SELECT 1 FROM (SELECT body_no, lag(body_no, 1, 0) OVER (PARTITION BY room_id ORDER BY room_row) AS before FROM room_line)"
	 " WHERE body_no <= before LIMIT 1"},
	{"a message of a room has no text or no room",
	 "SELECT 1 FROM room_line WHERE NOT EXISTS (SELECT 1 FROM body WHERE body.body_no = room_line.body_no)"
	 " OR NOT EXISTS (SELECT 1 FROM room WHERE room.room_id = room_line.room_id) LIMIT 1"},
	{"in how many mailboxes a message of a room is, is miscounted",
	 "SELECT 1 FROM room_line JOIN room USING (room_id) LEFT JOIN"
	 " (SELECT row, count(*) AS places FROM ref WHERE sender_id = 0 GROUP BY row) AS placed ON placed.row = body_no"
	 " WHERE refs <> coalesce(places, 0) OR (refs = 0 AND room_row < row_kept) LIMIT 1"},
	{"a mailbox that rooms wrote into is not known to have been in one",
	 "SELECT 1 FROM ref WHERE sender_id = 0 AND user_id NOT IN (SELECT user_id FROM mailbox_more) LIMIT 1"},
	{"how many a user blocks is miscounted",
	 "SELECT 1 FROM (SELECT user_id, count(*) AS blocked FROM block WHERE ended_at IS NULL GROUP BY user_id)"
	 " LEFT JOIN mailbox_more USING (user_id) WHERE blocked IS NOT blocked_count"
	 " UNION ALL SELECT 1 FROM mailbox_more WHERE blocked_count > 0 AND NOT EXISTS"
	 " (SELECT 1 FROM block WHERE block.user_id = mailbox_more.user_id AND ended_at IS NULL) LIMIT 1"},
};

static enum mms_err check_rule(struct sql *sql, const struct rule *rule)
{
	sqlite3_stmt *statement = NULL;
	enum mms_err err = sql_prepare(sql, &rule->sql, 1, &statement);
	if (err == MMS_OK)
		err = sql_row(sql, statement);
	sql_finalize(&statement, 1);
	return err == MMS_OK ? sql_damaged(sql, rule->broken) : err == MMS_E_MISSING ? MMS_OK : err;
}

enum mms_err server_store_check_rules(struct sql *sql)
{
	enum mms_err err = sql_exec(sql, "SAVEPOINT looked"); // all of one state, also beside a server
	for (size_t i = 0; i < sizeof rules / sizeof *rules && err == MMS_OK; i++)
		err = check_rule(sql, &rules[i]);
	const enum mms_err ended = sql_exec(sql, "RELEASE looked");
	return err == MMS_OK ? ended : err;
}

// SPDX-License-Identifier: ISC
// Every bound of MMS: name, unit, and what happens when it is reached. Layer: base.
// Sizes of wire fields and keys stand beside their layouts (proto/wire.h, crypto/noise.h, msg/call.h).
// The protocol's numbers are normative in doc/protocol.md section 11.
#ifndef MMS_BASE_LIMITS_H
#define MMS_BASE_LIMITS_H

enum {
	// --- text and names (doc/protocol.md section 7) ---
	TEXT_BYTES_MAX = 1024, // a message's text; longer is refused before it is kept anywhere
	NAME_BYTES_MAX = 32,   // a user's name; longer is not a name
	NAME_BUFFER_BYTES = NAME_BYTES_MAX + 1,
	ID_BYTES = 16,     // a message id, UUIDv7 (RFC 9562)
	DIGEST_BYTES = 16, // what tells a repeated message from another one with its id

	// --- calls (section 5) ---
	CALL_WINDOW = 64,            // span of calls in flight; call n waits for the answer to n - 64
	CALL_FRAMES_BYTES_MAX = 1155, // frames in one datagram after the state of the calls

	// --- server tables; options of `mms server` where an operator may need another value ---
	SESSIONS_MAX = 16384,        // sessions; full: the oldest not signed in or closing goes, then none
	HALF_OPEN_MAX = 4096,        // handshakes not yet confirmed; full: the oldest goes
	PREFIXES_MAX = 8192,         // address prefixes and networks with a budget; full: the oldest of its set goes
	BLOCKS_SMALL_MAX = 32768, // blocks of up to BLOCK_SMALL_BYTES that users share for calls they make and the answers, and as
				  // many for the server's own calls; full: a user has what is its own
	BLOCKS_LARGE_MAX = 16384, // the same, up to BLOCK_LARGE_BYTES
	ACCOUNT_SHARE = 16,    // a user has at most this part of what is shared; more: a call is not marked, one of ours waits
	ACCOUNT_SMALL_OWN = 2, // a user's own blocks beside, for calls that can start, and as many for our calls; full: the same
	ACCOUNT_LARGE_OWN = 1,
	STRANGERS_SMALL_MAX = 1024, // blocks of all sessions not signed in, beside one for the SIGNIN of each; full: not marked
	STRANGERS_LARGE_MAX = 64,   // the same, up to BLOCK_LARGE_BYTES
	DEVICES_PER_USER_MAX = 16,   // enrolled devices; full: the next device is not authorized
	SENDING_PER_DEVICE_MAX = 8,  // sessions that only send; full: one that is silent goes, else the first that signed in
	WATCHES_MAX = 131072,        // names watched by all sessions; full: LIMIT to who wants to watch one more
	WATCHES_PER_USER_MAX = 1024, // by those of one user; full: the same
	INVITES_PER_USER_MAX = 4,    // invite= options of one users line; more is a bad line
	REVOKES_PER_USER_MAX = 16,   // revoke= options of one users line; more is a bad line
	USERS_LINE_BYTES_MAX = 4096, // a line of the users file; longer is a bad line
	USERS_FILE_BYTES_MAX = 64 * 1024 * 1024, // the users file; larger is a bad file

	// --- mailboxes (design: a refusal comes before an acceptance) ---
	MAILBOX_ROWS_MAX = 10000,              // rows no device has taken; full: MAILBOX_FULL to the sender
	MAILBOX_BYTES_MAX = 10 * 1024 * 1024,  // their text; full: the same
	MAILBOX_SHARE = 2,                     // one sender has at most this part of either, rounded up; more: MAILBOX_FULL to it
	MAILBOX_HELD_BYTES_MAX = 64 * 1024 * 1024, // all rows of a mailbox, each MAILBOX_ROW_BYTES and its text; full: what some device has
						   // goes, of the sender with most of it, the other devices get a gap
	MAILBOX_ROW_BYTES = 128,    // what a row takes beside its text, as the bound before counts it
	MAILBOX_SHED_ROWS_MAX = 10, // rows that go for one that comes; left over: they go for the next
	BATCH_MESSAGES_MAX = 4096,             // submissions in one transaction; full: their start waits for the next
	BATCH_BYTES_MAX = BATCH_MESSAGES_MAX * 256, // their text; full: the same
	STORE_RESERVE_BYTES = 4 * 1024 * 1024, // free disk below which nothing more is accepted

	// --- rooms ---
	ROOM_MEMBERS_MAX = 1000,     // members of a room; full: ROOM_FULL
	ROOMS_MAX = 4096,            // rooms; full: none is made, LIMIT
	ROOMS_MADE_MAX = 16,         // rooms that a user made, while their names are not given again; full: LIMIT
	ROOMS_JOINED_MAX = 256,      // rooms that a user is in; full: LIMIT
	ROOMS_ADDED_MAX = ROOMS_JOINED_MAX / 2, // of these, up to which others may add; full: LIMIT to who adds
	ROOMS_LEFT_MAX = ROOMS_JOINED_MAX, // of the rooms that a user is no longer in, how it went; full: the oldest is forgotten
	BLOCKED_MAX = 1000,          // users that one blocks; full: LIMIT
	UNBLOCKED_MAX = BLOCKED_MAX, // of those that a user blocks no longer, how it went; full: the oldest is forgotten
	BATCH_ROOM_OPS_MAX = 16,     // messages to rooms and changes in one transaction, a user's at most a quarter of them; full: their
				     // start waits for the next
	BATCH_PLACES_MAX = BATCH_ROOM_OPS_MAX * ROOM_MEMBERS_MAX + 2 * BATCH_MESSAGES_MAX, // mailboxes that one transaction writes

	// --- retention, in store time: time that passes while the store is open ---
	HISTORY_DAYS_DEFAULT = 30, // what all devices have stays in a mailbox, and what is said in a room
	HISTORY_DAYS_MAX = 3650,   // what an operator may choose
	RETENTION_DAYS = 30,   // mail after the first device took it; a suspended user's mail and devices
	ID_RETENTION_DAYS = 1, // ids of mail that every device has
	ROOM_AWAY_DAYS = 30,   // a member whose devices took nothing for so long of what waits for them all, to within a day, gets nothing
			       // from rooms into its mailbox: their history has it
	ROOM_NAME_DAYS = 30,   // for which the name of a room that is gone is not given again
	PAIR_DAYS = 30,        // for which it is known that somebody left a room, or was unblocked
	SENDER_IDS_MAX = 320000, // a sender's newest ids, DEVICES_PER_USER_MAX * OUTBOX_DONE_MAX; as many more: those before the
				 // newest go whose message waits for nobody
	STARTS_MAX = 4096,     // starts of the server remembered; full: the oldest goes, its devices re-offer

	// --- operators ---
	OPERATORS_MAX = 8,                // connections to the operator's socket; full: the next waits to be taken
	OPERATOR_SILENCE_S = 10,          // a request, or the taking of what was answered, waits so long; then the connection ends
	OPERATOR_REQUEST_BYTES_MAX = 1024, // a request; longer is refused
	OPERATOR_CHUNK_BYTES_MAX = 8192,  // of an answer, given at once; the next when it was taken

	// --- client ---
	OUTBOX_ROWS_MAX = 10000, // messages queued on one profile; full: the next is refused
	OUTBOX_DONE_MAX = 20000, // newest messages of an outbox, with a verdict or without; older ones with one are not re-offered
	TRANSCRIPT_ROWS_MAX = 4 * 1024 * 1024, // entries of a transcript; full: the oldest goes when it was shown
	WHO_USERS_MAX = 1024 * 1024, // users in a list that a device takes; longer: the list has failed
	WHO_RESTARTS_MAX = 8, // times that a server may begin one list anew; more: the same
};

#endif

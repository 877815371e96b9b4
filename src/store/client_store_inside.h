// SPDX-License-Identifier: ISC
// What the files of client_store share. Layer: store; private to client_store*.c.
#ifndef MMS_STORE_CLIENT_STORE_INSIDE_H
#define MMS_STORE_CLIENT_STORE_INSIDE_H

#include "store/client_store.h"
#include "store/sql.h"

enum client_statement {
	IDENTITY_GET,
	IDENTITY_PUT,
	IDENTITY_SIGNED_IN,
	REPLACED_GET,
	REPLACED_MORE,
	MARK_GET,
	MARK_SET,
	OUTBOX_PUT,
	OUTBOX_STAMP,
	OUTBOX_FIND,
	OUTBOX_PAGE,
	OUTBOX_VERDICT,
	OUTBOX_OFFERED,
	OUTBOX_WITHDRAW,
	OUTBOX_REOFFER,
	OUTBOX_FORGET,
	WAITING_GET,
	WAITING_MORE,
	WAITING_LESS,
	TRANSCRIPT_PUT,
	TRANSCRIPT_PLACE,
	TRANSCRIPT_FORGET,
	TRANSCRIPT_NEXT,
	TRANSCRIPT_NEXT_UNSHOWN,
	TRANSCRIPT_SHOWN,
	TRANSCRIPT_WAITING,
	TRANSCRIPT_WAITING_UNSHOWN,
	TRANSCRIPT_LAST,
	PEOPLE_NEWEST,
	CLIENT_ROOM_GET,
	CLIENT_ROOM_SEEN,
	CLIENT_ROOM_PUT,
	CLIENT_ROOMS_BEGIN,
	CLIENT_ROOMS_END,
	CLIENT_ROOM_NEXT,
	HAVE_BEFORE,
	HAVE_AFTER,
	TRANSCRIPT_OTHER,
	TRANSCRIPT_UNPLACE,
	CLIENT_ROOM_BACK,
	HAVE_NO_MORE,
	HAVE_CUT,
	HAVE_PUT,
	HAVE_REMOVE,
	DATA_VERSION,
	CLIENT_STATEMENT_COUNT
};

// Flags of an entry, as DELIVER has them.
enum { TRANSCRIPT_OWN = 1, TRANSCRIPT_HISTORY = 4, TRANSCRIPT_FROM_HERE = 8 }; // the last is ours

enum { ROOM_OWNER = 2, ROOM_PRIVATE = 4 }; // as ROOMS has them

struct client_store {
	struct sql sql;
	sqlite3_stmt *statement[CLIENT_STATEMENT_COUNT];
	uint64_t data_version; // at the last client_store_changed
	uint8_t text[TEXT_BYTES_MAX]; // of the row read last
};

extern const struct sql_kind client_schema_kind;
extern const char *const client_schema_statement[CLIENT_STATEMENT_COUNT];

// Carries out a change by a statement whose parameters are bound. `*has_changed`: it found a row, and a message that waited for a
// verdict waits no more, which is counted.
enum mms_err client_store_end_waiting(struct client_store *store, enum client_statement which, bool *has_changed) MUST_CHECK;

// Notes that the transcript has the rows of a room that an entry with this id stands for, which is not there yet. `*is_apart`: one
// before them is missing. Where another message has the row, the room has gone back: see client_store_room_put.
enum mms_err client_store_room_rows(struct client_store *store, const struct uuid *id, const struct client_op_put *put,
				    bool *is_apart) MUST_CHECK;

// Notes what the server says of a room. If it has gone back behind what is there, by a restore of the server's store (section 8.2), its
// later rows are given anew: what stood there stays in the transcript, without a row.
enum mms_err client_store_room_put(struct client_store *store, const struct client_op_room *room) MUST_CHECK;

// The first hole of the first room behind `after` that has one.
enum mms_err client_store_room_hole(struct client_store *store, const struct room_id *after, struct client_hole *hole) MUST_CHECK;

#endif

// SPDX-License-Identifier: ISC
// What the messaging logic asks of a device's store: types and a function table only, so that SQLite, a simulator's memory or a
// browser's file system can stand behind them. Layer: store (interface, no code).
#ifndef MMS_STORE_CLIENT_STORAGE_H
#define MMS_STORE_CLIENT_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/name.h"
#include "base/time.h"
#include "base/uuid.h"
#include "store/storage.h"

enum outbox_state {
	OUTBOX_QUEUED = 1,  // no verdict yet
	OUTBOX_ONLINE = 2,  // accepted, the recipient was online
	OUTBOX_SAVED = 3,   // accepted, kept for later
	OUTBOX_REFUSED = 4, // refused; `status` says why (doc/protocol.md section 6, the status of the answer)
};

// One message this profile wrote. `text` is borrowed until the next call to the same storage.
struct outbox_row {
	uint64_t seq; // order of writing
	struct uuid id;
	struct name recipient;
	const uint8_t *text;
	uint16_t text_bytes;
	bool is_reoffer; // its sender was told the verdict before; say nothing more
};

// One entry of the transcript. `text` is borrowed until the next call to the same storage.
struct transcript_row {
	uint64_t seq;
	bool is_gap;          // a notice that `gap_count` messages were removed unread; no sender, no text
	uint64_t gap_count;
	struct uuid id;
	struct name sender;
	struct wtime accepted_at;
	const uint8_t *text;
	uint16_t text_bytes;
};

// Writes go into one transaction that opens by itself and is durable after `commit` returned MMS_OK; until then
// nothing may be answered to the server. Other processes of the profile read and write the same store.
struct client_storage {
	void *context;

	// The oldest queued message with seq > after_seq. MISSING: none.
	enum mms_err (*outbox_next)(void *context, uint64_t after_seq, struct outbox_row *row);
	// Records the verdict on a message; `status` is 0 unless it was refused. A verdict already there stays. Of messages
	// with a verdict the newest OUTBOX_DONE_MAX are kept.
	enum mms_err (*outbox_verdict)(void *context, const struct uuid *id, enum outbox_state state, uint8_t status);
	// Adds an entry unless (sender, id) is there already; says which through `*is_new`. seq is given by the store. Beyond
	// TRANSCRIPT_ROWS_MAX entries the oldest goes, if it was shown.
	enum mms_err (*transcript_put)(void *context, const struct transcript_row *row, bool *is_new);
	// The newest mark an acceptance named; all zero when there was none.
	enum mms_err (*mark_get)(void *context, struct storage_mark *mark);
	enum mms_err (*mark_set)(void *context, const struct storage_mark *mark);
	// Queues again, as re-offers, all accepted messages that are kept (OUTBOX_DONE_MAX); section 6.4.
	enum mms_err (*outbox_reoffer)(void *context);
	// How many transcript entries have not been shown.
	enum mms_err (*unshown_count)(void *context, uint64_t *count);
	// Makes everything since the last commit durable. No open transaction: MMS_OK at once.
	enum mms_err (*commit)(void *context);
};

#endif

/* SPDX-License-Identifier: ISC
 * What the server and its store do with what was taken: batches in lanes, the store's verdicts, the word of them, forwarding and
 * pages, cursors and removal (doc/protocol.md sections 6.6 and 8; doc/design.md, "Accepted means on disk"). Included by
 * delivery.pml.
 */

/* The answer goes into the network; for a session that its device has forgotten it means nothing. */
inline answer(to, m, commit) {
	if
	:: IS_HELD(to) ->
		answer_start[(to) * MESSAGES + m] = start_now;
		answer_commit[(to) * MESSAGES + m] = commit
	:: else
	fi
}

/* No room: nothing is kept of it. */
inline refuse(to, m) {
	if
	:: IS_HELD(to) -> answer_start[(to) * MESSAGES + m] = REFUSAL
	:: else
	fi
}

#ifdef BUG_NO_ID_AT_SERVER
#define IS_REPEAT(m) false
#else
#define IS_REPEAT(m) ((ids_held & BIT(m)) != 0)
#endif

/* SUBMIT starts, in a sending session: it goes into its lane's batch, whatever is known of its id. The store judges. */
inline start_submit(m) {
	started[session] = started[session] | BIT(m);
	printf("server: takes SUBMIT of message %d on session %d\n", m, session);
	if
	:: (storing & BIT(m)) != 0 -> SOMETIMES(1) /* a copy of what is with the store */
	:: (storing & BIT(m)) == 0 && (ids_held & BIT(m)) != 0 -> SOMETIMES(2) /* a copy of what is accepted */
	:: else
	fi;
#ifdef BUG_COPY_JUDGED_AT_ONCE
	if
	:: (storing & BIT(m)) != 0 -> answer(session, m, next_commit - 1)
	:: else ->
		filling = filling | BIT(m);
		asked[m] = asked[m] | BIT(session)
	fi
#else
	filling = filling | BIT(m);
	asked[m] = asked[m] | BIT(session)
#endif
#ifdef BUG_ANSWER_BEFORE_COMMIT
	;
	answer(session, m, next_commit)
#endif
}

inline take_batch(lane) {
	storing = storing | (filling & LANE_BITS(lane));
	filling = filling & ~LANE_BITS(lane);
	for (a : 0 .. MESSAGES - 1) {
		if
		:: LANE_OF(a) == lane ->
			waiting[a] = asked[a];
			asked[a] = 0
		:: else
		fi
	}
	printf("server: lane %d has a batch\n", lane)
}

/* A row that is told of: it is sent, or known to wait. */
inline send_row(device, row) {
	e = receiver[device] - 1;
	printf("server: DELIVER of row %d, message %d on session %d\n", row, mailbox[row] - 1, e);
	deliver[e * ROWS + deliver_count[e]] = row * 4 + mailbox[row] - 1;
	deliver_count[e]++;
	row_sent[device] = row
}

#ifdef BUG_FORWARD_ONLY_NEW
#define IS_FORWARDED(m) (result_row[m] != 0 && result_before[m] != 255)
#else
#define IS_FORWARDED(m) (result_row[m] != 0)
#endif
#ifdef BUG_ROW_AHEAD
#define IS_NEXT(device, m) true
#else
#define IS_NEXT(device, m) (result_before[m] <= row_sent[device])
#endif

inline forward(m) {
	for (b : 0 .. DEVICES - 1) {
		if
		:: IS_FORWARDED(m) && receiver[b] != 0 && result_row[m] > row_sent[b] ->
			if
			:: reading & BIT(b) ->
#ifndef BUG_PAGE_END_OVERLOOKED
				behind = (result_row[m] > page_newest[b] -> behind | BIT(b) : behind);
#endif
				skip
			:: !(reading & BIT(b)) && (behind & BIT(b)) -> skip
			:: else ->
				if
				:: IS_NEXT(b, m) -> send_row(b, result_row[m])
				:: else ->
					assert(SEEN != 7 || result_before[m] == 255); /* a lower row was not told yet */
					behind = behind | BIT(b)
				fi
			fi
		:: else
		fi
	}
}

/* What becomes of a message: its id is held, or it is refused, or it gets a row. */
inline judge(m) {
	if
	:: IS_REPEAT(m) ->
		result_row[m] = 0;
		for (n : 1 .. ROWS) {
			result_row[m] = (mailbox[n] == m + 1 -> n : result_row[m])
		}
		result_before[m] = 255
	:: else ->
		if
		:: is_refusing || (waiting[m] & ~refused_on[m]) == 0 ->
			printf("store: refuses message %d\n", m);
			result_row[m] = 0;
#ifndef BUG_REFUSAL_FORGOTTEN
			for (n : 0 .. SENDERS * SENDING - 1) {
				refused_on[m] = (sending[n] != NONE && !(waiting[m] & BIT(n)) -> refused_on[m] | BIT(n) : refused_on[m])
			}
#endif
			is_refusing = false
		:: else ->
			for (n : 1 .. ROWS) {
				assert(!(rows & BIT(n)) || mailbox[n] != m + 1) /* a message waits in the mailbox once */
			}
#ifdef BUG_MAX_PLUS_1
			next_commit = 1;
			for (n : 1 .. ROWS) {
				next_commit = ((rows & BIT(n)) -> n + 1 : next_commit)
			}
#endif
			assert(next_commit <= ROWS);
			printf("store: message %d is row %d\n", m, next_commit);
			result_row[m] = next_commit;
			result_before[m] = next_commit - 1;
			mailbox[next_commit] = m + 1;
			rows = rows | BIT(next_commit);
			ids_held = ids_held | BIT(m);
			next_commit++
		fi
	fi
}

/* One transaction and one sync. */
inline make_durable(lane, is_full) {
	is_refusing = is_full;
	for (a : 0 .. MESSAGES - 1) {
		if
		:: storing & LANE_BITS(lane) & BIT(a) -> judge(a)
		:: else
		fi
	}
	is_refusing = false;
	result_commit[lane] = next_commit - 1;
	done = done | BIT(lane)
}

/* The same batch once more: every message comes to what it came to, and what was refused is not judged anew. */
inline perform_again(lane) {
	printf("store: performs the batch of lane %d again\n", lane);
	SOMETIMES(8);
	for (a : 0 .. MESSAGES - 1) {
		if
		:: (storing & LANE_BITS(lane) & BIT(a)) != 0 && result_row[a] != 0 -> judge(a)
		:: else
		fi
	}
	result_commit[lane] = next_commit - 1
}

/* Word of it comes: the answers, and the rows to whom they are for. */
inline told_of(lane) {
	printf("server: hears of lane %d, answers\n", lane);
	for (a : 0 .. MESSAGES - 1) {
		if
		:: storing & LANE_BITS(lane) & BIT(a) ->
			for (n : 0 .. SENDERS * SENDING - 1) {
				if
				:: waiting[a] & BIT(n) ->
					if
					:: result_row[a] != 0 -> answer(n, a, result_commit[lane])
					:: else -> refuse(n, a)
					fi
				:: else
				fi
			}
			forward(a);
			waiting[a] = 0;
			result_row[a] = 0;
			result_before[a] = 0
		:: else
		fi
	}
	result_commit[lane] = 0;
	storing = storing & ~LANE_BITS(lane);
	done = done & ~BIT(lane)
}

/* What waits behind row_sent is read, and comes some time later. */
inline read_page(device) {
	behind = behind & ~BIT(device);
	reading = reading | BIT(device);
	page_newest[device] = next_commit - 1;
	printf("store: reads for device %d up to row %d\n", device, page_newest[device])
}

inline page_comes(device) {
	for (n : 1 .. ROWS) {
		if
		:: n > row_sent[device] && n <= page_newest[device] && (rows & BIT(n)) -> send_row(device, n)
		:: else
		fi
	}
	row_sent[device] = (page_newest[device] > row_sent[device] -> page_newest[device] : row_sent[device]);
	reading = reading & ~BIT(device);
	page_newest[device] = 0
}

/* Cursors go to disk, and with them goes what all devices have. */
inline store_cursors() {
	n = cursor_now[0];
	for (b : 0 .. DEVICES - 1) {
		cursor[b] = cursor_now[b];
#ifdef BUG_DELETE_AFTER_FIRST_DEVICE
		n = (cursor[b] > n -> cursor[b] : n)
#else
		n = (cursor[b] < n -> cursor[b] : n)
#endif
	}
	rows = rows & ~(BIT(n + 1) - 1);
	printf("server: cursors on disk, rows to %d removed\n", n)
}

#if DEVICES > 1
#define ARE_CURSORS_DIRTY (cursor[0] != cursor_now[0] || cursor[1] != cursor_now[1])
#else
#define ARE_CURSORS_DIRTY (cursor[0] != cursor_now[0])
#endif

/* A day after its message was removed, an id may be forgotten: the lowest such. */
inline forget_id() {
	b = ids_held;
	for (n : 1 .. ROWS) {
		b = ((rows & BIT(n)) -> b & ~BIT(mailbox[n] - 1) : b)
	}
	assert(SEEN != 3 || b == 0); /* an id is forgotten */
	ids_held = ids_held & ~(b & -b);
	printf("server: forgets an id\n")
}

#define LANE(lane) \
	:: d_step { (storing & LANE_BITS(lane)) == 0 && (filling & LANE_BITS(lane)) != 0 -> take_batch(lane) } \
	:: d_step { (storing & LANE_BITS(lane)) != 0 && !(done & BIT(lane)) -> make_durable(lane, false) } \
	FULL(lane) AGAIN(lane) \
	:: d_step { done & BIT(lane) -> told_of(lane) }
#if REFUSALS
#define FULL(lane) \
	:: d_step { refusals > 0 && (storing & LANE_BITS(lane) & ~ids_held) != 0 && !(done & BIT(lane)) -> refusals--; make_durable(lane, true) }
#else
#define FULL(lane)
#endif
#if REPEATS
#define AGAIN(lane) \
	:: d_step { repeats > 0 && (done & BIT(lane)) -> repeats--; perform_again(lane) }
#else
#define AGAIN(lane)
#endif
#define PAGE(device) \
	:: d_step { (behind & BIT(device)) && !(reading & BIT(device)) -> read_page(device) } \
	:: d_step { reading & BIT(device) -> page_comes(device) }

proctype Server() {
end:	do
	:: atomic { if
	LANE(0)
#if LANES > 1
	LANE(1)
#endif
	PAGE(0)
#if DEVICES > 1
	PAGE(1)
#endif
	:: d_step { ARE_CURSORS_DIRTY -> store_cursors() }
#if FORGETS
	:: d_step { forgets > 0 && ids_held != 0 -> forgets--; forget_id() }
#endif
	fi; d_step { check() } }
	od
}

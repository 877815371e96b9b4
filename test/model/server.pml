/* SPDX-License-Identifier: ISC
 * What the server does with what it took: the batches, the commit, cursors and removal (doc/protocol.md sections 6.6 and 8;
 * doc/design.md, "Accepted means on disk"). Included by delivery.pml.
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

#ifdef BUG_NO_ID_AT_SERVER
#define IS_REPEAT(m) false
#else
#define IS_REPEAT(m) ((ids_held & BIT(m)) != 0)
#endif

#define IS_NEW(m) (((filling | storing) & BIT(m)) == 0 && !IS_REPEAT(m))

/* No room: nothing is kept of it. */
inline refuse_submit(m) {
	started[session] = started[session] | BIT(m);
	printf("server: message %d on session %d: no room\n", m, session);
	if
	:: IS_HELD(session) -> answer_start[session * MESSAGES + m] = REFUSAL
	:: else
	fi
}

/* SUBMIT starts, in a sending session. */
inline start_submit(m) {
	started[session] = started[session] | BIT(m);
	printf("server: takes SUBMIT of message %d on session %d\n", m, session);
	if
	:: ((filling | storing) & BIT(m)) != 0 ->
		SOMETIMES(1); /* a repeat of what waits in a batch */
		waiting[m] = waiting[m] | BIT(session)
	:: ((filling | storing) & BIT(m)) == 0 && IS_REPEAT(m) ->
		SOMETIMES(2); /* a repeat of what is accepted */
		answer(session, m, next_commit - 1)
	:: else ->
#ifdef BUG_MAX_PLUS_1
		if
		:: (filling | storing) == 0 ->
			next_number = 1;
			for (n : 1 .. ROWS) {
				next_number = ((rows & BIT(n)) -> n + 1 : next_number)
			}
		:: else
		fi;
#endif
		assert(next_number <= ROWS);
		number[m] = next_number;
		next_number++;
		filling = filling | BIT(m);
		waiting[m] = waiting[m] | BIT(session);
#ifdef BUG_ANSWER_BEFORE_COMMIT
		answer(session, m, next_number - 1)
#endif
	fi
}

inline take_batch() {
	storing = filling;
	storing_next = next_number;
	filling = 0;
	printf("server: begins to store\n")
}

/* One transaction and one sync; then the answers. */
inline stored() {
	next_commit = storing_next;
	storing_next = 0;
	for (a : 0 .. MESSAGES - 1) {
		if
		:: storing & BIT(a) ->
			for (n : 1 .. ROWS) {
				assert(!(rows & BIT(n)) || mailbox[n] != a + 1) /* a message waits in the mailbox once */
			}
			mailbox[number[a]] = a + 1;
			rows = rows | BIT(number[a]);
			ids_held = ids_held | BIT(a);
			number[a] = 0;
			for (n : 0 .. SENDERS * SENDING - 1) {
				if
				:: waiting[a] & BIT(n) -> answer(n, a, next_commit - 1)
				:: else
				fi
			}
			waiting[a] = 0
		:: else
		fi
	}
	storing = 0;
	printf("server: has stored, next number %d, answers\n", next_commit)
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

proctype Server() {
end:	do
	:: atomic { if
	:: d_step { storing == 0 && filling != 0 -> take_batch() }
	:: d_step { storing != 0 -> stored() }
	:: d_step { ARE_CURSORS_DIRTY -> store_cursors() }
#if FORGETS
	:: d_step { forgets > 0 && ids_held != 0 -> forgets--; forget_id() }
#endif
	fi; d_step { check() } }
	od
}

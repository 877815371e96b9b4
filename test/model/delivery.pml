/* SPDX-License-Identifier: ISC
 * Messages, ids and cursors from outbox to transcript through sessions, crashes and one restore (doc/protocol.md sections
 * 5.11 and 6 to 8; doc/design.md "Ids at devices, cursors at servers", "Restores"). README.md here says what is left out.
 *
 * sender.pml, server.pml and recipient.pml hold the steps; this file the state, what must hold, and the faults.
 *
 * Every step is one d_step of some process, and every process is one loop: any order of steps is possible. The network is
 * a set that only grows: what was sent may arrive at any later moment, after anything sent later, or never.
 */
#ifndef MESSAGES
#define MESSAGES 2 /* at most 3; number m is written by sender m % SENDERS, in this order */
#endif
#ifndef SENDERS
#define SENDERS 1 /* sending devices */
#endif
#ifndef DEVICES
#define DEVICES 1 /* devices of the one recipient */
#endif
#ifndef SERVER_CRASHES
#define SERVER_CRASHES 0
#endif
#ifndef SENDER_CRASHES
#define SENDER_CRASHES 0 /* of all senders together; so are those below */
#endif
#ifndef DEVICE_CRASHES
#define DEVICE_CRASHES 0
#endif
#ifndef REDIALS
#define REDIALS 0 /* handshakes beside a session that lives: an hour is over, or silence */
#endif
#ifndef RESTORES
#define RESTORES 0 /* 1: the server is put back to a backup once */
#endif
#ifndef FORGETS
#define FORGETS 0 /* ids of removed messages that the server forgets: their day is over */
#endif

#ifndef REFUSALS
#define REFUSALS 0 /* messages that get MAILBOX_FULL or SERVER_FULL */
#endif
#ifndef LANES
#define LANES 1 /* 1 or 2, of the store: what a sender submits goes in the lane sender % LANES */
#endif
#ifndef REPEATS
#define REPEATS 0 /* batches that the store performs twice: its connection was lost after the commit */
#endif

#define STARTS (1 + SERVER_CRASHES + RESTORES)
#define SENDING (STARTS + SENDER_CRASHES + REDIALS)   /* sessions of a sender: each fault costs at most one */
#define RECEIVING (STARTS + DEVICE_CRASHES + REDIALS) /* of a recipient's device */
#define ROWS (MESSAGES + FORGETS + 1)
#define BIT(m) (1 << (m))
#define SENDER_OF(m) ((m) % SENDERS)
#if LANES > 1
#define LANE_OF(m) (SENDER_OF(m) % 2)
#define LANE_BITS(lane) ((lane) == 0 -> 5 : 2) /* the messages of a lane */
#if SENDERS != 2
#error "two lanes are for two senders"
#endif
#else
#define LANE_OF(m) 0
#define LANE_BITS(lane) 7
#endif
#if MESSAGES > 3 || ROWS > 7 || DEVICES > 2 || SENDERS * SENDING > 8
#error "more than the sets of bits and the lists of steps hold"
#endif

/* --- durable, sending device --- */
#define QUEUED 0
#define ACCEPTED 1
#define REOFFERED 2 /* accepted, and queued again */
#define REFUSED 3
#define IS_QUEUED(m) (outbox[m] == QUEUED || outbox[m] == REOFFERED)
byte outbox[MESSAGES];
byte mark_start[SENDERS]; /* 0: none */
byte mark_commit[SENDERS];

/* --- durable, recipient's device: where in the transcript a message stands, 0: it does not --- */
byte place[DEVICES * MESSAGES];
byte entries[DEVICES];
#ifdef BUG_ANSWER_BEFORE_TRANSCRIPT
byte uncommitted[DEVICES]; /* message + 1 */
#endif

/* --- durable, server --- */
byte ids_held;            /* bits */
byte mailbox[ROWS + 1];   /* row -> message + 1; what is removed stays here for the invariants */
byte rows;                /* those that are not removed, bits */
byte next_commit = 1;     /* the counter */
byte cursor[DEVICES];
byte first[STARTS + 1];   /* start -> the first commit number it will give; 0: a start this store does not know */

#if RESTORES
bool has_backup;
byte backup_ids_held, backup_rows, backup_next_commit, backup_start, backup_cursor[DEVICES];
#endif

/* --- the server's memory, and the store's --- */
byte start_now;
byte filling, storing;    /* the batches of all lanes, those that fill and those with the store, bits by message */
byte asked[MESSAGES];     /* sending sessions whose SUBMIT is in the batch that fills, bits */
byte waiting[MESSAGES];   /* the same, with the store */
byte done;                /* lanes whose batch is durable and not told, bits */
byte result_row[MESSAGES]; /* what is to be told then; 0: refused */
byte result_before[MESSAGES];
byte result_commit[LANES]; /* the mark */
byte refused_on[MESSAGES]; /* sessions that are bound by a refusal: they had begun, bits */
byte cursor_now[DEVICES];
byte row_sent[DEVICES];
byte receiver[DEVICES];   /* its receiving session + 1 */
byte behind, reading;     /* devices for which rows wait to be read, and a page is on its way, bits */
byte page_newest[DEVICES]; /* the newest row when it was read */

/* --- sessions: the device's ends (session + 1, 0: none) --- */
byte present[SENDERS], fresh[SENDERS], old[SENDERS];
byte newer[DEVICES], older[DEVICES];
#ifdef BUG_OLDER_SESSION_REPLACES
bool is_stopped[DEVICES]; /* it was told that another session of this device receives now */
#endif
byte sending_count[SENDERS], receiving_count[DEVICES];

/* --- sending sessions: both ends and what is in the network --- */
#define NONE 0
#define HALF_OPEN 1
#define SIGNED_IN 2
byte sending[SENDERS * SENDING];   /* at the server */
byte shown_start[SENDERS * SENDING], shown_commit[SENDERS * SENDING]; /* the mark in SIGNIN */
byte signin_ok[SENDERS * SENDING]; /* 0: not answered, 1: OK, 2: OK with REOFFER */
byte ok_start[SENDERS * SENDING], ok_commit[SENDERS * SENDING];       /* the mark in its answer */
byte submitted[SENDERS * SENDING]; /* SUBMIT calls made, in order, bits by message */
byte unanswered[SENDERS * SENDING];
byte started[SENDERS * SENDING];
#define REFUSAL 255
byte answer_start[SENDERS * SENDING * MESSAGES]; /* ACCEPTED and its mark in the network; 0: none, or REFUSAL */
byte answer_commit[SENDERS * SENDING * MESSAGES];

/* --- receiving sessions --- */
byte receiving[DEVICES * RECEIVING];
byte deliver[DEVICES * RECEIVING * ROWS]; /* DELIVER calls in order: row * 4 + message */
byte deliver_count[DEVICES * RECEIVING];
byte taken[DEVICES * RECEIVING]; /* of these, how many the device has answered */

/* --- faults left, and what users were told --- */
byte server_crashes = SERVER_CRASHES, sender_crashes = SENDER_CRASHES, device_crashes = DEVICE_CRASHES;
byte redials = REDIALS, restores = RESTORES, forgets = FORGETS, refusals = REFUSALS, repeats = REPEATS;
byte told[MESSAGES];
bool was_restored;

/* What must be seen to happen: a search with -DSEEN=k has to fail at SOMETIMES(k). */
#ifndef SEEN
#define SEEN 0
#endif
#define SOMETIMES(k) assert(SEEN != (k))

byte a, b, c, n, e; /* scratch of a d_step */
bool is_refusing;
byte is_stale, is_safe;

/* Section 6.4: does this mark show that the store is older than what it promised? */
inline find_stale(start, commit) {
	is_stale = (start != 0 && first[start] == 0);
	if
	:: start != 0 && first[start] != 0 ->
		c = start + 1;
		do
		:: c <= start_now && first[c] == 0 -> c++
		:: else -> break
		od;
		if
		:: c <= start_now -> is_stale = (commit >= first[c])
		:: else -> is_stale = (commit >= next_commit)
		fi
	:: else
	fi
}

/* What must hold after every step. */
inline check() {
	for (a : 0 .. MESSAGES - 1) {
		assert(told[a] <= 1); /* a verdict once */
		if
		:: told[a] && outbox[a] != REFUSED ->
			find_stale(mark_start[SENDER_OF(a)], mark_commit[SENDER_OF(a)]);
			for (b : 0 .. DEVICES - 1) {
				is_safe = place[b * MESSAGES + a] != 0 || (was_restored && (outbox[a] == REOFFERED || is_stale));
				for (n : 1 .. ROWS) {
					is_safe = is_safe || (mailbox[n] == a + 1 && n > cursor[b] && (rows & BIT(n)))
				}
				assert(is_safe) /* accepted: durable, or after a restore about to be offered again */
			}
		:: else
#ifdef REFUSED_IS_FINAL
			-> assert(!told[a] || !(ids_held & BIT(a)))
#endif
		fi
	}
	for (b : 0 .. DEVICES - 1) {
		assert(cursor[b] <= cursor_now[b] && cursor_now[b] < next_commit);
		for (n : 1 .. ROWS) {
			assert(n > cursor_now[b] || mailbox[n] == 0 || place[b * MESSAGES + mailbox[n] - 1] != 0)
		}
	}
	a = 0; b = 0; c = 0; n = 0; is_stale = false; is_safe = false
}

/* A device has forgotten a sending session: what the network still holds for it means nothing. */
inline end_sending(session1) {
	if
	:: session1 != 0 ->
		unanswered[session1 - 1] = 0;
		signin_ok[session1 - 1] = 0;
		ok_start[session1 - 1] = 0;
		ok_commit[session1 - 1] = 0;
		shown_start[session1 - 1] = 0;
		shown_commit[session1 - 1] = 0;
		for (a : 0 .. MESSAGES - 1) {
			answer_start[(session1 - 1) * MESSAGES + a] = 0;
			answer_commit[(session1 - 1) * MESSAGES + a] = 0
		}
		/* calls under way may still reach the server */
		if
		:: sending[session1 - 1] != SIGNED_IN || submitted[session1 - 1] == started[session1 - 1] ->
			sending[session1 - 1] = NONE;
			submitted[session1 - 1] = 0;
			started[session1 - 1] = 0
		:: else
		fi
	:: else
	fi;
	a = 0
}

#ifdef BUG_OLDER_SESSION_REPLACES
#define IS_OVER(session1) (receiving[(session1) - 1] == NONE)
#else
#define IS_OVER(session1) (receiving[(session1) - 1] != SIGNED_IN)
#endif

/* Neither end has a receiving session any more. */
inline end_receiving(session1) {
	if
	:: session1 != 0 && IS_OVER(session1) && newer[(session1 - 1) / RECEIVING] != session1 &&
	   older[(session1 - 1) / RECEIVING] != session1 ->
		receiving[session1 - 1] = NONE;
		deliver_count[session1 - 1] = 0;
		taken[session1 - 1] = 0;
		for (a : 0 .. ROWS - 1) {
			deliver[(session1 - 1) * ROWS + a] = 0
		}
	:: else
	fi;
	a = 0
}

#define IS_HELD(session) (present[(session) / SENDING] == (session) + 1 || fresh[(session) / SENDING] == (session) + 1 || \
	old[(session) / SENDING] == (session) + 1)

/* A process of the server begins; whatever was in memory is gone. */
inline begin_server() {
	start_now++;
	first[start_now] = next_commit;
	printf("server: starts, start %d, next number %d\n", start_now, next_commit);
	filling = 0;
	storing = 0;
	done = 0;
	behind = 0;
	reading = 0;
	for (a : 0 .. LANES - 1) {
		result_commit[a] = 0
	}
	for (a : 0 .. MESSAGES - 1) {
		asked[a] = 0;
		waiting[a] = 0;
		result_row[a] = 0;
		result_before[a] = 0;
		refused_on[a] = 0
	}
	for (n : 0 .. SENDERS * SENDING - 1) {
		sending[n] = NONE;
		submitted[n] = 0;
		started[n] = 0;
		if
		:: !IS_HELD(n) -> shown_start[n] = 0; shown_commit[n] = 0
		:: else
		fi
	}
	for (b : 0 .. DEVICES - 1) {
		cursor_now[b] = cursor[b];
		row_sent[b] = 0;
		page_newest[b] = 0;
		receiver[b] = 0
	}
	for (n : 0 .. DEVICES * RECEIVING - 1) {
		receiving[n] = NONE;
		end_receiving((n + 1))
	}
	a = 0;
	b = 0;
	n = 0
}

#include "server.pml"
#include "sender.pml"
#include "recipient.pml"

inline restore() {
	printf("server: is put back to the backup\n");
	ids_held = backup_ids_held;
	rows = backup_rows;
	next_commit = backup_next_commit;
	for (n : next_commit .. ROWS) {
		mailbox[n] = 0
	}
	for (n : backup_start + 1 .. start_now) {
		first[n] = 0
	}
	for (b : 0 .. DEVICES - 1) {
		cursor[b] = backup_cursor[b];
		backup_cursor[b] = 0
	}
	has_backup = false;
	backup_ids_held = 0;
	backup_rows = 0;
	backup_next_commit = 0;
	backup_start = 0
}

#define HAS_FAULTS (server_crashes + sender_crashes + device_crashes + redials + restores + forgets + refusals + repeats > 0)

proctype Faults() {
end:	do
	:: atomic { if
	:: d_step { server_crashes > 0 -> server_crashes--; printf("server: crashes\n"); begin_server() }
#if RESTORES
	:: d_step { restores > 0 && !has_backup ->
		printf("backup, next number %d\n", next_commit);
		has_backup = true;
		backup_ids_held = ids_held;
		backup_rows = rows;
		backup_next_commit = next_commit;
		backup_start = start_now;
		for (b : 0 .. DEVICES - 1) {
			backup_cursor[b] = cursor[b]
		}
		b = 0
	}
	:: d_step { has_backup -> restores--; was_restored = true; restore(); begin_server() }
#endif
	/* no more faults: from here on all must end well */
	:: d_step { HAS_FAULTS ->
		server_crashes = 0;
		sender_crashes = 0;
		device_crashes = 0;
		redials = 0;
		restores = 0;
		forgets = 0;
		refusals = 0;
		repeats = 0;
#if RESTORES
		has_backup = false;
		backup_ids_held = 0;
		backup_rows = 0;
		backup_next_commit = 0;
		backup_start = 0;
		for (b : 0 .. DEVICES - 1) {
			backup_cursor[b] = 0
		}
		b = 0
#endif
	}
	fi; d_step { check() } }
	od
}

/* Nothing can happen any more: then all is delivered, every verdict told, and no row left. */
proctype Quiet() {
end:	timeout -> d_step {
		for (a : 0 .. MESSAGES - 1) {
			assert(outbox[a] == ACCEPTED || outbox[a] == REFUSED);
			assert(told[a] == 1);
			for (b : 0 .. DEVICES - 1) {
				assert(outbox[a] == REFUSED || place[b * MESSAGES + a] != 0)
			}
		}
		assert(rows == 0)
	}
}

init {
	atomic {
		d_step { begin_server() };
		for (a : 0 .. SENDERS - 1) {
			run Sender(a)
		}
		for (a : 0 .. SENDERS * SENDING - 1) {
			run SendingSession(a)
		}
		for (a : 0 .. DEVICES - 1) {
			run Device(a)
		}
		for (a : 0 .. DEVICES * RECEIVING - 1) {
			run ReceivingSession(a)
		}
		a = 0;
		run Server();
		run Faults();
		run Quiet()
	}
}


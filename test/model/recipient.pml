/* SPDX-License-Identifier: ISC
 * The recipient's devices and their sessions, the server's end of them included: DELIVER in mailbox order, the transcript
 * and its ids, the cursor (doc/protocol.md sections 6.8 and 8). Included by delivery.pml.
 */
#define IS_GONE(session1) ((session1) == 0 || receiving[(session1) - 1] == NONE)

#define PLACE(device, m) place[(device) * MESSAGES + (m)]

/* Into the transcript; the order is that of the sender, and that of the other devices. */
inline put(device, m) {
	assert(PLACE(device, m) == 0); /* an id once */
	for (a : 0 .. MESSAGES - 1) {
		assert(PLACE(device, a) == 0 || SENDER_OF(a) != SENDER_OF(m) || a < m);
		for (b : 0 .. DEVICES - 1) {
			assert(PLACE(device, a) == 0 || PLACE(b, m) == 0 || b == device ||
			       (PLACE(b, a) != 0 && PLACE(b, a) < PLACE(b, m)))
		}
	}
	entries[device]++;
	PLACE(device, m) = entries[device];
	printf("device %d: message %d into the transcript\n", device, m)
}

#ifdef BUG_OLDER_SESSION_REPLACES
#define IS_STOPPED(device) is_stopped[device]
#define CAN_SIGN_IN true /* SIGNIN may come late, on a session that its device has given up for a newer one */
#else
#define IS_STOPPED(device) false
#define CAN_SIGN_IN (newer[session / RECEIVING] == session + 1)
#endif

proctype Device(byte device) {
end:	do
	:: atomic { if
	/* a handshake; the session before is kept for a while */
	:: d_step { (IS_GONE(newer[device]) || redials > 0) && !IS_STOPPED(device) ->
		redials = redials - (IS_GONE(newer[device]) -> 0 : 1);
		n = older[device];
		older[device] = newer[device];
		end_receiving(n);
		assert(receiving_count[device] < RECEIVING);
		n = device * RECEIVING + receiving_count[device];
		receiving_count[device]++;
		newer[device] = n + 1;
		receiving[n] = HALF_OPEN;
		printf("device %d: SIGNIN on session %d\n", device, n)
	}
	:: d_step { older[device] != 0 ->
		n = older[device];
		printf("device %d: forgets session %d\n", device, n - 1);
		older[device] = 0;
		end_receiving(n)
	}
	:: d_step { device_crashes > 0 ->
		device_crashes--;
		printf("device %d: crashes\n", device);
		n = newer[device];
		newer[device] = 0;
		end_receiving(n);
		n = older[device];
		older[device] = 0;
		end_receiving(n);
#ifdef BUG_ANSWER_BEFORE_TRANSCRIPT
		uncommitted[device] = 0;
#endif
	}
#ifdef BUG_ANSWER_BEFORE_TRANSCRIPT
	:: d_step { uncommitted[device] != 0 -> put(device, (uncommitted[device] - 1)); uncommitted[device] = 0 }
#endif
	fi; d_step { check() } }
	od
}

/* The next DELIVER starts at the device: into the transcript unless the id is there, commit, OK. */
inline take_deliver() {
	n = deliver[session * ROWS + taken[session]] % 4;
	taken[session]++;
	printf("device %d: takes and answers DELIVER of message %d on session %d\n", session / RECEIVING, n, session);
#ifdef BUG_NO_ID_AT_DEVICE
	put((session / RECEIVING), n)
#else
	if
	:: PLACE(session / RECEIVING, n) == 0 ->
#ifdef BUG_ANSWER_BEFORE_TRANSCRIPT
		uncommitted[session / RECEIVING] = n + 1
#else
		put((session / RECEIVING), n)
#endif
	:: else -> SOMETIMES(6) /* a DELIVER of what is in the transcript */
	fi
#endif
}

/* SIGNIN: deliveries begin behind the cursor; an earlier receiving session of the device is replaced. */
inline begin_receiving() {
	n = receiver[session / RECEIVING];
#ifdef BUG_OLDER_SESSION_REPLACES
	is_stopped[session / RECEIVING] = (n != 0 && n == newer[session / RECEIVING]);
#endif
	receiver[session / RECEIVING] = session + 1;
	receiving[session] = SIGNED_IN;
	row_sent[session / RECEIVING] = cursor_now[session / RECEIVING];
	behind = behind | BIT(session / RECEIVING);
	reading = reading & ~BIT(session / RECEIVING); /* a page for the session before is for nobody */
	page_newest[session / RECEIVING] = 0;
	printf("server: session %d receives, from row %d on\n", session, row_sent[session / RECEIVING] + 1);
	if
	:: n != 0 -> receiving[n - 1] = NONE; end_receiving(n)
	:: else
	fi
}

#define IS_RECEIVER (receiver[session / RECEIVING] == session + 1)
#define IS_KEPT (newer[session / RECEIVING] == session + 1 || older[session / RECEIVING] == session + 1)
#define ROW_OF(session, i) (deliver[(session) * ROWS + (i)] / 4)

#ifdef BUG_FREE_DELIVER_ON_HINT /* the device holds the call, and says so by NEXT and MARKS */
#define IS_ANSWERED(i) ((i) < deliver_count[session] && IS_KEPT)
#else
#define IS_ANSWERED(i) ((i) < taken[session])
#endif

/* The device's OK to its call i: an OK to all before it. */
#define OK(i) \
	:: d_step { IS_RECEIVER && IS_ANSWERED(i) && ROW_OF(session, i) > cursor_now[session / RECEIVING] -> \
		printf("server: OK to row %d on session %d\n", ROW_OF(session, i), session); \
		cursor_now[session / RECEIVING] = ROW_OF(session, i) } \
	OLD_OK(i)

#ifdef BUG_OLD_SESSION_ANSWERS_DELIVER /* the OK to call i of the session before, to call i of this one */
#define OLD_OK(i) \
	:: d_step { IS_RECEIVER && session % RECEIVING != 0 && (i) < deliver_count[session] && (i) < taken[session - 1] && \
		ROW_OF(session, i) > cursor_now[session / RECEIVING] -> \
		printf("server: OK to row %d, of the session before %d\n", ROW_OF(session, i), session); \
		cursor_now[session / RECEIVING] = ROW_OF(session, i) }
#else
#define OLD_OK(i)
#endif

proctype ReceivingSession(byte session) {
end:	do
	:: atomic { if
	:: d_step { receiving[session] == HALF_OPEN && CAN_SIGN_IN -> begin_receiving() }
	:: d_step { IS_KEPT && taken[session] < deliver_count[session] -> take_deliver() }
	OK(0)
	OK(1)
#if ROWS > 2
	OK(2)
#endif
#if ROWS > 3
	OK(3)
#endif
	fi; d_step { check() } }
	od
}

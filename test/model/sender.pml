/* SPDX-License-Identifier: ISC
 * A sending device and its sessions, the server's end of them included: SIGNIN with the mark, SUBMIT, ACCEPTED, re-offer
 * (doc/protocol.md sections 5.11, 6.2, 6.4 and 6.6). Included by delivery.pml.
 */
#define IS_DEAD(session1) ((session1) != 0 && sending[(session1) - 1] == NONE)
#define MUST_DIAL(sender) (IS_DEAD(fresh[sender]) || (fresh[sender] == 0 && \
	(present[sender] == 0 || IS_DEAD(present[sender]))))

/* A handshake; it takes the place of one that was signing in, or of the session before the present one. */
inline dial(sender) {
	end_sending(fresh[sender]);
	end_sending(old[sender]);
	old[sender] = 0;
	assert(sending_count[sender] < SENDING);
	n = sender * SENDING + sending_count[sender];
	sending_count[sender]++;
	fresh[sender] = n + 1;
	sending[n] = HALF_OPEN;
	shown_start[n] = mark_start[sender];
	shown_commit[n] = mark_commit[sender];
	printf("sender %d: SIGNIN on session %d shows mark %d.%d\n", sender, n, shown_start[n], shown_commit[n])
}

proctype Sender(byte sender) {
end:	do
	:: atomic { if
	:: d_step { MUST_DIAL(sender) -> dial(sender) }
	:: d_step { redials > 0 && !MUST_DIAL(sender) -> redials--; dial(sender) }
	:: d_step { old[sender] != 0 -> /* its 10 s are over */
		printf("sender %d: forgets session %d\n", sender, old[sender] - 1);
		end_sending(old[sender]);
		old[sender] = 0
	}
	:: d_step { sender_crashes > 0 ->
		sender_crashes--;
		printf("sender %d: crashes\n", sender);
		end_sending(present[sender]);
		end_sending(fresh[sender]);
		end_sending(old[sender]);
		present[sender] = 0;
		fresh[sender] = 0;
		old[sender] = 0
	}
	fi; d_step { check() } }
	od
}

inline sign_in(session) {
	find_stale(shown_start[session], shown_commit[session]);
#ifdef BUG_NO_REOFFER
	is_stale = false;
#endif
	signin_ok[session] = (is_stale -> 2 : 1);
	ok_start[session] = start_now;
	ok_commit[session] = next_commit - 1;
	sending[session] = SIGNED_IN;
	printf("server: SIGNIN on session %d: OK, REOFFER %d, mark %d.%d\n", session, signin_ok[session] - 1,
		ok_start[session], ok_commit[session])
}

/* The answer to SIGNIN: the session becomes the present one, the one before is kept for what is on its way. */
inline signed_in(session) {
	n = session / SENDING;
	printf("sender %d: session %d is the present one\n", n, session);
#ifndef BUG_MARK_NOT_COMPARED
	/* an acceptance by an earlier start came after the mark had been shown */
	if
	:: (mark_start[n] != shown_start[session] || mark_commit[n] != shown_commit[session]) &&
	   mark_start[n] != ok_start[session] ->
		SOMETIMES(5);
		signin_ok[session] = 2
	:: else
	fi;
#endif
	if
	:: signin_ok[session] == 2 ->
		SOMETIMES(4); /* a re-offer */
		printf("sender %d: offers again what was accepted\n", n);
		for (a : 0 .. MESSAGES - 1) {
			outbox[a] = (SENDER_OF(a) == n && outbox[a] == ACCEPTED -> REOFFERED : outbox[a])
		}
		mark_start[n] = ok_start[session];
		mark_commit[n] = ok_commit[session]
	:: else
	fi;
	old[n] = present[n];
	present[n] = session + 1;
	fresh[n] = 0;
	signin_ok[session] = 0;
	ok_start[session] = 0;
	ok_commit[session] = 0;
	shown_start[session] = 0;
	shown_commit[session] = 0
}

/* Submissions are made in the order of the outbox, of what has no verdict. */
#define IS_WANTED(m) (SENDER_OF(m) == session / SENDING && IS_QUEUED(m) && !(submitted[session] & BIT(m)))
#if MESSAGES > 2
#define IS_LOWER_WANTED(m) (((m) > 0 && IS_WANTED(0)) || ((m) > 1 && IS_WANTED(1)))
#else
#define IS_LOWER_WANTED(m) ((m) > 0 && IS_WANTED(0))
#endif
#define CAN_SUBMIT(m) (present[session / SENDING] == session + 1 && sending[session] == SIGNED_IN && IS_WANTED(m) && \
	(submitted[session] >> (m)) == 0 && !IS_LOWER_WANTED(m))
/* Calls start in the order of their numbers (calls.pml). */
#define CAN_START(m) (sending[session] == SIGNED_IN && (submitted[session] & ~started[session] & BIT(m)) && \
	(submitted[session] & (BIT(m) - 1)) == (started[session] & (BIT(m) - 1)))

#ifdef BUG_VERDICT_NOT_REMEMBERED
#define VERDICT(m) outbox[m]
#else
#define VERDICT(m) ACCEPTED
#endif
#ifdef BUG_VERDICT_FROM_OLD_SESSION
#define IS_HEARD(session) (present[(session) / SENDING] == (session) + 1 || old[(session) / SENDING] == (session) + 1)
#else
#define IS_HEARD(session) (present[(session) / SENDING] == (session) + 1)
#endif

/* A verdict, and the mark of ACCEPTED, in one commit; then the user is told. */
inline take_verdict(m, start, commit) {
	n = session / SENDING;
	printf("sender %d: message %d on session %d: verdict, mark %d.%d\n", n, m, session, start, commit);
	told[m] = told[m] + (outbox[m] == QUEUED -> 1 : 0);
	outbox[m] = (start == REFUSAL -> REFUSED : VERDICT(m));
	unanswered[session] = unanswered[session] & ~BIT(m);
	if
	:: start != REFUSAL && present[n] == session + 1 && (start != mark_start[n] || commit > mark_commit[n]) ->
		mark_start[n] = start;
		mark_commit[n] = commit
	:: else
	fi
}

#define ANSWER(session, m) ((session) * MESSAGES + (m))
#define LAST_SESSION (session - (session % SENDING != 0 -> 1 : 0))

#define SUBMISSION(m) \
	:: d_step { CAN_SUBMIT(m) -> \
		printf("sender %d: SUBMIT of message %d on session %d\n", SENDER_OF(m), m, session); \
		submitted[session] = submitted[session] | BIT(m); \
		unanswered[session] = unanswered[session] | BIT(m) } \
	:: d_step { CAN_START(m) -> start_submit(m) } \
	:: d_step { IS_HEARD(session) && (unanswered[session] & BIT(m)) && answer_start[ANSWER(session, m)] != 0 -> \
		take_verdict(m, answer_start[ANSWER(session, m)], answer_commit[ANSWER(session, m)]); \
		answer_start[ANSWER(session, m)] = 0; \
		answer_commit[ANSWER(session, m)] = 0 } \
	FREE_ON_HINT(m) TAKE_OLD_ANSWER(m)

#ifdef BUG_FREE_SUBMIT_ON_HINT /* the server holds the call, and says so by NEXT and MARKS */
#define FREE_ON_HINT(m) \
	:: d_step { IS_HEARD(session) && (unanswered[session] & submitted[session] & BIT(m)) && sending[session] == SIGNED_IN -> \
		take_verdict(m, mark_start[session / SENDING], mark_commit[session / SENDING]) }
#else
#define FREE_ON_HINT(m)
#endif
#ifdef BUG_OLD_SESSION_ANSWERS_SUBMIT /* the answer to the first call of the session before, to the first call of this one */
#define TAKE_OLD_ANSWER(m) \
	:: d_step { IS_HEARD(session) && unanswered[session] == BIT(m) && LAST_SESSION != session && \
		m > 0 && answer_start[ANSWER(LAST_SESSION, 0)] != 0 -> \
		take_verdict(m, answer_start[ANSWER(LAST_SESSION, 0)], answer_commit[ANSWER(LAST_SESSION, 0)]) }
#else
#define TAKE_OLD_ANSWER(m)
#endif

proctype SendingSession(byte session) {
end:	do
	:: atomic { if
	:: d_step { sending[session] == HALF_OPEN && fresh[session / SENDING] == session + 1 -> sign_in(session) }
	:: d_step { signin_ok[session] != 0 && fresh[session / SENDING] == session + 1 -> signed_in(session) }
	SUBMISSION(0)
#if MESSAGES > 1
	SUBMISSION(1)
#endif
#if MESSAGES > 2
	SUBMISSION(2)
#endif
	fi; d_step { check() } }
	od
}

/* SPDX-License-Identifier: ISC
 * Numbered calls within one session, in one direction (doc/protocol.md sections 5.3 and 5.5): BASE, the window, what is
 * held, answers that are kept until BASE passes. delivery.pml builds on what is shown here: every call is executed once,
 * in the order of the numbers, and hears its answer once.
 *
 * The network is a set of packets: any of them arrives at any moment, as often as it likes, and some are lost.
 */
#ifndef CALLS
#define CALLS 4
#endif
#ifndef WINDOW
#define WINDOW 2 /* 64 in the protocol */
#endif
#ifndef LOSSES
#define LOSSES 3
#endif
#define BIT(n) (1 << (n))
#define BELOW(n) (BIT(n) - 1) /* all numbers below; there is no call 0 */

/* --- the network, bits by number --- */
short calls_sent, answers_sent;
short bases_sent; /* by the value of BASE */
byte losses = LOSSES;

/* --- the caller --- */
byte made;        /* calls 1 to `made` */
short unanswered;
byte heard[CALLS + 1]; /* answers that reached whoever made the call */

/* --- the callee --- */
byte peer_base = 1;
byte start_next = 1;
short held, started, answered; /* answered: the answer is kept */
short hinted;         /* NEXT and MARKS of what it sent: the caller may know that these are held */
bool is_gate_open;    /* call 1, SIGNIN, is answered */
byte executed[CALLS + 1];

byte i, base;

inline find_base() {
	base = made + 1;
	for (i : 1 .. CALLS) {
		base = ((unanswered & BIT(CALLS + 1 - i)) -> CALLS + 1 - i : base)
	}
	i = 0
}

/* Every datagram carries BASE. */
inline send_base() {
	find_base();
	bases_sent = bases_sent | BIT(base);
	base = 0
}

inline hear(n) {
	unanswered = unanswered & ~BIT(n);
	heard[n]++;
	printf("caller: hears the answer to %d\n", n);
	assert(heard[n] == 1);
	assert(executed[n] == 1);
	send_base()
}

#ifdef BUG_FREE_ON_HINT
#define IS_FREED(n) (hinted & BIT(n))
#else
#define IS_FREED(n) false
#endif
#define IS_UNANSWERED(n) ((unanswered & BIT(n)) != 0)
/* BASE + WINDOW > n: all calls up to n - WINDOW are answered */
#define IS_IN_WINDOW(n) ((n) <= WINDOW || (unanswered & BELOW((n) - WINDOW + 1)) == 0)

#define IS_BASE(n) (((unanswered & BIT(n)) || (n) == made + 1) && (unanswered & BELOW(n)) == 0)

proctype Caller(byte n) {
end:	do
	:: d_step { made == n - 1 && IS_IN_WINDOW(n) ->
		made++;
		printf("caller: makes call %d\n", n);
		unanswered = unanswered | BIT(n);
		calls_sent = calls_sent | BIT(n);
		send_base()
	}
	/* repeated until it is answered */
	:: d_step { IS_UNANSWERED(n) && !(calls_sent & BIT(n)) ->
		printf("caller: repeats call %d\n", n);
		calls_sent = calls_sent | BIT(n);
		send_base()
	}
	/* a probe repeats what is in the network already, and BASE goes with it */
	:: d_step { unanswered != 0 && IS_BASE(n) && !(bases_sent & BIT(n)) -> bases_sent = bases_sent | BIT(n) }
	:: d_step { IS_UNANSWERED(n) && (answers_sent & BIT(n)) -> hear(n) }
	:: d_step { IS_UNANSWERED(n) && IS_FREED(n) ->
		printf("caller: frees call %d\n", n);
		unanswered = unanswered & ~BIT(n);
		send_base()
	}
	:: d_step { losses > 0 && (calls_sent & BIT(n)) -> printf("lost: call %d\n", n); losses--; calls_sent = calls_sent & ~BIT(n) }
	:: d_step { losses > 0 && (answers_sent & BIT(n)) -> printf("lost: answer to %d\n", n); losses--; answers_sent = answers_sent & ~BIT(n) }
	:: d_step { losses > 0 && (bases_sent & BIT(n)) -> printf("lost: BASE %d\n", n); losses--; bases_sent = bases_sent & ~BIT(n) }
	od
}

#define IS_HELD(n) ((held & BIT(n)) != 0)
#define IS_ANSWERED(n) ((answered & BIT(n)) != 0)
#define ARRIVES(n) ((calls_sent & BIT(n)) && (n) >= peer_base && (n) < peer_base + WINDOW)

/* A BASE beyond a call that is not answered yet is ignored. */
#define CAN_PASS(n) ((held & BELOW(n)) == (answered & held & BELOW(n)))

#ifdef BUG_BASE_GOES_BACK
#define IS_NEW_BASE(n) ((n) != peer_base)
#else
#define IS_NEW_BASE(n) ((n) > peer_base)
#endif
#ifdef BUG_START_ON_ARRIVAL
#define CAN_START(n) (IS_HELD(n) && !(started & BIT(n)) && ((n) == 1 || is_gate_open))
#elif defined(BUG_NO_GATE)
#define CAN_START(n) (IS_HELD(n) && start_next == n)
#else
#define CAN_START(n) (IS_HELD(n) && start_next == n && ((n) == 1 || is_gate_open))
#endif

inline execute(n) {
	assert(n == 1 || executed[n - 1] == 1); /* in the order of the numbers */
	assert(n == 1 || is_gate_open);
	assert(executed[n] == 0);               /* once */
	executed[n]++;
	printf("callee: executes call %d\n", n)
}

proctype Callee(byte n) {
end:	do
	:: d_step { ARRIVES(n) && !IS_HELD(n) ->
		printf("callee: holds call %d\n", n);
		held = held | BIT(n);
		hinted = hinted | BIT(n)
	}
	:: d_step { CAN_START(n) -> execute(n); started = started | BIT(n); start_next = n + 1 }
	:: d_step { (started & BIT(n)) && !IS_ANSWERED(n) ->
		printf("callee: answers call %d\n", n);
		is_gate_open = true;
		answers_sent = answers_sent | BIT(n);
#ifdef BUG_ANSWER_NOT_KEPT
		held = held & ~BIT(n);
		started = started & ~BIT(n)
#else
		answered = answered | BIT(n)
#endif
	}
	/* a repeated call gets the same answer again, and is not executed again */
#ifdef BUG_REPEAT_EXECUTED
	:: d_step { ARRIVES(n) && IS_ANSWERED(n) -> execute(n) }
#elif !defined(BUG_REPEAT_NOT_ANSWERED)
	:: d_step { ARRIVES(n) && IS_ANSWERED(n) && !(answers_sent & BIT(n)) ->
		printf("callee: answers call %d again\n", n);
		answers_sent = answers_sent | BIT(n)
	}
#endif
	/* BASE: answers below it are forgotten */
	:: d_step { (bases_sent & BIT(n)) && IS_NEW_BASE(n) && CAN_PASS(n) ->
		printf("callee: takes BASE %d\n", n);
		peer_base = n;
		held = held & ~BELOW(n);
		started = started & ~BELOW(n);
		answered = answered & ~BELOW(n)
	}
	od
}

/* Nothing can happen any more: then every call was executed and heard, once. */
proctype Quiet() {
end:	timeout -> d_step {
		assert(made == CALLS);
		for (i : 1 .. CALLS) {
			assert(executed[i] == 1);
			assert(heard[i] == 1)
		}
		i = 0
	}
}

init {
	atomic {
		for (i : 1 .. CALLS) {
			run Caller(i);
			run Callee(i)
		}
		i = 0;
		run Quiet()
	}
}

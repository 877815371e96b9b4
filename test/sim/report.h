// SPDX-License-Identifier: ISC
// What a run tells: its failure, its trace in sentences, and how often each rare thing happened.
#ifndef MMS_SIM_REPORT_H
#define MMS_SIM_REPORT_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

// Rare things that a night of runs must have seen; one that never happens is a hole in the simulator.
#define SIM_SIGHTS(X) \
	X(SIGHT_ANSWER_LOST, "an answer was lost after its commit, and the call came again") \
	X(SIGHT_ANSWER_SHARED, "calls answered alike shared their answer") \
	X(SIGHT_RESUBMITTED, "an id that the server held was submitted again") \
	X(SIGHT_REDELIVERED, "a message came that was in the transcript already") \
	X(SIGHT_COOKIE, "a cookie was demanded") \
	X(SIGHT_UNKNOWN, "the server said UNKNOWN") \
	X(SIGHT_MOVED, "a session moved to another address") \
	X(SIGHT_REVERTED, "an address did not prove itself, and the session went back") \
	X(SIGHT_BORN_ELSEWHERE, "a session began at an address that hears nothing of it") \
	X(SIGHT_REKEY, "a second session came up beside the first") \
	X(SIGHT_REKEY_CROSSED, "data came on the old session after the new one was preferred") \
	X(SIGHT_RESTORE_NOTICED, "a restored store was noticed by a device's mark") \
	X(SIGHT_REOFFERED, "a message that a restore had lost was accepted again") \
	X(SIGHT_ROW_SHED, "a mailbox at its bound lost what some device has") \
	X(SIGHT_GAP_MADE, "a device was left behind") \
	X(SIGHT_GAP_TOLD, "a gap stood in a transcript") \
	X(SIGHT_GAP_SETTLED, "a device had confirmed its gap") \
	X(SIGHT_MAILBOX_FULL, "a mailbox was full") \
	X(SIGHT_SERVER_FULL, "the server was full") \
	X(SIGHT_NO_SUCH_USER, "a message was for nobody") \
	X(SIGHT_REPLACED, "a device was replaced by its own newer session") \
	X(SIGHT_REMOVED, "a signed-in device was no longer authorized") \
	X(SIGHT_REFUSED, "a sign-in was refused") \
	X(SIGHT_CLAIMED, "a name was claimed") \
	X(SIGHT_INVITED, "a device was enrolled by an invite") \
	X(SIGHT_SHUTDOWN, "a device heard that the server stops") \
	X(SIGHT_SIGNED_OUT, "a device signed out") \
	X(SIGHT_DEFERRED, "the start of a call was put off") \
	X(SIGHT_BOTH_BATCHES, "a batch filled while the other was being stored") \
	X(SIGHT_BATCH_LOST, "the server was killed with a batch that was lost") \
	X(SIGHT_BATCH_KEPT, "the server was killed with a batch that was kept, its answers unsent") \
	X(SIGHT_COMMIT_FULL, "a commit found no room") \
	X(SIGHT_COMMIT_FAILED, "a commit failed at the server") \
	X(SIGHT_READ_FAILED, "a read failed at the server") \
	X(SIGHT_DEVICE_COMMIT_LOST, "a commit failed at a device, and was not there") \
	X(SIGHT_DEVICE_COMMIT_KEPT, "a commit failed at a device, and was there") \
	X(SIGHT_DEVICE_BATCH_LOST, "a device was killed with a batch that was lost") \
	X(SIGHT_DEVICE_BATCH_KEPT, "a device was killed with a batch that was kept, nothing told of it") \
	X(SIGHT_DEVICE_BATCH_AGAIN, "a device's batch was there, nobody knew, and it came again") \
	X(SIGHT_DEVICE_BATCH_FULL, "a device took no event, since the batch that fills was full") \
	X(SIGHT_DEVICE_BOTH_BATCHES, "a device's batch filled while the other was being stored") \
	X(SIGHT_DEVICE_ANSWER_LATE, "a device's store answered when the session had ended") \
	X(SIGHT_HALF_OPEN_FULL, "the table of half-open handshakes was full") \
	X(SIGHT_SESSIONS_FULL, "the table of sessions was full") \
	X(SIGHT_BLOCKS_SHORT, "three quarters of the blocks were taken") \
	X(SIGHT_WINDOW_FULL, "a window of calls was full") \
	X(SIGHT_UNPARSABLE, "a session ended because its frames were unparsable") \
	X(SIGHT_UNOPENED, "a datagram did not open") \
	X(SIGHT_REPLAYED_INIT, "a recorded INIT was sent again") \
	X(SIGHT_USER_EXPIRED, "a user was removed for good") \
	X(SIGHT_ID_EXPIRED, "an id was forgotten") \
	X(SIGHT_ABSENCE, "all devices were off for days") \
	X(SIGHT_CLONED, "a device was copied") \
	X(SIGHT_DEVICE_RESTORED, "a device's store was put back") \
	X(SIGHT_SERVER_RESTORED, "the server's store was put back") \
	X(SIGHT_CALL_OF_HOSTILE, "a hostile device made a call of its own") \
	X(SIGHT_CALLS_HELD, "a hostile device held calls behind one that it never made") \
	X(SIGHT_ANSWERS_TO_NOTHING, "a hostile device answered calls that were never made") \
	X(SIGHT_TURN_WAITED, "a process waited for its turn to sign in first") \
	X(SIGHT_TURN_INHERITED, "a process took the outbox of one that had died") \
	X(SIGHT_POKED, "a process was woken by another of its profile") \
	X(SIGHT_FOLLOWED, "a process followed another that received") \
	X(SIGHT_RECEIVING_INHERITED, "a process that followed received in the place of the one that had ended") \
	X(SIGHT_SHOWN_LATER, "what came while no process showed it was shown by a later one") \
	X(SIGHT_OVERTAKEN, "a process stopped by its terminal was overtaken by another") \
	X(SIGHT_OVERRULED, "a copy of a profile replaced all processes of it") \
	X(SIGHT_PAUSED, "a sender made room for others, and came back") \
	X(SIGHT_UNRESOLVED, "the server's name did not resolve") \
	X(SIGHT_NO_HOST, "a first sign-in ended since the server's name did not resolve") \
	X(SIGHT_SERVER_MOVED, "a device found the server at another address") \
	X(SIGHT_KEY_ASKED, "a profile that had signed in was found by the key that the server showed") \
	X(SIGHT_OPEN_FAILED, "a profile could not be opened") \
	X(SIGHT_PRESENCE_TOLD, "a device was told that somebody came or went") \
	X(SIGHT_WATCH_UNKNOWN, "a server did not know what WATCH is") \
	X(SIGHT_WHO, "a list of users came to its end") \
	X(SIGHT_SENDERS_FULL, "a device had all the sending sessions it may have") \
	X(SIGHT_STORE_BUSY, "the store was ordered something while it worked") \
	X(SIGHT_REPEATED, "a batch was performed twice: its connection was lost after the commit") \
	X(SIGHT_FIRST_TRY_LOST, "a batch was performed late: its connection was lost before the commit") \
	X(SIGHT_OUT_OF_ORDER, "a lane's batch was told before one that another lane was given earlier") \
	X(SIGHT_LANES_KILLED, "the server was killed with batches of several lanes under way") \
	X(SIGHT_ROW_AHEAD, "a row was told of before a lower one of its mailbox") \
	X(SIGHT_PAGE_OVERTAKEN, "a mailbox got a row while a page of it was on its way") \
	X(SIGHT_TOLD_TO_NOBODY, "a batch was told when a session that waited for it was over") \
	X(SIGHT_ANSWERED_TO_NOBODY, "a question was answered when its session was over") \
	X(SIGHT_OP_FULL, "single messages of a batch found no room") \
	X(SIGHT_ROLLED_BACK_REPEAT, "a batch without room held what had been accepted before") \
	X(SIGHT_MOVES_AGAIN, "moves of a batch without room were made again") \
	X(SIGHT_REFUSAL_REMEMBERED, "a copy of a refused message was refused on a session that had begun before") \
	X(SIGHT_REFUSAL_REPEATED, "an operation was refused again when its batch was repeated") \
	X(SIGHT_ONLINE, "a message was offered to the store for somebody who was online") \
	X(SIGHT_HEARD_AGAIN, "a session that had been silent was heard of again") \
	X(SIGHT_SHUT_OUT, "a sync removed a device that was signed in") \
	X(SIGHT_HOUSEKEPT_BESIDE, "the store kept house while a batch was under way") \
	X(SIGHT_SYNC_KEPT, "the server was killed with other work of the store that was kept") \
	X(SIGHT_ROOM_MADE, "a room was made") \
	X(SIGHT_ROOM_GONE, "a room went with its last member") \
	X(SIGHT_ROOM_HANDED_OVER, "a room got another owner") \
	X(SIGHT_CHANGE_OVERTAKEN, "a change was overtaken by a newer one of its pair") \
	X(SIGHT_CHANGE_REOFFERED, "a change that was offered again with its stamp had something to do") \
	X(SIGHT_BLOCKED, "somebody was blocked") \
	X(SIGHT_UNBLOCKED, "somebody was unblocked") \
	X(SIGHT_MEMBER_AWAY, "a member was away for so long that its mailbox got nothing of a room") \
	X(SIGHT_MEMBER_FULL, "a member's mailbox had no room for a room's message") \
	X(SIGHT_LINE_EXPIRED, "a room's history lost a message") \
	X(SIGHT_HOLE_FILLED, "a device filled a hole of a room from its history") \
	X(SIGHT_ROOM_GAP, "a gap of a room stood in a transcript") \
	X(SIGHT_ROOM_WENT_BACK, "a device saw that a room had gone back") \
	X(SIGHT_SECOND_LIFE, "a name was given to somebody else") \
	X(SIGHT_LIFE_BACK, "a name went back to one who had it before") \
	X(SIGHT_OLD_LIFE_REFUSED, "a device of a name's earlier life was refused") \
	X(SIGHT_BEFORE_1970, "the server's wall clock stood before 1970") \
	X(SIGHT_AFTER_2100, "the server's wall clock stood after 2100") \
	X(SIGHT_RELOADED, "the users file was read again") \
	X(SIGHT_RELOAD_UNREAD, "the users file could not be read again") \
	X(SIGHT_RELOAD_FULL, "new users found no room in the store") \
	X(SIGHT_RELOAD_FAILED, "the store failed when it got new users") \
	X(SIGHT_OPERATOR_DONE, "an operator's change came into effect") \
	X(SIGHT_OPERATOR_LEFT, "an operator left before its answer") \
	X(SIGHT_OPERATOR_SENT_AWAY, "an operator who was too slow was sent away")

enum sight {
#define NAME(name, words) name,
	SIM_SIGHTS(NAME)
#undef NAME
	SIGHT_COUNT
};

// A rare thing happened.
void report_sight(enum sight sight);

// Prints every sight with its count; returns how many never happened.
uint32_t report_sights(void);

// Ends the run as a failure with this sentence: longjmp to report_escape.
extern jmp_buf report_escape;
_Noreturn void report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
// The sentence of the last failure.
const char *report_why(void);

// A sentence for the trace, with the time in front; nothing unless report_set_trace switched it on.
void report_set_trace(bool is_on);
void report_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

// SPDX-License-Identifier: ISC
// A session's receiving side: open, check against replay, apply the state, take the frames (doc/protocol.md sections 5.1
// to 5.5). The contract is in session.h.
#include <assert.h>
#include <string.h>

#include "proto/session.h"

// A sign of loss: the share rises by one part of what it lacks.
static void raise_loss(struct session *session, uint32_t parts)
{
	session->loss_share = (uint16_t)(session->loss_share + (SESSION_LOSS_UNIT - session->loss_share) / parts);
}

static void lower_loss(struct session *session, uint32_t by)
{
	session->loss_share = (uint16_t)(session->loss_share - (session->loss_share < by ? session->loss_share : by));
}

// The share of the peer's datagrams that never came, smoothed over some sixteen of them.
static void note_loss(struct session *session, uint64_t counter)
{
	uint64_t missing = counter - session->replay.next;
	for (; missing > 0; missing--) {
		raise_loss(session, 16);
		if (session->loss_share >= SESSION_LOSS_UNIT - 16)
			break;
	}
	lower_loss(session, session->loss_share / 16);
}

// A datagram that had been counted as missing came after all: the path reorders.
static void note_late(struct session *session)
{
	lower_loss(session, SESSION_LOSS_UNIT / 16);
}

// Whether repetitions go twice: the path is known to lose, or probes have gone unanswered (section 5.6).
static bool is_lossy(const struct session *session)
{
	return session->loss_share > SESSION_LOSS_TWICE || session->caller.rtt.probe_count > RTT_PROBES_TWICE;
}

static void recv_call(struct session *session, struct blocks *blocks, const struct wire_frame_view *frame,
		      struct mtime now)
{
	switch (callee_recv_call(&session->callee, blocks, frame, is_lossy(session))) {
	case CALLEE_NEW:
	case CALLEE_WAITING:
		session->mark_at = mtime_min(session->mark_at, mtime_add_us(now, SESSION_MARK_DELAY_US));
		break;
	case CALLEE_REPEAT:
		// The answer was lost on its way to the peer: as good a sign as a counter that never came. Unless it has only
		// just gone: then the two have crossed.
		if (mtime_diff_us(now, session->answered_at) >= rtt_base_us(&session->caller.rtt))
			raise_loss(session, 8);
		break;
	case CALLEE_IGNORED:
		break;
	}
}

static void recv_answer(struct session *session, struct blocks *blocks, const struct wire_frame_view *frame,
			struct mtime now)
{
	caller_recv_answer(&session->caller, blocks, frame->number, frame->count, frame->status, frame->body,
			   frame->body_bytes, now);
}

static enum mms_err recv_frame(struct session *session, struct blocks *blocks, const struct addr *addr,
			       const struct wire_frame_view *frame, struct mtime now)
{
	switch (frame->type) {
	case WIRE_FRAME_PADDING:
		return MMS_OK;
	case WIRE_FRAME_CALL:
		recv_call(session, blocks, frame, now);
		return MMS_OK;
	case WIRE_FRAME_ANSWER:
		recv_answer(session, blocks, frame, now);
		return MMS_OK;
	case WIRE_FRAME_PATH_CHALLENGE:
		if (session->is_server)
			return MMS_E_BAD;
		memcpy(session->response, frame->body, WIRE_PATH_BYTES);
		session->is_response_due = true;
		return MMS_OK;
	case WIRE_FRAME_PATH_RESPONSE:
		if (!session->is_server)
			return MMS_E_BAD;
		path_recv_response(&session->path, blocks, addr, frame->body);
		return MMS_OK;
	default:
		return MMS_E_BAD;
	}
}

// Whether the peer keeps answers that came, and is to be told so. A device tells of the first, which is SIGNIN's: many have nothing
// else to say for long.
static bool is_tell_due(const struct session *session)
{
	const uint32_t untold = caller_base(&session->caller) - session->told_base;
	return untold >= SESSION_TELL_ANSWERS || (untold > 0 && !session->is_server && session->told_base == 1);
}

enum mms_err session_recv(struct session *session, struct blocks *blocks, const struct addr *addr,
			  const uint8_t *datagram, size_t bytes, struct mtime now, const struct rng *rng)
{
	uint32_t index;
	uint64_t counter;
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	if (wire_data_decode(datagram, bytes, &index, &counter) != MMS_OK || !replay_is_fresh(&session->replay, counter))
		return MMS_E_AUTH;
	assert(index == session->local_index);
	const size_t sealed_bytes = bytes - WIRE_DATA_HEADER_BYTES;
	if (noise_open(session->keys.recv_key, counter, datagram, WIRE_DATA_HEADER_BYTES,
		       datagram + WIRE_DATA_HEADER_BYTES, sealed_bytes, plain) != MMS_OK)
		return MMS_E_AUTH;

	const bool is_newest = replay_is_newest(&session->replay, counter);
	if (is_newest)
		note_loss(session, counter);
	else
		note_late(session);
	replay_mark(&session->replay, counter);
	session->heard_at = now;
	if (session->is_server)
		path_recv(&session->path, blocks, addr, is_newest, bytes, now, rtt_base_us(&session->caller.rtt), rng);

	struct reader reader = reader_of(plain, sealed_bytes - NOISE_TAG_BYTES);
	struct wire_state state;
	if (!wire_state_read(&reader, &state))
		return MMS_E_BAD;
	if (is_newest) {
		caller_recv_state(&session->caller, blocks, state.next, state.marks, now);
		callee_recv_base(&session->callee, blocks, state.base);
	}
	while (reader.left_bytes > 0) {
		struct wire_frame_view frame;
		if (wire_frame_read(&reader, &frame) != MMS_OK ||
		    recv_frame(session, blocks, addr, &frame, now) != MMS_OK)
			return MMS_E_BAD;
	}
	caller_recv_end(&session->caller, blocks, now);
	if (is_tell_due(session))
		session->mark_at = mtime_min(session->mark_at, mtime_add_us(now, SESSION_TELL_DELAY_US));
	return MMS_OK;
}

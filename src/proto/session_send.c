// SPDX-License-Identifier: ISC
// A session's sending side: what goes into the next datagram, and how many copies of it (doc/protocol.md sections 5.6 to
// 5.9). The contract is in session.h.
#include <assert.h>

#include "proto/session.h"

static bool has_work(const struct session *session, const struct blocks *blocks, struct mtime now)
{
	return session->callee.due != 0 || session->is_response_due || mtime_is_due(session->mark_at, now) ||
	       path_is_challenge_due(&session->path, now) || caller_has_work(&session->caller, blocks);
}

// The room for plain text in the next datagram: what the layout and an unproved path leave.
static size_t plain_room(const struct session *session)
{
	const size_t around = WIRE_DATA_HEADER_BYTES + NOISE_TAG_BYTES;
	const size_t allowance = path_allowance_bytes(&session->path);
	if (allowance < around)
		return 0;
	return allowance - around < WIRE_PLAIN_BYTES_MAX ? allowance - around : WIRE_PLAIN_BYTES_MAX;
}

static void seal(struct session *session, const uint8_t *plain, size_t plain_bytes, uint8_t *datagram)
{
	const uint64_t counter = session->send_counter++;
	assert(counter < UINT64_MAX);
	wire_data_encode(session->remote_index, counter, datagram);
	noise_seal(session->keys.send_key, counter, datagram, WIRE_DATA_HEADER_BYTES, plain, plain_bytes,
		   datagram + WIRE_DATA_HEADER_BYTES);
}

bool session_send(struct session *session, struct blocks *blocks, struct mtime now, struct session_out *out)
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	const size_t room = plain_room(session);
	if (!has_work(session, blocks, now) || room < WIRE_STATE_BYTES + WIRE_PATH_FRAME_BYTES)
		return false;

	struct writer writer = writer_of(plain, room);
	const struct wire_state state = {caller_base(&session->caller), session->callee.next,
					 callee_marks(&session->callee)};
	bool is_twice = false;
	bool fits = wire_state_write(&writer, &state);
	const bool with_challenge = session->is_server && !path_is_proved(&session->path);
	if (with_challenge)
		fits = fits && wire_path_write(&writer, WIRE_FRAME_PATH_CHALLENGE, path_challenge(&session->path));
	if (session->is_response_due)
		fits = fits && wire_path_write(&writer, WIRE_FRAME_PATH_RESPONSE, session->response);
	assert(fits);
	const bool is_bare_wanted = session->is_response_due || mtime_is_due(session->mark_at, now) ||
				    path_is_challenge_due(&session->path, now);
	const size_t answers = callee_write(&session->callee, blocks, &writer, &is_twice);
	const bool is_probe = caller_calls(&session->caller)->is_probe_due && caller_calls(&session->caller)->sent != 0;
	const size_t calls = caller_write(&session->caller, blocks, &writer, session->send_counter, now);
	if (answers == 0 && calls == 0 && !is_bare_wanted)
		return false; // what there is does not fit an unproved path's allowance
	if (is_probe && calls > 0 &&
	    (session->caller.rtt.probe_count > RTT_PROBES_TWICE || session->loss_share > SESSION_LOSS_TWICE))
		is_twice = true;

	const size_t copies = session->loss_share > SESSION_LOSS_THRICE ? SESSION_COPIES_MAX : 2;
	session->is_response_due = false;
	if (answers > 0)
		session->answered_at = now;
	session->mark_at = MTIME_NEVER;
	session->told_base = state.base;
	out->addr = session->path.current;
	out->bytes = WIRE_DATA_HEADER_BYTES + writer.used_bytes + NOISE_TAG_BYTES;
	out->count = 0;
	do {
		seal(session, plain, writer.used_bytes, out->datagram[out->count++]);
		path_sent(&session->path, out->bytes, with_challenge, now, rtt_base_us(&session->caller.rtt));
	} while (is_twice && out->count < copies && path_allowance_bytes(&session->path) >= out->bytes);
	return true;
}

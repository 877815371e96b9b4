// SPDX-License-Identifier: ISC
// The parsers alone: every datagram, the frames, and the bodies of calls. What one of them accepts, encoded again,
// gives the same bytes: nothing is accepted that is not exactly the layout; only bits of flags that nobody knows may be lost.
#include "fuzz.h"
#include "msg/call.h"
#include "proto/wire.h"

enum { FLAGS_SIGNIN = 7, FLAGS_SIGNIN_OK = 3, FLAG_ONLINE = 1, FLAGS_DELIVER = 7 };

static uint8_t made[WIRE_DATAGRAM_BYTES_MAX];
static uint8_t known[WIRE_DATAGRAM_BYTES_MAX]; // what was given without the flags of no meaning

static void check_same(const uint8_t *data, size_t bytes, size_t made_bytes)
{
	assert(made_bytes == bytes);
	assert(bytes == 0 || memcmp(made, data, bytes) == 0);
}

// The same for a body whose byte `at` is flags, of which only those in `mask` are known.
static void check_same_but_flags_at(const uint8_t *data, size_t bytes, size_t made_bytes, size_t at, uint8_t mask)
{
	assert(made_bytes == bytes);
	assert(bytes <= sizeof known && at < bytes);
	memcpy(known, data, bytes);
	known[at] &= mask;
	check_same(known, bytes, made_bytes);
}

static void check_same_but_flags(const uint8_t *data, size_t bytes, size_t made_bytes, uint8_t mask)
{
	check_same_but_flags_at(data, bytes, made_bytes, 0, mask);
}

static void try_datagram(const uint8_t *data, size_t bytes)
{
	const uint8_t *nonce;
	struct wire_serverinfo info;
	struct wire_init init;
	struct wire_accept accept;
	struct wire_retry retry;
	struct wire_unknown unknown;
	uint32_t index;
	uint64_t counter;
	int accepted_count = 0;
	if (wire_hello_decode(data, bytes, &nonce) == MMS_OK) {
		accepted_count++;
		wire_hello_encode(nonce, made);
		assert(memcmp(made, data, 1 + WIRE_NONCE_BYTES) == 0); // the rest is not looked at
		assert(bytes == WIRE_HELLO_BYTES);
	}
	if (wire_serverinfo_decode(data, bytes, &info) == MMS_OK) {
		accepted_count++;
		assert(info.version_count >= 1 && info.version_count <= WIRE_VERSIONS_MAX);
		wire_serverinfo_encode(info.nonce, info.server_key, made);
		if (info.version_count == 1 && info.versions[0] == WIRE_VERSION)
			check_same(data, bytes, WIRE_SERVERINFO_BYTES);
	}
	if (wire_init_decode(data, bytes, &init) == MMS_OK) {
		accepted_count++;
		wire_init_encode(init.cookie, init.noise, made);
		check_same(data, bytes, WIRE_INIT_BYTES);
	}
	if (wire_accept_decode(data, bytes, &accept) == MMS_OK) {
		accepted_count++;
		wire_accept_encode(accept.device_index, accept.noise, made);
		check_same(data, bytes, WIRE_ACCEPT_BYTES);
	}
	if (wire_retry_decode(data, bytes, &retry) == MMS_OK) {
		accepted_count++;
		wire_retry_encode(retry.echo, retry.cookie, made);
		check_same(data, bytes, WIRE_RETRY_BYTES);
	}
	if (wire_unknown_decode(data, bytes, &unknown) == MMS_OK) {
		accepted_count++;
		wire_unknown_encode(unknown.index, unknown.trailer, made);
		check_same(data, bytes, WIRE_UNKNOWN_BYTES);
	}
	if (wire_data_decode(data, bytes, &index, &counter) == MMS_OK) {
		accepted_count++;
		assert(counter != UINT64_MAX);
		wire_data_encode(index, counter, made);
		check_same(data, WIRE_DATA_HEADER_BYTES, WIRE_DATA_HEADER_BYTES);
	}
	assert(accepted_count <= 1);
}

static void try_frames(const uint8_t *data, size_t bytes)
{
	struct reader reader = reader_of(data, bytes);
	struct wire_state state;
	struct writer writer = writer_of(made, sizeof made);
	if (bytes > WIRE_PLAIN_BYTES_MAX || !wire_state_read(&reader, &state))
		return;
	assert(wire_state_write(&writer, &state));
	while (reader.left_bytes > 0) {
		struct wire_frame_view frame;
		if (wire_frame_read(&reader, &frame) != MMS_OK)
			return;
		if (frame.type == WIRE_FRAME_PADDING) {
			assert(reader.left_bytes == 0);
			bytes = writer.used_bytes;
		} else if (frame.type == WIRE_FRAME_CALL) {
			assert(wire_call_write(&writer, frame.number, frame.kind, frame.body, frame.body_bytes));
		} else if (frame.type == WIRE_FRAME_ANSWER) {
			assert(wire_answer_write(&writer, frame.number, frame.count, frame.status, frame.body,
						 frame.body_bytes));
		} else {
			assert(wire_path_write(&writer, (enum wire_frame)frame.type, frame.body));
		}
	}
	check_same(data, bytes, writer.used_bytes);
}

static void try_who_page(const uint8_t *data, size_t bytes)
{
	struct call_who_ok ok;
	struct writer writer = writer_of(made, sizeof made);
	uint16_t count = 0;
	if (bytes > CALL_BODY_BYTES_MAX || call_who_ok_decode(&ok, data, bytes) != MMS_OK)
		return;
	memcpy(known, data, bytes);
	call_who_page_begin(&writer, ok.generation, ok.total_count, ok.first);
	while (ok.count > 0) {
		struct name name;
		bool is_online;
		known[bytes - ok.users.left_bytes] &= FLAG_ONLINE;
		assert(call_who_user_read(&ok, &name, &is_online));
		assert(call_who_page_add(&writer, &name, is_online));
		count++;
	}
	check_same(known, bytes, call_who_page_end(&writer, count));
}

static void try_request(const uint8_t *data, size_t bytes)
{
	struct call_signin signin;
	struct call_who who;
	struct call_submit submit;
	if (call_signin_decode(&signin, data, bytes) == MMS_OK)
		check_same_but_flags(data, bytes, call_signin_encode(&signin, made), FLAGS_SIGNIN);
	if (call_who_decode(&who, data, bytes) == MMS_OK)
		check_same(data, bytes, call_who_encode(&who, made));
	if (call_submit_decode(&submit, data, bytes) == MMS_OK && submit.text_bytes >= 1 &&
	    submit.text_bytes <= TEXT_BYTES_MAX)
		check_same_but_flags_at(data, bytes, call_submit_encode(&submit, made), ID_BYTES, 0);
}

static void try_answer(const uint8_t *data, size_t bytes)
{
	struct call_signin_ok ok;
	struct call_accepted accepted;
	struct call_deliver deliver;
	struct call_notice notice;
	if (call_signin_ok_decode(&ok, data, bytes) == MMS_OK)
		check_same_but_flags(data, bytes, call_signin_ok_encode(&ok, made), FLAGS_SIGNIN_OK);
	if (call_accepted_decode(&accepted, data, bytes) == MMS_OK)
		check_same_but_flags(data, bytes, call_accepted_encode(&accepted, made), FLAG_ONLINE);
	if (call_deliver_decode(&deliver, data, bytes) == MMS_OK && deliver.accepted_at.ms < INT64_MAX)
		check_same_but_flags_at(data, bytes, call_deliver_encode(&deliver, made), ID_BYTES + 8, FLAGS_DELIVER);
	if (call_notice_decode(&notice, data, bytes) == MMS_OK)
		check_same(data, bytes, call_notice_encode(&notice, made));
}

static void try_init_payload(const uint8_t *data, size_t bytes)
{
	uint8_t payload[WIRE_INIT_PAYLOAD_BYTES] = {0};
	uint32_t index;
	memcpy(payload, data, bytes < sizeof payload ? bytes : sizeof payload);
	if (wire_init_payload_decode(payload, &index) != MMS_OK)
		return;
	assert(index != 0);
	wire_init_payload_encode(index, made);
	assert(memcmp(made, payload, sizeof index) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const tries[])(const uint8_t *, size_t) = {try_datagram, try_frames,  try_who_page,
								 try_request,  try_answer, try_init_payload};
	if (bytes >= 1)
		tries[data[0] % 6](data + 1, bytes - 1);
	return 0;
}

// SPDX-License-Identifier: ISC
// proto/wire: every layout of the protocol byte by byte, each length that is refused, frames that do not fit.
#include "proto_world.h"

#include "proto/wire.h"

static void fill_up(uint8_t *bytes, size_t count, uint8_t first)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(first + i);
}

static void hello(void **state)
{
	(void)state;
	uint8_t nonce[16];
	uint8_t datagram[1201] = {0};
	const uint8_t *seen;
	fill_up(nonce, 16, 1);
	memset(datagram, 0xff, sizeof datagram);
	wire_hello_encode(nonce, datagram);
	assert_int_equal(datagram[0], 1);
	assert_memory_equal(datagram + 1, nonce, 16);
	for (size_t i = 17; i < 1200; i++)
		assert_int_equal(datagram[i], 0);
	assert_int_equal(datagram[1200], 0xff);
	assert_int_equal(wire_hello_decode(datagram, 1200, &seen), MMS_OK);
	assert_ptr_equal(seen, datagram + 1);
	assert_int_equal(wire_hello_decode(datagram, 1199, &seen), MMS_E_BAD);
	assert_int_equal(wire_hello_decode(datagram, 1201, &seen), MMS_E_BAD);
	datagram[0] = 2;
	assert_int_equal(wire_hello_decode(datagram, 1200, &seen), MMS_E_BAD);
}

static void serverinfo(void **state)
{
	(void)state;
	uint8_t nonce[16];
	uint8_t key[32];
	uint8_t datagram[70] = {0};
	struct wire_serverinfo info;
	fill_up(nonce, 16, 1);
	fill_up(key, 32, 100);
	wire_serverinfo_encode(nonce, key, datagram);
	assert_int_equal(WIRE_SERVERINFO_BYTES, 51);
	assert_int_equal(datagram[0], 2);
	assert_memory_equal(datagram + 1, nonce, 16);
	assert_int_equal(datagram[17], 1);
	assert_int_equal(datagram[18], 1);
	assert_memory_equal(datagram + 19, key, 32);
	assert_int_equal(wire_serverinfo_decode(datagram, 51, &info), MMS_OK);
	assert_int_equal(info.version_count, 1);
	assert_memory_equal(info.server_key, key, 32);
	for (size_t bytes = 0; bytes <= 70; bytes++)
		assert_int_equal(wire_serverinfo_decode(datagram, bytes, &info), bytes == 51 ? MMS_OK : MMS_E_BAD);
	datagram[17] = 16;
	assert_int_equal(wire_serverinfo_decode(datagram, 66, &info), MMS_OK);
	assert_ptr_equal(info.server_key, datagram + 34);
	datagram[17] = 17;
	assert_int_equal(wire_serverinfo_decode(datagram, 67, &info), MMS_E_BAD);
	datagram[17] = 0;
	assert_int_equal(wire_serverinfo_decode(datagram, 50, &info), MMS_E_BAD);
}

static void init_and_its_payload(void **state)
{
	(void)state;
	uint8_t cookie[16];
	uint8_t noise[238];
	uint8_t datagram[257] = {0};
	uint8_t payload[142];
	struct wire_init init;
	uint32_t index;
	fill_up(cookie, 16, 1);
	fill_up(noise, 238, 17);
	wire_init_encode(cookie, noise, datagram);
	assert_int_equal(datagram[0], 3);
	assert_int_equal(datagram[1], 1);
	assert_memory_equal(datagram + 2, cookie, 16);
	assert_memory_equal(datagram + 18, noise, 238);
	assert_int_equal(wire_init_decode(datagram, 256, &init), MMS_OK);
	assert_ptr_equal(init.cookie, datagram + 2);
	assert_ptr_equal(init.noise, datagram + 18);
	assert_int_equal(wire_init_decode(datagram, 255, &init), MMS_E_BAD);
	assert_int_equal(wire_init_decode(datagram, 257, &init), MMS_E_BAD);
	datagram[1] = 2;
	assert_int_equal(wire_init_decode(datagram, 256, &init), MMS_E_BAD);

	memset(payload, 0xff, sizeof payload);
	wire_init_payload_encode(0x01020304, payload);
	static const uint8_t expected[8] = {1, 2, 3, 4, 1, 1, 0, 0};
	assert_memory_equal(payload, expected, 8);
	assert_int_equal(payload[141], 0);
	assert_int_equal(wire_init_payload_decode(payload, &index), MMS_OK);
	assert_int_equal(index, 0x01020304);
	payload[4] = 16; // a longer list, our version last, rubbish behind it
	memset(payload + 5, 9, 137);
	payload[20] = 1;
	assert_int_equal(wire_init_payload_decode(payload, &index), MMS_OK);
	payload[20] = 9;
	payload[21] = 1;
	assert_int_equal(wire_init_payload_decode(payload, &index), MMS_E_BAD);
	payload[4] = 17;
	assert_int_equal(wire_init_payload_decode(payload, &index), MMS_E_BAD);
	payload[4] = 0;
	assert_int_equal(wire_init_payload_decode(payload, &index), MMS_E_BAD);
	wire_init_payload_encode(0, payload);
	assert_int_equal(wire_init_payload_decode(payload, &index), MMS_E_BAD);
}

static void small_ones(void **state)
{
	(void)state;
	uint8_t source[52];
	uint8_t datagram[64] = {0};
	struct wire_accept accept;
	struct wire_retry retry;
	struct wire_unknown unknown;
	fill_up(source, sizeof source, 1);
	wire_accept_encode(0xa1b2c3d4, source, datagram);
	static const uint8_t accept_head[5] = {4, 0xa1, 0xb2, 0xc3, 0xd4};
	assert_memory_equal(datagram, accept_head, 5);
	assert_memory_equal(datagram + 5, source, 52);
	for (size_t bytes = 0; bytes <= 64; bytes++)
		assert_int_equal(wire_accept_decode(datagram, bytes, &accept), bytes == 57 ? MMS_OK : MMS_E_BAD);
	assert_int_equal(wire_accept_decode(datagram, 57, &accept), MMS_OK);
	assert_true(accept.device_index == 0xa1b2c3d4 && accept.noise == datagram + 5);

	wire_retry_encode(source, source + 8, datagram);
	assert_int_equal(datagram[0], 5);
	assert_memory_equal(datagram + 1, source, 24);
	for (size_t bytes = 0; bytes <= 64; bytes++)
		assert_int_equal(wire_retry_decode(datagram, bytes, &retry), bytes == 25 ? MMS_OK : MMS_E_BAD);
	assert_int_equal(wire_retry_decode(datagram, 25, &retry), MMS_OK);
	assert_true(retry.echo == datagram + 1 && retry.cookie == datagram + 9);

	wire_unknown_encode(0xa1b2c3d4, source, datagram);
	assert_int_equal(datagram[0], 7);
	assert_memory_equal(datagram + 1, accept_head + 1, 4);
	assert_memory_equal(datagram + 5, source, 8);
	for (size_t bytes = 0; bytes <= 64; bytes++)
		assert_int_equal(wire_unknown_decode(datagram, bytes, &unknown), bytes == 13 ? MMS_OK : MMS_E_BAD);
	assert_int_equal(wire_unknown_decode(datagram, 13, &unknown), MMS_OK);
	assert_true(unknown.index == 0xa1b2c3d4 && unknown.trailer == datagram + 5);
}

static void data(void **state)
{
	(void)state;
	uint8_t datagram[1201] = {0};
	uint32_t index;
	uint64_t counter;
	wire_data_encode(0x01020304, 0x05060708090a0b0c, datagram);
	static const uint8_t expected[13] = {6, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	assert_memory_equal(datagram, expected, 13);
	for (size_t bytes = 0; bytes <= 1201; bytes++)
		assert_int_equal(wire_data_decode(datagram, bytes, &index, &counter),
				 bytes >= 45 && bytes <= 1200 ? MMS_OK : MMS_E_BAD);
	assert_int_equal(wire_data_decode(datagram, 45, &index, &counter), MMS_OK);
	assert_true(index == 0x01020304 && counter == 0x05060708090a0b0c);
	wire_data_encode(1, UINT64_MAX - 1, datagram);
	assert_int_equal(wire_data_decode(datagram, 45, &index, &counter), MMS_OK);
	wire_data_encode(1, UINT64_MAX, datagram);
	assert_int_equal(wire_data_decode(datagram, 45, &index, &counter), MMS_E_BAD);
	wire_data_encode(1, 2, datagram);
	datagram[0] = WIRE_UNKNOWN;
	assert_int_equal(wire_data_decode(datagram, 45, &index, &counter), MMS_E_BAD);
}

static void state_and_frames(void **state)
{
	(void)state;
	uint8_t plain[60];
	struct writer writer = writer_of(plain, sizeof plain);
	const struct wire_state calls = {1, 2, 3};
	assert_true(wire_state_write(&writer, &calls));
	assert_true(wire_call_write(&writer, 0x01020304, 5, "abc", 3));
	assert_true(wire_answer_write(&writer, 0x01020304, 64, 6, "de", 2));
	assert_true(wire_path_write(&writer, WIRE_FRAME_PATH_CHALLENGE, (const uint8_t *)"12345678"));
	static const uint8_t expected[] = {
		0,  0, 0, 1, 0,   0,   0, 2,   0,   0,   0,   0,   0,   0,   0,   3, // BASE, NEXT, MARKS
		1,  1, 2, 3, 4,   5,   0, 3,   'a', 'b', 'c', 2,   1,   2,   3,   4,
		64, 6, 0, 2, 'd', 'e', 3, '1', '2', '3', '4', '5', '6', '7', '8',
	};
	assert_int_equal(writer.used_bytes, sizeof expected);
	assert_memory_equal(plain, expected, sizeof expected);

	struct reader reader = reader_of(plain, writer.used_bytes);
	struct wire_state seen;
	struct wire_frame_view frame;
	assert_true(wire_state_read(&reader, &seen));
	assert_true(seen.base == 1 && seen.next == 2 && seen.marks == 3);
	assert_int_equal(wire_frame_read(&reader, &frame), MMS_OK);
	assert_true(frame.type == WIRE_FRAME_CALL && frame.number == 0x01020304 && frame.kind == 5 &&
		    frame.body_bytes == 3);
	assert_memory_equal(frame.body, "abc", 3);
	assert_int_equal(wire_frame_read(&reader, &frame), MMS_OK);
	assert_true(frame.type == WIRE_FRAME_ANSWER && frame.count == 64 && frame.status == 6 && frame.body_bytes == 2);
	assert_int_equal(wire_frame_read(&reader, &frame), MMS_OK);
	assert_memory_equal(frame.body, "12345678", 8);
	assert_int_equal(reader.left_bytes, 0);
}

static enum mms_err read_one(const void *bytes, size_t count, size_t *left_bytes)
{
	struct reader reader = reader_of(bytes, count);
	struct wire_frame_view frame;
	const enum mms_err err = wire_frame_read(&reader, &frame);
	*left_bytes = reader.left_bytes;
	return err;
}

static void frames_that_break_the_rules(void **state)
{
	(void)state;
	const uint8_t call[] = {1, 0, 0, 0, 1, 9, 0, 2, 'x', 'y'};
	const uint8_t answer[] = {2, 0, 0, 0, 1, 1, 9, 0, 2, 'x', 'y'};
	const uint8_t path[] = {4, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t bad[16];
	size_t left;
	for (size_t bytes = 1; bytes <= sizeof call; bytes++)
		assert_int_equal(read_one(call, bytes, &left), bytes == sizeof call ? MMS_OK : MMS_E_BAD);
	for (size_t bytes = 1; bytes <= sizeof answer; bytes++)
		assert_int_equal(read_one(answer, bytes, &left), bytes == sizeof answer ? MMS_OK : MMS_E_BAD);
	for (size_t bytes = 1; bytes <= sizeof path; bytes++)
		assert_int_equal(read_one(path, bytes, &left), bytes == sizeof path ? MMS_OK : MMS_E_BAD);
	memcpy(bad, call, sizeof call);
	bad[4] = 0; // number 0
	assert_int_equal(read_one(bad, sizeof call, &left), MMS_E_BAD);
	memcpy(bad, answer, sizeof answer);
	bad[4] = 0;
	assert_int_equal(read_one(bad, sizeof answer, &left), MMS_E_BAD);
	memcpy(bad, answer, sizeof answer);
	for (unsigned count = 0; count < 256; count++) {
		bad[5] = (uint8_t)count;
		assert_int_equal(read_one(bad, sizeof answer, &left), count >= 1 && count <= 64 ? MMS_OK : MMS_E_BAD);
	}
	memset(bad, 0, sizeof bad);
	for (unsigned type = 5; type < 256; type++) {
		bad[0] = (uint8_t)type;
		assert_int_equal(read_one(bad, sizeof bad, &left), MMS_E_BAD);
	}
	bad[0] = 0; // padding takes the rest
	assert_int_equal(read_one(bad, sizeof bad, &left), MMS_OK);
	assert_int_equal(left, 0);
}

static void reading_needs_bytes(void **state)
{
	(void)state;
	const uint8_t plain[WIRE_STATE_BYTES] = {0};
	struct wire_state calls;
	struct wire_frame_view frame;
	for (size_t bytes = 0; bytes <= sizeof plain; bytes++) {
		struct reader reader = reader_of(plain, bytes);
		assert_int_equal(wire_state_read(&reader, &calls), bytes == sizeof plain);
	}
	struct reader empty = reader_of(plain, 0);
	assert_int_equal(wire_frame_read(&empty, &frame), MMS_E_BAD);
}

static void writing_needs_room(void **state)
{
	(void)state;
	uint8_t plain[32];
	const uint8_t path[WIRE_PATH_BYTES] = {0};
	const struct wire_state calls = {1, 1, 0};
	for (size_t room = 0; room <= sizeof plain; room++) {
		struct writer writer = writer_of(plain, room);
		assert_int_equal(wire_call_write(&writer, 1, 1, "abc", 3), room >= 11);
		assert_int_equal(writer.used_bytes, room >= 11 ? 11 : 0);
		writer.used_bytes = 0;
		assert_int_equal(wire_answer_write(&writer, 1, 1, 1, "abc", 3), room >= 12);
		assert_int_equal(writer.used_bytes, room >= 12 ? 12 : 0);
		writer.used_bytes = 0;
		assert_int_equal(wire_path_write(&writer, WIRE_FRAME_PATH_RESPONSE, path), room >= 9);
		writer.used_bytes = 0;
		assert_int_equal(wire_state_write(&writer, &calls), room >= 16);
		assert_int_equal(writer.used_bytes, room >= 16 ? 16 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello),
		cmocka_unit_test(serverinfo),
		cmocka_unit_test(init_and_its_payload),
		cmocka_unit_test(small_ones),
		cmocka_unit_test(data),
		cmocka_unit_test(state_and_frames),
		cmocka_unit_test(frames_that_break_the_rules),
		cmocka_unit_test(reading_needs_bytes),
		cmocka_unit_test(writing_needs_room),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}

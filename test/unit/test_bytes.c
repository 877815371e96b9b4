// SPDX-License-Identifier: ISC
// base/bytes: byte order, every edge of the bounds, and that a failure leaves the cursor alone.
#include "proto_world.h"

#include "base/bytes.h"

static void reads_big_endian(void **state)
{
	(void)state;
	const uint8_t bytes[15] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xf8,
				   0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
	struct reader reader = reader_of(bytes, sizeof bytes);
	uint8_t u8 = 0;
	uint16_t u16 = 0;
	uint32_t u32 = 0;
	uint64_t u64 = 0;
	assert_true(read_u8(&reader, &u8) && read_u16(&reader, &u16) && read_u32(&reader, &u32) &&
		    read_u64(&reader, &u64));
	assert_int_equal(u8, 0x01);
	assert_int_equal(u16, 0x0203);
	assert_int_equal(u32, 0x04050607);
	assert_true(u64 == 0xf8f9fafbfcfdfeffULL);
	assert_int_equal(reader.left_bytes, 0);
}

static void writes_what_it_reads(void **state)
{
	(void)state;
	uint8_t bytes[20];
	struct writer writer = writer_of(bytes, sizeof bytes);
	assert_true(write_u64(&writer, 0x8000000000000001ULL) && write_u32(&writer, 0x80000001) &&
		    write_u16(&writer, 0x8001) && write_u8(&writer, 0x81) && write_bytes(&writer, "ab", 2) &&
		    write_zeros(&writer, 3) && write_zeros(&writer, 0));
	static const uint8_t expected[20] = {0x80, 0, 0,    0, 0,    0,   0,   1, 0x80, 0,
					     0,    1, 0x80, 1, 0x81, 'a', 'b', 0, 0,    0};
	assert_memory_equal(bytes, expected, sizeof expected);
	assert_int_equal(writer_room(&writer), 0);
}

static void short_reads_change_nothing(void **state)
{
	(void)state;
	const uint8_t bytes[7] = {0};
	uint64_t u64 = 7;
	uint32_t u32 = 7;
	uint16_t u16 = 7;
	uint8_t u8 = 7;
	uint8_t target[8];
	const uint8_t *span = target;
	struct reader reader = reader_of(bytes, 7);
	assert_false(read_u64(&reader, &u64));
	reader.left_bytes = 3;
	assert_false(read_u32(&reader, &u32));
	assert_false(read_bytes(&reader, target, 4));
	assert_false(read_span(&reader, &span, SIZE_MAX));
	assert_ptr_equal(reader.at, bytes);
	reader.left_bytes = 1;
	assert_false(read_u16(&reader, &u16));
	reader.left_bytes = 0;
	assert_false(read_u8(&reader, &u8));
	assert_true(u64 == 7 && u32 == 7 && u16 == 7 && u8 == 7 && span == target);
	assert_ptr_equal(reader.at, bytes);
	assert_true(read_bytes(&reader, target, 0));
}

static void short_writes_change_nothing(void **state)
{
	(void)state;
	uint8_t bytes[8];
	memset(bytes, 0x55, sizeof bytes);
	for (size_t room = 0; room < 8; room++) {
		struct writer writer = writer_of(bytes, room);
		assert_false(write_u64(&writer, 0));
		assert_true(room >= 4 || !write_u32(&writer, 0));
		assert_true(room >= 2 || !write_u16(&writer, 0));
		assert_true(room >= 1 || !write_u8(&writer, 0));
		assert_false(write_bytes(&writer, "12345678", room + 1));
		assert_false(write_zeros(&writer, room + 1));
		assert_int_equal(writer.used_bytes, 0);
		assert_int_equal(writer_room(&writer), room);
	}
	for (size_t i = 0; i < sizeof bytes; i++)
		assert_int_equal(bytes[i], 0x55);
}

static void empty_is_allowed(void **state)
{
	(void)state;
	struct reader reader = reader_of(NULL, 0);
	struct writer writer = writer_of(NULL, 0);
	uint8_t u8;
	assert_false(read_u8(&reader, &u8));
	assert_false(write_u8(&writer, 0));
	assert_true(write_bytes(&writer, NULL, 0));
	assert_true(read_bytes(&reader, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_big_endian),           cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(short_reads_change_nothing), cmocka_unit_test(short_writes_change_nothing),
		cmocka_unit_test(empty_is_allowed),
	};
	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}

// SPDX-License-Identifier: ISC
// msg/call_change and the calls that begin with a change: JOIN, ADD, LEAVE, BLOCK, DEVICES; every one there and back, every
// truncation and every surplus byte refused, and what no body may have.
#include "call_lengths.h"
#include "msg/call.h"
#include "msg/call_block.h"
#include "msg/call_change.h"
#include "msg/call_device.h"
#include "msg/call_room.h"

static const struct name ops = {"Ops"};
static const struct name fred = {"fred"};
static const struct name longest = {"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"};
static const struct call_change change = {{{9, 8, 7}}, {{1, 2, 3}, 0x1122334455667788}};
static uint8_t body[CALL_BODY_BYTES_MAX];

#define DECODER(name, type) \
	static enum mms_err decode_##name(const uint8_t *from, size_t bytes) \
	{ \
		struct type decoded; \
		return type##_decode(&decoded, from, bytes); \
	}
DECODER(changed, call_changed)
DECODER(join, call_join)
DECODER(add, call_add)
DECODER(leave, call_leave)
DECODER(block, call_block)
DECODER(devices, call_devices)

static void assert_change(const struct call_change *decoded)
{
	assert_memory_equal(decoded->id.bytes, change.id.bytes, ID_BYTES);
	assert_memory_equal(decoded->stamp.start_id, change.stamp.start_id, STORAGE_START_ID_BYTES);
	assert_int_equal(decoded->stamp.commit, change.stamp.commit);
}

static void a_changes_answer(void **state)
{
	(void)state;
	const struct call_changed changed = {{{4, 5}, 66}, {{6}, 55}};
	struct call_changed decoded;
	const size_t bytes = call_changed_encode(&changed, body);
	assert_int_equal(bytes, 1 + 24 + 24);
	assert_int_equal(body[0], 0);
	assert_int_equal(call_changed_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(decoded.mark.commit, 66);
	assert_int_equal(decoded.mark.start_id[1], 5);
	assert_int_equal(decoded.stamp.commit, 55);
	assert_int_equal(decoded.stamp.start_id[0], 6);
	check_lengths(decode_changed, body, bytes, false, 0);
	body[0] = 0xff; // flags of no meaning yet
	assert_int_equal(decode_changed(body, bytes), MMS_OK);
}

static void a_stamp_may_be_none(void **state)
{
	(void)state;
	assert_true(call_stamp_is_none(&(struct storage_mark){.commit = 0}));
	assert_false(call_stamp_is_none(&(struct storage_mark){.commit = 1}));
	assert_false(call_stamp_is_none(&(struct storage_mark){.start_id = {[15] = 1}}));
}

static void test_join(void **state)
{
	(void)state;
	for (uint8_t flags = 0; flags < 8; flags++) {
		const struct call_join join = {change, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, ops};
		struct call_join decoded;
		const size_t bytes = call_join_encode(&join, body);
		assert_int_equal(bytes, CALL_CHANGE_BYTES + 1 + 5);
		assert_int_equal(body[CALL_CHANGE_BYTES], flags);
		assert_memory_equal(body + CALL_CHANGE_BYTES + 1, "\x04#Ops", 5);
		for (int unknown = 0; unknown < 2; unknown++) {
			assert_int_equal(call_join_decode(&decoded, body, bytes), MMS_OK);
			assert_change(&decoded.change);
			assert_int_equal(decoded.may_create, flags & 1);
			assert_int_equal(decoded.is_private, (flags & 2) != 0);
			assert_int_equal(decoded.is_without_history, (flags & 4) != 0);
			assert_string_equal(decoded.room.text, "Ops");
			body[CALL_CHANGE_BYTES] |= 0xf8; // flags of no meaning yet
		}
		check_lengths(decode_join, body, bytes, false, 0);
		body[CALL_CHANGE_BYTES + 2] = 'x'; // a user
		assert_int_equal(decode_join(body, bytes), MMS_E_BAD);
		body[CALL_CHANGE_BYTES + 1] = 0; // nobody
		assert_int_equal(decode_join(body, CALL_CHANGE_BYTES + 2), MMS_E_BAD);
	}
}

static void test_add(void **state)
{
	(void)state;
	const struct call_add add = {change, longest, longest};
	struct call_add decoded;
	const size_t bytes = call_add_encode(&add, body);
	assert_int_equal(bytes, CALL_CHANGE_BYTES + 34 + 33);
	assert_int_equal(call_add_decode(&decoded, body, bytes), MMS_OK);
	assert_change(&decoded.change);
	assert_string_equal(decoded.room.text, longest.text);
	assert_string_equal(decoded.user.text, longest.text);
	check_lengths(decode_add, body, bytes, false, 0);
	body[CALL_CHANGE_BYTES + 34] = 0; // nobody: that is of LEAVE alone
	assert_int_equal(decode_add(body, CALL_CHANGE_BYTES + 35), MMS_E_BAD);
	body[CALL_CHANGE_BYTES + 34] = 33;
	body[bytes] = 'n';
	assert_int_equal(decode_add(body, bytes + 1), MMS_E_BAD); // too long a name
	body[CALL_CHANGE_BYTES + 34] = 32;
	body[CALL_CHANGE_BYTES + 35] = '#'; // no letter of a user
	assert_int_equal(decode_add(body, bytes), MMS_E_BAD);
}

static void test_leave(void **state)
{
	(void)state;
	struct call_leave leave = {change, ops, fred};
	struct call_leave decoded;
	size_t bytes = call_leave_encode(&leave, body);
	assert_int_equal(bytes, CALL_CHANGE_BYTES + 5 + 5);
	assert_int_equal(call_leave_decode(&decoded, body, bytes), MMS_OK);
	assert_change(&decoded.change);
	assert_string_equal(decoded.room.text, "Ops");
	assert_string_equal(decoded.user.text, "fred");
	check_lengths(decode_leave, body, bytes, false, 0);
	leave.user = (struct name){{0}}; // oneself
	bytes = call_leave_encode(&leave, body);
	assert_int_equal(bytes, CALL_CHANGE_BYTES + 5 + 1);
	assert_int_equal(call_leave_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(name_bytes(&decoded.user), 0);
	check_lengths(decode_leave, body, bytes, false, 0);
}

static void test_block(void **state)
{
	(void)state;
	struct call_block decoded;
	for (uint8_t what = BLOCK_LIST; what <= BLOCK_REMOVE; what++) {
		const struct call_block block = {(enum call_block_what)what, change, fred};
		const size_t bytes = call_block_encode(&block, body);
		assert_int_equal(bytes, 1 + (what == BLOCK_LIST ? 0 : CALL_CHANGE_BYTES) + 5);
		assert_int_equal(body[0], what);
		assert_int_equal(call_block_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.what, what);
		assert_string_equal(decoded.user.text, "fred");
		if (what != BLOCK_LIST)
			assert_change(&decoded.change);
		check_lengths(decode_block, body, bytes, false, 0);
		body[bytes - 5] = 0; // nobody: the list's beginning, and nothing to block
		assert_int_equal(decode_block(body, bytes - 4), what == BLOCK_LIST ? MMS_OK : MMS_E_BAD);
	}
	for (int what = 0; what < 256; what++) {
		const struct call_block block = {BLOCK_ADD, change, fred};
		const size_t bytes = call_block_encode(&block, body);
		body[0] = (uint8_t)what;
		assert_int_equal(decode_block(body, bytes), what == 2 || what == 3 ? MMS_OK : MMS_E_BAD);
	}
}

static void test_devices(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1 + 32, 1 + CALL_CHANGE_BYTES + 32 + 5, 1 + CALL_CHANGE_BYTES + 32};
	struct call_devices decoded;
	for (uint8_t what = DEVICES_LIST; what <= DEVICES_REMOVE; what++) {
		const struct call_devices devices = {(enum call_devices_what)what, change, {{1, [31] = 2}}, fred};
		const size_t bytes = call_devices_encode(&devices, body);
		assert_int_equal(bytes, sizes[what]);
		assert_int_equal(call_devices_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.what, what);
		assert_memory_equal(&decoded.fingerprint, &devices.fingerprint, FINGERPRINT_BYTES);
		assert_string_equal(decoded.name.text, what == DEVICES_NAME ? "fred" : "");
		if (what != DEVICES_LIST)
			assert_change(&decoded.change);
		check_lengths(decode_devices, body, bytes, false, 0);
		if (what == DEVICES_NAME) {
			body[bytes - 5] = 0; // no name
			assert_int_equal(decode_devices(body, bytes - 4), MMS_E_BAD);
		}
		body[0] = 0;
		assert_int_equal(decode_devices(body, bytes), MMS_E_BAD);
		body[0] = DEVICES_REMOVE + 1;
		assert_int_equal(decode_devices(body, bytes), MMS_E_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_changes_answer), cmocka_unit_test(a_stamp_may_be_none), cmocka_unit_test(test_join),
		cmocka_unit_test(test_add),         cmocka_unit_test(test_leave),          cmocka_unit_test(test_block),
		cmocka_unit_test(test_devices),
	};
	return cmocka_run_group_tests_name("call_change", tests, NULL, NULL);
}

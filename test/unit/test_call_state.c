// SPDX-License-Identifier: ISC
// msg/call_state and msg/call_watch: STATES, WATCH and the notices of both, there and back, cut short, too long, too many, and
// what no body may have.
#include "call_lengths.h"
#include "msg/call.h"
#include "msg/call_state.h"
#include "msg/call_watch.h"

static uint8_t body[CALL_BODY_BYTES_MAX];

#define DECODER(name, type, function) \
	static enum mms_err decode_##name(const uint8_t *from, size_t bytes) \
	{ \
		struct type decoded; \
		return function(&decoded, from, bytes); \
	}
DECODER(states, call_states, call_states_decode)
DECODER(states_ok, call_states_ok, call_states_ok_decode)
DECODER(delivered, call_delivered, call_delivered_decode)
DECODER(watch, call_watch, call_watch_decode)
DECODER(watch_ok, call_watch_ok, call_watch_ok_decode)
DECODER(presence, call_presence_notice, call_presence_decode)

static const uint8_t counts[] = {1, 2, 46, 60};

static void test_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof counts; i++) {
		struct call_states states = {.count = counts[i]};
		struct call_states decoded;
		states.id[counts[i] - 1].bytes[15] = 9;
		const size_t bytes = call_states_encode(&states, body);
		assert_int_equal(bytes, 1 + 16 * counts[i]);
		assert_int_equal(call_states_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.count, counts[i]);
		assert_int_equal(decoded.id[counts[i] - 1].bytes[15], 9);
		check_lengths(decode_states, body, bytes, false, 0);
	}
	memset(body, 0, sizeof body);
	assert_int_equal(decode_states(body, 1), MMS_E_BAD); // none
	body[0] = CALL_STATES_MAX + 1;
	assert_int_equal(decode_states(body, 1 + 16 * (CALL_STATES_MAX + 1)), MMS_E_BAD);
}

static void test_states_ok(void **state)
{
	(void)state;
	struct call_states_ok ok = {.count = CALL_STATES_MAX};
	struct call_states_ok decoded;
	for (uint8_t i = 0; i < CALL_STATES_MAX; i++)
		ok.state[i] = (struct call_state){(enum call_state_what)(1 + i % 4), i, 100, {1000 + i}};
	size_t bytes = call_states_ok_encode(&ok, body);
	assert_int_equal(bytes, 1 + CALL_STATES_MAX * 17);
	assert_int_equal(call_states_ok_decode(&decoded, body, bytes), MMS_OK);
	for (uint8_t i = 0; i < CALL_STATES_MAX; i++) {
		assert_int_equal(decoded.state[i].what, ok.state[i].what);
		assert_int_equal(decoded.state[i].delivered_count, i);
		assert_int_equal(decoded.state[i].of_count, 100);
		assert_int_equal(decoded.state[i].delivered_at.ms, 1000 + i);
	}
	check_lengths(decode_states_ok, body, bytes, false, 0);
	memcpy(body + bytes, body + bytes - 17, 17); // one more than are asked for at once
	body[0]++;
	assert_int_equal(decode_states_ok(body, bytes + 17), MMS_E_BAD);
	ok.count = 1;
	for (int what = 0; what < 256; what++) {
		bytes = call_states_ok_encode(&ok, body);
		body[1] = (uint8_t)what;
		assert_int_equal(decode_states_ok(body, bytes), what >= 1 && what <= 4 ? MMS_OK : MMS_E_BAD);
	}
	ok.state[0].delivered_count = 101; // more than all
	assert_int_equal(decode_states_ok(body, call_states_ok_encode(&ok, body)), MMS_E_BAD);
	ok.state[0].delivered_count = 100;
	assert_int_equal(decode_states_ok(body, call_states_ok_encode(&ok, body)), MMS_OK);
	body[0] = 0;
	assert_int_equal(decode_states_ok(body, 1), MMS_E_BAD);
}

static void test_delivered(void **state)
{
	(void)state;
	struct call_delivered delivered = {.count = CALL_DELIVERED_MAX};
	struct call_delivered decoded;
	for (uint8_t i = 0; i < CALL_DELIVERED_MAX; i++)
		delivered.item[i] = (struct call_delivered_item){{{i}}, 1U + i, 1U + CALL_DELIVERED_MAX};
	const size_t bytes = call_delivered_encode(&delivered, body);
	assert_int_equal(bytes, 2 + CALL_DELIVERED_MAX * 24);
	assert_int_equal(body[0], NOTICE_DELIVERED);
	assert_int_equal(call_delivered_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(decoded.count, CALL_DELIVERED_MAX);
	for (uint8_t i = 0; i < CALL_DELIVERED_MAX; i++) {
		assert_int_equal(decoded.item[i].id.bytes[0], i);
		assert_int_equal(decoded.item[i].delivered_count, 1 + i);
		assert_int_equal(decoded.item[i].of_count, 1 + CALL_DELIVERED_MAX);
	}
	check_lengths(decode_delivered, body, bytes, false, 0);
	body[0] = NOTICE_PRESENCE;
	assert_int_equal(decode_delivered(body, bytes), MMS_E_BAD);
	delivered.count = 1;
	static const uint32_t values[][3] = {{0, 0, 0}, {0, 1, 0}, {1, 0, 0}, {1, 1, 1}, {2, 1, 0}, {1, 1000, 1}};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		delivered.item[0] = (struct call_delivered_item){{{1}}, values[i][0], values[i][1]};
		assert_int_equal(decode_delivered(body, call_delivered_encode(&delivered, body)),
				 values[i][2] != 0 ? MMS_OK : MMS_E_BAD);
	}
	body[1] = 0; // of nothing
	assert_int_equal(decode_delivered(body, 2), MMS_E_BAD);
	memset(body + 2, 1, sizeof body - 2);
	body[1] = CALL_DELIVERED_MAX + 1;
	assert_int_equal(decode_delivered(body, 2 + 24 * (CALL_DELIVERED_MAX + 1)), MMS_E_BAD);
}

static void test_watch(void **state)
{
	(void)state;
	static const struct name longest = {"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"};
	struct call_watch watch = {.is_first = true, .count = CALL_WATCH_MAX};
	struct call_watch decoded;
	uint8_t taken_count;
	for (int i = 0; i < CALL_WATCH_MAX; i++)
		watch.name[i] = (struct name){{'a', (char)('0' + i % 10)}};
	size_t bytes = call_watch_encode(&watch, &taken_count, body);
	assert_int_equal(taken_count, CALL_WATCH_MAX);
	assert_int_equal(bytes, 2 + CALL_WATCH_MAX * 3);
	assert_int_equal(call_watch_decode(&decoded, body, bytes), MMS_OK);
	assert_true(decoded.is_first);
	assert_int_equal(decoded.count, CALL_WATCH_MAX);
	assert_string_equal(decoded.name[13].text, "a3");
	check_lengths(decode_watch, body, bytes, false, 0);
	body[0] = 0xfe; // flags of no meaning yet
	assert_int_equal(call_watch_decode(&decoded, body, bytes), MMS_OK);
	assert_false(decoded.is_first);
	body[1] = CALL_WATCH_MAX + 1;
	memcpy(body + bytes, "\x02"
			     "b1",
	       3);
	assert_int_equal(decode_watch(body, bytes + 3), MMS_E_BAD); // one too many
	for (int i = 0; i < CALL_WATCH_MAX; i++)
		watch.name[i] = longest;
	bytes = call_watch_encode(&watch, &taken_count, body); // as many as there is room for
	assert_int_equal(taken_count, (CALL_BODY_BYTES_MAX - 2) / 33);
	assert_int_equal(call_watch_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(decoded.count, taken_count);
	body[2] = 0; // nobody
	assert_int_equal(decode_watch(body, bytes), MMS_E_BAD);
	watch.count = 0; // watches nobody any more
	bytes = call_watch_encode(&watch, &taken_count, body);
	assert_int_equal(bytes, 2);
	assert_int_equal(call_watch_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(decoded.count, 0);
}

static void test_watch_ok(void **state)
{
	(void)state;
	static const uint8_t sizes[] = {0, 1, CALL_WATCH_MAX};
	for (size_t i = 0; i < sizeof sizes; i++) {
		struct call_watch_ok ok = {.count = sizes[i]};
		struct call_watch_ok decoded;
		for (uint8_t k = 0; k < sizes[i]; k++)
			ok.presence[k] = (struct call_presence){k % 2 == 0, {k * 1000}};
		const size_t bytes = call_watch_ok_encode(&ok, body);
		assert_int_equal(bytes, 1 + 9 * sizes[i]);
		check_lengths(decode_watch_ok, body, bytes, false, 0);
		if (sizes[i] > 1)
			body[1 + 9] |= 0xfe; // flags of no meaning yet
		assert_int_equal(call_watch_ok_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.count, sizes[i]);
		for (uint8_t k = 0; k < sizes[i]; k++) {
			assert_int_equal(decoded.presence[k].is_online, k % 2 == 0);
			assert_int_equal(decoded.presence[k].heard_at.ms, k * 1000);
		}
	}
	memset(body, 0, sizeof body);
	body[0] = CALL_WATCH_MAX + 1;
	assert_int_equal(decode_watch_ok(body, 1 + 9 * (CALL_WATCH_MAX + 1)), MMS_E_BAD);
}

static void test_presence(void **state)
{
	(void)state;
	struct call_presence_notice notice = {.count = CALL_PRESENCE_MAX};
	struct call_presence_notice decoded;
	for (int i = 0; i < CALL_PRESENCE_MAX; i++)
		notice.item[i] = (struct call_presence_item){{i % 2 == 0, {i + 1}}, {"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"}};
	const size_t bytes = call_presence_encode(&notice, body);
	assert_int_equal(bytes, 2 + CALL_PRESENCE_MAX * 42);
	assert_int_equal(body[0], NOTICE_PRESENCE);
	assert_int_equal(call_presence_decode(&decoded, body, bytes), MMS_OK);
	for (int i = 0; i < CALL_PRESENCE_MAX; i++) {
		assert_int_equal(decoded.item[i].presence.is_online, i % 2 == 0);
		assert_int_equal(decoded.item[i].presence.heard_at.ms, i + 1);
		assert_string_equal(decoded.item[i].name.text, notice.item[i].name.text);
	}
	check_lengths(decode_presence, body, bytes, false, 0);
	body[11] = 0; // nobody
	assert_int_equal(decode_presence(body, bytes), MMS_E_BAD);
	body[11] = 32;
	body[0] = NOTICE_DELIVERED;
	assert_int_equal(decode_presence(body, bytes), MMS_E_BAD);
	body[0] = NOTICE_PRESENCE;
	memcpy(body + bytes, body + 2, 42);
	body[1] = CALL_PRESENCE_MAX + 1;
	assert_int_equal(decode_presence(body, bytes + 42), MMS_E_BAD);
	body[1] = 0; // of nobody
	assert_int_equal(decode_presence(body, 2), MMS_E_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states), cmocka_unit_test(test_states_ok), cmocka_unit_test(test_delivered),
		cmocka_unit_test(test_watch),  cmocka_unit_test(test_watch_ok),  cmocka_unit_test(test_presence),
	};
	return cmocka_run_group_tests_name("call_state", tests, NULL, NULL);
}

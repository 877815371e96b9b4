// SPDX-License-Identifier: ISC
// msg/call: every body there and back, every truncation and every surplus byte refused, values that no body may have.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "call_lengths.h"
#include "msg/call.h"

static const struct name fred = {"fred"};
static const struct storage_mark mark = {{1, 2, 3}, 0x1122334455667788};
static const struct uuid id = {{9, 8, 7}};
enum { SUBMIT_KIND_AT = ID_BYTES + 1, DELIVER_FLAGS_AT = ID_BYTES + 8 };

// All decoders with one signature.
#define DECODER(kind) \
	static enum mms_err decode_##kind(const uint8_t *body, size_t bytes) \
	{ \
		struct call_##kind decoded; \
		return call_##kind##_decode(&decoded, body, bytes); \
	}
DECODER(signin)
DECODER(signin_ok)
DECODER(who)
DECODER(submit)
DECODER(accepted)
DECODER(deliver)
DECODER(notice)

static enum mms_err decode_page(const uint8_t *body, size_t bytes)
{
	struct call_who_ok page;
	struct name name;
	bool is_online;
	enum mms_err err = call_who_ok_decode(&page, body, bytes);
	while (err == MMS_OK && page.count > 0)
		err = call_who_user_read(&page, &name, &is_online) ? MMS_OK : MMS_E_BAD;
	return err;
}

static void test_signin(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	for (int flags = 0; flags < 8; flags++) {
		static const uint8_t no_proof[INVITE_PROOF_BYTES];
		const struct call_signin signin = {
			(flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, mark, fred, {5, 6}};
		struct call_signin decoded;
		memset(&decoded, 0xa5, sizeof decoded);
		const size_t bytes = call_signin_encode(&signin, body);
		assert_int_equal(bytes, 1u + 24 + 5 + ((flags & 2) != 0 ? 32 : 0));
		assert_int_equal(body[0], flags);
		assert_int_equal(call_signin_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.is_receiving, signin.is_receiving);
		assert_int_equal(decoded.has_proof, signin.has_proof);
		assert_int_equal(decoded.wants_delivered, signin.wants_delivered);
		assert_memory_equal(&decoded.mark, &mark, sizeof mark);
		assert_string_equal(decoded.name.text, "fred");
		assert_memory_equal(decoded.proof, signin.has_proof ? signin.proof : no_proof, sizeof no_proof);
		check_lengths(decode_signin, body, bytes, false, 0);
		body[0] = (uint8_t)(flags | 0xf8); // flags of no meaning yet
		assert_int_equal(call_signin_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.is_receiving, signin.is_receiving);
		assert_int_equal(decoded.has_proof, signin.has_proof);
		assert_int_equal(decoded.wants_delivered, signin.wants_delivered);
	}
	const struct call_signin signin = {.is_receiving = true, .mark = mark, .name = fred};
	struct call_signin decoded;
	const size_t bytes = call_signin_encode(&signin, body);
	body[26] = '/';
	assert_int_equal(call_signin_decode(&decoded, body, bytes), MMS_E_BAD); // a letter no name has
	body[25] = 0;
	assert_int_equal(call_signin_decode(&decoded, body, 26), MMS_E_BAD); // an empty name
	body[25] = 33;
	memset(body + 26, 'a', 33);
	assert_int_equal(call_signin_decode(&decoded, body, 26 + 33), MMS_E_BAD); // too long a name
}

static void test_signin_ok(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	for (int flags = 0; flags < 4; flags++) {
		const struct call_signin_ok ok = {
			(flags & 1) != 0, (flags & 2) != 0, mark, 77, 88, fred, {5, 6}};
		struct call_signin_ok decoded;
		const size_t bytes = call_signin_ok_encode(&ok, body);
		assert_int_equal(body[0], flags);
		assert_int_equal(call_signin_ok_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.is_reoffer_wanted, ok.is_reoffer_wanted);
		assert_int_equal(decoded.has_proof, ok.has_proof);
		assert_int_equal(decoded.waiting_count, 77);
		assert_int_equal(decoded.history_count, 88);
		assert_memory_equal(&decoded.mark, &mark, sizeof mark);
		assert_string_equal(decoded.name.text, "fred");
		check_lengths(decode_signin_ok, body, bytes, false, 0);
		body[0] = (uint8_t)(flags | 0xfc);
		assert_int_equal(call_signin_ok_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.is_reoffer_wanted, ok.is_reoffer_wanted);
		assert_int_equal(decoded.has_proof, ok.has_proof);
	}
}

static void test_submit_and_accepted(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	char text[TEXT_BYTES_MAX];
	memset(text, 'm', sizeof text);
	struct call_submit submit = {id, MESSAGE_WRITTEN, MESSAGE_UTF8, {fred, false}, (const uint8_t *)text, sizeof text};
	struct call_submit decoded;
	size_t bytes = call_submit_encode(&submit, body);
	assert_int_equal(bytes, 16 + 3 + 5 + sizeof text);
	assert_int_equal(call_submit_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(decoded.text_bytes, sizeof text);
	assert_memory_equal(decoded.text, text, sizeof text);
	assert_memory_equal(&decoded.id, &id, sizeof id);
	submit.text_bytes = 3;
	bytes = call_submit_encode(&submit, body);
	check_lengths(decode_submit, body, bytes, true, bytes - 3); // any text, also none: that is BAD_TEXT
	for (int kind = 0; kind < 256; kind++) {
		body[SUBMIT_KIND_AT] = (uint8_t)kind;
		const bool is_server_kind = kind >= 2 && kind <= 5;
		assert_int_equal(call_submit_decode(&decoded, body, bytes), is_server_kind ? MMS_E_BAD : MMS_OK);
		assert_true(is_server_kind || decoded.kind == kind);
	}
	body[SUBMIT_KIND_AT] = 1;
	body[SUBMIT_KIND_AT - 1] = 0xff; // flags of no meaning yet
	body[SUBMIT_KIND_AT + 1] = 77;   // a form of a later version
	assert_int_equal(call_submit_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(decoded.form, 77);
	assert_false(decoded.recipient.is_room);
	assert_string_equal(decoded.recipient.name.text, "fred");
	body[SUBMIT_KIND_AT + 3] = '/';
	assert_int_equal(decode_submit(body, bytes), MMS_E_BAD); // a letter no name has
	submit.recipient.is_room = true;
	bytes = call_submit_encode(&submit, body);
	assert_int_equal(bytes, 16 + 3 + 6 + 3);
	assert_int_equal(body[SUBMIT_KIND_AT + 3], '#');
	assert_int_equal(call_submit_decode(&decoded, body, bytes), MMS_OK);
	assert_true(decoded.recipient.is_room);
	assert_string_equal(decoded.recipient.name.text, "fred");

	const struct call_accepted accepted = {true, mark};
	struct call_accepted verdict;
	bytes = call_accepted_encode(&accepted, body);
	assert_int_equal(bytes, 25);
	assert_int_equal(call_accepted_decode(&verdict, body, bytes), MMS_OK);
	assert_true(verdict.was_online);
	assert_memory_equal(&verdict.mark, &mark, sizeof mark);
	check_lengths(decode_accepted, body, bytes, false, 0);
	body[0] = 0xfe;
	assert_int_equal(call_accepted_decode(&verdict, body, bytes), MMS_OK);
	assert_false(verdict.was_online);
}

static void test_deliver(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	char text[TEXT_BYTES_MAX + 1];
	memset(text, 'm', sizeof text);
	struct call_deliver deliver = {
		.id = id,
		.accepted_at = {1800000000123},
		.is_history = true,
		.kind = MESSAGE_WRITTEN,
		.form = MESSAGE_UTF8,
		.room_id = {{7, 7, 7}},
		.room_row = INT64_MAX,
		.conversation = {.is_room = true},
		.text = (const uint8_t *)text,
		.text_bytes = TEXT_BYTES_MAX,
	};
	struct call_deliver decoded;
	memset(deliver.sender.text, 'n', NAME_BYTES_MAX);
	memset(deliver.conversation.name.text, 'r', NAME_BYTES_MAX);
	size_t bytes = call_deliver_encode(&deliver, body);
	assert_int_equal(bytes, CALL_DELIVER_BYTES_MAX);
	assert_int_equal(call_deliver_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(decoded.accepted_at.ms, 1800000000123);
	assert_int_equal(decoded.text_bytes, TEXT_BYTES_MAX);
	assert_int_equal(decoded.room_row, INT64_MAX);
	assert_memory_equal(&decoded.room_id, &deliver.room_id, sizeof deliver.room_id);
	assert_true(decoded.is_history && decoded.conversation.is_room && !decoded.is_own);
	assert_int_equal(name_bytes(&decoded.conversation.name), NAME_BYTES_MAX);
	body[bytes] = 'm';
	assert_int_equal(call_deliver_decode(&decoded, body, bytes + 1), MMS_E_BAD); // text beyond the limit
	body[ID_BYTES] = 0x80;
	assert_int_equal(call_deliver_decode(&decoded, body, bytes), MMS_OK); // a time beyond what we can hold
	assert_int_equal(decoded.accepted_at.ms, INT64_MAX);
	deliver.text_bytes = 4;
	bytes = call_deliver_encode(&deliver, body);
	check_lengths(decode_deliver, body, bytes, true, bytes - 3); // at least one byte of text
	body[DELIVER_FLAGS_AT + 12 + ROOM_ID_BYTES] = '/';
	assert_int_equal(decode_deliver(body, bytes), MMS_E_BAD); // a letter no name has
}

// The conversation, the flags, the room's id and its row say the same, or it is no delivery.
static void test_deliver_is_of_one_mind(void **state)
{
	(void)state;
	static const char *const names[] = {"", "Tim", "#lounge"};
	static const uint64_t rows[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1};
	for (unsigned chosen = 0; chosen < 16 * 3 * 4 * 2; chosen++) {
		const uint8_t flags = chosen % 16;
		const unsigned name = chosen / 16 % 3;
		const unsigned row = chosen / 48 % 4;
		const bool has_room_id = chosen / 192 == 1;
		uint8_t body[CALL_BODY_BYTES_MAX] = {0};
		struct writer writer = writer_of(body, sizeof body);
		struct call_deliver decoded;
		assert_true(write_zeros(&writer, ID_BYTES + 8) && write_u8(&writer, flags) && write_u8(&writer, 1) &&
			    write_u8(&writer, 1) && write_u64(&writer, has_room_id) && write_u64(&writer, rows[row]) &&
			    write_u8(&writer, 4) && write_bytes(&writer, "fred", 4) &&
			    write_u8(&writer, (uint8_t)strlen(names[name])) &&
			    write_bytes(&writer, names[name], strlen(names[name])) && write_u8(&writer, 'x'));
		const bool is_of_room = (flags & 2) != 0;
		const bool is_good = is_of_room ? name == 2 && (row == 1 || row == 2) && has_room_id
						: row == 0 && name == ((flags & 1) != 0 ? 1 : 0) && !has_room_id;
		assert_int_equal(call_deliver_decode(&decoded, body, writer.used_bytes), is_good ? MMS_OK : MMS_E_BAD);
		if (!is_good)
			continue;
		assert_int_equal(decoded.conversation.is_room, is_of_room);
		assert_int_equal(room_id_is_set(&decoded.room_id), is_of_room);
		assert_int_equal(decoded.is_own, flags & 1);
		assert_int_equal(decoded.is_history, (flags & 4) != 0);
		assert_string_equal(decoded.conversation.name.text, is_of_room ? "lounge" : names[name]);
	}
}

// What nobody wrote may be of nobody; kinds and forms of a later version are taken.
static void test_deliver_of_nobody(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_deliver decoded;
	for (int kind = 0; kind < 256; kind++) {
		const struct call_deliver deliver = {
			.kind = (uint8_t)kind, .form = (uint8_t)(255 - kind), .text = (const uint8_t *)"x", .text_bytes = 1};
		const size_t bytes = call_deliver_encode(&deliver, body);
		assert_int_equal(call_deliver_decode(&decoded, body, bytes), kind == 1 ? MMS_E_BAD : MMS_OK);
		assert_int_equal(decoded.kind, kind);
		assert_int_equal(decoded.form, 255 - kind);
		if (kind == 2)
			check_lengths(decode_deliver, body, bytes, true, bytes);
	}
	const struct call_deliver renamed = {.is_own = true,
					     .kind = MESSAGE_RENAMED,
					     .sender = fred,
					     .conversation = {fred, false},
					     .text = (const uint8_t *)"x",
					     .text_bytes = 1};
	const size_t bytes = call_deliver_encode(&renamed, body);
	assert_int_equal(call_deliver_decode(&decoded, body, bytes), MMS_OK);
	assert_string_equal(decoded.sender.text, "fred");
	assert_true(decoded.is_own);
	check_lengths(decode_deliver, body, bytes, true, bytes);
}

static void test_notice(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_notice decoded;
	for (int what = NOTICE_REPLACED; what <= NOTICE_GAP; what++) {
		const struct call_notice notice = {(enum notice_what)what, id, 42};
		const size_t bytes = call_notice_encode(&notice, body);
		assert_int_equal(bytes, what == NOTICE_GAP ? 25 : 1);
		assert_int_equal(call_notice_decode(&decoded, body, bytes), MMS_OK);
		assert_int_equal(decoded.what, what);
		assert_int_equal(decoded.count, what == NOTICE_GAP ? 42 : 0);
		check_lengths(decode_notice, body, bytes, false, 0);
	}
	body[0] = 0;
	assert_int_equal(call_notice_decode(&decoded, body, 1), MMS_E_BAD);
	body[0] = NOTICE_DELIVERED; // these two have decoders of their own
	assert_int_equal(call_notice_decode(&decoded, body, 1), MMS_E_BAD);
	body[0] = NOTICE_PRESENCE;
	assert_int_equal(call_notice_decode(&decoded, body, 1), MMS_E_BAD);
	body[0] = 200; // of a later version
	assert_int_equal(call_notice_decode(&decoded, body, 1), MMS_E_BAD);
	const uint64_t counts[] = {0, 1, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		const struct call_notice gap = {NOTICE_GAP, id, counts[i]};
		const size_t bytes = call_notice_encode(&gap, body);
		const bool is_good = counts[i] >= 1 && counts[i] <= INT64_MAX;
		assert_int_equal(call_notice_decode(&decoded, body, bytes), is_good ? MMS_OK : MMS_E_BAD);
		assert_int_equal(call_notice_decode(&decoded, body, bytes - 1), MMS_E_BAD);
	}
}

static void test_who(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_who who = {7, 30};
	struct call_who decoded;
	const size_t bytes = call_who_encode(&who, body);
	assert_int_equal(call_who_decode(&decoded, body, bytes), MMS_OK);
	assert_int_equal(decoded.generation, 7);
	assert_int_equal(decoded.first, 30);
	check_lengths(decode_who, body, bytes, false, 0);
}

static size_t page_of(uint8_t *body, uint32_t total_count, uint32_t first, uint16_t count)
{
	struct writer writer = writer_of(body, CALL_BODY_BYTES_MAX);
	call_who_page_begin(&writer, 3, total_count, first);
	for (uint16_t i = 0; i < count; i++)
		assert_true(call_who_page_add(&writer, &fred, i % 2 == 0));
	return call_who_page_end(&writer, count);
}

static void test_page(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_who_ok page;
	struct name name;
	bool is_online;
	size_t bytes = page_of(body, 10, 4, 3);
	assert_int_equal(call_who_ok_decode(&page, body, bytes), MMS_OK);
	assert_int_equal(page.generation, 3);
	assert_int_equal(page.total_count, 10);
	assert_int_equal(page.first, 4);
	assert_int_equal(page.count, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(call_who_user_read(&page, &name, &is_online));
		assert_string_equal(name.text, "fred");
		assert_int_equal(is_online, i % 2 == 0);
	}
	assert_false(call_who_user_read(&page, &name, &is_online)); // there are no more
	check_lengths(decode_page, body, bytes, false, 0);
	body[14] = 0xfe; // flags of no meaning yet
	assert_int_equal(call_who_ok_decode(&page, body, bytes), MMS_OK);
	assert_true(call_who_user_read(&page, &name, &is_online));
	assert_false(is_online);
	// Pages that cannot be: beyond the total, or empty though there are more to come, to be asked for for ever.
	assert_int_equal(decode_page(body, page_of(body, 6, 4, 3)), MMS_E_BAD);
	assert_int_equal(decode_page(body, page_of(body, 3, 4, 0)), MMS_E_BAD);
	assert_int_equal(decode_page(body, page_of(body, 5, 4, 0)), MMS_E_BAD);
	assert_int_equal(decode_page(body, page_of(body, 4, 4, 0)), MMS_OK);
	assert_int_equal(decode_page(body, page_of(body, 4, 4, 0) + 1), MMS_E_BAD); // an end, and more behind it
}

static void test_page_full(void **state)
{
	(void)state;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct writer writer = writer_of(body, sizeof body);
	uint16_t count = 0;
	call_who_page_begin(&writer, 1, 10000, 0);
	while (call_who_page_add(&writer, &fred, true))
		count++;
	assert_int_equal(count, (CALL_BODY_BYTES_MAX - 14) / 6);
	assert_int_equal(decode_page(body, call_who_page_end(&writer, count)), MMS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signin),
		cmocka_unit_test(test_signin_ok),
		cmocka_unit_test(test_submit_and_accepted),
		cmocka_unit_test(test_deliver),
		cmocka_unit_test(test_deliver_is_of_one_mind),
		cmocka_unit_test(test_deliver_of_nobody),
		cmocka_unit_test(test_notice),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_page_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: ISC
// Tests of ui/json.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "ui/filter.h"
#include "ui/json.h"

static struct name name_of(const char *text)
{
	struct name name;
	assert_true(name_parse(&name, text, strlen(text)));
	return name;
}

static struct json_message message_of(const char *text, size_t bytes)
{
	struct json_message message = {.from = name_of("francoc"), .to = {.name = name_of("fred")}, .time = {1795341600123},
				       .text = text, .text_bytes = bytes};
	for (size_t i = 0; i < ID_BYTES; i++)
		message.id.bytes[i] = (uint8_t)(i * 17);
	return message;
}

static void test_the_form_of_a_message(void **state)
{
	(void)state;
	struct json_line line;
	const struct json_message message = message_of("hi \"fred\" \\ \xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80", 21);
	assert_int_equal(json_of_message(&line, &message), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"id\":\"00112233-4455-6677-8899-aabbccddeeff\",\"from\":\"francoc\","
				       "\"to\":\"fred\",\"time\":\"2026-11-22T10:00:00.123Z\","
				       "\"text\":\"hi \\\"fred\\\" \\\\ \xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80\"}\n");
	assert_int_equal(line.bytes, strlen(line.text));
}

static void test_the_form_of_a_user(void **state)
{
	(void)state;
	struct json_line line;
	const struct name fred = name_of("fred");
	assert_int_equal(json_of_user(&line, &fred, true), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"user\":\"fred\",\"online\":true}\n");
	assert_int_equal(json_of_user(&line, &fred, false), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"user\":\"fred\",\"online\":false}\n");
	assert_int_equal(line.bytes, strlen(line.text));
}

static void test_the_form_of_a_gap(void **state)
{
	(void)state;
	struct json_line line;
	assert_int_equal(json_of_gap(&line, 12345678901, &(struct message_to){.name = {""}}, 0), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"gap\":12345678901}\n");
}

static struct message_to room_of(const char *text)
{
	struct message_to to;
	assert_true(message_to_parse(&to, text, strlen(text)));
	assert_true(to.is_room);
	return to;
}

static void test_the_form_of_what_is_said_in_a_room(void **state)
{
	(void)state;
	struct json_line line;
	struct json_message message = message_of("hi", 2);
	message.to = room_of("#ops");
	message.row = 17;
	assert_int_equal(json_of_message(&line, &message), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"id\":\"00112233-4455-6677-8899-aabbccddeeff\",\"from\":\"francoc\","
				       "\"to\":\"#ops\",\"time\":\"2026-11-22T10:00:00.123Z\",\"text\":\"hi\",\"row\":17}\n");
	message.is_history = true;
	assert_int_equal(json_of_message(&line, &message), MMS_OK);
	assert_non_null(strstr(line.text, "\"text\":\"hi\",\"row\":17,\"history\":true}\n"));
	assert_int_equal(json_of_gap(&line, 3, &message.to, 9), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"gap\":3,\"to\":\"#ops\",\"row\":9}\n");
}

static void test_the_form_of_an_event(void **state)
{
	(void)state;
	struct json_line line;
	struct json_event event = {
		.kind = MESSAGE_JOINED, .by = name_of("fred"), .to = room_of("#ops"), .about = {.name = name_of("Tim")}, .row = 2};
	assert_int_equal(json_of_event(&line, &event), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"id\":\"00000000-0000-0000-0000-000000000000\",\"event\":\"joined\",\"user\":\"Tim\","
				       "\"by\":\"fred\",\"to\":\"#ops\",\"time\":\"1970-01-01T00:00:00.000Z\",\"row\":2}\n");
	event.kind = MESSAGE_LEFT;
	assert_int_equal(json_of_event(&line, &event), MMS_OK);
	assert_non_null(strstr(line.text, "\"event\":\"left\""));
	event.kind = MESSAGE_REMOVED;
	event.by = (struct name){""};
	assert_int_equal(json_of_event(&line, &event), MMS_OK);
	assert_non_null(strstr(line.text, "\"event\":\"removed\",\"user\":\"Tim\",\"to\""));
	event.kind = MESSAGE_RENAMED;
	event.about = room_of("#old");
	event.is_history = true;
	assert_int_equal(json_of_event(&line, &event), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"id\":\"00000000-0000-0000-0000-000000000000\",\"event\":\"renamed\",\"was\":\"#old\","
				       "\"to\":\"#ops\",\"time\":\"1970-01-01T00:00:00.000Z\",\"row\":2,\"history\":true}\n");
}

static void test_unknown(void **state)
{
	(void)state;
	struct json_line line;
	struct json_message message = {.from = {"Tim"}, .to = {.name = {"fred"}}, .time = {0}, .text = "\xff", .text_bytes = 1};
	assert_int_equal(json_of_unknown(&line, &message), MMS_OK);
	assert_string_equal(line.text, "{\"v\":1,\"id\":\"00000000-0000-0000-0000-000000000000\",\"from\":\"Tim\",\"to\":\"fred\","
				       "\"time\":\"1970-01-01T00:00:00.000Z\",\"unsupported\":true}\n");
	message.from = (struct name){""};
	assert_int_equal(json_of_unknown(&line, &message), MMS_OK);
	assert_null(strstr(line.text, "from"));
}

// Everything a message may contain comes back from a JSON reader, and nothing dangerous stands in the line.
static void test_dangerous_text_is_escaped_and_comes_back(void **state)
{
	(void)state;
	static const char text[] = "\x1b[2J\x7f\xc2\x85\xc2\x9b\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6\xd8\x9c"
				   "\n\t\r\\u001b";
	struct json_line line;
	const struct json_message message = message_of(text, sizeof text - 1);
	assert_int_equal(json_of_message(&line, &message), MMS_OK);
	assert_non_null(strstr(line.text,
			       "\"\\u001B[2J\\u007f\\u0085\\u009b\\u202e\\u2028\\u2066\\u061c\\n\\t\\r\\\\u001b\"}"));
	json_t *object = json_loads(line.text, 0, NULL);
	assert_non_null(object);
	const json_t *read_back = json_object_get(object, "text");
	assert_int_equal(json_string_length(read_back), sizeof text - 1);
	assert_memory_equal(json_string_value(read_back), text, sizeof text - 1);
	json_decref(object);
}

static void test_the_longest_line_fits(void **state)
{
	(void)state;
	char text[TEXT_BYTES_MAX];
	memset(text, 0x01, sizeof text);
	struct json_message message = message_of(text, sizeof text);
	message.from = message.to.name = name_of("abcdefghijabcdefghijabcdefghij12");
	struct json_line line;
	assert_int_equal(json_of_message(&line, &message), MMS_OK);
	assert_true(line.bytes > 6 * sizeof text);
	assert_int_equal(line.text[line.bytes - 1], '\n');
}

static void test_what_is_not_a_message(void **state)
{
	(void)state;
	struct json_line line;
	struct json_message message = message_of("\xff", 1);
	assert_int_equal(json_of_message(&line, &message), MMS_E_BAD);
	message = message_of("a\0b", 3);
	assert_int_equal(json_of_message(&line, &message), MMS_E_BAD);
	message = message_of("", 0);
	assert_int_equal(json_of_message(&line, &message), MMS_E_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_the_form_of_a_message),
		cmocka_unit_test(test_the_form_of_a_user),
		cmocka_unit_test(test_the_form_of_a_gap),
		cmocka_unit_test(test_the_form_of_what_is_said_in_a_room),
		cmocka_unit_test(test_the_form_of_an_event),
		cmocka_unit_test(test_dangerous_text_is_escaped_and_comes_back),
		cmocka_unit_test(test_the_longest_line_fits),
		cmocka_unit_test(test_what_is_not_a_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: ISC
// The operator's socket: bytes of any kind as a request, as it comes in pieces, and as lines of an answer. Held: what is refused says
// why in one printable line; what is taken is, written again, the same request; no line reaches beyond its bytes; a device, a room or
// a member that is read is written as it was.
#include "fuzz.h"
#include "node/operator.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void check_request(const char *text, size_t bytes)
{
	static struct operator_request request, again;
	char written[OPERATOR_REQUEST_BYTES_MAX];
	struct reason why = {""};
	if (operator_request_decode(&request, text, bytes, &why) != MMS_OK) {
		assert(strlen(why.text) > 0 && strlen(why.text) < sizeof why.text - 1);
		return;
	}
	assert(operator_request_bytes(text, bytes) == bytes); // nothing behind its end is taken
	const size_t written_bytes = operator_request_encode(&request, written);
	assert(operator_request_bytes(written, written_bytes) == written_bytes);
	assert(operator_request_decode(&again, written, written_bytes, &why) == MMS_OK);
	assert(memcmp(&request, &again, sizeof request) == 0);
	assert(operator_verb_word(request.verb) != NULL);
}

static void check_device(const struct operator_line *line)
{
	struct storage_listed device, again;
	struct operator_line read;
	char text[OPERATOR_DEVICE_BYTES_MAX];
	size_t used = 0;
	if (!operator_device_read(&device, line->value, line->value_bytes))
		return;
	operator_device_write(text, sizeof text, &used, &device);
	assert(operator_line_read(&read, text, used) == used && operator_line_is(&read, OPERATOR_KEY_DEVICE));
	assert(operator_device_read(&again, read.value, read.value_bytes));
	assert(memcmp(&device, &again, sizeof device) == 0);
}

static void check_room(const struct operator_line *line)
{
	struct storage_room room, again;
	struct operator_line read;
	char text[OPERATOR_ROOM_BYTES_MAX];
	size_t used = 0;
	if (!operator_room_read(&room, line->value, line->value_bytes))
		return;
	operator_room_write(text, sizeof text, &used, &room);
	assert(operator_line_read(&read, text, used) == used && operator_line_is(&read, OPERATOR_KEY_ROOM));
	assert(operator_room_read(&again, read.value, read.value_bytes));
	assert(memcmp(&room, &again, sizeof room) == 0);
}

static void check_member(const struct operator_line *line)
{
	struct storage_member member, again;
	struct operator_line read;
	char text[OPERATOR_MEMBER_BYTES_MAX];
	size_t used = 0;
	if (!operator_member_read(&member, line->value, line->value_bytes))
		return;
	operator_member_write(text, sizeof text, &used, &member);
	assert(operator_line_read(&read, text, used) == used && operator_line_is(&read, OPERATOR_KEY_MEMBER));
	assert(operator_member_read(&again, read.value, read.value_bytes));
	assert(memcmp(&member, &again, sizeof member) == 0);
}

static void check_lines(const char *text, size_t bytes)
{
	struct operator_line line;
	size_t line_bytes;
	while ((line_bytes = operator_line_read(&line, text, bytes)) > 0) {
		assert(line_bytes <= bytes && text[line_bytes - 1] == '\n');
		assert(line.key_bytes + line.value_bytes + 2 == line_bytes || line_bytes == 1);
		if (line_bytes > 1)
			assert(line.key == text && line.value + line.value_bytes == text + line_bytes - 1);
		check_device(&line);
		check_room(&line);
		check_member(&line);
		text += line_bytes;
		bytes -= line_bytes;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *text = (const char *)data;
	if (bytes > OPERATOR_REQUEST_BYTES_MAX)
		return 0;
	check_request(text, bytes);
	const size_t request_bytes = operator_request_bytes(text, bytes);
	for (size_t some = 0; some < request_bytes; some++)
		assert(operator_request_bytes(text, some) == 0);
	if (request_bytes > 0)
		check_request(text, request_bytes);
	check_lines(text, bytes);
	return 0;
}

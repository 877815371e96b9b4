// SPDX-License-Identifier: ISC
// The file of pinned keys. Held: a key that is found stands in the file behind its server; what is refused is refused
// with the line; a pin that is added is found, and every byte that was there before is still there.
#include "fuzz_scratch.h"
#include "cmd/pins.h"
#include "crypto/base64url.h"
#include "crypto/crypto.h"

enum { FILE_BYTES_MAX = 2000 };

static char *path;
static const struct server_address address = {.host = "a", .port = 1060};

static void check_reason(const struct reason *why)
{
	const size_t bytes = strlen(why->text);
	assert(bytes > 0 && strchr(why->text, '\n') == NULL);
}

// Whether a line of the file says so.
static bool stands_in(const char *text, size_t bytes, const uint8_t key[NOISE_KEY_BYTES])
{
	char line[64] = "a:1060 ";
	base64url_encode(key, NOISE_KEY_BYTES, line + 7);
	const size_t line_bytes = strlen(line);
	for (size_t at = 7; at + line_bytes - 7 <= bytes; at++) {
		size_t end = at; // of the name before it; blanks may stand around both
		while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t'))
			end--;
		if (memcmp(text + at, line + 7, line_bytes - 7) == 0 && end < at && end >= 6 &&
		    (text[end - 6] == 'a' || text[end - 6] == 'A') && memcmp(text + end - 5, line + 1, 5) == 0)
			return true;
	}
	return false;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	scratch_enter();
	path = strdup(scratch_path(&scratch, "known_servers"));
	return crypto_init() == MMS_OK ? 0 : 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const uint8_t key[NOISE_KEY_BYTES] = {1, 2, 3};
	static char after[FILE_BYTES_MAX + 512];
	uint8_t found[NOISE_KEY_BYTES];
	struct reason why = {""};
	if (bytes > FILE_BYTES_MAX)
		return 0;
	scratch_write(path, data, bytes);
	const enum mms_err err = pins_find(scratch.directory, &address, found, &why);
	assert(err == MMS_OK || err == MMS_E_MISSING || err == MMS_E_BAD);
	if (err == MMS_OK)
		assert(stands_in((const char *)data, bytes, found));
	if (err == MMS_E_BAD)
		check_reason(&why);

	const enum mms_err added = pins_add(scratch.directory, &address, key, &why);
	const size_t after_bytes = scratch_read(path, after, sizeof after);
	assert(after_bytes >= bytes && (bytes == 0 || memcmp(after, data, bytes) == 0));
	if (err != MMS_E_MISSING) {
		assert(added != MMS_OK || memcmp(found, key, sizeof key) == 0);
		assert(after_bytes == bytes);
		return 0;
	}
	assert(added == MMS_OK && stands_in(after, after_bytes, key));
	const enum mms_err again = pins_find(scratch.directory, &address, found, &why);
	assert(again == MMS_OK && memcmp(found, key, sizeof key) == 0);
	return 0;
}

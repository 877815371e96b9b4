// SPDX-License-Identifier: ISC
// The file known_servers; the contract is in pins.h.
#include "cmd/pins.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "crypto/hash.h"
#include "os/file.h"
#include "os/lock.h"

enum {
	KEY_TEXT_BYTES = 43,
	PINS_FILE_BYTES_MAX = 16 * 1024 * 1024,
};

void pins_server_text(const struct server_address *address, char text[PINS_SERVER_TEXT_BYTES])
{
	const bool is_ipv6 = strchr(address->host, ':') != NULL;
	snprintf(text, PINS_SERVER_TEXT_BYTES, is_ipv6 ? "[%s]:%u" : "%s:%u", address->host, address->port);
}

enum mms_err pins_path(struct file_path *path, const char *state, struct reason *why)
{
	return paths_join(path, state, "known_servers", why);
}

// One line: blank, a comment, or a pin. False: none of these.
static bool parse_line(const char *line, size_t bytes, const char **server, size_t *server_bytes,
		       uint8_t key[NOISE_KEY_BYTES])
{
	*server = line;
	*server_bytes = 0;
	if (bytes == 0 || line[0] == '#')
		return true;
	const char *blank = memchr(line, ' ', bytes);
	if (blank == NULL || blank == line)
		return false;
	const size_t key_at = (size_t)(blank - line) + 1;
	*server_bytes = key_at - 1;
	return bytes - key_at == KEY_TEXT_BYTES && base64url_decode(line + key_at, KEY_TEXT_BYTES, key, NOISE_KEY_BYTES);
}

static enum mms_err find_in(const char *text, size_t bytes, const char *path, const char *wanted,
			    uint8_t key[NOISE_KEY_BYTES], struct reason *why)
{
	unsigned line_number = 0;
	for (size_t at = 0; at < bytes;) {
		const char *end = memchr(text + at, '\n', bytes - at);
		const size_t line_bytes = end == NULL ? bytes - at : (size_t)(end - (text + at));
		uint8_t pinned[NOISE_KEY_BYTES] = {0};
		const char *server;
		size_t server_bytes;
		line_number++;
		if (!parse_line(text + at, line_bytes, &server, &server_bytes, pinned)) {
			snprintf(why->text, sizeof why->text,
				 "%s:%u: not a pinned server; a line reads HOST:PORT KEY: mend it or take it out", path,
				 line_number);
			return MMS_E_BAD;
		}
		if (server_bytes == strlen(wanted) && strncasecmp(server, wanted, server_bytes) == 0) {
			memcpy(key, pinned, NOISE_KEY_BYTES);
			return MMS_OK;
		}
		at += line_bytes + 1;
	}
	return MMS_E_MISSING;
}

enum mms_err pins_find(const char *state, const struct server_address *address, uint8_t key[NOISE_KEY_BYTES],
		       struct reason *why)
{
	struct file_path path;
	char wanted[PINS_SERVER_TEXT_BYTES];
	char *text = NULL;
	size_t bytes = 0;
	enum mms_err err = pins_path(&path, state, why);
	if (err == MMS_OK)
		err = file_read(path.text, PINS_FILE_BYTES_MAX, &text, &bytes, why);
	if (err != MMS_OK)
		return err;
	pins_server_text(address, wanted);
	err = find_in(text, bytes, path.text, wanted, key, why);
	free(text);
	return err;
}

enum mms_err pins_add(const char *state, const struct server_address *address, const uint8_t key[NOISE_KEY_BYTES],
		      struct reason *why)
{
	struct file_path path;
	struct file_path lock_path;
	struct lock lock = {0};
	char server[PINS_SERVER_TEXT_BYTES];
	char key_text[KEY_TEXT_BYTES + 1];
	uint8_t pinned[NOISE_KEY_BYTES];
	char *text = NULL;
	char *edited = NULL;
	size_t bytes = 0;
	enum mms_err err = pins_path(&path, state, why);
	if (err == MMS_OK)
		err = paths_join(&lock_path, state, "known_servers.lock", why);
	if (err == MMS_OK)
		err = lock_take_blocking(&lock, lock_path.text, why);
	if (err != MMS_OK)
		goto out;
	err = file_read(path.text, PINS_FILE_BYTES_MAX, &text, &bytes, why);
	if (err != MMS_OK && err != MMS_E_MISSING)
		goto out;
	const char *old = text == NULL ? "" : text;
	pins_server_text(address, server);
	err = find_in(old, bytes, path.text, server, pinned, why);
	if (err == MMS_OK && memcmp(pinned, key, NOISE_KEY_BYTES) != 0) {
		snprintf(why->text, sizeof why->text,
			 "another program has pinned another key for %.200s in %.400s meanwhile: find out which is right", server,
			 path.text);
		err = MMS_E_EXISTS;
	}
	if (err != MMS_E_MISSING)
		goto out;
	const size_t room = bytes + sizeof server + sizeof key_text + 3;
	edited = malloc(room);
	if (edited == NULL) {
		snprintf(why->text, sizeof why->text, "cannot write %s: not enough memory; end other programs", path.text);
		err = MMS_E_FULL;
		goto out;
	}
	base64url_encode(key, NOISE_KEY_BYTES, key_text);
	const bool ends_open = bytes > 0 && old[bytes - 1] != '\n';
	// By its length: what is behind a zero byte, in a comment, is as much worth keeping.
	struct writer writer = writer_of(edited, room);
	const bool fits = write_bytes(&writer, old, bytes) && (!ends_open || write_u8(&writer, '\n')) &&
			  write_bytes(&writer, server, strlen(server)) && write_u8(&writer, ' ') &&
			  write_bytes(&writer, key_text, KEY_TEXT_BYTES) && write_u8(&writer, '\n');
	assert(fits);
	err = file_replace(path.text, edited, writer.used_bytes, 0600, why);
out:
	free(text);
	free(edited);
	lock_release(&lock);
	return err;
}

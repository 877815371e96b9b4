// SPDX-License-Identifier: ISC
// The file known_servers; the contract is in pins.h.
#include "cmd/pins.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "crypto/base64url.h"
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

struct pin {
	struct server_address server;
	uint8_t key[NOISE_KEY_BYTES];
};

static bool is_blank(char letter)
{
	return letter == ' ' || letter == '\t';
}

// Reads HOST:PORT, blanks, KEY.
static bool parse_pin(const char *line, size_t bytes, struct pin *pin)
{
	char server[PINS_SERVER_TEXT_BYTES];
	struct reason why;
	size_t at = 0;
	while (at < bytes && !is_blank(line[at]))
		at++;
	if (at >= sizeof server || memchr(line, 0, at) != NULL)
		return false;
	memcpy(server, line, at);
	server[at] = 0;
	while (at < bytes && is_blank(line[at]))
		at++;
	return server_address_parse(&pin->server, server, 0, &why) == MMS_OK && !pin->server.has_fingerprint &&
	       bytes - at == KEY_TEXT_BYTES && base64url_decode(line + at, KEY_TEXT_BYTES, pin->key, NOISE_KEY_BYTES);
}

// One line without its '\n': blank, a comment, or a pin; blanks around it and a '\r' at its end do not count. False: none of
// these. A '\r' elsewhere may be the end of a line to whoever wrote the file, and a pin may stand behind it.
static bool parse_line(const char *line, size_t bytes, struct pin *pin, bool *is_pin)
{
	*is_pin = false;
	if (bytes > 0 && line[bytes - 1] == '\r')
		bytes--;
	if (memchr(line, '\r', bytes) != NULL)
		return false;
	while (bytes > 0 && is_blank(line[bytes - 1]))
		bytes--;
	for (; bytes > 0 && is_blank(line[0]); bytes--)
		line++;
	if (bytes == 0 || line[0] == '#')
		return true;
	*is_pin = parse_pin(line, bytes, pin);
	return *is_pin;
}

static bool is_same_server(const struct server_address *a, const struct server_address *b)
{
	struct in6_addr ip_a, ip_b; // which can be written in several ways
	if (a->port != b->port)
		return false;
	return strcasecmp(a->host, b->host) == 0 ||
	       (inet_pton(AF_INET6, a->host, &ip_a) == 1 && inet_pton(AF_INET6, b->host, &ip_b) == 1 &&
		memcmp(&ip_a, &ip_b, sizeof ip_a) == 0);
}

// What pin is looked for: that of a server, or of a key; the other one is NULL.
struct wanted {
	const struct server_address *server;
	const struct fingerprint *key;
};

static bool is_wanted(const struct pin *pin, const struct wanted *wanted)
{
	if (wanted->server != NULL)
		return is_same_server(&pin->server, wanted->server);
	const struct fingerprint fingerprint = hash_fingerprint(pin->key);
	return memcmp(fingerprint.bytes, wanted->key->bytes, sizeof fingerprint.bytes) == 0;
}

static enum mms_err find_in(const char *text, size_t bytes, const char *path, const struct wanted *wanted,
			    uint8_t key[NOISE_KEY_BYTES], struct reason *why)
{
	static const char bom[] = "\xef\xbb\xbf"; // what some editors put before UTF-8
	const size_t bom_bytes = sizeof bom - 1;
	unsigned line_number = 0;
	for (size_t at = bytes >= bom_bytes && memcmp(text, bom, bom_bytes) == 0 ? bom_bytes : 0; at < bytes;) {
		const char *end = memchr(text + at, '\n', bytes - at);
		const size_t line_bytes = end == NULL ? bytes - at : (size_t)(end - (text + at));
		struct pin pin;
		bool is_pin;
		line_number++;
		// A line that cannot be read may be the pin that is looked for: no other key is trusted in its place.
		if (!parse_line(text + at, line_bytes, &pin, &is_pin)) {
			snprintf(why->text, sizeof why->text,
				 "%s:%u: not a pinned server; a line reads HOST:PORT KEY, in ASCII: mend it or take it out", path,
				 line_number);
			return MMS_E_BAD;
		}
		if (is_pin && is_wanted(&pin, wanted)) {
			memcpy(key, pin.key, NOISE_KEY_BYTES);
			return MMS_OK;
		}
		at += line_bytes + 1;
	}
	return MMS_E_MISSING;
}

static enum mms_err find(const char *state, const struct wanted *wanted, uint8_t key[NOISE_KEY_BYTES], struct reason *why)
{
	struct file_path path;
	char *text = NULL;
	size_t bytes = 0;
	enum mms_err err = pins_path(&path, state, why);
	if (err == MMS_OK)
		err = file_read(path.text, PINS_FILE_BYTES_MAX, &text, &bytes, why);
	if (err != MMS_OK)
		return err;
	err = find_in(text, bytes, path.text, wanted, key, why);
	free(text);
	return err;
}

enum mms_err pins_find(const char *state, const struct server_address *address, uint8_t key[NOISE_KEY_BYTES],
		       struct reason *why)
{
	return find(state, &(struct wanted){.server = address}, key, why);
}

enum mms_err pins_find_key(const char *state, const struct fingerprint *fingerprint, struct reason *why)
{
	uint8_t key[NOISE_KEY_BYTES];
	return find(state, &(struct wanted){.key = fingerprint}, key, why);
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
	err = find_in(old, bytes, path.text, &(struct wanted){.server = address}, pinned, why);
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

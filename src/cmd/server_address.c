// SPDX-License-Identifier: ISC
// Where a server is; the contract is in server_address.h.
#include "cmd/server_address.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cmd/values.h"
#include "crypto/base64url.h"

static enum mms_err refuse(struct reason *why, const char *text, const char *what)
{
	snprintf(why->text, sizeof why->text, "\"%.100s\" is not a server's address: %s", text, what);
	return MMS_E_BAD;
}

// Host names and IP addresses with a scope (fe80::1%eth0); whether one resolves is not decided here.
static bool is_host(const char *host, size_t bytes)
{
	if (bytes == 0 || bytes >= SERVER_HOST_BYTES || host[0] == '-')
		return false;
	for (size_t i = 0; i < bytes; i++) {
		const uint8_t letter = (uint8_t)host[i];
		if (letter <= ' ' || letter >= 0x7f || strchr("[]/@\"", letter) != NULL)
			return false;
	}
	return true;
}

// Splits `text`, `bytes` bytes without a fingerprint, into host and port digits; NULL: no port.
static const char *split(const char *text, size_t bytes, const char **host, size_t *host_bytes, const char **port)
{
	const char *end = text + bytes;
	const char *colon;
	*port = NULL;
	if (bytes > 0 && text[0] == '[') {
		const char *bracket = memchr(text, ']', bytes);
		if (bracket == NULL)
			return "the bracket ] is missing; write [::1] or [::1]:1060";
		*host = text + 1;
		*host_bytes = (size_t)(bracket - *host);
		colon = bracket + 1;
		if (colon != end && *colon != ':')
			return "only :PORT may follow the bracket ]; write [::1] or [::1]:1060";
	} else {
		colon = memchr(text, ':', bytes);
		colon = colon == NULL ? end : colon;
		if (colon != end && memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL)
			return "an IPv6 address stands in brackets; write [::1] or [::1]:1060";
		*host = text;
		*host_bytes = (size_t)(colon - text);
	}
	if (colon != end)
		*port = colon + 1;
	return NULL;
}

// What is wrong with the port, NULL: nothing. Sets *port, which is what -p said, or 0.
static const char *read_port(const char *digits, size_t bytes, uint16_t *port)
{
	char text[32] = "";
	uint64_t number;
	// Longer is not a port; leading zeros do not need so many letters.
	if (bytes < sizeof text)
		memcpy(text, digits, bytes);
	if (values_number(text, 1, 65535, &number) != VALUES_OK)
		return "port out of range, it must be 1 to 65535";
	if (*port != 0 && *port != number)
		return "it has a port, and another one was given beside it; leave one away";
	*port = (uint16_t)number;
	return NULL;
}

enum mms_err server_address_parse(struct server_address *address, const char *text, uint16_t port, struct reason *why)
{
	const char *hash = strchr(text, '#');
	const size_t bytes = hash != NULL ? (size_t)(hash - text) : strlen(text);
	struct server_address parsed = {.has_fingerprint = hash != NULL};
	const char *host = NULL, *digits = NULL;
	size_t host_bytes = 0;
	const char *wrong = split(text, bytes, &host, &host_bytes, &digits);
	if (wrong != NULL)
		return refuse(why, text, wrong);
	if (!is_host(host, host_bytes))
		return refuse(why, text, "the host is missing or has letters no host has; write HOST or HOST:PORT");
	memcpy(parsed.host, host, host_bytes);
	if (digits != NULL)
		wrong = read_port(digits, (size_t)(text + bytes - digits), &port);
	if (wrong != NULL)
		return refuse(why, text, wrong);
	parsed.port = port != 0 ? port : SERVER_PORT_DEFAULT;
	if (hash != NULL && !base64url_decode(hash + 1, strlen(hash + 1), parsed.fingerprint.bytes,
					      sizeof parsed.fingerprint.bytes))
		return refuse(why, text, "behind # stands the fingerprint, 43 letters the server shows at its start");
	*address = parsed;
	return MMS_OK;
}

enum mms_err server_address_choose(struct server_address *address, const char *given, uint16_t port,
				   struct reason *why)
{
	if (given != NULL)
		return server_address_parse(address, given, port, why);
	const enum mms_err err = server_address_parse(address, environment_or(NULL, "MMS_SERVER", "127.0.0.1"), 0, why);
	if (err != MMS_OK) {
		const size_t said_bytes = strlen(why->text);
		snprintf(why->text + said_bytes, sizeof why->text - said_bytes, " (it comes from MMS_SERVER)");
	} else if (port != 0) {
		address->port = port;
	}
	return err;
}

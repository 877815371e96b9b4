// SPDX-License-Identifier: ISC
// What ended a wish to be somebody, in words and as a status; the contract is in device.h.
#include <stdio.h>

#include "cmd/device.h"
#include "cmd/exit.h"
#include "crypto/base64url.h"

static void say_key_changed(const struct phrase_out *out, const struct device *device)
{
	char wanted[FINGERPRINT_TEXT_BYTES];
	char shown[FINGERPRINT_TEXT_BYTES];
	struct fingerprint fingerprint = hash_fingerprint(device->life.shown_key);
	base64url_encode(fingerprint.bytes, sizeof fingerprint.bytes, shown);
	if (device->address.has_fingerprint) {
		struct reason why;
		base64url_encode(device->address.fingerprint.bytes, sizeof device->address.fingerprint.bytes, wanted);
		snprintf(why.text, sizeof why.text,
			 "the key of the server %s is %s, not %s as you gave it: ask its operator for the right fingerprint; "
			 "nothing was sent",
			 device->server_text, shown, wanted);
		phrase_say_of(out, PHRASE_FAILURE, why.text);
		return;
	}
	fingerprint = hash_fingerprint(device->life.server_key);
	base64url_encode(fingerprint.bytes, sizeof fingerprint.bytes, wanted);
	phrase_key_changed(out, device->server_text, wanted, shown, device->pins.text);
}

// What is queued is sent by nobody before the server lets this device in again, if it ever does.
static void say_not_authorized(const struct phrase_out *out, enum phrase phrase, const struct device *device)
{
	struct client_store *store = device->profile.store;
	uint64_t count = 0;
	phrase_say_of(out, phrase, device->life.wish.name.text);
	if (store != NULL && client_store_outbox_queued_count(store, &count) == MMS_OK && count > 0)
		phrase_stay_queued(out, count, PHRASE_QUEUE_DEVICE);
}

void device_say_stop(const struct device *device, const struct life_told *stopped, const struct phrase_out *out)
{
	const char *name = device->life.wish.name.text;
	switch (stopped->stop) {
	case LIFE_STOP_SIGNED_OUT:
		break;
	case LIFE_STOP_FAILED:
		phrase_say_of(out, PHRASE_FAILURE, device->why.text);
		break;
	case LIFE_STOP_STORE:
		phrase_say_of(out, PHRASE_FAILURE, client_store_reason(device->profile.store)->text);
		break;
	case LIFE_STOP_NO_HOST:
		phrase_say_of(out, PHRASE_FAILURE, device->host_why.text);
		break;
	case LIFE_STOP_REFUSED:
		if (device_stop_status(device, stopped) == EXIT_REFUSED)
			phrase_say(out, PHRASE_NO_ROOM_FOR_DEVICE);
		else
			say_not_authorized(out, PHRASE_NOT_AUTHORIZED, device);
		break;
	case LIFE_STOP_BROKEN:
		phrase_say_of(out, PHRASE_BROKEN, device->server_text);
		break;
	case LIFE_STOP_NOT_PROVED:
		phrase_say_of(out, PHRASE_NOT_PROVED, device->server_text);
		break;
	case LIFE_STOP_KEY:
		say_key_changed(out, device);
		break;
	case LIFE_STOP_VERSION:
		phrase_say(out, PHRASE_OTHER_VERSION);
		break;
	case LIFE_STOP_REPLACED:
		phrase_say_of(out, PHRASE_REPLACED, name);
		break;
	case LIFE_STOP_REMOVED:
		say_not_authorized(out, PHRASE_SUSPENDED, device);
		break;
	}
}

int device_stop_status(const struct device *device, const struct life_told *stopped)
{
	switch (stopped->stop) {
	case LIFE_STOP_FAILED:
		return device->failed_status;
	case LIFE_STOP_STORE:
		return EXIT_IO;
	case LIFE_STOP_NO_HOST:
		return EXIT_NO_HOST;
	case LIFE_STOP_REFUSED:
		return stopped->status == STATUS_SERVER_FULL ? EXIT_REFUSED : EXIT_DENIED;
	case LIFE_STOP_BROKEN:
	case LIFE_STOP_NOT_PROVED:
	case LIFE_STOP_KEY:
	case LIFE_STOP_VERSION:
		return EXIT_PROTOCOL;
	case LIFE_STOP_REPLACED:
		return EXIT_LATER;
	case LIFE_STOP_REMOVED:
		return EXIT_DENIED;
	case LIFE_STOP_SIGNED_OUT:
		break;
	}
	return EXIT_DONE;
}

void device_say_unreachable(const struct device *device, const struct phrase_out *out)
{
	phrase_say_of(out, device_is_without_host(device) ? PHRASE_NO_HOST : PHRASE_UNREACHABLE,
		      device_is_without_host(device) ? device->address.host : device->server_text);
}

// SPDX-License-Identifier: ISC
// What ended a wish to be somebody, in words; the contract is in device.h.
#include <stdio.h>

#include "cmd/device.h"
#include "cmd/exit.h"

static void say_key_changed(const struct phrase_out *out, const struct device *device)
{
	char wanted[FINGERPRINT_TEXT_BYTES];
	char shown[FINGERPRINT_TEXT_BYTES];
	struct fingerprint fingerprint = hash_fingerprint(device->shown_key);
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
	fingerprint = hash_fingerprint(device->server_key);
	base64url_encode(fingerprint.bytes, sizeof fingerprint.bytes, wanted);
	phrase_key_changed(out, device->server_text, wanted, shown, device->pins.text);
}

void device_say_stop(const struct device *device, const struct phrase_out *out)
{
	switch (device->stop) {
	case DEVICE_STOP_NONE:
	case DEVICE_STOP_SIGNED_OUT:
		break;
	case DEVICE_STOP_FAILED:
		phrase_say_of(out, PHRASE_FAILURE, device->why.text);
		break;
	case DEVICE_STOP_REFUSED:
		if (device->status == EXIT_REFUSED)
			phrase_say(out, PHRASE_SERVER_FULL);
		else
			phrase_say_of(out, PHRASE_NOT_AUTHORIZED, device->config.name.text);
		break;
	case DEVICE_STOP_BROKEN:
		phrase_say_of(out, PHRASE_BROKEN, device->server_text);
		break;
	case DEVICE_STOP_NOT_PROVED:
		phrase_say_of(out, PHRASE_NOT_PROVED, device->server_text);
		break;
	case DEVICE_STOP_KEY:
		say_key_changed(out, device);
		break;
	case DEVICE_STOP_VERSION:
		phrase_say(out, PHRASE_OTHER_VERSION);
		break;
	case DEVICE_STOP_REPLACED:
		phrase_say_of(out, PHRASE_REPLACED, device->config.name.text);
		break;
	case DEVICE_STOP_REMOVED:
		phrase_say_of(out, PHRASE_SUSPENDED, device->config.name.text);
		break;
	}
}

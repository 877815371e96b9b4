// SPDX-License-Identifier: ISC
// DEVICES: a user's own devices, their names and their removal (doc/protocol.md section 6.17). Layer: msg, pure; contract as in
// call.h.
#ifndef MMS_MSG_CALL_DEVICE_H
#define MMS_MSG_CALL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/fingerprint.h"
#include "base/name.h"
#include "base/time.h"
#include "msg/call_change.h"
#include "msg/call_page.h"

enum call_devices_what {
	DEVICES_LIST = 1, // answered by a page of devices (call_page.h)
	DEVICES_NAME = 2,
	DEVICES_REMOVE = 3,
};

struct call_devices {
	enum call_devices_what what;
	struct call_change change;      // NAME, REMOVE
	struct fingerprint fingerprint; // which; LIST: the one after which the page begins, zeros: from the beginning
	struct name name;               // NAME: its new one
};

struct call_device {
	bool is_this; // the one that asks
	bool is_online;
	struct fingerprint fingerprint;
	struct wtime enrolled_at;
	struct wtime heard_at; // the last time; 0: not known
	struct name name;      // empty: it has none
};

size_t call_devices_encode(const struct call_devices *devices, uint8_t *body);                                // section 6.17
enum mms_err call_devices_decode(struct call_devices *devices, const uint8_t *body, size_t bytes) MUST_CHECK; // section 6.17

// Pages (call_page.h), in the order of fingerprints. MMS_E_BAD also for a page that does not go on behind `after`.
bool call_devices_add(struct call_page *page, const struct call_device *device);
enum mms_err call_devices_ok_decode(struct call_list *list, const struct fingerprint *after, const uint8_t *body,
				    size_t bytes) MUST_CHECK;
bool call_devices_read(struct call_list *list, struct call_device *device); // false: none is left

#endif

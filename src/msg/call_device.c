// SPDX-License-Identifier: ISC
// DEVICES; the contract is in call_device.h.
#include "msg/call_device.h"

#include <string.h>

#include "msg/call.h"
#include "msg/field.h"

enum { DEVICE_THIS = 1, DEVICE_ONLINE = 2 };
static_assert(1 + CALL_CHANGE_BYTES + FINGERPRINT_BYTES + 1 + NAME_BYTES_MAX <= CALL_BODY_BYTES_MAX, "the largest change fits");
static_assert(2 + 1 + FINGERPRINT_BYTES + 8 + 8 + 1 + NAME_BYTES_MAX <= CALL_BODY_BYTES_MAX, "a page has an entry at least");

size_t call_devices_encode(const struct call_devices *devices, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, write_u8(&writer, (uint8_t)devices->what) &&
					  (devices->what == DEVICES_LIST || call_change_write(&writer, &devices->change)) &&
					  write_bytes(&writer, devices->fingerprint.bytes, FINGERPRINT_BYTES) &&
					  (devices->what != DEVICES_NAME || field_write_name(&writer, &devices->name)));
}

enum mms_err call_devices_decode(struct call_devices *devices, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t what = 0;
	bool is_good = read_u8(&reader, &what) && what >= DEVICES_LIST && what <= DEVICES_REMOVE;
	memset(devices, 0, sizeof *devices);
	devices->what = (enum call_devices_what)what;
	if (what != DEVICES_LIST)
		is_good = is_good && call_change_read(&reader, &devices->change);
	is_good = is_good && read_bytes(&reader, devices->fingerprint.bytes, FINGERPRINT_BYTES);
	if (what == DEVICES_NAME)
		is_good = is_good && field_read_name(&reader, &devices->name);
	return field_verdict(&reader, is_good);
}

bool call_devices_add(struct call_page *page, const struct call_device *device)
{
	const struct writer before = page->writer;
	struct writer *writer = &page->writer;
	const uint8_t flags = (uint8_t)((device->is_this ? DEVICE_THIS : 0) | (device->is_online ? DEVICE_ONLINE : 0));
	return call_page_added(page, &before,
			       write_u8(writer, flags) &&
				       write_bytes(writer, device->fingerprint.bytes, FINGERPRINT_BYTES) &&
				       field_write_time(writer, device->enrolled_at) &&
				       field_write_time(writer, device->heard_at) && field_write_name(writer, &device->name));
}

bool call_devices_read(struct call_list *list, struct call_device *device)
{
	struct reader *reader = &list->entries;
	uint8_t flags = 0;
	*device = (struct call_device){0};
	if (list->count == 0 || !read_u8(reader, &flags) ||
	    !read_bytes(reader, device->fingerprint.bytes, FINGERPRINT_BYTES) ||
	    !field_read_time(reader, &device->enrolled_at) || !field_read_time(reader, &device->heard_at) ||
	    !field_read_name_or_none(reader, &device->name))
		return false;
	device->is_this = (flags & DEVICE_THIS) != 0;
	device->is_online = (flags & DEVICE_ONLINE) != 0;
	list->count--;
	return true;
}

enum mms_err call_devices_ok_decode(struct call_list *list, const struct fingerprint *after, const uint8_t *body, size_t bytes)
{
	bool is_good = call_list_begin(list, body, bytes);
	struct call_list page = *list; // read through here, so that nobody meets half of a page
	struct fingerprint last = *after;
	struct call_device device;
	while (is_good && call_devices_read(&page, &device)) {
		is_good = memcmp(last.bytes, device.fingerprint.bytes, FINGERPRINT_BYTES) < 0;
		last = device.fingerprint;
	}
	return field_verdict(&page.entries, is_good && page.count == 0);
}

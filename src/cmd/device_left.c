// SPDX-License-Identifier: ISC
// What a user has queued for a server's key that is trusted no more; the contract is in device.h.
#include "cmd/device.h"

struct left {
	const struct device *device;
	const struct phrase_out *out;
};

// What cannot be read says nothing: it is another server's matter, and `mms check` is for it.
static void say_left(void *context, const struct fingerprint *server, const struct file_path *database)
{
	const struct left *left = context;
	struct client_store *store = NULL;
	struct reason why;
	uint64_t count = 0;
	if (pins_find_key(left->device->state.text, server, &why) != MMS_E_MISSING)
		return;
	if (client_store_open(database->text, &store, &why) == MMS_OK &&
	    client_store_outbox_queued_count(store, &count) == MMS_OK && count > 0)
		phrase_left_behind(left->out, count, database->text);
	client_store_close(store);
}

void device_say_left_behind(struct device *device, const struct phrase_out *out)
{
	struct left left = {device, out};
	if (!device->is_first_signin)
		return;
	device->is_first_signin = false;
	profile_each_of(device->state.text, &device->profile.name, say_left, &left);
}

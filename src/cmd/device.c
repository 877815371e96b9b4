// SPDX-License-Identifier: ISC
// What the client's commands share; the contract is in device.h.
#include "cmd/device.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/exit.h"
#include "cmd/values.h"
#include "os/clock.h"
#include "os/random.h"

static void over(struct device *device, enum device_stop stop, int status)
{
	device->stop = stop;
	device->status = status;
	device->is_wanted = false;
}

static void over_with(struct device *device, const struct reason *why, int status)
{
	device->why = *why;
	over(device, DEVICE_STOP_FAILED, status);
}

// What the client tells, for the device itself; then it goes on to the command.
static void told(void *context, const struct client_told *told)
{
	struct device *device = context;
	struct reason why;
	switch (told->type) {
	case TOLD_SIGNED_IN:
		device->is_signed_in = true;
		if (!device->is_pinned &&
		    pins_add(device->state.text, &device->address, device->server_key, &why) != MMS_OK)
			over_with(device, &why, EXIT_CANT_CREATE);
		device->is_pinned = true;
		if (client_store_signed_in_set(device->profile.store, &told->name) != MMS_OK)
			over_with(device, client_store_reason(device->profile.store), EXIT_IO);
		device->profile.name = told->name;
		device->profile.has_signed_in = true;
		break;
	case TOLD_REFUSED:
		over(device, DEVICE_STOP_REFUSED, told->status == STATUS_SERVER_FULL ? EXIT_REFUSED : EXIT_DENIED);
		break;
	case TOLD_BROKEN:
		over(device, DEVICE_STOP_BROKEN, EXIT_PROTOCOL);
		break;
	case TOLD_NOT_PROVED:
		over(device, DEVICE_STOP_NOT_PROVED, EXIT_PROTOCOL);
		break;
	case TOLD_REPLACED:
		over(device, DEVICE_STOP_REPLACED, EXIT_LATER);
		break;
	case TOLD_REMOVED:
		over(device, DEVICE_STOP_REMOVED, EXIT_DENIED);
		break;
	case TOLD_SIGNED_OUT:
		over(device, DEVICE_STOP_SIGNED_OUT, EXIT_DONE);
		break;
	default:
		break;
	}
	device->told(device->told_context, told);
}

static bool is_expected_key(const struct device *device, const uint8_t key[NOISE_KEY_BYTES])
{
	const struct fingerprint fingerprint = hash_fingerprint(key);
	return !device->address.has_fingerprint ||
	       crypto_is_equal(fingerprint.bytes, device->address.fingerprint.bytes, sizeof fingerprint.bytes);
}

static void news(void *context, enum device_news news, const uint8_t key[NOISE_KEY_BYTES])
{
	struct device *device = context;
	memcpy(device->shown_key, key, NOISE_KEY_BYTES);
	device->is_asking = false;
	if (news == DEVICE_NO_VERSION) {
		over(device, DEVICE_STOP_VERSION, EXIT_PROTOCOL);
	} else if (news == DEVICE_KEY_CHANGED || !is_expected_key(device, key)) {
		over(device, DEVICE_STOP_KEY, EXIT_PROTOCOL);
	} else {
		memcpy(device->server_key, key, NOISE_KEY_BYTES);
		device->has_key = true;
	}
}

int device_open(struct device *device, const struct device_options *options,
		void (*owner_told)(void *context, const struct client_told *told), void *told_context)
{
	struct addr addrs[DIALER_ADDRS_MAX];
	size_t addr_count = 0;
	const struct rng rng = random_rng();
	const struct device_node_owner owner = {device, told, news};
	device->told = owner_told;
	device->told_context = told_context;
	if (server_address_choose(&device->address, options->server, (uint16_t)options->port, &device->why) != MMS_OK)
		return EXIT_USAGE;
	pins_server_text(&device->address, device->server_text);
	if (paths_state(&device->state, options->state, &device->why) != MMS_OK ||
	    pins_path(&device->pins, device->state.text, &device->why) != MMS_OK)
		return EXIT_CANT_CREATE;
	enum mms_err err = pins_find(device->state.text, &device->address, device->server_key, &device->why);
	if (err != MMS_OK && err != MMS_E_MISSING)
		return exit_of_data(err);
	device->has_key = err == MMS_OK;
	device->is_pinned = device->has_key;
	err = udp_resolve(device->address.host, device->address.port, addrs, DIALER_ADDRS_MAX, &addr_count, &device->why);
	if (err != MMS_OK)
		return EXIT_NO_HOST;
	if (udp_open_client(&device->udp, &device->why) != MMS_OK)
		return EXIT_IO;
	device->memory = malloc(device_node_memory_bytes());
	if (device->memory == NULL) {
		snprintf(device->why.text, sizeof device->why.text, "not enough memory: end other programs");
		return EXIT_IO;
	}
	outbound_init(&device->outbound, &device->udp, &rng, 0);
	device_node_init(&device->node, addrs, (uint32_t)addr_count, device->memory, &rng, &owner, clock_monotonic());
	if (device->has_key && !is_expected_key(device, device->server_key)) {
		// The fingerprint the user gave is not that of the pinned key: somebody has to decide.
		memcpy(device->shown_key, device->server_key, NOISE_KEY_BYTES);
		over(device, DEVICE_STOP_KEY, EXIT_PROTOCOL);
	}
	return EXIT_DONE;
}

int device_choose_user(struct device *device, const char *given, struct name *name)
{
	const char *text = environment_or(given, "MMS_USER", NULL);
	if (text != NULL) {
		if (name_parse(name, text, strlen(text)))
			return EXIT_DONE;
		snprintf(device->why.text, sizeof device->why.text,
			 "\"%.60s\" is not a name; a name has 1 to 32 of A-Z a-z 0-9 . _ -", text);
		return EXIT_USAGE;
	}
	if (!device->has_key) {
		snprintf(device->why.text, sizeof device->why.text,
			 "nobody has signed in at %s from here: say who you are with -a USER or MMS_USER",
			 device->server_text);
		return EXIT_USAGE;
	}
	const enum mms_err err = profile_only(name, device->state.text, device->server_key, &device->why);
	if (err == MMS_OK)
		return EXIT_DONE;
	return err == MMS_E_MISSING || err == MMS_E_EXISTS ? EXIT_USAGE : exit_of_data(err);
}

int device_open_profile(struct device *device, const struct name *name, bool may_create)
{
	assert(device->has_key && device->profile.store == NULL);
	const enum mms_err err = profile_open(&device->profile, device->state.text, device->server_key, name, may_create,
					      &device->why);
	return err == MMS_OK ? EXIT_DONE : exit_of_data(err);
}

void device_sign_in(struct device *device, const struct name *name, bool is_receiving, const char *invite)
{
	device->config = (struct client_config){.name = *name, .is_receiving = is_receiving};
	if (invite != NULL) {
		device->config.has_invite = true;
		hash_invite_code(invite, strlen(invite), device->config.invite_hash);
	}
	device->stop = DEVICE_STOP_NONE;
	device->is_wanted = true;
	device->is_started = false;
	device->is_signed_in = false;
	device->wanted_at = clock_monotonic();
	device->outbox_at = device->wanted_at;
}

void device_sign_out(struct device *device)
{
	if (device->is_started)
		client_sign_out(&device->node.client, clock_monotonic());
}

// Goes a step towards being who is wanted: the server's key, the profile, the handshake, the outbox.
static void step(struct device *device, struct mtime now)
{
	struct reason why;
	if (!device->is_wanted)
		return;
	if (!device->has_key) {
		if (!device->is_asking)
			device_node_ask(&device->node, now);
		device->is_asking = true;
		return;
	}
	if (!device->is_started) {
		if (device->profile.store == NULL) {
			const int status = device_open_profile(device, &device->config.name, true);
			if (status != EXIT_DONE) {
				over(device, DEVICE_STOP_FAILED, status);
				return;
			}
		}
		const struct client_storage storage = client_store_storage(device->profile.store);
		device->config.is_server_proved = device->is_pinned && device->profile.has_signed_in;
		device_node_start(&device->node, &device->profile.keys, device->server_key, &storage, &device->config, now);
		device->is_started = true;
		if (device->profile.outbox.is_held)
			client_set_submitting(&device->node.client, true, now);
	}
	if (!device->profile.outbox.is_held && mtime_is_due(device->outbox_at, now)) {
		device->outbox_at = mtime_add_ms(now, DEVICE_OUTBOX_MS);
		const enum mms_err err = profile_take_outbox(&device->profile, &why);
		if (err == MMS_OK)
			client_set_submitting(&device->node.client, true, now);
		else if (err != MMS_E_BUSY)
			over_with(device, &why, exit_of_data(err));
	}
}

static void receive(struct device *device)
{
	struct udp_message message[UDP_BATCH_MAX];
	size_t count = 0;
	for (size_t i = 0; i < UDP_BATCH_MAX; i++)
		message[i].data = device->inbound[i];
	if (udp_recv(&device->udp, message, UDP_BATCH_MAX, &count) != MMS_OK &&
	    udp_reopen_client(&device->udp, &device->why) != MMS_OK)
		over(device, DEVICE_STOP_FAILED, EXIT_IO);
	const struct mtime now = clock_monotonic();
	for (size_t i = 0; i < count; i++)
		device_node_recv(&device->node, &message[i].addr, message[i].data, message[i].bytes, now);
}

// A sign-in that was refused leaves nothing behind. Where the server may have enrolled the key it stays: one that does not
// prove the invite may have granted a claim, and a name claimed with a key that is gone is nobody's for ever.
static void clear_up(struct device *device)
{
	if (device->stop == DEVICE_STOP_NONE || !device->is_started)
		return;
	device->is_started = false;
	const bool is_refused = device->stop == DEVICE_STOP_REFUSED && device->status == EXIT_DENIED;
	if (is_refused && !device->profile.has_signed_in && device->profile.outbox.is_held)
		profile_remove(&device->profile);
	if ((is_refused || device->stop == DEVICE_STOP_NOT_PROVED || device->stop == DEVICE_STOP_BROKEN) && !device->is_pinned)
		device->has_key = false; // nothing proved it
}

static void run(struct device *device)
{
	struct session_out out;
	const struct mtime now = clock_monotonic();
	step(device, now);
	device_node_run(&device->node, now, clock_wall());
	if (device->stop == DEVICE_STOP_NONE && device->is_started && client_is_broken(&device->node.client))
		over_with(device, client_store_reason(device->profile.store), EXIT_IO);
	clear_up(device);
	step(device, now); // the key may have become known
	while (device_node_send(&device->node, now, &out))
		outbound_add_session(&device->outbound, &out);
	outbound_flush(&device->outbound);
	if (device->is_wanted && device_node_heard_at(&device->node).us > device->wanted_at.us)
		device->was_reached = true;
}

static int wait_ms(const struct device *device, struct mtime until)
{
	const struct mtime now = clock_monotonic();
	struct mtime due = mtime_min(until, device_node_deadline(&device->node, now));
	if (device->is_wanted && device->is_started && !device->profile.outbox.is_held)
		due = mtime_min(due, device->outbox_at);
	if (due.us == MTIME_NEVER.us)
		return -1;
	const int64_t left_us = mtime_diff_us(due, now);
	return left_us <= 0 ? 0 : left_us > INT32_MAX ? INT32_MAX / 1000 : (int)(left_us / 1000 + 1);
}

void device_turn(struct device *device, struct pollfd *polled, size_t polled_count, struct mtime until)
{
	struct pollfd all[UDP_SOCKETS_MAX + 1 + DEVICE_POLLFDS_MAX];
	int fds[UDP_SOCKETS_MAX];
	assert(polled_count <= DEVICE_POLLFDS_MAX);
	run(device); // what the command has asked for since the last turn goes first
	const size_t udp_count = udp_fds(&device->udp, fds);
	size_t count = 0;
	for (; count < polled_count; count++)
		all[count] = polled[count];
	for (size_t i = 0; i < udp_count; i++)
		all[count++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	if (device->profile.wake.is_open)
		all[count++] = (struct pollfd){.fd = device->profile.wake.fd, .events = POLLIN};
	const bool is_over = device->stop != DEVICE_STOP_NONE;
	const int ready = poll(all, count, is_over ? 0 : wait_ms(device, until));
	for (size_t i = 0; i < polled_count; i++)
		polled[i].revents = ready > 0 ? all[i].revents : 0;
	if (ready < 0 && errno != EINTR) {
		over_with(device, &(struct reason){"cannot wait for datagrams: start the program again"}, EXIT_IO);
		return;
	}
	receive(device);
	if (device->profile.wake.is_open && wake_drain(&device->profile.wake))
		client_submit(&device->node.client, clock_monotonic());
	run(device);
}

enum mms_err device_queue(struct device *device, const struct name *recipient, const void *text, size_t bytes,
			  struct uuid *id)
{
	uint8_t random[10];
	const struct rng rng = random_rng();
	const struct wtime now = clock_wall();
	rng_fill(&rng, random, sizeof random);
	*id = uuid_v7(now, random);
	const enum mms_err err =
		client_store_outbox_add(device->profile.store, id, recipient, text, bytes, now);
	if (err != MMS_OK)
		device->why = *client_store_reason(device->profile.store);
	else if (device->is_started)
		client_submit(&device->node.client, clock_monotonic());
	return err;
}

bool device_is_unreachable(const struct device *device)
{
	return device->is_wanted &&
	       device_node_silence_us(&device->node, clock_monotonic()) >= (int64_t)DEVICE_UNREACHABLE_MS * 1000;
}

void device_forget(struct device *device)
{
	device_node_stop(&device->node);
	profile_close(&device->profile);
	device->is_wanted = false;
	device->is_started = false;
	device->is_signed_in = false;
	device->is_asking = false;
}

void device_close(struct device *device)
{
	if (device->memory != NULL) {
		device_forget(device);
		device_node_clear(&device->node);
	}
	profile_close(&device->profile);
	udp_close(&device->udp);
	free(device->memory);
	device->memory = NULL;
}

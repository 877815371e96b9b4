// SPDX-License-Identifier: ISC
// The performer of a device's life; the contract is in device.h.
#include "cmd/device.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/exit.h"
#include "cmd/values.h"
#include "os/aside.h"
#include "os/clock.h"
#include "os/random.h"

int device_open(struct device *device, const struct device_options *options, device_told *told, void *told_context)
{
	const struct rng rng = random_rng();
	struct life_server server = {0};
	device->told = told;
	device->told_context = told_context;
	if (server_address_choose(&device->address, options->server, (uint16_t)options->port, &device->why) != MMS_OK)
		return EXIT_USAGE;
	pins_server_text(&device->address, device->server_text);
	if (paths_state(&device->state, options->state, &device->why) != MMS_OK ||
	    pins_path(&device->pins, device->state.text, &device->why) != MMS_OK)
		return EXIT_CANT_CREATE;
	const enum mms_err err = pins_find(device->state.text, &device->address, server.key, &device->why);
	if (err != MMS_OK && err != MMS_E_MISSING)
		return exit_of_data(err);
	server.is_pinned = err == MMS_OK;
	server.has_fingerprint = device->address.has_fingerprint;
	server.fingerprint = device->address.fingerprint;
	if (resolver_open(&device->resolver, &device->why) != MMS_OK || udp_open_client(&device->udp, &device->why) != MMS_OK)
		return EXIT_IO;
	device->memory = malloc(device_life_memory_bytes());
	if (device->memory == NULL) {
		snprintf(device->why.text, sizeof device->why.text, "not enough memory: end other programs");
		return EXIT_IO;
	}
	outbound_init(&device->outbound, &device->udp, &rng, 0);
	device_life_init(&device->life, &server, device->memory, &rng, clock_monotonic());
	return EXIT_DONE;
}

int device_choose_user(struct device *device, const char *given, struct name *name)
{
	const char *text = environment_or(given, "MMS_USER", NULL);
	if (text != NULL) {
		if (name_parse(name, text, strlen(text)))
			return EXIT_DONE;
		snprintf(device->why.text, sizeof device->why.text, VALUES_NOT_A_NAME, text);
		return EXIT_USAGE;
	}
	if (!device->life.has_key) {
		snprintf(device->why.text, sizeof device->why.text,
			 "nobody has signed in at %s from here: say who you are with -a USER or MMS_USER",
			 device->server_text);
		return EXIT_USAGE;
	}
	const enum mms_err err = profile_only(name, device->state.text, device->life.server_key, &device->why);
	if (err == MMS_OK)
		return EXIT_DONE;
	return err == MMS_E_MISSING || err == MMS_E_EXISTS ? EXIT_USAGE : exit_of_data(err);
}

// --- wishes ---

void device_be(struct device *device, const struct name *name, enum life_use use, const char *invite)
{
	struct life_wish wish = {.name = *name, .use = use, .has_invite = invite != NULL};
	if (invite != NULL)
		hash_invite_code(invite, strlen(invite), wish.invite_hash);
	device_life_be(&device->life, &wish, clock_monotonic());
}

void device_list(struct device *device, const struct client_list_wish *wish)
{
	device_life_list(&device->life, wish, clock_monotonic());
}

void device_leave(struct device *device)
{
	device_life_leave(&device->life, clock_monotonic());
}

enum mms_err device_queue(struct device *device, struct outbox_row *wish)
{
	uint8_t random[10];
	const struct rng rng = random_rng();
	const struct wtime now = clock_wall();
	rng_fill(&rng, random, sizeof random);
	wish->id = uuid_v7(now, random);
	aside_hold();
	const enum mms_err err = client_store_outbox_add(device->profile.store, wish, now);
	aside_let();
	if (err != MMS_OK)
		device->why = *client_store_reason(device->profile.store);
	else
		device_life_queued(&device->life, clock_monotonic());
	return err;
}

enum mms_err device_note_shown(struct device *device, const struct transcript_range *shown)
{
	aside_hold();
	const enum mms_err err = client_store_transcript_mark_shown(device->profile.store, shown);
	aside_let();
	return err;
}

void device_forget(struct device *device)
{
	device_life_forget(&device->life);
	device->is_first_signin = false;
	aside_forget();
	profile_close(&device->profile);
}

void device_close(struct device *device)
{
	if (device->memory != NULL)
		device_life_clear(&device->life);
	aside_forget();
	profile_close(&device->profile);
	resolver_close(&device->resolver);
	udp_close(&device->udp);
	free(device->memory);
	device->memory = NULL;
}

bool device_is_silent(const struct device *device)
{
	return device_life_is_silent(&device->life, clock_monotonic());
}

bool device_is_without_host(const struct device *device)
{
	return device_life_is_unresolved(&device->life);
}

// --- orders ---

static void fail(struct device *device, int status)
{
	device->failed_status = status;
	device_life_failed(&device->life);
}

static void fail_store(struct device *device)
{
	device->why = *client_store_reason(device->profile.store);
	fail(device, EXIT_IO);
}

// A name that stands for nothing is no failure of ours: the life knows what it means.
static void take_resolved(struct device *device)
{
	struct resolver_result result;
	if (!resolver_take(&device->resolver, &result))
		return;
	if (result.err == MMS_OK) {
		device_life_resolved(&device->life, result.addr, (uint32_t)result.addr_count, clock_monotonic());
		return;
	}
	device->host_why = result.why;
	device_life_unresolved(&device->life, clock_monotonic());
}

// False: the store failed.
static bool read_facts(struct device *device, struct life_facts *facts)
{
	if (client_store_signed_in_get(device->profile.store, &facts->has_signed_in, &facts->name) != MMS_OK)
		return false;
	if (client_store_replaced_get(device->profile.store, &facts->replaced_count) != MMS_OK)
		return false;
	device->profile.name = facts->name;
	return true;
}

// A second process that listens would show a script's messages in the wrong place, whichever of the two got them.
static bool may_listen(struct device *device)
{
	if (!device->is_listening)
		return true;
	const enum mms_err err = profile_take_listening(&device->profile, &device->why);
	if (err == MMS_E_BUSY)
		snprintf(device->why.text, sizeof device->why.text, "another mms listen of %s is running: end it first",
			 device->life.wish.name.text);
	if (err != MMS_OK)
		fail(device, err == MMS_E_BUSY ? EXIT_LATER : exit_of_data(err));
	return err == MMS_OK;
}

static void open_profile(struct device *device, const struct life_order *order)
{
	struct life_facts facts;
	const enum mms_err err =
		profile_open(&device->profile, device->state.text, order->key, &order->name, &device->why);
	if (err != MMS_OK) {
		fail(device, exit_of_data(err));
	} else if (!read_facts(device, &facts)) {
		fail_store(device);
	} else if (may_listen(device)) {
		struct lock *const locks[ASIDE_LOCKS_MAX] = {&device->profile.receiving, &device->profile.outbox};
		aside_watch(locks, device->profile.news_file.text);
		device_life_opened(&device->life, &device->profile.keys, &facts, clock_monotonic());
	}
}

static void take_outbox(struct device *device)
{
	struct life_facts facts;
	bool has_changed = false;
	const enum mms_err err = profile_take_outbox(&device->profile, &device->why);
	if (err != MMS_OK && err != MMS_E_BUSY) {
		fail(device, exit_of_data(err));
		return;
	}
	// Read behind the attempt: what another process did before it gave the outbox away is seen.
	if (!read_facts(device, &facts) || client_store_changed(device->profile.store, &has_changed) != MMS_OK) {
		profile_give_outbox(&device->profile);
		fail_store(device);
	} else if (err == MMS_OK) {
		device_life_taken(&device->life, &facts, has_changed, clock_monotonic());
	} else {
		device_life_busy(&device->life, &facts, has_changed, clock_monotonic());
	}
}

static void take_receiving(struct device *device)
{
	struct life_facts facts;
	bool has_changed = false;
	const enum mms_err err = profile_take_receiving(&device->profile, &device->why);
	if (err != MMS_OK && err != MMS_E_BUSY) {
		fail(device, exit_of_data(err));
		return;
	}
	// Read behind the attempt, as for the outbox.
	if (!read_facts(device, &facts) || client_store_changed(device->profile.store, &has_changed) != MMS_OK) {
		profile_give_receiving(&device->profile);
		fail_store(device);
	} else if (err == MMS_OK) {
		device_life_receives(&device->life, &facts, has_changed, clock_monotonic());
	} else {
		device_life_follows(&device->life, &facts, has_changed, clock_monotonic());
	}
}

static void overrule(struct device *device)
{
	if (client_store_replaced_add(device->profile.store) == MMS_OK)
		device_life_overruled(&device->life);
	else
		fail_store(device);
}

static void pin(struct device *device, const struct life_order *order)
{
	const enum mms_err err = pins_add(device->state.text, &device->address, order->key, &device->why);
	if (err == MMS_OK)
		device_life_pinned(&device->life);
	else
		fail(device, EXIT_CANT_CREATE);
}

static void note_signed_in(struct device *device, const struct life_order *order)
{
	if (client_store_signed_in_set(device->profile.store, &order->name) != MMS_OK) {
		fail_store(device);
		return;
	}
	device->profile.name = order->name;
	device->is_first_signin = device->is_first_signin || !device->life.facts.has_signed_in;
	device_life_noted(&device->life);
}

// What failed here the life knows by the event, and the store has the reason.
static void append(struct device *device, const struct client_batch *batch)
{
	client_store_append(device->profile.store, batch, &device->appended);
	device_life_appended(&device->life, &device->appended, clock_monotonic());
}

static void answer(struct device *device, const struct client_question *question)
{
	client_store_answer(device->profile.store, question, &device->answer);
	device_life_answered(&device->life, &device->answer, clock_monotonic());
}

static void obey(struct device *device, const struct life_order *order)
{
	switch (order->type) {
	case LIFE_RESOLVE:
		resolver_ask(&device->resolver, device->address.host, device->address.port);
		take_resolved(device); // of a literal it is there
		break;
	case LIFE_OPEN:
		open_profile(device, order);
		break;
	case LIFE_TAKE:
		take_outbox(device);
		break;
	case LIFE_GIVE:
		profile_give_outbox(&device->profile);
		break;
	case LIFE_POKE:
		wake_poke(device->profile.wake_file.text);
		break;
	case LIFE_RECEIVE:
		take_receiving(device);
		break;
	case LIFE_YIELD:
		profile_give_receiving(&device->profile);
		break;
	case LIFE_STIR:
		wake_stir(device->profile.news_file.text);
		break;
	case LIFE_PIN:
		pin(device, order);
		break;
	case LIFE_OVERRULE:
		overrule(device);
		break;
	case LIFE_NOTE:
		note_signed_in(device, order);
		break;
	case LIFE_APPEND:
		append(device, order->batch);
		break;
	case LIFE_ASK:
		answer(device, order->question);
		break;
	case LIFE_SEND:
		outbound_add_session(&device->outbound, &order->datagrams);
		break;
	case LIFE_TELL:
		device->told(device->told_context, &order->told);
		break;
	}
}

// Whether the command was told something, which it is to look at before anything is waited for.
static bool perform(struct device *device)
{
	struct life_order order;
	bool is_told = false;
	while (device_life_next(&device->life, clock_monotonic(), &order)) {
		const bool is_quick = order.type == LIFE_TELL || order.type == LIFE_SEND; // the others may be at the profile
		is_told = is_told || order.type == LIFE_TELL;
		if (!is_quick)
			aside_hold();
		obey(device, &order);
		if (!is_quick)
			aside_let();
	}
	outbound_flush(&device->outbound);
	return is_told;
}

// --- turns ---

static void receive(struct device *device)
{
	struct udp_message message[UDP_BATCH_MAX];
	size_t count = 0;
	for (size_t i = 0; i < UDP_BATCH_MAX; i++)
		message[i].data = device->inbound[i];
	if (udp_recv(&device->udp, message, UDP_BATCH_MAX, &count) != MMS_OK &&
	    udp_reopen_client(&device->udp, &device->why) != MMS_OK)
		fail(device, EXIT_IO);
	const struct mtime now = clock_monotonic();
	if (aside_was_overtaken()) { // before what the server says of it is heard
		profile_give_receiving(&device->profile);
		profile_give_outbox(&device->profile);
		device_life_overtaken(&device->life, now);
	}
	for (size_t i = 0; i < count; i++)
		device_life_recv(&device->life, &message[i].addr, message[i].data, message[i].bytes, now);
}

static int wait_ms(const struct device *device, struct mtime until)
{
	const struct mtime now = clock_monotonic();
	const struct mtime due = mtime_min(until, device_life_deadline(&device->life, now));
	if (due.us == MTIME_NEVER.us)
		return -1;
	const int64_t left_us = mtime_diff_us(due, now);
	return left_us <= 0 ? 0 : left_us > INT32_MAX ? INT32_MAX / 1000 : (int)(left_us / 1000 + 1);
}

// The descriptors of the device's own. Returns how many there are.
static size_t own_fds(const struct device *device, struct pollfd *polled)
{
	int fds[UDP_SOCKETS_MAX];
	size_t count = udp_fds(&device->udp, fds);
	for (size_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	polled[count++] = (struct pollfd){.fd = device->resolver.fd, .events = POLLIN};
	if (device->profile.wake.is_open)
		polled[count++] = (struct pollfd){.fd = device->profile.wake.fd, .events = POLLIN};
	if (device->profile.news.is_open && !device->profile.receiving.is_held)
		polled[count++] = (struct pollfd){.fd = device->profile.news.fd, .events = POLLIN};
	return count;
}

void device_turn(struct device *device, struct pollfd *polled, size_t polled_count, struct mtime until)
{
	struct pollfd all[UDP_SOCKETS_MAX + 3 + DEVICE_POLLFDS_MAX];
	assert(polled_count <= DEVICE_POLLFDS_MAX);
	const bool is_told = perform(device); // what the command has asked for since the last turn goes first
	if (polled_count > 0)
		memcpy(all, polled, polled_count * sizeof *polled);
	const size_t count = polled_count + own_fds(device, all + polled_count);
	const int ready = poll(all, count, is_told ? 0 : wait_ms(device, until));
	for (size_t i = 0; i < polled_count; i++)
		polled[i].revents = ready > 0 ? all[i].revents : 0;
	if (ready < 0 && errno != EINTR) {
		snprintf(device->why.text, sizeof device->why.text,
			 "cannot wait for datagrams: %s; start the program again", strerror(errno));
		fail(device, EXIT_IO);
	} else {
		receive(device);
		take_resolved(device);
		if (device->profile.wake.is_open && wake_drain(&device->profile.wake))
			device_life_woken(&device->life, clock_monotonic());
		if (device->profile.news.is_open && !device->profile.receiving.is_held && wake_drain(&device->profile.news))
			device_life_stirred(&device->life, clock_monotonic());
	}
	(void)perform(device);
}

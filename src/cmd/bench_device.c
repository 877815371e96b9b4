// SPDX-License-Identifier: ISC
// One device that `mms bench` plays; the contract is in bench_device.h.
#include "cmd/bench_device.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "cmd/bench_load.h"
#include "cmd/exit.h"
#include "crypto/crypto.h"
#include "msg/call.h"
#include "os/clock.h"

static bool is_sender(uint32_t index)
{
	return index % 2 == 0;
}

// --- sending ---

// False: no room for the call.
static bool submit(struct bench_load *load, uint32_t pair, const struct bench_submission *submission)
{
	struct bench_device *sender = &load->device[(size_t)2 * pair];
	const struct bench_stamp stamp = {load->run, submission->number, submission->due};
	uint8_t text[TEXT_BYTES_MAX];
	uint8_t body[CALL_BODY_BYTES_MAX];
	bench_stamp_write(&stamp, text, load->options->size);
	const struct call_submit call = {.id = submission->id,
					 .kind = MESSAGE_WRITTEN,
					 .form = MESSAGE_UTF8,
					 .recipient = {load->device[(size_t)2 * pair + 1].name, false},
					 .text = text,
					 .text_bytes = load->options->size};
	const size_t bytes = call_submit_encode(&call, body);
	bench_load_touch(load, 2 * pair);
	return dialer_call(&sender->dialer, sender->slot, CALL_SUBMIT, body, bytes, submission->number) == MMS_OK;
}

// The ids of a device rise, whatever the clock does.
static struct uuid next_id(struct bench_load *load, uint64_t number)
{
	uint8_t low[10] = {0};
	const struct wtime now = clock_wall();
	struct writer writer = writer_of(low + 3, 4); // what stands before is 18 bits, and others that the form fixes
	const bool fits = write_u32(&writer, (uint32_t)number);
	assert(fits);
	rng_fill(&load->rng, low + 7, 3);
	if (now.ms > load->wall.ms)
		load->wall = now;
	return uuid_v7(load->wall, low);
}

bool bench_pair_can_send(const struct bench_load *load, uint32_t index)
{
	const struct bench_pair *pair = &load->pair[index];
	const uint64_t done = pair->settled < pair->delivered + pair->refused ? pair->settled : pair->delivered + pair->refused;
	const uint64_t under_way = load->options->rate > 0 ? 0 : pair->sent - done;
	return load->is_in[(size_t)2 * index] && under_way < load->options->window &&
	       !pair->submission[pair->sent % CALL_WINDOW].is_open;
}

bool bench_pair_send(struct bench_load *load, uint32_t index, struct mtime due)
{
	struct bench_pair *pair = &load->pair[index];
	struct bench_submission *submission = &pair->submission[pair->sent % CALL_WINDOW];
	assert(!submission->is_open);
	*submission = (struct bench_submission){true, pair->sent, due, next_id(load, pair->sent)};
	if (!submit(load, index, submission)) {
		submission->is_open = false;
		return false;
	}
	pair->sent++;
	load->result->sent++;
	return true;
}

static void submit_again(struct bench_load *load, uint32_t index)
{
	const struct bench_pair *pair = &load->pair[index];
	const uint64_t first = pair->sent < CALL_WINDOW ? 0 : pair->sent - CALL_WINDOW;
	for (uint64_t number = first; number < pair->sent; number++) {
		const struct bench_submission *submission = &pair->submission[number % CALL_WINDOW];
		if (submission->is_open && submission->number == number)
			(void)submit(load, index, submission); // no room for all that had room before: it goes with the next session
	}
}

static void submit_answered(struct bench_load *load, uint32_t index, const struct session_event *answer, struct mtime now)
{
	struct bench_pair *pair = &load->pair[index / 2];
	struct bench_submission *submission = &pair->submission[answer->tag % CALL_WINDOW];
	if (!submission->is_open || submission->number != answer->tag)
		return; // heard already, by the other session
	submission->is_open = false;
	pair->settled++;
	load->progress_at = now;
	if (answer->status != STATUS_ACCEPTED) {
		pair->refused++;
		load->result->refused++;
	}
	bench_load_touch(load, index);
}

// --- signing in ---

static void sign_in(struct bench_load *load, uint32_t index, uint32_t slot)
{
	struct bench_device *device = &load->device[index];
	struct call_signin signin = {.is_receiving = !is_sender(index), .has_proof = device->has_invite, .name = device->name};
	uint8_t body[CALL_BODY_BYTES_MAX];
	if (device->has_invite)
		hash_invite_proof(device->invite_hash, dialer_handshake_hash(&device->dialer, slot), INVITE_DEVICE, signin.proof);
	const size_t bytes = call_signin_encode(&signin, body);
	const enum mms_err err = dialer_call(&device->dialer, slot, CALL_SIGNIN, body, bytes, 0);
	assert(err == MMS_OK); // nothing else is in a fresh session
}

static void signin_answered(struct bench_load *load, uint32_t index, uint32_t slot, const struct session_event *answer,
			    struct mtime now)
{
	struct bench_device *device = &load->device[index];
	struct call_signin_ok ok;
	if (answer->status != STATUS_OK) {
		bench_load_fail(load, EXIT_DENIED,
				"the server does not let %s in%s", device->name.text,
				load->options->has_server ? ": it has to be one of its users, and no other device's; see --users" : "");
		return;
	}
	if (call_signin_ok_decode(&ok, answer->body, answer->body_bytes) != MMS_OK || !name_is_same(&ok.name, &device->name)) {
		bench_load_fail(load, EXIT_PROTOCOL, "the server breaks the protocol: its answer to SIGNIN is none");
		return;
	}
	load->in_count += !load->is_in[index];
	load->is_in[index] = true;
	device->slot = slot;
	load->progress_at = now;
	dialer_prefer(&device->dialer, slot, now);
	if (is_sender(index))
		submit_again(load, index / 2);
	else
		bench_inbox_signed_in(&load->pair[index / 2].inbox);
}

void bench_device_leave(struct bench_load *load, uint32_t index)
{
	struct bench_device *device = &load->device[index];
	// Without room for the call it does not; the server then has to notice by itself.
	if (load->is_in[index] && dialer_call(&device->dialer, device->slot, CALL_SIGNOUT, NULL, 0, 0) == MMS_OK)
		bench_load_touch(load, index);
}

// The session is one to use no longer.
static void session_left(struct bench_load *load, uint32_t index, uint32_t slot)
{
	if (!load->is_in[index] || load->device[index].slot != slot)
		return;
	load->is_in[index] = false;
	load->in_count--;
}

// --- receiving ---

static void delivered(struct bench_load *load, uint32_t index, const struct session_event *call, struct mtime now)
{
	struct bench_pair *pair = &load->pair[index / 2];
	struct bench_result *result = load->result;
	struct call_deliver deliver;
	struct bench_stamp stamp;
	if (is_sender(index) || call_deliver_decode(&deliver, call->body, call->body_bytes) != MMS_OK ||
	    !bench_stamp_read(&stamp, deliver.text, deliver.text_bytes) || stamp.run != load->run ||
	    !name_is_same(&deliver.sender, &load->device[index - 1].name))
		return; // left over from an earlier run, or somebody else's
	const enum bench_arrival arrival = bench_inbox_take(&pair->inbox, stamp.number);
	load->progress_at = now;
	result->repeated += arrival == BENCH_REPEATED;
	result->doubled += arrival == BENCH_DOUBLED;
	result->disordered += arrival == BENCH_LATE;
	if (arrival == BENCH_REPEATED || arrival == BENCH_DOUBLED)
		return;
	pair->delivered++;
	result->delivered++;
	result->measured += mtime_is_due(load->measure_from, now) && !mtime_is_due(load->measure_to, now);
	if (mtime_is_due(load->measure_from, stamp.due) && !mtime_is_due(load->measure_to, stamp.due))
		bench_times_add(&result->times, mtime_diff_us(now, stamp.due));
	bench_load_touch(load, index - 1); // its window has room
}

// --- events ---

static void take_server_key(struct bench_load *load, const uint8_t key[NOISE_KEY_BYTES])
{
	const struct bench_options *options = load->options;
	const struct fingerprint shown = hash_fingerprint(key);
	if (options->has_server && options->address.has_fingerprint &&
	    !crypto_is_equal(&shown, &options->address.fingerprint, sizeof shown)) {
		bench_load_fail(load, EXIT_PROTOCOL, "the server shows another key than the one whose fingerprint was given");
		return;
	}
	memcpy(load->server_key, key, sizeof load->server_key);
	load->has_server_key = true;
}

static void take(struct bench_load *load, uint32_t index, const struct dialer_event *event, struct mtime now)
{
	struct bench_device *device = &load->device[index];
	const struct session_event *call = &event->call;
	switch (event->type) {
	case DIALER_SERVER_KEY:
		take_server_key(load, event->key);
		break;
	case DIALER_KEY_CHANGED:
		bench_load_fail(load, EXIT_PROTOCOL, "the server's key has changed while it was measured");
		break;
	case DIALER_NO_VERSION:
		bench_load_fail(load, EXIT_PROTOCOL, "the server speaks no version of the protocol that this program knows");
		break;
	case DIALER_SESSION_UP:
		sign_in(load, index, event->slot);
		break;
	case DIALER_CALL:
		if (call->kind == CALL_DELIVER)
			delivered(load, index, call, now);
		dialer_answer(&device->dialer, event->slot, call->number, STATUS_OK, NULL, 0, now);
		break;
	case DIALER_ANSWER:
		if (call->kind == CALL_SIGNIN)
			signin_answered(load, index, event->slot, call, now);
		else if (call->kind == CALL_SUBMIT)
			submit_answered(load, index, call, now);
		else if (call->kind == CALL_SIGNOUT)
			session_left(load, index, event->slot);
		break;
	case DIALER_ENDED:
		session_left(load, index, event->slot);
		break;
	}
}

void bench_device_run(struct bench_load *load, uint32_t index, struct mtime now)
{
	struct dialer_event event;
	while (!load->is_over && dialer_poll(&load->device[index].dialer, now, &event))
		take(load, index, &event, now);
}

// SPDX-License-Identifier: ISC
// Who plays in `mms bench`: the devices, their names and keys, and the socket they share. The contract is in bench_load.h.
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/bench_load.h"
#include "cmd/exit.h"
#include "cmd/invite_code.h"
#include "crypto/base64url.h"
#include "crypto/crypto.h"
#include "os/clock.h"
#include "os/directory.h"
#include "os/failure.h"
#include "os/file.h"
#include "os/paths.h"
#include "os/random.h"

enum { LOAD_BUFFER_BYTES = 128 * 1024 * 1024 }; // of the one socket for all: the answers of a whole batch come at once

static bool take_memory(struct bench_load *load)
{
	const uint32_t count = load->device_count;
	const uint32_t slots = map_slots_for(count * BENCH_INDEXES);
	load->device = calloc(count, sizeof *load->device);
	load->is_in = calloc(count, sizeof *load->is_in);
	load->due_us = calloc(count, sizeof *load->due_us);
	load->touched = calloc(count, sizeof *load->touched);
	load->pair = calloc(count / 2, sizeof *load->pair);
	load->blocks = malloc(count * dialer_memory_bytes()); // most of it is never touched
	load->map_slot = calloc(slots, sizeof *load->map_slot);
	if (load->device == NULL || load->is_in == NULL || load->due_us == NULL || load->touched == NULL || load->pair == NULL ||
	    load->blocks == NULL || load->map_slot == NULL)
		return false;
	map_init(&load->by_index, load->map_slot, slots);
	return true;
}

// Devices elsewhere have addresses of their own; on loopback ours have, too: 127.77.X.Y.
static struct addr address_of(const struct addr *server, uint32_t index)
{
	struct addr addr = *server;
	if (addr.family == ADDR_IPV4 && addr.ip[0] == 127) {
		const uint8_t local[4] = {127, 77, (uint8_t)(index >> 8), (uint8_t)index};
		memcpy(addr.local_ip, local, sizeof local);
	}
	return addr;
}

static int open_socket(struct bench_load *load, struct addr *addr)
{
	const struct bench_options *options = load->options;
	const char *host = options->has_server ? options->address.host : "127.0.0.1";
	const uint16_t port = options->has_server ? options->address.port : load->server->port;
	size_t count = 0;
	const enum mms_err err = udp_resolve(host, port, addr, 1, &count, &load->why);
	if (err != MMS_OK)
		return err == MMS_E_HOST ? EXIT_NO_HOST : EXIT_IO;
	const bool is_spread = addr->family == ADDR_IPV4 && addr->ip[0] == 127;
	if (is_spread)
		addr->socket = 0;
	if ((is_spread ? udp_listen(&load->udp, "0.0.0.0", 0, &load->why) : udp_open_client(&load->udp, &load->why)) != MMS_OK)
		return EXIT_IO;
	udp_enlarge(&load->udp, LOAD_BUFFER_BYTES);
	return EXIT_DONE;
}

// --- names and keys ---

static void name_all(struct bench_load *load)
{
	for (uint32_t i = 0; i < load->device_count; i++) {
		char text[NAME_BUFFER_BYTES];
		const int bytes = snprintf(text, sizeof text, "bench-%" PRIu32, i + 1);
		const bool is_name = name_parse(&load->device[i].name, text, (size_t)bytes);
		assert(is_name);
	}
}

// One line of the file: NAME, or NAME and CODE. False: neither.
static bool read_line(struct bench_device *device, const char *line, size_t bytes)
{
	const size_t name_end = strcspn(line, " \t\r\n");
	char code[INVITE_CODE_TEXT_BYTES];
	if (!name_parse(&device->name, line, name_end))
		return false;
	const size_t blanks = strspn(line + name_end, " \t\r");
	device->has_invite = name_end + blanks < bytes;
	if (!device->has_invite)
		return true;
	if (!invite_code_read(line + name_end, bytes - name_end, code))
		return false;
	hash_invite_code(code, strlen(code), device->invite_hash);
	return true;
}

static void read_users(struct bench_load *load)
{
	const char *path = load->options->users;
	char *text = NULL;
	size_t bytes = 0;
	struct reason why;
	if (file_read(path, USERS_FILE_BYTES_MAX, &text, &bytes, &why) != MMS_OK) {
		bench_load_fail(load, EXIT_NO_INPUT, "%s", why.text);
		return;
	}
	const char *line = text;
	for (uint32_t i = 0; i < load->device_count && !load->is_over; i++) {
		const size_t line_bytes = strcspn(line, "\n");
		if (line_bytes == 0)
			bench_load_fail(load, EXIT_CONFIG, "%.300s: %" PRIu32 " users for %" PRIu64 " pairs: two a pair, one a line", path,
					i, load->options->pairs);
		else if (!read_line(&load->device[i], line, line_bytes))
			bench_load_fail(load, EXIT_CONFIG, "%.300s:%" PRIu32 ": write NAME, or NAME and its invite code", path, i + 1);
		line += line_bytes + (line[line_bytes] == '\n');
	}
	free(text);
}

// What the keys of the devices at a server that is not our own come from: the next run is to be the same devices. It is made at
// the first.
static void open_secret(struct bench_load *load, uint8_t secret[NOISE_KEY_BYTES])
{
	enum { TEXT_BYTES = 43 }; // in base64url; the file adds a newline
	struct file_path path;
	char *text = NULL;
	size_t bytes = 0;
	struct reason why;
	rng_fill(&load->rng, secret, NOISE_KEY_BYTES);
	if (!load->options->has_server)
		return; // one that ends with the run
	enum mms_err err = paths_state(&path, load->options->state, &why);
	if (err == MMS_OK)
		err = directory_make(path.text, 0700, &why);
	if (err == MMS_OK)
		err = paths_join(&path, path.text, "bench.key", &why);
	if (err == MMS_OK)
		err = file_read(path.text, TEXT_BYTES + 1, &text, &bytes, &why);
	if (err == MMS_E_MISSING) {
		char fresh[TEXT_BYTES + 2];
		base64url_encode(secret, NOISE_KEY_BYTES, fresh);
		fresh[TEXT_BYTES] = '\n';
		err = file_create_secret(path.text, fresh, TEXT_BYTES + 1, &why);
		crypto_wipe(fresh, sizeof fresh);
	} else if (err == MMS_E_BAD ||
		   (err == MMS_OK && (bytes != TEXT_BYTES + 1 || !base64url_decode(text, TEXT_BYTES, secret, NOISE_KEY_BYTES)))) {
		err = MMS_E_BAD;
		failure_say(&why, "%s is not the secret of a bench: move it away", path.text);
	}
	if (text != NULL)
		crypto_wipe(text, bytes);
	free(text);
	if (err != MMS_OK)
		bench_load_fail(load, exit_of_data(err), "%s", why.text);
}

void bench_load_cast(struct bench_load *load)
{
	struct {
		uint8_t secret[NOISE_KEY_BYTES];
		uint8_t server_key[NOISE_KEY_BYTES];
		struct name name;
	} origin; // of a device's key: all bytes
	uint8_t secret[NOISE_KEY_BYTES];
	static_assert(sizeof origin == 2 * NOISE_KEY_BYTES + NAME_BUFFER_BYTES, "no padding");
	if (load->options->users != NULL)
		read_users(load);
	else
		name_all(load);
	open_secret(load, origin.secret);
	memcpy(origin.server_key, load->server_key, sizeof origin.server_key);
	for (uint32_t i = 0; i < load->device_count && !load->is_over; i++) {
		origin.name = name_fold(&load->device[i].name);
		hash_bytes_256(&origin, sizeof origin, secret);
		keypair_derive(&load->device[i].keys, secret);
	}
	crypto_wipe(&origin, sizeof origin);
	crypto_wipe(secret, sizeof secret);
}

// --- opening and closing ---

int bench_load_open(struct bench_load *load, const struct bench_options *options, const struct bench_server *server,
		    bool is_pinned, int signal_fd, struct bench_result *result)
{
	struct addr addr;
	const struct mtime now = clock_monotonic();
	*load = (struct bench_load){.options = options, .server = server, .is_pinned = is_pinned, .signal_fd = signal_fd,
				    .result = result, .rng = random_rng(), .device_count = 2 * (uint32_t)options->pairs};
	const int status = open_socket(load, &addr);
	if (status != EXIT_DONE)
		return status;
	if (!take_memory(load)) {
		snprintf(load->why.text, sizeof load->why.text, "not enough memory for %" PRIu64 " pairs: choose fewer",
			 options->pairs);
		return EXIT_CANT_CREATE;
	}
	rng_fill(&load->rng, &load->run, sizeof load->run);
	outbound_init(&load->outbound, &load->udp, &load->rng, options->drop_ppm);
	for (uint32_t i = 0; i < load->device_count; i++) {
		struct bench_device *device = &load->device[i];
		const struct addr own = address_of(&addr, i);
		dialer_init(&device->dialer, &own, 1, load->blocks + i * dialer_memory_bytes(), &load->rng, now);
		load->due_us[i] = INT64_MAX;
	}
	return EXIT_DONE;
}

void bench_load_close(struct bench_load *load)
{
	for (uint32_t i = 0; load->device != NULL && load->blocks != NULL && i < load->device_count; i++) {
		dialer_clear(&load->device[i].dialer);
		keypair_clear(&load->device[i].keys);
	}
	udp_close(&load->udp);
	free(load->device);
	free(load->is_in);
	free(load->due_us);
	free(load->touched);
	free(load->pair);
	free(load->blocks);
	free(load->map_slot);
	*load = (struct bench_load){0};
}

// SPDX-License-Identifier: ISC
// The load of `mms bench`: many devices over one socket, in one thread. They sign in, warm up, send for the measured time, and
// then what is under way is waited for. From a server that is not our own they sign out. Layer: cmd.
//
// Device 2 * p sends and device 2 * p + 1 receives. On loopback each has an address of its own, as devices elsewhere have.
#ifndef MMS_CMD_BENCH_LOAD_H
#define MMS_CMD_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "cmd/bench.h"
#include "cmd/bench_device.h"
#include "cmd/bench_server.h"
#include "cmd/outbound.h"

enum bench_phase {
	BENCH_ASKING = 0, // for the server's key
	BENCH_SIGNING_IN,
	BENCH_WARMING_UP,
	BENCH_MEASURING,
	BENCH_WAITING, // for what is under way
	BENCH_LEAVING, // signing out from a server that goes on
};

struct bench_load {
	const struct bench_options *options;
	const struct bench_server *server; // our own; not started: another one
	struct bench_result *result;
	struct udp udp;
	struct outbound outbound;
	struct rng rng;
	int signal_fd;
	uint32_t run; // of bench_stamp
	struct wtime wall; // of the newest id
	bool has_server_key;
	uint8_t server_key[NOISE_KEY_BYTES];

	struct bench_device *device;
	bool *is_in;              // which of them are signed in
	int64_t *due_us;          // when each device's timers are due
	uint32_t device_count;
	uint32_t *touched;        // a ring of devices to be looked at, each once
	uint32_t touched_first;
	uint32_t touched_count;
	struct bench_pair *pair;
	uint8_t *blocks;          // dialer_memory_bytes() for each device
	struct map_slot *map_slot;
	struct map by_index;      // session index -> device

	enum bench_phase phase;
	uint32_t dialed_count;    // the first so many have begun to sign in
	uint32_t in_count;        // signed in now
	bool is_pinned;           // to a core of its own
	struct mtime began_at;    // the load; at a rate, message i is due i / rate behind
	uint64_t given;           // at a rate: messages that were due so far
	struct mtime measure_from;
	struct mtime measure_to;
	struct mtime progress_at; // the last sign-in, verdict or delivery
	struct mtime scanned_at;  // when timers were looked at
	struct mtime told_at;
	uint64_t told_delivered;
	int64_t server_cpu_us; // at the begin of the phase
	int64_t load_cpu_us;   // the same

	bool is_over; // with `status` and `why`
	int status;
	struct reason why;
	uint8_t inbound[UDP_BATCH_MAX][UDP_SLOT_BYTES];
};

// Opens the socket and makes the devices. `is_pinned`: this process has a core of its own. Returns EXIT_DONE, or the exit status
// with load->why.
int bench_load_open(struct bench_load *load, const struct bench_options *options, const struct bench_server *server,
		    bool is_pinned, int signal_fd, struct bench_result *result);

// Plays it all. Returns EXIT_DONE when the load was played to its end, whatever came of it, else the exit status with load->why.
int bench_load_play(struct bench_load *load);

// Gives everything back. Zeroed: nothing happens.
void bench_load_close(struct bench_load *load);

// For bench_load.c, when the server's key is known: gives every device its name and its keys.
void bench_load_cast(struct bench_load *load);

// For bench_device.c: device `index` is to be looked at before the next wait.
void bench_load_touch(struct bench_load *load, uint32_t index);

// The same: nothing more is to be played.
void bench_load_fail(struct bench_load *load, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

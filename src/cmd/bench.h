// SPDX-License-Identifier: ISC
// What the files of `mms bench` share: its options, and what one run found. Layer: cmd.
#ifndef MMS_CMD_BENCH_H
#define MMS_CMD_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "cmd/bench_stamp.h"
#include "cmd/bench_times.h"
#include "cmd/server_address.h"

enum {
	BENCH_PAIRS_MAX = 10000,
	BENCH_WINDOW_DEFAULT = 16,
	BENCH_WARM_UP_US = 1000 * 1000, // of load before anything counts
	BENCH_ANSWER_US = 10 * 1000 * 1000, // without any answer from the server so long, it is not waited for
	BENCH_PATIENCE_US = 20 * 1000 * 1000, // without any progress so long, what is missing is not waited for any more
};

struct bench_options {
	bool has_server;               // not one of our own
	struct server_address address; // of that server
	const char *users;             // the file of names and invite codes for it; NULL: bench-1, bench-2, …
	const char *state;             // where the devices' secret for it is kept; NULL: the usual place
	uint64_t pairs;
	uint64_t window;    // messages of a pair in flight; at a rate: CALL_WINDOW
	uint64_t rate;      // messages a second of all pairs together; 0: as many as the windows let
	uint64_t size;      // bytes of a text
	uint64_t seconds_us;
	uint64_t history_days; // of our own server
	uint64_t drop_ppm;  // of the load's datagrams, in and out
	bool is_json;
};

// What was found. Times and CPU belong to the measured seconds alone, messages to the whole run.
struct bench_result {
	uint64_t sent;
	uint64_t delivered;  // of them, each counted once
	uint64_t refused;    // by the server
	uint64_t doubled;    // BENCH_DOUBLED
	uint64_t repeated;   // BENCH_REPEATED
	uint64_t disordered; // BENCH_LATE
	uint64_t measured;   // delivered in the measured seconds
	int64_t measured_us;
	struct bench_times times; // from when a message of the measured seconds was due to its arrival

	bool has_server_cpu;
	int64_t server_cpu_us;
	int64_t server_signin_cpu_us; // of all sign-ins
	int64_t load_cpu_us;
	bool has_drops;
	uint64_t server_drops; // datagrams that found no room at the server's socket, in the whole run
	uint64_t load_drops;   // at our own
	bool is_server_gone;   // our own server ended before its time
};

// Messages that were sent, not refused, and never came.
uint64_t bench_result_lost(const struct bench_result *result);

// Reads the command line; false: over, with `*status`.
bool bench_options_read(struct bench_options *options, int argc, char **argv, int *status) MUST_CHECK;

// Prints the result on standard output, as one JSON object or as a table.
void bench_report(const struct bench_options *options, const struct bench_result *result);

// Says on standard error what goes on, if that is a terminal.
void bench_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

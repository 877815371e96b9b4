// SPDX-License-Identifier: ISC
// The server that `mms bench` starts for itself: this very program, as `mms server`, on a temporary directory. Layer: cmd.
//
// A process of its own, the keeper, starts the server, and ends it and removes the directory when the bench ends, however that
// ends, also by kill -9. Nothing of it is in the bench's process group: an interrupt from the keyboard is the bench's alone.
#ifndef MMS_CMD_BENCH_SERVER_H
#define MMS_CMD_BENCH_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "os/paths.h"

// Zeroed: none.
struct bench_server {
	bool is_started;
	pid_t pid;      // the server's
	pid_t keeper;
	int life_fd;    // closed: the keeper ends the server
	int output_fd;  // what the server prints; readable when it has ended
	uint16_t port;  // on 127.0.0.1
	uint64_t history_days; // that it keeps what all devices have
	struct file_path directory;
};

// Starts it with `user_count` plain users bench-1, bench-2, …, no bound of it in the way, and waits until it listens. What all devices
// have it keeps for `history_days`. With `is_pinned` it has the last core to itself. Returns EXIT_DONE, or the exit status, with
// `why`; then nothing is left of it.
int bench_server_start(struct bench_server *server, uint64_t user_count, uint64_t history_days, bool is_pinned, struct reason *why);

// Whether it has ended by itself.
bool bench_server_is_gone(const struct bench_server *server);

// Ends it and removes all it had. None: nothing happens.
void bench_server_stop(struct bench_server *server);

#endif

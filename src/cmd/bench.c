// SPDX-License-Identifier: ISC
// `mms bench`: a load of many devices against a server, and what it finds.
#include "cmd/bench.h"

#include <unistd.h>

#include "cmd/bench_load.h"
#include "cmd/bench_server.h"
#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "cmd/output.h"
#include "os/measure.h"
#include "os/signals.h"
#include "ui/printer.h"

// What was found as an exit status; what is wrong is said.
static int judge(const struct bench_result *result)
{
	if (result->is_server_gone) {
		(void)printer_line(PRINTER_ERR, "mms bench: the server ended while it was measured");
		return EXIT_UNREACHABLE;
	}
	if (bench_result_lost(result) == 0 && result->doubled == 0 && result->disordered == 0 && result->refused == 0)
		return EXIT_DONE;
	(void)printer_line(PRINTER_ERR, "mms bench: not every message came once and in order");
	return EXIT_PROTOCOL;
}

int cmd_bench(int argc, char **argv)
{
	static struct bench_load load; // too large for a stack
	static struct bench_result result;
	struct bench_options options;
	struct bench_server server = {0};
	struct reason why = {""};
	int signal_fd = -1;
	int status;
	if (!bench_options_read(&options, argc, argv, &status))
		return status;
	const bool is_pinned = !options.has_server && measure_core_count() > 1;
	status = signals_open(SIGNALS_CLIENT, &signal_fd, &why) == MMS_OK ? EXIT_DONE : EXIT_IO;
	if (status == EXIT_DONE && !options.has_server)
		status = bench_server_start(&server, 2 * options.pairs, options.history_days, is_pinned, &why);
	if (status == EXIT_DONE) {
		if (is_pinned)
			(void)measure_pin(0);
		status = bench_load_open(&load, &options, &server, is_pinned, signal_fd, &result);
		if (status == EXIT_DONE)
			status = bench_load_play(&load);
		why = load.why;
	}
	bench_load_close(&load);
	bench_server_stop(&server);
	if (signal_fd >= 0)
		close(signal_fd);
	if (status != EXIT_DONE) {
		if (status != EXIT_INTERRUPTED)
			(void)printer_line(PRINTER_ERR, "mms bench: %s", why.text);
		return status;
	}
	bench_report(&options, &result);
	status = judge(&result);
	const int output = output_flush("mms bench");
	return status == EXIT_DONE ? output : status;
}

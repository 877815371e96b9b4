// SPDX-License-Identifier: ISC
// What the commands for scripts share; the contract is in script.h.
#include "cmd/script.h"

#include <signal.h>
#include <unistd.h>

#include "cmd/exit.h"
#include "cmd/verdict.h"
#include "os/clock.h"
#include "os/signals.h"
#include "ui/printer.h"

static void write_error(void *context, const char *text, size_t bytes)
{
	(void)context;
	(void)printer_write(PRINTER_ERR, text, bytes); // where could it be told that this failed
}

struct phrase_out script_notices(const char *prefix)
{
	return (struct phrase_out){.write = write_error, .prefix = prefix};
}

int script_open(struct device *device, const struct device_options *options, const char *prefix, device_told *told,
		void *context, int *signal_fd)
{
	*signal_fd = -1;
	int status = signals_open(SIGNALS_CLIENT, signal_fd, &device->why) == MMS_OK ? EXIT_DONE : EXIT_IO;
	if (status == EXIT_DONE)
		status = device_open(device, options, told, context);
	if (status != EXIT_DONE) {
		const struct phrase_out out = script_notices(prefix);
		phrase_say_of(&out, PHRASE_FAILURE, device->why.text);
	}
	return status;
}

int script_be(struct device *device, const struct device_options *options, const char *prefix, enum life_use use)
{
	struct name user;
	const int status = device_choose_user(device, options->user, &user);
	if (status == EXIT_DONE) {
		device_be(device, &user, use, options->invite);
	} else {
		const struct phrase_out out = script_notices(prefix);
		phrase_say_of(&out, PHRASE_FAILURE, device->why.text);
	}
	return status;
}

void script_say_verdict(const struct life_told *verdict, const char *prefix)
{
	const struct phrase_out out = script_notices(prefix);
	const struct verdict_wish wish = {verdict->what, verdict->to, verdict->name};
	if (verdict->state == OUTBOX_REFUSED && !verdict->is_reoffer)
		(void)verdict_say_refused(&out, verdict->status, &wish);
}

int script_stopped(const struct device *device, const struct life_told *stopped, const char *prefix)
{
	const struct phrase_out out = script_notices(prefix);
	device_say_stop(device, stopped, &out);
	return device_stop_status(device, stopped);
}

bool script_turn(struct device *device, int signal_fd, struct mtime until)
{
	struct pollfd polled = {.fd = signal_fd, .events = POLLIN};
	int signo;
	device_turn(device, &polled, 1, until);
	while (signals_next(signal_fd, &signo))
		if (signo == SIGINT || signo == SIGTERM || signo == SIGHUP)
			return false;
	return true;
}

static void hear_nothing(void *context, const struct life_told *told)
{
	(void)context;
	(void)told;
}

void script_close(struct device *device, int signal_fd)
{
	if (device->memory != NULL) {
		device->told = hear_nothing;
		device_leave(device);
		device_turn(device, NULL, 0, clock_monotonic());
	}
	device_close(device);
	if (signal_fd >= 0)
		close(signal_fd);
}

// SPDX-License-Identifier: ISC
// What the commands for scripts share; the contract is in script.h.
#include "cmd/script.h"

#include <signal.h>
#include <unistd.h>

#include "cmd/exit.h"
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

const char *script_invite(const struct device_options *options)
{
	return options->invite; // as invite_code_choose left it
}

int script_open(struct device *device, const struct device_options *options, const char *prefix,
		void (*told)(void *context, const struct client_told *told), void *context, int *signal_fd)
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

int script_sign_in(struct device *device, const struct device_options *options, const char *prefix, bool is_receiving)
{
	struct name user;
	if (device->stop != DEVICE_STOP_NONE)
		return script_stopped(device, prefix);
	const int status = device_choose_user(device, options->user, &user);
	if (status == EXIT_DONE) {
		device_sign_in(device, &user, is_receiving, script_invite(options));
	} else {
		const struct phrase_out out = script_notices(prefix);
		phrase_say_of(&out, PHRASE_FAILURE, device->why.text);
	}
	return status;
}

int script_stopped(const struct device *device, const char *prefix)
{
	const struct phrase_out out = script_notices(prefix);
	device_say_stop(device, &out);
	return device->status;
}

bool script_turn(struct device *device, int signal_fd, struct mtime until, const char *prefix, bool *is_said)
{
	struct pollfd polled = {.fd = signal_fd, .events = POLLIN};
	int signo;
	device_turn(device, &polled, 1, until);
	if (!*is_said && device_is_unreachable(device)) {
		const struct phrase_out out = script_notices(prefix);
		phrase_say_of(&out, PHRASE_UNREACHABLE, device->server_text);
		*is_said = true;
	}
	while (signals_next(signal_fd, &signo))
		if (signo == SIGINT || signo == SIGTERM || signo == SIGHUP)
			return false;
	return true;
}

void script_close(struct device *device, int signal_fd)
{
	if (device->is_started && device->stop == DEVICE_STOP_NONE && device->is_signed_in) {
		device_sign_out(device);
		device_turn(device, NULL, 0, clock_monotonic());
	}
	device_close(device);
	if (signal_fd >= 0)
		close(signal_fd);
}

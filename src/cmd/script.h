// SPDX-License-Identifier: ISC
// What the commands for scripts (send, listen, who) share: their common options, their sentences on standard error, the
// end of a device as an exit status. Layer: cmd.
#ifndef MMS_CMD_SCRIPT_H
#define MMS_CMD_SCRIPT_H

#include <stdbool.h>

#include "cmd/device.h"
#include "cmd/options.h"
#include "ui/phrase.h"

// The options of every script command; the table of a command begins with them.
#define SCRIPT_ITEMS(options) \
	{.name = "server", .letter = 's', .argument = "HOST[:PORT]", .text = &(options)->server, \
	 .help = "the server, also [IPV6]:PORT, also HOST#FINGERPRINT (default: MMS_SERVER, or 127.0.0.1:1060)"}, \
	{.name = "port", .letter = 'p', .argument = "PORT", .number = &(options)->port, .min = 1, .max = 65535, \
	 .help = "its UDP port (default 1060)"}, \
	{.name = "user", .letter = 'a', .argument = "USER", .text = &(options)->user, \
	 .help = "who you are (default: MMS_USER, or the only one who signs in there from here)"}, \
	{.name = "state", .argument = "DIR", .text = &(options)->state, \
	 .help = "where keys and messages are kept (default: mms in the XDG state directory)"}, \
	{.name = "invite", .argument = "CODE", .text = &(options)->invite, \
	 .help = "the code for the first sign-in, where one is needed (default: MMS_INVITE)"}

// Notices on standard error, each beginning with `prefix` ("mms send: ").
struct phrase_out script_notices(const char *prefix);

// Opens the device and signals; returns EXIT_DONE or the exit status, told on standard error.
int script_open(struct device *device, const struct device_options *options, const char *prefix, device_told *told,
		void *context, int *signal_fd);

// Wants to be the user of the options. Returns EXIT_DONE or the exit status, told on standard error.
int script_be(struct device *device, const struct device_options *options, const char *prefix, enum life_use use);

// Says on standard error why a message of another command of this profile was refused; nothing for any other verdict.
void script_say_verdict(const struct life_told *verdict, const char *prefix);

// Says on standard error what ended a device, and returns the exit status.
int script_stopped(const struct device *device, const struct life_told *stopped, const char *prefix);

// Takes a turn until `until`. Returns false when a signal to end has come.
bool script_turn(struct device *device, int signal_fd, struct mtime until);

// Tells the server goodbye without waiting for its answer, and gives everything back. Nothing is told any more.
void script_close(struct device *device, int signal_fd);

#endif

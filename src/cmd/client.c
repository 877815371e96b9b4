// SPDX-License-Identifier: ISC
// `mms client`: the conversation of the specification, on a terminal or through a pipe.
#include <signal.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/conversation.h"
#include "cmd/exit.h"
#include "cmd/invite_code.h"
#include "cmd/options.h"
#include "os/clock.h"
#include "os/signals.h"
#include "os/standard.h"
#include "ui/printer.h"

// False: the conversation is to end at once with this status.
static bool take_signals(struct conversation *conversation, int signal_fd)
{
	int signo;
	while (signals_next(signal_fd, &signo)) {
		// Whoever asks us to end does not wait for a reader that does not read.
		if (signo == SIGINT || signo == SIGTERM || signo == SIGHUP)
			standard_set_deadline(clock_monotonic());
		if (signo == SIGWINCH && conversation->input.terminal != NULL) {
			terminal_resized(conversation->input.terminal);
		} else if (signo == SIGCONT && conversation->input.terminal != NULL) {
			terminal_resumed(conversation->input.terminal);
		} else if (signo == SIGINT) {
			conversation->status = EXIT_INTERRUPTED;
			conversation_leave(conversation);
		} else if (signo == SIGTERM || signo == SIGHUP) {
			conversation_leave(conversation);
		}
	}
	return conversation->state != TALK_OVER;
}

static void talk(struct conversation *conversation, int signal_fd)
{
	struct terminal_line line;
	conversation_begin(conversation);
	input_flush(&conversation->input);
	while (conversation->state != TALK_OVER) {
		const bool is_idle = conversation->state == TALK_IDLE;
		struct pollfd polled[2] = {
			{.fd = signal_fd, .events = POLLIN},
			{.fd = is_idle ? input_fd(&conversation->input) : -1, .events = POLLIN},
		};
		const bool is_pending = is_idle && (conversation->input.is_failed || input_is_pending(&conversation->input));
		device_turn(&conversation->device, polled, 2,
			    is_pending ? clock_monotonic() : conversation_deadline(conversation));
		if (!take_signals(conversation, signal_fd))
			break;
		conversation_advance(conversation);
		if (conversation->state == TALK_IDLE && (is_pending || polled[1].revents != 0))
			conversation_obey(conversation, input_next(&conversation->input, &line), &line);
		input_flush(&conversation->input);
	}
}

// A server of which no key is pinned must have an address; one that is known may be off, and so may its name.
static int find_host(struct device *device, int signal_fd)
{
	int signo;
	while (!device->life.is_pinned && device->life.lookup != LOOKUP_KNOWN) {
		struct pollfd polled = {.fd = signal_fd, .events = POLLIN};
		device_turn(device, &polled, 1, device->life.lookup == LOOKUP_DUE ? clock_monotonic() : MTIME_NEVER);
		while (signals_next(signal_fd, &signo))
			if (signo == SIGINT || signo == SIGTERM || signo == SIGHUP)
				return EXIT_INTERRUPTED;
		if (device_is_without_host(device)) {
			device->why = device->host_why;
			return EXIT_NO_HOST;
		}
	}
	return EXIT_DONE;
}

int cmd_client(int argc, char **argv)
{
	static struct conversation conversation; // too large for a stack
	struct device_options options = {0};
	struct options_words words;
	struct reason why = {""};
	int signal_fd = -1;
	int status;
	const struct options_item items[] = {
		{.name = "port", .letter = 'p', .argument = "PORT", .number = &options.port, .min = 1, .max = 65535,
		 .help = "UDP port of the server (default 1060)"},
		{.name = "state", .argument = "DIR", .text = &options.state,
		 .help = "where keys and messages are kept (default: mms in the XDG state directory)"},
	};
	const struct options_command command = {
		.name = "mms client",
		.positionals = "[HOST]",
		.positional_max = 1,
		.summary = "Talks with the other users of the server at HOST (default: MMS_SERVER, or 127.0.0.1), also HOST#FINGERPRINT.",
		.notes = "Type help for the commands. MMS_INVITE holds the code for a name that asks for one.\n"
			 "Exit status: 0, 75 when something stayed queued, 69 when the server was never reached, 76 when its\n"
			 "key changed.\n",
		.items = items,
		.item_count = sizeof items / sizeof items[0],
	};
	if (!options_begin(&command, argc, argv, &words, &status) ||
	    !invite_code_choose(&conversation.invite, &command, &status))
		return status;
	if (words.count > 0)
		options.server = words.word[0];
	status = signals_open(SIGNALS_CLIENT, &signal_fd, &why) == MMS_OK ? EXIT_DONE : EXIT_IO;
	if (status == EXIT_DONE) {
		status = device_open(&conversation.device, &options, conversation_told, &conversation);
		if (status == EXIT_DONE)
			status = find_host(&conversation.device, signal_fd);
		why = conversation.device.why;
	}
	if (status == EXIT_DONE && input_open(&conversation.input, &why) != MMS_OK)
		status = EXIT_IO;
	if (status != EXIT_DONE) {
		if (status != EXIT_INTERRUPTED)
			(void)printer_line(PRINTER_ERR, "mms client: %s", why.text);
		device_close(&conversation.device);
		return status;
	}
	talk(&conversation, signal_fd);
	status = conversation_end(&conversation);
	close(signal_fd);
	return status;
}

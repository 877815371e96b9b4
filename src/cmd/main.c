// SPDX-License-Identifier: ISC
// `mms`: one program, one table of subcommands.
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "cmd/output.h"
#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "os/process.h"
#include "ui/printer.h"
#include "ui/terminal.h"

static const struct subcommand {
	const char *name;
	int (*function)(int argc, char **argv);
	const char *description;
} subcommands[] = {
	{"server", cmd_server, "keep the messages of your users and pass them on"},
	{"client", cmd_client, "talk with the other users of a server"},
	{"send", cmd_send, "send one message; the exit status tells its fate"},
	{"listen", cmd_listen, "write incoming messages, one a line"},
	{"who", cmd_who, "list who is online"},
	{"user", cmd_user, "add, invite, revoke, list and remove the users of your server"},
	{"room", cmd_room, "list, make, rename and delete the rooms of your server, add and remove who is in them"},
	{"check", cmd_check, "read the whole database of your server or of a profile, and say whether it is sound"},
	{"bench", cmd_bench, "measure a server under the load of many devices"},
};

enum { SUBCOMMAND_COUNT = sizeof subcommands / sizeof subcommands[0] };

static void show_help(enum printer_stream stream)
{
	static const char top[] = "usage: mms COMMAND [OPTION]...\n"
				  "Text messaging you run yourself.\n\n"
				  "commands:\n";
	static const char bottom[] =
		"\n\"mms COMMAND --help\" tells more about one; \"mms --version\" shows the version.\n";
	(void)printer_write(stream, top, sizeof top - 1);
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		(void)printer_line(stream, "  %-9s %s", subcommands[i].name, subcommands[i].description);
	(void)printer_write(stream, bottom, sizeof bottom - 1);
}

// SQLite maps the index of a database's log into memory. Where a block of the disk is smaller than a page of memory,
// writing to that page can find the disk full, and the kernel has no other way to say so.
static void fail_mapped(int signo, siginfo_t *info, void *context)
{
	static const char sentence[] =
		"mms: cannot use the index of a database's log, its -shm file: no room left on its disk, or somebody cut "
		"the file short; make room, then start again\n";
	(void)context;
	if (info->si_code != BUS_ADRERR) {
		signal(signo, SIG_DFL); // our bug: the instruction is carried out again, and ends the process
		return;
	}
	terminal_restore();
	const ssize_t written = write(STDERR_FILENO, sentence, sizeof sentence - 1);
	(void)written;
	_exit(EXIT_IO);
}

int main(int argc, char **argv)
{
	const bool is_started = process_start();
	output_open();
	const struct sigaction on_bus = {.sa_sigaction = fail_mapped, .sa_flags = SA_SIGINFO};
	sigaction(SIGBUS, &on_bus, NULL);
	if (!is_started) {
		(void)printer_line(PRINTER_ERR, "mms: cannot open /dev/null in place of a standard descriptor that is closed: open it, "
						"or mend /dev");
		return EXIT_IO;
	}
	if (argc < 2) {
		show_help(PRINTER_ERR);
		return EXIT_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		show_help(PRINTER_OUT);
		return output_flush("mms");
	}
	if (strcmp(name, "--version") == 0) {
		(void)printer_line(PRINTER_OUT, "mms %s", MMS_VERSION);
		return output_flush("mms");
	}
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
		if (strcmp(name, subcommands[i].name) != 0)
			continue;
		if (crypto_init() != MMS_OK) {
			(void)printer_line(PRINTER_ERR, "mms: libsodium does not start; install it again or use another system");
			return EXIT_IO;
		}
		return subcommands[i].function(argc - 1, argv + 1);
	}
	(void)printer_line(PRINTER_ERR, "mms: unknown %s \"%.60s\"; \"mms --help\" lists the commands",
		name[0] == '-' ? "option" : "command", name);
	return EXIT_USAGE;
}

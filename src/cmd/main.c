// SPDX-License-Identifier: ISC
// `mms`: one program, one table of subcommands.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/exit.h"
#include "crypto/hash.h"

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
};

enum { SUBCOMMAND_COUNT = sizeof subcommands / sizeof subcommands[0] };

static void show_help(FILE *stream)
{
	fprintf(stream, "usage: mms COMMAND [OPTION]...\n"
			"Text messaging you run yourself.\n\n"
			"commands:\n");
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		fprintf(stream, "  %-9s %s\n", subcommands[i].name, subcommands[i].description);
	fprintf(stream, "\n\"mms COMMAND --help\" tells more about one; \"mms --version\" shows the version.\n");
}

static int flushed(void)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_DONE : EXIT_IO;
}

// SQLite maps the index of a database's log into memory. Where a block of the disk is smaller than a page of memory,
// writing to that page can find the disk full, and the kernel has no other way to say so.
static void fail_mapped(int signo, siginfo_t *info, void *context)
{
	static const char sentence[] =
		"mms: cannot write beside a database: no room left on its disk; make room, then start again\n";
	(void)context;
	if (info->si_code != BUS_ADRERR) {
		signal(signo, SIG_DFL); // our bug: the instruction is carried out again, and ends the process
		return;
	}
	const ssize_t written = write(STDERR_FILENO, sentence, sizeof sentence - 1);
	(void)written;
	_exit(EXIT_IO);
}

int main(int argc, char **argv)
{
	const struct sigaction on_bus = {.sa_sigaction = fail_mapped, .sa_flags = SA_SIGINFO};
	sigaction(SIGBUS, &on_bus, NULL);
	if (argc < 2) {
		show_help(stderr);
		return EXIT_USAGE;
	}
	const char *name = argv[1];
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		show_help(stdout);
		return flushed();
	}
	if (strcmp(name, "--version") == 0) {
		printf("mms %s\n", MMS_VERSION);
		return flushed();
	}
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
		if (strcmp(name, subcommands[i].name) != 0)
			continue;
		if (crypto_init() != MMS_OK) {
			fputs("mms: libsodium does not start; install it again or use another system\n", stderr);
			return EXIT_IO;
		}
		return subcommands[i].function(argc - 1, argv + 1);
	}
	fprintf(stderr, "mms: unknown %s \"%.60s\"; \"mms --help\" lists the commands\n",
		name[0] == '-' ? "option" : "command", name);
	return EXIT_USAGE;
}

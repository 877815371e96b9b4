// SPDX-License-Identifier: ISC
// A stand-in for the client in tests of ui/terminal: terminal_driver CONTROL LOG. Lines typed go to the file LOG as
// "line <text>", "overlong" or "end", and are answered on the screen by ">> got <text>". The pipe CONTROL takes one
// order a line: "print TEXT" (\n is a newline), "hold" and "go" (whether the prompt stays hidden after a line), "show",
// "hide", "quit". Each order done is logged as "done <order>"; the log begins with "pid <number>".
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ui/filter.h"
#include "ui/phrase.h"
#include "ui/terminal.h"

struct driver {
	struct terminal *terminal;
	FILE *log;
	bool holds; // the prompt stays hidden after a line
	bool ended;
};

static void print(struct driver *driver, const char *text, size_t bytes)
{
	if (terminal_print(driver->terminal, text, bytes) != MMS_OK) {
		fprintf(driver->log, "output failed\n");
		driver->ended = true;
	}
}

static void answer(struct driver *driver, const struct terminal_line *line)
{
	static char shown[FILTER_CAPACITY(TERMINAL_LINE_BYTES_MAX)];
	filter_text(line->text, line->bytes, FILTER_LINE, shown, sizeof shown);
	fprintf(driver->log, "line %s\n", shown);
	print(driver, ">> got ", 7);
	print(driver, shown, strlen(shown));
	print(driver, "\n", 1);
}

static void take_lines(struct driver *driver)
{
	static struct terminal_line line;
	const enum terminal_input input = terminal_read(driver->terminal, &line);
	if (input == TERMINAL_NOTHING)
		return;
	if (input == TERMINAL_LINE)
		answer(driver, &line);
	else
		fprintf(driver->log, input == TERMINAL_END ? "end\n" : "overlong\n");
	driver->ended = driver->ended || input == TERMINAL_END;
	if (!driver->holds && !driver->ended)
		terminal_prompt_show(driver->terminal);
}

static void print_escaped(struct driver *driver, const char *text)
{
	static char plain[8192];
	size_t bytes = 0;
	for (; *text != '\0' && bytes < sizeof plain; text++) {
		if (text[0] == '\\' && text[1] == 'n') {
			plain[bytes++] = '\n';
			text++;
		} else {
			plain[bytes++] = *text;
		}
	}
	print(driver, plain, bytes);
}

static void obey(struct driver *driver, const char *order)
{
	if (strncmp(order, "print ", 6) == 0)
		print_escaped(driver, order + 6);
	else if (strcmp(order, "show") == 0)
		terminal_prompt_show(driver->terminal);
	else if (strcmp(order, "hide") == 0)
		terminal_prompt_hide(driver->terminal);
	else if (strcmp(order, "hold") == 0 || strcmp(order, "go") == 0)
		driver->holds = order[0] == 'h';
	else if (strcmp(order, "quit") == 0)
		driver->ended = true;
	else
		fprintf(driver->log, "unknown order\n");
	fprintf(driver->log, "done %s\n", order);
}

static void take_orders(struct driver *driver, int control)
{
	static char orders[16384];
	const ssize_t bytes = read(control, orders, sizeof orders - 1); // the tests write an order at once
	if (bytes <= 0)
		return;
	orders[bytes] = '\0';
	char *rest = orders;
	for (char *order = strsep(&rest, "\n"); rest != NULL; order = strsep(&rest, "\n"))
		obey(driver, order);
}

static int watch_signals(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGWINCH);
	sigaddset(&signals, SIGCONT);
	const int fd = signalfd(-1, &signals, SFD_CLOEXEC);
	sigaddset(&signals, SIGHUP); // as the client does: the end of input says it too
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return fd;
}

static void take_signals(struct driver *driver, int signals)
{
	struct signalfd_siginfo signal;
	if (read(signals, &signal, sizeof signal) != (ssize_t)sizeof signal)
		return;
	if (signal.ssi_signo == SIGWINCH)
		terminal_resized(driver->terminal);
	else
		terminal_resumed(driver->terminal);
	fprintf(driver->log, signal.ssi_signo == SIGWINCH ? "resized\n" : "resumed\n");
}

static void run(struct driver *driver, int control, int signals)
{
	print(driver, "Welcome to MMS.\n", 16);
	terminal_prompt_show(driver->terminal);
	while (!driver->ended) {
		struct pollfd ready[] = {{.fd = terminal_fd(driver->terminal), .events = POLLIN},
					 {.fd = control, .events = POLLIN},
					 {.fd = signals, .events = POLLIN}};
		const bool is_pending = terminal_is_pending(driver->terminal);
		if (poll(ready, 3, is_pending ? 0 : -1) < 0)
			continue;
		if (ready[2].revents != 0)
			take_signals(driver, signals);
		if (ready[1].revents != 0)
			take_orders(driver, control);
		if (is_pending || ready[0].revents != 0)
			take_lines(driver);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: terminal_driver CONTROL LOG\n");
		return EXIT_FAILURE;
	}
	struct driver driver = {.log = fopen(argv[2], "a")};
	const int control = open(argv[1], O_RDWR); // both ends, so that it never hangs up
	const int signals = watch_signals();
	struct reason why = {{0}};
	if (driver.log == NULL || control < 0 || signals < 0) {
		perror("terminal_driver");
		return EXIT_FAILURE;
	}
	setvbuf(driver.log, NULL, _IOLBF, BUFSIZ);
	fprintf(driver.log, "pid %d\n", (int)getpid());
	if (terminal_open(&driver.terminal, PHRASE_PROMPT, &why) != MMS_OK) {
		fprintf(driver.log, "not opened %s\n", why.text);
		return EXIT_FAILURE;
	}
	run(&driver, control, signals);
	terminal_close(driver.terminal);
	fprintf(driver.log, "closed\n");
	fclose(driver.log);
	close(control);
	close(signals);
	return EXIT_SUCCESS;
}

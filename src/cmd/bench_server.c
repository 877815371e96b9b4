// SPDX-License-Identifier: ISC
// The server that `mms bench` starts; the contract is in bench_server.h.
#include "cmd/bench_server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "cmd/exit.h"
#include "cmd/values.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/measure.h"

enum { NAME_LINE_BYTES = 32, LOG_BYTES_MAX = 64 * 1024 * 1024, START_WAIT_MS = 60 * 1000 };

static enum mms_err write_users(const char *path, uint64_t user_count, struct reason *why)
{
	char *text = malloc(user_count * NAME_LINE_BYTES + 1);
	size_t bytes = 0;
	if (text == NULL) {
		snprintf(why->text, sizeof why->text, "not enough memory for %" PRIu64 " users: choose fewer pairs", user_count);
		return MMS_E_FULL;
	}
	for (uint64_t i = 1; i <= user_count; i++)
		bytes += (size_t)snprintf(text + bytes, NAME_LINE_BYTES, "bench-%" PRIu64 "\n", i);
	const enum mms_err err = file_create_secret(path, text, bytes, why);
	free(text);
	return err;
}

// In the process that becomes the server. What an operator bounds for the sake of others is out of the way: what users may
// send, how many may sign in at a time.
static void become_server(const struct bench_server *server, int output_fd, uint64_t user_count, bool is_pinned, pid_t keeper)
{
	struct file_path users, data, log;
	struct reason why;
	char sessions[24];
	char history[24];
	const uint64_t least = SESSIONS_MAX;
	if (paths_join(&users, server->directory.text, "users", &why) != MMS_OK ||
	    paths_join(&data, server->directory.text, "data", &why) != MMS_OK ||
	    paths_join(&log, server->directory.text, "log", &why) != MMS_OK)
		_exit(EXIT_CANT_CREATE);
	const int log_fd = open(log.text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (log_fd < 0 || null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(output_fd, 1) < 0 || dup2(log_fd, 2) < 0)
		_exit(EXIT_CANT_CREATE);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(EXIT_INTERRUPTED);
	if (is_pinned)
		(void)measure_pin(measure_core_count() - 1);
	// A session more for each: a device that shakes hands anew has two for a while.
	snprintf(sessions, sizeof sessions, "%" PRIu64, 2 * user_count > least ? 2 * user_count : least);
	snprintf(history, sizeof history, "%" PRIu64, server->history_days);
	execl("/proc/self/exe", "mms", "server", "-p", "0", "-u", users.text, "-d", data.text, "--sessions", sessions,
	      "--history", history, "--submit-rate", "1000000", "--submit-burst", "1000000", "--blind-handshakes", "1000000",
	      "--handshakes-per-address", "1000000", "--handshakes-per-network", "1000000", "--handshakes", "1000000",
	      "--newcomer-handshakes", "1000000", "127.0.0.1", (char *)NULL);
	_exit(EXIT_IO);
}

// The keeper: tells the server's process, waits until the bench has gone, and cleans up.
static void keep(const struct bench_server *server, int life_fd, int told_fd, int output_fd, uint64_t user_count, bool is_pinned)
{
	char byte;
	(void)setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	const pid_t keeper = getpid();
	const pid_t pid = fork();
	if (pid == 0)
		become_server(server, output_fd, user_count, is_pinned, keeper);
	close(output_fd); // the server's alone, so that its end can be seen
	const bool is_told = pid > 0 && write(told_fd, &pid, sizeof pid) == (ssize_t)sizeof pid;
	close(told_fd);
	while (is_told && read(life_fd, &byte, 1) < 0 && errno == EINTR)
		;
	if (pid > 0) {
		kill(pid, SIGTERM);
		waitpid(pid, NULL, 0);
	}
	_exit(directory_remove(server->directory.text) ? EXIT_DONE : EXIT_IO);
}

// The last line of the server's log says why it does not serve.
static void say_log(const struct bench_server *server, struct reason *why)
{
	struct file_path log;
	struct reason unread;
	char *text = NULL;
	size_t bytes = 0;
	snprintf(why->text, sizeof why->text, "the server of its own did not start");
	if (paths_join(&log, server->directory.text, "log", &unread) != MMS_OK ||
	    file_read(log.text, LOG_BYTES_MAX, &text, &bytes, &unread) != MMS_OK)
		return;
	while (bytes > 0 && text[bytes - 1] == '\n')
		text[--bytes] = 0;
	const char *last = strrchr(text, '\n');
	if (bytes > 0)
		snprintf(why->text, sizeof why->text, "the server of its own did not start: %.600s", last != NULL ? last + 1 : text);
	free(text);
}

// Waits for "listening on 127.0.0.1:PORT".
static bool read_port(struct bench_server *server)
{
	char line[128];
	size_t bytes = 0;
	uint64_t port;
	struct pollfd polled = {.fd = server->output_fd, .events = POLLIN};
	while (bytes < sizeof line - 1 && poll(&polled, 1, START_WAIT_MS) > 0) {
		if (read(server->output_fd, line + bytes, 1) != 1)
			return false;
		if (line[bytes++] != '\n')
			continue;
		line[bytes - 1] = 0;
		const char *colon = strrchr(line, ':');
		if (colon == NULL || values_number(colon + 1, 1, UINT16_MAX, &port) != VALUES_OK)
			return false;
		server->port = (uint16_t)port;
		return true;
	}
	return false;
}

static void close_pair(int fds[2])
{
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static bool launch(struct bench_server *server, uint64_t user_count, bool is_pinned)
{
	int life[2] = {-1, -1}, told[2] = {-1, -1}, output[2] = {-1, -1};
	if (pipe2(life, O_CLOEXEC) != 0 || pipe2(told, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
		goto failed;
	server->keeper = fork();
	if (server->keeper < 0)
		goto failed;
	if (server->keeper == 0) {
		close(life[1]);
		close(told[0]);
		close(output[0]);
		keep(server, life[0], told[1], output[1], user_count, is_pinned);
	}
	close(life[0]);
	close(told[1]);
	close(output[1]);
	server->life_fd = life[1];
	server->output_fd = output[0];
	server->is_started = true;
	const bool is_told = read(told[0], &server->pid, sizeof server->pid) == (ssize_t)sizeof server->pid;
	close(told[0]);
	return is_told;
failed:
	close_pair(life);
	close_pair(told);
	close_pair(output);
	return false;
}

int bench_server_start(struct bench_server *server, uint64_t user_count, uint64_t history_days, bool is_pinned, struct reason *why)
{
	struct file_path users;
	*server = (struct bench_server){.history_days = history_days};
	// Not in /tmp, which may be memory: a sync would cost nothing.
	enum mms_err err = paths_join(&server->directory, environment_or(NULL, "TMPDIR", "/var/tmp"), "mms-bench-XXXXXX", why);
	if (err != MMS_OK)
		return exit_of_data(err);
	if (mkdtemp(server->directory.text) == NULL) {
		snprintf(why->text, sizeof why->text, "cannot make a directory %.300s: %s; choose another place with TMPDIR",
			 server->directory.text, strerror(errno));
		return EXIT_CANT_CREATE;
	}
	err = paths_join(&users, server->directory.text, "users", why);
	if (err == MMS_OK)
		err = write_users(users.text, user_count, why);
	if (err == MMS_OK && launch(server, user_count, is_pinned) && read_port(server))
		return EXIT_DONE;
	if (err == MMS_OK)
		say_log(server, why);
	if (server->is_started)
		bench_server_stop(server);
	else
		(void)directory_remove(server->directory.text);
	return err == MMS_OK ? EXIT_UNREACHABLE : exit_of_data(err);
}

bool bench_server_is_gone(const struct bench_server *server)
{
	struct pollfd polled = {.fd = server->output_fd, .events = POLLIN};
	return server->is_started && poll(&polled, 1, 0) > 0 && (polled.revents & POLLHUP) != 0;
}

void bench_server_stop(struct bench_server *server)
{
	if (!server->is_started)
		return;
	close(server->life_fd);
	while (waitpid(server->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	close(server->output_fd);
	*server = (struct bench_server){0};
}

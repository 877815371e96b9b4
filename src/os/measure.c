// SPDX-License-Identifier: ISC
// What a process costs, and where it runs; the contract is in measure.h.
#include "os/measure.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

size_t measure_core_count(void)
{
	cpu_set_t cores;
	if (sched_getaffinity(0, sizeof cores, &cores) != 0)
		return 1;
	return (size_t)CPU_COUNT(&cores);
}

bool measure_pin(size_t index)
{
	cpu_set_t cores, one;
	if (sched_getaffinity(0, sizeof cores, &cores) != 0)
		return false;
	for (size_t core = 0; core < CPU_SETSIZE; core++) {
		if (!CPU_ISSET(core, &cores) || index-- > 0)
			continue;
		CPU_ZERO(&one);
		CPU_SET(core, &one);
		return sched_setaffinity(0, sizeof one, &one) == 0;
	}
	return false;
}

bool measure_cpu_us(pid_t pid, int64_t *us)
{
	clockid_t clock;
	struct timespec used;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return false;
	*us = (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
	return true;
}

// The number that a text begins with, blanks before it skipped.
static bool read_number(const char *text, int base, uint64_t *number)
{
	char *end;
	errno = 0;
	*number = strtoull(text, &end, base);
	return errno == 0 && end != text;
}

// Adds the last column of each line whose local address, the second one, ends in this port.
static bool add_drops(const char *path, uint16_t port, uint64_t *count)
{
	char line[512];
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	while (fgets(line, sizeof line, file) != NULL) {
		uint64_t local_port;
		uint64_t drops;
		size_t bytes = strlen(line);
		while (bytes > 0 && (line[bytes - 1] == '\n' || line[bytes - 1] == ' '))
			line[--bytes] = 0;
		const char *last = strrchr(line, ' ');
		const char *local = strchr(line, ':'); // behind the entry's number; then comes the address, a colon and the port
		if (local != NULL)
			local = strchr(local + 1, ':');
		if (last != NULL && local != NULL && read_number(local + 1, 16, &local_port) && local_port == port &&
		    read_number(last, 10, &drops))
			*count += drops;
	}
	fclose(file);
	return true;
}

bool measure_udp_drops(uint16_t port, uint64_t *count)
{
	uint64_t sum = 0;
	const bool has_ipv4 = add_drops("/proc/net/udp", port, &sum);
	const bool has_ipv6 = add_drops("/proc/net/udp6", port, &sum);
	if (!has_ipv4 && !has_ipv6)
		return false;
	*count = sum;
	return true;
}

// SPDX-License-Identifier: ISC
// mms-sim: runs of the deterministic simulator. See doc/testing.md.
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "acceptance.h"
#include "crypto/crypto.h"
#include "network.h"
#include "report.h"
#include "world.h"

struct run {
	uint64_t first;
	uint64_t count;
	bool is_tracing;
	bool has_sights;
	bool has_digests;
	const char *argument[64]; // options set by hand, to be repeated in the replay command
	int argument_count;
};

static uint64_t running_seed;
static const struct run *running;

static void print_replay(FILE *file)
{
	fprintf(file, "mms-sim");
	for (int i = 0; running != NULL && i < running->argument_count; i++)
		fprintf(file, " --set %s", running->argument[i]);
	fprintf(file, " %" PRIu64 "\n", running_seed);
	fflush(file);
}

// An assertion of the product failed: the last line is the command that shows it again.
static void on_abort(int signo)
{
	fprintf(stdout, "seed %" PRIu64 " failed: signal %d\n", running_seed, signo);
	print_replay(stdout);
	_exit(1);
}

static bool set(struct options *options, const char *assignment)
{
	char name[64];
	const char *value = strchr(assignment, '=');
	if (value == NULL || (size_t)(value - assignment) >= sizeof name)
		return false;
	memcpy(name, assignment, (size_t)(value - assignment));
	name[value - assignment] = 0;
	return options_set(options, name, (uint32_t)strtoul(value + 1, NULL, 10));
}

// Draws the options of a seed as world_run does, so that they can be printed and changed before.
static void options_of(const struct run *run, uint64_t seed, struct options *options)
{
	struct draw draw = {.state = seed};
	options_draw(options, &draw);
	for (int i = 0; i < run->argument_count; i++)
		set(options, run->argument[i]);
}

static bool run_seed(const struct run *run, uint64_t seed)
{
	struct options options;
	running_seed = seed;
	running = run;
	options_of(run, seed, &options);
	if (run->count == 1) {
		options_print(&options);
		fflush(stdout);
	}
	if (setjmp(report_escape) == 0) {
		world_run(seed, run->argument_count > 0 ? &options : NULL);
		if (run->has_digests)
			printf("seed %" PRIu64 " sent %016" PRIx64 "\n", seed, network_digest());
		return true;
	}
	world_end();
	printf("seed %" PRIu64 " failed: %s\n", seed, report_why());
	if (run->count > 1)
		options_print(&options);
	print_replay(stdout);
	return false;
}

static int run_all(const struct run *run)
{
	struct timespec began, ended;
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (uint64_t i = 0; i < run->count; i++)
		if (!run_seed(run, run->first + i))
			return 1;
	clock_gettime(CLOCK_MONOTONIC, &ended);
	const double seconds = (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
	printf("%" PRIu64 " seeds from %" PRIu64 ", no failure, %.1f s, %.0f seeds a second\n", run->count, run->first, seconds,
	       (double)run->count / seconds);
	if (!run->has_sights)
		return 0;
	const uint32_t never_count = report_sights();
	if (never_count > 0)
		printf("%u of these never happened\n", never_count);
	return never_count > 0 ? 2 : 0;
}

static int usage(FILE *file, int status)
{
	fprintf(file,
		"usage: mms-sim [--trace] [--set NAME=VALUE]... SEED     one run; its options first\n"
		"       mms-sim --seeds COUNT [--sights] [--digests] [SEED]\n"
		"                                                        COUNT runs, from SEED (1) on\n"
		"       mms-sim --acceptance                             how long an acceptance takes over lossy links\n"
		"       mms-sim --options                                what a run is made of\n"
		"Exit status: 0 no failure, 1 a failure (the last line repeats it), 2 something never happened, 64 usage.\n");
	return status;
}

int main(int argc, char **argv)
{
	static struct run run = {.first = 1, .count = 1};
	struct options known;
	bool has_seed = false;
	if (crypto_init() != MMS_OK)
		return 1;
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0) {
			report_set_trace(true);
		} else if (strcmp(argv[i], "--digests") == 0) {
			run.has_digests = true;
		} else if (strcmp(argv[i], "--sights") == 0) {
			run.has_sights = true;
		} else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
			run.count = strtoull(argv[++i], NULL, 10);
			has_seed = true;
		} else if (strcmp(argv[i], "--set") == 0 && i + 1 < argc && set(&known, argv[i + 1]) && run.argument_count < 64) {
			run.argument[run.argument_count++] = argv[++i];
		} else if (strcmp(argv[i], "--acceptance") == 0) {
			return acceptance_measure();
		} else if (strcmp(argv[i], "--options") == 0) {
			options_help();
			return 0;
		} else if (argv[i][0] >= '0' && argv[i][0] <= '9') {
			run.first = strtoull(argv[i], NULL, 10);
			has_seed = true;
		} else {
			return usage(stderr, 64);
		}
	}
	return has_seed ? run_all(&run) : usage(stderr, 64);
}

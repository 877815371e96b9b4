// SPDX-License-Identifier: ISC
// The contract is in acceptance.h.
#include "acceptance.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "device_host.h"
#include "double.h"
#include "report.h"
#include "world.h"

enum {
	WORLDS = 40,        // conversations, each from a seed of its own
	WORLD_MESSAGES = 50, // messages of each, one after the other
	PAUSE_MS_MAX = 8000,
	WAIT_MS_MAX = 3600 * 1000,
	SAMPLES = WORLDS * WORLD_MESSAGES,
};

struct link {
	uint32_t loss_percent;
	uint32_t path_ms; // there and back
	double median_s_max; // 0: none promised
	double p99_s_max;
};

static const struct link links[] = {
	{0, 10, 0, 0},   {50, 10, 0, 0},   {75, 10, 3, 30},   {90, 10, 0, 180},
	{0, 300, 0, 0},  {50, 300, 0, 0},  {75, 300, 3, 30},  {90, 300, 0, 180},
};

static int64_t took_us[SAMPLES];

static void run_until(struct mtime until)
{
	while (world.now.us < until.us)
		world_step(until);
}

// One conversation: fred writes to Tim, waits for the verdict, pauses.
static void converse(const struct link *link, uint32_t place)
{
	struct options options;
	options_calm(&options);
	options.up_loss = options.down_loss = 10 * link->loss_percent;
	options.delay_ms_min = options.delay_ms_max = link->path_ms / 2;
	world.draw = (struct draw){.state = place + 1};
	double_begin(false);
	world_begin(place + 1, &options);
	device_host_start(0, LIFE_RECEIVES, false);
	device_host_start(1, LIFE_RECEIVES, false);
	// Until then nothing can be written; and one of them may begin with a code that is none.
	while (!world.profile[0].disk.state.has_signed_in || !world.profile[1].disk.state.has_signed_in) {
		world_step(mtime_add_ms(world.now, 1000));
		device_host_revive();
	}
	for (uint32_t i = 0; i < WORLD_MESSAGES; i++) {
		run_until(mtime_add_ms(world.now, 1 + draw_below(&world.draw, PAUSE_MS_MAX)));
		const struct mtime began = world.now;
		const struct mtime limit = mtime_add_ms(began, WAIT_MS_MAX);
		const uint32_t number = truth_count();
		if (!world_write(0, 1, 60))
			report_failure("no room for a message");
		while (!truth_message(number)->is_told_accepted) {
			if (world.now.us >= limit.us)
				report_failure("a message was not accepted within %d s", WAIT_MS_MAX / 1000);
			world_step(limit);
		}
		took_us[place * WORLD_MESSAGES + i] = mtime_diff_us(world.now, began);
	}
	world_end();
}

static int compare(const void *a, const void *b)
{
	const int64_t one = *(const int64_t *)a;
	const int64_t other = *(const int64_t *)b;
	return (one > other) - (one < other);
}

// False: something failed, and is printed.
static bool converse_all(const struct link *link)
{
	if (setjmp(report_escape) != 0) {
		world_end();
		printf("%10u %%  %5u ms  %s\n", link->loss_percent, link->path_ms, report_why());
		return false;
	}
	for (uint32_t place = 0; place < WORLDS; place++)
		converse(link, place);
	return true;
}

static bool measure(const struct link *link)
{
	if (!converse_all(link))
		return false;
	qsort(took_us, SAMPLES, sizeof *took_us, compare);
	const double median_s = (double)took_us[SAMPLES / 2] / 1e6;
	const double p99_s = (double)took_us[SAMPLES * 99 / 100] / 1e6;
	const bool is_late = (link->median_s_max > 0 && median_s > link->median_s_max) ||
			     (link->p99_s_max > 0 && p99_s > link->p99_s_max);
	printf("%11u %%  %5u ms %8.2f %8.2f %8.2f%s\n", link->loss_percent, link->path_ms, median_s, p99_s,
	       (double)took_us[SAMPLES - 1] / 1e6, is_late ? "   more than promised" : "");
	return !is_late;
}

int acceptance_measure(void)
{
	bool is_good = true;
	printf("loss each way   path     median      p99    worst   (%d messages; seconds from writing to the verdict)\n", SAMPLES);
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		is_good = measure(&links[i]) && is_good;
	return is_good ? 0 : 1;
}

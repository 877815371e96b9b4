// SPDX-License-Identifier: ISC
// The drawing of a run; the contract is in options.h.
#include "options.h"

#include <stdio.h>
#include <string.h>

void options_calm(struct options *options)
{
	*options = (struct options){
		.users = 2,
		.lanes = 1,
		.devices = 2,
		.messages = 10,
		.active_ms = 10000,
		.text_bytes_max = 64,
		.delay_ms_min = 5,
		.delay_ms_max = 20,
		.mailbox_rows_max = 1000,
		.mailbox_held_max = 1000,
		.sessions_max = 16,
		.half_open_max = 16,
		.blocks_small_max = 2000,
		.blocks_large_max = 500,
		.submit_burst = 1000,
		.blind_burst = 400,
	};
}

enum { ACTIVE_MS_USUAL = 60000 };

// A strength from 1 to `most`, small ones more often.
static uint32_t strength(struct draw *draw, uint32_t most)
{
	const uint32_t half = most >> draw_below(draw, 4);
	return 1 + draw_below(draw, half == 0 ? 1 : half);
}

// One kind of fault in about `chance` of a thousand runs.
static void some(struct draw *draw, uint32_t *field, uint32_t chance, uint32_t most)
{
	*field = draw_chance(draw, chance) ? strength(draw, most) : 0;
}

static void draw_network(struct options *options, struct draw *draw)
{
	some(draw, &options->up_loss, 400, 900);
	some(draw, &options->down_loss, 400, 900);
	if (draw_chance(draw, 300))
		options->down_loss = options->up_loss;
	some(draw, &options->burst_loss, 150, 50);
	some(draw, &options->duplication, 250, 500);
	some(draw, &options->straggling, 200, 200);
	some(draw, &options->flipping, 150, 100);
	some(draw, &options->truncation, 100, 100);
	options->delay_ms_min = draw_below(draw, 40);
	options->delay_ms_max = options->delay_ms_min + strength(draw, 600);
	some(draw, &options->replays, 300, 60);
	some(draw, &options->detours, 60, 400);
	some(draw, &options->reflections, 60, 400);
	some(draw, &options->moves, 250, 8);
	some(draw, &options->unresolved, 200, 700);
	some(draw, &options->server_moves, 120, 3);
	some(draw, &options->partitions, options->active_ms > ACTIVE_MS_USUAL ? 700 : 200, 5);
}

static void draw_machines(struct options *options, struct draw *draw)
{
	some(draw, &options->server_kills, 300, 6);
	some(draw, &options->server_boundary_kill, 250, 40);
	some(draw, &options->device_kills, 300, 8);
	some(draw, &options->device_boundary_kill, 200, 30);
	options->lanes = 1 + draw_below(draw, 3);
	options->rows_apart = draw_below(draw, 2);
	some(draw, &options->store_delay_ms, 600, 3000);
	some(draw, &options->repeated_commits, 250, 600);
	some(draw, &options->full_ops, 150, 300);
	some(draw, &options->slow_commits, 200, 300);
	options->commits_block = draw_below(draw, 2);
	some(draw, &options->full_commits, 120, 200);
	some(draw, &options->failed_commits, 120, 100);
	some(draw, &options->failed_reloads, 300, 500);
	some(draw, &options->failed_device_commits, 120, 100);
	some(draw, &options->failed_reads, 60, 60);
	some(draw, &options->disk_fills, 120, 3);
	some(draw, &options->server_restores, 150, 2);
	some(draw, &options->device_restores, 120, 2);
	some(draw, &options->clones, 100, 2);
	some(draw, &options->shutdowns, 120, 3);
	some(draw, &options->wall_jumps, 120, 4);
	some(draw, &options->suspensions, options->active_ms > ACTIVE_MS_USUAL ? 800 : 150, 8);
	some(draw, &options->absences, 150, 3);
}

static void draw_people(struct options *options, struct draw *draw)
{
	options->users = 2 + draw_below(draw, 3);
	options->devices = options->users + (draw_chance(draw, 600) ? draw_below(draw, 4) : 0);
	options->messages = strength(draw, 60);
	options->active_ms = 1000 + strength(draw, ACTIVE_MS_USUAL - 1000);
	if (draw_chance(draw, 30)) // long enough for a device to count as away and be back
		options->active_ms = 100000 + draw_below(draw, 150000);
	options->text_bytes_max = draw_chance(draw, 250) ? 1024 : 1 + draw_below(draw, 200);
	some(draw, &options->user_changes, 160, 6);
	some(draw, &options->second_lives, 150, 3);
	some(draw, &options->revocations, 80, 2);
	some(draw, &options->side_senders, 150, 16);
	some(draw, &options->terminals, 300, 8);
	some(draw, &options->rivals, 250, 12);
	some(draw, &options->failed_opens, 100, 100);
	some(draw, &options->sign_outs, 150, 4);
	some(draw, &options->hostile_devices, 150, 2);
	some(draw, &options->floods, 60, 2);
	if (options->hostile_devices > 0)
		some(draw, &options->hoards, 500, 1000);
}

// Drawn apart: a world in which it plays no part is the same as before there was this bound.
static void draw_held(struct options *options, struct draw draw)
{
	draw.state ^= 0x68656c64;
	options->mailbox_held_max = draw_chance(&draw, 200) ? strength(&draw, 24) : 1000;
}

// Likewise. Where there are rooms, a row has one number in all mailboxes.
static void draw_rooms(struct options *options, struct draw draw)
{
	draw.state ^= 0x726f6f6d;
	some(&draw, &options->room_acts, 350, 80);
}

static void draw_bounds(struct options *options, struct draw *draw)
{
	options->mailbox_rows_max = draw_chance(draw, 200) ? strength(draw, 12) : 1000;
	draw_held(options, *draw);
	draw_rooms(options, *draw);
	options->sessions_max = draw_chance(draw, 200) ? 12 + draw_below(draw, 4) : 24;
	options->half_open_max = draw_chance(draw, 100) ? 2 + draw_below(draw, 6) : 16;
	options->blocks_small_max = draw_chance(draw, 100) ? 64 + draw_below(draw, 200) : 2000;
	options->blocks_large_max = draw_chance(draw, 100) ? 32 + draw_below(draw, 64) : 500;
	if (options->hoards > 0 && draw_chance(draw, 700)) {
		options->hostile_devices = 2;
		// A user's share is a sixteenth, and every session of a user at rest holds the answer to its last PING.
		options->blocks_small_max = 16 * 4 + draw_below(draw, 32);
		options->blocks_large_max = 16 + draw_below(draw, 32);
	}
	options->submit_burst = draw_chance(draw, 100) ? strength(draw, 20) : 1000;
	options->blind_burst = draw_chance(draw, 250) ? 1 : 400;
}

// Drawn apart too.
static void draw_device_stores(struct options *options, struct draw draw)
{
	draw.state ^= 0x64657673;
	some(&draw, &options->slow_device_stores, 400, 600);
	some(&draw, &options->unknown_device_stores, 200, 300);
}

// Likewise: what rooms have to be seen beside.
static void finish_rooms(struct options *options, struct draw draw)
{
	draw.state ^= 0x686f6d65;
	if (options->room_acts == 0)
		return;
	options->rows_apart = 0;
	if (options->server_restores == 0)
		some(&draw, &options->server_restores, 350, 3);
	options->active_ms += options->server_restores > 0 ? 20000 : 0;
	if (options->server_restores > 0)
		some(&draw, &options->waverers, 500, 3);
}

void options_draw(struct options *options, struct draw *draw)
{
	memset(options, 0, sizeof *options);
	draw_people(options, draw);
	draw_bounds(options, draw);
	draw_network(options, draw);
	draw_machines(options, draw);
	draw_device_stores(options, *draw);
	finish_rooms(options, *draw);
}

struct option {
	const char *name;
	const char *meaning;
	size_t at;
};

static const struct option table[] = {
#define ROW(name, meaning) {#name, meaning, offsetof(struct options, name)},
	SIM_OPTIONS(ROW)
#undef ROW
};

static uint32_t *field(struct options *options, size_t place)
{
	return (uint32_t *)(void *)((uint8_t *)options + table[place].at);
}

void options_print(const struct options *options)
{
	struct options copy = *options;
	printf("options:");
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (*field(&copy, i) != 0)
			printf(" %s=%u", table[i].name, *field(&copy, i));
	printf("\n");
}

bool options_set(struct options *options, const char *name, uint32_t value)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].name, name) == 0) {
			*field(options, i) = value;
			return true;
		}
	return false;
}

void options_help(void)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		printf("  %-24s %s\n", table[i].name, table[i].meaning);
}

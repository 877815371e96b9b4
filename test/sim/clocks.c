// SPDX-License-Identifier: ISC
// The contract is in clocks.h.
#include "clocks.h"

#include "report.h"
#include "world.h"

enum { SERVERS_WALL = 0 }; // else a process's, its place + 1

// What a wall clock that was `offset_ms` off is off afterwards.
static int64_t jumped(int64_t offset_ms)
{
	// Before 1970, around it, the ends of what 32 bits hold, the year 2100, what is beyond a date's four digits and an id's bits.
	static const int64_t odd_ms[] = {-2208988800000, -1,		  0,		   1, 2147483648000, 4294967296000,
					 4133980800000,	 253402300800000, 281474976710656, INT64_MAX / 1000};
	if (draw_chance(&world.draw, 300))
		return odd_ms[draw_below(&world.draw, sizeof odd_ms / sizeof *odd_ms)] - world_wall(0).ms;
	const int64_t jump_ms = (1000LL << draw_below(&world.draw, 32)) + draw_below(&world.draw, 1000);
	return offset_ms + (draw_chance(&world.draw, 500) ? jump_ms : -jump_ms);
}

static void set_wall(uint8_t whose, int64_t offset_ms)
{
	if (whose != SERVERS_WALL) {
		world.process[whose - 1].wall_offset_ms = offset_ms;
		return;
	}
	world.server.wall_offset_ms = offset_ms;
	world.server.node.housekeep_at = world.now;
	world.server.is_due = true;
	report_trace("the server's wall clock is %lld s off", (long long)offset_ms / 1000);
	if (world_wall(offset_ms).ms < 0)
		report_sight(SIGHT_BEFORE_1970);
	if (world_wall(offset_ms).ms > INVITES_END_MS)
		report_sight(SIGHT_AFTER_2100);
}

uint8_t clocks_step(void)
{
	const bool is_servers = draw_chance(&world.draw, 500);
	const uint8_t whose = is_servers ? SERVERS_WALL : (uint8_t)(1 + draw_below(&world.draw, PROCESSES_MAX));
	set_wall(whose, jumped(is_servers ? world.server.wall_offset_ms : world.process[whose - 1].wall_offset_ms));
	return whose;
}

void clocks_right(uint8_t whose)
{
	set_wall(whose, 0);
}

// SPDX-License-Identifier: ISC
// The contract is in hoard.h.
#include "hoard.h"

#include "device_host.h"
#include "double.h"
#include "report.h"

// Calls behind one that is never made, small ones or large ones. Their kind is nobody's: should they start, they are answered BAD.
static void hold_calls(struct session *session, struct blocks *blocks)
{
	static const uint8_t body[WIRE_CALL_BODY_BYTES_MAX];
	struct caller *caller = &session->caller;
	enum { KIND_OF_NOBODY = 77, SMALL_BYTES = 64 };
	const uint32_t most = draw_chance(&world.draw, 500) ? SMALL_BYTES : sizeof body;
	if (caller_room(caller) < 2)
		return;
	if (caller_calls(caller)->unanswered == 0)
		caller->next_number++;
	while (caller_open(caller, blocks, KIND_OF_NOBODY, body, 1 + draw_below(&world.draw, most), 0) == MMS_OK)
		continue;
	report_sight(SIGHT_CALLS_HELD);
}

void hoard_turn(struct process *process)
{
	struct dialer *dialer = &process->life.node.dialer;
	struct draw *draw = &world.draw;
	if (!draw_chance(draw, world.options.hoards))
		return;
	for (uint32_t slot = 0; slot < DIALER_SESSIONS; slot++) {
		struct session *session = &dialer->slot[slot].session;
		if (dialer->slot[slot].state != DIALER_SLOT_PRESENT)
			continue;
		// Behind a call that is left out no BASE beyond it counts, so a device does the one or the other.
		const bool holds_calls = (process->profile + world.options.hoards) % 2 == 0;
		if (holds_calls && draw_chance(draw, 300))
			hold_calls(session, &dialer->blocks);
		if (draw_chance(draw, 700))
			session->callee.due = 0;
		// One that never moves, or one beyond calls that are not answered.
		if (draw_chance(draw, 500))
			double_say_base(holds_calls ? 1 : session->caller.next_number - draw_below(draw, 3));
	}
}

void hoard_sent(void)
{
	double_say_base(0);
}

bool hoard_goes_on(const struct process *process)
{
	return world.options.hoards > 0 && world.user[world_owner(process)->user].is_hostile;
}

void hoard_end(void)
{
	for (uint32_t i = 0; i < PROCESSES_MAX; i++)
		if (world.process[i].is_alive && hoard_goes_on(&world.process[i]))
			device_host_kill(&world.process[i]);
}

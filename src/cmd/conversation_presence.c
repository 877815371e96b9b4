// SPDX-License-Identifier: ISC
// Who of the people one writes with comes and goes, on a terminal: the one place where it is said unasked. The contract is in
// conversation_inside.h.
#include "cmd/conversation_inside.h"
#include "os/clock.h"

void conversation_want_presence(struct conversation *conversation)
{
	struct name names[CLIENT_PEOPLE_MAX];
	uint32_t count = 0;
	struct device *device = &conversation->device;
	if (conversation->input.terminal == NULL)
		return; // a pipe is told nothing that it did not ask for
	if (device->profile.store != NULL && client_store_people(device->profile.store, names, CLIENT_PEOPLE_MAX, &count) != MMS_OK)
		count = 0; // what else is wrong with the store is said where it matters
	device_life_want_presence(&device->life, names, count, clock_monotonic());
}

void conversation_say_presence(struct conversation *conversation, const struct life_told *told)
{
	// A list that is on its way says it too.
	if (!conversation->is_welcomed || conversation->state == TALK_LISTING)
		return;
	char heard[CLOCK_LOCAL_BYTES] = "";
	if (told->heard_at.ms > 0)
		clock_local(told->heard_at, clock_wall(), heard);
	phrase_presence(&conversation->out, &told->name, told->is_online, heard);
}

void conversation_say_who_one(struct conversation *conversation)
{
	char heard[CLOCK_LOCAL_BYTES] = "";
	const struct who_list *who = &conversation->who;
	struct wtime heard_at;
	if (who->count > 0 && !who->user[0].is_online &&
	    client_is_away_since(&conversation->device.life.node.client, &who->user[0].name, &heard_at))
		clock_local(heard_at, clock_wall(), heard);
	who_list_say_one(who, &conversation->out, heard);
}

// SPDX-License-Identifier: ISC
// The lists that are asked for in a conversation: users, who is in a room, rooms, whom one blocks. The contract is in
// conversation_inside.h.
#include <assert.h>

#include "cmd/conversation_inside.h"
#include "cmd/verdict.h"
#include "ui/phrase_room.h"
#include "ui/printer.h"

// What a command asks for.
static struct client_list_wish wish_of(const struct command *command)
{
	switch (command->kind) {
	case COMMAND_ROOMS:
		return (struct client_list_wish){.kind = LIST_ROOMS};
	case COMMAND_BLOCK:
		return (struct client_list_wish){.kind = LIST_BLOCKED};
	default:
		if (command->to.is_room)
			return (struct client_list_wish){.kind = LIST_MEMBERS, .room = command->to.name};
		return (struct client_list_wish){.kind = LIST_USERS};
	}
}

static void clear(struct conversation *conversation)
{
	who_list_clear(&conversation->who);
	room_list_clear(&conversation->rooms);
}

void conversation_list(struct conversation *conversation, const struct command *command)
{
	struct device *device = &conversation->device;
	clear(conversation);
	conversation->list = wish_of(command);
	conversation->who.has_pattern = command->has_pattern;
	conversation->who.pattern = command->pattern;
	if (device->life.state != LIFE_SIGNED_IN && device_is_silent(device)) {
		conversation->is_unreachable_said = false; // whoever asks hears it again
		conversation_say_unreachable(conversation);
		return;
	}
	device_list(device, &conversation->list);
	conversation_start(conversation, TALK_LISTING);
}

// Everybody, or those asked for where no screen is: in the two sentences of whoIsOn.
static void say_users(struct conversation *conversation)
{
	const struct who_list *who = &conversation->who;
	for (int online = 1; online >= 0; online--) {
		struct phrase_names names;
		phrase_names_begin(&names, &conversation->out, online == 1);
		for (size_t i = 0; i < who->count; i++)
			if (who->user[i].is_online == (online == 1))
				phrase_names_add(&names, &who->user[i].name);
		phrase_names_end(&names);
	}
}

static void show_users(struct conversation *conversation)
{
	enum { MEMBERS_SAID_MAX = 24 }; // more fill a screen better in columns
	const struct who_list *who = &conversation->who;
	const bool is_list = who->has_pattern || (conversation->list.kind == LIST_MEMBERS && who->count > MEMBERS_SAID_MAX);
	if (who->has_pattern && who->pattern.is_name)
		conversation_say_who_one(conversation);
	else if (is_list && (conversation->input.terminal != NULL || who->count == 0))
		who_list_show(who, &conversation->out, printer_columns(PRINTER_OUT));
	else
		say_users(conversation);
}

static void say_blocked(struct conversation *conversation)
{
	const struct who_list *who = &conversation->who;
	struct phrase_names names;
	phrase_names_begin_blocked(&names, &conversation->out);
	for (size_t i = 0; i < who->count; i++)
		phrase_names_add(&names, &who->user[i].name);
	phrase_names_end(&names);
	if (who->count == 0)
		phrase_nobody_blocked(&conversation->out);
}

static void show(struct conversation *conversation)
{
	switch (conversation->list.kind) {
	case LIST_USERS:
	case LIST_MEMBERS:
		show_users(conversation);
		break;
	case LIST_ROOMS:
		room_list_say(&conversation->rooms, &conversation->out);
		break;
	case LIST_BLOCKED:
		say_blocked(conversation);
		break;
	}
}

// A list ends where the memory does.
void conversation_take_list(struct conversation *conversation, const struct life_told *told)
{
	switch (told->type) {
	case LIFE_TOLD_LIST_BEGIN:
		clear(conversation);
		break;
	case LIFE_TOLD_LIST_USER:
		(void)who_list_add(&conversation->who, &told->name, told->is_online);
		break;
	case LIFE_TOLD_LIST_ROOM:
		(void)room_list_add(&conversation->rooms, told);
		break;
	case LIFE_TOLD_LIST_END:
		show(conversation);
		conversation_finish(conversation, TALK_LISTING);
		break;
	case LIFE_TOLD_LIST_FAILED:
		(void)verdict_say_no_list(&conversation->out, told->status, &conversation->list, conversation->device.server_text);
		conversation_finish(conversation, TALK_LISTING);
		break;
	default:
		assert(false);
	}
}

// SPDX-License-Identifier: ISC
// The contract is in operators.h.
#include "operators.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "server_host.h"
#include "server_users.h"

enum {
	COME_MS_MAX = 60 * 1000, // between two that come by themselves
	SLOW_MS_MAX = 14 * 1000, // some are slower than the server waits
	QUICK_MS_MAX = 200,
	ANSWER_MS_MAX = 300 * 1000,
	TEXT_BYTES = 256,
};

enum wish { WISH_EDIT, WISH_LIST, WISH_NONSENSE };

static struct operator_person {
	bool is_there;
	enum wish wish;
	struct name name; // EDIT: of whom
	uint32_t version; // EDIT: of the users file that it has made
	char text[TEXT_BYTES];
	size_t bytes;
	size_t said;
	bool will_leave;
	bool is_told;    // it is to take what it was given
	bool is_over;    // the answer is whole
	uint32_t users;  // LIST: told so far
	struct mtime at; // of its next step
	struct mtime told_at;  // when it was given something last; at first, when it came
	struct mtime whole_at; // of its request
} person[OPERATORS_MAX];

static struct draw draw;
static struct mtime come_at;

static struct moment moment(void)
{
	return (struct moment){world.now, world_wall(world.server.wall_offset_ms)};
}

static struct mtime soon(void)
{
	const uint32_t most_ms = draw_chance(&draw, 50) ? SLOW_MS_MAX : QUICK_MS_MAX;
	return mtime_add_ms(world.now, 1 + draw_below(&draw, most_ms));
}

void operators_begin(uint64_t seed)
{
	draw = (struct draw){.state = seed ^ 0x6f70657261746f72};
	memset(person, 0, sizeof person);
	come_at = mtime_add_ms(world.now, draw_below(&draw, COME_MS_MAX));
}

void operators_gone(void)
{
	memset(person, 0, sizeof person);
}

// --- what they want ---

static void write_edit(struct operator_person *who)
{
	static const char *const requests[] = {
		"do=user remove\nname=%s\n\n",
		"do=user add\nname=%s\n\n",
		"do=user add\nname=%s\nlife=same\n\n",
		"do=user revoke\nname=%s\ndevice=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n\n",
	};
	const char *format = requests[draw_below(&draw, sizeof requests / sizeof requests[0])];
	const char *at = strstr(format, "%s");
	const struct name name = world.user[draw_below(&draw, world.user_count)].name;
	who->name = name;
	who->version = world.server.users_version;
	who->bytes = (size_t)snprintf(who->text, sizeof who->text, "%.*s%s%s", (int)(at - format), format, name.text, at + 2);
}

static void write_nonsense(struct operator_person *who)
{
	who->bytes = 2 + draw_below(&draw, TEXT_BYTES - 2);
	for (size_t i = 0; i < who->bytes; i++)
		who->text[i] = (char)draw_below(&draw, 128);
	if (draw_chance(&draw, 500))
		memcpy(who->text + who->bytes - 2, "\n\n", 2);
}

static bool come(enum wish wish)
{
	if (!server_node_operator_has_room(&world.server.node))
		return false;
	struct operator_person *who = &person[server_node_operator_came(&world.server.node, moment())];
	assert(!who->is_there);
	*who = (struct operator_person){.is_there = true, .wish = wish, .at = soon(), .told_at = world.now, .whole_at = MTIME_NEVER};
	who->will_leave = draw_chance(&draw, 100);
	if (wish == WISH_EDIT)
		write_edit(who);
	else if (wish == WISH_LIST)
		who->bytes = (size_t)snprintf(who->text, sizeof who->text, "do=user list\n\n");
	else
		write_nonsense(who);
	world.server.is_due = true;
	return true;
}

bool operators_ask(void)
{
	return world.server.node.life == LIFE_SERVING && draw_chance(&draw, 500) && come(WISH_EDIT);
}

// --- what they do ---

// Who does not come to hear that it is done sees to it in another way.
static void leave(struct operator_person *who)
{
	who->is_there = false;
	if (who->wish == WISH_EDIT && !who->is_over)
		server_host_ask_again();
}

static void say(struct operator_person *who, uint32_t slot)
{
	const size_t left = who->bytes - who->said;
	const size_t some = draw_chance(&draw, 500) ? left : 1 + draw_below(&draw, (uint32_t)left);
	who->said += some;
	if (who->said == who->bytes)
		who->whole_at = world.now;
	server_node_operator_said(&world.server.node, slot, who->text + who->said - some, some, moment());
}

// One that is not waited for waits.
static void step(struct operator_person *who, uint32_t slot)
{
	who->at = MTIME_NEVER;
	world.server.is_due = true;
	if (who->will_leave && draw_chance(&draw, 400)) {
		report_sight(SIGHT_OPERATOR_LEFT);
		leave(who);
		server_node_operator_left(&world.server.node, slot);
	} else if (who->is_told) {
		who->is_told = false;
		server_node_operator_told(&world.server.node, slot);
	} else if (who->said < who->bytes) {
		say(who, slot);
		who->at = soon();
	} else if (who->wish == WISH_NONSENSE && operator_request_bytes(who->text, who->bytes) == 0) {
		server_node_operator_ended(&world.server.node, slot);
	}
}

void operators_run(void)
{
	if (world.is_faulty && mtime_is_due(come_at, world.now)) {
		// In days without a device nobody comes: it would show nothing new.
		come_at = mtime_add_ms(mtime_max(world.now, world.absent_until), draw_below(&draw, COME_MS_MAX));
		if (world.server.node.life == LIFE_SERVING)
			(void)come(draw_chance(&draw, 500) ? WISH_LIST : WISH_NONSENSE);
	}
	for (uint32_t i = 0; i < OPERATORS_MAX; i++) {
		struct operator_person *who = &person[i];
		if (who->is_there && mtime_is_due(who->at, world.now))
			step(who, i);
		if (who->is_there && !who->is_over && who->whole_at.us != MTIME_NEVER.us && who->wish != WISH_NONSENSE &&
		    mtime_diff_us(world.now, who->whole_at) > ANSWER_MS_MAX * 1000LL)
			report_failure("an operator waits for an answer that does not come");
	}
}

struct mtime operators_deadline(void)
{
	struct mtime due = world.is_faulty ? come_at : MTIME_NEVER;
	for (uint32_t i = 0; i < OPERATORS_MAX; i++)
		if (person[i].is_there)
			due = mtime_min(due, person[i].at);
	return due;
}

// --- what they hear ---

void operators_edit(const struct server_order *order)
{
	const struct operator_person *who = &person[order->slot];
	if (who->is_there && (who->wish != WISH_EDIT || !name_is_same(&order->edit->name, &who->name)))
		report_failure("a change is made that nobody asked for");
}

static void check_status(struct operator_person *who, int status)
{
	const struct host_users *present = server_users_present();
	who->is_over = true;
	if (who->wish == WISH_NONSENSE && status != OPERATOR_BAD && status != OPERATOR_STOPPING)
		report_failure("nonsense was answered with %d", status);
	if (who->wish == WISH_LIST && status == OPERATOR_DONE && who->users != present->table.user_count)
		report_failure("%u users were listed of %u", who->users, present->table.user_count);
	if (who->wish != WISH_EDIT)
		return;
	if (status != OPERATOR_DONE)
		server_host_ask_again();
	else if (present->version < who->version)
		report_failure("an operator was told that users are in effect that are not");
	else
		report_sight(SIGHT_OPERATOR_DONE);
}

void operators_tell(const struct server_order *order)
{
	struct operator_person *who = &person[order->slot];
	const char *text = order->told;
	size_t left = order->told_bytes;
	struct operator_line line;
	size_t bytes;
	if (!who->is_there || who->is_told || who->is_over)
		report_failure("an operator is told something that it does not wait for");
	for (; (bytes = operator_line_read(&line, text, left)) > 0; text += bytes, left -= bytes) {
		who->users += operator_line_is(&line, OPERATOR_KEY_USER);
		if (operator_line_is(&line, OPERATOR_KEY_STATUS))
			check_status(who, atoi(line.value));
	}
	if (left > 0)
		report_failure("an operator is told half a line");
	who->is_told = true;
	who->at = soon();
	who->told_at = world.now;
}

void operators_part(const struct server_order *order)
{
	struct operator_person *who = &person[order->slot];
	const bool is_late = mtime_diff_us(world.now, who->told_at) >= OPERATOR_SILENCE_S * 1000000LL;
	if (!who->is_there)
		report_failure("the server ends a connection that is over");
	if (!who->is_over && who->whole_at.us != MTIME_NEVER.us && !who->is_told && who->wish != WISH_NONSENSE)
		report_failure("an operator is sent away without its answer");
	if (!(who->is_over && !who->is_told) && !is_late)
		report_failure("an operator is sent away before the time");
	if (is_late)
		report_sight(SIGHT_OPERATOR_SENT_AWAY);
	leave(who);
}

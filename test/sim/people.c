// SPDX-License-Identifier: ISC
// The contract is in people.h.
#include "people.h"

#include <assert.h>
#include <string.h>

#include "report.h"
#include "truth.h"
#include "world.h"

static struct user *add_user(const char *name, bool is_hostile)
{
	struct user *user = &world.user[world.user_count];
	*user = (struct user){.first = (uint8_t)world.user_count, .is_listed = true, .is_hostile = is_hostile};
	world.user_count++;
	const bool is_name = name_parse(&user->name, name, strlen(name));
	assert(is_name);
	return user;
}

static void add_device(uint8_t user, bool has_invite)
{
	uint8_t secret[NOISE_KEY_BYTES];
	struct identity *identity = &world.identity[world.identity_count];
	struct profile *profile = &world.profile[world.profile_count];
	*identity = (struct identity){.user = user, .has_invite = has_invite};
	rng_fill(&world.rng, secret, sizeof secret);
	keypair_derive(&identity->keys, secret);
	rng_fill(&world.rng, identity->invite_hash, sizeof identity->invite_hash);
	device_disk_begin(&profile->disk, (uint8_t)world.identity_count);
	profile->lineage = world.lineage_count++;
	profile->is_given_up = profile->is_made = false;
	memset(profile->is_pinned, 0, sizeof profile->is_pinned);
	profile->holder = profile->receiver = -1;
	profile->replaced_serial = 0;
	memset(profile->shown_by, 0, sizeof profile->shown_by);
	world.identity_count++;
	world.profile_count++;
}

void people_settle(void)
{
	static const char *const names[] = {"fred", "Tim", "libero", "francoc"};
	const struct options *options = &world.options;
	world.user_count = world.identity_count = world.profile_count = 0;
	world.lineage_count = 0;
	for (uint32_t i = 0; i < options->users && i < 4; i++) {
		struct user *user = add_user(names[i], false);
		if (draw_chance(&world.draw, 500))
			rng_fill(&world.rng, user->life, sizeof user->life);
	}
	uint32_t count[USERS_MAX] = {0};
	for (uint32_t i = 0; i < options->devices && i < 8; i++)
		count[i < options->users ? i : draw_below(&world.draw, options->users)]++;
	for (uint8_t u = 0; u < world.user_count; u++) {
		// A name without an invite may be claimed: of several devices by the first.
		const bool has_invite = draw_chance(&world.draw, count[u] > 1 ? 700 : 200);
		const bool is_shared = has_invite && draw_chance(&world.draw, 150);
		for (uint32_t i = 0; i < count[u] && i < INVITES_PER_USER_MAX; i++) {
			add_device(u, has_invite);
			if (i > 0 && is_shared) // two have the same code, and it admits one
				memcpy(world.identity[world.identity_count - 1].invite_hash,
				       world.identity[world.identity_count - 2].invite_hash, INVITE_HASH_BYTES);
		}
	}
	if (options->hostile_devices == 0)
		return;
	const uint8_t mallory = (uint8_t)world.user_count;
	add_user("mallory", true);
	for (uint32_t i = 0; i < options->hostile_devices && i < 2; i++)
		add_device(mallory, true);
}

int people_of_line(const struct name *name, const uint8_t life[USER_LIFE_BYTES])
{
	for (uint32_t i = 0; i < world.user_count; i++)
		if (name_is_same(&world.user[i].name, name) && memcmp(world.user[i].life, life, USER_LIFE_BYTES) == 0)
			return (int)i;
	return -1;
}

int people_holder(uint8_t user)
{
	for (uint32_t i = 0; i < world.user_count; i++)
		if (world.user[i].first == world.user[user].first && world.user[i].is_listed)
			return (int)i;
	return -1;
}

int people_pass_name_on(uint8_t user)
{
	if (world.user[user].is_hostile || world.user_count == USERS_MAX || world.identity_count == IDENTITIES_MAX ||
	    world.profile_count == PROFILES_MAX || world.lineage_count + 1 >= LINEAGES_MAX)
		return -1;
	const int holder = people_holder(user);
	if (holder >= 0)
		world.user[holder].is_listed = false;
	const int place = (int)world.profile_count;
	struct user *fresh = add_user(world.user[user].name.text, false);
	fresh->first = world.user[user].first;
	rng_fill(&world.rng, fresh->life, sizeof fresh->life);
	add_device((uint8_t)(world.user_count - 1), true);
	report_trace("the name %s is given to somebody else, whose device is on profile %d", fresh->name.text, place);
	report_sight(SIGHT_SECOND_LIFE);
	return place;
}

static bool may_be_claimed(uint8_t user)
{
	for (uint32_t i = 0; i < world.identity_count; i++)
		if (world.identity[i].user == user && !world.identity[i].has_invite)
			return true;
	return false;
}

static bool is_name_shared(uint8_t user)
{
	for (uint32_t i = 0; i < world.user_count; i++)
		if (i != user && world.user[i].first == world.user[user].first)
			return true;
	return false;
}

void people_change(uint8_t place)
{
	struct user *user = &world.user[place];
	const int holder = people_holder(place);
	if (!user->is_listed && is_name_shared(place) && may_be_claimed(place))
		return;
	if (holder >= 0)
		world.user[holder].is_listed = false;
	user->is_listed = holder != place;
	if (user->is_listed && is_name_shared(place))
		report_sight(SIGHT_LIFE_BACK);
	report_trace("user %u, %s, is %s the users file", place, user->name.text, user->is_listed ? "back in" : "removed from");
}

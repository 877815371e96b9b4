// SPDX-License-Identifier: ISC
// The contract is in device_perform.h.
#include "device_perform.h"

#include <string.h>

#include "network.h"
#include "presence.h"
#include "report.h"
#include "terminals.h"

static int place_of(const struct process *process)
{
	return (int)(process - world.process);
}

static struct profile *profile_of(const struct process *process)
{
	return &world.profile[process->profile];
}

// --- what a device says to its user ---

static void note_stop(struct process *process, const struct life_told *told)
{
	const char *name = world.user[world_owner(process)->user].name.text;
	report_trace("%s's process %d stops (%d)", name, place_of(process), told->stop);
	process->is_stopped = true;
	switch (told->stop) {
	case LIFE_STOP_NO_HOST:
		report_sight(SIGHT_NO_HOST);
		if (profile_of(process)->disk.state.has_signed_in && process->life.is_open)
			report_failure("%s has signed in before, and a process gave up for want of the server's address", name);
		break;
	case LIFE_STOP_REFUSED:
		report_sight(SIGHT_REFUSED);
		break;
	case LIFE_STOP_REPLACED:
		report_sight(SIGHT_REPLACED);
		terminals_replaced(process);
		// A hostile one may have spoilt a SIGNIN of its own, which then said that it receives.
		if (process->was_alone && !world.user[world_owner(process)->user].is_hostile)
			report_failure("%s was told that another terminal receives, and there was none", name);
		break;
	case LIFE_STOP_REMOVED:
		report_sight(SIGHT_REMOVED);
		break;
	case LIFE_STOP_SIGNED_OUT:
		report_sight(SIGHT_SIGNED_OUT);
		break;
	case LIFE_STOP_KEY:
	case LIFE_STOP_VERSION:
		// A spoilt datagram can show any key; nothing proves it, and the device has stopped.
		if (world.options.flipping == 0)
			report_failure("a device was shown a key that the server does not have");
		break;
	case LIFE_STOP_BROKEN:
		if (!world.user[world_owner(process)->user].is_hostile) // which may have made its first call itself
			report_failure("%s was told that the server breaks the protocol", name);
		break;
	case LIFE_STOP_NOT_PROVED:
		if (!world_owner(process)->has_invite && !world_owner(process)->is_claimant &&
		    !world.user[world_owner(process)->user].is_hostile)
			report_failure("%s was let in with a code that is none", name);
		break;
	case LIFE_STOP_FAILED:
	case LIFE_STOP_STORE:
		break;
	}
}

static void note_verdict(const struct process *process, const struct life_told *told)
{
	const uint8_t user = world_owner(process)->user;
	const uint32_t number = truth_find(user, &told->id);
	if (number == MESSAGES_MAX)
		report_failure("a verdict was told on a message that its user did not write");
	if (device_disk_verdict(&world.profile[process->profile].disk, number) == OUTBOX_QUEUED)
		report_failure("the verdict on message %u was told, and is not durable", number);
	if (!told->is_reoffer && !world.user[user].is_hostile)
		truth_told(number, told->state);
}

static void hear(struct process *process, const struct life_told *told)
{
	const struct user *user = &world.user[world_owner(process)->user];
	process->has_news = process->has_news || told->type == LIFE_TOLD_SIGNED_IN || told->type == LIFE_TOLD_STORED ||
			    told->type == LIFE_TOLD_CHANGED;
	switch (told->type) {
	case LIFE_TOLD_SIGNED_IN:
		if (!profile_of(process)->is_pinned[process->name] || !profile_of(process)->disk.state.has_signed_in)
			report_failure("a sign-in was told that the next process will not know of");
		if (!name_is_same(&told->name, &user->name))
			report_failure("%s was signed in as %s", user->name.text, told->name.text);
		report_trace("%s's process %d is signed in", user->name.text, place_of(process));
		presence_signed_in(process);
		break;
	case LIFE_TOLD_VERDICT:
		note_verdict(process, told);
		break;
	case LIFE_TOLD_STORED:
		process->is_grown = false;
		break;
	case LIFE_TOLD_PRESENCE:
		presence_told(process, told);
		break;
	case LIFE_TOLD_SHUTDOWN:
		report_sight(SIGHT_SHUTDOWN);
		break;
	case LIFE_TOLD_LIST_END:
		report_sight(SIGHT_WHO);
		break;
	case LIFE_TOLD_LIST_FAILED:
		if (!user->is_hostile)
			report_failure("%s got no list of users (%u)", user->name.text, told->status);
		break;
	case LIFE_TOLD_STOPPED:
		note_stop(process, told);
		break;
	case LIFE_TOLD_KNOWN:
		terminals_known(process);
		break;
	case LIFE_TOLD_RECONNECTED:
	case LIFE_TOLD_CHANGED:
	case LIFE_TOLD_LIST_BEGIN:
	case LIFE_TOLD_LIST_USER:
	case LIFE_TOLD_LIST_ROOM:
	case LIFE_TOLD_UNREACHABLE:
	case LIFE_TOLD_REACHED:
		break;
	}
}

// --- its files ---

static struct life_facts facts_of(const struct profile *profile)
{
	const struct device_disk_state *state = &profile->disk.state;
	return (struct life_facts){state->has_signed_in, state->name, state->replaced_count};
}

// A store is made with the device's key in it. Where there was one before, its key is lost.
static void make(struct profile *profile)
{
	const struct identity *identity = &world.identity[profile->disk.identity];
	if (profile->is_made)
		return;
	if (server_disk_device(&world.disk, identity->keys.public_key) != NULL)
		report_failure("a profile was made anew, and the server has its key enrolled");
	profile->is_made = true;
}

static void open_profile(struct process *process, const struct life_order *order)
{
	struct profile *profile = profile_of(process);
	const struct identity *identity = &world.identity[profile->disk.identity];
	if (memcmp(order->key, world.server.keys.public_key, NOISE_KEY_BYTES) != 0) {
		device_life_failed(&process->life); // a spoilt key: an empty profile of nobody's, which has no place here
		return;
	}
	if (world.is_faulty && draw_chance(&world.draw, world.options.failed_opens)) {
		report_sight(SIGHT_OPEN_FAILED);
		device_life_failed(&process->life);
		return;
	}
	make(profile);
	terminals_opened(process);
	process->seen_version = profile->disk.version;
	if (profile->disk.state.has_signed_in && !profile->is_pinned[process->name])
		report_sight(SIGHT_KEY_ASKED);
	const struct life_facts facts = facts_of(profile);
	device_life_opened(&process->life, &identity->keys, &facts, world.now);
}

static void take_outbox(struct process *process)
{
	struct profile *profile = profile_of(process);
	const struct life_facts facts = facts_of(profile);
	const bool has_changed = process->seen_version != profile->disk.version;
	process->seen_version = profile->disk.version;
	if (profile->holder < 0) {
		if (process->life.state != LIFE_WAITING && mtime_diff_us(world.now, process->life.wished_at) > LIFE_TURN_US)
			report_sight(SIGHT_TURN_INHERITED);
		profile->holder = place_of(process);
		profile->holder_turn++;
		device_life_taken(&process->life, &facts, has_changed, world.now);
		return;
	}
	if (!facts.has_signed_in)
		report_sight(SIGHT_TURN_WAITED);
	device_life_busy(&process->life, &facts, has_changed, world.now);
	if (facts.has_signed_in && process->life.state == LIFE_WAITING && process->life.wish.use == LIFE_ASKS)
		report_failure("a process waits for its turn to sign in first, and its profile has signed in");
}

static void poke(const struct profile *profile)
{
	if (profile->holder < 0)
		return;
	report_sight(SIGHT_POKED);
	world.process[profile->holder].is_woken = world.process[profile->holder].is_due = true;
}

static void receive(struct process *process)
{
	struct profile *profile = profile_of(process);
	const bool is_receiver = terminals_receive(process);
	const struct life_facts facts = facts_of(profile);
	const bool has_changed = process->seen_version != profile->disk.version;
	process->seen_version = profile->disk.version;
	if (is_receiver)
		device_life_receives(&process->life, &facts, has_changed, world.now);
	else
		device_life_follows(&process->life, &facts, has_changed, world.now);
}

static void overrule(struct process *process)
{
	if (world.is_faulty && draw_chance(&world.draw, world.options.failed_device_commits)) {
		device_life_failed(&process->life);
		return;
	}
	report_sight(SIGHT_OVERRULED);
	device_disk_overrule(&profile_of(process)->disk);
	device_life_overruled(&process->life);
}

static void note(struct process *process, const struct name *name)
{
	bool is_done = true;
	const bool is_failed = world.is_faulty && draw_chance(&world.draw, world.options.failed_device_commits);
	if (is_failed)
		is_done = draw_chance(&world.draw, 500);
	if (is_done)
		device_disk_note(&profile_of(process)->disk, name);
	if (is_failed)
		device_life_failed(&process->life);
	else
		device_life_noted(&process->life);
}

static void pin(struct process *process)
{
	if (world.is_faulty && draw_chance(&world.draw, world.options.failed_opens)) {
		device_life_failed(&process->life);
		return;
	}
	profile_of(process)->is_pinned[process->name] = true;
	device_life_pinned(&process->life);
}

// --- its store ---

// Some are slow: meanwhile the next batch fills, sessions end and begin, and the process may be killed.
static struct mtime done_at(void)
{
	const bool is_slow = world.is_faulty && draw_chance(&world.draw, world.options.slow_device_stores);
	return mtime_add_ms(world.now, is_slow ? draw_below(&world.draw, 3000) : 0);
}

static void begin_append(struct process *process, const struct client_batch *batch)
{
	struct device_work *work = &process->work;
	if (work->is_append)
		report_failure("a device gave its store a second batch");
	work->is_append = true;
	work->append_at = done_at();
	work->batch = *batch;
}

static void begin_ask(struct process *process, const struct client_question *question)
{
	struct device_work *work = &process->work;
	if (work->is_ask)
		report_failure("a device asked its store a second question");
	work->is_ask = true;
	work->ask_at = done_at();
	work->question = *question;
}

// What comes of an order: it is fine; or failed, and was done or not; or nobody knows which.
static enum mms_err draw_fate(bool *is_done)
{
	*is_done = true;
	if (!world.is_faulty)
		return MMS_OK;
	const bool is_unknown = draw_chance(&world.draw, world.options.unknown_device_stores);
	if (!is_unknown && !draw_chance(&world.draw, world.options.failed_device_commits))
		return MMS_OK;
	*is_done = draw_chance(&world.draw, 500);
	if (is_unknown && *is_done)
		report_sight(SIGHT_DEVICE_BATCH_AGAIN);
	if (!is_unknown)
		report_sight(*is_done ? SIGHT_DEVICE_COMMIT_KEPT : SIGHT_DEVICE_COMMIT_LOST);
	return is_unknown ? MMS_E_AGAIN : MMS_E_IO;
}

static void end_append(struct process *process)
{
	static struct client_appended appended;
	struct device_work *work = &process->work;
	bool is_done;
	memset(&appended, 0, sizeof appended);
	appended.number = work->batch.number;
	appended.err = draw_fate(&is_done);
	if (is_done && device_disk_append(&profile_of(process)->disk, &work->batch, appended.result))
		process->is_grown = true;
	if (process->life.node.client.gathered[process->life.node.client.filling].batch.op_count > 0)
		report_sight(SIGHT_DEVICE_BOTH_BATCHES);
	if (!client_has_room(&process->life.node.client))
		report_sight(SIGHT_DEVICE_BATCH_FULL);
	work->is_append = false;
	device_life_appended(&process->life, &appended, world.now);
}

static void end_ask(struct process *process)
{
	static struct client_answer answer;
	struct device_work *work = &process->work;
	answer.number = work->question.number;
	answer.err = MMS_OK;
	if (world.is_faulty && draw_chance(&world.draw, world.options.unknown_device_stores))
		answer.err = MMS_E_AGAIN;
	device_disk_answer(&profile_of(process)->disk, &work->question, &answer);
	if (process->life.node.client.is_page_void && work->question.kind == CLIENT_ASK_OUTBOX)
		report_sight(SIGHT_DEVICE_ANSWER_LATE);
	work->is_ask = false;
	device_life_answered(&process->life, &answer, world.now);
}

struct mtime device_perform_store_deadline(const struct process *process)
{
	const struct device_work *work = &process->work;
	return mtime_min(work->is_append ? work->append_at : MTIME_NEVER, work->is_ask ? work->ask_at : MTIME_NEVER);
}

void device_perform_stored(struct process *process)
{
	if (process->work.is_append && mtime_is_due(process->work.append_at, world.now))
		end_append(process);
	if (process->work.is_ask && mtime_is_due(process->work.ask_at, world.now))
		end_ask(process);
}

void device_perform_end(struct process *process)
{
	static enum client_result results[CLIENT_BATCH_OPS_MAX];
	struct device_work *work = &process->work;
	if (work->is_append && draw_chance(&world.draw, 500)) {
		(void)device_disk_append(&profile_of(process)->disk, &work->batch, results);
		report_sight(SIGHT_DEVICE_BATCH_KEPT);
	} else if (work->is_append) {
		report_sight(SIGHT_DEVICE_BATCH_LOST);
	}
	work->is_append = work->is_ask = false;
}

// --- the server's name ---

static void resolve(struct process *process)
{
	// Literals and what the system has in a file come at once; others take the time of a name server.
	const uint32_t wait_ms = !world.is_faulty || draw_chance(&world.draw, 700) ? 0 : draw_below(&world.draw, 6000);
	process->resolve_at = mtime_add_ms(world.now, wait_ms);
}

void device_perform_resolved(struct process *process)
{
	const struct dialer *dialer = &process->life.node.dialer;
	process->resolve_at = MTIME_NEVER;
	if (world.is_faulty && draw_chance(&world.draw, world.options.unresolved)) {
		report_sight(SIGHT_UNRESOLVED);
		device_life_unresolved(&process->life, world.now);
		return;
	}
	struct addr addr = network_server();
	if (dialer->addr_count > 0 && !addr_is_same_peer(&dialer->addr[0], &addr)) {
		if (world.is_faulty && draw_chance(&world.draw, 500))
			addr = dialer->addr[0]; // the name tells it later
		else
			report_sight(SIGHT_SERVER_MOVED);
	}
	device_life_resolved(&process->life, &addr, 1, world.now);
}

static void send(struct process *process, const struct session_out *out)
{
	for (size_t i = 0; i < out->count; i++) {
		network_send(&process->addr, &out->addr, out->datagram[i], out->bytes);
		process->sent_count++;
	}
}

void device_perform(struct process *process, struct life_order *order)
{
	switch (order->type) {
	case LIFE_RESOLVE:
		resolve(process);
		break;
	case LIFE_OPEN:
		open_profile(process, order);
		break;
	case LIFE_TAKE:
		take_outbox(process);
		break;
	case LIFE_GIVE:
		profile_of(process)->holder = -1;
		break;
	case LIFE_RECEIVE:
		receive(process);
		break;
	case LIFE_YIELD:
		terminals_yield(process);
		break;
	case LIFE_STIR:
		terminals_stir(process->profile);
		break;
	case LIFE_OVERRULE:
		overrule(process);
		break;
	case LIFE_POKE:
		poke(profile_of(process));
		break;
	case LIFE_PIN:
		pin(process);
		break;
	case LIFE_NOTE:
		note(process, &order->name);
		break;
	case LIFE_APPEND:
		begin_append(process, order->batch);
		break;
	case LIFE_ASK:
		begin_ask(process, order->question);
		break;
	case LIFE_SEND:
		send(process, &order->datagrams);
		break;
	case LIFE_TELL:
		hear(process, &order->told);
		break;
	}
}

void device_perform_check(const struct process *process)
{
	const struct profile *profile = profile_of(process);
	const struct device_life *life = &process->life;
	const bool is_at_server = life->state >= LIFE_DIALING && life->state <= LIFE_SIGNING_OUT;
	const bool is_holder = profile->holder == place_of(process);
	if (life->node.client.may_submit && life->node.client.is_started && !is_holder)
		report_failure("a process submits, and does not have the outbox");
	if (life->is_receiver != (profile->receiver == place_of(process)))
		report_failure("a process is wrong about whether it receives");
	if (life->node.client.is_started && life->node.client.config.is_receiving && !life->is_receiver && !life->is_role_changed)
		report_failure("a process receives beside the one that does");
	terminals_check_replaced(process);
	if (life->is_role_changed) // as soon as its store has done what it was ordered
		return;
	if (is_at_server && !profile->disk.state.has_signed_in && !is_holder)
		report_failure("a process signs in first beside another one");
	if (is_at_server && life->wish.use == LIFE_SENDS && !is_holder)
		report_failure("a process that only sends has a session and not the outbox");
	if (life->state == LIFE_PAUSING)
		report_sight(SIGHT_PAUSED);
}

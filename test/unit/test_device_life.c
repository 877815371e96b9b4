// SPDX-License-Identifier: ISC
// node/device_life: each state, what leads out of it, and what is ordered on the way. The protocol below is the real one; what
// its client would tell is put in where it would come.
#include "msg_world.h"

#include "msg/client_inside.h"
#include "node/device_life.h"

static struct world {
	struct seeded seeded;
	struct rng rng;
	struct mtime now;
	void *memory;
	struct keypair server;
	struct keypair device;
	struct mem_client mem;
	struct device_life life;
	struct life_order order;
} w;

static const struct addr *here(void)
{
	static struct addr addr;
	addr = addr_of(1);
	return &addr;
}

static void begin_at(const struct life_server *server)
{
	uint8_t secret[NOISE_KEY_BYTES];
	free(w.memory);
	memset(&w, 0, sizeof w);
	w.seeded.state = 5;
	w.rng = seeded_rng(&w.seeded);
	w.now = at_ms(1000);
	rng_fill(&w.rng, secret, sizeof secret);
	keypair_derive(&w.server, secret);
	rng_fill(&w.rng, secret, sizeof secret);
	keypair_derive(&w.device, secret);
	w.memory = must_alloc(device_life_memory_bytes());
	struct life_server own = *server;
	if (own.is_pinned)
		memcpy(own.key, w.server.public_key, NOISE_KEY_BYTES);
	device_life_init(&w.life, &own, w.memory, &w.rng, w.now);
}

static void begin(bool is_pinned)
{
	begin_at(&(struct life_server){.is_pinned = is_pinned});
}

static void finish(void)
{
	device_life_clear(&w.life);
	assert_int_equal(w.life.state, LIFE_IDLE);
	free(w.memory);
	w.memory = NULL;
}

static bool next(void)
{
	return device_life_next(&w.life, w.now, &w.order);
}

// The next order is this one.
static void ordered(enum life_order_type type)
{
	assert_true(next());
	assert_int_equal(w.order.type, type);
}

static void told(enum life_told_type type)
{
	ordered(LIFE_TELL);
	assert_int_equal(w.order.told.type, type);
}

static void stopped(enum life_stop stop)
{
	told(LIFE_TOLD_STOPPED);
	assert_int_equal(w.order.told.stop, stop);
	assert_int_equal(w.life.state, LIFE_STOPPED);
}

// Nothing more is ordered now; datagrams are let go.
static void ordered_no_more(void)
{
	while (next())
		assert_int_equal(w.order.type, LIFE_SEND);
}

static uint32_t sent_count(void)
{
	uint32_t count = 0;
	for (; next(); count++)
		assert_int_equal(w.order.type, LIFE_SEND);
	return count;
}

static void pass_ms(int64_t ms)
{
	w.now = mtime_add_ms(w.now, ms);
}

static void be(enum life_use use)
{
	const struct life_wish wish = {.name = name_of("Fred"), .use = use, .has_invite = true, .invite_hash = {7}};
	device_life_be(&w.life, &wish, w.now);
}

static void resolve(void)
{
	ordered(LIFE_RESOLVE);
	device_life_resolved(&w.life, here(), 1, w.now);
}

static struct life_facts facts(bool has_signed_in)
{
	return (struct life_facts){has_signed_in, name_of(has_signed_in ? "fred" : "Fred")};
}

static void open_profile(bool has_signed_in)
{
	const struct client_storage storage = mem_client_storage(&w.mem);
	const struct life_facts read = facts(has_signed_in);
	ordered(LIFE_OPEN);
	assert_memory_equal(w.order.key, w.server.public_key, NOISE_KEY_BYTES);
	assert_string_equal(w.order.name.text, "Fred");
	device_life_opened(&w.life, &w.device, &storage, &read, w.now);
}

static void take_turn(bool is_ours, bool has_signed_in)
{
	const struct life_facts read = facts(has_signed_in);
	ordered(LIFE_TAKE);
	if (is_ours)
		device_life_taken(&w.life, &read, false, w.now);
	else
		device_life_busy(&w.life, &read, false, w.now);
}

// What the client below tells.
static void client_tells(enum client_told_type type)
{
	const struct client_told what = {.type = type, .name = name_of("fred"), .status = STATUS_NOT_AUTHORIZED};
	w.life.node.owner.told(w.life.node.owner.context, &what);
}

static void server_shows(enum device_news news, const uint8_t *key)
{
	w.life.node.owner.news(w.life.node.owner.context, news, key);
}

// A session is up on which SIGNIN was granted.
static void grant(void)
{
	w.life.node.client.slot[0].state = CLIENT_SLOT_SIGNED_IN;
	w.life.node.client.present = 1;
	client_tells(TOLD_SIGNED_IN);
}

static void sign_in(enum life_use use)
{
	begin(true);
	be(use);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	take_turn(true, true);
	ordered_no_more();
	grant();
	told(LIFE_TOLD_SIGNED_IN);
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_SIGNED_IN);
}

// --- from a wish to a session ---

static void test_a_first_sign_in(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us); // its first order is due
	be(LIFE_RECEIVES);
	assert_int_equal(w.life.state, LIFE_ASKING);
	resolve();
	assert_int_equal(sent_count(), 1); // HELLO
	server_shows(DEVICE_SERVER_KEY, w.server.public_key);
	assert_int_equal(w.life.state, LIFE_OPENING);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us);
	open_profile(false);
	assert_int_equal(w.life.state, LIFE_WAITING);
	assert_false(device_life_is_known(&w.life));
	take_turn(false, false);
	ordered_no_more();
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us + LIFE_TURN_US);
	pass_ms(LIFE_TURN_US / 1000);
	take_turn(true, false);
	assert_int_equal(w.life.state, LIFE_DIALING);
	assert_int_equal(sent_count(), 1); // INIT
	w.life.node.client.slot[1].state = CLIENT_SLOT_SIGNING_IN;
	assert_false(next());
	assert_int_equal(w.life.state, LIFE_SIGNING_IN);
	grant();

	// Told only when the key is pinned, and the profile says that it has signed in.
	ordered(LIFE_PIN);
	assert_memory_equal(w.order.key, w.server.public_key, NOISE_KEY_BYTES);
	device_life_pinned(&w.life);
	ordered(LIFE_NOTE);
	assert_string_equal(w.order.name.text, "fred");
	device_life_noted(&w.life);
	told(LIFE_TOLD_SIGNED_IN);
	told(LIFE_TOLD_KNOWN);
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_SIGNED_IN);
	assert_true(device_life_is_known(&w.life));
	assert_true(w.life.node.client.may_submit);
	finish();
}

static void test_the_server_renames_a_user(void **state)
{
	(void)state;
	begin(true);
	be(LIFE_RECEIVES);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	take_turn(true, true);
	w.life.facts.name = name_of("FRED");
	grant();
	ordered(LIFE_NOTE);
	device_life_noted(&w.life);
	told(LIFE_TOLD_SIGNED_IN);
	finish();
}

// Who has signed in before need not wait for the outbox, unless it only sends.
static void test_who_waits_for_a_turn(void **state)
{
	(void)state;
	for (int use = LIFE_RECEIVES; use <= LIFE_SENDS; use++) {
		begin(true);
		be((enum life_use)use);
		resolve();
		open_profile(true);
		told(LIFE_TOLD_KNOWN);
		take_turn(false, true);
		assert_int_equal(sent_count(), use == LIFE_SENDS ? 0 : 1);
		assert_int_equal(w.life.state, use == LIFE_SENDS ? LIFE_WAITING : LIFE_DIALING);
		assert_false(w.life.node.client.may_submit);
		for (int i = 0; i < 20; i++) { // less and less often
			pass_ms(LIFE_TURN_US_MAX / 1000);
			while (next())
				if (w.order.type == LIFE_TAKE) {
					const struct life_facts read = facts(true);
					device_life_busy(&w.life, &read, i % 2 == 0, w.now);
				} else {
					assert_true(w.order.type == LIFE_SEND || w.order.type == LIFE_RESOLVE ||
						    (w.order.type == LIFE_TELL && (w.order.told.type == LIFE_TOLD_CHANGED ||
										   w.order.told.type == LIFE_TOLD_UNREACHABLE)));
				}
		}
		assert_int_equal(w.life.turn_wait_us, LIFE_TURN_US_MAX);
		pass_ms(LIFE_TURN_US_MAX / 1000);
		while (next() && w.order.type != LIFE_TAKE)
			;
		const struct life_facts read = facts(true);
		device_life_taken(&w.life, &read, false, w.now);
		assert_int_equal(w.life.state, LIFE_DIALING);
		assert_true(w.life.node.client.may_submit);
		finish();
	}
}

// Who waits to sign in first sees that another process has done it; one that only sends may queue then, and waits on.
static void test_another_process_signs_in_first(void **state)
{
	(void)state;
	for (int use = LIFE_RECEIVES; use <= LIFE_SENDS; use++) {
		begin(true);
		be((enum life_use)use);
		resolve();
		open_profile(false);
		take_turn(false, false);
		ordered_no_more();
		pass_ms(LIFE_TURN_US / 1000);
		take_turn(false, true);
		told(LIFE_TOLD_KNOWN);
		assert_int_equal(w.life.state, use == LIFE_SENDS ? LIFE_WAITING : LIFE_DIALING);
		finish();
	}
}

// --- the outbox ---

static void test_who_holds_the_outbox_is_poked(void **state)
{
	(void)state;
	begin(true);
	be(LIFE_SENDS);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	take_turn(false, true);
	device_life_queued(&w.life, w.now);
	device_life_woken(&w.life, w.now); // nothing is at work that could submit
	ordered(LIFE_POKE);
	ordered_no_more();
	pass_ms(LIFE_POKE_US / 1000);
	ordered(LIFE_POKE);
	take_turn(true, true);
	device_life_queued(&w.life, w.now);
	device_life_woken(&w.life, w.now);
	pass_ms(LIFE_POKE_US / 1000);
	ordered_no_more(); // it submits by itself now
	finish();
}

// Who had it may have left a verdict before it went.
static void test_what_was_written_before_the_turn_is_told(void **state)
{
	(void)state;
	const struct life_facts read = facts(true);
	begin(true);
	be(LIFE_SENDS);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	ordered(LIFE_TAKE);
	device_life_busy(&w.life, &read, true, w.now);
	told(LIFE_TOLD_CHANGED);
	ordered_no_more();
	pass_ms(LIFE_TURN_US / 1000);
	ordered(LIFE_TAKE);
	device_life_taken(&w.life, &read, true, w.now);
	told(LIFE_TOLD_CHANGED);
	finish();
}

static void test_a_stopped_life_gives_the_outbox(void **state)
{
	(void)state;
	sign_in(LIFE_RECEIVES);
	client_tells(TOLD_REPLACED);
	stopped(LIFE_STOP_REPLACED);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us);
	ordered(LIFE_GIVE);
	assert_false(next());
	assert_int_equal(device_life_deadline(&w.life, w.now).us, MTIME_NEVER.us);
	client_tells(TOLD_REPLACED); // it has ended already
	assert_false(next());
	device_life_leave(&w.life, w.now);
	device_life_failed(&w.life);
	assert_false(next());
	finish();
}

// --- ends ---

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		enum client_told_type told;
		enum life_stop stop;
		bool is_key_kept; // though it is not pinned
	} ends[] = {
		{TOLD_REFUSED, LIFE_STOP_REFUSED, false},       {TOLD_NOT_PROVED, LIFE_STOP_NOT_PROVED, false},
		{TOLD_BROKEN, LIFE_STOP_BROKEN, false},         {TOLD_REMOVED, LIFE_STOP_REMOVED, true},
		{TOLD_SIGNED_OUT, LIFE_STOP_SIGNED_OUT, true},
	};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		for (int is_pinned = 0; is_pinned <= 1; is_pinned++) {
			begin(is_pinned == 1);
			be(LIFE_RECEIVES);
			resolve();
			if (is_pinned == 0) {
				ordered_no_more();
				server_shows(DEVICE_SERVER_KEY, w.server.public_key);
			}
			open_profile(false);
			take_turn(true, false);
			client_tells(ends[i].told);
			stopped(ends[i].stop);
			assert_int_equal(w.order.told.status, STATUS_NOT_AUTHORIZED);
			ordered(LIFE_GIVE);
			assert_int_equal(w.life.has_key, is_pinned == 1 || ends[i].is_key_kept);
			finish();
		}
}

static void test_keys(void **state)
{
	(void)state;
	struct life_server server = {.has_fingerprint = true};
	begin(false);
	be(LIFE_RECEIVES);
	resolve();
	server_shows(DEVICE_NO_VERSION, w.server.public_key);
	stopped(LIFE_STOP_VERSION);
	finish();

	begin(true);
	be(LIFE_RECEIVES);
	resolve();
	server_shows(DEVICE_KEY_CHANGED, w.device.public_key);
	stopped(LIFE_STOP_KEY);
	assert_memory_equal(w.life.shown_key, w.device.public_key, NOISE_KEY_BYTES);
	finish();

	begin_at(&server); // a fingerprint that is not the shown key's
	be(LIFE_RECEIVES);
	resolve();
	server_shows(DEVICE_SERVER_KEY, w.server.public_key);
	stopped(LIFE_STOP_KEY);
	finish();

	server.is_pinned = true; // and not the pinned one's
	begin_at(&server);
	be(LIFE_RECEIVES);
	assert_int_equal(w.life.state, LIFE_ASKING);
	stopped(LIFE_STOP_KEY);
	finish();

	server.fingerprint = hash_fingerprint(w.server.public_key);
	begin_at(&server);
	be(LIFE_RECEIVES);
	assert_int_equal(w.life.state, LIFE_OPENING);
	finish();
}

static void test_a_failed_order(void **state)
{
	(void)state;
	begin(true);
	device_life_failed(&w.life); // nobody is wanted
	be(LIFE_RECEIVES);
	resolve();
	ordered(LIFE_OPEN);
	device_life_failed(&w.life);
	stopped(LIFE_STOP_FAILED);
	assert_false(next());
	finish();

	// What is not told yet is not, when the pin fails: the sign-in too.
	begin(false);
	be(LIFE_RECEIVES);
	resolve();
	server_shows(DEVICE_SERVER_KEY, w.server.public_key);
	open_profile(false);
	take_turn(true, false);
	grant();
	ordered(LIFE_PIN);
	device_life_failed(&w.life);
	stopped(LIFE_STOP_FAILED);
	ordered(LIFE_GIVE);
	assert_false(next());
	finish();
}

static void test_a_broken_store(void **state)
{
	(void)state;
	sign_in(LIFE_RECEIVES);
	client_break(&w.life.node.client);
	stopped(LIFE_STOP_STORE);
	finish();
}

static void test_leaving(void **state)
{
	(void)state;
	begin(true);
	device_life_leave(&w.life, w.now);
	device_life_list(&w.life, w.now);
	be(LIFE_RECEIVES);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	device_life_leave(&w.life, w.now); // nobody has signed in
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();

	sign_in(LIFE_RECEIVES);
	device_life_leave(&w.life, w.now);
	device_life_leave(&w.life, w.now);
	assert_int_equal(w.life.state, LIFE_SIGNING_OUT);
	assert_true(w.life.node.client.is_leaving);
	assert_true(device_life_deadline(&w.life, w.now).us <= w.now.us + LIFE_SIGNOUT_US);
	ordered_no_more();
	client_tells(TOLD_SIGNED_OUT);
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();

	sign_in(LIFE_RECEIVES);
	w.life.node.dialer.state = DIALER_IDLE; // the server is not silent, and does not answer
	device_life_leave(&w.life, w.now);
	ordered_no_more();
	pass_ms(LIFE_SIGNOUT_US / 1000);
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();

	sign_in(LIFE_RECEIVES);
	device_life_leave(&w.life, w.now);
	pass_ms(LIFE_SILENT_US / 1000);
	told(LIFE_TOLD_UNREACHABLE);
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();
}

// Who does not receive and was replaced has made room for others, and comes back.
static void test_pausing(void **state)
{
	(void)state;
	sign_in(LIFE_ASKS);
	device_life_list(&w.life, w.now);
	assert_true(w.life.node.client.list.is_wanted);
	client_tells(TOLD_REPLACED);
	assert_false(next());
	assert_int_equal(w.life.state, LIFE_PAUSING);
	assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us + LIFE_PAUSE_US);
	pass_ms(LIFE_PAUSE_US / 1000);
	assert_int_equal(sent_count(), 1);
	assert_int_equal(w.life.state, LIFE_DIALING);
	assert_true(w.life.node.client.may_submit); // it has kept the outbox
	grant();
	told(LIFE_TOLD_SIGNED_IN);

	client_tells(TOLD_REPLACED);
	assert_false(next());
	device_life_leave(&w.life, w.now); // from a pause, at once
	stopped(LIFE_STOP_SIGNED_OUT);
	finish();

	sign_in(LIFE_SENDS);
	device_life_leave(&w.life, w.now);
	client_tells(TOLD_REPLACED);
	stopped(LIFE_STOP_REPLACED);
	finish();
}

// --- names and silence ---

static void test_a_name_that_does_not_resolve(void **state)
{
	(void)state;
	begin(false); // a key that nobody can be asked for
	be(LIFE_RECEIVES);
	ordered(LIFE_RESOLVE);
	assert_false(next());
	assert_true(device_life_deadline(&w.life, w.now).us > w.now.us); // while it is looked up
	device_life_unresolved(&w.life, w.now);
	stopped(LIFE_STOP_NO_HOST);
	device_life_forget(&w.life);
	be(LIFE_RECEIVES);
	stopped(LIFE_STOP_NO_HOST);
	finish();

	begin(true); // a user who has never signed in
	be(LIFE_SENDS);
	ordered(LIFE_RESOLVE);
	device_life_unresolved(&w.life, w.now);
	told(LIFE_TOLD_UNREACHABLE);
	open_profile(false);
	stopped(LIFE_STOP_NO_HOST);
	finish();

	begin(true); // one who has: trying goes on, less and less often
	ordered(LIFE_RESOLVE);
	device_life_unresolved(&w.life, w.now);
	assert_false(next());
	assert_false(device_life_is_silent(&w.life, w.now)); // nobody is wanted who could miss it
	be(LIFE_RECEIVES);
	told(LIFE_TOLD_UNREACHABLE);
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	take_turn(true, true);
	assert_false(next());
	int64_t wait_us = LIFE_LOOKUP_US_FIRST;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(w.life.lookup_at.us, w.now.us + wait_us);
		assert_true(device_life_deadline(&w.life, w.now).us <= w.life.lookup_at.us);
		w.now = w.life.lookup_at;
		ordered(LIFE_RESOLVE);
		assert_false(next()); // nowhere to send to
		assert_true(device_life_is_silent(&w.life, w.now)); // as before, while it is looked up
		device_life_unresolved(&w.life, w.now);
		wait_us = 2 * wait_us < LIFE_LOOKUP_US_MAX ? 2 * wait_us : LIFE_LOOKUP_US_MAX;
	}
	device_life_resolved(&w.life, here(), 1, w.now);
	assert_true(sent_count() > 0);
	finish();
}

static void test_a_silent_server(void **state)
{
	(void)state;
	struct addr elsewhere = addr_of(2);
	begin(true);
	be(LIFE_RECEIVES);
	resolve();
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	take_turn(true, true);
	ordered_no_more();
	assert_false(device_life_was_reached(&w.life));
	while (!device_life_is_silent(&w.life, w.now)) {
		const struct mtime due = device_life_deadline(&w.life, w.now);
		assert_true(due.us > w.now.us && due.us <= w.life.wished_at.us + LIFE_SILENT_US);
		w.now = due;
		if (!device_life_is_silent(&w.life, w.now))
			ordered_no_more();
	}
	assert_int_equal(w.now.us, w.life.wished_at.us + LIFE_SILENT_US);
	told(LIFE_TOLD_UNREACHABLE);
	ordered(LIFE_RESOLVE); // its name may stand for another address now
	ordered_no_more();
	assert_true(w.life.node.dialer.addr_count == 1);
	device_life_resolved(&w.life, &elsewhere, 1, w.now);
	assert_true(next());
	assert_int_equal(w.order.type, LIFE_SEND);
	assert_true(addr_is_same_peer(&w.order.datagrams.addr, &elsewhere));
	ordered_no_more();
	assert_true(device_life_deadline(&w.life, w.now).us <= w.life.lookup_at.us);
	w.now = w.life.lookup_at;
	ordered(LIFE_RESOLVE);
	device_life_unresolved(&w.life, w.now); // the addresses there are stay
	assert_int_equal(w.life.node.dialer.addr_count, 1);

	pass_ms(1);
	w.life.node.dialer.heard_at = w.now;
	assert_true(device_life_was_reached(&w.life));
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_DIALING); // reached, and not signed in: nothing is told yet
	grant();
	told(LIFE_TOLD_SIGNED_IN);
	ordered_no_more();
	told(LIFE_TOLD_REACHED);
	finish();
	assert_false(device_life_was_reached(&w.life));
}

// A session to where the server was is followed at once by one to where it is.
static void test_a_server_that_moves_under_a_session(void **state)
{
	(void)state;
	struct addr elsewhere = addr_of(2);
	sign_in(LIFE_RECEIVES);
	w.life.node.dialer.state = DIALER_UP;
	w.life.node.dialer.init.pending = 0;
	device_life_resolved(&w.life, here(), 1, w.now);
	assert_int_equal(sent_count(), 0);
	w.life.lookup = LOOKUP_RUNNING;
	device_life_resolved(&w.life, &elsewhere, 1, w.now); // it answers: nothing is to be done
	assert_int_equal(sent_count(), 0);
	struct session *session = &w.life.node.dialer.slot[0].session;
	w.life.node.dialer.slot[0].state = DIALER_SLOT_PRESENT;
	session->caller.sent = 1;
	session->caller.waiting_since = session->heard_at = w.now;
	pass_ms(LIFE_SILENT_US / 1000);
	assert_true(device_life_is_silent(&w.life, w.now));
	device_life_resolved(&w.life, here(), 1, w.now);
	assert_int_not_equal(w.life.node.dialer.state, DIALER_UP);
	w.life.node.dialer.slot[0].state = DIALER_SLOT_FREE;
	session->caller.sent = 0;
	finish();
}

// Each state has its deadline, and what is asked of it answers.
static void test_deadlines(void **state)
{
	(void)state;
	sign_in(LIFE_RECEIVES);
	assert_true(w.life.is_holding);
	w.life.node.client.is_stored_due = true; // by a commit, not by an event
	told(LIFE_TOLD_STORED);
	pass_ms(LIFE_SILENT_US / 1000);
	told(LIFE_TOLD_UNREACHABLE);
	ordered(LIFE_RESOLVE);
	device_life_resolved(&w.life, here(), 1, w.now);
	ordered_no_more();
	assert_true(device_life_deadline(&w.life, w.now).us <= w.life.lookup_at.us);
	finish();
	assert_false(device_life_is_known(&w.life));

	begin(true);
	be(LIFE_RECEIVES);
	ordered(LIFE_RESOLVE);
	open_profile(true);
	told(LIFE_TOLD_KNOWN);
	take_turn(true, true);
	w.life.node.client.slot[0].state = CLIENT_SLOT_SIGNING_IN;
	ordered_no_more();
	assert_int_equal(w.life.state, LIFE_SIGNING_IN);
	client_tells(TOLD_REFUSED);
	stopped(LIFE_STOP_REFUSED);
	device_life_unresolved(&w.life, w.now); // of a wish that is over
	ordered(LIFE_GIVE);
	assert_false(next());
	finish();
}

// Whatever the client tells goes on as it is, in its order.
static void test_all_is_told(void **state)
{
	(void)state;
	static const enum client_told_type in[] = {TOLD_RECONNECTED, TOLD_STORED,  TOLD_VERDICT,    TOLD_WHO_BEGIN,
						   TOLD_WHO_USER,    TOLD_WHO_END, TOLD_WHO_FAILED, TOLD_SHUTDOWN};
	static const enum life_told_type out[] = {LIFE_TOLD_RECONNECTED, LIFE_TOLD_STORED,  LIFE_TOLD_VERDICT,
						  LIFE_TOLD_WHO_BEGIN,   LIFE_TOLD_WHO_USER, LIFE_TOLD_WHO_END,
						  LIFE_TOLD_WHO_FAILED,  LIFE_TOLD_SHUTDOWN};
	sign_in(LIFE_RECEIVES);
	for (int round = 0; round < 100; round++) { // round and round the queue
		for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
			client_tells(in[i]);
		assert_int_equal(device_life_deadline(&w.life, w.now).us, w.now.us);
		for (size_t i = 0; i < sizeof out / sizeof out[0]; i++) {
			told(out[i]);
			assert_string_equal(w.order.told.name.text, "fred");
		}
	}
	finish();
}

static void test_datagrams_reach_the_protocol(void **state)
{
	(void)state;
	uint8_t datagram[WIRE_SERVERINFO_BYTES];
	begin(false);
	be(LIFE_RECEIVES);
	resolve();
	ordered_no_more();
	wire_serverinfo_encode(w.life.node.dialer.nonce, w.server.public_key, datagram);
	pass_ms(10);
	device_life_recv(&w.life, here(), datagram, sizeof datagram, w.now);
	ordered(LIFE_OPEN);
	assert_true(device_life_was_reached(&w.life));
	device_life_failed(&w.life);
	stopped(LIFE_STOP_FAILED);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_first_sign_in),
		cmocka_unit_test(test_the_server_renames_a_user),
		cmocka_unit_test(test_who_waits_for_a_turn),
		cmocka_unit_test(test_another_process_signs_in_first),
		cmocka_unit_test(test_who_holds_the_outbox_is_poked),
		cmocka_unit_test(test_what_was_written_before_the_turn_is_told),
		cmocka_unit_test(test_a_stopped_life_gives_the_outbox),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_a_failed_order),
		cmocka_unit_test(test_a_broken_store),
		cmocka_unit_test(test_leaving),
		cmocka_unit_test(test_pausing),
		cmocka_unit_test(test_a_name_that_does_not_resolve),
		cmocka_unit_test(test_a_silent_server),
		cmocka_unit_test(test_a_server_that_moves_under_a_session),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_all_is_told),
		cmocka_unit_test(test_datagrams_reach_the_protocol),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}

// SPDX-License-Identifier: ISC
// node: a server and three devices as they are, over a bad network in virtual time and stores in memory. What was
// accepted arrives once and in order, through loss, killed servers and devices, and a store put back from a backup.
#include "mem_client.h"

#include "node/device_life.h"
#include "node/device_node.h"
#include "msg/client_inside.h"
#include "msg/server_inside.h"
#include "node/server_node.h"

enum { DEVICES = 3, FLYING_MAX = 4096, SESSIONS = 12 };

struct flying {
	struct mtime at;
	uint16_t from_host;
	uint16_t to_host;
	size_t bytes;
	uint8_t datagram[WIRE_DATAGRAM_BYTES_MAX];
};

struct device {
	struct device_node node;
	void *memory;
	struct keypair keys;
	struct mem_client mem;
	uint16_t host;
	uint32_t written_count; // messages to each of the others
	uint32_t told_count[TOLD_SHUTDOWN + 1];
	enum device_news news;
};

static struct world {
	struct seeded seeded;
	struct rng rng;
	struct mtime now;
	uint32_t loss_percent;
	uint16_t mute_host; // nothing that it sends arrives; 0: none
	struct flying flying[FLYING_MAX];
	uint32_t flying_count;
	uint64_t still_count;

	struct server_node server;
	void *memory;
	bool is_up;
	enum { CRASH_NOT, CRASH_BEFORE_STORING, CRASH_AFTER_STORING } crash; // what the next batch brings
	uint8_t start_number;
	struct keypair keys;
	struct mem_server mem;
	struct mem_server backup;
	struct users_world users;
	struct device device[DEVICES];
} w;

enum { SERVER_HOST = 1 };

static void told(void *context, const struct client_told *told)
{
	struct device *device = context;
	device->told_count[told->type]++;
	if (told->type == TOLD_VERDICT)
		for (uint32_t i = 0; i < device->mem.disk.outbox_count; i++)
			if (memcmp(device->mem.disk.outbox[i].row.id.bytes, told->id.bytes, ID_BYTES) == 0)
				assert_int_not_equal(device->mem.disk.outbox[i].state, OUTBOX_QUEUED);
}

static void news(void *context, enum device_news news, const uint8_t key[NOISE_KEY_BYTES])
{
	struct device *device = context;
	assert_memory_equal(key, w.keys.public_key, NOISE_KEY_BYTES);
	assert_int_equal(device->news, 0);
	device->news = news;
}

static void enrolled(void *context, const struct name *user, const struct fingerprint *fingerprint)
{
	(void)fingerprint;
	++*(uint32_t *)context;
	assert_string_equal(user->text, USER_NAMES[0]);
}

static void make_pair(struct keypair *keys)
{
	uint8_t secret[NOISE_KEY_BYTES];
	rng_fill(&w.rng, secret, sizeof secret);
	keypair_derive(keys, secret);
}

static void start_server_with(const char *users, uint32_t *enrolled_count)
{
	users_open(&w.users, users);
	mem_start(&w.mem, ++w.start_number);
	struct server_node_setup setup = {
		.enrolled = enrolled_count == NULL ? NULL : enrolled,
		.enrolled_context = enrolled_count,
		.listener = listener_config_default(),
		.server = server_config_default(),
		.keys = &w.keys,
		.users = &w.users.table,
		.user = w.users.user,
		.rng = w.rng,
	};
	setup.server.may_claim = true;
	setup.listener.sessions_max = SESSIONS;
	setup.listener.half_open_max = 16;
	setup.listener.prefixes_max = 64;
	setup.listener.blocks_small_max = 3000;
	setup.listener.blocks_large_max = 1000;
	w.memory = must_alloc(server_node_memory_bytes(&setup));
	server_node_init(&w.server, &setup, w.memory, w.now);
	w.is_up = true;
}

static void start_server(void)
{
	start_server_with("fred\nTim\nlibero\n", NULL);
}

// Everything but the store is gone, as after kill -9.
static void kill_server(void)
{
	server_node_clear(&w.server);
	free(w.memory);
	users_close(&w.users);
	w.is_up = false;
}

static void start_device(uint32_t place)
{
	struct device *device = &w.device[place];
	const struct addr server = addr_of(SERVER_HOST);
	const struct device_node_owner owner = {device, told, news};
	const struct client_config config = {.name = name_of(USER_NAMES[place]), .is_receiving = true};
	device->memory = must_alloc(device_node_memory_bytes());
	device_node_init(&device->node, &server, 1, device->memory, &w.rng, &owner, w.now);
	device_node_start(&device->node, &device->keys, w.keys.public_key, &config, w.now);
	client_set_submitting(&device->node.client, true, w.now);
}

// What its store was not ordered is gone as well.
static void kill_device(uint32_t place)
{
	struct device *device = &w.device[place];
	device_node_clear(&device->node);
	free(device->memory);
}

static void begin(uint64_t seed)
{
	memset(&w, 0, sizeof w);
	w.seeded.state = seed;
	w.rng = seeded_rng(&w.seeded);
	w.now = at_ms(1000);
	make_pair(&w.keys);
	start_server();
	for (uint16_t i = 0; i < DEVICES; i++) {
		make_pair(&w.device[i].keys);
		w.device[i].host = (uint16_t)(100 + i);
		start_device(i);
	}
}

static void finish(void)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		kill_device(i);
	if (w.is_up)
		kill_server();
}

static void launch(uint16_t from_host, uint16_t to_host, const uint8_t *datagram, size_t bytes)
{
	// A datagram in ten comes twice; each has its own time on the way, so that they overtake each other.
	for (uint32_t copies = 1 + seeded_chance(&w.seeded, 10); copies > 0; copies--) {
		if (from_host == w.mute_host || seeded_chance(&w.seeded, w.loss_percent) || w.flying_count == FLYING_MAX)
			continue;
		struct flying *flying = &w.flying[w.flying_count++];
		*flying = (struct flying){mtime_add_us(w.now, 5000 + seeded_below(&w.seeded, 20000)), from_host,
					  to_host, bytes, {0}};
		memcpy(flying->datagram, datagram, bytes);
	}
}

static void launch_out(uint16_t from_host, uint16_t to_host, const struct session_out *out)
{
	for (size_t i = 0; i < out->count; i++)
		launch(from_host, to_host, out->datagram[i], out->bytes);
}

// True: the order is carried out; false: the server is gone.
static bool perform(const struct server_order *order)
{
	const struct moment moment = {w.now, WALL};
	struct storage_appended appended;
	switch (order->kind) {
	case ORDER_APPEND:
		if (w.crash == CRASH_BEFORE_STORING) {
			kill_server();
			return false;
		}
		appended = mem_append(&w.mem, order->batch);
		if (w.crash == CRASH_AFTER_STORING) {
			kill_server();
			return false;
		}
		server_node_appended(&w.server, order->lane, &appended, moment);
		break;
	case ORDER_ASK:
		mem_ask(&w.mem, order->question);
		server_node_answered(&w.server, order->question, moment);
		break;
	case ORDER_SEND:
		launch_out(SERVER_HOST, (uint16_t)(order->out.addr.ip[2] << 8 | order->out.addr.ip[3]), &order->out);
		break;
	case ORDER_HOUSEKEEP:
		server_node_housekept(&w.server, false, moment);
		break;
	default:
		fail_msg("nobody asked for order %d", order->kind);
	}
	return true;
}

static void turn_server(void)
{
	static struct server_order order;
	for (int count = 0; server_node_next(&w.server, (struct moment){w.now, WALL}, &order); count++) {
		assert_true(count < 1000);
		if (!perform(&order))
			return;
	}
}

// False: the store was ordered nothing.
static bool serve_store(struct device *device)
{
	static struct client_appended appended;
	const struct client_batch *batch = device_node_append(&device->node);
	if (batch != NULL) {
		mem_client_append(&device->mem, batch, &appended);
		device_node_appended(&device->node, &appended, w.now);
		return true;
	}
	const struct client_question *question = device_node_question(&device->node);
	if (question == NULL)
		return false;
	device_node_learned(&device->node, mem_client_answer(&device->mem, question), w.now);
	return true;
}

static void turn_device(struct device *device)
{
	struct session_out out;
	do {
		device_node_run(&device->node, w.now);
	} while (serve_store(device));
	for (int sent = 0; device_node_send(&device->node, w.now, &out); sent++) {
		assert_true(sent < 1000);
		launch_out(device->host, SERVER_HOST, &out);
	}
	assert_true(!client_is_broken(&device->node.client) || device->mem.commit_err != MMS_OK);
}

static void arrive(const struct flying *flying)
{
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const struct addr from = addr_of(flying->from_host);
	if (flying->to_host == SERVER_HOST) {
		const size_t bytes = !w.is_up ? 0
					      : server_node_recv(&w.server, &from, flying->datagram, flying->bytes,
								 (struct moment){w.now, WALL}, reply);
		if (bytes > 0)
			launch(SERVER_HOST, flying->from_host, reply, bytes);
		return;
	}
	for (uint32_t i = 0; i < DEVICES; i++)
		if (w.device[i].host == flying->to_host)
			device_node_recv(&w.device[i].node, &from, flying->datagram, flying->bytes, w.now);
}

// To the next thing that is due. What stays due for ever is a failure, and so is a world in which nothing is due.
static void step(void)
{
	struct mtime next = w.is_up ? server_node_deadline(&w.server) : mtime_add_ms(w.now, 1000);
	for (uint32_t i = 0; i < w.flying_count; i++)
		next = mtime_min(next, w.flying[i].at);
	for (uint32_t i = 0; i < DEVICES; i++)
		next = mtime_min(next, device_node_deadline(&w.device[i].node, w.now));
	assert_int_not_equal(next.us, MTIME_NEVER.us);
	if (next.us > w.now.us) {
		w.now = next;
		w.still_count = 0;
	} else if (++w.still_count > 50) {
		fail_msg("time stands still");
	}
	for (uint32_t i = 0; i < w.flying_count;) {
		if (!mtime_is_due(w.flying[i].at, w.now)) {
			i++;
			continue;
		}
		const struct flying flying = w.flying[i];
		w.flying[i] = w.flying[--w.flying_count];
		arrive(&flying);
	}
	if (w.is_up)
		turn_server();
	for (uint32_t i = 0; i < DEVICES; i++)
		turn_device(&w.device[i]);
}

static void run_ms(int64_t ms)
{
	const struct mtime until = mtime_add_ms(w.now, ms);
	while (w.now.us < until.us)
		step();
}

// Each device writes `count` messages to both others. A text is the sender's letter and a number that rises by one.
static void write_all(uint32_t count)
{
	for (uint32_t i = 0; i < DEVICES; i++)
		for (uint32_t n = 0; n < count; n++) {
			w.device[i].written_count++;
			for (uint32_t to = 0; to < DEVICES; to++) {
				char text[20];
				const struct uuid id = id_of(i << 24 | to << 16 | w.device[i].written_count);
				if (to == i)
					continue;
				snprintf(text, sizeof text, "%u %u", i, w.device[i].written_count);
				mem_queue(&w.device[i].mem, &id, USER_NAMES[to], text);
			}
		}
	for (uint32_t i = 0; i < DEVICES; i++)
		client_submit(&w.device[i].node.client, w.now);
}

// Whether each transcript holds everything; that it holds it once and in each sender's order is asserted.
static bool is_all_there(void)
{
	bool is_all = true;
	for (uint32_t to = 0; to < DEVICES; to++) {
		uint32_t last[DEVICES] = {0};
		const struct mem_client_state *disk = &w.device[to].mem.disk;
		for (uint32_t i = 0; i < disk->transcript_count; i++) {
			unsigned from, number;
			char text[MEM_TEXT_BYTES + 1] = "";
			assert_false(disk->transcript[i].is_gap);
			memcpy(text, disk->transcript[i].text, disk->transcript[i].text_bytes);
			assert_int_equal(sscanf(text, "%u %u", &from, &number), 2);
			assert_true(from < DEVICES && from != to);
			assert_string_equal(disk->transcript[i].sender.text, USER_NAMES[from]);
			assert_int_equal(number, last[from] + 1);
			last[from] = number;
		}
		for (uint32_t from = 0; from < DEVICES; from++)
			is_all = is_all && (from == to || last[from] == w.device[from].written_count);
		for (uint32_t i = 0; i < disk->outbox_count; i++)
			is_all = is_all && disk->outbox[i].state != OUTBOX_QUEUED && !disk->outbox[i].row.is_reoffer;
	}
	return is_all;
}

static void run_until_all_there(int64_t ms_max)
{
	const struct mtime until = mtime_add_ms(w.now, ms_max);
	while (!is_all_there()) {
		if (w.now.us >= until.us)
			fail_msg("not everything arrived in %d ms", (int)ms_max);
		run_ms(20);
	}
}

static void test_lossy(void **state)
{
	(void)state;
	static const uint32_t losses[] = {0, 10, 50, 75};
	for (uint32_t i = 0; i < 4; i++) {
		begin(100 + i);
		w.loss_percent = losses[i];
		write_all(40);
		run_until_all_there(losses[i] < 75 ? 60000 : 180000);
		write_all(5);
		run_until_all_there(losses[i] < 75 ? 20000 : 60000);
		finish();
	}
}

// Who is killed is away 45 s after its last word at the latest, and an idle device knows by then that its server was.
static void test_killed(void **state)
{
	(void)state;
	enum { NOTICED_MS = 45 * 1000, WAY_MS = 25 };
	for (uint64_t seed = 0; seed < 20; seed++) {
		begin(700 + seed);
		run_ms(20 * 1000 + (int64_t)seed * 431); // anywhere between two PINGs
		w.mute_host = w.device[0].host;
		run_ms(NOTICED_MS + WAY_MS);
		assert_int_equal(w.server.server.user[0].online_count, 0);
		assert_int_equal(w.server.server.user[1].online_count, 1);
		kill_server();
		run_ms(NOTICED_MS);
		for (uint32_t i = 0; i < DEVICES; i++)
			assert_true(device_node_silence_us(&w.device[i].node, w.now) >= LIFE_SILENT_US);
		finish();
	}
}

// A quiet pair of hours: pings, a renewal, and no session that anybody loses.
static void test_quiet(void **state)
{
	(void)state;
	begin(7);
	run_ms(2 * 3600 * 1000 + 5000);
	for (uint32_t i = 0; i < DEVICES; i++) {
		assert_true(w.server.server.user[i].online_count > 0);
		assert_int_equal(w.device[i].told_count[TOLD_SIGNED_IN], 1);
		assert_in_range(w.device[i].told_count[TOLD_RECONNECTED], 1, 2);
		assert_int_equal(w.device[i].told_count[TOLD_REPLACED] + w.device[i].told_count[TOLD_REFUSED], 0);
	}
	write_all(1);
	run_until_all_there(2000);
	finish();
}

static void test_killed_server(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 6; seed++) {
		begin(seed);
		w.loss_percent = seed % 3 * 20;
		for (int kills = 0; kills < 8; kills++) {
			write_all(8);
			run_ms(20 + seeded_below(&w.seeded, 3000));
			if (kills % 3 != 0) {
				write_all(1);
				w.crash = kills % 3 == 1 ? CRASH_BEFORE_STORING : CRASH_AFTER_STORING;
				while (w.is_up)
					step();
				w.crash = CRASH_NOT;
			} else {
				kill_server();
			}
			run_ms(seeded_below(&w.seeded, 2000));
			(void)is_all_there(); // in order, and once
			start_server();
		}
		run_until_all_there(120000);
		finish();
	}
}

static void test_killed_device(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 6; seed++) {
		begin(50 + seed);
		w.loss_percent = seed % 3 * 20;
		for (int kills = 0; kills < 10; kills++) {
			const uint32_t place = seeded_below(&w.seeded, DEVICES);
			write_all(6);
			run_ms(20 + seeded_below(&w.seeded, 3000));
			if (kills % 2 == 0) { // in the middle of a commit
				w.device[place].mem.commit_err = MMS_E_IO;
				write_all(1);
				while (!client_is_broken(&w.device[place].node.client))
					step();
				w.device[place].mem.commit_err = MMS_OK;
			}
			kill_device(place);
			(void)is_all_there();
			start_device(place);
		}
		run_until_all_there(120000);
		finish();
	}
}

static bool has_queued(const struct mem_client *mem)
{
	for (uint32_t i = 0; i < mem->disk.outbox_count; i++)
		if (mem->disk.outbox[i].state == OUTBOX_QUEUED)
			return true;
	return false;
}

// The server's data is put back from an older copy: senders offer again what was accepted after it.
static void test_restored_store(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 4; seed++) {
		begin(200 + seed);
		w.loss_percent = seed % 2 * 30;
		write_all(5);
		run_until_all_there(60000);
		w.backup = w.mem;
		kill_device(2); // libero is away: what is for him is in the server's store alone
		start_device(2);
		device_node_stop(&w.device[2].node);
		write_all(10);
		const struct mtime until = mtime_add_ms(w.now, 60000);
		for (uint32_t i = 0; i < 2; i++)
			while (has_queued(&w.device[i].mem) && w.now.us < until.us)
				run_ms(50);
		for (uint32_t i = 0; i < w.device[0].mem.disk.outbox_count; i++)
			assert_int_not_equal(w.device[0].mem.disk.outbox[i].state, OUTBOX_QUEUED);
		kill_server();
		w.mem = w.backup;
		start_server();
		kill_device(2);
		start_device(2);
		run_until_all_there(120000);
		finish();
	}
}

// Keys and versions are the owner's affair: which key the server shows, that it is another one, that it is too new.
static void test_news(void **state)
{
	(void)state;
	struct device *device = &w.device[0];
	struct keypair other;
	uint8_t datagram[WIRE_SERVERINFO_BYTES];
	begin(20);
	device_node_stop(&device->node);
	device_node_ask(&device->node, w.now);
	run_ms(1000);
	assert_int_equal(device->news, DEVICE_SERVER_KEY);

	const struct client_config config = {.name = name_of("fred"), .is_receiving = true};
	make_pair(&other);
	device->news = 0;
	device_node_start(&device->node, &device->keys, other.public_key, &config, w.now);
	run_ms(5000);
	assert_int_equal(device->news, DEVICE_KEY_CHANGED);

	const struct addr server = addr_of(SERVER_HOST);
	device->news = 0;
	device_node_ask(&device->node, w.now);
	wire_serverinfo_encode(device->node.dialer.nonce, w.keys.public_key, datagram);
	datagram[WIRE_SERVERINFO_BYTES - NOISE_KEY_BYTES - 1]++;
	device_node_recv(&device->node, &server, datagram, sizeof datagram, w.now);
	device_node_run(&device->node, w.now);
	assert_int_equal(device->news, DEVICE_NO_VERSION);
	finish();
}

static void test_enrolment_is_told(void **state)
{
	(void)state;
	uint32_t enrolled_count = 0;
	begin(21);
	kill_server();
	start_server_with("fred\n", &enrolled_count);
	run_ms(2000);
	assert_int_equal(enrolled_count, 1);
	finish();
}

// An end whose store failed takes no event any more, so none has an effect that is not stored.
static void test_broken_ends_do_nothing(void **state)
{
	(void)state;
	struct session_out out;
	begin(22);
	run_ms(1000);
	struct device *device = &w.device[0];
	write_all(1);
	client_break(&device->node.client);
	device_node_ask(&device->node, w.now);
	device->node.dialer.is_key_due = true;
	device_node_run(&device->node, w.now);
	assert_int_equal(device->news, 0);
	assert_false(device_node_send(&device->node, w.now, &out));

	static struct server_order order;
	server_break(&w.server.server);
	listener_end(&w.server.listener, 0);
	assert_true(server_node_next(&w.server, (struct moment){w.now, WALL}, &order));
	assert_int_equal(order.kind, ORDER_END);
	assert_int_equal(order.end, SERVER_BROKEN);
	assert_int_not_equal(w.server.server.peer[0].state, PEER_NONE); // not told that its session is over
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_killed_server),
		cmocka_unit_test(test_killed_device),
		cmocka_unit_test(test_restored_store),
		cmocka_unit_test(test_news),
		cmocka_unit_test(test_enrolment_is_told),
		cmocka_unit_test(test_broken_ends_do_nothing),
	};
	return cmocka_run_group_tests(tests, crypto_set_up, NULL);
}

// SPDX-License-Identifier: ISC
// Hostile devices at a whole server: four keys, two of them enrolled, one of them revoked, that sign in as anybody,
// submit, ask, answer or do not, with good bodies and with any, while batches are held back, stored or rolled back and
// the users file changes. Held: who is told OK is enrolled; ACCEPTED means that the store has it; delivered is what
// the store has for that user, in order; the server breaks nothing of the protocol and never stops.
#include "base/utf8.h"
#include "fuzz_peer.h"
#include "fuzz_server_store.h"
#include "fuzz_server_users.h"
#include "crypto/crypto.h"
#include "msg/call_watch.h"
#include "node/server_node.h"

enum { PEERS = 4, SUBMITS_MAX = 128, ROUNDS_MAX = 4, COMMIT_FIRST = 5, ASKED_MAX = SERVER_JOINING_MAX + SERVER_PAGES_MAX };

static const struct blocks_part far_part = {1, {{128, 128, 0}, {64, 64, 0}}};

struct far {
	struct peer peer;
	struct session session;
	struct blocks blocks;
	void *memory;
	uint8_t answers_with; // status; 0: it does not answer
	int64_t user_id;      // of the SIGNIN that was answered OK on this session
	uint8_t user_asked;   // of the SIGNIN that went
	uint64_t row_seen;
	struct call_who who; // where its list goes on
};

struct submission {
	struct uuid id;
	uint8_t digest[DIGEST_BYTES];
	bool is_good; // it may be accepted
};

static const struct wtime wall = {1800000000000};
static struct server_node node;
static struct store store;
static struct far fars[PEERS];
static struct keypair server;
static struct snapshot snapshots[3];
static struct server_user users[TABLES][USERS];
static uint32_t table;
static struct submission submissions[SUBMITS_MAX];
static uint32_t submission_count;
static const struct storage_batch *batch; // that is with the store
static struct storage_question *asked[ASKED_MAX]; // likewise, behind it
static uint32_t asked_count;
static bool is_slow; // questions are not answered yet
static struct mtime now;
static uint64_t random_state;

static void on_answer(struct far *far, const struct session_event *event)
{
	if (event->kind == CALL_SIGNIN && event->status == STATUS_OK) {
		struct call_signin_ok ok;
		const enum mms_err err = call_signin_ok_decode(&ok, event->body, event->body_bytes);
		assert(err == MMS_OK);
		far->user_id = user_id_of(&ok.name);
		const struct storage_device *device = store_device_find(&store, far->peer.keypair.public_key);
		// Removed meanwhile, if it is not there.
		assert(device == NULL ? far == &fars[3] : device->user_id == far->user_id);
		far->row_seen = 0;
	} else if (event->kind == CALL_SUBMIT && event->status == STATUS_ACCEPTED) {
		struct call_accepted accepted;
		const enum mms_err err = call_accepted_decode(&accepted, event->body, event->body_bytes);
		assert(err == MMS_OK);
		if (event->tag >= submission_count)
			return; // a body of any bytes
		const struct submission *submission = &submissions[event->tag];
		const struct store_message *held = store_find(&store, far->user_id, &submission->id);
		assert(held != NULL && memcmp(held->submit.digest, submission->digest, DIGEST_BYTES) == 0);
		assert(submission->is_good);
		assert(held->row <= accepted.mark.commit);
	} else if (event->kind == CALL_WHO && event->status == STATUS_OK) {
		struct call_who_ok ok;
		const enum mms_err err = call_who_ok_decode(&ok, event->body, event->body_bytes);
		assert(err == MMS_OK);
		far->who = (struct call_who){ok.generation, ok.first + ok.count};
	}
}

static void on_call(struct far *far, const struct session_event *event)
{
	if (event->kind == CALL_DELIVER) {
		struct call_deliver deliver;
		const enum mms_err err = call_deliver_decode(&deliver, event->body, event->body_bytes);
		assert(err == MMS_OK);
		const struct store_message *held = store_find(&store, user_id_of(&deliver.sender), &deliver.id);
		assert(held != NULL && held->submit.recipient_id == far->user_id && held->row > far->row_seen);
		assert(held->submit.text_bytes == deliver.text_bytes);
		assert(memcmp(held->text, deliver.text, deliver.text_bytes) == 0);
		far->row_seen = held->row;
	} else if (event->body_bytes > 0 && event->body[0] == NOTICE_PRESENCE) {
		struct call_presence_notice notice;
		const enum mms_err err = call_presence_decode(&notice, event->body, event->body_bytes);
		assert(event->kind == CALL_NOTICE && err == MMS_OK);
	} else {
		struct call_notice notice;
		const enum mms_err err = call_notice_decode(&notice, event->body, event->body_bytes);
		assert(event->kind == CALL_NOTICE && err == MMS_OK);
	}
	if (far->answers_with == 0)
		return;
	const enum mms_err err = callee_answer(&far->session.callee, &far->blocks, event->number, far->answers_with,
					       NULL, 0, now);
	assert(err == MMS_OK);
}

static void poll_far(struct far *far)
{
	struct session_event event;
	while (session_poll(&far->session, &far->blocks, now, &event)) {
		if (event.type == SESSION_ANSWER)
			on_answer(far, &event);
		else
			on_call(far, &event);
	}
}

static void hang_up(struct far *far)
{
	if (far->peer.is_up)
		session_clear(&far->session, &far->blocks);
	far->peer.is_up = false;
}

static void arrive(const struct session_out *out)
{
	struct far *far = &fars[out->addr.ip[3]];
	uint32_t index;
	uint64_t counter;
	const struct rng rng = seeded_rng(&random_state);
	const bool is_data = wire_data_decode(out->datagram[0], out->bytes, &index, &counter) == MMS_OK;
	assert(is_data);
	if (!far->peer.is_up || index != far->session.local_index)
		return; // its session of before
	const struct addr addr = addr_of(9);
	const enum mms_err err =
		session_recv(&far->session, &far->blocks, &addr, out->datagram[0], out->bytes, now, &rng);
	assert(err == MMS_OK);
	poll_far(far);
}

static struct moment moment(void)
{
	return (struct moment){now, wall};
}

// The store removes the device that the other file revokes.
static void use_other_users(void)
{
	const uint32_t old = table;
	struct storage_device *device = store_device_find(&store, fars[3].peer.keypair.public_key);
	const int64_t revoked_of = table == 0 ? 1 : 4; // fred, francoc
	int64_t removed[1] = {0};
	if (device != NULL && device->user_id == revoked_of) {
		removed[0] = device->device_id;
		device->user_id = 0;
	}
	table = 1 - table;
	const struct users_synced synced = {true, removed, removed[0] != 0};
	server_node_users_synced(&node, &synced, moment());
	memset(users[old], 0, sizeof users[old]);
}

static void answer_asked(void)
{
	const uint32_t count = asked_count;
	asked_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		store_ask(&store, asked[i]);
		server_node_answered(&node, asked[i], moment());
	}
}

// A batch is held back until give_to_store; all other orders are carried out at once.
static void perform(const struct server_order *order)
{
	switch (order->kind) {
	case ORDER_APPEND:
		assert(batch == NULL);
		batch = order->batch;
		break;
	case ORDER_ASK:
		assert(asked_count < ASKED_MAX);
		asked[asked_count++] = order->question;
		if (batch == NULL && !is_slow)
			answer_asked();
		break;
	case ORDER_SEND:
		arrive(&order->out);
		break;
	case ORDER_READ_USERS:
		memset(users[1 - table], 0, sizeof users[1 - table]);
		server_node_users_read(&node, &tables[1 - table], users[1 - table]);
		break;
	case ORDER_SYNC_USERS:
		use_other_users();
		break;
	case ORDER_HOUSEKEEP:
		server_node_housekept(&node, false, moment());
		break;
	case ORDER_TELL:
	case ORDER_PART:
	case ORDER_END:
		assert(false);
	}
}

// What every device has to say goes to the server, and what it says goes to them, until there is quiet or enough.
static void exchange(void)
{
	static struct session_out out;
	static struct server_order order;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	for (int round = 0; round < ROUNDS_MAX; round++) {
		bool is_quiet = true;
		for (uint8_t i = 0; i < PEERS; i++) {
			const struct addr addr = addr_of(i);
			while (fars[i].peer.is_up && session_send(&fars[i].session, &fars[i].blocks, now, &out)) {
				is_quiet = false;
				const size_t bytes =
					server_node_recv(&node, &addr, out.datagram[0], out.bytes, moment(), reply);
				if (bytes == WIRE_UNKNOWN_BYTES)
					hang_up(&fars[i]);
			}
		}
		while (server_node_next(&node, moment(), &order)) {
			is_quiet = false;
			perform(&order);
		}
		assert(!server_is_broken(&node.server));
		if (is_quiet)
			return;
	}
}

static void connect(struct far *far, uint8_t i)
{
	uint8_t datagram[WIRE_INIT_BYTES];
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const uint8_t cookie[COOKIE_BYTES] = {0};
	const struct addr addr = addr_of(i);
	const struct rng rng = seeded_rng(&random_state);
	hang_up(far);
	peer_dial_index(&far->peer, server.public_key, &rng, far->peer.index + PEERS);
	wire_init_encode(cookie, far->peer.noise_message, datagram);
	const size_t bytes = server_node_recv(&node, &addr, datagram, sizeof datagram, moment(), reply);
	far->user_id = 0;
	if (!peer_accept(&far->peer, reply, bytes))
		return; // over the budget
	blocks_init(&far->blocks, far->memory, &far_part, 1, 1);
	peer_session(&far->peer, &far->session, &far->blocks, false, &addr, now);
}

static void call(struct far *far, uint8_t kind, const void *body, size_t bytes, uint64_t tag)
{
	(void)!caller_open(&far->session.caller, &far->blocks, kind, body, bytes, tag);
}

// Who of the users, and of some who are none, is watched.
static void watch(struct far *far, uint8_t how)
{
	struct call_watch watch = {.is_first = (how & 1) != 0};
	uint8_t body[CALL_BODY_BYTES_MAX];
	uint8_t taken_count;
	for (uint8_t i = 0; i < USERS; i++)
		if ((how >> (1 + i % 7) & 1) != 0)
			watch.name[watch.count++] = name_at(i);
	const size_t bytes = call_watch_encode(&watch, &taken_count, body);
	call(far, CALL_WATCH, body, bytes, SUBMITS_MAX);
}

static void sign_in(struct far *far, struct reader *input)
{
	const uint8_t how = take_u8(input);
	const uint8_t place = take_u8(input);
	struct call_signin signin = {
		.is_receiving = (how & 1) == 0, .has_proof = (how & 2) != 0, .name = name_at(place)};
	uint8_t body[CALL_BODY_BYTES_MAX];
	if ((how & 4) != 0)
		hash_invite_proof(invite_hash, far->peer.handshake_hash, INVITE_DEVICE, signin.proof);
	if ((how & 8) != 0)
		signin.mark = (struct storage_mark){{(uint8_t)(1 + (how >> 4 & 3))}, take_u8(input)};
	call(far, CALL_SIGNIN, body, call_signin_encode(&signin, body), 0);
}

static void submit(struct far *far, struct reader *input)
{
	static const uint8_t any[] = "hello";
	const uint8_t *text = any;
	const uint8_t how = take_u8(input);
	struct call_submit message = {.id = {{how & 7}}, .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8,
				      .recipient = {name_at(how >> 3 & 7), false}};
	uint8_t body[CALL_BODY_BYTES_MAX];
	if (how >= 192) { // one of a later version, or to a room
		const uint8_t what = take_u8(input);
		message.kind = what % 8;
		message.form = what / 8 % 4;
		message.recipient.is_room = what >= 128;
	}
	message.text_bytes = how < 128 ? 1U + how % 5 : take_span(input, &text, TEXT_BYTES_MAX);
	message.text = text;
	if (message.text_bytes == 0 || submission_count == SUBMITS_MAX)
		return;
	struct submission *submission = &submissions[submission_count];
	submission->id = message.id;
	submission->is_good = !message.recipient.is_room && !message_kind_is_server(message.kind) &&
			      (message.form != MESSAGE_UTF8 || utf8_is_message(message.text, message.text_bytes));
	hash_message(message.kind, message.form, &message.recipient, message.text, message.text_bytes, submission->digest);
	call(far, CALL_SUBMIT, body, call_submit_encode(&message, body), submission_count++);
}

static void give_to_store(bool is_kept)
{
	if (batch != NULL) {
		const struct storage_appended appended = store_append(&store, batch, is_kept);
		batch = NULL;
		server_node_appended(&node, 0, &appended, moment());
	}
	if (!is_slow)
		answer_asked();
}

static void step(struct reader *input)
{
	const uint8_t op = take_u8(input);
	const uint8_t i = op >> 6;
	struct far *far = &fars[i];
	const uint8_t *body = NULL;
	size_t bytes;
	uint8_t how;
	if (!far->peer.is_up)
		connect(far, i);
	if (!far->peer.is_up)
		return;
	switch (op % 12) {
	case 0:
	case 1:
		sign_in(far, input);
		break;
	case 2:
	case 3:
		submit(far, input);
		break;
	case 4:
		how = take_u8(input);
		bytes = take_span(input, &body, CALL_BODY_BYTES_MAX);
		call(far, how, body, bytes, SUBMITS_MAX);
		break;
	case 5: {
		if (op >= 128) {
			watch(far, take_u8(input));
			break;
		}
		uint8_t page[CALL_BODY_BYTES_MAX];
		call(far, CALL_WHO, page, call_who_encode(&far->who, page), 0);
		break;
	}
	case 6:
		how = take_u8(input);
		call(far, (how & 1) != 0 ? CALL_PING : CALL_SIGNOUT, &how, how >> 7, 0);
		break;
	case 7:
		far->answers_with = take_u8(input) % 4;
		break;
	case 8:
		how = take_u8(input);
		is_slow = (how & 16) != 0;
		give_to_store(how % 4 != 3);
		break;
	case 9:
		now = mtime_add_us(now, take_wait_us(input));
		for (int k = 0; k < PEERS; k++)
			if (fars[k].peer.is_up)
				session_tick(&fars[k].session, now);
		break;
	case 10:
		how = take_u8(input);
		if (how == 255)
			server_shutdown(&node.server);
		else
			server_node_reload_asked(&node);
		break;
	default:
		connect(far, i);
		break;
	}
	if ((op & 32) == 0)
		exchange();
}

// Everything is stored, and then nothing is due at once.
static void settle(void)
{
	is_slow = false;
	for (int turn = 0;; turn++) {
		assert(turn < 40);
		exchange();
		if (batch == NULL && asked_count == 0 && server_node_deadline(&node).us > now.us)
			return;
		give_to_store(true);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	const uint8_t secret[NOISE_KEY_BYTES] = {88};
	if (crypto_init() != MMS_OK)
		return 1;
	keypair_derive(&server, secret);
	store.commit_next = COMMIT_FIRST;
	for (uint8_t i = 0; i < PEERS; i++) {
		peer_init(&fars[i].peer, 1 + i);
		fars[i].peer.index = 1 + i;
		fars[i].answers_with = STATUS_OK;
		fars[i].memory = must_alloc(blocks_memory_bytes(&far_part, 1, 1));
		if (i < 2)
			store_enrol(&store, 1 + i, fars[i].peer.keypair.public_key, NULL);
	}
	make_tables(&fars[3].peer.keypair);
	struct server_node_setup setup = {
		.listener = listener_config_default(),
		.server = server_config_default(),
		.keys = &server,
		.users = &tables[0],
		.user = users[0],
		.rng = seeded_rng(&random_state),
	};
	setup.listener.sessions_max = 6;
	setup.listener.half_open_max = 6;
	setup.listener.prefixes_max = 2 * BUDGET_WAYS;
	setup.listener.blocks_small_max = 80;
	setup.listener.blocks_large_max = 16;
	setup.server.may_claim = true;
	setup.server.watches_max = 200;
	setup.server.submit_rate = (struct bucket_rate){5, 10};
	void *memory = must_alloc(server_node_memory_bytes(&setup));
	now = (struct mtime){1000000};
	server_node_init(&node, &setup, memory, now);
	for (uint8_t i = 0; i < PEERS; i++)
		connect(&fars[i], i);
	// The batches behind the peers are empty between executions, and the pools are made so.
	const struct server_watcher *end = node.server.presence.watcher + node.server.peer_capacity;
	snapshots[0] = snapshot_take(&node, sizeof node);
	snapshots[1] = snapshot_take(memory, (size_t)((const uint8_t *)end - (uint8_t *)memory));
	snapshots[2] = snapshot_take(fars, sizeof fars);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct reader input = reader_of(data, bytes);
	const struct server *used = &node.server;
	memset(used->joining, 0, used->joining_fresh_count * sizeof *used->joining);
	for (uint32_t i = 0; i < used->page_fresh_count; i++)
		used->page[i].link = (struct slot_link){0, 0};
	for (uint32_t i = 0; i < used->list_fresh_count; i++)
		used->list[i].link = (struct slot_link){0, 0};
	asked_count = 0;
	is_slow = false;
	for (int i = 0; i < 3; i++)
		snapshot_restore(&snapshots[i]);
	now = (struct mtime){1000000};
	random_state = 8;
	table = 0;
	memset(users, 0, sizeof users);
	submission_count = 0;
	store.message_count = store.spent_count = 0;
	store.device_count = 2;
	store.commit_next = COMMIT_FIRST;
	store.device[0].cursor = store.device[1].cursor = COMMIT_FIRST - 1;
	store.device[1].gap_count = store.device[1].gap_row = 2; // its user lost some messages before
	for (int ops = 0; input.left_bytes > 0 && ops < FUZZ_OPS_MAX; ops++)
		step(&input);
	settle();
	for (int i = 0; i < PEERS; i++)
		hang_up(&fars[i]);
	server_node_clear(&node);
	assert(blocks_used_count(&node.listener.blocks) == 0);
	return 0;
}

// SPDX-License-Identifier: ISC
// A hostile server at a whole device: it holds the pinned key, grants, refuses, delivers, notices and answers as it
// likes, with good bodies and with any, in one session after another; and its store is late, or does not know what became of
// a batch. Held: a delivery is answered OK only when the transcript has it, and only if it could be kept; an id is there
// once; each message gets one verdict and is told it when it stands; once the device has stopped it says nothing more; the
// store is given nothing it cannot read back.
#include "fuzz_client_store.h"
#include "fuzz_peer.h"
#include "crypto/crypto.h"
#include "node/device_node.h"

enum { ROUNDS_MAX = 4 };

static struct device_node node;
static void *node_memory;
static struct keypair device;
static struct peer server;
static struct session far; // the server's end of the newest session
static struct blocks far_blocks;
static void *far_memory;
static const struct blocks_part far_part = {1, {{128, 128, 0}, {64, 64, 0}}};
static bool is_far_up;
static struct mtime far_since;
static uint32_t pending[CALL_WINDOW]; // calls of the device without an answer
static uint8_t pending_kind[CALL_WINDOW];
static uint32_t pending_count;
static struct call_deliver delivered[256]; // by tag
static uint32_t delivered_count;

static bool is_stopped;
static struct mtime now;
static uint64_t random_state;

// --- the device's owner ---

static void told(void *context, const struct client_told *what)
{
	(void)context;
	struct name parsed;
	assert(!is_stopped);
	switch (what->type) {
	case TOLD_VERDICT: {
		struct queued *queued = find_queued(&what->id);
		assert(queued != NULL && queued->state != OUTBOX_QUEUED);
		assert(what->is_reoffer || !queued->is_told);
		assert(what->is_reoffer || what->state == queued->state);
		queued->is_told = true;
		break;
	}
	case TOLD_SIGNED_IN:
	case TOLD_RECONNECTED:
	case TOLD_LIST_USER:
	case TOLD_LIST_ROOM:
	case TOLD_PRESENCE:
		assert(name_parse(&parsed, what->name.text, name_bytes(&what->name)));
		break;
	case TOLD_REFUSED:
	case TOLD_BROKEN:
	case TOLD_NOT_PROVED:
	case TOLD_SIGNED_OUT:
	case TOLD_REPLACED:
	case TOLD_REMOVED:
		is_stopped = true;
		break;
	case TOLD_STORED:
	case TOLD_LIST_BEGIN:
	case TOLD_LIST_END:
	case TOLD_LIST_FAILED:
	case TOLD_SHUTDOWN:
		break;
	}
}

static void news(void *context, enum device_news what, const uint8_t key[NOISE_KEY_BYTES])
{
	(void)context;
	(void)what;
	(void)key;
	assert(false); // no SERVERINFO is sent here
}

static void start(uint8_t options)
{
	struct client_config config = {.name = {"fred"}, .is_receiving = (options & 1) == 0};
	config.has_invite = (options & 2) != 0;
	config.is_server_proved = (options & 4) != 0;
	is_stopped = false;
	device_node_start(&node, &device, server.keypair.public_key, &config, now);
	client_set_submitting(&node.client, (options & 8) == 0, now);
}

// --- the server ---

static void on_answer(const struct session_event *event)
{
	if (event->kind != CALL_DELIVER || event->status != STATUS_OK || event->tag >= delivered_count)
		return;
	const struct call_deliver *deliver = &delivered[event->tag];
	const struct entry *entry = find_entry(&deliver->id, &deliver->sender, false);
	assert(entry != NULL);
}

static void poll_far(void)
{
	struct session_event event;
	while (is_far_up && session_poll(&far, &far_blocks, now, &event)) {
		if (event.type == SESSION_ANSWER) {
			on_answer(&event);
			continue;
		}
		callee_open_gate(&far.callee);
		assert(event.number > 1 || event.kind == CALL_SIGNIN);
		pending_kind[pending_count] = event.kind;
		pending[pending_count++] = event.number;
		assert(pending_count <= CALL_WINDOW);
	}
}

static void hang_up(void)
{
	if (is_far_up)
		session_clear(&far, &far_blocks);
	is_far_up = false;
	pending_count = 0;
}

static void take_init(const uint8_t *datagram)
{
	uint8_t reply[WIRE_ACCEPT_BYTES];
	const struct addr addr = addr_of(0);
	const struct rng rng = seeded_rng(&random_state);
	if (is_far_up && server.remote_index != 0 && mtime_diff_us(now, far_since) < 1)
		return; // a copy
	if (!peer_respond(&server, datagram, WIRE_INIT_BYTES, &rng, server.index + 1, reply))
		return;
	hang_up();
	blocks_init(&far_blocks, far_memory, &far_part, 1, 1);
	peer_session(&server, &far, &far_blocks, true, &addr, now);
	is_far_up = true;
	far_since = now;
	device_node_recv(&node, &addr, reply, sizeof reply, now);
}

// What the store was ordered and has not done; what it does next: bit 0 at once, bit 1 it does not know, bit 2 and has done it.
static struct client_batch ordered;
static struct client_question question;
static bool is_batch_out;
static bool is_question_out;
static uint8_t store_mood;

static void take_orders(void)
{
	const struct client_batch *batch = is_batch_out ? NULL : device_node_append(&node);
	if (batch != NULL)
		ordered = *batch;
	is_batch_out = is_batch_out || batch != NULL;
	const struct client_question *asked = is_question_out ? NULL : device_node_question(&node);
	if (asked != NULL)
		question = *asked;
	is_question_out = is_question_out || asked != NULL;
}

// The last try always goes well: what fails for ever breaks a device.
static enum mms_err outcome(uint32_t tries)
{
	return (store_mood & 2) != 0 && tries < CLIENT_TRIES_MAX ? MMS_E_AGAIN : MMS_OK;
}

static void serve_orders(void)
{
	static struct client_appended appended;
	static struct client_answer found;
	if (is_batch_out) {
		appended.number = ordered.number;
		appended.err = outcome(node.client.append_tries);
		if (appended.err == MMS_OK || (store_mood & 4) != 0)
			append(&ordered, &appended);
		is_batch_out = false;
		device_node_appended(&node, &appended, now);
	}
	if (is_question_out) {
		answer_question(&question, &found);
		found.number = question.number;
		found.err = outcome(node.client.ask_tries);
		is_question_out = false;
		device_node_learned(&node, &found, now);
	}
	store_mood &= 1; // else it would fail for ever
}

// The device's turn, with its store's.
static void run_node(void)
{
	device_node_run(&node, now);
	take_orders();
	while ((is_batch_out || is_question_out) && (store_mood & 1) == 0) {
		serve_orders();
		device_node_run(&node, now);
		take_orders();
	}
}

static void exchange(void)
{
	static struct session_out out;
	const struct addr addr = addr_of(0);
	const struct rng rng = seeded_rng(&random_state);
	for (int round = 0; round < ROUNDS_MAX; round++) {
		bool is_quiet = true;
		while (is_far_up && session_send(&far, &far_blocks, now, &out)) {
			is_quiet = false;
			device_node_recv(&node, &addr, out.datagram[0], out.bytes, now);
		}
		run_node();
		assert(!client_is_broken(&node.client));
		while (device_node_send(&node, now, &out)) {
			uint32_t index;
			uint64_t counter;
			is_quiet = false;
			assert(!is_stopped);
			if (out.datagram[0][0] == WIRE_INIT)
				take_init(out.datagram[0]);
			if (!is_far_up ||
			    wire_data_decode(out.datagram[0], out.bytes, &index, &counter) != MMS_OK ||
			    index != far.local_index)
				continue;
			const enum mms_err err =
				session_recv(&far, &far_blocks, &addr, out.datagram[0], out.bytes, now, &rng);
			assert(err == MMS_OK);
			poll_far();
		}
		if (is_quiet)
			return;
	}
}

static void call(uint8_t kind, const void *body, size_t bytes, uint64_t tag)
{
	(void)!caller_open(&far.caller, &far_blocks, kind, body, bytes, tag);
}

static void deliver(struct reader *input)
{
	static const char *const senders[] = {"Tim", "tim", "libero", "fred"};
	const uint8_t *text = (const uint8_t *)"hello";
	const uint8_t how = take_u8(input);
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct call_deliver *made = &delivered[delivered_count];
	const char *sender = senders[how >> 3 & 3];
	*made = (struct call_deliver){
		.id = {{how & 7}}, .accepted_at = {take_u32(input)}, .kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8,
		.text_bytes = QUEUED_TEXT_BYTES};
	if (!name_parse(&made->sender, sender, strlen(sender)) || delivered_count == 255)
		return;
	if (how >= 192) { // one of a later version, of a room, of one's own
		const uint8_t what = take_u8(input);
		made->kind = 1 + what % 7;
		made->form = 1 + what / 7 % 3;
		made->is_own = (what & 64) != 0;
		made->is_history = (what & 32) != 0;
		made->conversation.is_room = (what & 128) != 0;
		made->room_row = made->conversation.is_room ? 1U + what : 0;
		if (made->is_own || made->conversation.is_room)
			made->conversation.name = (struct name){"lounge"};
		if (made->kind != MESSAGE_WRITTEN && what % 3 == 0)
			made->sender = (struct name){{0}};
	}
	if (how >= 128)
		made->text_bytes = take_span(input, &text, TEXT_BYTES_MAX);
	made->text = text;
	if (made->text_bytes > 0)
		call(CALL_DELIVER, body, call_deliver_encode(made, body), delivered_count++);
}

// A good answer to the call of a kind, or nearly.
static size_t make_answer(uint8_t kind, struct reader *input, uint8_t *status, uint8_t *body)
{
	const uint8_t how = take_u8(input);
	struct call_signin_ok ok = {.is_reoffer_wanted = (how & 1) != 0, .has_proof = (how & 2) != 0,
				    .mark = {{how >> 6}, how >> 4 & 3}, .waiting_count = how >> 2 & 3,
				    .name = {"Fred"}};
	const struct call_accepted accepted = {(how & 1) != 0, {{how >> 6}, how >> 4 & 3}};
	const uint8_t invite_hash[INVITE_HASH_BYTES] = {0};
	struct writer writer = writer_of(body, CALL_BODY_BYTES_MAX);
	const struct name user = {"libero"};
	*status = STATUS_OK;
	switch (kind) {
	case CALL_SIGNIN:
		hash_invite_proof(invite_hash, server.handshake_hash, INVITE_SERVER, ok.proof);
		return call_signin_ok_encode(&ok, body);
	case CALL_SUBMIT:
		*status = (how & 14) == 14 ? how >> 4 : STATUS_ACCEPTED;
		return call_accepted_encode(&accepted, body);
	case CALL_WHO:
		call_who_page_begin(&writer, how >> 6, how & 15, how >> 4 & 3);
		for (int i = 0; i < (how & 3); i++) {
			const bool fits = call_who_page_add(&writer, &user, (how & 4) != 0);
			assert(fits);
		}
		return call_who_page_end(&writer, how & 3);
	case CALL_WATCH: {
		struct call_watch_ok watched = {.count = how & 3};
		for (uint8_t i = 0; i < watched.count; i++)
			watched.presence[i].is_online = (how >> (2 + i) & 1) != 0;
		return call_watch_ok_encode(&watched, body);
	}
	default:
		return 0;
	}
}

static void answer(struct reader *input, bool is_good)
{
	uint8_t made[CALL_BODY_BYTES_MAX];
	const uint8_t *body = made;
	uint8_t status;
	size_t bytes;
	if (pending_count == 0)
		return;
	const uint32_t place = is_good ? 0 : take_u8(input) % pending_count;
	if (is_good) {
		bytes = make_answer(pending_kind[place], input, &status, made);
	} else {
		status = take_u8(input) % 10;
		bytes = take_span(input, &body, CALL_BODY_BYTES_MAX);
	}
	const uint32_t number = pending[place];
	pending_count--;
	memmove(&pending[place], &pending[place + 1], (pending_count - place) * sizeof *pending);
	memmove(&pending_kind[place], &pending_kind[place + 1], pending_count - place);
	const enum mms_err err = callee_answer(&far.callee, &far_blocks, number, status, body, bytes, now);
	assert(err == MMS_OK);
}

static void notice(struct reader *input)
{
	const uint8_t how = take_u8(input);
	uint8_t body[CALL_BODY_BYTES_MAX];
	const enum notice_what what = how < 128 ? NOTICE_GAP : (enum notice_what)(how % 8);
	const struct call_notice made = {what, {{how & 7}}, how >> 3 & 7};
	call(CALL_NOTICE, body, call_notice_encode(&made, body), 255);
}

static void act(uint8_t how)
{
	if (is_stopped) {
		start(how);
		return;
	}
	switch (how % 4) {
	case 0:
		client_list(&node.client, &(struct client_list_wish){(enum client_list_kind)(LIST_USERS + how / 4 % 4), {"ops"}}, now);
		client_want_presence(&node.client, &(struct name){"libero"}, 1, now);
		break;
	case 1:
		client_sign_out(&node.client, now);
		break;
	case 2:
		client_set_submitting(&node.client, how % 8 == 2, now);
		break;
	default:
		client_submit(&node.client, now);
		break;
	}
}

static void step(struct reader *input)
{
	const uint8_t op = take_u8(input);
	const uint8_t *body = NULL;
	size_t bytes;
	uint8_t kind;
	switch (op % 11) {
	case 0:
	case 1:
	case 2:
		answer(input, true);
		break;
	case 3:
		answer(input, false);
		break;
	case 4:
	case 5:
		if (is_far_up)
			deliver(input);
		break;
	case 6:
		if (is_far_up)
			notice(input);
		break;
	case 7:
		kind = take_u8(input);
		bytes = take_span(input, &body, CALL_BODY_BYTES_MAX);
		if (is_far_up)
			call(kind, body, bytes, 255);
		break;
	case 8:
		act(take_u8(input));
		break;
	case 9:
		store_mood = take_u8(input) & 7;
		if (is_batch_out || is_question_out)
			serve_orders();
		break;
	default:
		now = mtime_add_us(now, take_wait_us(input));
		if (is_far_up)
			session_tick(&far, now);
		break;
	}
	if ((op & 128) == 0)
		exchange();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	const uint8_t secret[NOISE_KEY_BYTES] = {99};
	if (crypto_init() != MMS_OK)
		return 1;
	keypair_derive(&device, secret);
	node_memory = must_alloc(device_node_memory_bytes());
	far_memory = must_alloc(blocks_memory_bytes(&far_part, 1, 1));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct reader input = reader_of(data, bytes);
	const struct rng rng = seeded_rng(&random_state);
	const struct addr addr = addr_of(0);
	const struct device_node_owner owner = {NULL, told, news};
	now = (struct mtime){1000000};
	random_state = 9;
	delivered_count = 0;
	client_store_begin();
	is_batch_out = is_question_out = false;
	store_mood = 0;
	peer_init(&server, 7);
	device_node_init(&node, &addr, 1, node_memory, &rng, &owner, now);
	start(take_u8(&input));
	exchange();
	for (int ops = 0; input.left_bytes > 0 && ops < FUZZ_OPS_MAX; ops++)
		step(&input);
	store_mood = 0;
	exchange();
	hang_up();
	device_node_clear(&node);
	assert(blocks_used_count(&node.dialer.blocks) == 0);
	return 0;
}

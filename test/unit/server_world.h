// SPDX-License-Identifier: ISC
// For the tests of msg/server: a server over a store in memory, with a transport that writes down what it is told.
#ifndef MMS_TEST_SERVER_WORLD_H
#define MMS_TEST_SERVER_WORLD_H

#include "msg_world.h"

enum { PEERS = 24, RECORDS = 4000 };
enum record_type { ANSWERED = 1, CALLED, DEFERRED, GRANTED, CLOSED };

struct record {
	enum record_type type;
	uint32_t slot;
	uint32_t number;
	uint8_t code; // a status, or a kind
	uint64_t tag;
	struct mtime until;
	size_t bytes;
	uint8_t body[CALL_BODY_BYTES_MAX];
};

static struct fixture {
	struct server server;
	void *memory;
	struct mem_server mem;
	struct users_world users;
	struct record record[RECORDS];
	uint32_t record_count;
	uint32_t room[PEERS]; // of the sessions' windows
	bool has_no_memory;   // for calls
	bool is_slow;         // questions are asked by the test itself, not as soon as they can be
	struct mtime handshake_at[PEERS];
	uint8_t key[PEERS][NOISE_KEY_BYTES];
	uint32_t number[PEERS]; // of the next call of a session
	uint32_t enrolled_count;
	struct mtime now;
	uint32_t changed_number; // of the operator's change that was told last, and what came of it
	struct storage_result changed;
} f;

static inline struct record *add_record(enum record_type type, uint32_t slot)
{
	assert_true(f.record_count < RECORDS);
	f.record[f.record_count] = (struct record){.type = type, .slot = slot};
	return &f.record[f.record_count++];
}

static inline void port_answer(void *context, uint32_t slot, uint32_t number, uint8_t status, const void *body,
			       size_t bytes)
{
	(void)context;
	struct record *record = add_record(ANSWERED, slot);
	for (uint32_t i = 0; i + 1 < f.record_count; i++)
		assert_false(f.record[i].type == ANSWERED && f.record[i].slot == slot && f.record[i].number == number);
	record->number = number;
	record->code = status;
	record->bytes = bytes;
	if (bytes > 0)
		memcpy(record->body, body, bytes);
}

static inline enum mms_err port_call(void *context, uint32_t slot, uint8_t kind, const void *body, size_t bytes,
				      uint64_t tag)
{
	(void)context;
	if (f.has_no_memory)
		return MMS_E_FULL;
	struct record *record = add_record(CALLED, slot);
	record->code = kind;
	record->tag = tag;
	record->bytes = bytes;
	if (bytes > 0)
		memcpy(record->body, body, bytes);
	if (slot < PEERS)
		f.room[slot]--;
	return MMS_OK;
}

static inline void port_defer(void *context, uint32_t slot, struct mtime until)
{
	(void)context;
	add_record(DEFERRED, slot)->until = until;
}

static inline void port_signed_in(void *context, uint32_t slot, uint64_t owner)
{
	(void)context;
	assert_int_not_equal(owner, 0);
	add_record(GRANTED, slot);
}

static inline void port_close(void *context, uint32_t slot, bool keeps_calls)
{
	(void)context;
	(void)keeps_calls;
	add_record(CLOSED, slot);
}

static const uint8_t HANDSHAKE_HASH[NOISE_HASH_BYTES] = {0x5a};

static inline void port_enrolled(void *context, const struct name *user, const struct fingerprint *fingerprint)
{
	(void)context;
	(void)user;
	(void)fingerprint;
	f.enrolled_count++;
}

static inline void port_changed(void *context, uint32_t number, const struct storage_result *result)
{
	(void)context;
	f.changed_number = number;
	f.changed = *result;
}

// How many records of a kind there are for a slot, and the last of them.
static inline uint32_t count(enum record_type type, uint32_t slot, struct record **last)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < f.record_count; i++)
		if (f.record[i].type == type && f.record[i].slot == slot) {
			found++;
			if (last != NULL)
				*last = &f.record[i];
		}
	return found;
}

// A server with room for so many sessions, of which the test uses the first PEERS, and so many lanes.
static inline void begin_with(const char *users, bool may_claim, uint32_t capacity, uint32_t lane_count)
{
	assert_true(capacity >= PEERS);
	const struct server_port port = {NULL,           port_answer, port_call,    port_defer,
					 port_signed_in, port_close,  port_enrolled, port_changed};
	struct server_config config = server_config_default();
	memset(&f, 0, sizeof f);
	f.now = at_ms(1000000);
	config.may_claim = may_claim;
	config.lane_count = lane_count;
	config.submit_rate = (struct bucket_rate){10, 100};
	users_open(&f.users, users);
	f.memory = must_alloc(server_memory_bytes(&config, capacity));
	f.mem.rows_max = 10;
	mem_start(&f.mem, 1);
	server_init(&f.server, &config, f.memory, capacity, &port, &f.users.table, f.users.user);
	for (uint32_t i = 0; i < PEERS; i++) {
		f.room[i] = CALL_WINDOW;
		f.number[i] = 1;
	}
}

static inline void begin(const char *users, bool may_claim)
{
	begin_with(users, may_claim, PEERS, 1);
}

static inline void finish(void)
{
	users_close(&f.users);
	free(f.memory);
}

static inline struct moment moment_of_test(void)
{
	return (struct moment){f.now, WALL};
}

// Asks all questions that can be asked now. Returns how many.
static inline uint32_t ask(void)
{
	uint32_t asked = 0;
	struct storage_question *question;
	while ((question = server_next_question(&f.server, true)) != NULL) {
		mem_ask(&f.mem, question);
		server_question_answered(&f.server, question, moment_of_test());
		asked++;
	}
	return asked;
}

static inline void ask_soon(void)
{
	if (!f.is_slow)
		ask();
}

static inline uint32_t call(uint32_t slot, uint8_t kind, const void *body, size_t bytes)
{
	const struct call_in in = {slot,  f.number[slot],       kind,        body,
				   bytes, f.handshake_at[slot], f.key[slot], HANDSHAKE_HASH};
	server_called(&f.server, &in, moment_of_test());
	ask_soon();
	return f.number[slot]++;
}

static inline void end_session(uint32_t slot)
{
	server_ended(&f.server, slot);
	f.room[slot] = CALL_WINDOW;
}

// The status of the answer to a call; 0: none yet.
static inline uint8_t status_of(uint32_t slot, uint32_t number)
{
	for (uint32_t i = 0; i < f.record_count; i++)
		if (f.record[i].type == ANSWERED && f.record[i].slot == slot && f.record[i].number == number)
			return f.record[i].code;
	return 0;
}

// Asks for a page of users. Returns the one that came.
static inline struct call_who_ok ask_who(uint32_t slot, uint32_t generation, uint32_t first)
{
	const struct call_who who = {generation, first};
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct record *record = NULL;
	struct call_who_ok page;
	call(slot, CALL_WHO, body, call_who_encode(&who, body));
	count(ANSWERED, slot, &record);
	assert_int_equal(call_who_ok_decode(&page, record->body, record->bytes), MMS_OK);
	return page;
}

// What became of a batch that was taken from this lane: MMS_OK, durable; MMS_E_NOSPACE, not kept.
static inline void stored(const struct storage_batch *batch, uint32_t lane, enum mms_err result)
{
	const struct storage_appended appended =
		result == MMS_OK ? mem_append(&f.mem, batch) : mem_append_none(&f.mem, batch);
	ask_soon(); // behind the batch
	server_appended(&f.server, lane, &appended, moment_of_test());
	ask_soon();
}

static inline const struct storage_batch *take(bool is_all)
{
	uint32_t lane;
	const struct storage_batch *batch = server_next_batch(&f.server, is_all, f.now, &lane);
	assert_true(batch == NULL || lane == 0);
	return batch;
}

static inline bool store(enum mms_err result, bool is_all)
{
	uint32_t lane;
	const struct storage_batch *batch = server_next_batch(&f.server, is_all, f.now, &lane);
	if (batch == NULL)
		return false;
	stored(batch, lane, result);
	return true;
}

static inline uint32_t signin_with(uint32_t slot, uint8_t key, const char *name, bool is_receiving, const char *code)
{
	struct call_signin signin = {.is_receiving = is_receiving, .name = name_of(name), .has_proof = code != NULL};
	uint8_t body[CALL_BODY_BYTES_MAX];
	memset(f.key[slot], key, NOISE_KEY_BYTES);
	if (code != NULL) {
		uint8_t invite[INVITE_HASH_BYTES];
		hash_invite_code(code, strlen(code), invite);
		hash_invite_proof(invite, HANDSHAKE_HASH, INVITE_DEVICE, signin.proof);
	}
	return call(slot, CALL_SIGNIN, body, call_signin_encode(&signin, body));
}

// A device with this key is enrolled and signed in on the slot.
static inline void come_in(uint32_t slot, uint8_t key, const char *name, int64_t user_id, bool is_receiving)
{
	mem_add_device(&f.mem, user_id, key);
	const uint32_t number = signin_with(slot, key, name, is_receiving, NULL);
	if (status_of(slot, number) == 0)
		assert_true(store(MMS_OK, false)); // moved cursors go first
	assert_int_equal(status_of(slot, number), STATUS_OK);
}

// A SUBMIT of any kind and form; to a room when the recipient begins with '#'.
static inline uint32_t submit_as(uint32_t slot, uint32_t id, uint8_t kind, uint8_t form, const char *recipient, const char *text)
{
	struct call_submit message = {
		.id = id_of(id), .kind = kind, .form = form, .text = (const uint8_t *)text, .text_bytes = strlen(text)};
	assert_true(message_to_parse(&message.recipient, recipient, strlen(recipient)));
	uint8_t body[CALL_BODY_BYTES_MAX];
	if (*text != 0)
		return call(slot, CALL_SUBMIT, body, call_submit_encode(&message, body));
	message.text = (const uint8_t *)"x";
	message.text_bytes = 1;
	return call(slot, CALL_SUBMIT, body, call_submit_encode(&message, body) - 1);
}

static inline uint32_t submit(uint32_t slot, uint32_t id, const char *recipient, const char *text)
{
	return submit_as(slot, id, MESSAGE_WRITTEN, MESSAGE_UTF8, recipient, text);
}

// Submits and stores. Returns the status that was answered.
static inline uint8_t verdict(uint32_t slot, uint32_t id, const char *recipient, const char *text)
{
	const uint32_t number = submit(slot, id, recipient, text);
	(void)store(MMS_OK, false);
	return status_of(slot, number);
}

static inline bool is_online(uint32_t user)
{
	return f.server.user[user].online_count > 0;
}

// How many more calls the session's window lets be made.
static inline void set_room(uint32_t slot, uint8_t room)
{
	f.room[slot] = room;
	f.server.peer[slot].room = room;
}

// The slot's deliveries so far carry exactly these texts, each of one letter.
static inline void check_delivered(uint32_t slot, const char *letters)
{
	char got[100] = "";
	size_t used = 0;
	for (uint32_t i = 0; i < f.record_count; i++) {
		struct call_deliver deliver;
		if (f.record[i].type != CALLED || f.record[i].slot != slot || f.record[i].code != CALL_DELIVER)
			continue;
		assert_int_equal(call_deliver_decode(&deliver, f.record[i].body, f.record[i].bytes), MMS_OK);
		got[used++] = (char)deliver.text[0];
	}
	assert_string_equal(got, letters);
}

static inline enum notice_what last_notice(uint32_t slot)
{
	struct call_notice notice = {0};
	for (uint32_t i = 0; i < f.record_count; i++)
		if (f.record[i].type == CALLED && f.record[i].slot == slot && f.record[i].code == CALL_NOTICE)
			assert_int_equal(call_notice_decode(&notice, f.record[i].body, f.record[i].bytes), MMS_OK);
	return notice.what;
}

static inline void answer_with(uint32_t slot, uint8_t kind, uint8_t status, uint64_t tag)
{
	const struct answer_in in = {slot, kind, status, tag, f.room[slot]};
	server_answered(&f.server, &in, moment_of_test());
	ask_soon();
}

static inline void answer(uint32_t slot, uint8_t kind, uint64_t tag)
{
	f.room[slot] += f.room[slot] < CALL_WINDOW;
	answer_with(slot, kind, STATUS_OK, tag);
}

#endif

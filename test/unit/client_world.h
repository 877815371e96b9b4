// SPDX-License-Identifier: ISC
// For the tests of msg/client: a client over a store in memory, with a transport and an owner that write down what they
// are told.
#ifndef MMS_TEST_CLIENT_WORLD_H
#define MMS_TEST_CLIENT_WORLD_H

#include "mem_client.h"

#include "msg/client.h"

enum { RECORDS = 2000 };
enum record_type { ANSWERED = 1, CALLED, PREFERRED, REDIALED, STOPPED, TOLD };

struct record {
	enum record_type type;
	uint32_t slot;
	uint32_t number;
	uint8_t code; // a status, a kind, or what was told
	uint64_t tag;
	size_t bytes;
	uint8_t body[CALL_BODY_BYTES_MAX];
	struct client_told told;
	uint32_t commit_count; // of the store by then
};

static struct fixture {
	struct client client;
	struct mem_client mem;
	struct record record[RECORDS];
	uint32_t record_count;
	uint32_t room; // of the window
	struct mtime now;
} f;

static inline struct record *add_record(enum record_type type, uint32_t slot)
{
	assert_true(f.record_count < RECORDS);
	f.record[f.record_count] = (struct record){.type = type, .slot = slot, .commit_count = f.mem.commit_count};
	return &f.record[f.record_count++];
}

static inline void port_answer(void *context, uint32_t slot, uint32_t number, uint8_t status)
{
	(void)context;
	struct record *record = add_record(ANSWERED, slot);
	record->number = number;
	record->code = status;
}

static inline enum mms_err port_call(void *context, uint32_t slot, uint8_t kind, const void *body, size_t bytes,
				      uint64_t tag)
{
	(void)context;
	if (f.room == 0)
		return MMS_E_FULL;
	f.room--;
	struct record *record = add_record(CALLED, slot);
	record->code = kind;
	record->tag = tag;
	record->bytes = bytes;
	if (bytes > 0)
		memcpy(record->body, body, bytes);
	return MMS_OK;
}

static inline void port_prefer(void *context, uint32_t slot)
{
	(void)context;
	add_record(PREFERRED, slot);
}

static inline void port_redial(void *context)
{
	(void)context;
	add_record(REDIALED, 0);
}

static inline void port_stop(void *context)
{
	(void)context;
	add_record(STOPPED, 0);
}

static const uint8_t *port_handshake_hash(void *context, uint32_t slot)
{
	static const uint8_t hash[CLIENT_SLOTS][NOISE_HASH_BYTES] = {{0x5a}, {0x5b}};
	(void)context;
	return hash[slot];
}

static inline void port_told(void *context, const struct client_told *told)
{
	(void)context;
	struct record *record = add_record(TOLD, 0);
	record->code = (uint8_t)told->type;
	record->told = *told;
}

static inline uint32_t count(enum record_type type, uint8_t code, struct record **last)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < f.record_count; i++)
		if (f.record[i].type == type && f.record[i].code == code) {
			found++;
			if (last != NULL)
				*last = &f.record[i];
		}
	return found;
}

// What names the newest request for a page of users.
static inline uint64_t asked(void)
{
	struct record *record = NULL;
	return count(CALLED, CALL_WHO, &record) == 0 ? 0 : record->tag;
}

// The store does what it was ordered, as often as it takes. False: there was nothing to do.
static inline bool store_one(void)
{
	static struct client_appended appended;
	const struct client_batch *batch = client_append(&f.client);
	if (batch != NULL) {
		mem_client_append(&f.mem, batch, &appended);
		client_appended(&f.client, &appended, f.now);
		return true;
	}
	const struct client_question *question = client_ask(&f.client);
	if (question == NULL)
		return false;
	client_learned(&f.client, mem_client_answer(&f.mem, question), f.now);
	return true;
}

static inline void store(void)
{
	while (store_one())
		;
}

// Reads what is asked for, and appends nothing.
static inline void learn(void)
{
	const struct client_question *question;
	while ((question = client_ask(&f.client)) != NULL)
		client_learned(&f.client, mem_client_answer(&f.mem, question), f.now);
}

static inline void up(uint32_t slot)
{
	client_up(&f.client, slot);
	learn();
}

static inline void begin_with(bool has_invite)
{
	const struct client_port port = {NULL,      port_answer,         port_call, port_prefer, port_redial,
					 port_stop, port_handshake_hash, port_told};
	struct client_config config = {.name = name_of("fred"), .is_receiving = true, .has_invite = has_invite};
	memset(&f, 0, sizeof f);
	memset(config.invite_hash, 0x77, sizeof config.invite_hash);
	f.room = 10000;
	f.now = at_ms(1000000);
	client_init(&f.client, &port);
	client_start(&f.client, &config);
	client_set_submitting(&f.client, true, f.now);
}

static inline void answer_call(uint32_t slot, uint8_t kind, uint8_t status, const uint8_t *body, size_t bytes,
			       uint64_t tag)
{
	client_answered(&f.client, slot, kind, status, body, bytes, tag, f.now);
	learn();
}

static inline void grant(uint32_t slot, const struct call_signin_ok *ok)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	answer_call(slot, CALL_SIGNIN, STATUS_OK, body, call_signin_ok_encode(ok, body), 0);
	store();
}

static inline void come_in(uint32_t slot, uint32_t waiting_count)
{
	const struct call_signin_ok ok = {.name = name_of("Fred"), .waiting_count = waiting_count, .mark = {{1}, 5}};
	up(slot);
	grant(slot, &ok);
}

static inline void accept(uint32_t slot, uint64_t seq, bool was_online, uint64_t commit)
{
	const struct call_accepted accepted = {was_online, {{1}, commit}};
	uint8_t body[CALL_BODY_BYTES_MAX];
	answer_call(slot, CALL_SUBMIT, STATUS_ACCEPTED, body, call_accepted_encode(&accepted, body), seq);
}

static inline struct call_deliver delivery_of(struct uuid id, struct name sender, const char *text, size_t text_bytes)
{
	return (struct call_deliver){
		.id = id,
		.accepted_at = WALL,
		.kind = MESSAGE_WRITTEN,
		.form = MESSAGE_UTF8,
		.sender = sender,
		.text = (const uint8_t *)text,
		.text_bytes = text_bytes,
	};
}

static inline void deliver(uint32_t slot, uint32_t number, uint32_t id)
{
	const struct call_deliver delivery = delivery_of(id_of(id), name_of("Tim"), "a", 1);
	uint8_t body[CALL_BODY_BYTES_MAX];
	client_called(&f.client, slot, number, CALL_DELIVER, body, call_deliver_encode(&delivery, body));
}

static inline void notice(uint32_t slot, uint32_t number, enum notice_what what, uint32_t id)
{
	const struct call_notice given = {what, id_of(id), 3};
	uint8_t body[CALL_BODY_BYTES_MAX];
	client_called(&f.client, slot, number, CALL_NOTICE, body, call_notice_encode(&given, body));
}

static inline void queue_many(uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++) {
		const struct uuid id = id_of(i);
		mem_queue(&f.mem, &id, "Tim", "a");
	}
}

#endif

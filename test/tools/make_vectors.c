// SPDX-License-Identifier: ISC
// Prints doc/vectors.json: a whole conversation between the real listener and the real dialer, with every secret fixed
// (doc/protocol.md section 13). `make vectors` writes the file; test/spec/spec_check.py decodes it with other code.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "msg/call.h"
#include "proto/dialer.h"
#include "proto/listener.h"
#include "vectors_calls.h"
#include "vectors_print.h"

static struct listener listener;
static struct dialer dialer;
static struct mtime now = {1000000};
static uint32_t server_slot;
static size_t padding_bytes; // PADDING that it gets, which the program never sends itself
static uint8_t latest_secret[NOISE_KEY_BYTES]; // what was last drawn with the size of a key
static struct addr device_addr = {.ip = {192, 0, 2, 7}, .port = 50000, .family = ADDR_IPV4};
static const struct addr server_addr = {.ip = {192, 0, 2, 1}, .port = 1060, .family = ADDR_IPV4};

// The stream of "random" bytes: BLAKE2b-256 of a counter in 8 big-endian bytes, from 0 on.
static void fill(void *context, void *target, size_t bytes)
{
	static uint64_t counter;
	uint8_t *at = target;
	(void)context;
	for (size_t done = 0; done < bytes;) {
		uint8_t block[8];
		uint8_t hash[32];
		struct writer writer = writer_of(block, sizeof block);
		const bool fits = write_u64(&writer, counter++);
		assert(fits);
		hash_bytes_256(block, sizeof block, hash);
		const size_t part = bytes - done < sizeof hash ? bytes - done : sizeof hash;
		memcpy(at + done, hash, part);
		done += part;
	}
	if (bytes == NOISE_KEY_BYTES)
		memcpy(latest_secret, target, NOISE_KEY_BYTES);
}

static struct name name_of(const char *text)
{
	struct name name;
	const bool is_name = name_parse(&name, text, strlen(text));
	assert(is_name);
	return name;
}

static struct message_to to_of(const char *text)
{
	struct message_to to;
	const bool is_good = message_to_parse(&to, text, strlen(text));
	assert(is_good);
	return to;
}

static const struct session *device_session(void)
{
	return &dialer.slot[0].session;
}

// The device's datagram outside a session and the server's immediate answer to it.
static void ask(const char *device_name, const char *server_name)
{
	struct session_out out;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const bool is_due = dialer_send(&dialer, now, &out);
	assert(is_due);
	print_datagram(device_name, "device", out.datagram[0], out.bytes, NULL);
	const size_t bytes = listener_recv(&listener, &device_addr, out.datagram[0], out.bytes, now, reply);
	assert(bytes > 0);
	print_datagram(server_name, "server", reply, bytes, NULL);
	dialer_recv(&dialer, &server_addr, reply, bytes, now);
}

// The same DATA with PADDING at its end, sealed anew.
static void pad(struct session_out *out)
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX] = {0};
	uint32_t index;
	uint64_t counter;
	uint8_t *sealed = out->datagram[0] + WIRE_DATA_HEADER_BYTES;
	const uint8_t *key = device_session()->keys.send_key;
	const size_t plain_bytes = out->bytes - WIRE_DATA_HEADER_BYTES - NOISE_TAG_BYTES;
	enum mms_err err = wire_data_decode(out->datagram[0], out->bytes, &index, &counter);
	assert(err == MMS_OK);
	err = noise_open(key, counter, out->datagram[0], WIRE_DATA_HEADER_BYTES, sealed, out->bytes - WIRE_DATA_HEADER_BYTES,
			 plain);
	assert(err == MMS_OK);
	memset(plain + plain_bytes + 1, 0xff, padding_bytes - 1); // behind its type anything may stand
	noise_seal(key, counter, out->datagram[0], WIRE_DATA_HEADER_BYTES, plain, plain_bytes + padding_bytes, sealed);
	out->bytes += padding_bytes;
	padding_bytes = 0;
}

// Everything the device has to send in its session.
static void device_sends(const char *name)
{
	struct session_out out;
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	while (dialer_send(&dialer, now, &out)) {
		assert(out.count == 1);
		if (padding_bytes > 0)
			pad(&out);
		print_datagram(name, "device", out.datagram[0], out.bytes, device_session()->keys.send_key);
		if (is_next_lost) {
			is_next_lost = false;
			continue;
		}
		const size_t bytes = listener_recv(&listener, &device_addr, out.datagram[0], out.bytes, now, reply);
		assert(bytes == 0);
	}
}

// Everything the server has to send in the session.
static void server_sends(const char *name)
{
	struct session_out out;
	while (listener_send(&listener, now, &out)) {
		assert(out.count == 1);
		print_datagram(name, "server", out.datagram[0], out.bytes, device_session()->keys.recv_key);
		dialer_recv(&dialer, &server_addr, out.datagram[0], out.bytes, now);
	}
}

static struct listener_event server_event(void)
{
	struct listener_event event;
	const bool is_there = listener_poll(&listener, now, &event);
	assert(is_there);
	return event;
}

static struct dialer_event device_event(enum dialer_event_type type)
{
	struct dialer_event event;
	const bool is_there = dialer_poll(&dialer, now, &event);
	assert(is_there && event.type == type);
	return event;
}

static void device_opens(uint8_t kind, const void *body, size_t bytes)
{
	const enum mms_err err = dialer_call(&dialer, 0, kind, body, bytes, 0);
	assert(err == MMS_OK);
}

static void device_submits(const char *recipient, const char *random, const char *text, size_t bytes)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const struct call_submit submit = {uuid_v7((struct wtime){1795345260000}, (const uint8_t *)random), MESSAGE_WRITTEN,
					   MESSAGE_UTF8, to_of(recipient), (const uint8_t *)text, bytes};
	device_opens(CALL_SUBMIT, body, call_submit_encode(&submit, body));
}

// Starts the device's next call and answers it; the answer waits for server_sends.
static void server_answers(uint8_t status, const uint8_t *answer, size_t bytes)
{
	const struct listener_event event = server_event();
	assert(event.type == LISTENER_CALL);
	listener_answer(&listener, server_slot, event.call.number, status, answer, bytes, now);
}

static void device_is_answered(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		device_event(DIALER_ANSWER);
}

// One call of the device and the server's answer to it.
static void device_calls(const char *call_name, const char *answer_name, uint8_t kind, const uint8_t *body, size_t bytes,
			 uint8_t status, const uint8_t *answer, size_t answer_bytes)
{
	const enum mms_err err = dialer_call(&dialer, 0, kind, body, bytes, 0);
	assert(err == MMS_OK);
	device_sends(call_name);
	const struct listener_event event = server_event();
	assert(event.type == LISTENER_CALL && event.call.kind == kind);
	server_slot = event.slot;
	listener_answer(&listener, server_slot, event.call.number, status, answer, answer_bytes, now);
	if (kind == CALL_SIGNIN)
		listener_signed_in(&listener, server_slot, 1);
	server_sends(answer_name);
	device_event(DIALER_ANSWER);
}

static void server_opens(const struct call_notice *notice)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	const enum mms_err err =
		listener_call(&listener, server_slot, CALL_NOTICE, body, call_notice_encode(notice, body), 0);
	assert(err == MMS_OK);
}

// The device answers `count` calls alike.
static void device_answers(const char *name, uint32_t count, uint8_t status)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct dialer_event event = device_event(DIALER_CALL);
		dialer_answer(&dialer, 0, event.call.number, status, NULL, 0, now);
	}
	device_sends(name);
	for (uint32_t i = 0; i < count; i++)
		server_event();
}

static void server_calls(const char *call_name, const char *answer_name, uint8_t kind, const uint8_t *body, size_t bytes)
{
	const enum mms_err err = listener_call(&listener, server_slot, kind, body, bytes, 0);
	assert(err == MMS_OK);
	server_sends(call_name);
	const struct dialer_event event = device_event(DIALER_CALL);
	dialer_answer(&dialer, 0, event.call.number, STATUS_OK, NULL, 0, now);
	device_sends(answer_name);
	server_event();
}

// A DATA whose index names no session, as after a restart of the server; what it holds does not matter.
static void data_for_no_session(void)
{
	uint8_t datagram[WIRE_DATA_BYTES_MIN];
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	memset(datagram, 0xee, sizeof datagram);
	wire_data_encode(0x01020304, 9, datagram);
	print_datagram("DATA for no session", "device", datagram, sizeof datagram, NULL);
	const size_t bytes = listener_recv(&listener, &device_addr, datagram, sizeof datagram, now, reply);
	assert(bytes == WIRE_UNKNOWN_BYTES);
	print_datagram("UNKNOWN", "server", reply, bytes, NULL);
}

// Several frames a datagram, each refusal of SUBMIT, equal answers merged.
static void refuse_submissions(const struct storage_mark *mark)
{
	uint8_t answer[CALL_BODY_BYTES_MAX];
	device_submits("francoc", "abcdefghij", "another text", 12); // the id of the message before
	device_submits("francoc", "bcdefghijk", "\xff", 1);
	device_submits("nobody", "cdefghijkl", "hello", 5);
	device_submits("Tim", "defghijklm", "hello", 5);
	device_submits("Tim", "efghijklmn", "hello", 5);
	device_sends("five SUBMITs");
	server_answers(STATUS_BAD, NULL, 0);
	server_answers(STATUS_BAD_TEXT, NULL, 0);
	server_answers(STATUS_NO_SUCH_USER, NULL, 0);
	server_answers(STATUS_MAILBOX_FULL, NULL, 0);
	server_answers(STATUS_SERVER_FULL, NULL, 0);
	server_sends("five refusals");
	device_is_answered(5);

	const size_t bytes =
		call_accepted_encode(&(struct call_accepted){.was_online = false, .mark = *mark}, answer);
	device_submits("francoc", "fghijklmno", "one", 3);
	device_submits("francoc", "ghijklmnop", "two", 3);
	device_sends("two SUBMITs");
	server_answers(STATUS_ACCEPTED, answer, bytes);
	server_answers(STATUS_ACCEPTED, answer, bytes);
	server_sends("one ANSWER for both");
	device_is_answered(2);
}

// A call that is lost, one that overtakes it and is marked, and the repetition; calls that are malformed.
static void lose_and_spoil(void)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	device_opens(CALL_PING, NULL, 0);
	is_next_lost = true;
	device_sends("PING, lost on its way");
	device_opens(CALL_WHO, "x", 1);
	device_sends("malformed WHO");
	now = mtime_add_us(now, SESSION_MARK_DELAY_US);
	listener_tick(&listener, now);
	server_sends("MARKS");
	device_sends("the lost PING again");
	server_answers(STATUS_OK, NULL, 0);
	server_answers(STATUS_BAD, NULL, 0);
	server_sends("PING OK and WHO BAD");
	device_is_answered(2);

	const struct call_signin again = {.is_receiving = true, .name = name_of("FRED")};
	device_opens(CALL_PING, "x", 1);
	device_opens(CALL_SIGNOUT, "x", 1);
	device_opens(CALL_SIGNIN, body, call_signin_encode(&again, body));
	device_opens(CALL_PING, NULL, 0);
	padding_bytes = 24;
	device_sends("malformed PING and SIGNOUT, a second SIGNIN, PING and PADDING");
	server_answers(STATUS_BAD, NULL, 0);
	server_answers(STATUS_BAD, NULL, 0);
	server_answers(STATUS_BAD, NULL, 0);
	server_answers(STATUS_OK, NULL, 0);
	server_sends("one BAD for three, and OK");
	device_is_answered(4);

	const struct call_deliver deliver = {
		.id = uuid_v7((struct wtime){1795345200000}, (const uint8_t *)"hijklmnopq"),
		.accepted_at = {1795345200456},
		.kind = MESSAGE_WRITTEN,
		.form = MESSAGE_UTF8,
		.sender = name_of("libero"),
		.text = (const uint8_t *)"\xff",
		.text_bytes = 1,
	};
	const enum mms_err err =
		listener_call(&listener, server_slot, CALL_DELIVER, body, call_deliver_encode(&deliver, body), 0);
	assert(err == MMS_OK);
	server_opens(&(struct call_notice){.what = (enum notice_what)200});
	server_sends("malformed DELIVER and NOTICE of another kind");
	device_answers("BAD for both", 2, STATUS_BAD);
	server_opens(&(struct call_notice){.what = NOTICE_SHUTDOWN});
	server_opens(&(struct call_notice){.what = NOTICE_REPLACED});
	server_opens(&(struct call_notice){.what = NOTICE_REMOVED});
	server_sends("NOTICE SHUTDOWN, REPLACED, REMOVED");
	device_answers("OK for all three", 3, STATUS_OK);
}

// What ends a session where it begins: the ANSWERs that refuse SIGNIN.
static void print_refusals(void)
{
	static const struct {
		const char *name;
		uint8_t status;
	} refusals[] = {{"SIGNIN NOT_AUTHORIZED", STATUS_NOT_AUTHORIZED}, {"SIGNIN SERVER_FULL", STATUS_SERVER_FULL}};
	printf("\"frames\": [");
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		uint8_t frame[WIRE_ANSWER_HEADER_BYTES];
		struct writer writer = writer_of(frame, sizeof frame);
		const bool fits = wire_answer_write(&writer, 1, 1, refusals[i].status, NULL, 0);
		assert(fits);
		printf("%s\n    {\"name\": \"%s\", \"from\": \"server\", \"answers\": \"SIGNIN\", ", i == 0 ? "" : ",",
		       refusals[i].name);
		print_hex("frame", frame, writer.used_bytes, "}");
	}
	print_calls();
	printf("\n  ],\n  ");
}

static void converse(void)
{
	uint8_t body[CALL_BODY_BYTES_MAX];
	uint8_t answer[CALL_BODY_BYTES_MAX];
	struct storage_mark mark = {.commit = 7};
	memset(mark.start_id, 0xa5, sizeof mark.start_id);
	struct call_signin signin = {.is_receiving = true, .has_proof = true, .wants_delivered = true, .name = name_of("FRED")};
	uint8_t invite_hash[INVITE_HASH_BYTES];
	hash_invite_code("AAECAwQFBgcICQoLDA0ODw", 22, invite_hash);
	hash_invite_proof(invite_hash, dialer_handshake_hash(&dialer, 0), INVITE_DEVICE, signin.proof);
	struct call_signin_ok ok = {.has_proof = true, .mark = mark, .waiting_count = 2, .name = name_of("fred")};
	hash_invite_proof(invite_hash, dialer_handshake_hash(&dialer, 0), INVITE_SERVER, ok.proof);
	device_calls("SIGNIN", "SIGNIN OK", CALL_SIGNIN, body, call_signin_encode(&signin, body), STATUS_OK, answer,
		     call_signin_ok_encode(&ok, answer));
	dialer_prefer(&dialer, 0, now);

	struct call_deliver deliver = {
		.id = uuid_v7((struct wtime){1795345200000}, (const uint8_t *)"0123456789"),
		.accepted_at = {1795345200123},
		.kind = MESSAGE_WRITTEN,
		.form = MESSAGE_UTF8,
		.sender = name_of("libero"),
		.text = (const uint8_t *)"you here?",
		.text_bytes = 9,
	};
	server_calls("DELIVER", "DELIVER OK", CALL_DELIVER, body, call_deliver_encode(&deliver, body));
	deliver.id = uuid_v7((struct wtime){1795345200000}, (const uint8_t *)"1234567890");
	deliver.room_id = (struct room_id){{1, 2, 3, 4, 5, 6, 7, 8}};
	deliver.room_row = 1900;
	deliver.conversation = (struct message_to){name_of("ops"), true};
	server_calls("DELIVER of a room", "DELIVER OK again", CALL_DELIVER, body, call_deliver_encode(&deliver, body));

	const struct call_submit submit = {uuid_v7((struct wtime){1795345260000}, (const uint8_t *)"abcdefghij"),
					   MESSAGE_WRITTEN, MESSAGE_UTF8, to_of("francoc"), (const uint8_t *)"hi franco", 9};
	mark.commit = 8;
	const struct call_accepted accepted = {.was_online = true, .mark = mark};
	device_calls("SUBMIT", "ACCEPTED", CALL_SUBMIT, body, call_submit_encode(&submit, body), STATUS_ACCEPTED, answer,
		     call_accepted_encode(&accepted, answer));

	struct writer page = writer_of(answer, sizeof answer);
	const struct name first = name_of("fred");
	const struct name second = name_of("libero");
	call_who_page_begin(&page, 1, 2, 0);
	const bool fits = call_who_page_add(&page, &first, true) && call_who_page_add(&page, &second, false);
	assert(fits);
	device_calls("WHO", "WHO OK", CALL_WHO, body, call_who_encode(&(struct call_who){0, 0}, body), STATUS_OK, answer,
		     call_who_page_end(&page, 2));

	struct call_notice gap = {.what = NOTICE_GAP, .count = 3};
	memset(gap.id.bytes, 0x5a, sizeof gap.id.bytes);
	server_calls("NOTICE GAP", "NOTICE OK", CALL_NOTICE, body, call_notice_encode(&gap, body));

	refuse_submissions(&mark);
	lose_and_spoil();

	// The device comes from another port: the server challenges the new path with its next datagram.
	device_addr.port = 50001;
	device_calls("PING from another port", "PING OK and PATH_CHALLENGE", CALL_PING, NULL, 0, STATUS_OK, NULL, 0);
	device_sends("PATH_RESPONSE");
	assert(path_is_proved(&listener.slot[server_slot].session.path));
	device_calls("SIGNOUT", "SIGNOUT OK", CALL_SIGNOUT, NULL, 0, STATUS_OK, NULL, 0);
	data_for_no_session();
}

int main(void)
{
	const struct rng rng = {fill, NULL};
	struct listener_config config = listener_config_default();
	struct keypair server;
	struct keypair device;
	uint8_t secret[NOISE_KEY_BYTES];
	if (crypto_init() != MMS_OK)
		return EXIT_FAILURE;
	memset(secret, 0x11, sizeof secret);
	keypair_derive(&server, secret);
	memset(secret, 0x22, sizeof secret);
	keypair_derive(&device, secret);
	config.sessions_max = 4;
	config.half_open_max = 4;
	config.prefixes_max = 8;
	config.blocks_small_max = 1024; // a user holds a sixteenth of them at most
	config.blocks_large_max = 1024;
	config.limits.blind = (struct bucket_rate){1, 1};
	void *listener_memory = calloc(1, listener_memory_bytes(&config));
	void *dialer_memory = calloc(1, dialer_memory_bytes());
	if (listener_memory == NULL || dialer_memory == NULL)
		return EXIT_FAILURE;
	listener_init(&listener, &config, listener_memory, &server, &rng, now);
	dialer_init(&dialer, &server_addr, 1, dialer_memory, &rng, now);

	printf("{\n  \"protocol\": \"MMS\", \"version\": %d, \"invite_code\": \"AAECAwQFBgcICQoLDA0ODw\",\n  ", WIRE_VERSION);
	print_hex("server_secret", server.static_secret, NOISE_KEY_BYTES, ",\n  ");
	print_hex("server_public", server.public_key, NOISE_KEY_BYTES, ",\n  ");
	print_hex("device_secret", device.static_secret, NOISE_KEY_BYTES, ",\n  ");
	print_hex("device_public", device.public_key, NOISE_KEY_BYTES, ",\n  ");
	printf("\"datagrams\": [");
	dialer_ask(&dialer, now);
	ask("HELLO", "SERVERINFO");
	device_event(DIALER_SERVER_KEY);

	// Another INIT from the same address has used up the budget, so that a RETRY comes first.
	uint8_t other[WIRE_INIT_BYTES] = {WIRE_INIT, WIRE_VERSION};
	uint8_t reply[WIRE_DATAGRAM_BYTES_MAX];
	const size_t reply_bytes = listener_recv(&listener, &device_addr, other, sizeof other, now, reply);
	assert(reply_bytes == 0);
	dialer_dial(&dialer, &device, server.public_key, now);
	uint8_t device_ephemeral[NOISE_KEY_BYTES];
	memcpy(device_ephemeral, dialer.noise.e.static_secret, NOISE_KEY_BYTES);
	ask("INIT", "RETRY");
	ask("INIT with cookie", "ACCEPT");
	uint8_t server_ephemeral[NOISE_KEY_BYTES];
	memcpy(server_ephemeral, latest_secret, NOISE_KEY_BYTES);
	device_event(DIALER_SESSION_UP);
	converse();
	printf("\n  ],\n  ");
	print_refusals();
	print_hex("device_ephemeral_secret", device_ephemeral, NOISE_KEY_BYTES, ",\n  ");
	print_hex("server_ephemeral_secret", server_ephemeral, NOISE_KEY_BYTES, ",\n  ");
	print_hex("handshake_hash", dialer_handshake_hash(&dialer, 0), NOISE_HASH_BYTES, ",\n  ");
	print_hex("device_to_server_key", device_session()->keys.send_key, NOISE_KEY_BYTES, ",\n  ");
	print_hex("server_to_device_key", device_session()->keys.recv_key, NOISE_KEY_BYTES, "\n}\n");
	free(listener_memory);
	free(dialer_memory);
	return EXIT_SUCCESS;
}

// SPDX-License-Identifier: ISC
// crypto/noise: the published vectors of flynn/noise, both sides of each; refusals that leave the handshake as it was.
// The vectors come from Debian's golang-github-flynn-noise-dev; MMS_NOISE_VECTORS names another copy of the file.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/crypto.h"
#include "crypto/hash.h"
#include "crypto/noise.h"

enum { LINE_BYTES = 4096, FIELD_BYTES = 512, MESSAGES_MAX = 16, VECTOR_COUNT = 4 };

struct field {
	uint8_t bytes[FIELD_BYTES];
	size_t size_bytes;
};

struct vector {
	struct field init_static;
	struct field resp_static;
	struct field init_ephemeral;
	struct field resp_ephemeral;
	struct field prologue;
	struct field payload[MESSAGES_MAX];
	struct field ciphertext[MESSAGES_MAX];
	unsigned message_count;
};

// A handshake between two fixed parties, as far as a test has taken it.
struct parties {
	struct noise_ik initiator;
	struct noise_ik responder;
	uint8_t message_1[NOISE_IK_1_BYTES + 2];
	uint8_t message_2[NOISE_IK_2_BYTES + 2];
};

static void from_hex(const char *hex, struct field *field)
{
	field->size_bytes = strlen(hex) / 2;
	assert_true(field->size_bytes <= sizeof field->bytes);
	for (size_t i = 0; i < field->size_bytes; i++) {
		unsigned value;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
		field->bytes[i] = (uint8_t)value;
	}
}

static void count_up(uint8_t bytes[NOISE_KEY_BYTES], uint8_t first)
{
	for (unsigned i = 0; i < NOISE_KEY_BYTES; i++)
		bytes[i] = (uint8_t)(first + i);
}

// --- the published vectors ---

static void take_line(struct vector *vector, const char *key, const char *value)
{
	unsigned index;
	char kind[16];
	if (strcmp(key, "init_static") == 0)
		from_hex(value, &vector->init_static);
	else if (strcmp(key, "resp_static") == 0)
		from_hex(value, &vector->resp_static);
	else if (strcmp(key, "gen_init_ephemeral") == 0)
		from_hex(value, &vector->init_ephemeral);
	else if (strcmp(key, "gen_resp_ephemeral") == 0)
		from_hex(value, &vector->resp_ephemeral);
	else if (strcmp(key, "prologue") == 0)
		from_hex(value, &vector->prologue);
	else if (sscanf(key, "msg_%u_%15s", &index, kind) == 2 && index < MESSAGES_MAX) {
		const bool is_payload = strcmp(kind, "payload") == 0;
		assert_true(is_payload || strcmp(kind, "ciphertext") == 0);
		from_hex(value, is_payload ? &vector->payload[index] : &vector->ciphertext[index]);
		vector->message_count = index + 1;
	} else
		fail_msg("the vectors have a line this test does not know: %s", key);
}

static void check_handshake(const struct vector *vector, struct noise_keys *initiator_keys,
			    struct noise_keys *responder_keys)
{
	struct keypair init_static;
	struct keypair resp_static;
	struct noise_ik initiator;
	struct noise_ik responder;
	uint8_t message[FIELD_BYTES];
	uint8_t payload[FIELD_BYTES];
	keypair_derive(&init_static, vector->init_static.bytes);
	keypair_derive(&resp_static, vector->resp_static.bytes);
	noise_ik_init_initiator(&initiator, vector->prologue.bytes, vector->prologue.size_bytes, &init_static,
				resp_static.public_key);
	noise_ik_init_responder(&responder, vector->prologue.bytes, vector->prologue.size_bytes, &resp_static);

	const struct field *plain = &vector->payload[0];
	const struct field *sealed = &vector->ciphertext[0];
	assert_int_equal(sealed->size_bytes, NOISE_IK_1_BYTES + plain->size_bytes);
	assert_int_equal(noise_ik_create_1(&initiator, vector->init_ephemeral.bytes, plain->bytes, plain->size_bytes,
					   message), MMS_OK);
	assert_memory_equal(message, sealed->bytes, sealed->size_bytes);
	assert_int_equal(noise_ik_consume_1(&responder, sealed->bytes, sealed->size_bytes, payload), MMS_OK);
	assert_memory_equal(payload, plain->bytes, plain->size_bytes);
	assert_memory_equal(responder.rs, init_static.public_key, NOISE_KEY_BYTES);

	plain = &vector->payload[1];
	sealed = &vector->ciphertext[1];
	assert_int_equal(sealed->size_bytes, NOISE_IK_2_BYTES + plain->size_bytes);
	assert_int_equal(noise_ik_create_2(&responder, vector->resp_ephemeral.bytes, plain->bytes, plain->size_bytes,
					   message), MMS_OK);
	assert_memory_equal(message, sealed->bytes, sealed->size_bytes);
	assert_int_equal(noise_ik_consume_2(&initiator, sealed->bytes, sealed->size_bytes, payload), MMS_OK);
	assert_memory_equal(payload, plain->bytes, plain->size_bytes);

	assert_memory_equal(initiator.h, responder.h, NOISE_HASH_BYTES);
	noise_ik_split(&initiator, initiator_keys);
	noise_ik_split(&responder, responder_keys);
}

static void check_vector(const struct vector *vector)
{
	struct noise_keys keys[2]; // the initiator's, the responder's
	uint8_t sealed[FIELD_BYTES];
	uint8_t plain[FIELD_BYTES];
	assert_true(vector->message_count >= 4); // else one direction would go unchecked
	check_handshake(vector, &keys[0], &keys[1]);
	for (unsigned i = 2; i < vector->message_count; i++) {
		const struct noise_keys *sender = &keys[i % 2];
		const struct noise_keys *receiver = &keys[1 - i % 2];
		const struct field *payload = &vector->payload[i];
		const struct field *ciphertext = &vector->ciphertext[i];
		const uint64_t counter = (i - 2) / 2; // each direction counts for itself
		noise_seal(sender->send_key, counter, NULL, 0, payload->bytes, payload->size_bytes, sealed);
		assert_int_equal(ciphertext->size_bytes, payload->size_bytes + NOISE_TAG_BYTES);
		assert_memory_equal(sealed, ciphertext->bytes, ciphertext->size_bytes);
		assert_int_equal(noise_open(receiver->recv_key, counter, NULL, 0, ciphertext->bytes,
					    ciphertext->size_bytes, plain), MMS_OK);
		assert_memory_equal(plain, payload->bytes, payload->size_bytes);
	}
}

static void matches_published_vectors(void **state)
{
	(void)state;
	const char *path = getenv("MMS_NOISE_VECTORS");
	if (path == NULL)
		path = "/usr/share/gocode/src/github.com/flynn/noise/vectors.txt";
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot read %s: install the package golang-github-flynn-noise-dev, or set MMS_NOISE_VECTORS",
			 path);
	char line[LINE_BYTES];
	struct vector vector = {.message_count = 0};
	bool is_ours = false;
	unsigned checked_count = 0;
	for (;;) {
		const bool has_line = fgets(line, sizeof line, file) != NULL;
		char *value = has_line ? strchr(line, '=') : NULL;
		if (value == NULL) { // a blank line or the end of the file closes a vector
			if (is_ours) {
				check_vector(&vector);
				checked_count++;
			}
			is_ours = false;
			if (!has_line)
				break;
			continue;
		}
		*value++ = 0;
		value[strcspn(value, "\r\n")] = 0;
		if (strcmp(line, "handshake") == 0) {
			is_ours = strcmp(value, "Noise_IK_25519_ChaChaPoly_BLAKE2b") == 0;
			vector = (struct vector){.message_count = 0};
		} else if (is_ours)
			take_line(&vector, line, value);
	}
	fclose(file);
	assert_int_equal(checked_count, VECTOR_COUNT);
}

// --- refusals ---

// Both parties before the first message, and, when `is_begun`, after it; both messages are made either way.
static void meet(struct parties *parties, bool is_begun)
{
	uint8_t secret[NOISE_KEY_BYTES];
	uint8_t payload[2];
	struct keypair init_static;
	struct keypair resp_static;
	count_up(secret, 0x00);
	keypair_derive(&init_static, secret);
	count_up(secret, 0x01);
	keypair_derive(&resp_static, secret);
	noise_ik_init_initiator(&parties->initiator, "MMS", 3, &init_static, resp_static.public_key);
	noise_ik_init_responder(&parties->responder, "MMS", 3, &resp_static);

	const struct noise_ik fresh_initiator = parties->initiator;
	const struct noise_ik fresh_responder = parties->responder;
	count_up(secret, 0x20);
	assert_int_equal(noise_ik_create_1(&parties->initiator, secret, "hi", 2, parties->message_1), MMS_OK);
	assert_int_equal(noise_ik_consume_1(&parties->responder, parties->message_1, sizeof parties->message_1,
					    payload), MMS_OK);
	assert_memory_equal(payload, "hi", 2);
	struct noise_ik answering = parties->responder;
	count_up(secret, 0x41);
	assert_int_equal(noise_ik_create_2(&answering, secret, "yo", 2, parties->message_2), MMS_OK);
	if (!is_begun) {
		parties->initiator = fresh_initiator;
		parties->responder = fresh_responder;
	}
}

static void refuses_every_changed_bit(void **state)
{
	(void)state;
	struct parties parties;
	uint8_t payload[2];
	meet(&parties, false);
	const struct noise_ik responder_before = parties.responder;
	for (unsigned bit = 0; bit < 8 * sizeof parties.message_1; bit++) {
		// X25519 ignores the highest bit of a point: that change is caught by the hash of e alone.
		parties.message_1[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(noise_ik_consume_1(&parties.responder, parties.message_1, sizeof parties.message_1,
						    payload), MMS_E_AUTH);
		assert_memory_equal(&parties.responder, &responder_before, sizeof responder_before);
		parties.message_1[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(noise_ik_consume_1(&parties.responder, parties.message_1, sizeof parties.message_1, payload),
			 MMS_OK);

	meet(&parties, true);
	const struct noise_ik initiator_before = parties.initiator;
	for (unsigned bit = 0; bit < 8 * sizeof parties.message_2; bit++) {
		parties.message_2[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(noise_ik_consume_2(&parties.initiator, parties.message_2, sizeof parties.message_2,
						    payload), MMS_E_AUTH);
		assert_memory_equal(&parties.initiator, &initiator_before, sizeof initiator_before);
		parties.message_2[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(noise_ik_consume_2(&parties.initiator, parties.message_2, sizeof parties.message_2, payload),
			 MMS_OK);
	assert_memory_equal(payload, "yo", 2);
}

static void refuses_every_truncation(void **state)
{
	(void)state;
	struct parties parties;
	uint8_t payload[2];
	meet(&parties, false);
	const struct noise_ik responder_before = parties.responder;
	for (size_t bytes = 0; bytes < sizeof parties.message_1; bytes++) {
		assert_int_equal(noise_ik_consume_1(&parties.responder, parties.message_1, bytes, payload),
				 bytes < NOISE_IK_1_BYTES ? MMS_E_BAD : MMS_E_AUTH);
		assert_memory_equal(&parties.responder, &responder_before, sizeof responder_before);
	}
	meet(&parties, true);
	const struct noise_ik initiator_before = parties.initiator;
	for (size_t bytes = 0; bytes < sizeof parties.message_2; bytes++) {
		assert_int_equal(noise_ik_consume_2(&parties.initiator, parties.message_2, bytes, payload),
				 bytes < NOISE_IK_2_BYTES ? MMS_E_BAD : MMS_E_AUTH);
		assert_memory_equal(&parties.initiator, &initiator_before, sizeof initiator_before);
	}
}

static void refuses_another_prologue(void **state)
{
	(void)state;
	struct parties parties;
	struct noise_ik other;
	uint8_t payload[2];
	meet(&parties, false);
	noise_ik_init_responder(&other, "MMT", 3, &parties.responder.s);
	assert_int_equal(noise_ik_consume_1(&other, parties.message_1, sizeof parties.message_1, payload), MMS_E_AUTH);
}

static void refuses_low_order_server_key(void **state)
{
	(void)state;
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p - 1
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1
	};
	struct parties parties;
	uint8_t secret[NOISE_KEY_BYTES];
	uint8_t message[NOISE_IK_1_BYTES];
	meet(&parties, false);
	count_up(secret, 0x20);
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		struct field point;
		struct noise_ik initiator;
		from_hex(points[i], &point);
		noise_ik_init_initiator(&initiator, NULL, 0, &parties.initiator.s, point.bytes);
		const struct noise_ik before = initiator;
		assert_int_equal(noise_ik_create_1(&initiator, secret, NULL, 0, message), MMS_E_AUTH);
		assert_memory_equal(&initiator, &before, sizeof before);
	}
}

// Messages whose every tag is right for a secret of 32 zero bytes: made by another implementation (Python's hashlib,
// hmac and cryptography) that does not refuse low order. Without the refusal they would be accepted.
static void refuses_low_order_forgeries(void **state)
{
	(void)state;
	static const char zero_e[] = // e = 0, so es = 0; s and ss are honest
		"0000000000000000000000000000000000000000000000000000000000000000"
		"d35d08512e82ba0561273617ad7db594193232909067796f2ed510ea50c1cf4a"
		"387ecd26c3aaa02d40f77b97e31cbb41dc82f28834fefee7ce5453288abb52d6";
	static const char order_8_s[] = // e and es are honest; s is a point of order 8, so ss = 0
		"358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd166254"
		"1e9ad1a161e8ed32dc17037f1a6ff459bf7950eaa86d0734db34bc242adc2afd"
		"3c2d20d30763ec4246c93964fb15e6f53253dd169fecbfd83991706da3e4a34e";
	static const char zero_answer[] = // e = 0, so ee = se = 0
		"0000000000000000000000000000000000000000000000000000000000000000"
		"6bc14b60cb324f75237677aa435e192a";
	struct parties parties;
	struct noise_ik initiator;
	struct noise_ik responder;
	struct field forged;
	uint8_t secret[NOISE_KEY_BYTES];
	uint8_t message[NOISE_IK_1_BYTES];
	meet(&parties, false);
	noise_ik_init_responder(&responder, NULL, 0, &parties.responder.s);
	struct noise_ik before = responder;
	from_hex(zero_e, &forged);
	assert_int_equal(noise_ik_consume_1(&responder, forged.bytes, forged.size_bytes, NULL), MMS_E_AUTH);
	assert_memory_equal(&responder, &before, sizeof before);
	from_hex(order_8_s, &forged);
	assert_int_equal(noise_ik_consume_1(&responder, forged.bytes, forged.size_bytes, NULL), MMS_E_AUTH);
	assert_memory_equal(&responder, &before, sizeof before);

	noise_ik_init_initiator(&initiator, NULL, 0, &parties.initiator.s, responder.s.public_key);
	count_up(secret, 0x20);
	assert_int_equal(noise_ik_create_1(&initiator, secret, NULL, 0, message), MMS_OK);
	before = initiator;
	from_hex(zero_answer, &forged);
	assert_int_equal(noise_ik_consume_2(&initiator, forged.bytes, forged.size_bytes, NULL), MMS_E_AUTH);
	assert_memory_equal(&initiator, &before, sizeof before);
}

static void clear_leaves_nothing(void **state)
{
	(void)state;
	static const uint8_t zeros[sizeof(struct noise_ik)];
	struct parties parties;
	struct noise_keys keys;
	struct keypair pair;
	meet(&parties, false);
	pair = parties.initiator.s;
	memset(&keys, 1, sizeof keys);
	noise_ik_clear(&parties.initiator);
	noise_keys_clear(&keys);
	keypair_clear(&pair);
	assert_memory_equal(&parties.initiator, zeros, sizeof parties.initiator);
	assert_memory_equal(&keys, zeros, sizeof keys);
	assert_memory_equal(&pair, zeros, sizeof pair);
	noise_ik_clear(&parties.initiator);
}

static int set_up(void **state)
{
	(void)state;
	return crypto_init() == MMS_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_published_vectors),
		cmocka_unit_test(refuses_every_changed_bit),
		cmocka_unit_test(refuses_every_truncation),
		cmocka_unit_test(refuses_another_prologue),
		cmocka_unit_test(refuses_low_order_server_key),
		cmocka_unit_test(refuses_low_order_forgeries),
		cmocka_unit_test(clear_leaves_nothing),
	};
	return cmocka_run_group_tests_name("noise", tests, set_up, NULL);
}

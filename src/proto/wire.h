// SPDX-License-Identifier: ISC
// The layout of every datagram and frame (doc/protocol.md sections 2 to 5). Layer: proto, pure.
// Encoders assert that the caller's buffer is large enough; decoders return MMS_E_BAD for anything that is not exactly
// the layout, and then leave their outputs undefined. Pointers in decoded structs borrow from the datagram.
#ifndef MMS_PROTO_WIRE_H
#define MMS_PROTO_WIRE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "crypto/noise.h"

enum wire_type {
	WIRE_INVALID = 0,
	WIRE_HELLO = 1,
	WIRE_SERVERINFO = 2,
	WIRE_INIT = 3,
	WIRE_ACCEPT = 4,
	WIRE_RETRY = 5,
	WIRE_DATA = 6,
	WIRE_UNKNOWN = 7,
};

enum wire_frame {
	WIRE_FRAME_PADDING = 0,
	WIRE_FRAME_CALL = 1,
	WIRE_FRAME_ANSWER = 2,
	WIRE_FRAME_PATH_CHALLENGE = 3,
	WIRE_FRAME_PATH_RESPONSE = 4,
};

enum {
	WIRE_VERSION = 1,
	WIRE_VERSIONS_MAX = 16,
	WIRE_DATAGRAM_BYTES_MAX = 1200,
	WIRE_HELLO_BYTES = 1200,
	WIRE_NONCE_BYTES = 16,
	WIRE_SERVERINFO_BYTES = 1 + WIRE_NONCE_BYTES + 1 + 1 + NOISE_KEY_BYTES, // with our one version
	WIRE_INIT_PAYLOAD_BYTES = 142,
	WIRE_INIT_NOISE_BYTES = NOISE_IK_1_BYTES + WIRE_INIT_PAYLOAD_BYTES,
	WIRE_INIT_BYTES = 1 + 1 + COOKIE_BYTES + WIRE_INIT_NOISE_BYTES,
	WIRE_ACCEPT_PAYLOAD_BYTES = 4,
	WIRE_ACCEPT_NOISE_BYTES = NOISE_IK_2_BYTES + WIRE_ACCEPT_PAYLOAD_BYTES,
	WIRE_ACCEPT_BYTES = 1 + 4 + WIRE_ACCEPT_NOISE_BYTES,
	WIRE_ECHO_BYTES = 8,
	WIRE_RETRY_BYTES = 1 + WIRE_ECHO_BYTES + COOKIE_BYTES,
	WIRE_DATA_HEADER_BYTES = 1 + 4 + 8,
	WIRE_STATE_BYTES = 4 + 4 + 8,
	WIRE_PLAIN_BYTES_MAX = WIRE_DATAGRAM_BYTES_MAX - WIRE_DATA_HEADER_BYTES - NOISE_TAG_BYTES,
	WIRE_DATA_BYTES_MIN = WIRE_DATA_HEADER_BYTES + WIRE_STATE_BYTES + NOISE_TAG_BYTES,
	WIRE_TRAILER_BYTES = 8, // the last bytes of a DATA, by which UNKNOWN names it
	WIRE_UNKNOWN_BYTES = 1 + 4 + WIRE_TRAILER_BYTES,
	WIRE_CALL_HEADER_BYTES = 1 + 4 + 1 + 2,
	WIRE_ANSWER_HEADER_BYTES = 1 + 4 + 1 + 1 + 2,
	WIRE_PATH_BYTES = 8,
	WIRE_PATH_FRAME_BYTES = 1 + WIRE_PATH_BYTES,
	WIRE_CALL_BODY_BYTES_MAX = WIRE_PLAIN_BYTES_MAX - WIRE_STATE_BYTES - WIRE_CALL_HEADER_BYTES,
	WIRE_ANSWER_BODY_BYTES_MAX = WIRE_PLAIN_BYTES_MAX - WIRE_STATE_BYTES - WIRE_ANSWER_HEADER_BYTES,
};

static_assert(WIRE_INIT_BYTES == 256, "protocol.md section 2");
static_assert(WIRE_ACCEPT_BYTES == 57, "protocol.md section 2");
static_assert(WIRE_PLAIN_BYTES_MAX == 1171, "protocol.md section 5.1");
static_assert(WIRE_PLAIN_BYTES_MAX - WIRE_STATE_BYTES == CALL_FRAMES_BYTES_MAX, "protocol.md section 5.1");
static_assert(WIRE_ACCEPT_BYTES < WIRE_INIT_BYTES, "no answer is larger than its request");
static_assert(WIRE_RETRY_BYTES < WIRE_INIT_BYTES, "no answer is larger than its request");
static_assert(WIRE_SERVERINFO_BYTES < WIRE_HELLO_BYTES, "no answer is larger than its request");
static_assert(WIRE_UNKNOWN_BYTES < WIRE_DATA_BYTES_MIN, "no answer is larger than its request");

struct wire_serverinfo {
	const uint8_t *nonce; // WIRE_NONCE_BYTES
	const uint8_t *versions;
	uint8_t version_count;
	const uint8_t *server_key; // NOISE_KEY_BYTES
};

struct wire_init {
	uint8_t version;
	const uint8_t *cookie; // COOKIE_BYTES
	const uint8_t *noise;  // WIRE_INIT_NOISE_BYTES
};

struct wire_accept {
	uint32_t device_index;
	const uint8_t *noise; // WIRE_ACCEPT_NOISE_BYTES
};

struct wire_retry {
	const uint8_t *echo;   // WIRE_ECHO_BYTES
	const uint8_t *cookie; // COOKIE_BYTES
};

struct wire_unknown {
	uint32_t index;
	const uint8_t *trailer; // WIRE_TRAILER_BYTES
};

// BASE, NEXT and MARKS (section 5.3).
struct wire_state {
	uint32_t base;
	uint32_t next;
	uint64_t marks;
};

// One decoded frame; fields that the type does not have are zero.
struct wire_frame_view {
	uint8_t type;        // enum wire_frame
	uint32_t number;     // CALL: its number; ANSWER: first
	uint8_t count;       // ANSWER
	uint8_t kind;        // CALL
	uint8_t status;      // ANSWER
	const uint8_t *body; // CALL, ANSWER: body_bytes; path frames: WIRE_PATH_BYTES
	uint16_t body_bytes;
};

// Section 3. Writes WIRE_HELLO_BYTES bytes.
void wire_hello_encode(const uint8_t nonce[WIRE_NONCE_BYTES], uint8_t *datagram);
enum mms_err wire_hello_decode(const uint8_t *datagram, size_t bytes, const uint8_t **nonce) MUST_CHECK; // section 3
// Section 3. Writes WIRE_SERVERINFO_BYTES bytes, offering WIRE_VERSION.
void wire_serverinfo_encode(const uint8_t nonce[WIRE_NONCE_BYTES], const uint8_t server_key[NOISE_KEY_BYTES],
			    uint8_t *datagram);
// Section 3.
enum mms_err wire_serverinfo_decode(const uint8_t *datagram, size_t bytes, struct wire_serverinfo *info) MUST_CHECK;
// Section 4.2. Writes WIRE_INIT_BYTES bytes.
void wire_init_encode(const uint8_t cookie[COOKIE_BYTES], const uint8_t noise[WIRE_INIT_NOISE_BYTES],
		      uint8_t *datagram);
enum mms_err wire_init_decode(const uint8_t *datagram, size_t bytes, struct wire_init *init) MUST_CHECK; // section 4.2
// Section 4.3. Writes WIRE_ACCEPT_BYTES bytes.
void wire_accept_encode(uint32_t device_index, const uint8_t noise[WIRE_ACCEPT_NOISE_BYTES], uint8_t *datagram);
// Section 4.3.
enum mms_err wire_accept_decode(const uint8_t *datagram, size_t bytes, struct wire_accept *accept) MUST_CHECK;
// Section 4.5. Writes WIRE_RETRY_BYTES bytes.
void wire_retry_encode(const uint8_t echo[WIRE_ECHO_BYTES], const uint8_t cookie[COOKIE_BYTES], uint8_t *datagram);
enum mms_err wire_retry_decode(const uint8_t *datagram, size_t bytes, struct wire_retry *retry) MUST_CHECK; // section 4.5
// Section 5.10. Writes WIRE_UNKNOWN_BYTES bytes.
void wire_unknown_encode(uint32_t index, const uint8_t trailer[WIRE_TRAILER_BYTES], uint8_t *datagram);
// Section 5.10.
enum mms_err wire_unknown_decode(const uint8_t *datagram, size_t bytes, struct wire_unknown *unknown) MUST_CHECK;
// Section 5.1. Writes the WIRE_DATA_HEADER_BYTES bytes in front of the sealed part.
void wire_data_encode(uint32_t index, uint64_t counter, uint8_t *header);
// Section 5.1: index and counter of a whole DATA datagram. MMS_E_BAD also for the highest counter, which the cipher reserves.
enum mms_err wire_data_decode(const uint8_t *datagram, size_t bytes, uint32_t *index, uint64_t *counter) MUST_CHECK;

// Section 4.2: the sealed payload of INIT. Writes WIRE_INIT_PAYLOAD_BYTES bytes, offering WIRE_VERSION.
void wire_init_payload_encode(uint32_t device_index, uint8_t *payload);
// Section 4.2. MMS_E_BAD: index 0, or a version list that does not fit or lacks WIRE_VERSION.
enum mms_err wire_init_payload_decode(const uint8_t *payload, uint32_t *device_index) MUST_CHECK;

// Section 5.3: the fields in front of the frames. False: no room.
bool wire_state_write(struct writer *writer, const struct wire_state *state);
bool wire_state_read(struct reader *reader, struct wire_state *state); // false: too short
// Section 5.4. False: no room, and nothing was written.
bool wire_call_write(struct writer *writer, uint32_t number, uint8_t kind, const void *body, size_t body_bytes);
// Section 5.4. False: no room, and nothing was written.
bool wire_answer_write(struct writer *writer, uint32_t first, uint8_t count, uint8_t status, const void *body,
		       size_t body_bytes);
// Section 5.4: a path frame of `type`. False: no room, and nothing was written.
bool wire_path_write(struct writer *writer, enum wire_frame type, const uint8_t data[WIRE_PATH_BYTES]);
// Section 5.4: the next frame; the reader must not be at its end. MMS_E_BAD: unparsable.
enum mms_err wire_frame_read(struct reader *reader, struct wire_frame_view *frame) MUST_CHECK;

#endif

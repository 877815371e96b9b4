// SPDX-License-Identifier: ISC
// The layout of every datagram and frame; the contract is in wire.h.
#include "proto/wire.h"

#include <string.h>

// Starts a datagram of a fixed size with its type.
static struct writer begin(uint8_t *datagram, size_t bytes, enum wire_type type)
{
	struct writer writer = writer_of(datagram, bytes);
	const bool fits = write_u8(&writer, (uint8_t)type);
	assert(fits);
	return writer;
}

// A reader behind the type of a datagram that must have this type and, unless `bytes_wanted` is 0, this size.
static bool open_datagram(struct reader *reader, const uint8_t *datagram, size_t bytes, enum wire_type type,
			  size_t bytes_wanted)
{
	uint8_t seen;
	*reader = reader_of(datagram, bytes);
	return (bytes_wanted == 0 || bytes == bytes_wanted) && read_u8(reader, &seen) && seen == type;
}

void wire_hello_encode(const uint8_t nonce[WIRE_NONCE_BYTES], uint8_t *datagram)
{
	struct writer writer = begin(datagram, WIRE_HELLO_BYTES, WIRE_HELLO);
	const bool fits = write_bytes(&writer, nonce, WIRE_NONCE_BYTES) && write_zeros(&writer, writer_room(&writer));
	assert(fits);
}

enum mms_err wire_hello_decode(const uint8_t *datagram, size_t bytes, const uint8_t **nonce)
{
	struct reader reader;
	if (!open_datagram(&reader, datagram, bytes, WIRE_HELLO, WIRE_HELLO_BYTES) ||
	    !read_span(&reader, nonce, WIRE_NONCE_BYTES))
		return MMS_E_BAD;
	return MMS_OK;
}

void wire_serverinfo_encode(const uint8_t nonce[WIRE_NONCE_BYTES], const uint8_t server_key[NOISE_KEY_BYTES],
			    uint8_t *datagram)
{
	struct writer writer = begin(datagram, WIRE_SERVERINFO_BYTES, WIRE_SERVERINFO);
	const bool fits = write_bytes(&writer, nonce, WIRE_NONCE_BYTES) && write_u8(&writer, 1) &&
			  write_u8(&writer, WIRE_VERSION) && write_bytes(&writer, server_key, NOISE_KEY_BYTES);
	assert(fits);
	assert(writer_room(&writer) == 0);
}

enum mms_err wire_serverinfo_decode(const uint8_t *datagram, size_t bytes, struct wire_serverinfo *info)
{
	struct reader reader;
	if (!open_datagram(&reader, datagram, bytes, WIRE_SERVERINFO, 0) ||
	    !read_span(&reader, &info->nonce, WIRE_NONCE_BYTES) || !read_u8(&reader, &info->version_count) ||
	    info->version_count == 0 || info->version_count > WIRE_VERSIONS_MAX ||
	    !read_span(&reader, &info->versions, info->version_count) ||
	    !read_span(&reader, &info->server_key, NOISE_KEY_BYTES) || reader.left_bytes != 0)
		return MMS_E_BAD;
	return MMS_OK;
}

void wire_init_encode(const uint8_t cookie[COOKIE_BYTES], const uint8_t noise[WIRE_INIT_NOISE_BYTES],
		      uint8_t *datagram)
{
	struct writer writer = begin(datagram, WIRE_INIT_BYTES, WIRE_INIT);
	const bool fits = write_u8(&writer, WIRE_VERSION) && write_bytes(&writer, cookie, COOKIE_BYTES) &&
			  write_bytes(&writer, noise, WIRE_INIT_NOISE_BYTES);
	assert(fits);
	assert(writer_room(&writer) == 0);
}

enum mms_err wire_init_decode(const uint8_t *datagram, size_t bytes, struct wire_init *init)
{
	struct reader reader;
	if (!open_datagram(&reader, datagram, bytes, WIRE_INIT, WIRE_INIT_BYTES) || !read_u8(&reader, &init->version) ||
	    init->version != WIRE_VERSION || !read_span(&reader, &init->cookie, COOKIE_BYTES) ||
	    !read_span(&reader, &init->noise, WIRE_INIT_NOISE_BYTES))
		return MMS_E_BAD;
	return MMS_OK;
}

void wire_accept_encode(uint32_t device_index, const uint8_t noise[WIRE_ACCEPT_NOISE_BYTES], uint8_t *datagram)
{
	struct writer writer = begin(datagram, WIRE_ACCEPT_BYTES, WIRE_ACCEPT);
	const bool fits = write_u32(&writer, device_index) && write_bytes(&writer, noise, WIRE_ACCEPT_NOISE_BYTES);
	assert(fits);
	assert(writer_room(&writer) == 0);
}

enum mms_err wire_accept_decode(const uint8_t *datagram, size_t bytes, struct wire_accept *accept)
{
	struct reader reader;
	if (!open_datagram(&reader, datagram, bytes, WIRE_ACCEPT, WIRE_ACCEPT_BYTES) ||
	    !read_u32(&reader, &accept->device_index) || !read_span(&reader, &accept->noise, WIRE_ACCEPT_NOISE_BYTES))
		return MMS_E_BAD;
	return MMS_OK;
}

void wire_retry_encode(const uint8_t echo[WIRE_ECHO_BYTES], const uint8_t cookie[COOKIE_BYTES], uint8_t *datagram)
{
	struct writer writer = begin(datagram, WIRE_RETRY_BYTES, WIRE_RETRY);
	const bool fits = write_bytes(&writer, echo, WIRE_ECHO_BYTES) && write_bytes(&writer, cookie, COOKIE_BYTES);
	assert(fits);
	assert(writer_room(&writer) == 0);
}

enum mms_err wire_retry_decode(const uint8_t *datagram, size_t bytes, struct wire_retry *retry)
{
	struct reader reader;
	if (!open_datagram(&reader, datagram, bytes, WIRE_RETRY, WIRE_RETRY_BYTES) ||
	    !read_span(&reader, &retry->echo, WIRE_ECHO_BYTES) || !read_span(&reader, &retry->cookie, COOKIE_BYTES))
		return MMS_E_BAD;
	return MMS_OK;
}

void wire_unknown_encode(uint32_t index, const uint8_t trailer[WIRE_TRAILER_BYTES], uint8_t *datagram)
{
	struct writer writer = begin(datagram, WIRE_UNKNOWN_BYTES, WIRE_UNKNOWN);
	const bool fits = write_u32(&writer, index) && write_bytes(&writer, trailer, WIRE_TRAILER_BYTES);
	assert(fits);
	assert(writer_room(&writer) == 0);
}

enum mms_err wire_unknown_decode(const uint8_t *datagram, size_t bytes, struct wire_unknown *unknown)
{
	struct reader reader;
	if (!open_datagram(&reader, datagram, bytes, WIRE_UNKNOWN, WIRE_UNKNOWN_BYTES) ||
	    !read_u32(&reader, &unknown->index) || !read_span(&reader, &unknown->trailer, WIRE_TRAILER_BYTES))
		return MMS_E_BAD;
	return MMS_OK;
}

void wire_data_encode(uint32_t index, uint64_t counter, uint8_t *header)
{
	struct writer writer = begin(header, WIRE_DATA_HEADER_BYTES, WIRE_DATA);
	const bool fits = write_u32(&writer, index) && write_u64(&writer, counter);
	assert(fits);
	assert(writer_room(&writer) == 0);
}

enum mms_err wire_data_decode(const uint8_t *datagram, size_t bytes, uint32_t *index, uint64_t *counter)
{
	struct reader reader;
	if (bytes < WIRE_DATA_BYTES_MIN || bytes > WIRE_DATAGRAM_BYTES_MAX ||
	    !open_datagram(&reader, datagram, bytes, WIRE_DATA, 0) || !read_u32(&reader, index) ||
	    !read_u64(&reader, counter) || *counter == UINT64_MAX)
		return MMS_E_BAD;
	return MMS_OK;
}

void wire_init_payload_encode(uint32_t device_index, uint8_t *payload)
{
	struct writer writer = writer_of(payload, WIRE_INIT_PAYLOAD_BYTES);
	const bool fits = write_u32(&writer, device_index) && write_u8(&writer, 1) && write_u8(&writer, WIRE_VERSION) &&
			  write_zeros(&writer, writer_room(&writer));
	assert(fits);
}

enum mms_err wire_init_payload_decode(const uint8_t *payload, uint32_t *device_index)
{
	struct reader reader = reader_of(payload, WIRE_INIT_PAYLOAD_BYTES);
	uint8_t count;
	const uint8_t *versions;
	if (!read_u32(&reader, device_index) || *device_index == 0 || !read_u8(&reader, &count) || count == 0 ||
	    count > WIRE_VERSIONS_MAX || !read_span(&reader, &versions, count) ||
	    memchr(versions, WIRE_VERSION, count) == NULL)
		return MMS_E_BAD;
	return MMS_OK;
}

bool wire_state_write(struct writer *writer, const struct wire_state *state)
{
	return writer_room(writer) >= WIRE_STATE_BYTES && write_u32(writer, state->base) &&
	       write_u32(writer, state->next) && write_u64(writer, state->marks);
}

bool wire_state_read(struct reader *reader, struct wire_state *state)
{
	return read_u32(reader, &state->base) && read_u32(reader, &state->next) && read_u64(reader, &state->marks);
}

bool wire_call_write(struct writer *writer, uint32_t number, uint8_t kind, const void *body, size_t body_bytes)
{
	assert(body_bytes <= WIRE_CALL_BODY_BYTES_MAX);
	return writer_room(writer) >= WIRE_CALL_HEADER_BYTES + body_bytes && write_u8(writer, WIRE_FRAME_CALL) &&
	       write_u32(writer, number) && write_u8(writer, kind) && write_u16(writer, (uint16_t)body_bytes) &&
	       write_bytes(writer, body, body_bytes);
}

bool wire_answer_write(struct writer *writer, uint32_t first, uint8_t count, uint8_t status, const void *body,
		       size_t body_bytes)
{
	assert(body_bytes <= WIRE_ANSWER_BODY_BYTES_MAX);
	assert(count >= 1 && count <= CALL_WINDOW);
	return writer_room(writer) >= WIRE_ANSWER_HEADER_BYTES + body_bytes && write_u8(writer, WIRE_FRAME_ANSWER) &&
	       write_u32(writer, first) && write_u8(writer, count) && write_u8(writer, status) &&
	       write_u16(writer, (uint16_t)body_bytes) && write_bytes(writer, body, body_bytes);
}

bool wire_path_write(struct writer *writer, enum wire_frame type, const uint8_t data[WIRE_PATH_BYTES])
{
	assert(type == WIRE_FRAME_PATH_CHALLENGE || type == WIRE_FRAME_PATH_RESPONSE);
	return writer_room(writer) >= WIRE_PATH_FRAME_BYTES && write_u8(writer, (uint8_t)type) &&
	       write_bytes(writer, data, WIRE_PATH_BYTES);
}

enum mms_err wire_frame_read(struct reader *reader, struct wire_frame_view *frame)
{
	*frame = (struct wire_frame_view){0};
	if (!read_u8(reader, &frame->type))
		return MMS_E_BAD;
	switch (frame->type) {
	case WIRE_FRAME_PADDING:
		*reader = (struct reader){NULL, 0};
		return MMS_OK;
	case WIRE_FRAME_CALL:
		if (!read_u32(reader, &frame->number) || frame->number == 0 || !read_u8(reader, &frame->kind) ||
		    !read_u16(reader, &frame->body_bytes) || !read_span(reader, &frame->body, frame->body_bytes))
			return MMS_E_BAD;
		return MMS_OK;
	case WIRE_FRAME_ANSWER:
		if (!read_u32(reader, &frame->number) || frame->number == 0 || !read_u8(reader, &frame->count) ||
		    frame->count == 0 || frame->count > CALL_WINDOW || !read_u8(reader, &frame->status) ||
		    !read_u16(reader, &frame->body_bytes) || !read_span(reader, &frame->body, frame->body_bytes))
			return MMS_E_BAD;
		return MMS_OK;
	case WIRE_FRAME_PATH_CHALLENGE:
	case WIRE_FRAME_PATH_RESPONSE:
		frame->body_bytes = WIRE_PATH_BYTES;
		return read_span(reader, &frame->body, WIRE_PATH_BYTES) ? MMS_OK : MMS_E_BAD;
	default:
		return MMS_E_BAD;
	}
}

// SPDX-License-Identifier: ISC
// What has become of messages that one has sent; the contract is in call_state.h.
#include "msg/call_state.h"

#include "msg/call.h"
#include "msg/field.h"

enum { STATE_BYTES = 1 + 4 + 4 + 8, DELIVERED_BYTES = ID_BYTES + 4 + 4 };
static_assert(1 + CALL_STATES_MAX * ID_BYTES <= CALL_BODY_BYTES_MAX, "the most ids fit");
static_assert(1 + CALL_STATES_MAX * STATE_BYTES <= CALL_BODY_BYTES_MAX, "the most states fit");
static_assert(2 + CALL_DELIVERED_MAX * DELIVERED_BYTES <= CALL_BODY_BYTES_MAX, "the longest notice fits");

size_t call_states_encode(const struct call_states *states, uint8_t *body)
{
	struct writer writer = field_body(body);
	bool fits = write_u8(&writer, states->count);
	assert(states->count >= 1 && states->count <= CALL_STATES_MAX);
	for (uint8_t i = 0; i < states->count; i++)
		fits = fits && field_write_id(&writer, &states->id[i]);
	return field_end(&writer, fits);
}

enum mms_err call_states_decode(struct call_states *states, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	bool is_good = read_u8(&reader, &states->count) && states->count >= 1 && states->count <= CALL_STATES_MAX;
	for (uint8_t i = 0; is_good && i < states->count; i++)
		is_good = field_read_id(&reader, &states->id[i]);
	return field_verdict(&reader, is_good);
}

size_t call_states_ok_encode(const struct call_states_ok *ok, uint8_t *body)
{
	struct writer writer = field_body(body);
	bool fits = write_u8(&writer, ok->count);
	assert(ok->count >= 1 && ok->count <= CALL_STATES_MAX);
	for (uint8_t i = 0; i < ok->count; i++)
		fits = fits && write_u8(&writer, (uint8_t)ok->state[i].what) &&
		       write_u32(&writer, ok->state[i].delivered_count) && write_u32(&writer, ok->state[i].of_count) &&
		       field_write_time(&writer, ok->state[i].delivered_at);
	return field_end(&writer, fits);
}

static bool read_state(struct reader *reader, struct call_state *state)
{
	uint8_t what = 0;
	const bool is_good = read_u8(reader, &what) && read_u32(reader, &state->delivered_count) &&
			     read_u32(reader, &state->of_count) && field_read_time(reader, &state->delivered_at);
	state->what = (enum call_state_what)what;
	return is_good && what >= STATE_WAITING && what <= STATE_UNKNOWN && state->delivered_count <= state->of_count;
}

enum mms_err call_states_ok_decode(struct call_states_ok *ok, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	bool is_good = read_u8(&reader, &ok->count) && ok->count >= 1 && ok->count <= CALL_STATES_MAX;
	for (uint8_t i = 0; is_good && i < ok->count; i++)
		is_good = read_state(&reader, &ok->state[i]);
	return field_verdict(&reader, is_good);
}

size_t call_delivered_encode(const struct call_delivered *delivered, uint8_t *body)
{
	struct writer writer = field_body(body);
	bool fits = write_u8(&writer, NOTICE_DELIVERED) && write_u8(&writer, delivered->count);
	assert(delivered->count >= 1 && delivered->count <= CALL_DELIVERED_MAX);
	for (uint8_t i = 0; i < delivered->count; i++)
		fits = fits && field_write_id(&writer, &delivered->item[i].id) &&
		       write_u32(&writer, delivered->item[i].delivered_count) &&
		       write_u32(&writer, delivered->item[i].of_count);
	return field_end(&writer, fits);
}

static bool read_item(struct reader *reader, struct call_delivered_item *item)
{
	return field_read_id(reader, &item->id) && read_u32(reader, &item->delivered_count) &&
	       read_u32(reader, &item->of_count) && item->delivered_count >= 1 && item->delivered_count <= item->of_count;
}

enum mms_err call_delivered_decode(struct call_delivered *delivered, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t what;
	bool is_good = read_u8(&reader, &what) && what == NOTICE_DELIVERED && read_u8(&reader, &delivered->count) &&
		       delivered->count >= 1 && delivered->count <= CALL_DELIVERED_MAX;
	for (uint8_t i = 0; is_good && i < delivered->count; i++)
		is_good = read_item(&reader, &delivered->item[i]);
	return field_verdict(&reader, is_good);
}

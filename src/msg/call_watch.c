// SPDX-License-Identifier: ISC
// Who comes and goes; the contract is in call_watch.h.
#include "msg/call_watch.h"

#include "msg/call.h"
#include "msg/field.h"

enum {
	WATCH_FIRST = 1,
	PRESENCE_ONLINE = 1,
	COUNT_AT = 1, // in WATCH
	PRESENCE_BYTES = 1 + 8,
};
static_assert(1 + CALL_WATCH_MAX * PRESENCE_BYTES <= CALL_BODY_BYTES_MAX, "the longest answer fits");
static_assert(2 + CALL_PRESENCE_MAX * (PRESENCE_BYTES + 1 + NAME_BYTES_MAX) <= CALL_BODY_BYTES_MAX, "the longest notice fits");

size_t call_watch_encode(const struct call_watch *watch, uint8_t *taken_count, uint8_t *body)
{
	struct writer writer = field_body(body);
	uint8_t count = 0;
	bool fits = write_u8(&writer, watch->is_first ? WATCH_FIRST : 0) && write_u8(&writer, 0);
	assert(watch->count <= CALL_WATCH_MAX);
	while (count < watch->count && writer_room(&writer) > name_bytes(&watch->name[count])) {
		fits = fits && field_write_name(&writer, &watch->name[count]);
		count++;
	}
	body[COUNT_AT] = count;
	*taken_count = count;
	return field_end(&writer, fits);
}

enum mms_err call_watch_decode(struct call_watch *watch, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	bool is_good = read_u8(&reader, &flags) && read_u8(&reader, &watch->count) && watch->count <= CALL_WATCH_MAX;
	watch->is_first = (flags & WATCH_FIRST) != 0;
	for (uint8_t i = 0; is_good && i < watch->count; i++)
		is_good = field_read_name(&reader, &watch->name[i]);
	return field_verdict(&reader, is_good);
}

static bool write_presence(struct writer *writer, const struct call_presence *presence)
{
	return write_u8(writer, presence->is_online ? PRESENCE_ONLINE : 0) && field_write_time(writer, presence->heard_at);
}

static bool read_presence(struct reader *reader, struct call_presence *presence)
{
	uint8_t flags = 0;
	const bool is_good = read_u8(reader, &flags) && field_read_time(reader, &presence->heard_at);
	presence->is_online = (flags & PRESENCE_ONLINE) != 0;
	return is_good;
}

size_t call_watch_ok_encode(const struct call_watch_ok *ok, uint8_t *body)
{
	struct writer writer = field_body(body);
	bool fits = write_u8(&writer, ok->count);
	assert(ok->count <= CALL_WATCH_MAX);
	for (uint8_t i = 0; i < ok->count; i++)
		fits = fits && write_presence(&writer, &ok->presence[i]);
	return field_end(&writer, fits);
}

enum mms_err call_watch_ok_decode(struct call_watch_ok *ok, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	bool is_good = read_u8(&reader, &ok->count) && ok->count <= CALL_WATCH_MAX;
	for (uint8_t i = 0; is_good && i < ok->count; i++)
		is_good = read_presence(&reader, &ok->presence[i]);
	return field_verdict(&reader, is_good);
}

size_t call_presence_encode(const struct call_presence_notice *notice, uint8_t *body)
{
	struct writer writer = field_body(body);
	bool fits = write_u8(&writer, NOTICE_PRESENCE) && write_u8(&writer, notice->count);
	assert(notice->count >= 1 && notice->count <= CALL_PRESENCE_MAX);
	for (uint8_t i = 0; i < notice->count; i++)
		fits = fits && write_presence(&writer, &notice->item[i].presence) &&
		       field_write_name(&writer, &notice->item[i].name);
	return field_end(&writer, fits);
}

enum mms_err call_presence_decode(struct call_presence_notice *notice, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t what;
	bool is_good = read_u8(&reader, &what) && what == NOTICE_PRESENCE && read_u8(&reader, &notice->count) &&
		       notice->count >= 1 && notice->count <= CALL_PRESENCE_MAX;
	for (uint8_t i = 0; is_good && i < notice->count; i++)
		is_good = read_presence(&reader, &notice->item[i].presence) && field_read_name(&reader, &notice->item[i].name);
	return field_verdict(&reader, is_good);
}

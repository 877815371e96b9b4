// SPDX-License-Identifier: ISC
// What all changes have in common; the contract is in call_change.h.
#include "msg/call_change.h"

#include <string.h>

#include "msg/field.h"

size_t call_changed_encode(const struct call_changed *changed, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, write_u8(&writer, 0) && field_write_mark(&writer, &changed->mark) &&
					  field_write_mark(&writer, &changed->stamp));
}

enum mms_err call_changed_decode(struct call_changed *changed, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags;
	return field_verdict(&reader, read_u8(&reader, &flags) && field_read_mark(&reader, &changed->mark) &&
					      field_read_mark(&reader, &changed->stamp));
}

bool call_stamp_is_none(const struct storage_mark *stamp)
{
	static const struct storage_mark none;
	return memcmp(stamp->start_id, none.start_id, sizeof none.start_id) == 0 && stamp->commit == 0;
}

bool call_change_write(struct writer *writer, const struct call_change *change)
{
	return field_write_id(writer, &change->id) && field_write_mark(writer, &change->stamp);
}

bool call_change_read(struct reader *reader, struct call_change *change)
{
	return field_read_id(reader, &change->id) && field_read_mark(reader, &change->stamp);
}

// SPDX-License-Identifier: ISC
// HISTORY; the contract is in call_history.h.
#include "msg/call_history.h"

#include "msg/call.h"
#include "msg/field.h"

enum {
	COUNT_AT = 8,
	ROW_BYTES_MAX = 8 + ID_BYTES + 8 + 2 + 1 + NAME_BYTES_MAX + 2 + TEXT_BYTES_MAX,
};
static_assert(COUNT_AT + 1 + ROW_BYTES_MAX <= CALL_BODY_BYTES_MAX, "a page has a row at least, whatever its text");

size_t call_history_encode(const struct call_history *history, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, write_bytes(&writer, history->room_id.bytes, ROOM_ID_BYTES) &&
					  write_u64(&writer, history->from_row) && write_u64(&writer, history->to_row));
}

enum mms_err call_history_decode(struct call_history *history, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	return field_verdict(&reader, read_bytes(&reader, history->room_id.bytes, ROOM_ID_BYTES) &&
					      read_u64(&reader, &history->from_row) && read_u64(&reader, &history->to_row) &&
					      history->from_row >= 1 && history->from_row <= history->to_row &&
					      history->to_row <= INT64_MAX);
}

void call_history_page_begin(struct call_page *page, uint8_t *body)
{
	*page = (struct call_page){.writer = field_body(body), .count_at = COUNT_AT};
	(void)field_end(&page->writer, write_u64(&page->writer, 0) && write_u8(&page->writer, 0));
}

size_t call_history_page_end(struct call_page *page, uint64_t next_row)
{
	struct writer next_writer = writer_of(page->writer.start, COUNT_AT);
	page->writer.start[page->count_at] = page->count;
	(void)field_end(&next_writer, write_u64(&next_writer, next_row));
	return page->writer.used_bytes;
}

bool call_history_add(struct call_page *page, const struct call_history_row *row)
{
	const struct writer before = page->writer;
	struct writer *writer = &page->writer;
	assert(row->text_bytes >= 1 && row->text_bytes <= TEXT_BYTES_MAX);
	return call_page_added(page, &before,
			       write_u64(writer, row->row) && field_write_id(writer, &row->id) &&
				       field_write_time(writer, row->accepted_at) && write_u8(writer, row->kind) &&
				       write_u8(writer, row->form) && field_write_name(writer, &row->sender) &&
				       write_u16(writer, (uint16_t)row->text_bytes) &&
				       write_bytes(writer, row->text, row->text_bytes));
}

bool call_history_read(struct call_history_ok *ok, struct call_history_row *row)
{
	struct reader *reader = &ok->rows;
	uint16_t text_bytes;
	if (ok->count == 0 || !read_u64(reader, &row->row) || !field_read_id(reader, &row->id) ||
	    !field_read_time(reader, &row->accepted_at) || !read_u8(reader, &row->kind) || !read_u8(reader, &row->form) ||
	    !field_read_sender(reader, row->kind, &row->sender) || !read_u16(reader, &text_bytes) ||
	    !field_read_text(reader, &row->text, &row->text_bytes, text_bytes))
		return false;
	ok->count--;
	return true;
}

enum mms_err call_history_ok_decode(struct call_history_ok *ok, const struct call_history *asked, const uint8_t *body,
				    size_t bytes)
{
	ok->rows = reader_of(body, bytes);
	bool is_good = read_u64(&ok->rows, &ok->next_row) && read_u8(&ok->rows, &ok->count) &&
		       ok->next_row > asked->from_row && ok->next_row <= asked->to_row + 1 &&
		       (ok->count > 0 || ok->next_row == asked->to_row + 1); // else one would ask for ever
	struct call_history_ok page = *ok; // read through here, so that nobody meets half of a page
	struct call_history_row row = {.row = 0};
	uint64_t least = asked->from_row;
	while (is_good && call_history_read(&page, &row)) {
		is_good = row.row >= least && row.row < ok->next_row;
		least = row.row + 1;
	}
	return field_verdict(&page.rows, is_good && page.count == 0);
}

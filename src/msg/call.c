// SPDX-License-Identifier: ISC
// The bodies of calls and answers; the contract is in call.h.
#include "msg/call.h"

#include <string.h>

#include "msg/field.h"

enum {
	SIGNIN_RECEIVE = 1,
	SIGNIN_PROOF = 2,
	SIGNIN_DELIVERED = 4,
	SIGNIN_OK_REOFFER = 1,
	SIGNIN_OK_PROOF = 2,
	ONLINE = 1,
	DELIVER_OWN = 1,
	DELIVER_ROOM = 2,
	DELIVER_HISTORY = 4,
	WHO_COUNT_AT = 12, // where a page's count stands
};

size_t call_signin_encode(const struct call_signin *signin, uint8_t *body)
{
	struct writer writer = field_body(body);
	const uint8_t flags = (uint8_t)((signin->is_receiving ? SIGNIN_RECEIVE : 0) | (signin->has_proof ? SIGNIN_PROOF : 0) |
					(signin->wants_delivered ? SIGNIN_DELIVERED : 0));
	bool fits = write_u8(&writer, flags) && field_write_mark(&writer, &signin->mark) &&
		    field_write_name(&writer, &signin->name);
	if (signin->has_proof)
		fits = fits && write_bytes(&writer, signin->proof, INVITE_PROOF_BYTES);
	return field_end(&writer, fits);
}

enum mms_err call_signin_decode(struct call_signin *signin, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	bool is_good = read_u8(&reader, &flags) && field_read_mark(&reader, &signin->mark) &&
		       field_read_name(&reader, &signin->name);
	signin->is_receiving = (flags & SIGNIN_RECEIVE) != 0;
	signin->has_proof = (flags & SIGNIN_PROOF) != 0;
	signin->wants_delivered = (flags & SIGNIN_DELIVERED) != 0;
	if (signin->has_proof)
		is_good = is_good && read_bytes(&reader, signin->proof, INVITE_PROOF_BYTES);
	else
		memset(signin->proof, 0, INVITE_PROOF_BYTES);
	return field_verdict(&reader, is_good);
}

size_t call_signin_ok_encode(const struct call_signin_ok *ok, uint8_t *body)
{
	struct writer writer = field_body(body);
	const uint8_t flags =
		(uint8_t)((ok->is_reoffer_wanted ? SIGNIN_OK_REOFFER : 0) | (ok->has_proof ? SIGNIN_OK_PROOF : 0));
	bool fits = write_u8(&writer, flags) && field_write_mark(&writer, &ok->mark) &&
		    write_u32(&writer, ok->waiting_count) && write_u32(&writer, ok->history_count) &&
		    field_write_name(&writer, &ok->name);
	if (ok->has_proof)
		fits = fits && write_bytes(&writer, ok->proof, INVITE_PROOF_BYTES);
	return field_end(&writer, fits);
}

enum mms_err call_signin_ok_decode(struct call_signin_ok *ok, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	bool is_good = read_u8(&reader, &flags) && field_read_mark(&reader, &ok->mark) &&
		       read_u32(&reader, &ok->waiting_count) && read_u32(&reader, &ok->history_count) &&
		       field_read_name(&reader, &ok->name);
	ok->is_reoffer_wanted = (flags & SIGNIN_OK_REOFFER) != 0;
	ok->has_proof = (flags & SIGNIN_OK_PROOF) != 0;
	if (ok->has_proof)
		is_good = is_good && read_bytes(&reader, ok->proof, INVITE_PROOF_BYTES);
	return field_verdict(&reader, is_good);
}

size_t call_who_encode(const struct call_who *who, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, write_u32(&writer, who->generation) && write_u32(&writer, who->first));
}

enum mms_err call_who_decode(struct call_who *who, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	return field_verdict(&reader, read_u32(&reader, &who->generation) && read_u32(&reader, &who->first));
}

void call_who_page_begin(struct writer *writer, uint32_t generation, uint32_t total_count, uint32_t first)
{
	const bool fits = write_u32(writer, generation) && write_u32(writer, total_count) && write_u32(writer, first) &&
			  write_u16(writer, 0);
	assert(fits);
}

bool call_who_page_add(struct writer *writer, const struct name *name, bool is_online)
{
	return writer_room(writer) >= 2 + name_bytes(name) && write_u8(writer, is_online ? ONLINE : 0) &&
	       field_write_name(writer, name);
}

size_t call_who_page_end(struct writer *writer, uint16_t count)
{
	struct writer count_writer = writer_of(writer->start + WHO_COUNT_AT, 2);
	const bool fits = write_u16(&count_writer, count);
	return field_end(writer, fits);
}

enum mms_err call_who_ok_decode(struct call_who_ok *ok, const uint8_t *body, size_t bytes)
{
	ok->users = reader_of(body, bytes);
	const bool is_good = read_u32(&ok->users, &ok->generation) && read_u32(&ok->users, &ok->total_count) &&
			     read_u32(&ok->users, &ok->first) && read_u16(&ok->users, &ok->count) &&
			     ok->first <= ok->total_count && ok->count <= ok->total_count - ok->first &&
			     (ok->count > 0 || ok->first == ok->total_count);
	struct call_who_ok page = *ok; // read through here, so that nobody meets half of a page
	struct name name;
	bool is_online;
	while (is_good && call_who_user_read(&page, &name, &is_online))
		;
	return field_verdict(&page.users, is_good && page.count == 0);
}

bool call_who_user_read(struct call_who_ok *ok, struct name *name, bool *is_online)
{
	uint8_t flags;
	if (ok->count == 0 || !read_u8(&ok->users, &flags) || !field_read_name(&ok->users, name))
		return false;
	*is_online = (flags & ONLINE) != 0;
	ok->count--;
	return true;
}

size_t call_submit_encode(const struct call_submit *submit, uint8_t *body)
{
	struct writer writer = field_body(body);
	assert(submit->text_bytes >= 1 && submit->text_bytes <= TEXT_BYTES_MAX);
	return field_end(&writer, field_write_id(&writer, &submit->id) && write_u8(&writer, 0) &&
				       write_u8(&writer, submit->kind) && write_u8(&writer, submit->form) &&
				       field_write_to(&writer, &submit->recipient) &&
				       write_bytes(&writer, submit->text, submit->text_bytes));
}

enum mms_err call_submit_decode(struct call_submit *submit, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags;
	const bool is_good = field_read_id(&reader, &submit->id) && read_u8(&reader, &flags) &&
			     read_u8(&reader, &submit->kind) && read_u8(&reader, &submit->form) &&
			     !message_kind_is_server(submit->kind) && field_read_to(&reader, &submit->recipient);
	submit->text_bytes = reader.left_bytes;
	return field_verdict(&reader, is_good && read_span(&reader, &submit->text, submit->text_bytes));
}

size_t call_accepted_encode(const struct call_accepted *accepted, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, write_u8(&writer, accepted->was_online ? ONLINE : 0) && field_write_mark(&writer, &accepted->mark));
}

enum mms_err call_accepted_decode(struct call_accepted *accepted, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	const bool is_good = read_u8(&reader, &flags) && field_read_mark(&reader, &accepted->mark);
	accepted->was_online = (flags & ONLINE) != 0;
	return field_verdict(&reader, is_good);
}

size_t call_deliver_encode(const struct call_deliver *deliver, uint8_t *body)
{
	struct writer writer = field_body(body);
	const uint8_t flags = (uint8_t)((deliver->is_own ? DELIVER_OWN : 0) |
					(deliver->conversation.is_room ? DELIVER_ROOM : 0) |
					(deliver->is_history ? DELIVER_HISTORY : 0));
	assert(deliver->text_bytes >= 1 && deliver->text_bytes <= TEXT_BYTES_MAX);
	return field_end(&writer, field_write_id(&writer, &deliver->id) && field_write_time(&writer, deliver->accepted_at) &&
					  write_u8(&writer, flags) && write_u8(&writer, deliver->kind) &&
					  write_u8(&writer, deliver->form) &&
					  write_bytes(&writer, deliver->room_id.bytes, ROOM_ID_BYTES) &&
					  write_u64(&writer, deliver->room_row) && field_write_name(&writer, &deliver->sender) &&
					  field_write_to(&writer, &deliver->conversation) &&
					  write_bytes(&writer, deliver->text, deliver->text_bytes));
}

// The conversation, which says the same as the flags, the room's id and its row.
static bool read_conversation(struct reader *reader, struct call_deliver *deliver, bool is_room)
{
	deliver->conversation = (struct message_to){.is_room = false};
	if (room_id_is_set(&deliver->room_id) != is_room)
		return false;
	if (is_room)
		return deliver->room_row >= 1 && deliver->room_row <= INT64_MAX &&
		       field_read_to(reader, &deliver->conversation) && deliver->conversation.is_room;
	if (deliver->room_row != 0)
		return false;
	if (!deliver->is_own)
		return field_read_empty(reader);
	return field_read_to(reader, &deliver->conversation) && !deliver->conversation.is_room;
}

enum mms_err call_deliver_decode(struct call_deliver *deliver, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	bool is_good = field_read_id(&reader, &deliver->id) && field_read_time(&reader, &deliver->accepted_at) &&
		       read_u8(&reader, &flags) && read_u8(&reader, &deliver->kind) && read_u8(&reader, &deliver->form) &&
		       read_bytes(&reader, deliver->room_id.bytes, ROOM_ID_BYTES) && read_u64(&reader, &deliver->room_row);
	deliver->is_own = (flags & DELIVER_OWN) != 0;
	deliver->is_history = (flags & DELIVER_HISTORY) != 0;
	is_good = is_good && field_read_sender(&reader, deliver->kind, &deliver->sender) &&
		  read_conversation(&reader, deliver, (flags & DELIVER_ROOM) != 0) &&
		  field_read_text(&reader, &deliver->text, &deliver->text_bytes, reader.left_bytes);
	return field_verdict(&reader, is_good);
}

size_t call_notice_encode(const struct call_notice *notice, uint8_t *body)
{
	struct writer writer = field_body(body);
	bool fits = write_u8(&writer, (uint8_t)notice->what);
	if (notice->what == NOTICE_GAP)
		fits = fits && field_write_id(&writer, &notice->id) && write_u64(&writer, notice->count);
	return field_end(&writer, fits);
}

enum mms_err call_notice_decode(struct call_notice *notice, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t what = 0;
	bool is_good = read_u8(&reader, &what) && what >= NOTICE_REPLACED && what <= NOTICE_GAP;
	memset(notice, 0, sizeof *notice);
	notice->what = (enum notice_what)what;
	if (what == NOTICE_GAP)
		is_good = is_good && field_read_id(&reader, &notice->id) &&
			  read_u64(&reader, &notice->count) && notice->count >= 1 && notice->count <= INT64_MAX;
	return field_verdict(&reader, is_good);
}

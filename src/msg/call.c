// SPDX-License-Identifier: ISC
// The bodies of calls and answers; the contract is in call.h.
#include "msg/call.h"

#include <string.h>

enum {
	SIGNIN_RECEIVE = 1,
	SIGNIN_PROOF = 2,
	SIGNIN_OK_REOFFER = 1,
	SIGNIN_OK_PROOF = 2,
	ONLINE = 1,
	DELIVER_OWN = 1,
	DELIVER_ROOM = 2,
	DELIVER_HISTORY = 4,
	WHO_COUNT_AT = 12, // where a page's count stands
};

static struct writer body_writer(uint8_t *body)
{
	return writer_of(body, CALL_BODY_BYTES_MAX);
}

static size_t finish(const struct writer *writer, bool fits)
{
	assert(fits);
	return writer->used_bytes;
}

static enum mms_err verdict(const struct reader *reader, bool is_good)
{
	return is_good && reader->left_bytes == 0 ? MMS_OK : MMS_E_BAD;
}

static bool write_name(struct writer *writer, const struct name *name)
{
	return write_u8(writer, (uint8_t)name_bytes(name)) && write_bytes(writer, name->text, name_bytes(name));
}

static bool read_name(struct reader *reader, struct name *name)
{
	uint8_t bytes;
	const uint8_t *text;
	return read_u8(reader, &bytes) && read_span(reader, &text, bytes) && name_parse(name, text, bytes);
}

static bool write_to(struct writer *writer, const struct message_to *to)
{
	uint8_t text[MESSAGE_TO_BYTES_MAX];
	const size_t bytes = message_to_write(to, text);
	return write_u8(writer, (uint8_t)bytes) && write_bytes(writer, text, bytes);
}

static bool read_to(struct reader *reader, struct message_to *to)
{
	uint8_t bytes;
	const uint8_t *text;
	return read_u8(reader, &bytes) && read_span(reader, &text, bytes) && message_to_parse(to, text, bytes);
}

// True, and the field read: its length is 0.
static bool read_empty(struct reader *reader)
{
	struct reader ahead = *reader;
	uint8_t bytes;
	if (!read_u8(&ahead, &bytes) || bytes != 0)
		return false;
	*reader = ahead;
	return true;
}

static bool write_mark(struct writer *writer, const struct storage_mark *mark)
{
	return write_bytes(writer, mark->start_id, sizeof mark->start_id) && write_u64(writer, mark->commit);
}

static bool read_mark(struct reader *reader, struct storage_mark *mark)
{
	return read_bytes(reader, mark->start_id, sizeof mark->start_id) && read_u64(reader, &mark->commit);
}

// All that is left of the body.
static bool read_rest(struct reader *reader, const uint8_t **text, size_t *bytes)
{
	*bytes = reader->left_bytes;
	return read_span(reader, text, reader->left_bytes);
}

size_t call_signin_encode(const struct call_signin *signin, uint8_t *body)
{
	struct writer writer = body_writer(body);
	const uint8_t flags = (uint8_t)((signin->is_receiving ? SIGNIN_RECEIVE : 0) | (signin->has_proof ? SIGNIN_PROOF : 0));
	bool fits = write_u8(&writer, flags) && write_mark(&writer, &signin->mark) && write_name(&writer, &signin->name);
	if (signin->has_proof)
		fits = fits && write_bytes(&writer, signin->proof, INVITE_PROOF_BYTES);
	return finish(&writer, fits);
}

enum mms_err call_signin_decode(struct call_signin *signin, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	bool is_good = read_u8(&reader, &flags) && read_mark(&reader, &signin->mark) && read_name(&reader, &signin->name);
	signin->is_receiving = (flags & SIGNIN_RECEIVE) != 0;
	signin->has_proof = (flags & SIGNIN_PROOF) != 0;
	if (signin->has_proof)
		is_good = is_good && read_bytes(&reader, signin->proof, INVITE_PROOF_BYTES);
	else
		memset(signin->proof, 0, INVITE_PROOF_BYTES);
	return verdict(&reader, is_good);
}

size_t call_signin_ok_encode(const struct call_signin_ok *ok, uint8_t *body)
{
	struct writer writer = body_writer(body);
	const uint8_t flags =
		(uint8_t)((ok->is_reoffer_wanted ? SIGNIN_OK_REOFFER : 0) | (ok->has_proof ? SIGNIN_OK_PROOF : 0));
	bool fits = write_u8(&writer, flags) && write_mark(&writer, &ok->mark) && write_u32(&writer, ok->waiting_count) &&
		    write_name(&writer, &ok->name);
	if (ok->has_proof)
		fits = fits && write_bytes(&writer, ok->proof, INVITE_PROOF_BYTES);
	return finish(&writer, fits);
}

enum mms_err call_signin_ok_decode(struct call_signin_ok *ok, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	bool is_good = read_u8(&reader, &flags) && read_mark(&reader, &ok->mark) && read_u32(&reader, &ok->waiting_count) &&
		       read_name(&reader, &ok->name);
	ok->is_reoffer_wanted = (flags & SIGNIN_OK_REOFFER) != 0;
	ok->has_proof = (flags & SIGNIN_OK_PROOF) != 0;
	if (ok->has_proof)
		is_good = is_good && read_bytes(&reader, ok->proof, INVITE_PROOF_BYTES);
	return verdict(&reader, is_good);
}

size_t call_who_encode(const struct call_who *who, uint8_t *body)
{
	struct writer writer = body_writer(body);
	return finish(&writer, write_u32(&writer, who->generation) && write_u32(&writer, who->first));
}

enum mms_err call_who_decode(struct call_who *who, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	return verdict(&reader, read_u32(&reader, &who->generation) && read_u32(&reader, &who->first));
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
	       write_name(writer, name);
}

size_t call_who_page_end(struct writer *writer, uint16_t count)
{
	struct writer count_writer = writer_of(writer->start + WHO_COUNT_AT, 2);
	const bool fits = write_u16(&count_writer, count);
	return finish(writer, fits);
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
	return verdict(&page.users, is_good && page.count == 0);
}

bool call_who_user_read(struct call_who_ok *ok, struct name *name, bool *is_online)
{
	uint8_t flags;
	if (ok->count == 0 || !read_u8(&ok->users, &flags) || !read_name(&ok->users, name))
		return false;
	*is_online = (flags & ONLINE) != 0;
	ok->count--;
	return true;
}

size_t call_submit_encode(const struct call_submit *submit, uint8_t *body)
{
	struct writer writer = body_writer(body);
	assert(submit->text_bytes >= 1 && submit->text_bytes <= TEXT_BYTES_MAX);
	return finish(&writer, write_bytes(&writer, submit->id.bytes, ID_BYTES) && write_u8(&writer, 0) &&
				       write_u8(&writer, submit->kind) && write_u8(&writer, submit->form) &&
				       write_to(&writer, &submit->recipient) &&
				       write_bytes(&writer, submit->text, submit->text_bytes));
}

enum mms_err call_submit_decode(struct call_submit *submit, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags;
	return verdict(&reader, read_bytes(&reader, submit->id.bytes, ID_BYTES) && read_u8(&reader, &flags) &&
					read_u8(&reader, &submit->kind) && read_u8(&reader, &submit->form) &&
					!message_kind_is_server(submit->kind) && read_to(&reader, &submit->recipient) &&
					read_rest(&reader, &submit->text, &submit->text_bytes));
}

size_t call_accepted_encode(const struct call_accepted *accepted, uint8_t *body)
{
	struct writer writer = body_writer(body);
	return finish(&writer, write_u8(&writer, accepted->was_online ? ONLINE : 0) && write_mark(&writer, &accepted->mark));
}

enum mms_err call_accepted_decode(struct call_accepted *accepted, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t flags = 0;
	const bool is_good = read_u8(&reader, &flags) && read_mark(&reader, &accepted->mark);
	accepted->was_online = (flags & ONLINE) != 0;
	return verdict(&reader, is_good);
}

size_t call_deliver_encode(const struct call_deliver *deliver, uint8_t *body)
{
	struct writer writer = body_writer(body);
	// A clock that stood before 1970 loses no message.
	const uint64_t accepted_at = deliver->accepted_at.ms < 0 ? 0 : (uint64_t)deliver->accepted_at.ms;
	const uint8_t flags = (uint8_t)((deliver->is_own ? DELIVER_OWN : 0) |
					(deliver->conversation.is_room ? DELIVER_ROOM : 0) |
					(deliver->is_history ? DELIVER_HISTORY : 0));
	assert(deliver->text_bytes >= 1 && deliver->text_bytes <= TEXT_BYTES_MAX);
	return finish(&writer, write_bytes(&writer, deliver->id.bytes, ID_BYTES) && write_u64(&writer, accepted_at) &&
				       write_u8(&writer, flags) && write_u8(&writer, deliver->kind) &&
				       write_u8(&writer, deliver->form) && write_u64(&writer, deliver->room_row) &&
				       write_name(&writer, &deliver->sender) && write_to(&writer, &deliver->conversation) &&
				       write_bytes(&writer, deliver->text, deliver->text_bytes));
}

static bool read_sender(struct reader *reader, struct call_deliver *deliver)
{
	deliver->sender = (struct name){{0}};
	return (deliver->kind != MESSAGE_WRITTEN && read_empty(reader)) || read_name(reader, &deliver->sender);
}

// The conversation, which says the same as the flags and the room's row.
static bool read_conversation(struct reader *reader, struct call_deliver *deliver, bool is_room)
{
	deliver->conversation = (struct message_to){.is_room = false};
	if (is_room)
		return deliver->room_row >= 1 && deliver->room_row <= INT64_MAX &&
		       read_to(reader, &deliver->conversation) && deliver->conversation.is_room;
	if (deliver->room_row != 0)
		return false;
	if (!deliver->is_own)
		return read_empty(reader);
	return read_to(reader, &deliver->conversation) && !deliver->conversation.is_room;
}

enum mms_err call_deliver_decode(struct call_deliver *deliver, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint64_t accepted_at = 0;
	uint8_t flags = 0;
	bool is_good = read_bytes(&reader, deliver->id.bytes, ID_BYTES) && read_u64(&reader, &accepted_at) &&
		       read_u8(&reader, &flags) && read_u8(&reader, &deliver->kind) && read_u8(&reader, &deliver->form) &&
		       read_u64(&reader, &deliver->room_row);
	deliver->accepted_at.ms = accepted_at > INT64_MAX ? INT64_MAX : (int64_t)accepted_at;
	deliver->is_own = (flags & DELIVER_OWN) != 0;
	deliver->is_history = (flags & DELIVER_HISTORY) != 0;
	is_good = is_good && read_sender(&reader, deliver) &&
		  read_conversation(&reader, deliver, (flags & DELIVER_ROOM) != 0) &&
		  read_rest(&reader, &deliver->text, &deliver->text_bytes) && deliver->text_bytes >= 1 &&
		  deliver->text_bytes <= TEXT_BYTES_MAX;
	return verdict(&reader, is_good);
}

size_t call_notice_encode(const struct call_notice *notice, uint8_t *body)
{
	struct writer writer = body_writer(body);
	bool fits = write_u8(&writer, (uint8_t)notice->what);
	if (notice->what == NOTICE_GAP)
		fits = fits && write_bytes(&writer, notice->id.bytes, ID_BYTES) && write_u64(&writer, notice->count);
	return finish(&writer, fits);
}

enum mms_err call_notice_decode(struct call_notice *notice, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t what = 0;
	bool is_good = read_u8(&reader, &what) && what >= NOTICE_REPLACED && what <= NOTICE_GAP;
	memset(notice, 0, sizeof *notice);
	notice->what = (enum notice_what)what;
	if (what == NOTICE_GAP)
		is_good = is_good && read_bytes(&reader, notice->id.bytes, ID_BYTES) &&
			  read_u64(&reader, &notice->count) && notice->count >= 1 && notice->count <= INT64_MAX;
	return verdict(&reader, is_good);
}

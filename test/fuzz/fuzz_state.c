// SPDX-License-Identifier: ISC
// A client's database that somebody or something has changed: the input is a list of edits to a good one, with or
// without a log beside it, each a place and bytes. Held: it is opened or refused with a reason; what is read keeps the
// contract of its type, and lists end; what is written is taken or refused with a reason. Not that a changed schema
// still knows an id.
#include <sqlite3.h>

#include "base/utf8.h"
#include "fuzz_scratch.h"
#include "store/client_store.h"

enum { FILE_BYTES_MAX = 128 * 1024, ROWS_MAX = 100, FILES = 2 };

struct file {
	char *path;
	size_t bytes;
	size_t used[FILE_BYTES_MAX]; // places of its bytes that are not zero: most of a page is empty
	size_t used_count;
	uint8_t seed[FILE_BYTES_MAX];
	uint8_t edited[FILE_BYTES_MAX];
};

static struct file files[FILES]; // the database and its log
static const struct name sender = {"Tim"};
static const struct wtime wall = {1800000000000};

static struct uuid id_of(uint8_t number)
{
	return (struct uuid){{1, number}};
}

static bool is_failure(struct client_store *store, enum mms_err err)
{
	if (err == MMS_OK || err == MMS_E_MISSING || err == MMS_E_EXISTS)
		return false;
	const char *reason = client_store_reason(store)->text;
	assert(reason[0] != 0 && reason[strlen(reason) - 1] != '\n');
	return true;
}

static void check_name(const struct name *name)
{
	struct name parsed;
	const bool is_name = name_parse(&parsed, name->text, name_bytes(name));
	assert(is_name && memcmp(&parsed, name, sizeof parsed) == 0);
}

static struct client_batch batch;
static struct client_appended appended;
static struct client_answer answer;
static struct client_answer hole;

// One operation of each kind.
static void gather(const struct uuid *id)
{
	batch.op_count = 3;
	batch.text_bytes = 3;
	memcpy(batch.text, "new", 3);
	batch.op[0] = (struct client_op){.kind = CLIENT_OP_PUT, .id = *id};
	batch.op[0].put = (struct client_op_put){
		.kind = MESSAGE_WRITTEN, .form = MESSAGE_UTF8, .sender = sender, .accepted_at = wall, .text_bytes = 3};
	batch.op[1] = (struct client_op){.kind = CLIENT_OP_VERDICT, .id = id_of(1)};
	batch.op[1].verdict = (struct client_op_verdict){.state = OUTBOX_SAVED};
	batch.op[2] = (struct client_op){.kind = CLIENT_OP_MARK};
	batch.op[2].mark = (struct client_op_mark){.mark = {{1}, 9}, .is_acceptance = true, .is_reoffer_wanted = true};
}

static void read_all(struct client_store *store)
{
	struct client_store_identity identity;
	struct transcript_row row = {0};
	enum outbox_state state = OUTBOX_QUEUED;
	uint8_t status = 0;
	uint64_t count;
	const struct uuid id = id_of(2);
	enum mms_err err = client_store_identity_get(store, &identity);
	if (!is_failure(store, err) && err == MMS_OK)
		check_name(&identity.user);
	err = client_store_outbox_find(store, &id, &state, &status);
	if (!is_failure(store, err) && err == MMS_OK)
		assert(state >= OUTBOX_QUEUED && state <= OUTBOX_REFUSED);
	(void)is_failure(store, client_store_outbox_queued_count(store, &count));
	(void)is_failure(store, client_store_transcript_waiting(store, &(struct transcript_range){0, UINT64_MAX, true}, &count));
	struct client_question question = {.kind = CLIENT_ASK_MARK, .rows_max = CLIENT_PAGE_ROWS_MAX};
	client_store_answer(store, &question, &answer);
	(void)is_failure(store, answer.err);
	question.kind = CLIENT_ASK_OUTBOX;
	client_store_answer(store, &question, &answer);
	(void)is_failure(store, answer.err);
	question = (struct client_question){.kind = CLIENT_ASK_HOLE};
	client_store_answer(store, &question, &hole);
	(void)is_failure(store, hole.err);
	assert(hole.err != MMS_OK || !hole.hole.is_there || hole.hole.from_row <= hole.hole.to_row);
	uint64_t after = 0;
	for (uint32_t i = 0; i < answer.row_count; i++) {
		const struct outbox_row *queued = &answer.row[i];
		assert(queued->seq > after);
		if (queued->what < OUTBOX_DEVICE_NAME)
			check_name(&queued->to.name);
		assert(queued->what != OUTBOX_MESSAGE || utf8_is_message(queued->text, queued->text_bytes));
		after = queued->seq;
	}
	struct transcript_range rest = {0, UINT64_MAX, true};
	for (int rows = 0; client_store_transcript_next(store, &rest, &row) == MMS_OK; rows++) {
		assert(rows < ROWS_MAX && row.seq > rest.after_seq);
		assert(row.is_gap ? row.gap_count > 0 : row.form != MESSAGE_UTF8 || utf8_is_message(row.text, row.text_bytes));
		if (!row.is_gap && (row.kind == MESSAGE_WRITTEN || row.sender.text[0] != 0))
			check_name(&row.sender);
		rest.after_seq = row.seq;
	}
}

static void write_all(struct client_store *store)
{
	const struct uuid id = id_of(9);
	const struct outbox_row wish = outbox_message(&id, &(struct message_to){.name = sender}, "new", 3);
	(void)is_failure(store, client_store_outbox_add(store, &wish, wall));
	gather(&id);
	client_store_append(store, &batch, &appended);
	(void)is_failure(store, appended.err);
	(void)is_failure(store, client_store_transcript_mark_shown(store, &(struct transcript_range){0, 3, true}));
	(void)is_failure(store, client_store_signed_in_set(store, &sender));
}

static void remove_files(void)
{
	(void)unlink(files[0].path);
	(void)unlink(files[1].path);
	(void)unlink(scratch_path(&scratch, "a.db-shm"));
}

// A small profile, as it lies on disk while it is open: rows in the database, later ones in the log.
static void make_seed(void)
{
	struct client_store *store = NULL;
	struct reason why;
	const struct client_store_identity identity = {.user = {"fred"}, .public_key = {1}, .server_key = {2}};
	enum mms_err err = client_store_open(files[0].path, &store, &why);
	assert(err == MMS_OK);
	err = client_store_identity_create(store, &identity);
	assert(err == MMS_OK);
	for (uint8_t i = 1; i <= 4; i++) {
		const struct uuid id = id_of(i);
		const struct outbox_row wish = outbox_message(&id, &(struct message_to){.name = sender}, "hi there", 8);
		err = client_store_outbox_add(store, &wish, wall);
		assert(err == MMS_OK);
		batch.op_count = 1;
		batch.text_bytes = 5;
		memcpy(batch.text, "hello", 5);
		batch.op[0] = (struct client_op){.kind = CLIENT_OP_PUT, .id = id};
		batch.op[0].put = (struct client_op_put){
			.kind = i == 4 ? 200 : MESSAGE_WRITTEN, .form = MESSAGE_UTF8, .sender = sender, .accepted_at = wall,
			.conversation = {sender, i == 4}, .text_bytes = 5};
		if (i == 3)
			batch.op[0].put = (struct client_op_put){.is_gap = true, .gap_count = i};
		client_store_append(store, &batch, &appended);
		assert(appended.err == MMS_OK && appended.result[0] == CLIENT_RESULT_NEW);
	}
	client_store_close(store);
	files[0].bytes = scratch_read(files[0].path, files[0].seed, FILE_BYTES_MAX);
	err = client_store_open(files[0].path, &store, &why);
	assert(err == MMS_OK);
	write_all(store);
	files[1].bytes = scratch_read(files[1].path, files[1].seed, FILE_BYTES_MAX);
	client_store_close(store);
	assert(files[0].bytes > 0 && files[0].bytes < FILE_BYTES_MAX && files[1].bytes < FILE_BYTES_MAX);
	remove_files();
	for (int i = 0; i < FILES; i++)
		for (size_t at = 0; at < files[i].bytes; at++)
			if (files[i].seed[at] != 0)
				files[i].used[files[i].used_count++] = at;
}

// One edit: 3 bytes of place, then so many bytes that are written there. A place below 2^23 counts bytes that are not
// zero, one behind that all bytes, the highest cut the file off.
static void edit(struct file *file, struct reader *input, size_t *bytes)
{
	const uint8_t *patch = NULL;
	const size_t place = (size_t)take_u8(input) << 16 | (size_t)take_u8(input) << 8 | take_u8(input);
	size_t patch_bytes = take_u8(input) % 24;
	patch_bytes = patch_bytes < input->left_bytes ? patch_bytes : input->left_bytes;
	(void)read_span(input, &patch, patch_bytes);
	if (place >= 0xf00000) {
		*bytes = place % (file->bytes + 1);
		return;
	}
	const size_t at = place < 0x800000 ? file->used[place % file->used_count] : place % file->bytes;
	if (patch_bytes > 0)
		memcpy(file->edited + at, patch, patch_bytes < file->bytes - at ? patch_bytes : file->bytes - at);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	scratch_enter();
	files[0].path = strdup(scratch_path(&scratch, "a.db"));
	files[1].path = strdup(scratch_path(&scratch, "a.db-wal"));
	assert(files[0].path != NULL && files[1].path != NULL);
	make_seed();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct reader input = reader_of(data, bytes);
	struct client_store *store = NULL;
	struct reason why = {""};
	const bool has_log = take_u8(&input) % 4 == 3 && files[1].bytes > 0;
	size_t edited_bytes[FILES];
	for (int i = 0; i < FILES; i++) {
		memcpy(files[i].edited, files[i].seed, files[i].bytes);
		edited_bytes[i] = files[i].bytes;
	}
	while (input.left_bytes > 0) {
		const int i = has_log ? take_u8(&input) & 1 : 0;
		edit(&files[i], &input, &edited_bytes[i]);
	}
	scratch_write(files[0].path, files[0].edited, edited_bytes[0]);
	if (has_log)
		scratch_write(files[1].path, files[1].edited, edited_bytes[1]);
	const enum mms_err err = client_store_open(files[0].path, &store, &why);
	if (err == MMS_OK) {
		read_all(store);
		write_all(store);
		read_all(store);
		client_store_close(store);
	} else {
		assert(store == NULL && why.text[0] != 0);
		assert(strchr(why.text, '\n') == NULL);
	}
	remove_files();
	return 0;
}

// SPDX-License-Identifier: ISC
// For the tests of rooms and lists of msg/server: three users, and the questions of a list, which the test answers itself.
#ifndef MMS_TEST_SERVER_ROOM_WORLD_H
#define MMS_TEST_SERVER_ROOM_WORLD_H

#include "server_world.h"

static const struct room_id OPS = {{7, 7, 7}};

static inline void begin_three(void)
{
	begin("fred\nTim\nlibero\n", false);
	come_in(0, 1, "fred", FRED, true);
	come_in(1, 2, "Tim", TIM, true);
	come_in(2, 3, "libero", LIBERO, true);
}

static inline struct call_deliver last_delivery(uint32_t slot)
{
	struct record *record = NULL;
	struct call_deliver deliver = {0};
	for (uint32_t i = 0; i < f.record_count; i++)
		if (f.record[i].type == CALLED && f.record[i].slot == slot && f.record[i].code == CALL_DELIVER)
			record = &f.record[i];
	assert_non_null(record);
	assert_int_equal(call_deliver_decode(&deliver, record->body, record->bytes), MMS_OK);
	return deliver;
}

// The question that a call makes the server ask.
static inline struct storage_question *question_of(uint32_t slot, uint8_t kind, const uint8_t *body, size_t bytes)
{
	f.is_slow = true;
	call(slot, kind, body, bytes);
	struct storage_question *question = server_next_question(&f.server, true);
	assert_non_null(question);
	assert_non_null(question->page);
	return question;
}

static inline struct record *answered(struct storage_question *question, uint32_t slot)
{
	struct record *record = NULL;
	server_question_answered(&f.server, question, moment_of_test());
	count(ANSWERED, slot, &record);
	return record;
}

#endif

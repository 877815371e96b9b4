// SPDX-License-Identifier: ISC
// BLOCK; the contract is in call_block.h.
#include "msg/call_block.h"

#include <string.h>

#include "msg/field.h"

size_t call_block_encode(const struct call_block *block, uint8_t *body)
{
	struct writer writer = field_body(body);
	return field_end(&writer, write_u8(&writer, (uint8_t)block->what) &&
					  (block->what == BLOCK_LIST || call_change_write(&writer, &block->change)) &&
					  field_write_name(&writer, &block->user));
}

enum mms_err call_block_decode(struct call_block *block, const uint8_t *body, size_t bytes)
{
	struct reader reader = reader_of(body, bytes);
	uint8_t what = 0;
	bool is_good = read_u8(&reader, &what) && what >= BLOCK_LIST && what <= BLOCK_REMOVE;
	memset(block, 0, sizeof *block);
	block->what = (enum call_block_what)what;
	if (what == BLOCK_LIST)
		is_good = field_read_name_or_none(&reader, &block->user);
	else
		is_good = is_good && call_change_read(&reader, &block->change) && field_read_name(&reader, &block->user);
	return field_verdict(&reader, is_good);
}

// SPDX-License-Identifier: ISC
// Bounded cursors over byte strings; the contract is in bytes.h.
#include "base/bytes.h"

#include <assert.h>
#include <string.h>

struct reader reader_of(const void *data, size_t bytes)
{
	assert(data != NULL || bytes == 0);
	return (struct reader){data, bytes};
}

bool read_span(struct reader *reader, const uint8_t **span, size_t bytes)
{
	if (reader->left_bytes < bytes)
		return false;
	*span = reader->at;
	if (bytes > 0)
		reader->at += bytes;
	reader->left_bytes -= bytes;
	return true;
}

bool read_bytes(struct reader *reader, void *target, size_t bytes)
{
	const uint8_t *span;
	if (!read_span(reader, &span, bytes))
		return false;
	if (bytes > 0)
		memcpy(target, span, bytes);
	return true;
}

bool read_u8(struct reader *reader, uint8_t *value)
{
	if (reader->left_bytes < 1)
		return false;
	*value = *reader->at++;
	reader->left_bytes--;
	return true;
}

bool read_u16(struct reader *reader, uint16_t *value)
{
	const uint8_t *span;
	if (!read_span(reader, &span, 2))
		return false;
	*value = (uint16_t)(span[0] << 8 | span[1]);
	return true;
}

// Written out: compilers make one load of it.
static uint32_t u32_at(const uint8_t *span)
{
	return (uint32_t)span[0] << 24 | (uint32_t)span[1] << 16 | (uint32_t)span[2] << 8 | span[3];
}

bool read_u32(struct reader *reader, uint32_t *value)
{
	const uint8_t *span;
	if (!read_span(reader, &span, 4))
		return false;
	*value = u32_at(span);
	return true;
}

bool read_u64(struct reader *reader, uint64_t *value)
{
	const uint8_t *span;
	if (!read_span(reader, &span, 8))
		return false;
	*value = (uint64_t)u32_at(span) << 32 | u32_at(span + 4);
	return true;
}

struct writer writer_of(void *target, size_t capacity_bytes)
{
	assert(target != NULL || capacity_bytes == 0);
	return (struct writer){target, 0, capacity_bytes};
}

size_t writer_room(const struct writer *writer)
{
	assert(writer->used_bytes <= writer->capacity_bytes);
	return writer->capacity_bytes - writer->used_bytes;
}

bool write_bytes(struct writer *writer, const void *source, size_t bytes)
{
	if (writer_room(writer) < bytes)
		return false;
	if (bytes > 0)
		memcpy(writer->start + writer->used_bytes, source, bytes);
	writer->used_bytes += bytes;
	return true;
}

bool write_zeros(struct writer *writer, size_t bytes)
{
	if (writer_room(writer) < bytes)
		return false;
	if (bytes > 0)
		memset(writer->start + writer->used_bytes, 0, bytes);
	writer->used_bytes += bytes;
	return true;
}

// Where `bytes` more are to be written, which count as written; NULL: there is no room.
static uint8_t *claim(struct writer *writer, size_t bytes)
{
	if (writer_room(writer) < bytes)
		return NULL;
	writer->used_bytes += bytes;
	return writer->start + writer->used_bytes - bytes;
}

bool write_u8(struct writer *writer, uint8_t value)
{
	uint8_t *at = claim(writer, 1);
	if (at != NULL)
		at[0] = value;
	return at != NULL;
}

bool write_u16(struct writer *writer, uint16_t value)
{
	uint8_t *at = claim(writer, 2);
	if (at == NULL)
		return false;
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return true;
}

// Written out: compilers make one store of it.
static void put_u32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

bool write_u32(struct writer *writer, uint32_t value)
{
	uint8_t *at = claim(writer, 4);
	if (at != NULL)
		put_u32(at, value);
	return at != NULL;
}

bool write_u64(struct writer *writer, uint64_t value)
{
	uint8_t *at = claim(writer, 8);
	if (at == NULL)
		return false;
	put_u32(at, (uint32_t)(value >> 32));
	put_u32(at + 4, (uint32_t)value);
	return true;
}

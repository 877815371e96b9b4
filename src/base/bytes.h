// SPDX-License-Identifier: ISC
// Bounded cursors over byte strings: the only way MMS reads or writes a wire format. Integers are big-endian.
// Layer: base. The caller owns the bytes; a cursor borrows them. No allocation.
// A read past the end or a write past the capacity fails and leaves the cursor as it was.
#ifndef MMS_BASE_BYTES_H
#define MMS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at;
	size_t left_bytes;
};

struct writer {
	uint8_t *start;
	size_t used_bytes;
	size_t capacity_bytes;
};

// A reader over `bytes` bytes at `data`; the data is borrowed for as long as the reader is used.
struct reader reader_of(const void *data, size_t bytes);

// Reads one integer. False: fewer bytes are left than it needs.
bool read_u8(struct reader *reader, uint8_t *value);
bool read_u16(struct reader *reader, uint16_t *value); // two bytes, big-endian
bool read_u32(struct reader *reader, uint32_t *value); // four bytes, big-endian
bool read_u64(struct reader *reader, uint64_t *value); // eight bytes, big-endian

// Copies `bytes` bytes into `target`. False: fewer are left.
bool read_bytes(struct reader *reader, void *target, size_t bytes);

// Points `*span` at the next `bytes` bytes without copying and steps over them. False: fewer are left.
bool read_span(struct reader *reader, const uint8_t **span, size_t bytes);

// A writer into `capacity_bytes` bytes at `target`, borrowed.
struct writer writer_of(void *target, size_t capacity_bytes);

// Appends one integer. False: no room.
bool write_u8(struct writer *writer, uint8_t value);
bool write_u16(struct writer *writer, uint16_t value); // two bytes, big-endian
bool write_u32(struct writer *writer, uint32_t value); // four bytes, big-endian
bool write_u64(struct writer *writer, uint64_t value); // eight bytes, big-endian

// Appends `bytes` bytes from `source`. False: no room.
bool write_bytes(struct writer *writer, const void *source, size_t bytes);

// Appends `bytes` zero bytes. False: no room.
bool write_zeros(struct writer *writer, size_t bytes);

// Bytes that can still be written.
size_t writer_room(const struct writer *writer);

#endif

// SPDX-License-Identifier: ISC
// For make_vectors.c: datagrams as JSON, a line each.
#ifndef MMS_TEST_VECTORS_PRINT_H
#define MMS_TEST_VECTORS_PRINT_H

#include <assert.h>
#include <stdio.h>

#include "proto/wire.h"

static uint32_t datagram_count;
static bool is_next_lost; // the device's next datagram in its session does not arrive

static void print_hex(const char *name, const uint8_t *data, size_t bytes, const char *end)
{
	printf("\"%s\": \"", name);
	for (size_t i = 0; i < bytes; i++)
		printf("%02x", data[i]);
	printf("\"%s", end);
}

static void print_plain(const uint8_t *datagram, size_t bytes, const uint8_t key[NOISE_KEY_BYTES])
{
	uint8_t plain[WIRE_PLAIN_BYTES_MAX];
	uint32_t index;
	uint64_t counter;
	enum mms_err err = wire_data_decode(datagram, bytes, &index, &counter);
	assert(err == MMS_OK);
	err = noise_open(key, counter, datagram, WIRE_DATA_HEADER_BYTES, datagram + WIRE_DATA_HEADER_BYTES,
			 bytes - WIRE_DATA_HEADER_BYTES, plain);
	assert(err == MMS_OK);
	printf(", ");
	print_hex("plain", plain, bytes - WIRE_DATA_HEADER_BYTES - NOISE_TAG_BYTES, "");
}

static void print_datagram(const char *name, const char *from, const uint8_t *datagram, size_t bytes,
			   const uint8_t *key)
{
	printf("%s\n    {\"name\": \"%s\", \"from\": \"%s\", ", datagram_count++ == 0 ? "" : ",", name, from);
	if (is_next_lost)
		printf("\"lost\": true, ");
	print_hex("datagram", datagram, bytes, "");
	if (key != NULL)
		print_plain(datagram, bytes, key);
	printf("}");
}

#endif

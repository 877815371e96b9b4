// SPDX-License-Identifier: ISC
// Datagrams gathered for one system call; the contract is in outbound.h.
#include "cmd/outbound.h"

#include <assert.h>
#include <string.h>

void outbound_init(struct outbound *outbound, struct udp *udp, const struct rng *rng, uint64_t drop_ppm)
{
	outbound->udp = udp;
	outbound->rng = *rng;
	outbound->drop_ppm = drop_ppm;
	outbound->count = 0;
}

bool outbound_is_lost(struct outbound *outbound)
{
	enum { MILLION = 1000000 };
	uint32_t chance;
	if (outbound->drop_ppm == 0)
		return false;
	rng_fill(&outbound->rng, &chance, sizeof chance);
	return chance % MILLION < outbound->drop_ppm;
}

void outbound_flush(struct outbound *outbound)
{
	if (outbound->count > 0)
		udp_send(outbound->udp, outbound->message, outbound->count);
	outbound->count = 0;
}

void outbound_add(struct outbound *outbound, const struct addr *addr, const void *datagram, size_t bytes)
{
	assert(bytes <= WIRE_DATAGRAM_BYTES_MAX);
	if (outbound_is_lost(outbound))
		return;
	if (outbound->count == UDP_BATCH_MAX)
		outbound_flush(outbound);
	uint8_t *data = outbound->data[outbound->count];
	memcpy(data, datagram, bytes);
	outbound->message[outbound->count++] = (struct udp_message){data, bytes, *addr};
}

void outbound_add_session(struct outbound *outbound, const struct session_out *out)
{
	for (size_t i = 0; i < out->count; i++)
		outbound_add(outbound, &out->addr, out->datagram[i], out->bytes);
}

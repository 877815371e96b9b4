// SPDX-License-Identifier: ISC
// UDP sockets: receiving and sending many datagrams by one system call; the contract is in udp.h.
#include "os/udp.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "os/sockaddr.h"

// Errors in a row after which a socket is taken for broken; those that ICMP left are told once each.
enum { SWALLOWED_MAX = 64 };

// The system's view of a batch; only the entries in use are ever set.
struct batch {
	struct mmsghdr header[UDP_BATCH_MAX];
	struct iovec piece[UDP_BATCH_MAX];
	union sockaddr_any peer[UDP_BATCH_MAX];
	struct {
		_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control[UDP_BATCH_MAX];
};

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void prepare_slot(struct batch *batch, size_t i, uint8_t *data)
{
	batch->piece[i] = (struct iovec){data, UDP_SLOT_BYTES};
	batch->header[i] = (struct mmsghdr){.msg_hdr = {
		.msg_name = &batch->peer[i],
		.msg_namelen = sizeof batch->peer[i],
		.msg_iov = &batch->piece[i],
		.msg_iovlen = 1,
		.msg_control = batch->control[i].bytes,
		.msg_controllen = sizeof batch->control[i].bytes,
	}};
}

// The local address a datagram came to, from what IP_PKTINFO or IPV6_RECVPKTINFO attached; a multicast address is none
// to reply from.
static void read_local_ip(struct msghdr *header, struct addr *addr)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL; part = CMSG_NXTHDR(header, part)) {
		if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(part), sizeof info);
			memcpy(addr->local_ip, &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
		} else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(part), sizeof info);
			if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
				memcpy(addr->local_ip, &info.ipi6_addr, sizeof info.ipi6_addr);
		}
	}
}

static void finish_slot(struct batch *batch, size_t i, uint8_t socket, struct udp_message *message)
{
	struct msghdr *header = &batch->header[i].msg_hdr;
	const bool is_known = sockaddr_decode(&batch->peer[i].any, &message->addr);
	assert(is_known);
	message->addr.socket = socket;
	read_local_ip(header, &message->addr);
	message->bytes = (header->msg_flags & MSG_TRUNC) != 0 ? 0 : batch->header[i].msg_len;
	assert(message->bytes <= UDP_SLOT_BYTES);
}

// Receives from one socket until it is dry or `capacity` is reached.
static enum mms_err recv_socket(const struct udp *udp, uint8_t socket, struct udp_message *messages, size_t capacity,
				size_t *count)
{
	struct batch batch;
	unsigned swallowed_count = 0;
	*count = 0;
	while (*count < capacity) {
		const size_t wanted = min(capacity - *count, UDP_BATCH_MAX);
		for (size_t i = 0; i < wanted; i++)
			prepare_slot(&batch, i, messages[*count + i].data);
		const int got = recvmmsg(udp->fd[socket], batch.header, (unsigned)wanted, MSG_DONTWAIT, NULL);
		if (got < 0) {
			assert(errno != EBADF && errno != ENOTSOCK && errno != EFAULT);
			if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOMEM || errno == ENOBUFS)
				return MMS_OK;
			if (++swallowed_count > SWALLOWED_MAX)
				return MMS_E_IO;
			continue;
		}
		swallowed_count = 0;
		for (size_t i = 0; i < (size_t)got; i++)
			finish_slot(&batch, i, socket, &messages[*count + i]);
		*count += (size_t)got;
		if ((size_t)got < wanted)
			return MMS_OK;
	}
	return MMS_OK;
}

enum mms_err udp_recv(struct udp *udp, struct udp_message *messages, size_t capacity, size_t *count)
{
	enum mms_err err = MMS_OK;
	*count = 0;
	assert(udp->socket_count > 0);
	for (uint8_t i = 0; i < udp->socket_count && *count < capacity; i++) {
		const uint8_t socket = (uint8_t)((udp->recv_first + i) % udp->socket_count);
		size_t more;
		if (udp->fd[socket] < 0)
			continue;
		const enum mms_err socket_err = recv_socket(udp, socket, messages + *count, capacity - *count, &more);
		if (socket_err != MMS_OK)
			err = socket_err;
		*count += more;
	}
	udp->recv_first = (uint8_t)((udp->recv_first + 1) % udp->socket_count);
	return err;
}

// Attaches the local address a message is to leave from.
static void write_local_ip(struct batch *batch, size_t i, const struct addr *addr)
{
	struct msghdr *header = &batch->header[i].msg_hdr;
	memset(&batch->control[i], 0, sizeof batch->control[i]);
	header->msg_control = batch->control[i].bytes;
	header->msg_controllen = sizeof batch->control[i].bytes;
	struct cmsghdr *part = CMSG_FIRSTHDR(header);
	if (addr->family == ADDR_IPV4) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, addr->local_ip, sizeof info.ipi_spec_dst);
		part->cmsg_level = IPPROTO_IP;
		part->cmsg_type = IP_PKTINFO;
		part->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(part), &info, sizeof info);
		header->msg_controllen = CMSG_SPACE(sizeof info);
	} else {
		struct in6_pktinfo info = {0};
		memcpy(&info.ipi6_addr, addr->local_ip, sizeof info.ipi6_addr);
		part->cmsg_level = IPPROTO_IPV6;
		part->cmsg_type = IPV6_PKTINFO;
		part->cmsg_len = CMSG_LEN(sizeof info);
		memcpy(CMSG_DATA(part), &info, sizeof info);
		header->msg_controllen = CMSG_SPACE(sizeof info);
	}
}

static void prepare_message(struct batch *batch, size_t i, const struct udp_message *message)
{
	static const uint8_t no_ip[ADDR_IP_BYTES];
	const socklen_t peer_bytes = sockaddr_encode(&message->addr, &batch->peer[i]);
	batch->piece[i] = (struct iovec){message->data, message->bytes};
	batch->header[i] = (struct mmsghdr){.msg_hdr = {
		.msg_name = &batch->peer[i],
		.msg_namelen = peer_bytes,
		.msg_iov = &batch->piece[i],
		.msg_iovlen = 1,
	}};
	if (memcmp(message->addr.local_ip, no_ip, sizeof no_ip) != 0)
		write_local_ip(batch, i, &message->addr);
}

// Sends what stands in `batch` by one socket. Returns how many the system took.
static size_t send_batch(int fd, struct batch *batch, size_t count)
{
	size_t taken_count = 0;
	for (size_t i = 0; i < count;) {
		const int sent = sendmmsg(fd, batch->header + i, (unsigned)(count - i), MSG_DONTWAIT);
		if (sent > 0) {
			taken_count += (size_t)sent;
			i += (size_t)sent;
			continue;
		}
		// The error is that of the first message; it is lost.
		assert(errno != EBADF && errno != ENOTSOCK && errno != EFAULT);
		if (errno != EINTR)
			i++;
	}
	return taken_count;
}

size_t udp_send(struct udp *udp, const struct udp_message *messages, size_t count)
{
	struct batch batch;
	size_t taken_count = 0;
	for (size_t start = 0; start < count;) {
		const uint8_t socket = messages[start].addr.socket;
		size_t run = 0;
		assert(socket < udp->socket_count);
		while (run < min(count - start, UDP_BATCH_MAX) && messages[start + run].addr.socket == socket) {
			assert(messages[start + run].addr.family == udp->name[socket].family);
			prepare_message(&batch, run, &messages[start + run]);
			run++;
		}
		if (udp->fd[socket] >= 0)
			taken_count += send_batch(udp->fd[socket], &batch, run);
		start += run;
	}
	return taken_count;
}

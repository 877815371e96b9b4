# SPDX-License-Identifier: ISC
"""A network of a few hosts over TUN devices that loses, delays, doubles and reorders IP packets by a seed.

One emulator everywhere, in place of netem: it needs no kernel module, replays a seed, and can be a NAT as well. The
TUN at place i belongs to the host of 10.77.i.0/24; each packet goes to the TUN of its destination. A host behind a NAT
(--nat i) is seen as 10.77.i.254, on a new port for each mapping, and nothing comes in without one.

link.py [options] FD...; reads commands: `set loss|delay|duplicate|reorder VALUE`, `forget` (the NATs drop their
tables). Answers each with `ok`. At the end of its input it prints what it counted as one JSON object and ends.
"""

import argparse
import collections
import heapq
import itertools
import json
import os
import random
import select
import struct
import sys
import time

PACKET_BYTES_MAX = 2048
QUEUE_MAX = 20000
PROTOCOL_UDP = 17


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) & ~1]))
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def readdressed(packet, source=None, target=None):
    """A UDP packet with another source or target, an (address, port), and its checksums made anew."""
    head = (packet[0] & 15) * 4
    header, udp = bytearray(packet[:head]), bytearray(packet[head:])
    for end, address_at, port_at in ((source, 12, 0), (target, 16, 2)):
        if end:
            header[address_at:address_at + 4] = end[0]
            udp[port_at:port_at + 2] = end[1]
    header[10:12] = bytes(2)
    header[10:12] = struct.pack(">H", checksum(header))
    udp[6:8] = bytes(2)
    pseudo = header[12:20] + struct.pack(">HH", PROTOCOL_UDP, len(udp))
    udp[6:8] = struct.pack(">H", checksum(pseudo + udp) or 0xffff)
    return bytes(header + udp)


def ends(packet):
    """(source, target) of a UDP packet, each (address, port); None when it is not one."""
    head = (packet[0] & 15) * 4
    if packet[9] != PROTOCOL_UDP or len(packet) < head + 8:
        return None
    return (packet[12:16], packet[head:head + 2]), (packet[16:20], packet[head + 2:head + 4])


class Nat:
    def __init__(self, index):
        self.public = bytes([10, 77, index, 254])
        self.port = 20000
        self.forget()

    def forget(self):
        self.outside, self.inside = {}, {}  # inner end -> outer end, and back

    def outbound(self, packet):
        if not ends(packet):
            return None
        source = ends(packet)[0]
        if source not in self.outside:
            self.port += 1
            self.outside[source] = (self.public, struct.pack(">H", self.port))
            self.inside[self.outside[source]] = source
        return readdressed(packet, source=self.outside[source])

    def inbound(self, packet):
        target = self.inside.get(ends(packet)[1]) if ends(packet) else None
        return readdressed(packet, target=target) if target else None


class Link:
    def __init__(self, options):
        self.options = options
        self.tuns = options.tun
        self.nats = {index: Nat(index) for index in options.nat}
        self.random = random.Random(options.seed)
        self.queue = []  # (due, order, index of the TUN, packet)
        self.order = itertools.count()
        self.counts = collections.Counter()

    def take(self, index, now):
        """Reads what a host sends, and decides about each packet."""
        while True:
            try:
                packet = os.read(self.tuns[index], PACKET_BYTES_MAX)
            except BlockingIOError:
                return
            if packet[0] >> 4 != 4 or packet[16:18] != bytes([10, 77]) or packet[18] >= len(self.tuns):
                continue  # the kernel's own IPv6 and multicast
            self.counts["sent"] += 1
            if index in self.nats:
                packet = self.nats[index].outbound(packet)
            if packet:
                self.impair(packet, now)

    def impair(self, packet, now):
        for _ in range(2 if self.random.random() < self.options.duplicate else 1):
            if self.random.random() < self.options.loss or len(self.queue) >= QUEUE_MAX:
                self.counts["lost"] += 1
                continue
            wait = 0 if self.random.random() < self.options.reorder else self.options.delay
            heapq.heappush(self.queue, (now + wait, next(self.order), packet[18], packet))

    def give(self, now):
        while self.queue and self.queue[0][0] <= now:
            _, _, index, packet = heapq.heappop(self.queue)
            if index in self.nats:
                packet = self.nats[index].inbound(packet)
                if not packet:
                    self.counts["unmapped"] += 1
                    continue
            try:
                os.write(self.tuns[index], packet)
                self.counts["arrived"] += 1
            except OSError:  # the device is down
                self.counts["lost"] += 1

    def obey(self, words):
        if words[0] == "set":
            setattr(self.options, words[1], float(words[2]))
        elif words[0] == "forget":
            for nat in self.nats.values():
                nat.forget()
        print("ok", flush=True)

    def run(self):
        while True:
            now = time.monotonic()
            self.give(now)
            wait = max(0, self.queue[0][0] - now) if self.queue else None
            ready = select.select([*self.tuns, sys.stdin], [], [], wait)[0]
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    break
                self.obey(line.split())
            for index, tun in enumerate(self.tuns):
                if tun in ready:
                    self.take(index, time.monotonic())
        print(json.dumps(self.counts), flush=True)


def main():
    parser = argparse.ArgumentParser(description="A bad network between TUN devices.")
    parser.add_argument("tun", type=int, nargs="+", help="open, non-blocking")
    parser.add_argument("--loss", type=float, default=0, help="probability for each packet, either way")
    parser.add_argument("--delay", type=float, default=0, help="seconds one way")
    parser.add_argument("--duplicate", type=float, default=0)
    parser.add_argument("--reorder", type=float, default=0, help="probability that a packet is not delayed")
    parser.add_argument("--nat", type=int, action="append", default=[], help="a host behind a NAT of its own")
    parser.add_argument("--seed", type=int, default=1)
    Link(parser.parse_args()).run()


if __name__ == "__main__":
    main()

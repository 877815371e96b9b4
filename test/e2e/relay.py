# SPDX-License-Identifier: ISC
"""A UDP relay between clients and a server that loses, doubles and delays datagrams both ways, by a seed.

Every client gets an upstream socket of its own. `move` gives all of them new ones, so that the server sees new
addresses; `is_partitioned` lets nothing through. A thread does the work; leaving the `with` block ends it. As a program:
relay.py HOST PORT [--loss P] [--duplicate P] [--reorder P] [--seed N] [--seconds S].
"""

import argparse
import collections
import heapq
import itertools
import random
import select
import socket
import threading
import time

CLIENTS_MAX = 64
QUEUE_MAX = 20000


class Relay:
    def __init__(self, server_port, loss=0.0, duplicate=0.0, reorder=0.0, delay=0.02, seed=1, seconds=300,
                 host="127.0.0.1"):
        self.server = (host, server_port)
        self.loss, self.duplicate, self.reorder, self.delay = loss, duplicate, reorder, delay
        self.is_partitioned = False
        self.random = random.Random(seed)
        self.seconds = seconds
        self.counts = collections.Counter()
        self.upstream = {}             # client address -> socket towards the server
        self.clients = {}              # that socket -> client address
        self.queue = []                # (due, order, send function)
        self.order = itertools.count()
        self.lock = threading.Lock()
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.address = ("127.0.0.1", self.port)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._is_over.set()
        self._thread.join(5)
        for opened in [self.front, *self.clients]:
            opened.close()

    def move(self):
        """From now on the server sees every client at a new address; what it sends to the old ones is lost."""
        with self.lock:
            for opened in self.clients:
                opened.close()
            self.clients.clear()
            self.upstream.clear()

    def _socket_of(self, client):
        opened = self.upstream.get(client)
        if opened is None:
            if len(self.upstream) >= CLIENTS_MAX:
                return None
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            opened.bind(("127.0.0.1", 0))
            self.upstream[client] = opened
            self.clients[opened] = client
        return opened

    def _pass(self, way, opened, datagram, address, now):
        self.counts[way] += 1
        self.counts[way + " bytes"] += len(datagram)
        copies = 2 if self.random.random() < self.duplicate else 1
        for _ in range(copies):
            if self.is_partitioned or self.random.random() < self.loss or len(self.queue) >= QUEUE_MAX:
                self.counts["lost"] += 1
                continue
            wait = self.random.random() * self.delay if self.random.random() < self.reorder else 0
            heapq.heappush(self.queue, (now + wait, next(self.order), opened, datagram, address))

    def _read(self, opened, now):
        while True:
            try:
                datagram, address = opened.recvfrom(65536, socket.MSG_DONTWAIT)
            except (BlockingIOError, ConnectionError):
                return
            if opened is self.front:
                upstream = self._socket_of(address)
                if upstream:
                    self._pass("up", upstream, datagram, self.server, now)
            elif opened in self.clients:
                self._pass("down", self.front, datagram, self.clients[opened], now)

    def _run(self):
        end = time.monotonic() + self.seconds
        while not self._is_over.is_set():
            now = time.monotonic()
            if now > end:
                return
            with self.lock:
                while self.queue and self.queue[0][0] <= now:
                    _, _, opened, datagram, address = heapq.heappop(self.queue)
                    try:
                        opened.sendto(datagram, address)
                    except OSError:  # moved meanwhile, or nobody listens there now
                        self.counts["lost"] += 1
                watched = [self.front, *self.clients]
                wait = min(0.02, max(0, self.queue[0][0] - now)) if self.queue else 0.02
            try:
                ready = select.select(watched, [], [], wait)[0]
            except (OSError, ValueError):  # a socket was closed by `move`
                continue
            with self.lock:
                for opened in ready:
                    if opened.fileno() >= 0:
                        self._read(opened, time.monotonic())


def main():
    parser = argparse.ArgumentParser(description="A lossy UDP relay; prints its port.")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--loss", type=float, default=0)
    parser.add_argument("--duplicate", type=float, default=0)
    parser.add_argument("--reorder", type=float, default=0)
    parser.add_argument("--delay", type=float, default=0.02)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=300)
    options = parser.parse_args()
    with Relay(options.port, options.loss, options.duplicate, options.reorder, options.delay, options.seed,
               options.seconds, options.host) as relay:
        print(f"relaying on 127.0.0.1:{relay.port}", flush=True)
        relay._thread.join()  # pylint: disable=protected-access


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: ISC
"""Two users at two hosts talk to a server at a third, over a link with loss, delay, duplication and reordering.

All that was accepted or queued arrives once and in order, whatever the link; how long it takes is a figure, not a test.
The cells of the matrix run side by side: most of their time is waiting.
"""

import concurrent.futures
import itertools
import time

import mms
import network
import pytest

SAMPLE_COUNT, SAMPLE_S = 10, 150   # messages each way in a cell, and the bound of its time
WHOLE_COUNT, WHOLE_S = 30, 1700
DISTURBED = {"duplicate": 0.3, "reorder": 0.3}
# 90 % is left to the whole matrix: a sign-in may take minutes there.
SAMPLE = [(0, 0.6, True), (0.1, 0.15, True), (0.5, 0.005, False), (0.5, 0.15, True), (0.75, 0.15, False)]
WHOLE = list(itertools.product((0, 0.1, 0.5, 0.75, 0.9), (0.005, 0.15, 0.6), (False, True)))


class Cell:
    """A conversation of fred, an `mms client`, and Tim, an `mms listen` with an `mms send` a message."""

    def __init__(self, directory, cell, count, bound):
        loss, delay, is_disturbed = cell
        self.name = f"loss {loss:4.0%}  delay {1000 * delay:3.0f} ms" + ("  doubled, reordered" if is_disturbed else "")
        self.count = count
        self.end = time.monotonic() + bound
        self.things = []
        directory /= f"{loss}-{delay}-{is_disturbed}"
        self.net = self.closing(network.Network(3, loss=loss, delay=delay, **(DISTURBED if is_disturbed else {})))
        self.server = self.closing(mms.Server(directory, host="10.77.0.1", options=["--open-claims"],
                                              prefix=self.net.hosts[0].prefix)).start()
        self.fred, self.tim = [
            self.closing(mms.Profile(directory, self.server.name, user, prefix=host.prefix))
            for user, host in zip(("fred", "Tim"), self.net.hosts[1:])]

    def closing(self, thing):
        self.things.append(thing)
        return thing

    def close(self):
        for thing in reversed(self.things):
            thing.close()

    def left(self):
        return max(1, self.end - time.monotonic())

    def talk(self):
        """Gives a line of figures."""
        began_at = time.monotonic()
        client, listener = self.fred.spawn("client"), self.tim.listen()
        client.type("signin fred")
        client.wait_for(lambda lines: any(line.startswith(">> Welcome fred") for line in lines), self.left())
        signed_in_s = time.monotonic() - began_at
        for i in range(self.count):
            client.type(f"send Tim fred {i}")
        queued = self.send_all_of_tim()
        listener.wait_for(lambda lines: len(lines) >= self.count, self.left())
        client.wait_for(lambda lines: sum(f"Tim: Tim {self.count - 1}" in line for line in lines), self.left())
        all_s = time.monotonic() - began_at
        client.end_input()
        assert client.wait(60) in (0, 75), str(client)
        assert mms.texts(listener) == [f"fred {i}" for i in range(self.count)], str(listener)
        of_tim = [line.split("Tim: ")[1] for line in client.lines if "Tim: " in line]
        assert of_tim == [f"Tim {i}" for i in range(self.count)], str(client)
        assert len([line for line in client.lines if "Welcome fred" in line]) == 1
        return f"{self.name:45s} signed in {signed_in_s:6.1f} s, all arrived {all_s:6.1f} s, queued {queued:2d}"

    def send_all_of_tim(self):
        """How many of them were queued when `mms send` ended."""
        def send(number):
            return self.tim.run("send", "--wait", "5", "fred", f"Tim {number}", timeout=40).returncode
        while (first := send(0)) == 69:  # nothing is kept before Tim has reached the server once
            assert self.left() > 1, "Tim has never reached the server"
        statuses = [first, *map(send, range(1, self.count))]
        assert set(statuses) <= {0, 75}, statuses
        return statuses.count(75)


def run_cell(directory, cell, count, bound):
    made = Cell(directory, cell, count, bound)
    try:
        line = made.talk()
    finally:
        made.close()
    return f"{line}, packets {made.net.counts['sent']}"


def run_cells(directory, cells, count, bound, figure):
    with concurrent.futures.ThreadPoolExecutor(len(cells)) as pool:
        running = [pool.submit(run_cell, directory, cell, count, bound) for cell in cells]
        for line in [one.result() for one in running]:
            figure(line)


def test_a_sample_of_the_matrix(tmp_path, figure):
    run_cells(tmp_path, SAMPLE, SAMPLE_COUNT, SAMPLE_S, figure)


@pytest.mark.long(seconds=WHOLE_S + 120)
def test_the_whole_matrix(tmp_path, figure):
    run_cells(tmp_path, WHOLE, WHOLE_COUNT, WHOLE_S, figure)

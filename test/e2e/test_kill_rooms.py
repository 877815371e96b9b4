# SPDX-License-Identifier: ISC
"""kill -9 of everything with rooms and several devices: what was accepted is on every device, once, in one order by the rows."""

import os

import kill_rooms
import pytest
import witness


@pytest.mark.parametrize("seconds", [float(os.environ.get("MMS_KILL_SECONDS", "60")),
                                     pytest.param(600.0, marks=pytest.mark.long(seconds=1200))])
def test_rooms_with_everybody_killed_in_a_loop(tmp_path, seconds):
    """MMS_KILL_SECONDS and MMS_KILL_SEED change the short one; kill_rooms.py is a program too."""
    seed = int(os.environ.get("MMS_KILL_SEED", "1"))
    loop = kill_rooms.RoomLoop(tmp_path, seed)
    try:
        loop.run(1_000_000, seconds)
    finally:
        print(f"kill_rooms.py --seed {seed}, for {seconds:.0f} s: {loop}")
    assert loop.witness.counts["accepted"] > loop.cycle_count() > 0


# a and b have a device each, both in #r; a wrote two messages and somebody had joined before.
SENT = [["reaches", "#r", ["a", "b"]], ["about", "a", "#r", 0, "zero"], ["about", "a", "#r", 1, "one"],
        ["about", "a", "b", 2, "two"], ["fate", "a", 0, "accepted"], ["fate", "a", 1, "accepted"]]
JOINED, ZERO, ONE = (1, "id j", 2, "b", "b"), (2, "id 0", 1, "a", "zero"), (3, "id 1", 1, "a", "one")


def in_all(*, a, b, a_text=("zero", "one"), b_text=("zero", "one")):
    """Records of what each of two devices has, as rows and as messages; b was shown what it has."""
    return [*[["row", device, "#r", *row] for device, rows in (("a", a), ("b", b)) for row in rows],
            *[["transcript", "a", "a", text] for text in a_text], *[["transcript", "b", "a", text] for text in b_text],
            *[["printed", "b", 0, "a", text] for text in b_text]]


@pytest.mark.parametrize("records, word", [
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, ZERO, ONE]), None),
    (in_all(a=[JOINED, ZERO, ONE], b=[ZERO, ONE]), None),   # b may see nothing from before
    (in_all(a=[JOINED, ONE, ZERO], b=[JOINED, ZERO, ONE]), None),  # filled later
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, ZERO, ONE], a_text=["zero"]), "a lacks"),
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, ZERO, ONE], b_text=["zero"]), "b lacks"),
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, ZERO, ONE], b_text=["zero", "one", "one"]), "b has 2 times"),
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, ZERO]), "b has not each row"),
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, ONE]), "b has not each row"),
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, ZERO, ZERO, ONE]), "b has not each row"),
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, (2, *ONE[1:]), (3, *ZERO[1:])]), "where another device has"),
    (in_all(a=[JOINED, ZERO, ONE], b=[JOINED, (2, "", 0, "", "a gap of 1"), ONE]), "where another device has"),
    (in_all(a=[JOINED, ZERO, ONE, (4, *ONE[1:])], b=[JOINED, ZERO, ONE, (4, *ONE[1:])]), "in two rows"),
    (in_all(a=[JOINED, (2, *ONE[1:]), (3, *ZERO[1:])], b=[JOINED, (2, *ONE[1:]), (3, *ZERO[1:])]), "out of order, in row 3"),
    (in_all(a=[JOINED, ZERO, ONE, (4, "id 2", 1, "a", "two")], b=[JOINED, ZERO, ONE, (4, "id 2", 1, "a", "two")]), "was for b"),
    (in_all(a=[JOINED, ZERO, ONE, (4, "id x", 1, "a", "x")], b=[JOINED, ZERO, ONE, (4, "id x", 1, "a", "x")]), "was for None")])
def test_the_witness_sees_each_breach_of_a_room(records, word):
    found, _ = witness.breaches_of(SENT + records)
    assert (not found) if word is None else any(word in breach for breach in found), found


PERSON = [["reaches", "p", ["p.1", "p.2"]], ["about", "a", "p", 0, "zero"], ["about", "b", "p", 0, "nought"],
          *[["transcript", "p.1", sender, text] for sender, text in (("a", "zero"), ("b", "nought"))],
          *[["printed", "p.1", 0, sender, text] for sender, text in (("a", "zero"), ("b", "nought"))]]


@pytest.mark.parametrize("second, word", [
    ([("a", "zero"), ("b", "nought")], None), ([("a", "zero")], None), ([("b", "nought"), ("a", "zero")], "another device of p")])
def test_the_witness_sees_another_order_on_another_device(second, word):
    found, _ = witness.breaches_of(PERSON + [[what, "p.2", *life, *entry] for what, life in (("transcript", []), ("printed", [0]))
                                             for entry in second])
    assert (not found) if word is None else any(word in breach for breach in found), found

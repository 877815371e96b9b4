# SPDX-License-Identifier: ISC
"""Who comes and goes: the second client, written from doc/protocol.md alone, against the real server."""

import time

import mms_calls as calls
import mms_wire as wire
import pytest
from mms_rooms import RoomDevice


@pytest.fixture(name="watcher")
def fixture_watcher(closing):
    """watcher(server, name) is a device that knows WATCH, signed in."""
    return lambda server, name: closing(RoomDevice(server.address, name)).connect()


def test_who_comes_and_goes_is_told(server, watcher, device):
    fred = watcher(server, "fred")
    assert fred.watch("Tim", "nobody", "FRED") == [(0, 0), (0, 0), (calls.ONLINE, 0)]
    tim = device(server, "Tim").connect()
    fred.run_until(lambda: fred.told, 5)
    assert fred.told == [(calls.PRESENCE, (calls.Presence(calls.ONLINE, 0), "Tim"))]
    tim.sign_out()
    fred.run_until(lambda: len(fred.told) == 2, 15)  # of one name every 10 s
    (what, (presence, name)) = fred.told[1]
    assert (what, presence.flags, name) == (calls.PRESENCE, 0, "Tim") and abs(presence.heard_at / 1000 - time.time()) < 60


def test_first_forgets_those_of_before(server, watcher, device):
    fred = watcher(server, "fred")
    assert fred.watch("Tim") == fred.watch("libero") == [(0, 0)]
    device(server, "Tim").connect()
    device(server, "libero").connect()
    fred.run_until(lambda: fred.told, 5)  # Tim came first, and would be told first
    assert [name for _, (_, name) in fred.told] == ["libero"]


def test_more_than_a_session_may_watch(make_server, watcher):
    server = make_server([f"user{i}" for i in range(70)])
    first = watcher(server, "user0")
    names = [f"user{i}" for i in range(1, 66)]
    assert first.watch(*names[:64]) is not None
    assert first.call(calls.WATCH, calls.watch_body(0, names[:1])) == (wire.OK, calls.watch_ok_body((0, 0)))  # it is there
    assert first.call(calls.WATCH, calls.watch_body(0, names[64:])) == (wire.LIMIT, b"")
    assert first.call(calls.WATCH, calls.watch_body(calls.FIRST, [])) == (wire.OK, calls.watch_ok_body())
    assert first.watch(*names[1:]) is not None


@pytest.mark.parametrize("body", [b"", b"\x00", calls.watch_body(0, ["a"])[:-1], calls.watch_body(0, ["a"]) + b"x",
                                  calls.watch_body(0, ["a"] * 65), calls.watch_body(0, ["#a"]), calls.watch_body(0, [""])])
def test_what_no_watch_is(server, watcher, body):
    assert watcher(server, "fred").call(calls.WATCH, body) == (wire.BAD, b"")

# SPDX-License-Identifier: ISC
"""The test vectors hold, and spec_check.py would notice if they did not."""

import copy
import json

import mms_wire as wire
import pytest
import spec_check


@pytest.fixture(name="vectors")
def fixture_vectors():
    return json.loads(spec_check.VECTORS.read_text(encoding="utf-8"))


def test_vectors_and_examples(vectors):
    assert spec_check.check(vectors) >= 40
    spec_check.check_examples(spec_check.DOCUMENT.read_text(encoding="utf-8"), vectors)


def test_any_byte_that_differs_is_noticed(vectors):
    for place, entry in enumerate(vectors["datagrams"]):
        if entry["name"] in ("HELLO", "DATA for no session"):
            continue  # the one's nonce and the other's seal may be anything
        for at in range(len(entry["datagram"]) // 2):
            changed = copy.deepcopy(vectors)
            raw = bytearray.fromhex(entry["datagram"])
            raw[at] ^= 1
            changed["datagrams"][place]["datagram"] = raw.hex()
            if place and entry["name"] == "RETRY" and at >= 9:
                continue  # the cookie is opaque; the INIT after it would differ
            with pytest.raises(spec_check.Wrong):
                spec_check.check(changed)


def check_frames(vectors):
    spec_check.check_frames(vectors, {wire.SIGNIN: set()})


def changed_frame(vectors, place, frame):
    changed = copy.deepcopy(vectors)
    changed["frames"][place]["frame"] = frame.hex()
    return changed


def test_any_byte_of_a_frame_that_differs_is_noticed(vectors):
    document = spec_check.DOCUMENT.read_text(encoding="utf-8")
    for place, entry in enumerate(vectors["frames"]):
        for at in range(len(entry["frame"]) // 2):
            raw = bytearray.fromhex(entry["frame"])
            raw[at] ^= 1
            changed = changed_frame(vectors, place, raw)
            with pytest.raises(spec_check.Wrong):
                check_frames(changed)
                spec_check.check_examples(document, changed)


@pytest.mark.parametrize("change", [lambda body: body[:-1], lambda body: body + b"\0"])
def test_a_body_that_is_cut_short_or_too_long_is_noticed(vectors, change):
    for place, entry in enumerate(vectors["frames"]):
        (frame,), _ = wire.frames_decode(bytes.fromhex(entry["frame"]))
        if not frame.body:
            continue
        frame = frame._replace(body=change(frame.body))
        made = wire.call_frame(*frame) if isinstance(frame, wire.Call) else wire.answer_frame(*frame)
        with pytest.raises(spec_check.Wrong):
            check_frames(changed_frame(vectors, place, made))


def test_a_frame_that_is_missing_is_noticed(vectors):
    for name in ("WATCH", "JOIN ROOM_FULL", "NOTICE PRESENCE", "ADD BLOCKED"):
        changed = {**vectors, "frames": [entry for entry in vectors["frames"] if entry["name"] != name]}
        with pytest.raises(spec_check.Wrong):
            spec_check.check(changed)


@pytest.mark.parametrize("place", [16, 20, 24])
def test_a_datagram_that_is_missing_is_noticed(vectors, place):
    del vectors["datagrams"][place]
    with pytest.raises(spec_check.Wrong):
        spec_check.check(vectors)


@pytest.mark.parametrize("name", ["device_secret", "server_secret", "device_ephemeral_secret", "handshake_hash",
                                  "device_to_server_key", "server_to_device_key"])
def test_any_secret_that_differs_is_noticed(vectors, name):
    raw = bytearray.fromhex(vectors[name])
    raw[8] ^= 1
    with pytest.raises(spec_check.Wrong):
        spec_check.check({**vectors, name: raw.hex()})


def test_another_example_is_noticed(vectors):
    document = spec_check.DOCUMENT.read_text(encoding="utf-8")
    at = document.index("06 6c 69 62 65 72 6f")
    with pytest.raises(spec_check.Wrong):
        spec_check.check_examples(document[:at] + "07" + document[at + 2:], vectors)

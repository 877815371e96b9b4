# SPDX-License-Identifier: ISC
"""The test vectors hold, and spec_check.py would notice if they did not."""

import copy
import json

import pytest
import spec_check


@pytest.fixture(name="vectors")
def fixture_vectors():
    return json.loads(spec_check.VECTORS.read_text(encoding="utf-8"))


def test_vectors_and_examples(vectors):
    assert spec_check.check(vectors) >= 38
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


def test_any_byte_of_a_frame_that_differs_is_noticed(vectors):
    for place, entry in enumerate(vectors["frames"]):
        for at in range(len(entry["frame"]) // 2):
            changed = copy.deepcopy(vectors)
            raw = bytearray.fromhex(entry["frame"])
            raw[at] ^= 1
            changed["frames"][place]["frame"] = raw.hex()
            with pytest.raises((spec_check.Wrong, ValueError)):
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

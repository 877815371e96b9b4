# SPDX-License-Identifier: ISC
"""The second client tried by itself: its Noise by public vectors, its sessions against a server played in Python."""

import pathlib

import mms_wire as wire
import pytest
from mms_client import Device, Stopped
from mms_fake_server import FakeServer
from mms_noise import BadMessage, Handshake, KeyPair, unseal
from mms_session import Replay

VECTORS = pathlib.Path("/usr/share/gocode/src/github.com/flynn/noise/vectors.txt")  # golang-github-flynn-noise-dev


def vectors():
    for block in VECTORS.read_text(encoding="ascii").split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if fields.pop("handshake", None) == "Noise_IK_25519_ChaChaPoly_BLAKE2b":
            yield {name: bytes.fromhex(value) for name, value in fields.items()}


def test_noise_vectors():
    found = list(vectors())
    assert len(found) == 4
    for vector in found:
        prologue = vector.get("prologue", b"")
        server_static = KeyPair(vector["resp_static"])
        device = Handshake(KeyPair(vector["init_static"]), prologue, server_static.public,
                           KeyPair(vector["gen_init_ephemeral"]))
        server = Handshake(server_static, prologue, ephemeral=KeyPair(vector["gen_resp_ephemeral"]))
        first = device.write_1(vector["msg_0_payload"])
        assert first == vector["msg_0_ciphertext"] and server.read_1(first) == vector["msg_0_payload"]
        second = server.write_2(vector["msg_1_payload"])
        assert second == vector["msg_1_ciphertext"] and device.read_2(second) == vector["msg_1_payload"]
        assert device.hash == server.hash and device.keys == server.keys[::-1]
        assert unseal(device.keys[0], 0, b"", vector["msg_2_ciphertext"]) == vector["msg_2_payload"]
        assert unseal(device.keys[1], 0, b"", vector["msg_3_ciphertext"]) == vector["msg_3_payload"]


def test_low_order_point_fails():
    with pytest.raises(BadMessage):
        Handshake(KeyPair(), b"", bytes(32)).write_1(b"")


def test_sizes_of_the_handshake():
    server = KeyPair()
    message = Handshake(KeyPair(), b"MMS\x01", server.public).write_1(wire.init_payload(7))
    assert len(message) == 238 and wire.size_is_right(wire.init(message))


@pytest.mark.parametrize("counters, last, fresh", [
    ([], 0, True), ([0], 0, False), ([5], 3, True), ([5, 3], 3, False), ([600], 344, False), ([600], 345, True),
    ([2 ** 64 - 2], 2 ** 64 - 3, True), ([2 ** 64 - 2], 0, False), ([], 2 ** 64 - 1, False)])
def test_replay_window(counters, last, fresh):
    replay = Replay()
    for counter in counters:
        assert replay.is_fresh(counter)
        replay.take(counter)
    assert replay.is_fresh(last) == fresh


@pytest.mark.parametrize("data, count, whole", [
    (b"", 0, True), (b"\x00\xff", 0, True), (wire.call_frame(1, 5, b"ab") + b"\x00", 1, True), (b"\x09", 0, False),
    (wire.call_frame(1, 5, b"") + b"\x01", 1, False), (wire.answer_frame(1, 64, 1), 1, True),
    (wire.answer_frame(1, 65, 1), 0, False), (wire.call_frame(0, 5, b""), 0, False), (b"\x03" + bytes(7), 0, False)])
def test_frames(data, count, whole):
    frames, is_whole = wire.frames_decode(data)
    assert (len(frames), is_whole) == (count, whole)


@pytest.mark.parametrize("retries", [False, True])
def test_conversation_with_a_played_server(retries):
    with FakeServer(retries=retries) as server, Device(server.address, "a") as one, Device(server.address, "b") as two:
        one.connect()
        two.connect()
        sent = [one.submit("b", str(i)) for i in range(200)]
        one.run_until(lambda: all(message.status for message in sent), 10)
        two.run_until(lambda: len(two.transcript) == 200, 10)
        assert two.texts() == [str(i) for i in range(200)]
        assert one.who() == [("a", True), ("b", True)]
        one.sign_out()


@pytest.mark.parametrize("code", [None, "B" * 22])
def test_a_server_that_does_not_know_the_invite_is_left(code):
    with FakeServer(code=code) as server, Device(server.address, "a", invite="A" * 22) as device:
        with pytest.raises(Stopped, match="bad proof"):
            device.connect()
        assert device.server_key is None
